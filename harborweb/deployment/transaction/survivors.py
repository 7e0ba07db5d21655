"""Programs that outlive the worker that started them: found by a mark in their environment, and ended.

`kill -9` of a worker leaves prepare or compose running, and prepare's container runs on even without its client.
None of them may touch files while somebody puts them back.
"""

import os
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from docker import DockerClient
from docker.errors import APIError, NotFound

from harborweb.tools import engine, process

MARK = "HARBORWEB_TRANSACTION"
WRITES_HERE = frozenset({"/compose_location", "/config"})  # where prepare's container has the installer folder


def environment(token: str) -> dict[str, str]:
    """The environment of every program that deployment `token` starts."""
    return process.environment({MARK: token})


def end(token: str, folder: Path) -> list[str]:
    """End every program of deployment `token` and every prepare container that writes below `folder`.

    Returns what was ended, for the log. Raises EngineError when the engine cannot be asked.
    """
    ended = []
    for _round in range(5):  # a program that was just starting another one
        groups = _groups(token)
        if not groups:
            break
        for group, name in groups.items():
            process.end_group(group, settings.JOB_GRACE_SECONDS)
            ended.append(name)
    return ended + _end_containers(folder)


def _groups(token: str) -> dict[int, str]:
    """The process groups whose environment carries the mark, each with a name for people."""
    mark = f"{MARK}={token}".encode()
    found: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if mark not in (entry / "environ").read_bytes().split(b"\0"):
                continue
            group = os.getpgid(int(entry.name))
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue  # it has ended, or belongs to somebody else
        if group != os.getpgrp():
            name = b" ".join(words[:3]).decode(errors="replace").strip()
            found[group] = found.get(group) or name
    return found


def _end_containers(folder: Path) -> list[str]:
    """Remove running containers that have `folder` where prepare writes; they are gone when this returns."""
    home = folder.resolve()
    ended = []
    with engine.connect() as client:
        for row in _writers(client, home):
            try:
                client.api.remove_container(row["Id"], force=True, v=True)
            except NotFound:
                pass  # ended with its client, and removed itself
            except APIError as error:
                if error.status_code != 409:  # 409: it is removing itself just now
                    raise
            ended.append(f"{row['Names'][0].lstrip('/')} ({row['Image']})")
        until = time.monotonic() + settings.JOB_GRACE_SECONDS
        while _writers(client, home) and time.monotonic() < until:
            time.sleep(0.1)
    return ended


def _writers(client: DockerClient, home: Path) -> list[dict[str, Any]]:
    """The running containers that have `home` where prepare writes."""
    return [
        row
        for row in client.api.containers()
        if any(
            mount.get("Destination") in WRITES_HERE and _below(mount.get("Source"), home)
            for mount in row.get("Mounts") or ()
        )
    ]


def _below(source: str | None, home: Path) -> bool:
    return bool(source) and Path(str(source)).resolve().is_relative_to(home)
