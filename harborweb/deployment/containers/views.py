"""The pages of containers: all, one with its live log, and what can be done to it."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from harborweb.accounts.roles import Role, requires
from harborweb.deployment.containers import compose_file, live, pages, services
from harborweb.errors import Problem

WORDS = 100  # characters of what is searched for
MARKS = 50  # in one line; a container may write what is found thousands of times


@requires(Role.VIEWER)
@require_safe
def containers(request: HttpRequest) -> HttpResponse:
    """All containers of what was deployed, with what they use now."""
    return render(request, "deployment/containers.html", pages.page(pages.look()))


@requires(Role.VIEWER)
@require_safe
def table(request: HttpRequest) -> HttpResponse:
    """The same without the page around, which asks for it while somebody looks."""
    return render(request, "deployment/containers_table.html", {**pages.page(pages.look()), "swap": True})


@requires(Role.VIEWER)
@require_safe
def container(request: HttpRequest, name: str) -> HttpResponse:
    """One container with its log; `q` and `only` filter that, `paused` holds it still."""
    seen = pages.look()
    row = _row(seen, name)
    live.ask(live.log_of(name))
    context = {**pages.page(seen), **_log(request, name), "row": row, "paused": "paused" in request.GET}
    return render(request, "deployment/container.html", context)


@requires(Role.VIEWER)
@require_safe
def container_lines(request: HttpRequest, name: str) -> HttpResponse:
    """What came after the line `after`, and how the container stands now."""
    seen = pages.look()
    if (row := seen.row(name)) is not None:  # asking for any name at all would make a key in Redis for each
        live.ask(live.log_of(name))
    context = {**pages.page(seen), **_log(request, name), "row": row, "swap": True}
    return render(request, "deployment/container_lines.html", context)


@requires(Role.VIEWER)
@require_safe
def container_log(request: HttpRequest, name: str) -> HttpResponse:
    """What is kept of the log as text, to keep; filtered as the page is."""
    _row(pages.look(), name)
    live.ask(live.log_of(name))
    found = _log(request, name, live.KEPT)["lines"]
    text = "".join(f"{line.at:%Y-%m-%dT%H:%M:%S.%fZ} {line.text}\n" for line, _parts in found)
    response = HttpResponse(text, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{slugify(name) or "container"}.log"'
    return response


@requires(Role.OPERATOR)
@require_http_methods(["GET", "HEAD", "POST"])
def container_act(request: HttpRequest, name: str) -> HttpResponse:
    """Say what `do` (restart, start, stop) means for this container, and request it once confirmed."""
    action = (request.POST if request.method == "POST" else request.GET).get("do", "")
    if action not in services.ACTIONS:
        raise Http404
    problem = None
    if request.method == "POST":
        try:
            return redirect("jobs:detail", pk=services.act(request, name, action).pk)
        except Problem as refused:
            problem = refused
    seen = pages.look()
    row = _row(seen, name)
    context = {
        **pages.page(seen), "row": row, "action": action, "problem": problem,
        "consequence": pages.consequence(row.service),
    }  # fmt: skip
    return render(request, "deployment/container_act.html", context, status=409 if problem else 200)


@requires(Role.VIEWER)
@require_safe
def compose(request: HttpRequest) -> HttpResponse:
    """The docker-compose.yml of a deployment (by default the last one), and what changed since the one before."""
    kept = compose_file.deployments()
    wanted = request.GET.get("deployment", "")
    chosen = next((one for one in kept if str(one.number) == wanted), None) if wanted else next(iter(kept), None)
    if wanted and chosen is None:
        raise Http404(_("The files of this deployment are not kept."))
    file = compose_file.show(chosen) if chosen else None
    return render(request, "deployment/compose.html", {"file": file, "kept": kept})


def _row(seen: pages.Seen, name: str) -> pages.Row:
    row = seen.row(name)
    if row is None:
        raise Http404(_("There is no container %(name)s.") % {"name": name})
    return row


def _log(request: HttpRequest, name: str, most: int = live.SHOWN) -> dict[str, Any]:
    """The lines that the filters leave, each with its text in parts (words that were searched for, marked)."""
    after, only = request.GET.get("after", ""), request.GET.get("only") == "warn"
    text = request.GET.get("q", "").strip()[:WORDS]
    fresh = live.lines(name, after, live.KEPT)
    wanted = [
        line for line in fresh if (not only or line.look in {"error", "err"}) and text.lower() in line.text.lower()
    ]
    return {
        "lines": [(line, _parts(line.text, text)) for line in wanted[-most:]], "name": name, "q": text, "only": only,
        "last": fresh[-1].id if fresh else after, "of": len(fresh),
    }  # fmt: skip


def _parts(line: str, text: str) -> list[tuple[str, bool]]:
    """`line` cut where `text` occurs, whatever its case: pieces and whether they are it."""
    lower, wanted, at = line.lower(), text.lower(), 0
    parts: list[tuple[str, bool]] = []
    if not wanted or len(lower) != len(line):  # a letter whose small form is longer: mark nothing
        return [(line, False)]
    while (found := lower.find(wanted, at)) >= 0 and len(parts) < 2 * MARKS:
        parts += [(line[at:found], False), (line[found : found + len(wanted)], True)]
        at = found + len(wanted)
    return [part for part in (*parts, (line[at:], False)) if part[0]]
