"""Make a cache in Harbor: an upstream registry, then a project that stands on it.

1. The upstream: made with its login, or the one of the same kind and address that is there.
2. The project, with what it may hold and how fast it may fetch.

Everything is done with an administrator's password that was typed for it and is kept nowhere. The row is written
before the first step and after each, so that a cache that stopped half-way is known to be so.
"""

import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from harborweb.access.cache.models import Cache
from harborweb.access.cache.presets import Preset
from harborweb.errors import Problem
from harborweb.registry.errors import NotFound, RegistryError
from harborweb.registry.harbor import browsing, projects, upstreams
from harborweb.registry.harbor.client import Harbor
from harborweb.registry.harbor.projects import NewProject
from harborweb.registry.harbor.upstreams import NewUpstream, Upstream
from harborweb.registry.models import Registry
from harborweb.registry.running import run
from harborweb.registry.services import PATIENCE

Result = TypeVar("Result")
# Harbor tries the upstream before it answers, and waits for one that does not answer.
TRYING = replace(PATIENCE, seconds=40, retries=0)


@dataclass(frozen=True)
class Administrator:
    """A Harbor administrator, for this request only."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Plan:
    """The cache to be; `upstream.type` is empty until Harbor has said which types it knows."""

    preset: Preset
    upstream: NewUpstream
    project: NewProject
    reuse: bool = False  # take an upstream or project that is there already


class Taken(Problem):
    """What was to be made is there already; `usable` says that it is the same thing, so that it can be used."""

    def __init__(self, message: str, advice: str, *, usable: bool, field: str) -> None:
        super().__init__(message, advice, field=field)
        self.usable = usable


class HalfMade(Problem):
    """The upstream is there and the project is not; `row` says what exists, `why` what Harbor said."""

    def __init__(self, row: Cache, why: Problem) -> None:
        super().__init__(
            _("The upstream %(upstream)s exists in Harbor now; the project %(project)s does not.")
            % {"upstream": row.upstream_name, "project": row.project},
            f"{why.message} {why.advice}".strip(),
        )
        self.row = row
        self.why = why


def asking(
    registry: Registry, admin: Administrator, question: Callable[[Harbor], Coroutine[Any, Any, Result]]
) -> Result:
    """Await `question(harbor)` as this administrator, within bounds; raises RegistryError."""
    known = registry.endpoint_as(admin.username, admin.password)

    async def ask() -> Result:
        async with Harbor(known, TRYING) as harbor:
            return await question(harbor)

    return run(ask())


def probe(registry: Registry, admin: Administrator, preset: Preset, upstream: NewUpstream) -> None:
    """Let Harbor try the upstream with its login; nothing is kept. Raises Problem with Harbor's words made plain."""

    async def ask(harbor: Harbor) -> None:
        await upstreams.ping(harbor, replace(upstream, type=await _type(harbor, preset)))

    try:
        asking(registry, admin, ask)
    except RegistryError as error:
        raise _unhealthy(error, upstream) from error


def make(registry: Registry, admin: Administrator, plan: Plan) -> Cache:
    """Make the cache, step by step; the row of what stands now. Raises Taken, HalfMade or another Problem."""
    _forget_gone(registry, admin, plan.project.name)
    row = _row(registry, plan)
    if row.upstream_id is not None:
        return finish(row, admin, reuse=plan.reuse)
    try:
        _upstream(row, admin, plan)
    except Problem:
        if row.upstream_id is None:
            row.delete()  # nothing exists, so nothing is remembered
        raise
    return finish(row, admin, reuse=plan.reuse)


def _forget_gone(registry: Registry, admin: Administrator, name: str) -> None:
    """Drop the row of a cache whose project somebody has deleted in Harbor since."""
    old = Cache.objects.filter(registry=registry, project=name, whole=True).first()
    if old and not asking(registry, admin, lambda harbor: projects.exists(harbor, name)):
        old.delete()


