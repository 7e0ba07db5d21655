"""Which role a view needs; every view says so, and the middleware refuses those that do not."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.db import models
from django.utils.translation import gettext_lazy as _

View = TypeVar("View", bound=Callable[..., Any])


class Role(models.IntegerChoices):
    """What a person may do; each role may also do what the roles before it may (issue 3, section 6)."""

    VIEWER = 1, _("viewer")  # looks
    SIGNER = 2, _("signer")  # signs, verifies, sweeps
    OPERATOR = 3, _("operator")  # configures, deploys
    ADMINISTRATOR = 4, _("administrator")  # keys, people, registries


def requires(role: Role) -> Callable[[View], View]:
    """Mark a view as open to people with `role` or more; `RoleMiddleware` enforces it."""

    def mark(view: View) -> View:
        view.required_role = role  # type: ignore[attr-defined]
        return view

    return mark


def public(view: View) -> View:
    """Mark a view as open to everybody, signed in or not."""
    view.required_role = None  # type: ignore[attr-defined]
    return view
