"""What prepare refuses is refused; what it should have refused is at least warned about; what works is let through."""

import json
from typing import Any

import pytest

from harborweb.configuration.fields import Tls
from harborweb.configuration.rules import check, shell_reads
from harborweb.configuration.text.document import Document
from tests import parts

# What only Harbor's machine knows; issue 4's checks on the host answer these. This list can only shrink.
NEEDS_THE_HOST = {
    "https-cert-is-dir": "https.certificate",
    "storage-ca-bundle-0600-root": "storage_service.ca_bundle",
    "internal-tls-dir-nonexistent": "internal_tls.dir",
    "data-volume-is-file": "data_volume",
}
# The key that a fault has to name, where it is not clear from the case's name.
KEYS = {
    "hostname-": "hostname", "https-no-certificate": "https.certificate", "https-empty-cert": "https.certificate",
    "https-key-swapped": "https.certificate", "http-port": "http.port", "storage-s3": "storage_service.s3",
    "storage-string": "storage_service", "log-level": "log.level", "log-block": "log.level",
    "log-ext-protocol": "log.external_endpoint.protocol", "log-ext-empty": "log.external_endpoint.host",
    "metric-port": "metric.port", "extdb-missing-password": "external_database.harbor.password",
    "extdb-bad": "external_database.harbor.ssl_mode", "no-database": "database",
    "extredis-no-host": "external_redis.host",
    "extredis-db": "external_redis.registry_db_index", "proxy-no-proxy": "proxy.no_proxy",
    "proxy-unknown": "proxy.components", "proxy-components": "proxy.components", "trace-both": "trace.otel",
    "trace-otel-no": "trace.otel.url_path", "purge-age": "upload_purging.age",
    "purge-interval": "upload_purging.interval",
    "cache-expire": "cache.expire_hours", "core-quota": "core.quota_update_provider", "version-missing": "_version",
    "yaml-duplicate": "hostname", "yaml-": "", "data-volume": "data_volume", "admin-password": "harbor_admin_password",
    "jobservice-missing": "jobservice.max_job_workers", "jobservice-logger": "jobservice.job_loggers",
    "notification": "notification.webhook_job_max_retry", "chartmuseum": "chartmuseum", "external-url": "external_url",
}  # fmt: skip


def verdicts() -> list[dict[str, Any]]:
    path = parts.SHARED / "prepare-verdicts.json"
    return json.loads(path.read_text()) if path.exists() else []


@pytest.mark.parametrize("case", verdicts() or [None], ids=lambda case: case["case"] if case else "none")
def test_the_real_prepares_verdicts(case: dict[str, Any] | None) -> None:
    if case is None:
        parts.shared("prepare-verdicts.json")
    assert case is not None
    verdict = check(case["harbor_yml"])
    name = case["case"]
    if case["should"] == "accept":
        assert verdict.word != "refused", verdict.faults
        return
    key = next((key for prefix, key in KEYS.items() if name.startswith(prefix)), NEEDS_THE_HOST.get(name))
    if name in NEEDS_THE_HOST:
        assert verdict.word != "refused", f"{name} is known now: take it off the list"
        return
    found = [fault for fault in verdict.faults if fault.key == key]
    assert found, (key, verdict.faults)
    assert verdict.word == "refused" if case["should"] == "refuse" else verdict.word in ("refused", "warned")
    assert all(fault.message and fault.advice for fault in found)


def test_the_template_itself_has_exactly_the_faults_of_a_template() -> None:
    text = parts.shared("harbor.yml-2.15.tmpl").read_text()
    faults = check(text).faults
    assert [(fault.severity, fault.key, fault.line) for fault in faults] == [
        ("error", "hostname", 5),
        ("error", "https.certificate", 17),
        ("error", "https.private_key", 18),
        ("warning", "harbor_admin_password", 47),
        ("warning", "database.password", 52),
    ]
    assert faults[0].record() == {
        "severity": "error",
        "key": "hostname",
        "line": 5,
        "message": "The host name is still the template’s example. prepare refuses reg.mydomain.com.",
        "advice": "Write the name that other machines use.",
    }


def practice(**values: Any) -> str:
    """A harbor.yml of the practice installer that has nothing wrong, with these keys (`__` for a dot) changed."""
    text = (parts.ROOT / "tests" / "practice" / "harbor" / "harbor.yml.tmpl").read_text()
    document = Document(text).set("hostname", "registry.example").disable("https")
    document = document.set("harbor_admin_password", "Longer-than-8").set("database.password", "w8zKq0Lm3x")
    if any(key.startswith("https") for key in values):
        document = document.enable("https")
        document = document.set("https.certificate", "/c/a.crt").set("https.private_key", "/c/a.key")
    for key, value in values.items():
        document = document.set(key.replace("__", "."), value)
    return document.text


