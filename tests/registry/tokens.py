"""A small, real token service for distribution's `auth: token`: it signs ES256 tokens for what its users may do."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tests.registry.tls import authority

SERVICE = "lab, the registry"  # a comma inside quotes


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class Tokens:
    """The running service: `asked` are the scopes that tokens were made for."""

    url: str
    certificate: Path
    key: ec.EllipticCurvePrivateKey
    users: dict[str, str]
    public: tuple[str, ...]
    seconds: int
    valid: int
    asked: list[list[str]] = field(default_factory=list)

    @property
    def registry_configuration(self) -> str:
        """What distribution's configuration needs to trust this service."""
        values = {"realm": self.url, "service": SERVICE, "issuer": "tests", "rootcertbundle": self.certificate}
        return "auth:\n  token:\n" + "".join(f'    {name}: "{value}"\n' for name, value in values.items())

    def wait_until_expired(self) -> None:
        """Let the newest token run out; distribution allows its clock a minute, so its own leeway is added to none."""
        time.sleep(self.valid + 0.5)

    def allowed(self, user: str, scopes: list[str]) -> list[dict[str, Any]]:
        """What `user` gets of what was asked for."""
        granted = []
        for scope in scopes:
            kind, _, rest = scope.partition(":")
            name, _, actions = rest.rpartition(":")
            if user:
                granted.append({"type": kind, "name": name, "actions": actions.split(",")})
            elif name.startswith(self.public):
                granted.append({"type": kind, "name": name, "actions": ["pull"]})
        return granted

    def token(self, user: str, scopes: list[str]) -> str:
        """A signed token."""
        now = int(time.time())
        leaf = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        der = leaf.public_bytes(serialization.Encoding.DER)
        head = {"typ": "JWT", "alg": "ES256", "x5c": [base64.b64encode(der).decode()]}
        claims = {
            "iss": "tests", "sub": user, "aud": SERVICE, "iat": now - 90, "nbf": now - 90,
            "jti": str(time.monotonic_ns()), "exp": now + self.valid - (60 if self.valid < 60 else 0),
            "access": self.allowed(user, scopes),
        }  # fmt: skip
        body = f"{_encode(json.dumps(head).encode())}.{_encode(json.dumps(claims).encode())}"
        r, s = decode_dss_signature(self.key.sign(body.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{body}.{_encode(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _handler(tokens: Tokens) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            user = ""
            if given := self.headers.get("Authorization"):
                user, _, password = base64.b64decode(given.removeprefix("Basic ")).decode().partition(":")
                if tokens.users.get(user) != password:
                    self.send_error(401)
                    return
            if query.get("service") != [SERVICE]:
                self.send_error(400)
                return
            scopes = query.get("scope", [])
            tokens.asked.append(scopes)
            body = json.dumps({"token": tokens.token(user, scopes), "expires_in": tokens.seconds}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


@contextmanager
def token_service(
    folder: Path, users: dict[str, str], public: tuple[str, ...] = (), seconds: int = 300, valid: int = 300
) -> Iterator[Tokens]:
    """Run the service on loopback; a token says it is good for `seconds` and is for `valid`."""
    made = authority(folder / "tokens")
    key = serialization.load_pem_private_key(made.key.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    tokens = Tokens("", made.certificate, key, users, public, seconds, valid)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(tokens))
    tokens.url = f"http://127.0.0.1:{server.server_port}/token"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield tokens
    finally:
        server.shutdown()
        server.server_close()
