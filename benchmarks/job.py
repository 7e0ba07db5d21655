"""What a worker does of a sweep, with its database: how quick a first and a second one are, and what it holds.

    DJANGO_SETTINGS_MODULE=harborweb.settings var/venv-test/bin/python -m benchmarks.job [--images 50000] [--json]

The registry is `benchmarks.stub`, in a process of its own and not the limit; all images lie in one repository, which is
the dearest way. The database is SQLite on disk. What is measured is a worker's part of the job: take a slice, ask,
judge, keep. The memory is the largest that this process ever held.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import django

from tests import parts as real


def walk(registry: Any) -> tuple[float, float]:
    """Seconds on the clock and of this process that one sweep takes."""
    from django.utils import timezone

    from harborweb.audit.judging.survey import repositories_of
    from harborweb.audit.models import Sweep
    from harborweb.audit.sweeps import parts
    from harborweb.audit.sweeps.walking import walking
    from harborweb.jobs.models import Job

    job = Job.objects.create(kind="sweep", title="bench", subject="bench", state=Job.State.RUNNING, queue="default")
    this = Sweep.objects.create(registry=registry, job=job)
    began, worked = time.monotonic(), time.process_time()
    with walking(this, lambda text, _stream: print(text, file=sys.stderr)) as one:
        names = one.runner.run(repositories_of(one.client))
        parts.write(this, names, timezone.now())
        while part := parts.take(this):
            one.part(part, lambda: None)
    Sweep.objects.filter(pk=this.pk).update(finished=timezone.now(), complete=True)
    return time.monotonic() - began, time.process_time() - worked


def measure(images: int, repositories: int) -> dict[str, float]:
    """Two sweeps; every verdict is asserted."""
    from django.core.management import call_command

    from harborweb.audit.models import ArtifactVerdict
    from harborweb.registry.models import Registry
    from harborweb.signing.models import Key
    from harborweb.verification.keys import load_public_key

    call_command("migrate", verbosity=0)
    command = [sys.executable, "-m", "benchmarks.stub", str(images), str(repositories)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as stub:
        try:
            said = json.loads(stub.stdout.readline())  # type: ignore[union-attr]
            key = load_public_key(said["pem"].encode(), "bench")
            Key.objects.create(
                name="bench", kind=Key.Kind.PUBLIC, state=Key.State.READY, algorithm=key.kind, public_pem=key.pem,
                fingerprint=key.fingerprint, trusted=True,
            )  # fmt: skip
            registry = Registry.objects.create(name="bench", url=said["url"], allow_http=True)
            first, first_cpu = walk(registry)
            second, second_cpu = walk(registry)
        finally:
            stub.terminate()
    found = Counter(ArtifactVerdict.objects.values_list("verdict", flat=True))
    if found != {"trusted": images}:
        raise SystemExit(f"not what was signed: {found}")
    return {
        "images": images, "first_per_second": images / first, "second_per_second": images / second,
        "first_cpu_us": first_cpu / images * 1e6, "second_cpu_us": second_cpu / images * 1e6,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }  # fmt: skip


def main() -> None:
    """Measure, say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--repositories", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, real.redis_server(Path(folder)) as redis:
        os.environ |= {"HARBORWEB_DATA": folder, "HARBORWEB_REDIS": redis}
        django.setup()
        found = measure(given.images, given.repositories)
    result = {name: round(value, 1) for name, value in found.items()}
    print(json.dumps(result) if given.json else result)


if __name__ == "__main__":
    main()
