"""What lies in an installer folder, read without touching it: the files that drift and imports look at."""

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from harborweb.tools import compose, prepare

CONFIG = "common/config"
LARGEST = 1024 * 1024
Stats = Mapping[str, os.stat_result]


@dataclass(frozen=True)
class Place:
    """What lies in an installer folder, read."""

    folder: Path
    stats: Stats
    contents: dict[str, bytes]
    unreadable: list[str]

    @classmethod
    def read(cls, folder: Path, stats: Stats) -> "Place":
        """Read every file of `stats`; too large ones are no files of prepare's and are left out."""
        contents: dict[str, bytes] = {}
        unreadable = []
        for name, status in stats.items():
            if status.st_size > LARGEST and stat.S_ISREG(status.st_mode):
                continue
            try:
                contents[name] = (folder / name).read_bytes()
            except FileNotFoundError:
                continue  # gone since it was listed: the next look tells
            except OSError:
                unreadable.append(name)
        return cls(folder, stats, contents, unreadable)

    def closed(self, path: str) -> bool:
        """Whether `path` may not be read, or lies in a folder that may not be looked into."""
        return any(path == one or path.startswith(f"{one}/") for one in self.unreadable)

    @property
    def rendered(self) -> dict[str, bytes]:
        """The files that prepare renders."""
        return {name: data for name, data in self.contents.items() if name != prepare.CONFIGURATION}

    @property
    def prepared(self) -> float | None:
        """When prepare ran last: the middle one of its files' times, since it writes all of them within seconds."""
        times = sorted(
            status.st_mtime
            for name, status in self.stats.items()
            if name != prepare.CONFIGURATION and stat.S_ISREG(status.st_mode)
        )
        return times[(len(times) - 1) // 2] if times else None


def stats(folder: Path) -> dict[str, os.stat_result] | None:
    """The state of harbor.yml, docker-compose.yml and every file below common/config; None when there is no folder.

    A folder that may not be looked into stands for what is in it.
    """
    try:
        if not folder.is_dir():
            return None
    except PermissionError:
        return None
    found = {}
    for path in _paths(folder):
        try:
            status = path.lstat() if path.is_symlink() and path.name != prepare.CONFIGURATION else path.stat()
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode):
            found[str(path.relative_to(folder))] = status
    return found


def _paths(folder: Path) -> Iterator[Path]:
    """Files that may be there, and folders that may not be looked into."""
    yield folder / prepare.CONFIGURATION
    yield folder / compose.FILE
    closed: list[Path] = []
    for here, _folders, names in os.walk(folder / CONFIG, onerror=lambda error: closed.append(Path(error.filename))):
        if names and not os.access(here, os.X_OK, effective_ids=os.access in os.supports_effective_ids):
            closed.append(Path(here))
            continue
        yield from (Path(here) / name for name in sorted(names))
    yield from closed


def services(place: Place) -> dict[str, dict[str, Any]]:
    """The services in docker-compose.yml; none where it is missing or no YAML."""
    try:
        content = YAML(typ="safe", pure=True).load(place.contents.get(compose.FILE, b""))
    except (YAMLError, ValueError, RecursionError):
        return {}
    found = content.get("services") if isinstance(content, dict) else None
    if not isinstance(found, dict):
        return {}
    return {str(name): one if isinstance(one, dict) else {} for name, one in found.items()}


def env_files(place: Place) -> dict[str, tuple[str, ...]]:
    """The env_file of every service, which a container reads when it is made."""
    found = {}
    for name, service in services(place).items():
        given = service.get("env_file")
        listed = given if isinstance(given, list) else [given]
        paths = [one.get("path") if isinstance(one, dict) else one for one in listed]
        found[name] = tuple(os.path.normpath(path) for path in paths if isinstance(path, str))
    return found
