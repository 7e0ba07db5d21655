"""Bring an installer into a folder on the worker's host, and read it."""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.utils.translation import gettext as _

from harborweb.configuration import services as configuration
from harborweb.configuration.text.document import Document
from harborweb.deployment import checks, sentences
from harborweb.deployment.models import Installer, InstallerPiece
from harborweb.errors import Problem
from harborweb.jobs.run import Run
from harborweb.sealing import seal
from harborweb.tools import archive, download, prepare, process

STEPS = 4


def install(run: Run) -> dict[str, Any]:
    """Get an installer.

    1 Fetch: from the database (an upload), from its URL, or nothing for a folder of the host
    2 Unpack, into a folder of its own that appears whole or not at all
    3 Read the template, the version and the tree
    4 Begin a draft for the wizard, unless one is there: then the page asks
    """
    installer = Installer.objects.get(pk=run.arguments["installer"])
    try:
        with _staging(installer) as stage:
            folder = _fetch_and_unpack(run, installer, stage)
            run.step(3, STEPS, _("Read"))
            try:
                found = prepare.look(folder)
            except prepare.NoInstaller as error:
                if error.kind == "no_folder" and checks.hidden():
                    raise sentences.out_of_sight(error.path, settings.INSTALLERS_DIR) from error
                raise _relative(sentences.installer(error), stage) from error
            Document(found.template)  # raises the sentence that names the line, before anything is kept
            final = _into_place(installer, found, stage)
        _record(run, installer, found, final)
        return {"installer": installer.pk, "path": str(final), "draft": _draft(run, installer)}
    except OSError as error:
        raise sentences.disk(error) from error
    finally:
        InstallerPiece.objects.filter(installer=installer).delete()


def _fetch_and_unpack(run: Run, installer: Installer, stage: Path) -> Path:
    run.step(1, STEPS, _("Fetch"))
    if installer.source == Installer.Source.FOLDER:
        run.line(_("The installer is on this host already: %(path)s") % {"path": installer.name})
        run.step(2, STEPS, _("Unpack"))
        run.line(_("There is nothing to unpack."))
        return Path(installer.name)
    with tempfile.TemporaryFile(dir=stage) as file:
        if installer.source == Installer.Source.UPLOAD:
            _collect(installer, file)
        else:
            _download(run, installer, file)
        _compare(run, installer, file)
        run.step(2, STEPS, _("Unpack"))
        file.seek(0)
        box = stage / "box"
        box.mkdir()
        try:
            names = archive.unpack(file, box, archive.Bounds(total=settings.INSTALLER_UNPACKED_BYTES))
        except archive.ArchiveError as error:
            raise sentences.archive(error) from error
    run.line(_("%(n)d files, none of them a link or outside its folder.") % {"n": len(names)})
    return prepare.installer_root(box)


def _collect(installer: Installer, file: IO[bytes]) -> None:
    numbers = list(installer.pieces.values_list("number", flat=True))
    if not numbers or numbers != list(range(len(numbers))):
        raise Problem(_("The uploaded archive is not there any more."), _("Upload it again."), field="archive")
    for number in numbers:
        file.write(bytes(installer.pieces.get(number=number).data))


def _download(run: Run, installer: Installer, file: IO[bytes]) -> None:
    run.line(_("GET %(url)s") % {"url": installer.name})
    try:
        fetched = download.fetch(
            installer.name, file, limit=settings.INSTALLER_MAX_BYTES, seconds=settings.INSTALLER_SECONDS,
            stopping=run.stopping,
        )  # fmt: skip
    except download.DownloadError as error:
        if error.kind == "stopped":
            raise process.Stopped from error
        raise sentences.download(error) from error
    run.line(_("%(n)d bytes from %(url)s") % {"n": fetched.size, "url": fetched.url})


def _compare(run: Run, installer: Installer, file: IO[bytes]) -> None:
    """Note size and SHA-256, and hold the latter against the one that was expected."""
    file.seek(0)
    installer.sha256 = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type, unused-ignore]
    installer.size = file.tell()
    Installer.objects.filter(pk=installer.pk).update(sha256=installer.sha256, size=installer.size)
    run.line(_("SHA-256 %(digest)s") % {"digest": installer.sha256})
    if installer.expected_sha256 and installer.expected_sha256 != installer.sha256:
        raise Problem(
            _("This is another file than expected: its SHA-256 is %(digest)s.") % {"digest": installer.sha256},
            _("Nothing of it was unpacked. Look where it comes from, and whether the expected value was copied whole."),
            field="expected_sha256",
        )


@contextmanager
def _staging(installer: Installer) -> Iterator[Path]:
    """A private folder among the installers, on the same file system as the place it will go to."""
    if installer.source == Installer.Source.FOLDER:
        yield Path(installer.name)
        return
    settings.INSTALLERS_DIR.mkdir(parents=True, exist_ok=True, mode=0o755)
    stage = Path(tempfile.mkdtemp(prefix=f".incoming-{installer.pk}-", dir=settings.INSTALLERS_DIR))
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _relative(problem: Problem, stage: Path) -> Problem:
    """Name files by their place in the archive: the staging folder is gone when somebody reads this."""
    inside = f"{stage}/box"
    return Problem(
        problem.message.replace(inside, _("the archive")), problem.advice.replace(inside, _("the archive")),
        field=problem.field,
    )  # fmt: skip


def _into_place(installer: Installer, found: prepare.Found, stage: Path) -> Path:
    """Rename the unpacked folder to `<number>-<version>/harbor`; a folder of the host stays where it is."""
    if installer.source == Installer.Source.FOLDER:
        return found.folder.resolve()
    whole = stage / "whole"
    whole.mkdir(mode=0o755)
    found.folder.rename(whole / "harbor")
    version = "".join(letter for letter in found.version if letter.isalnum() or letter in ".-_")
    final: Path = settings.INSTALLERS_DIR / f"{installer.pk}-{version or 'installer'}"
    if final.exists():  # left by a database that is no more
        final = Path(tempfile.mkdtemp(prefix=f"{final.name}-", dir=settings.INSTALLERS_DIR))
        final.rmdir()
    whole.rename(final)
    (final / "harbor").chmod(0o755)
    return final / "harbor"


def _record(run: Run, installer: Installer, found: prepare.Found, final: Path) -> None:
    Installer.objects.filter(pk=installer.pk).update(
        ready=True, path=str(final), template_sealed=seal(found.template, "installer"), version=found.version[:60],
        tree=[asdict(entry) for entry in found.tree], more=found.more,
    )  # fmt: skip
    installer.refresh_from_db()
    run.line(_("Version %(version)s in %(path)s") % {"version": found.version or "?", "path": final})


def origin(installer: Installer) -> str:
    """Where a draft's template comes from, in words."""
    return _("Installer %(version)s from %(name)s") % {"version": installer.version or "?", "name": installer.name}


def _draft(run: Run, installer: Installer) -> str:
    run.step(4, STEPS, _("Begin a draft"))
    if configuration.current_draft() is not None:
        run.line(_("The wizard holds a draft already. The installer's page asks what to do with it."))
        return "kept"
    configuration.start_draft(installer.template(), origin=origin(installer))
    run.line(_("The wizard has a draft with this installer's template."))
    return "started"
