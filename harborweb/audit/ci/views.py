"""The page that shows how the audit is used in CI."""

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from harborweb.accounts.roles import Role, requires
from harborweb.audit import describing
from harborweb.audit.choosing import registry_of
from harborweb.audit.ci import snippets
from harborweb.audit.policies.standings import latest
from harborweb.signing.services import keyring
from harborweb.verification.trust import TrustedKey


def counts_everywhere(key: TrustedKey, now: datetime) -> bool:
    """Whether a key counts now and in every project: the command knows no other limits, and would trust it too far."""
    return not key.projects and key.refuses("", now) is None


@requires(Role.VIEWER)
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Snippets filled with this registry's address, keys and policy."""
    registry = registry_of(request)
    context: dict[str, object] = {"registry": registry}
    if registry is not None:
        now = timezone.now()
        ring = {one.key.fingerprint: one for one in keyring() if one.key.pem}
        good = {fingerprint for fingerprint, one in ring.items() if counts_everywhere(one, now)}
        keys = [key for key in describing.about(registry).keys if key.fingerprint in good]
        setting = snippets.Setting(
            registry.url, keys, registry.username, registry.ca_pem, registry.allow_http, latest(registry) is not None
        )
        context["left"] = [one.key.name for fingerprint, one in ring.items() if fingerprint not in good]
        context |= {
            "setting": setting, "snippets": snippets.snippets(setting), "files": snippets.files(setting),
            "image": snippets.IMAGE, "password": snippets.PASSWORD,
        }  # fmt: skip
    return render(request, "audit/ci.html", context)
