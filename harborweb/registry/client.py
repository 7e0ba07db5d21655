"""A registry's distribution API, asked by somebody who believes nothing without a digest.

Source: OCI distribution specification 1.1. Every failure is a RegistryError; NotFound only where a real
registry said so. Bytes are returned only after they hash to the digest they were asked by, or, for a tag,
agree with the digest that the registry itself named.
"""

import copy
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from django.utils.translation import gettext as _
from yarl import URL

from harborweb.registry import errors, names
from harborweb.registry.auth import CATALOG, Authenticator
from harborweb.registry.endpoint import Endpoint, Limits
from harborweb.registry.errors import NotFound, RegistryError
from harborweb.registry.pages import PageReader, TagPage, next_page, one_page
from harborweb.registry.paths import blob_path, manifest_path, pull, push, referrers_path
from harborweb.registry.plain import AS_BEFORE, Plain
from harborweb.registry.quick import Quick
from harborweb.registry.transport import Answer, Transport, parse_object

__all__ = ["Client", "Endpoint", "Limits", "Manifest", "NotFound", "Referrers", "RegistryError", "TagPage"]

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEXES = frozenset({OCI_INDEX, DOCKER_LIST})
MANIFEST_TYPES = (OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST)
ACCEPTED = ", ".join(MANIFEST_TYPES)
PAGE = 1000
SPARED, SPARED_BYTES = 4096, 4096  # answers that are kept for a second question, and the most bytes of each
HARBOR_SERVICE = "harbor-registry"
# How often a registry has to say that there is no referrers API before its silence is taken for granted, one of its
# repositories saying it once at least, and after how many digests a repository is asked anew.
SAID_SO, ASKED_ANEW = 3, 64


@dataclass(frozen=True)
class Manifest:
    """A manifest's bytes, their digest (computed from them) and media type; `content` is the parsed object."""

    digest: str
    media_type: str
    body: bytes
    content: dict[str, Any] = field(repr=False, compare=False, default_factory=dict)

    @property
    def is_index(self) -> bool:
        """Whether it lists other manifests."""
        return self.media_type in INDEXES


@dataclass(frozen=True)
class Referrers:
    """The descriptors of what refers to a digest; `source` is "api", "tag" (fallback tag) or "none"."""

    descriptors: list[dict[str, Any]]
    source: str


