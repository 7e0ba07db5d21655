"""How a registry wants to be asked: anonymously, with a password, or with a token from its token service.

Sources: RFC 9110 section 11.6.1 (WWW-Authenticate); distribution's "Token Authentication Specification".
"""

import asyncio
import base64
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.utils.translation import gettext as _
from yarl import URL

from harborweb.registry import errors
from harborweb.registry.endpoint import Endpoint, Limits, host_of
from harborweb.registry.transport import Answer, Transport, parse_object

DEFAULT_SECONDS = 60  # where a token service names none (the specification's own default)
LONGEST_SECONDS = 3600
SLACK_SECONDS = 10
TOKEN_BYTES = 256 * 1024
CATALOG = "registry:catalog:*"
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 (RFC 9110's "token", no secret)
_ITEM = re.compile(rf'[\s,]*({_TOKEN})(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|({_TOKEN})))?')
_BEARER = re.compile(r"[A-Za-z0-9._~+/-]+=*")


@dataclass(frozen=True)
class Challenge:
    """One way to sign in that a WWW-Authenticate header offers."""

    scheme: str
    parameters: dict[str, str] = field(default_factory=dict)


def challenges(headers: Iterable[str]) -> list[Challenge]:
    """Every challenge in WWW-Authenticate headers; values may be quoted and hold commas; junk ends the reading."""
    found: list[Challenge] = []
    for header in headers:
        position = 0
        while match := _ITEM.match(header, position):
            position = match.end()
            name, quoted, bare = match.groups()
            if quoted is None and bare is None:
                found.append(Challenge(name.lower()))
            elif found:
                value = bare if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
                found[-1].parameters.setdefault(name.lower(), value)
    return found


def basic(username: str, password: str) -> str:
    """The Authorization header for a user name and password."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


@dataclass
class Token:
    """A token for one scope, until `expires`; `worked` once a request with it was let in."""

    header: str
    expires: float
    worked: bool = False


class Authenticator:
    """Remembers how the registry wants to be asked and keeps its tokens, one for each scope, until they expire.

    Harbor 2.15 answers a request that carried any Authorization with `Basic` as its challenge, and wants basic
    for its catalog alone: so a token that worked before is renewed, and only for a scope whose token never
    worked is the password tried directly.
    """

    def __init__(self, endpoint: Endpoint, limits: Limits, transport: Transport) -> None:
        self._endpoint = endpoint
        self._limits = limits
        self._transport = transport
        self._tokens: dict[str, Token] = {}
        self._basic: set[str] = set()  # scopes that take no token
        self._locks: dict[str, asyncio.Lock] = {}
        self._realm: Challenge | None = None
        self.scheme = ""  # what the registry asked for: "", "basic" or "bearer"

    @property
    def service(self) -> str:
        """The name of the registry's token service, such as harbor-registry; empty without one."""
        return self._realm.parameters.get("service", "") if self._realm else ""

    async def header(self, scope: str) -> str:
        """The Authorization header to send at once for `scope`; empty while nothing is known to be needed."""
        if self._realm is not None and scope not in self._basic:
            return await self._bearer(self._realm, scope, scope, used="")
        return self._password if self.scheme or scope in self._basic else ""

    def worked(self, scope: str, header: str) -> None:
        """Remember that a request with `header` was let in."""
        token = self._tokens.get(scope)
        if token is not None and token.header == header:
            token.worked = True

    async def renewed(self, answer: Answer, scope: str, used: str) -> str:
        """The header to try after a 401 that came although `used` was sent; empty when there is nothing new to try."""
        offered = challenges(answer.headers.getall("WWW-Authenticate", []))
        for challenge in offered:
            if challenge.scheme == "bearer" and challenge.parameters.get("realm"):
                self.scheme, self._realm = "bearer", challenge
                return await self._bearer(challenge, scope, challenge.parameters.get("scope") or scope, used=used)
        if not any(challenge.scheme == "basic" for challenge in offered):
            return ""
        token = self._tokens.get(scope)
        if self._realm is not None and token is not None and token.worked:
            return await self._bearer(self._realm, scope, scope, used=used)
        if self._realm is not None or scope == CATALOG:
            self._basic.add(scope)
        else:
            self.scheme = "basic"
        return self._password if used != self._password else ""

    @property
    def _password(self) -> str:
        return basic(self._endpoint.username, self._endpoint.password) if self._endpoint.username else ""

    async def _bearer(self, challenge: Challenge, scope: str, asked: str, *, used: str) -> str:
        """A token kept for `scope`, other than `used`, fetched for the scope `asked`; several askers share a fetch."""
        async with self._locks.setdefault(scope, asyncio.Lock()):
            token = self._tokens.get(scope)
            if token is None or token.header == used or token.expires <= time.monotonic():
                header, seconds = await self._fetch(challenge, asked)
                token = self._tokens[scope] = Token(header, time.monotonic() + seconds)
            return token.header

    async def _fetch(self, challenge: Challenge, asked: str) -> tuple[str, float]:
        """Ask the token service; returns the header and for how long it is good."""
        realm = self._realm_url(challenge.parameters["realm"])
        query = [("service", challenge.parameters["service"])] if "service" in challenge.parameters else []
        query += [("scope", one) for one in asked.split(" ") if one]
        headers = {"Accept": "application/json"}
        if self._password:
            headers["Authorization"] = self._password
        answer = await self._transport.fetch("GET", realm.extend_query(query), headers=headers, limit=TOKEN_BYTES)
        host = host_of(realm)
        if answer.status in {401, 403} and self._endpoint.username:
            raise errors.wrong_password(host, self._endpoint.username, answer.status)
        if answer.status == 401:
            raise errors.refused(host, "", "bearer", asked or _("anything"))
        if answer.status == 404:  # nothing that was asked for is "not there" because the token service is not
            raise errors.not_a_registry(host, _("it answered 404 where a token was due"), 404)
        if answer.status != 200:
            raise errors.from_status(host, answer.status, answer.body, _("a token"))
        content = parse_object(answer.body, host, self._limits.json_depth)
        token = content.get("token") or content.get("access_token")
        if not isinstance(token, str) or not _BEARER.fullmatch(token):
            raise errors.odd(host, _("its token service sent no token"))
        return f"Bearer {token}", _lifetime(content.get("expires_in"))

    def _realm_url(self, text: str) -> URL:
        """The token service's address; plain http only where this registry may use it."""
        try:
            realm = URL(text)
            usable = realm.scheme in {"http", "https"} and bool(realm.host) and not realm.user
        except ValueError:
            realm, usable = URL(), False
        if not usable:
            raise errors.odd(self._endpoint.host, _("the address of its token service is none"))
        if realm.scheme == "http" and not self._endpoint.allow_http:
            raise errors.http_refused(f"http://{host_of(realm)}")
        return realm


def _lifetime(expires_in: object) -> float:
    """For how many seconds a token is used: what the service says, less some slack, an hour at most."""
    sound = isinstance(expires_in, int | float) and not isinstance(expires_in, bool) and 0 < expires_in < 10**9
    seconds = float(expires_in) if sound and isinstance(expires_in, int | float) else float(DEFAULT_SECONDS)
    return min(seconds - min(SLACK_SECONDS, seconds / 4), LONGEST_SECONDS)
