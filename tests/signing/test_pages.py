"""The pages of keys and the two panels, as a browser meets them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.files.uploadedfile import SimpleUploadedFile
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from harborweb.accounts.models import Activity
from harborweb.accounts.roles import Role
from harborweb.errors import Problem
from harborweb.jobs.models import Job
from harborweb.signing import keysmith, services, workshop
from harborweb.signing.limits import Limits, set_limits
from harborweb.signing.models import CosignFound, Key
from tests.signing.conftest import Image
from tests.signing.jobs import done, made, pem_of, public_of
from tests.signing.test_keys import SECRET, cosign_key

pytestmark = pytest.mark.django_db(transaction=True)
DIGEST = "sha256:" + "ab" * 32


@pytest.fixture
def admin(as_role: Callable[[int], Client]) -> Client:
    return as_role(Role.ADMINISTRATOR)


@pytest.fixture
def found() -> CosignFound:
    return CosignFound.objects.create(host="worker-1", version="3.1.2", path="/usr/bin/cosign")


def public_key(name: str = "vendor", *, trusted: bool = True) -> Key:
    """A public key in the database."""
    from harborweb.verification.keys import load_public_key

    public = load_public_key(public_of(ec.generate_private_key(ec.SECP256R1())))
    return Key.objects.create(
        name=name, kind="public", algorithm=public.kind, public_pem=public.pem, fingerprint=public.fingerprint,
        trusted=trusted,
    )  # fmt: skip


def text(response: Any) -> str:
    return str(response.content.decode())


def test_no_key_yet(admin: Client) -> None:
    page = text(admin.get("/keys/"))
    assert "No key yet" in page and reverse("signing:new") in page and "No worker has reported a cosign yet." in page


def test_the_list(as_role: Callable[[int], Client], found: CosignFound) -> None:
    trusted, not_trusted = public_key("ours"), public_key("theirs", trusted=False)
    page = text(as_role(Role.VIEWER).get("/keys/"))
    assert trusted.fingerprint and trusted.fingerprint in page and "Not trusted" in page and not_trusted.name in page
    assert "3.1.2" in page and "worker-1" in page
    assert reverse("signing:new") not in page


@pytest.mark.parametrize(
    ("version", "path", "sentence"),
    [
        ("2.5.0", "/usr/bin/cosign", "CVE-2026-22703"),
        ("3.0.3", "/usr/bin/cosign", "CVE-2026-22703"),
        ("2.4.0", "/usr/bin/cosign", "cosign 2.4.0 cannot be used"),
        ("?", "/usr/bin/cosign", "cannot be used"),
        ("", "", "There is no cosign on this worker’s PATH."),
    ],
)
def test_cosign_is_warned_about(admin: Client, version: str, path: str, sentence: str) -> None:
    CosignFound.objects.create(host="worker-1", version=version, path=path)
    assert sentence in text(admin.get("/keys/"))


def test_the_public_half_is_for_viewers(as_role: Callable[[int], Client]) -> None:
    key = public_key("vendor acme")
    answer = as_role(Role.VIEWER).get(reverse("signing:public", args=[key.pk]))
    assert text(answer) == key.public_pem
    assert answer["Content-Disposition"] == 'attachment; filename="vendor-acme.pub"'


def test_a_pair_by_the_form(admin: Client, cosign_three: str) -> None:
    typed = {"name": "release", "password_mode": "stored", "password": SECRET, "again": SECRET, "trusted": "on"}
    key_page = admin.post("/keys/new/", typed, follow=True)
    key = Key.objects.get()
    assert "A worker makes this key now." in text(key_page) and key.job is not None
    assert done(key.job, keysmith.make_key).state == "succeeded"
    page = text(admin.get(reverse("signing:key", args=[key.pk])))
    key.refresh_from_db()
    assert key.public_pem.splitlines()[1] in page and key.fingerprint_words in page
    assert Activity.objects.filter(action="make key pair", subject="release").exists()
    job = text(admin.get(reverse("jobs:detail", args=[key.job.pk])))
    assert "Key pair release is ready." in job


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"again": "other"}, "The two passwords differ."),
        ({"password": "", "again": ""}, "A password is missing."),
        ({"password_mode": "none"}, "A password was typed, and “No password” is chosen."),
        ({"name": ""}, "This is empty."),
        ({"name": "taken"}, "There is a key named taken already."),
    ],
)
def test_a_form_that_does_not_fit_is_shown_again(admin: Client, change: dict[str, str], sentence: str) -> None:
    public_key("taken")
    typed = {"name": "release", "password_mode": "stored", "password": SECRET, "again": SECRET} | change
    answer = admin.post("/keys/new/", typed)
    assert answer.status_code == 422
    assert sentence in text(answer) and SECRET not in text(answer)
    assert f'value="{typed["name"]}"' in text(answer) or not typed["name"]
    assert not Key.objects.exclude(name="taken").exists()


def test_a_public_key_by_the_form(admin: Client) -> None:
    pem = public_of(ec.generate_private_key(ec.SECP256R1())).decode()
    answer = admin.post("/keys/import/", {"name": "vendor", "pem": pem, "password_mode": "stored", "trusted": "on"})
    key = Key.objects.get()
    assert answer.status_code == 302 and key.kind == "public" and key.trusted and key.job is None
    again = admin.post("/keys/import/", {"name": "vendor 2", "pem": pem, "password_mode": "stored"})
    assert again.status_code == 422 and "This key is here already, under the name vendor." in text(again)
    assert pem.splitlines()[1] in text(again)  # no secret: still there


def test_a_key_file(admin: Client) -> None:
    pem = public_of(ec.generate_private_key(ec.SECP256R1()))
    file = SimpleUploadedFile("cosign.pub", pem)
    answer = admin.post("/keys/import/", {"name": "vendor", "file": file, "password_mode": "none"})
    assert answer.status_code == 302 and Key.objects.get().public_pem == pem.decode()
    assert not Key.objects.get().trusted


PLAIN = pem_of(ec.generate_private_key(ec.SECP256R1()))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"pem": ""}, "A key is missing."),
        ({"pem": "hello"}, "This is no key file"),
        ({"pem": "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"}, "form of a certificate"),
        ({"pem": "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n-----END"}, "This private key is encrypted"),
        ({"password": ""}, "A password is missing."),
        ({"password_mode": "none"}, "A password was typed"),
    ],
)
def test_what_cannot_be_imported_is_said(admin: Client, change: dict[str, str], sentence: str) -> None:
    typed = {"name": "mine", "pem": PLAIN, "password_mode": "stored", "password": SECRET} | change
    answer = admin.post("/keys/import/", typed)
    page = text(answer)
    assert answer.status_code == 422 and sentence in page
    assert 'value="mine"' in page and SECRET not in page and PLAIN.splitlines()[1] not in page
    assert not Key.objects.exists()


def test_a_wrong_password_is_said_on_the_page_with_a_form_to_try_again(
    admin: Client, cosign_three: str, tmp_path: Any
) -> None:
    pem, _public = cosign_key(cosign_three, tmp_path)
    admin.post("/keys/import/", {"name": "mine", "pem": pem, "password_mode": "asked", "password": "not this"})
    key = Key.objects.get()
    assert key.job is not None
    done(key.job, keysmith.import_key)
    page = text(admin.get(reverse("signing:key", args=[key.pk])))
    assert "This password does not open the key." in page
    assert 'value="mine"' in page and "not this" not in page and pem.splitlines()[1] not in page
    assert '<code class="key">' not in page  # the name of a key in harbor.yml, which none of these fields is
    typed = {"name": "mine", "pem": pem, "password_mode": "asked", "password": SECRET, "trusted": "on"}
    answer = admin.post("/keys/import/", typed)
    again = Key.objects.get()
    assert answer.status_code == 302 and again.pk != key.pk and again.job is not None
    assert done(again.job, keysmith.import_key).state == "succeeded"


def test_redis_down_is_said_and_nothing_is_stored(admin: Client, settings: Any) -> None:
    from tests import parts

    settings.REDIS_URL = f"redis://127.0.0.1:{parts.free_port()}/0"
    answer = admin.post("/keys/new/", {"name": "release", "password_mode": "none"})
    assert answer.status_code == 422 and "Redis does not answer" in text(answer)
    assert not Key.objects.exists()


def test_trust_rename_and_delete_by_forms(admin: Client) -> None:
    key = public_key()
    set_limits(None, key, Limits(trusted=False))
    assert services.keyring() == []
    admin.post(reverse("signing:rename", args=[key.pk]), {"name": "vendor-acme"})
    public_key("taken")
    refused = admin.post(reverse("signing:rename", args=[key.pk]), {"name": "taken"})
    assert refused.status_code == 422 and "There is a key named taken already." in text(refused)
    refused = admin.post(reverse("signing:delete", args=[key.pk]), {"typed": "vendor"})
    assert refused.status_code == 422 and "Nothing was deleted" in text(refused) and 'value="vendor"' in text(refused)
    admin.post(reverse("signing:delete", args=[key.pk]), {"typed": "vendor-acme"})
    assert list(Key.objects.values_list("name", flat=True)) == ["taken"]


@pytest.mark.parametrize("name", ["new", "import", "kms", "rename", "delete"])
def test_only_administrators_change_keys(as_role: Callable[[int], Client], name: str) -> None:
    key = public_key()
    address = reverse(f"signing:{name}", args=[] if name in {"new", "import", "kms"} else [key.pk])
    assert as_role(Role.OPERATOR).post(address, {"typed": key.name, "name": "x", "trusted": "0"}).status_code == 403
    key.refresh_from_db()
    assert key.trusted and key.name == "vendor"


@pytest.fixture
def pair(asked: Any, cosign_three: str) -> Key:
    return made(asked, "release", "none", "")


def form(row: Any, image: Image, key: Key) -> dict[str, Any]:
    return {
        "registry": row.pk, "repository": image.repository, "digest": image.digest, "tag": image.tag, "key": key.pk,
    }  # fmt: skip


def test_the_button_signs_and_shows_the_job(
    as_role: Callable[[int], Client], row: Any, pair: Key, push: Callable[..., Image]
) -> None:
    signer, image = as_role(Role.SIGNER), push(row, "pages/app")
    typed = form(row, image, pair) | {"annotations": "git=abc\r\nwho = me\r\n"}
    answer = signer.post("/keys/sign/", typed, headers={"HX-Request": "true"})
    job = Job.objects.get(kind="sign")
    assert answer.status_code == 200 and f'id="job-{job.pk}"' in text(answer)
    assert job.arguments["annotations"] == {"git": "abc", "who": "me"} and job.who_name == "person-2"
    assert done(job, workshop.sign).state == "succeeded"
    page = text(signer.get(reverse("jobs:detail", args=[job.pk])))
    assert "Signed with release, and verified." in page and image.digest in page
    assert "docker-manifest-digest" in page and "cosign verify --key release.pub" in page
    assert "this registry has no referrers API" in page
    assert Activity.objects.filter(action="sign", who="person-2").exists()
    verified = signer.post("/keys/verify/", form(row, image, pair) | {"key": ""})
    job = Job.objects.get(kind="verify")
    assert verified.headers["Location"] == reverse("jobs:detail", args=[job.pk])  # without JavaScript
    assert done(job, workshop.verify).state == "succeeded"
    page = text(signer.get(reverse("jobs:detail", args=[job.pk])))
    assert "1 key verifies this digest." in page and "accepts an attestation" in page


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"annotations": "no equals sign"}, "“no equals sign” is no annotation"),
        ({"annotations": "a=1\na=2"}, "each name once"),
        ({"key": "999"}, "Select a valid choice"),
        ({"digest": "sha256:short"}, "This form names no image."),
        ({"repository": "UPPER"}, "This form names no image."),
        ({"registry": "999"}, "This form names no image."),
        ({"tag": "../x"}, "This form names no image."),
    ],
)
@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}], ids=["page", "fragment"])
def test_a_sign_form_that_does_not_fit(
    as_role: Callable[[int], Client],
    row: Any,
    pair: Key,
    change: dict[str, str],
    sentence: str,
    headers: dict[str, str],
) -> None:
    typed = form(row, Image("team/app", "1.0", DIGEST), pair) | {"annotations": "git=kept"} | change
    answer = as_role(Role.SIGNER).post("/keys/sign/", typed, headers=headers)
    assert answer.status_code == 422 and sentence in text(answer)
    assert ("<html" in text(answer)) == (not headers)
    assert not Job.objects.filter(kind="sign").exists()
    if "key" in change:
        assert "git=kept" in text(answer)


def test_a_key_that_asks_wants_its_password(
    as_role: Callable[[int], Client], row: Any, pair: Key, found: CosignFound
) -> None:
    Key.objects.update(password_mode="asked")
    typed = form(row, Image("team/app", "1.0", DIGEST), pair)
    answer = as_role(Role.SIGNER).post("/keys/sign/", typed, headers={"HX-Request": "true"})
    assert answer.status_code == 422 and "release asks for its password each time." in text(answer)


def panel(which: str, client: Client, row: Any, **more: Any) -> str:
    """A panel as the artifact page includes it."""
    request = client.get("/keys/").wsgi_request
    context = {"registry": row, "repository": "team/app", "tag": "1.0", "digest": DIGEST} | more
    return render_to_string(f"signing/_{which}_panel.html", context, request=request)


def test_the_panels_name_the_whole_digest(
    as_role: Callable[[int], Client], row: Any, pair: Key, found: CosignFound
) -> None:
    page = panel("sign", as_role(Role.SIGNER), row)
    assert "This, and nothing else, will be signed" in page
    assert f"{row.host}/team/app@<wbr>{DIGEST}" in page and "Sign this digest with release" in page
    assert "bundle v0.3, cosign 3.1.2" in page
    page = panel("verify", as_role(Role.VIEWER), row)
    assert (
        f"cosign verify --key KEY.pub --insecure-ignore-tlog=true --allow-http-registry {row.host}/team/app@{DIGEST}"
        in page
    )
    assert reverse("signing:public", args=[pair.pk]) in page
    assert "needs the role signer" in page and "<form" not in page


@pytest.mark.parametrize("limit", ["revoked_from", "not_after"])
def test_a_key_whose_time_is_over_is_not_offered_and_signs_nothing(row: Any, pair: Key, limit: str) -> None:
    pair.refresh_from_db()
    setattr(pair, limit, timezone.now() - timedelta(minutes=1))
    pair.successor = Key.objects.create(name="after", kind=Key.Kind.PUBLIC, fingerprint="f" * 64)
    pair.save()
    assert services.signing_keys() == []
    with pytest.raises(Problem, match=r"signs no more.*Sign with its successor, after"):
        services.request_sign(None, row, "team/app", "sha256:" + "a" * 64, "", pair)
    setattr(pair, limit, timezone.now() + timedelta(days=1))
    pair.save()
    assert services.signing_keys() == [pair]


def test_the_panels_without_key_or_cosign(as_role: Callable[[int], Client], row: Any) -> None:
    signer = as_role(Role.SIGNER)
    page = panel("sign", signer, row)
    assert "No key pair yet" in page and "<form" not in page
    assert "No key yet" in panel("verify", signer, row)


def test_the_sign_button_is_off_without_cosign(as_role: Callable[[int], Client], row: Any, pair: Key) -> None:
    CosignFound.objects.all().delete()
    CosignFound.objects.create(host="worker-1")
    page = panel("sign", as_role(Role.SIGNER), row)
    assert "disabled" in page and "There is no cosign on this worker’s PATH." in page and "apt install cosign" in page


def test_looking_again(as_role: Callable[[int], Client], cosign_three: str) -> None:
    from harborweb.signing import found as looked

    answer = as_role(Role.SIGNER).post("/keys/look/", headers={"HX-Request": "true"})
    job = Job.objects.get(kind="find_cosign")
    assert "Look for cosign" in text(answer)
    assert done(job, looked.look).state == "succeeded"
    assert CosignFound.objects.get().version == "3.1.2"


def test_a_worker_tells_at_its_start(cosign_three: str) -> None:
    from types import SimpleNamespace

    from harborweb.signing.tasks import remember_cosign

    def consumer(*queues: str) -> Any:
        taken = SimpleNamespace(consume_from=dict.fromkeys(queues))
        return SimpleNamespace(app=SimpleNamespace(amqp=SimpleNamespace(queues=taken)))

    remember_cosign(consumer("host"))
    assert not CosignFound.objects.exists()
    remember_cosign(consumer("default"))
    assert CosignFound.objects.get().version == "3.1.2"
