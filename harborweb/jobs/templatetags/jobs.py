"""What templates of any room need to show a job: {% load jobs %}."""

import json
from typing import Any

from django import template

from harborweb.jobs import pages, services
from harborweb.jobs.models import Job, LogLine

register = template.Library()


@register.simple_tag
def job_lines(job: Job, before: int | None = None) -> list[LogLine]:
    """The newest lines of the log, or those before a number."""
    return pages.newest_lines(job, before or None)


@register.simple_tag(takes_context=True)
def log_parts(context: dict[str, Any], lines: list[LogLine]) -> list[pages.Part]:
    """The lines with finished steps folded; `line` in the context stays open."""
    return pages.parts(lines, context.get("line"))


@register.simple_tag
def job_steps(job: Job) -> list[pages.Step]:
    """The step bar's items."""
    return pages.steps(job)


@register.simple_tag
def more_lines(job: Job, lines: list[LogLine]) -> bool:
    """Whether the log goes on after `lines`."""
    return pages.more(job, lines)


@register.simple_tag(takes_context=True)
def last_number(context: dict[str, Any], lines: list[LogLine]) -> int:
    """The number of the last line that the page has, after these lines."""
    return lines[-1].number if lines else int(context.get("after") or 0)


@register.simple_tag
def result_rows(result: dict[str, Any]) -> list[tuple[str, str, bool]]:
    """A result as names, values, and whether a value needs lines of its own."""
    rows = []
    for name, value in result.items():
        if name not in ("url", "message"):
            nested = isinstance(value, dict | list)
            text = json.dumps(value, indent=2, ensure_ascii=False) if nested else str(value)
            rows.append((name.replace("_", " "), text, nested or "\n" in text))
    return rows


@register.simple_tag(takes_context=True)
def may_stop(context: dict[str, Any], job: Job) -> bool:
    """Whether the person who looks may stop this job, and it can be."""
    request = context.get("request")
    return request is not None and not job.settled and not job.stopping and services.may_stop(request.user, job)
