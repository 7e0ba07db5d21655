"""Rules for the shape of every block, and for the services that Harbor leans on."""

import ipaddress
import re

from django.utils.translation import gettext as _

from harborweb.configuration.faults import Sheet, shown_value
from harborweb.configuration.fields import FIELDS
from harborweb.configuration.fields.services import NAMES
from harborweb.configuration.rules.entrance import below

PARENTS = tuple(
    dict.fromkeys(
        ".".join(field.key.split(".")[:depth]) for field in FIELDS for depth in range(1, field.key.count(".") + 1)
    )
)
REQUIRED = (
    "jobservice.max_job_workers", "jobservice.job_loggers", "jobservice.logger_sweeper_duration",
    "notification.webhook_job_max_retry", "notification.webhook_job_http_client_timeout",
    "log.level", "log.local",
)  # fmt: skip
LOGGERS = ("STD_OUTPUT", "FILE", "DB")
COMPONENTS = ("core", "jobservice", "trivy")
MOST = 20  # items of a list that are looked at
MODES = ("disable", "require", "verify-ca", "verify-full")


def _shapes(sheet: Sheet) -> None:
    """A block with something in it that is no list of keys. prepare takes an empty one for none."""
    for key in PARENTS:
        value = sheet.get(key)
        if value and not isinstance(value, dict):
            sheet.error(
                key,
                _("%(key)s is no block of keys.") % {"key": key},
                _("prepare stops here."),
                _("Write its keys below it, each on a line of its own and two spaces further in."),
            )


def _required(sheet: Sheet) -> None:
    """Keys that prepare reads without a default, whatever else is there."""
    for key in REQUIRED:
        if not sheet.faulty(key.partition(".")[0]) and sheet.needed(key):
            _not_null(sheet, key)


def _not_null(sheet: Sheet, key: str) -> None:
    value = sheet.get(key)
    if key == "log.local":
        if not value:
            why = _("prepare stops: it finds no folder for the logs.")
            advice = _("Write at least location: /var/log/harbor below it.")
            sheet.error(key, _("log.local is empty."), why, advice)
    elif value is None and key.startswith("notification."):
        sheet.warning(key, _("%(key)s is empty.") % {"key": key}, "", _("Write a number, for example 3."))
    elif value is None and key != "log.level":
        sheet.empty(key, _("%(key)s is empty.") % {"key": key}, _("Harbor’s jobs would not start."))


def _jobs(sheet: Sheet) -> None:
    key = "jobservice.job_loggers"
    value = sheet.get(key)
    why = _("Harbor’s jobs would not start.")
    if value is not None and not isinstance(value, list):
        advice = _("Write each on a line of its own, with a dash in front.")
        sheet.error(key, _("%(key)s is no list.") % {"key": key}, why, advice)
    for number, item in enumerate(value[:MOST] if isinstance(value, list) else ()):
        if item not in LOGGERS:
            sheet.not_allowed(key, item, LOGGERS, why, line=sheet.line(f"{key}.{number}"))
    if sheet.get(key) == [] and sheet.has(key):
        why = _("Nobody could look at the log of a job.")
        sheet.warning(key, _("Jobs write no log."), why, _("List STD_OUTPUT and FILE."))
    hours = sheet.get("jobservice.max_job_duration_hours")
    if isinstance(hours, int) and not isinstance(hours, bool) and 0 < hours < 24:
        key = "jobservice.max_job_duration_hours"
        why = _("Harbor’s prepare raises anything below a day to 24 hours.")
        sheet.warning(key, _("Less than 24 hours is not taken."), why, _("Write 24 or more."))


def _external_database(sheet: Sheet) -> None:
    key = "external_database"
    if not sheet.block(key):
        return
    if not sheet.has(f"{key}.harbor"):
        advice = _("Write harbor below external_database, and host, port and the others below harbor.")
        sheet.missing(f"{key}.harbor", advice)
        return
    if sheet.faulty(f"{key}.harbor"):
        return
    for name in NAMES:
        part = f"{key}.harbor.{name}"
        if not sheet.has(part):
            sheet.missing(part)
        elif sheet.get(part) in (None, ""):
            what = _("%(key)s is empty.") % {"key": part}
            if name == "password":
                sheet.warning(part, what, _("Harbor would sign in with the word None."), _("Fill it in."))
            elif name not in ("port", "ssl_mode"):
                sheet.empty(part, what, _("Harbor would not find its database."))
    mode = f"{key}.harbor.ssl_mode"
    if sheet.has(mode):
        sheet.one_of(mode, MODES, _("Harbor would not get into its database."))
    if sheet.has(f"{key}.harbor.port"):
        sheet.port(f"{key}.harbor.port")
    elsewhere(sheet, f"{key}.harbor.host", _("Harbor’s containers"))


