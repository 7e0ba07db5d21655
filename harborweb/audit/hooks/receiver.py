"""What a Harbor's webhooks are delivered to. Public: who speaks is told by the secret in its header."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from harborweb.accounts.roles import public
from harborweb.audit.hooks import receiving
from harborweb.audit.hooks.payload import Junk


@public
@csrf_exempt
@require_POST
def harbor(request: HttpRequest, pk: int) -> HttpResponse:
    """202 for what was understood, new or not; 401, without a word, for whoever does not have the secret."""
    hook = receiving.speaker(pk, request.headers.get("Authorization", ""))
    if hook is None:
        return HttpResponse(status=401)
    body = request.read(settings.HOOK_MAX_BYTES + 1)
    if len(body) > settings.HOOK_MAX_BYTES:
        return HttpResponse(status=413)
    try:
        receiving.take(hook, body, request.headers.get("Content-Type", ""))
    except Junk as junk:
        return HttpResponse(str(junk), status=400, content_type="text/plain; charset=utf-8")
    except receiving.Full:
        return HttpResponse(status=429, headers={"Retry-After": "60"})
    return HttpResponse(status=202)
