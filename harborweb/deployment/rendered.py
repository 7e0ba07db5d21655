"""What prepare had rendered when a deployment succeeded: sealed, since the files hold passwords."""

import base64
import gzip
import json
from pathlib import Path

from harborweb.deployment.models import Deployment, Rendered
from harborweb.sealing import seal, unseal
from harborweb.tools import compose

PURPOSE = "rendered"
LARGEST = 1024 * 1024  # a file of common/config is a few kilobytes; anything larger is not prepare's


def read(folder: Path) -> dict[str, bytes]:
    """docker-compose.yml and every file below common/config of `folder`, by path from there."""
    found = [folder / compose.FILE, *sorted((folder / "common" / "config").rglob("*"))]
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in found
        if path.is_file() and not path.is_symlink() and path.stat().st_size <= LARGEST
    }


def keep(deployment: Deployment, rendered: dict[str, bytes]) -> None:
    """Remember `rendered` as what this deployment runs with."""
    text = json.dumps({name: base64.b64encode(data).decode() for name, data in rendered.items()})
    sealed = seal(gzip.compress(text.encode()), PURPOSE)
    Rendered.objects.update_or_create(deployment=deployment, defaults={"sealed": sealed})


def of(deployment: Deployment) -> dict[str, bytes]:
    """What `deployment` runs with: path from the installer folder, content. Empty when it never succeeded."""
    found = Rendered.objects.filter(deployment=deployment).first()
    if found is None:
        return {}
    content: dict[str, str] = json.loads(gzip.decompress(unseal(bytes(found.sealed), PURPOSE)))
    return {name: base64.b64decode(data) for name, data in content.items()}
