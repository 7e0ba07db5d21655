"""Rules on configurations that nobody measured: what prepare's source says it does with each.

`refused`: prepare stops, or Harbor surely cannot work. `warned`: it runs, and is surely not meant. `ok`: it works.
"""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harborweb.configuration.fields import FIELDS
from harborweb.configuration.rules import check
from harborweb.configuration.rules.blocks import PARENTS
from tests import parts

GOOD = """\
hostname: registry.example
http:
  port: 8080
harbor_admin_password: Longer-than-8
database:
  password: w8zKq0Lm3x
data_volume: /srv/data
jobservice:
  max_job_workers: 10
  job_loggers:
    - STD_OUTPUT
    - FILE
  logger_sweeper_duration: 1
notification:
  webhook_job_max_retry: 3
  webhook_job_http_client_timeout: 3
log:
  level: info
  local:
    rotate_count: 50
    rotate_size: 200M
    location: /var/log/harbor
_version: 2.15.0
"""
HTTPS = "https:\n  certificate: /c/a.crt\n  private_key: /c/a.key\n"
DB = "external_database:\n  harbor:\n    host: db.example\n    port: 5432\n    db_name: registry\n"
DB += "    username: u\n    password: p\n    ssl_mode: disable\n"
JAEGER = "trace:\n  enabled: true\n  jaeger:\n"
OTEL = "trace:\n  enabled: true\n  otel:\n    endpoint: o:4318\n    url_path: /v1/traces\n"
METRIC = "metric:\n  enabled: true\n  port: 9090\n  path: /metrics\n"
S3 = "storage_service:\n  s3:\n    region: r\n    bucket: b\n    accesskey: a\n    secretkey: s\n"


def without(*names: str) -> str:
    """GOOD without these top-level blocks."""
    kept, skip = [], False
    for line in GOOD.splitlines(keepends=True):
        if not line.startswith(" "):
            skip = line.split(":")[0] in names
        kept += [] if skip else [line]
    return "".join(kept)


def put(old: str, new: str) -> str:
    """GOOD with one text instead of another, which has to be there."""
    assert old in GOOD
    return GOOD.replace(old, new)


def judged(text: str) -> dict[str, str]:
    """The worst severity of every key with a fault; every fault has words and a line that is there."""
    found: dict[str, str] = {}
    for fault in check(text).faults:
        assert fault.message and fault.advice, fault
        assert fault.line is None or 1 <= fault.line <= text.count("\n") + 1
        found[fault.key] = "error" if "error" in (fault.severity, found.get(fault.key)) else "warning"
    return found


def test_the_good_ones_have_no_fault() -> None:
    for text in (GOOD, GOOD + HTTPS, without("database") + DB, GOOD + METRIC, GOOD + OTEL, GOOD + S3):
        assert judged(text) == {}, text


