"""Files that harbor.yml names beside the certificate: authorities, the internal certificates, the key of a bucket.

What prepare does with each: its sources (utils/configs.py, utils/cert.py, models.py) and facts on prepare. ca_bundle:
stops unless uid 10000 may read it, and looks below data_volume for a path that begins with /data/. internal_tls.dir:
copies the folder and stops when one of its files is missing or names no host. uaa.ca_file and gcs.keyfile: mounted by
compose, which refuses when they are not there. rootCA: skipped without a word when it is not there.
"""

from pathlib import Path

from cryptography import x509
from django.utils.translation import gettext as _

from harborweb.deployment.host import files, pem
from harborweb.deployment.host.certificate import validity
from harborweb.deployment.host.findings import Machine, Sheet

UID = 10000  # of Harbor's containers
BUNDLE, INTERNAL = "storage_service.ca_bundle", "internal_tls.dir"
PAIRS = ("proxy", "core", "job_service", "registryctl", "registry", "portal")
AUTHORITY = "harbor_internal_ca.crt"


def look(machine: Machine, sheet: Sheet) -> None:
    """Every such file that the text names."""
    asked = [
        (BUNDLE, machine.word(BUNDLE), _bundle),
        ("external_redis.tlsOptions.rootCA", _root_ca(machine), _skipped),
        ("uaa.ca_file", machine.word("uaa.ca_file"), _mounted),
        ("storage_service.gcs.keyfile", machine.word("storage_service.gcs.keyfile"), _mounted),
        (INTERNAL, machine.word(INTERNAL) if machine.on("internal_tls.enabled") else "", _internal),
    ]
    for key, path, judge in asked:
        if not path:
            continue
        if machine.files_hidden:
            sheet.unknown(key, _("The files of Harbor’s machine cannot be seen from here: not looked at."))
        elif not path.startswith("/"):
            sheet.warning(
                key, _("%(path)s is no absolute path.") % {"path": path},
                _("prepare looks for it from the root folder of the machine."), _("Begin it with a slash."),
            )  # fmt: skip
        else:
            judge(machine, sheet, key, path)


def _root_ca(machine: Machine) -> str:
    on = machine.on("external_redis.tlsOptions.enable")
    return machine.word("external_redis.tlsOptions.rootCA") if on else ""


def _denied(sheet: Sheet, key: str, seen: files.Seen) -> None:
    sheet.unknown(key, _("%(path)s may not be looked at by this user: not checked.") % {"path": seen.path})


def _bundle(machine: Machine, sheet: Sheet, key: str, path: str) -> None:
    volume = machine.wishes.data_volume
    inside = path.startswith("/data/") and volume.rstrip("/") != "/data"
    where = volume.rstrip("/") + path.removeprefix("/data") if inside else path
    seen = files.look(where)
    words = {"path": where, "target": seen.target, "mode": seen.mode, "uid": seen.uid, "here": seen.path}
    why = _("prepare stops here: it wants a file that user 10000 (Harbor’s containers) may read.")
    if inside:
        why += " " + _("For a path that begins with /data/ it looks in data_volume.")
    if seen.kind == "denied":
        _denied(sheet, key, seen)
    elif seen.kind == "missing":
        sheet.error(key, _("There is no file %(path)s on this machine.") % words, why, _("Write the path of the file."))
    elif seen.kind == "link":
        advice = _("Write %(target)s itself, or make the link a relative one.") % words
        why = _("prepare sees this machine below /hostfs, so a link to an absolute path leads nowhere for it.")
        sheet.error(key, _("%(here)s is a link to %(target)s.") % words, why, advice)
    elif not files.readable_by(seen, UID):
        sheet.error(
            key,
            _("Harbor’s containers may not read %(path)s (mode %(mode)04o, owner %(uid)d).") % words,
            why,
            _("It is no secret: type “chmod 644 %(path)s”.") % words,
        )
    elif seen.kind != "file":
        sheet.warning(
            key, _("%(path)s is no file.") % words, _("prepare goes on, but the registry would trust nobody new."),
            _("Write the path of the PEM file."),
        )  # fmt: skip
    else:
        _authorities(sheet, key, seen)


def _authorities(sheet: Sheet, key: str, seen: files.Seen) -> None:
    """The content of a file that should hold authorities."""
    data = files.read(seen.path)
    if data is None:
        sheet.unknown(
            key, _("%(path)s may not be read by this user: its content was not checked.") % {"path": seen.path}
        )
        return
    found, words = pem.bundle(data), {"path": seen.path}
    nobody = _("Harbor would trust nobody new.")
    if found.has_key:
        sheet.warning(
            key, _("There is a private key in %(path)s.") % words,
            _("This file is copied to where everybody here may read it."), _("Leave only certificates in it."),
        )  # fmt: skip
    if found.der:
        advice = _("Convert it: openssl x509 -inform der -in %(path)s -out ca.crt") % words
        sheet.warning(key, _("%(path)s is in the binary form DER, not PEM.") % words, nobody, advice)
    elif found.broken or not found.certificates:
        text = _("%(path)s holds no certificate that can be read.") % words
        sheet.warning(
            key, text, found.broken or nobody, _("Write the path of a PEM file with the authority’s certificate.")
        )
    else:
        others = [one for one in found.certificates if not pem.is_authority(one)]
        if others:
            sheet.warning(
                key,
                _("%(name)s in %(path)s is no authority’s certificate.")
                % {**words, "name": pem.shown(others[0].subject)},
                _("What an authority signed is trusted because of it; a server’s own certificate is the wrong file."),
                _("Take the certificate of the authority that signed the server’s."),
            )
        for one in found.certificates[:20]:
            if pem.days_left(one) < 30:
                validity(sheet, key, one)
        sheet.fine(key, _("%(count)d certificates in %(path)s.") % {**words, "count": len(found.certificates)})


