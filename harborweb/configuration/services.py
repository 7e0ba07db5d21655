"""The door of configuration: begin a draft, answer its questions, save it as a revision."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

from django.db import transaction
from django.db.models import Max
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from harborweb.accounts.models import User
from harborweb.accounts.services import person, record
from harborweb.configuration import mending
from harborweb.configuration.answers import State, answered, carried, undone
from harborweb.configuration.models import Draft, DraftVersion, Revision, fingerprint
from harborweb.configuration.text.document import Document
from harborweb.configuration.together import Conflict, opened, secrets_kept, touched
from harborweb.errors import Problem
from harborweb.sealing import seal

KEPT_VERSIONS = 200
LARGEST = 1024 * 1024


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

    A text that YAML could read once it is repaired is taken as it is; its pages ask for the repair.
    Raises TextProblem for any other that YAML cannot read, Problem when it is too large, or when it would take
    the place of a draft with changes and `replace` was not said.
    """
    if len(text) > LARGEST:
        raise Problem(_("This file is larger than 1 MB."), _("A harbor.yml has some 10 KB. Choose that file."))
    draft = current_draft()
    if draft is not None and not replace and _has_changes(draft):
        raise Problem(
            _("There is a draft with unsaved changes, and this file would take its place."),
            _("Save or discard the draft first, or tick the box below to replace it."),
            field="replace",
        )
    return _begin(State(text, text, text), origin, based_on=latest_revision(), request=request)


def _has_changes(draft: Draft) -> bool:
    state = state_of(draft)
    return state.text != state.base or (mending.readable(state.text) and bool(state.changes))


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


def save_answers(version: int, answers: Mapping[str, str], request: HttpRequest, kept: str = "") -> Draft:
    """Write answers (key → as typed) into the draft of `version`.

    `kept` is that of an earlier Conflict: passwords typed then and not typed again are taken from it.
    Raises Conflict, which holds what was typed, when the draft is a newer one now or has ended.
    """
    answers = {**answers, **secrets_kept(kept, answers, request)}
    try:
        return change(version, lambda state: answered(state, answers), request)
    except Conflict as conflict:
        base = state_from(conflict.base) if conflict.base else None
        conflict.keep(answers, base, state_of(conflict.draft) if conflict.draft else None, request)
        raise


def take_up(kept: str, request: HttpRequest) -> Draft:
    """Put what was typed before a Conflict into the draft there is, else into one begun from where it was typed.

    That is the latest revision, or the draft that was discarded meanwhile. Raises Problem when `kept` is
    somebody else's, and Conflict when somebody is faster once more.
    """
    content = opened(kept, request)
    draft = current_draft()
    if draft is None:
        base = DraftVersion.objects.filter(version=content["base"]).first()
        end = DraftVersion.objects.exclude(ended="").filter(version__gte=content["base"]).order_by("version").first()
        revision = latest_revision()
        if end is not None and end.ended == DraftVersion.End.SAVED and revision is not None:
            draft = edit_revision(revision, request)
        elif base is not None:
            draft = _begin(state_from(base), base.origin, based_on=revision, request=request)
        else:
            raise Problem(
                _("This draft is gone: it was saved as a revision or discarded."),
                _("Look at the revisions, or begin again."),
            )
    return save_answers(draft.version, content["mine"], request)


def undo(version: int, key: str, request: HttpRequest) -> Draft:
    """Put one answer back to how it stood when the draft began; raises Conflict."""
    return change(version, lambda state: undone(state, key), request)


def discard(version: int, request: HttpRequest) -> None:
    """Throw the draft of `version` away; the revisions stay. Raises Conflict when it is a newer one now."""
    with transaction.atomic():
        draft = _locked(version)
        _end(draft, DraftVersion.End.DISCARDED, request)
        record(request, "discard draft", "harbor.yml")


