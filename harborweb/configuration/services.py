"""The door of configuration: begin a draft, answer its questions, save it as a revision."""

import json

from django.db import transaction
from django.http import HttpRequest

from harborweb.accounts.services import record
from harborweb.configuration.document import Document
from harborweb.configuration.models import Draft, Revision
from harborweb.sealing import seal


def latest_revision() -> Revision | None:
    """The newest saved harbor.yml."""
    return Revision.objects.order_by("-number").first()


def current_draft() -> Draft | None:
    """The draft that is being edited."""
    return Draft.objects.select_related("based_on").filter(pk=Draft.ONLY).first()


def start_draft(template_text: str, *, origin: str, request: HttpRequest | None = None) -> Draft:
    """Begin a draft from an installer's harbor.yml.tmpl; `origin` says in words where it came from.

    Answers of the draft that is there (or of the latest revision) are carried over where the
    template has their keys. Raises reading.TextProblem for a template that YAML cannot read.
    """
    return _begin(template_text, template_text, origin=origin, from_installer=True, request=request)


def _begin(
    text: str,
    template: str,
    *,
    origin: str,
    from_installer: bool,
    based_on: Revision | None = None,
    request: HttpRequest | None = None,
) -> Draft:
    Document(text)
    draft = Draft(
        pk=Draft.ONLY, origin=origin[:300], from_installer=from_installer, based_on=based_on,
        base_sealed=seal(text, "draft"), template_sealed=seal(template, "draft"),
        text_sealed=seal(text, "draft"), typed_sealed=seal(json.dumps({}), "draft"),
        changed_by=request.user.get_username() if request else "",
    )  # fmt: skip
    with transaction.atomic():
        before = Draft.objects.select_for_update().filter(pk=Draft.ONLY).first()
        draft.version = before.version + 1 if before else 1
        draft.save()
        record(request, "begin draft", "harbor.yml", origin)
    return draft
