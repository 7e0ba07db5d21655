"""The token service: ES256 tokens for what their bearer may do, and the check of them."""

import base64
import json
import time
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from tests.harbor_double.state import State
from tests.harbor_double.who import Who

SERVICE = "harbor-registry"
ACTIONS = ("pull", "push", "delete")


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def allowed(state: State, who: Who, scopes: list[str]) -> list[dict[str, Any]]:
    """What `who` gets for the repositories in `scopes`: all they may do there, not only what was asked for.

    So it is recorded (cosign-experiments, token_scopes): who may push and asks to pull gets both.
    """
    granted = []
    for scope in (one for given in scopes for one in given.split(" ")):
        kind, _, rest = scope.partition(":")
        name, _, _ = rest.rpartition(":")
        project = state.project(name.partition("/")[0])
        actions = [one for one in ACTIONS if project and who.may(project, "repository", one)]
        if kind == "repository":
            granted.append({"type": kind, "name": name, "actions": actions})
    return granted


@dataclass
class Tokens:
    """Makes tokens that are good for `seconds`, and reads them again."""

    seconds: int = 1800
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def make(self, user: str, access: list[dict[str, Any]]) -> str:
        """A signed token."""
        now = int(time.time())
        claims = {
            "iss": "harbor-token-issuer", "sub": user, "aud": SERVICE, "iat": now, "nbf": now,
            "exp": now + self.seconds, "jti": str(time.monotonic_ns()), "access": access,
        }  # fmt: skip
        head = {"typ": "JWT", "alg": "ES256"}
        body = f"{_encode(json.dumps(head).encode())}.{_encode(json.dumps(claims).encode())}"
        r, s = decode_dss_signature(self.key.sign(body.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{body}.{_encode(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    def read(self, token: str) -> dict[str, Any] | None:
        """The claims of a token of ours that has not run out."""
        try:
            body, _, signature = token.rpartition(".")
            raw = _decode(signature)
            der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
            self.key.public_key().verify(der, body.encode(), ec.ECDSA(hashes.SHA256()))
            claims = json.loads(_decode(body.partition(".")[2]))
        except (ValueError, InvalidSignature):
            return None
        return claims if isinstance(claims, dict) and claims.get("exp", 0) > time.time() else None
