"""What the lying registry does to one place of one repository: "sig:500", "blob:flip", "referrers:paged" …"""

import asyncio
import json
import re
import urllib.request
from collections.abc import Callable
from typing import Any

from harborweb.registry.client import OCI_INDEX, OCI_MANIFEST
from tests.registry.lying import Liar, Lie, Request, answer, cut, endless, head, page, redirect, refuse

PLACES = {
    "sig": r"manifests/sha256-[0-9a-f]{64}\.sig",
    "att": r"manifests/sha256-[0-9a-f]{64}\.att",
    "fallback": r"manifests/sha256-[0-9a-f]{64}",
    "manifest": r"manifests/(?:v1|sha256:[0-9a-f]{64})",
    "referrers": r"referrers/.+",
    "blob": r"blobs/.+",
}
Change = Callable[[Request, bytes, dict[str, str]], Lie]


def break_place(liar: Liar, repository: str, fault: str) -> None:
    """Answer every GET of the place that `fault` names with what it says."""
    place, _colon, how = fault.partition(":")
    pattern = re.compile(rf"/v2/{re.escape(repository)}/{PLACES[place]}")
    liar.on(pattern, _lie(liar.upstream, how), "GET")


def _lie(upstream: str, how: str) -> Lie:
    if how.isdigit():
        return refuse(int(how), "MANIFEST_UNKNOWN" if how == "404" else "DENIED")
    if how in CHANGES:
        return _changed(upstream, CHANGES[how])
    return {"html": page(), "html404": page(404), "endless": endless(), "loop": _to_itself}[how]


async def _to_itself(request: Request, writer: asyncio.StreamWriter) -> None:
    await redirect(request.target)(request, writer)


def _changed(upstream: str, change: Change) -> Lie:
    """The real answer, changed."""

    async def lie(request: Request, writer: asyncio.StreamWriter) -> None:
        path = request.target.partition("?")[0]
        if "/referrers/" in path:  # made from the fallback tag: the real registry has no referrers API
            repository, _slash, digest = path.partition("/referrers/")
            path = f"{repository}/manifests/{digest.replace(':', '-')}"
        body, headers = await asyncio.to_thread(_real, f"{upstream}{path}")
        await change(request, body, headers)(request, writer)

    return lie


def _real(url: str) -> tuple[bytes, dict[str, str]]:
    with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": f"{OCI_MANIFEST}, {OCI_INDEX}"})) as got:
        kept = ("Content-Type", "Docker-Content-Digest")
        return got.read(), {name: got.headers[name] for name in kept if name in got.headers}


def _flip(request: Request, body: bytes, headers: dict[str, str]) -> Lie:
    other = re.sub(rb"\d", lambda digit: b"8" if digit[0] == b"7" else b"7", body, count=1)
    return answer(200, other, headers)


def _header(request: Request, body: bytes, headers: dict[str, str]) -> Lie:
    return answer(200, body, headers | {"Docker-Content-Digest": "sha256:" + "1" * 64})


def _cut(request: Request, body: bytes, headers: dict[str, str]) -> Lie:
    return cut(200, body[: len(body) // 2], len(body), headers)


def _slow(request: Request, body: bytes, headers: dict[str, str]) -> Lie:
    async def lie(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(head(200, {**headers, "Content-Length": str(len(body))}))
        for byte in body:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.5)

    return lie


def _paged(request: Request, body: bytes, headers: dict[str, str]) -> Lie:
    """The referrers API with one descriptor a page."""
    document: dict[str, Any] = json.loads(body)
    number = int(request.target.partition("?page=")[2] or 0)
    listed = document["manifests"]
    more = {"Link": f'<{request.path}?page={number + 1}>; rel="next"'} if number + 1 < len(listed) else {}
    text = json.dumps({**document, "manifests": listed[number : number + 1]})
    return answer(200, text.encode(), {"Content-Type": OCI_INDEX, **more})


CHANGES: dict[str, Change] = {"flip": _flip, "header": _header, "cut": _cut, "slow": _slow, "paged": _paged}
