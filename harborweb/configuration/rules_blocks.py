"""Rules for the keys that the first form of the wizard does not ask for: what prepare stops at, block by block."""

import re

from django.utils.translation import gettext as _

from harborweb.configuration.faults import Sheet

STORAGE_DRIVERS = ("filesystem", "azure", "gcs", "s3", "swift", "oss")
TOP_LEVEL = frozenset(
    [
        "hostname",
        "http",
        "https",
        "ip_family",
        "internal_tls",
        "external_url",
        "harbor_admin_password",
        "database",
        "data_volume",
        "storage_service",
        "trivy",
        "jobservice",
        "notification",
        "log",
        "_version",
        "external_database",
        "redis",
        "external_redis",
        "uaa",
        "proxy",
        "metric",
        "trace",
        "upload_purging",
        "cache",
        "core",
    ]
)


def _unknown(sheet: Sheet) -> None:
    known = TOP_LEVEL | set(sheet.template.keys() if sheet.template else ())
    for key in sheet.document.keys():  # noqa: SIM118 - a method of ours
        if key not in known and not (sheet.template and sheet.template.knows(key)):
            why = _("prepare passes over it without a word.")
            sheet.warning(
                key, _("Harbor does not know %(key)s.") % {"key": key}, why, _("Delete it, or mend its name.")
            )


def _required(sheet: Sheet) -> None:
    """Keys that prepare reads without a default."""
    for key in (
        "jobservice.max_job_workers", "jobservice.job_loggers", "jobservice.logger_sweeper_duration",
        "notification.webhook_job_max_retry", "notification.webhook_job_http_client_timeout",
        "log.level", "log.local",
    ):  # fmt: skip
        sheet.needed(key)
    if sheet.document.kind("external_database") != "mapping":
        sheet.needed("database.password" if sheet.document.has("database") else "database")


def _jobs(sheet: Sheet) -> None:
    for number, name in enumerate(sheet.document.items("jobservice.job_loggers")):
        if name not in ("STD_OUTPUT", "FILE", "DB"):
            sheet.one_of(f"jobservice.job_loggers.{number}", ("STD_OUTPUT", "FILE", "DB"))


def _log(sheet: Sheet) -> None:
    if sheet.document.has("log.level"):
        sheet.one_of("log.level", ("debug", "info", "warning", "error", "fatal"))
    if sheet.document.kind("log.external_endpoint") != "mapping":
        return
    sheet.one_of("log.external_endpoint.protocol", ("tcp", "udp"))
    if not sheet.document.get("log.external_endpoint.host"):
        sheet.empty("log.external_endpoint.host", _("The log endpoint has no host."), _("prepare stops without it."))
    sheet.port("log.external_endpoint.port")


def _storage(sheet: Sheet) -> None:
    key = "storage_service"
    if sheet.document.kind(key) != "mapping":
        if sheet.document.get(key) is not None:
            advice = _("Write the driver as a block of its own below it.")
            sheet.error(key, _("storage_service is no block of keys."), _("prepare stops here."), advice)
        return
    for name in sheet.document.keys(key):
        if name in ("ca_bundle", "redirect"):
            continue
        driver = f"{key}.{name}"
        if name not in STORAGE_DRIVERS:
            why = _("Harbor would silently store on the file system.")
            advice = _("Choose one of: %(allowed)s.") % {"allowed": ", ".join(STORAGE_DRIVERS)}
            sheet.error(driver, _("There is no storage driver %(name)s.") % {"name": name}, why, advice)
        elif sheet.document.kind(driver) != "mapping" and name != "filesystem":
            why = _("Harbor would silently store on the file system.")
            sheet.error(
                driver, _("The storage driver %(name)s has no settings.") % {"name": name}, why, _("Fill it in.")
            )
    if sheet.document.has(f"{key}.redirect") and not sheet.document.has(f"{key}.redirect.disable"):
        sheet.error(f"{key}.redirect.disable", _("%(key)s is missing.") % {"key": f"{key}.redirect.disable"})


def _external_database(sheet: Sheet) -> None:
    key = "external_database"
    if sheet.document.kind(key) != "mapping":
        return
    for name in ("host", "port", "db_name", "username", "password", "ssl_mode"):
        if not sheet.document.has(f"{key}.harbor.{name}"):
            what = _("%(key)s is missing.") % {"key": f"{key}.harbor.{name}"}
            sheet.error(f"{key}.harbor.{name}", what, _("prepare stops without it."), _("Fill it in."))
    if sheet.document.has(f"{key}.harbor.ssl_mode"):
        sheet.one_of(f"{key}.harbor.ssl_mode", ("disable", "require", "verify-ca", "verify-full"))
    if sheet.document.has(f"{key}.harbor.port"):
        sheet.port(f"{key}.harbor.port")


