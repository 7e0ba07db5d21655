"""Rules for keys that nobody reads: misspelt, in the wrong place, of an older or a newer Harbor."""

from difflib import get_close_matches
from functools import cache
from typing import Any

from django.utils.translation import gettext as _

from harborweb.configuration.faults import Sheet, shown_value
from harborweb.configuration.fields import BY_KEY, FIELDS
from harborweb.configuration.rules.blocks import PARENTS

KNOWN = frozenset((*BY_KEY, *PARENTS))
TOP = frozenset(key for key in KNOWN if "." not in key)
# Keys that Harbor once had, with the version that no longer did where that is sure.
GONE = {
    "chartmuseum": "2.8", "chart": "2.8", "notary": "2.9", "clair": "2.2", "admiral_url": "",
    "external_database.clair": "2.2", "external_database.notary_signer": "2.9",
    "external_database.notary_server": "2.9", "external_redis.chartmuseum_db_index": "2.8",
    "external_redis.clair_db_index": "2.2", "external_redis.port": "",
}  # fmt: skip
ELSEWHERE = frozenset({"internal_tls.strong_ssl_ciphers"})  # old files have it here; prepare migrate still reads it
MOST = 50  # unknown keys of one block that are named; who has more has another file

NAME = 60  # characters of a name; the longest key has 32


def _unknown(sheet: Sheet) -> None:
    _block(sheet, "", sheet.values)


def _block(sheet: Sheet, block: str, values: dict[Any, Any]) -> None:
    """Every key of one block. Blocks that nobody knows are not entered."""
    said = 0
    for name, value in values.items():
        key = f"{block}.{name}" if block else str(name)
        if key in KNOWN:
            _too_new(sheet, key)
            if key in PARENTS and isinstance(value, dict):
                _block(sheet, key, value)
        elif said < MOST and key not in ELSEWHERE and not _kept(sheet, key) and not sheet.faulty(key):
            _say(sheet, key, block)
            said += 1


def _kept(sheet: Sheet, key: str) -> bool:
    """Whether the installer's template has this key although the table does not, or it is a parameter of a driver."""
    if sheet.template is not None and sheet.template.knows(key):
        return True
    return key == "storage_service.azure.credentials" or (
        key.count(".") == 1 and key.startswith("storage_service.")  # the drivers have a rule of their own
    )


def _say(sheet: Sheet, key: str, block: str) -> None:
    why = _("prepare passes over it without a word.")
    name = key.rpartition(".")[2]
    what = _("Harbor does not know %(key)s.") % {"key": shown_value(key)}
    if key in GONE:
        if GONE[key]:
            what = _("Harbor has had no %(key)s since %(version)s.") % {"key": key, "version": GONE[key]}
        sheet.warning(key, what, why, _("Delete it."))
        return
    if block.startswith("storage_service."):
        why = _("prepare hands it on to the registry, which may not know it either.")
    meant = _meant(name, block)
    advice = _("Did you mean %(meant)s?") % {"meant": meant} if meant else _("Delete it, or mend its name.")
    sheet.warning(key, what, why, advice)


@cache
def _names(block: str) -> dict[str, str]:
    """The known keys directly in `block`, by their names as people misspell them least."""
    prefix = f"{block}." if block else ""
    shorts = {key.removeprefix(prefix): key for key in KNOWN if key.startswith(prefix)}
    return {_plain(short): key for short, key in shorts.items() if "." not in short}


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")


def _meant(name: str, block: str) -> str:
    """The key that was surely meant: nearly the same name here, or the same name elsewhere."""
    names = _names(block)
    close = get_close_matches(_plain(name[:NAME]), names, n=1, cutoff=0.75)
    if close:
        return names[close[0]]
    if block and name in TOP:
        return _("%(name)s at the beginning of a line") % {"name": name}
    same = [field.key for field in FIELDS if field.name == name]
    if len(same) == 1 and not block:
        return _("%(key)s, two spaces further in") % {"key": same[0]}
    return ", ".join(same[:3])


def _too_new(sheet: Sheet, key: str) -> None:
    """A key that the installer's Harbor does not read yet."""
    version = str(sheet.template.get("_version") or "") if sheet.template else ""
    field = BY_KEY.get(key)
    if field is None or not version or sheet.template is None or sheet.template.knows(key):
        return
    if _number(field.since) > _number(version):
        what = _("%(key)s is new in Harbor %(since)s, and the installer is %(version)s.")
        shown = {"key": key, "since": field.since, "version": version}
        sheet.warning(key, what % shown, _("Its prepare passes over it without a word."), _("Delete it, or upgrade."))


def _number(version: str) -> tuple[int, ...]:
    parts = version.removeprefix("v").split(".")[:2]
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else (0,)


RULES = (_unknown,)
