"""bin/benchmark: the audit's benchmarks one after the other, and one table of what they found beside what is wanted."""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bin.lib import debian, tools
from bin.lib.say import ROOT, SetupError, say

Found = dict[str, Any]
Line = tuple[str, float | None, float, bool]  # what, measured, wanted, whether more is better


def of_sweeps(found: Found) -> list[Line]:
    """First and second sweeps beside cosign and wrk."""
    lines: list[Line] = []
    for form, words, least in (("simple", "simple signing", 4.0), ("bundle", "bundles", 2.5)):
        one = found.get(form, {})
        lines.append((f"first sweep, {words}: times cosign's best", one.get("first_to_cosign"), least, True))
        lines.append((f"first sweep, {words}: times one call each", one.get("first_to_one_call_each"), 40, True))
        lines.append((f"second sweep, {words}: times cosign's best", one.get("second_to_cosign"), 10, True))
        lines.append((f"second sweep, {words}: share of wrk's rate", one.get("second_to_wrk"), 0.7, True))
    return lines


def of_large(found: Found) -> list[Line]:
    """What a worker holds, and what the database adds."""
    return [
        ("a worker's memory at its largest, MB", found.get("peak_mb"), 250, False),
        ("the job with its database, second sweep: images/s", found.get("second_per_second"), 0, True),
    ]


def of_workers(found: Found) -> list[Line]:
    """What a second worker brings."""
    return [("two workers, registry no limit: times one", found.get("ratio", {}).get("two_to_one"), 1.6, True)]


def of_signing(found: Found) -> list[Line]:
    """Signing beside cosign."""
    return [("signing natively, bundles: times one cosign with many", found.get("ratio"), 1, True)]


def of_pages(found: Found) -> list[Line]:
    """Server time of the audit's pages."""
    pages = found.get("pages", {})
    named = pages.items() if isinstance(pages, dict) else []
    return [(f"{name}: ms at p95", _milliseconds(one), 100, False) for name, one in named]


def _milliseconds(one: Any) -> float | None:
    seconds = one.get("p95", one.get("p95_seconds")) if isinstance(one, dict) else one
    return round(float(seconds) * 1000, 1) if isinstance(seconds, int | float) else None


BENCHMARKS: dict[str, tuple[list[str], Callable[[Found], list[Line]]]] = {
    "sweep": (["--images", "2000"], of_sweeps),
    "job": (["--images", "2000"], of_large),
    "sweep_workers": (["--artifacts", "10000"], of_workers),
    "sign": ([], of_signing),
    "audit_page": ([], of_pages),
}


def main() -> int:
    """Set up, run, say; 0 when all ran, whatever they found."""
    parser = argparse.ArgumentParser(prog="bin/benchmark", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object with everything that was measured")
    parser.add_argument("--only", choices=BENCHMARKS, help="one of them")
    given = parser.parse_args()
    os.chdir(ROOT)
    if shutil.which("wrk") is None:
        if not debian.is_root():
            raise SetupError("wrk is missing, and only root can install it: apt-get install wrk")
        debian.install("wrk")
    tools.redis(Path(sys.executable))
    with tempfile.TemporaryDirectory() as data:
        environment = os.environ | {
            "PATH": tools.path(), "HARBORWEB_DATA": data, "DJANGO_SETTINGS_MODULE": "harborweb.settings",
            "HARBORWEB_PLAIN_HTTP": "1",
        }  # fmt: skip
        found, failed = {}, 0
        for name, (arguments, _lines) in BENCHMARKS.items():
            if given.only in {None, name}:
                say(f"Measuring: {name}")
                command = [sys.executable, "-m", f"benchmarks.{name}", "--json", *arguments]
                done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
                failed |= done.returncode
                found[name] = json.loads(done.stdout) if done.returncode == 0 else {}
    if given.json:
        print(json.dumps(found, indent=1))
    else:
        for name, one in found.items():
            for line in BENCHMARKS[name][1](one):
                print(_shown(*line))
    return int(bool(failed))


def _shown(what: str, value: float | None, wanted: float, more: bool) -> str:
    if value is None:
        return f"{what:58} {'?':>9}"
    held = value >= wanted if more else value <= wanted
    return f"{what:58} {value:9.2f}   {'≥' if more else '≤'} {wanted:g}   {'holds' if held else 'does not hold'}"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SetupError as error:
        sys.exit(f"bin/benchmark: {error}")
