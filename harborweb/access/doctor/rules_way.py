"""Rules about the way there: name, port, certificate, and what answers at all."""

from django.utils.translation import gettext_lazy as _
from yarl import URL

from harborweb.access.doctor.certificates import SOON
from harborweb.access.doctor.challenge import challenge
from harborweb.access.doctor.diagnosis import Found, Rule, Words
from harborweb.access.doctor.exchange import Exchange
from harborweb.access.doctor.seen import Seen, origin

TLS = ("tls", "expired", "not_yet", "wrong_name", "self_signed", "missing_intermediate", "unknown_ca", "tls_refused")
NO_REGISTRY = (
    "redirect_loop", "redirected", "upstream_tls", "upstream_down", "upstream_slow", "refused_by_proxy", "no_answer",
    "http2_only", "path_prefix", "wrong_upstream", "closed", "no_address",
)  # fmt: skip


def _no_address(seen: Seen) -> Words | None:
    return {"name": seen.target.name, "why": seen.lookup.error or "–"} if not seen.lookup.addresses else None


def _closed(seen: Seen) -> Words | None:
    shut = [port for port in seen.ports if not port.open]
    if not shut or len(shut) < len(seen.ports):
        return None
    return {"name": seen.target.name, "port": seen.target.port, "address": shut[0].address, "why": shut[0].error}


def _some_closed(seen: Seen) -> Words | None:
    shut = [port for port in seen.ports if not port.open]
    if not shut or len(shut) == len(seen.ports):
        return None
    return {"name": seen.target.name, "port": seen.target.port, "address": shut[0].address, "why": shut[0].error}


def _certificate(kind: str) -> Found:
    def found(seen: Seen) -> Words | None:
        seal = seen.certificate
        if seal is None or seal.kind != kind:
            return None
        return {
            "name": seen.target.name, "subject": seal.subject, "issuer": seal.issuer, "why": seal.detail,
            "ends": seal.ends[:10], "begins": seal.begins[:16].replace("T", " "), "missing": seal.missing,
            "names": ", ".join(seal.names) or "–", "count": len(seal.chain), "days": -seal.days,
        }  # fmt: skip

    return found


def _soon(seen: Seen) -> Words | None:
    seal = seen.certificate
    if seal is None or seal.kind or seal.days >= SOON:
        return None
    return {"subject": seal.subject, "days": seal.days, "ends": seal.ends[:10]}


def _http2_only(seen: Seen) -> Words | None:
    ping = seen.ping
    return {"url": seen.target.origin, "mark": "\\x00"} if ping is not None and ping.error == "http2" else None


def _http2_broken(seen: Seen) -> Words | None:
    two, ping = seen.http2, seen.ping
    if two is None or not two.offered or ping is None or not ping.answered:
        return None
    if two.error:
        return {"why": two.error, "status": ping.status}
    return None if two.status in {0, ping.status} else {"why": f"HTTP/2 {two.status}", "status": ping.status}


def is_registry(answer: Exchange | None) -> bool:
    """Whether a registry's core gave this answer."""
    if answer is None or not answer.answered:
        return False
    said = answer.object() or {}
    return bool(challenge(answer) or answer.header("Docker-Distribution-Api-Version")) or (
        answer.status == 401 and isinstance(said.get("errors"), list)
    )


def is_harbors_api(answer: Exchange | None) -> bool:
    """Whether this is Harbor's systeminfo."""
    said = answer.object() if answer is not None and answer.status == 200 else None
    return said is not None and "auth_mode" in said


def _circle(seen: Seen) -> Words | None:
    for way in seen.hops.values():
        if len(set(way)) < len(way) or len(way) > 6:
            return {"url": way[0], "to": way[1], "count": len(way) - 1, "mark": "Location"}
    return None


def _redirected(seen: Seen) -> Words | None:
    ping = seen.ping
    if ping is None or not 300 <= ping.status < 400:
        return None
    return {"status": ping.status, "to": ping.header("Location")[:200] or "–", "mark": "Location"}


