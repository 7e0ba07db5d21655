"""A whole repository or registry, judged row by row, indexes before what they list."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Sequence
from contextlib import aclosing
from dataclasses import replace
from graphlib import TopologicalSorter
from itertools import pairwise

from harborweb.audit.badge.harbor import NOT_ASKED, badge_by_places
from harborweb.audit.judging.collect import Options, look, look_told, signatures_of
from harborweb.audit.judging.indexes import Indexes
from harborweb.audit.judging.judgement import Judgement, Seen, command_for, counted_of, evidence_of, remembered
from harborweb.audit.judging.places import Places, basis
from harborweb.audit.judging.remembered import Memory
from harborweb.audit.judging.side_by_side import side_by_side
from harborweb.audit.judging.survey import Row, agreed, bunches, fetched, repositories_of, survey
from harborweb.registry.client import Client, NotFound, RegistryError
from harborweb.verification.keys import PublicKey
from harborweb.verification.sentences import sentence as _
from harborweb.verification.simple_signing import CERTIFICATE
from harborweb.verification.verdict import Finding, Opinion, Verdict, judge

logger = logging.getLogger(__name__)

PIECE = 64  # rows that are judged while what the next ones name is asked for
SIDE_BY_SIDE = 4  # repositories: while one is judged, the registry has something to do for the others

Progress = Callable[[int, int], None]  # judged, known so far


async def judge_registry(
    client: Client,
    keys: Sequence[PublicKey],
    options: Options | None = None,
    repositories: Iterable[str] | None = None,
    on_progress: Progress | None = None,
    memory: Callable[[str], Memory | None] | None = None,
) -> AsyncGenerator[Judgement]:
    """Judge `repositories`, or all that the registry lists, a few of them side by side; `memory` has what is known.

    A repository that cannot be listed is one unchecked row without a digest. Raises RegistryError when
    the registry cannot list its repositories, NotFound when a named one is not there.
    """
    options = options or Options()
    named = repositories is not None
    names = list(dict.fromkeys(repositories if repositories is not None else await repositories_of(client)))
    with contextlib.suppress(RegistryError):  # each repository says it
        await client.is_harbor()
    elsewhere = options.signatures
    readers = [
        (client.beside(), replace(options, signatures=elsewhere.beside() if elsewhere else None))
        for _number in range(min(SIDE_BY_SIDE, len(names)))
    ]
    counts: dict[str, tuple[int, int]] = {}

    async def work(name: str, found: Callable[[Judgement], None]) -> None:
        def tell(judged: int, known: int) -> None:
            counts[name] = judged, known
            if on_progress is not None:
                on_progress(*map(sum, zip(*counts.values(), strict=True)))

        reader, own = readers.pop()
        try:
            known = memory(name) if memory is not None else None
            async with aclosing(judge_repository(reader, name, keys, own, tell, memory=known)) as judgements:
                async for judgement in judgements:
                    found(judgement)
        except NotFound:
            if named:
                raise
        except RegistryError as error:
            found(Judgement(name, (), "", Verdict.UNCHECKED, error.message))
        finally:
            readers.append((reader, own))

    async with aclosing(side_by_side(names, work, len(readers))) as judged:
        async for judgement in judged:
            yield judgement


async def judge_repository(
    client: Client,
    repository: str,
    keys: Sequence[PublicKey],
    options: Options | None = None,
    on_progress: Progress | None = None,
    only: Sequence[str] | None = None,
    skip: Callable[[Row], bool] | None = None,
    memory: Memory | None = None,
) -> AsyncGenerator[Judgement]:
    """Judge every row of one repository, indexes before what they list; with `only` (tags, digests) those alone
    and what they list. A row that `skip` says is known already is left out, unless it is an index. What is in `memory`
    is asked for, every tag and every place of a signature, and not judged again where all of it is as it was.

    Raises RegistryError when its tags cannot be listed (NotFound: there is no such repository).
    """
    options = options or Options()
    client.hasten()
    rows = await survey(client, repository, options, only, memory)
    under = basis(options, keys)
    lists, slices = only is None or memory is not None, only is not None
    places = Places(*signatures_of(client, repository, options), under, lists=lists, slices=slices)
    work = _Work(rows, _Judge(client, repository, keys, options, places), memory or {})
    order: TopologicalSorter[str] = TopologicalSorter({name: rows[name].parents for name in rows})
    order.prepare()
    done = 0
    while order.is_active():
        ready = order.get_ready()
        for some in bunches(ready):
            # Closing this generator early cancels what is still being asked.
            wanted = [rows[name] for name in some if skip is None or rows[name].is_index or not skip(rows[name])]
            async with aclosing(work.judged(wanted)) as judgements:
                async for judgement in judgements:
                    done += 1
                    if on_progress is not None:
                        on_progress(done, len(rows))
                    yield judgement
        order.done(*ready)


class _Work:
    """Judges the rows of one repository, a bunch at a time, every index in an earlier bunch than what it lists."""

    def __init__(self, rows: dict[str, Row], judge_one: "_Judge", memory: Memory) -> None:
        self.rows, self.judge_one, self.memory = rows, judge_one, memory
        self.places = judge_one.places
        self.known = Indexes()
        self.stayed: set[str] = set()
        # Harbor's list hides the tags of signatures: what is new and seems to have none may have taken such a tag away.
        listed = [row for row in rows.values() if row.listed is not None and not row.tags]
        self.hidden = any(row.digest not in self.memory for row in listed)

    async def judged(self, rows: Sequence[Row]) -> AsyncGenerator[Judgement]:
        """Each of `rows`, first those that are as they were."""
        told = self._told(rows)
        looks = {digest: self.places.told(digest, self.rows[digest].listed or ()) for digest in told}
        doubted = {digest for digest in told if self.hidden and self.rows[digest].listed}
        left = [
            row for row in rows if not row.problem
            and (row.digest in doubted or not self._is_as_before(row, looks.get(row.digest, "")))
        ]  # fmt: skip
        first = {row.digest for row in left if row.digest in told and row.listed}  # Harbor says that there is something
        await self.places.ahead([row.digest for row in left if row.digest not in first])
        await self.places.signature_tags(sorted(first))
        looks |= {row.digest: self.places.look(row.digest) for row in rows if row.digest not in told}
        fresh = []
        for row in rows:
            if row.digest not in doubted and self._is_as_before(row, looks[row.digest]):
                self.stayed.add(row.digest)
                yield self._again(row)
            else:
                fresh.append(row)
        for index in dict.fromkeys(parent for row in fresh for parent in row.parents):
            await self._recall(index)
        async with aclosing(self._fresh(fresh, first)) as found:
            async for name, judgement in found:
                yield self.known.placed(self.rows[name], judgement, looks[name] if _lasts(judgement) else "")

    async def _fresh(self, rows: Sequence[Row], told: Collection[str]) -> AsyncGenerator[tuple[str, Judgement]]:
        """Judge `rows`, and ask meanwhile for what the next ones of them name; Harbor has `told` where some look."""
        image = f"{self.judge_one.client.endpoint.host}/{self.judge_one.repository}"
        pieces = [rows[start : start + PIECE] for start in range(0, len(rows), PIECE)]
        deeper: deque[asyncio.Task[None]] = deque()

        def ask(piece: Sequence[Row]) -> None:
            digests = [row.digest for row in piece if row.digest not in told and not row.problem]
            deeper.append(asyncio.create_task(self.places.deeper(image, digests)))

        try:
            for piece, following in pairwise([*pieces, []]):
                if not deeper:
                    ask(piece)
                await deeper.popleft()
                ask(following)
                async with aclosing(_together(self.judge_one, piece)) as found:
                    async for one in found:
                        yield one
        finally:
            for task in deeper:
                task.cancel()
            await asyncio.gather(*deeper, return_exceptions=True)

    def _told(self, rows: Sequence[Row]) -> set[str]:
        """Those of which Harbor's list tells, where signatures lie beside what they sign."""
        here = self.places.beside(self.judge_one.client, self.judge_one.repository)
        return {row.digest for row in rows if here and row.listed is not None and not row.problem}

    def _is_as_before(self, row: Row, look: str) -> bool:
        old = self.memory.get(row.digest)
        return (
            old is not None and bool(look) and old.look == look and not row.problem and not row.withheld
            and set(row.parents) == set(old.parents) and self.stayed.issuperset(row.parents)
        )  # fmt: skip

    def _again(self, row: Row) -> Judgement:
        old, tags, parents = self.memory[row.digest], tuple(row.tags), tuple(row.parents)
        badge, pulled = row.badge or old.badge, row.pulled or old.pulled
        return Judgement(
            self.judge_one.repository, tags, row.digest, old.verdict, old.reason, old.key, old.format,
            parents=parents, badge=badge, pulled=pulled, media_type=old.media_type, look=old.look, again=True,
            moved=(tags, parents, badge, pulled) != (old.tags, old.parents, old.badge, old.pulled),
        )  # fmt: skip

    async def _recall(self, digest: str) -> None:
        """Judge an index that stayed, for the sake of something that it lists and that has not."""
        if digest in self.stayed and digest not in self.known.proven:
            row = self.rows[digest]
            for parent in row.parents:
                await self._recall(parent)
            self.known.placed(row, await self.judge_one(row))


