"""The work of a sweep."""

import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from celery import Task
from django.db.models import Count, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from harborweb.audit import keeping, sightings, tallies
from harborweb.audit.counts import summary
from harborweb.audit.judging.survey import repositories_of
from harborweb.audit.models import ArtifactVerdict, Part, Sweep
from harborweb.audit.notices import noting
from harborweb.audit.sweeps import helping, parts
from harborweb.audit.sweeps.walking import Walk, walking
from harborweb.errors import Problem
from harborweb.jobs.models import Job
from harborweb.jobs.run import Run
from harborweb.tools.process import Stopped

ONE_BY_ONE = 0.2  # seconds between two looks whether the last parts are done
Ask = Callable[[Sweep, bool], None]


def sweep(run: Run, helper: Task | None = None) -> dict[str, Any]:
    """Judge every artifact of a registry or a project, together with every worker that is free (`helper` asks them).

    1 Read the trusted keys and list the repositories, each a part of the sweep
    2 Judge, part by part, and keep what each has in the transaction that says so
    3 Forget artifacts of repositories that are gone, and count

    A repository that cannot be read leaves its artifacts as *could not check* and the sweep incomplete. A sweep whose
    worker died is continued by another job: what was judged is not judged again.
    """
    this = Sweep.objects.select_related("registry").get(job=run.job)
    work = _Work(run, this, helper)
    try:
        return work.through()
    except Stopped as stopped:
        raise Stopped(work.left()) from stopped
    except Problem as problem:  # the registry's no, or what of it could not be read
        noting.note_sweep(this, str(problem))
        raise
    finally:
        # one that was given up as lost says nothing: another job goes on, or will
        ours = Sweep.objects.filter(pk=this.pk, job=run.job, finished=None).exclude(job__state=Job.State.LOST)
        ours.update(finished=timezone.now())


