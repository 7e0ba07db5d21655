"""Every page of a Harbor in a real Chromium: wide and narrow, light and dark, by keyboard and without JavaScript."""

import os
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from harborweb.accounts.roles import Role
from harborweb.registry.models import Registry
from harborweb.signing.models import CosignFound
from tests.browser import NARROW, WIDE, Watched, sign_in
from tests.store.harbor.conftest import Filled

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PICTURES = os.environ.get("HARBORWEB_PICTURES")  # a folder, for looking at them


def addresses(lab: Registry, filled: Filled) -> dict[str, str]:
    def artifact(name: str, digest: str) -> str:
        return reverse("store:artifact", args=[lab.pk, name, digest])

    repository = reverse("store:repository", args=[lab.pk, "platform/app"])
    return {
        "projects": reverse("store:projects", args=[lab.pk]),
        "new-project": reverse("store:project_add", args=[lab.pk]),
        "store": reverse("store:store", args=[lab.pk]),
        "store-nothing": reverse("store:store", args=[lab.pk]) + "?q=nothing",
        "repositories": reverse("store:repositories", args=[lab.pk, "platform"]),
        "cache": reverse("store:repositories", args=[lab.pk, "hub"]),
        "repository": repository,
        "findings": repository + "?verdict=findings",
        "beyond": repository + "?page=9",
        "artifact": artifact("platform/app", filled.app) + "?tag=2.0",
        "index": artifact("platform/multi", filled.index) + "?tag=1.0",
        "held": artifact("trust/held", filled.held) + "?tag=1",
        "refused": reverse("store:repositories", args=[lab.pk, "nobody"]),
    }


def test_every_page_fits_is_silent_and_can_be_used(
    page: Watched, live_server: Any, person: Any, swept: Registry, filled: Filled
) -> None:
    CosignFound.objects.create(host="here", version="3.1.2", path="/usr/bin/cosign")
    sign_in(page, live_server, person(Role.ADMINISTRATOR))
    barriers = {}
    for name, address in addresses(swept, filled).items():
        page.goto(live_server.url + address)
        for size, scheme in ((WIDE, "light"), (WIDE, "dark"), (NARROW, "light"), (NARROW, "dark")):
            page.size(*size, scheme)
            page.look_well()
            if PICTURES:
                page.screenshot(path=Path(PICTURES) / f"{name}-{size[0]}-{scheme}.png", full_page=True)
        barriers[name] = page.barriers()
    assert {name: found for name, found in barriers.items() if found} == {}


def test_from_the_store_to_a_command_by_clicks(
    page: Watched, live_server: Any, person: Any, swept: Registry, filled: Filled
) -> None:
    sign_in(page, live_server, person(Role.VIEWER))
    page.goto(live_server.url + reverse("store:projects", args=[swept.pk]))
    page.get_by_role("link", name="Store", exact=True).click()
    page.get_by_role("searchbox").fill("app")
    page.keyboard.press("Enter")
    page.get_by_text("team/web/front").wait_for(state="detached")
    page.get_by_role("link", name="Run platform/app").click()
    page.get_by_text("docker run -d --name app").wait_for()
    page.get_by_text("Or with compose").click()
    page.get_by_text("services:").wait_for()
    page.get_by_role("link", name="All artifacts").click()
    page.get_by_role("link", name="Trusted 1").click()
    page.get_by_role("link", name="2.0", exact=True).wait_for(state="detached")
    page.get_by_role("link", name="1.0", exact=True).click()
    page.wait_for_url(f"**{filled.old}/?tag=1.0")
    page.look_well()


def test_the_request_of_a_new_project_follows_what_is_typed(
    page: Watched, live_server: Any, person: Any, swept: Registry, filled: Filled
) -> None:
    sign_in(page, live_server, person(Role.OPERATOR))
    page.goto(live_server.url + reverse("store:project_add", args=[swept.pk]))
    page.get_by_label("Name", exact=True).fill("fresh-by-click")
    page.get_by_label("Quota in GiB").fill("3")
    page.get_by_text('"storage_limit": 3221225472').wait_for()
    page.get_by_label("Harbor user name").fill("admin")
    page.get_by_label("Password").fill(filled.harbor.admin[1])
    page.get_by_role("button", name="Make the project in Harbor").click()
    page.get_by_text("Harbor made the project fresh-by-click.").wait_for()
    assert filled.harbor.state.project("fresh-by-click") is not None
    page.look_well()


def test_without_javascript(chromium: Any, live_server: Any, person: Any, swept: Registry, filled: Filled) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, live_server, person(Role.VIEWER))
    page.goto(live_server.url + reverse("store:repository", args=[swept.pk, "platform/app"]))
    page.get_by_role("searchbox").fill("1.0")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=1.0*")
    assert page.get_by_role("link", name="latest", exact=True).count() == 0
    page.get_by_role("link", name="1.0", exact=True).first.click()
    page.get_by_text("docker pull").first.wait_for()
    context.close()
