"""The request as our middleware leaves it, for the type checker."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails


class Request(HttpRequest):
    """A request with django-htmx's details (falsy for a plain one)."""

    htmx: HtmxDetails
