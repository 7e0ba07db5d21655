"""The door of revisions: compare, restore, show the secrets, hand out the file, take in the one in use."""

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest
from django.utils.translation import gettext as _

from harborweb.accounts.services import record
from harborweb.configuration.models import OnDisk, Revision, fingerprint
from harborweb.configuration.services import add_revision, current_draft, latest_revision
from harborweb.configuration.text.document import Document
from harborweb.configuration.veil import is_secret, masked_lines
from harborweb.errors import Problem
from harborweb.sealing import seal

DRAFT, DISK = "draft", "disk"


@dataclass(frozen=True)
class Side:
    """One of the two texts of a comparison."""

    name: str  # a revision's number, "draft" or "disk"
    title: str
    text: str


def side(name: str) -> Side | None:
    """The text that `name` stands for: a revision's number, `draft` or `disk`; None when there is none."""
    if name == DRAFT:
        draft = current_draft()
        return Side(name, _("the draft"), draft.text()) if draft else None
    if name == DISK:
        found = on_disk()
        return Side(name, _("the file on disk"), found.text()) if found else None
    if not (name.isascii() and name.isdigit() and len(name) < 10):
        return None
    revision = Revision.objects.filter(number=int(name)).first()
    return Side(name, _("revision %(number)s") % {"number": revision.number}, revision.text()) if revision else None


def sides() -> list[tuple[str, str]]:
    """Everything that can be compared, for a select: name, title."""
    found = []
    if current_draft():
        found.append((DRAFT, _("The draft")))
    if on_disk():
        found.append((DISK, _("The file on disk")))
    numbers = Revision.objects.values_list("number", "note")
    return found + [
        (str(number), _("Revision %(number)s") % {"number": number} + (f" – {note[:60]}" if note else ""))
        for number, note in numbers
    ]


def on_disk() -> OnDisk | None:
    """The harbor.yml in the folder of what runs, as the host worker read it last."""
    return OnDisk.objects.filter(pk=OnDisk.ONLY).first()


def seen_on_disk(path: str, data: bytes, changed: datetime) -> OnDisk:
    """Keep what the host worker read. A text that is the one kept already is not sealed again."""
    digest = fingerprint(data.decode(errors="backslashreplace"))
    kept = on_disk()
    if kept is not None and (kept.path, kept.digest, kept.changed) == (path, digest, changed):
        return kept
    row = OnDisk(pk=OnDisk.ONLY, path=path[:1100], text_sealed=seal(data, "on disk"), digest=digest, changed=changed)
    row.save()
    return row


def not_on_disk() -> None:
    """The host worker found no harbor.yml, or may not read it: forget the one it saw before."""
    OnDisk.objects.all().delete()


def with_text(text: str) -> Revision | None:
    """The newest revision that says exactly this."""
    return Revision.objects.filter(digest=fingerprint(text)).first()


def restore(revision: Revision, note: str, request: HttpRequest) -> Revision:
    """Save an old revision's text as the newest revision, byte for byte.

    Raises Problem when the latest one says the same, or while a draft is open, which would silently undo this.
    """
    if current_draft() is not None:
        raise Problem(
            _("There is a draft with unsaved changes."),
            _("Save it as a revision or discard it, then restore this one; else the draft would undo it again."),
        )
    origin = _("revision %(number)s") % {"number": revision.number}
    note = note or _("Restored revision %(number)s") % {"number": revision.number}
    restored = add_revision(revision.text(), revision.template(), revision.from_installer, origin, note, request)
    record(request, "restore revision", str(revision), str(restored))
    return restored


def take_from_disk(digest: str, request: HttpRequest) -> Revision:
    """Save the file on disk as the newest revision; `digest` is that of the text the page showed.

    Raises Problem when the file is another one meanwhile, or is no harbor.yml.
    """
    found = on_disk()
    if found is None or found.digest != digest:
        raise Problem(
            _("The file on disk has changed since this page was drawn."),
            _("Look at what it says now, then do it again."),
        )
    try:
        text = found.data().decode()
    except UnicodeDecodeError as error:
        raise Problem(_("The file on disk is no text in UTF-8."), _("Mend it on the host.")) from error
    Document(text)  # raises TextProblem that names the line
    latest = latest_revision()
    template, ours = (latest.template(), latest.from_installer) if latest else (text, False)
    origin = _("%(path)s, changed outside harborweb") % {"path": found.path}
    return add_revision(text, template, ours, origin, _("Taken over from the file on disk"), request)


def reveal(revision: Revision, request: HttpRequest) -> list[tuple[str, str, int]]:
    """Every live value that pages mask: key, value, line. Recorded in the activity trail before anything is shown."""
    document = Document(revision.text())
    shown = masked_lines(document)
    found = []
    for entry in document.tree.entries.values():
        line = document.tree.line(entry.key_start)
        masks = shown[line - 1] != document.lines[line - 1].rstrip("\r\n")
        if entry.kind == "scalar" and entry.content != "" and (masks or is_secret(entry.path)):
            found.append((".".join(entry.path), entry.content, line))
    record(request, "reveal secrets", str(revision), ", ".join(key for key, _value, _line in found))
    return found


def export(revision: Revision, request: HttpRequest) -> bytes:
    """The whole harbor.yml of a revision with its secrets, byte for byte; recorded in the activity trail."""
    record(request, "export harbor.yml", str(revision), "with secrets")
    return revision.text().encode()
