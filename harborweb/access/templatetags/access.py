"""Verdicts of the doctor and the board as shapes and words."""

from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from harborweb.access.board.pages import Board
from harborweb.access.doctor import pages
from harborweb.access.doctor.picture import known
from harborweb.jobs.models import Job

register = template.Library()

SHAPES = {"fine": "check", "look": "warn", "wrong": "bad", "unsure": "unsure", "skipped": "off"}
MARKS = {**SHAPES, "fine": "tick", "wrong": "cross"}


@register.filter
def verdict_shape(verdict: str) -> str:
    """The shape of a verdict."""
    return SHAPES.get(verdict, "unsure")


@register.filter
def mark_shape(verdict: str) -> str:
    """The small sign of a verdict, inside a hop."""
    return MARKS.get(verdict, "unsure")


@register.filter
def verdict_word(verdict: str) -> str:
    """A verdict in a word."""
    words = {
        "fine": _("as it should be"), "look": _("look at it"), "wrong": _("wrong"), "unsure": _("could not check"),
        "skipped": _("not asked"),
    }  # fmt: skip
    return words.get(verdict, verdict)


@register.filter
def hop_word(hop: str) -> str:
    """A hop's name."""
    return known(hop)


@register.filter
def doctor_words(job: Job) -> str:
    """What an examination says as a whole."""
    return pages.words(job.result)


@register.simple_tag
def column_title(board: Board, where: str) -> str:
    """The title of the board's column for a place."""
    return dict(board.columns).get(where, where)


@register.simple_tag
def marked(text: str, mark: str) -> Any:
    """`text` with the part `mark` pointed at, where it is in it."""
    before, found, after = str(text).partition(str(mark)) if mark else (text, "", "")
    if not found:
        return text
    made: SafeString = format_html("{}<mark>{}</mark>{}", before, found, after)
    return made
