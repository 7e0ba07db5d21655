"""Sweeps of a registry of signed images, beside cosign with all images in one process, and beside `wrk`.

    DJANGO_SETTINGS_MODULE=harborweb.settings var/venv-test/bin/python -m benchmarks.sweep [--images 2000] [--json]

A real registry (distribution 3.1.2) on loopback is filled with images that are signed in the older format, each in a
manifest at its tag with an optional part of nothing, and another one with images signed by bundles. Then, in short
rounds one after the other, so that a busy machine is busy for all of them: one cosign with all images; a first sweep,
every verdict asserted; a second sweep with what the first one left, every verdict asserted to be trusted and as it was;
`wrk`, which asks the registry for manifests as fast as it can. What is measured is
`judge_registry`, without a database.

`wrk` is asked for GET: it waits for the body that the answer to a HEAD announces, and we ask GET as well.
"""

import argparse
import asyncio
import json
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import django

from benchmarks.filling import MANIFEST, fill, key_pair, pem_of
from tests import parts

ONE_CALL = 10  # images that are verified one call each
ROUNDS = 3


def with_cosign(references: list[str], key_file: Path) -> tuple[float, float]:
    """Seconds on the clock and of its own that one cosign takes for all of them."""
    began, worked = time.monotonic(), _worked()
    done = subprocess.run(
        [parts.program("cosign"), "verify", "--key", str(key_file), "--insecure-ignore-tlog=true",
         "--allow-http-registry", *references], capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return time.monotonic() - began, _worked() - worked


def _worked() -> float:
    """Seconds of processor time that children of ours have used and ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def with_ours(url: str, public_pem: bytes, memory: dict[str, Any], *, again: bool) -> tuple[float, float]:
    """Seconds on the clock and of this process that a sweep takes, every verdict asserted; fills or uses `memory`."""
    from harborweb.audit.judging import remembered
    from harborweb.audit.judging.rows import judge_registry
    from harborweb.registry.client import Client, Endpoint
    from harborweb.verification.keys import load_public_key

    async def judge() -> Counter[tuple[str, bool]]:
        known = memory.get if again else None
        async with Client(Endpoint(url, allow_http=True)) as client:
            keys = [load_public_key(public_pem, "bench")]
            judged = [one async for one in judge_registry(client, keys, memory=known)]
        if not again:
            for one in judged:
                memory.setdefault(one.repository, {})[one.digest] = remembered.of(one)
        return Counter((one.verdict, one.again) for one in judged)

    began, worked = time.monotonic(), time.process_time()
    found = asyncio.run(judge())
    if set(found) != {("trusted", again)}:
        raise SystemExit(f"not what was signed: {found}")
    return time.monotonic() - began, time.process_time() - worked


def with_wrk(url: str, references: list[str], seconds: int = 3) -> float:
    """Manifests a second that the registry gives to `wrk`: many different ones, over as many connections as ours."""
    paths = [f"/v2/{one.partition('/')[2].replace('@', '/manifests/')}" for one in references[:500]]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        listed = ", ".join(f'"{path}"' for path in paths)
        script.write(
            f"paths = {{ {listed} }}\nn = 0\nrequest = function()\n  n = n % #paths + 1\n"
            f'  return wrk.format("GET", paths[n], {{ Accept = "{MANIFEST}" }})\nend\n'
        )
        script.flush()
        command = ["wrk", "-t1", "-c8", f"-d{seconds}s", "-s", script.name, url]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said:
        raise SystemExit(said)
    return float(re.search(r"Requests/sec:\s+([0-9.]+)", said)[1])  # type: ignore[index]


def measure(folder: Path, form: str, images: int, rounds: int) -> dict[str, float]:
    """All rates and ratios of one form, the middle ones of the rounds."""
    key, file = key_pair(folder)
    pem = pem_of(key)
    with parts.registry_server(folder / "registry") as server:
        references = asyncio.run(fill(server.url, server.host, images, key, form))
        say(f"{form}: {images} images pushed and signed")
        single = ONE_CALL / sum(with_cosign([one], file)[0] for one in references[:ONE_CALL])
        found: dict[str, list[float]] = {}
        for number in range(rounds):
            memory: dict[str, Any] = {}
            took, its_own = with_cosign(references, file)
            cosign = images / took
            first, worked = with_ours(server.url, pem, memory, again=False)
            second, again = with_ours(server.url, pem, memory, again=True)
            plain = with_wrk(server.url, references)
            one = {
                "cosign_per_second": cosign, "cosign_one_call_each_per_second": single,
                "first_per_second": images / first, "second_per_second": images / second,
                "manifests_per_second_by_wrk": plain,
                "first_to_cosign": images / first / cosign, "first_to_one_call_each": images / first / single,
                "second_to_cosign": images / second / cosign, "second_to_wrk": 2 * images / second / plain,
                "cosign_cpu_us": its_own / images * 1e6, "first_cpu_us": worked / images * 1e6,
                "second_cpu_us": again / images * 1e6,
            }  # fmt: skip
            say(f"{form} {number + 1}: " + ", ".join(f"{name} {value:.2f}" for name, value in one.items()))
            for name, value in one.items():
                found.setdefault(name, []).append(value)
    return {name: round(statistics.median(values), 2) for name, values in found.items()}


def say(text: str) -> None:
    """Progress."""
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Fill, measure, say."""
    django.setup()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    result = {}
    for form in ("simple", "bundle"):
        with tempfile.TemporaryDirectory() as folder:
            result[form] = measure(Path(folder), form, given.images, given.rounds)
    if given.json:
        print(json.dumps(result))
    else:
        for form, numbers in result.items():
            for name, value in numbers.items():
                print(f"{form:8} {name:34} {value:10.2f}")


if __name__ == "__main__":
    main()
