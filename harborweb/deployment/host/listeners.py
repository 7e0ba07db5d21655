"""Which programs of this machine listen on which TCP ports, from /proc: no root needed, nothing is opened."""

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

LISTEN = "0A"  # state, as include/net/tcp_states.h numbers it
ANY = {"00000000", "0" * 32}
LOOPBACK = {"0100007F", "0" * 24 + "01000000", "0000000000000000FFFF00000100007F"}


@dataclass(frozen=True)
class Listener:
    """A socket that listens; `address` as the kernel writes it, in hexadecimal."""

    port: int
    address: str
    inode: str

    @property
    def covers_loopback(self) -> bool:
        """Whether nobody else could listen on this port of 127.0.0.1."""
        return self.address in ANY or self.address in LOOPBACK


def by_port() -> dict[int, list[Listener]]:
    """Every port that is listened on; empty where there is no /proc."""
    found: dict[int, list[Listener]] = {}
    for name in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(name).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            columns = line.split()
            if len(columns) > 9 and columns[3] == LISTEN:
                address, _colon, port = columns[1].partition(":")
                found.setdefault(int(port, 16), []).append(Listener(int(port, 16), address, columns[9]))
    return found


def named(sockets: list[Listener]) -> str:
    """The program that holds one of the sockets: "nginx (process 812)"; "a program" where only root may know."""
    wanted = {f"socket:[{one.inode}]" for one in sockets if one.inode != "0"}
    for process in Path("/proc").iterdir() if wanted else ():
        if not process.name.isdigit():
            continue
        try:
            if _holds(process, wanted):
                name = re.sub(r"[^\w.+-]", "", (process / "comm").read_text().strip())
                return f"{name or '?'} (process {process.name})"
        except OSError:
            continue
    return "a program"


def _holds(process: Path, wanted: set[str]) -> bool:
    for link in (process / "fd").iterdir():
        with suppress(OSError):  # closed meanwhile: of our own process, what listed them is among them
            if str(link.readlink()) in wanted:
                return True
    return False
