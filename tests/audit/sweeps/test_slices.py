"""A repository that is judged in slices and kept in batches ends as one that is judged at once. No worker listens."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.utils import timezone

from harborweb.audit import tasks
from harborweb.audit.models import ArtifactVerdict, Change, Part, Sweep, TagSighting
from harborweb.audit.sweeps import parts as sweep_parts
from harborweb.audit.sweeps.walking import walking
from harborweb.jobs.run import perform
from harborweb.registry.models import Registry
from tests import parts
from tests.registry.images import client, push_image, push_index, run

NAME = "slices/app"


@pytest.fixture
def own(tmp_path: Any, transactional_db: None, redis_settings: str) -> Iterator[Registry]:
    with parts.registry_server(tmp_path / "registry") as server:
        yield Registry.objects.create(name="own", url=server.url, allow_http=True)


def fill(registry: Registry, tags: dict[str, str]) -> dict[str, str]:
    """Push an image for each tag, of the seed it names; the digests by tag."""

    async def push() -> dict[str, str]:
        async with client(registry.url) as c:
            return {tag: await push_image(c, NAME, tag, seed=seed) for tag, seed in tags.items()}

    return run(push())


def delete(registry: Registry, digest: str) -> None:
    async def ask() -> None:
        async with client(registry.url) as c:
            await c.delete_manifest(NAME, digest)

    run(ask())


def index(registry: Registry, tag: str, of: dict[str, str]) -> str:
    async def push() -> str:
        async with client(registry.url) as c:
            return await push_index(c, NAME, tag, of=of)

    return run(push())


def swept(registry: Registry, begin: Callable[..., Sweep]) -> Sweep:
    this = begin(registry)
    perform(this.job_id or 0, tasks.workshop.sweep)
    this.refresh_from_db()
    assert this.complete, this.job and this.job.error
    return this


def table() -> dict[str, list[str]]:
    return dict(ArtifactVerdict.objects.values_list("digest", "tags"))


def lanes() -> dict[str, str]:
    return dict(TagSighting.objects.filter(ended=None).values_list("tag", "digest"))


@pytest.mark.parametrize(("slice_", "batch"), [(4, 3), (1000, 3), (1000, 250)])
def test_what_moved_and_what_is_gone(
    own: Registry, begin: Callable[..., Sweep], settings: Any, slice_: int, batch: int
) -> None:
    settings.SWEEP_SLICE, settings.SWEEP_BATCH = slice_, batch
    there = fill(own, {f"v{n}": f"seed{n}" for n in range(9)} | {"zz": "seed0"})
    top = index(own, "all", {"amd64": there["v1"], "arm64": there["v8"]})
    swept(own, begin)
    assert Part.objects.filter(number__gt=0).exists() == (slice_ == 4)
    expected = {there[f"v{n}"]: [f"v{n}"] for n in range(9)} | {there["v0"]: ["v0", "zz"], top: ["all"]}
    assert table() == expected and lanes() == there | {"all": top}
    assert ArtifactVerdict.objects.get(digest=there["v8"]).parents == [top]

    moved = fill(own, {"v3": "other", "zz": "seed5"})  # v3 moves, what it meant is gone; zz moves to v5's
    delete(own, there["v7"])
    swept(own, begin)
    after = expected | {moved["v3"]: ["v3"], there["v0"]: ["v0"], there["v5"]: ["v5", "zz"]}
    del after[there["v3"]], after[there["v7"]]
    assert table() == after
    assert lanes() == {tag: d for tag, d in there.items() if tag != "v7"} | moved | {"all": top}
    told = sorted((one.kind, one.tag) for one in Change.objects.filter(kind__startswith="tag_moved"))
    assert told == [("tag_moved", "v3"), ("tag_moved", "zz")]
    deleted = Change.objects.filter(kind="deleted").values_list("digest", flat=True)
    assert list(deleted) == [there["v7"]]


def test_a_slice_that_could_not_be_read_leaves_the_others_to_be_judged(
    own: Registry, begin: Callable[..., Sweep], settings: Any
) -> None:
    settings.SWEEP_SLICE, settings.SWEEP_BATCH = 4, 3
    fill(own, {f"v{n}": f"seed{n}" for n in range(9)})
    swept(own, begin)
    this = begin(own)
    sweep_parts.write(this, [NAME], timezone.now())
    whole = sweep_parts.take(this)
    assert whole is not None
    with walking(this, lambda line, stream: None) as walk:
        walk.part(whole, lambda: None)  # cuts it into slices
    Part.objects.filter(sweep=this, number=1).update(tries=sweep_parts.MOST_TRIES)
    perform(this.job_id or 0, tasks.workshop.sweep)
    this.refresh_from_db()
    left = ArtifactVerdict.objects.filter(verdict="unchecked")
    assert not this.complete and sorted(left.values_list("tags", flat=True)) == [["v0"], ["v1"], ["v2"], ["v3"]]
    assert ArtifactVerdict.objects.filter(verdict="unsigned").count() == 5

    moved = fill(own, {"v1": "other"})  # what it meant is gone, and was given up before
    perform(tasks.sweeping.go_on(tasks.sweep, this).pk, tasks.workshop.sweep)
    this.refresh_from_db()
    assert this.complete and set(ArtifactVerdict.objects.values_list("verdict", flat=True)) == {"unsigned"}
    assert len(table()) == 9 and table()[moved["v1"]] == ["v1"]
