"""What the pages say of drift: each finding in words, with what to do and a diff, secrets masked. Reads rows only."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from harborweb.configuration import diff as texts
from harborweb.configuration import revisions
from harborweb.configuration import services as configuration
from harborweb.configuration.diff import Diff
from harborweb.configuration.models import Revision
from harborweb.configuration.text.document import Document
from harborweb.configuration.text.reading import TextProblem
from harborweb.deployment import drift, rendered_text, wanted
from harborweb.deployment.models import Deployment, Drift
from harborweb.errors import Problem
from harborweb.tools import process

MOST_NAMES = 4


@dataclass(frozen=True)
class FileDiff:
    """One file that differs: what differs in it, or why that cannot be shown."""

    path: str
    words: str
    diff: Diff | None


@dataclass(frozen=True)
class Note:
    """One finding: what, why, what to do; buttons; diffs."""

    kind: str
    state: str  # bad, warn, unsure, info
    title: str
    text: str
    files: tuple[FileDiff, ...] = ()
    links: tuple[tuple[str, str], ...] = ()  # address, words
    take_digest: str = ""  # the file on disk may be taken as a revision
    command: str = ""  # what to type on the host

    @property
    def summary(self) -> str:
        """What the fold with the files is called."""
        if self.kind == "containers":
            return _("Which containers, and which files")
        if len(self.files) == 1:
            return _("What differs in %(path)s") % {"path": self.files[0].path}
        return _("What differs in %(n)d files") % {"n": len(self.files)}


@dataclass(frozen=True)
class Report:
    """All that is to be said, and when the host worker looked."""

    notes: tuple[Note, ...]
    drift: Drift | None
    deployment: Deployment | None

    @property
    def state(self) -> str:
        """The worst of the notes."""
        states = {note.state for note in self.notes}
        return next((state for state in ("bad", "warn", "unsure", "info") if state in states), "good")


def report() -> Report:
    """What differs between what was deployed and what is on the host; no notes when all is well."""
    deployment = drift.standing()
    if deployment is None:
        return Report((), None, None)
    seen = Drift.objects.filter(pk=Drift.ONLY, deployment=deployment).first()
    notes: list[Note] = []
    try:
        if seen is not None:
            for finding in seen.findings:
                notes += _note(finding, seen, deployment)
        notes += _newer(deployment)
    except Problem as problem:  # sealed with another app secret
        notes.append(Note("unreadable", "unsure", problem.message, problem.advice))
    return Report(tuple(notes), seen, deployment)


def _note(finding: dict[str, Any], seen: Drift, deployment: Deployment) -> Iterator[Note]:
    kind = finding["kind"]
    path = Path(deployment.installer.path)
    if kind == "text":
        yield _text(finding, deployment)
    elif kind == "mode":
        command = process.shown(("chmod", "600", str(path / "harbor.yml")))
        yield Note(
            kind, "warn", _("Others on the host may read harbor.yml."),
            _("Its mode is %(mode)s, and it holds passwords. It should be 0600: owner only. The next deployment sets "
              "that; or type it on the host now.") % finding, command=command,
        )  # fmt: skip
    elif kind == "prepare":
        yield _prepare(finding, foreign=any(one["kind"] == "text" for one in seen.findings))
    elif kind == "containers":
        yield _containers(finding)
    elif kind == "edited":
        yield _edited(finding, seen, deployment)
    else:
        yield _absent(finding, path)


def _prepare(finding: dict[str, Any], *, foreign: bool) -> Note:
    """harbor.yml changed after prepare had run; `foreign`: to something that was not deployed."""
    text = _("harbor.yml was written %(changed)s, prepare ran last %(prepared)s.") % _moments(finding) + " "
    text += (
        _("The containers know nothing of the change: save it as a revision and deploy that, or deploy to undo it.")
        if foreign
        else _("A deployment brings it to the containers.")
    )
    return Note("prepare", "warn", _("prepare has not run since harbor.yml changed."), text, links=(_deploy(),))


def _absent(finding: dict[str, Any], path: Path) -> Note:
    words = {"path": path, "files": _some(finding.get("files", []))}
    if finding["kind"] == "folder":
        return Note(
            "folder", "bad", _("The folder %(path)s is gone.") % words,
            _("The containers' configuration lay there. Put it back, or deploy from another installer."),
        )  # fmt: skip
    if finding["kind"] == "hidden":
        return Note(
            "hidden", "unsure", _("The host worker cannot see %(path)s.") % words,
            _("It runs in a container. Mount the folder into it under the same path; until then "
              "hand edits stay unseen."),
        )  # fmt: skip
    if finding["kind"] == "missing":
        return Note(
            "missing", "warn", _("There is no harbor.yml in %(path)s.") % words,
            _("What runs goes on without it. The next deployment writes it again."), links=(_deploy(),),
        )  # fmt: skip
    return Note(
        "unreadable", "unsure", _("Some files could not be read, so nobody knows whether they were changed."),
        _("The host worker's user may not read %(files)s. Let the worker run as root, as prepare does.") % words,
    )  # fmt: skip


def _text(finding: dict[str, Any], deployment: Deployment) -> Note:
    """harbor.yml on disk is not the deployed revision."""
    found, number = revisions.on_disk(), deployment.revision.number
    words = {**_moments(finding), "number": number}
    if found is None:
        return Note("text", "warn", _("harbor.yml on disk is not revision %(number)d.") % words, "")
    text = _("It was changed outside harborweb %(changed)s.") % words + " "
    text += (
        _("prepare has run with it since.")
        if finding["prepared"]
        else _("prepare has not run with it, so nothing of it works yet.")
    )
    known = revisions.with_text(found.text())
    links: list[tuple[str, str]] = [
        _compare(f"{number}", "disk"), _deploy(),
    ]  # fmt: skip
    if known is not None:
        links[1] = _deploy(known)
        text = _("It says what revision %(known)d says, which was not deployed from here.") % {"known": known.number}
    else:
        text += " " + _(
            "Save it as a revision to go on from it. Otherwise the next deployment writes its own harbor.yml, and "
            "keeps this one beside it."
        )
    file = _harbor_yml(deployment.revision.text(), found.text())
    return Note(
        "text", "warn", _("harbor.yml on disk is not the deployed revision %(number)d.") % words, text, (file,),
        tuple(links), take_digest="" if known else found.digest,
    )  # fmt: skip


def _harbor_yml(old: str, new: str) -> FileDiff:
    try:
        return FileDiff("harbor.yml", "", texts.compare(Document(old), Document(new), before=3))
    except TextProblem as problem:
        return FileDiff("harbor.yml", str(problem), None)


def _containers(finding: dict[str, Any]) -> Note:
    rows = finding["containers"]
    names = [row["name"] for row in rows]
    words = {"names": _some(names), "n": len(names), **_moments(finding)}
    title = ngettext(
        "%(n)d container is older than its configuration.",
        "%(n)d containers are older than their configuration.",
        len(names),
    )
    text = _("%(names)s: files that are read at the start were written %(changed)s.") % words + " "
    if finding["rotated"]:
        text += _(
            "prepare has made new secrets that the running containers do not share, so pushes and pulls are likely "
            "refused (401) although their health looks fine. Stop and start the registry, or deploy."
        )
        return Note("containers", "bad", title % words, text, _sources(rows), (_deploy(),))
    text += _("Stop and start the registry, or deploy, so that they read them.")
    return Note("containers", "warn", title % words, text, _sources(rows), (_deploy(),))


def _sources(rows: list[dict[str, Any]]) -> tuple[FileDiff, ...]:
    return tuple(
        FileDiff(row["name"], _("older than %(files)s") % {"files": _some(row["files"])}, None) for row in rows
    )


def _edited(finding: dict[str, Any], seen: Drift, deployment: Deployment) -> Note:
    """Hand edits that the next prepare erases."""
    rows = finding["files"]
    contents, known = drift.files(seen), _secrets(deployment)
    files = tuple(_edited_file(row, contents.get(row["path"], (None, None)), known) for row in rows)
    words = {"n": len(rows), "files": _some([row["path"] for row in rows])}
    title = ngettext(
        "%(n)d rendered file was changed by hand.", "%(n)d rendered files were changed by hand.", len(rows)
    )  # fmt: skip
    return Note(
        "edited", "warn", title % words,
        _("%(files)s: the next prepare, and so the next deployment, erases that. What shall stay has to be said in "
          "harbor.yml; what harbor.yml cannot say has to be done again after each deployment.") % words, files,
    )  # fmt: skip


def _edited_file(row: dict[str, Any], pair: tuple[bytes | None, bytes | None], known: set[str]) -> FileDiff:
    before, now = pair
    words = {"changed": _("changed"), "added": _("added"), "removed": _("removed")}[row["how"]]
    if row["at"]:
        words += " " + _moment(row["at"])
    if before is None and now is None:
        return FileDiff(row["path"], words, None)
    diff = rendered_text.compare(row["path"], before, now, known)
    return FileDiff(row["path"], words if diff is not None else _("%(words)s; no text") % {"words": words}, diff)


def _secrets(deployment: Deployment) -> set[str]:
    """The secrets that may stand in rendered files: those of the deployed revision, and of the file on disk."""
    found = set(wanted.secrets(deployment.revision.text()))
    disk = revisions.on_disk()
    if disk is not None:
        try:
            found |= set(wanted.secrets(disk.text()))
        except TextProblem:
            return found
    return found


def _newer(deployment: Deployment) -> Iterator[Note]:
    """A revision was saved after the one that runs."""
    latest = configuration.latest_revision()
    if latest is None or latest.number <= deployment.revision.number:
        return
    old, new = deployment.revision.text(), latest.text()
    if old == new:
        return
    words = {"number": latest.number, "running": deployment.revision.number, "who": latest.who_name}
    yield Note(
        "newer", "info", _("Revision %(number)d is saved and not deployed.") % words,
        _("Revision %(running)d runs. %(who)s saved the newer one.") % words, (_harbor_yml(old, new),),
        (_compare(f"{words['running']}", f"{words['number']}"), _deploy(latest)),
    )  # fmt: skip


def _compare(old: str, new: str) -> tuple[str, str]:
    return f"{reverse('configuration:compare')}?from={old}&to={new}", _("Compare side by side")


def _deploy(revision: Revision | None = None) -> tuple[str, str]:
    if revision is None:
        return reverse("deployment:deploy"), _("Deploy")
    address = f"{reverse('deployment:deploy')}?revision={revision.number}"
    return address, _("Deploy revision %(number)d") % {"number": revision.number}


def _some(names: list[str]) -> str:
    """The first names, and how many more."""
    shown = ", ".join(names[:MOST_NAMES])
    more = len(names) - MOST_NAMES
    return _("%(names)s and %(n)d more") % {"names": shown, "n": more} if more > 0 else shown


def _moments(finding: dict[str, Any]) -> dict[str, str]:
    return {key: _moment(finding[key]) for key in ("changed", "prepared") if isinstance(finding.get(key), str)}


def _moment(text: str) -> str:
    at = parse_datetime(text)
    return date_format(localtime(at), "j M H:i") if at else text
