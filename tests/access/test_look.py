"""The pages of access as a browser shows them."""

import os
from pathlib import Path
from typing import Any

import pytest

from harborweb.access.dns.recipes import SERVERS
from harborweb.access.recipes.proxies import PROXIES
from harborweb.accounts.roles import Role
from harborweb.configuration import services
from tests.access.samples import TEXT, saved
from tests.browser import NARROW, WIDE, Watched, chromium, page, sign_in  # noqa: F401 - fixtures

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SHOTS = os.environ.get("SHOTS")


def look(page: Watched, name: str) -> None:  # noqa: F811
    for size, scheme in ((WIDE, "light"), (NARROW, "dark"), *(((WIDE, "dark"), (NARROW, "light")) if SHOTS else ())):
        page.size(*size, scheme)
        page.look_well()
        assert page.barriers() == []
        if SHOTS:
            page.screenshot(path=str(Path(SHOTS) / f"{name}-{size[0]}-{scheme}.png"), full_page=True)
    page.size(*WIDE)


def test_recipes_read_well(page: Watched, live_server: Any, person: Any) -> None:  # noqa: F811
    saved(TEXT.replace("port: 80\n", "port: 8080\n"))
    sign_in(page, live_server, person(Role.OPERATOR))
    page.goto(f"{live_server.url}/access/")
    look(page, "home")
    for proxy in PROXIES if SHOTS else ("nginx", "traefik-docker", "proxy-manager"):
        page.goto(f"{live_server.url}/access/proxy/{proxy}/")
        look(page, proxy)


def test_names_read_well(page: Watched, live_server: Any, person: Any) -> None:  # noqa: F811
    sign_in(page, live_server, person(Role.VIEWER))
    page.goto(f"{live_server.url}/access/names/dnsmasq/")
    look(page, "names-empty")
    for server in SERVERS if SHOTS else ("dnsmasq", "bind-policy", "pi-hole"):
        page.goto(
            f"{live_server.url}/access/names/{server}/?asked=1&name=registry.lab.example&ipv4=192.168.20.5&ipv6=fd00::5&ttl=300"
        )
        look(page, server)
    page.goto(f"{live_server.url}/access/names/dnsmasq/?asked=1&name=harbor.local&ipv4=127.0.0.1&ttl=0")
    look(page, "names-error")


def test_a_recipe_is_changed_and_its_keys_go_into_the_draft(page: Watched, live_server: Any, person: Any) -> None:  # noqa: F811
    saved(TEXT)
    sign_in(page, live_server, person(Role.OPERATOR))
    page.goto(f"{live_server.url}/access/proxy/nginx/")
    page.get_by_label("Harbor’s address").fill("10.0.0.5; }")
    page.get_by_role("button", name="Write the recipe").click()
    page.get_by_text("This is no host name.").wait_for()
    look(page, "error")
    page.get_by_label("Harbor’s address").fill("10.0.0.5")
    page.get_by_label("Harbor’s port").fill("8080")
    page.get_by_label("TLS to Harbor").uncheck()
    page.get_by_role("button", name="Write the recipe").click()
    page.get_by_text("proxy_pass http://10.0.0.5:8080;").first.wait_for()
    page.get_by_role("button", name="Put these into the draft").click()
    page.get_by_role("link", name="Review the draft").wait_for()
    look(page, "keys")
    draft = services.current_draft()
    assert draft is not None and "external_url: https://registry.example" in draft.text()
