"""Harbor's installer: what lies in its folder, and what its `prepare` means by its answers."""

import re
from dataclasses import dataclass
from pathlib import Path

from harborweb.tools import process

TEMPLATE = "harbor.yml.tmpl"
CONFIGURATION = "harbor.yml"
TEMPLATE_LIMIT = 1024 * 1024
TREE_LIMIT = 400


class NoInstaller(Exception):
    """`folder` is no installer. `kind` in no_folder, no_template, no_prepare, not_executable, unreadable, not_text."""

    def __init__(self, kind: str, path: Path) -> None:
        super().__init__(f"{kind}: {path}")
        self.kind = kind
        self.path = path


@dataclass(frozen=True)
class Entry:
    """A file or folder of the installer, `path` relative to it."""

    path: str
    kind: str  # "file", "folder", "link", "other"
    size: int
    executable: bool


@dataclass(frozen=True)
class Found:
    """What an installer folder holds."""

    folder: Path
    template: str
    version: str  # of the prepare image ("v2.15.2"), else the template's _version, else ""
    tree: tuple[Entry, ...]
    more: int  # entries beyond TREE_LIMIT


def command(with_trivy: bool = False) -> tuple[str, ...]:
    """The installer's own prepare; it runs in the installer's folder."""
    return ("./prepare", "--with-trivy") if with_trivy else ("./prepare",)


def installer_root(folder: Path) -> Path:
    """Where the template lies: in `folder`, or in the only folder inside it (a tgz holds `harbor/`)."""
    if (folder / TEMPLATE).is_file():
        return folder
    inside = [entry for entry in folder.iterdir() if entry.is_dir()] if folder.is_dir() else []
    return inside[0] if len(inside) == 1 else folder


def look(folder: Path) -> Found:
    """Read the installer in `folder`; raises NoInstaller."""
    try:
        if not folder.is_dir():
            raise NoInstaller("no_folder", folder)
        template, script = folder / TEMPLATE, folder / "prepare"
        if not template.is_file():
            raise NoInstaller("no_template", template)
        if not script.is_file():
            raise NoInstaller("no_prepare", script)
        if not script.stat().st_mode & 0o111:
            raise NoInstaller("not_executable", script)
        text = _text(template)
        tree, more = _tree(folder)
        return Found(folder, text, _version(_text(script), text), tree, more)
    except PermissionError as error:
        raise NoInstaller("unreadable", Path(error.filename or folder)) from error


def _text(file: Path) -> str:
    if file.stat().st_size > TEMPLATE_LIMIT:
        raise NoInstaller("not_text", file)
    try:
        return file.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise NoInstaller("not_text", file) from error


def _version(script: str, template: str) -> str:
    for pattern, text in ((r"prepare:(v?\d[\w.+-]*)", script), (r"^_version:\s*[\"']?([\w.-]+)", template)):
        if found := re.search(pattern, text, re.MULTILINE):
            return found.group(1)
    return ""


def _tree(folder: Path) -> tuple[tuple[Entry, ...], int]:
    """The first entries in order, and how many more there are; links are named, not followed."""
    entries: list[Entry] = []
    more = 0
    waiting = [folder]
    while waiting:
        try:
            children = sorted(waiting.pop().iterdir(), key=lambda path: path.name)
        except PermissionError:
            continue  # e.g. common/config of another user: the folder itself is named
        for path in children:
            if len(entries) + more >= TREE_LIMIT * 10:
                return tuple(entries), more
            if len(entries) >= TREE_LIMIT:
                more += 1
                continue
            entries.append(_entry(path, folder))
        waiting.extend(path for path in reversed(children) if path.is_dir() and not path.is_symlink())
    return tuple(sorted(entries, key=lambda entry: entry.path)), more


def _entry(path: Path, root: Path) -> Entry:
    status = path.lstat()
    kind = "link" if path.is_symlink() else "folder" if path.is_dir() else "file" if path.is_file() else "other"
    return Entry(
        str(path.relative_to(root)), kind, status.st_size if kind == "file" else 0,
        kind == "file" and bool(status.st_mode & 0o111),
    )  # fmt: skip


@dataclass(frozen=True)
class Failure:
    """Why prepare failed: `kind` in traceback, missing_key, no_configuration, validation, docker_refused, no_docker,
    option, other; `detail` is the line that says it."""

    kind: str
    detail: str


def explain(answer: process.Completed) -> Failure:
    """Why prepare (which did not exit 0) failed; exit codes as in facts/harbor.md, "prepare, step by step"."""
    lines = [line.strip() for line in f"{answer.stdout}\n{answer.stderr}".splitlines() if line.strip()]
    last = lines[-1] if lines else ""
    root_error = next((line.split(":", 2)[2].strip() for line in lines if line.startswith("ERROR:root:")), "")
    if answer.exit_code == 255 or root_error:
        return Failure("validation", root_error.removeprefix("Error: ") or last)
    if answer.exit_code == 125:
        return Failure("docker_refused", _docker_line(lines) or last)
    if answer.exit_code == 126:
        return Failure("no_docker", _docker_line(lines) or last)
    if answer.exit_code == 2:
        return Failure("option", last)
    if any(line.startswith("Traceback") for line in lines):
        missing = re.search(r"KeyError: '([^']+)'", last)
        return Failure("missing_key", missing.group(1)) if missing else Failure("traceback", last)
    if re.search(r"no such file|no config file|harbor\.yml", last, re.IGNORECASE) and answer.exit_code == 1:
        return Failure("no_configuration", last)
    return Failure("other", last)


def _docker_line(lines: list[str]) -> str:
    """Docker's own error, without the hint to read its help that follows it."""
    return next((line for line in reversed(lines) if "docker:" in line.lower() or "permission denied" in line), "")
