"""What the page tells people to run before they run an image, taken off the page and run by the real cosign."""

import html
import json
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.urls import reverse

from harborweb.accounts.roles import Role
from harborweb.registry.models import Registry
from harborweb.signing.models import CosignFound, Key
from tests import parts
from tests.store.harbor.conftest import Filled

pytestmark = pytest.mark.django_db


def test_the_verify_command_holds_the_image_back_until_it_is_signed(
    as_role: Any, lab: Registry, filled: Filled, tmp_path: Path
) -> None:
    cosign = parts.program("cosign")
    docker = tmp_path / "docker"
    docker.mkdir()
    login = requests.auth._basic_auth_str(*filled.harbor.admin).removeprefix("Basic ")
    (docker / "config.json").write_text(json.dumps({"auths": {filled.harbor.host: {"auth": login}}}))
    env = {"PATH": f"{Path(cosign).parent}:{os.environ['PATH']}", "HOME": str(tmp_path), "COSIGN_PASSWORD": "x"}

    def run(*command: str, **more: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command, cwd=tmp_path, env={**env, **more}, capture_output=True, text=True, timeout=60, check=False
        )

    assert run(cosign, "generate-key-pair").returncode == 0
    pem = (tmp_path / "cosign.pub").read_text()
    assert load_pem_public_key(pem.encode())
    key = Key.objects.create(
        name="Team release", kind="public", algorithm="ECDSA P-256", public_pem=pem, fingerprint="cd" * 32
    )
    CosignFound.objects.create(host="here", version="3.1.2", path=cosign)
    viewer = as_role(Role.VIEWER)
    digest = filled.harbor.state.repository("teaching/hello").tags["1"].digest
    page = viewer.get(reverse("store:artifact", args=[lab.pk, "teaching/hello", digest])).content.decode()
    [command] = {html.unescape(one) for one in re.findall(r"<code>(cosign verify --key team[^<]*)</code>", page)}
    (tmp_path / "team-release.pub").write_bytes(viewer.get(reverse("signing:public", args=[key.pk])).content)

    assert run(*shlex.split(command)).returncode != 0  # nobody signed yet
    reference = shlex.split(command)[-1]
    assert run(cosign, "signing-config", "create", "--out", "sc.json").returncode == 0
    signed = run(
        cosign, "sign", "--yes", "--key", "cosign.key", "--signing-config", "sc.json", "--allow-http-registry",
        reference, DOCKER_CONFIG=str(docker),
    )  # fmt: skip
    assert signed.returncode == 0, signed.stderr
    verified = run(*shlex.split(command))
    assert verified.returncode == 0, verified.stderr
