"""A registry of signed images that is not the limit: answers made once, kept in memory, given by path.

python -m benchmarks.stub IMAGES REPOSITORIES    prints its address, then serves until it is ended
"""

import asyncio
import base64
import hashlib
import json
import sys
import tempfile
from pathlib import Path
from urllib.parse import parse_qs

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.filling import MANIFEST, compact, described, key_pair, pem_of

PAGE = 1000


def answer(status: str, kind: str, body: bytes, more: str = "") -> bytes:
    """A whole answer."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return head.encode() + body


def unknown(code: str) -> bytes:
    """404 as a registry says it."""
    return answer("404 Not Found", "application/json", compact({"errors": [{"code": code, "message": code}]}))


class Stub(asyncio.Protocol):
    """One connection."""

    answers: dict[str, bytes] = {}
    tags: dict[str, list[str]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        """Answer every whole request."""
        self.buffer += data
        while b"\r\n\r\n" in self.buffer:
            head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
            method, target, _version = head.split(b"\r\n", 1)[0].decode().split(" ")
            said = self.answers.get(target) or self._list(target)
            self.transport.write(said[: said.index(b"\r\n\r\n") + 4] if method == "HEAD" else said)

    def _list(self, target: str) -> bytes:
        path, _, query = target.partition("?")
        if path.endswith("/tags/list"):
            name, last = path[4 : -len("/tags/list")], parse_qs(query).get("last", [""])[0]
            known = [tag for tag in self.tags.get(name, []) if tag > last]
            more = f'Link: <{path}?n={PAGE}&last={known[PAGE - 1]}>; rel="next"\r\n' if len(known) > PAGE else ""
            return answer("200 OK", "application/json", compact({"name": name, "tags": known[:PAGE]}), more)
        if "/referrers/" in path:
            return answer("404 Not Found", "text/plain; charset=utf-8", b"404 page not found\n")
        return unknown("MANIFEST_UNKNOWN")


def fill(host: str, images: int, repositories: int, key: ec.EllipticCurvePrivateKey) -> None:
    """Make every answer."""
    from harborweb.verification.simple_signing import plain_payload

    put = Stub.answers
    names = [f"bench/repo{number}" for number in range(repositories)]
    put["/v2/"] = answer("200 OK", "application/json", b"{}", "Docker-Distribution-Api-Version: registry/2.0\r\n")
    put["/v2/_catalog?n=1000"] = answer("200 OK", "application/json", compact({"repositories": names}))
    for number in range(images):
        name = names[number % repositories]
        config = described(b"%d" % number, "application/vnd.oci.image.config.v1+json")
        base = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config}
        image = compact({**base, "layers": [described(b"%d %d" % (number, n), "x/y") for n in range(6)]})
        digest = f"sha256:{hashlib.sha256(image).hexdigest()}"
        signed = plain_payload(f"{host}/{name}", digest)
        signature = base64.b64encode(key.sign(signed, ec.ECDSA(hashes.SHA256()))).decode()
        notes = {"dev.cosignproject.cosign/signature": signature}
        layer = described(signed, "application/vnd.dev.cosign.simplesigning.v1+json", annotations=notes)
        tag = digest.replace(":", "-") + ".sig"
        put[f"/v2/{name}/manifests/{tag}"] = answer("200 OK", MANIFEST, compact({**base, "layers": [layer]}))
        put[f"/v2/{name}/manifests/v{number:06}"] = answer("200 OK", MANIFEST, image)
        put[f"/v2/{name}/manifests/{digest}"] = put[f"/v2/{name}/manifests/v{number:06}"]
        put[f"/v2/{name}/blobs/{layer['digest']}"] = answer("200 OK", "application/octet-stream", signed)
        Stub.tags.setdefault(name, []).extend([f"v{number:06}", tag])
    for tags in Stub.tags.values():
        tags.sort()


async def serve(images: int, repositories: int) -> None:
    """Serve until this process is ended."""
    server = await asyncio.get_running_loop().create_server(Stub, "127.0.0.1", 0)
    host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    with tempfile.TemporaryDirectory() as folder:
        key, _file = key_pair(Path(folder))
    fill(host, images, repositories, key)
    print(json.dumps({"url": f"http://{host}", "pem": pem_of(key).decode()}), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
