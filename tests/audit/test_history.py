"""Which digest a tag meant when: from sweeps and events, in any order, in bulk."""

import asyncio
import itertools
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bin.lib import samples
from harborweb.audit import history, sightings
from harborweb.audit.models import ArtifactVerdict, TagSighting
from harborweb.jobs.models import Job
from harborweb.registry.client import Client, Endpoint
from harborweb.registry.models import Registry
from tests import parts

START = datetime(2026, 11, 1, tzinfo=UTC)
A, B, C = (f"sha256:{letter * 64}" for letter in "abc")
Told = list[tuple[str, float, float | None]]


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


@pytest.fixture
def lab(db: None) -> Registry:
    return Registry.objects.create(name="lab", url="http://127.0.0.1:1", allow_http=True)


def told(registry: Registry, tag: str = "1", repository: str = "team/app") -> Told:
    """The spans of one tag as (digest's letter, start, end) in hours."""
    lanes = {lane.tag: lane for lane in history.timeline(registry, repository, START)}
    hour = timedelta(hours=1)
    return [
        (span.digest[-1], (span.start - START) / hour, (span.end - START) / hour if span.end else None)
        for span in (lanes[tag].spans if tag in lanes else ())
    ]


def test_a_stretch_grows_until_the_tag_moves(lab: Registry) -> None:
    for hour, digest in ((0, A), (1, A), (2, B), (3, B)):
        sightings.whole(lab, "team/app", {"1": digest}, at(hour))
    assert told(lab) == [("a", 0, 2), ("b", 2, None)]
    assert list(TagSighting.objects.values_list("last_seen", flat=True)) == [at(1), at(3)]


def test_a_tag_that_is_not_listed_any_more_ends_and_may_come_back(lab: Registry) -> None:
    sightings.whole(lab, "team/app", {"1": A, "2": A}, at(0))
    sightings.whole(lab, "team/app", {"2": A}, at(1))
    assert told(lab) == [("a", 0, 1)] and told(lab, "2") == [("a", 0, None)]
    sightings.whole(lab, "team/app", {"1": A, "2": A}, at(2))
    assert told(lab) == [("a", 0, 1), ("a", 2, None)]


def test_a_tag_that_could_not_be_read_is_neither_seen_nor_gone(lab: Registry) -> None:
    sightings.whole(lab, "team/app", {"1": A}, at(0))
    sightings.whole(lab, "team/app", {}, at(1), unread={"1"})
    assert told(lab) == [("a", 0, None)]
    assert TagSighting.objects.get().last_seen == at(0)


def test_an_event_speaks_of_its_tags_alone(lab: Registry) -> None:
    sightings.whole(lab, "team/app", {"1": A, "2": A}, at(0))
    sightings.some(lab, "team/app", {"2": B}, at(1), gone=["3"])
    assert told(lab) == [("a", 0, None)] and told(lab, "2") == [("a", 0, 1), ("b", 1, None)]
    sightings.some(lab, "team/app", {}, at(2), gone=["1"])
    assert told(lab) == [("a", 0, 2)] and told(lab, "3") == []


def test_a_repository_that_is_gone_ends_all_its_tags_and_no_others(lab: Registry) -> None:
    sightings.whole(lab, "team/app", {"1": A}, at(0))
    sightings.whole(lab, "team/gone", {"1": A}, at(0))
    sightings.some(lab, "team/new", {"1": A}, at(2))  # pushed while the sweep was on its way
    sightings.forget_repositories(lab, ["team/app"], at(1))
    assert told(lab) == [("a", 0, None)]
    assert told(lab, repository="team/gone") == [("a", 0, 1)]
    assert told(lab, repository="team/new") == [("a", 2, None)]


def test_a_sweep_that_began_before_an_event_takes_nothing_back(lab: Registry) -> None:
    sightings.whole(lab, "team/app", {"1": A}, at(0))
    sightings.some(lab, "team/app", {"1": B, "new": B}, at(2))
    sightings.whole(lab, "team/app", {"1": A}, at(1))  # asked before, written after
    assert told(lab) == [("a", 0, 2), ("b", 2, None)] and told(lab, "new") == [("b", 2, None)]


