"""Sign what was seen, or nothing; verify; by both cosigns, in real registries."""

import json
import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from harborweb import sealing
from harborweb.errors import Problem
from harborweb.jobs.services import stop
from harborweb.signing import places, services, workshop
from harborweb.signing.limits import Limits, set_limits
from harborweb.signing.models import Key
from tests import parts
from tests.signing.conftest import PASSWORD, Image
from tests.signing.jobs import delete, done, log, made, public_of, signed, slots, tags, taken_in, verified
from tests.signing.test_keys import SECRET
from tests.signing.test_many import by, push_index

pytestmark = pytest.mark.django_db(transaction=True)
Push = Callable[..., Image]


@pytest.fixture
def release(asked: Any, cosign: str) -> Key:
    """A key pair whose password is stored."""
    return made(asked, "release", "stored", SECRET)


@pytest.fixture
def release3(asked: Any, cosign_three: str) -> Key:
    """The same, with cosign 3 on the worker."""
    return made(asked, "release", "stored", SECRET)


def test_one_click_signs_verifies_and_says_where(asked: Any, row: Any, release: Key, push: Push, cosign: str) -> None:
    image = push(row, f"sign/{Path(cosign).name}")
    job = signed(asked, row, image, release, annotations={"git": "4be1c02", "note": "a, b"})
    assert job.state == "succeeded", job.error + log(job)
    result = job.result
    assert result["image"] == f"{row.host}/{image.repository}@{image.digest}"
    assert result["check"]["outcome"] == "good" and result["check"]["exit_code"] == 0
    [payload] = json.loads(result["check"]["json"])
    assert payload["critical"]["image"]["docker-manifest-digest"] == image.digest
    time = payload["optional"].pop("dev.harborweb.time")
    assert datetime.now(UTC) - datetime.fromisoformat(time) < timedelta(minutes=5) and time.endswith("Z")
    assert payload["optional"] == {
        "git": "4be1c02", "note": "a, b", "dev.harborweb.repository": image.repository, "dev.harborweb.tag": "1.0",
        "dev.harborweb.signer": asked.user.get_username(),
    }  # fmt: skip
    [place] = result["places"]
    hexed = image.digest.replace(":", "-")
    if cosign.endswith("2.5"):
        assert (result["format"], place["source"], place["tag"]) == ("simple", "sig", hexed + ".sig")
    else:
        assert (result["format"], place["source"], place["tag"]) == ("bundle", "tag", hexed)
    assert set(tags(row, image.repository)) == {"1.0", place["tag"]}
    release.refresh_from_db()
    assert release.used is not None
    assert [line for line in log(job).splitlines() if line[:2] in {"1 ", "2 ", "3 ", "4 ", "5 "}] == [
        "1 Look where the tag points", "2 Prepare", "3 Sign the digest", "4 Verify with the public key",
        "5 Find where it is stored",
    ]  # fmt: skip