def _lasts(judgement: Judgement) -> bool:
    """Whether the verdict holds as long as nothing at its places changes: a certificate's may end with its time, and
    what could not be checked is asked again."""
    if judgement.verdict == Verdict.UNCHECKED or any(one.verdict == Verdict.UNCHECKED for one in judgement.findings):
        return False
    return not judgement.timed


async def judge_artifact(
    client: Client,
    repository: str,
    reference: str,
    keys: Sequence[PublicKey],
    options: Options | None = None,
    indexes: Iterable[str] = (),
) -> Judgement:
    """Judge one artifact by tag or digest; `indexes` are digests that may list it (for via_index).

    Never raises for what the registry does: what cannot be read is unchecked.
    """
    options = options or Options()
    places = Places(*signatures_of(client, repository, options))
    judge_one = _Judge(client, repository, keys, options, places)
    row = await fetched(client, repository, reference)
    row.tags = [] if ":" in reference else [reference]
    known = Indexes()
    for digest in indexes:
        index = await fetched(client, repository, digest)
        if row.digest in index.children:
            row.platform = agreed(row, index)
            row.parents.append(index.digest)
            known.placed(index, await judge_one(index))
    return known.placed(row, await judge_one(row))


class _Judge:
    """Judges one row at a time, at most `options.concurrency` of them together."""

    def __init__(
        self, client: Client, repository: str, keys: Sequence[PublicKey], options: Options, places: Places
    ) -> None:
        self.client = client
        self.places = places
        self.repository = repository
        self.keys = keys
        self.options = options
        self.slots = asyncio.Semaphore(options.concurrency)

    async def __call__(self, row: Row) -> Judgement:
        if row.problem:
            finding = Finding("registry", Verdict.UNCHECKED, row.problem)
            opinion = judge([finding])
            tags, parents = tuple(row.tags), tuple(row.parents)
            digest = row.digest if ":" in row.digest else ""
            found = (finding,)
            return Judgement(
                self.repository, tags, digest, opinion.verdict, opinion.reason, findings=found, parents=parents,
                badge=row.badge, pulled=row.pulled, platform=row.platform,
            )  # fmt: skip
        seen = await self._told(row)
        opinion = judge(one.finding for one in seen)
        if opinion.verdict != Verdict.TRUSTED:
            if row.unread and not row.body:
                row = await self._read(row)
                if row.problem:
                    return await self(row)
            seen = await self._look(row.digest)
            opinion = judge(one.finding for one in seen)
        if opinion.verdict != Verdict.TRUSTED and not self.places.settled:  # its signature may be newer than the list
            seen = await self._look(row.digest, listed=False)
            opinion = judge(one.finding for one in seen)
        return Judgement(
            repository=self.repository,
            tags=tuple(row.tags),
            digest=row.digest,
            verdict=opinion.verdict,
            reason=opinion.reason,
            key=opinion.key,
            format=opinion.format,
            findings=tuple(remembered(one.finding) for one in seen),
            evidence=evidence_of(row.body, seen, opinion.finding),
            command=self._command(row, opinion),
            parents=tuple(row.parents),
            badge=row.badge or await self._badge(seen),
            pulled=row.pulled,
            counted=counted_of([one.finding for one in seen]),
            platform=row.platform,
            media_type=row.media_type,
            timed=any(CERTIFICATE.encode() in one.manifest for one in seen),
        )

    async def _told(self, row: Row) -> list[Seen]:
        """What is found where Harbor's list says that something is; nothing where it says nothing, or we stumbled: then
        the places themselves are asked."""
        if not row.listed or not self.places.beside(self.client, self.repository):
            return []
        async with self.slots:
            try:
                return await look_told(self.client, self.repository, row.digest, self.keys, self.options, row.listed)
            except Exception:  # a mistake of ours costs this shortcut, not the sweep: the places are asked then
                logger.exception("judging %s@%s by Harbor's list failed", self.repository, row.digest)
                return []

    async def _read(self, row: Row) -> Row:
        """`row` with its bytes, as far as they are shown."""
        found = await fetched(self.client, self.repository, row.digest)
        if found.is_index != row.is_index and not found.problem:
            found.problem = _("Harbor lists %(digest)s as a manifest, and it is an index.", digest=row.digest)
        return replace(row, body=found.body, problem=found.problem, withheld=found.withheld)

    async def _badge(self, seen: Sequence[Seen]) -> str:
        """What Harbor shows of an artifact that its lists do not tell of, such as a platform of an index."""
        try:
            beside = not (self.options.signature_repository or self.client.endpoint.signatures_repository)
            told = beside and await self.client.is_harbor()
        except RegistryError:
            told = False
        if not told:
            return NOT_ASKED
        return badge_by_places(one.finding for one in seen)

    async def _look(self, digest: str, *, listed: bool = True) -> list[Seen]:
        """What `look` finds; a mistake of ours costs one row, not the whole sweep, and that row is not green."""
        async with self.slots:
            try:
                known = self.places.listed if listed else None
                return await look(self.client, self.repository, digest, self.keys, self.options, known)
            except Exception as error:
                logger.exception("judging %s@%s failed", self.repository, digest)
                reason = _("harborweb itself stumbled over this artifact: %(error)s.", error=type(error).__name__)
                return [Seen(Finding("harborweb", Verdict.UNCHECKED, reason))]

    def _command(self, row: Row, opinion: Opinion) -> str:
        endpoint = self.client.endpoint
        elsewhere = self.options.signatures or self.client
        signatures_at = endpoint.cosign_repository
        if self.options.signature_repository:
            signatures_at = f"{elsewhere.endpoint.host}/{self.options.signature_repository}"
        signer = opinion.key or (opinion.finding.signer if opinion.finding else "")
        return command_for(
            f"{endpoint.host}/{self.repository}@{row.digest}",
            opinion.format,
            opinion.finding,
            next((key for key in self.keys if key.fingerprint == signer), None),
            keys=self.keys,
            allow_http=endpoint.allow_http,
            annotations=self.options.annotations,
            signatures_at=signatures_at,
        )


async def _together(judge_one: _Judge, rows: Sequence[Row]) -> AsyncGenerator[tuple[str, Judgement]]:
    """Judge `rows` side by side, each handed over soon after it is done."""

    async def work(row: Row, found: Callable[[tuple[str, Judgement]], None]) -> None:
        found((row.digest, await judge_one(row)))

    async with aclosing(side_by_side(rows, work, judge_one.options.concurrency)) as judged:
        async for one in judged:
            yield one