def _row(registry: Registry, plan: Plan) -> Cache:
    """The row to work on: one that stopped half-way with this upstream goes on, under whatever project's name."""
    same = Cache.objects.filter(registry=registry, project=plan.project.name).first()
    if same and same.whole:
        raise Taken(
            _("The cache %s was made here already.") % same.project, _("Open it, or choose another project."),
            usable=False, field="project",
        )  # fmt: skip
    half = Cache.objects.filter(
        registry=registry, whole=False, upstream_id__isnull=False, upstream_name=plan.upstream.name,
        upstream_url=plan.upstream.url,
    ).first()  # fmt: skip
    if same and same.upstream_id is not None and same != half:
        raise Problem(
            _("A cache %s was begun here with another upstream and stopped half-way.") % same.project,
            _("Go on with that one or remove it, on the page of caches; or choose another project."), field="project",
        )  # fmt: skip
    if same and half and same != half:
        same.delete()
    row = half or same or Cache(registry=registry)
    row.project, row.kind, row.settings = plan.project.name, plan.preset.key, settings_of(plan.project)
    row.upstream_name, row.upstream_url = plan.upstream.name, plan.upstream.url
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        raise Problem(
            _("Somebody else is making the cache %s just now.") % row.project, _("Look at the list of caches."),
            field="project",
        ) from error  # fmt: skip
    return row


def finish(row: Cache, admin: Administrator, *, reuse: bool = False) -> Cache:
    """Step 2, also for a cache that stopped half-way; raises HalfMade with what Harbor said."""
    if row.upstream_id is None:
        raise Problem(_("There is no upstream for %s yet.") % row.project, _("Begin again."))
    number = row.upstream_id
    new = NewProject(row.project, registry=number, **row.settings)

    async def ask(harbor: Harbor) -> None:
        try:
            await projects.create(harbor, new)
        except RegistryError as error:
            if error.status == 500:  # Harbor's answer for a project on an upstream that it does not know
                await _still_there(harbor, row)
            if error.kind not in {"conflict", "unsure"}:
                raise
            await _there(harbor, row, error, reuse=reuse or error.kind == "unsure")

    try:
        asking(row.registry, admin, ask)
    except Problem as problem:
        raise HalfMade(row, problem) from problem
    row.whole = True
    row.save()
    return row


def undo(row: Cache, admin: Administrator) -> None:
    """Take back a cache that stopped half-way: the upstream, if it was made for it, and the row."""
    if row.whole:
        raise Problem(_("%s is whole: its project is Harbor's now.") % row.project, _("Delete it in Harbor."))
    if row.upstream_id is not None and row.upstream_ours:
        number = row.upstream_id

        async def ask(harbor: Harbor) -> None:
            try:
                await upstreams.delete(harbor, number, row.upstream_name)
            except NotFound:
                return  # somebody was faster

        asking(row.registry, admin, ask)
    row.delete()


def _upstream(row: Cache, admin: Administrator, plan: Plan) -> None:
    """Step 1."""

    async def ask(harbor: Harbor) -> tuple[int, bool]:
        new = replace(plan.upstream, type=await _type(harbor, plan.preset))
        try:
            return await upstreams.create(harbor, new), True
        except RegistryError as error:
            if error.kind not in {"conflict", "unsure"}:
                raise _unhealthy(error, new) from error
            return await _kept(harbor, new, error, reuse=plan.reuse), error.kind == "unsure"

    row.upstream_id, row.upstream_ours = asking(row.registry, admin, ask)
    row.save()


async def _kept(harbor: Harbor, new: NewUpstream, error: RegistryError, *, reuse: bool) -> int:
    """The id of the upstream of that name; raises Taken where it is another, or may not be used unasked."""
    found = next((one for one in await upstreams.every(harbor) if one.name == new.name), None)
    if found is None:
        raise error
    if error.kind == "unsure" or (reuse and _same(found, new)):
        return found.id
    if _same(found, new):
        raise Taken(
            _("Harbor has an upstream %(name)s already: %(type)s at %(url)s.")
            % {"name": found.name, "type": found.type, "url": found.url},
            _("Use the one that is there, with the login that Harbor keeps for it, or give this one another name."),
            usable=True, field="upstream_name",
        ) from error  # fmt: skip
    raise Taken(
        _("Harbor has another upstream named %(name)s: %(type)s at %(url)s.")
        % {"name": found.name, "type": found.type, "url": found.url},
        _("Choose another name for this one."),
        usable=False, field="upstream_name",
    ) from error  # fmt: skip