def elsewhere(sheet: Sheet, key: str, who: str) -> None:
    """A host that is asked from within a container."""
    value = sheet.get(key)
    if not isinstance(value, str) or sheet.faulty(key):
        return
    if "://" in value or re.search(r"\s", value):
        why = _("%(who)s would not find it.") % {"who": who}
        sheet.error(key, _("This is no host name."), why, _("Write the name or IP address alone."))
    elif re.fullmatch(r"[^:]+:[0-9]+", value):
        why = _("%(who)s would not find it.") % {"who": who}
        sheet.error(key, _("There is a port in the host name."), why, _("Write it as port, and the name alone here."))
    elif _is_this_machine(value):
        why = _("From %(who)s that is the container itself, not this machine.") % {"who": who}
        advice = _("Write the name or IP address that other machines use.")
        sheet.warning(key, _("%(host)s means something else inside a container.") % {"host": value}, why, advice)


def _is_this_machine(value: str) -> bool:
    host = value.strip("[]").lower()
    if host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _redis(sheet: Sheet) -> None:
    key = "external_redis"
    for block in ("redis", key):
        if sheet.block(block):
            _indices(sheet, block)
    if not sheet.block(key):
        return
    if not sheet.get(f"{key}.host"):
        why = _("Harbor would look for its own Redis, which is not started then.")
        sheet.empty(f"{key}.host", _("The external Redis has no host."), why)
    else:
        _servers(sheet, f"{key}.host")
    master = sheet.get(f"{key}.sentinel_master_set")
    if master and not isinstance(master, str):
        what = _("The name of Sentinel’s master is no text to YAML.")
        sheet.error(f"{key}.sentinel_master_set", what, _("prepare stops here."), _("Put single quotes around it."))
    if sheet.on(f"{key}.tlsOptions.enable") and not sheet.has(f"{key}.tlsOptions.rootCA"):
        sheet.missing(f"{key}.tlsOptions.rootCA", _("Write rootCA: below tlsOptions; it may be left empty."))


def _indices(sheet: Sheet, block: str) -> None:
    """The databases of a Redis: numbers, and those of registry, jobs and core (0) each their own."""
    taken = {0: _("Harbor’s core")}
    usual = {"registry_db_index": 1, "jobservice_db_index": 2}
    others = [str(name) for name in sheet.get(block) if str(name).endswith("_db_index") and name not in usual]
    for name in (*usual, *others):
        key = f"{block}.{name}"
        number = _index(sheet, key) if sheet.get(key) else usual.get(name)
        if name not in usual or number is None:
            continue
        if number in taken:
            what = _("Redis database %(number)s is used twice.") % {"number": number}
            why = _("%(other)s has it too, and the two would get in each other’s way.") % {"other": taken[number]}
            sheet.warning(key, what, why, _("Choose another number."))
        taken[number] = key


def _index(sheet: Sheet, key: str) -> int | None:
    """A Redis database by its number; quoted ones work too."""
    value = sheet.get(key)
    if not isinstance(value, bool) and re.fullmatch(r"[0-9]{1,5}", str(value)):
        return int(value)
    if "trivy" in key:
        sheet.warning(key, _("A Redis database is a number."), _("The scanner would not start."), _("Write 5."))
    else:
        why = _("prepare stops, or Harbor does not start.")
        sheet.error(key, _("A Redis database is a number."), why, _("Write 0 to 15."))
    return None


def _servers(sheet: Sheet, key: str) -> None:
    value = sheet.get(key)
    if not isinstance(value, str):
        return
    if "://" in value or re.search(r"\s", value.strip()):
        why = _("Harbor puts redis:// in front itself, so it would not find Redis.")
        sheet.error(key, _("This is no list of servers."), why, _("Write host:port, with commas between several."))
        return
    servers = value.split(",")
    if len(servers) > 1 and not sheet.get("external_redis.sentinel_master_set"):
        why = _("Only Sentinel has several servers, and it needs the name of its master.")
        key = "external_redis.sentinel_master_set"
        sheet.error(key, _("The name of Sentinel’s master is missing."), why, _("Write sentinel_master_set."))
        return
    for server in servers:
        port = server.rpartition(":")[2] if ":" in server and not server.endswith("]") else "6379"
        if not (port.isascii() and port.isdigit() and 1 <= int(port[:9]) <= 65535):
            why = _("Harbor would not find Redis.")
            sheet.error(key, _("%(port)s is no port.") % {"port": port or "…"}, why, _("Write host:port."))
            return
    if any(_is_this_machine(server) for server in servers):
        why = _("From Harbor’s containers that is the container itself, not this machine.")
        advice = _("Write the name or IP address that other machines use.")
        sheet.warning(key, _("%(host)s means something else inside a container.") % {"host": value}, why, advice)


