"""The way from a client to Harbor, hop by hop, as the page draws it. Pure: an examination's result in, hops out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from yarl import URL

from harborweb.access.doctor.diagnosis import HOPS

WORST = ("wrong", "look", "unsure", "fine")
STATES = {"wrong": "bad", "look": "warn", "unsure": "unsure", "fine": "good", "skipped": "off"}


@dataclass(frozen=True)
class Mark:
    """A short line of a hop: a state and words."""

    verdict: str
    words: str


@dataclass
class Hop:
    """A box of the picture, and the wire that leads on from it."""

    id: str
    title: str
    lines: list[tuple[str, bool]] = field(default_factory=list)  # words, and whether they are an address
    marks: list[Mark] = field(default_factory=list)
    verdict: str = "fine"
    wire: str = ""
    wire_note: str = ""
    wire_verdict: str = "fine"

    @property
    def state(self) -> str:
        """The verdict as templates name states."""
        return STATES[self.verdict]

    @property
    def wire_state(self) -> str:
        """The wire's."""
        return STATES[self.wire_verdict]


def hops(result: Mapping[str, Any]) -> list[Hop]:
    """Client, DNS, proxy and Harbor."""
    seen, asked = result["seen"], {one["id"]: one for one in result["questions"]}
    drawn = [_client(seen, asked), _dns(seen, asked), _proxy(seen, asked), _harbor(seen, asked)]
    reached = True
    for hop in drawn:
        mine = [one["verdict"] for one in result["diagnoses"] if one["hop"] == hop.id]
        hop.verdict = next((verdict for verdict in WORST if verdict in mine), "fine") if reached or mine else "skipped"
        _mend(hop, mine)
        if hop.id in {"dns", "proxy"} and _stops(result["diagnoses"], hop.id):
            hop.wire_verdict, hop.wire_note = "wrong", _("breaks here")
            reached = reached and asked["ping"]["came"].startswith("401") and hop.id == "proxy"
    if not reached and asked.get("direct", {}).get("verdict") == "fine" and not _of(result["diagnoses"], "harbor"):
        drawn[-1].verdict = "fine"  # asked past the proxy
    return drawn


def named(drawn: Sequence[Hop], findings: Sequence[Mapping[str, Any]], columns: Sequence[Mapping[str, Any]]) -> None:
    """Write on the hop of DNS what the board found out about the name."""
    words = {
        "hairpin": _("leads out to the public address"), "loopback": _("means this host itself"),
        "private_outside": _("is private outside"),
    }  # fmt: skip
    inside: list[str] = next((one["addresses"] for one in columns if one["place"] == "container"), [])
    container = _("containers get %(addresses)s") % {"addresses": ", ".join(inside[:2])}
    hop = next(one for one in drawn if one.id == "dns")
    hop.marks += [Mark("look", words.get(one["id"], container)) for one in findings]
    if findings and hop.verdict == "fine":
        hop.verdict = "look"


def _of(diagnoses: Sequence[Mapping[str, Any]], hop: str) -> bool:
    return any(one["hop"] == hop for one in diagnoses)


def _mend(hop: Hop, mine: list[str]) -> None:
    """A hop that is fine although a mark is not says so by its marks alone."""
    if hop.verdict == "skipped":
        hop.marks = [Mark("skipped", _("not reached"))]
    elif hop.verdict == "fine" and not mine and any(mark.verdict == "unsure" for mark in hop.marks):
        hop.verdict = "unsure"


def _stops(diagnoses: Sequence[Mapping[str, Any]], hop: str) -> bool:
    return any(one["hop"] == hop and one["verdict"] == "wrong" for one in diagnoses)


def _mark(asked: Mapping[str, Any], question: str, fine: str, wrong: str) -> list[Mark]:
    """A mark for a question that was asked."""
    one = asked.get(question)
    if one is None or one["verdict"] in {"skipped", "unsure"}:
        return []
    return [Mark(one["verdict"], fine if one["verdict"] == "fine" else wrong)]


def _told(asked: Mapping[str, Any], wrong: bool, words: str, wrong_words: str) -> list[Mark]:
    """A mark that the realm tells: its host is the proxy's to pass on, its scheme is Harbor's own."""
    if asked.get("realm", {}).get("verdict") in {None, "skipped", "unsure"}:
        return []
    return [Mark("wrong", wrong_words) if wrong else Mark("fine", words)]


def _client(seen: Mapping[str, Any], asked: Mapping[str, Any]) -> Hop:
    hop = Hop("client", _("Client"))
    hop.lines = [(_("as docker asks, on %(machine)s") % {"machine": seen["machine"]}, False)]
    seal = seen["certificate"]
    if seal is not None:
        words = _("trusts the certificate, with your CA") if seal["own_ca"] else _("trusts the certificate")
        good = not seal["kind"]
        hop.marks.append(Mark("fine" if good else "wrong", words if good else _("refuses the certificate")))
    ahead = [abs(seconds) for seconds in seen["clocks"].values()]
    if ahead:
        words = _("clocks within %(seconds)d s") % {"seconds": round(max(ahead)) or 1}
        hop.marks.append(Mark(asked["clock"]["verdict"], words))
    hop.marks += _mark(asked, "known", _("is known to Harbor"), _("is not known to Harbor"))
    hop.wire, hop.wire_note = "DNS, 53", _("%(ms)d ms") % {"ms": seen["lookup"]["ms"]}
    return hop


