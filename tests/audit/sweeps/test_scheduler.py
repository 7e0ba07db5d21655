"""The real scheduler, a real worker: what a person has set is swept."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from django_celery_beat.models import IntervalSchedule, PeriodicTask

from harborweb.audit.models import Schedule, Sweep
from harborweb.audit.sweeps import scheduling
from harborweb.audit.sweeps.scheduling import Wanted
from harborweb.jobs.models import Job
from harborweb.registry.models import Registry
from tests import parts
from tests.audit.sweeps.conftest import Stand, settled, verdicts
from tests.jobs.conftest import until

Worker = subprocess.Popen[bytes]
Kind, Cadence = Schedule.Kind, Schedule.Cadence


def test_a_real_scheduler_has_it_swept(
    lab: Registry, stand: Stand, workers: Worker, redis_url: str, tmp_path: Path, settings: Any
) -> None:
    row = scheduling.put(lab, Kind.EVERYTHING, Wanted(Cadence.INTERVAL, minutes=5))
    often, _new = IntervalSchedule.objects.get_or_create(every=1, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.filter(pk=row.task_id).update(interval=often)
    environment = os.environ | {
        "HARBORWEB_DATA": str(settings.DATA_DIR), "HARBORWEB_REDIS": redis_url,
        "DJANGO_SETTINGS_MODULE": "harborweb.settings",
    }  # fmt: skip
    with (tmp_path / "beat.log").open("wb") as out:
        beat = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "harborweb.celery", "beat", "--pidfile="],
            cwd=parts.ROOT, env=environment, stdout=out, stderr=out,
        )  # fmt: skip
    try:
        until(lambda: Sweep.objects.filter(complete=True).exists(), 60)
        # what the code schedules is there beside what people do
        assert PeriodicTask.objects.filter(task="harborweb.jobs.tasks.look_after", enabled=True).exists()
        assert (Path(settings.DATA_DIR) / "celerybeat-schedule").exists()  # what the health check looks at
        scheduling.put(lab, Kind.EVERYTHING, Wanted(Cadence.OFF))
    finally:
        beat.terminate()
        beat.wait(20)
    this = settled(Sweep.objects.filter(complete=True).latest("pk"))
    assert (this.schedule, this.every_byte) == (row, True)
    assert verdicts(lab) == stand.everything
    assert not PeriodicTask.objects.filter(task=scheduling.TASK).exists()
    until(lambda: not Job.objects.filter(state__in=Job.ACTIVE).exists())
