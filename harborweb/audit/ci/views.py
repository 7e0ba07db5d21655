"""The page that shows how the audit is used in CI."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from harborweb.accounts.roles import Role, requires
from harborweb.audit import describing
from harborweb.audit.ci import snippets
from harborweb.audit.filtering import Filter
from harborweb.audit.policies.standings import latest


@requires(Role.VIEWER)
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Snippets filled with this registry's address, keys and policy."""
    registry = Filter.of(request).registry
    context: dict[str, object] = {"registry": registry}
    if registry is not None:
        about = describing.about(registry)
        setting = snippets.Setting(
            registry.url, [key for key in about.keys if key.pem], registry.username, registry.ca_pem,
            registry.allow_http, latest(registry) is not None,
        )  # fmt: skip
        context |= {
            "setting": setting, "snippets": snippets.snippets(setting), "files": snippets.files(setting),
            "image": snippets.IMAGE, "password": snippets.PASSWORD,
        }  # fmt: skip
    return render(request, "audit/ci.html", context)
