"""What every template may use: shapes, states, digests, times and sizes as look.md wants them.

A builtin of the template engine (settings.TEMPLATES), so no template loads it.
"""

import re
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django import template
from django.template.defaultfilters import date as format_date
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from harborweb.dashboard.templatetags.shapes import DRAWINGS, STATES

register = template.Library()


@register.simple_tag
@lru_cache(maxsize=256)
def shape(name: str, extra: str = "") -> SafeString:
    """The drawing `name` as inline SVG, hidden from screen readers: a word stands beside it."""
    drawing = mark_safe(DRAWINGS.get(name, DRAWINGS["unsure"]))  # noqa: S308 - constants of ours
    return format_html(
        '<svg class="shape shape-{} {}" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" '
        'focusable="false">'
        "{}</svg>",
        name,
        extra,
        drawing,
    )


def _marked(css: str, state: str, word: Any) -> SafeString:
    kind, drawing = STATES.get(str(state), ("none", "off"))
    return format_html('<span class="{} {}">{}<span>{}</span></span>', css, kind, shape(drawing), word)


@register.simple_tag
def pill(state: str, word: Any) -> SafeString:
    """`word` on a soft ground with the shape and colour of `state` (a verdict, a job's state, good, warn, …)."""
    return _marked("pill", state, word)


@register.simple_tag(name="state")
def state_word(state: str, word: Any) -> SafeString:
    """The same without a ground, as tables have it."""
    return _marked("state", state, word)


@register.filter
def kind(state: str) -> str:
    """The colour's name of a state: good, warn, bad, unsure, info or none."""
    return STATES.get(str(state), ("none", "off"))[0]


@register.filter
def short(digest: str | None) -> str:
    """A digest or fingerprint as 8…4 characters, without its algorithm; short values as they are."""
    value = str(digest or "").split(":", 1)[-1]
    return value if len(value) <= 16 else f"{value[:8]}…{value[-4:]}"


@register.simple_tag(name="digest")
def digest_tag(value: str | None) -> SafeString:
    """A digest in short, whole in `title` and in the copy button."""
    if not value:
        return format_html('<span class="muted">{}</span>', "–")
    return format_html(
        '<span class="digest"><code class="mono" title="{0}">{1}</code>{2}</span>', value, short(value), copy(value)
    )


@register.simple_tag
def copy(text: str, label: str = "") -> SafeString:
    """A button that copies `text`; with `label` its words are shown."""
    words = format_html("<span>{}</span>", label) if label else ""
    return format_html(
        '<button type="button" class="copy" data-copy="{}" data-copied="{}" aria-label="{}">{}{}</button>',
        text,
        _("Copied"),
        label or _("Copy"),
        shape("copy"),
        words,
    )


@register.filter
def ago(when: datetime | None) -> SafeString:
    """A `<time>`: "2 h ago" up to a day, then "21 Nov 18:40"; absolute in `title`."""
    if when is None:
        return format_html('<span class="muted">{}</span>', "–")
    local = timezone.localtime(when)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        when.isoformat(timespec="seconds"),
        format_date(local, "j M Y H:i:s T"),
        _since(timezone.now() - when, local),
    )


def _since(age: timedelta, local: datetime) -> str:
    seconds = age.total_seconds()
    if seconds < -60:
        return format_date(local, "j M H:i")
    if seconds < 10:
        return _("just now")
    if seconds < 60:
        return _("%(n)d s ago") % {"n": seconds}
    if seconds < 3600:
        return _("%(n)d min ago") % {"n": seconds // 60}
    if seconds < 86400:
        return _("%(n)d h ago") % {"n": seconds // 3600}
    pattern = "j M H:i" if local.year == timezone.localtime().year else "j M Y"
    return format_date(local, pattern)


@register.filter(name="bytes")
def size(number: float | None) -> str:
    """A number of bytes as "184 MB" (decimal units, as docker shows sizes)."""
    if number is None:
        return "–"
    value, unit = float(number), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 999.5 or unit == "TB":
            break
        value /= 1000
    decimals = 1 if unit != "B" and value < 9.95 else 0
    return f"{number_format(round(value, decimals), decimals)}\N{NO-BREAK SPACE}{unit}"


@register.filter
def seconds(number: float | timedelta | None) -> str:
    """A duration as "3.8 s", "4 min 10 s" or "2 h 5 min"; a template's empty string is none."""
    if number is None or number == "":
        return "–"
    value = number.total_seconds() if isinstance(number, timedelta) else float(number)
    if value < 60:
        decimals = 1 if value < 9.95 else 0  # number_format cuts off, so round first
        return _("%(n)s s") % {"n": number_format(round(value, decimals), decimals)}
    whole = round(value)
    if whole < 3600:
        return _("%(minutes)d min %(seconds)d s") % {"minutes": whole // 60, "seconds": whole % 60}
    return _("%(hours)d h %(minutes)d min") % {"hours": whole // 3600, "minutes": whole % 3600 // 60}


@register.simple_tag
def progress(value: float, of: float, label: str = "") -> SafeString:
    """A bar with its words beside it: "7 of 12"."""
    words = label or _("%(value)s of %(of)s") % {"value": value, "of": of}
    return format_html(
        '<span class="progress"><progress value="{}" max="{}" aria-label="{}"></progress>'
        '<span class="num">{}</span></span>',
        value,
        of or 1,
        words,
        words,
    )


_SENTENCE = re.compile(r"(.+?[.。?？])(\s.+|(?<=[。？]).+)", re.DOTALL)
_NOTICES = {"error": "bad", "warning": "warn", "success": "good", "debug": "info"}  # django.contrib.messages' words


@register.filter
def notice_kind(kind: str) -> str:
    """The colour of a notice: our five words, and those of django.contrib.messages."""
    return _NOTICES.get(kind, kind)


@register.filter
def notice_shape(kind: str) -> str:
    """The shape of a notice of this colour."""
    return STATES.get(kind, ("", "info"))[1]


@register.filter
def state_shape(state: str) -> str:
    """The shape's name of a state."""
    return STATES.get(str(state), ("none", "off"))[1]


@register.filter
def unlocalized(number: float) -> str:
    """A coordinate with a point, whatever the language writes."""
    return f"{number:g}"


@register.filter
def first_bold(text: str) -> SafeString:
    """The first sentence in bold, the rest as it is: what happened, then why and what to do."""
    found = _SENTENCE.match(str(text))
    first, rest = (found.group(1), found.group(2)) if found else (str(text), "")
    return format_html("<strong>{}</strong>{}", first, rest)
