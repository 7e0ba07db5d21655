"""What the filters and orders of the lists are called."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from harborweb.audit.words import ORDER, WORDS

Word = str | Promise

SORTS: dict[str, Word] = {
    "name": _("Name, A first"),
    "-name": _("Name, Z first"),
    "-creation_time": _("Newest first"),
    "-update_time": _("Changed last first"),
    "-pull_count": _("Most pulled first"),
    "-push_time": _("Pushed last first"),
    "push_time": _("Oldest push first"),
    "-pull_time": _("Pulled last first"),
    "-size": _("Largest first"),
    "size": _("Smallest first"),
}
KINDS: dict[str, Word] = {
    "public": _("Public"),
    "private": _("Private"),
    "proxy": _("Proxy cache"),
    "untagged": _("Without a tag"),
    "new": _("New since last week"),
}


@dataclass(frozen=True)
class Choice:
    """One choice of a filter: its value in the address, its word, and the shape beside it."""

    value: str
    word: Word
    shape: str = ""
    count: int | None = None


def verdicts(counts: dict[str, int] | None = None) -> list[Choice]:
    """The verdicts to filter by; with `counts` only those that are there."""
    return [
        Choice(one.value, WORDS[one], one.value, counts[one] if counts is not None else None)
        for one in ORDER
        if counts is None or counts.get(one)
    ]
