"""The larger parts of the tests: Chromium, a Docker engine, its compose plugin; as root they are installed."""

import shutil
import subprocess
import time
from pathlib import Path

from bin.lib import debian, venv
from bin.lib.say import VAR, SetupError, say, tail

PLUGINS = Path("/usr/local/lib/docker/cli-plugins")


def chromium() -> None:
    """Debian's chromium; raises SetupError."""
    if shutil.which("chromium") is None:
        _as_root("chromium is not installed", "apt-get install chromium")
        debian.install("chromium", "fonts-dejavu-core")


SERVERS = {  # package: where its program is
    "postgresql": "/usr/lib/postgresql/*/bin/postgres",
    "redis-server": "/usr/bin/redis-server",
    "nginx": "/usr/sbin/nginx",
    "rsyslog": "/usr/sbin/rsyslogd",
    "tinyproxy": "/usr/bin/tinyproxy",
    "haproxy": "/usr/sbin/haproxy",
    "apache2-bin": "/usr/sbin/apache2",
    "caddy": "/usr/bin/caddy",
    "dnsmasq-base": "/usr/sbin/dnsmasq",
    "unbound": "/usr/sbin/unbound-checkconf",
    "bind9": "/usr/sbin/named",
    "bind9-utils": "/usr/bin/named-checkzone",
    "skopeo": "/usr/bin/skopeo",
    "podman": "/usr/bin/podman",
    "iproute2": "/usr/*bin/ip",
    "libxml2-utils": "/usr/bin/xmllint",
    "python3-aiosmtpd": "/usr/bin/aiosmtpd",
    "curl": "/usr/bin/curl",
    "jq": "/usr/bin/jq",
}


def servers() -> None:
    """The servers that a harbor.yml can name and those in front of a Harbor, as Debian has them, and clients; they are
    installed and never started by us as services: each test runs its own on a free port. Raises SetupError."""
    missing = [name for name, program in SERVERS.items() if not any(Path("/").glob(program.lstrip("/")))]
    if missing:
        _as_root(f"{', '.join(missing)} are missing", f"apt-get install {' '.join(missing)}")
        with venv.alone("servers"):
            debian.install_asleep(*missing)


def docker() -> None:
    """An engine that answers; one is installed and started where none does. Raises SetupError."""
    if answers():
        return
    with venv.alone("dockerd"):
        if answers():
            return
        _as_root("no Docker engine answers", "apt-get install docker.io, and join the group docker")
        if shutil.which("dockerd") is None or shutil.which("docker") is None:
            debian.install("docker.io", *([] if debian.codename() == "bookworm" else ["docker-cli"]))
        _start()


def compose() -> None:
    """The plugin `docker compose`: of this Debian, or on one that has none, trixie's. Raises SetupError."""
    if subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0:
        return
    _as_root("docker compose is missing", "apt-get install docker-compose (Debian 13 and later)")
    if debian.codename() != "bookworm":
        debian.install("docker-compose")
        return
    say("Unpacking docker-compose of Debian trixie")
    unpacked = debian.unpack_from_trixie("docker-compose")
    PLUGINS.mkdir(parents=True, exist_ok=True)
    shutil.copy2(next(unpacked.glob("usr/libexec/docker/cli-plugins/docker-compose")), PLUGINS)


def _as_root(what: str, advice: str) -> None:
    if not debian.is_root():
        raise SetupError(f"{what}, and only root can install it: {advice}")


def answers() -> bool:
    """Whether a Docker engine answers this user."""
    try:
        return subprocess.run(["docker", "info"], capture_output=True, timeout=30).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _start() -> None:
    """Start dockerd apart from this command: it goes on running, as a service would."""
    log = VAR / "dockerd.log"
    say(f"Starting dockerd; it stays, its log is {log}")
    with log.open("ab") as out:
        daemon = subprocess.Popen(
            ["dockerd"], stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )  # fmt: skip
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and daemon.poll() is None:
        if answers():
            return
        time.sleep(0.5)
    raise SetupError(f"dockerd does not come up. Its last lines:\n{tail(log)}")
