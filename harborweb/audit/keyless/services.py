"""The door of keyless trust: give a root, allow an identity, and what the audit goes by."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from harborweb.accounts.services import record
from harborweb.audit.models import TrustedIdentity, TrustedRootFile
from harborweb.errors import Problem
from harborweb.verification.keyless import Allowed, KeylessTrust, Root, load_root

FILE = "trusted_root.json"


@dataclass(frozen=True)
class Given:
    """The root that was given, and what is in it; `problem` where it can be used no more."""

    row: TrustedRootFile
    root: Root | None = None
    problem: Problem | None = None


@lru_cache(maxsize=4)
def _read(text: bytes) -> Root:
    return load_root(text)


def given() -> Given | None:
    """The root that was given, None where there is none."""
    row = TrustedRootFile.objects.first()
    if row is None:
        return None
    try:
        return Given(row, _read(bytes(row.text)))
    except Problem as problem:  # an older harborweb took it
        return Given(row, problem=problem)


def allowed() -> tuple[Allowed, ...]:
    """Every identity that counts."""
    return tuple(Allowed(one.subject, one.issuer, tuple(one.projects)) for one in TrustedIdentity.objects.all())


def keyless_trust() -> KeylessTrust:
    """What the audit goes by; without a root that can be used nothing is verified."""
    found = given()
    return KeylessTrust(found.root if found else None, allowed())


def names() -> dict[str, str]:
    """The allowed identities by what stands in place of a key's fingerprint."""
    return {one.fingerprint: one.subject for one in allowed()}


def files() -> dict[str, str]:
    """What a third party needs besides keys: the root, by file name."""
    found = given()
    return {FILE: bytes(found.row.text).decode()} if found and found.root else {}


def give(request: HttpRequest, data: bytes) -> Root:
    """Take `data` as the root from now on; raises Problem where it cannot be used, and the old one stays."""
    root = _read(data)
    with transaction.atomic():
        TrustedRootFile.objects.all().delete()
        TrustedRootFile.objects.create(text=data, fingerprint=root.fingerprint, given_by=_who(request))
    record(request, "give trusted root", FILE, root.fingerprint)
    return root


def take_away(request: HttpRequest) -> None:
    """Verify keyless signatures with nothing any more."""
    for row in TrustedRootFile.objects.all():
        row.delete()
        record(request, "remove trusted root", FILE, row.fingerprint)


def allow(request: HttpRequest, subject: str, issuer: str, projects: Sequence[str] = ()) -> TrustedIdentity:
    """Count keyless signatures of an identity, in projects that fit one of these patterns, or in all.

    Raises Problem for one that means everybody, or is here already.
    """
    Allowed(subject, issuer)
    try:
        with transaction.atomic():
            row = TrustedIdentity.objects.create(
                subject=subject, issuer=issuer, projects=list(projects), added_by=_who(request)
            )
    except IntegrityError as error:
        raise Problem(
            _("%s is allowed already.") % subject, _("Look at the list of identities."), field="subject"
        ) from error
    record(request, "allow identity", subject, ", ".join([issuer, *projects]))
    return row


def disallow(request: HttpRequest, row: TrustedIdentity) -> None:
    """Count an identity no more."""
    row.delete()
    record(request, "disallow identity", row.subject, row.issuer)


def _who(request: HttpRequest) -> str:
    return str(request.user.get_username())