@pytest.mark.parametrize(
    "seen", [[(0, A), (1, B), (2, A)], [(0, A), (1, B), (2, ""), (3, B)], [(0, A), (1, ""), (2, B), (3, C)]]
)
def test_events_in_any_order_tell_the_same_story(lab: Registry, seen: list[tuple[float, str]]) -> None:
    want = [letter for letter, _run in itertools.groupby(digest[-1] for _hour, digest in seen if digest)]
    for number, order in enumerate(itertools.permutations(seen)):
        name = f"team/app-{number}"
        for hour, digest in order:
            sightings.some(lab, name, {"1": digest} if digest else {}, at(hour), gone=[] if digest else ["1"])
        story = told(lab, repository=name)
        assert [letter for letter, _run in itertools.groupby(span[0] for span in story)] == want, order
        assert story[-1][2] is None


def test_what_was_seen_between_two_looks_splits_the_stretch(lab: Registry) -> None:
    for hour, digest in ((0, A), (4, A), (2, B)):
        sightings.some(lab, "team/app", {"1": digest}, at(hour))
    assert told(lab) == [("a", 0, 2), ("b", 2, 4), ("a", 4, None)]


looks = st.lists(
    st.tuples(st.integers(0, 12), st.sampled_from([A, B, ""]), st.booleans()), min_size=1, max_size=8,
    unique_by=lambda look: look[0],
)  # fmt: skip


@given(seen=looks)
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_whatever_arrives_when_stretches_never_overlap_and_now_is_the_newest_look(
    lab: Registry, seen: list[tuple[int, str, bool]]
) -> None:
    with transaction.atomic():
        for hour, digest, all_of_it in seen:
            meant = {"1": digest} if digest else {}
            if all_of_it:
                sightings.whole(lab, "team/app", meant, at(hour))
            else:
                sightings.some(lab, "team/app", meant, at(hour), gone=[] if digest else ["1"])
        rows = list(TagSighting.objects.order_by("first_seen", "pk"))
        for before, after in itertools.pairwise(rows):
            assert before.ended is not None and before.ended <= after.first_seen
        for row in rows:
            assert row.first_seen <= row.last_seen and (row.ended is None or row.last_seen <= row.ended)
        newest = max(seen)
        still = [row.digest for row in rows if row.ended is None]
        assert len(still) <= 1
        if newest[1]:  # that a tag was gone is kept only as the end of a stretch
            assert still == [newest[1]]
        transaction.set_rollback(True)


def test_the_database_holds_one_digest_for_a_tag(lab: Registry) -> None:
    sightings.some(lab, "team/app", {"1": A}, at(0))
    row = TagSighting.objects.get()
    row.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)


def test_moves_and_moves_back(lab: Registry) -> None:
    for hour, digest in ((0, A), (1, B), (2, A), (3, C)):
        sightings.some(lab, "team/app", {"1": digest, "still": A}, at(hour))
    moved = history.moves(lab, "team/app", START)
    assert [(one.tag, one.before, one.after, one.back) for one in moved] == [
        ("1", A, C, False), ("1", B, A, True), ("1", A, B, False),
    ]  # fmt: skip
    assert [one.at for one in history.moves(lab, "team/app", at(3), tag="1")] == [at(3)]
    assert history.moves(lab, "team/app", START, tag="still") == []


def test_a_tag_that_came_back_at_another_digest_has_moved(lab: Registry) -> None:
    sightings.some(lab, "team/app", {"1": A}, at(0))
    sightings.some(lab, "team/app", {}, at(1), gone=["1"])
    sightings.some(lab, "team/app", {"1": B}, at(2))
    [move] = history.moves(lab, "team/app", START)
    assert (move.before, move.after, move.at) == (A, B, at(2))


