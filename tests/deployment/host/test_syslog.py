"""log.external_endpoint against a real rsyslogd."""

from pathlib import Path

import pytest

from harborweb.deployment.host.connections import syslog
from tests import parts
from tests.deployment.host import servers
from tests.deployment.host.look import findings, the_one


def text(port: object, protocol: str = "tcp", host: str = "127.0.0.1") -> str:
    return (
        "hostname: r.example\nlog:\n  level: info\n  external_endpoint:\n"
        f"    protocol: {protocol}\n    host: {host}\n    port: {port}\n"
    )


def test_lines_arrive(tmp_path: Path) -> None:
    with servers.rsyslog(tmp_path) as (port, log):
        over_tcp = findings(syslog.look, text(port))[-1]
        assert over_tcp.state == "fine"
        servers.wait_for_text(log, "harborweb connection check")
        log.write_text("")
        over_udp = findings(syslog.look, text(port, "udp"))[-1]
        assert over_udp.state == "unknown"
        assert "udp has no answer" in over_udp.why
        assert "harborweb connection check" in over_udp.advice
        servers.wait_for_text(log, "harborweb connection check")


def test_nobody_there() -> None:
    port = parts.free_port()
    for protocol in ("tcp", "udp"):
        found = the_one(syslog.look, text(port, protocol))
        assert (found.key, found.line) == ("log.external_endpoint.port", 7)
        assert "Connection refused" in found.message
    assert "does not resolve" in the_one(syslog.look, text(514, "udp", "log.invalid")).message


@pytest.mark.parametrize("values", [("", "tcp"), ("x", "udp"), (0, "tcp"), (70000, "tcp"), (514, "tls")])
def test_what_the_rules_refuse_is_not_asked(values: tuple[object, str]) -> None:
    assert findings(syslog.look, text(*values)) == []
    assert findings(syslog.look, "hostname: a\nlog:\n  external_endpoint:\n") == []
