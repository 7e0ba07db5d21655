"""The external Redis: plain, with password, with TLS, and behind sentinels; every database number that is used."""

import re
import secrets
import ssl
from pathlib import Path
from typing import Any

import redis
from django.utils.translation import gettext as _
from redis.backoff import NoBackoff
from redis.retry import Retry

from harborweb.deployment.host.connections.asking import (
    ANSWER,
    CONNECT,
    host_and_port,
    resolves,
    takes_connections,
    trusted,
    words,
)
from harborweb.deployment.host.findings import Machine, Sheet

BLOCK = "external_redis"
HOST = f"{BLOCK}.host"
MASTER_SET = f"{BLOCK}.sentinel_master_set"
ROOT_CA = f"{BLOCK}.tlsOptions.rootCA"
# Defaults of prepare (facts: the template); an index that is not set is the one Harbor takes.
INDEXES = {
    "registry_db_index": 1, "jobservice_db_index": 2, "trivy_db_index": 5, "harbor_db_index": 0,
    "cache_layer_db_index": 0,
}  # fmt: skip
MOST_SENTINELS = 5
Client = Any  # redis.Redis; its type differs between the versions of its stubs


def look(machine: Machine, sheet: Sheet) -> None:
    """Connect to Redis, or through its sentinels to the master."""
    if machine.document.kind(BLOCK) != "mapping" or not machine.word(HOST):
        return
    authority = machine.word(ROOT_CA)
    if machine.on(f"{BLOCK}.tlsOptions.enable") and authority and not Path(authority).is_file():
        return  # said by the check of the files
    with trusted(machine, authority) as authorities:
        _connect(machine, sheet, authorities)


def _connect(machine: Machine, sheet: Sheet, authorities: str) -> None:
    hosts = [part for part in machine.word(HOST).split(",") if part.strip()]
    if machine.word(MASTER_SET):
        place = _through_sentinels(machine, sheet, hosts, authorities)
    elif len(hosts) > 1:
        text = _("host names several servers, but sentinel_master_set is not set.")
        sheet.warning(HOST, text, "", _("Set sentinel_master_set, or write one server."))
        return
    else:
        place = host_and_port(machine.word(HOST), 6379)
    if place is not None and resolves(machine, sheet, HOST, place[0]):
        _ask(machine, sheet, *place, authorities)


def _client(machine: Machine, host: str, port: int, authorities: str, *, sentinel: bool = False) -> Client:
    """A client that tries once. Sentinels are asked without user and password: Harbor has none for them."""
    options: dict[str, Any] = {}
    if machine.on(f"{BLOCK}.tlsOptions.enable"):
        options = {"ssl": True, "ssl_cert_reqs": "required", "ssl_check_hostname": True, "ssl_ca_certs": authorities}
    if not sentinel:
        options["username"] = machine.word(f"{BLOCK}.username") or None
        options["password"] = machine.word(f"{BLOCK}.password") or None
    return redis.Redis(
        host=host, port=port, socket_connect_timeout=CONNECT, socket_timeout=ANSWER, protocol=2,
        retry=Retry(NoBackoff(), 0), decode_responses=True, driver_info=None, client_name=None, **options,
    )  # fmt: skip


def _through_sentinels(machine: Machine, sheet: Sheet, hosts: list[str], authorities: str) -> tuple[str, int] | None:
    """The master's place as the first sentinel that knows it says."""
    master: tuple[str, int] | None = None
    name = machine.word(MASTER_SET).split("/")[0]
    for text in hosts[:MOST_SENTINELS]:
        place = host_and_port(text, 26379)
        if place is None or not resolves(machine, sheet, HOST, place[0]):
            continue
        said: dict[str, Any] = {"place": f"{place[0]}:{place[1]}", "name": name}
        try:
            with _client(machine, *place, authorities, sentinel=True) as sentinel:
                row = sentinel.execute_command("SENTINEL GET-MASTER-ADDR-BY-NAME", name)
                if row:
                    master = master or (str(row[0]), int(row[1]))
                    said |= {"master": f"{row[0]}:{row[1]}"}
                    sheet.fine(HOST, _("Sentinel %(place)s: the master of %(name)s is %(master)s.") % said)
                else:
                    said["known"] = ", ".join(sentinel.sentinel_masters()) or "–"
                    text = _("Sentinel %(place)s knows no master set named %(name)s; it knows: %(known)s.") % said
                    sheet.warning(MASTER_SET, text, _("Harbor could not find its Redis."), _("Mend the name."))
        except (redis.RedisError, OSError, ValueError) as error:
            _say(machine, sheet, error, *place, what="Sentinel")
    return master


