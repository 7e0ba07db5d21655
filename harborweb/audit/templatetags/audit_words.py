"""Verdicts in pages that hold no row of the audit: {% load audit_words %}{% verdict_state "trusted" %}."""

from collections.abc import Iterable
from typing import Any

from django import template

from harborweb.audit.words import WORDS
from harborweb.verification.verdict import Verdict

register = template.Library()


@register.inclusion_tag("audit/_verdict.html")
def verdict_state(verdict: str) -> dict[str, Any]:
    """Shape and word of a verdict."""
    return {"verdict": verdict, "word": WORDS[Verdict(verdict)]}


@register.filter
def join_lines(lines: Iterable[str]) -> str:
    """Lines as one text."""
    return "\n".join(lines)
