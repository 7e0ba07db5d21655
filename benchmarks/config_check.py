"""How long the rules take on a harbor.yml, as a ratio to a plain parse of the same file by ruamel.yaml.

var/venv/bin/python -m benchmarks.config_check FILE [--template FILE] [--rounds N]
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import django
from ruamel.yaml import YAML


def main() -> None:
    """Measure and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--template", type=Path)
    parser.add_argument("--rounds", type=int, default=25)
    given = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "harborweb.settings")
    os.environ.setdefault("HARBORWEB_DATA", tempfile.mkdtemp())
    django.setup()
    from harborweb.configuration.rules import check  # Django has to be set up first

    text = given.file.read_text()
    template = given.template.read_text() if given.template else None
    check(text, template=template)  # the template is read once and kept, as in a page
    parse = median(lambda changed: YAML(typ="safe", pure=True).load(changed), text, given.rounds)
    rules = median(lambda changed: check(changed, template=template), text, given.rounds)
    sys.stdout.write(f"parse  {parse * 1000:6.1f} ms\n")
    sys.stdout.write(f"check  {rules * 1000:6.1f} ms\n")
    sys.stdout.write(f"ratio  {rules / parse:6.2f}\n")


def median(work: Callable[[str], object], text: str, rounds: int) -> float:
    """Seconds of the middle one of `rounds`; every round has a text of its own, or a cache would answer."""
    seconds = []
    for number in range(rounds):
        changed = f"{text}# {number} {work}\n"
        began = time.perf_counter()
        work(changed)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


if __name__ == "__main__":
    main()
