"""Signing many images natively, beside one cosign that is given several in one process.

    DJANGO_SETTINGS_MODULE=harborweb.settings var/venv-test/bin/python -m benchmarks.sign [--images 400] [--json]

A real registry (distribution) on loopback without referrers API, which is the dearer way: each bundle is also written
into the list at its fallback tag. Natively means all that a job does for a digest besides its row in the database: look
where it is and whether the key has signed it, write, read it back and verify. The ratio is of the two rates, taken one
after the other on the same machine; real cosign then verifies a sample of what was written.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import django

from bin.lib import samples
from tests import parts

BY_COSIGN = 10  # images: cosign needs a fifth of a second for each
SAMPLE = 5


async def _sign(client: Any, digests: list[str], key: Any, formats: list[str]) -> float:
    """Sign as a list's job does, 16 at a time; the seconds it took."""
    from django.utils import timezone

    from harborweb.signing.annotations import Wanted
    from harborweb.signing.many.workshop import AT_ONCE
    from harborweb.signing.many.writing import Order, see, sign

    now, wanted = timezone.now(), Wanted("benchmark")

    async def one(digest: str) -> None:
        order = Order("bench/app", digest)
        found = await see(client, order, key.public)
        await sign(client, order, found, key, formats, wanted.of("bench/app", "", now), now)

    began = time.perf_counter()
    for start in range(0, len(digests), AT_ONCE):
        await asyncio.gather(*(one(digest) for digest in digests[start : start + AT_ONCE]))
    return time.perf_counter() - began


async def measure(images: int, folder: Path, server: parts.Registry) -> dict[str, float]:
    """Fill, sign both ways, verify a sample."""
    from harborweb.registry.client import Client, Endpoint
    from harborweb.signing.native.opening import open_key

    signer = await samples.keys(Path(parts.program("cosign")), folder)
    began = time.perf_counter()
    key = open_key((folder / "demo.key").read_text(), signer.password)
    opening = time.perf_counter() - began
    async with Client(Endpoint(server.url, allow_http=True)) as client:
        filler = samples.Filler(client, signer, server.host)
        digests = [await filler.image("bench/app", f"v{n}", f"image {n}") for n in range(2 * images + BY_COSIGN)]
        bundles = await _sign(client, digests[:images], key, ["bundle"])
        simple = await _sign(client, digests[images : 2 * images], key, ["simple"])
        references = [f"{server.host}/bench/app@{digest}" for digest in digests]
        began = time.perf_counter()
        how = ["--signing-config", "signing-config.json", *signer._quietly()]
        await signer.run("sign", "--yes", "--key", "demo.key", *how, *references[2 * images :])
        cosign = time.perf_counter() - began
    for one in [*references[:SAMPLE], *references[images : images + SAMPLE]]:
        command = [str(signer.cosign), "verify", "--key", "demo.pub", "--insecure-ignore-tlog=true",
                   "--allow-http-registry", one]  # fmt: skip
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    rates = {"bundles": images / bundles, "simple": images / simple, "cosign": BY_COSIGN / cosign}
    return rates | {"ratio": rates["bundles"] / rates["cosign"], "open_key_seconds": opening, "images": images}


def main() -> None:
    """Print the table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    django.setup()
    with tempfile.TemporaryDirectory() as name, parts.registry_server(Path(name) / "registry") as server:
        found = asyncio.run(measure(given.images, Path(name) / "keys", server))
    if given.json:
        sys.stdout.write(json.dumps(found) + "\n")
        return
    sys.stdout.write(
        f"natively, bundles        {found['bundles']:7.1f} images/s\n"
        f"natively, simple signing {found['simple']:7.1f} images/s\n"
        f"cosign, one process      {found['cosign']:7.1f} images/s\n"
        f"ratio (bundles)          {found['ratio']:7.1f}\n"
        f"opening the key, once    {found['open_key_seconds']:7.2f} s\n"
    )


if __name__ == "__main__":
    main()
