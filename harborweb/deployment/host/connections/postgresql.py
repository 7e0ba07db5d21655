"""The external database: sign in as Harbor would, and see whether it could make its tables there."""

import re
from typing import Any

import psycopg
from django.utils.translation import gettext as _

from harborweb.deployment.host.connections.asking import resolves, trusted, words
from harborweb.deployment.host.findings import Machine, Sheet

BLOCK = "external_database.harbor"
LEAST = 12  # Harbor's release notes of 2.9: "only PostgreSQL >= 12 is supported for external databases"
MODES = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}
CONNECT = 2  # seconds; libpq takes no less
QUESTIONS = """
select current_setting('server_version_num')::int, current_setting('max_connections')::int,
    current_setting('superuser_reserved_connections')::int, pg_is_in_recovery(),
    current_setting('default_transaction_read_only') = 'on', current_setting('server_encoding'),
    case when to_regnamespace('public') is null then null else has_schema_privilege('public', 'create') end,
    (select count(*) from pg_stat_activity), to_regclass('public.schema_migrations') is not null
"""
NAMES = (
    "version", "most", "reserved", "standby", "read_only", "encoding", "may_create", "used", "has_tables",
)  # fmt: skip


def look(machine: Machine, sheet: Sheet) -> None:
    """Connect and ask."""
    host, port = machine.word(f"{BLOCK}.host"), machine.number(f"{BLOCK}.port", 5432)
    if machine.document.kind(BLOCK) != "mapping" or not host or port is None or not 0 < port < 65536:
        return
    if not resolves(machine, sheet, f"{BLOCK}.host", host):
        return
    mode = machine.word(f"{BLOCK}.ssl_mode") or "disable"
    if mode not in MODES:
        return  # the rules say it
    try:
        with trusted(machine) as authorities, _connected(machine, host, port, mode, authorities) as connection:
            row = connection.execute(QUESTIONS).fetchone()
            facts = dict(zip(NAMES, row or (), strict=True))
            _judge(machine, sheet, connection, facts, f"{host}:{port}")
    except psycopg.Error as error:
        _say(sheet, error, host, port, mode)


def _connected(
    machine: Machine, host: str, port: int, mode: str, authorities: str
) -> "psycopg.Connection[tuple[Any, ...]]":
    return psycopg.connect(
        host=host, port=port, dbname=machine.word(f"{BLOCK}.db_name"), user=machine.word(f"{BLOCK}.username"),
        password=machine.word(f"{BLOCK}.password") or "", passfile="/nonexistent", sslmode=mode, gssencmode="disable",
        # With a file there, libpq takes "require" for "verify-ca"; Harbor's driver does not.
        sslrootcert=authorities if mode.startswith("verify-") else "/nonexistent",
        connect_timeout=CONNECT, autocommit=True, application_name="harborweb",
        options="-c statement_timeout=1500",
    )  # fmt: skip


def _say(sheet: Sheet, error: psycopg.Error, host: str, port: int, mode: str) -> None:
    said = words("; ".join(dict.fromkeys(re.findall(r"port \d+ failed: ([^\n]+)", str(error)))) or error)
    low = said.lower()
    key, advice = f"{BLOCK}.host", _("Look whether the server runs there and this machine may reach it.")
    if "password authentication failed" in low or "no password supplied" in low:
        key = f"{BLOCK}.password"
        advice = _("Set the password of that user, or mend username and password here.")
    elif "does not exist" in low and "database" in low:
        key, advice = f"{BLOCK}.db_name", _("Make it on the server: create database … owner …; Harbor does not.")
    elif "does not exist" in low and "role" in low:
        key, advice = f"{BLOCK}.username", _("Make that user on the server.")
    elif "pg_hba" in low and "no encryption" not in low:
        advice = _("Allow this machine and that user in the server’s pg_hba.conf.")
    elif "certificate" in low or "ssl" in low or "encryption" in low:
        key = f"{BLOCK}.ssl_mode"
        advice = _("Choose the ssl_mode that the server offers; its authority goes into storage_service.ca_bundle.")
    elif "permission denied" in low:
        key, advice = f"{BLOCK}.username", _("Give that user the right to connect to this database.")
    elif "too many" in low or "remaining connection slots" in low:
        advice = _("Raise max_connections on the server, or close what holds the connections.")
    elif "timeout" in low or "timed out" in low:
        advice = _("Look whether the address is right and a firewall drops the connection.")
    place = {"host": host, "port": port, "mode": mode, "said": said}
    sheet.warning(
        key, _("PostgreSQL at %(host)s:%(port)d (ssl_mode %(mode)s): %(said)s.") % place,
        _("Harbor’s core would start again and again."), advice,
    )  # fmt: skip


