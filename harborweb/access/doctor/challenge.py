"""The challenge of `GET /v2/`: which token service is named, and whether that is one people can reach.

The rule (facts, Harbor 2.14 and later): realm = scheme of the external_url that runs + the Host of the request +
/service/token.
"""

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import Any

from yarl import URL

from harborweb.access.doctor.exchange import Exchange

_PAIR = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')


@dataclass(frozen=True)
class Challenge:
    """A Www-Authenticate header of kind Bearer."""

    realm: str
    service: str

    @property
    def url(self) -> URL | None:
        """The realm as an address; None when it is none."""
        try:
            found = URL(self.realm)
            usable = found.scheme in {"http", "https"} and bool(found.host)
        except ValueError:  # of the host's letters, too
            return None
        return found if usable else None


def challenge(answer: Exchange | None) -> Challenge | None:
    """The Bearer challenge of an answer; None when it has none."""
    for name, value in answer.headers if answer else ():
        kind, _space, rest = value.partition(" ")
        if name.lower() == "www-authenticate" and kind.lower() == "bearer":
            pairs = {key.lower(): quoted or plain for key, quoted, plain in _PAIR.findall(rest)}
            return Challenge(pairs.get("realm", ""), pairs.get("service", ""))
    return None


def claims(token: str) -> dict[str, Any]:
    """The claims of a JWT, unverified: they tell clocks and rights, and decide nothing."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
