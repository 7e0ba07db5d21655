"""How long the pages of a Harbor with 50,000 artifacts take in the server, and how much of it is waiting for Harbor.

var/venv-test/bin/python -m benchmarks.artifact_page [--artifacts N] [--rounds N] [--verbose]

The Harbor is the tests' double in a process of its own; harborweb runs in this one, with a database on disk that holds
a verdict of every artifact and a year of tag history. A plain aiohttp request of the same list runs beside each page.
"""

import argparse
import asyncio
import contextlib
import cProfile
import json
import logging
import os
import pstats
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import django

PROJECT, REPOSITORY = "big", "big/app"
FEW = 60  # further repositories, for the store and the project's list
LIST = "/api/v2.0/projects/big/repositories/app/artifacts"
QUERY = "with_tag=true&with_accessory=true&with_label=true&sort=-push_time&page={page}&page_size=30"


def main() -> None:
    """Measure and print a line for each page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--artifacts", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--verbose", action="store_true", help="also the queries of each page that take longest")
    parser.add_argument("--profile", default="", metavar="PAGE", help="where the time of one page goes, by function")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="harborweb-bench-") as folder, double(Path(folder), given) as (url, word):
        os.environ |= {"HARBORWEB_DATA": folder, "HARBORWEB_PLAIN_HTTP": "1", "HARBORWEB_HOSTS": "testserver"}
        os.environ["DJANGO_SETTINGS_MODULE"] = "harborweb.settings"
        django.setup()
        logging.disable(logging.INFO)
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        registry = fill(url, word, given.artifacts)
        measure(registry, url, word, given)


@contextlib.contextmanager
def double(folder: Path, given: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """The tests' Harbor in a process of its own; its address and its administrator's password."""
    from tests import parts

    port = parts.free_port()
    seeds = [f"--seed={REPOSITORY}={given.artifacts}", *(f"--seed={PROJECT}/few-{n}=20" for n in range(FEW))]
    running = subprocess.Popen(
        [sys.executable, "-m", "tests.harbor_double", "--port", str(port), "--no-contract", *seeds,
         "--folder", str(folder / "double")],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        if running.stdout is None:
            raise SystemExit("the double says nothing")
        said = json.loads(running.stdout.readline())
        yield said["url"], Path(said["password_file"]).read_text().strip()
    finally:
        running.terminate()
        running.wait(30)


def fill(url: str, password: str, count: int) -> Any:
    """The registry, a verdict of each artifact, and where a thousand tags pointed through a year."""
    from django.utils import timezone

    from harborweb import sealing
    from harborweb.audit.models import ArtifactVerdict, Sweep, TagSighting
    from harborweb.audit.policies.restanding import restand_all
    from harborweb.audit.words import ORDER
    from harborweb.registry.models import PASSWORD_PURPOSE, Registry
    from tests.harbor_double.state import digest_of

    registry = Registry.objects.create(
        name="lab", url=url, allow_http=True, username="admin", kind=Registry.Kind.HARBOR,
        password_sealed=sealing.seal(password, PASSWORD_PURPOSE),
    )  # fmt: skip
    now = timezone.now()
    sweep = Sweep.objects.create(registry=registry, finished=now, complete=True)
    evidence = {"manifest": "x" * 3000, "signature": "y" * 400}
    rows = [(REPOSITORY, n) for n in range(1, count + 1)]
    rows += [(f"{PROJECT}/few-{r}", n) for r in range(FEW) for n in range(1, 21)]
    ArtifactVerdict.objects.bulk_create(
        (
            ArtifactVerdict(
                registry=registry, sweep=sweep, project=PROJECT, repository=name, digest=digest_of(f"{name} {n}"),
                tags=[f"v{n}"], verdict=ORDER[n % 7].value, rank=n % 7, reason="As in a real sweep. " * 4,
                evidence=evidence, since=now - timedelta(minutes=n), checked=now,
            )
            for name, n in rows
        ),
        batch_size=500,
    )  # fmt: skip
    restand_all(registry)
    TagSighting.objects.bulk_create(
        TagSighting(
            registry=registry, repository=REPOSITORY, tag=f"v{tag}", digest=digest_of(f"{REPOSITORY} {tag + k}"),
            first_seen=now - timedelta(days=30 * k), last_seen=now,
            ended=None if k == 0 else now - timedelta(days=30 * (k - 1)),
        )
        for tag in range(1, 1001)
        for k in range(12)
    )  # fmt: skip
    return registry


def measure(registry: Any, url: str, password: str, given: argparse.Namespace) -> None:
    """Ask every page `rounds` times, another one of the list each time."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext
    from django.urls import reverse

    from harborweb.accounts.models import User
    from harborweb.accounts.roles import Role
    from harborweb.registry.transport import Transport

    client = Client()
    client.force_login(
        User.objects.create_user("bench", password="x" * 20, role=Role.VIEWER),
        backend="django.contrib.auth.backends.ModelBackend",
    )
    waits: list[tuple[float, float]] = []
    fetch = Transport.fetch

    async def timed(self: Transport, *arguments: Any, **more: Any) -> Any:
        began = time.perf_counter()
        try:
            return await fetch(self, *arguments, **more)
        finally:
            waits.append((began, time.perf_counter()))

    Transport.fetch = timed  # type: ignore[method-assign]
    here = reverse("store:repository", args=[registry.pk, REPOSITORY])
    last = given.artifacts // 30
    pages: dict[str, Callable[[int], str]] = {
        "repository, page n of all": lambda n: f"{here}?page={1 + n * 17 % last}",
        "repository, verdict invalid": lambda n: f"{here}?verdict=invalid&page={1 + n % 100}",
        "repository, findings, last pages": lambda n: f"{here}?verdict=findings&page={last * 5 // 7 - n}",
        "repository, search v49": lambda n: f"{here}?q=v49{n}",
        "projects": lambda n: reverse("store:projects", args=[registry.pk]) + f"?page=1&n={n}",
        "repositories of the project": lambda n: reverse("store:repositories", args=[registry.pk, PROJECT]) + f"?n={n}",
        "store": lambda n: reverse("store:store", args=[registry.pk]) + f"?page={1 + n % 5}",
    }
    sys.stdout.write(
        f"{'page':36}  p50       p95       own CPU p50  waiting p50  queries  requests  ratio to the plain list\n"
    )
    plain = [asyncio.run(bare(url, password, 1 + n * 17 % last)) for n in range(given.rounds)]
    for name, address in pages.items():
        client.get(address(0))  # once, for what is read once
        took, busy, waited, asked = [], [], [], 0
        for n in range(given.rounds):
            waits.clear()
            began, worked = time.perf_counter(), time.process_time()
            answer = client.get(address(n))
            took.append(time.perf_counter() - began)
            busy.append(time.process_time() - worked)
            if answer.status_code != 200:
                raise SystemExit(f"{address(n)}: {answer.status_code}")
            waited.append(union(waits))
            asked = max(asked, len(waits))
        with CaptureQueriesContext(
            connection,
        ) as queries:
            client.get(address(1))
        middle = statistics.median(took)
        sys.stdout.write(
            f"{name:36} {middle * 1000:6.1f} ms {p95(took) * 1000:6.1f} ms {statistics.median(busy) * 1000:8.1f} ms "
            f"{statistics.median(waited) * 1000:9.1f} ms {len(queries):8} {asked:9}  "
            f"{middle / statistics.median(plain):6.2f}\n"
        )
        if given.profile and given.profile in name:
            look(lambda address=address: client.get(address(3)))  # type: ignore[misc]
        if given.verbose:
            for one in sorted(queries, key=lambda one: -float(one["time"]))[:3]:
                sys.stdout.write(f"    {float(one['time']) * 1000:6.0f} ms  {one['sql'][:300]}\n")
    sys.stdout.write(
        f"{'plain aiohttp, the same list':36} {statistics.median(plain) * 1000:6.1f} ms {p95(plain) * 1000:6.1f} ms\n"
    )


def look(work: Callable[[], object]) -> None:
    """Where the time of one page goes, by function."""
    profile = cProfile.Profile(time.process_time)
    profile.runcall(work)
    pstats.Stats(profile).sort_stats("cumtime").print_stats(60)


async def bare(url: str, password: str, page: int) -> float:
    """Seconds of one request of the list page, parsed, by a client of its own as each page has."""
    from harborweb.registry.auth import basic

    began = time.perf_counter()
    headers = {"Authorization": basic("admin", password)}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{url}{LIST}?{QUERY.format(page=page)}") as answer,
    ):
        json.loads(await answer.read())
    return time.perf_counter() - began


def union(spans: list[tuple[float, float]]) -> float:
    """Seconds in which at least one request was out."""
    total, until = 0.0, 0.0
    for began, ended in sorted(spans):
        total += max(0.0, ended - max(began, until))
        until = max(until, ended)
    return total


def p95(seconds: list[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(seconds, n=20, method="inclusive")[-1]


if __name__ == "__main__":
    main()
