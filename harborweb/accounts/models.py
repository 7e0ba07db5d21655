"""People, their one-time links and the activity trail."""

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _

from harborweb.accounts.roles import Role


class User(AbstractUser):
    """A person who signs in, with one role."""

    role = models.PositiveSmallIntegerField(_("role"), choices=Role.choices, default=Role.VIEWER)

    def may(self, role: Role) -> bool:
        """Whether this person has `role` or a higher one."""
        return self.is_active and self.role >= role


class OneTimeLink(models.Model):
    """A sign-in link that works once, for a day; only its hash is stored."""

    user = models.ForeignKey(User, on_delete=models.CASCADE)
    token_hash = models.CharField(max_length=64, unique=True)
    created = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField()
    used = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"link of {self.user}"


class Activity(models.Model):
    """Who did what to what, when, from where. Written once, never changed."""

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    user = models.ForeignKey(User, null=True, on_delete=models.SET_NULL)
    who = models.CharField(max_length=150)
    source = models.CharField(max_length=64, blank=True)
    action = models.CharField(max_length=64)
    subject = models.CharField(max_length=512)
    detail = models.CharField(max_length=1024, blank=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.who}: {self.action} {self.subject}"
