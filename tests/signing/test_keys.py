"""Keys: made, taken in, refused; and where their secrets are not."""

import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from harborweb import sealing
from harborweb.errors import Problem
from harborweb.jobs.models import Job
from harborweb.signing import keysmith, services
from harborweb.signing.limits import Limits, set_limits
from harborweb.signing.models import CosignFound, Key
from harborweb.verification.keys import load_public_key
from tests.signing.jobs import done, log, pem_of, public_of

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "correct horse, 14 batteries"


def job_of(key: Key) -> Job:
    assert key.job is not None
    return key.job


@pytest.mark.parametrize(("mode", "password"), [("stored", SECRET), ("asked", SECRET), ("none", "")])
def test_a_pair_is_made(cosign: str, asked: Any, mode: str, password: str) -> None:
    key = services.request_pair(asked, "release", mode, password, trusted=True)
    assert key.now == "making" and services.keyring() == []
    job = done(job_of(key), keysmith.make_key)
    assert job.state == "succeeded", job.error + log(job)
    key.refresh_from_db()
    assert (key.now, key.algorithm) == ("ready", "ECDSA P-256")
    assert key.fingerprint == load_public_key(key.public_pem.encode()).fingerprint
    assert (key.password_sealed is not None) == (mode == "stored")
    private = sealing.unseal(key.private_sealed, keysmith.PRIVATE).decode()
    assert private.startswith("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----")
    assert [one.key.name for one in services.keyring()] == ["release"]
    assert CosignFound.objects.get().path == cosign


def test_the_made_key_opens_with_its_password_only(cosign: str, asked: Any) -> None:
    key = services.request_pair(asked, "release", "stored", SECRET, trusted=True)
    done(job_of(key), keysmith.make_key)
    key.refresh_from_db()
    private = sealing.unseal(key.private_sealed, keysmith.PRIVATE).decode()

    def opened(password: str) -> subprocess.CompletedProcess[str]:
        env = {"KEY": private, "COSIGN_PASSWORD": password, "HOME": "/nonexistent"}
        return subprocess.run([cosign, "public-key", "--key", "env://KEY"], env=env, capture_output=True, text=True)

    assert opened(SECRET).stdout == key.public_pem
    assert opened("wrong").returncode != 0


PRIVATE_KEYS = {
    "P-256 SEC 1": (lambda: ec.generate_private_key(ec.SECP256R1()), serialization.PrivateFormat.TraditionalOpenSSL),
    "P-256 PKCS#8": (lambda: ec.generate_private_key(ec.SECP256R1()), serialization.PrivateFormat.PKCS8),
    "P-384": (lambda: ec.generate_private_key(ec.SECP384R1()), serialization.PrivateFormat.PKCS8),
    "RSA PKCS#1": (lambda: rsa.generate_private_key(65537, 2048), serialization.PrivateFormat.TraditionalOpenSSL),
    "RSA PKCS#8": (lambda: rsa.generate_private_key(65537, 2048), serialization.PrivateFormat.PKCS8),
    "Ed25519": (lambda: ed25519.Ed25519PrivateKey.generate(), serialization.PrivateFormat.PKCS8),
}


@pytest.mark.parametrize("name", PRIVATE_KEYS)
def test_a_pem_key_is_taken_in(cosign: str, asked: Any, name: str) -> None:
    make, form = PRIVATE_KEYS[name]
    private = make()
    pem = pem_of(private, form).replace("\n", "\r\n")  # as a browser sends a text area
    key = services.request_import(asked, name, "stored", SECRET, pem, trusted=False)
    job = done(job_of(key), keysmith.import_key)
    assert job.state == "succeeded", job.error + log(job)
    key.refresh_from_db()
    assert key.fingerprint == load_public_key(public_of(private)).fingerprint
    assert key.algorithm.startswith(name.split(maxsplit=1)[0].replace("P-", "ECDSA P-"))
    assert services.keyring() == []


