"""The door of configuration: begin a draft, answer its questions, save it as a revision."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from harborweb.accounts.models import User
from harborweb.accounts.services import record
from harborweb.configuration.answers import State, answered, carried, undone
from harborweb.configuration.document import Document
from harborweb.configuration.models import Draft, Revision, fingerprint
from harborweb.errors import Problem
from harborweb.sealing import seal

KEPT_CHANGES = 200
LARGEST = 1024 * 1024


class Conflict(Problem):
    """Someone saved the draft after this page was drawn; `changes` says which keys, who and when."""

    def __init__(self, draft: Draft, version: int) -> None:
        changes = [change for change in draft.changes if change["version"] > version]
        who = ", ".join(sorted({str(change["who"]) for change in changes})) or _("somebody")
        super().__init__(
            _("%(who)s saved this draft after this page was drawn.") % {"who": who},
            _("Nothing of this page was saved yet. Look at what changed, then do it again."),
        )
        self.draft = draft
        self.changes: Sequence[Mapping[str, Any]] = [
            {**change, "at": datetime.fromisoformat(change["at"])} for change in changes
        ]


def latest_revision() -> Revision | None:
    """The newest saved harbor.yml."""
    return Revision.objects.order_by("-number").first()


def current_draft() -> Draft | None:
    """The draft that is being edited."""
    return Draft.objects.select_related("based_on").filter(pk=Draft.ONLY).first()


def state_of(draft: Draft) -> State:
    """The draft's content, unsealed."""
    return State(draft.base(), draft.template(), draft.text(), draft.typed(), draft.from_installer)


def start_draft(template_text: str, *, origin: str, request: HttpRequest | None = None) -> Draft:
    """Begin a draft from an installer's harbor.yml.tmpl; `origin` says in words where it came from.

    Answers given before (in the draft that is there, else in the latest revision) are carried over
    where the template has their keys. Raises TextProblem for a template that YAML cannot read.
    """
    state = State(template_text, template_text, template_text, {}, from_installer=True)
    draft, revision = current_draft(), latest_revision()
    if draft is not None:
        old = state_of(draft)
        if old.template == template_text:
            state = State(old.base, template_text, old.text, old.typed, from_installer=True)
        else:
            state = carried(old, state)
        return _begin(state, origin, based_on=draft.based_on, request=request)
    if revision is not None:
        text = revision.text()
        if revision.template() == template_text:
            state = State(text, template_text, text, {}, from_installer=True)
        else:
            state = carried(State(revision.template(), revision.template(), text), state)
    return _begin(state, origin, based_on=revision, request=request)


def import_text(text: str, *, origin: str, request: HttpRequest, replace: bool = False) -> Draft:
    """Begin a draft from a harbor.yml or harbor.yml.tmpl as it is.

    Raises TextProblem where YAML cannot read it, Problem when it is too large, or when it would take
    the place of a draft with changes and `replace` was not said.
    """
    if len(text) > LARGEST:
        raise Problem(_("This file is larger than 1 MB."), _("A harbor.yml has some 10 KB. Choose that file."))
    draft = current_draft()
    if draft is not None and not replace and state_of(draft).changed_keys():
        raise Problem(
            _("There is a draft with unsaved changes, and this file would take its place."),
            _("Save or discard the draft first, or tick the box below to replace it."),
            field="replace",
        )
    return _begin(State(text, text, text), origin, based_on=latest_revision(), request=request)


def edit_revision(revision: Revision, request: HttpRequest) -> Draft:
    """Begin a draft from a saved revision; a draft that is there must be saved or discarded before."""
    if current_draft() is not None:
        raise Problem(
            _("There is a draft with unsaved changes."), _("Save it as a revision or discard it, then edit this one.")
        )
    text = revision.text()
    state = State(text, revision.template(), text, {}, from_installer=revision.from_installer)
    origin = _("revision %(number)s") % {"number": revision.number}
    return _begin(state, origin, based_on=revision, request=request)


def save_answers(version: int, answers: Mapping[str, str], request: HttpRequest) -> Draft:
    """Write answers (key → as typed) into the draft of `version`; raises Conflict when it is a newer one now."""
    return _change(version, lambda state: answered(state, answers), request)


def undo(version: int, key: str, request: HttpRequest) -> Draft:
    """Put one answer back to how it stood when the draft began; raises Conflict."""
    return _change(version, lambda state: undone(state, key), request)


