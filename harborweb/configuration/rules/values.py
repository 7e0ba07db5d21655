"""The general rule: every value is what the table of keys says it takes. Silent where a rule of its own has spoken.

prepare checks no types: it writes whatever it finds into files that Harbor's programs read. So a number in quotes is
a number, and this must not refuse it; a word where a number belongs stops the program that reads it.
"""

import posixpath
import re
from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _

from harborweb.configuration.faults import Sheet, shown_value
from harborweb.configuration.fields import FIELDS, Field, Kind, Source
from harborweb.configuration.parsing import DURATION, FRACTION, HOURS, SIZE
from harborweb.configuration.rules.entrance import of_windows
from harborweb.configuration.text.document import Document
from harborweb.configuration.text.reading import TextProblem

# prepare's own ifs, and those of its templates: there any text counts as yes.
PYTHON_DECIDES = frozenset(
    [
        "https.strong_ssl_ciphers", "ip_family.ipv4.enabled", "ip_family.ipv6.enabled", "internal_tls.enabled",
        "storage_service.redirect.disable", "metric.enabled", "trace.enabled", "upload_purging.enabled",
        "upload_purging.dryrun", "cache.enabled", "external_redis.tlsOptions.enable",
    ]
)  # fmt: skip
BLOCKS_OFF = {
    "metric": "metric.enabled", "trace": "trace.enabled", "upload_purging": "upload_purging.enabled",
    "cache": "cache.enabled", "internal_tls": "internal_tls.enabled",
}  # fmt: skip
PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9+=._-]{8,}")  # surely text; most keys and names are
# A wrong value here spoils that one thing, and Harbor itself runs on.
SPARE = (
    "trivy.", "log.local.", "proxy.", "notification.", "database.", "external_database.harbor.max_", "trace.",
    "external_redis.idle", "external_redis.tlsOptions", "ip_family.", "uaa.", "jobservice.max_job_duration_hours",
)  # fmt: skip
YES_NO = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "t", "f", "1", "0"})


def _values(sheet: Sheet) -> None:
    for field in FIELDS:
        if not sheet.has(field.key) or sheet.faulty(field.key):
            continue
        value = sheet.get(field.key)
        if value is None:
            _empty(sheet, field)
        elif isinstance(value, dict | list) and field.kind not in (Kind.LIST, Kind.MAPPING):
            _no_scalar(sheet, field, value)
        elif (rule := BY_KIND.get(field.kind)) is not None:
            rule(sheet, field, value)


def _say(sheet: Sheet, field: Field, message: str, why: str, advice: str) -> None:
    """An error where Harbor would fail over it; a warning where the block is off, or Harbor runs on without."""
    off = _off(sheet, field)
    if off or field.key.startswith(SPARE):
        sheet.warning(field.key, message, "" if off else why, advice)
    else:
        sheet.error(field.key, message, why, advice)


def _off(sheet: Sheet, field: Field) -> bool:
    """Whether the block of this key is switched off by a key of its own."""
    switch = BLOCKS_OFF.get(field.key.partition(".")[0])
    return switch is not None and not sheet.on(switch)


def _empty(sheet: Sheet, field: Field) -> None:
    """A key without a value, which prepare reads and writes down as None where it has no default."""
    if field.optional or field.kind in (Kind.BOOLEAN, Kind.MAPPING) or field.key in ("log.level", "_version"):
        return
    if field.key == "uaa.ca_file" or _off(sheet, field):
        return
    what = _("%(key)s is empty.") % {"key": field.key}
    sheet.warning(field.key, what, "", _("Fill it in, or bring the line back as it is in the template."))


def _no_scalar(sheet: Sheet, field: Field, value: Any) -> None:
    what = _("%(key)s takes one value.") % {"key": field.key}
    advice = _("Write it on one line, without dashes and without keys below it.")
    if value and field.key in PYTHON_DECIDES:
        sheet.warning(field.key, what, _("prepare takes any list here for true."), advice)
    elif value:
        why = _("prepare would write the list down as if it were text.")
        _say(sheet, field, what, why, advice)
    else:
        sheet.warning(field.key, what, "", advice)


