"""What harborweb sees of the visitor's own way here; the board's script shows it."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from harborweb.access.board.visitor import of
from harborweb.accounts.roles import Role, requires


@requires(Role.VIEWER)
@never_cache
@require_safe
def visitor(request: HttpRequest) -> JsonResponse:
    """Address, scheme and host of this very request: asked again by the page, it shows that the way works now."""
    seen = of(request)
    return JsonResponse({"address": seen.address, "scheme": seen.scheme, "host": seen.host})