def discard(version: int, request: HttpRequest) -> None:
    """Throw the draft of `version` away; the revisions stay. Raises Conflict when it is a newer one now."""
    with transaction.atomic():
        _locked(version).delete()
        record(request, "discard draft", "harbor.yml")


def save_revision(version: int, note: str, request: HttpRequest) -> Revision:
    """Save the draft of `version` as the next revision and end it.

    Raises Conflict when it is a newer version now; Problem while errors are left, or when there is no
    change to the latest revision.
    """
    with transaction.atomic():
        draft = _locked(version)
        state = state_of(draft)
        errors = sum(fault.severity == "error" for fault in state.faults())
        if errors:
            raise Problem(
                _("This harbor.yml has problems that have to be solved before it is saved."),
                _("They are listed here, each with the way to its question."),
            )
        latest = latest_revision()
        if latest is not None and latest.text() == state.text:
            raise Problem(
                _("Nothing differs from revision %(number)s.") % {"number": latest.number},
                _("Change something, or deploy that revision."),
            )
        person = request.user if isinstance(request.user, User) else None
        revision = Revision.objects.create(
            number=(Revision.objects.aggregate(last=Max("number"))["last"] or 0) + 1,
            text_sealed=seal(state.text, "revision"),
            template_sealed=seal(state.template, "revision"),
            from_installer=state.from_installer,
            digest=fingerprint(state.text),
            who=person,
            who_name=request.user.get_username(),
            source=(request.META.get("REMOTE_ADDR") or "")[:64],
            origin=draft.origin,
            note=note.strip()[:500],
        )
        draft.delete()
        record(request, "save revision", str(revision), note)
    return revision


def _locked(version: int) -> Draft:
    draft = Draft.objects.select_for_update().filter(pk=Draft.ONLY).first()
    if draft is None:
        raise Problem(
            _("This draft is gone: it was saved as a revision or discarded."),
            _("Look at the revisions, or begin again."),
        )
    if draft.version != version:
        raise Conflict(draft, version)
    return draft


def _change(version: int, how: Callable[[State], State], request: HttpRequest) -> Draft:
    with transaction.atomic():
        draft = _locked(version)
        before = state_of(draft)
        after = how(before)
        if after == before:
            return draft
        keys = sorted(_touched(before, after))
        draft.put(text=after.text, typed=dict(after.typed))
        draft.version += 1
        _remember(draft, keys, request)
        draft.save()
        record(request, "edit draft", "harbor.yml", ", ".join(keys))
    return draft


def _touched(before: State, after: State) -> set[str]:
    """Keys whose value, or whose answer as typed, is another now."""
    old, new = before.document, after.document
    keys = {".".join(path) for path in old.tree.entries.keys() | new.tree.entries.keys()}
    scalars = {key for key in keys if "scalar" in (old.kind(key), new.kind(key))}
    touched = {key for key in scalars if old.has(key) != new.has(key) or old.get(key) != new.get(key)}
    typed = before.typed.keys() | after.typed.keys()
    return touched | {key for key in typed if before.typed.get(key) != after.typed.get(key)}


def _remember(draft: Draft, keys: list[str], request: HttpRequest | None) -> None:
    who = request.user.get_username() if request else _("harborweb")
    draft.changed_by = who
    change = {"version": draft.version, "keys": keys, "who": who, "at": timezone.now().isoformat()}
    draft.changes = [*draft.changes, change][-KEPT_CHANGES:]


def _begin(state: State, origin: str, *, based_on: Revision | None = None, request: HttpRequest | None = None) -> Draft:
    """Put the one draft's row in place, with a version above that of the draft it replaces."""
    Document(state.template), Document(state.base), Document(state.text)  # raises TextProblem before anything is kept
    draft = Draft(
        pk=Draft.ONLY, origin=origin[:300], from_installer=state.from_installer, based_on=based_on,
        base_sealed=seal(state.base, "draft"), template_sealed=seal(state.template, "draft"),
        text_sealed=seal(state.text, "draft"), typed_sealed=seal(json.dumps(dict(state.typed)), "draft"),
    )  # fmt: skip
    with transaction.atomic():
        before = Draft.objects.select_for_update().filter(pk=Draft.ONLY).first()
        draft.version = before.version + 1 if before else 1
        draft.changes = before.changes if before else []
        _remember(draft, [], request)
        draft.save()
        record(request, "begin draft", "harbor.yml", origin)
    return draft
