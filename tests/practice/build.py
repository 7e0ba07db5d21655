"""Build the practice image and the practice installer's tgz."""

import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
from functools import lru_cache
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PROGRAM = HERE / "program"
REPOSITORY = "harborweb-practice/prepare"


class PracticeMissing(Exception):
    """What the practice installer is made of is not here; says what."""


def build(folder: Path, *, http_port: int = 80, name: str = "practice-online-installer.tgz") -> Path:
    """Make the practice installer in `folder` and the image it needs in the engine; returns the tgz.

    `http_port` is the port its template proposes. Raises PracticeMissing.
    """
    image = image_name()
    _import_image(image)
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / name
    with tarfile.open(archive, "w:gz") as tar:
        for file in sorted((HERE / "harbor").iterdir()):
            text = file.read_text().replace("PRACTICE_IMAGE", image)
            if file.name == "harbor.yml.tmpl":
                text = text.replace("port: 80", f"port: {http_port}", 1)
            executable = file.name in {"prepare", "install.sh"}
            _add(tar, f"harbor/{file.name}", text.encode(), 0o755 if executable else 0o644)
    return archive


def image_name() -> str:
    """The image's name; its tag looks like Harbor's and changes with whatever is inside."""
    return f"{REPOSITORY}:v2.15.0-{_digest()}"


def image_there() -> bool:
    """Whether the engine has the practice image."""
    return (
        subprocess.run(["docker", "image", "inspect", image_name()], capture_output=True, check=False).returncode == 0
    )


def remove_image() -> None:
    """Take the practice image out of the engine again, unless a container uses it."""
    subprocess.run(["docker", "image", "rm", image_name()], capture_output=True, check=False)


@lru_cache
def _digest() -> str:
    hashed = hashlib.sha256()
    for file in [*sorted(PROGRAM.iterdir()), _find("registry", "docker-registry")]:
        hashed.update(file.name.encode() + b"\0")
        with file.open("rb") as data:
            hashed.update(hashlib.file_digest(data, "sha256").digest())
    return hashed.hexdigest()[:10]


def _find(*names: str) -> Path:
    """A program on PATH, beside this Python, or among the project's tools."""
    places = [os.environ.get("PATH", ""), str(Path(sys.executable).parent), str(ROOT / "var" / "tools" / "bin")]
    for name in names:
        if found := shutil.which(name, path=os.pathsep.join(places)):
            return Path(found)
    raise PracticeMissing(f"{names[0]} is not installed")


def _program(image: str) -> Path:
    """The static program, compiled once for each content."""
    done = ROOT / "var" / "practice" / _digest() / "practice"
    if done.exists():
        return done
    work = done.parent / f"source-{os.getpid()}"
    shutil.copytree(PROGRAM, work)
    source = work / "prepare.go"
    source.write_text(source.read_text().replace("PRACTICE_IMAGE", image))
    _run(
        [str(_find("go")), "build", "-trimpath", "-ldflags", "-s -w", "-o", "practice", "."],
        cwd=work, env={**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local"},
    )  # fmt: skip
    (work / "practice").rename(done)
    shutil.rmtree(work)
    return done


def _import_image(image: str) -> None:
    """Give the engine the image: an imported root file system, so nothing is pulled and nothing built in it."""
    _find("docker")
    if image_there():
        return
    archive = ROOT / "var" / "practice" / _digest() / f"image-{os.getpid()}.tar"
    registry = _find("registry", "docker-registry")
    program = _program(image)
    try:
        with tarfile.open(archive, "w") as tar:
            _add(tar, "practice", program.read_bytes(), 0o755)
            _add(tar, "registry", registry.read_bytes(), 0o755)
            for library in _libraries(registry):
                _add(tar, str(library).lstrip("/"), library.read_bytes(), 0o755)
            tmp = tarfile.TarInfo("tmp")
            tmp.type, tmp.mode = tarfile.DIRTYPE, 0o1777
            tar.addfile(tmp)
        _run(["docker", "import", "--change", "ENV PATH=/", str(archive), image])
    finally:
        archive.unlink(missing_ok=True)


def _libraries(program: Path) -> list[Path]:
    """The shared libraries of a program that is not static (a registry built with cgo, or Debian's)."""
    answer = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False)
    return [Path(found) for found in re.findall(r"(/\S+) \(0x", answer.stdout)]


def _add(tar: tarfile.TarFile, name: str, data: bytes, mode: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), mode
    tar.addfile(member, io.BytesIO(data))


def _run(command: list[str], cwd: Path | None = None, env: dict[str, str] | None = None) -> None:
    answer = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise PracticeMissing(f"{command[0]} ended with {answer.returncode}: {answer.stderr.strip()[-800:]}")
