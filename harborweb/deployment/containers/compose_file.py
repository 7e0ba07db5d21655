"""The docker-compose.yml that prepare made for a deployment, veiled, and what changed since the one before."""

import contextlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from harborweb.configuration.diff import Diff
from harborweb.configuration.veil import SECRET
from harborweb.deployment import rendered, rendered_text, wanted
from harborweb.deployment.models import Deployment
from harborweb.tools import compose

_ENV_FILE = re.compile(r"(^|/)env$")
LEAST = 6  # shorter generated values are words like "true"


@dataclass(frozen=True)
class ComposeFile:
    """The file of one deployment as it may be shown."""

    deployment: Deployment
    before: Deployment | None
    lines: tuple[str, ...]
    diff: Diff | None  # None where there is nothing to compare with


def deployments() -> list[Deployment]:
    """Those whose rendered files are kept, the newest first."""
    return list(Deployment.objects.filter(rendering__isnull=False).select_related("revision")[:50])


def show(deployment: Deployment) -> ComposeFile | None:
    """The compose file of `deployment` beside that of the last one before it; None when there was none."""
    text, secrets = _read(deployment)
    if text is None:
        return None
    lines = tuple(rendered_text.veiled(compose.FILE, text.decode(errors="replace"), secrets))
    before = Deployment.objects.filter(rendering__isnull=False, number__lt=deployment.number).first()
    old, others = _read(before) if before else (None, [])
    if before is None or old is None:
        return ComposeFile(deployment, None, lines, None)
    # a secret of one may stand in the other
    return ComposeFile(deployment, before, lines, rendered_text.compare(compose.FILE, old, text, [*secrets, *others]))


def env_secrets(files: Iterable[str]) -> list[str]:
    """The values in env files of common/config whose names say that they are secrets: those that prepare made."""
    found = []
    for text in files:
        for line in text.splitlines():
            name, equals, value = line.partition("=")
            value = value.strip().strip("\"'")
            if equals and SECRET.search(name) and len(value) >= LEAST:
                found.append(value)
    return found


def generated(folder: Path) -> list[str]:
    """The secrets that prepare made, from common/config/*/env, for masking what containers say.

    Whatever cannot be read now is read the next time.
    """
    texts = []
    for file in sorted((folder / "common" / "config").glob("*/env")):
        with contextlib.suppress(OSError):
            texts.append(file.read_text(errors="replace"))
    return env_secrets(texts)


def _read(deployment: Deployment) -> tuple[bytes | None, list[str]]:
    """The file, and the secrets of its revision and of what else was rendered."""
    files = rendered.of(deployment)
    env = [data.decode(errors="replace") for name, data in files.items() if _ENV_FILE.search(name)]
    return files.get(compose.FILE), [*wanted.secrets(deployment.revision.text()), *env_secrets(env)]
