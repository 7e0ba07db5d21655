"""A list of digests to be signed with one key, each with what has become of it."""

from collections.abc import Callable, Mapping

from django.db import models
from django.db.models import Count, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from harborweb.jobs.models import Job
from harborweb.registry.models import Registry
from harborweb.signing import formats


class BulkSigning(models.Model):
    """Many digests of one registry, one key, one will.

    `look_job` has looked what there is to do (the preview), `job` is the last that signed. Both may die: what is done
    stands in the items, and the next one goes on from there.
    """

    registry = models.ForeignKey(Registry, on_delete=models.CASCADE, related_name="bulk_signings")
    key = models.ForeignKey("signing.Key", null=True, on_delete=models.SET_NULL, related_name="bulk_signings")
    key_name = models.CharField(max_length=80)
    title = models.CharField(max_length=200)
    query = models.CharField(max_length=1000, blank=True)  # of the page where they were chosen
    signer = models.CharField(max_length=150)  # who asked: signed as an annotation
    annotations: "models.JSONField[dict[str, str], dict[str, str]]" = models.JSONField(default=dict)  # people's own
    expires = models.DateTimeField(null=True)
    formats: "models.JSONField[list[str], list[str]]" = models.JSONField(default=list)
    format_reason = models.CharField(max_length=300, blank=True)
    recursive = models.BooleanField(default=True)
    created = models.DateTimeField(auto_now_add=True)
    look_job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")

    get_absolute_url: Callable[[], str]  # of a page in a room above: settings.ABSOLUTE_URL_OVERRIDES

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.title

    @property
    def active(self) -> Job | None:
        """The job that works on it now, if any."""
        return next((one for one in (self.job, self.look_job) if one is not None and not one.settled), None)

    @property
    def format_words(self) -> str:
        """The formats by name."""
        return formats.words(self.formats)

    def counts(self) -> Mapping[str, int]:
        """How many items are in each state, in the order of the states."""
        rows = self.items.order_by().values_list("state").annotate(n=Count("pk"))
        found = dict(rows)
        return {state: found.get(state, 0) for state in BulkItem.State.values}

    def left(self) -> int:
        """How many are neither signed nor found not to be signed."""
        return self.items.filter(state__in=BulkItem.OPEN).count()


class BulkItem(models.Model):
    """One digest.

    waiting ─ a job claims it ▶ signing ─ written, and read back ▶ signed
       │                          └─ its key's signature was there ▶ already     (looked for before each writing)
       ├─ its key's signature was there ▶ already
       ├─ its tag points elsewhere ▶ moved
       └─ the registry or its bytes said no ▶ failed ─ a person tries again ▶ waiting

    Claimed by a conditional UPDATE, before the attempt. One that a killed worker left at "signing" is looked for in
    the registry by whoever goes on.
    """

    class State(models.TextChoices):
        WAITING = "waiting", gettext_lazy("To be signed")
        SIGNING = "signing", gettext_lazy("Being signed")
        SIGNED = "signed", gettext_lazy("Signed")
        ALREADY = "already", gettext_lazy("Already signed by this key")
        MOVED = "moved", gettext_lazy("The tag moved")
        FAILED = "failed", gettext_lazy("Not signed")

    OPEN = (State.WAITING, State.SIGNING)

    bulk = models.ForeignKey(BulkSigning, on_delete=models.CASCADE, related_name="items")
    repository = models.CharField(max_length=512)
    digest = models.CharField(max_length=140)
    tag = models.CharField(max_length=128, blank=True)
    parent = models.CharField(max_length=140, blank=True)  # the index that brought it here; its tag is not looked at
    verdict = models.CharField(max_length=20, blank=True)  # the audit's, when it was chosen
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    looked = models.BooleanField(default=False)  # an index has brought its children
    reason = models.CharField(max_length=500, blank=True)
    time = models.DateTimeField(null=True)  # that is signed: of the first attempt, so that a second writes the same
    written: "models.JSONField[dict[str, str], dict[str, str]]" = models.JSONField(default=dict)  # by format: manifest

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["bulk", "state"], name="bulk_item_by_state")]
        constraints = [
            models.UniqueConstraint(fields=["bulk", "repository", "digest"], name="one_item_per_digest"),
            models.CheckConstraint(condition=~Q(digest=""), name="bulk_item_has_digest"),
        ]

    def __str__(self) -> str:
        return f"{self.repository}@{self.digest}"

    @property
    def shape(self) -> str:
        """The shape beside its state's word."""
        return {"waiting": "requested", "signing": "running", "signed": "good", "already": "off", "moved": "warn"}.get(
            self.state, "bad"
        )

    @property
    def word(self) -> str:
        """Its state, which before anybody has looked is not known."""
        return str(self.State(self.state).label) if self.looked or self.state != "waiting" else _("Not looked at yet")
