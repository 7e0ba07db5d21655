"""Rules about what docker asks once Harbor answers: realm, token, upload, layers, clocks; and Harbor's pages."""

from django.utils.translation import gettext_lazy as _
from yarl import URL

from harborweb.access.doctor.challenge import challenge
from harborweb.access.doctor.diagnosis import Found, Rule, Words
from harborweb.access.doctor.exchange import Exchange
from harborweb.access.doctor.rules_way import NO_REGISTRY, is_harbors_api, is_registry
from harborweb.access.doctor.seen import Seen, hosts, origin

SKEW = 60  # seconds that a registry allows between its clock and the token's
CUT = {"reset", "closed", "timeout"}


def _no_challenge(seen: Seen) -> Words | None:
    ping = seen.ping
    if ping is None or not is_registry(ping) or challenge(ping) or ping.status != 401:
        return None
    return {"mark": "HTTP/"}


def _open(seen: Seen) -> Words | None:
    ping = seen.ping
    return {"mark": "HTTP/"} if ping is not None and ping.status == 200 and is_registry(ping) else None


def _no_version(seen: Seen) -> Words | None:
    ping = seen.ping
    if ping is None or challenge(ping) is None or ping.header("Docker-Distribution-Api-Version"):
        return None
    return {}


def _realm(seen: Seen) -> URL | None:
    found = challenge(seen.ping)
    return found.url if found else None


def _realm_host(seen: Seen) -> Words | None:
    realm = _realm(seen)
    # the scheme's own port counts by the scheme people use: an http realm of their port 443 is the other rule's
    if realm is None or (
        realm.raw_host == seen.target.name and (realm.explicit_port or None) == URL(seen.target.url).explicit_port
    ):
        return None
    if realm.raw_host == seen.target.name and seen.target.port == realm.port:
        return None
    return {"realm": str(realm), "host": hosts(realm), "wanted": seen.target.host, "mark": str(realm.raw_authority)}


def _realm_scheme(seen: Seen) -> Words | None:
    realm, target = _realm(seen), seen.target
    if realm is None or realm.scheme == URL(target.url).scheme:
        return None
    says = URL(target.external_url).scheme if target.external_url else ""
    if says == realm.scheme or not says:
        why = str(_("The realm's scheme comes from external_url of the harbor.yml that runs; set it to %(url)s, then "
                    "deploy."))  # fmt: skip
    elif target.deployed:
        why = str(
            _("The deployed harbor.yml (revision %(revision)s) says %(says)s, so another one runs: deploy it again.")
        )
    else:
        why = str(_("The saved harbor.yml says %(says)s, and it is not deployed: deploy it."))
    words = {"url": target.url, "revision": target.revision or "–", "says": target.external_url}
    return {"realm": str(realm), "scheme": realm.scheme, "why": why % words, "mark": f"{realm.scheme}://"}


def _says_other(seen: Seen) -> Words | None:
    if not seen.says:
        return None
    try:
        says = origin(URL(seen.says))
    except ValueError:
        says = seen.says
    return None if says == seen.target.origin else {"says": seen.says, "url": seen.target.origin, "mark": seen.says}


def _token_lost(seen: Seen) -> Words | None:
    answer = seen.asked.get("token")
    if answer is None or seen.token is not None:
        return None
    mark = {"status": answer.status, "kind": answer.media_type or answer.error or "–", "mark": "HTTP/"}
    return None if answer.status in {401, 429} else mark


def _not_known(seen: Seen) -> Words | None:
    return {"user": seen.target.username, "mark": "HTTP/"} if seen.known is False else None


def _no_push(seen: Seen) -> Words | None:
    if seen.token is None or not seen.known or not seen.target.repository or "push" in seen.token.granted:
        return None
    return {"user": seen.target.username, "repository": seen.target.repository}


def _stripped(seen: Seen) -> Words | None:
    upload = seen.asked.get("upload")
    if upload is None or upload.status != 401 or seen.token is None or "push" not in seen.token.granted:
        return None
    return {"mark": "HTTP/"}


def _location(seen: Seen) -> URL | None:
    """Where the upload goes on; None where no upload began or the address is relative, which is always right."""
    upload = seen.asked.get("upload")
    place = upload.header("Location") if upload is not None and upload.status == 202 else ""
    try:
        found = URL(place, encoded=True)
    except ValueError:
        return None
    return found if place and found.host else None


