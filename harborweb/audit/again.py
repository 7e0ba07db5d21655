"""Judge again what has just been signed, or what a key made trusted that has changed: no page contradicts either."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from harborweb.audit.judging.judgement import Judgement
from harborweb.audit.judging.rows import judge_artifact
from harborweb.audit.keeping import keep_again
from harborweb.audit.models import ArtifactVerdict
from harborweb.audit.trusting import Trust, kept_by_current
from harborweb.errors import Problem
from harborweb.jobs.run import Run
from harborweb.registry import running
from harborweb.registry.client import Client
from harborweb.registry.models import Registry

MOST = 50  # children of one index; the next sweep judges the others


def judge_again(registry: Registry, repository: str, digest: str, **kwargs: Any) -> None:
    """Bring the kept verdict of `digest` up to date, and those of what it lists if it is an index.

    What no sweep has seen yet stays for the first one. Raises RegistryError when the registry cannot be asked.
    """
    rows = _rows(registry, repository).filter(Q(digest=digest) | Q(parents__icontains=digest))
    _again(registry, repository, [row for row in rows if row.digest == digest or digest in row.parents][:MOST])


def judge_many_again(registry: Registry, repository: str, digests: Sequence[str], **kwargs: Any) -> None:
    """The same for many digests of one repository, a part at a time; what indexes list was signed with them."""
    for start in range(0, len(digests), MOST):
        _again(registry, repository, _rows(registry, repository).filter(digest__in=digests[start : start + MOST]))


def judge_all_again(run: Run, wanted: Mapping[tuple[int, str], Sequence[str]]) -> str:
    """Judge `wanted`, digests by number of registry and repository, again; the sentence that says how many.

    A registry whose password cannot be read any more, say, does not keep the others from it; raises Problem in the end
    that names it. One that does not answer leaves its artifacts as could not check.
    """
    total, done, failed = sum(map(len, wanted.values())), 0, []
    registries = Registry.objects.in_bulk({number for number, _repository in wanted})
    for (number, repository), digests in wanted.items():
        if (registry := registries.get(number)) is None:
            continue
        try:
            for start in range(0, len(digests), MOST):
                run.progress(done, total)
                some = digests[start : start + MOST]
                judge_many_again(registry, repository, some)
                done += len(some)
        except Problem as problem:
            failed.append(f"{registry.name}/{repository}")
            run.line(f"{failed[-1]}: {problem}", "err")
    if failed:
        raise Problem(
            _("What is kept of %s could not be judged again.") % ", ".join(failed[:10]),
            _("The log says why. Until it is mended, and that registry swept, its verdicts are those of before."),
        )
    return ngettext("%(n)d verdict is up to date.", "%(n)d verdicts are up to date.", done) % {"n": done}


def _rows(registry: Registry, repository: str) -> QuerySet[ArtifactVerdict]:
    return ArtifactVerdict.objects.filter(registry=registry, repository=repository).only("digest", "parents")


def _again(registry: Registry, repository: str, rows: Sequence[ArtifactVerdict] | QuerySet[ArtifactVerdict]) -> None:
    places = {row.digest: row.parents for row in rows}

    async def judge(ring: Trust) -> tuple[list[Judgement], datetime]:
        asked = timezone.now()
        async with Client(registry.endpoint()) as client:
            found = [
                await judge_artifact(client, repository, digest, ring.keys, ring.options(), parents)
                for digest, parents in places.items()
            ]
        return found, asked

    if places:
        around = {digest for mine, parents in places.items() for digest in (mine, *parents)}
        kept_by_current(
            lambda ring: running.run(judge(ring)), lambda found: keep_again(registry, repository, *found), around
        )
