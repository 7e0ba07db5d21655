"""Is it accepted: token, push, pull by digest, delete, through the address that people use.

Health does not notice a broken registry credential (facts on health); a push does.
"""

import asyncio
import hashlib
import io
import json
import os
import ssl
import tarfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from yarl import URL

from harborweb.configuration.text.document import Document
from harborweb.deployment import waiting
from harborweb.deployment.wanted import Wanted
from harborweb.jobs.run import Run
from harborweb.registry.auth import basic
from harborweb.registry.client import OCI_MANIFEST, Client
from harborweb.registry.endpoint import Endpoint, Limits
from harborweb.registry.errors import NotFound, RegistryError
from harborweb.registry.running import run as wait_for
from harborweb.registry.transport import Answer, Transport

NAME = "harborweb-probe"
LIMITS = Limits(seconds=20, connect_seconds=5, retries=1, wait_seconds=2)
ATTEMPTS = 3  # a service that has just become healthy may still stumble once
PAUSE = 2.0  # longer than a wrong password freezes a user (1.5 s)
ELSEWHERE = frozenset({"unreachable", "timeout", "not_a_registry", "server", "redirects"})
SERVICE = "harbor-registry"


@dataclass
class Accepted:
    """What was proven: `token`, push and pull; and what has to be said beside that."""

    address: str
    proven: bool
    warnings: list[str]


class NotProven(Exception):
    """Nothing speaks against the registry, but it could not be tried; says why."""


class Inside(Transport):
    """Asks the published port of this machine, with the Host and TLS name of the public address."""

    def __init__(self, endpoint: Endpoint, limits: Limits, local: URL | None, *, verify: bool) -> None:
        super().__init__(endpoint, limits)
        self._local, self._verify = local, verify

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        if self._verify:
            strict = super()._tls
            strict.hostname_checks_common_name = False  # as Docker's clients do: only alternative names count
            return strict
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context

    def route(self, url: URL) -> tuple[URL, dict[str, str], str | None]:
        """The published port for whatever names the public host, also the token service and uploads."""
        if self._local is None or url.host != self.endpoint.base.host:
            return url, {}, None
        where = url.with_scheme(self._local.scheme).with_host(str(self._local.host)).with_port(self._local.port)
        secure = self._local.scheme == "https"
        told = {"Host": self.endpoint.host, "X-Forwarded-Proto": self.endpoint.base.scheme}
        return where, told, url.host if secure else None


def accept(run: Run, wanted: Wanted, text: str) -> Accepted:
    """Push a 1 KiB image to what was deployed, pull it by digest, delete it.

    Raises RegistryError when that fails at an address that answers as a registry. What only this machine cannot
    see, or cannot try, is a warning: a name that does not resolve or leads elsewhere, a certificate that is not
    trusted here, an administrator whose password is not the one in harbor.yml any more.
    """
    password = Document(text).get("harbor_admin_password")
    endpoint = Endpoint(
        wanted.address, "admin", str(password or ""), allow_http=True, ca_pem=_certificate(wanted.certificate)
    )
    accepted = Accepted(wanted.address, False, [])
    transport = _reached(run, wanted, endpoint, accepted.warnings)
    for attempt in range(1, ATTEMPTS + 1):
        run.check()
        try:
            for line in wait_for(_try(endpoint, transport())):
                run.line(line)
        except NotProven as why:
            accepted.warnings.append(str(why))
            break
        except RegistryError as error:
            if attempt == ATTEMPTS:
                raise
            run.line(_("Not accepted yet: %(reason)s") % {"reason": error.message}, "err")
            wait_for(asyncio.sleep(PAUSE))
        else:
            accepted.proven = True
            break
    for warning in accepted.warnings:
        run.line(warning, "err")
    return accepted


def _certificate(path: str) -> str:
    """Harbor's own certificate, so that a private one is trusted here as its clients are told to trust it."""
    try:
        text = Path(path).read_text()
    except (OSError, ValueError):
        return ""
    try:
        ssl.create_default_context().load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError):
        return ""
    return text


def _reached(run: Run, wanted: Wanted, endpoint: Endpoint, warnings: list[str]) -> Any:
    """How the registry can be reached: a maker of transports. Adds to `warnings` what is odd about it."""
    tried: list[tuple[URL | None, str]] = [(None, endpoint.url)]
    port = wanted.https_port if wanted.https else wanted.http_port
    scheme = "https" if wanted.https else "http"
    tried += [(URL.build(scheme=scheme, host=host, port=port), host) for host in waiting.HOSTS if port]
    first: RegistryError | None = None
    for local, _name in tried:
        for verify in (True, False):
            try:
                wait_for(_ping(endpoint, Inside(endpoint, LIMITS, local, verify=verify)))
            except RegistryError as error:
                first = first or error
                if error.kind == "tls" and verify:
                    said = _("Its certificate is not trusted. Clients would say: %(reason)s")
                    warnings.append(said % {"reason": error.message})
                    continue
                if error.kind not in ELSEWHERE and error.kind != "tls":
                    raise
                break
            if local is not None and first is not None:
                said = _("Not tried as %(address)s. %(reason)s. Its port here was asked instead.")
                warnings.append(said % {"address": endpoint.url, "reason": first.message.rstrip(".")})
            run.line(_("Asked as %(address)s") % {"address": endpoint.url})
            return lambda: Inside(endpoint, LIMITS, local, verify=verify)
    assert first is not None  # noqa: S101 - the loop tried at least once
    raise first


