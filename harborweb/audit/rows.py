"""A whole repository or registry, judged row by row, indexes before what they list."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import replace
from graphlib import TopologicalSorter

from harborweb.audit.badges import NOT_ASKED, badge_by_places
from harborweb.audit.collect import Options, look
from harborweb.audit.judgement import Judgement, Seen, command_for, counted_of, evidence_of, remembered
from harborweb.audit.survey import Row, agreed, fetched, repositories_of, survey
from harborweb.registry.client import Client, NotFound, RegistryError
from harborweb.verification.keys import PublicKey
from harborweb.verification.sentences import sentence as _
from harborweb.verification.verdict import GREEN, Finding, Opinion, Verdict, covered, judge

logger = logging.getLogger(__name__)

Progress = Callable[[int, int], None]  # judged, known so far


async def judge_registry(
    client: Client,
    keys: Sequence[PublicKey],
    options: Options | None = None,
    repositories: Iterable[str] | None = None,
    on_progress: Progress | None = None,
) -> AsyncGenerator[Judgement]:
    """Judge `repositories`, or all that the registry lists.

    A repository that cannot be listed is one unchecked row without a digest. Raises RegistryError when
    the registry cannot list its repositories, NotFound when a named one is not there.
    """
    named = repositories is not None
    names = list(repositories) if repositories is not None else await repositories_of(client)
    before = 0
    for name in dict.fromkeys(names):
        done = before

        def tell(judged: int, known: int, before: int = before) -> None:
            if on_progress is not None:
                on_progress(before + judged, before + known)

        try:
            async with aclosing(judge_repository(client, name, keys, options, tell)) as judgements:
                async for judgement in judgements:
                    done += 1
                    yield judgement
        except NotFound:
            if named:
                raise
        except RegistryError as error:
            yield Judgement(name, (), "", Verdict.UNCHECKED, error.message)
        before = done


async def judge_repository(
    client: Client,
    repository: str,
    keys: Sequence[PublicKey],
    options: Options | None = None,
    on_progress: Progress | None = None,
    only: Sequence[str] | None = None,
    skip: Callable[[Row], bool] | None = None,
) -> AsyncGenerator[Judgement]:
    """Judge every row of one repository, indexes before what they list; with `only` (tags, digests) those alone
    and what they list. A row that `skip` says is known already is left out, unless it is an index.

    Raises RegistryError when its tags cannot be listed (NotFound: there is no such repository).
    """
    options = options or Options()
    rows = await survey(client, repository, options, only)
    known = _Known()
    order: TopologicalSorter[str] = TopologicalSorter({name: rows[name].parents for name in rows})
    order.prepare()
    done = 0
    while order.is_active():
        ready = order.get_ready()
        # Closing this generator early cancels what is still being asked.
        wanted = [rows[name] for name in ready if skip is None or rows[name].is_index or not skip(rows[name])]
        async with aclosing(_together(_Judge(client, repository, keys, options), wanted)) as judged:
            async for name, judgement in judged:
                judgement = known.placed(rows[name], judgement)
                done += 1
                if on_progress is not None:
                    on_progress(done, len(rows))
                yield judgement
        order.done(*ready)


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
    judge_one = _Judge(client, repository, keys, options)
    row = await fetched(client, repository, reference)
    row.tags = [] if ":" in reference else [reference]
    known = _Known()
    for digest in indexes:
        index = await fetched(client, repository, digest)
        if row.digest in index.children:
            row.platform = agreed(row, index)
            row.parents.append(index.digest)
            known.placed(index, await judge_one(index))
    return known.placed(row, await judge_one(row))


class _Known:
    """The indexes judged so far, and what they make of what they list.

    What an index lists is proven by its bytes. Where Harbor keeps them back there is only its word: that makes nothing
    green, and nothing unsigned either.
    """

    def __init__(self) -> None:
        self.proven: dict[str, Judgement] = {}
        self.claimed: dict[str, Judgement] = {}  # were every word of Harbor's true
        self.tags: dict[str, set[str]] = {}  # of an index and of those above it

    def placed(self, row: Row, judgement: Judgement) -> Judgement:
        """`judgement` of `row`, whose indexes were placed before, in the light of these."""
        above = {tag for one in row.parents for tag in self.tags.get(one, ())}
        judgement = replace(judgement, index_tags=tuple(sorted(above)))
        proven = _under([self.proven[one] for one in row.parents if one in self.proven], judgement)
        claimed = _under([self.claimed[one] for one in row.parents if one in self.claimed], judgement)
        if row.is_index:
            self.tags[row.digest] = above.union(row.tags)
            self.claimed[row.digest] = claimed
            if not row.withheld:
                self.proven[row.digest] = proven
        if proven.verdict == claimed.verdict:
            return proven
        green = next(one for one in row.parents if one in self.claimed and self.claimed[one].verdict in GREEN)
        reason = _(
            "Not signed itself. Harbor says that the index %(digest)s lists it and lets nobody read that index, so it "
            "could not be checked.",
            digest=green,
        )
        return replace(proven, verdict=Verdict.UNCHECKED, reason=reason, key="", format="", counted=())


def _under(indexes: Sequence[Judgement], judgement: Judgement) -> Judgement:
    """The judgement, or via_index with the index's own evidence and command where a good index covers it."""
    opinion = covered(
        Opinion(judgement.verdict, judgement.reason, judgement.key, judgement.format),
        [(one.digest, Opinion(one.verdict, one.reason, one.key, one.format)) for one in indexes],
    )
    if opinion.verdict == judgement.verdict:
        return judgement
    index = next(one for one in indexes if one.verdict in GREEN)
    proof = tuple(replace(file, name=f"index-{file.name}") for file in index.evidence)
    return replace(
        judgement, verdict=opinion.verdict, reason=opinion.reason, key=opinion.key, format=opinion.format,
        evidence=judgement.evidence + proof, command=index.command, counted=index.counted,
    )  # fmt: skip


class _Judge:
    """Judges one row at a time, at most `options.concurrency` of them together."""

    def __init__(self, client: Client, repository: str, keys: Sequence[PublicKey], options: Options) -> None:
        self.client = client
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
        seen = await self._look(row.digest)
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
        )

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

    async def _look(self, digest: str) -> list[Seen]:
        """What `look` finds; a mistake of ours costs one row, not the whole sweep, and that row is not green."""
        async with self.slots:
            try:
                return await look(self.client, self.repository, digest, self.keys, self.options)
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
    """Judge `rows` side by side, each as soon as it is done."""

    async def one(row: Row) -> tuple[str, Judgement]:
        return row.digest, await judge_one(row)

    tasks = [asyncio.create_task(one(row)) for row in rows]
    try:
        for next_done in asyncio.as_completed(tasks):
            yield await next_done
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
