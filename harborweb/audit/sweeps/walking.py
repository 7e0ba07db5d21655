"""One part of a sweep: ask, judge, keep; the same for the job of the sweep and for every worker that helps."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from harborweb.audit import keeping, memory
from harborweb.audit.judging.judgement import Judgement
from harborweb.audit.judging.remembered import Memory
from harborweb.audit.judging.rows import judge_repository
from harborweb.audit.judging.survey import Row
from harborweb.audit.models import ArtifactVerdict, Part, Sweep
from harborweb.audit.sweeps import parts
from harborweb.audit.trusting import trust
from harborweb.audit.words import ORDER, WORDS
from harborweb.registry.client import Client, Limits, NotFound, RegistryError
from harborweb.registry.names import ACCESSORY_TAG
from harborweb.registry.politeness import Gate
from harborweb.registry.transport import Transport
from harborweb.tools.process import Stopped
from harborweb.verification.verdict import GREEN

# A registry that says when to come again is believed longer than where a person waits.
PATIENT = Limits(wait_seconds=30.0, overall_seconds=120.0, retries=3)
SECONDS = 180  # one artifact with all of its waits

Say = Callable[[str, str], None]  # a line for the log, and its stream


class Walk:
    """A client and the trusted keys for some parts of a sweep; the registry is asked between plain database work."""

    def __init__(self, this: Sweep, client: Client, runner: asyncio.Runner, say: Say) -> None:
        self.sweep, self.registry, self.client, self.runner, self.say = this, this.registry, client, runner, say
        self._by_now()

    def _by_now(self) -> None:
        """Judge from now on by the keys that count now."""
        self.trust = trust()
        self.options = self.trust.options(seconds=SECONDS)
        self.memory: tuple[str, Memory] = ("", {})

    def part(self, part: Part, check: Callable[[], None]) -> None:
        """Judge and keep a part that was taken. `check` raises Stopped when the sweep shall stop; Lost is raised when
        somebody else has taken it."""
        with parts.beating(part, self.sweep) as goes_on:

            def look() -> None:
                check()
                if not goes_on():
                    raise Stopped

            try:
                while not self._part(part, look):
                    self._by_now()
                    self.say(
                        _("The trusted keys have changed: %s is judged by those of now.") % part.repository, "note"
                    )
            except RegistryError as error:
                self._unread(part, error)
            except Stopped:
                parts.let_go(part)
                raise

    def _part(self, part: Part, look: Callable[[], None]) -> bool:
        """Judge and keep a part; False where the keys that count have changed meanwhile: what was judged by the old
        ones and not kept yet is judged anew, and what was kept is the business of who changed them (keys.judging)."""
        try:
            if part.tags is None and (tags := self._too_many(part)):
                parts.patiently(lambda: parts.split(part, tags, settings.SWEEP_SLICE))
                self.say(f"{part.repository}: {len(tags)} tags, judged in slices", "note")
                return True
            self._judge(part, look)
        except _Outdated:
            return False
        except NotFound:  # a catalog keeps the names of repositories that are empty
            self._keep(part, [], self._now(part), Counter(), last=True)
        return True

    def _now(self, part: Part) -> datetime:
        """The time at which the registry is asked: after the part began."""
        return max(timezone.now(), part.began + timedelta(microseconds=1))

    def _too_many(self, part: Part) -> list[str]:
        """The repository's tags where they are too many for one part. A Harbor lists them with what they mean."""
        if 0 < part.expected <= settings.SWEEP_SLICE:
            return []

        async def ask() -> list[str]:
            if await self.client.is_harbor():
                return []
            return [tag async for tag in self.client.tags(part.repository) if not ACCESSORY_TAG.fullmatch(tag)]

        tags = self.runner.run(ask())
        return tags if len(tags) > settings.SWEEP_SLICE else []

    def _judge(self, part: Part, look: Callable[[], None]) -> None:
        asked, found, skip = self._now(part), Counter[str](), _Known(part)
        judging = judge_repository(
            self.client,
            part.repository,
            self.trust.keys,
            self.options,
            only=part.tags,
            skip=skip if skip.digests else None,
            memory=self._remembered(part.repository),
        )
        try:
            last = False
            while not last:
                batch = self.runner.run(_next(judging, settings.SWEEP_BATCH, look))
                last = len(batch) < settings.SWEEP_BATCH
                self._keep(part, batch, asked, found, last=last, met=skip.taken())
        finally:
            self.runner.run(judging.aclose())

    def _remembered(self, repository: str) -> Memory:
        """What was known of a repository, kept for its next slice; nothing where all bytes shall be read again."""
        if self.sweep.every_byte:
            return {}
        if self.memory[0] != repository:
            self.memory = (repository, memory.of(self.registry, repository))
        return self.memory[1]

    def _keep(
        self, part: Part, batch: Sequence[Judgement], asked: datetime, found: Counter[str], *, last: bool,
        met: Sequence[Judgement] = (),
    ) -> None:  # fmt: skip
        """Keep a batch with what that makes of its part, in one transaction."""
        whole = last and not part.judged and not met and part.tags is None
        unread = sorted({*part.unread, *(tag for one in batch if not one.digest for tag in one.tags)})
        began = part.began

        def write() -> int:
            with transaction.atomic():
                if batch and self.trust.outdated:
                    raise _Outdated
                if whole:
                    keeping.keep_whole(self.registry, self.sweep, part.repository, batch, asked)
                    new = len(batch)
                else:
                    known = [one.digest for one in met]
                    new = keeping.keep_batch(
                        self.registry, self.sweep, part.repository, [*met, *batch], asked, began, known
                    )
                    if last and part.tags is None:
                        keeping.forget_unseen(self.registry, self.sweep, part.repository, began, unread)
                state = Part.State.DONE if last else Part.State.TAKEN
                parts.held(part, judged=part.judged + new, unread=unread, state=state)
                return new

        part.judged += parts.patiently(write)
        part.unread = unread
        found.update(judgement.verdict for judgement in batch)
        if last:
            name = f"{part.repository} {part.number}" if part.number else part.repository
            self.say(f"{name}: " + ", ".join(f"{WORDS[v]} {found[v]}" for v in ORDER if found[v]), "note")

    def _unread(self, part: Part, error: RegistryError) -> None:
        """Say of what was known of a repository that it could not be checked. What a slice should have had is not
        known before the others are judged: that waits for the end of the sweep."""

        def write() -> None:
            with transaction.atomic():
                parts.held(part, state=Part.State.UNREAD, problem=error.message)
                if part.tags is None:
                    keeping.give_up(self.registry, self.sweep, part.repository, error.message, part.began)

        parts.patiently(write)
        self.say(f"{part.repository}: {error.message}", "err")


