"""Secrets never come out, however the text is cut into pieces."""

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from harborweb.masking import MASK, Masker

# Few letters, so that secrets overlap and their beginnings are everywhere; line breaks inside too.
alphabet = st.sampled_from("abcab\n")
secret_texts = st.text(alphabet, min_size=6, max_size=14).filter(lambda text: len(text.replace("\n", "")) >= 6)


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[str], list[str | None]]:
    """Secrets, and a text of them and of other things in pieces; None stands for a silence."""
    secrets = draw(st.lists(secret_texts, min_size=1, max_size=3))
    wrapped = [secret[:3] + "\n" + secret[3:] for secret in secrets]
    parts = st.one_of(st.sampled_from(secrets + wrapped), st.text(alphabet, max_size=5))
    text = "".join(draw(st.lists(parts, max_size=8)))
    cuts = sorted(draw(st.sets(st.integers(0, len(text)))))
    pieces = [text[first:last] for first, last in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    silences = draw(st.sets(st.integers(0, len(pieces))))
    with_silences: list[str | None] = []
    for number, piece in enumerate(pieces):
        with_silences += [piece, None] if number in silences else [piece]
    return secrets, with_silences


@given(streams())
@example((["abcabc"], ["abcab", "c"]))
@example((["abcabcab"], ["abc", None, "abc", "ab"]))
@settings(max_examples=600, deadline=None)
def test_no_split_of_a_stream_lets_a_secret_out(case: tuple[list[str], list[str | None]]) -> None:
    secrets, pieces = case
    stream = Masker(secrets).stream()
    shown = "".join(stream.silent() if piece is None else stream.feed(piece) for piece in pieces) + stream.end()
    for secret in secrets:
        assert secret not in shown
        assert secret.replace("\n", "") not in shown.replace("\n", "")


@given(secret_texts, st.text(st.characters(exclude_characters="abc\n\r•", codec="utf-8"), max_size=40), st.data())
@settings(max_examples=200, deadline=None)
def test_what_is_no_secret_comes_out_as_it_was(secret: str, text: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(text)))
    stream = Masker([secret]).stream()
    assert stream.feed(text[:cut]) + stream.feed(text[cut:]) + stream.end() == text


@given(st.text(min_size=6, max_size=30), st.text(max_size=20), st.text(max_size=20))
@settings(max_examples=300, deadline=None)
def test_any_secret_in_one_piece(secret: str, before: str, after: str) -> None:
    assume(len(secret.replace("\n", "").replace("\r", "")) >= 6 and MASK[0] not in secret)
    assert secret not in Masker([secret]).mask(before + secret + after)


def test_a_secret_of_several_lines_and_each_of_its_lines() -> None:
    pem = "-----BEGIN KEY-----\nMIGHAgEAMBMGByqGSM49\nAgEGCCqGSM49AwEHBG0w\n-----END KEY-----\n"
    masker = Masker([pem])
    assert masker.mask(f"a {pem}b") == f"a {MASK}\nb"
    assert masker.mask(pem.replace("\n", "\r\n").strip()) == MASK
    indented = masker.mask("key: |\n  -----BEGIN KEY-----\n  MIGHAgEAMBMGByqGSM49\n  AgEGCCqGSM49AwEHBG0w\n")
    assert "MIGH" not in indented and "AgEG" not in indented and "-----BEGIN KEY-----" in indented


@pytest.mark.parametrize(
    "written",
    [
        'p@ss "wörd"/1',
        'p@ss "w\nörd"/1',
        json.dumps('p@ss "wörd"/1'),
        quote('p@ss "wörd"/1', safe=""),
        base64.b64encode('p@ss "wörd"/1'.encode()).decode(),
    ],
)
def test_other_ways_to_write_a_secret(written: str) -> None:
    masked = Masker(['p@ss "wörd"/1']).mask(f"<{written}>")
    assert masked.strip('<>"') == MASK


def test_overlapping_secrets_leave_no_rest() -> None:
    assert Masker(["abcdef", "defghi"]).mask("xabcdefghix") == f"x{MASK}x"
    assert Masker(["secret", "secret-longer"]).mask("secret-longer") == MASK


def test_short_secrets_only_as_words() -> None:
    masker = Masker(["a1"])
    assert masker.mask("a1 ba1 a1b (a1)") == f"{MASK} ba1 a1b ({MASK})"
    stream = masker.stream()
    shown = stream.feed("xa") + stream.feed("1 a") + stream.feed("1") + stream.feed("b a1") + stream.end()
    assert shown == f"xa1 a1b {MASK}"


def test_empty_secrets_mask_nothing() -> None:
    assert Masker(["", "\n"]).mask("anything\n") == "anything\n"


def test_lines_are_not_kept_back_without_need() -> None:
    stream = Masker(["hunter22"]).stream()
    assert stream.feed("ready\n") == "ready\n"
    assert stream.feed("with\n") == "wit"  # "h" may be the beginning
    assert stream.silent() == "h\n"
    assert stream.feed("unter22 more") == f"{MASK} more"
    assert stream.feed(" hunter2") == " "
    assert stream.silent() == ""  # that much of it is not shown
    assert stream.feed("3\n") == "hunter23\n"


def test_a_masker_shows_no_secret_of_its_own() -> None:
    assert "hunter22" not in repr(Masker(["hunter22"]))
    assert Masker(["one-secret"]).plus("two-secret").mask("one-secret two-secret") == f"{MASK} {MASK}"
