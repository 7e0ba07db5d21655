"""Real DNS servers on loopback ports: one that plays the internet, and those of a LAN that ask it."""

import getpass
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dns.message
import dns.query
import dns.rcode

from harborweb.access.dns.servers import ZONE_FOLDER
from harborweb.access.recipes.shape import Recipe
from tests import parts

PUBLIC, PUBLIC6 = "203.0.113.40", "2001:db8:ffff::40"
NAME = "registry.example"


@dataclass(frozen=True)
class Resolver:
    """A DNS server that answers on a loopback port."""

    port: int

    def ask(self, name: str, kind: str) -> tuple[str, list[tuple[int, str]]]:
        """Response code, and TTL with value of every record of this kind."""
        answer = dns.query.udp(dns.message.make_query(name, kind), "127.0.0.1", timeout=5, port=self.port)
        found = [(rrset.ttl, str(one)) for rrset in answer.answer for one in rrset]
        return dns.rcode.to_text(answer.rcode()), found


def _program(name: str) -> str:
    return next((str(path) for path in (Path("/usr/sbin") / name,) if path.exists()), "") or parts.program(name)


@contextmanager
def dnsmasq(folder: Path, text: str, upstream: int | None = None, *, also: tuple[str, ...] = ()) -> Iterator[Resolver]:
    """dnsmasq with `text` as its only file, checked by itself before it runs."""
    folder.mkdir(parents=True, exist_ok=True)
    file, port = folder / "harbor.conf", parts.free_port()
    file.write_text(text)
    base = [_program("dnsmasq"), f"--conf-file={file}"]
    _checked([*base, "--test"])
    words = [
        f"--port={port}", "--listen-address=127.0.0.1", "--bind-interfaces", "--no-resolv", "--no-hosts", "--no-daemon",
        f"--pid-file={folder / 'pid'}", f"--user={getpass.getuser()}", *also,
    ]  # fmt: skip
    words += [f"--server=127.0.0.1#{upstream}"] if upstream else []
    with parts.running([*base, *words], port, folder / "log"):
        yield Resolver(port)


@contextmanager
def internet(folder: Path) -> Iterator[Resolver]:
    """What everybody else says: the name has a public address and more; other names of the domain exist too."""
    text = (
        f"host-record={NAME},{PUBLIC},{PUBLIC6},60\ntxt-record={NAME},public\n"
        f"host-record=www.{NAME.partition('.')[2]},203.0.113.41,60\n"
    )
    with dnsmasq(folder, text) as server:
        yield server


@contextmanager
def unbound(folder: Path, made: Recipe, upstream: int) -> Iterator[Resolver]:
    """Unbound that forwards, and that throws private addresses out of answers."""
    folder.mkdir(parents=True, exist_ok=True)
    port, configuration = parts.free_port(), folder / "unbound.conf"
    (folder / "harbor.conf").write_text(made.pieces[0].text)
    configuration.write_text(
        f'server:\n  interface: 127.0.0.1@{port}\n  chroot: ""\n  username: ""\n  directory: "{folder}"\n'
        f'  pidfile: "{folder / "pid"}"\n  do-daemonize: no\n  use-syslog: no\n  do-not-query-localhost: no\n'
        '  module-config: "iterator"\n  private-address: 192.168.0.0/16\n  private-address: fd00::/8\n'
        f"include: {folder / 'harbor.conf'}\nremote-control:\n  control-enable: no\n"
        f'forward-zone:\n  name: "."\n  forward-addr: 127.0.0.1@{upstream}\n'
    )
    _checked([_program("unbound-checkconf"), str(configuration)])
    with parts.running([_program("unbound"), "-d", "-c", str(configuration)], port, folder / "log"):
        yield Resolver(port)


@contextmanager
def bind(folder: Path, made: Recipe, upstream: int) -> Iterator[Resolver]:
    """BIND that forwards, with the pieces of a recipe where they say: options, named.conf.local, the zone's file."""
    folder.mkdir(parents=True, exist_ok=True)
    port, configuration = parts.free_port(), folder / "named.conf"
    *options, named, zone = [piece.text.replace(ZONE_FOLDER, str(folder)) for piece in made.pieces]
    file = folder / Path(str(made.pieces[-1].where)).name
    file.write_text(zone)
    configuration.write_text(
        f'options {{\n  directory "{folder}";\n  pid-file "{folder / "pid"}";\n  session-keyfile "{folder / "key"}";\n'
        f"  listen-on port {port} {{ 127.0.0.1; }};\n  listen-on-v6 {{ none; }};\n  dnssec-validation no;\n"
        f"  forwarders {{ 127.0.0.1 port {upstream}; }};\n  forward only;\n{''.join(options)}}};\n"
        f"controls {{ }};\n{named}"
    )
    check = made.check.replace(ZONE_FOLDER, str(folder)).splitlines()
    _checked([*check[0].split(), str(configuration)])
    _checked(check[1].split())
    command = [_program("named"), "-g", "-c", str(configuration)]
    with parts.running(command, port, folder / "log"):
        _wait_for(folder / "log", "all zones loaded")
        if options:
            _wait_for(folder / "log", "reload done: success")
        yield Resolver(port)


def _wait_for(log: Path, words: str) -> None:
    """BIND listens before it knows its zones, and answers from outside so long."""
    deadline = time.monotonic() + 20
    while words not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)


def _checked(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
