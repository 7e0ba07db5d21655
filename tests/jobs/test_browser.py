"""The live log in a real Chromium."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from harborweb.accounts.roles import Role
from harborweb.errors import Problem
from harborweb.jobs.models import Job
from harborweb.jobs.run import Run, perform
from tests.browser import NARROW, Watched, chromium, page, sign_in  # noqa: F401 - fixtures
from tests.jobs.conftest import make_job, until

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


class Show:
    """A job in a thread that writes what it is told to."""

    def __init__(self) -> None:
        self.job = make_job(title="Deploy revision 15")
        self.run: Run | None = None
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._perform)

    def _perform(self) -> None:
        perform(self.job.pk, self._work)
        connection.close()

    def _work(self, run: Run) -> None:
        run.step(1, 3, "Check")
        self.run = run
        while not self.over.wait(0.02):
            run.check()
        raise Problem("nginx could not start: port 8080 is taken.", "Choose another port.")

    def start(self) -> Run:
        self.thread.start()
        until(lambda: self.run)
        assert self.run is not None
        return self.run

    def end(self) -> None:
        self.over.set()
        if self.thread.ident:
            self.thread.join()


@pytest.fixture
def show() -> Iterator[Show]:
    made = Show()
    yield made
    made.end()


@pytest.fixture
def window(page: Watched, live_server: Any, person: Any, show: Show) -> Watched:  # noqa: F811
    """A signer's window at the job's page."""
    sign_in(page, live_server, person(Role.SIGNER))
    page.goto(f"{live_server.url}/jobs/{show.job.pk}/")
    return page


def below(log: Any) -> int:
    """How many pixels of the log are below what is shown."""
    return int(log.evaluate("e => Math.round(e.scrollHeight - e.scrollTop - e.clientHeight)"))


def test_a_live_job_from_waiting_to_failed(window: Watched, show: Show) -> None:
    assert window.locator("h1").inner_text() == "Deploy revision 15"
    run = show.start()
    window.get_by_text("1 Check").first.wait_for()
    window.get_by_text("Running", exact=True).wait_for()
    took = []
    for number in range(4):
        began = time.monotonic()
        run.line(f"a line, the {number}th")
        window.get_by_text(f"a line, the {number}th").wait_for()
        took.append(time.monotonic() - began)
    assert min(took) < 1  # the best one: the machine may be busy with other things
    window.look_well()

    log = window.locator("[role=log]")
    for number in range(100):
        run.line(f"line no {number}.")
    window.get_by_text("line no 99.").wait_for()
    until(lambda: below(log) <= 1)
    log.evaluate("e => { e.scrollTop = 40 }")
    run.line("a late line")
    window.get_by_text("a late line").wait_for()
    assert log.evaluate("e => e.scrollTop") == 40  # who reads stays where they are

    window.reload()
    window.get_by_text("a late line").wait_for()
    until(lambda: below(log) <= 1)

    asked: list[str] = []
    window.page.on("request", lambda request: asked.append(request.url))
    show.end()
    window.get_by_text("Choose another port.").wait_for()
    window.get_by_text("Failed", exact=True).wait_for()
    assert window.get_by_role("button", name="Stop").count() == 0
    assert window.locator(".log-ask").count() == 0
    asked.clear()
    window.wait_for_timeout(4000)
    assert asked == []
    window.size(*NARROW)
    window.look_well()


def test_stop_by_a_click(window: Watched, show: Show) -> None:
    show.start()
    window.get_by_role("button", name="Stop").click()
    window.get_by_text("Stopped by person-2", exact=True).wait_for()
    assert Job.objects.get(pk=show.job.pk).state == "stopped"
    window.look_well()


def test_without_javascript_the_page_shows_what_is_there(
    chromium: Any,  # noqa: F811
    live_server: Any,
    person: Any,
    show: Show,
) -> None:
    context = chromium.new_context(java_script_enabled=False)
    still = Watched(context.new_page())
    sign_in(still, live_server, person(Role.VIEWER))
    run = show.start()
    run.line("it goes on")
    until(lambda: show.job.log.filter(text="it goes on").exists())
    still.goto(f"{live_server.url}/jobs/{show.job.pk}/")
    assert still.get_by_text("it goes on").is_visible() and still.get_by_role("link", name="Reload").is_visible()
    context.close()


def test_a_link_to_a_line_of_a_folded_step(window: Watched, live_server: Any, show: Show) -> None:
    streams = ["step", *["out"] * 40, "step", "out"]
    Job.objects.filter(pk=show.job.pk).update(
        state="succeeded", started=timezone.now(), finished=timezone.now(), lines=len(streams), step=2, steps=2
    )
    for number, stream in enumerate(streams, 1):
        show.job.log.create(number=number, at=timezone.now(), stream=stream, text=f"{number} is here.")
    window.goto(f"{live_server.url}/jobs/{show.job.pk}/")
    # exactly: a time that ends in :40:1 makes "…:40:143 is here." of line 3
    assert not window.get_by_text("20 is here.", exact=True).is_visible()
    assert window.get_by_text("43 is here.", exact=True).is_visible()
    window.goto(f"{live_server.url}/jobs/{show.job.pk}/#job-{show.job.pk}-20")
    window.reload()
    window.get_by_text("20 is here.", exact=True).wait_for()
    window.goto(f"{live_server.url}/jobs/")
    window.look_well()
    window.size(*NARROW)
    window.look_well()
