"""Fill a demo: database, sample images, and what the application needs to know of them.

Run by `demo` as a process of its own, with Django: `fill DATA REGISTRY_URL COSIGN [--engine] [--harbor PASSWORD_FILE]`.
Everything here may be repeated; what is there already stays.
"""

import asyncio
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import django
from django.core.management import call_command
from django.http import HttpRequest

from bin.lib import samples
from bin.lib.say import ROOT, say

if TYPE_CHECKING:
    from harborweb.registry.models import Registry


def main() -> None:
    """Migrate, push the samples, then make the rows."""
    os.environ.pop("PYTHONPATH", None)
    data, url, cosign = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    secret = Path(sys.argv[sys.argv.index("--harbor") + 1]) if "--harbor" in sys.argv else None
    admin = ("admin", secret.read_text().strip()) if secret else ("", "")
    pushed = asyncio.run(_push(data, url, cosign, *admin))
    if pushed:
        say(f"  {pushed} sample images pushed and signed")
    registry = _rows(data / "keys", url)
    if secret:
        _connect(registry, *admin)
    _first_sweep(registry)
    _practice(data, "--engine" in sys.argv)
    _offer(data / "installers")


async def _push(data: Path, url: str, cosign: Path, user: str, password: str) -> int:
    from harborweb.registry.client import Client, Endpoint

    signer = await samples.keys(cosign, data / "keys")
    if user:
        signer.sign_in(url.split("//")[1], user, password)
    async with Client(Endpoint(url, user, password, allow_http=True)) as client:
        return await samples.fill(client, signer, url.split("//")[1], data / "samples.json")


def _rows(keys: Path, url: str) -> "Registry":
    """The registry "demo" and the trusted key pair "demo"; the stranger's key is not told to anybody."""
    from harborweb import sealing
    from harborweb.registry.models import Registry
    from harborweb.signing import keysmith
    from harborweb.signing.models import Key
    from harborweb.verification.keys import load_public_key

    registry, _ = Registry.objects.update_or_create(name="demo", defaults={"url": url, "allow_http": True})
    public = load_public_key((keys / "demo.pub").read_bytes())
    if not Key.objects.filter(fingerprint=public.fingerprint).exists():
        Key.objects.create(
            name="demo", kind=Key.Kind.PAIR, state=Key.State.READY, algorithm=public.kind, public_pem=public.pem,
            fingerprint=public.fingerprint, trusted=True, created_by="bin/demo",
            private_sealed=sealing.seal((keys / "demo.key").read_bytes(), keysmith.PRIVATE),
            password_mode=Key.Password.STORED,
            password_sealed=sealing.seal((keys / "password").read_text(), keysmith.PASSWORD),
        )  # fmt: skip
    return registry


def _connect(registry: "Registry", user: str, password: str) -> None:
    """See that it is a Harbor, and have robots of our own made in it, here and now; those that work stay."""
    from harborweb.registry import robot_services, seeing, tasks
    from harborweb.registry.harbor import system

    seeing.look(registry)
    if registry.account != system.Kind.ROBOT:
        job = robot_services.request_robots(_request(), registry, robot_services.Asked(user, password))
        tasks.make_robots(job.pk)  # no worker runs yet, and the first sweep needs them; theirs will find it claimed
        registry.refresh_from_db()
        seeing.look(registry)


def _practice(data: Path, engine: bool) -> None:
    """Lay the practice installer of the tests where the deployment page finds folders.

    Without an engine, or where its image cannot be made, its template still serves the wizard.
    """
    from tests.practice import PracticeMissing, build

    folder = data / "installers" / "practice"
    new = folder.with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)
    try:
        if not engine:
            raise PracticeMissing("no Docker engine answers")
        archive = build(data / "practice", http_port=int(os.environ["HARBORWEB_PRACTICE_PORT"]))
        with tarfile.open(archive) as tar:
            tar.extractall(new)  # made here just now; the Python of Debian 12 has no filters
    except (PracticeMissing, OSError, subprocess.SubprocessError) as error:
        say(f"  the practice installer can be configured, not deployed: {error}")
        shutil.copytree(ROOT / "tests" / "practice" / "harbor", new / "harbor")
    if folder.exists():
        shutil.copy2(new / "harbor" / "prepare", folder / "prepare")  # it names the image of today
    else:
        shutil.move(new / "harbor", folder)
    shutil.rmtree(new)


def _offer(installers: Path) -> None:
    """Have the host worker read the practice installer where none was added yet."""
    from harborweb.deployment import services
    from harborweb.deployment.models import Installer

    if not Installer.objects.exists():
        services.add_folder(_request(), str(installers / "practice"))


def _first_sweep(registry: "Registry") -> None:
    """Request a sweep where none has ended yet; the workers will find it."""
    from harborweb.audit import services
    from harborweb.audit.models import Sweep

    if not Sweep.objects.filter(finished__isnull=False).exists():
        services.request_sweep(_request(), registry)


def _request() -> HttpRequest:
    """A request in the first administrator's name."""
    from harborweb.accounts.services import first_administrator

    request = HttpRequest()
    request.user = first_administrator()
    request.META["REMOTE_ADDR"] = "127.0.0.1"
    return request


if __name__ == "__main__":
    main()
