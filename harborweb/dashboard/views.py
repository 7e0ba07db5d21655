"""The hall: one view, the small parts of the top bar, and the page of components for developers."""

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from harborweb.accounts.roles import Role, requires
from harborweb.dashboard.components import example
from harborweb.dashboard.overview import jobs as latest_jobs
from harborweb.dashboard.overview import overview
from harborweb.errors import Problem
from harborweb.jobs.models import Job
from harborweb.registry.client import Client
from harborweb.registry.endpoint import Limits
from harborweb.registry.errors import RegistryError
from harborweb.registry.harbor import system
from harborweb.registry.harbor.client import Harbor
from harborweb.registry.models import Registry
from harborweb.registry.services import asking

STATE_SECONDS = 30
GLANCE = Limits(seconds=4, connect_seconds=3, retries=0)


@requires(Role.VIEWER)
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """How everything is."""
    return render(request, "dashboard/page.html", {"overview": overview(), "jobs": latest_jobs()})


@requires(Role.VIEWER)
@require_GET
def jobs(request: HttpRequest) -> HttpResponse:
    """The panel of jobs, asked for again while one of them runs."""
    return render(request, "dashboard/_jobs.html", {"jobs": latest_jobs()})


@requires(Role.VIEWER)
@require_GET
def bar_jobs(request: HttpRequest) -> HttpResponse:
    """The number of running jobs in the top bar; nothing when none runs."""
    running = Job.objects.filter(state__in=Job.ACTIVE).count()
    return render(request, "components/bar_jobs.html", {"bar": {"running": running}})


@requires(Role.VIEWER)
@require_GET
def bar_registry(request: HttpRequest) -> HttpResponse:
    """Whether the first registry answers; asked at most twice a minute, whoever looks."""
    registry = Registry.objects.order_by("pk").first()
    if registry is None:
        return HttpResponse()
    name = f"registry-state-{registry.pk}-{registry.url}"
    state = cache.get(name)
    if state is None:
        state = _glance(registry)
        cache.set(name, state, STATE_SECONDS)
    return render(request, "components/bar_registry.html", {"registry": registry, "seen": state})


def _glance(registry: Registry) -> dict[str, str]:
    """Colour, word and reason of what the registry answers now."""

    async def look(client: Client) -> list[str]:
        if not registry.is_harbor:
            await client.ping()
            return []
        harbor = Harbor(client.endpoint, client.limits, client.transport)
        await system.whoami(harbor)  # who has not signed in gets in here, and not at a registry's own door
        return [one.name for one in (await system.health(harbor)).ill]

    try:
        ill = asking(registry, look, GLANCE)
    except RegistryError as error:
        word = {"unreachable": _("Not reachable"), "timeout": _("Not reachable"), "unauthorized": _("Refuses us")}
        return {"state": "bad", "word": word.get(error.kind, _("Answers with a fault")), "reason": error.message}
    except Problem as problem:
        return {"state": "unsure", "word": _("Could not ask"), "reason": problem.message}
    if ill:
        return {"state": "warn", "word": _("Parts are not healthy"), "reason": ", ".join(ill)}
    return {"state": "good", "word": _("Answers"), "reason": ""}


@requires(Role.VIEWER)
@require_GET
def components(request: HttpRequest) -> HttpResponse:
    """Every component in every state."""
    return render(request, "dashboard/components.html", example())
