"""The door for whoever changes who counts by certificate: what it takes away is taken away at once."""

from collections.abc import Sequence

from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from harborweb.audit import tasks
from harborweb.audit.keyless import services
from harborweb.audit.models import TrustedIdentity
from harborweb.jobs import services as jobs
from harborweb.verification.keyless import Allowed


@transaction.atomic
def give(request: HttpRequest, data: bytes) -> None:
    """Take `data` as the root; what counted by another one is judged again. Raises Problem."""
    before = services.given()
    root = services.give(request, data)
    if before is not None and before.row.fingerprint != root.fingerprint:
        _judge_again(request, services.allowed())


@transaction.atomic
def take_away(request: HttpRequest) -> None:
    """Verify with nothing any more."""
    services.take_away(request)
    _judge_again(request, services.allowed())


@transaction.atomic
def disallow(request: HttpRequest, row: TrustedIdentity) -> None:
    """Count an identity no more."""
    services.disallow(request, row)
    _judge_again(request, [Allowed(row.subject, row.issuer)])


def _judge_again(request: HttpRequest, whom: Sequence[Allowed]) -> None:
    if not whom:
        return
    names = ", ".join(one.subject for one in whom)[:200]
    jobs.request(
        tasks.judge_identities, kind="judge_identities", title=_("Judge again what %s has signed") % names,
        subject=names[:100], by=request, arguments={"fingerprints": [one.fingerprint for one in whom]},
    )  # fmt: skip