class _Outdated(Exception):
    """The keys that count are others than those that a batch was judged by."""


class _Known:
    """What this sweep has kept of a repository already, in other slices or before a worker died."""

    def __init__(self, part: Part) -> None:
        self.digests: dict[str, str] = {}
        self.met: list[Judgement] = []
        self.repository = part.repository
        if part.judged or part.tags is not None or part.tries > 1:
            mine = ArtifactVerdict.objects.filter(registry=part.sweep.registry, repository=part.repository)
            mine = mine.filter(sweep=part.sweep_id, checked__gt=part.listed).order_by()
            self.digests = dict(mine.values_list("digest", "verdict"))

    def __call__(self, row: Row) -> bool:
        """Whether `row` need not be judged; its tags and parents are kept all the same."""
        verdict = self.digests.get(row.digest)
        if verdict is None or row.problem or (row.parents and verdict not in GREEN):
            return False
        opinion = next(one for one in ORDER if one == verdict)
        tags, parents = tuple(row.tags), tuple(row.parents)
        self.met.append(Judgement(self.repository, tags, row.digest, opinion, "", parents=parents))
        return True

    def taken(self) -> list[Judgement]:
        """What was met since the last time: known digests, of which only the place is told."""
        met, self.met = self.met, []
        return met


async def _next(judging: AsyncGenerator[Judgement], count: int, look: Callable[[], None]) -> list[Judgement]:
    """The next `count` judgements, fewer at the end."""
    found: list[Judgement] = []
    async for judgement in judging:
        look()
        found.append(judgement)
        if len(found) == count:
            break
    return found


@contextmanager
def walking(this: Sweep, say: Say) -> Iterator[Walk]:
    """A Walk with its client open."""
    with asyncio.Runner() as runner:

        async def opened() -> Client:
            endpoint, registry = this.registry.endpoint(), this.registry
            gate = Gate(
                settings.REDIS_URL, str(registry.pk), at_once=registry.at_once, per_second=registry.per_second,
                connections=PATIENT.connections,
            )  # fmt: skip
            return await Client(endpoint, PATIENT, Transport(endpoint, PATIENT, gate)).__aenter__()

        async def closed() -> None:
            await client.__aexit__(None, None, None)
            await client.transport.gate.close()

        client = runner.run(opened())
        try:
            yield Walk(this, client, runner, say)
        finally:
            runner.run(closed())
