"""What does not move along when the configuration of a Harbor that has run changes."""

import pytest

from harborweb.configuration.text.document import Document
from harborweb.deployment import lasting

RUNS = """\
hostname: a.example
http:
  port: 80
harbor_admin_password: First-1
database:
  password: second
data_volume: /srv/data
_version: 2.14.0
"""
DB = "external_database:\n  harbor:\n    host: h\n    port: 5432\n    db_name: r\n    username: u\n    password: p\n"
S3 = "storage_service:\n  s3:\n    bucket: b\n    region: r\n    accesskey: k\n"
BEFORE_AND_AFTER = {
    "nothing": (RUNS, RUNS, ()),
    "address": (RUNS, RUNS.replace("a.example", "b.example").replace("80", "81"), ()),
    "version": (RUNS, RUNS.replace("2.14", "2.15"), ()),
    "folder": (RUNS, RUNS.replace("/srv/data", "/srv/other"), ("data_volume",)),
    "folder with a slash": (RUNS, RUNS.replace("/srv/data", "/srv/data/"), ()),
    "admin": (RUNS, RUNS.replace("First-1", "Other-1"), ("harbor_admin_password",)),
    "database password": (RUNS, RUNS.replace("second", "third"), ("database.password",)),
    "database password in quotes": (RUNS, RUNS.replace("second", "'second'"), ()),
    "password of an unused database": (RUNS + DB, (RUNS + DB).replace("second", "third"), ()),
    "another database": (RUNS, RUNS + DB, ("The database",)),
    "back to the own one": (RUNS + DB, RUNS.replace("second", "third"), ("The database",)),
    "database moved": (RUNS + DB, RUNS + DB.replace("host: h", "host: i"), ("The database",)),
    "database user": (RUNS + DB, RUNS + DB.replace("username: u", "username: v"), ()),
    "to s3": (RUNS, RUNS + S3, ("The storage",)),
    "another bucket": (RUNS + S3, RUNS + S3.replace("bucket: b", "bucket: c"), ("The storage",)),
    "another key": (RUNS + S3, RUNS + S3.replace("accesskey: k", "accesskey: l"), ()),
    "a driver without settings": (RUNS, RUNS + "storage_service:\n  s3:\n", ()),
    "the disk in words": (RUNS, RUNS + "storage_service:\n  filesystem:\n    maxthreads: 50\n", ()),
    "all": (RUNS, RUNS.replace("/srv/data", "/x") + DB + S3, ("data_volume", "The storage", "The database")),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "said"), BEFORE_AND_AFTER.values(), ids=BEFORE_AND_AFTER)
def test_what_does_not_move_along_is_said_once(old: str, new: str, said: tuple[str, ...]) -> None:
    found = list(lasting.warnings(Document(old), Document(new)))
    assert len(found) == len(said), found
    for sentence, begins in zip(found, said, strict=True):
        assert sentence.startswith(begins)


def test_an_older_harbor_is_said() -> None:
    assert "v2.14.3 is older than v2.15.2" in lasting.of_version("v2.15.2", "v2.14.3")
    assert "only from 2.13 on" in lasting.of_version("v2.11.0", "v2.15.2")
    assert [lasting.of_version(*two) for two in (("v2.14.0", "v2.15.2"), ("v2.15.2", "v2.15.2"), ("", ""))] == [""] * 3
