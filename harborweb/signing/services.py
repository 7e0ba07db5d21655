"""The door of signing: keys for everybody, jobs that make, sign and verify.

`request` says who asks, for the activity trail; None is harborweb itself (the demo, a command).
"""

import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F
from django.http import HttpRequest
from django.utils.translation import gettext as _

from harborweb import sealing
from harborweb.accounts.services import record
from harborweb.errors import Problem
from harborweb.jobs import services as jobs
from harborweb.jobs.models import Job
from harborweb.registry.models import Registry
from harborweb.signing import tasks, words
from harborweb.signing.annotations import check_own
from harborweb.signing.keyfiles import read_public
from harborweb.signing.keysmith import already_here
from harborweb.signing.limits import check_signs, is_over
from harborweb.signing.models import CosignFound, Key
from harborweb.tools import cosign_features, cosign_kms
from harborweb.verification.keys import load_public_key
from harborweb.verification.trust import TrustedKey


def keyring() -> list[TrustedKey]:
    """Every key whose signatures may count in the audit, each with when and where they do."""
    rows = Key.objects.filter(trusted=True, state=Key.State.READY).select_related("successor")
    return [
        TrustedKey(
            load_public_key(row.public_pem.encode(), row.name), row.not_before, row.not_after, row.revoked_from,
            row.revoked_reason, tuple(row.projects), row.successor.name if row.successor else "",
        )
        for row in rows
    ]  # fmt: skip


def signing_keys() -> list[Key]:
    """The keys that the sign panel offers: trusted ones first, the one used last at the top; none that is over."""
    rows = Key.objects.filter(kind__in=Key.SIGNING, state=Key.State.READY)
    return [key for key in rows.order_by("-trusted", F("used").desc(nulls_last=True), "name") if not is_over(key)]


@dataclass(frozen=True)
class CosignState:
    """What the pages say about the workers' cosign: `problem` stops signing, `warning` does not."""

    found: list[CosignFound]
    version: cosign_features.Version | None = None  # of the worker seen last
    problem: Problem | None = None
    warning: str = ""

    @property
    def bundles(self) -> bool:
        """Whether that cosign signs with bundles unless told otherwise."""
        return self.version is not None and cosign_features.can(self.version, "sign bundle")


def cosign_state() -> CosignState:
    """Which cosign each worker host has, seen last first."""
    found = list(CosignFound.objects.all())
    if not found:
        return CosignState(found)
    newest, version = found[0], found[0].parsed
    if not newest.path:
        return CosignState(found, problem=words.missing())
    if version is None or newest.unsupported:
        return CosignState(found, problem=words.unusable(newest.version))
    return CosignState(found, version, warning=words.vulnerable(version))


def add_public_key(request: HttpRequest | None, name: str, data: bytes, *, trusted: bool) -> Key:
    """Store the public key in a PEM, JWK or certificate; raises Problem when `data` is none, or the name or the key
    is here already."""
    found = read_public(data.decode(errors="replace"))
    public = found.key
    key = _new(request, name, Key.Kind.PUBLIC, trusted, state=Key.State.READY)
    key.origin = found.origin
    already_here(public.fingerprint)
    key.public_pem, key.fingerprint, key.algorithm = public.pem, public.fingerprint, public.kind
    with _name_once(key):
        key.save()
    record(request, "import public key", key.name, public.fingerprint)
    return key


def request_pair(request: HttpRequest | None, name: str, mode: str, password: str, *, trusted: bool) -> Key:
    """Begin making a key pair; its `job` does the work."""
    return _begin(request, name, mode, trusted, {"password": password}, imported=False)


def request_import(request: HttpRequest | None, name: str, mode: str, password: str, pem: str, *, trusted: bool) -> Key:
    """Begin importing a private key; whether `password` opens it is found out by the worker."""
    return _begin(request, name, mode, trusted, {"password": password, "pem": pem}, imported=True)


def request_kms(request: HttpRequest | None, name: str, uri: str, *, trusted: bool) -> Key:
    """Begin to fetch the public half of the key that a KMS has at `uri`; raises Problem for what is no such URI.

    What signs in to the KMS is the worker's own environment: nothing of it is stored.
    """
    if cosign_kms.service_of(uri) is None:
        raise words.no_kms_uri()
    key = _new(request, name, Key.Kind.KMS, trusted, state=Key.State.MAKING)
    key.kms_uri = uri
    with _name_once(key):
        key.save()
        key.job = jobs.request(
            tasks.connect_kms, kind="connect_kms", title=_("Connect KMS key %s") % name, subject=name, by=request,
            arguments={"key": key.pk}, exclusive=f"key:{key.pk}",
        )  # fmt: skip
        key.save(update_fields=["job"])
    record(request, "connect KMS key", name, uri)
    return key


