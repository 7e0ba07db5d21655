"""Hundreds of made artifacts: our verdicts beside those of the real cosign 2.5 and 3.1.

The plan's seed is fixed (HARBORWEB_DIFFERENTIAL_SEED tries another), so every run judges the same artifacts; which of
them a default run asks cosign about changes from day to day, and `--long` asks about all.
"""

import asyncio
import datetime
import itertools
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from harborweb.audit.judging.judgement import Judgement
from harborweb.verification.verdict import GREEN, Verdict
from tests import parts
from tests.audit.differential.flaws import FLAWS
from tests.audit.differential.plan import Artifact, plan, sample
from tests.audit.differential.run import Field
from tests.audit.hostile.cases import CASES
from tests.registry.lying import lying

SEED = int(os.environ.get("HARBORWEB_DIFFERENTIAL_SEED", "1"))


@dataclass(frozen=True)
class Answers:
    """What was made, what we say of it, and which of those asked about each cosign accepts."""

    artifacts: list[Artifact]
    ours: dict[int, Judgement]
    cosign: dict[str, dict[int, bool]]

    def beside(self) -> Iterator[tuple[Artifact, Judgement, list[bool]]]:
        """Every artifact that the cosigns were asked about."""
        for artifact in self.artifacts:
            asked = [answers[artifact.number] for answers in self.cosign.values() if artifact.number in answers]
            if asked:
                yield artifact, self.ours[artifact.number], asked


def _said(artifact: Artifact, ours: Judgement, asked: list[bool]) -> str:
    """One artifact for a failure's message."""
    flaws = ", ".join(f"{flaw.form}:{flaw.name}" for flaw in artifact.flaws)
    cosigns = "/".join("accepts" if one else "refuses" for one in asked)
    return (
        f"seed {SEED} {artifact.name} {artifact.key} [{flaws}] {artifact.lie}: {ours.verdict}, {cosigns}: {ours.reason}"
    )


@pytest.fixture(scope="module")
def answers(
    registry: parts.Registry, cosign2: str, cosign3: str, tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Answers:  # fmt: skip
    """The whole plan made and judged once; the cosigns asked about a sample, or with --long about everything."""
    artifacts = plan(SEED)
    today = datetime.date.today().toordinal()
    asked = artifacts if request.config.getoption("--long") else sample(artifacts, today)
    numbers = {one.number for one in asked}
    print(f"\nseed {SEED}, sample {today}: {len(artifacts)} artifacts, cosign asked about {len(numbers)}")

    async def everything() -> Answers:
        with lying(upstream=registry.url) as liar:
            field = Field(registry.url, liar, tmp_path_factory.mktemp("differential"))
            times = [time.monotonic()]
            made = await field.make(artifacts)
            times.append(time.monotonic())
            ours = await field.judged(made)
            times.append(time.monotonic())
            cosign = await field.accepted([one for one in made if one.artifact.number in numbers])
            times.append(time.monotonic())
            spent = [round(end - begin, 1) for begin, end in itertools.pairwise(times)]
            print("seconds to make, to judge, for cosign:", *spent)
            return Answers(artifacts, ours, cosign)

    return asyncio.run(everything())


def test_the_plan_is_large_and_even() -> None:
    """At least 500 artifacts, every flaw alone, and the reasons are those of the document."""
    artifacts = plan(SEED)
    assert len(artifacts) >= 500 and len({one.shape for one in artifacts}) > 200
    assert {one.flaws[0].name for one in artifacts if len(one.flaws) == 1} == {flaw.name for flaw in FLAWS}
    written = {case.stricter for case in CASES} | {case.gap for case in CASES}
    assert set().union(*(one.stricter | one.gap for one in artifacts)) <= written
    assert plan(SEED) == artifacts


@pytest.mark.timeout(1800)
def test_every_verdict_is_the_one_that_was_made(answers: Answers) -> None:
    """Of all artifacts, whatever cosign says."""
    wrong = [
        f"expected {' or '.join(sorted(artifact.expect))}: {_said(artifact, ours, [])}"
        for artifact in answers.artifacts
        if (ours := answers.ours[artifact.number]).verdict not in artifact.expect
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.timeout(1800)
def test_nothing_is_trusted_that_both_refuse_but_for_their_gaps(answers: Answers) -> None:
    """The dangerous direction."""
    alone = [
        _said(artifact, ours, asked)
        for artifact, ours, asked in answers.beside()
        if ours.verdict == Verdict.TRUSTED and not any(asked) and not artifact.gap
    ]
    assert not alone, "\n".join(alone)


@pytest.mark.timeout(1800)
def test_nothing_is_refused_that_a_cosign_accepts_but_for_written_reasons(answers: Answers) -> None:
    """Stricter only where docs/audit-differences.md says so."""
    refused = [
        _said(artifact, ours, asked)
        for artifact, ours, asked in answers.beside()
        if ours.verdict not in GREEN and any(asked) and not artifact.stricter
    ]
    assert not refused, "\n".join(refused)
