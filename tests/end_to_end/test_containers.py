"""The log of a container stays live while a job keeps the host worker's only place; by clicks in a real browser."""

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from harborweb.accounts.roles import Role
from harborweb.jobs.models import Job
from tests.browser import NARROW, Watched, chromium, page, sign_in  # noqa: F401 - fixtures
from tests.deployment.conftest import practice_tgz  # noqa: F401 - a fixture
from tests.deployment.test_containers_live import CHATTY, DEAF, TYPED, Place, place, until  # noqa: F401 - a fixture
from tests.end_to_end.test_deploy import host_worker  # noqa: F401 - a fixture

pytestmark = [pytest.mark.docker, pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def busy(place: Place) -> Iterator[Place]:  # noqa: F811
    """A container whose start takes the host worker a minute: its health check never holds."""
    place.chatty()
    failing = ("--health-cmd", "/practice health http://127.0.0.1:1/", "--health-interval", "1s")
    (place.folder / "front.conf").write_text("upstream http://127.0.0.1:1\nhostname x\n")
    options = (*failing, "-v", f"{place.folder}:/etc/front")
    place.run(DEAF, "/practice", "front", options=options, verb="create")
    yield place
    subprocess.run(["docker", "stop", "-t", "1", DEAF], capture_output=True)


def test_logs_are_live_while_the_host_worker_is_busy(
    page: Watched,  # noqa: F811
    live_server: Any,
    person: Callable[..., Any],
    busy: Place,
    host_worker: Any,  # noqa: F811
    tmp_path: Path,
) -> None:
    sign_in(page, live_server, person(Role.OPERATOR))
    page.goto(live_server.url + reverse("deployment:containers"))
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader").filter(has_text=DEAF))
    expect(row.get_by_text("It was made and never started.", exact=True)).to_be_visible()
    page.goto(live_server.url + reverse("deployment:container", args=[DEAF]))
    page.get_by_role("link", name="Start…", exact=True).click()
    page.get_by_role("button", name=f"Start {DEAF}", exact=True).click()
    expect(page.page).to_have_url(re.compile(r"/jobs/\d+/$"))
    job = Job.objects.get(kind="container")
    until(lambda: Job.objects.get(pk=job.pk).step == 3)  # it waits, and no other job of the host can begin

    page.goto(live_server.url + reverse("deployment:container", args=[CHATTY]))
    log = page.get_by_role("log")
    expect(log.get_by_text("listening on", exact=False).first).to_be_visible()
    busy.ask(f"/v2/while-busy/manifests/{TYPED}")
    expect(log.get_by_text(re.compile(r"GET /v2/while-busy/manifests/•••")).first).to_be_visible()
    assert Job.objects.get(pk=job.pk).state == Job.State.RUNNING
    assert TYPED not in page.content()

    page.get_by_role("searchbox", name="Find in this log", exact=True).fill("while-busy")
    page.get_by_role("button", name="Filter", exact=True).click()
    expect(log.locator("mark").first).to_have_text("while-busy")
    expect(log.get_by_text("listening on")).to_have_count(0)
    page.get_by_role("link", name="Pause", exact=True).click()
    expect(page.get_by_role("link", name="Go on", exact=True)).to_be_visible()
    busy.ask("/v2/while-busy-and-paused/manifests/1")
    page.get_by_role("link", name="Go on", exact=True).click()
    expect(log.get_by_text("while-busy-and-paused", exact=False).first).to_be_visible()
    page.look_well()
    page.size(*NARROW)
    page.look_well()
    page.goto(live_server.url + reverse("deployment:containers"))
    expect(page.get_by_role("link", name=CHATTY, exact=True)).to_be_visible()
    page.look_well()
    assert page.barriers() == []

    Job.objects.filter(pk=job.pk).update(stop_requested_by="test")
    until(lambda: Job.objects.get(pk=job.pk).settled)
