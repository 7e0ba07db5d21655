"""A key that stays in a KMS: fetched and used by a real cosign, with the worker's own variables."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from harborweb.errors import Problem
from harborweb.signing import keysmith, services
from harborweb.signing.models import Key
from harborweb.tools import cosign_kms
from tests.signing.conftest import Image
from tests.signing.jobs import done, log, signed, verified
from tests.signing.test_keys import database_bytes
from tests.signing.transit import TOKEN, Transit, transit

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch) -> Iterator[Transit]:
    with transit() as kept:
        monkeypatch.setenv("VAULT_ADDR", kept.address)
        monkeypatch.setenv("VAULT_TOKEN", TOKEN)
        yield kept


def connected(asked: Any, uri: str = "hashivault://release") -> Key:
    key = services.request_kms(asked, "release", uri, trusted=True)
    assert key.job is not None
    done(key.job, keysmith.connect_kms)
    key.refresh_from_db()
    return key


def test_a_kms_key_signs_and_nothing_of_the_kms_is_stored(
    cosign: str, asked: Any, row: Any, push: Callable[..., Image], vault: Transit, tmp_path: Any
) -> None:
    key = connected(asked)
    assert key.job is not None and key.now == "ready", log(key.job)
    assert key.public_pem == vault.public_pem() and key.signs and key.private_sealed is None
    assert [one.name for one in services.signing_keys()] == ["release"]
    image = push(row, "kms/app")
    job = signed(asked, row, image, key)
    assert job.state == "succeeded", job.error + log(job)
    assert any("/transit/sign/release" in line for line in vault.asked)
    assert verified(asked, row, image, key).result["good"] == 1
    assert "VAULT_ADDR, VAULT_TOKEN" in log(job)
    assert TOKEN not in log(job) + log(key.job) and TOKEN.encode() not in database_bytes(tmp_path)


def test_a_key_that_was_rotated_in_the_kms_signs_nothing(
    cosign_three: str, asked: Any, row: Any, push: Callable[..., Image], vault: Transit
) -> None:
    key = connected(asked)
    vault.private = ec.generate_private_key(ec.SECP256R1())
    job = signed(asked, row, push(row, "kms/rotated"), key)
    assert job.state == "failed" and job.error == "Nothing was signed: the KMS has another key for release now."
    assert not any("/transit/sign" in line for line in vault.asked)


def test_a_kms_that_refuses_is_said(
    cosign_three: str, asked: Any, vault: Transit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "hvs.another")
    key = connected(asked)
    assert key.now == "failed" and key.job is not None
    assert "did not give cosign the key" in key.job.error and "VAULT_ADDR, VAULT_TOKEN" in key.job.advice
    assert "hvs.another" not in log(key.job)


@pytest.mark.parametrize(
    "uri",
    ["release", "hashivault://", "hashivault://a b", "ftp://x", "hashivault://token@release", "k8s://one", "env://KEY",
     "awskms:///alias/release?secret=1", "hashivault://x\n--flag"],
)  # fmt: skip
def test_what_is_no_kms_uri_is_refused(asked: Any, uri: str) -> None:
    with pytest.raises(Problem, match="no KMS key that cosign knows"):
        services.request_kms(asked, "release", uri, trusted=True)


def test_each_service_takes_its_own_example_and_hands_on_only_its_own_variables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for one in cosign_kms.SERVICES:
        assert cosign_kms.service_of(one.example) == one
        for name in one.variables:
            monkeypatch.setenv(name, f"value-of-{name}")
    handed = cosign_kms.variables("awskms:///alias/release")
    assert "AWS_SECRET_ACCESS_KEY" in handed and not [name for name in handed if re.match("VAULT|AZURE", name)]
    assert "value-of-AWS_SECRET_ACCESS_KEY" in cosign_kms.secrets("awskms:///alias/release")
