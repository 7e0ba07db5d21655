"""The template tags."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.template import Context, Template
from django.utils import timezone

from harborweb.dashboard.templatetags import look
from harborweb.dashboard.templatetags.shapes import DRAWINGS, STATES
from harborweb.verification.verdict import Verdict

NBSP = "\N{NO-BREAK SPACE}"


def draw(text: str, **context: Any) -> str:
    return Template(text).render(Context(context))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("sha256:5a1c5e7a" + "0" * 52 + "dbb0", "5a1c5e7a…dbb0"),
        ("a" * 64, "aaaaaaaa…aaaa"),
        ("abc", "abc"),
        ("", ""),
        (None, ""),
    ],
)
def test_short(value: str | None, shown: str) -> None:
    assert look.short(value) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0"), (999, "999"), (1000, "1.0"), (184_000_000, "184"), (9_949, "9.9"), (999_600, "1.0"), (3e15, "3000")],
)
def test_bytes(number: float, shown: str) -> None:
    value, unit = look.size(number).split(NBSP)
    assert value == shown
    assert unit == {"0": "B", "999": "B", "184": "MB", "9.9": "kB", "3000": "TB"}.get(
        shown, "kB" if number == 1000 else "MB"
    )


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (3.84, "3.8 s"),
        (42, "42 s"),
        (250, "4 min 10 s"),
        (7500, "2 h 5 min"),
        (timedelta(seconds=9), "9.0 s"),
        (None, "–"),
    ],
)
def test_seconds(value: Any, shown: str) -> None:
    assert look.seconds(value) == shown


@pytest.mark.parametrize(("age", "shown"), [(3, "just now"), (42, "42 s ago"), (125, "2 min ago"), (7300, "2 h ago")])
def test_ago(age: int, shown: str) -> None:
    when = timezone.now() - timedelta(seconds=age)
    text = look.ago(when)
    assert f">{shown}</time>" in text and f'datetime="{when.isoformat(timespec="seconds")}"' in text


def test_ago_names_the_day_after_a_day(settings: Any) -> None:
    settings.TIME_ZONE = "UTC"
    old = datetime(2020, 11, 21, 18, 40, tzinfo=timezone.get_current_timezone())
    assert ">21 Nov 2020</time>" in look.ago(old) and "21 Nov 2020 18:40:00" in look.ago(old)
    assert "–" in look.ago(None)


@pytest.mark.parametrize(
    "text",
    [
        "{% pill 'bad' evil %}", "{% state 'bad' evil %}", "{% digest evil %}", "{% copy evil evil %}",
        "{% shape evil %}", "{{ evil|first_bold }}", "{% progress 1 2 evil %}",
    ],
)  # fmt: skip
def test_what_is_shown_is_escaped(text: str) -> None:
    assert "<script>" not in draw(text, evil='"><script>alert(1)</script>')


def test_every_verdict_has_its_shape_and_colour() -> None:
    for verdict in Verdict:
        colour, drawing = STATES[verdict.value]
        assert drawing == verdict.value and drawing in DRAWINGS
        assert (colour == "good") == (verdict in (Verdict.TRUSTED, Verdict.VIA_INDEX)), "only these two may look green"


def test_the_first_sentence_is_bold() -> None:
    assert look.first_bold("It broke. Mend 1.2 now.") == "<strong>It broke.</strong> Mend 1.2 now."
    assert look.first_bold("镜像没有签名。请再试。") == "<strong>镜像没有签名。</strong>请再试。"
    assert look.first_bold("one piece") == "<strong>one piece</strong>"


def test_an_unknown_state_is_never_green() -> None:
    assert 'class="pill none"' in draw("{% pill 'whatever' 'Word' %}")


def test_a_notice_shows_a_problem() -> None:
    from harborweb.errors import Problem

    text = draw("{% include 'components/notice.html' with problem=problem %}", problem=Problem("It broke.", "Mend it."))
    assert 'class="notice bad"' in text and "<strong>It broke.</strong> Mend it." in text
    assert draw("{% include 'components/notice.html' with problem=None title='' %}").strip() == ""
