"""Rules for logs, metrics, traces, and for the small blocks at the end of the file."""

import re

from django.utils.translation import gettext as _

from harborweb.configuration.faults import Sheet
from harborweb.configuration.rules.blocks import elsewhere

LEVELS = ("debug", "info", "warning", "error", "fatal")
ENDPOINT = "log.external_endpoint"


def _log(sheet: Sheet) -> None:
    if not sheet.block("log"):
        return
    if sheet.has("log.level"):
        sheet.one_of("log.level", LEVELS, _("prepare stops here."))
    location = sheet.get("log.local.location")
    if isinstance(location, str) and location and not location.startswith(("/", "./", "../", "~/")):
        why = _("docker compose would take it for the name of a volume and stop.")
        sheet.error("log.local.location", _("The folder of the logs is no path."), why, _("Write a whole path."))
    if not sheet.block(ENDPOINT):
        return
    for name in ("protocol", "host", "port"):
        if not sheet.has(f"{ENDPOINT}.{name}"):
            sheet.missing(f"{ENDPOINT}.{name}")
    if sheet.has(f"{ENDPOINT}.protocol"):
        sheet.one_of(f"{ENDPOINT}.protocol", ("tcp", "udp"), _("prepare stops here."))
    if sheet.has(f"{ENDPOINT}.host") and not sheet.get(f"{ENDPOINT}.host"):
        sheet.empty(f"{ENDPOINT}.host", _("The log endpoint has no host."), _("prepare stops without it."))
    if sheet.has(f"{ENDPOINT}.port"):
        sheet.port(f"{ENDPOINT}.port")
    elsewhere(sheet, f"{ENDPOINT}.host", _("Harbor’s log container"))


def _metric(sheet: Sheet) -> None:
    if not sheet.block("metric"):
        return
    for name in ("port", "path"):
        if not sheet.has(f"metric.{name}"):
            sheet.missing(f"metric.{name}", _("Bring the line back as it is in the template."))
    if not sheet.has("metric.enabled"):
        why = _("Harbor’s versions differ in whether prepare stops without it.")
        advice = _("Write enabled: true or enabled: false below metric.")
        sheet.warning("metric.enabled", _("%(key)s is missing.") % {"key": "metric.enabled"}, why, advice)
    path = sheet.get("metric.path")
    if sheet.has("metric.path") and not (isinstance(path, str) and path.startswith("/")):
        why = _("Prometheus asks for a path from the root.")
        sheet.warning("metric.path", _("This path does not start with a slash."), why, _("Write /metrics."))


def _trace(sheet: Sheet) -> None:
    if not (sheet.block("trace") and sheet.on("trace.enabled")):
        return
    jaeger, otel = sheet.block("trace.jaeger"), sheet.block("trace.otel")
    if sheet.faulty("trace.jaeger") or sheet.faulty("trace.otel"):
        return
    if jaeger and otel:
        what = _("There are two trace exporters.")
        sheet.error("trace.otel", what, _("prepare allows one."), _("Remove one of them."))
    elif otel:
        for name in ("endpoint", "url_path"):
            key = f"trace.otel.{name}"
            if not sheet.get(key):
                sheet.missing(key)
        endpoint = sheet.get("trace.otel.endpoint")
        if isinstance(endpoint, str) and "://" in endpoint:
            why = _("Harbor puts the scheme in front itself.")
            advice = _("Write host and port alone.")
            sheet.warning("trace.otel.endpoint", _("This address has a scheme."), why, advice)
    elif jaeger:
        _jaeger(sheet)
    else:
        what = _("There is no trace exporter.")
        sheet.error("trace", what, _("prepare stops without one."), _("Add jaeger or otel with its address."))


def _jaeger(sheet: Sheet) -> None:
    endpoint, agent = sheet.get("trace.jaeger.endpoint"), sheet.get("trace.jaeger.agent_host")
    if endpoint and agent:
        what = _("Jaeger has a collector and an agent.")
        advice = _("Remove endpoint or agent_host.")
        sheet.error("trace.jaeger.agent_host", what, _("prepare allows one of them."), advice)
    elif not endpoint and not agent:
        what = _("Jaeger has no address.")
        advice = _("Write endpoint, or agent_host and agent_port.")
        sheet.error("trace.jaeger.endpoint", what, _("prepare stops without one."), advice)


def _purging(sheet: Sheet) -> None:
    if not (sheet.block("upload_purging") and sheet.on("upload_purging.enabled")):
        return
    for name in ("age", "interval"):
        key = f"upload_purging.{name}"
        value = sheet.get(key)
        if not value:  # prepare has a default
            continue
        hours = re.fullmatch(r"([0-9]{1,9})h", value) if isinstance(value, str) else None
        if hours is None:
            what = _("This takes hours, with an h behind the number.")
            sheet.error(key, what, _("prepare stops here."), _("Write for example 24h."))
        elif int(hours[1]) < 2:
            sheet.error(key, _("This takes two hours or more."), _("prepare stops here."), _("Write 2h or more."))


def _cache(sheet: Sheet) -> None:
    key = "cache.expire_hours"
    if not (sheet.block("cache") and sheet.on("cache.enabled")):
        return
    value = sheet.get(key)
    advice = _("Write for example 24.")
    number = int(value) if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value) else value
    if value is None:  # compared with 0, and None cannot be
        sheet.missing(key, advice)
    elif not isinstance(number, int | float) or not number > 0:
        sheet.error(key, _("This takes hours above 0."), _("prepare stops here."), advice)
    elif isinstance(value, bool) or not isinstance(value, int):
        sheet.warning(key, _("This takes whole hours."), _("prepare of some versions stops here."), advice)


def _core(sheet: Sheet) -> None:
    key = "core.quota_update_provider"
    if sheet.get(key):
        sheet.one_of(key, ("redis", "db"), _("prepare stops here."))


RULES = (_log, _metric, _trace, _purging, _cache, _core)
