"""What a Harbor that has run does not take along when its harbor.yml changes. Pure.

Facts on prepare: the password of admin counts at the first start alone, that of the database is set then, and another
data folder starts an empty Harbor. Another database or storage is the same: nothing moves by itself.
"""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from harborweb.configuration.faults import Sheet
from harborweb.configuration.rules.storage import ORDER
from harborweb.configuration.text.document import Document
from harborweb.deployment.upgrade import versions

STORAGE = "storage_service"
DATABASE = "external_database.harbor"
# Where a driver keeps images; its other keys say how it gets there.
PLACES = (
    "rootdirectory", "bucket", "regionendpoint", "container", "accountname", "realm", "serviceurl", "prefix",
    "authurl", "tenant", "tenantid", "endpoint",
)  # fmt: skip


def warnings(old: Document, new: Document) -> Iterator[str]:
    """A sentence for each change from `old`, which has run, to `new` that brings more, or less, than it says."""
    before, after = Sheet(old), Sheet(new)
    if _folder(before) != _folder(after):
        yield _("data_volume changes: Harbor will start with what lies in the new folder, and empty if nothing does.")
    if _storage(before) != _storage(after):
        yield _(
            "The storage changes: Harbor finds only the images that lie in the new one. Copy them there before, or "
            "pulls fail."
        )
    if _database(before) != _database(after):
        yield _(
            "The database changes: Harbor will start with what the new one holds, and empty if that is nothing. "
            "Projects, users and robots stay in the old one."
        )
    elif not after.block("external_database") and _differs(before, after, "database.password"):
        yield _(
            "database.password changes: the database keeps the one it was made with, so Harbor’s core would not get "
            "in. Write the old one back, or change it in the database as well."
        )
    if _differs(before, after, "harbor_admin_password"):
        yield _(
            "harbor_admin_password changes: it counts when Harbor starts for the first time; later it is changed in "
            "Harbor itself."
        )


def of_version(old: str, new: str) -> str:
    """The same for the installers' versions; empty when Harbor supports going from `old` to `new`."""
    way = versions.way(old, new)
    return f"{way.title} {way.text}" if way.kind in {"downgrade", "far"} else ""


def _differs(before: Sheet, after: Sheet, key: str) -> bool:
    return _word(before, key) != _word(after, key)


def _word(sheet: Sheet, key: str) -> str:
    """The value as prepare writes it down: 0123 in quotes and without are two."""
    value = sheet.get(key)
    return "" if value is None else str(value)


def _folder(sheet: Sheet) -> str:
    return _word(sheet, "data_volume").rstrip("/")


def _storage(sheet: Sheet) -> tuple[str, ...]:
    driver = next((name for name in ORDER if sheet.get(f"{STORAGE}.{name}")), "filesystem")
    places = tuple(_word(sheet, f"{STORAGE}.{driver}.{name}").strip("/") for name in PLACES)
    if driver == "filesystem":
        return (driver, places[0] or "storage")
    return (driver, *places)


def _database(sheet: Sheet) -> tuple[str, ...]:
    if not sheet.block("external_database"):
        return ()
    return tuple(_word(sheet, f"{DATABASE}.{name}") for name in ("host", "port", "db_name"))
