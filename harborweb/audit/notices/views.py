"""The pages of notices, and the metrics."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from harborweb.accounts.http import Request
from harborweb.accounts.roles import Role, public, requires
from harborweb.audit import tasks
from harborweb.audit.models import Channel, Message, MetricsAccess
from harborweb.audit.notices import channels, metrics, telling
from harborweb.audit.notices.forms import ChannelForm

SHOWN = 50


@requires(Role.VIEWER)
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Who is told what, and what they were told last."""
    return _home(request)


def _home(request: HttpRequest, token: str = "") -> HttpResponse:
    rows = [(one, channels.said(one)) for one in Channel.objects.select_related("registry")]
    context = {
        "channels": rows, "messages_sent": Message.objects.select_related("channel")[:SHOWN],
        "access": MetricsAccess.objects.first(), "token": token,
        "scrape": metrics.scrape_config(request.scheme or "http", request.get_host(), reverse("metrics:scrape")),
    }  # fmt: skip
    return render(request, "audit/notices.html", context)


@requires(Role.OPERATOR)
@sensitive_post_parameters("address")
@require_http_methods(["GET", "POST"])
def add(request: Request) -> HttpResponse:
    """A new channel."""
    return _form(request, Channel())


@requires(Role.OPERATOR)
@sensitive_post_parameters("address")
@require_http_methods(["GET", "POST"])
def change(request: Request, pk: int) -> HttpResponse:
    """Change a channel."""
    return _form(request, get_object_or_404(Channel, pk=pk))


def _form(request: Request, channel: Channel) -> HttpResponse:
    known = channel if channel.pk else None
    if request.method == "POST":
        form = ChannelForm(request.POST, channel=known)
        if form.is_valid():
            base = request.build_absolute_uri("/").rstrip("/")
            secret = channels.save(request, channel, {**form.cleaned_data, "base": base})
            if secret:
                return _page(request, channel, ChannelForm(channel=channel, initial=_typed(channel)), secret=secret)
            return redirect("audit:notices")
        return _page(request, channel, form, status=422)
    return _page(request, channel, ChannelForm(channel=known, initial=_typed(channel) if known else None))


def _typed(channel: Channel) -> dict[str, Any]:
    names = ("name", "kind", "registry", "ca_pem", "kinds", "minutes", "enabled")
    more = {"projects": " ".join(channel.projects), "allow_http": channel.shown.startswith("http://")}
    return {name: getattr(channel, name) for name in names} | more


def _page(
    request: Request, channel: Channel, form: ChannelForm, *, secret: str = "", status: int = 200
) -> HttpResponse:
    context = {"channel": channel if channel.pk else None, "form": form, "secret": secret}
    return render(request, "audit/channel.html", context, status=status)


@requires(Role.OPERATOR)
@require_POST
def test(request: Request, pk: int) -> HttpResponse:
    """Send a channel a test notice."""
    channel = get_object_or_404(Channel, pk=pk)
    return redirect("jobs:detail", telling.request_tell(tasks.tell, channel, by=request, test=True).pk)


@requires(Role.OPERATOR)
@require_POST
def remove(request: Request, pk: int) -> HttpResponse:
    """Delete a channel."""
    channels.remove(request, get_object_or_404(Channel, pk=pk))
    return redirect("audit:notices")


@requires(Role.ADMINISTRATOR)
@require_POST
def metrics_token(request: Request) -> HttpResponse:
    """Make a token for the metrics, shown once, or take it away."""
    if request.POST.get("action") == "remove":
        channels.close_metrics(request)
        return redirect("audit:notices")
    return _home(request, channels.new_token(request))


@public
@never_cache
@require_GET
def scrape(request: HttpRequest) -> HttpResponse:
    """The metrics, for whoever bears the token; 401 for everybody else."""
    if not channels.may_scrape(request.headers.get("Authorization", "")):
        told = _("Metrics need a token: Audit, Notices, Metrics.")
        return HttpResponse(
            told, status=401, content_type="text/plain; charset=utf-8", headers={"WWW-Authenticate": "Bearer"}
        )
    body, kind = metrics.exposition()
    return HttpResponse(body, content_type=kind)
