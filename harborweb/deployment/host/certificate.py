"""The certificate and private key of https: what prepare would copy, and what nginx and clients would say to it."""

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from cryptography import x509
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from harborweb.deployment.host import files, pem
from harborweb.deployment.host.addresses import host_of
from harborweb.deployment.host.findings import Machine, Sheet

CERTIFICATE, KEY = "https.certificate", "https.private_key"
SOON = 30  # days


def look(machine: Machine, sheet: Sheet) -> None:
    """Both files as prepare will find them, then what is in them."""
    if machine.document.kind("https") != "mapping":
        return
    paths = {key: machine.word(key) for key in (CERTIFICATE, KEY)}
    if machine.files_hidden:
        sheet.unknown(CERTIFICATE, _("The files of Harbor’s machine cannot be seen from here: not looked at."))
        return
    seen = {
        key: there(sheet, machine, key, path)
        for key, path in paths.items()
        if path.startswith("/") and not path.startswith("/your/")
    }  # the rules say those
    if seen.get(CERTIFICATE) and seen.get(KEY) and _same_file(sheet, paths):
        return
    key_file = seen.get(KEY)
    private = _key(sheet, key_file) if key_file else None
    certificate_file = seen.get(CERTIFICATE)
    if certificate_file:
        _certificate(sheet, machine, certificate_file, private)


def there(sheet: Sheet, machine: Machine, key: str, path: str) -> files.Seen | None:
    """The file that prepare will copy; writes an error, and gives None, where it would stop."""
    seen = files.look(path)
    words = {"key": key, "path": path, "target": seen.target, "here": seen.path}
    why = _("prepare deletes the certificate in use first, and stops then.")
    if seen.kind == "denied":
        sheet.unknown(key, _("%(path)s may not be looked at by this user: not checked.") % words)
        return None
    if seen.kind == "missing":
        sheet.error(key, _("There is no file %(path)s on this machine.") % words, why, _("Write the path of the file."))
    elif seen.kind == "link":
        sheet.error(
            key,
            _("%(here)s is a link to %(target)s.") % words,
            _("prepare sees this machine below /hostfs, so a link to an absolute path leads nowhere for it.")
            + " "
            + why,
            _("Write %(target)s itself, or make the link a relative one.") % words,
        )
    elif seen.kind == "folder":
        sheet.error(key, _("%(path)s is a folder.") % words, why, _("Write the path of the file in it."))
    elif seen.kind == "other":
        sheet.error(key, _("%(path)s is no ordinary file.") % words, why, _("Write the path of the PEM file."))
    elif _deleted_by_prepare(machine, seen.path):
        sheet.error(
            key,
            _("%(path)s lies in the folder that prepare empties before it copies the new pair.") % words,
            why,
            _("Copy it to a folder of your own, for example /etc/harbor/tls, and write that path."),
        )
    else:
        return seen
    return None


def _deleted_by_prepare(machine: Machine, path: Path) -> bool:
    volume = machine.wishes.data_volume
    if not volume.startswith("/"):
        return False
    try:
        return path.is_relative_to((Path(volume) / "secret" / "cert").resolve())
    except (OSError, ValueError):
        return False


def _same_file(sheet: Sheet, paths: dict[str, str]) -> bool:
    data = [files.read(files.look(path).path) for path in paths.values()]
    if None in data or paths[CERTIFICATE] == paths[KEY] or data[0] != data[1]:
        return False
    sheet.warning(
        KEY,
        _("Certificate and private key are the same file, copied."),
        _("nginx needs one of each."),
        _("Look at the two paths."),
    )
    return True