def _external_redis(sheet: Sheet) -> None:
    key = "external_redis"
    if sheet.document.kind(key) != "mapping":
        return
    if not sheet.document.get(f"{key}.host"):
        sheet.empty(f"{key}.host", _("The external Redis has no host."), _("Nothing would be reached."))
    for name in sheet.document.keys(key):
        value = sheet.document.get(f"{key}.{name}")
        if name.endswith("_db_index") and not re.fullmatch(r"\d+", str(value)):
            sheet.error(
                f"{key}.{name}", _("A Redis database is a number."), _("prepare stops here."), _("Write 0 to 15.")
            )
    if sheet.document.get(f"{key}.tlsOptions.enable") is True and not sheet.document.has(f"{key}.tlsOptions.rootCA"):
        what = _("%(key)s is missing.") % {"key": f"{key}.tlsOptions.rootCA"}
        sheet.error(f"{key}.tlsOptions.rootCA", what, _("prepare stops without it."), _("It may be left empty."))


def _internal_tls(sheet: Sheet) -> None:
    if sheet.document.get("internal_tls.enabled") is True and not sheet.document.get("internal_tls.dir"):
        sheet.empty("internal_tls.dir", _("The folder of the internal certificates is not named."), "")


def _proxy(sheet: Sheet) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        if sheet.document.kind(f"proxy.{name}") not in ("", "scalar"):
            advice = _("Write one line, with commas between the names.")
            sheet.error(f"proxy.{name}", _("This takes one line, not a list."), _("prepare stops here."), advice)
    key = "proxy.components"
    if sheet.document.kind(key) == "scalar" and sheet.document.get(key) is not None:
        why = _("Harbor would look for the letters of the word.")
        sheet.error(key, _("The components of the proxy are no list."), why, _("Write each on a line with a dash."))
    for number, item in enumerate(sheet.document.items(key)):
        if item not in ("core", "jobservice", "trivy"):
            sheet.one_of(f"{key}.{number}", ("core", "jobservice", "trivy"))


def _metric(sheet: Sheet) -> None:
    if sheet.document.kind("metric") != "mapping":
        return
    for name in ("port", "path"):
        if not sheet.document.has(f"metric.{name}"):
            what = _("%(key)s is missing.") % {"key": f"metric.{name}"}
            sheet.error(f"metric.{name}", what, _("prepare stops without it."), _("Fill it in."))
    if not sheet.document.has("metric.port"):
        return
    sheet.port("metric.port")
    https = sheet.document.kind("https") == "mapping"
    taken = [sheet.document.get("http.port") or 80, *([sheet.document.get("https.port") or 443] if https else [])]
    if sheet.document.get("metric.enabled") is True and sheet.document.get("metric.port") in taken:
        advice = _("Choose another port for the metrics; 9090 is usual.")
        sheet.error("metric.port", _("Harbor itself uses this port."), _("nginx would not start."), advice)


def _trace(sheet: Sheet) -> None:
    if sheet.document.get("trace.enabled") is not True:
        return
    jaeger, otel = (sheet.document.kind(f"trace.{name}") == "mapping" for name in ("jaeger", "otel"))
    if jaeger and otel:
        sheet.error(
            "trace.otel", _("There are two trace exporters."), _("prepare allows one."), _("Remove one of them.")
        )
    elif not jaeger and not otel:
        sheet.error(
            "trace", _("There is no trace exporter."), _("prepare stops without one."), _("Add jaeger or otel.")
        )
    elif otel:
        for name in ("endpoint", "url_path"):
            if not sheet.document.get(f"trace.otel.{name}"):
                what = _("%(key)s is missing.") % {"key": f"trace.otel.{name}"}
                sheet.error(f"trace.otel.{name}", what, _("prepare stops without it."), _("Fill it in."))


def _purging(sheet: Sheet) -> None:
    for name in ("age", "interval"):
        key = f"upload_purging.{name}"
        if sheet.document.get("upload_purging.enabled") is not True or not sheet.document.has(key):
            continue
        if not re.fullmatch(r"\d+h", str(sheet.document.get(key))):
            why = _("prepare stops here.")
            sheet.error(key, _("This takes hours, with an h behind the number."), why, _("Write for example 24h."))


def _cache_and_core(sheet: Sheet) -> None:
    key = "cache.expire_hours"
    if sheet.document.get("cache.enabled") is True and sheet.document.has(key):
        value = sheet.document.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
            sheet.error(key, _("This takes hours above 0."), _("prepare stops here."), _("Write for example 24."))
    if sheet.document.get("core.quota_update_provider") is not None:
        sheet.one_of("core.quota_update_provider", ("redis", "db"))


RULES = (
    _unknown, _required, _jobs, _log, _storage, _external_database, _external_redis, _internal_tls, _proxy, _metric,
    _trace, _purging, _cache_and_core,
)  # fmt: skip
