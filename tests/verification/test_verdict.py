"""Which finding wins, and when an index covers."""

import copy
import itertools
import pickle

import pytest

from harborweb.verification.sentences import SHOWN_CHARACTERS, sentence
from harborweb.verification.verdict import GREEN, Finding, Opinion, Verdict, covered, judge

ORDER = [
    Verdict.TRUSTED,
    Verdict.UNCHECKED,
    Verdict.UNKNOWN_KEY,
    Verdict.INVALID,
    Verdict.ATTESTATION_ONLY,
]


def _finding(verdict: Verdict) -> Finding:
    return Finding("somewhere", verdict, f"because {verdict}", "bundle", "key")


@pytest.mark.parametrize("first, second", list(itertools.product(ORDER, repeat=2)))
def test_precedence(first: Verdict, second: Verdict) -> None:
    """The better place in the order wins, whichever was seen first, and gives the reason."""
    opinion = judge([_finding(first), _finding(second)])
    winner = min(first, second, key=ORDER.index)
    assert opinion == Opinion(winner, f"because {winner}", "key", "bundle", _finding(winner))


def test_nothing_found() -> None:
    """Without findings it is unsigned."""
    assert judge([]).verdict == Verdict.UNSIGNED


@pytest.mark.parametrize("own, above", list(itertools.product(Verdict, repeat=2)))
def test_covered(own: Verdict, above: Verdict) -> None:
    """Only what has no signature object of its own is covered, and only by a green index."""
    opinion = covered(Opinion(own, "own"), [("sha256:1", Opinion(above, "above", "key", "bundle"))])
    covers = own in {Verdict.UNSIGNED, Verdict.ATTESTATION_ONLY} and above in GREEN
    assert opinion.verdict == (Verdict.VIA_INDEX if covers else own)
    if covers:
        assert (opinion.key, opinion.format) == ("key", "bundle")
        assert "sha256:1" in opinion.reason


def test_there_are_seven() -> None:
    """Two of them may look green."""
    assert len(Verdict) == 7
    assert {Verdict.TRUSTED, Verdict.VIA_INDEX} == GREEN


def test_sentences_keep_their_template() -> None:
    """For translation; what strangers wrote is cut and cannot steer a terminal."""
    text = sentence("It names %(digest)s.", digest="\x1b[31m" + "x" * 500)
    assert text.template == "It names %(digest)s."
    assert text == text.template % text.values
    assert text.isprintable()
    assert len(text) < SHOWN_CHARACTERS + 20
    for again in (copy.deepcopy(text), pickle.loads(pickle.dumps(text))):
        assert (again, again.template) == (text, text.template)