def _key(sheet: Sheet, seen: files.Seen) -> pem.Key | None:
    data = files.read(seen.path)
    if data is None:
        sheet.unknown(
            KEY, _("%(path)s may not be read by this user: its content was not checked.") % {"path": seen.path}
        )
        return None
    if seen.mode & 0o044:
        sheet.warning(
            KEY,
            _("Others than its owner may read the private key %(path)s (mode %(mode)04o).")
            % {"path": seen.path, "mode": seen.mode},
            _("Whoever has it can be your registry."),
            _("Type “chmod 600 %(path)s”. prepare runs as root and can still read it.") % {"path": seen.path},
        )
    found = pem.key(data)
    broken = _("nginx could not use it, and would start again and again.")
    if found.kind == "encrypted":
        sheet.warning(
            KEY, _("The private key is encrypted with a password."), _("nginx has nobody to ask."),
            _("Write a copy without password: openssl pkey -in %(path)s -out harbor.key") % {"path": seen.path},
        )  # fmt: skip
    elif found.kind == "none":
        holds = pem.bundle(data).certificates
        what = _("There is a certificate in it, but no private key.") if holds else _("There is no private key in it.")
        sheet.warning(
            KEY, _("%(path)s is no private key.") % {"path": seen.path}, f"{what} {broken}", _swap(bool(holds))
        )
    elif found.kind == "broken":
        sheet.warning(
            KEY,
            _("The private key cannot be read: %(why)s.") % {"why": found.detail},
            broken,
            _("Copy it again, whole."),
        )
    return found


def _swap(swapped: bool) -> str:
    if swapped:
        return _("Look whether the paths of certificate and key are swapped.")
    return _("Write the path of a PEM file that begins with “-----BEGIN … PRIVATE KEY-----”.")


def _certificate(sheet: Sheet, machine: Machine, seen: files.Seen, private: pem.Key | None) -> None:
    data = files.read(seen.path)
    if data is None:
        sheet.unknown(CERTIFICATE, _("%(path)s may not be read by this user.") % {"path": seen.path})
        return
    found = pem.bundle(data)
    why = _("nginx could not use it, and would start again and again.")
    if found.der:
        advice = _("Convert it: openssl x509 -inform der -in %(path)s -out harbor.crt") % {"path": seen.path}
        sheet.warning(CERTIFICATE, _("The certificate is in the binary form DER, not PEM."), why, advice)
    elif found.broken:
        text = _("A certificate in the file cannot be read: %(why)s.") % {"why": found.broken}
        sheet.warning(CERTIFICATE, text, why, _("Copy the file again, whole."))
    elif not found.certificates:
        advice = _swap(True) if found.has_key else _("Write the path of a PEM file with the certificate first.")
        sheet.warning(CERTIFICATE, _("%(path)s holds no certificate.") % {"path": seen.path}, why, advice)
    else:
        leaf = _pair_and_order(sheet, found.certificates, private)
        validity(sheet, CERTIFICATE, leaf)
        _names(sheet, machine, leaf)
        _fit(sheet, leaf)


def _pair_and_order(sheet: Sheet, chain: tuple[x509.Certificate, ...], private: pem.Key | None) -> x509.Certificate:
    """Say whether key and chain fit; the certificate that is the server's."""
    leaf = chain[0]
    if private is not None and private.kind == "good":
        fitting = [one for one in chain if pem.public(one) == private.public]
        if not fitting:
            sheet.warning(
                CERTIFICATE,
                _("Certificate and private key do not belong together."),
                _("nginx says “key values mismatch” and starts again and again; prepare does not notice."),
                _("Find the key that was made with this certificate, or have a new pair issued."),
            )
        elif fitting[0] is not leaf:
            first = pem.shown(leaf.subject)
            what = (
                _("The authority %(name)s stands first in the file, before the server’s certificate.")
                if pem.is_authority(leaf)
                else _("%(name)s stands first in the file, before the server’s certificate.")
            )
            sheet.warning(
                CERTIFICATE, what % {"name": first},
                _("nginx takes the first one for its own and says “key values mismatch”."),
                _("Put the server’s certificate first, then those between it and the authority, in that order."),
            )  # fmt: skip
            return fitting[0]
        else:
            sheet.fine(CERTIFICATE, _("Certificate and private key belong together."))
    _chain(sheet, chain)
    return leaf


