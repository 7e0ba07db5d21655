"""Keys and signing by clicks in a real Chromium."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.urls import reverse
from django.utils import timezone

from harborweb.accounts.roles import Role
from harborweb.audit.models import ArtifactVerdict, Sweep
from harborweb.jobs.models import Job
from harborweb.signing import found, keysmith, services, workshop
from harborweb.signing.models import Key
from tests.browser import NARROW, WIDE, Watched, chromium, page, sign_in  # noqa: F401 - fixtures
from tests.signing.conftest import Image
from tests.signing.jobs import done, elsewhere, public_of
from tests.signing.test_keys import SECRET

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


def look(page: Watched, name: str) -> None:  # noqa: F811
    """Hold that the page fits at both widths in both schemes; keep pictures where HARBORWEB_SHOTS names a folder."""
    shots = os.environ.get("HARBORWEB_SHOTS")
    for width, height in (WIDE, NARROW):
        for scheme in ("light", "dark"):
            page.size(width, height, scheme)
            page.look_well()
            if shots:
                page.screenshot(
                    path=Path(shots) / f"{name}-{width}-{scheme}.png", full_page=True, caret="initial"
                )  # hiding it would need an inline style
    page.size(*WIDE)


def test_a_key_is_made_an_image_signed_and_verified(
    page: Watched, live_server: Any, person: Callable[..., Any], asked: Any,  # noqa: F811
    row: Any, push: Callable[..., Image], cosign_three: str,
) -> None:  # fmt: skip
    image = elsewhere(push, row, "browser/app")
    sign_in(page, live_server, person(Role.ADMINISTRATOR, "ada"))
    page.goto(live_server.url + reverse("signing:keys"))
    look(page, "keys-empty")
    elsewhere(found.remember)
    services.add_public_key(asked, "vendor-acme", public_of(rsa.generate_private_key(65537, 3072)), trusted=True)
    services.add_public_key(asked, "laptop", public_of(ec.generate_private_key(ec.SECP256R1())), trusted=False)

    page.get_by_role("link", name="New key pair").first.click()
    page.get_by_label("Name").fill("release-2026")
    page.get_by_label("Password", exact=True).fill(SECRET)
    page.get_by_label("Password, once more").fill("another")
    page.get_by_role("button", name="Make the key pair").click()
    page.get_by_text("The two passwords differ.").wait_for()
    look(page, "key-new-refused")
    page.get_by_label("Password", exact=True).fill(SECRET)
    page.get_by_label("Password, once more").fill(SECRET)
    page.get_by_role("button", name="Make the key pair").click()
    page.get_by_text("A worker makes this key now.").wait_for()
    look(page, "key-making")
    elsewhere(done, Job.objects.get(kind="generate_key"), keysmith.make_key)
    page.get_by_text("Signatures by this key count as trusted in the audit.").wait_for()
    look(page, "key")
    page.goto(live_server.url + reverse("signing:keys"))
    look(page, "keys")
    page.goto(live_server.url + reverse("signing:import"))
    look(page, "key-import")

    ArtifactVerdict.objects.create(
        registry=row, sweep=Sweep.objects.create(registry=row), project="browser", repository=image.repository,
        digest=image.digest, tags=["1.0"], verdict="unsigned", rank=4, reason="Not signed when it was swept.",
        since=timezone.now(), checked=timezone.now(),
    )  # fmt: skip
    page.goto(live_server.url + reverse("store:artifact", args=[row.pk, image.repository, image.digest]) + "?tag=1.0")
    look(page, "artifact")
    panel = page.locator("#sign-panel")
    panel.get_by_label("Annotations").fill("git=4be1c02")
    panel.get_by_role("button", name="Sign this digest").click()
    panel.locator(".job").wait_for()
    page.locator("#sign-title:focus").wait_for()
    elsewhere(done, Job.objects.get(kind="sign"), workshop.sign)
    panel.get_by_text("Signed with release-2026, and verified.").wait_for()
    # What the page says above the panel is not older than the signature it shows.
    page.locator("#judged").get_by_text("Signed by the trusted key release-2026.").wait_for()
    page.locator("#around").get_by_text("Trusted").wait_for()
    page.locator("#beside").get_by_text("Sigstore bundle").wait_for()
    look(page, "artifact-signed")
    panel = page.locator("#verify-panel")
    panel.get_by_role("button", name="Run cosign verify").click()
    panel.locator(".job").wait_for()
    elsewhere(done, Job.objects.get(kind="verify"), workshop.verify)
    panel.get_by_text("1 key verifies this digest.").wait_for()
    look(page, "artifact-verified")
    assert Key.objects.get(name="release-2026").used is not None


def test_a_refusal_in_the_panel_keeps_what_was_typed(
    page: Watched, live_server: Any, person: Callable[..., Any], asked: Any,  # noqa: F811
    row: Any, push: Callable[..., Image], cosign_three: str,
) -> None:  # fmt: skip
    key = services.request_pair(asked, "careful", "asked", SECRET, trusted=True)
    assert key.job is not None
    elsewhere(done, key.job, keysmith.make_key)
    seen = elsewhere(push, row, "browser/moved", seed="first")
    sign_in(page, live_server, person(Role.SIGNER, "sam"))
    page.goto(live_server.url + reverse("store:artifact", args=[row.pk, seen.repository, seen.digest]) + "?tag=1.0")
    panel = page.locator("#sign-panel")
    panel.get_by_label("Annotations").fill("no equals sign")
    panel.get_by_role("button", name="Sign this digest").click()
    panel.get_by_text("is no annotation").wait_for()
    assert panel.get_by_label("Annotations").input_value() == "no equals sign"
    page.locator("#sign-annotations:focus").wait_for()
    look(page, "sign-refused")
    elsewhere(push, row, seen.repository, seed="second")
    panel.get_by_label("Annotations").fill("")
    panel.get_by_label("The key’s password").fill(SECRET)
    panel.get_by_role("button", name="Sign this digest").click()
    panel.locator(".job").wait_for()
    elsewhere(done, Job.objects.get(kind="sign"), workshop.sign)
    panel.get_by_text("Nothing was signed: tag 1.0 moved.").first.wait_for()
    look(page, "sign-moved")
