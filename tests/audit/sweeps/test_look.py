"""The page of sweeps in a browser: it looks well at each size, says what runs, and is set by its form."""

import os
from collections.abc import Callable
from datetime import time, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from harborweb.accounts.roles import Role
from harborweb.audit.models import Part, Schedule, Sweep
from harborweb.audit.sweeps import scheduling
from harborweb.jobs.models import Job
from harborweb.registry.models import Registry
from tests.browser import NARROW, WIDE, Watched, chromium, page, sign_in  # noqa: F401 - fixtures

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PICTURES = os.environ.get("HARBORWEB_PICTURES")


@pytest.fixture
def lab(transactional_db: None) -> Registry:
    """A registry with sweeps that ran, one that was lost, and one that runs."""
    registry = Registry.objects.create(name="lab", url="http://127.0.0.1:9", allow_http=True)
    scheduling.put(registry, Schedule.Kind.CHANGED, scheduling.Wanted("hourly", time(0, 5)))
    now = timezone.now()

    def sweep(hours: int, seconds: float, state: str, **more: Any) -> Sweep:
        job = Job.objects.create(
            kind="sweep", title="Sweep lab", subject="lab", queue="default", task="none", who_name="ada", state=state,
            started=now - timedelta(hours=hours), heartbeat=now + timedelta(hours=1),
        )  # fmt: skip
        this = Sweep.objects.create(registry=registry, job=job, asked=job.started)
        ended = job.started + timedelta(seconds=seconds) if seconds else None
        Sweep.objects.filter(pk=this.pk).update(started=job.started, finished=ended, **more)
        return this

    counts = {"artifacts": 412, "counts": {"trusted": 412}}
    sweep(5, 9.4, "succeeded", complete=True, every_byte=True, **counts)
    for hours, seconds in ((4, 3.7), (3, 3.9)):
        sweep(hours, seconds, "succeeded", complete=True, **counts)
    sweep(2, 3.6, "failed", **counts)
    sweep(1, 1.0, "stopped", project="platform")
    running = sweep(0, 0, "running")
    Job.objects.filter(pk=running.job_id).update(exclusive=f"sweep:{registry.pk}", done=300, total=412)
    Sweep.objects.filter(pk=running.pk).update(asked=now - timedelta(seconds=3))
    Part.objects.create(sweep=running, repository="a/b", state="done", judged=300, expected=300)
    Part.objects.create(sweep=running, repository="a/c", state="taken", expected=112, worker="host:1")
    return registry


def test_it_looks_well_and_saves(
    page: Watched, live_server: Any, person: Callable[..., Any], lab: Registry  # noqa: F811
) -> None:  # fmt: skip
    sign_in(page, live_server, person(Role.OPERATOR, "olga"))
    page.goto(f"{live_server.url}/audit/sweeps/?registry={lab.pk}")
    for size, word in ((WIDE, "wide"), (NARROW, "narrow")):
        for scheme in ("light", "dark"):
            page.size(*size, scheme)
            if PICTURES:
                page.screenshot(path=Path(PICTURES) / f"sweeps-{word}-{scheme}.png", full_page=True)
            page.look_well()
            assert page.barriers() == []
    text = page.inner_text("main")
    assert "artifacts/s" in text and "left" in text
    assert "The last complete sweep is older than its schedule allows" in text
    assert "Stopped, incomplete" in text and "project platform" in text
    page.select_option("[name=changed-cadence]", "interval")
    page.fill("[name=changed-minutes]", "30")
    page.fill("[name=limits-at_once]", "6")
    page.click("text=Save schedule and limits")
    page.wait_for_selector("text=The schedule and the limits are saved.")
    assert Schedule.objects.get(kind="changed").minutes == 30
    lab.refresh_from_db()
    assert lab.at_once == 6
