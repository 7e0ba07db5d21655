"""Rules for Harbor's ports, its certificate and the two passwords of a fresh installation."""

import posixpath
import re

from django.utils.translation import gettext as _

from harborweb.configuration.faults import Sheet
from harborweb.configuration.veil import DOTS

EXAMPLES = ("/your/certificate/path", "/your/private/key/path")
LOG_PORT = 1514  # Harbor's log container listens there on this machine alone
INSIDE = frozenset({8080, 8443, 5000, 5443})  # what the containers that offer metrics already listen on


def _ports(sheet: Sheet) -> None:
    """The ports that Harbor opens on this machine: good ones, and no two the same."""
    taken: dict[int, str] = {LOG_PORT: _("Harbor’s log container")}
    asked = {"http.port": (80, True), "https.port": (443, sheet.block("https"))}
    asked["metric.port"] = (0, sheet.block("metric") and sheet.on("metric.enabled"))
    for key, (usual, counts) in asked.items():
        port = usual if not counts or not sheet.has(key) else sheet.port(key)
        if not counts or not port:
            continue
        if key == "metric.port" and port in INSIDE and port not in taken:
            _inside(sheet, key, port)
        if port in taken:
            sheet.error(
                key,
                _("Two parts of Harbor have port %(port)s.") % {"port": port},
                _("%(other)s has it too, and a port opens only once: Harbor would not come up whole.")
                % {"other": taken[port]},
                _("Choose another port for one of the two."),
            )
        taken[port] = key
    _unexpected(sheet)


def _unexpected(sheet: Sheet) -> None:
    """A port that every browser takes for the other protocol."""
    for key, number, asked, spoken in (("http.port", 443, "https", "http"), ("https.port", 80, "http", "https")):
        block = key.partition(".")[0]
        if not sheet.block(block) or sheet.faulty(key) or str(sheet.get(key)) != str(number):
            continue
        words = {"port": number, "asked": asked, "spoken": spoken}
        what = _("Harbor speaks %(spoken)s on port %(port)s.") % words
        why = _("Browsers and docker ask there by %(asked)s, and get no answer that they understand.") % words
        sheet.warning(key, what, why, _("Choose another port, or the other protocol."))


def _inside(sheet: Sheet, key: str, port: int) -> None:
    why = _("Inside Harbor’s containers other parts listen on it already.")
    advice = _("Choose another port for the metrics; 9090 is usual.")
    sheet.warning(key, _("Port %(port)s is used inside Harbor.") % {"port": port}, why, advice)


def _https(sheet: Sheet) -> None:
    if not sheet.block("https"):
        return
    names = {
        "https.certificate": (_("The certificate file is not named."), _("The certificate is still the example.")),
        "https.private_key": (_("The private key file is not named."), _("The private key is still the example.")),
    }
    for key, (missing, example) in names.items():
        value = sheet.get(key)
        advice = _("Write the path of the file on Harbor’s machine.")
        if value is None or value == "":
            sheet.error(key, missing, _("prepare stops without it, after it emptied common/config."), advice)
        elif not isinstance(value, str):
            sheet.error(key, missing, _("This is no path."), advice)
        elif value in EXAMPLES:
            sheet.error(key, example, _("There is no file at %(path)s.") % {"path": value}, advice)
        elif of_windows(value):
            why = _("Harbor’s machine runs Linux, so prepare does not find it and stops.")
            sheet.error(key, _("This is a path of Windows."), why, advice)
        elif not value.startswith("/"):
            why = _("prepare looks for it from the root folder of the machine.")
            sheet.warning(key, _("This path does not start with a slash."), why, advice, use=f"/{value}")
        elif below(value, sheet.get("data_volume"), "secret/cert"):
            sheet.error(
                key,
                _("This file lies where prepare puts its own copy."),
                _("prepare deletes that folder before it copies, so the file would be gone for good."),
                _("Keep your certificate elsewhere, for example in /etc/harbor/tls."),
            )
    _swapped(sheet)


def of_windows(path: str) -> bool:
    """Whether `path` has a drive letter in front, or stands on a server as Windows writes it."""
    return re.match(r"[A-Za-z]:[\\/]|\\\\", path) is not None


def below(path: str, data: object, folder: str) -> bool:
    """Whether `path` lies in `folder` of the data folder `data`, or is it."""
    if not isinstance(data, str) or not data.startswith("/"):
        return False
    inside = posixpath.normpath(posixpath.join(data, folder))
    return posixpath.normpath(path) == inside or posixpath.normpath(path).startswith(inside + "/")


def _swapped(sheet: Sheet) -> None:
    paths = {key: str(sheet.get(f"https.{key}") or "") for key in ("certificate", "private_key")}
    names = {key: path.rpartition("/")[2].lower() for key, path in paths.items()}
    private = names["certificate"].endswith(".key") or "privkey" in names["certificate"]
    public = names["private_key"].endswith((".crt", ".cer")) or "fullchain" in names["private_key"]
    same = paths["certificate"] != "" and paths["certificate"] == paths["private_key"]
    if not (private or public) or same:
        return
    for key, looks in (("https.certificate", private), ("https.private_key", public)):
        if looks and not sheet.faulty(key):
            sheet.warning(
                key,
                _("Certificate and private key look swapped."),
                _("nginx would restart for ever, and prepare does not notice."),
                _("Look at the two paths: the certificate is usually the .crt, the key the .key."),
            )


def _admin_password(sheet: Sheet) -> None:
    key = "harbor_admin_password"
    if not sheet.needed(key):
        return
    value = sheet.get(key)
    text = "" if value is None else str(value)
    if isinstance(value, dict | list):
        return
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


def _database(sheet: Sheet) -> None:
    """Either block has to be there; prepare takes an empty one for none."""
    if sheet.block("external_database") or isinstance(sheet.get("external_database"), str | int | list):
        return
    if not sheet.has("database") or not sheet.get("database"):
        if sheet.expected("database") or sheet.has("database"):
            sheet.missing("database", _("Bring the block back as it is in the template, with a password."))
        return
    key = "database.password"
    value = sheet.get(key)
    if not isinstance(sheet.get("database"), dict) or isinstance(value, dict | list):
        return
    if value is None or value == "" or value is False:
        why = _("The database would not start.")
        if sheet.expected(key) or sheet.has(key):
            sheet.empty(key, _("The password of the database is empty."), why)
    elif value == "root123":
        why = _("root123 stands in every copy of the template.")
        advice = _("Set a long random one before the first start.")
        sheet.warning(key, _("The password of the database is the template’s."), why, advice)


RULES = (_ports, _https, _admin_password, _database)
