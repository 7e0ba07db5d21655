"""The door of accounts: people, their one-time links, and the trail of who did what."""

import hashlib
import secrets
from datetime import timedelta

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from harborweb.accounts.models import Activity, OneTimeLink, User
from harborweb.accounts.roles import Role
from harborweb.errors import Problem

LINK_HOURS = 24


def record(
    request: HttpRequest | None, action: str, subject: str, detail: str = "", *, user: User | None = None
) -> None:
    """Write one line of the activity trail: who (the request's person, or `user`) did `action` to `subject`.

    `action` is a short verb phrase ("sign", "deploy", "save revision"); none of the three may hold a secret.
    """
    person = user
    if person is None and request is not None and isinstance(request.user, User):
        person = request.user
    Activity.objects.create(
        user=person,
        who=person.get_username() if person else _("nobody signed in") if request else _("harborweb"),
        source=(request.META.get("REMOTE_ADDR") or "")[:64] if request else "",
        action=action[:64],
        subject=subject[:512],
        detail=detail[:1024],
    )


def person(request: HttpRequest) -> User:
    """Who is signed in; raises PermissionDenied where a view that is not public let somebody through."""
    if isinstance(request.user, User):
        return request.user
    raise PermissionDenied


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def new_link(user: User) -> str:
    """Make a sign-in link for `user` that works once within a day; returns its path. Earlier ones stop working."""
    token = secrets.token_urlsafe(32)
    now = timezone.now()
    with transaction.atomic():
        OneTimeLink.objects.filter(user=user, used=None, expires__gt=now).update(expires=now)
        OneTimeLink.objects.create(user=user, token_hash=_hash(token), expires=now + timedelta(hours=LINK_HOURS))
    return reverse("accounts:link", args=[token])


def take_link(token: str) -> User:
    """The person whose unused link this is, and use it up; raises Problem when it is used, too old or unknown."""
    now = timezone.now()
    taken = OneTimeLink.objects.filter(
        token_hash=_hash(token), used=None, expires__gt=now, user__is_active=True
    ).update(used=now)
    link = OneTimeLink.objects.select_related("user").filter(token_hash=_hash(token)).first()
    if taken and link:
        return link.user
    advice = _("Ask an administrator for a new one, or run “bin/manage sign_in_link” on the machine of harborweb.")
    if link is None or not link.user.is_active:
        raise Problem(_("This sign-in link leads nowhere."), advice)
    if link.used:
        raise Problem(_("This sign-in link was used before. Each one works once."), advice)
    raise Problem(_("This sign-in link is too old, or a newer one has replaced it."), advice)


def first_administrator() -> User:
    """An active administrator; makes “admin”, without a password, where there is none."""
    found = User.objects.filter(role=Role.ADMINISTRATOR, is_active=True).order_by("pk").first()
    if found:
        return found
    user, _made = User.objects.get_or_create(username="admin")
    user.role, user.is_active = Role.ADMINISTRATOR, True
    user.set_unusable_password()
    user.save()
    return user


def add_person(username: str, role: Role) -> User:
    """A new person without a password, who comes in by a one-time link; raises Problem when the name is taken."""
    if User.objects.filter(username__iexact=username).exists():
        raise Problem(
            _("There is already a person named %(name)s.") % {"name": username},
            _("Choose another name, or change that person's role below."),
            field="username",
        )
    user = User(username=username, role=role)
    user.set_unusable_password()
    user.save()
    return user


def _keep_an_administrator(person: User, by: User, verb: str) -> None:
    """Raise Problem when taking the administrator's role from `person` would lock everybody, or `by`, out."""
    if person.pk == by.pk:
        raise Problem(verb, _("Ask another administrator to do this, so that nobody locks themselves out."))
    # Locked, so that two administrators cannot demote each other at the same time.
    others = User.objects.select_for_update().filter(role=Role.ADMINISTRATOR, is_active=True).exclude(pk=person.pk)
    if person.may(Role.ADMINISTRATOR) and not list(others):
        raise Problem(
            verb, _("%(name)s is the last administrator. Make another one first.") % {"name": person.username}
        )


@transaction.atomic
def set_role(person: User, role: Role, by: User) -> None:
    """Give `person` the `role`; raises Problem for the last administrator and for oneself."""
    person = User.objects.select_for_update().get(pk=person.pk)
    if role < Role.ADMINISTRATOR:
        _keep_an_administrator(person, by, _("The role was not changed."))
    User.objects.filter(pk=person.pk).update(role=role)


@transaction.atomic
def set_active(person: User, active: bool, by: User) -> None:
    """Let `person` in again, or out; raises Problem for the last administrator and for oneself."""
    person = User.objects.select_for_update().get(pk=person.pk)
    if not active:
        _keep_an_administrator(person, by, _("Nobody was deactivated."))
        OneTimeLink.objects.filter(user=person, used=None).update(expires=timezone.now())
    User.objects.filter(pk=person.pk).update(is_active=active)


def reset_password(person: User, by: User) -> str:
    """Forget the password of `person`, which ends their sessions, and return the path of a new link."""
    if person.pk == by.pk:
        raise Problem(_("Your own password stays."), _("Change it on your account page."))
    person.set_unusable_password()
    person.save(update_fields=["password"])
    return new_link(person)