def test_a_cosign_key_is_taken_in(cosign: str, asked: Any, tmp_path: Path) -> None:
    pem, public = cosign_key(cosign, tmp_path)
    key = services.request_import(asked, "theirs", "asked", SECRET, pem, trusted=True)
    assert done(job_of(key), keysmith.import_key).state == "succeeded"
    key.refresh_from_db()
    assert key.public_pem == public and key.asks and key.password_sealed is None


def cosign_key(cosign: str, folder: Path, password: str = SECRET) -> tuple[str, str]:
    """A pair that somebody made by hand: its private PEM and its public one."""
    env = {"COSIGN_PASSWORD": password, "HOME": str(folder)}
    command = [cosign, "generate-key-pair", "--output-key-prefix", str(folder / "hand")]
    subprocess.run(command, env=env, check=True, capture_output=True)
    return (folder / "hand.key").read_text(), (folder / "hand.pub").read_text()


def test_a_wrong_password_is_said(cosign: str, asked: Any, tmp_path: Path) -> None:
    pem, _public = cosign_key(cosign, tmp_path)
    key = services.request_import(asked, "theirs", "stored", "not this", pem, trusted=True)
    job = done(job_of(key), keysmith.import_key)
    assert (job.state, job.error) == ("failed", "This password does not open the key.")
    key.refresh_from_db()
    assert key.now == "failed" and key.private_sealed is None and key.password_sealed is None
    again = services.request_import(asked, "theirs", "stored", SECRET, pem, trusted=True)  # the failed row makes room
    assert done(job_of(again), keysmith.import_key).state == "succeeded"
    assert [one.key.name for one in services.keyring()] == ["theirs"]


@pytest.mark.parametrize(
    ("pem", "sentence"),
    [
        ("-----BEGIN PRIVATE KEY-----\nbm90IGEga2V5\n-----END PRIVATE KEY-----\n", "cosign cannot use this key"),
        (
            "-----BEGIN ENCRYPTED COSIGN PRIVATE KEY-----\nbm90IGEga2V5\n-----END ENCRYPTED COSIGN PRIVATE KEY-----\n",
            "cosign cannot use this key",
        ),
        ("-----BEGIN EC PRIVATE KEY-----\n", "This is no private key"),
        (pem_of(ec.generate_private_key(ec.SECP256K1())), "cosign cannot use this key"),
    ],
)
def test_what_is_no_key_is_said(cosign: str, asked: Any, pem: str, sentence: str) -> None:
    key = services.request_import(asked, "junk", "stored", SECRET, pem, trusted=True)
    job = done(job_of(key), keysmith.import_key)
    assert job.state == "failed" and job.error.startswith(sentence), job.error
    key.refresh_from_db()
    assert key.now == "failed" and services.keyring() == []


def test_the_same_key_is_here_once(cosign_three: str, asked: Any) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    services.add_public_key(asked, "public half", public_of(private), trusted=True)
    with pytest.raises(Problem, match="under the name public half"):
        services.add_public_key(asked, "again", public_of(private), trusted=True)
    key = services.request_import(asked, "pair", "none", "", pem_of(private), trusted=True)
    assert "under the name public half" in done(job_of(key), keysmith.import_key).error
    with pytest.raises(Problem, match="a key named public half already"):
        services.request_pair(asked, "public half", "none", "", trusted=True)