def save_revision(version: int, note: str, request: HttpRequest, latest: int | None = None) -> Revision:
    """Save the draft of `version` as the next revision and end it.

    `latest` is the number of the newest revision that the page compared with (0: none). Raises Conflict when the draft
    is a newer version now; Problem when there is a newer revision than `latest`, while errors are left, or when
    there is no change to the latest revision.
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
        newest = latest_revision()
        if newest is not None and latest is not None and newest.number != latest:
            raise Problem(
                _("%(who)s saved revision %(number)s after this page was drawn.")
                % {"who": newest.who_name, "number": newest.number},
                _("The page now shows what differs from that. Saving takes the place of it, and keeps it in the list."),
            )
        revision = add_revision(state.text, state.template, state.from_installer, draft.origin, note, request)
        _end(draft, DraftVersion.End.SAVED, request, revision)
    return revision


def add_revision(
    text: str, template: str, from_installer: bool, origin: str, note: str, request: HttpRequest
) -> Revision:
    """Write the next revision, whatever it says; raises Problem when the latest one has the same text."""
    source = (request.META.get("REMOTE_ADDR") or "")[:64]
    revision = write_revision(
        text, template, from_installer, origin, note, who=person(request), who_name=person(request).username,
        source=source,
    )  # fmt: skip
    record(request, "save revision", str(revision), note)
    return revision


def write_revision(
    text: str, template: str, from_installer: bool, origin: str, note: str, *, who: User | None, who_name: str,
    source: str = "",
) -> Revision:  # fmt: skip
    """The row of the next revision; raises Problem when the latest one has the same text."""
    latest = latest_revision()
    if latest is not None and latest.text() == text:
        raise Problem(
            _("Nothing differs from revision %(number)s.") % {"number": latest.number},
            _("Change something, or deploy that revision."),
        )
    return Revision.objects.create(
        number=(Revision.objects.aggregate(last=Max("number"))["last"] or 0) + 1, text_sealed=seal(text, "revision"),
        template_sealed=seal(template, "revision"), from_installer=from_installer, digest=fingerprint(text),
        who=who, who_name=who_name[:150], source=source, origin=origin[:300], note=note.strip()[:500],
    )  # fmt: skip


def _locked(version: int) -> Draft:
    draft = Draft.objects.select_for_update().filter(pk=Draft.ONLY).first()
    if draft is None or draft.version != version:
        conflict = Conflict(draft, version)
        if draft is None and conflict.end is None:
            raise Problem(
                _("This draft is gone: it was saved as a revision or discarded."),
                _("Look at the revisions, or begin again."),
            )
        raise conflict
    return draft


def change(
    version: int, how: Callable[[State], State], request: HttpRequest, keys: Sequence[str] | None = None
) -> Draft:
    """Let `how` change the draft of `version`; `keys` is what is said to be changed, by default what really is.

    Raises Conflict when it is a newer one now, and whatever `how` raises; then nothing is changed.
    """
    with transaction.atomic():
        draft = _locked(version)
        before = state_of(draft)
        after = how(before)
        if after == before:
            return draft
        keys = sorted(touched(before, after)) if keys is None else keys
        draft.put(text=after.text, typed=dict(after.typed))
        if (after.base, after.template) != (before.base, before.template):
            draft.base_sealed, draft.template_sealed = seal(after.base, "draft"), seal(after.template, "draft")
        draft.version += 1
        _remember(draft, after, request, keys)
        draft.save()
        record(request, "edit draft", "harbor.yml", ", ".join(keys))
    return draft


def state_from(row: DraftVersion) -> State:
    """How a draft stood at an earlier version."""
    return State(**row.state())


def _remember(
    draft: Draft, state: State, request: HttpRequest | None, keys: Sequence[str] = (), *, begins: bool = False
) -> None:
    """Note how the draft stands at its version, and forget the oldest versions."""
    draft.changed_by = request.user.get_username() if request else _("harborweb")
    row = DraftVersion(version=draft.version, keys=list(keys), who=draft.changed_by, begins=begins, origin=draft.origin)
    row.put({**asdict(state), "typed": dict(state.typed)})
    row.save()
    DraftVersion.objects.filter(version__lte=draft.version - KEPT_VERSIONS).delete()


def _end(draft: Draft, how: str, request: HttpRequest, revision: Revision | None = None) -> None:
    """Remove the draft, and note on its last version who ended it."""
    DraftVersion.objects.filter(version=draft.version).update(
        ended=how, ended_by=request.user.get_username(), ended_at=timezone.now(), revision=revision
    )
    draft.delete()


def _begin(state: State, origin: str, *, based_on: Revision | None = None, request: HttpRequest | None = None) -> Draft:
    """Put the one draft's row in place; its version is above that of every draft before it."""
    for text in {state.template, state.base, state.text}:
        if state.from_installer or not mending.can_be_mended(text):
            Document(text)  # raises TextProblem before anything is kept
    draft = Draft(
        pk=Draft.ONLY, origin=origin[:300], from_installer=state.from_installer, based_on=based_on,
        base_sealed=seal(state.base, "draft"), template_sealed=seal(state.template, "draft"),
        text_sealed=seal(state.text, "draft"), typed_sealed=seal(json.dumps(dict(state.typed)), "draft"),
    )  # fmt: skip
    with transaction.atomic():
        Draft.objects.select_for_update().filter(pk=Draft.ONLY).first()
        draft.version = (DraftVersion.objects.aggregate(last=Max("version"))["last"] or 0) + 1
        _remember(draft, state, request, begins=True)
        draft.save()
        record(request, "begin draft", "harbor.yml", origin)
    return draft