def _text(sheet: Sheet, field: Field, value: Any) -> None:
    """Text without quotes that YAML reads as something else: `yes` becomes True, 0123 becomes 83."""
    if isinstance(value, str):
        _one_line(sheet, field, value)
        return
    entry = sheet.document.tree.entries.get(tuple(field.key.split(".")))
    if entry is None or entry.alias or str(value) == entry.content:
        return
    sheet.warning(
        field.key,
        _("YAML does not read this as text."),
        _("It takes it for something else and writes it differently.")
        if field.secret
        else _("It reads %(value)s.") % {"value": shown_value(value)},
        _("Put single quotes around it."),
    )


def _one_line(sheet: Sheet, field: Field, value: str) -> None:
    """prepare writes text into other files as it stands, without quotes."""
    if "\n" in value.strip() or "\r" in value:
        what = _("%(key)s takes one line.") % {"key": field.key}
        sheet.warning(field.key, what, _("prepare writes it down with its line breaks."), _("Write it on one line."))
    elif field.source is Source.DISTRIBUTION and not _survives(value):
        what = _("The registry would not read this as it is written here.")
        why = _("prepare hands it on without quotes, and YAML then takes it for something else.")
        sheet.warning(field.key, what, why, _("Choose a value of letters and digits that is no number."))


def _survives(value: str) -> bool:
    """Whether YAML reads the same text when its quotes are gone."""
    if not value or PLAIN.fullmatch(value):
        return True
    try:
        return Document(f"key: {value}\n").get("key") == value
    except TextProblem:
        return False


def _number(sheet: Sheet, field: Field, value: Any) -> None:
    number = int(value) if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,18}", value) else value
    what = _("%(key)s takes a whole number.") % {"key": field.key}
    if field.optional and (value == "" or value is False):  # prepare takes its default
        sheet.warning(field.key, what, "", _("Write digits alone."))
        return
    if isinstance(number, bool) or not isinstance(number, int):
        _say(sheet, field, what, _("The part of Harbor that reads it may not start."), _("Write digits alone."))
        return
    _odd_digits(sheet, field, value)
    if number == 1 and not isinstance(value, str) and field.key.startswith("storage_service."):
        what, why = _("prepare writes this 1 down as true."), _("The registry does not start with that.")
        sheet.warning(field.key, what, why, _("Put the 1 in quotes, or take another number."))
        return
    bounds = {"least": field.least, "most": field.most}
    if field.least is not None and number < field.least:
        _bound(sheet, field, _("This is less than %(least)s.") % bounds)
    elif field.most is not None and number > field.most:
        _bound(sheet, field, _("This is more than %(most)s.") % bounds)


def _odd_digits(sheet: Sheet, field: Field, value: Any) -> None:
    """A number that YAML reads with another base than ten: 0443 is 291, 5:30 is 330."""
    entry = sheet.document.tree.entries.get(tuple(field.key.split(".")))
    if entry is None or entry.style or not re.fullmatch(r"[+-]?(0[0-9_]+|[0-9_]+(:[0-9_]+)+)", entry.content):
        return
    if isinstance(value, int) and str(value) != entry.content:
        what = _("YAML reads %(value)s here.") % {"value": shown_value(value)}
        why = _("A 0 in front, or a colon, makes another number of it.")
        sheet.warning(field.key, what, why, _("Write the digits alone."))


def _bound(sheet: Sheet, field: Field, what: str) -> None:
    driver = field.source is Source.DISTRIBUTION and field.name in ("chunksize", "multipartcopychunksize")
    if driver:
        sheet.error(field.key, what, _("Harbor’s registry would not start."), str(field.help))
    else:
        sheet.warning(field.key, what, "", str(field.help))


def _fraction(sheet: Sheet, field: Field, value: Any) -> None:
    number = float(value) if isinstance(value, str) and FRACTION.fullmatch(value) else value
    if isinstance(number, bool) or not isinstance(number, int | float):
        _say(sheet, field, _("%(key)s takes a number.") % {"key": field.key}, "", _("Write for example 0.5."))
    elif not 0 <= number <= 1:
        sheet.warning(field.key, _("This is not between 0 and 1."), "", _("1 means all, 0.5 means half of them."))


def _boolean(sheet: Sheet, field: Field, value: Any) -> None:
    if isinstance(value, bool):
        return
    advice = _("Write true or false, without quotes.")
    what = _("%(key)s is either true or false.") % {"key": field.key}
    if field.key in PYTHON_DECIDES:
        why = _("prepare takes any text here for true.") if value else ""
        sheet.warning(field.key, what, why, advice)
    elif field.source is Source.DISTRIBUTION and (value == 1 or value == ""):
        return  # prepare writes the first down as true, the second as nothing: the driver's default
    elif str(value).lower() not in YES_NO or (field.source is Source.DISTRIBUTION and str(value) in ("0", "1")):
        _say(sheet, field, what, _("The part of Harbor that reads it may not start."), advice)
    elif field.source is not Source.DISTRIBUTION and not isinstance(value, str):
        sheet.warning(field.key, what, "", advice)


