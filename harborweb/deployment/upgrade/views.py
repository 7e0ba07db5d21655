"""The pages of upgrades."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from harborweb.accounts.roles import Role, requires
from harborweb.configuration import rules
from harborweb.configuration.diff import compare
from harborweb.configuration.text.document import read
from harborweb.configuration.text.merging import MIGRATED, OURS, THEIRS, Item, Merged
from harborweb.configuration.veil import without_passwords
from harborweb.deployment import looking, pages
from harborweb.deployment.backup import services as backups
from harborweb.deployment.models import Installer, Upgrade
from harborweb.deployment.upgrade import services, workshop
from harborweb.deployment.upgrade.versions import way
from harborweb.errors import Problem


@requires(Role.VIEWER)
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Which installers could take over, and the upgrades so far."""
    return _home(request)


def _home(request: HttpRequest, problem: Problem | None = None) -> HttpResponse:
    running, host, job = looking.running(), pages.host(), pages.active_job()
    ways = [(one, way(running.installer.version, one.version)) for one in services.candidates()] if running else []
    context = {
        "running": running, "ways": ways, "problem": problem, "job": job, "host": host,
        "silent": pages.is_silent(host, job),
        "upgrades": Upgrade.objects.select_related("before__installer", "installer", "job", "deployment__job")[:20],
    }  # fmt: skip
    return render(request, "deployment/upgrades.html", context, status=409 if problem else 200)


@requires(Role.OPERATOR)
@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """Prepare an upgrade to the installer that was chosen."""
    chosen = request.POST.get("installer", "")
    installer = get_object_or_404(Installer, pk=int(chosen) if chosen.isdecimal() else 0)
    try:
        row = services.plan(request, installer)
    except Problem as problem:
        return _home(request, problem)
    return redirect("deployment:upgrade", pk=row.pk)


def _row(pk: int) -> Upgrade:
    rows = Upgrade.objects.select_related(
        "before__installer", "before__revision", "installer", "job", "deployment__job"
    )
    return get_object_or_404(rows, pk=pk)


@requires(Role.VIEWER)
@require_safe
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One upgrade: the merged file, what would be lost, what is to decide, the backup, and the button."""
    return _detail(request, _row(pk))


def _detail(request: HttpRequest, row: Upgrade, problem: Problem | None = None) -> HttpResponse:
    merged, texts = services.merged(row), workshop.texts(row)
    context: dict[str, Any] = {
        "row": row, "job": row.job, "merged": merged, "way": services.judged(row), "problem": problem,
        "backup": backups.young(services.BACKUP_HOURS), "last_backup": backups.latest(), "own_page": True,
        "running": looking.running(), "typed": request.POST, "open": services.is_open(row),
    }  # fmt: skip
    if merged:
        verdict = rules.check(merged.text, template=texts["theirs"])
        context |= {
            "diff": compare(read(texts["ours"]), read(merged.text), verdict.faults), "verdict": verdict,
            "errors": [fault for fault in verdict.faults if fault.severity == "error"],
            "decide": [_choice(item) for item in merged.items if item.choices],
            "groups": _groups(merged),
        }  # fmt: skip
    return render(request, "deployment/upgrade.html", context, status=409 if problem else 200)


@dataclass(frozen=True)
class Choice:
    """An item that a person decides, with its sides: value of the radio, words, what would stand there."""

    key: str
    kind: str
    taken: str
    secret: bool
    sides: list[tuple[str, str, str]]


def _choice(item: Item) -> Choice:
    names = {OURS: _("Yours"), THEIRS: _("The new default"), MIGRATED: _("What prepare migrate wrote")}
    found = {OURS: item.ours, THEIRS: item.theirs, MIGRATED: item.migrated}
    sides = [(side, names[side], without_passwords(found[side] or "")) for side in item.choices]
    return Choice(item.key, item.kind, item.taken, item.secret, sides)


def _groups(merged: Merged) -> list[tuple[str, str, list[Item]]]:
    """The items that need no decision: title, what it means, items."""
    said = [
        (("moved",), _("Moved"), _("prepare migrate gave them another name. The old lines are comments now.")),
        (("computed",), _("Set by prepare migrate"), _("Neither your file nor the old template had them.")),
        (
            ("dropped",), _("Would be lost by prepare migrate"),
            _("It writes the file anew and leaves these out. They stay in yours, in their lines."),
        ),
        (
            ("ignored",), _("No longer in the new template"),
            _("They stay in your file; the new version reads them no more."),
        ),
        (("unplaced",), _("Not added"), _("Your file has no place for them: the block around them is gone.")),
        (("added",), _("New keys"), _("With the new template's values and comments.")),
        (("offered",), _("New keys in comments"), _("The new version knows them; nothing changes until you set one.")),
    ]  # fmt: skip
    return [(title, text, found) for kinds, title, text in said if (found := merged.of(*kinds))]


@requires(Role.OPERATOR)
@require_POST
def decide(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep what was decided, and show the file with it."""
    row = _row(pk)
    given = {
        name.removeprefix("decide:"): str(value) for name, value in request.POST.items() if name.startswith("decide:")
    }
    try:
        services.decide(request, row, given)
    except Problem as problem:
        return _detail(request, row, problem)
    return redirect("deployment:upgrade", pk=pk)


@requires(Role.OPERATOR)
@require_POST
def save(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep the merged file as a revision, to be looked at, changed and rehearsed before it is deployed."""
    row = _row(pk)
    try:
        revision = services.save(request, row)
    except Problem as problem:
        return _detail(request, row, problem)
    return redirect("configuration:revision", number=revision.number)


@requires(Role.OPERATOR)
@require_POST
def go(request: HttpRequest, pk: int) -> HttpResponse:
    """Do the upgrade."""
    row = _row(pk)
    try:
        deployment = services.go(
            request, row, without_backup="without_backup" in request.POST, all_the_same="all_the_same" in request.POST
        )
    except Problem as problem:
        return _detail(request, row, problem)
    return redirect("deployment:detail", number=deployment.number)


@requires(Role.OPERATOR)
@require_POST
def back(request: HttpRequest, pk: int) -> HttpResponse:
    """Go back to the old folder."""
    row = _row(pk)
    try:
        deployment = services.go_back(request, row)
    except Problem as problem:
        return _detail(request, row, problem)
    return redirect("deployment:detail", number=deployment.number)