def _upstream_tls(seen: Seen) -> Words | None:
    ping = seen.ping
    if ping is None or ping.status != 400:
        return None
    said = ping.body.lower()
    signs = ("plain http request was sent to https port", "http request to an https server")
    return {"mark": "HTTP/"} if any(sign in said for sign in signs) else None


def _direct_words(seen: Seen) -> str:
    direct = seen.asked.get("direct")
    if direct is None:
        return str(_("Whether Harbor itself runs was not asked: its own address is not known."))
    words = {"address": seen.target.direct, "status": direct.status, "why": direct.detail or direct.error}
    if is_registry(direct):
        return str(_("Harbor itself answers at %(address)s, so the proxy asks at another place.")) % words
    if direct.answered:
        return str(_("At %(address)s something else than Harbor answers (%(status)d).")) % words
    return str(_("Harbor itself does not answer at %(address)s either: %(why)s.")) % words


def _status(*wanted: int) -> Found:
    def found(seen: Seen) -> Words | None:
        ping = seen.ping
        if ping is None or ping.status not in wanted or is_registry(ping):
            return None
        return {"status": ping.status, "direct": _direct_words(seen), "mark": "HTTP/"}

    return found


def _refused(seen: Seen) -> Words | None:
    ping = seen.ping
    if ping is None or ping.status not in {403, 405, 406, 407, 429} or is_registry(ping):
        return None
    return {"status": ping.status, "kind": ping.media_type or "–", "mark": "HTTP/"}


def _no_answer(seen: Seen) -> Words | None:
    ping = seen.ping
    if ping is None or ping.answered:
        return None
    return {"why": ping.detail or ping.error, "url": seen.target.origin}


def _prefix(seen: Seen) -> Words | None:
    ping = seen.ping
    if ping is None or is_registry(ping):
        return None
    if seen.prefixes:
        return {"prefix": "/" + seen.prefixes[0], "status": ping.status, "mark": "HTTP/"}
    if is_harbors_api(seen.asked.get("systeminfo")):
        return {"prefix": "/api", "status": ping.status, "mark": "HTTP/"}
    return None


def _wrong(seen: Seen) -> Words | None:
    ping = seen.ping
    if ping is None or is_registry(ping):
        return None
    what = ping.media_type or "–"
    return {"status": ping.status, "kind": what, "server": ping.header("Server") or "–", "direct": _direct_words(seen),
            "mark": "HTTP/"}  # fmt: skip


def _down(seen: Seen) -> Words | None:
    direct = seen.asked.get("direct")
    if direct is None or direct.answered or is_registry(seen.ping):
        return None
    return {"address": seen.target.direct, "why": direct.detail or direct.error}


def _unhealthy(seen: Seen) -> Words | None:
    said = seen.asked["health"].object() if "health" in seen.asked else None
    if said is None or said.get("status") in {None, "healthy"}:
        return None
    listed = said.get("components")
    parts = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    ill = [str(one.get("name"))[:40] for one in parts if one.get("status") != "healthy"]
    return {"parts": ", ".join(ill[:8]) or "–", "mark": "unhealthy"}


def _plain_served(seen: Seen) -> Words | None:
    plain = seen.asked.get("plain")
    if plain is None or not plain.answered or 300 <= plain.status < 400:
        return None
    return {"status": plain.status, "url": plain.url, "mark": "HTTP/"}


def _plain_wrong(seen: Seen) -> Words | None:
    plain = seen.asked.get("plain")
    if plain is None or not 300 <= plain.status < 400:
        return None
    place = plain.header("Location")
    try:
        ends = origin(URL(plain.url).join(URL(place, encoded=True)))
    except ValueError:
        return {"to": place[:200] or "–", "mark": "Location"}
    return None if ends == seen.target.origin else {"to": place[:200], "mark": "Location"}


