"""The request as our middleware leaves it, and what is read from an address or a form."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails


class Request(HttpRequest):
    """A request with django-htmx's details (falsy for a plain one)."""

    htmx: HtmxDetails


def number_in(text: str | None) -> int:
    """The number of a row in `text`; 0, which no row has, where there is none that a database takes."""
    return int(text) if text and text.isdecimal() and len(text) < 10 else 0
