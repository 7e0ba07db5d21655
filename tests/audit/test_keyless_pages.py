"""The page of keyless signatures, and what sweeps make of what is given there."""

import asyncio
import json
import subprocess
import threading
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser
from django.urls import reverse

from harborweb.accounts.models import Activity
from harborweb.accounts.roles import Role
from harborweb.audit.keyless import judging, services
from harborweb.audit.models import ArtifactVerdict, TrustedIdentity, TrustedRootFile
from harborweb.audit.policies.standings import Standings
from harborweb.jobs.models import Job
from harborweb.jobs.run import perform
from harborweb.registry.client import Client, Endpoint
from harborweb.registry.models import Registry
from harborweb.signing.services import add_public_key
from harborweb.verification.simple_signing import SIGNATURE
from harborweb.verification.verdict import Verdict
from tests import parts
from tests.audit.hostile.bench import Bench, make_signer, simple_payload
from tests.verification.sigstore_double import ISSUED_BY, SUBJECT, Sigstore

pytestmark = pytest.mark.django_db(transaction=True)
SIGSTORE = Sigstore()
Sweeper = Callable[[Registry], Job]


def root_file(**over: Any) -> SimpleUploadedFile:
    """The tests' trusted root, as a browser sends it."""
    return SimpleUploadedFile("trusted_root.json", json.dumps(SIGSTORE.trusted_root(**over)).encode())


@pytest.fixture
def admin(client: Browser, person: Any) -> Browser:
    """An administrator's browser."""
    client.force_login(person(Role.ADMINISTRATOR))
    return client


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A registry of its own with three images: signed keyless in both formats, and in another repository by a key."""
    folder = tmp_path_factory.mktemp("keyless-pages")
    with parts.registry_server(folder / "registry") as server:

        async def fill() -> str:
            async with Client(Endpoint(server.url, allow_http=True)) as opened:
                signers = {"trusted": make_signer("trusted", folder)}
                bench = Bench(opened, "team/app", signers, folder, server.host)
                digest = await bench.image("1.0")
                await bench.refer(digest, [await bench.bundle_manifest(SIGSTORE.bundle(digest), digest)])
                other = await bench.image("2.0")
                await bench.at("vault/signatures").simple(other)
                simple = await bench.image("3.0")
                payload = simple_payload(simple)
                beside = SIGSTORE.simple(payload)
                signature = beside.pop(SIGNATURE)
                await bench.sig(simple, [await bench.layer(payload, signature, **beside)])
                return signers["trusted"].public.pem

        yield server, asyncio.run(fill())


@pytest.fixture
def row(images: Any) -> Registry:
    """That registry, as harborweb knows it."""
    return Registry.objects.create(name="keyless", url=images[0].url, allow_http=True)


def verdict(tag: str = "1.0") -> ArtifactVerdict:
    """What is kept of an image."""
    return next(one for one in ArtifactVerdict.objects.filter(repository="team/app") if tag in one.tags)


def judged_again() -> None:
    """What the newest job does that judges again, in a thread as a worker's is."""
    job = Job.objects.filter(kind="judge_identities").latest("pk")
    worker = threading.Thread(target=perform, args=(job.pk, judging.judge_identities))
    worker.start()
    worker.join()
    job.refresh_from_db()
    assert job.state == Job.State.SUCCEEDED, job.error