OK = {
    "no-http": without("http"),
    "http-null": without("http") + "http:\n",
    "http-empty-flow": without("http") + "http: {}\n",
    "http-flow": without("http") + "http: {port: 8081}\n",
    "https-null": GOOD + "https:\n",
    "https-false": GOOD + "https: false\n",
    "https-empty-flow": GOOD + "https: {}\n",
    "port-quoted": put("port: 8080", "port: '8080'"),
    "port-hex": put("port: 8080", "port: 0x1F90"),
    "workers-quoted": put("max_job_workers: 10", 'max_job_workers: "10"'),
    "both-databases": GOOD + DB,
    "external-null": GOOD + "external_database:\n",
    "database-without-pool": GOOD,
    "conn-max-idle-zero": put("  password: w8zKq0Lm3x", "  password: w8zKq0Lm3x\n  conn_max_idle_time: 0"),
    "conn-max-negative": put("  password: w8zKq0Lm3x", "  password: w8zKq0Lm3x\n  max_idle_conns: -1"),
    "nulls-with-defaults": put(
        "  password: w8zKq0Lm3x", "  password: w8zKq0Lm3x\n  max_idle_conns:\n  max_open_conns:"
    ),
    "proxy-null": GOOD + "proxy:\n",
    "proxy-empty-values": GOOD + "proxy:\n  http_proxy:\n  https_proxy:\n  no_proxy:\n  components:\n    - core\n",
    "proxy-no-components": GOOD + "proxy:\n  no_proxy: a.example\n",
    "proxy-without-scheme": GOOD + "proxy:\n  http_proxy: proxy.example:3128\n  components: [core]\n",
    "trace-off-and-empty": GOOD + "trace:\n  enabled: false\n",
    "trace-null": GOOD + "trace:\n",
    "jaeger-endpoint": GOOD + JAEGER + "    endpoint: http://j:14268/api/traces\n",
    "jaeger-agent": GOOD + JAEGER + "    agent_host: j\n    agent_port: 6831\n",
    "attributes": GOOD + OTEL + "  attributes:\n    anything: goes\n    else: 1\n",
    "trace-off-skeleton": GOOD + "trace:\n  enabled: false\n  otel:\n    endpoint:\n    url_path:\n",
    "metric-null": GOOD + "metric:\n",
    "metric-off-same-port": GOOD + "metric:\n  enabled: false\n  port: 8080\n  path: /metrics\n",
    "purging-null-values": GOOD + "upload_purging:\n  enabled: true\n  age:\n  interval:\n",
    "purging-off": GOOD + "upload_purging:\n  enabled: false\n  age: 168h\n",
    "purging-quoted": GOOD + "upload_purging:\n  enabled: true\n  age: '168h'\n",
    "cache-off-without-hours": GOOD + "cache:\n  enabled: false\n",
    "core-null": GOOD + "core:\n",
    "core-provider-null": GOOD + "core:\n  quota_update_provider:\n",
    "core-db": GOOD + "core:\n  quota_update_provider: db\n",
    "uaa": GOOD + "uaa:\n  ca_file: /c/uaa.crt\n",
    "redis-null": GOOD + "redis:\n",
    "redis-numbers": GOOD + "redis:\n  registry_db_index: 1\n  harbor_db_index: '6'\n",
    "external-redis-null": GOOD + "external_redis:\n",
    "external-redis-no-port": GOOD + "external_redis:\n  host: r.example\n",
    "external-redis-address": GOOD + "external_redis:\n  host: 10.0.0.5:6379\n  password: 'a:b@c'\n",
    "external-redis-ipv6": GOOD + "external_redis:\n  host: '[2001:db8::5]:6379'\n",
    "external-redis-tls": GOOD + "external_redis:\n  host: r:6379\n  tlsOptions:\n    enable: true\n    rootCA:\n",
    "external-redis-tls-off": GOOD + "external_redis:\n  host: r:6379\n  tlsOptions:\n    enable: false\n",
    "sentinel": GOOD + "external_redis:\n  host: a:26379,b:26379\n  sentinel_master_set: m\n",
    "internal-tls-off": GOOD + "internal_tls:\n  enabled: false\n",
    "internal-tls-off-without-dir": GOOD
    + "internal_tls:\n  enabled: false\n  dir: relative\n".replace("relative", "/x"),
    "filesystem-null": GOOD + "storage_service:\n  filesystem:\n",
    "filesystem": GOOD + "storage_service:\n  filesystem:\n    maxthreads: 100\n",
    "ca-bundle-null": GOOD + "storage_service:\n  ca_bundle:\n",
    "redirect": GOOD + "storage_service:\n  redirect:\n    disable: true\n",
    "redirect-null": GOOD + "storage_service:\n  redirect:\n",
    "s3-role": GOOD + "storage_service:\n  s3:\n    region: r\n    bucket: b\n",
    "s3-booleans-quoted": GOOD + S3 + "    secure: 'false'\n    encrypt: false\n    v4auth: true\n",
    "s3-storageclass-lower": GOOD + S3 + "    storageclass: reduced_redundancy\n",
    "gcs": GOOD + "storage_service:\n  gcs:\n    bucket: b\n    keyfile: /c/k.json\n",
    "azure": GOOD + "storage_service:\n  azure:\n    accountname: a\n    accountkey: k\n    container: c\n",
    "azure-credentials": GOOD
    + "storage_service:\n  azure:\n    accountname: a\n    container: c\n    credentials:\n      type: default\n",
    "data-trailing-slash": put("/srv/data", "/srv/data/"),
    "data-trailing-spaces": put("data_volume: /srv/data", "data_volume: /srv/data   "),
    "data-in-a-comment": put("data_volume: /srv/data", "# data_volume: /old\ndata_volume: /srv/data"),
    "data-many-spaces": put("data_volume: /srv/data", "data_volume:      /srv/data"),
    "loggers-flow": put("  job_loggers:\n    - STD_OUTPUT\n    - FILE\n", "  job_loggers: [FILE, DB]\n"),
    "local-location-default": put("    location: /var/log/harbor\n", ""),
    "log-endpoint": put(
        "_version", "  external_endpoint:\n    protocol: udp\n    host: 10.0.0.9\n    port: 514\n_version"
    ),
    "ip-family-partial": GOOD + "ip_family:\n  ipv6:\n    enabled: true\n",
    "ip-family-null": GOOD + "ip_family:\n",
    "strong-ciphers": GOOD + HTTPS + "  strong_ssl_ciphers: true\n",
    "external-url-empty": GOOD + "external_url:\n",
    "external-url-quoted": GOOD + 'external_url: "https://registry.example:8443"\n',
    "anchors": without("database") + "database: &db\n  password: w8zKq0Lm3x\n",
    "merge": GOOD.replace("http:\n", "http: &one\n")
    + "https:\n  <<: *one\n  port: 8443\n  certificate: /c/a.crt\n  private_key: /c/a.key\n",
    "alias": put("password: w8zKq0Lm3x", "password: &p w8zKq0Lm3x") + "external_url: https://registry.example\n",
    "one-document": "---\n" + GOOD + "...\n",
    "all-in-quotes": put("level: info", 'level: "info"'),
    "punycode": put("registry.example", "xn--bcher-kva.example"),
    "hostname-address": put("registry.example", "10.0.0.7"),
    "trivy": GOOD + "trivy:\n  ignore_unfixed: 'false'\n  timeout: 5m0s\n  security_check: vuln,secret\n",
    "password-odd": put("w8zKq0Lm3x", "'#$%&!@\"\\ x'"),
    "password-unused": put("w8zKq0Lm3x", "a$b") + DB,
    "trace-off-dollar": GOOD + OTEL.replace("true", "false") + "  namespace: a$b\n",
    "redis-numbers-in-quotes": GOOD + "external_redis:\n  host: r.example\n  password: '0123'\n",
    "s3-boolean-one": GOOD + S3 + "    secure: 1\n    encrypt: ''\n",
    "driver-one-in-quotes": GOOD + "storage_service:\n  filesystem:\n    maxthreads: '1'\n",
    "log-folder-spaces": put("/var/log/harbor", "'/var/log/my harbor'"),
}


