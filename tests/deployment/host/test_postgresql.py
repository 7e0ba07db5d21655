"""external_database against a real PostgreSQL: what it says is what is shown."""

from pathlib import Path

import pytest

from harborweb.deployment.host.connections import postgresql
from tests import parts
from tests.deployment.host import servers
from tests.deployment.host.look import faults, findings, the_one

SECRET = "db-secret-7"


def text(port: int, more: str = "", **changed: object) -> str:
    values = {
        "host": "127.0.0.1", "port": port, "db_name": "registry", "username": "plain", "password": SECRET,
        "ssl_mode": "disable", "max_open_conns": 10, **changed,
    }  # fmt: skip
    lines = "".join(f"    {key}: {value}\n" for key, value in values.items())
    return f"hostname: r.example\nexternal_database:\n  harbor:\n{lines}{more}"


def test_a_database_that_works(database: servers.PostgreSQL) -> None:
    assert faults(postgresql.look, text(database.port)) == []
    assert faults(postgresql.look, text(database.port, ssl_mode="require")) == []
    fine = [one.message for one in findings(postgresql.look, text(database.port)) if one.state == "fine"]
    assert any("lets Harbor in" in message for message in fine)


@pytest.mark.parametrize(
    ("changed", "key", "words"),
    [
        ({"password": "wrong-one"}, "password", 'password authentication failed for user "plain"'),
        ({"username": "nobody1"}, "password", "password authentication failed"),
        ({"db_name": "none"}, "db_name", 'database "none" does not exist'),
        ({"username": "tls"}, "ssl_mode", "no encryption"),
        ({"ssl_mode": "verify-ca"}, "ssl_mode", "certificate verify failed"),
        ({"ssl_mode": "verify-full"}, "ssl_mode", "certificate verify failed"),
        ({"username": "guest"}, "username", "guest may not make tables"),
        ({"max_open_conns": 100}, "max_open_conns", "the server takes 40 connections"),
    ],
)
def test_what_is_wrong_is_said_in_its_words(
    database: servers.PostgreSQL, changed: dict[str, object], key: str, words: str
) -> None:
    found = the_one(postgresql.look, text(database.port, **changed))
    assert (found.state, found.key) == ("warning", f"external_database.harbor.{key}")
    assert words in found.message
    assert found.advice
    lines = text(database.port, **changed).split("\n")
    assert found.line is not None
    assert lines[found.line - 1].startswith(f"    {key}:")


def test_no_password_is_ever_shown(database: servers.PostgreSQL) -> None:
    for changed in ({}, {"password": "wrong-one"}, {"username": "tls"}, {"db_name": SECRET}):
        for one in findings(postgresql.look, text(database.port, **changed)):
            assert SECRET not in f"{one.message}{one.why}{one.advice}"
            assert "wrong-one" not in f"{one.message}{one.why}{one.advice}"


def test_the_authority_of_the_storage_counts_for_the_database_too(database: servers.PostgreSQL) -> None:
    more = f"storage_service:\n  ca_bundle: {database.ca}\n"
    for mode in ("verify-ca", "verify-full"):
        assert faults(postgresql.look, text(database.port, more, ssl_mode=mode)) == []
    by_name = the_one(postgresql.look, text(database.port, more, ssl_mode="verify-full", host="127.0.0.2"))
    assert by_name.key.startswith("external_database.harbor.")


def test_an_old_server(database: servers.PostgreSQL, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "LEAST", 99)
    found = the_one(postgresql.look, text(database.port))
    assert "too old" in found.message
    assert "PostgreSQL 99" in found.why


def test_a_database_that_can_only_be_read(database: servers.PostgreSQL) -> None:
    database.run("alter role plain in database other set default_transaction_read_only = on")
    assert "read-only" in the_one(postgresql.look, text(database.port, db_name="other")).message


def test_a_user_that_may_not_even_connect(database: servers.PostgreSQL) -> None:
    database.run("drop database if exists closed")
    database.run("create database closed owner plain")
    database.run("revoke connect on database closed from public")
    found = the_one(postgresql.look, text(database.port, username="guest", db_name="closed"))
    assert found.key == "external_database.harbor.username"
    assert 'permission denied for database "closed"' in found.message


def test_harbors_own_tables(database: servers.PostgreSQL) -> None:
    database.run("drop database if exists old")
    database.run("create database old owner plain encoding 'LATIN1' template template0")
    found = [one.message for one in findings(postgresql.look, text(database.port, db_name="old"))]
    assert any("encoded in LATIN1" in message for message in found)
    database.run("create table schema_migrations (version bigint, dirty boolean)", "old")
    assert any(
        "may not be read" in one.message for one in findings(postgresql.look, text(database.port, db_name="old"))
    )
    database.run("grant select on schema_migrations to plain; insert into schema_migrations values (160, true)", "old")
    assert any("interrupted" in one.message for one in findings(postgresql.look, text(database.port, db_name="old")))


def test_nobody_there() -> None:
    found = the_one(postgresql.look, text(parts.free_port()))
    assert "Connection refused" in found.message
    assert found.key == "external_database.harbor.host"


def test_a_name_that_is_none() -> None:
    found = the_one(postgresql.look, text(5432, host="db.invalid"))
    assert "does not resolve" in found.message


def test_another_program_on_that_port(tmp_path: Path) -> None:
    with servers.redis(tmp_path) as port:
        found = the_one(postgresql.look, text(port))
    assert found.state == "warning"


@pytest.mark.parametrize(
    "broken", ["external_database:\n", "external_database: yes\n", "external_database:\n  harbor:\n"]
)
def test_half_a_block_is_the_rules_affair(broken: str) -> None:
    assert findings(postgresql.look, "hostname: a\n" + broken) == []
    assert faults(postgresql.look, text(0)) == []
    assert faults(postgresql.look, text(5432, ssl_mode="maybe")) == []
