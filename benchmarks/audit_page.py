"""How long the audit's page takes in the server, over a registry that was swept often.

var/venv-test/bin/python -m benchmarks.audit_page [--verdicts N] [--sweeps N] [--rounds N] [--verbose] [--profile PAGE]

harborweb runs in this process with a database on disk: a verdict of every artifact with evidence as wide as a real
one's, and the counts of every sweep. Nothing outside is asked.
"""

import argparse
import json
import logging
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import django

from benchmarks.artifact_page import look, p95

PROJECTS = 40
GOAL = 0.100  # seconds at p95 (issue 6, section 7)
SHARES = (2, 19, 6, 5, 52, 41, 286)  # of the seven verdicts, worst first, as in the design's picture


def main() -> None:
    """Measure and print a line for each kind of address, or all of it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--verdicts", type=int, default=50_000)
    parser.add_argument("--sweeps", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", action="store_true", help="machine-readable")
    parser.add_argument("--verbose", action="store_true", help="also the queries of each page that take longest")
    parser.add_argument("--profile", default="", metavar="PAGE", help="where the time of one page goes, by function")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="harborweb-bench-") as folder:
        set_up(folder)
        registry = fill(given.verdicts, given.sweeps)
        found = measure(registry, given)
    if given.json:
        sys.stdout.write(json.dumps({"goal_seconds": GOAL, "verdicts": given.verdicts, "pages": found}) + "\n")


def set_up(folder: str) -> None:
    """A database of its own in `folder`."""
    os.environ |= {"HARBORWEB_DATA": folder, "HARBORWEB_PLAIN_HTTP": "1", "HARBORWEB_HOSTS": "testserver"}
    os.environ["DJANGO_SETTINGS_MODULE"] = "harborweb.settings"
    django.setup()
    logging.disable(logging.INFO)
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def fill(count: int, sweeps: int) -> Any:
    """A registry with `count` verdicts and the counts of `sweeps` sweeps, one a day."""
    import hashlib

    from django.utils import timezone

    from harborweb.audit import counts, tallies
    from harborweb.audit.models import ArtifactVerdict, Sweep
    from harborweb.audit.words import FINDINGS, ORDER
    from harborweb.registry.models import Registry
    from harborweb.signing.models import Key

    registry = Registry.objects.create(name="lab", url="https://registry.lab.example")
    key = Key.objects.create(
        name="release", kind=Key.Kind.PUBLIC, state=Key.State.READY, trusted=True, fingerprint="a" * 64, public_pem="-"
    )
    now = timezone.now()
    sweep = Sweep.objects.create(registry=registry, finished=now, complete=True)
    turn = [rank for rank, share in enumerate(SHARES) for _one in range(share)]
    evidence = {"manifest.json": "x" * 3000, "signed.bin": "y" * 600, "signature.bin": "z" * 100}
    seen = [{"place": "tag sha256-" + "0" * 64 + ".sig, layer 1", "verdict": "trusted", "reason": "r" * 60}]

    def row(n: int) -> ArtifactVerdict:
        verdict = ORDER[turn[n * 37 % len(turn)]]
        project, name = f"project-{n % PROJECTS}", f"image-{n // PROJECTS % 200}"
        return ArtifactVerdict(
            registry=registry, sweep=sweep, project=project, repository=f"{project}/{name}",
            digest="sha256:" + hashlib.sha256(str(n).encode()).hexdigest(), tags=[f"v{n}", "latest"],
            verdict=verdict, rank=ORDER.index(verdict), is_finding=verdict in FINDINGS,
            standing="finding" if verdict in FINDINGS else "met",
            key=key.fingerprint if ORDER.index(verdict) > 4 else "", reason="A reason as long as a real one. " * 3,
            command="cosign verify --key release.pub --insecure-ignore-tlog=true registry.lab.example/" + name,
            signatures=seen, evidence=evidence, since=now - timedelta(minutes=n), checked=now,
        )  # fmt: skip

    ArtifactVerdict.objects.bulk_create((row(n) for n in range(count)), batch_size=500)
    summary = counts.summary(registry)
    for ago in range(sweeps, 0, -1):
        done = Sweep.objects.create(
            registry=registry, finished=now - timedelta(days=ago), complete=True, artifacts=summary.total,
            projects=len(summary.projects), counts=dict(summary.counts),
        )  # fmt: skip
        tallies.keep(registry, done, summary)
    return registry


def measure(registry: Any, given: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Ask every address `rounds` times, another one of its kind each time."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext
    from django.urls import reverse

    from harborweb.accounts.models import User
    from harborweb.accounts.roles import Role

    client = Client()
    client.force_login(
        User.objects.create_user("bench", password="x" * 20, role=Role.VIEWER),
        backend="django.contrib.auth.backends.ModelBackend",
    )
    home, last = reverse("audit:home"), max(1, given.verdicts // 50)
    pages: dict[str, Callable[[int], str]] = {
        "findings": lambda n: f"{home}?n={n}",
        "all, page n": lambda n: f"{home}?verdict=all&page={1 + n * 17 % last}",
        "trusted, last pages": lambda n: f"{home}?verdict=trusted&page={last * 6 // 10 - n}",
        "one project": lambda n: f"{home}?verdict=all&project=project-{n % PROJECTS}",
        "newest first": lambda n: f"{home}?sort=since&page={1 + n}",
        "by name, one verdict": lambda n: f"{home}?verdict=invalid&sort=name&page={1 + n % 3}",
        "one key": lambda n: f"{home}?verdict=all&key={'a' * 64}&page={1 + n}",
        "search, many hits": lambda n: f"{home}?verdict=all&q=image-{n}",
        "search, one hit": lambda n: f"{home}?verdict=all&q=v{10_000 + n}",
        "search, none": lambda n: f"{home}?verdict=all&q=nothing-like-this-{n}",
    }
    found: dict[str, dict[str, float]] = {}
    if not given.json:
        sys.stdout.write(f"{'page':24}  p50       p95       own CPU p95  queries  in queries\n")
    everything: list[float] = []
    worked_in_all: list[float] = []
    for name, address in pages.items():
        client.get(address(0))  # once, for what is read once
        took, busy = [], []
        for n in range(given.rounds):
            began, worked = time.perf_counter(), time.process_time()
            answer = client.get(address(n))
            took.append(time.perf_counter() - began)
            busy.append(time.process_time() - worked)
            if answer.status_code != 200:
                raise SystemExit(f"{address(n)}: {answer.status_code}")
        with CaptureQueriesContext(connection) as queries:
            client.get(address(1))
        inside = sum(float(one["time"]) for one in queries)
        found[name] = {
            "p50": statistics.median(took), "p95": p95(took), "cpu_p95": p95(busy), "queries": len(queries),
            "in_queries": inside,
        }  # fmt: skip
        everything += took
        worked_in_all += busy
        if not given.json:
            show(name, took, busy, len(queries), inside)
            if given.verbose:
                for one in sorted(queries, key=lambda one: -float(one["time"]))[:3]:
                    sys.stdout.write(f"    {float(one['time']) * 1000:6.0f} ms  {one['sql'][:400]}\n")
            if given.profile and given.profile in name:
                look(lambda address=address: client.get(address(3)))  # type: ignore[misc]
    found["all together"] = {
        "p50": statistics.median(everything),
        "p95": p95(everything),
        "queries": 0,
        "in_queries": 0,
    }
    if not given.json:
        show("all together", everything, worked_in_all, 0, 0)
    return found


def show(name: str, took: list[float], busy: list[float], queries: int, inside: float) -> None:
    """One line of the table; the CPU's time is what a machine at rest would need."""
    middle, late, worked = statistics.median(took) * 1000, p95(took) * 1000, p95(busy) * 1000
    sys.stdout.write(
        f"{name:24} {middle:6.1f} ms {late:6.1f} ms {worked:8.1f} ms {queries:8} {inside * 1000:8.1f} ms\n"
    )


if __name__ == "__main__":
    main()