@pytest.mark.parametrize("text", OK.values(), ids=OK)
def test_what_prepare_takes_and_works_has_no_fault(text: str) -> None:
    assert judged(text) == {}


REFUSED = {
    # what prepare reads without a default
    "hostname": (without("hostname"), "hostname"),
    "data_volume": (without("data_volume"), "data_volume"),
    "admin": (without("harbor_admin_password"), "harbor_admin_password"),
    "database": (without("database"), "database"),
    "database-null": (without("database") + "database:\n", "database"),
    "database-empty": (without("database") + "database: {}\n", "database"),
    "database-external-null": (without("database") + "external_database:\n", "database"),
    "jobservice": (without("jobservice"), "jobservice.job_loggers"),
    "jobservice-null": (without("jobservice") + "jobservice:\n", "jobservice.logger_sweeper_duration"),
    "workers": (put("  max_job_workers: 10\n", ""), "jobservice.max_job_workers"),
    "sweeper": (put("  logger_sweeper_duration: 1\n", ""), "jobservice.logger_sweeper_duration"),
    "loggers-null": (put("\n    - STD_OUTPUT\n    - FILE\n", "\n"), "jobservice.job_loggers"),
    "retry": (put("  webhook_job_max_retry: 3\n", ""), "notification.webhook_job_max_retry"),
    "timeout": (put("  webhook_job_http_client_timeout: 3\n", ""), "notification.webhook_job_http_client_timeout"),
    "level": (put("  level: info\n", ""), "log.level"),
    "level-null": (put("level: info", "level:"), "log.level"),
    "level-warn": (put("level: info", "level: warn"), "log.level"),
    "level-list": (put("level: info", "level: [info]"), "log.level"),
    "local": (GOOD[: GOOD.index("  local:")] + "_version: 2.15.0\n", "log.local"),
    "local-null": (GOOD[: GOOD.index("  local:")] + "  local:\n_version: 2.15.0\n", "log.local"),
    "metric-port": (GOOD + "metric:\n  enabled: true\n  path: /metrics\n", "metric.port"),
    "metric-path-while-off": (GOOD + "metric:\n  enabled: false\n  port: 9090\n", "metric.path"),
    "itls-dir": (GOOD + "internal_tls:\n  enabled: true\n", "internal_tls.dir"),
    "itls-dir-null": (GOOD + "internal_tls:\n  enabled: true\n  dir:\n", "internal_tls.dir"),
    "redirect": (GOOD + "storage_service:\n  redirect:\n    disabled: true\n", "storage_service.redirect.disable"),
    "rootca": (
        GOOD + "external_redis:\n  host: r:1\n  tlsOptions:\n    enable: true\n", "external_redis.tlsOptions.rootCA"
    ),
    "https-key": (GOOD + "https:\n  certificate: /c/a.crt\n", "https.private_key"),
    "https-key-null": (GOOD + "https:\n  certificate: /c/a.crt\n  private_key:\n", "https.private_key"),
    "https-key-example": (GOOD + HTTPS.replace("/c/a.key", "/your/certificate/path"), "https.private_key"),
    "https-cert-number": (GOOD + HTTPS.replace("/c/a.crt", "5"), "https.certificate"),
    "https-only-port": (GOOD + "https:\n  port: 443\n", "https.certificate"),
    "extdb-no-harbor": (GOOD + "external_database:\n  host: db\n", "external_database.harbor"),
    "extdb-harbor-null": (GOOD + "external_database:\n  harbor:\n", "external_database.harbor.host"),
    "extdb-harbor-text": (GOOD + "external_database:\n  harbor: x\n", "external_database.harbor"),
    "extdb-host-null": (GOOD + DB.replace("db.example", ""), "external_database.harbor.host"),
    "extdb-port-name": (GOOD + DB.replace("5432", "harbor_db_port"), "external_database.harbor.port"),
    "extdb-host-url": (GOOD + DB.replace("db.example", "postgres://db"), "external_database.harbor.host"),
    # blocks of the wrong kind
    **{
        f"{block}-{kind}": (without(block) + f"{block}:{value}\n", block)
        for block in ("http", "https", "database", "jobservice", "notification", "log", "storage_service", "proxy",
                      "external_database", "external_redis", "internal_tls", "metric", "trace", "upload_purging",
                      "cache", "core", "uaa", "trivy", "ip_family", "redis")
        for kind, value in (("true", " true"), ("text", " x"), ("list", "\n  - a: 1"))
    },
    "log-local-text": (GOOD[: GOOD.index("  local:")] + "  local: /x\n_version: 2.15.0\n", "log.local"),
    "endpoint-text": (put("_version", "  external_endpoint: h:514\n_version"), "log.external_endpoint"),
    "jaeger-text": (GOOD + "trace:\n  enabled: false\n  jaeger: http://j\n", "trace.jaeger"),
    "s3-true": (GOOD + "storage_service:\n  s3: true\n", "storage_service.s3"),
    "redirect-true": (GOOD + "storage_service:\n  redirect: true\n", "storage_service.redirect"),
    # what it validates
    "hostname-loopback": (put("registry.example", "127.0.0.1"), "hostname"),
    "endpoint-protocol": (
        put("_version", "  external_endpoint:\n    protocol: TCP\n    host: h\n    port: 514\n_version"),
        "log.external_endpoint.protocol",
    ),
    "endpoint-port-zero": (
        put("_version", "  external_endpoint:\n    protocol: tcp\n    host: h\n    port: 0\n_version"),
        "log.external_endpoint.port",
    ),
    "endpoint-no-port": (
        put("_version", "  external_endpoint:\n    protocol: tcp\n    host: h\n_version"), "log.external_endpoint.port"
    ),
    "trace-no-exporter": (GOOD + "trace:\n  enabled: true\n", "trace"),
    "trace-text-true": (GOOD + "trace:\n  enabled: 'yes'\n", "trace"),
    "jaeger-both": (GOOD + JAEGER + "    endpoint: http://j\n    agent_host: j\n", "trace.jaeger.agent_host"),
    "jaeger-neither": (GOOD + JAEGER + "    username: u\n", "trace.jaeger.endpoint"),
    "otel-no-endpoint": (GOOD + "trace:\n  enabled: true\n  otel:\n    url_path: /v1\n", "trace.otel.endpoint"),
    "purge-minutes": (GOOD + "upload_purging:\n  enabled: true\n  age: 90m\n", "upload_purging.age"),
    "purge-one-hour": (GOOD + "upload_purging:\n  enabled: true\n  interval: 1h\n", "upload_purging.interval"),
    "purge-days": (GOOD + "upload_purging:\n  enabled: true\n  age: 7d\n", "upload_purging.age"),
    "cache-hours": (GOOD + "cache:\n  enabled: true\n", "cache.expire_hours"),
    "cache-hours-null": (GOOD + "cache:\n  enabled: true\n  expire_hours:\n", "cache.expire_hours"),
    "cache-zero": (GOOD + "cache:\n  enabled: true\n  expire_hours: 0\n", "cache.expire_hours"),
    "cache-text": (GOOD + "cache:\n  enabled: true\n  expire_hours: 24h\n", "cache.expire_hours"),
    "quota-case": (GOOD + "core:\n  quota_update_provider: Redis\n", "core.quota_update_provider"),
    "quota-list": (GOOD + "core:\n  quota_update_provider: [redis]\n", "core.quota_update_provider"),
    "no-proxy-true": (GOOD + "proxy:\n  no_proxy: true\n", "proxy.no_proxy"),
    "component-number": (GOOD + "proxy:\n  components: [core, 5]\n", "proxy.components"),
    "component-null": (GOOD + "proxy:\n  components:\n    -\n", "proxy.components"),
    "redis-index-negative": (GOOD + "external_redis:\n  host: r:1\n  registry_db_index: -1\n",
                             "external_redis.registry_db_index"),
    "redis-index-true": (GOOD + "external_redis:\n  host: r:1\n  jobservice_db_index: yes\n",
                         "external_redis.jobservice_db_index"),
    # what its shell reads
    **{
        f"data-{number}": (put("/srv/data", value), "data_volume")
        for number, value in enumerate(
            ("'/srv/data'", '"/srv/data"', "/srv/my data", "/srv/data # x", "data", "./data", "/", "//", "~", "''",
             "$HOME/data", "~/data", "/srv/data:ro", "[/srv/data]", "5", "/srv/$X", "|\n  /srv/data", "yes")
        )
    },
    "data-twice": (GOOD + "other_data_volume: /x\n", "data_volume"),
    "data-nested": (GOOD + "x:\n  data_volume: /x\n", "data_volume"),
    "data-crlf": (GOOD.replace("\n", "\r\n"), "data_volume"),
    "data-one-crlf": (put("data_volume: /srv/data\n", "data_volume: /srv/data\r\n"), "data_volume"),
    # what no YAML reader takes
    "two-documents": (GOOD + "---\n" + GOOD, ""),
    "tab": (put("  port: 8080", "\tport: 8080"), ""),
    "tab-behind-a-colon": (put("data_volume: /srv/data", "data_volume:\t/srv/data"), ""),
    "unclosed": (put("level: info", "level: 'info"), ""),
    "colon": (put("registry.example", "a: b"), ""),
    "percent": (put("w8zKq0Lm3x", "%abc"), ""),
    "at": (put("w8zKq0Lm3x", "@abc"), ""),
    "date": (put("Longer-than-8", "2024-13-45"), "harbor_admin_password"),
    "python": (put("Longer-than-8", "!!python/name:os.system"), "harbor_admin_password"),
    "tag": (put("Longer-than-8", "!secret admin"), "harbor_admin_password"),
    "nul": (GOOD + "# \x00\n", ""),
    "bomb": (GOOD + "a: &a [x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9)), ""),
    # what surely cannot work
    **{
        f"port-{value}": (put("port: 8080", f"port: {value}"), "http.port")
        for value in ("0", "65536", "-1", "80.5", "true", "abc", "''", "[80]", "8080/tcp", "127.0.0.1:80", "1_000_000")
    },
    "ports-equal": (GOOD + "https:\n  port: 8080\n  certificate: /c/a\n  private_key: /c/b\n", "https.port"),
    "ports-equal-by-default": (
        put("port: 8080", "port: 443") + HTTPS, "https.port"
    ),
    "metric-port-equal": (GOOD + METRIC.replace("9090", "8080"), "metric.port"),
    "metric-port-https-default": (GOOD + HTTPS + METRIC.replace("9090", "443"), "metric.port"),
    "log-port": (put("port: 8080", "port: 1514"), "http.port"),
    **{
        f"host-{number}": (put("hostname: registry.example", f"hostname: {value}"), "hostname")
        for number, value in enumerate(
            ("localhost", "LOCALHOST.", "a.localhost", "127.1.2.3", "'::1'", "0.0.0.0", "a_b.example", "'*.example'",
             "https://a.example", "a.example:443", "a.example/x", "a b", "''", "' '", "'a,b'", "bücher.example", "5",
             "1.5", "true", "{a: b}", "-a.example", "a..example", "user@a.example", "'[::1]'", "REG.MYDOMAIN.COM",
             "a.example\\", "'a.example\t'", "10.0.0.256", "'10.0.0'", "a." * 130 + "example", "|\n  a.example")
        )
    },
    **{
        f"url-{number}": (GOOD + f"external_url: {value}\n", "external_url")
        for number, value in enumerate(
            ("registry.example", "https://", "ftp://a.example", "https://a.example/harbor", "https://a.example?x=1",
             "https://u:p@a.example", "https://localhost", "https://127.0.0.1", "//a.example", "https:/a.example",
             "https://a b", "https://10.0.0.300", "https://a.example:port", "true", "5", "[https://a.example]", "https://a.example#x")
        )
    },
    "url-http-with-https": (GOOD + HTTPS + "external_url: http://a.example\n", "external_url"),
    "cert-in-the-copy": (GOOD + HTTPS.replace("/c/a.crt", "/srv/data/secret/cert/server.crt"), "https.certificate"),
    "itls-in-the-copy": (
        GOOD + "internal_tls:\n  enabled: true\n  dir: /srv/data/secret/tls/\n", "internal_tls.dir"
    ),
    "two-drivers": (GOOD + S3 + "  filesystem:\n    maxthreads: 100\n", "storage_service.s3"),
    "driver-case": (GOOD + "storage_service:\n  S3:\n    bucket: b\n", "storage_service.S3"),
    "s3-no-bucket": (GOOD + S3.replace("    bucket: b\n", ""), "storage_service.s3.bucket"),
    "s3-bucket-null": (GOOD + S3.replace("bucket: b", "bucket:"), "storage_service.s3.bucket"),
    "s3-boolean": (GOOD + S3 + "    secure: maybe\n", "storage_service.s3.secure"),
    "s3-boolean-number": (GOOD + S3 + "    secure: 0\n", "storage_service.s3.secure"),
    "s3-chunk": (GOOD + S3 + "    chunksize: 1000\n", "storage_service.s3.chunksize"),
    "swift": (GOOD + "storage_service:\n  swift:\n    authurl: https://k/v3\n", "storage_service.swift.password"),
    "redis-url": (GOOD + "external_redis:\n  host: redis://r:6379\n", "external_redis.host"),
    "redis-port": (GOOD + "external_redis:\n  host: r:port\n", "external_redis.host"),
    "sentinels-without-master": (GOOD + "external_redis:\n  host: a:1,b:1\n", "external_redis.sentinel_master_set"),
    "extdb-host-port": (GOOD + DB.replace("db.example", "db.example:5432"), "external_database.harbor.host"),
    "workers-word": (put("max_job_workers: 10", "max_job_workers: ten"), "jobservice.max_job_workers"),
    "workers-list": (put("max_job_workers: 10", "max_job_workers: [10]"), "jobservice.max_job_workers"),
    "logger-false": (put("\n    - STD_OUTPUT\n    - FILE\n", " false\n"), "jobservice.job_loggers"),
    "logger-case": (put("- FILE", "- file"), "jobservice.job_loggers"),
    "logger-text": (
        put("  job_loggers:\n    - STD_OUTPUT\n    - FILE\n", "  job_loggers: FILE\n"), "jobservice.job_loggers"
    ),
    "log-folder": (put("/var/log/harbor", "logs"), "log.local.location"),
    "no-ip": (GOOD + "ip_family:\n  ipv4:\n    enabled: false\n", "ip_family.ipv4.enabled"),
    "dots": (put("Longer-than-8", "•••"), "harbor_admin_password"),
    "cert-windows": (GOOD + HTTPS.replace("/c/a.crt", "C:\\tls\\a.crt"), "https.certificate"),
    "key-windows": (GOOD + HTTPS.replace("/c/a.key", "'\\\\server\\tls\\a.key'"), "https.private_key"),
    "itls-windows": (GOOD + "internal_tls:\n  enabled: true\n  dir: 'C:/tls'\n", "internal_tls.dir"),
    "ca-windows": (GOOD + "storage_service:\n  ca_bundle: 'C:/tls/ca.crt'\n", "storage_service.ca_bundle"),
    "master-number": (
        GOOD + "external_redis:\n  host: a:1,b:1\n  sentinel_master_set: 1\n", "external_redis.sentinel_master_set"
    ),
    "log-folder-colon": (put("/var/log/harbor", "'/var/lo:g'"), "log.local.location"),
    "log-folder-dollar": (put("/var/log/harbor", "/var/$HOME"), "log.local.location"),
    "gcs-dollar": (GOOD + "storage_service:\n  gcs:\n    bucket: b\n    keyfile: /c/$k.json\n",
                   "storage_service.gcs.keyfile"),
    "uaa-dollar": (GOOD + "uaa:\n  ca_file: /c/$k.crt\n", "uaa.ca_file"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "key"), REFUSED.values(), ids=REFUSED)
def test_what_stops_prepare_or_cannot_work_is_refused(text: str, key: str) -> None:
    found = judged(text)
    assert found.get(key) == "error", found
    assert check(text).word == "refused"


WARNED = {
    "no-version": (without("_version"), "_version", ""),
    "old-version": (put("2.15.0", "2.14.0"), "_version", "2.14.0"),
    "version-number": (put("2.15.0", "2.1"), "_version", "2.1"),
    "future": (put("2.15.0", "3.0.0"), "_version", "3.0.0"),
    "typo": (GOOD + "hostnam: x\n", "hostnam", "hostname"),
    "typo-nested": (put("max_job_workers: 10", "max_job_workers: 10\n  max_job_worker: 10"),
                    "jobservice.max_job_worker", "max_job_workers"),
    "hyphen": (GOOD + "storage-service:\n  s3:\n    bucket: b\n", "storage-service", "storage_service"),
    "case": (GOOD + "HTTPS:\n  port: 443\n", "HTTPS", "https"),
    "indent-lost": (GOOD + "https:\nprivate_key: /c/a.key\ncertificate: /c/a.crt\n", "private_key",
                    "https.private_key"),
    "indent-too-much": (put("harbor_admin_password", "  data_volumes: x\nharbor_admin_password"),
                        "http.data_volumes", ""),
    "top-level-below": (put("  port: 8080\n", "  port: 8080\n  external_url: https://a.example\n"),
                        "http.external_url", "external_url"),
    "gone": (GOOD + "chartmuseum:\n  absolute_url: disabled\n", "chartmuseum", ""),
    "gone-block": (GOOD + DB + "  notary_signer:\n    host: x\n", "external_database.notary_signer", ""),
    "unknown": (GOOD + "x-mine:\n  a: 1\n", "x-mine", ""),
    "driver-parameter": (GOOD + S3 + "    buckets: b\n", "storage_service.s3.buckets", "storage_service.s3.bucket"),
    "hostname-word": (put("registry.example", "registry"), "hostname", ""),
    "hostname-dot": (put("registry.example", "registry.example."), "hostname", ""),
    "url-slash": (GOOD + "external_url: https://registry.example/\n", "external_url", ""),
    "weak": (put("Longer-than-8", "short"), "harbor_admin_password", ""),
    "octal": (put("w8zKq0Lm3x", "0123"), "database.password", "quotes"),
    "yes-password": (put("w8zKq0Lm3x", "yes"), "database.password", "quotes"),
    "sexagesimal": (put("w8zKq0Lm3x", "12:30"), "database.password", "quotes"),
    "off-in-quotes": (GOOD + "metric:\n  enabled: 'false'\n  port: 9090\n  path: /metrics\n", "metric.enabled", ""),
    "metric-no-enabled": (GOOD + "metric:\n  port: 9090\n  path: /metrics\n", "metric.enabled", ""),
    "metric-inside": (GOOD + METRIC.replace("9090", "8443"), "metric.port", ""),
    "metric-path": (GOOD + METRIC.replace("/metrics", "metrics"), "metric.path", ""),
    "extdb-localhost": (GOOD + DB.replace("db.example", "127.0.0.1"), "external_database.harbor.host", ""),
    "extdb-password-null": (GOOD + DB.replace("password: p", "password:"), "external_database.harbor.password", ""),
    "redis-localhost": (GOOD + "external_redis:\n  host: localhost:6379\n", "external_redis.host", ""),
    "redis-same": (GOOD + "external_redis:\n  host: r:1\n  registry_db_index: 2\n",
                   "external_redis.jobservice_db_index", "number"),
    "redis-core": (GOOD + "redis:\n  jobservice_db_index: 1\n", "redis.jobservice_db_index", ""),
    "ca-in-data": (GOOD + "storage_service:\n  ca_bundle: /data/ca.crt\n", "storage_service.ca_bundle", ""),
    "url-other-port": (GOOD + HTTPS + "  port: 8443\nexternal_url: https://registry.example\n", "external_url", "8443"),
    "storageclass": (GOOD + S3 + "    storageclass: GLACIER\n", "storage_service.s3.storageclass", "GLACIER"),
    "driver-octal": (GOOD + S3.replace("accesskey: a", "accesskey: '0123'"), "storage_service.s3.accesskey", "quotes"),
    "driver-hash": (GOOD + S3.replace("secretkey: s", "secretkey: 'a #b'"), "storage_service.s3.secretkey", "quotes"),
    "driver-at": (GOOD + S3.replace("secretkey: s", "secretkey: '@b'"), "storage_service.s3.secretkey", "quotes"),
    "two-lines": (put("w8zKq0Lm3x", '"a\\nb"'), "database.password", "one line"),
    "component": (GOOD + "proxy:\n  components: [core, corex]\n", "proxy.components", "corex"),
    "components-text": (GOOD + "proxy:\n  components: core\n", "proxy.components", ""),
    "metric-off-bad-port": (GOOD + "metric:\n  enabled: false\n  port: x\n  path: /m\n", "metric.port", ""),
    "metric-off-port-zero": (GOOD + "metric:\n  port: 0\n  path: /m\n  enabled: no\n", "metric.port", ""),
    "pool-word": (put("  password: w8zKq0Lm3x", "  password: w8zKq0Lm3x\n  max_idle_conns: many"),
                  "database.max_idle_conns", ""),
    "cache-half": (GOOD + "cache:\n  enabled: true\n  expire_hours: 1.5\n", "cache.expire_hours", ""),
    "cache-off-bad": (GOOD + "cache:\n  enabled: false\n  expire_hours: x\n", "cache.expire_hours", ""),
    "purge-off-bad": (GOOD + "upload_purging:\n  enabled: false\n  age: 7d\n", "upload_purging.age", ""),
    "trace-off-bad": (GOOD + "trace:\n  enabled: false\n  sample_rate: lots\n", "trace.sample_rate", ""),
    "itls-off-bad": (GOOD + "internal_tls:\n  enabled: false\n  dir: 5\n", "internal_tls.dir", ""),
    "enabled-list": (GOOD + METRIC.replace("true", "[yes]"), "metric.enabled", ""),
    "index-empty": (GOOD + "external_redis:\n  host: r:1\n  registry_db_index: ''\n",
                    "external_redis.registry_db_index", ""),
    "webhook-null": (put("webhook_job_http_client_timeout: 3", "webhook_job_http_client_timeout:"),
                     "notification.webhook_job_http_client_timeout", ""),
    "job-hours-word": (put("max_job_workers: 10", "max_job_workers: 10\n  max_job_duration_hours: long"),
                       "jobservice.max_job_duration_hours", ""),
    "half-a-key": (GOOD + S3.replace("    secretkey: s\n", ""), "storage_service.s3.secretkey", ""),
    "filesystem-elsewhere": (GOOD + "storage_service:\n  filesystem:\n    rootdirectory: /x\n",
                             "storage_service.filesystem.rootdirectory", ""),
    "rotate-size": (put("200M", "200MB"), "log.local.rotate_size", ""),
    "lifetime": (put("  password: w8zKq0Lm3x", "  password: w8zKq0Lm3x\n  conn_max_lifetime: 5"),
                 "database.conn_max_lifetime", ""),
    "workers-zero": (put("max_job_workers: 10", "max_job_workers: 0"), "jobservice.max_job_workers", ""),
    "job-hours": (put("max_job_workers: 10", "max_job_workers: 10\n  max_job_duration_hours: 1"),
                  "jobservice.max_job_duration_hours", ""),
    "proxy-for-nobody": (GOOD + "proxy:\n  http_proxy: http://p:1\n", "proxy.components", ""),
    "sample-rate": (GOOD + OTEL + "  sample_rate: 5\n", "trace.sample_rate", ""),
    "cert-relative": (GOOD + HTTPS.replace("/c/a.crt", "c/a.crt"), "https.certificate", ""),
    "swapped": (GOOD + "https:\n  certificate: /c/a.key\n  private_key: /c/a.crt\n", "https.private_key", ""),
    "data-tmp": (put("/srv/data", "/tmp/harbor"), "data_volume", ""),
    "data-etc": (put("/srv/data", "/etc/"), "data_volume", ""),
    "trivy-timeout": (GOOD + "trivy:\n  timeout: 5 minutes\n", "trivy.timeout", ""),
    "admin-variable": (put("Longer-than-8", "Longer-8$word"), "harbor_admin_password", "compose"),
    "admin-two-dollars": (put("Longer-than-8", "Longer-8$$"), "harbor_admin_password", "compose"),
    "admin-quote": (put("Longer-than-8", "\"'Longer-8\""), "harbor_admin_password", "compose"),
    "admin-comment": (put("Longer-than-8", "'Longer-8 #1'"), "harbor_admin_password", "compose"),
    "admin-space": (put("Longer-than-8", "'Longer-8 '"), "harbor_admin_password", "compose"),
    "database-variable": (put("w8zKq0Lm3x", "w8zKq0Lm${3x"), "database.password", "first start"),
    "extdb-variable": (GOOD + DB.replace("password: p", "password: p$w"), "external_database.harbor.password",
                       "compose"),
    "proxy-variable": (GOOD + "proxy:\n  http_proxy: http://u:p$w@p:3128\n  components: [core]\n",
                       "proxy.http_proxy", "compose"),
    "token-variable": (GOOD + "trivy:\n  github_token: a$b\n", "trivy.github_token", "compose"),
    "redis-colon": (GOOD + "external_redis:\n  host: r.example\n  password: 'a: b'\n",
                    "external_redis.password", "quotes"),
    "redis-hash": (GOOD + "external_redis:\n  host: r.example\n  password: 'a #b'\n",
                   "external_redis.password", "quotes"),
    "redis-at": (GOOD + "external_redis:\n  host: r.example\n  password: '@b'\n",
                 "external_redis.password", "quotes"),
    "redis-null": (GOOD + "external_redis:\n  host: r.example\n  password: 'null'\n",
                   "external_redis.password", "quotes"),
    "driver-one": (GOOD + "storage_service:\n  filesystem:\n    maxthreads: 1\n",
                   "storage_service.filesystem.maxthreads", "true"),
    "http-on-443": (put("port: 8080", "port: 443"), "http.port", "443"),
    "https-on-80": (GOOD + HTTPS + "  port: 80\n", "https.port", "80"),
    "url-http-443": (GOOD + "external_url: http://registry.example:443\n", "external_url", "443"),
    "url-https-80": (GOOD + "external_url: https://registry.example:80\n", "external_url", "80"),
    "trivy-repository": (GOOD + "trivy:\n  db_repository: https://mirror.example/trivy-db\n", "trivy.db_repository",
                         "docker pull"),
    "port-octal": (put("port: 8080", "port: 0443"), "http.port", "291"),
    "workers-octal": (put("max_job_workers: 10", "max_job_workers: 010"), "jobservice.max_job_workers", "8"),
    "workers-sexagesimal": (put("max_job_workers: 10", "max_job_workers: 1:30"), "jobservice.max_job_workers", "90"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "key", "says"), WARNED.values(), ids=WARNED)
def test_what_runs_and_is_not_meant_is_warned_about(text: str, key: str, says: str) -> None:
    found = judged(text)
    assert found.get(key) == "warning", found
    assert check(text).word == "warned", found
    fault = next(fault for fault in check(text).faults if fault.key == key)
    assert says in f"{fault.message} {fault.why} {fault.advice}"


def test_secrets_are_in_no_fault() -> None:
    text = put("w8zKq0Lm3x", "0123456") + "external_redis:\n  host: r:1\n  password: [Secret-1]\n"
    text += "trivy:\n  github_token: {Secret-2: x}\n"
    said = " ".join(f"{fault.message} {fault.why} {fault.advice}" for fault in check(text).faults)
    assert "Secret-" not in said and "42798" not in said and "0123456" not in said


def test_a_key_that_the_installers_harbor_does_not_read_yet() -> None:
    old = put("2.15.0", "2.12.0")
    text = old.replace("  max_job_workers: 10\n", "  max_job_workers: 10\n  max_job_duration_hours: 24\n")
    (fault,) = check(text, template=old).faults
    assert (fault.severity, fault.key) == ("warning", "jobservice.max_job_duration_hours")
    assert "2.13" in fault.message
    assert check(text, template=text).faults == ()


def test_a_key_that_only_the_installers_template_has_is_none_to_warn_of() -> None:
    text = GOOD + "network:\n  allow_private_network_access: true\n"
    assert [fault.key for fault in check(text).faults] == ["network"]
    assert check(text, template=text).faults == ()


ODD = (
    "", "~", "true", "false", "''", "x", "0", "-1", "1.5", ".nan", "[]", "[1]", "{}", "{a: b}", "[[{}]]", "2024-01-01",
    "0123", "'\\u2028'", "99999999999999999999999",
)  # fmt: skip


def _every_key() -> dict[str, Any]:
    made: dict[str, Any] = {}
    for field in FIELDS:
        at = made
        for part in field.key.split(".")[:-1]:
            at = at.setdefault(part, {})
        at[field.name] = None
    return made


@pytest.mark.parametrize("value", ODD)
def test_no_value_anywhere_makes_a_rule_stumble(value: str) -> None:
    """Every key of the table with this value, all at once."""
    assert judged(_written(_every_key(), value))


def test_no_block_of_another_kind_makes_a_rule_stumble() -> None:
    for value in ("", "x", "[1]", "{a: b}"):
        for block in PARENTS:
            keys = at = _every_key()
            *path, name = block.split(".")
            for part in path:
                at = at[part]
            at[name] = None
            judged(_written(keys, value))


def _written(keys: dict[str, Any], value: str, indent: str = "") -> str:
    lines = []
    for name, below in keys.items():
        if isinstance(below, dict):
            lines.append(f"{indent}{name}:\n{_written(below, value, indent + '  ')}")
        else:
            lines.append(f"{indent}{name}: {value}\n")
    return "".join(lines)


YAMLISH = st.text(alphabet=st.sampled_from("ab: -#'\"[]{}&*!|>%@,?\n\t\\0.é\u2028\r\ufeff~<"), max_size=40)


@settings(max_examples=150, deadline=None)
@given(
    text=YAMLISH, line=st.integers(0, GOOD.count("\n")), name=st.sampled_from(["", "trivy", "external_url", "proxy"])
)
def test_no_text_makes_the_rules_stumble(text: str, line: int, name: str) -> None:
    """Something odd on a line of its own, or as the value of a key."""
    lines = GOOD.splitlines(keepends=True)
    odd = f"{name}: {text}\n" if name else text
    verdict = check("".join([*lines[:line], odd, *lines[line:]]) if not name else GOOD + odd)
    assert verdict.word in ("ok", "warned", "refused")
    assert verdict.record()["verdict"] == verdict.word


@pytest.mark.parametrize("version", ["2.11", "2.12", "2.13", "2.14", "2.15"])
def test_a_good_file_of_every_template_is_not_refused(version: str) -> None:
    """The 2.15 template without the keys that came later, as an installer of `version` brings it."""
    later = {field.name for field in FIELDS if field.since > version}
    lines = parts.shared("harbor.yml-2.15.tmpl").read_text().splitlines(keepends=True)
    kept = [line for line in lines if line.strip(" #").split(":")[0] not in later]
    template = "".join(kept).replace("_version: 2.15.0", f"_version: {version}.0")
    answers = {"reg.mydomain.com\n": "registry.example\n", "Harbor12345": "Longer-than-8", "root123": "w8zKq0Lm3x"}
    answers |= {"/your/certificate/path": "/c/a.crt", "/your/private/key/path": "/c/a.key"}
    text = template
    for old, new in answers.items():
        text = text.replace(old, new, 1)
    assert check(text, template=template).faults == ()
    assert [fault.key for fault in check(text).faults] == ([] if version == "2.15" else ["_version"])


@pytest.mark.parametrize("number", [":".join(["59"] * 4000), "0x" + "f" * 9000, "0b" + "1" * 20000, "9" * 5000])
def test_a_number_longer_than_python_writes_is_refused_and_not_stumbled_over(number: str) -> None:
    found = check(
        f"hostname: h.example\nhttp:\n  port: {number}\n", template=parts.shared("harbor.yml-2.15.tmpl").read_text()
    )
    assert found.word == "refused" and found.faults[0].line == 3
