"""Schedules: set on the page, and said where they are not kept; a project or an artifact alone. No worker listens."""

import subprocess
from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from harborweb.accounts.roles import Role
from harborweb.audit import tasks
from harborweb.audit.models import ArtifactVerdict, Schedule, Sweep
from harborweb.audit.sweeps import scheduling, sweeping
from harborweb.audit.sweeps.scheduling import Wanted
from harborweb.jobs.models import Job
from harborweb.jobs.run import perform
from harborweb.registry.models import Registry
from tests.audit.sweeps.conftest import Stand, verdicts

Worker = subprocess.Popen[bytes]
Kind, Cadence = Schedule.Kind, Schedule.Cadence
OFF = {"changed-cadence": "off", "everything-cadence": "off", "limits-at_once": "0", "limits-per_second": "0"}


def test_what_is_set_on_the_page_is_what_the_scheduler_reads(lab: Registry, as_role: Callable[[int], Any]) -> None:
    client = as_role(Role.OPERATOR)
    typed = OFF | {
        "changed-cadence": "hourly", "changed-at": "00:15", "everything-cadence": "weekly", "everything-at": "02:30",
        "everything-day": "3", "limits-at_once": "8", "limits-per_second": "100",
    }  # fmt: skip
    assert client.post(f"/audit/sweeps/{lab.pk}/settings/", typed).status_code == 302
    lab.refresh_from_db()
    assert (lab.at_once, lab.per_second) == (8, 100)
    found = {
        row.kind: f"{row.task.crontab.minute} {row.task.crontab.hour} {row.task.crontab.day_of_week}"
        for row in Schedule.objects.select_related("task__crontab") if row.task and row.task.crontab
    }  # fmt: skip
    assert found == {"changed": "15 * *", "everything": "30 2 3"}
    page = client.get(f"/audit/sweeps/?registry={lab.pk}").content.decode()
    assert "every hour at minute 15" in page and "UTC" in page and 'value="02:30"' in page
    assert "every Wednesday at 02:30" in client.get(f"/audit/?registry={lab.pk}").content.decode()
    wrong = client.post(f"/audit/sweeps/{lab.pk}/settings/", OFF | {"changed-cadence": "interval"})
    assert wrong.status_code == 422 and "Type the minutes" in wrong.content.decode()
    assert client.post(f"/audit/sweeps/{lab.pk}/settings/", OFF).status_code == 302
    assert not PeriodicTask.objects.filter(task=scheduling.TASK).exists()


@pytest.mark.parametrize(
    ("wanted", "due"),
    [
        (Wanted(Cadence.HOURLY, time(0, 15)), "2026-11-28 15:15"),
        (Wanted(Cadence.DAILY, time(2)), "2026-11-29 02:00"),
        (Wanted(Cadence.DAILY, time(15)), "2026-11-28 15:00"),
        (Wanted(Cadence.WEEKLY, time(2), day=0), "2026-11-29 02:00"),
        (Wanted(Cadence.WEEKLY, time(2), day=6), "2026-12-05 02:00"),
        (Wanted(Cadence.OFF), None),
    ],
)
def test_the_next_run(db: None, wanted: Wanted, due: str | None) -> None:
    lab = Registry.objects.create(name="other", url="http://127.0.0.1:9")
    row = scheduling.put(lab, Kind.CHANGED, wanted)
    now = datetime(2026, 11, 28, 14, 20, tzinfo=ZoneInfo("UTC"))  # a Saturday
    found = scheduling.next_run(row, now)
    assert (found and f"{found:%Y-%m-%d %H:%M}") == due


def test_the_schedule_of_a_registry_that_is_gone_asks_no_more(lab: Registry) -> None:
    row = scheduling.put(lab, Kind.CHANGED, Wanted(Cadence.HOURLY))
    number = row.pk
    lab.delete()
    tasks.sweep_by_schedule(number)
    assert not PeriodicTask.objects.filter(task=scheduling.TASK).exists() and not Sweep.objects.exists()


