"""A first sweep of a registry of signed images, beside cosign with all images in one process.

    DJANGO_SETTINGS_MODULE=harborweb.settings var/venv-test/bin/python -m benchmarks.sweep [--images 2000] [--json]

A real registry (distribution 3.1.2) on loopback is filled with images that are signed in the older format, each in a
manifest at its tag, with an optional part of nothing: what cosign itself leaves behind. Both verify every one of
them against the same key; the ratio is of the two rates, taken one after the other on the same machine.
"""

import argparse
import asyncio
import base64
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import django
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests import parts

REPOSITORIES = 20
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def payload(reference: str, digest: str) -> bytes:
    """What cosign signs when nothing is optional."""
    critical = {
        "identity": {"docker-reference": reference},
        "image": {"docker-manifest-digest": digest},
        "type": "cosign container image signature",
    }
    return json.dumps({"critical": critical, "optional": None}, separators=(",", ":")).encode()


async def fill(url: str, host: str, count: int, key: ec.EllipticCurvePrivateKey) -> list[str]:
    """Push `count` signed images; their references by digest."""
    from harborweb.registry.client import Client, Endpoint
    from harborweb.registry.names import digest_of

    slots = asyncio.Semaphore(16)

    def described(data: bytes, kind: str) -> dict[str, object]:
        return {"mediaType": kind, "digest": digest_of(data), "size": len(data)}

    async with Client(Endpoint(url, allow_http=True)) as client:

        async def image(number: int) -> str:
            repository = f"bench/repo{number % REPOSITORIES}"
            async with slots:
                config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "n": number}).encode()
                await client.put_blob(repository, config)
                body = {"schemaVersion": 2, "mediaType": MANIFEST, "layers": []}
                body["config"] = described(config, "application/vnd.oci.image.config.v1+json")
                digest = await client.put_manifest(repository, f"v{number}", json.dumps(body).encode(), MANIFEST)
                signed = payload(f"{host}/{repository}", digest)
                await client.put_blob(repository, signed)
                signature = base64.b64encode(key.sign(signed, ec.ECDSA(hashes.SHA256()))).decode()
                layer = described(signed, "application/vnd.dev.cosign.simplesigning.v1+json")
                layer["annotations"] = {"dev.cosignproject.cosign/signature": signature}
                body["layers"] = [layer]
                tag = digest.replace(":", "-") + ".sig"
                await client.put_manifest(repository, tag, json.dumps(body).encode(), MANIFEST)
                return f"{host}/{repository}@{digest}"

        return list(await asyncio.gather(*(image(number) for number in range(count))))


def with_cosign(references: list[str], key_file: Path) -> float:
    """Seconds that one cosign takes for all of them."""
    began = time.monotonic()
    done = subprocess.run(
        [parts.program("cosign"), "verify", "--key", str(key_file), "--insecure-ignore-tlog=true",
         "--allow-http-registry", *references], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return time.monotonic() - began


def with_ours(url: str, public_pem: bytes, count: int) -> float:
    """Seconds that a sweep takes, every verdict asserted."""
    from harborweb.audit.rows import judge_registry
    from harborweb.registry.client import Client, Endpoint
    from harborweb.verification.keys import load_public_key

    async def judge() -> Counter[str]:
        async with Client(Endpoint(url, allow_http=True)) as client:
            rows = judge_registry(client, [load_public_key(public_pem, "bench")])
            return Counter([row.verdict async for row in rows])

    began = time.monotonic()
    found = asyncio.run(judge())
    assert found == {"trusted": count}, found
    return time.monotonic() - began


def main() -> None:
    """Fill, measure, say."""
    django.setup()
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    with tempfile.TemporaryDirectory() as folder, parts.registry_server(Path(folder) / "registry") as server:
        key_file = Path(folder) / "bench.pub"
        key_file.write_bytes(pem)
        references = asyncio.run(fill(server.url, server.host, given.images, key))
        print(f"{given.images} images pushed and signed", file=sys.stderr, flush=True)
        rounds = []
        for _ in range(given.rounds):
            cosign, ours = with_cosign(references, key_file), with_ours(server.url, pem, given.images)
            rounds.append((given.images / cosign, given.images / ours, cosign / ours))
            print("cosign {:.0f}/s, sweep {:.0f}/s, ratio {:.2f}".format(*rounds[-1]), file=sys.stderr, flush=True)
    middle = sorted(rounds, key=lambda one: one[2])[len(rounds) // 2]
    result = dict(zip(("cosign_per_second", "sweep_per_second", "ratio"), (round(n, 2) for n in middle), strict=True))
    print(json.dumps(result) if given.json else result)


if __name__ == "__main__":
    main()
