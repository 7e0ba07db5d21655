"""A stand-in for Vault's transit engine: the two answers that cosign asks for, with a real key behind them.

No Vault and no OpenBao can be had for these tests. What is proven with it is ours (URI, variables, the same key before
each signature) and cosign's own client; that a real Vault answers in just this form is taken from Vault's API
documentation (transit: read key, sign data) and not proven here.
"""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

TOKEN = "hvs.only-the-worker-has-this"


class Transit:
    """One key named `release`, and what was asked."""

    def __init__(self) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.asked: list[str] = []
        self.address = ""

    def public_pem(self) -> str:
        public = self.private.public_key()
        return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()

    def answer(self, method: str, path: str, body: dict[str, str]) -> dict[str, object]:
        if method == "GET" and path == "/v1/transit/keys/release":
            keys = {"1": {"public_key": self.public_pem()}}
            return {"type": "ecdsa-p256", "latest_version": 1, "min_available_version": 0, "keys": keys}
        if method in {"POST", "PUT"} and path.startswith("/v1/transit/sign/release"):
            digest = base64.b64decode(body["input"])
            signature = self.private.sign(digest, ec.ECDSA(Prehashed(hashes.SHA256())))
            return {"signature": "vault:v1:" + base64.b64encode(signature).decode(), "key_version": 1}
        raise LookupError(path)


@contextmanager
def transit() -> Iterator[Transit]:
    """The stand-in on a loopback port while the block runs."""
    kept = Transit()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            path = self.path.partition("?")[0]
            kept.asked.append(f"{self.command} {path}")
            try:
                if self.headers.get("X-Vault-Token") != TOKEN:
                    status, answer = 403, {"errors": ["permission denied"]}
                else:
                    status, answer = 200, {"data": kept.answer(self.command, path, body)}
            except LookupError:
                status, answer = 404, {"errors": []}
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = _serve

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    kept.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