def faults_of(key: str, *, tls: Tls | None = None, **values: Any) -> list[Any]:
    text = practice(**values)
    template = (parts.ROOT / "tests" / "practice" / "harbor" / "harbor.yml.tmpl").read_text()
    return [fault for fault in check(text, template=template, tls=tls).faults if fault.key == key]


def test_a_good_answer_sheet_has_no_fault() -> None:
    template = (parts.ROOT / "tests" / "practice" / "harbor" / "harbor.yml.tmpl").read_text()
    assert check(practice(), template=template).faults == ()
    assert check(practice(https__port=8443), template=template).word == "ok"


@pytest.mark.parametrize(
    ("value", "use"),
    [
        ("http://registry.example", "registry.example"),
        ("HTTPS://registry.example/", "registry.example"),
        ("https://registry.example:8443/harbor", "registry.example"),
        ("registry.example:8080", "registry.example"),
        ("registry.example/harbor", "registry.example"),
        ("my registry", ""),
        ("under_score.example", ""),
        ("-x.example", ""),
        ("", ""),
        ("localhost", ""),
        ("127.0.0.1", ""),
        ("127.9.9.9", ""),
        ("::1", ""),
        ("0.0.0.0", ""),
        ("reg.mydomain.com", ""),
    ],
)
def test_a_host_name_is_refused_with_the_one_that_was_meant(value: str, use: str) -> None:
    (fault,) = faults_of("hostname", hostname=value)
    assert (fault.severity, fault.use) == ("error", use)


@pytest.mark.parametrize(
    "value", ["registry.example", "10.0.0.7", "[2001:db8::7]", "r-1.lab.example", "XN--BCHER-KVA.example"]
)
def test_a_host_name_that_works(value: str) -> None:
    assert faults_of("hostname", hostname=value) == []


@pytest.mark.parametrize("value", ["dock-01", "registry.example.", "2001:db8::7"])
def test_a_host_name_that_is_warned_about(value: str) -> None:
    (fault,) = faults_of("hostname", hostname=value)
    assert fault.severity == "warning"


@pytest.mark.parametrize("port", [0, -1, 65536, 70000, "abc", True, None, 80.5, "80a", "0"])
def test_a_port_out_of_range(port: Any) -> None:
    assert [fault.severity for fault in faults_of("http.port", http__port=port)] == ["error"]


def test_a_port_in_quotes_works() -> None:
    assert faults_of("http.port", http__port="8080") == []


def test_equal_ports() -> None:
    (fault,) = faults_of("https.port", http__port=8443, https__port=8443)
    assert (fault.severity, "8443" in fault.message) == ("error", True)
    (fault,) = faults_of("https.port", http__port="8443", https__port=8443)
    assert fault.severity == "error"
    (fault,) = faults_of("http.port", http__port=1514)
    assert "log container" in fault.why


@pytest.mark.parametrize(
    ("values", "key", "severity"),
    [
        ({"https__certificate": "/your/certificate/path"}, "https.certificate", "error"),
        ({"https__private_key": "/your/private/key/path"}, "https.private_key", "error"),
        ({"https__certificate": "certs/a.crt"}, "https.certificate", "warning"),
        ({"https__certificate": "/data/secret/cert/server.crt"}, "https.certificate", "error"),
        ({"https__private_key": "/data//secret/x/../cert/a.key"}, "https.private_key", "error"),
        ({"https__private_key": ""}, "https.private_key", "error"),
        ({"https__certificate": "/c/a.key", "https__private_key": "/c/a.crt"}, "https.certificate", "warning"),
        ({"https__private_key": "/c/fullchain.pem"}, "https.private_key", "warning"),
    ],
)
def test_certificates(values: dict[str, Any], key: str, severity: str) -> None:
    assert [fault.severity for fault in faults_of(key, **values)] == [severity]