def test_lanes_are_those_since_and_bounded_and_the_asked_digest_comes_first(
    lab: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MOST_SPANS", 2)
    sightings.some(lab, "team/app", {"old": C}, at(0))
    sightings.some(lab, "team/app", {"gone": C}, at(0))
    sightings.some(lab, "team/app", {}, at(1), gone=["gone"])
    for hour in range(2, 12):
        sightings.some(lab, "team/app", {f"t{hour % 5}": A if hour % 2 else B}, at(hour))
    lanes = history.timeline(lab, "team/app", at(1.5), most=3)
    assert [lane.tag for lane in lanes] == ["t1", "t0", "t4"]
    assert [(len(lane.spans), lane.more) for lane in lanes] == [(2, False)] * 3
    sightings.some(lab, "team/app", {"t1": C}, at(13))
    assert history.timeline(lab, "team/app", at(1.5))[0].more
    assert [lane.tag for lane in history.timeline(lab, "team/app", at(1.5), digest=C, most=3)] == [
        "t1", "old", "t0",
    ]  # fmt: skip


def test_a_span_carries_the_verdict_of_today_and_where_that_is_gone_the_last_one(lab: Registry) -> None:
    def judged(digest: str, verdict: str) -> ArtifactVerdict:
        return ArtifactVerdict.objects.create(
            registry=lab, project="team", repository="team/app", digest=digest, verdict=verdict, rank=0, reason="",
            since=START, checked=START,
        )  # fmt: skip

    first = judged(A, "trusted")
    sightings.some(lab, "team/app", {"1": A}, at(0))
    sightings.some(lab, "team/app", {"1": B}, at(1))
    first.delete()
    judged(B, "unsigned")
    [lane] = history.timeline(lab, "team/app", START)
    assert [span.verdict for span in lane.spans] == ["trusted", "unsigned"]


def test_fifty_thousand_tags_cost_a_few_statements(lab: Registry) -> None:
    meant = {f"v{number}": f"sha256:{number:064x}" for number in range(50_000)}
    sightings.whole(lab, "team/big", meant, at(0))
    meant["v7"] = A
    del meant["v8"]
    with CaptureQueriesContext(
        connection,
    ) as asked:
        began = time.process_time()
        sightings.whole(lab, "team/big", meant, at(1))
        seconds = time.process_time() - began
    assert len(asked) < 120 and seconds < 10
    began = time.process_time()
    with CaptureQueriesContext(connection) as asked:
        assert len(history.timeline(lab, "team/big", START)) == history.MOST_LANES
        [move] = history.moves(lab, "team/big", at(1))
    assert (move.tag, move.after) == ("v7", A) and len(asked) < 8
    assert time.process_time() - began < 2
    assert told(lab, "v7", "team/big") == [(f"{7:x}", 0, 1), ("a", 1, None)]


@pytest.mark.django_db(transaction=True)
def test_sweeps_write_it_and_leave_out_what_cosign_tags(
    tmp_path: Path, cosign3: str, sweep: Callable[[Registry], Job]
) -> None:
    with parts.registry_server(tmp_path / "registry") as server:

        def push(repository: str, tag: str, text: str) -> str:
            async def fill() -> Any:
                signer = await samples.keys(Path(cosign3), tmp_path / "keys")
                async with Client(Endpoint(server.url, allow_http=True)) as client:
                    return await samples.Filler(client, signer, server.host).image(repository, tag, text)

            return str(asyncio.run(fill()))

        first = push("team/app", "1", "one")
        push("team/app", f"sha256-{'0' * 64}.sig", "no image")
        push("team/gone", "1", "gone")
        known = Registry.objects.create(name="own", url=server.url, allow_http=True)
        assert sweep(known).state == Job.State.SUCCEEDED
        second = push("team/app", "1", "two")

        async def delete() -> None:
            async with Client(Endpoint(server.url, allow_http=True)) as client:
                digest = (await client.manifest("team/gone", "1")).digest
                await client.delete_manifest("team/gone", digest)

        asyncio.run(delete())
        assert sweep(known).state == Job.State.SUCCEEDED
    began = START - timedelta(days=3650)
    [lane] = history.timeline(known, "team/app", began)
    assert lane.tag == "1" and [span.digest for span in lane.spans] == [first, second]
    assert [span.verdict for span in lane.spans] == ["unsigned", "unsigned"]  # the first has no row any more
    assert lane.spans[0].end == lane.spans[1].start and lane.spans[1].end is None
    [gone] = history.timeline(known, "team/gone", began)
    assert gone.spans[0].end is not None
    assert [one.after for one in history.moves(known, "team/app", began)] == [second]