def _skipped(machine: Machine, sheet: Sheet, key: str, path: str) -> None:
    seen = files.look(path)
    if seen.kind == "denied":
        _denied(sheet, key, seen)
    elif seen.kind == "file":
        _authorities(sheet, key, seen)
    else:
        sheet.warning(
            key,
            _("prepare would find no file at %(path)s.") % {"path": path},
            _("It leaves it out without a word, and Harbor’s core then refuses the server’s certificate.")
            + (" " + _("The way there is a link to an absolute path.") if seen.kind == "link" else ""),
            _("Write the path of the authority’s certificate (PEM)."),
        )


def _mounted(machine: Machine, sheet: Sheet, key: str, path: str) -> None:
    try:
        is_file, there = Path(path).is_file(), Path(path).exists()
    except PermissionError:
        sheet.unknown(key, _("%(path)s may not be looked at by this user: not checked.") % {"path": path})
        return
    words = {"path": path}
    if not there:
        sheet.error(
            key, _("There is no file %(path)s on this machine.") % words,
            _("docker compose up stops: it mounts this file into a container."), _("Write the path of the file."),
        )  # fmt: skip
    elif not is_file:
        sheet.warning(key, _("%(path)s is no file.") % words, "", _("Write the path of the file in it."))
    elif key == "uaa.ca_file":
        _authorities(sheet, key, files.look(path))
    else:
        sheet.fine(key, _("%(path)s is there.") % words)


def _internal(machine: Machine, sheet: Sheet, key: str, path: str) -> None:
    folder = files.look(path)
    words = {"path": path}
    if folder.kind == "denied":
        _denied(sheet, key, folder)
        return
    if folder.kind != "folder":
        sheet.error(
            key, _("There is no folder %(path)s on this machine.") % words, _("prepare stops when it copies it."),
            _("Make them first: docker run -v /:/hostfs goharbor/prepare:VERSION gencert -p %(path)s") % words,
        )  # fmt: skip
        return
    pairs = PAIRS if machine.document.kind("external_database") == "mapping" else (*PAIRS, "harbor_db")
    wanted = [AUTHORITY, *(f"{name}.{end}" for name in pairs for end in ("crt", "key"))]
    if not _complete(sheet, key, folder.path, wanted):
        return
    authority = _first(folder.path / AUTHORITY)
    for name in pairs:
        _pair(sheet, key, folder.path, name, authority)


def _complete(sheet: Sheet, key: str, folder: Path, wanted: list[str]) -> bool:
    found = {name: files.look(str(folder / name)) for name in wanted}
    if any(seen.kind == "denied" for seen in found.values()):
        sheet.unknown(key, _("%(path)s may not be looked at by this user: not checked.") % {"path": folder})
        return False
    gone = [name for name, seen in found.items() if seen.kind != "file" or _leads_out(folder / name)]
    if gone:
        sheet.error(
            key,
            _("In %(path)s these are missing: %(names)s.") % {"path": folder, "names": ", ".join(gone)},
            _("prepare stops at the first one."),
            _("Make all of them again with the gencert command of Harbor’s prepare image."),
        )
    else:
        words = {"path": folder, "count": len(wanted)}
        sheet.fine(key, _("All %(count)d files that prepare wants are in %(path)s.") % words)
    if not (folder / "trivy_adapter.crt").exists():
        text = _("There is no trivy_adapter.crt in %(path)s: prepare --with-trivy would stop.") % {"path": folder}
        sheet.unknown(key, text)
    return not gone


def _leads_out(path: Path) -> bool:
    """Whether this is a link to elsewhere: prepare copies links as links, so from the copy they lead nowhere."""
    return path.is_symlink() and "/" in str(path.readlink())


def _first(path: Path) -> x509.Certificate | None:
    data = files.read(path)
    found = pem.bundle(data).certificates if data else ()
    return found[0] if found else None


def _pair(sheet: Sheet, key: str, folder: Path, name: str, authority: x509.Certificate | None) -> None:
    certificate, data = _first(folder / f"{name}.crt"), files.read(folder / f"{name}.key")
    words = {"file": f"{name}.crt", "key": f"{name}.key", "authority": AUTHORITY}
    again = _("Make all of them again with the gencert command of Harbor’s prepare image.")
    if certificate is None:
        sheet.error(key, _("%(file)s is no certificate.") % words, _("prepare finds no name in it and stops."), again)
        return
    if not pem.names(certificate):
        why = _("prepare stops: it wants a subjectAltName.")
        sheet.error(key, _("%(file)s names no host.") % words, why, again)
    private = pem.key(data) if data is not None else None
    if private is not None and private.kind == "good" and private.public != pem.public(certificate):
        text = _("%(file)s and %(key)s do not belong together.") % words
        sheet.warning(key, text, _("That container would not start."), again)
    elif private is not None and private.kind != "good":
        text = _("%(key)s is no private key without password.") % words
        sheet.warning(key, text, _("That container would not start."), again)
    if authority is not None and not pem.signed_by(certificate, authority):
        text = _("%(file)s was not signed by %(authority)s.") % words
        sheet.warning(key, text, _("The other containers would refuse it."), again)
    if pem.days_left(certificate) < 30:
        validity(sheet, key, certificate)
