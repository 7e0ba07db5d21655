"""The work of making handouts."""

import base64
import hashlib
import tempfile
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from harborweb.audit import describing
from harborweb.audit.filtering import Filter
from harborweb.audit.formats import html
from harborweb.audit.handing.archive import Archive
from harborweb.audit.models import ArtifactVerdict, Handout, HandoutPiece
from harborweb.audit.report import file_name
from harborweb.errors import Problem
from harborweb.jobs.run import Run
from harborweb.signing import blobs
from harborweb.signing.models import Key

LASTS = timedelta(days=7)
MOST_BYTES = 256 * 1024 * 1024
PIECE = 1024 * 1024


def report(run: Run) -> dict[str, Any]:
    """Make a report, and sign it.

    1 Take the key
    2 Write the report
    3 Sign it with cosign
    4 Verify it with the public key
    5 Pack it
    """
    handout, key = _handout(run), _key(run)
    run.step(1, 5, _("Take the key"))
    with blobs.prepared(run, key) as work:
        run.step(2, 5, _("Write the report"))
        chosen = _chosen(handout)
        about = describing.about(handout.registry, handout.scope)
        rows = list(chosen.rows())
        file = work.folder / "report.html"
        with file.open("w", encoding="utf-8") as out:
            out.writelines(html.pieces(rows, about))
        run.line(_("%(n)d rows, %(bytes)d bytes") % {"n": len(rows), "bytes": file.stat().st_size})
        run.step(3, 5, _("Sign the report"))
        work.sign(run, file.name)
        run.step(4, 5, _("Verify with the public key"))
        work.verify(run, file.name)
        run.step(5, 5, _("Pack it"))
        packed = work.folder / "packed.zip"
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as files:
            files.write(file, file.name)
            files.write(work.folder / f"{file.name}.bundle", f"{file.name}.bundle")
            signature = work.signature(file.name)
            files.writestr(f"{file.name}.sig", signature)
            files.writestr(f"{file.name}.sig.b64", base64.b64encode(signature).decode())
            files.writestr(key.file_name, key.public_pem)
            files.writestr("VERIFY.txt", _how(key))
        name = file_name(f"report-{handout.registry.name}-{timezone.localtime():%Y%m%d-%H%M}.zip")
        return _keep(handout, packed, name)


def evidence(run: Run) -> dict[str, Any]:
    """Make an archive of evidence.

    1 Gather what was kept of each artifact
    2 Store the archive for the download
    """
    handout = _handout(run)
    about = describing.about(handout.registry, handout.scope)
    numbers = list(_chosen(handout).rows().values_list("pk", flat=True))
    with tempfile.TemporaryDirectory(prefix="harborweb-evidence-") as name:
        packed = Path(name) / "packed.zip"
        run.step(1, 2, _("Gather the evidence"))
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as files:
            made = Archive(files, about)
            for done, number in enumerate(numbers):
                run.progress(done, len(numbers))
                row = ArtifactVerdict.objects.filter(pk=number).first()
                if row is not None:  # a sweep may have forgotten it meanwhile
                    made.add(row)
                if packed.stat().st_size > MOST_BYTES:
                    raise Problem(
                        _("The archive grew beyond %(n)d MB after %(done)d of %(all)d artifacts.")
                        % {"n": MOST_BYTES // 1024 // 1024, "done": done, "all": len(numbers)},
                        _("Choose a project or a verdict, and make several archives."),
                    )
            made.finish()
        words = {"n": made.count, "good": made.checkable, "left": len(made.unchecked)}
        run.line(_("%(n)d artifacts; %(good)d trusted ones can be checked with openssl, %(left)d cannot.") % words)
        run.step(2, 2, _("Store it"))
        stem = file_name(f"evidence-{handout.registry.name}-{timezone.localtime():%Y%m%d-%H%M}.zip")
        return _keep(handout, packed, stem)


def forget() -> int:
    """Delete what has expired; how many."""
    return Handout.objects.filter(expires__lte=timezone.now()).delete()[0]


def _handout(run: Run) -> Handout:
    found = Handout.objects.select_related("registry").filter(pk=run.arguments["handout"]).first()
    if found is None:
        raise Problem(_("The entry was deleted before the job began."), _("Ask for it again."))
    return found


def _key(run: Run) -> Key:
    key = Key.objects.filter(pk=run.arguments["key"]).first()
    if key is None or not key.signs:
        raise Problem(_("The key cannot sign any more."), _("Choose another key."))
    return key


def _chosen(handout: Handout) -> Filter:
    given = QueryDict(handout.query)
    return Filter.given({name: given[name] for name in given}, handout.registry)


def _keep(handout: Handout, packed: Path, name: str) -> dict[str, Any]:
    """Put the file into the database, and say that it is there.

    Piece by piece: in one transaction 256 MB would keep everybody else from writing for too long.
    """
    whole = hashlib.sha256()
    size = packed.stat().st_size
    try:
        with packed.open("rb") as file:
            for number, data in enumerate(iter(lambda: file.read(PIECE), b"")):
                whole.update(data)
                HandoutPiece.objects.create(handout=handout, number=number, data=data)
    except BaseException:  # nobody could download a part of it; raised again
        HandoutPiece.objects.filter(handout=handout).delete()
        raise
    Handout.objects.filter(pk=handout.pk).update(
        name=name, size=size, sha256=whole.hexdigest(), ready=True, expires=timezone.now() + LASTS
    )
    url = f"{reverse('audit:handouts')}?registry={handout.registry_id}"
    return {"message": _("%(name)s is ready for download.") % {"name": name}, "url": url}


def _how(key: Key) -> str:
    """How somebody checks the report who has cosign, or openssl."""
    name = key.file_name
    openssl = "openssl dgst -sha256 -verify {0} -signature report.html.sig report.html"
    if key.algorithm == "Ed25519":
        openssl = "openssl pkeyutl -verify -pubin -inkey {0} -rawin -in report.html -sigfile report.html.sig"
    lines = (
        _("# The fingerprint of the key; compare it with the one that its owner gives you:"),
        f"# SHA-256 {key.fingerprint}",
        f"openssl pkey -pubin -in {name} -outform DER | sha256sum",
        "",
        _("# cosign 3:"),
        f"cosign verify-blob --key {name} --insecure-ignore-tlog=true --bundle report.html.bundle report.html",
        "",
        _("# cosign 2:"),
        f"cosign verify-blob --key {name} --insecure-ignore-tlog=true --signature report.html.sig.b64 report.html",
        "",
        _("# openssl alone:"),
        openssl.format(name),
    )
    return "\n".join(lines) + "\n"