def _chain(sheet: Sheet, chain: tuple[x509.Certificate, ...]) -> None:
    for one, issuer in pairwise(chain):
        if not pem.signed_by(one, issuer):
            words = {"name": pem.shown(one.subject), "issuer": pem.shown(one.issuer), "next": pem.shown(issuer.subject)}
            sheet.warning(
                CERTIFICATE,
                _("The chain is broken: %(name)s was signed by %(issuer)s, but %(next)s follows it.") % words,
                _("Clients go from each certificate to the next one."),
                _("Order the file: the server’s certificate, its issuer, that one’s issuer, and so on."),
            )
            return
    last = chain[-1]
    words = {"name": pem.shown(last.subject), "issuer": pem.shown(last.issuer)}
    if len(chain) == 1 and pem.is_self_signed(last):
        sheet.fine(CERTIFICATE, _("The certificate signed itself: every client must be given it.") % words)
    elif pem.is_self_signed(last) or last.issuer.public_bytes() in pem.authorities():
        sheet.fine(CERTIFICATE, _("The chain is complete: %(name)s leads to %(issuer)s.") % words)
    elif pem.has_issuers_address(last):
        sheet.warning(
            CERTIFICATE,
            _("The chain ends at %(name)s; the certificate of its issuer %(issuer)s is missing.") % words,
            _("Browsers may find it by themselves; docker and cosign do not."),
            _("Use the file that your authority calls full chain."),
        )
    else:
        text = _("%(issuer)s signed it, which this machine does not trust: every client must be given that authority.")
        sheet.fine(CERTIFICATE, text % words)


def validity(sheet: Sheet, key: str, certificate: x509.Certificate) -> None:
    """Expired, not yet valid, or soon to end."""
    now, days = datetime.now(UTC), pem.days_left(certificate)
    words = {
        "name": pem.shown(certificate.subject), "days": abs(days),
        "begins": f"{certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC",
        "ends": f"{certificate.not_valid_after_utc:%Y-%m-%d}",
    }  # fmt: skip
    renew = _("Have a new one issued, then deploy again.")
    if certificate.not_valid_before_utc > now:
        sheet.warning(
            key, _("The certificate %(name)s is not valid before %(begins)s.") % words, _("Clients refuse it so long."),
            _("Look at this machine’s clock, or wait."),
        )  # fmt: skip
    elif certificate.not_valid_after_utc < now:
        text = _("The certificate %(name)s has expired on %(ends)s.") % words
        sheet.warning(key, text, _("Every client refuses it."), renew)
    elif days < SOON:
        text = ngettext(
            "The certificate %(name)s ends in %(days)d day, on %(ends)s.",
            "The certificate %(name)s ends in %(days)d days, on %(ends)s.",
            days,
        )
        sheet.warning(key, text % words, _("Then every client refuses it."), renew)
    else:
        sheet.fine(key, _("The certificate %(name)s is valid until %(ends)s, for %(days)d days.") % words)


def _names(sheet: Sheet, machine: Machine, leaf: x509.Certificate) -> None:
    names = pem.names(leaf)
    wanted = {"hostname": machine.wishes.hostname}
    external = host_of(machine.wishes.external_url)
    if machine.wishes.external_url.lower().startswith("https:") and external:
        wanted["external_url"] = external
    for key, name in wanted.items():
        if not name or pem.covers(leaf, name):
            continue
        words = {"name": name, "key": key, "names": ", ".join(names[:8])}
        if not names:
            text = _("The certificate names no host at all (no subjectAltName).")
            why = _("docker, cosign and browsers no longer look at its common name.")
        else:
            text = _("The certificate is not for %(name)s (%(key)s), but for %(names)s.") % words
            why = _("Clients that come by this name refuse it.")
        if pem.is_authority(leaf):
            why += " " + _("It is the certificate of an authority: perhaps the wrong file.")
        sheet.warning(CERTIFICATE, text, why, _("Have one issued with DNS (or IP) name %(name)s.") % words)
        if not names:
            return
    covered = [name for name in wanted.values() if name and pem.covers(leaf, name)]
    if covered:
        sheet.fine(CERTIFICATE, _("The certificate is for %(names)s.") % {"names": ", ".join(dict.fromkeys(covered))})


def _fit(sheet: Sheet, leaf: x509.Certificate) -> None:
    if not pem.for_servers(leaf):
        sheet.warning(
            CERTIFICATE, _("The certificate is not for servers (extended key usage)."), _("Clients refuse it."),
            _("Have one issued for server authentication."),
        )  # fmt: skip
    if weak := pem.weakness(leaf):
        sheet.warning(
            CERTIFICATE, _("The certificate is too weak: %(weak)s.") % {"weak": weak},
            _("nginx and clients of today refuse it."), _("Have one issued with RSA 2048 or ECDSA P-256, and SHA-256."),
        )  # fmt: skip
