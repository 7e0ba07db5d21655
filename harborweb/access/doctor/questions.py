"""Every question with what was asked, what should have come and what came, and its proof. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _
from yarl import URL

from harborweb.access.doctor.challenge import challenge
from harborweb.access.doctor.diagnosis import Diagnosis
from harborweb.access.doctor.exchange import Exchange
from harborweb.access.doctor.rules_way import is_harbors_api
from harborweb.access.doctor.seen import Seen

FINE, LOOK, WRONG, UNKNOWN, SKIPPED = "fine", "look", "wrong", "unsure", "skipped"


@dataclass(frozen=True)
class Question:
    """One row of what we saw. `verdict`: fine, look, wrong, unsure (could not check) or skipped (not asked)."""

    id: str
    hop: str
    title: str
    asked: str
    should: str
    came: str
    verdict: str
    note: str = ""  # where the expectation comes from, or why it was not asked
    proof: str = ""
    mark: str = ""
    ms: int = 0


def questions(seen: Seen, diagnoses: Iterable[Diagnosis]) -> list[Question]:
    """All of them, in docker's order."""
    judged: dict[str, Diagnosis] = {}
    for one in diagnoses:
        judged.setdefault(one.question, one)  # the worst came first
    rows = [*_way(seen), *_registry(seen), *_uploads(seen), *_rest(seen)]
    return [_judged(row, judged.get(row.id), seen) for row in rows]


HIDDEN = "says"  # what Harbor tells to users only
FROM = {"realm": "ping", "clock": "ping"}  # read from another question's answer


def _judged(row: Question, found: Diagnosis | None, seen: Seen) -> Question:
    changed = dict(row.__dict__)
    why = seen.skipped.get(FROM.get(row.id, row.id))
    if row.id == HIDDEN and why is None and not row.came:
        why = _("Harbor did not say it.")
    if row.id == "realm" and why is None and not row.came:
        why = _("/v2/ named no token service.")
    if why is not None and not row.came:
        changed |= {"verdict": SKIPPED, "came": _("not asked"), "note": why}
    elif found is not None:
        changed |= {"verdict": found.verdict, "mark": found.mark, "hop": found.hop}
    elif not row.came:
        changed |= {"verdict": UNKNOWN, "came": _("not seen")}
    elif not _as_it_should(row.id, seen):
        changed |= {"verdict": LOOK}
    return Question(**changed)


STATUSES = {
    "ping": {401}, "known": {200, 412}, "says": {200}, "token": {200}, "big": {401}, "stream": {401}, "upload": {202},
    "chunk": {202}, "cancel": {204}, "blob": {200, 206, 302, 303, 307, 308}, "portal": {200, 301, 302, 307, 308},
    "direct": {401}, "health": {200},
}  # fmt: skip


def _as_it_should(name: str, seen: Seen) -> bool:
    """Whether an answer that no rule speaks of is what was due: nothing is fine only because nobody objected."""
    answer = seen.asked.get(name)
    if answer is None:
        return True
    if name == "systeminfo":
        return is_harbors_api(answer)
    return name not in STATUSES or answer.status in STATUSES[name]


def said(answer: Exchange | None) -> str:
    """An answer in one line."""
    if answer is None:
        return ""
    if answer.answered:
        return f"{answer.status} {answer.reason}".strip()
    return _("silence") if answer.held else answer.detail or answer.error


def _row(seen: Seen, name: str, hop: str, title: str, asked: str, should: str, came: str | None = None,
         note: str = "") -> Question:  # fmt: skip
    answer = seen.asked.get(name)
    return Question(
        name, hop, title, asked, should, said(answer) if came is None else came, FINE, note,
        answer.proof() if answer else "", ms=answer.ms if answer else 0,
    )  # fmt: skip


def _way(seen: Seen) -> list[Question]:
    target, seal = seen.target, seen.certificate
    addresses = ", ".join(seen.lookup.addresses) or seen.lookup.error
    shut = [port for port in seen.ports if not port.open]
    came = shut[0].error if shut else _("open, %(ms)d ms") % {"ms": seen.ports[0].ms} if seen.ports else ""
    rows = [
        Question("lookup", "dns", _("Address"), target.name, _("an address"), addresses, FINE,
                 _("given instead of a look-up") if target.at else "", ms=seen.lookup.ms),
        Question("connect", "proxy", _("Connection"), f"TCP {target.port}", _("open"), came, FINE,
                 ms=seen.ports[0].ms if seen.ports else 0),
    ]  # fmt: skip
    if not target.https:
        return rows
    words = own = ""
    if seal is not None:
        good = _("good until %(ends)s, by %(issuer)s") % {"ends": seal.ends[:10], "issuer": seal.issuer}
        own = _("clients need your own authority for it") if seal.own_ca and not seal.kind else ""
        words = seal.detail or seal.kind if seal.kind else good
    proof = "\n".join(_chain(seen)) if seal is not None else ""
    rows.append(Question("certificate", "proxy", _("Certificate"), _("TLS handshake"), _("accepted by every client"),
                         words, FINE, own, proof, ms=seal.ms if seal else 0))  # fmt: skip
    if seen.http2 is not None:
        came = seen.http2.error or f"HTTP/2 {seen.http2.status or ''}".strip()
        rows.append(Question("http2", "proxy", "HTTP/2", "GET /v2/", _("the same answer"), came, FINE))
    row = _row(seen, "plain", "proxy", _("http leads to https"), "GET http://", _("redirect, or nothing"))
    place = seen.asked["plain"].header("Location") if "plain" in seen.asked else ""
    return [*rows, Question(**{**row.__dict__, "came": f"{row.came} {place}".strip()})]


