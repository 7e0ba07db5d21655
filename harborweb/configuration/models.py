"""What the operator wants: one draft that is being edited, and the revisions that were saved."""

import json
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

    `version` counts the saves: whoever saves on top of an older version is told what changed
    meanwhile. `changes` remembers which keys each save touched, never a value.
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
    changes: "models.JSONField[list[dict[str, Any]], list[dict[str, Any]]]" = models.JSONField(default=list)
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
