"""docker compose: its commands as tuples, and what its answers mean."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from harborweb.tools import process

LEAST_ENGINE = (20, 10, 10)  # facts: Harbor needs docker 20.10.10 and compose 1.18, or the plugin
LEAST_COMPOSE = (1, 18, 0)
FILE = "docker-compose.yml"


@dataclass(frozen=True)
class Compose:
    """The compose program of this machine; every command runs in the folder of its docker-compose.yml."""

    command: tuple[str, ...]
    version: str

    def config(self) -> tuple[str, ...]:
        """Check docker-compose.yml, say nothing when it is fine (exit 14 or 15 when not)."""
        return (*self.command, "config", "-q")

    def up(self) -> tuple[str, ...]:
        """Create and start everything, in the background."""
        return (*self.command, "up", "-d", "--remove-orphans")

    def down(self) -> tuple[str, ...]:
        """Stop and remove containers and networks, also of services the file no longer has; volumes stay."""
        return (*self.command, "down", "--remove-orphans")


@dataclass(frozen=True)
class Failure:
    """Why a compose command failed: `kind` in permission, invalid, port_taken, name_taken, image, other."""

    kind: str
    detail: str  # the line that says it
    subject: str = ""  # the port, container name or image it is about


def find() -> Compose | None:
    """The plugin (`docker compose`), else `docker-compose`; None when this machine has neither."""
    for command in (("docker", "compose"), ("docker-compose",)):
        if shutil.which(command[0]) is None:
            continue
        answer = process.run((*command, "version", "--short"), timeout=20)
        if answer.exit_code == 0 and version_numbers(answer.stdout):
            return Compose(command, answer.stdout.strip().removeprefix("v"))
    return None


def version_numbers(text: str) -> tuple[int, ...]:
    """(2, 26, 1) of "v2.26.1-4"; empty when `text` begins with no version."""
    found = re.match(r"\s*v?(\d+)\.(\d+)(?:\.(\d+))?", text)
    return tuple(int(part or 0) for part in found.groups()) if found else ()


def project_name(folder: Path) -> str:
    """The project name compose itself derives in `folder`.

    In its order: COMPOSE_PROJECT_NAME in `.env`, `name:` in docker-compose.yml, the folder's name in lower case
    without what is not a letter, digit, dash or underscore (compose-spec, "Name top-level element").
    """
    found = _first(folder / ".env", r"^\s*COMPOSE_PROJECT_NAME\s*=\s*[\"']?([^\"'\s#]+)")
    found = found or _first(folder / FILE, r"^name:\s*[\"']?([^\"'\s#]+)")
    return found or re.sub(r"[^a-z0-9_-]", "", folder.resolve().name.lower()).lstrip("_-")


def _first(file: Path, pattern: str) -> str:
    try:
        found = re.search(pattern, file.read_text(errors="replace"), re.MULTILINE)
    except OSError:
        return ""
    return found.group(1) if found else ""


# What the engine and compose write, seen with engine 20.10 and 28, compose 2.26; the first that fits counts.
_SIGNS = (
    ("port_taken", r"(?:listen \w+ \S*?:|0\.0\.0\.0:|\[?::\]?:|127\.0\.0\.1:)(\d+)\S*:? .*(?:address already in use)"),
    ("port_taken", r"Bind for \S*?:(\d+) failed: port is already allocated"),
    ("port_taken", r"(\d+).*(?:port is already allocated|address already in use)"),
    ("name_taken", r'container name "/?([^"]+)" is already in use'),
    ("image", r"(?:pull access denied for|manifest for|No such image:) ([^\s,]+)"),
    (
        "image",
        r"(?:failed to resolve reference|error pulling image configuration|Error response from daemon: Get) (\S+)",
    ),
    ("permission", r"permission denied()"),
)


def explain(answer: "process.Completed") -> Failure:
    """Why `answer` (a compose command that did not exit 0) failed."""
    text = f"{answer.stderr}\n{answer.stdout}"
    for kind, pattern in _SIGNS:
        if found := re.search(pattern, text, re.IGNORECASE):
            return Failure(kind, _line_with(text, found.start()), found.group(1))
    last = next((line for line in reversed(text.splitlines()) if line.strip()), "")
    if answer.exit_code == 14:
        return Failure("permission", last)
    if answer.exit_code == 15 or answer.command[-2:-1] == ("config",):
        return Failure("invalid", last)
    return Failure("other", last)


def _line_with(text: str, position: int) -> str:
    start = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    return text[start : end if end >= 0 else len(text)].strip()
