"""The work after an event: ask the registry what is there now, judge it, keep it."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.timesince import timeuntil
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from harborweb.audit import keeping
from harborweb.audit.hooks import queueing
from harborweb.audit.hooks.elsewhere import judge_elsewhere
from harborweb.audit.judging.collect import Options
from harborweb.audit.judging.judgement import Judgement
from harborweb.audit.judging.rows import judge_repository
from harborweb.audit.judging.survey import Row, present, repositories_of
from harborweb.audit.models import ArtifactVerdict, HookEvent, TagSighting
from harborweb.audit.signing import deciding
from harborweb.audit.trusting import Trust, kept_by_current
from harborweb.audit.words import WORDS
from harborweb.errors import Problem
from harborweb.jobs.run import Run
from harborweb.registry import names
from harborweb.registry.client import Client, NotFound, RegistryError
from harborweb.registry.models import Registry
from harborweb.verification.manifest import read_manifest
from harborweb.verification.strict import Malformed

MOST_BELOW = 50  # repositories below a name that a replication cut short

Kind = HookEvent.Kind


def look(run: Run) -> dict[str, Any]:
    """Look at all that a Harbor told of one repository.

    1 Take the events that wait
    2 Ask the registry what is there now, and judge it
    3 Keep it; then from 1 again, until nothing waits any more

    Nothing of an event is believed: a tag means what the registry says, a digest is only a place to look at. A
    registry that does not answer has its events wait for a later job.
    """
    registry = Registry.objects.get(pk=run.arguments["registry"])
    repository = names.check_repository(run.arguments["repository"])
    run.secret(registry.endpoint().password)
    count = 0
    with _asking(registry) as asking:
        while events := _next(run, registry, repository):
            count += len(events)
            work = _Look(run, registry, repository, events, asking)
            try:
                work.through()
            except RegistryError as error:
                _later(run, events, error)
            queueing.done(events)
    message = ngettext("%(n)d event was looked into.", "%(n)d events were looked into.", count) % {"n": count}
    return {"message": message, "url": reverse("store:repository", args=[registry.pk, repository])}


def _next(run: Run, registry: Registry, repository: str) -> list[HookEvent]:
    """The next events; where there are none, this job steps aside for the next one and looks a last time.

    An event that comes before that finds this job active and asks for none; it is there at the last look.
    """
    run.check()
    if events := queueing.take(run.job, registry, repository):
        return events
    return queueing.take(run.job, registry, repository) if run.make_way() else []


def _later(run: Run, events: list[HookEvent], error: RegistryError) -> None:
    again = queueing.again(events, error.message)
    if again is None:
        advice = _("It was asked %d times. What happened there is found by the next sweep.") % (
            len(queueing.AGAIN_AFTER) + 1
        )
    else:
        advice = _("It is asked again in %s. Nothing that was known has changed.") % timeuntil(again)
    raise Problem(error.message, advice) from error


@dataclass
class _Asking:
    """One client and the loop it lives in, between plain database work."""

    client: Client
    runner: asyncio.Runner


@contextmanager
def _asking(registry: Registry) -> Iterator[_Asking]:
    with asyncio.Runner() as runner:

        async def opened() -> Client:
            return await Client(registry.endpoint()).__aenter__()

        client = runner.run(opened())
        try:
            yield _Asking(client, runner)
        finally:
            runner.run(client.__aexit__(None, None, None))


@dataclass
class _There:
    """What the registry has of the names that were told."""

    tags: dict[str, str] = field(default_factory=dict)
    gone_tags: list[str] = field(default_factory=list)
    refers: set[str] = field(default_factory=set)  # tags of what refers to something: signatures, no images
    digests: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    subjects: list[str] = field(default_factory=list)  # what signatures among them refer to


class _Look:
    """One round: the events of a repository, looked at together."""

    def __init__(
        self, run: Run, registry: Registry, repository: str, events: Sequence[HookEvent], asking: _Asking
    ) -> None:
        self.run, self.registry, self.repository, self.events = run, registry, repository, events
        self.client, self.runner = asking.client, asking.runner
        self.rows = ArtifactVerdict.objects.filter(registry=registry, repository=repository).order_by("digest")
        self.asked = timezone.now()

    def through(self) -> None:
        """Ask, judge and keep; raises RegistryError, and has kept nothing then."""
        self.run.step(1, 3, _("Take the events"))
        for event in self.events:
            self.run.line(f"{event.kind} {event.tag or event.digest}")
        kinds = {event.kind for event in self.events}
        if Kind.REPLICATION in kinds:
            self._whole()
        if kinds - {Kind.REPLICATION}:  # a push beside it may have to be signed
            self._some()

    def _whole(self) -> None:
        def keep(judgements: Sequence[Judgement]) -> None:
            self._keep_step(judgements)
            keeping.keep_whole(self.registry, None, self.repository, judgements, self.asked)

        self.run.step(2, 3, _("Judge the whole repository"))
        try:
            self._judge(None, keep)
        except NotFound:
            self._below()
            keep([])

    def _below(self) -> None:
        """Harbor names no more than the first segment of a replicated repository: look at all below it."""
        listed = self.runner.run(repositories_of(self.client))
        below = [name for name in listed if name.startswith(f"{self.repository}/")][:MOST_BELOW]
        event = self.events[-1]
        HookEvent.objects.bulk_create(
            HookEvent(
                registry=self.registry, hook=event.hook, kind=Kind.REPLICATION, repository=name, identity=event.identity
            )
            for name in below
        )  # fmt: skip
        self.run.line(", ".join(below) or _("There is no such repository."))

    def _some(self) -> None:
        self.run.step(2, 3, _("Ask what is there, and judge it"))
        there = self.runner.run(self._there(self._tags(), self._digests()))
        harbor = self.runner.run(self.client.is_harbor())
        places = self._places(there, harbor=harbor)
        rows = self.runner.run(self._present(places))
        places = [place for place, row in zip(places, rows, strict=True) if row is not None]

        def keep(judgements: Sequence[Judgement]) -> None:
            if unread := next((one for one in judgements if not one.digest), None):
                raise RegistryError("server", unread.reason)
            self._keep_step(judgements)
            meant = {tag: one.digest for one in judgements for tag in one.tags}
            looked = keeping.Looked(judgements, self.asked, meant, there.gone_tags, there.gone, untagged=harbor)
            keeping.keep_some(self.registry, self.repository, looked)

        self._judge([*there.tags, *places], keep)
        self._sign(there)
        judge_elsewhere(self.run, self.registry, self.repository, there.subjects, there.gone)

    def _sign(self, there: _There) -> None:
        """Have the rules of automatic signing decide about the images that were pushed by tag; no signature is one."""
        pushed = {event.tag for event in self.events if event.kind == Kind.PUSH} & there.tags.keys() - there.refers
        deciding.consider(self.run, self.registry, self.repository, {tag: there.tags[tag] for tag in sorted(pushed)})

    def _places(self, there: _There, *, harbor: bool) -> list[str]:
        """Digests to judge beside the tags: what was named by digest, what was signed, and indexes that list these.

        What nobody has seen counts only where artifacts without a tag do, which is in Harbor.
        """
        named = [*there.digests, *self._signed_by(there)]
        known = dict(self.rows.filter(digest__in={*named, *there.tags.values()}).values_list("digest", "parents"))
        above = {parent for parents in known.values() for parent in parents}
        places = [one for one in named if harbor or one in known or one in there.tags.values()]
        return list(dict.fromkeys([*places, *self.rows.filter(digest__in=above).values_list("digest", flat=True)]))

    def _keep_step(self, judgements: Sequence[Judgement]) -> None:
        self.run.step(3, 3, _("Keep it"))
        for one in judgements:
            self.run.line(f"{', '.join(one.tags) or one.digest}: {WORDS[one.verdict]}")

    def _tags(self) -> list[str]:
        """Tags to ask for: those told, and all that a digest had of which a deletion was told."""
        tags = [event.tag for event in self.events if event.tag]
        deleted = {event.digest for event in self.events if event.kind == Kind.DELETE and event.digest}
        if deleted:
            told = TagSighting.objects.filter(registry=self.registry, repository=self.repository, ended=None)
            tags += told.filter(digest__in=deleted).values_list("tag", flat=True)
        return list(dict.fromkeys(tags))

    def _digests(self) -> list[str]:
        """Digests to ask for: of a push those without a tag, of a deletion all."""
        return list(
            dict.fromkeys(
                event.digest for event in self.events if event.digest and (event.kind == Kind.DELETE or not event.tag)
            )
        )

    async def _there(self, tags: Sequence[str], digests: Sequence[str]) -> _There:
        """Ask for each name; a tag that cosign made is a signature and stands for what it signs."""
        found = _There()
        made = [tag for tag in tags if names.COSIGN_TAG.fullmatch(tag)]
        plain = [tag for tag in tags if tag not in made]
        found.subjects = [digest for digest in map(_named_by, made) if names.is_digest(digest)]
        for tag, row in zip(plain, await self._present(plain), strict=True):
            if row is None:
                found.gone_tags.append(tag)
            else:
                found.tags[tag] = row.digest
                if subject := _subject(row):
                    found.subjects += subject
                    found.refers.add(tag)
        for digest, row in zip(digests, await self._present(digests), strict=True):
            if row is None:
                found.gone.append(digest)
            elif subject := _subject(row):
                found.subjects += subject
            else:
                found.digests.append(digest)
        return found

    async def _present(self, references: Sequence[str]) -> list[Row | None]:
        """The rows of tags or digests, None where the registry says that there is none."""
        slots = asyncio.Semaphore(Options.concurrency)

        async def one(reference: str) -> Row | None:
            async with slots:
                self.run.check()
                try:
                    return await present(self.client, self.repository, reference)
                except NotFound:
                    return None

        return list(await asyncio.gather(*(one(reference) for reference in references)))

    def _signed_by(self, there: _There) -> list[str]:
        """What the signatures among the events refer to, also those that are gone now."""
        found = list(there.subjects)
        for digest in there.gone:
            found += self.rows.filter(signatures__icontains=f"referrer {digest}").values_list("digest", flat=True)
        return [digest for digest in found if digest not in there.gone]

    def _judge(self, only: Sequence[str] | None, keep: Callable[[Sequence[Judgement]], None]) -> None:
        """Judge the whole repository, or `only` these tags and digests, and have `keep` write it."""

        async def judge(ring: Trust) -> list[Judgement]:
            found: list[Judgement] = []
            if only is not None and not only:
                return found
            judging = judge_repository(self.client, self.repository, ring.keys, ring.options(), only=only)
            async with aclosing(judging) as judgements:
                async for judgement in judgements:
                    self.run.check()
                    found.append(judgement)
            return found

        kept_by_current(lambda ring: self.runner.run(judge(ring)), keep)


def _named_by(tag: str) -> str:
    """The digest that a tag of cosign's names."""
    algorithm, _dash, rest = tag.partition("-")
    return f"{algorithm}:{rest.partition('.')[0]}"


def _subject(row: Row) -> list[str]:
    """What a manifest refers to."""
    try:
        subject = read_manifest(row.body).subject if row.body else ""
    except Malformed:
        return []
    return [subject] if names.is_digest(subject) else []
