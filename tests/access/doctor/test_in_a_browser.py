"""The doctor's page in a real browser: wide and narrow, light and dark, before a broken proxy and a good one."""

import os
from typing import Any

import pytest

from harborweb.access.board import workshop as board
from harborweb.access.doctor import workshop
from harborweb.accounts.roles import Role
from harborweb.jobs.models import Job
from harborweb.jobs.run import perform
from tests.access.doctor.conftest import Proxy
from tests.access.doctor.test_broken import PASS, PROTO
from tests.access.doctor.test_pages import PAGE, examined, known, quick  # noqa: F401
from tests.browser import NARROW, WIDE, Watched, chromium, page, sign_in  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
BREAKS = {
    "a scheme that is lost": ((PROTO, ""),),
    "nothing": (),
    "another site": ((PASS, "location / { return 404; }\nlocation /harbor/ {"),),
}


@pytest.mark.parametrize("name", BREAKS)
def test_the_page_looks_well(
    page: Watched,  # noqa: F811
    live_server: Any,
    person: Any,
    client: Any,
    proxy: Proxy,
    redis_settings: str,
    name: str,
) -> None:
    user = person(Role.OPERATOR)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    examined(client, proxy, *BREAKS[name])
    sign_in(page, live_server, user)
    for width, height in (WIDE, (900, 900), NARROW):
        for scheme in ("light", "dark"):
            page.size(width, height, scheme)
            page.goto(live_server.url + PAGE)
            page.wait_for_load_state("networkidle")
            page.locator("details.rest > summary").click()
            page.look_well()
            assert page.barriers() == []
            if folder := os.environ.get("SHOTS"):
                page.wait_for_timeout(200)
                page.screenshot(path=f"{folder}/{name.replace(' ', '-')}-{width}-{scheme}.png", full_page=True)
    hops = page.locator(".hop-box").all()
    tops = [hop.bounding_box()["y"] for hop in hops]
    assert tops == sorted(tops) and len(set(tops)) == 4  # one under the other
    page.locator("#visitor", has_text="the same way works").wait_for()


def test_another_proxy_is_a_link(
    page: Watched,  # noqa: F811
    live_server: Any,
    person: Any,
    client: Any,
    proxy: Proxy,
    redis_settings: str,
) -> None:
    user = person(Role.SIGNER)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    examined(client, proxy, (PROTO, ""))
    sign_in(page, live_server, user)
    page.goto(live_server.url + PAGE)
    page.get_by_role("link", name="HAProxy").click()
    marked = page.locator(".excerpt-line.is-marked")
    assert "http-request set-header X-Forwarded-Proto https if { ssl_fc }" in marked.inner_text()


def test_asking_shows_both_jobs_at_once(
    page: Watched,  # noqa: F811
    live_server: Any,
    person: Any,
    proxy: Proxy,
    redis_settings: str,
) -> None:
    known(proxy, "https://registry.lab.test")
    sign_in(page, live_server, person(Role.SIGNER))
    page.goto(live_server.url + PAGE)
    page.get_by_label("Ask at this address").fill("127.0.0.1")
    page.get_by_role("button", name="Ask like this").click()
    page.locator(".job").nth(1).wait_for()
    page.wait_for_load_state("networkidle")
    assert page.locator(".job").count() == 2
    page.look_well()
    assert page.barriers() == []
    perform(Job.objects.get(kind="doctor").pk, workshop.examine)
    page.locator(".hop-box").nth(3).wait_for()  # the page came anew by itself
    assert page.locator(".job").count() == 1
    assert "docker login fails" in page.locator(".title").inner_text()
    perform(Job.objects.get(kind="board").pk, board.look)
    page.locator(".job").wait_for(state="detached")
    page.look_well()