@pytest.mark.parametrize(
    ("url", "tls", "use"),
    [
        ("http://registry.example", Tls.PROXY, "https://registry.example"),
        ("http://registry.example:8080", Tls.HARBOR, "https://registry.example:8080"),
        ("https://registry.example", Tls.NOWHERE, "http://registry.example"),
        ("http://[2001:db8::7]:8080", Tls.PROXY, "https://[2001:db8::7]:8080"),
        ("https://registry.example/harbor", Tls.PROXY, "https://registry.example"),
        ("https://user@registry.example", Tls.PROXY, "https://registry.example"),
        ("registry.example", Tls.PROXY, "https://registry.example"),
        ("registry.example:8443", Tls.PROXY, "https://registry.example:8443"),
        ("ftp://registry.example", Tls.PROXY, ""),
        ("not a url", Tls.PROXY, ""),
        ("https://", Tls.PROXY, ""),
        ("https://registry.example:0", Tls.PROXY, ""),
        ("https://registry.example:99999", Tls.PROXY, ""),
        ("https://[half", Tls.PROXY, ""),
        ("https://localhost", Tls.PROXY, ""),
        ("https://reg.mydomain.com:8433", Tls.PROXY, ""),
    ],
)
def test_a_public_address_is_refused_with_the_one_that_was_meant(url: str, tls: Tls, use: str) -> None:
    values = {"https__port": 8443} if tls is Tls.HARBOR else {}
    (fault,) = faults_of("external_url", tls=tls, external_url=url, **values)
    assert (fault.severity, fault.use) == ("error", use)


@pytest.mark.parametrize(
    ("url", "tls"),
    [("https://registry.example", Tls.PROXY), ("http://registry.example:8080", Tls.NOWHERE),
     ("https://10.0.0.7:8443", None),
     ("https://[2001:db8::7]:8443", Tls.PROXY)],
)  # fmt: skip
def test_a_public_address_that_works(url: str, tls: Tls | None) -> None:
    assert faults_of("external_url", tls=tls, external_url=url) == []


def test_a_slash_behind_a_public_address_is_warned_about() -> None:
    (fault,) = faults_of("external_url", tls=Tls.PROXY, external_url="https://registry.example/")
    assert (fault.severity, fault.use) == ("warning", "https://registry.example")


def test_behind_a_proxy_the_public_address_is_needed() -> None:
    (fault,) = faults_of("external_url", tls=Tls.PROXY)
    assert fault.use == "https://registry.example"


@pytest.mark.parametrize(
    ("password", "severity"),
    [("Harbor12345", "warning"), ("alllowercase1", "warning"), ("Short1", "warning"), ("x" * 200 + "A1", "warning"),
     ("", "error"), (None, "error"), ("•••", "error"), ("Longer-than-8", "")],
)  # fmt: skip
def test_the_password_of_admin(password: str | None, severity: str) -> None:
    assert [fault.severity for fault in faults_of("harbor_admin_password", harbor_admin_password=password)] == [
        *([severity] if severity else [])
    ]


@pytest.mark.parametrize(
    ("line", "reads"),
    [("data_volume: /data", "/data"), ("data_volume: /my data", "data"), ("data_volume: /data # mine", "mine"),
     ('data_volume: "/data"', '"/data"'), ("data_volume: /data\r", "/data\r"), ("data_volume:", "data_volume:"),
     ("# data_volume: /x\ndata_volume: /data", "/data"), ("  data_volume: /a\ndata_volume: /b", "/a\n/b")],
)  # fmt: skip
def test_what_prepares_shell_reads(line: str, reads: str) -> None:
    assert shell_reads(line + "\n") == reads


@pytest.mark.parametrize("line", ['"/data"', "/data # mine", "./data", "/", "'/my data'"])
def test_a_data_folder_that_would_be_misread(line: str) -> None:
    text = practice().replace("data_volume: /data", f"data_volume: {line}")
    (fault,) = [fault for fault in check(text).faults if fault.key == "data_volume"]
    assert fault.severity == "error"
    assert fault.line == text.split("\n").index(f"data_volume: {line}") + 1


def test_windows_line_ends_are_refused_at_the_data_folder() -> None:
    (fault,) = [
        fault
        for fault in check(practice().replace("\n", "\r\n"), template=practice()).faults
        if fault.severity == "error"
    ]
    assert (fault.key, "CRLF" in fault.message) == ("data_volume", True)


def test_only_keys_of_the_template_can_be_missing() -> None:
    text = practice()
    assert {fault.key for fault in check(text).faults} >= {"jobservice.max_job_workers", "log.level"}
    assert check(text, template=text).faults == ()
    gone = "".join(line for line in text.splitlines(True) if not line.startswith("hostname:"))
    assert [fault.key for fault in check(gone, template=text).faults] == ["hostname"]


def test_a_version_that_is_not_the_installers() -> None:
    (fault,) = faults_of("_version", _version="2.9.0")
    assert fault.severity == "warning"
    text = practice(_version="3.0.0")
    assert any("unknown" in fault.message for fault in check(text, template=text).faults)
