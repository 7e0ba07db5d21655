"""A registry that has the referrers API, as Harbor does: the real distribution behind a door that adds it."""

import hashlib
import http.client
import json
import re
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from tests import parts
from tests.signing.conftest import Image
from tests.signing.jobs import log, made, signed, tags, verified

pytestmark = pytest.mark.django_db(transaction=True)
INDEX = "application/vnd.oci.image.index.v1+json"
COPIED = {"content-type", "docker-content-digest", "www-authenticate", "range", "link"}


class Door(BaseHTTPRequestHandler):
    """Passes everything on; keeps a list of what has a subject (OCI distribution specification 1.1, "Referrers")."""

    behind = ""
    referrers: dict[str, list[dict[str, Any]]] = {}

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if asked := re.fullmatch(r"/v2/.+/referrers/(sha256:[0-9a-f]{64})(?:\?.*)?", self.path):
            listed = {"schemaVersion": 2, "mediaType": INDEX, "manifests": self.referrers.get(asked[1], [])}
            self.send(200, {"Content-Type": INDEX}, json.dumps(listed).encode())
            return
        connection = http.client.HTTPConnection(self.behind)
        connection.request(self.command, self.path, body, dict(self.headers))
        response = connection.getresponse()
        headers = {name: value for name, value in response.getheaders() if name.lower() in COPIED}
        if location := response.getheader("Location"):
            headers["Location"] = location.replace(self.behind, self.headers["Host"])
        if self.command == "PUT" and "/manifests/" in self.path and response.status == 201:
            headers |= self.note(body)
        data = response.read()
        if self.command == "HEAD":
            headers["Content-Length"] = response.getheader("Content-Length") or "0"
        self.send(response.status, headers, data)

    def note(self, body: bytes) -> dict[str, str]:
        """Remember a manifest with a subject, and say so in the header by which clients know the API is there."""
        manifest = json.loads(body)
        if "subject" not in manifest:
            return {}
        descriptor = {
            "mediaType": manifest["mediaType"], "size": len(body), "artifactType": manifest.get("artifactType", ""),
            "digest": "sha256:" + hashlib.sha256(body).hexdigest(),
        }  # fmt: skip
        self.referrers.setdefault(manifest["subject"]["digest"], []).append(descriptor)
        return {"OCI-Subject": manifest["subject"]["digest"]}

    def send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def with_api(registry: parts.Registry, transactional_db: None) -> Iterator[Any]:
    """The registry behind the door, as harborweb knows it."""
    from harborweb.registry.models import Registry

    handler = type("Handler", (Door,), {"behind": registry.host, "referrers": {}})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield Registry.objects.create(
            name="with api", url=f"http://127.0.0.1:{server.server_address[1]}", allow_http=True
        )
        server.shutdown()


def test_a_bundle_is_found_as_a_referrer(
    asked: Any, with_api: Any, cosign_three: str, push: Callable[..., Image]
) -> None:
    key = made(asked, "release", "none", "")
    image = push(with_api, "api/app")
    job = signed(asked, with_api, image, key)
    assert job.state == "succeeded", job.error + log(job)
    [place] = job.result["places"]
    assert (place["source"], place["tag"]) == ("api", "")
    assert tags(with_api, image.repository) == ["1.0"]  # no tag was needed
    second = signed(asked, with_api, image, key, annotations={"n": "2"}).result["places"]
    assert len(second) == 1 and second != [place]
    assert verified(asked, with_api, image, key).result["good"] == 1