@pytest.mark.parametrize("tag", ["1.0", "3.0"], ids=["bundle", "simple signing"])
def test_from_shown_to_trusted_and_back(
    admin: Browser, row: Registry, sweep: Sweeper, cosign3: str, tmp_path: Path, tag: str
) -> None:
    """Each step at the page changes what the next sweep says, also of what an earlier sweep has judged."""
    sweep(row)
    assert verdict(tag).verdict == Verdict.UNCHECKED and SUBJECT in verdict(tag).reason
    admin.post(reverse("audit:keyless_root"), {"file": root_file()})
    sweep(row)
    assert verdict(tag).verdict == Verdict.UNKNOWN_KEY and "not trusted here" in verdict(tag).reason
    admin.post(reverse("audit:keyless_allow"), {"subject": "*@example.test", "issuer": ISSUED_BY})
    sweep(row)
    kept = verdict(tag)
    (allowed,) = services.allowed()
    assert (kept.verdict, kept.key) == (Verdict.TRUSTED, allowed.fingerprint)
    assert (kept.signatures[0]["subject"], kept.signatures[0]["issuer"]) == (SUBJECT, ISSUED_BY)
    assert Standings.of(row).names[allowed.fingerprint] == "*@example.test" and not kept.is_finding
    assert SUBJECT in admin.get(reverse("audit:detail", args=[kept.pk])).content.decode()

    archive = admin.get(reverse("audit:evidence", args=[kept.pk])).content
    zipfile.ZipFile(BytesIO(archive)).extractall(tmp_path)
    command = (tmp_path / "commands.txt").read_text().strip()
    assert "--trusted-root trusted_root.json" in command and "--key" not in command
    repeated = subprocess.run(
        command.replace("cosign", cosign3, 1), shell=True, cwd=tmp_path, capture_output=True, text=True,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert repeated.returncode == 0, repeated.stderr

    admin.post(reverse("audit:keyless_disallow", args=[TrustedIdentity.objects.get().pk]))
    judged_again()
    assert verdict(tag).verdict == Verdict.UNKNOWN_KEY and verdict(tag).is_finding, "at once, without a sweep"
    admin.post(reverse("audit:keyless_allow"), {"subject": "*@example.test", "issuer": ISSUED_BY})
    sweep(row)
    assert verdict(tag).verdict == Verdict.TRUSTED
    admin.post(reverse("audit:keyless_root"), {"action": "remove"})
    judged_again()
    assert verdict(tag).verdict == Verdict.UNCHECKED
    done = {"give trusted root", "allow identity", "disallow identity", "remove trusted root"}
    assert done <= set(Activity.objects.values_list("action", flat=True))


def test_an_identity_counts_in_its_projects(admin: Browser, row: Registry, sweep: Sweeper) -> None:
    """As a key does; where another pair fits the same signature, that one's projects count too."""
    admin.post(reverse("audit:keyless_root"), {"file": root_file()})
    admin.post(reverse("audit:keyless_allow"), {"subject": "*@example.test", "issuer": ISSUED_BY, "projects": "edge-*"})
    sweep(row)
    assert verdict().verdict == Verdict.UNKNOWN_KEY and "not trusted here" in verdict().reason
    admin.post(reverse("audit:keyless_allow"), {"subject": SUBJECT, "issuer": ISSUED_BY, "projects": "edge te*"})
    assert "only in edge, te*" in admin.get(reverse("audit:keyless")).content.decode()
    sweep(row)
    assert verdict().verdict == Verdict.TRUSTED, "judged anew: who counts has changed"
    admin.post(reverse("audit:keyless_disallow", args=[TrustedIdentity.objects.get(subject=SUBJECT).pk]))
    judged_again()
    assert verdict().verdict == Verdict.UNKNOWN_KEY
    refused = admin.post(reverse("audit:keyless_allow"), {"subject": "a", "issuer": ISSUED_BY, "projects": "no/name"})
    assert refused.status_code == 422 and TrustedIdentity.objects.count() == 1


def test_a_sweep_follows_the_signatures_to_where_they_are_said_to_be(
    row: Registry, images: Any, sweep: Sweeper
) -> None:
    """Said between two sweeps: the second one judges again what has not changed in its own repository."""
    add_public_key(None, "trusted", images[1].encode(), trusted=True)
    sweep(row)
    assert verdict("2.0").verdict == Verdict.UNSIGNED
    row.signatures_repository = "vault/signatures"
    row.save()
    sweep(row)
    assert verdict("2.0").verdict == Verdict.TRUSTED, verdict("2.0").reason
    assert verdict("2.0").command.startswith(f"COSIGN_REPOSITORY={row.host}/vault/signatures cosign verify")
    row.signatures_repository = ""
    row.save()
    sweep(row)
    assert verdict("2.0").verdict == Verdict.UNSIGNED


@pytest.mark.parametrize(
    "data, words",
    [(b"", "no trusted root"), (b"{}", "no trusted root"), (b"x" * 2_000_000, "too large"), (b"\xff", "UTF-8")],
)
def test_a_root_that_is_none_changes_nothing(admin: Browser, data: bytes, words: str) -> None:
    """The old one stays, and the page says why."""
    admin.post(reverse("audit:keyless_root"), {"file": root_file()})
    before = TrustedRootFile.objects.get().fingerprint
    answer = admin.post(reverse("audit:keyless_root"), {"file": SimpleUploadedFile("root.json", data)})
    assert answer.status_code == 422 and words in answer.content.decode()
    assert TrustedRootFile.objects.get().fingerprint == before


@pytest.mark.parametrize("typed", [("*", ISSUED_BY), (SUBJECT, "*"), ("", ISSUED_BY), (SUBJECT, "my own one")])
def test_an_identity_that_is_everybody_or_none_is_refused(admin: Browser, typed: tuple[str, str]) -> None:
    """Anybody who can sign in somewhere could sign then."""
    answer = admin.post(reverse("audit:keyless_allow"), dict(zip(("subject", "issuer"), typed, strict=True)))
    assert answer.status_code == 422 and not TrustedIdentity.objects.exists()


def test_once_is_enough(admin: Browser) -> None:
    """The same pair again is said."""
    for status in (302, 422):
        answer = admin.post(reverse("audit:keyless_allow"), {"subject": SUBJECT, "issuer": ISSUED_BY})
        assert answer.status_code == status
    assert TrustedIdentity.objects.count() == 1


def test_only_administrators_change_it(client: Browser, person: Any) -> None:
    """Others read."""
    client.force_login(person(Role.OPERATOR))
    page = client.get(reverse("audit:keyless")).content.decode()
    assert "No trusted root yet" in page and 'type="file"' not in page
    assert client.post(reverse("audit:keyless_root"), {"file": root_file()}).status_code == 403
    assert client.post(reverse("audit:keyless_allow"), {"subject": SUBJECT, "issuer": ISSUED_BY}).status_code == 403
    assert not TrustedRootFile.objects.exists()


def test_a_root_that_can_be_used_no_more_verifies_nothing(admin: Browser) -> None:
    """What an older harborweb took is looked at anew."""
    TrustedRootFile.objects.create(text=b"{}", fingerprint="x", given_by="somebody")
    assert services.keyless_trust().root is None
    assert "cannot be used" in admin.get(reverse("audit:keyless")).content.decode()
