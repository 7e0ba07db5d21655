"""Ask through the public address what docker asks, in docker's order, and write down what came.

Credentials travel to the public address only, and only over a certificate that was checked (or plain http where that
is what people use, and then to what the name means alone: an address that somebody typed proves nothing). Where the
first answers are wrong the later ones are asked all the same, as far as they need no credentials: what else is wrong
is then known at once.
"""

import asyncio
import email.utils
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from django.utils.translation import gettext as _
from yarl import URL

from harborweb.access.decoder.veil import veiled
from harborweb.access.doctor import certificates, http2
from harborweb.access.doctor.challenge import challenge, claims
from harborweb.access.doctor.exchange import Exchange
from harborweb.access.doctor.seen import Lookup, Port, Seen, Target, Token
from harborweb.access.doctor.wire import Bounds, Wire
from harborweb.deployment.host import addresses
from harborweb.masking import MASK
from harborweb.registry.auth import basic
from harborweb.registry.harbor import reading
from harborweb.registry.harbor.system import OIDC

SERVICE = "harbor-registry"
PREFIXES = ("harbor", "registry", "docker")  # under which people put Harbor, though docker asks at the root


@dataclass(frozen=True)
class Credentials:
    """Who asks for a token; the password stays here."""

    username: str = ""
    password: str = field(default="", repr=False)

    @property
    def header(self) -> dict[str, str]:
        """The Authorization header; none without a user name."""
        return {"Authorization": basic(self.username, self.password)} if self.username else {}


@dataclass
class Examination:
    """One examination: where to, as whom, with which trust, and what was seen."""

    target: Target
    credentials: Credentials
    ca_pem: str
    bounds: Bounds
    seen: Seen
    wire: Wire
    bearer: str = ""

    @classmethod
    def of(
        cls, target: Target, credentials: Credentials, ca_pem: str = "", bounds: Bounds | None = None
    ) -> "Examination":
        """A new one."""
        bounds = bounds or Bounds()
        seen = Seen(target, pause=bounds.pause, chunk=bounds.chunk, announced=bounds.announced)
        return cls(target, credentials, ca_pem, bounds, seen, Wire(bounds, {}, certificates.without_check()))

    async def ask(self, question: str, method: str, path: str, **given: object) -> Exchange:
        """Ask at the public address and keep the exchange under `question`."""
        found = await self.wire.ask(method, self.target.origin + path, **given)  # type: ignore[arg-type]
        self.seen.asked[question] = found
        return found

    def skip(self, why: str, *questions: str) -> None:
        """Write down why questions are not asked."""
        for question in questions:
            self.seen.skipped.setdefault(question, why)


Step = Callable[[Examination], Awaitable[None]]


async def look_up(one: Examination) -> None:
    """1: what the name stands for on this machine."""
    began = time.monotonic()
    if one.target.at:
        one.seen.lookup = Lookup([one.target.at])
        return
    try:
        found = await asyncio.to_thread(addresses.resolve, one.target.name, one.bounds.connect)
        one.seen.lookup = Lookup([str(address) for address in found[:6]])
    except addresses.Unresolved as error:
        one.seen.lookup = Lookup(error=error.reason)
    one.seen.lookup.ms = round((time.monotonic() - began) * 1000)


async def connect(one: Examination) -> None:
    """2: does each address take connections; the certificate, and HTTP/2 where it is offered."""
    seen, target, bounds = one.seen, one.target, one.bounds
    seen.ports = list(
        await asyncio.gather(*(knock(each, target.port, bounds.connect) for each in seen.lookup.addresses))
    )
    address = next((port.address for port in seen.ports if port.open), "")
    if not address:
        why = _("No address of the name takes a connection.") if seen.ports else _("The name stands for no address.")
        one.skip(why, "certificate", "http2", "plain", "ping", "portal", "systeminfo", *CREDENTIALED, *BIG)
        return
    trust = certificates.without_check()
    if target.https:
        seen.certificate = await certificates.look(address, target.port, target.name, one.ca_pem, bounds.connect)
        if not seen.certificate.kind:
            trust = certificates.trust(one.ca_pem)
        if seen.certificate.alpn == "h2":
            seen.http2 = await http2.ping(address, target.port, target.name, target.host, bounds.connect)
    one.wire = Wire(bounds, {target.name: address}, trust)