class _Work:
    """The job of a sweep: lists, judges like every helper, waits for them, counts."""

    def __init__(self, run: Run, this: Sweep, helper: Task | None) -> None:
        self.run, self.sweep, self.registry, self.helper = run, this, this.registry, helper
        run.secret(self.registry.endpoint().password)

    def through(self) -> dict[str, Any]:
        with walking(self.sweep, self.run.line) as walk:
            self.run.step(1, 3, _("List the repositories"))
            self._list(walk)
            self.run.step(2, 3, _("Judge"))
            self._judge(walk)
        self.run.step(3, 3, _("Count"))
        return self._finish()

    def _list(self, walk: Walk) -> None:
        keys = len(walk.trust.keys)
        trusted = ngettext("%(n)d trusted key", "%(n)d trusted keys", keys) % {"n": keys}
        if self.sweep.asked is not None:
            left = parts.open_ones(self.sweep).count()
            going_on = ngettext("%(n)d part is left to judge", "%(n)d parts are left to judge", left) % {"n": left}
            self.run.line(f"{going_on}, {trusted}")
            return
        asked = timezone.now()
        names = walk.runner.run(repositories_of(walk.client))
        if self.sweep.project:
            names = [name for name in names if name.split("/")[0] == self.sweep.project]
        parts.write(self.sweep, names, asked)
        found = ngettext("%(n)d repository", "%(n)d repositories", len(names)) % {"n": len(names)}
        self.run.line(f"{found}, {trusted}")

    def _judge(self, walk: Walk) -> None:
        """Take parts until there are none, then wait for those that others hold; who dies of one loses it to us."""
        self._help(again=False)
        while True:
            self._tell()
            if part := parts.take(self.sweep):
                self._help(again=True)
                try:
                    walk.part(part, self.run.check)
                except parts.Lost:
                    self.run.line(_("%s was taken by another worker.") % part.repository)
            elif parts.open_ones(self.sweep).exists():
                time.sleep(ONE_BY_ONE)
            else:
                return

    def _help(self, *, again: bool) -> None:
        if self.helper is not None:
            helping.ask(self.helper, self.sweep, again=again)

    def _tell(self) -> None:
        now = parts.progress(self.sweep)
        if now.expected:
            self.run.progress(now.judged, now.expected)
        else:
            self.run.progress(now.done, now.parts)

    def left(self) -> str:
        """What a sweep that was stopped leaves."""
        now = parts.progress(self.sweep)
        words = ngettext(
            "%(n)d artifact was judged, its verdict stays. The sweep is incomplete: %(done)d of %(parts)d parts.",
            "%(n)d artifacts were judged, their verdicts stay. The sweep is incomplete: %(done)d of %(parts)d parts.",
            now.judged,
        )
        return words % {"n": now.judged, "done": now.done, "parts": now.parts}

    def _mine(self) -> QuerySet[ArtifactVerdict]:
        rows = ArtifactVerdict.objects.filter(registry=self.registry).order_by()
        return rows.filter(project=self.sweep.project) if self.sweep.project else rows

    def _finish(self) -> dict[str, Any]:
        asked = self.sweep.asked or timezone.now()
        everything = Part.objects.filter(sweep=self.sweep)
        unread = self._give_up(everything.filter(state=Part.State.UNREAD))
        self._forget(everything, set(unread), asked)
        counts = Counter(dict(self._mine().values_list("verdict").annotate(n=Count("pk"))))
        total = sum(counts.values())
        done = parts.progress(self.sweep)
        Sweep.objects.filter(pk=self.sweep.pk, job=self.run.job).update(
            finished=timezone.now(), complete=not unread, artifacts=total, counts=dict(counts),
            projects=self._mine().values("project").distinct().count(),
        )  # fmt: skip
        if not self.sweep.project:
            self.sweep.refresh_from_db()
            tallies.keep(self.registry, self.sweep, summary(self.registry))
        Part.objects.filter(sweep__registry=self.registry, sweep__lt=self.sweep.pk).delete()
        everything.filter(state=Part.State.DONE).exclude(tags=None).update(tags=[])  # of no use any more, and many
        if unread:
            raise _unread(unread)
        found = ngettext("%(n)d artifact was checked.", "%(n)d artifacts were checked.", total) % {"n": total}
        pace = _("%(rate)d artifacts/s.") % {"rate": done.rate} if done.rate >= 1 else ""
        findings = self._mine().filter(is_finding=True).count()
        todo = ngettext("%(n)d finding to act on.", "%(n)d findings to act on.", findings) % {"n": findings}
        query = {"registry": self.registry.pk} | ({"project": self.sweep.project} if self.sweep.project else {})
        message = " ".join(part for part in (found, pace, todo) if part)
        return {"message": message, "url": f"{reverse('audit:home')}?{urlencode(query)}"}

    def _give_up(self, unread: QuerySet[Part]) -> list[str]:
        """Say of what was not seen in repositories that could not be read, or not all of it, that it could not be
        checked; their names. Of whole ones who could not read them has said it, where that worker lives."""
        for part in unread:
            if part.tags is None and part.tries < parts.MOST_TRIES:
                continue
            parts.patiently(
                lambda part=part: keeping.give_up(  # type: ignore[misc]
                    self.registry, self.sweep, part.repository, part.problem, part.began
                )
            )
        return sorted({part.repository for part in unread})

    def _forget(self, everything: QuerySet[Part], unread: set[str], asked: datetime) -> None:
        """What is no more: of sliced repositories what no slice had; all of repositories that are not listed."""
        sliced = everything.filter(number__gt=0).exclude(repository__in=unread)
        for name in sliced.order_by().values_list("repository", flat=True).distinct():
            slices = list(everything.filter(repository=name))
            began = min(one.listed for one in slices if one.listed is not None)
            tags = {tag for one in slices for tag in one.unread}
            parts.patiently(
                lambda name=name, began=began, tags=tags: keeping.forget_unseen(  # type: ignore[misc]
                    self.registry, self.sweep, name, began, tags
                )
            )
        names = set(everything.values_list("repository", flat=True))
        parts.patiently(lambda: sightings.forget_repositories(self.registry, names, asked, self.sweep.project))
        parts.patiently(lambda: keeping.forget_repositories(self.registry, self.sweep, names, asked))


def _unread(names: list[str]) -> Problem:
    words = ngettext(
        "%(n)d repository could not be read: %(names)s.", "%(n)d repositories could not be read: %(names)s.", len(names)
    )
    return Problem(
        words % {"n": len(names), "names": ", ".join(names[:5])},
        _("All others were judged. The log says what the registry answered; sweep again once it is mended."),
    )
