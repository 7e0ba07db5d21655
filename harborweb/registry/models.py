"""A registry that people of this installation work with, and the robots that harborweb made in it."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Self

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from harborweb import sealing
from harborweb.registry.endpoint import Endpoint

PASSWORD_PURPOSE = "registry-password"  # noqa: S105 (a purpose, no password)
ROBOT_PURPOSE = "robot-secret"
RENEW = timedelta(days=14)  # so long before it expires a robot is replaced, or somebody is asked to


class Registry(models.Model):
    """One registry: address, credentials (the password sealed), how far it is trusted, and what was last seen of it."""

    class Kind(models.TextChoices):
        UNKNOWN = "", _("not looked at yet")
        HARBOR = "harbor", _("Harbor")
        OTHER = "registry", _("registry")

    name = models.CharField(_("name"), max_length=80, unique=True)
    url = models.CharField(_("address"), max_length=300)
    username = models.CharField(_("user name"), max_length=255, blank=True)
    password_sealed = models.BinaryField(blank=True, default=b"")
    allow_http = models.BooleanField(_("allow plain http"), default=False)
    ca_pem = models.TextField(_("own CA certificate"), blank=True)
    # Where the signatures of its images are (COSIGN_REPOSITORY): a repository here or in another registry; empty:
    # beside each image
    signatures_repository = models.CharField(_("repository of the signatures"), max_length=255, blank=True)
    signatures_registry = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created = models.DateTimeField(auto_now_add=True)
    # How much a sweep may ask of it, all workers together; 0: as much as each worker's own bounds allow
    at_once = models.PositiveIntegerField(_("requests at once"), default=0)
    per_second = models.PositiveIntegerField(_("requests a second"), default=0)
    # The robots in use, by purpose: user name, sealed secret, when it expires. Kept equal to `robots` by
    # `use_robots`, so that a client can be opened where no database may be asked.
    accounts: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)

    # What was seen when it was last looked at
    kind = models.CharField(max_length=10, choices=Kind.choices, blank=True, default=Kind.UNKNOWN)
    version = models.CharField(max_length=40, blank=True)  # Harbor's, such as 2.15.2; told only to who signed in
    account = models.CharField(max_length=20, blank=True)  # system.Kind: who Harbor takes us for
    components: "models.JSONField[list[Any], list[Any]]" = models.JSONField(default=list)  # name, healthy, error
    healthy = models.BooleanField(null=True)
    seen = models.DateTimeField(null=True)  # it answered
    looked = models.DateTimeField(null=True)  # it was asked
    fault = models.TextField(blank=True)  # why it did not answer when it was last asked
    rights: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)  # probing.Found

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def host(self) -> str:
        """Host and port as they stand in an image reference."""
        return Endpoint(self.url, allow_http=True).host

    @property
    def is_harbor(self) -> bool:
        """Whether it was seen to be a Harbor."""
        return self.kind == self.Kind.HARBOR

    @property
    def state(self) -> tuple[str, str]:
        """Shape and word for what was last seen."""
        if self.fault:
            return "bad", gettext("Does not answer")
        if self.looked is None:
            return "off", gettext("Not looked at yet")
        if self.healthy is False:
            return "warn", gettext("Parts are not healthy")
        return "good", gettext("Healthy") if self.is_harbor and self.healthy else gettext("Answers")

    @property
    def robots_in_use(self) -> "list[Robot]":
        """Our robots that work there."""
        return [one for one in self.robots.all() if one.state == Robot.State.READY]

    @property
    def soonest(self) -> "Robot | None":
        """The robot in use that expires first."""
        dated = [(one.expires, one.pk, one) for one in self.robots_in_use if one.expires]
        return min(dated)[2] if dated else None

    @classmethod
    def from_db(cls, db: str | None, field_names: Collection[str], values: Collection[Any], **more: Any) -> Self:
        """Load the registry of the signatures with it: endpoints are made where no database may be asked."""
        row = super().from_db(db, field_names, values, **more)
        if "signatures_registry_id" in field_names and row.signatures_registry_id:
            others = cls._base_manager.using(db).defer("signatures_registry")
            row.signatures_registry = others.get(pk=row.signatures_registry_id)
        return row

    def endpoint(self) -> Endpoint:
        """For reading: our robot that reads, else what was typed; raises Problem when another app secret sealed it."""
        return self._with_signatures(Robot.Purpose.READ)

    def signing_endpoint(self) -> Endpoint:
        """For signing: our robot that signs, else what was typed."""
        return replace(self._with_signatures(Robot.Purpose.SIGN), signs=True)

    def shown_endpoint(self) -> Endpoint:
        """For commands that people read: nobody signs in, nothing is unsealed."""
        here, there = Endpoint(self.url, allow_http=True, ca_pem=self.ca_pem), self.signatures_registry
        if not self.signatures_repository:
            return here
        other = Endpoint(there.url, allow_http=True, ca_pem=there.ca_pem) if there else None
        return replace(here, signatures_repository=self.signatures_repository, signatures_at=other)

    def _with_signatures(self, purpose: "Robot.Purpose") -> Endpoint:
        """As who does that here, and as who does it where the signatures are."""
        here = self._alone(purpose)
        if not self.signatures_repository:
            return here
        there = self.signatures_registry._alone(purpose) if self.signatures_registry else None
        return replace(here, signatures_repository=self.signatures_repository, signatures_at=there)

    def _alone(self, purpose: "Robot.Purpose") -> Endpoint:
        return self._as_robot(purpose) or self.own_endpoint()

    def own_endpoint(self) -> Endpoint:
        """With the user name and password that were typed for this registry: for what our robots may not."""
        password = ""
        if self.password_sealed:
            password = sealing.unseal(self.password_sealed, PASSWORD_PURPOSE).decode()
        return self.endpoint_as(self.username, password)

    def endpoint_as(self, username: str, password: str) -> Endpoint:
        """The same registry, as somebody else."""
        return Endpoint(self.url, username=username, password=password, allow_http=self.allow_http, ca_pem=self.ca_pem)

    def _as_robot(self, purpose: "Robot.Purpose") -> Endpoint | None:
        username, sealed, expires = self.accounts.get(purpose, ("", "", None))
        if not username or (expires and datetime.fromisoformat(expires) <= timezone.now()):
            return None
        return self.endpoint_as(username, sealing.unseal(sealed.encode(), ROBOT_PURPOSE).decode())

    def use_robots(self) -> None:
        """Read and sign as the robots that are in use now; to be called in the transaction that changes them."""
        self.accounts = {
            one.purpose: [one.username, bytes(one.secret_sealed).decode(), one.expires and one.expires.isoformat()]
            for one in self.robots.filter(state=Robot.State.READY)
        }
        self.save(update_fields=["accounts"])

    def robot(self, purpose: "Robot.Purpose") -> "Robot | None":
        """The robot in use for `purpose`."""
        return self.robots.filter(purpose=purpose, state=Robot.State.READY).first()


class Robot(models.Model):
    """A robot account of ours in a Harbor. The row is written before Harbor is asked to make it.

    making ─ made, stored, proven ─▶ ready ─ a newer one took over ─▶ retiring ─ deleted in Harbor ─▶ (no row)
       └─ found again by its name, deleted in Harbor ─▶ (no row)          └─ Harbor refused ─▶ left to expire
    """

    class Purpose(models.TextChoices):
        READ = "read", _("reads")
        SIGN = "sign", _("signs")
        KEEP = "keep", _("renews")

    class State(models.TextChoices):
        MAKING = "making", _("Half made")
        READY = "ready", _("In use")
        RETIRING = "retiring", _("Replaced, to be deleted")
        LEFT = "left", _("Left in Harbor")

    registry = models.ForeignKey(Registry, on_delete=models.CASCADE, related_name="robots")
    purpose = models.CharField(max_length=8, choices=Purpose.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.MAKING)
    name = models.CharField(max_length=80)  # ours, without Harbor's prefix
    username = models.CharField(max_length=255, blank=True)  # as one signs in: robot$name
    number = models.PositiveBigIntegerField(null=True)  # Harbor's id; None until Harbor told it
    secret_sealed = models.BinaryField(blank=True, default=b"")
    days = models.PositiveIntegerField(default=90)
    expires = models.DateTimeField(null=True)
    made = models.DateTimeField(auto_now_add=True)
    rights: "models.JSONField[list[Any], list[Any]]" = models.JSONField(default=list)  # Harbor's permissions
    note = models.TextField(blank=True)  # why it was left

    class Meta:
        ordering = ["purpose", "-made"]
        constraints = [
            models.UniqueConstraint(
                fields=["registry", "purpose"], condition=models.Q(state="ready"), name="one_robot_in_use"
            )
        ]

    def __str__(self) -> str:
        return self.username or self.name

    @property
    def expired(self) -> bool:
        """Whether its secret works no more."""
        return self.expires is not None and self.expires <= timezone.now()

    @property
    def due(self) -> bool:
        """Whether it is time to replace it."""
        return self.expires is not None and self.expires - RENEW <= timezone.now()

    @property
    def days_left(self) -> int | None:
        """Whole days until it expires; None for never."""
        return max(0, (self.expires - timezone.now()).days) if self.expires else None

    @property
    def projects(self) -> list[str]:
        """Where its rights hold; empty for every project."""
        found = [str(one.get("namespace")) for one in self.rights if one.get("kind") == "project"]
        return [] if "*" in found else sorted(found)

    def secret(self) -> str:
        """Its secret; raises Problem when another app secret sealed it."""
        return sealing.unseal(self.secret_sealed, ROBOT_PURPOSE).decode()

    def endpoint(self) -> Endpoint:
        """The registry as this robot."""
        return self.registry.endpoint_as(self.username, self.secret())