async def knock(address: str, port: int, seconds: float) -> Port:
    """Open and close a connection."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(seconds):
            _reader, writer = await asyncio.open_connection(address, port)
            writer.transport.abort()
    except TimeoutError:
        return Port(address, False, round(seconds * 1000), _("no answer within %(seconds)g s") % {"seconds": seconds})
    except OSError as error:
        return Port(address, False, round((time.monotonic() - began) * 1000), error.strerror or str(error))
    return Port(address, True, round((time.monotonic() - began) * 1000))


CREDENTIALED = ("token", "known", "says", "upload", "chunk", "cancel", "blob")
BIG = ("big", "stream")


async def answers(one: Examination) -> None:
    """3: what answers: `/v2/`, plain http, the pages, the API; and Harbor itself behind the proxy."""
    if "ping" in one.seen.skipped:
        await _direct(one)
        return
    seen, began = one.seen, time.time()
    ping = await one.ask("ping", "GET", "/v2/")
    if date := ping.header("Date"):
        try:
            seen.clocks["proxy"] = round(email.utils.parsedate_to_datetime(date).timestamp() - began, 1)
        except (ValueError, TypeError, OverflowError):
            seen.clocks.pop("proxy", None)
    await _plain(one)
    await _direct(one)
    if not ping.answered:
        one.skip(_("/v2/ was not answered."), "portal", "systeminfo")
        return
    await _follow(one, "ping", ping)
    await one.ask("portal", "GET", "/")
    await one.ask("systeminfo", "GET", "/api/v2.0/systeminfo", headers={"Accept": "application/json"})
    if challenge(ping) is None:
        await _elsewhere(one)


async def _follow(one: Examination, question: str, first: Exchange) -> None:
    """Where redirects lead, until an answer, a circle or the bound; they are asked without credentials."""
    answer, way = first, [first.url]
    while 300 <= answer.status < 400 and (place := answer.header("Location")) and len(way) <= one.bounds.redirects:
        try:
            url = str(URL(answer.url).join(URL(place, encoded=True)))
            host = URL(url).raw_host
        except ValueError:
            break
        way.append(url)
        if url in way[:-1] or host != one.target.name:
            break
        answer = await one.wire.ask("GET", url)
    if len(way) > 1:
        one.seen.hops[question] = way


async def _plain(one: Examination) -> None:
    """Plain http beside https: does it lead there?"""
    port = one.target.plain_port or (80 if one.target.port == 443 else None)
    if not one.target.https or port is None:
        one.skip(_("People come over http.") if not one.target.https else
                 _("https is not on port 443, so which port http has is not known."), "plain")  # fmt: skip
        return
    url = f"http://{one.target.name}:{port}/v2/"
    one.seen.asked["plain"] = await one.wire.ask("GET", url, seconds=one.bounds.connect)


async def _direct(one: Examination) -> None:
    """Harbor's own address, past the proxy: without credentials and without a look at its certificate."""
    if not one.target.direct:
        one.skip(_("Harbor's own address behind the proxy is not known."), "direct")
        return
    past = Wire(one.bounds, {}, certificates.without_check())
    one.seen.asked["direct"] = await past.ask("GET", one.target.direct + "/v2/", seconds=one.bounds.connect)
    health = await past.ask("GET", one.target.direct + "/api/v2.0/health", seconds=one.bounds.connect)
    one.seen.asked["health"] = health


async def _elsewhere(one: Examination) -> None:
    """`/v2/` is not Harbor's: is Harbor below a path?"""
    for prefix in dict.fromkeys([one.target.path or PREFIXES[0], *PREFIXES]):
        found = await one.wire.ask("GET", f"{one.target.origin}/{prefix}/v2/")
        if challenge(found) is not None or found.header("Docker-Distribution-Api-Version"):
            one.seen.prefixes.append(prefix)
            one.seen.asked["prefix"] = found
            return


