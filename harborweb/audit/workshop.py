"""The work of a sweep."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from harborweb.audit import counts, keeping, sightings, tallies
from harborweb.audit.judgement import Judgement
from harborweb.audit.models import Sweep
from harborweb.audit.rows import judge_repository
from harborweb.audit.survey import repositories_of
from harborweb.audit.trusting import Trust, trust
from harborweb.audit.words import ORDER, WORDS
from harborweb.errors import Problem
from harborweb.jobs.run import Run
from harborweb.registry.client import Client, NotFound, RegistryError
from harborweb.registry.models import Registry


def sweep(run: Run) -> dict[str, Any]:
    """Judge every artifact of a registry.

    1 Read the trusted keys and list the repositories
    2 Judge, repository by repository, and keep what each has in one transaction
    3 Forget artifacts of repositories that are gone, and count

    A repository that cannot be read leaves its artifacts as *could not check* and the sweep incomplete.
    """
    registry = Registry.objects.get(pk=run.arguments["registry"])
    this = Sweep.objects.get(job=run.job)
    try:
        with asyncio.Runner() as runner:
            return _Walk(run, registry, this, runner).walk()
    finally:
        Sweep.objects.filter(pk=this.pk, finished=None).update(finished=timezone.now())


class _Walk:
    """One sweep; the registry is asked asynchronously between plain database work."""

    def __init__(self, run: Run, registry: Registry, this: Sweep, runner: asyncio.Runner) -> None:
        self.run, self.registry, self.sweep, self.runner = run, registry, this, runner
        self.unread: list[str] = []
        run.secret(registry.endpoint().password)

    def walk(self) -> dict[str, Any]:
        client = Client(self.registry.endpoint())
        self.runner.run(_opened(client))
        try:
            ring = trust()
            self.run.step(1, 3, _("List the repositories"))
            asked = timezone.now()
            names = self.runner.run(repositories_of(client))
            found = ngettext("%(n)d repository", "%(n)d repositories", len(names)) % {"n": len(names)}
            trusted = ngettext("%(n)d trusted key", "%(n)d trusted keys", len(ring.keys)) % {"n": len(ring.keys)}
            self.run.line(f"{found}, {trusted}")
            self.run.step(2, 3, _("Judge"))
            for done, name in enumerate(names):
                self.run.progress(done, len(names))
                self._repository(client, name, ring)
        finally:
            self.runner.run(_closed(client))
        self.run.step(3, 3, _("Count"))
        return self._finish(names, asked)

    def _repository(self, client: Client, name: str, ring: Trust) -> None:
        asked = timezone.now()
        try:
            judgements = self.runner.run(self._judged(client, name, ring))
        except NotFound:  # a catalog keeps the names of repositories that are empty
            judgements = []
        except RegistryError as error:
            self.unread.append(name)
            self.run.line(f"{name}: {error.message}", "err")
            keeping.give_up(self.registry, self.sweep, name, error.message)
            return
        keeping.keep_whole(self.registry, self.sweep, name, judgements, asked)
        found = Counter(judgement.verdict for judgement in judgements)
        self.run.line(f"{name}: " + ", ".join(f"{WORDS[v]} {found[v]}" for v in ORDER if found[v]))

    async def _judged(self, client: Client, name: str, ring: Trust) -> list[Judgement]:
        found = []
        async with aclosing(judge_repository(client, name, ring.keys, ring.options())) as judgements:
            async for judgement in judgements:
                self.run.check()
                found.append(judgement)
        return found

    def _finish(self, names: Sequence[str], asked: datetime) -> dict[str, Any]:
        sightings.forget_repositories(self.registry, names, asked)
        keeping.forget_repositories(self.registry, self.sweep, names, asked)
        summary = counts.summary(self.registry)
        Sweep.objects.filter(pk=self.sweep.pk).update(
            finished=timezone.now(), complete=not self.unread, artifacts=summary.total,
            projects=len(summary.projects), counts=dict(summary.counts),
        )  # fmt: skip
        self.sweep.refresh_from_db()
        tallies.keep(self.registry, self.sweep, summary)
        if self.unread:
            raise Problem(
                ngettext(
                    "%(n)d repository could not be read: %(names)s.",
                    "%(n)d repositories could not be read: %(names)s.",
                    len(self.unread),
                )
                % {"n": len(self.unread), "names": ", ".join(self.unread[:5])},
                _("All others were judged. The log says what the registry answered; sweep again once it is mended."),
            )
        found = ngettext("%(n)d artifact was checked.", "%(n)d artifacts were checked.", summary.total)
        todo = ngettext("%(n)d finding to act on.", "%(n)d findings to act on.", summary.findings)
        message = f"{found % {'n': summary.total}} {todo % {'n': summary.findings}}"
        return {"message": message, "url": f"{reverse('audit:home')}?registry={self.registry.pk}"}


async def _opened(client: Client) -> None:
    await client.__aenter__()


async def _closed(client: Client) -> None:
    await client.__aexit__(None, None, None)
