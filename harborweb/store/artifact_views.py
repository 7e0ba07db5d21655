"""One repository and one artifact of a registry."""

from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from harborweb.accounts.roles import Role, requires
from harborweb.audit import history
from harborweb.audit.counts import by_digest
from harborweb.audit.models import ArtifactVerdict
from harborweb.errors import Problem
from harborweb.registry import names
from harborweb.registry.artifact import Child
from harborweb.registry.models import Registry
from harborweb.signing import services as signing
from harborweb.store import run_this, services, timeline
from harborweb.store.harbor import artifact as harbor_artifact
from harborweb.store.harbor import artifacts as harbor_artifacts
from harborweb.store.harbor import links, publishing
from harborweb.store.harbor.asking import Asked
from harborweb.store.showing import artifact_url, failed, frame, to
from harborweb.store.shown import Shown
from harborweb.store.words import verdicts

DAYS = ("30", "90", "all")
LONG_AGO = timedelta(days=3650)
LANES = 12
MOVES = 5


@requires(Role.VIEWER)
@require_GET
def repository(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """One page of a repository's artifacts, or what a search finds there."""
    registry = get_object_or_404(Registry, pk=pk)
    if registry.is_harbor:
        return _repository_of_harbor(request, registry, name)
    q, last, unfold = (request.GET.get(key, "").strip() for key in ("q", "last", "unfold"))
    context: dict[str, Any] = {
        "registry": registry, "repository": name, "project": name.partition("/")[0], "q": q, "last": last,
        "unfold": unfold, **_history(request, registry, name),
    }  # fmt: skip
    try:
        if q:
            found = services.search(registry, name, q)
            if found.digest:
                return to(request, artifact_url(registry, name, found.digest, found.tag))
            context["found"] = found
        else:
            context["listing"] = services.listing(registry, name, last, unfold=bool(unfold))
    except Problem as problem:
        return failed(request, "store/repository.html", context, problem)
    return render(request, "store/repository.html", context)


def _repository_of_harbor(request: HttpRequest, registry: Registry, name: str) -> HttpResponse:
    asked = Asked.of(request, harbor_artifacts.SORTS, harbor_artifacts.KINDS)
    if names.is_digest(asked.q):
        return to(request, artifact_url(registry, name, asked.q))
    context = frame(registry, asked, harbor_artifacts.SORTS, harbor_artifacts.KINDS, []) | {
        "repository": name, "project": name.partition("/")[0], **_history(request, registry, name),
    }  # fmt: skip
    try:
        found = harbor_artifacts.listed(registry, name, asked)
    except Problem as problem:
        return failed(request, "store/harbor/repository.html", context, problem)
    context |= {
        "listing": found, "lists": found.lists, "page": found.lists.page, "verdicts": verdicts(found.counts),
        "in_harbor": links.repository(registry, found.project_id, name), "push": publishing.push(registry, "", name),
    }  # fmt: skip
    return render(request, "store/harbor/repository.html", context)


@requires(Role.VIEWER)
@require_GET
def artifact(request: HttpRequest, pk: int, name: str, digest: str) -> HttpResponse:
    """One artifact by digest; `?tag=` says which tag led here, so that a tag that has moved is told."""
    registry = get_object_or_404(Registry, pk=pk)
    tag = request.GET.get("tag", "").strip()
    context: dict[str, Any] = {
        "registry": registry, "repository": name, "project": name.partition("/")[0], "digest": digest, "tag": tag,
        "keys": signing.signing_keys(),
    }  # fmt: skip
    try:
        show = harbor_artifact.shown if registry.is_harbor else services.shown
        found = show(registry, name, digest, tag)
    except Problem as problem:
        return failed(request, "store/fault.html", context, problem)
    context |= {
        "shown": found, "verdict": found.verdict,
        "moved": bool(tag) and found.tag_digest not in {digest, ""},
        "now_url": artifact_url(registry, name, found.tag_digest, tag) if found.tag_digest else "",
        "commands": services.commands(registry, name, digest), "key": services.verifying_key(found.verdict),
        "recipe": found.config and run_this.recipe(
            f"{registry.host}/{name}@{digest}", name.rpartition("/")[2], found.config
        ),
        "children": _children(registry, name, found),
        **_history(request, registry, name, digest),
    }  # fmt: skip
    if record := found.record:
        context["in_harbor"] = links.artifact(registry, record.project_id, name, digest)
    return render(request, "store/artifact.html", context)


def _children(registry: Registry, name: str, found: Shown) -> list[tuple[Child, ArtifactVerdict | None]]:
    """What an index lists, each with the verdict that the last sweep has of it."""
    judged = by_digest(registry, name, [one.digest for one in found.children]) if found.children else {}
    return [(one, judged.get(one.digest)) for one in found.children]


def _history(request: HttpRequest, registry: Registry, name: str, digest: str = "") -> dict[str, Any]:
    """The tag timeline of a repository, and what moved in it."""
    days = request.GET.get("days", "")
    chosen = days if days in DAYS else DAYS[0]
    since: datetime = timezone.now() - (LONG_AGO if chosen == "all" else timedelta(days=int(chosen)))
    lanes = history.timeline(registry, name, since, digest=digest, most=LANES)
    return {
        "days": chosen,
        "drawing": timeline.drawing(
            lanes, since, lambda one, tag: artifact_url(registry, name, one, tag), digest
        ),
        "moves": history.moves(registry, name, since, most=MOVES),
    }  # fmt: skip