async def _ping(endpoint: Endpoint, transport: Transport) -> None:
    async with Client(Endpoint(endpoint.url, allow_http=True, ca_pem=endpoint.ca_pem), LIMITS, transport) as client:
        try:
            await client.ping()
        except RegistryError as error:
            if error.status not in {401, 403}:
                raise


async def _try(endpoint: Endpoint, transport: Transport) -> list[str]:
    """Token, push, pull, delete; returns the lines for the log."""
    async with Client(endpoint, LIMITS, transport) as client:
        harbor = await _is_known(client)
        project = await _project(client) if harbor else "library"
        repository, lines = f"{project}/{NAME}", []
        config, layer, manifest = image()
        try:
            try:
                digest = await _pushed(client, repository, [config, layer], manifest)
            except RegistryError as error:
                if harbor and error.status == 403:  # to its administrator: read-only mode, or a quota
                    raise NotProven(_("Not proven by a push. %(reason)s") % {"reason": error.message}) from error
                raise
            lines.append(_("Pushed %(repository)s@%(digest)s") % {"repository": repository, "digest": digest})
            pulled = await client.manifest(repository, digest)
            await client.blob(repository, pulled.content["layers"][0]["digest"])
            lines.append(_("Pulled it by digest: the same bytes"))
        finally:
            lines += await _delete(client, harbor, repository, manifest)
        return lines


async def _pushed(client: Client, repository: str, blobs: list[bytes], manifest: bytes) -> str:
    for blob in blobs:
        await client.put_blob(repository, blob)
    return await client.put_manifest(repository, _digest(manifest), manifest, OCI_MANIFEST)


async def _is_known(client: Client) -> bool:
    """Whether it is a Harbor that knows our administrator; raises NotProven when the password is not his any more.

    A wrong password is served as nobody elsewhere (facts on the API); /users/current tells.
    """
    try:
        await client.ping()
    except RegistryError as error:
        if error.status not in {401, 403} and error.field != "password":
            raise
    answer = await _api(client, "GET", "/api/v2.0/users/current")
    if answer.status == 401:
        await asyncio.sleep(PAUSE)
        answer = await _api(client, "GET", "/api/v2.0/users/current")
    if answer.status == 401 and client.auth.service == SERVICE:
        raise NotProven(
            _(
                "Not proven by a push: the password of admin is not the one in harbor.yml any more. Harbor reads that "
                "key at its first start alone."
            )
        )
    return client.auth.service == SERVICE


async def _project(client: Client) -> str:
    """A project that takes an unsigned image and gives it back: library, or the first that does; raises NotProven."""
    answer = await _api(client, "GET", "/api/v2.0/projects?page_size=100&page=1")
    found = _json(answer) if answer.status == 200 else []
    fit = [str(one["name"]) for one in found if isinstance(one, dict) and _takes_anything(one)]
    if not fit:
        raise NotProven(
            _("Not proven by a push: no project takes an unsigned image, or the list of projects did not come.")
        )
    return "library" if "library" in fit else fit[0]


def _takes_anything(project: dict[str, Any]) -> bool:
    rules = project.get("metadata") or {}
    strict = ("enable_content_trust", "enable_content_trust_cosign", "prevent_vul")
    return not project.get("registry_id") and not any(str(rules.get(one)).lower() == "true" for one in strict)


async def _delete(client: Client, harbor: bool, repository: str, manifest: bytes) -> list[str]:
    """Delete the image; on a Harbor its repository too. What stays is said, and fails nothing."""
    try:
        if harbor:
            project, _slash, name = repository.partition("/")
            answer = await _api(client, "DELETE", f"/api/v2.0/projects/{project}/repositories/{name}")
            if answer.status in {200, 404}:
                return [_("Deleted %(repository)s") % {"repository": repository}]
            reason = str(answer.status)
        else:
            await client.delete_manifest(repository, _digest(manifest))
            return [_("Deleted it again")]
    except NotFound:
        return []
    except RegistryError as error:
        reason = error.message
    return [_("%(repository)s could not be deleted: %(reason)s") % {"repository": repository, "reason": reason}]


async def _api(client: Client, method: str, path: str) -> Answer:
    """Harbor's own API, with a password and without cookies: with one a write is refused (facts on the API)."""
    endpoint = client.endpoint
    headers = {"Authorization": basic(endpoint.username, endpoint.password), "Accept": "application/json"}
    url = endpoint.base.join(URL(path, encoded=True))
    return await client.transport.fetch(method, url, headers=headers, limit=client.limits.list_bytes)


def _json(answer: Answer) -> list[Any]:
    try:
        content = json.loads(answer.body)
    except ValueError:
        return []
    return content if isinstance(content, list) else []


def image() -> tuple[bytes, bytes, bytes]:
    """Configuration, a layer of 1 KiB that no other image has, and manifest."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        member = tarfile.TarInfo("probe")
        member.size = 512
        tar.addfile(member, io.BytesIO(os.urandom(512)))
    layer = packed.getvalue()[:1024]
    made = {
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
    }  # fmt: skip
    config = json.dumps(made).encode()
    manifest = {
        "schemaVersion": 2, "mediaType": OCI_MANIFEST,
        "config": _descriptor("application/vnd.oci.image.config.v1+json", config),
        "layers": [_descriptor("application/vnd.oci.image.layer.v1.tar", layer)],
    }  # fmt: skip
    return config, layer, json.dumps(manifest).encode()


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _descriptor(media_type: str, data: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest(data), "size": len(data)}