def _judge(
    machine: Machine, sheet: Sheet, connection: "psycopg.Connection[tuple[Any, ...]]", facts: dict[str, Any], place: str
) -> None:
    version = facts["version"] // 10000
    said = {"version": version, "place": place, "least": LEAST, "user": machine.word(f"{BLOCK}.username")}
    sheet.fine(BLOCK, _("PostgreSQL %(version)d at %(place)s lets Harbor in.") % said)
    if version < LEAST:
        sheet.warning(
            f"{BLOCK}.host", _("PostgreSQL %(version)d is too old.") % said,
            _("Harbor 2.9 and later need PostgreSQL %(least)d: its tables cannot be made in an older one.") % said,
            _("Upgrade the server."),
        )  # fmt: skip
    if facts["standby"] or facts["read_only"]:
        sheet.warning(
            f"{BLOCK}.host", _("The database can only be read: it is a standby, or set read-only."),
            _("Harbor’s core would start again and again."), _("Write the host of the primary server."),
        )  # fmt: skip
    elif not facts["may_create"]:
        sheet.warning(
            f"{BLOCK}.username", _("%(user)s may not make tables in the schema public.") % said,
            _("PostgreSQL 15 and later allow that to the database’s owner only."),
            _("Make %(user)s the owner of the database, or: grant create on schema public to %(user)s;") % said,
        )  # fmt: skip
    if facts["encoding"] != "UTF8":
        text = _("The database is encoded in %(encoding)s.") % {"encoding": facts["encoding"]}
        why = _("Names and labels in other scripts could not be kept.")
        sheet.warning(f"{BLOCK}.db_name", text, why, _("Make it anew with encoding UTF8."))
    _connections(machine, sheet, facts)
    if facts["has_tables"]:
        _migrations(sheet, connection)


def _connections(machine: Machine, sheet: Sheet, facts: dict[str, Any]) -> None:
    """core and jobservice each open up to max_open_conns, the exporter too; 0 means no limit."""
    key = f"{BLOCK}.max_open_conns"
    wanted = machine.number(key, 0)
    if wanted is None:
        return
    room = facts["most"] - facts["reserved"]
    said = {"room": room, "most": facts["most"], "wanted": wanted, "used": facts["used"]}
    if wanted <= 0:
        sheet.unknown(key, _("max_open_conns sets no limit; the server takes %(most)d connections.") % said)
    elif 2 * wanted > room:
        sheet.warning(
            key, _("max_open_conns is %(wanted)d, but the server takes %(most)d connections in all.") % said,
            _("Harbor’s core and jobservice each open as many; what is beyond is refused under load."),
            _("Set max_open_conns to less than half of %(room)d, or raise max_connections on the server.") % said,
        )  # fmt: skip
    else:
        sheet.fine(key, _("The server takes %(most)d connections, %(used)d are open.") % said)


def _migrations(sheet: Sheet, connection: "psycopg.Connection[tuple[Any, ...]]") -> None:
    try:
        row = connection.execute("select version, dirty from public.schema_migrations").fetchone()
    except psycopg.Error as error:
        text = _("Harbor’s tables are there, but may not be read: %(said)s.") % {"said": words(error)}
        sheet.warning(f"{BLOCK}.username", text, "", _("Give them to that user: alter table … owner to …;"))
        return
    if row and row[1]:
        sheet.warning(
            f"{BLOCK}.db_name", _("A change of Harbor’s tables (%(version)s) was interrupted.") % {"version": row[0]},
            _("Harbor’s core refuses to start with a dirty schema."), _("Restore the database from its backup."),
        )  # fmt: skip
    else:
        sheet.fine(BLOCK, _("Harbor’s tables are there already."))
