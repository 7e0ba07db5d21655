"""A second sweep with its database: what is as it was is marked as checked, and nothing else is written or told."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from harborweb.audit import memory
from harborweb.audit.kept import Kept, kept
from harborweb.audit.models import ArtifactVerdict, Sweep
from harborweb.jobs.models import Job
from harborweb.registry.models import Registry
from harborweb.signing.models import Key

Sweeper = Callable[[Registry], Job]


@pytest.fixture
def told() -> Iterator[list[Kept]]:
    found: list[Kept] = []

    def hear(sender: object, kept: Kept, **more: Any) -> None:
        found.append(kept)

    kept.connect(hear, weak=False)
    yield found
    kept.disconnect(hear)


def rows() -> dict[tuple[str, str], ArtifactVerdict]:
    return {(row.repository, row.digest): row for row in ArtifactVerdict.objects.all()}


def test_what_stayed_is_marked_and_keeps_everything(known: Registry, sweep: Sweeper, told: list[Kept]) -> None:
    sweep(known)
    before = rows()
    remembered = {name for name, row in before.items() if row.look}
    assert len(remembered) > len(before) / 2, "most samples can be remembered"
    assert not [row for row in before.values() if row.look and row.verdict == "unchecked"]
    told.clear()
    sweep(known)
    after, newest = rows(), Sweep.objects.order_by("pk").last()
    assert after.keys() == before.keys()
    for name in remembered:
        old, new = before[name], after[name]
        assert new.checked > old.checked and new.sweep == newest and new.looked == old.looked, name
        assert (new.verdict, new.reason, new.evidence, new.tags, new.since, new.pk) == (
            old.verdict, old.reason, old.evidence, old.tags, old.since, old.pk
        )  # fmt: skip
    spoken = {(one.repository, digest) for one in told for digest in {*one.before, *one.after, *one.gone}}
    assert not spoken & remembered


def test_another_keyring_and_another_week_judge_anew(known: Registry, sweep: Sweeper) -> None:
    sweep(known)
    row = ArtifactVerdict.objects.get(repository="team/web", tags=["1.0"])
    assert row.look and row.digest in memory.of(known, row.repository)
    ArtifactVerdict.objects.filter(pk=row.pk).update(looked=row.looked - memory.LASTS - timedelta(hours=1))
    assert row.digest not in memory.of(known, row.repository)
    Key.objects.update(revoked_from=row.checked - timedelta(days=1), revoked_reason="lost")
    sweep(known)
    row.refresh_from_db()
    assert row.verdict != "trusted"


def test_a_row_that_says_too_much_is_still_not_believed(known: Registry, sweep: Sweeper) -> None:
    """What could not be checked is asked again, whatever look lies beside it."""
    sweep(known)
    row = ArtifactVerdict.objects.get(repository="team/web", tags=["1.0"])
    ArtifactVerdict.objects.filter(pk=row.pk).update(verdict="unchecked")
    assert row.digest not in memory.of(known, row.repository)
    sweep(known)
    row.refresh_from_db()
    assert row.verdict == "trusted"
