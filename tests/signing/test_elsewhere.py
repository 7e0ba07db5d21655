"""Signatures in another repository, on another registry: signed, verified, judged and shown by COSIGN_REPOSITORY."""

import asyncio
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from harborweb.audit.judging.rows import judge_artifact
from harborweb.errors import Problem
from harborweb.registry.client import Client
from harborweb.registry.models import Registry
from harborweb.registry.services import Details, remove, save
from harborweb.signing.services import keyring
from harborweb.signing.templatetags.signing import verify_by_hand
from harborweb.verification.verdict import Verdict
from tests import parts
from tests.signing.conftest import Image, Secured
from tests.signing.jobs import log, made, signed, tags, verified
from tests.signing.test_keys import SECRET

pytestmark = pytest.mark.django_db(transaction=True)
Push = Callable[..., Image]


@pytest.fixture
def elsewhere(row: Any, secured_row: Any) -> Any:
    """The plain registry, its signatures in a repository of the secured one."""
    row.signatures_repository, row.signatures_registry = "vault/signatures", secured_row
    row.save()
    return Registry.objects.get(pk=row.pk)


async def _judged(registry: Registry, image: Image, keys: Any) -> Any:
    async with Client(registry.endpoint()) as client:
        return await judge_artifact(client, image.repository, image.digest, keys)


def test_on_another_registry(
    asked: Any, elsewhere: Any, secured_row: Any, push: Push, cosign: str, tmp_path: Path
) -> None:
    """Nothing lies beside the image; cosign, the audit and the command by hand find it where it is."""
    key = made(asked, "release", "stored", SECRET)
    image = push(elsewhere, f"elsewhere/{Path(cosign).name}")
    job = signed(asked, elsewhere, image, key)
    assert job.state == "succeeded", job.error + log(job)
    assert tags(elsewhere, image.repository) == ["1.0"]
    hexed = image.digest.replace(":", "-")
    assert {one for one in tags(secured_row, "vault/signatures") if one.startswith(hexed)}
    assert job.result["places"], "found where it is stored"
    assert verified(asked, elsewhere, image, key).result["good"] == 1

    judged = asyncio.run(_judged(elsewhere, image, [one.key for one in keyring()]))
    assert judged.verdict == Verdict.TRUSTED, judged.reason
    there = f"COSIGN_REPOSITORY={secured_row.host}/vault/signatures cosign verify "
    assert judged.command.startswith(there)
    assert job.result["check"]["command"].startswith(there)
    assert verify_by_hand(elsewhere, image.repository, image.digest).startswith(there)


def test_cosign_finds_what_it_was_told(asked: Any, row: Any, push: Push, cosign: str, tmp_path: Path) -> None:
    """In another repository of the same registry: the command that is shown, run by hand, and without it nothing."""
    row.signatures_repository = "signatures-of-all"
    row.save()
    key = made(asked, "release", "stored", SECRET)
    image = push(row, f"same/{Path(cosign).name}")
    check = signed(asked, row, image, key).result["check"]
    (tmp_path / check["file"]).write_text(key.public_pem)
    (tmp_path / "cosign").symlink_to(cosign)
    env = {"PATH": f"{tmp_path}{os.pathsep}/usr/bin:/bin", "HOME": str(tmp_path)}
    for command, code in ((check["command"], 0), (check["command"].partition(" ")[2], 10)):
        by_hand = subprocess.run(command, shell=True, cwd=tmp_path, env=env, capture_output=True, text=True)
        assert by_hand.returncode == code, by_hand.stderr


def test_a_signature_beside_the_image_is_not_looked_at(asked: Any, row: Any, push: Push, cosign_three: str) -> None:
    """Once a repository is named only it counts, as cosign does; where it cannot be read, nothing is unsigned."""
    key = made(asked, "release", "stored", SECRET)
    image = push(row, "beside/the-image")
    assert signed(asked, row, image, key).state == "succeeded"
    assert asyncio.run(_judged(row, image, [one.key for one in keyring()])).verdict == Verdict.TRUSTED
    row.signatures_repository = "beside/nothing"
    row.save()
    assert asyncio.run(_judged(row, image, [one.key for one in keyring()])).verdict == Verdict.UNSIGNED
    gone = Registry.objects.create(name="gone", url=f"http://127.0.0.1:{parts.free_port()}", allow_http=True)
    row.signatures_registry = gone
    row.save()
    judged = asyncio.run(_judged(Registry.objects.get(pk=row.pk), image, [one.key for one in keyring()]))
    assert judged.verdict == Verdict.UNCHECKED and gone.host in judged.reason


def test_what_is_typed(row: Any, secured: Secured, secured_row: Any, registry: parts.Registry) -> None:
    """Half of it is refused, itself is nobody else, and a registry that holds signatures is not removed."""
    typed = {"name": "plain", "url": registry.url, "allow_http": True}
    for wrong in ({"signatures_registry": secured_row}, {"signatures_repository": "Not/A Name"}):
        with pytest.raises(Problem) as caught:
            save(Details(**typed, **wrong), row)  # type: ignore[arg-type]
        assert caught.value.field == "signatures_repository"
    saved, _check = save(Details(**typed, signatures_repository="a/b", signatures_registry=row), row)  # type: ignore[arg-type]
    assert saved.signatures_registry is None and saved.endpoint().cosign_repository == f"{row.host}/a/b"
    saved, _check = save(Details(**typed, signatures_repository="a/b", signatures_registry=secured_row), row)  # type: ignore[arg-type]
    assert Registry.objects.get(pk=row.pk).endpoint().cosign_repository == f"{secured_row.host}/a/b"
    with pytest.raises(Problem, match="name it"):
        remove(secured_row)


def test_two_that_hold_each_others(row: Any, secured_row: Any) -> None:
    """A ring of registries is no endless question; each is asked for what it holds itself."""
    row.signatures_repository, row.signatures_registry = "a", secured_row
    secured_row.signatures_repository, secured_row.signatures_registry = "b", row
    row.save()
    secured_row.save()
    one, two = Registry.objects.get(pk=row.pk), Registry.objects.get(pk=secured_row.pk)
    assert one.endpoint().cosign_repository == f"{two.host}/a"
    assert two.endpoint().cosign_repository == f"{one.host}/b"
    assert async_to_sync(_endpoint)(one) == one.endpoint()


async def _endpoint(registry: Registry) -> Any:
    return registry.endpoint()