def _location_scheme(seen: Seen) -> Words | None:
    place = _location(seen)
    if place is None or place.scheme == URL(seen.target.url).scheme:
        return None
    words = {"scheme": place.scheme, "wanted": URL(seen.target.url).scheme, "host": hosts(place)}
    return {**words, "mark": f"{place.scheme}://"}


def _location_host(seen: Seen) -> Words | None:
    place = _location(seen)
    if place is None or (place.raw_host == seen.target.name and place.scheme != URL(seen.target.url).scheme):
        return None
    if hosts(place) == seen.target.host:
        return None
    return {"host": hosts(place), "wanted": seen.target.host, "mark": str(place.raw_authority)}


def _location_path(seen: Seen) -> Words | None:
    upload = seen.asked.get("upload")
    place = upload.header("Location") if upload is not None and upload.status == 202 else ""
    try:
        path = URL(place, encoded=True).raw_path
    except ValueError:
        return None
    return None if not place or path.startswith("/v2/") else {"path": path[:80], "mark": "Location"}


def _upload_refused(seen: Seen) -> Words | None:
    upload = seen.asked.get("upload")
    if upload is None or upload.status == 202 or upload.status == 413 or _stripped(seen):
        return None
    why = upload.detail or upload.error or _why(upload)
    return {"status": upload.status or "–", "why": why, "repository": seen.target.repository, "mark": "HTTP/"}


def _why(answer: Exchange) -> str:
    said = (answer.object() or {}).get("errors")
    first = said[0] if isinstance(said, list) and said and isinstance(said[0], dict) else {}
    return f"{first.get('code', '')} {first.get('message', '')}".strip()[:200] or answer.reason


def _too_large(seen: Seen) -> Words | None:
    for question in ("chunk", "stream", "big"):
        answer = seen.asked.get(question)
        if answer is not None and answer.status == 413:
            size = seen.announced if question == "big" else seen.chunk if question == "chunk" else 16384
            return {"size": _mb(size), "question": question, "mark": "HTTP/"}
    return None


def _mb(size: int) -> str:
    return f"{size / 1_000_000_000:g} GB" if size >= 1_000_000_000 else f"{size / 1_000_000:.0f} MB"


def _cut(seen: Seen) -> Words | None:
    answer = seen.asked.get("chunk")
    if answer is None or not (answer.error in CUT or answer.status in {408, 499, 504}):
        return None
    what = f"{answer.status} {answer.reason}".strip() if answer.answered else answer.detail or answer.error
    return {"what": what, "pause": f"{seen.pause:g}", "sent": f"{answer.sent_bytes / 1_000_000:.1f}", "mark": "HTTP/"}


def _proxy_fails(seen: Seen) -> Words | None:
    answer = seen.asked.get("chunk")
    return {"status": answer.status, "mark": "HTTP/"} if answer and answer.status >= 500 and answer.html else None


def _chunk_refused(seen: Seen) -> Words | None:
    answer = seen.asked.get("chunk")
    if answer is None or answer.status in {0, 202, 413, 408, 499, 504}:
        return None
    return {"status": answer.status, "why": _why(answer), "mark": "HTTP/"}


def _buffered(seen: Seen) -> Words | None:
    big = seen.asked.get("big")
    return {"seconds": f"{big.ms / 1000:.1f}"} if big is not None and big.held else None


def _version_1_0(seen: Seen) -> Words | None:
    big, stream = seen.asked.get("big"), seen.asked.get("stream")
    if big is None or stream is None or big.held or not big.answered:
        return None
    return {"seconds": f"{stream.ms / 1000:.1f}"} if stream.held else None


def _no_chunks(seen: Seen) -> Words | None:
    stream = seen.asked.get("stream")
    return {"status": stream.status, "mark": "HTTP/"} if stream is not None and stream.status in {411, 501} else None


def _left(seen: Seen) -> Words | None:
    cancel = seen.asked.get("cancel")
    if cancel is None or cancel.status == 204:
        return None
    status = cancel.status or cancel.error
    return {"status": status, "repository": seen.target.repository, "mark": "HTTP/"}


def _storage(seen: Seen) -> Words | None:
    store = seen.storage
    if store is None or store.open:
        return None
    return {"host": store.address, "why": store.error, "mark": store.address}