def test_the_command_shown_repeats_it_by_hand(
    asked: Any, row: Any, release: Key, push: Push, cosign: str, tmp_path: Path
) -> None:
    image = push(row, f"hand/{Path(cosign).name}")
    check = signed(asked, row, image, release).result["check"]
    (tmp_path / check["file"]).write_text(release.public_pem)
    (tmp_path / "cosign").symlink_to(cosign)
    env = {"PATH": f"{tmp_path}{os.pathsep}/usr/bin:/bin", "HOME": str(tmp_path)}
    by_hand = subprocess.run(check["command"], shell=True, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert by_hand.returncode == 0, by_hand.stderr
    assert json.loads(by_hand.stdout) == json.loads(check["json"])


def test_tls_with_an_own_ca_and_a_password(asked: Any, secured_row: Any, release: Key, push: Push, cosign: str) -> None:
    secured_row.allow_http = True  # allowed for redirects; the address is https and stays so
    secured_row.save()
    image = push(secured_row, f"secured/{Path(cosign).name}")
    job = signed(asked, secured_row, image, release)
    assert job.state == "succeeded", job.error + log(job)
    assert "--registry-cacert registry-ca.pem" in job.result["check"]["command"]
    assert "--allow-" not in log(job)
    assert verified(asked, secured_row, image, release).result["good"] == 1
    assert PASSWORD not in log(job) and SECRET not in log(job)


def test_a_wrong_registry_password_is_said(asked: Any, secured_row: Any, release3: Key, push: Push) -> None:
    from harborweb.registry.models import PASSWORD_PURPOSE

    image = push(secured_row, "secured/refused")
    secured_row.password_sealed = sealing.seal("wrong", PASSWORD_PURPOSE)
    secured_row.save()
    job = signed(asked, secured_row, image, release3)
    assert job.state == "failed" and "robot" in job.error, job.error


def test_what_each_cosign_signs_the_other_verifies_where_formats_allow(
    asked: Any, row: Any, push: Push, cosign2: str, cosign3: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARBORWEB_COSIGN", cosign3)
    key = made(asked, "release", "none", "")
    bundle, simple, old = (push(row, f"interop/{name}") for name in ("bundle", "simple", "old"))
    assert signed(asked, row, bundle, key).result["format"] == "bundle"
    job = signed(asked, row, simple, key, format="simple")
    assert job.state == "succeeded", job.error + log(job)
    assert job.result["format"] == "simple" and job.result["places"][0]["source"] == "sig"
    monkeypatch.setenv("HARBORWEB_COSIGN", cosign2)
    assert signed(asked, row, old, key).result["format"] == "simple"
    seen = [verified(asked, row, image, key).result["checks"][0]["outcome"] for image in (bundle, simple, old)]
    assert seen == ["no_signature", "good", "good"]
    monkeypatch.setenv("HARBORWEB_COSIGN", cosign3)
    assert all(verified(asked, row, image, key).result["good"] == 1 for image in (bundle, simple, old))


@pytest.mark.parametrize(
    ("kind", "private"),
    [
        ("P-384", lambda: ec.generate_private_key(ec.SECP384R1())),
        ("Ed25519", lambda: ed25519.Ed25519PrivateKey.generate()),
        ("RSA 2048", lambda: rsa.generate_private_key(65537, 2048)),
        ("P-256", lambda: ec.generate_private_key(ec.SECP256R1())),
    ],
)
def test_imported_keys_sign_or_are_refused_before_anything_is_written(
    asked: Any, row: Any, push: Push, cosign: str, kind: str, private: Any
) -> None:
    """cosign 3 makes signatures with P-384 and Ed25519 keys that it then refuses; 2.5 does not."""
    key = taken_in(asked, kind, private())
    image = push(row, f"kinds/{Path(cosign).name}-{kind.lower().replace(' ', '')}")
    job = signed(asked, row, image, key)
    if cosign.endswith("2.5") or kind in {"RSA 2048", "P-256"}:
        assert job.state == "succeeded", job.error + log(job)
        assert job.result["check"]["outcome"] == "good"
        return
    assert job.state == "failed" and job.error.startswith("Nothing was signed: cosign 3.1.2 refuses")
    assert tags(row, image.repository) == ["1.0"]


def test_a_tag_that_moved_signs_nothing(asked: Any, row: Any, release: Key, push: Push, cosign: str) -> None:
    seen = push(row, f"moved/{Path(cosign).name}", seed="first")
    now = push(row, seen.repository, seed="second")
    job = signed(asked, row, seen, release)
    assert (job.state, job.error) == ("failed", "Nothing was signed: tag 1.0 moved.")
    assert seen.digest in job.advice and now.digest in job.advice
    assert tags(row, seen.repository) == ["1.0"]
    for image in (seen, now):
        assert places.stored(row.endpoint(), image.repository, image.digest) == set()


def test_without_a_tag_the_digest_alone_says_what_is_signed(asked: Any, row: Any, release3: Key, push: Push) -> None:
    seen = push(row, "untagged/app", seed="first")
    push(row, "untagged/app", seed="second")
    assert signed(asked, row, seen, release3, tag="").state == "succeeded"
    assert verified(asked, row, seen).result["good"] == 1


def test_an_image_or_tag_that_is_gone(asked: Any, row: Any, release: Key, push: Push, cosign: str) -> None:
    """cosign 2.5 would sign a digest that is not there."""
    gone, stays = push(row, f"gone/{Path(cosign).name}"), push(row, f"gone/{Path(cosign).name}", "2.0")
    assert gone.digest != stays.digest
    delete(row, gone)
    job = signed(asked, row, gone, release)
    assert job.error == f"Nothing was done: {gone.repository}@{gone.digest} is no longer in the registry."
    job = signed(asked, row, stays, release, tag="3.0")
    assert job.error == "Nothing was signed: tag 3.0 is no longer in the registry."
    assert "no longer in the registry" in verified(asked, row, gone).error
    assert tags(row, gone.repository) == ["2.0"]


def test_a_registry_that_is_down(asked: Any, row: Any, release3: Key, push: Push) -> None:
    image = push(row, "down/app")
    row.url = f"http://127.0.0.1:{parts.free_port()}"
    row.save()
    job = signed(asked, row, image, release3)
    assert job.state == "failed" and "does not answer" in job.error and job.advice


def test_a_password_asked_each_time(asked: Any, row: Any, cosign: str, push: Push) -> None:
    key = made(asked, "careful", "asked", SECRET)
    image = push(row, f"asked/{Path(cosign).name}")
    wrong = signed(asked, row, image, key, password="not this")
    assert wrong.error == "Nothing was signed: this password does not open the key."
    assert tags(row, image.repository) == ["1.0"]
    right = services.request_sign(asked, row, image.repository, image.digest, "1.0", key, password=SECRET)
    assert SECRET not in json.dumps(right.arguments)
    assert done(right, workshop.sign).state == "succeeded"
    assert SECRET not in log(right)


def test_a_refused_job_leaves_no_password_waiting(asked: Any, row: Any, cosign_three: str, push: Push) -> None:
    key = made(asked, "careful", "asked", SECRET)
    before, seen = slots(), push(row, "waiting/app", seed="first")
    push(row, "waiting/app", seed="second")
    assert signed(asked, row, seen, key, password=SECRET).error == "Nothing was signed: tag 1.0 moved."
    assert slots() == before


def test_a_double_click_signs_once(asked: Any, row: Any, release3: Key, push: Push) -> None:
    key = made(asked, "careful", "asked", SECRET)
    image = push(row, "double/app")
    before = slots()
    clicks = [
        services.request_sign(asked, row, image.repository, image.digest, "1.0", key, password=SECRET) for _ in range(2)
    ]
    assert clicks[0].pk == clicks[1].pk
    assert len(slots() - before) == 1
    job = done(clicks[0], workshop.sign)
    assert job.state == "succeeded"
    done(clicks[1], workshop.sign)
    assert len(places.stored(row.endpoint(), image.repository, image.digest)) == 1


def test_signing_twice_is_said_and_something_new_is_signed(asked: Any, row: Any, release3: Key, push: Push) -> None:
    image = push(row, "twice/app")
    first, again = signed(asked, row, image, release3).result, signed(asked, row, image, release3).result
    assert (first["already"], again["already"]) == (False, True) and first["places"] == again["places"]
    new = signed(asked, row, image, release3, annotations={"approved": "yes"}).result
    assert not new["already"] and new["places"] != first["places"]
    assert len(first["places"]) == len(new["places"]) == 1


def test_an_index_is_signed_with_what_it_lists(asked: Any, row: Any, release: Key, push: Push, cosign: str) -> None:
    name = f"index/{Path(cosign).name}"
    children = [push(row, name, tag) for tag in ("amd", "arm")]
    index = push_index(row, name, "1.0", children)
    alone = signed(asked, row, push_index(row, name, "2.0", children[:1]), release, recursive=False)
    assert alone.state == "succeeded" and alone.result["children"] == 0
    assert [len(by(row, one, release)) for one in children] == [0, 0]
    job = signed(asked, row, index, release)
    assert job.state == "succeeded", job.error + log(job)
    assert job.result["children"] == 2 and log(job).count("--recursive") == 1
    assert [len(by(row, one, release)) for one in (index, *children)] == [1, 1, 1]
    more = push(row, name, "new")
    job = signed(asked, row, push_index(row, name, "3.0", [children[0], more]), release)
    assert "--recursive" not in log(job)  # one of them is signed, as a part of 1.0
    assert len(by(row, more, release)) == 1


def test_verify_with_each_trusted_key(asked: Any, row: Any, release: Key, push: Push, cosign: str) -> None:
    stranger = ec.generate_private_key(ec.SECP256R1())
    services.add_public_key(asked, "stranger", public_of(stranger), trusted=True)
    services.add_public_key(asked, "not trusted", public_of(ec.generate_private_key(ec.SECP256R1())), trusted=False)
    image = push(row, f"verify/{Path(cosign).name}")
    unsigned = verified(asked, row, image)
    assert unsigned.state == "succeeded" and unsigned.result["good"] == 0
    assert {one["exit_code"] for one in unsigned.result["checks"]} == {10}
    signed(asked, row, image, release)
    job = verified(asked, row, image)
    outcomes = {one["name"]: one["outcome"] for one in job.result["checks"]}
    assert outcomes == {"release": "good", "stranger": "mismatch"}
    assert job.result["good"] == 1 and job.steps == 4
    codes = {one["name"]: one["exit_code"] for one in job.result["checks"]}
    assert codes == {"release": 0, "stranger": 12 if cosign.endswith("2.5") else 1}


def test_no_key_to_verify_with(asked: Any, row: Any, cosign_three: str, push: Push) -> None:
    assert verified(asked, row, push(row, "nokey/app")).error == "There is no key to verify with."


def test_a_public_half_cannot_sign(asked: Any, row: Any) -> None:
    key = services.add_public_key(asked, "half", public_of(ec.generate_private_key(ec.SECP256R1())), trusted=True)
    with pytest.raises(Problem, match="only its public half is here"):
        services.request_sign(asked, row, "a/b", "sha256:" + "0" * 64, "1.0", key)


def test_secrets_stay_out_of_argv_logs_and_files(
    asked: Any, secured_row: Any, push: Push, cosign3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrapper notes every argv, and the modes of the folder it is called in."""
    wrapper, noted = tmp_path / "cosign", tmp_path / "noted"
    wrapper.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" >> {noted}\nstat -c "mode %a" . config.json >> {noted} 2>/dev/null\n'
        f'pwd >> {noted}.folders\nexec {cosign3} "$@"\n'
    )
    wrapper.chmod(0o755)
    monkeypatch.setenv("HARBORWEB_COSIGN", str(wrapper))
    key = made(asked, "release", "stored", SECRET)
    job = signed(asked, secured_row, push(secured_row, "secured/watched"), key)
    assert job.state == "succeeded", job.error + log(job)
    text = noted.read_text()
    assert "sign" in text.splitlines() and "mode 700\nmode 600" in text
    assert SECRET not in text and PASSWORD not in text and "PRIVATE" not in text
    assert SECRET not in log(job) and PASSWORD not in log(job) and "PRIVATE" not in log(job)
    folders = {Path(line) for line in (tmp_path / "noted.folders").read_text().splitlines()}
    assert folders and not any("harborweb-sign-" in str(one) and one.exists() for one in folders)


def test_stopping_before_a_worker_takes_it_signs_nothing(asked: Any, row: Any, release3: Key, push: Push) -> None:
    image = push(row, "stopped/app")
    job = services.request_sign(asked, row, image.repository, image.digest, "1.0", release3)
    assert stop(job, "somebody")
    assert done(job, workshop.sign).state == "stopped"
    assert tags(row, image.repository) == ["1.0"]


def test_the_same_digest_in_two_repositories_is_two_jobs(asked: Any, row: Any, release3: Key, push: Push) -> None:
    one, two = push(row, "same/one", seed="same"), push(row, "same/two", seed="same")
    assert one.digest == two.digest
    first, second = (
        services.request_sign(asked, row, image.repository, image.digest, "1.0", release3) for image in (one, two)
    )
    assert first.pk != second.pk


def test_a_key_deleted_before_the_job_begins(asked: Any, row: Any, release3: Key, push: Push) -> None:
    image = push(row, "deleted/key")
    job = services.request_sign(asked, row, image.repository, image.digest, "1.0", release3)
    set_limits(asked, release3, Limits(trusted=False))
    release3.refresh_from_db()
    services.delete(asked, release3, "release")
    assert done(job, workshop.sign).error == "The key or the registry was deleted before the job began."
    assert tags(row, image.repository) == ["1.0"]


def test_without_a_request_it_is_harborweb_who_asks(row: Any, cosign_three: str, push: Push) -> None:
    """As the demo does."""
    from harborweb.accounts.models import Activity

    key = made(None, "demo", "none", "", afresh=True)
    assert key.created_by == "harborweb"
    assert signed(None, row, push(row, "demo/app"), key).state == "succeeded"
    assert set(Activity.objects.values_list("action", "who")) == {("make key pair", "harborweb"), ("sign", "harborweb")}
