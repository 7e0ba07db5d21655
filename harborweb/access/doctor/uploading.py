"""What a push does (a large layer announced, a chunk sent, the upload cancelled), and where a layer comes from."""

import json
from dataclasses import replace

from django.utils.translation import gettext as _
from yarl import URL

from harborweb.access.doctor.challenge import challenge
from harborweb.access.doctor.examining import Examination, knock
from harborweb.access.doctor.exchange import Body, Exchange
from harborweb.registry.errors import RegistryError
from harborweb.registry.harbor import paths

PIECE = 16 * 1024
NOWHERE = "/v2/{repository}/blobs/uploads/00000000-0000-4000-8000-000000000000"


async def announce(one: Examination) -> None:
    """5: who answers before the body is through? Asked without credentials, so Harbor itself refuses at once.

    Once with the size of a large layer announced: 413 comes from a proxy that takes none so large. Once chunked, as
    docker sends. A proxy that keeps the whole body before it passes anything on stays silent instead of Harbor's 401.
    """
    if "big" in one.seen.skipped:
        return
    if challenge(one.seen.ping) is None:
        one.skip(_("/v2/ is not Harbor's, so nobody was there to refuse."), "big", "stream")
        return
    path = NOWHERE.format(repository=one.target.repository or "library/harborweb-doctor")
    piece, hold = (b"\0" * PIECE,), one.bounds.hold
    await one.ask("big", "PATCH", path, body=Body(piece, announced=one.bounds.announced, hold=hold))
    await one.ask("stream", "PATCH", path, body=Body(piece, announced=None, hold=hold))


async def upload(one: Examination) -> None:
    """6: begin an upload, send a chunk with a pause in its middle, cancel the upload."""
    seen = one.seen
    if "upload" in seen.skipped:
        return
    if why := _reason(one):
        one.skip(why, "upload", "chunk", "cancel")
        return
    bearer = {"Authorization": f"Bearer {one.bearer}"}
    path = f"/v2/{one.target.repository}/blobs/uploads/"
    begun = await one.ask("upload", "POST", path, headers=bearer, body=Body())
    place = begun.header("Location")
    if begun.status != 202 or not place:
        one.skip(_("No upload was begun."), "chunk", "cancel")
        return
    seen.asked["upload"] = _shortened(begun)
    url = _public(one, begun.url, place)
    half = one.bounds.chunk // 2
    body = Body((b"\0" * half, b"\0" * (one.bounds.chunk - half)), announced=None, pause=one.bounds.pause)
    patience = one.bounds.seconds + one.bounds.pause
    sent = await one.wire.ask("PATCH", url, bearer, body, seconds=patience)
    seen.asked["chunk"] = _shortened(sent)
    if sent.status == 202 and sent.header("Location"):
        url = _public(one, sent.url, sent.header("Location"))
    seen.asked["cancel"] = _shortened(await one.wire.ask("DELETE", url, bearer))


def _reason(one: Examination) -> str:
    if not one.target.repository:
        return _("No repository for it was named.")
    if not one.bearer:
        return _("There is no token.")
    if one.seen.token is not None and "push" not in one.seen.token.granted:
        return _("The token allows no push to %(name)s.") % {"name": one.target.repository}
    return ""


def _public(one: Examination, base: str, place: str) -> str:
    """A Location at the public address, whatever host it names: our token goes nowhere else."""
    try:
        found = URL(base).join(URL(place, encoded=True))
    except ValueError:
        return base
    return one.target.origin + found.raw_path_qs


def _shortened(answer: Exchange) -> Exchange:
    """Without the upload's state, which is long and of no use."""
    headers = tuple(
        (name, _stateless(value) if name.lower() == "location" else value) for name, value in answer.headers
    )
    return replace(answer, url=_stateless(answer.url), headers=headers)


def _stateless(url: str) -> str:
    return url.partition("_state=")[0].rstrip("?&")


async def pull(one: Examination) -> None:
    """7: a layer that is there: does Harbor send it, or redirect to a storage that clients can reach?"""
    if "blob" in one.seen.skipped:
        return
    found = await _some_layer(one)
    if found is None:
        one.skip(_("No image was found whose layer could be asked for."), "blob")
        return
    repository, digest, bearer = found
    answer = await one.ask("blob", "GET", f"/v2/{repository}/blobs/{digest}", headers=bearer)
    if answer.status in {200, 206}:  # what is in a layer is nobody's here to see
        one.seen.asked["blob"] = replace(answer, body="")
    place = answer.header("Location")
    if 300 <= answer.status < 400 and place:
        try:
            url = URL(answer.url).join(URL(place, encoded=True))
            host = url.host
        except ValueError:
            return
        # what the storage's address is signed with lets anybody read that layer for a while
        short = place.partition("?")[0]
        headers = tuple((k, short if k.lower() == "location" else v) for k, v in answer.headers)
        one.seen.asked["blob"] = replace(answer, headers=headers)
        if host and host != one.target.name:
            one.seen.storage = await knock(host, url.port or 443, one.bounds.connect)


async def _some_layer(one: Examination) -> tuple[str, str, dict[str, str]] | None:
    """Repository, digest and token of the first layer that the API leads to."""
    wire, origin, who = one.wire, one.target.origin, {**one.credentials.header, "Accept": "application/json"}
    listed = await wire.ask("GET", f"{origin}{paths.API}/repositories?page_size=1&sort=-update_time", who)
    name = _first(listed, "name")
    try:
        path = paths.repository(name) if name else ""
    except RegistryError:
        path = ""
    if not path:
        return None
    artifacts = await wire.ask("GET", f"{origin}{path}/artifacts?page_size=1", who)
    digest = _first(artifacts, "digest")
    service = challenge(one.seen.ping)
    query = {"service": service.service if service else "", "scope": f"repository:{name}:pull"}
    url = URL(origin).with_path("/service/token").with_query(query)
    made = (await wire.ask("GET", str(url), one.credentials.header)).object() or {}
    bearer = {"Authorization": f"Bearer {made.get('token') or ''}"}
    accept = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
    manifest = await wire.ask("GET", f"{origin}/v2/{name}/manifests/{digest}", {**bearer, "Accept": accept})
    layers = (manifest.object() or {}).get("layers")
    first = layers[0] if isinstance(layers, list) and layers and isinstance(layers[0], dict) else {}
    layer = first.get("digest")
    return (name, layer, bearer) if digest and isinstance(layer, str) and layer.startswith("sha256:") else None


def _first(answer: Exchange, key: str) -> str:
    """A field of the first object of a list; empty where there is none."""
    try:
        rows = json.loads(answer.body)
    except (ValueError, RecursionError):
        return ""
    value = rows[0].get(key) if isinstance(rows, list) and rows and isinstance(rows[0], dict) else ""
    return value if isinstance(value, str) else ""