class Client:
    """`async with Client(endpoint) as c:`; one pool of connections, one event loop."""

    def __init__(self, endpoint: Endpoint, limits: Limits | None = None, transport: Transport | None = None) -> None:
        self.endpoint = endpoint
        self.limits = limits or Limits()
        self.transport = transport or Transport(endpoint, self.limits)
        self.auth = Authenticator(endpoint, self.limits, self.transport)
        self._base = endpoint.base
        self._host = endpoint.host
        self._harbor: bool | None = None
        self._signatures: Client | None = None
        self._quick: Quick | None = None
        self._ahead: dict[str, Plain] = {}  # plain answers by path, each good for one question
        self._spared: dict[str, Plain] = {}  # those that will be asked for ahead once more
        self.cosign_tags: tuple[str, float, frozenset[str] | None] = ("", 0.0, None)  # of a repository, and when
        self._without_api: dict[str, int] = {}  # how often a repository, or "" for all, said that there is no such API

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._signatures is not None:
            await self._signatures.__aexit__(None, None, None)
        if self._quick is not None:
            self._quick.close()
        await self.transport.close()

    def beside(self) -> "Client":
        """This client once more, to read another repository at the same time: only what is asked ahead is its own.

        Its connections, its sign-in and what it knows of the registry are those of this one, which is the one to close.
        """
        self.hasten()
        twin = copy.copy(self)
        twin._ahead, twin._spared, twin.cosign_tags = {}, {}, ("", 0.0, None)
        if self.endpoint.signatures_at is not None:
            twin._signatures = self.signatures_of("")[0].beside()
        return twin

    def signatures_of(self, repository: str) -> "tuple[Client, str]":
        """Where the signatures of the images in `repository` are: a client (closed with this one) and a repository."""
        name = self.endpoint.signatures_repository or repository
        if self.endpoint.signatures_at is None:
            return self, name
        if self._signatures is None:
            self._signatures = Client(self.endpoint.signatures_at, self.limits)
        return self._signatures, name

    def hasten(self) -> None:
        """Read what is answered plainly by `quick` from now on; nothing else changes."""
        if self._quick is None and type(self.transport) is Transport and not self.transport.gate.limited:
            self._quick = Quick(self.endpoint, self.limits, self.transport.tls)

    async def ahead(
        self, repository: str, paths: Sequence[str], accept: str = ACCEPTED, *, known: Mapping[str, str] | None = None
    ) -> None:
        """Ask for many things side by side; each answer is kept for the one question that will follow for it.

        `known` are digests, by path, of what was there before: of what still is, only that is answered (AS_BEFORE).
        What was kept before and not asked for is forgotten: an answer is as old as the bunch it came with.
        """
        self._ahead.clear()
        await self.more_ahead(repository, paths, accept, known=known)

    async def more_ahead(
        self, repository: str, paths: Sequence[str], accept: str = ACCEPTED, *, limit: int = 0, method: str = "GET",
        known: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        """As `ahead`, beside what is kept already; `limit` is the most bytes of each where that is not the usual."""
        if self._quick is None or not paths:
            return
        if self._spared:
            self._ahead |= {path: self._spared.pop(path) for path in set(paths) & self._spared.keys()}
            paths = [path for path in paths if path not in self._ahead]
        async with self.transport.gate:  # where a registry wants patience, all wait
            authorization = await self.auth.header(pull(repository))
        cap = limit or (self.limits.manifest_bytes if accept == ACCEPTED else self.limits.list_bytes)
        before = "" if method == "GET" else f"{method} "
        answers = await self._quick.many(paths, accept, authorization, cap, method, known)
        for path, answer in zip(paths, answers, strict=True):
            if answer is not None:
                self._ahead[before + path] = answer

    def spare(self, path: str) -> None:
        """Keep a small answer that was asked for ahead, for when it is asked for ahead again; `forget` them at last."""
        answer = self._ahead.get(path)
        if answer is not None and len(answer.body) <= SPARED_BYTES and len(self._spared) < SPARED:
            self._spared[path] = answer

    def forget(self) -> None:
        """Forget what was spared."""
        self._spared.clear()

    def kept_ahead(self, path: str) -> Plain | None:
        """The answer that was asked for ahead, or None; it stays kept."""
        return self._ahead.get(path)

    # Reading

    async def ping(self) -> None:
        """Return when a registry answers and accepts our credentials (GET /v2/); raises RegistryError."""
        answer = await self.ask("GET", "/v2/", scope="", what=_("its start page"), limit=self.limits.error_bytes)
        if not answer.headers.get("Docker-Distribution-Api-Version"):
            parse_object(answer.body, self._host, self.limits.json_depth)

    async def is_harbor(self) -> bool:
        """Whether this registry is a Harbor, by the name of its token service; asked once."""
        if self._harbor is None:
            if not self.auth.scheme:
                try:
                    await self.ping()
                except RegistryError:
                    if not self.auth.service:  # whoever is turned away at the door still reads its name there
                        raise
            self._harbor = self.auth.service == HARBOR_SERVICE
        return self._harbor

    async def repositories(self) -> AsyncIterator[str]:
        """Every repository the registry lists (GET /v2/_catalog, page by page)."""
        pages = PageReader(self, f"/v2/_catalog?n={PAGE}", CATALOG, _("its list of repositories"))
        async for content in pages:
            for name in pages.strings(content, "repositories", names.is_repository):
                yield name

    async def tags(self, repository: str) -> AsyncIterator[str]:
        """Every tag of `repository` (GET tags/list, page by page)."""
        path = f"/v2/{names.check_repository(repository)}/tags/list?n={PAGE}"
        pages = PageReader(self, path, pull(repository), _("the tags of %s") % repository)
        async for content in pages:
            for tag in pages.strings(content, "tags", names.is_tag):
                yield tag

    async def tags_page(self, repository: str, last: str = "", n: int = 100) -> TagPage:
        """At most `n` tags after `last`, in the registry's own order, with one request."""
        if last:
            names.check_reference(last)
        url = URL(f"/v2/{names.check_repository(repository)}/tags/list").with_query(
            n=n, **({"last": last} if last else {})
        )
        reader = PageReader(self, str(url), pull(repository), _("the tags of %s") % repository)
        content, answer = await reader.page(str(url))
        return one_page(reader.strings(content, "tags", names.is_tag), next_page(answer), last, n)

    async def manifest(self, repository: str, reference: str) -> Manifest:
        """The manifest at a tag or digest; its digest is computed from its bytes.

        Raises RegistryError "mismatch" when the bytes do not hash to the digest asked for or to the one that
        the registry names in Docker-Content-Digest, or when two media types disagree.
        """
        what = f"{names.check_repository(repository)}{'@' if ':' in reference else ':'}{reference}"
        path = manifest_path(repository, names.check_reference(reference))
        found = self._at_hand(path, self.limits.manifest_bytes)
        if found is None:
            answer = await self.ask(
                "GET", path, scope=pull(repository), what=what, limit=self.limits.manifest_bytes,
                headers={"Accept": ACCEPTED},
            )  # fmt: skip
            found = answer.body, answer.headers.get("Docker-Content-Digest", "").strip(), answer.media_type
        body, claimed, said = found
        digest = self._proven(body, claimed, reference if ":" in reference else "")
        content = parse_object(body, self._host, self.limits.json_depth)
        inside = content.get("mediaType")
        media_type = inside if isinstance(inside, str) and inside else said
        if media_type != said and media_type in MANIFEST_TYPES and said in MANIFEST_TYPES:
            raise errors.mismatch(self._host, said, media_type)
        return Manifest(digest, media_type, body, content)

    async def blob(self, repository: str, digest: str, limit: int | None = None) -> bytes:
        """The blob's bytes, at most `limit`, hashed; redirects to a storage host are followed without credentials."""
        path = blob_path(names.check_repository(repository), names.check_digest(digest))
        cap = self.limits.blob_bytes if limit is None else limit
        found = self._at_hand(path, cap)
        if found is None:
            answer = await self.ask("GET", path, scope=pull(repository), what=f"{repository}@{digest}", limit=cap)
            found = answer.body, answer.headers.get("Docker-Content-Digest", "").strip(), answer.media_type
        body, claimed, _said = found
        self._proven(body, claimed, digest)
        return body

    async def has_blob(self, repository: str, digest: str, size: int) -> bool:
        """Whether the registry says that it has this blob, `size` bytes long; False also where it cannot be told."""
        if self._quick is None:
            return False
        path = blob_path(names.check_repository(repository), names.check_digest(digest))
        answer = self._ahead.pop(f"HEAD {path}", None)
        if answer is None:
            answer = await self._quick.get(path, "", await self.auth.header(pull(repository)), 0, "HEAD")
        return answer is not None and answer.status == 200 and answer.header(b"content-length") == str(size)

    def asks_referrers(self, repository: str) -> bool:
        """Whether the referrers API of `repository` is worth a question; it is not where it said so often enough."""
        said, everywhere = self._without_api.get(repository, 0), self._without_api.get("", 0)
        return said < (1 if everywhere >= SAID_SO else SAID_SO) or said % ASKED_ANEW == 0

    def unasked_referrers(self, repository: str) -> None:
        """Count a digest that the referrers API was not asked about."""
        self._without_api[repository] += 1

    async def referrers(self, repository: str, digest: str, *, fallback: bool = True) -> Referrers:
        """What refers to `digest`: the referrers API with all its pages, else the fallback tag.

        Without `fallback` that tag is known not to be there.

        404 from the API means that the registry has none, but only as a registry says it: without a body, in
        JSON, or in the plain text of docker-registry 2.8 and distribution 3.1; an HTML page raises. An older
        Harbor answers {} for a digest that it has not, and counts 0 (its source, registry/referrers.go).
        """
        path = referrers_path(names.check_repository(repository), names.check_digest(digest))
        if not self.asks_referrers(repository):
            self.unasked_referrers(repository)
            return await self._at_fallback_tag(repository, digest) if fallback else Referrers([], "none")
        what = _("the referrers of %s") % f"{repository}@{digest}"
        first = await self.send("GET", path, scope=pull(repository), headers={"Accept": OCI_INDEX})
        if first.status == 200:
            for name in (repository, ""):
                self._without_api.pop(name, None)
            found: list[dict[str, Any]] = []
            if first.headers.get("X-Total-Count") == "0" and first.body.strip() == b"{}":
                return Referrers(found, "api")
            async for content in PageReader(self, path, pull(repository), what, accept=OCI_INDEX, first=first):
                found += self._descriptors(content, len(found))
            return Referrers(found, "api")
        own_words = first.media_type == "text/plain" or not first.body.strip() or errors.said(first.body)
        if first.status not in {404, 405} or not own_words:
            raise self._failure(first, what)
        if first.media_type == "text/plain":  # the words of a server that has no such address
            for name in (repository, ""):
                self._without_api[name] = self._without_api.get(name, 0) + 1
        return await self._at_fallback_tag(repository, digest) if fallback else Referrers([], "none")

    async def _at_fallback_tag(self, repository: str, digest: str) -> Referrers:
        try:
            index = await self.manifest(repository, names.fallback_tag(digest))
        except NotFound:
            return Referrers([], "none")
        if not index.is_index:
            raise errors.odd(self._host, _("the tag %s holds no index") % names.fallback_tag(digest))
        return Referrers(self._descriptors(index.content, 0), "tag")

    # Writing: samples and tests

    async def put_blob(self, repository: str, data: bytes) -> str:
        """Upload `data` in one piece (POST, PUT); returns its digest."""
        digest = names.digest_of(data)
        path = f"/v2/{names.check_repository(repository)}/blobs/uploads/"
        begun = await self.ask("POST", path, scope=push(repository), what=repository, data=b"", expected=202)
        target = self._base.join(URL(begun.headers.get("Location", ""), encoded=True))
        if target.origin() != self._base:
            raise errors.odd(self._host, _("it wants the upload sent to another address"))
        await self.ask(
            "PUT", target.update_query(digest=digest), scope=push(repository), what=repository, data=data,
            headers={"Content-Type": "application/octet-stream"}, expected=201,
        )  # fmt: skip
        return digest

    async def put_manifest(self, repository: str, reference: str, body: bytes, media_type: str) -> str:
        """Store a manifest at a tag or digest; returns the digest of `body`."""
        path = f"/v2/{names.check_repository(repository)}/manifests/{names.check_reference(reference)}"
        await self.ask(
            "PUT", path, scope=push(repository), what=f"{repository}:{reference}", data=body,
            headers={"Content-Type": media_type}, expected=201,
        )  # fmt: skip
        return names.digest_of(body, reference)

    async def delete_manifest(self, repository: str, reference: str) -> None:
        """Delete a manifest by digest, or a tag where the registry allows that."""
        path = f"/v2/{names.check_repository(repository)}/manifests/{names.check_reference(reference)}"
        scope = f"repository:{repository}:pull,push,delete"
        await self.ask("DELETE", path, scope=scope, what=f"{repository}:{reference}", expected=202)

    # Asking

    async def ask(
        self, method: str, path: str | URL, *, scope: str, what: str, limit: int | None = None,
        headers: dict[str, str] | None = None, data: bytes | None = None, expected: int = 200,
    ) -> Answer:  # fmt: skip
        """An answer with the `expected` status; every other one becomes its RegistryError."""
        answer = await self.send(method, path, scope=scope, limit=limit, headers=headers, data=data)
        if answer.status != expected:
            raise self._failure(answer, what)
        return answer

    async def send(
        self, method: str, path: str | URL, *, scope: str, limit: int | None = None,
        headers: dict[str, str] | None = None, data: bytes | None = None,
    ) -> Answer:  # fmt: skip
        """One request with what sign-in the registry wants; after a 401 the sign-in is renewed once."""
        cap = self.limits.list_bytes if limit is None else limit
        if self._quick is not None and method == "GET" and isinstance(path, str):
            plain = self._ahead.pop(path, None)
            if plain is None or plain.status == AS_BEFORE:
                known = await self.auth.header(scope)
                plain = await self._quick.get(path, (headers or {}).get("Accept", ""), known, cap)
                if plain is not None:
                    self.auth.worked(scope, known)
            if plain is not None and len(plain.body) <= cap:
                paged = b"\r\nlink:" in plain.low  # links are relative to where they stand
                where = self._base.join(URL(path, encoded=True)) if paged else self._base
                return Answer(plain.status, plain.headers(), plain.body, where)
        url = path if isinstance(path, URL) else self._base.join(URL(path, encoded=True))

        async def once(authorization: str) -> Answer:
            sent = {**(headers or {}), "Authorization": authorization} if authorization else dict(headers or {})
            answer = await self.transport.fetch(method, url, headers=sent, limit=cap, data=data)
            if answer.status != 401:
                self.auth.worked(scope, authorization)
            return answer

        authorization = await self.auth.header(scope)
        answer = await once(authorization)
        if answer.status != 401 or answer.url.origin() != self._base:
            return answer
        renewed = await self.auth.renewed(answer, scope, authorization)
        return await once(renewed) if renewed else answer

    def _failure(self, answer: Answer, what: str) -> RegistryError:
        if answer.status == 401:
            return errors.refused(self._host, self.endpoint.username, self.auth.scheme, what)
        if b"HTTP request to an HTTPS server" in answer.body:  # the words of Go's and of nginx's server
            return errors.no_tls(self._host, _("it wants https and was asked over http"))
        return errors.from_status(self._host, answer.status, answer.body, what)

    def _at_hand(self, path: str, limit: int) -> tuple[bytes, str, str] | None:
        """What was answered ahead and is there: its bytes, the digest and the media type that came with them."""
        plain = self._ahead.get(path)
        if plain is None or plain.status != 200 or len(plain.body) > limit:
            return None
        claimed, said = plain.header(b"docker-content-digest"), plain.header(b"content-type")
        if claimed is None or said is None:
            return None
        del self._ahead[path]
        return plain.body, claimed, said.partition(";")[0].strip().lower()

    def _proven(self, body: bytes, claimed: str, asked: str) -> str:
        """The digest of the bytes, after comparing it with what was asked for and what was claimed."""
        if claimed and not names.is_digest(claimed):
            raise errors.odd(self._host, _("it names a digest that is none: %s") % errors.plain(claimed))
        digest = names.digest_of(body, asked or claimed or "sha256:")
        if asked and digest != asked:
            raise errors.mismatch(self._host, asked, digest)
        if claimed not in {"", digest} and (got := names.digest_of(body, claimed)) != claimed:
            raise errors.mismatch(self._host, claimed, got)
        return digest

    def _descriptors(self, content: dict[str, Any], before: int) -> list[dict[str, Any]]:
        """The descriptors of an index of referrers; raises where one is none or they are too many."""
        listed = [] if content.get("manifests", "") is None else content.get("manifests")
        if content.get("schemaVersion") != 2 or not isinstance(listed, list):
            raise errors.odd(self._host, _("its list of referrers is no index"))
        if before + len(listed) > self.limits.referrers:
            raise RegistryError(
                "too_large",
                _("%(host)s lists more than %(limit)d referrers.")
                % {"host": self._host, "limit": self.limits.referrers},
                _("Nothing of them was used. Look at who pushes them."),
            )
        for one in listed:
            if not isinstance(one, dict) or not names.is_digest(str(one.get("digest"))):
                raise errors.odd(self._host, _("its list of referrers holds something that is no descriptor"))
        return listed
