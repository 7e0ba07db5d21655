"""A real PostgreSQL in a container, without pulling: Debian's own programs, mounted into an image of an empty root."""

import io
import subprocess
import tarfile
import time
from pathlib import Path

from tests import parts

IMAGE = "harborweb-practice/postgres:2"
USER = 999
START = (
    "test -s /var/lib/db/PG_VERSION || initdb -D /var/lib/db -U postgres -A trust -E UTF8 --no-sync >/dev/null; "
    "exec postgres -D /var/lib/db -c listen_addresses= -c fsync=off -k /var/run/postgresql -c timezone=UTC"
)


def image() -> str:
    """The image's name, once the engine has it; skips or fails where PostgreSQL is not installed here."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        parts.missing("Debian's postgresql is not installed here")
    if subprocess.run(["docker", "image", "inspect", IMAGE], capture_output=True).returncode:
        path = f"ENV PATH={found[-1].parent}:/usr/bin:/bin"
        command = ["docker", "import", "--change", path, "--change", f"USER {USER}", "-", IMAGE]
        made = subprocess.run(command, input=_root(), capture_output=True)
        if made.returncode:
            parts.missing(f"the engine does not take the PostgreSQL image: {made.stderr.decode()[-300:]}")
    return IMAGE


def remove_image() -> None:
    """Take the image out of the engine again."""
    subprocess.run(["docker", "image", "rm", IMAGE], capture_output=True)


def service(data: Path, name: str = "practice-db") -> str:
    """The `postgresql` service of a docker-compose.yml, with its files in `data`."""
    data.mkdir(parents=True, exist_ok=True)
    subprocess.run(["chown", f"{USER}:{USER}", str(data)], check=True)
    return f"""\
  postgresql:
    image: {image()}
    container_name: {name}
    network_mode: none
    command: ["sh", "-c", "{START}"]
    stop_signal: SIGINT
    volumes:
      - /usr:/usr:ro
      - {data}:/var/lib/db
"""


def psql(query: str, name: str = "practice-db", database: str = "registry") -> str:
    """What the server in container `name` answers; waits until it does."""
    command = ["docker", "exec", "-i", name, "psql", "-U", "postgres", "-d", database, "-XAtq", "-v", "ON_ERROR_STOP=1"]
    for _attempt in range(100):
        done = subprocess.run(command, input=query, capture_output=True, text=True)
        starting = any(words in done.stderr for words in ("starting up", "No such file", "is not running"))
        if done.returncode == 0 or not starting:
            break
        time.sleep(0.1)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _root() -> bytes:
    """Folders, links and a user: all else comes from the host's /usr, read only."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, mode in {
            "etc": 0o755,
            "usr": 0o755,
            "tmp": 0o1777,
            "var/run/postgresql": 0o777,
            "var/lib/db": 0o700,
        }.items():
            info = tarfile.TarInfo(name)
            info.type, info.mode = tarfile.DIRTYPE, mode
            tar.addfile(info)
        for name in ("bin", "lib", "lib64", "sbin"):
            if Path("/", name).is_symlink():
                info = tarfile.TarInfo(name)
                info.type, info.linkname = tarfile.SYMTYPE, f"usr/{name}"
                tar.addfile(info)
        for name, text in {
            "etc/passwd": f"postgres:x:{USER}:{USER}::/tmp:/bin/sh\n",
            "etc/group": f"postgres:x:{USER}:\n",
        }.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()
