"""Real clients against a real registry with tokens, run from a folder of their own by the kit's own lines."""

import gzip
import hashlib
import io
import json
import os
import socket
import subprocess
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from harborweb.access.kit.guide import File, Guide, Part
from tests import parts
from tests.registry.tls import authority
from tests.registry.tokens import token_service

ROBOT, SECRET = "robot$team+ci", "pass:wörd"
HASHED = "$2b$04$EZ9/oGe62NsOMbPC6z9qoeI3ifDmxJC6qNZrTUh/Ky4AkK2ndeUiO"  # bcrypt of SECRET


@dataclass(frozen=True)
class Server:
    """A registry that asks for a token, and the CA of its certificate (empty over plain HTTP)."""

    url: str
    ca_pem: str = ""


@contextmanager
def secured(folder: Path, address: str = "127.0.0.1", tls: bool = True) -> Iterator[Server]:
    """The registry behind a token service that knows the robot; projects whose name begins with `hub` are public."""
    made = authority(folder / "tls", address)
    extra = f"  tls:\n    certificate: {made.certificate}\n    key: {made.key}\n" if tls else ""
    with (
        token_service(folder, {ROBOT: SECRET}, public=("hub",)) as tokens,
        parts.registry_server(
            folder / "registry", extra=extra + tokens.registry_configuration, address=address
        ) as server,
    ):
        yield Server(f"{'https' if tls else 'http'}://{server.host}", made.ca_pem if tls else "")


@contextmanager
def asking_by_name(folder: Path, tls: bool) -> Iterator[Server]:
    """The registry with names and passwords of its own: cosign goes to no token service on a private address."""
    made = authority(folder / "tls")
    (folder / "htpasswd").write_text(f"{ROBOT}:{HASHED}\n")
    extra = f"  tls:\n    certificate: {made.certificate}\n    key: {made.key}\n" if tls else ""
    extra += f"auth:\n  htpasswd:\n    realm: lab\n    path: {folder / 'htpasswd'}\n"
    with parts.registry_server(folder / "registry", extra=extra) as server:
        yield Server(f"{'https' if tls else 'http'}://{server.host}", made.ca_pem if tls else "")


@contextmanager
def installed(files: Iterable[File], working: Path) -> Iterator[None]:
    """The files of a guide at their real paths while the block runs; nothing that stands there is replaced."""
    made: list[Path] = []
    folders: list[Path] = []
    try:
        for file in files:
            path = Path(file.path) if file.path.startswith("/") else working / file.path
            assert not (file.path.startswith("/") and path.exists()), f"{path} is there already"
            folders += [folder for folder in path.parents if not folder.exists()]
            path.parent.mkdir(parents=True, exist_ok=True)
            made += [path] if file.path.startswith("/") else []
            path.write_text(file.content)
            path.chmod(file.mode)
        yield
    finally:
        for path in made:
            path.unlink(missing_ok=True)
        for folder in sorted(folders, key=lambda one: -len(one.parts)):
            with suppress(OSError):  # somebody else put something there
                folder.rmdir()


@dataclass
class Shell:
    """Runs lines as a person would, in a folder and with a home of its own."""

    working: Path

    def environment(self) -> dict[str, str]:
        """Nothing of the machine's own logins, images or proxies."""
        home = self.working / "home"
        home.mkdir(exist_ok=True)
        storage = home / "storage.conf"
        storage.write_text(f'[storage]\ndriver = "vfs"\ngraphroot = "{home}/graph"\nrunroot = "{home}/run"\n')
        return {
            "PATH": os.environ["PATH"], "HOME": str(home), "XDG_RUNTIME_DIR": str(home), "LANG": "C.UTF-8",
            "DOCKER_CONFIG": str(home / "docker"), "REGISTRY_AUTH_FILE": str(home / "auth.json"),
            "CONTAINERS_STORAGE_CONF": str(storage), "COSIGN_PASSWORD": "",
        }  # fmt: skip

    def try_line(self, line: str, given: str = "") -> "subprocess.CompletedProcess[str]":
        """Run one line; whatever it says comes back."""
        return subprocess.run(
            ["sh", "-c", line.replace("sudo ", "")], cwd=self.working, env=self.environment(), input=given, text=True,
            capture_output=True, timeout=90, check=False,
        )  # fmt: skip

    def line(self, line: str, given: str = "") -> str:
        """Run one line that has to work; what it printed."""
        done = self.try_line(line, given)
        assert done.returncode == 0, f"$ {line}\n{done.stdout}{done.stderr}"
        return done.stdout

    def part(self, guide: Guide, *wanted: Part) -> list[str]:
        """Run the lines of these parts; the secret is typed where a line waits for it."""
        return [
            self.line(line, SECRET + "\n" if "cat >" in line else "")
            for step in guide.only(*wanted).steps
            for line in step.commands
        ]


def own_address() -> str:
    """An address of this machine that is not loopback: docker trusts whatever is at loopback, certificate or not.

    What is sent there does not leave the machine. (Connecting a datagram socket sends nothing.)
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback, where docker looks at no certificate")
        return str(asking.getsockname()[0])


def needs_root() -> None:
    """The files go below /etc."""
    if os.geteuid() != 0:
        parts.missing("the files of the kit go below /etc, so these tests run as root")


def layer() -> bytes:
    """A tar with one small file."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        one = tarfile.TarInfo("hello.txt")
        one.size = 6
        tar.addfile(one, io.BytesIO(b"hello\n"))
    return out.getvalue()


def image_folder(folder: Path, architecture: str = "amd64") -> str:
    """A whole image in containers/image's `dir:` layout; its digest."""
    folder.mkdir(parents=True)
    plain = layer()
    packed = gzip.compress(plain, mtime=0)
    config = json.dumps({
        "architecture": architecture, "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(plain).hexdigest()}"]},
    }).encode()  # fmt: skip

    def keep(data: bytes, media_type: str) -> dict[str, object]:
        name = hashlib.sha256(data).hexdigest()
        (folder / name).write_bytes(data)
        return {"mediaType": media_type, "size": len(data), "digest": f"sha256:{name}"}

    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": keep(config, "application/vnd.oci.image.config.v1+json"),
        "layers": [keep(packed, "application/vnd.oci.image.layer.v1.tar+gzip")],
    }).encode()  # fmt: skip
    (folder / "manifest.json").write_bytes(manifest)
    (folder / "version").write_text("Directory Transport Version: 1.1\n")
    return f"sha256:{hashlib.sha256(manifest).hexdigest()}"
