"""Every sample kind and every hostile case beside the verdicts of the real cosign 2.5 and 3.1."""

import asyncio
from pathlib import Path

import pytest

from harborweb.verification.verdict import GREEN, Verdict
from tests import parts
from tests.audit.hostile.cases import CASES
from tests.audit.hostile.differences import DOCUMENT, document
from tests.audit.hostile.run import Answer, run_all

Answers = dict[str, Answer]


@pytest.fixture(scope="module")
def answers(registry: parts.Registry, cosign2: str, cosign3: str, tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """All cases, built, judged and put to both cosigns once."""
    found = asyncio.run(run_all(registry.url, tmp_path_factory.mktemp("hostile")))
    print(f"\n{'case':52} {'ours':17} cosign 2.5  cosign 3.1")
    for answer in found:
        said = ["accepts" if accepts else "refuses" for accepts in (answer.cosign2, answer.cosign3)]
        print(f"{answer.case.name:52} {answer.ours.verdict:17} {said[0]:11} {said[1]}  {answer.ours.reason}")
    return {answer.case.name: answer for answer in found}


def test_there_are_enough() -> None:
    """Issue 3, section 5: every sample kind and at least 60 hostile cases."""
    assert len(CASES) >= 60 + 30


@pytest.mark.parametrize("name", [case.name for case in CASES])
@pytest.mark.timeout(900)
def test_verdict(answers: Answers, name: str) -> None:
    """The verdict is the one the case says, with a reason in a sentence."""
    answer = answers[name]
    assert answer.ours.verdict == answer.case.expect, (answer.ours.reason, answer.words)
    assert answer.ours.reason.endswith((".", ")")) or answer.ours.reason[-1:].isalnum()
    assert answer.ours.reason.isprintable()


@pytest.mark.timeout(900)
def test_nothing_is_trusted_that_both_refuse(answers: Answers) -> None:
    """Except cosign's own gaps, each named in its case."""
    ours_only = {
        name
        for name, answer in answers.items()
        if answer.ours.verdict == Verdict.TRUSTED and not answer.cosign2 and not answer.cosign3
    }
    assert ours_only == {case.name for case in CASES if case.gap}


@pytest.mark.timeout(900)
def test_every_refusal_of_what_a_cosign_accepts_has_its_reason(answers: Answers) -> None:
    """Where we are stricter, the case says why; and nowhere else does it say so."""
    stricter = {
        name: answer.words
        for name, answer in answers.items()
        if answer.ours.verdict not in GREEN and (answer.cosign2 or answer.cosign3)
    }
    assert stricter.keys() == {case.name for case in CASES if case.stricter}


def test_the_document_lists_the_same() -> None:
    """docs/audit-differences.md is what the cases say (`python -m tests.audit.hostile.differences` writes it)."""
    assert Path(parts.ROOT / DOCUMENT).read_text() == document()
