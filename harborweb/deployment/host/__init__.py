"""What only Harbor's machine knows about a harbor.yml: programs, disks, ports, files, names, servers.

`check` and `examine` are the doors. Only host workers and the shell come here: it reads files, asks the engine and
opens connections. Source: issue 4, section 3.
"""

from collections.abc import Sequence
from pathlib import Path

from django.utils.translation import gettext_lazy as _

from harborweb.configuration.faults import Fault
from harborweb.configuration.text.reading import TextProblem
from harborweb.deployment import wanted
from harborweb.deployment.host import certificate, containers, folders, programs, resolving, together, trust
from harborweb.deployment.host.connections import postgresql, proxy, redis, s3, syslog
from harborweb.deployment.host.findings import Finding, Machine, worst_first
from harborweb.deployment.host.together import Check
from harborweb.masking import Masker

CHECKS = (
    Check(_("Docker engine"), "", programs.docker),
    Check(_("docker compose"), "", programs.docker_compose),
    Check(_("Container names"), "", containers.names),
    Check(_("Ports"), "http.port", containers.ports),
    Check(_("Data folder"), folders.DATA, folders.look),
    Check(_("Log folder"), folders.LOGS, folders.logs),
    Check(_("Certificate"), certificate.CERTIFICATE, certificate.look),
    Check(_("Other files"), "", trust.look),
    Check(_("Names on this machine"), "hostname", resolving.here),
    Check(_("Names in a container"), "hostname", resolving.in_container),
    Check(_("Database"), postgresql.BLOCK, postgresql.look),
    Check(_("Redis"), redis.BLOCK, redis.look),
    Check(_("S3 storage"), s3.BLOCK, s3.look),
    Check(_("HTTP proxy"), "proxy.http_proxy", proxy.http_proxy),
    Check(_("HTTPS proxy"), "proxy.https_proxy", proxy.https_proxy),
    Check(_("Log endpoint"), syslog.BLOCK, syslog.look),
)
_SLOW = {resolving.in_container}  # starts a container, and nothing depends on it
BEFORE_DEPLOYING = tuple(check for check in CHECKS if check.look not in _SLOW)
BEFORE_STARTING = tuple(check for check in CHECKS if check.look in {containers.names, containers.ports})


def examine(
    text: str,
    *,
    installer: Path | None = None,
    replaces: Path | None = None,
    seconds: float = 8.0,
    checks: Sequence[Check] = CHECKS,
) -> list[Finding]:
    """All findings for a harbor.yml on this machine, worst first, also what is fine; nothing for what is no YAML.

    `installer` is the folder it is deployed from, `replaces` the one that runs now where that is another, to know
    this same Harbor's containers. Takes at most 3 s, or `seconds` where that is less. Raises nothing; no finding
    holds a secret of the text.
    """
    try:
        machine = Machine.of(text, installer, replaces)
    except TextProblem:
        return []  # the rules say it, with its line
    found = together.run(checks, machine, seconds)
    masker = Masker(wanted.secrets(text))
    return worst_first(finding.masked(masker) for finding in found)


def check(text: str, *, installer: Path | None = None, seconds: float = 8.0) -> list[Fault]:
    """The errors (prepare or compose itself would stop) and warnings of `examine`, as the rules write theirs."""
    return faults(examine(text, installer=installer, seconds=seconds))


def faults(findings: list[Finding]) -> list[Fault]:
    """Those of the findings that are errors and warnings."""
    return [one.fault() for one in findings if one.state in {"error", "warning"}]
