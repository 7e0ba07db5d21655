"""A registry that lies: the real one behind a proxy that breaks chosen answers of chosen repositories."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

_PATH = re.compile(r"/v2/(?P<name>.+?)/(?P<kind>manifests|blobs|referrers)/(?P<reference>[^/]+)")
_KEPT = {"Content-Type", "Docker-Content-Digest"}
HTML = "<html><body>Welcome to the proxy</body></html>"


def place_of(path: str) -> tuple[str, str]:
    """(repository, place) of a request: sig, att, referrers, fallback, manifest or blob."""
    match = _PATH.fullmatch(path)
    if match is None:
        return "", ""
    reference = match["reference"]
    if match["kind"] != "manifests":
        return match["name"], match["kind"].removesuffix("s") if match["kind"] == "blobs" else match["kind"]
    for suffix in ("sig", "att"):
        if reference.endswith(f".{suffix}"):
            return match["name"], suffix
    return match["name"], "fallback" if reference.startswith("sha256-") else "manifest"


class Liar:
    """Faults by repository, as "place:how"; `planted` are manifest bytes served in place of the real ones."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.faults: dict[str, str] = {}
        self.planted: dict[str, bytes] = {}  # by "repository:tag"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """The real answer, unless this repository has a fault at this place."""
        name, place = place_of(request.path)
        at, _colon, how = self.faults.get(name, "").partition(":")
        if planted := self.planted.get(f"{name}:{request.match_info['path'].rsplit('/', 1)[-1]}"):
            return web.Response(body=planted, content_type="application/vnd.oci.image.manifest.v1+json")
        status, body, headers = await self._real(request)
        if at != place or not how:
            return web.Response(status=status, body=body, headers=headers)
        if how.isdigit():
            errors = {"errors": [{"code": "MANIFEST_UNKNOWN" if how == "404" else "DENIED", "message": "no"}]}
            return web.json_response(errors, status=int(how))
        return await getattr(self, f"_{how}")(request, body, headers)

    async def _real(self, request: web.Request) -> tuple[int, bytes, dict[str, str]]:
        given = {name: request.headers[name] for name in ("Accept", "Content-Type") if name in request.headers}
        async with aiohttp.ClientSession() as session:
            url = f"{self.upstream}{request.path_qs}"
            async with session.request(request.method, url, headers=given, data=await request.read()) as real:
                body = await real.read()
                return real.status, body, {name: real.headers[name] for name in _KEPT if name in real.headers}

    async def _html(self, request: web.Request, body: bytes, headers: dict[str, str]) -> web.Response:
        return web.Response(text=HTML, content_type="text/html")

    async def _html404(self, request: web.Request, body: bytes, headers: dict[str, str]) -> web.Response:
        return web.Response(status=404, text=HTML, content_type="text/html")

    async def _loop(self, request: web.Request, body: bytes, headers: dict[str, str]) -> web.Response:
        return web.Response(status=307, headers={"Location": request.path_qs})

    async def _flip(self, request: web.Request, body: bytes, headers: dict[str, str]) -> web.Response:
        return web.Response(body=body[:-2] + b" " + body[-1:], headers=headers)

    async def _header(self, request: web.Request, body: bytes, headers: dict[str, str]) -> web.Response:
        return web.Response(body=body, headers=headers | {"Docker-Content-Digest": "sha256:" + "1" * 64})

    async def _cut(self, request: web.Request, body: bytes, headers: dict[str, str]) -> web.StreamResponse:
        answer = web.StreamResponse(headers={**headers, "Content-Length": str(len(body))})
        await answer.prepare(request)
        await answer.write(body[: len(body) // 2])
        assert request.transport is not None
        request.transport.close()
        return answer

    async def _endless(self, request: web.Request, body: bytes, headers: dict[str, str]) -> web.StreamResponse:
        answer = web.StreamResponse(headers=headers)
        await answer.prepare(request)
        while True:
            await answer.write(b" " * 65536)
            await asyncio.sleep(0.001)

    async def _slow(self, request: web.Request, body: bytes, headers: dict[str, str]) -> web.StreamResponse:
        answer = web.StreamResponse(headers={**headers, "Content-Length": str(len(body))})
        await answer.prepare(request)
        for byte in body:
            await answer.write(bytes([byte]))
            await asyncio.sleep(0.5)
        return answer

    async def _paged(self, request: web.Request, body: bytes, headers: dict[str, str]) -> web.Response:
        """The referrers API with one descriptor a page, made from the fallback tag."""
        tag = request.path.rsplit("/", 1)[-1].replace(":", "-")
        url = f"{self.upstream}{request.path.rsplit('/', 2)[0]}/manifests/{tag}"
        async with aiohttp.ClientSession() as session, session.get(url, headers={"Accept": "*/*"}) as real:
            document = json.loads(await real.read())
        page = int(request.query.get("page", "0"))
        listed = document["manifests"]
        more = {"Link": f'<{request.path}?page={page + 1}>; rel="next"'} if page + 1 < len(listed) else {}
        text = json.dumps({**document, "manifests": listed[page : page + 1]})
        kind = {"Content-Type": "application/vnd.oci.image.index.v1+json"}  # cosign wants just this, no charset
        return web.Response(body=text.encode(), headers=kind | more)


@asynccontextmanager
async def lying(upstream: str) -> AsyncIterator[tuple[Liar, str]]:
    """A liar in front of `upstream` and its host, in the running loop."""
    liar = Liar(upstream)
    app = web.Application(client_max_size=16 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", liar.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield liar, f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