def _dns(seen: Mapping[str, Any], asked: Mapping[str, Any]) -> Hop:
    lookup, target = seen["lookup"], seen["target"]
    hop = Hop("dns", "DNS", [(one, True) for one in lookup["addresses"][:3]] or [(lookup["error"], False)])
    if target["at"]:
        hop.lines.append((_("given, not looked up"), False))
    hop.marks += _mark(asked, "lookup", _("the name has an address"), _("the name has no address"))
    shut = [one for one in seen["ports"] if not one["open"]]
    if shut and len(shut) < len(seen["ports"]):
        hop.marks.append(Mark("look", _("%(address)s is shut") % {"address": shut[0]["address"]}))
    url = URL(target["url"])
    hop.wire = f"{url.scheme}, {url.port}"
    if seen["ports"]:
        hop.wire_note = _("%(ms)d ms") % {"ms": seen["ports"][0]["ms"]}
    return hop


def _proxy(seen: Mapping[str, Any], asked: Mapping[str, Any]) -> Hop:
    target, seal = seen["target"], seen["certificate"]
    hop = Hop("proxy", _("Reverse proxy"))
    server = _server(asked)
    open_ = next((one for one in seen["ports"] if one["open"]), None)
    hop.lines = [(server, False)] if server else []
    if open_ is not None:
        hop.lines.append((f"{open_['address']}:{URL(target['url']).port}", True))
    if seal is not None and seal["ends"]:
        words = _("certificate good, %(days)d d left") % {"days": seal["days"]}
        hop.marks += _mark(asked, "certificate", words, _("certificate refused")) if seal["kind"] else [
            Mark("look" if seal["days"] < 15 else "fine", words)
        ]  # fmt: skip
    if (ping := asked.get("ping")) is not None and ping["verdict"] == "wrong":
        hop.marks.append(Mark("wrong", _("%(status)s at /v2/") % {"status": ping["came"][:40]}))
    rules = {one["rule"] for one in seen.get("rules", [])}
    hop.marks += _told(asked, "realm_host" in rules, _("passes Host"), _("Host is lost"))
    hop.marks += _mark(asked, "location", _("passes X-Forwarded-Proto"), _("X-Forwarded-Proto is missing")
                       if "location_scheme" in rules else _("uploads are sent elsewhere"))  # fmt: skip
    hop.marks += _mark(asked, "big", _("takes 1 GB uploads"), _("keeps layers first") if "buffering" in rules
                       else _("takes no large layers"))  # fmt: skip
    hop.marks += _mark(asked, "stream", _("passes layers through"), _("keeps chunked layers"))
    hop.marks += _mark(asked, "chunk", _("takes 2 MiB chunks"), _("cuts chunks off")
                       if "timeouts" in rules else _("refuses chunks"))  # fmt: skip
    where = URL(target["direct"]) if target["direct"] else None
    hop.wire = f"{where.scheme}, {where.port}" if where is not None else _("to Harbor")
    return hop


def _server(asked: Mapping[str, Any]) -> str:
    proof = str(asked.get("ping", {}).get("proof", ""))
    return next(
        (line.partition(":")[2].strip()[:40] for line in proof.splitlines() if line.lower().startswith("server:")), ""
    )


def _harbor(seen: Mapping[str, Any], asked: Mapping[str, Any]) -> Hop:
    target = seen["target"]
    hop = Hop("harbor", "Harbor", [(_("nginx and core"), False)])
    if seen["version"]:
        hop.lines = [(_("nginx and core, %(version)s") % {"version": seen["version"].partition("-")[0]}, False)]
    if target["direct"]:
        hop.lines.append((URL(target["direct"]).authority, True))
    ms = asked.get("direct", asked.get("ping", {})).get("ms", 0)
    hop.marks += _mark(asked, "direct", _("answers in %(ms)d ms") % {"ms": ms}, _("does not answer"))
    rules = {one["rule"] for one in seen.get("rules", [])}
    hop.marks += _told(asked, "realm_scheme" in rules, _("knows its address"), _("believes it is elsewhere"))
    hop.marks += _mark(asked, "token", _("gives tokens"), _("gives no token"))
    hop.marks += _mark(asked, "blob", _("sends layers"), _("layers are out of reach"))
    return hop


def known(hop: str) -> str:
    """A hop's name in words."""
    return dict(zip(HOPS, (_("Client"), "DNS", _("Reverse proxy"), "Harbor"), strict=True)).get(hop, hop)