def _same(found: Upstream, new: NewUpstream) -> bool:
    return found.type == new.type and found.url.rstrip("/") == new.url.rstrip("/")


async def _still_there(harbor: Harbor, row: Cache) -> None:
    """Raise Problem where the upstream of a cache that stopped half-way is gone."""
    try:
        await upstreams.get(harbor, row.upstream_id or 0)
    except NotFound as error:
        raise Problem(
            _("The upstream %(name)s, number %(id)d, is not in Harbor any more.")
            % {"name": row.upstream_name, "id": row.upstream_id},
            _("Remove this attempt here and begin again."),
        ) from error


async def _there(harbor: Harbor, row: Cache, error: RegistryError, *, reuse: bool) -> None:
    """Return where the project of that name already stands on this upstream; raises Taken else."""
    found = await browsing.project(harbor, row.project)
    if found.proxies == row.upstream_id and reuse:
        return
    if found.proxies == row.upstream_id:
        raise Taken(
            _("The project %s is there already and stands on this upstream.") % row.project,
            _("Use the one that is there. Its own settings stay."),
            usable=True, field="project",
        ) from error  # fmt: skip
    raise Taken(
        _("There is a project %s already, and it is no cache of this upstream.") % row.project,
        _("Choose another name: an ordinary project cannot become a cache."),
        usable=False, field="project",
    ) from error  # fmt: skip


async def _type(harbor: Harbor, preset: Preset) -> str:
    """Harbor's name for this kind; raises Problem where this Harbor has none (it would answer 500)."""
    found = preset.type(await upstreams.adapters(harbor))
    if not found:
        raise Problem(
            _("This Harbor does not know upstreams of the kind %s.") % " / ".join(preset.types),
            _("Choose “any other OCI registry”, if it speaks the ordinary protocol, or upgrade Harbor."),
            field="kind",
        )
    return found


def _unhealthy(error: RegistryError, upstream: NewUpstream) -> RegistryError:
    """Harbor's short words made plain: it says “the registry is unhealthy” for whatever went wrong out there."""
    if error.kind == "invalid" and "unhealthy" in error.message:
        return RegistryError(
            "invalid",
            _("Harbor could not reach %s, or was refused there: “the registry is unhealthy” is all it says.")
            % upstream.url,
            _("Check the address and the login. Harbor asks from its own machine: that one needs the name, the way "
              "out (harbor.yml: proxy, with core among its components) and trust in the certificate. Its core log "
              "has the reason."),
            field="login", status=error.status,
        )  # fmt: skip
    if error.status == 500:
        return RegistryError(
            "server",
            _("Harbor answered 500 for the upstream %s.") % upstream.url,
            _("That is its answer to a kind or an id it does not know, and to faults of its own; its core log has "
              "the reason."),
            status=500,
        )  # fmt: skip
    return error


def settings_of(project: NewProject) -> dict[str, Any]:
    """What a row keeps of a project to be."""
    return {
        "public": project.public,
        "storage": project.storage,
        "speed_kb": project.speed_kb,
        "keep_gone": project.keep_gone,
    }


def calls(plan: Plan) -> list[tuple[str, str, dict[str, Any]]]:
    """What will be asked of Harbor: method, path, body; the secret is dots."""
    upstream = replace(plan.upstream, type=plan.upstream.type or plan.preset.types[0]).body()
    if "credential" in upstream:
        upstream["credential"] = {**upstream["credential"], "access_secret": "••••••"}
    project = replace(plan.project, registry=0).body() | {"registry_id": _("the id that Harbor gives to the upstream")}
    return [("POST", "/api/v2.0/registries", upstream), ("POST", "/api/v2.0/projects", project)]


def shown_calls(plan: Plan) -> list[tuple[str, str]]:
    """The same as lines to read: method and path, and the body."""
    return [(f"{method} {path}", json.dumps(body, indent=2, ensure_ascii=False)) for method, path, body in calls(plan)]
