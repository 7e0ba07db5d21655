"""What prepare would refuse, and what it should have refused. Pure: text in, faults out; no file, no network.

Sources: Harbor's prepare as observed (`refuse` = it stops; the rest is accepted by it and cannot work).
`check` is the door; `rules_address` holds host name and public address, `rules_blocks` the keys that the first
form does not ask for.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from harborweb.configuration import rules_address, rules_blocks
from harborweb.configuration.document import read
from harborweb.configuration.faults import Fault, Sheet
from harborweb.configuration.fields import Tls
from harborweb.configuration.reading import BOM, TextProblem
from harborweb.configuration.veil import DOTS, is_secret

KNOWN_VERSIONS = frozenset({"2.11", "2.12", "2.13", "2.14", "2.15"})

Rule = Callable[[Sheet], None]


@dataclass(frozen=True)
class Verdict:
    """All faults of a text, worst first, and what they come to."""

    faults: tuple[Fault, ...]

    @property
    def word(self) -> str:
        """refused, warned or ok."""
        if any(fault.severity == "error" for fault in self.faults):
            return "refused"
        return "warned" if self.faults else "ok"


def check(text: str, *, template: str | None = None, tls: Tls | None = None) -> Verdict:
    """Judge a harbor.yml. With `template`, only keys that it has can be missing; without, those of Harbor 2.15.

    `tls` is where the operator says TLS ends; without it, the text itself tells.
    """
    try:
        document = read(text)
        known = read(template) if template is not None else None
    except TextProblem as problem:
        return Verdict((Fault("error", problem.key, problem.line, problem.message, "", problem.advice),))
    sheet = Sheet(document, known, tls)
    for rule in (*rules_address.RULES, *RULES, *rules_blocks.RULES):
        rule(sheet)
    return Verdict(tuple(sorted(sheet.faults, key=lambda fault: (fault.severity != "error", fault.line or 0))))


def _ports(sheet: Sheet) -> None:
    if sheet.document.has("http.port"):
        sheet.port("http.port")
    if sheet.document.has("https.port"):
        sheet.port("https.port")
    if sheet.document.kind("https") != "mapping":
        return
    http, https = sheet.document.get("http.port"), sheet.document.get("https.port")
    if (80 if http is None else http) == (443 if https is None else https):
        sheet.error(
            "https.port" if https is not None else "http.port",
            _("HTTP and HTTPS have the same port."),
            _("nginx opens each port once and would not start."),
            _("Choose another port for one of the two; 80 and 443 are usual."),
        )


def _https(sheet: Sheet) -> None:
    if sheet.document.kind("https") != "mapping":
        if sheet.document.get("https") is not None:
            advice = _("Write port, certificate and private_key below it.")
            sheet.error("https", _("https is no block of keys."), _("prepare stops here."), advice)
        return
    names = {
        "https.certificate": (_("The certificate file is not named."), _("The certificate is still the example.")),
        "https.private_key": (_("The private key file is not named."), _("The private key is still the example.")),
    }
    for key, (missing, example) in names.items():
        value = sheet.document.get(key)
        advice = _("Write the path of the file on Harbor’s machine.")
        if value is None or value == "":
            sheet.error(key, missing, _("prepare stops without it, with the certificates already deleted."), advice)
        elif not isinstance(value, str):
            sheet.error(key, missing, _("This is no path."), advice)
        elif value.startswith("/your/"):
            sheet.error(key, example, _("There is no file at %(path)s.") % {"path": value}, advice)
        elif not value.startswith("/"):
            why = _("prepare looks for it from the root folder of the machine.")
            sheet.error(key, _("This path does not start with a slash."), why, advice, use="")
    _swapped(sheet)


def _swapped(sheet: Sheet) -> None:
    certificate = str(sheet.document.get("https.certificate") or "").rpartition("/")[2].lower()
    private = str(sheet.document.get("https.private_key") or "").rpartition("/")[2].lower()
    looks_private = certificate.endswith(".key") or "privkey" in certificate
    looks_public = private.endswith((".crt", ".cer")) or "fullchain" in private
    if looks_private or looks_public:
        sheet.warning(
            "https.certificate" if looks_private else "https.private_key",
            _("Certificate and private key look swapped."),
            _("nginx would restart for ever, and prepare does not notice."),
            _("Look at the two paths: the certificate is usually the .crt, the key the .key."),
        )


def _admin_password(sheet: Sheet) -> None:
    key = "harbor_admin_password"
    if not sheet.needed(key):
        return
    value = sheet.document.get(key)
    text = "" if value is None else str(value)
    if not text:
        sheet.empty(key, _("The password of admin is empty."), _("Nobody could sign in to Harbor."))
    elif text == "Harbor12345":
        why = _("Harbor12345 stands in every tutorial, and admin may do everything.")
        sheet.warning(
            key, _("The password of admin is the template’s."), why, _("Set your own before the first start.")
        )
    elif text != DOTS and not (
        8 <= len(text) <= 128 and all(re.search(kind, text) for kind in ("[a-z]", "[A-Z]", "[0-9]"))
    ):
        # Harbor's API answers this for any password set through it; the first start takes what it gets.
        sheet.warning(
            key,
            _("The password of admin is weaker than Harbor itself would allow."),
            _("It asks for 8 to 128 characters with an upper-case letter, a lower-case letter and a digit."),
            _("Choose a longer one."),
        )


def _database_password(sheet: Sheet) -> None:
    key = "database.password"
    if not sheet.document.has("database") or sheet.document.kind("external_database") == "mapping":
        return
    value = sheet.document.get(key)
    if value is None or value == "":
        if sheet.needed(key):
            sheet.empty(key, _("The password of the database is empty."), _("The database would not start."))
    elif value == "root123":
        why = _("root123 stands in every copy of the template.")
        advice = _("Set a long random one before the first start.")
        sheet.warning(key, _("The password of the database is the template’s."), why, advice)


def _data_volume(sheet: Sheet) -> None:
    key = "data_volume"
    if not sheet.needed(key):
        return
    value = sheet.document.get(key)
    advice = _("Write a whole path like /srv/harbor/data.")
    if value is None or value == "":
        sheet.empty(key, _("The data folder is not named."), _("docker refuses to start prepare without it."))
        return
    words = shell_reads(sheet.document.text)
    if words == f"{value}\r" or "\r\n" in sheet.document.text:
        sheet.error(
            key,
            _("The lines of this file end with CRLF, as on Windows."),
            _("prepare would make a folder whose name ends with an invisible character, and Harbor would start empty."),
            _("Save the file with LF line ends, then import it."),
        )
    elif words != value:
        sheet.error(
            key,
            _("prepare does not read this path as it is meant."),
            _("It takes the last word of the line: no quotes, no spaces, no comment behind it."),
            advice,
        )
    elif not str(value).startswith("/") or str(value).strip("/") == "":
        why = _("docker would take it for the name of a volume, and Harbor would start empty.")
        if str(value).startswith("/"):
            why = _("Harbor would write into the root folder of the machine.")
        sheet.error(key, _("The data folder is not a path of its own."), why, advice)


def shell_reads(text: str) -> str:
    """What prepare's shell takes for data_volume: `grep '^[^#]*data_volume:' | awk '{print $NF}'`."""
    lines = [line for line in text.split("\n") if re.match(r"[^#]*data_volume:", line)]
    return "\n".join(re.split(r"[ \t]+", line.strip(" \t"))[-1] for line in lines)


def _version(sheet: Sheet) -> None:
    key = "_version"
    expected = sheet.template.get(key) if sheet.template else None
    value = sheet.document.get(key)
    if value is None:
        if sheet.template is None or expected is not None:
            why = _("prepare goes by it when it upgrades this file.")
            sheet.warning(key, _("_version is missing."), why, _("Copy that line from the template."))
    elif expected is not None and str(value) != str(expected):
        sheet.warning(
            key,
            _("This file is for Harbor %(one)s, the installer for %(other)s.") % {"one": value, "other": expected},
            _("Keys may have come or gone between the two."),
            _("Start from the template of the installer."),
        )
    elif ".".join(str(value).split(".")[:2]) not in KNOWN_VERSIONS:
        why = _("harborweb knows the keys of 2.11 to 2.15.")
        sheet.warning(
            key, _("_version %(version)s is unknown.") % {"version": value}, why, _("Look at every key twice.")
        )


def _byte_order_mark(sheet: Sheet) -> None:
    if sheet.document.text.startswith(BOM):
        sheet.warning(
            "", _("The file begins with a byte order mark."), _("prepare reads past it, other programs may not."),
            _("Save it as UTF-8 without BOM."), line=1,
        )  # fmt: skip


def _dots(sheet: Sheet) -> None:
    """Dots shown in place of a secret that came back as the secret, from a file that harborweb had masked."""
    for path, entry in sheet.document.tree.entries.items():
        if entry.content == DOTS and is_secret(path):
            sheet.error(
                ".".join(path),
                _("The dots are no password."),
                _("They stand for a hidden one."),
                _("Type the password itself."),
            )


RULES: tuple[Rule, ...] = (
    _ports, _https, _admin_password, _database_password, _data_volume, _version, _byte_order_mark, _dots,
)  # fmt: skip
