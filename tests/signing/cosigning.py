"""Real cosign asked about what we have written."""

import subprocess
from pathlib import Path
from typing import Any

from harborweb.signing.models import Key
from harborweb.tools import cosign
from harborweb.tools.cosign import Access, Cosign
from harborweb.tools.cosign_features import parse


def verifies(program: str, key: Key, reference: str, folder: Path, *more: str) -> tuple[int, str]:
    """The exit code of `cosign verify`, and what it said."""
    (folder / "key.pub").write_text(key.public_pem)
    version = parse("2.5.0" if program.endswith("2.5") else "3.1.2")
    assert version is not None
    command: Any = Cosign(program, version).verify(reference, Access(allow_http=True), "key.pub")
    done = subprocess.run(
        (*command[:-1], *more, command[-1]), cwd=folder, env=cosign.environment(folder), capture_output=True, text=True
    )
    return done.returncode, done.stdout + done.stderr
