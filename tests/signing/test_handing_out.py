"""What leaves the house: published keys for everybody, private keys for administrators, once and encrypted."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from harborweb.accounts.models import Activity
from harborweb.accounts.roles import Role
from harborweb.jobs.models import Job
from harborweb.signing import exporting, handing_out
from harborweb.signing.models import Key
from tests.signing.conftest import Image
from tests.signing.jobs import done, log, made, signed
from tests.signing.test_keys import SECRET, database_bytes
from tests.signing.test_pages import public_key

pytestmark = pytest.mark.django_db(transaction=True)
OWN, FILE = "correct horse battery", "a password for the file"


@pytest.fixture
def ada(person: Callable[..., Any]) -> Client:
    """An administrator's browser; `asked` is another one's."""
    client = Client()
    client.force_login(person(Role.ADMINISTRATOR, "ada"), backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_what_is_not_published_is_not_found_alike(as_role: Callable[[int], Client]) -> None:
    shown, hidden = public_key("release 2026"), public_key("internal")
    Key.objects.filter(pk=shown.pk).update(published=True)
    stranger, admin = Client(), as_role(Role.ADMINISTRATOR)
    names = [
        "/keys/public/",
        "/keys/release%202026.pub",
        "/keys/internal.pub",
        "/keys/nobody.pub",
        "/keys/x%2F..%2Fy.pub",
    ]
    assert [stranger.get(one).status_code for one in names] == [404] * 5
    admin.post(reverse("signing:publishing"), {"shown": "on", "words": "Keys of the lab."})
    page = stranger.get("/keys/public/")
    assert page.status_code == 200 and "Keys of the lab." in page.text and shown.fingerprint_words in page.text
    assert "internal" not in page.text and hidden.public_pem.splitlines()[1] not in page.text
    answer = stranger.get("/keys/release%202026.pub")
    assert answer.text == shown.public_pem and answer["Content-Type"].startswith("text/plain")
    unknown, secret = (stranger.get(one) for one in ("/keys/nobody.pub", "/keys/internal.pub"))
    assert (unknown.status_code, secret.status_code) == (404, 404)
    token = re.compile(r'"X-CSRFToken": "\w+"')
    assert token.sub("", unknown.text).replace("nobody", "internal") == token.sub("", secret.text)
    admin.post(reverse("signing:publishing"), {"words": ""})
    assert stranger.get("/keys/release%202026.pub").status_code == 404
    assert stranger.get("/keys/x%00y.pub").status_code == 400, "no value for PostgreSQL"


def test_the_commands_on_the_page_verify(
    row: Any, asked: Any, push: Callable[..., Image], cosign2: str, cosign3: str, cosign_three: str, tmp_path: Path
) -> None:
    key = made(asked, "shown", "none", "")
    image = push(row, "public/app")
    assert signed(asked, row, image, key, format="simple").state == "succeeded"
    Key.objects.update(published=True)
    handing_out.set_public_page(None, True, "")
    (tmp_path / key.file_name).write_text(Client().get("/keys/shown.pub").text)
    page = Client().get("/keys/public/").text
    for command in handing_out.commands(key, row):
        assert command.text.replace("&", "&amp;") in page
        program = cosign2 if command.version.startswith("2") else cosign3
        text = command.text.replace("REPOSITORY@sha256:DIGEST", f"{image.repository}@{image.digest}")
        env = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
        verified = subprocess.run(
            text.replace("cosign", program, 1).split(),
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert verified.returncode == 0, verified.stderr


def opened(cosign: str, pem: str, password: str) -> subprocess.CompletedProcess[str]:
    env = {"KEY": pem, "COSIGN_PASSWORD": password, "HOME": "/nonexistent"}
    return subprocess.run(
        [cosign, "public-key", "--key", "env://KEY"], env=env, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(("mode", "password", "opens"), [("stored", SECRET, SECRET), ("none", "", FILE)])
def test_a_private_key_goes_out_encrypted_once_and_recorded(
    ada: Client, asked: Any, cosign_three: str, tmp_path: Path, mode: str, password: str, opens: str,
) -> None:  # fmt: skip
    key = made(asked, "release", mode, password)
    Job.objects.all().delete()
    admin = ada
    address = reverse("signing:export", args=[key.pk])
    assert admin.get(address).status_code == 200
    typed = {"typed": "release", "own": OWN, "password": FILE}
    for wrong, sentence in (
        ({"typed": "relase"}, "the name typed is not release"),
        ({"own": "guess"}, "this is not your password"),
        *([({"password": "short"}, "opens for whoever finds it")] if mode == "none" else []),
    ):
        answer = admin.post(address, typed | wrong)
        text = answer.text.replace("would open", "opens")
        assert answer.status_code == 422 and sentence in text and FILE not in text
    assert not Job.objects.exists()
    assert admin.post(address, typed).status_code == 302
    job = done(Job.objects.get(), exporting.export)
    assert job.state == "succeeded", job.error + log(job)
    fetch = reverse("signing:exported", args=[job.pk])
    other = Client()
    other.force_login(asked.user, backend="django.contrib.auth.backends.ModelBackend")
    assert "not yours" in other.post(fetch, follow=True).text
    answer = admin.post(fetch)
    assert (
        answer["Content-Disposition"] == 'attachment; filename="release.key"' and "no-store" in answer["Cache-Control"]
    )
    pem = answer.content.decode()
    assert pem.startswith("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----")
    assert opened(cosign_three, pem, opens).stdout == key.public_pem
    assert opened(cosign_three, pem, "").returncode != 0
    again = admin.post(fetch, follow=True)
    assert "PRIVATE" not in again.text and "read once" in again.text
    actions = list(Activity.objects.filter(subject="release").values_list("action", flat=True))
    assert {"export private key", "download private key", "refused private key export"} <= set(actions)
    everywhere = database_bytes(tmp_path) + log(job).encode()
    for secret in (FILE, pem.splitlines()[1]):
        assert secret.encode() not in everywhere


def test_a_password_is_not_guessed_at_the_export(ada: Client, asked: Any, cosign_three: str) -> None:
    """Who finds an open session tries as often as at the sign-in page, and then not even the right one."""
    key = made(asked, "release", "stored", SECRET)
    Job.objects.all().delete()
    address = reverse("signing:export", args=[key.pk])
    for _n in range(handing_out.MOST_GUESSES):
        assert "this is not your password" in ada.post(address, {"typed": "release", "own": "guess"}).text
    answer = ada.post(address, {"typed": "release", "own": OWN})
    assert answer.status_code == 422 and "typed 5 times" in answer.text and not Job.objects.exists()
    Activity.objects.filter(action=handing_out.REFUSED).update(at=timezone.now() - handing_out.GUESSING)
    assert ada.post(address, {"typed": "release", "own": OWN}).status_code == 302


def test_only_administrators_export(as_role: Callable[[int], Client]) -> None:
    key = public_key()
    operator = as_role(Role.OPERATOR)
    for address in (reverse("signing:export", args=[key.pk]), reverse("signing:exported", args=[1])):
        assert operator.post(address).status_code == 403
