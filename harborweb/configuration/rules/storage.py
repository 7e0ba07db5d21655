"""Rules for the data folder and the storage drivers."""

import posixpath
import re

from django.utils.translation import gettext as _

from harborweb.configuration.faults import Sheet
from harborweb.configuration.fields import BY_KEY, REQUIRED_WITH
from harborweb.configuration.fields.storage import DRIVERS, KEY

ORDER = ("filesystem", "azure", "gcs", "s3", "swift", "oss")  # prepare takes the first of them that has settings
VOLATILE = ("/tmp", "/run", "/var/run", "/dev", "/proc", "/sys")  # noqa: S108 - named to warn of them
SYSTEM = ("/bin", "/boot", "/etc", "/lib", "/lib64", "/sbin", "/usr", "/var", "/root", "/home", "/opt", "/srv")
UNLESS = {"azure.accountkey": "azure.credentials"}  # distribution 3 takes the other one instead


def _data_volume(sheet: Sheet) -> None:
    key = "data_volume"
    if not sheet.needed(key):
        return
    value = sheet.get(key)
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
    elif "\n" in words:
        sheet.error(
            key,
            _("More than one line names a data_volume."),
            _("prepare’s shell takes all of them together, and docker refuses that."),
            _("Leave one line; rename or delete the other."),
        )
    elif words != str(value) or not isinstance(value, str):
        sheet.error(
            key,
            _("prepare does not read this path as it is meant."),
            _("It takes the last word of the line: no quotes, no spaces, no comment behind it."),
            advice,
        )
    else:
        _data_path(sheet, key, value, advice)


def _data_path(sheet: Sheet, key: str, value: str, advice: str) -> None:
    normal = posixpath.normpath(value)
    if not value.startswith("/"):
        why = _("docker would take it for the name of a volume, and Harbor would start empty.")
        sheet.error(key, _("The data folder is not a path of its own."), why, advice)
    elif normal.strip("/") == "":
        why = _("Harbor would write into the root folder of the machine.")
        sheet.error(key, _("The data folder is not a path of its own."), why, advice)
    elif ":" in value or "$" in value:
        why = _("docker takes a colon for the end of the path, and nothing puts in what a $ stands for.")
        sheet.error(key, _("The data folder has a character that docker does not take as it stands."), why, advice)
    elif any(normal == folder or normal.startswith(folder + "/") for folder in VOLATILE):
        why = _("What lies there is gone after a restart of the machine, or is no disk at all.")
        sheet.warning(key, _("The data folder lies where nothing lasts."), why, advice)
    elif normal in SYSTEM:
        why = _("Harbor changes the owner of folders in it.")
        sheet.warning(key, _("The data folder is a folder of the system."), why, advice)


def shell_reads(text: str) -> str:
    """What prepare's shell takes for data_volume: `grep '^[^#]*data_volume:' | awk '{print $NF}'`."""
    lines = [line for line in text.split("\n") if re.match(r"[^#]*data_volume:", line)]
    return "\n".join(re.split(r"[ \t]+", line.strip(" \t"))[-1] for line in lines)


def _storage(sheet: Sheet) -> None:
    if not sheet.block(KEY):
        return
    with_settings = [name for name in ORDER if sheet.get(f"{KEY}.{name}")]
    for name in sheet.get(KEY):
        if str(name) not in (*DRIVERS, "ca_bundle", "redirect"):
            _unknown_driver(sheet, f"{KEY}.{name}", str(name), lonely=not with_settings)
    for name in DRIVERS:
        driver = f"{KEY}.{name}"
        if sheet.has(driver) and not sheet.get(driver) and name != "filesystem":
            why = _("Harbor would silently store on the file system.")
            what = _("The storage driver %(name)s has no settings.") % {"name": name}
            sheet.error(driver, what, why, _("Fill it in."))
    for name in with_settings[1:]:
        why = _("Harbor would silently take %(first)s.") % {"first": with_settings[0]}
        what = _("There are two storage drivers.")
        sheet.error(f"{KEY}.{name}", what, why, _("Leave one of them."))
    if with_settings and sheet.block(f"{KEY}.{with_settings[0]}"):
        _driver(sheet, with_settings[0])
    if sheet.block(f"{KEY}.redirect") and not sheet.has(f"{KEY}.redirect.disable"):
        advice = _("Write disable: true or disable: false below redirect.")
        sheet.missing(f"{KEY}.redirect.disable", advice)


def _ca_bundle(sheet: Sheet) -> None:
    """prepare takes /data for the data folder, wherever that is; every other path is one of the machine."""
    key = f"{KEY}.ca_bundle"
    value, data = sheet.get(key), sheet.get("data_volume")
    if not isinstance(value, str) or not isinstance(data, str) or not value.startswith("/data/"):
        return
    if data.rstrip("/") != "/data":
        there = posixpath.join(data, value.removeprefix("/data/"))
        why = _("prepare takes /data for the data folder, so it looks for %(path)s.") % {"path": there}
        sheet.warning(key, _("This path means another place."), why, _("Keep the file outside of /data."))


def _unknown_driver(sheet: Sheet, key: str, name: str, *, lonely: bool) -> None:
    what = _("There is no storage driver %(name)s.") % {"name": name}
    advice = _("Choose one of: %(allowed)s.") % {"allowed": ", ".join(DRIVERS)}
    if lonely:
        sheet.error(key, what, _("Harbor would silently store on the file system."), advice)
    else:
        sheet.warning(key, what, _("prepare passes over it without a word."), advice)


def _driver(sheet: Sheet, name: str) -> None:
    """What the registry needs of this driver before it starts."""
    for key in REQUIRED_WITH.get(f"{KEY}.{name}", ()):
        if name == "filesystem" or sheet.get(key) not in (None, ""):
            continue
        instead = UNLESS.get(key.removeprefix(f"{KEY}."))
        if instead and sheet.get(f"{KEY}.{instead}"):
            continue
        what = _("%(label)s of the storage is missing.") % {"label": BY_KEY[key].label}
        sheet.error(key, what, _("Harbor’s registry would not start."), _("Write %(key)s.") % {"key": key})
    if name == "s3" and bool(sheet.get(f"{KEY}.s3.accesskey")) != bool(sheet.get(f"{KEY}.s3.secretkey")):
        half = "secretkey" if sheet.get(f"{KEY}.s3.accesskey") else "accesskey"
        why = _("S3 takes both, or neither where the machine itself has a role.")
        sheet.warning(f"{KEY}.s3.{half}", _("One of the two keys for S3 is missing."), why, _("Fill it in."))
    root = sheet.get(f"{KEY}.filesystem.rootdirectory")
    if name == "filesystem" and isinstance(root, str) and posixpath.normpath(root) != "/storage":
        why = _("Only /storage of the registry’s container lies in the data folder; the rest goes with the container.")
        advice = _("Delete this line; the data folder decides where images lie.")
        sheet.warning(f"{KEY}.filesystem.rootdirectory", _("Images would not be in the data folder."), why, advice)


RULES = (_data_volume, _storage, _ca_bundle)