def _chain(seen: Seen) -> list[str]:
    seal = seen.certificate
    if seal is None:
        return []
    lines = [f"{seal.version} {seal.alpn}".strip()] if seal.version else []
    lines += [f"{number} s: {name}" for number, name in enumerate(seal.chain)]
    lines += [f"  i: {seal.issuer}"] if len(seal.chain) == 1 else []
    lines += [f"SAN: {', '.join(seal.names)}", f"notBefore {seal.begins}", f"notAfter {seal.ends}"]
    return [*lines, f"verify: {seal.detail or 'ok'}"]


def _registry(seen: Seen) -> list[Question]:
    target, found = seen.target, challenge(seen.ping)
    about = "external_url" if target.external_url else ""
    if target.external_url and target.revision:
        about = _("from external_url, revision %(number)d") % {"number": target.revision}
    realm = _row(seen, "ping", "proxy", _("Token address"), "GET /v2/", f"{target.origin}/service/token",
                 found.realm if found else "", about)  # fmt: skip
    token = seen.token
    came = said(seen.asked.get("token")) if token is None else ", ".join(token.granted) or _("a token without rights")
    scope = f"repository:{target.repository}:pull,push" if target.repository else "/service/token"
    return [
        _row(seen, "ping", "proxy", _("A registry answers"), "GET /v2/", "401, Bearer"),
        Question(**{**realm.__dict__, "id": "realm", "ms": 0}),
        _row(seen, "known", "client", _("User is known"), "GET /api/v2.0/users/current", "200 / 412"),
        _row(seen, "token", "harbor", _("Token"), scope, "pull, push" if target.username else _("a token"), came),
    ]  # fmt: skip


def _uploads(seen: Seen) -> list[Question]:
    target, upload = seen.target, seen.asked.get("upload")
    place = upload.header("Location").partition("?")[0] if upload is not None else ""
    went = _row(
        seen, "upload", "proxy", _("Where uploads go"), "POST …/uploads/", f"{target.origin}/v2/…/uploads/…", place
    )
    location = Question(**{**went.__dict__, "id": "location", "ms": 0})
    skipped = seen.skipped.get("upload") or (_("No upload was begun.") if upload is not None and not place else "")
    rows = [
        _row(seen, "big", "proxy", _("Big layers"), "PATCH, 1 GB", _("401 at once")),
        _row(seen, "stream", "proxy", _("Layers pass through"), _("PATCH, chunked"), _("401 at once")),
        _row(seen, "upload", "harbor", _("An upload begins"), "POST …/uploads/", "202"),
        Question(**{**location.__dict__, "verdict": SKIPPED, "came": _("not asked"), "note": skipped})
        if skipped else location,
        _row(seen, "chunk", "proxy", _("A chunk arrives"), "PATCH, 2 MiB", "202"),
        _row(seen, "cancel", "harbor", _("The upload is cancelled"), "DELETE", "204"),
    ]  # fmt: skip
    blob = seen.asked.get("blob")
    place = blob.header("Location") if blob is not None else ""
    row = _row(seen, "blob", "harbor", _("A layer is sent"), "GET …/blobs/…", _("200, or a storage in reach"))
    return [*rows, Question(**{**row.__dict__, "came": f"{row.came} {place}".strip()})]


def _rest(seen: Seen) -> list[Question]:
    clocks = ", ".join(f"{who} {round(ahead):+d} s" for who, ahead in sorted(seen.clocks.items()))
    rows = [
        _row(seen, "portal", "proxy", _("Harbor's pages"), "GET /", "200"),
        _row(
            seen,
            "systeminfo",
            "proxy",
            _("Harbor's API"),
            "GET /api/v2.0/systeminfo",
            "200, JSON",
        ),
        _row(
            seen,
            "says",
            "harbor",
            _("Harbor's own address"),
            "GET /api/v2.0/systeminfo",
            seen.target.origin,
            seen.says or "",
        ),
        Question("clock", "harbor", _("Clocks"), _("Date, iat of the token"), _("within 60 s"), clocks, FINE),
    ]
    if seen.target.direct:
        host = URL(seen.target.direct).authority
        rows.append(_row(seen, "direct", "harbor", _("Harbor, past the proxy"), f"GET /v2/ {host}", "401"))
        rows.append(_row(seen, "health", "harbor", _("Harbor's own opinion"), "GET /api/v2.0/health", "200"))
    return rows