def _choice(sheet: Sheet, field: Field, value: Any) -> None:
    if value in field.choices or str(value).lower() in {choice.lower() for choice in field.choices}:
        return
    sheet.warning(
        field.key,
        _("%(value)s is not known for %(key)s.") % {"value": shown_value(value), "key": field.key},
        "",
        _("Choose one of: %(allowed)s.") % {"allowed": ", ".join(field.choices)},
    )


def _duration(sheet: Sheet, field: Field, value: Any) -> None:
    if isinstance(value, bool) or not DURATION.fullmatch(str(value)):
        what = _("%(key)s takes a time with its unit.") % {"key": field.key}
        sheet.warning(field.key, what, _("Harbor may not start with it."), _("Write for example 90s, 5m or 1h30m."))


def _hours(sheet: Sheet, field: Field, value: Any) -> None:
    if not (isinstance(value, str) and HOURS.fullmatch(value)):
        what = _("This takes hours, with an h behind the number.")
        sheet.warning(field.key, what, _("Switched on, prepare would stop here."), _("Write for example 24h."))


def _size(sheet: Sheet, field: Field, value: Any) -> None:
    if isinstance(value, bool) or not SIZE.fullmatch(str(value)):
        what = _("%(key)s takes a number of bytes, or a number with k, M or G behind it.") % {"key": field.key}
        sheet.warning(field.key, what, _("Logs would not be rotated and fill the disk."), _("Write for example 200M."))


def _path(sheet: Sheet, field: Field, value: Any) -> None:
    advice = _("Write a whole path on Harbor’s machine.")
    if not isinstance(value, str):
        if value:
            _say(sheet, field, _("%(key)s is no path.") % {"key": field.key}, _("prepare may stop here."), advice)
    elif of_windows(value):
        why = _("Harbor’s machine runs Linux; nothing is found there.")
        _say(sheet, field, _("This is a path of Windows."), why, advice)
    elif value and not posixpath.isabs(value):
        why = _("prepare looks for it from the root folder of the machine.")
        sheet.warning(field.key, _("This path does not start with a slash."), why, advice)


def _port(sheet: Sheet, field: Field, value: Any) -> None:
    before = len(sheet.faults)
    sheet.port(field.key)
    if len(sheet.faults) > before:
        fault = sheet.faults.pop()
        _say(sheet, field, fault.message, fault.why, fault.advice)
    else:
        _odd_digits(sheet, field, value)


def _url(sheet: Sheet, field: Field, value: Any) -> None:
    _text(sheet, field, value)
    if sheet.faulty(field.key):
        return
    if isinstance(value, str) and value and field.key.startswith(("trace.", "storage_service.")) and "://" not in value:
        advice = _("Write it with http:// or https:// in front.")
        sheet.warning(field.key, _("This address has no scheme."), "", advice)


def _list(sheet: Sheet, field: Field, value: Any) -> None:
    if value and not isinstance(value, list):
        advice = _("Write each on a line of its own, with a dash in front.")
        _say(sheet, field, _("%(key)s is no list.") % {"key": field.key}, "", advice)


def _mapping(sheet: Sheet, field: Field, value: Any) -> None:
    if value and not isinstance(value, dict):
        advice = _("Write a name, a colon and a value on each line below it.")
        _say(sheet, field, _("%(key)s is no block of keys.") % {"key": field.key}, _("prepare stops here."), advice)


BY_KIND: dict[Kind, Callable[[Sheet, Field, Any], None]] = {
    Kind.TEXT: _text, Kind.PASSWORD: _text, Kind.HOST: _text, Kind.URL: _url, Kind.PATH: _path, Kind.PORT: _port,
    Kind.NUMBER: _number, Kind.FRACTION: _fraction, Kind.BOOLEAN: _boolean, Kind.CHOICE: _choice, Kind.LIST: _list,
    Kind.DURATION: _duration, Kind.HOURS: _hours, Kind.SIZE: _size, Kind.MAPPING: _mapping,
}  # fmt: skip

RULES = (_values,)