def test_a_missing_cosign_is_answered_with_how_to_install_it(asked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARBORWEB_COSIGN", "no-such-cosign")
    key = services.request_pair(asked, "release", "none", "", trusted=True)
    job = done(job_of(key), keysmith.make_key)
    assert job.error == "There is no cosign on this worker’s PATH."
    assert "apt install cosign" in job.advice and "go install github.com/sigstore/cosign" in job.advice
    state = services.cosign_state()
    assert state.problem is not None and state.found[0].path == ""


def test_a_slot_opens_once(cosign_three: str, asked: Any) -> None:
    key = services.request_pair(asked, "release", "stored", SECRET, trusted=True)
    slot = job_of(key).arguments["slot"]
    done(job_of(key), keysmith.make_key)
    with pytest.raises(Problem, match="read once"):
        sealing.take_once(slot)


def test_secrets_are_nowhere_in_the_clear(cosign: str, asked: Any, tmp_path: Path, settings: Any, queue: str) -> None:
    """Not in the database's bytes, not in Redis, not in a job's arguments or log."""
    pem, _public = cosign_key(cosign, tmp_path)
    plain = pem_of(ec.generate_private_key(ec.SECP256R1()))
    made = services.request_pair(asked, "made", "stored", SECRET, trusted=True)
    imported = services.request_import(asked, "imported", "stored", SECRET, pem, trusted=True)
    converted = services.request_import(asked, "converted", "stored", SECRET, plain, trusted=True)
    redis = sealing.redis_client()
    waiting = b"".join(redis.get(name) or b"" for name in redis.scan_iter("harborweb:slot:*"))
    queued = b"".join(redis.lrange("default", 0, -1))
    assert waiting and queued
    for key, work in ((made, keysmith.make_key), (imported, keysmith.import_key), (converted, keysmith.import_key)):
        job = done(job_of(key), work)
        assert job.state == "succeeded", job.error + log(job)
    lines = "".join(log(job) for job in Job.objects.all())
    places = {"database": database_bytes(tmp_path), "Redis": waiting, "queue": queued, "logs": lines.encode()}
    for secret in (SECRET, pem.splitlines()[1], plain.splitlines()[1], "PRIVATE KEY-----"):
        for where, content in places.items():
            assert secret.encode() not in content, f"{secret!r} is in the {where}"


def database_bytes(folder: Path) -> bytes:
    """Every byte of the database, the write-ahead log worked in."""
    from django.db import connection

    connection.ensure_connection()
    copy = folder / "copy.sqlite3"
    copy.unlink(missing_ok=True)
    with sqlite3.connect(copy) as target:
        connection.connection.backup(target)
    return copy.read_bytes()


def test_trust_rename_delete(cosign_three: str, asked: Any) -> None:
    from harborweb.accounts.models import Activity

    key = services.add_public_key(asked, "vendor", public_of(rsa.generate_private_key(65537, 2048)), trusted=True)
    set_limits(asked, key, Limits(trusted=False))
    assert services.keyring() == []
    services.rename(asked, key, "vendor-acme")
    other = services.add_public_key(asked, "other", public_of(ec.generate_private_key(ec.SECP256R1())), trusted=True)
    with pytest.raises(Problem, match="named vendor-acme already"):
        services.rename(asked, other, "vendor-acme")
    key.refresh_from_db()
    with pytest.raises(Problem, match="Nothing was deleted"):
        services.delete(asked, key, "vendor")
    services.delete(asked, key, "vendor-acme")
    assert not Key.objects.filter(name="vendor-acme").exists()
    actions = list(Activity.objects.order_by("pk").values_list("action", flat=True))
    assert actions == ["import public key", "stop trusting key", "rename key", "import public key", "delete key"]


def test_no_secret_in_a_process_list(asked: Any, tmp_path: Path, cosign3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrapper notes each argv with which cosign is called."""
    wrapper, noted = tmp_path / "cosign", tmp_path / "argv"
    wrapper.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> {noted}\nexec {cosign3} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("HARBORWEB_COSIGN", str(wrapper))
    plain = pem_of(ec.generate_private_key(ec.SECP256R1()))
    key = services.request_import(asked, "watched", "stored", SECRET, plain, trusted=True)
    assert done(job_of(key), keysmith.import_key).state == "succeeded"
    argv = noted.read_text()
    assert "import-key-pair" in argv and "env://" in argv
    assert SECRET not in argv and "PRIVATE" not in argv and plain.splitlines()[1] not in argv