WAY = (
    Rule("no_address", "dns", "wrong", "lookup", _no_address,
         _("%(name)s stands for no address."),
         _("The name servers of this machine answered: %(why)s. docker on it cannot even begin. Put the name into "
           "the DNS of your network.")),
    Rule("closed", "proxy", "wrong", "connect", _closed,
         _("Nothing takes connections at %(address)s, port %(port)d."),
         _("The name %(name)s leads there, and the connection failed: %(why)s. Start the proxy, open the port in its "
           "firewall, or let the name stand for the machine where it listens."), tag="listen"),
    Rule("some_closed", "dns", "look", "connect", _some_closed,
         _("One address of %(name)s takes no connection: %(address)s."),
         _("At port %(port)d: %(why)s. Clients that try it first wait or fail. Take the address out of your DNS, or "
           "let the proxy listen there too.")),
    Rule("tls", "proxy", "wrong", "certificate", _certificate("handshake"),
         _("The port answers, but not with TLS."),
         _("The handshake failed: %(why)s. docker says “server gave HTTP response to HTTPS client” or breaks off. Let "
           "this port of the proxy speak TLS."), tag="certificate", keys=("https.port",)),
    Rule("expired", "proxy", "wrong", "certificate", _certificate("expired"),
         _("The certificate expired on %(ends)s."),
         _("It is %(subject)s, issued by %(issuer)s. Every client refuses it. Renew it, then let the proxy read it."),
         tag="certificate", keys=("https.certificate",)),
    Rule("not_yet", "proxy", "wrong", "certificate", _certificate("not_yet"),
         _("The certificate is not valid before %(begins)s UTC."),
         _("Every client refuses it until then. Look at the clock of the machine that issued it, and at this one's."),
         tag="certificate", keys=("https.certificate",)),
    Rule("wrong_name", "proxy", "wrong", "certificate", _certificate("name"),
         _("The certificate is for %(names)s, not for %(name)s."),
         _("Clients that come by this name refuse it. Have one issued for %(name)s, or let the proxy choose the right "
           "one for this name."), tag="certificate", keys=("https.certificate", "hostname")),
    Rule("self_signed", "proxy", "wrong", "certificate", _certificate("self_signed"),
         _("The certificate signed itself, and nobody here trusts it."),
         _("It is %(subject)s. Every client has to be given it as an authority, or take one from an authority that "
           "clients know."), tag="certificate", keys=("https.certificate",)),
    Rule("missing_intermediate", "proxy", "wrong", "certificate", _certificate("missing_intermediate"),
         _("The proxy does not send the certificate between: %(missing)s."),
         _("It sends %(count)d, and the last one was issued by %(missing)s, which no client has. Browsers may find it "
           "by themselves, docker does not. Give the proxy the file that your authority calls full chain."),
         tag="chain", keys=("https.certificate",)),
    Rule("unknown_ca", "client", "wrong", "certificate", _certificate("unknown_ca"),
         _("The certificate is by an authority that this machine does not know: %(issuer)s."),
         _("docker on this machine refuses it (%(why)s). Give the authority's certificate to every client, and to this "
           "registry's settings here."), keys=("https.certificate",)),
    Rule("tls_refused", "proxy", "wrong", "certificate", _certificate("refused"),
         _("A client refuses the certificate: %(why)s."),
         _("It is %(subject)s, issued by %(issuer)s. Have a new one issued."), tag="certificate",
         keys=("https.certificate",)),
    Rule("soon", "proxy", "look", "certificate", _soon,
         _("The certificate ends in %(days)d days, on %(ends)s."),
         _("It is %(subject)s. Renew it before: then every client would refuse it."), tag="certificate",
         keys=("https.certificate",)),
    Rule("http2_only", "proxy", "wrong", "ping", _http2_only,
         _("The port speaks HTTP/2 without TLS, which docker does not."),
         _("%(url)s answers a request of HTTP/1.1 with frames of HTTP/2; docker says “malformed HTTP response”. Take "
           "http2 off this listener: it belongs to the one with TLS."), tag="listen"),
    Rule("http2_broken", "proxy", "wrong", "http2", _http2_broken,
         _("HTTP/2 is offered and does not work."),
         _("Over HTTP/1.1 the same question is answered with %(status)d, over HTTP/2 not: %(why)s. docker takes HTTP/2 "
           "whenever it is offered. Take it off, or pass on to something that speaks it."), tag="listen"),
    Rule("redirect_loop", "proxy", "wrong", "ping", _circle,
         _("/v2/ is redirected in a circle."),
         _("%(url)s leads to %(to)s, and after %(count)d redirects nothing had answered. Mostly the proxy passes on "
           "to Harbor's http port while Harbor has https and sends everybody back to https: pass on to its https "
           "port, or let only the proxy have https."), tag="redirect", keys=("https", "external_url")),
    Rule("redirected", "proxy", "wrong", "ping", _redirected,
         _("/v2/ is redirected elsewhere."),
         _("It answers %(status)d to %(to)s. docker needs Harbor's own answer at this address."), tag="redirect",
         keys=("external_url",), unless=("redirect_loop",)),
    Rule("upstream_tls", "proxy", "wrong", "ping", _upstream_tls,
         _("The proxy speaks http to Harbor's https port."),
         _("Harbor answered “plain HTTP request was sent to HTTPS port”. Pass on to https://, or to Harbor's "
           "http port."),
         tag="upstream", keys=("http.port", "https.port")),
    Rule("upstream_slow", "proxy", "wrong", "ping", _status(504),
         _("The proxy waited for Harbor in vain (504)."),
         _("%(direct)s Look at the address that it passes on to, at the firewall between, and at its timeouts."),
         tag="upstream", keys=("http.port",)),
    Rule("upstream_down", "proxy", "wrong", "ping", _status(502, 503),
         _("The proxy does not reach Harbor (%(status)d)."),
         _("%(direct)s Look at the address that it passes on to, and whether Harbor listens there."), tag="upstream",
         keys=("http.port",)),
    Rule("refused_by_proxy", "proxy", "wrong", "ping", _refused,
         _("Something before Harbor refuses /v2/ (%(status)d)."),
         _("Harbor would answer JSON, this is %(kind)s: a firewall for web applications, an access list or a sign-in "
           "page. Let it pass /v2/ and /service/token."), tag="path"),
    Rule("no_answer", "proxy", "wrong", "ping", _no_answer,
         _("The connection ends without an answer."),
         _("%(url)s took the request for /v2/ and then: %(why)s. Look at the proxy's error log."), tag="upstream",
         unless=(*TLS, "http2_only")),
    Rule("path_prefix", "proxy", "wrong", "ping", _prefix,
         _("Harbor answers below %(prefix)s, and docker asks at /v2/."),
         _("/v2/ itself answers %(status)d and is not Harbor's. docker always asks at the root of a host: pass the "
           "whole host on to Harbor, without a path, and give Harbor a name of its own."), tag="path",
         keys=("external_url",), unless=("redirect_loop", "upstream_tls", "refused_by_proxy", "no_answer",
                                         "http2_only")),
    Rule("wrong_upstream", "proxy", "wrong", "ping", _wrong,
         _("Something else than Harbor answers."),
         _("/v2/ answers %(status)d with %(kind)s, Server: %(server)s. %(direct)s Look at the address that the proxy "
           "passes on to, and which of its hosts this name gets."), tag="upstream", keys=("http.port", "hostname"),
         unless=(*TLS, "redirect_loop", "redirected", "upstream_tls", "upstream_down", "upstream_slow",
                 "refused_by_proxy", "no_answer", "http2_only", "path_prefix")),
    Rule("harbor_down", "harbor", "wrong", "direct", _down,
         _("Harbor itself does not answer."),
         _("At %(address)s, past the proxy: %(why)s. Start it, or look at its containers."), keys=("http.port",)),
    Rule("unhealthy", "harbor", "look", "health", _unhealthy,
         _("Harbor itself says that a part of it is not well: %(parts)s."),
         _("Look at its container's log: the page of containers shows it.")),
    Rule("redirect_missing", "proxy", "look", "plain", _plain_served,
         _("http is served as well, without a way to https."),
         _("%(url)s answers %(status)d. Passwords that a client sends there travel in the clear. Redirect http to "
           "https."),
         tag="redirect"),
    Rule("redirect_wrong", "proxy", "look", "plain", _plain_wrong,
         _("http is redirected to another address."),
         _("It leads to %(to)s, not to the address people use."), tag="redirect", keys=("external_url",),
         unless=("redirect_loop",)),
)  # fmt: skip