def test_what_is_older_than_its_schedule_says_so(
    lab: Registry, stand: Stand, begin: Callable[..., Sweep], as_role: Callable[[int], Any]
) -> None:
    this = begin(lab)
    perform(this.job_id or 0, tasks.workshop.sweep)
    row = ArtifactVerdict.objects.filter(registry=lab).latest("pk")
    client = as_role(Role.SIGNER)
    pages = (f"/audit/?registry={lab.pk}&verdict=all", f"/audit/{row.pk}/")

    def said() -> list[bool]:
        return ["Older than its schedule allows" in client.get(page).content.decode() for page in pages]

    long_ago = timezone.now() - timedelta(hours=2)
    ArtifactVerdict.objects.update(checked=long_ago)
    Sweep.objects.update(finished=long_ago)
    assert said() == [False, False]  # nothing is scheduled, so nothing is late
    scheduling.put(lab, Kind.CHANGED, Wanted(Cadence.HOURLY))
    assert said() == [True, True]
    assert "The last complete sweep is older than its schedule allows" in client.get(pages[0]).content.decode()
    scheduling.put(lab, Kind.CHANGED, Wanted(Cadence.DAILY))
    assert said() == [False, False]
    assert scheduling.overdue(lab) is None


def test_a_project_and_one_artifact_alone(
    lab: Registry, stand: Stand, begin: Callable[..., Sweep], as_role: Callable[[int], Any]
) -> None:
    perform(begin(lab).job_id or 0, tasks.workshop.sweep)
    whole = Sweep.objects.get()
    before = dict(ArtifactVerdict.objects.values_list("pk", "checked"))
    gone = ArtifactVerdict.objects.filter(project="alpha").latest("pk")
    ArtifactVerdict.objects.filter(pk=gone.pk).update(repository="alpha/gone", digest="sha256:" + "1" * 64)
    client = as_role(Role.SIGNER)
    client.post("/audit/sweep/", {"registry": lab.pk, "project": "alpha"})
    this = Sweep.objects.latest("pk")
    perform(this.job_id or 0, tasks.workshop.sweep)
    this.refresh_from_db()
    assert this.complete and this.project == "alpha" and this.scope == "project alpha"
    assert verdicts(lab) == stand.everything  # what is gone in the project went, the others stay
    for row in ArtifactVerdict.objects.exclude(pk=gone.pk):
        assert (row.checked > before.get(row.pk, whole.started)) == (row.project == "alpha")
    assert this.artifacts == sum(name.startswith("alpha/") for name in stand.everything)
    assert tasks.workshop.summary(lab).swept == Sweep.objects.get(pk=whole.pk).finished  # no sweep of the registry

    other = ArtifactVerdict.objects.filter(project="beta").latest("pk")
    job = Job.objects.get(pk=client.post(f"/audit/{other.pk}/check/").url.strip("/").rpartition("/")[2])
    perform(job.pk, tasks.checking.check)
    job.refresh_from_db()
    assert job.state == Job.State.SUCCEEDED and job.result["url"] == f"/audit/{other.pk}/", job.error
    changed = [row.pk for row in ArtifactVerdict.objects.filter(project="beta") if row.checked > before[row.pk]]
    assert changed == [other.pk]
    one = Sweep.objects.latest("pk")
    assert (one.repository, one.digest, one.complete, one.artifacts) == (other.repository, other.digest, True, 1)


def test_continue_is_offered_where_a_sweep_came_to_no_end(
    lab: Registry, begin: Callable[..., Sweep], as_role: Callable[[int], Any]
) -> None:
    this = begin(lab)
    Job.objects.filter(pk=this.job_id).update(state=Job.State.STOPPED, stop_requested_by="ada")
    Sweep.objects.filter(pk=this.pk).update(finished=timezone.now())
    client = as_role(Role.SIGNER)
    address = f"/audit/sweeps/{this.pk}/continue/"
    assert address in client.get(f"/audit/sweeps/?registry={lab.pk}").content.decode()
    client.post(address)
    this.refresh_from_db()
    assert this.finished is None and this.attempts == 2
    perform(this.job_id or 0, tasks.workshop.sweep)
    this.refresh_from_db()
    assert this.complete and not sweeping.may_continue(this)
    assert "cannot be continued" in client.post(address, follow=True).content.decode()
