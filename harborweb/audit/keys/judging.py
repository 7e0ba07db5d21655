"""The workshop: what a key's new limits may have changed is judged again, asking the registries."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from harborweb.audit.again import around, judged_rows
from harborweb.audit.keeping import keep
from harborweb.audit.keys.impact import Sights, artifacts
from harborweb.audit.models import ArtifactVerdict
from harborweb.audit.trusting import trust
from harborweb.errors import Problem
from harborweb.jobs.run import Run
from harborweb.registry import running
from harborweb.registry.models import Registry
from harborweb.signing.models import Key
from harborweb.verification.verdict import Verdict

AT_ONCE = 100
STRANGE = {Verdict.UNKNOWN_KEY, Verdict.INVALID}


def judge_key(run: Run) -> dict[str, Any]:
    """Judge again what a key's limits decide about.

    1. Find what the key has signed, and what is listed by it
    2. Judge each again, indexes first
    """
    key = Key.objects.filter(pk=run.arguments["key"]).first()
    if key is None:
        raise Problem(_("The key was deleted before the job began."), _("Sweep the registries again."))
    run.step(1, 2, _("Find what it has signed"))
    wanted = _affected(key, strangers=bool(run.arguments.get("strangers")))
    run.step(2, 2, _("Judge again"))
    total, done = sum(len(one) for one in wanted.values()), 0
    for registry in Registry.objects.filter(pk__in=wanted):
        numbers = wanted[registry.pk]
        for start in range(0, len(numbers), AT_ONCE):
            run.progress(done, total)
            done += _judge(registry, numbers[start : start + AT_ONCE])
    found = ngettext("%(n)d verdict is up to date.", "%(n)d verdicts are up to date.", done)
    return {"message": found % {"n": done}}


def _affected(key: Key, *, strangers: bool) -> dict[int, list[int]]:
    """Rows by registry: signed by the key (or perhaps, by a stranger), then what these list, level by level."""
    rows = list(artifacts(key, Sights.of(key)))
    chosen = [row for row in rows if row.theirs or (strangers and row.verdict in STRANGE)]
    found = {row.pk: row for row in chosen}
    level = {(row.registry, row.repository, row.digest) for row in chosen}
    while level:
        below = [
            row for row in rows
            if row.pk not in found and any((row.registry, row.repository, one) in level for one in row.parents)
        ]  # fmt: skip
        found.update({row.pk: row for row in below})
        level = {(row.registry, row.repository, row.digest) for row in below}
    by_registry: dict[int, list[int]] = {}
    for row in found.values():
        by_registry.setdefault(row.registry, []).append(row.pk)
    return by_registry


def _judge(registry: Registry, numbers: Sequence[int]) -> int:
    """Judge some rows again, and keep what comes of it; what was forgotten meanwhile is left alone."""
    rows = {row.pk: row for row in ArtifactVerdict.objects.filter(pk__in=numbers).select_related("sweep")}
    chosen = [rows[pk] for pk in numbers if pk in rows and ":" in rows[pk].digest]
    judgements = running.run(judged_rows(registry, chosen, trust(around(chosen))))
    for row, judgement in zip(chosen, judgements, strict=True):
        placed = replace(judgement, tags=tuple(row.tags), parents=tuple(row.parents))
        keep(registry, row.sweep, row.repository, [placed])
    return len(chosen)