def _ask(machine: Machine, sheet: Sheet, host: str, port: int, authorities: str) -> None:
    """Sign in, look at what it is, write one key that ends by itself, and choose each database."""
    place = {"place": f"{host}:{port}"}
    try:
        with _client(machine, host, port, authorities) as client:
            client.ping()
            info = client.info()
            _judge(sheet, info, place)
            if info.get("role") == "slave":
                text = _("Redis at %(place)s is a replica: it can only be read.") % place
                sheet.warning(HOST, text, _("Harbor’s jobs could not be queued."), _("Write the master’s address."))
                return
            key = f"harborweb-connection-check-{secrets.token_hex(4)}"
            client.set(key, "may be deleted", px=3000)
            client.delete(key)
            _indexes(machine, sheet, client)
    except (redis.RedisError, OSError, ValueError) as error:
        _say(machine, sheet, error, host, port)


def _judge(sheet: Sheet, info: dict[str, Any], place: dict[str, str]) -> None:
    said = {**place, "version": info.get("redis_version", "?"), "policy": info.get("maxmemory_policy", "noeviction")}
    sheet.fine(BLOCK, _("Redis %(version)s at %(place)s lets Harbor in.") % said)
    if int(info.get("maxmemory") or 0) and said["policy"] != "noeviction":
        sheet.warning(
            HOST, _("Redis forgets keys when its memory is full (maxmemory-policy %(policy)s).") % said,
            _("Harbor keeps its jobs there: they would vanish."), _("Set maxmemory-policy noeviction on the server."),
        )  # fmt: skip


def _indexes(machine: Machine, sheet: Sheet, client: Client) -> None:
    for name, default in INDEXES.items():
        key = f"{BLOCK}.{name}"
        number = machine.number(key, default)
        if number is None:
            continue  # the rules say it
        try:
            client.execute_command("SELECT", number)
        except redis.ResponseError as error:
            said = {"name": name, "number": number, "said": words(error)}
            sheet.warning(
                key if machine.document.has(key) else HOST, _("%(name)s %(number)d: %(said)s.") % said,
                _("Harbor keeps its parts apart in numbered databases."),
                _("Choose a lower number, or raise “databases” on the server; a cluster has number 0 only."),
            )  # fmt: skip


def _say(machine: Machine, sheet: Sheet, error: Exception, host: str, port: int, what: str = "Redis") -> None:
    said = re.sub(r"^Error \d+ connecting to \S+\. ", "", words(_root(error)))
    low = said.lower()
    tls = machine.on(f"{BLOCK}.tlsOptions.enable")
    key, advice = HOST, _("Look whether the server runs there and this machine may reach it.")
    if isinstance(error, redis.AuthenticationError) or any(
        sign in low for sign in ("noauth", "wrongpass", "authentication", "auth ", "invalid password")
    ):
        key = f"{BLOCK}.password"
        advice = _("Mend username and password as the server has them.")
        if what == "Sentinel":
            advice = _("Harbor gives sentinels no password: let them ask for none.")
    elif "certificate" in low:
        key = ROOT_CA
        advice = _("Write the certificate of the authority that signed the server’s, and a host that it names.")
    elif "ssl" in low or (not tls and "closed" in low) or "reset" in low:
        key = f"{BLOCK}.tlsOptions.enable"
        advice = _("Look whether the server speaks TLS on this port; tlsOptions.enable must say the same.")
    elif "noperm" in low or "no permissions" in low:
        key, advice = f"{BLOCK}.username", _("Give that user all commands and keys (ACL SETUSER … on ~* &* +@all).")
    elif ("timeout" in low or "timed out" in low) and tls and takes_connections(host, port):
        key = f"{BLOCK}.tlsOptions.enable"
        advice = _("It takes connections, but does not answer TLS: perhaps it speaks none on this port.")
    elif "timeout" in low or "timed out" in low:
        advice = _("Look whether the address is right and a firewall drops the connection.")
    sheet.warning(
        key, _("%(what)s at %(host)s:%(port)d: %(said)s.") % {"what": what, "host": host, "port": port, "said": said},
        _("Harbor’s core and jobservice would start again and again."), advice,
    )  # fmt: skip


def _root(error: BaseException) -> BaseException:
    """TLS says more below redis-py's own error."""
    cause = error.__cause__ or error.__context__
    return cause if isinstance(cause, ssl.SSLError) else error
