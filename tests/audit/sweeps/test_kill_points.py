"""kill -9 of whoever judges, at each point of a sweep: another goes on, nothing is judged twice or left out."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harborweb.audit.models import Part, Sweep
from harborweb.jobs.models import Job
from harborweb.registry.models import Registry
from tests.audit.sweeps.conftest import Stand, kept, settled, verdicts

Worker = subprocess.Popen[bytes]
JOB = ("listing", "parts written", "taken", "judged", "half kept", "batch half kept", "kept", "counting")

HELPER = ("half kept", "batch half kept", "kept")


@pytest.mark.parametrize("where", [*(f"sweep {name}" for name in JOB), *(f"sweep_part {name}" for name in HELPER)])
def test_killed(
    lab: Registry, stand: Stand, workers: Worker, point: Path, begin: Callable[..., Sweep], where: str
) -> None:
    point.write_text(where)
    this = settled(begin(lab))
    assert not point.exists(), "nobody came to this point"
    assert this.complete and this.job is not None and this.job.state == Job.State.SUCCEEDED, this.job.error
    assert (this.attempts > 1) == where.startswith("sweep ")
    if where.startswith("sweep "):
        assert Job.objects.filter(kind="sweep", state=Job.State.LOST).count() == 1
    assert verdicts(lab) == stand.everything
    assert dict(kept()) == dict.fromkeys(stand.everything, 1)
    assert this.artifacts == len(stand.everything)
    assert not Part.objects.exclude(state=Part.State.DONE).exists()
    assert sum(Part.objects.values_list("judged", flat=True)) == len(stand.everything)
