"""What the operator wants: one draft that is being edited, the revisions that were saved, the file that is in use."""

import json
import zlib
from typing import Any

from django.conf import settings
from django.db import models
from django.utils.crypto import salted_hmac

from harborweb.sealing import seal, unseal


def fingerprint(text: str) -> str:
    """A keyed digest: equal for equal texts, and no help to whoever guesses a password from the database."""
    return salted_hmac("harborweb.configuration", text, algorithm="sha256").hexdigest()


class Revision(models.Model):
    """A saved harbor.yml; written once, never changed. Text and template hold passwords, so both are sealed."""

    number = models.PositiveIntegerField(unique=True)
    text_sealed = models.BinaryField()
    template_sealed = models.BinaryField()
    from_installer = models.BooleanField()  # the template is an installer's: keys it lacks are not offered
    digest = models.CharField(max_length=64)  # keyed, see fingerprint()
    created = models.DateTimeField(auto_now_add=True)
    who = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    who_name = models.CharField(max_length=150)
    source = models.CharField(max_length=64, blank=True)  # the address it was saved from
    origin = models.CharField(max_length=300)  # what it was made from: an installer, a file, a revision
    note = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"revision {self.number}"

    def text(self) -> str:
        """The whole harbor.yml, with its passwords."""
        return unseal(self.text_sealed, "revision").decode()

    def template(self) -> str:
        """The text it was made from."""
        return unseal(self.template_sealed, "revision").decode()


class Draft(models.Model):
    """The harbor.yml that is being edited; there is at most one, and all operators share it.

    `version` counts the saves, also over drafts: whoever saves on top of an older version is told what
    changed meanwhile. DraftVersion remembers how each version stood.
    """

    ONLY = 1

    base_sealed = models.BinaryField()  # the text when the draft began: "changed from" means from this
    template_sealed = models.BinaryField()
    text_sealed = models.BinaryField()
    typed_sealed = models.BinaryField()  # JSON: answers that cannot stand in a harbor.yml, kept as typed
    from_installer = models.BooleanField(default=False)
    origin = models.CharField(max_length=300)
    based_on = models.ForeignKey(Revision, null=True, on_delete=models.SET_NULL)
    version = models.PositiveIntegerField(default=1)
    changed = models.DateTimeField(auto_now=True)
    changed_by = models.CharField(max_length=150, blank=True)

    def __str__(self) -> str:
        return f"draft, version {self.version}"

    def base(self) -> str:
        """The text when the draft began."""
        return unseal(self.base_sealed, "draft").decode()

    def template(self) -> str:
        """The installer's template, or the imported text."""
        return unseal(self.template_sealed, "draft").decode()

    def text(self) -> str:
        """The harbor.yml as it stands now, with its passwords."""
        return unseal(self.text_sealed, "draft").decode()

    def typed(self) -> dict[str, str]:
        """Answers that could not be written into the text, and the choice where TLS ends, by key."""
        answers: dict[str, str] = json.loads(unseal(self.typed_sealed, "draft"))
        return answers

    def put(self, *, text: str | None = None, typed: dict[str, str] | None = None) -> None:
        """Seal new content into the row (which is not saved by this)."""
        if text is not None:
            self.text_sealed = seal(text, "draft")
        if typed is not None:
            self.typed_sealed = seal(json.dumps(typed), "draft")


class DraftVersion(models.Model):
    """How a draft stood after one save, so that two people's edits can be told apart (issue 4, section 4).

    Kept sealed, also after the draft has ended; `keys` names what the save touched, never a value.
    """

    class End(models.TextChoices):
        SAVED = "saved"
        DISCARDED = "discarded"

    version = models.PositiveIntegerField(unique=True)
    state_sealed = models.BinaryField()
    origin = models.CharField(max_length=300)
    keys: "models.JSONField[list[str], list[str]]" = models.JSONField(default=list)
    begins = models.BooleanField(default=False)  # the first version of a draft
    who = models.CharField(max_length=150)
    at = models.DateTimeField(auto_now_add=True)
    ended = models.CharField(max_length=9, choices=End.choices, blank=True)
    ended_by = models.CharField(max_length=150, blank=True)
    ended_at = models.DateTimeField(null=True)
    revision = models.ForeignKey(Revision, null=True, on_delete=models.SET_NULL, related_name="+")  # it was saved as

    class Meta:
        ordering = ["-version"]

    def __str__(self) -> str:
        return f"draft version {self.version}"

    def put(self, state: dict[str, Any]) -> None:
        """Seal the draft's content; it is three texts that are nearly the same, so it is packed first."""
        self.state_sealed = seal(zlib.compress(json.dumps(state).encode()), "draft version")

    def state(self) -> dict[str, Any]:
        """The draft's content as `put` got it."""
        content: dict[str, Any] = json.loads(zlib.decompress(unseal(self.state_sealed, "draft version")))
        return content


class OnDisk(models.Model):
    """The harbor.yml in the folder of what runs, as the host worker read it last; one row. It holds passwords."""

    ONLY = 1

    path = models.CharField(max_length=1100)
    text_sealed = models.BinaryField()
    digest = models.CharField(max_length=64)  # see fingerprint()
    changed = models.DateTimeField()  # the file's mtime
    seen = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.path

    def text(self) -> str:
        """The whole file; what is no UTF-8 in it is replaced."""
        return unseal(self.text_sealed, "on disk").decode(errors="replace")

    def data(self) -> bytes:
        """The whole file, byte by byte."""
        return unseal(self.text_sealed, "on disk")