def _clock(*whose: str) -> Found:
    def found(seen: Seen) -> Words | None:
        ahead = max((seen.clocks.get(one, 0.0) for one in whose), key=abs)
        if abs(ahead) <= SKEW:
            return None
        words = {"seconds": round(abs(ahead)), "where": str(_("ahead of") if ahead > 0 else _("behind"))}
        return {**words, "mark": "Date:"}

    return found


def _api(seen: Seen) -> Words | None:
    answer = seen.asked.get("systeminfo")
    if answer is None or not is_registry(seen.ping) or is_harbors_api(answer):
        return None
    return {"status": answer.status or answer.error, "kind": answer.media_type or "–", "mark": "HTTP/"}


def _portal(seen: Seen) -> Words | None:
    answer = seen.asked.get("portal")
    if answer is None or not is_registry(seen.ping):
        return None
    if answer.status == 200 and answer.html and "harbor" in answer.body.lower():
        return None
    if 300 <= answer.status < 400 and "harbor" in answer.header("Location").lower():
        return None
    return {"status": answer.status or answer.error, "kind": answer.media_type or "–", "mark": "HTTP/"}


DOCKER = (
    Rule("challenge_missing", "proxy", "wrong", "ping", _no_challenge,
         _("Harbor's header Www-Authenticate does not arrive."),
         _("/v2/ answers 401 as it should, but without the address of the token service: docker says “no basic auth "
           "credentials”. The proxy hides the header."), tag="headers"),
    Rule("open", "proxy", "look", "ping", _open,
         _("/v2/ answers 200 to nobody."),
         _("Harbor asks everybody for a token. Either the proxy signs in for all, or another registry answers."),
         tag="headers"),
    Rule("version_missing", "proxy", "look", "ping", _no_version,
         _("Harbor's header Docker-Distribution-Api-Version does not arrive."),
         _("docker of today does without; older clients take the host for no registry. The proxy hides it."),
         tag="headers"),
    Rule("realm_host", "proxy", "wrong", "realm", _realm_host,
         _("The proxy does not tell Harbor which name people use."),
         _("So docker is sent to %(realm)s for its token, and should be sent to %(wanted)s. Let the proxy pass on the "
           "Host header as it came, with its port."), tag="host"),
    Rule("realm_scheme", "harbor", "wrong", "realm", _realm_scheme,
         _("Harbor believes that people come over %(scheme)s."),
         _("So docker is sent to %(realm)s for its token. %(why)s"), keys=("external_url",)),
    Rule("external_url", "harbor", "wrong", "says", _says_other,
         _("Harbor takes %(says)s for its address."),
         _("People use %(url)s. Set external_url to that, then deploy."), keys=("external_url", "hostname"),
         unless=("realm_scheme",)),
    Rule("token_lost", "proxy", "wrong", "token", _token_lost,
         _("The token service does not answer as it should."),
         _("/service/token answers %(status)s with %(kind)s where a token was due. Pass this path on to Harbor too."),
         tag="path"),
    Rule("credentials", "client", "look", "known", _not_known,
         _("Harbor does not know %(user)s with the stored password."),
         _("Its /users/current answered 401. The password changed, or the proxy takes the header Authorization away. "
           "Type it again in the registry's settings."), tag="headers"),
    Rule("no_push", "client", "look", "token", _no_push,
         _("%(user)s may not push to %(repository)s."),
         _("The token carries no such right, so no upload was tried. Name a project where this user may push.")),
    Rule("authorization_stripped", "proxy", "wrong", "upload", _stripped,
         _("The proxy takes the token away before Harbor sees it."),
         _("The token carries the right to push, and the request with it was answered 401. Let the header "
           "Authorization pass."), tag="headers"),
    Rule("location_scheme", "proxy", "wrong", "location", _location_scheme,
         _("The proxy does not tell Harbor that people come over %(wanted)s."),
         _("So uploads are sent on to %(scheme)s://%(host)s, where they fail (“unknown blob”). The Harbor pages work "
           "in a browser, which is why this is easy to miss."), tag="proto"),
    Rule("location_host", "proxy", "wrong", "location", _location_host,
         _("Uploads are sent on to another host: %(host)s."),
         _("They should stay at %(wanted)s. Let the proxy pass on the Host header as it came."), tag="host"),
    Rule("location_path", "proxy", "wrong", "location", _location_path,
         _("Uploads are sent on to %(path)s, which is no path of a registry."),
         _("The proxy rewrites the path. Pass /v2/ on as it comes."), tag="path"),
    Rule("upload_refused", "harbor", "wrong", "upload", _upload_refused,
         _("Harbor does not begin an upload (%(status)s)."),
         _("To %(repository)s: %(why)s. Look whether the project exists, is no proxy cache, and has room.")),
    Rule("body_size", "proxy", "wrong", "big", _too_large,
         _("The proxy takes no layers of %(size)s (413)."),
         _("Layers are often larger than a gigabyte. Take the limit off."), tag="body_size"),
    Rule("timeouts", "proxy", "wrong", "chunk", _cut,
         _("The proxy cuts an upload off that pauses for %(pause)s s."),
         _("After %(sent)s MB of the chunk: %(what)s. Slow lines and busy disks pause as long. Give it more time."),
         tag="timeouts", unless=("body_size",)),
    Rule("proxy_fails", "proxy", "wrong", "chunk", _proxy_fails,
         _("The proxy itself fails on an upload (%(status)d)."),
         _("A page came where Harbor answers JSON. Mostly the proxy keeps the body first and cannot write it to "
           "its disk: look at its error log, and turn request buffering off."), tag="buffering", unless=("timeouts",)),
    Rule("chunk_refused", "harbor", "wrong", "chunk", _chunk_refused,
         _("A chunk of 2 MiB was not accepted (%(status)d)."),
         _("The answer: %(why)s. Look at the log of Harbor's registry."),
         unless=("body_size", "timeouts", "proxy_fails")),
    Rule("buffering", "proxy", "look", "big", _buffered,
         _("The proxy keeps whole layers before it passes them on."),
         _("Harbor refuses an upload without a token at once, and for %(seconds)s s nothing came: the proxy "
           "waited for the end of the body. Large layers fill its disk, and Harbor's answer comes late. Turn request "
           "buffering off."), tag="buffering", unless=("body_size", *NO_REGISTRY)),
    Rule("upstream_http10", "proxy", "look", "stream", _version_1_0,
         _("The proxy speaks HTTP/1.0 to Harbor, so it keeps chunked uploads whole."),
         _("With a length given Harbor answers at once; chunked, as docker sends, nothing came for %(seconds)s s. "
           "Speak HTTP/1.1 to Harbor."), tag="http_version", unless=("body_size", "buffering")),
    Rule("chunked_refused", "proxy", "wrong", "stream", _no_chunks,
         _("The proxy takes no body without a length (%(status)d)."),
         _("docker sends layers chunked. Let it pass them."), tag="buffering"),
    Rule("left", "harbor", "look", "cancel", _left,
         _("The trial upload could not be cancelled (%(status)s)."),
         _("Harbor clears uploads that nobody ends by itself; the repository %(repository)s was not made."),
         unless=("body_size", "timeouts")),
    Rule("storage", "harbor", "wrong", "blob", _storage,
         _("Layers are redirected to a storage that does not answer: %(host)s."),
         _("From here: %(why)s. Clients pull from there and must reach it; else turn the redirect off."),
         keys=("storage_service.redirect.disable",)),
    Rule("clock_harbor", "harbor", "wrong", "clock", _clock("harbor", "token"),
         _("Harbor's clock is %(seconds)d s %(where)s this machine's."),
         _("Tokens are refused as not yet valid or expired. Let both machines take their time from the network.")),
    Rule("clock_proxy", "proxy", "look", "clock", _clock("proxy"),
         _("The proxy's clock is %(seconds)d s %(where)s this machine's."),
         _("Certificates and tokens live by the clock. Let both machines take their time from the network.")),
    Rule("api_lost", "proxy", "look", "systeminfo", _api,
         _("Harbor's API is not reached: %(status)s."),
         _("/api/v2.0/systeminfo answers with %(kind)s where JSON was due; docker works, Harbor's pages and harborweb "
           "do not. Pass the whole host on."), tag="path"),
    Rule("portal_lost", "proxy", "look", "portal", _portal,
         _("Harbor's pages are not reached: %(status)s."),
         _("/ answers with %(kind)s, which is not Harbor's. docker works; people with a browser find something else."),
         tag="path", unless=("api_lost",)),
)  # fmt: skip