def request_sign(
    request: HttpRequest | None,
    registry: Registry,
    repository: str,
    digest: str,
    tag: str,
    key: Key,
    *,
    annotations: Mapping[str, str] | None = None,
    password: str = "",
    format: str = "",
    expires: datetime | None = None,
    recursive: bool = True,
    signer: str = "",
) -> Job:
    """Begin signing `digest`, provided that `tag` (may be empty) still points to it when the worker looks.

    `password` is used only where the key asks for it. `format` is "bundle", "simple" or "both", empty for what the
    registry's readers need. `annotations` are people's own; repository, tag, signer (who asks, unless it is given),
    time and `expires` are signed with them. `recursive` also signs what an index lists. A second click while the first
    one works gives the same job.
    """
    check_own(annotations or {})
    check_signs(key)
    click = secrets.token_hex(8)
    slot = sealing.put_once(password) if key.asks else ""
    job = jobs.request(
        tasks.sign,
        kind="sign",
        title=_("Sign %(image)s with %(key)s") % {"image": _image(repository, tag, digest), "key": key.name},
        subject=f"{registry.name}/{repository}@{digest}",
        by=request,
        arguments={
            "registry": registry.pk, "repository": repository, "digest": digest, "tag": tag, "key": key.pk,
            "annotations": dict(annotations or {}), "slot": slot, "format": format, "click": click,
            "expires": expires.isoformat() if expires else "", "recursive": recursive, "signer": signer,
        },
        exclusive=f"sign:{_image_key(registry, repository, digest)}:{key.pk}",
    )  # fmt: skip
    if job.arguments["click"] != click:  # a second click: its password is not needed
        sealing.drop(filter(None, [slot]))
    else:
        record(request, "sign", job.subject, _("tag %(tag)s, key %(key)s") % {"tag": tag or "-", "key": key.name})
    return job


def request_verify(
    request: HttpRequest | None, registry: Registry, repository: str, digest: str, tag: str = "", key: Key | None = None
) -> Job:
    """Begin `cosign verify` of `digest` with `key`, or with every trusted key."""
    job = jobs.request(
        tasks.verify,
        kind="verify",
        title=_("Verify %s") % _image(repository, tag, digest),
        subject=f"{registry.name}/{repository}@{digest}",
        by=request,
        arguments={
            "registry": registry.pk, "repository": repository, "digest": digest, "tag": tag,
            "key": key.pk if key else None,
        },
        exclusive=f"verify:{_image_key(registry, repository, digest)}:{key.pk if key else 'all'}",
    )  # fmt: skip
    record(request, "verify", job.subject, key.name if key else _("each trusted key"))
    return job


def request_look(request: HttpRequest | None) -> Job:
    """Begin looking for cosign on a worker."""
    return jobs.request(
        tasks.look,
        kind="find_cosign",
        title=_("Look for cosign"),
        subject="cosign",
        by=request,
        exclusive="find_cosign",
    )


def rename(request: HttpRequest | None, key: Key, name: str) -> None:
    """Give `key` another name; raises Problem when that is taken."""
    before, key.name = key.name, name
    with _name_once(key):
        key.save(update_fields=["name"])
    record(request, "rename key", name, _("was %s") % before)


def delete(request: HttpRequest | None, key: Key, typed: str) -> None:
    """Delete `key` for good, when its name was typed."""
    if typed != key.name:
        raise Problem(
            _("Nothing was deleted: the name typed is not %s.") % key.name, _("Type the key’s name."), field="typed"
        )
    if key.trusted and key.state == Key.State.READY:
        raise Problem(
            _("Nothing was deleted: signatures by %s count.") % key.name,
            _("Stop trusting it first: that shows which images lose their trust."),
            field="typed",
        )
    name, fingerprint = key.name, key.fingerprint or ""
    key.delete()
    record(request, "delete key", name, fingerprint)


def _new(request: HttpRequest | None, name: str, kind: str, trusted: bool, *, state: str) -> Key:
    """A row not saved yet; a failed one of the same name makes room."""
    for row in Key.objects.filter(name=name).exclude(state=Key.State.READY):
        if row.now == Key.State.FAILED:
            row.delete()
    return Key(name=name, kind=kind, trusted=trusted, state=state, created_by=_who(request))


def _who(request: HttpRequest | None) -> str:
    return request.user.get_username() if request is not None else _("harborweb")


def _begin(
    request: HttpRequest | None, name: str, mode: str, trusted: bool, typed: dict[str, str], *, imported: bool
) -> Key:
    key = _new(request, name, Key.Kind.PAIR, trusted, state=Key.State.MAKING)
    key.password_mode = mode
    slot = sealing.put_once(json.dumps(typed))
    with _name_once(key, slot):
        key.save()
        key.job = jobs.request(
            tasks.import_key if imported else tasks.make_key,
            kind="import_key" if imported else "generate_key",
            title=(_("Import key pair %s") if imported else _("Make key pair %s")) % name,
            subject=name,
            by=request,
            arguments={"key": key.pk, "slot": slot},
            exclusive=f"key:{key.pk}",
        )
        key.save(update_fields=["job"])
    record(request, "import key pair" if imported else "make key pair", name)
    return key


@contextmanager
def _name_once(key: Key, *slots: str) -> Iterator[None]:
    """A transaction in which a taken name becomes a sentence, and then `slots` are emptied."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        sealing.drop(slots)
        if key.fingerprint:
            already_here(key.fingerprint, besides=key.pk)
        raise Problem(
            _("There is a key named %s already.") % key.name, _("Choose another name."), field="name"
        ) from error


def _image_key(registry: Registry, repository: str, digest: str) -> str:
    """A short name for one image in one repository: the same digest may lie in several."""
    return hashlib.sha256(f"{registry.pk} {repository}@{digest}".encode()).hexdigest()[:32]


def _image(repository: str, tag: str, digest: str) -> str:
    return f"{repository}:{tag}" if tag else f"{repository}@{digest[:15]}…"
