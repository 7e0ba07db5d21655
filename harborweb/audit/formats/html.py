"""A report for people who were not here: one HTML file, no script, nothing from elsewhere, made to be printed."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from django.template.loader import get_template, render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from harborweb.audit.charts import CHART_ORDER
from harborweb.audit.formats.about import About
from harborweb.audit.report import Judged
from harborweb.audit.words import MEANINGS, WORDS
from harborweb.verification.verdict import GREEN, Verdict

# Shapes for printers without colour, beside the word.
MARKS = {
    Verdict.TRUSTED: "✓", Verdict.VIA_INDEX: "◎", Verdict.ATTESTATION_ONLY: "≡", Verdict.UNKNOWN_KEY: "◆",
    Verdict.INVALID: "×", Verdict.UNCHECKED: "?", Verdict.UNSIGNED: "–",
}  # fmt: skip
LONGEST = 2_000  # characters of one text


def render(judged: Iterable[Judged], about: About) -> str:
    """The whole file: what was checked and how, findings first, then every row, then how to check it."""
    return "".join(pieces(list(judged), about))


def pieces(rows: Sequence[Judged], about: About) -> Iterator[str]:
    """The file in pieces, so that a long one need not be held whole."""
    findings = [one for one in rows if one.is_finding]
    yield render_to_string("audit/report/page.html", {
        "about": about, "style": _style(), "lead": _lead(len(rows), len(findings)), "counts": _counts(rows),
        "projects": _projects(rows),
    })  # fmt: skip
    names = {key.fingerprint: key.name for key in about.keys}
    if findings:
        yield from _table(_("Findings"), _("What someone should act on."), findings, names)
    yield from _table(_("Every artifact"), _("Worst first."), rows, names)
    yield render_to_string("audit/report/check.html", {"about": about})


def _lead(total: int, findings: int) -> str:
    if not total:
        return _("There was no artifact to check.")
    words = {"n": findings or total, "total": total}
    if not findings:
        return (
            ngettext(
                "%(n)d artifact was checked, and there is nothing to act on.",
                "%(n)d artifacts were checked, and there is nothing to act on.",
                total,
            )
            % words
        )
    many = ngettext("%(n)d of %(total)d artifacts needs a look.", "%(n)d of %(total)d artifacts need a look.", findings)
    return many % words


@cache
def _style() -> SafeString:
    text = Path(__file__).with_name("report.css").read_text()
    return mark_safe(f"<style>{text}</style>")  # noqa: S308 - a file of ours


def _counts(rows: Sequence[Judged]) -> list[dict[str, Any]]:
    found, findings = Counter(one.verdict for one in rows), Counter(one.verdict for one in rows if one.is_finding)
    return [
        {"verdict": v.value, "word": WORDS[v], "mark": MARKS[v], "meaning": MEANINGS[v], "count": found[v],
         "findings": findings[v]}
        for v in CHART_ORDER
    ]  # fmt: skip


def _projects(rows: Sequence[Judged]) -> list[dict[str, Any]]:
    by_project: dict[str, list[Judged]] = {}
    for one in rows:
        by_project.setdefault(one.repository.partition("/")[0], []).append(one)
    return [
        {"name": name, "total": len(mine), "findings": sum(one.is_finding for one in mine),
         "trusted": 100 * sum(one.verdict in GREEN for one in mine) // len(mine)}
        for name, mine in sorted(by_project.items())
    ]  # fmt: skip


def _table(title: str, caption: str, rows: Sequence[Judged], names: dict[str, str]) -> Iterator[str]:
    heads = (_("Verdict"), _("Artifact"), _("Digest"), _("Reason"), _("Key"))
    yield format_html('<section><h2>{}</h2>\n<table class="rows"><caption>{}</caption><thead><tr>', title, caption)
    yield "".join(format_html('<th scope="col">{}</th>', head) for head in heads) + "</tr></thead><tbody>\n"
    template = get_template("audit/report/row.html")
    for one in rows:
        verdict = Verdict(one.verdict)
        yield template.render({
            "one": one, "verdict": verdict.value, "word": WORDS[verdict], "mark": MARKS[verdict],
            "tags": ", ".join(one.tags)[:LONGEST] or _("no tag"), "why": _why(one),
            "key": names.get(one.key) or one.key[:16] or "–",
        })  # fmt: skip
    yield "</tbody></table></section>\n"


def _why(one: Judged) -> str:
    """The reason of the verdict, and what the policy says where that is something else."""
    told = str(one.standing_reason)
    return (f"{one.reason} {told}" if told and told != one.reason else str(one.reason))[:LONGEST]