async def token(one: Examination) -> None:
    """4: a token from the realm; where the realm is a wrong address, from the public one, so that more is known."""
    seen, found = one.seen, challenge(one.seen.ping)
    if "token" in seen.skipped:
        return
    if found is None:
        one.skip(_("/v2/ named no token service."), *CREDENTIALED)
        return
    if not one.credentials.username:
        one.skip(
            _("No user with the right to push is stored here."), "known", "says", "upload", "chunk", "cancel", "blob"
        )
    elif not seen.trusted:
        one.skip(_("The certificate is not trusted, so no password was sent.") if one.target.https else
                 _("Over http nobody proves to be Harbor, so no password was sent to an address that was typed."),
                 *CREDENTIALED)  # fmt: skip
        return
    scope = f"repository:{one.target.repository}:pull,push" if one.target.repository else ""
    query = {"service": found.service or SERVICE, **({"scope": scope} if scope else {})}
    path = found.url.path if found.url is not None and found.url.path.strip("/") else "/service/token"
    url = URL(one.target.origin).with_path(path).with_query(query)
    headers = one.credentials.header
    answer = await one.wire.ask("GET", str(url), headers)
    body = answer.object() or {}
    made = body.get("token") or body.get("access_token")
    if isinstance(made, str) and made:
        one.bearer = made
        seen.token = _token(made, one.target.repository, one)
        answer = replace(answer, body=answer.body.replace(made, MASK))
    seen.asked["token"] = replace(answer, body=veiled(answer.body))
    if headers:
        await _who(one, headers)


def _token(made: str, repository: str, one: Examination) -> Token:
    said = claims(made)
    granted: list[str] = []
    listed = said.get("access")
    for access in listed if isinstance(listed, list) else ():
        actions = access.get("actions") if isinstance(access, dict) and access.get("name") == repository else None
        granted += [str(action)[:20] for action in actions[:10]] if isinstance(actions, list) else []

    def moment(name: str) -> int | None:
        value = said.get(name)
        sound = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 10**11
        return int(value) if sound and isinstance(value, int | float) else None

    issued = moment("iat")
    if issued is not None:
        one.seen.clocks["token"] = round(issued - time.time(), 1)
    return Token(sorted(set(granted)), issued, moment("nbf"), moment("exp"))


async def _who(one: Examination, headers: dict[str, str]) -> None:
    """Harbor takes a wrong password for nobody and still gives a token; /users/current tells (412: a robot)."""
    answer = await one.ask("known", "GET", "/api/v2.0/users/current", headers=headers)
    one.seen.known = True if answer.status in {200, 412} else False if answer.status == 401 else None
    if (body := answer.object()) is not None:
        one.seen.asked["known"] = _brief(answer, {key: body[key] for key in ("username", "errors") if key in body})
    before = one.seen.asked.get("systeminfo")
    by_oidc = ((before.object() if before is not None else None) or {}).get("auth_mode") == OIDC
    if one.seen.known is False and not by_oidc:
        one.skip(_("Harbor tells it to users only."), "says")
        return
    answer = await one.ask("says", "GET", "/api/v2.0/systeminfo", headers={**headers, "Accept": "application/json"})
    said = answer.object() or {}
    url, version, now = (said.get(key) for key in ("external_url", "harbor_version", "current_time"))
    one.seen.says = url[:300] if isinstance(url, str) else None
    one.seen.version = version[:60] if isinstance(version, str) else ""
    if one.seen.known is False and one.seen.version:  # a CLI secret, which /users/current does not take
        one.seen.known, one.seen.asked["known"] = True, _brief(answer, {"auth_mode": OIDC})
    if (moment := reading.moment(now)) is not None:
        one.seen.clocks["harbor"] = round(moment.timestamp() - time.time(), 1)


def _brief(answer: Exchange, body: dict[str, object]) -> Exchange:
    return replace(answer, body=json.dumps(body))