def _internal_tls(sheet: Sheet) -> None:
    key = "internal_tls.dir"
    if not (sheet.block("internal_tls") and sheet.on("internal_tls.enabled")):
        return
    value = sheet.get(key)
    if value is None or value == "":
        sheet.empty(key, _("The folder of the internal certificates is not named."), _("prepare stops without it."))
    elif not isinstance(value, str):
        sheet.error(key, _("This is no path."), _("prepare stops here."), _("Write the path of the folder."))
    elif below(value, sheet.get("data_volume"), "secret/tls"):
        sheet.error(
            key,
            _("This folder lies where prepare puts its own copy."),
            _("prepare deletes that folder before it copies, so the certificates would be gone for good."),
            _("Keep them elsewhere, for example in /etc/harbor/tls/internal."),
        )


def _proxy(sheet: Sheet) -> None:
    if not sheet.block("proxy"):
        return
    key = "proxy.no_proxy"
    if sheet.get(key) and not isinstance(sheet.get(key), str):
        advice = _("Write one line, with commas between the names.")
        sheet.error(key, _("This takes one line, not a list."), _("prepare stops here."), advice)
    _components(sheet)
    asked = [name for name in ("http_proxy", "https_proxy") if sheet.get(f"proxy.{name}")]
    if asked and not sheet.get("proxy.components"):
        why = _("A proxy is set, but no part of Harbor uses it.")
        sheet.warning("proxy.components", _("Nobody uses the proxy."), why, _("List core, jobservice and trivy."))
    for name in asked:
        value = str(sheet.get(f"proxy.{name}"))
        if re.search(r"\s", value):
            sheet.warning(f"proxy.{name}", _("There is a space in this address."), "", _("Write it without."))


def _components(sheet: Sheet) -> None:
    """Names that nobody has are passed over; anything but a name stops prepare."""
    key = "proxy.components"
    value = sheet.get(key)
    advice = _("Choose among core, jobservice and trivy, each on a line of its own with a dash in front.")
    if value and not isinstance(value, list | dict | str):
        sheet.error(key, _("%(key)s is no list.") % {"key": key}, _("prepare stops here."), advice)
    elif value and not isinstance(value, list):
        why = _("prepare takes it letter by letter, so nobody would use the proxy.")
        sheet.warning(key, _("%(key)s is no list.") % {"key": key}, why, advice)
    for number, item in enumerate(value[:MOST] if isinstance(value, list) else ()):
        line = sheet.line(f"{key}.{number}")
        if not isinstance(item, str):
            what = _("Something in this list is no name.")
            sheet.error(key, what, _("prepare stops here."), advice, line=line)
        elif item not in COMPONENTS:
            what = _("No part of Harbor is called %(name)s.") % {"name": shown_value(item)}
            sheet.warning(key, what, _("prepare passes over it without a word."), advice, line=line)


def _ip_family(sheet: Sheet) -> None:
    if not sheet.block("ip_family"):
        return
    four = sheet.get("ip_family.ipv4.enabled")
    if four is False and not sheet.on("ip_family.ipv6.enabled"):
        why = _("Harbor’s nginx would listen nowhere.")
        sheet.error("ip_family.ipv4.enabled", _("Both IP families are off."), why, _("Switch one of them on."))


def _trivy(sheet: Sheet) -> None:
    """Repositories are named as images are; anything else and the scanner gets no database."""
    for key in ("trivy.db_repository", "trivy.java_db_repository"):
        value = sheet.get(key)
        if isinstance(value, str) and ("://" in value or re.search(r"\s", value)):
            what, why = _("This is no name of a repository."), _("The scanner would get no database.")
            sheet.warning(
                key, what, why, _("Write it as docker pull takes it, for example ghcr.io/aquasecurity/trivy-db.")
            )


RULES = (
    _shapes, _required, _jobs, _external_database, _redis, _internal_tls, _proxy, _ip_family, _trivy,
)  # fmt: skip
