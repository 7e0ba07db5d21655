"""The pages of keys in a real Chromium: ranges, limits with what they would do, rotation, the page for others."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.urls import reverse
from django.utils import timezone

from harborweb.accounts.roles import Role
from harborweb.audit.models import ArtifactVerdict, SignatureSeen
from harborweb.jobs.models import Job
from harborweb.registry.models import Registry
from harborweb.signing import handing_out
from harborweb.signing.models import Key, KeyChange
from harborweb.verification.keys import load_public_key
from tests.browser import NARROW, WIDE, Watched, chromium, page, sign_in  # noqa: F401 - fixtures
from tests.signing.jobs import public_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]
DAY = timedelta(days=1)


def add(name: str, **limits: Any) -> Key:
    public = load_public_key(public_of(ec.generate_private_key(ec.SECP256R1())))
    return Key.objects.create(
        name=name, kind="public", algorithm=public.kind, public_pem=public.pem, fingerprint=public.fingerprint, **limits
    )


def look(page: Watched, name: str) -> None:  # noqa: F811
    """Hold that the page fits at both widths in both schemes; pictures where HARBORWEB_SHOTS names a folder."""
    shots = os.environ.get("HARBORWEB_SHOTS")
    for width, height in (WIDE, NARROW):
        for scheme in ("light", "dark"):
            page.size(width, height, scheme)
            page.look_well()
            assert page.barriers() == []
            if shots:
                page.screenshot(path=Path(shots) / f"{name}-{width}-{scheme}.png", full_page=True)
    page.size(*WIDE)


def test_limits_are_seen_before_they_are_saved(
    known: Registry, sweep: Callable[[Registry], Job], page: Watched, live_server: Any, person: Callable[..., Any]  # noqa: F811
) -> None:  # fmt: skip
    assert sweep(known).state == Job.State.SUCCEEDED
    now, key = timezone.now(), Key.objects.get()
    successor = add("release-2027", not_before=now, not_after=now + 390 * DAY, published=True)
    add("laptop", not_before=now - 200 * DAY, revoked_from=now - 60 * DAY, revoked_reason="Stolen", successor=successor)
    add("release-2024", not_after=now - 400 * DAY)
    add("vendor-acme", trusted=False)
    Key.objects.filter(pk=key.pk).update(not_before=now - 700 * DAY, not_after=now + 9 * DAY + timedelta(hours=1))
    KeyChange.objects.create(
        key=key, by="ada",
        before={"trusted": True, "revoked_reason": "", "successor": None, "projects": [], "published": False,
                "not_before": None, "not_after": None, "revoked_from": None},
        after={"trusted": True, "revoked_reason": "", "successor": None, "projects": [], "published": False,
               "not_before": None, "not_after": (now + 9 * DAY).isoformat(), "revoked_from": None},
    )  # fmt: skip
    first = SignatureSeen.objects.filter(key=key.fingerprint).first()
    assert first is not None
    SignatureSeen.objects.filter(digest=first.digest).update(first_seen=now - 90 * DAY)
    sign_in(page, live_server, person(Role.ADMINISTRATOR, "ada"))
    page.goto(live_server.url + reverse("signing:keys"))
    page.get_by_text("Ends in 9 days").first.wait_for()
    look(page, "keyring")
    page.goto(live_server.url + reverse("signing:key", args=[key.pk]))
    page.get_by_role("textbox", name="Revoked from").fill((now - 70 * DAY).strftime("%Y-%m-%d %H:%M"))
    page.get_by_role("textbox", name="Reason").fill("Backup disk with the key lost")
    page.get_by_role("textbox", name="Reason").blur()
    button = page.locator("#limits-actions .is-save")
    button.wait_for()
    assert "lose trust" in button.inner_text() and "image" in page.locator("#impact h2").inner_text()
    look(page, "key-impact")
    button.click()
    page.get_by_text("The verdicts are being brought up to date.").wait_for()
    key.refresh_from_db()
    assert key.revoked_reason == "Backup disk with the key lost"
    look(page, "key-saved")
    page.goto(live_server.url + reverse("audit:rotation", args=[key.pk]))
    look(page, "rotation")
    page.goto(live_server.url + reverse("signing:kms"))
    look(page, "kms")
    page.goto(live_server.url + reverse("signing:publishing"))
    look(page, "publishing")
    handing_out.set_public_page(None, True, "Keys of the lab. Compare the fingerprints with the poster at the door.")
    page.goto(live_server.url + reverse("signing:public_page"))
    look(page, "public")
    Key.objects.filter(pk=key.pk).update(kind="pair")
    page.goto(live_server.url + reverse("signing:export", args=[key.pk]))
    look(page, "export")
    assert ArtifactVerdict.objects.exists()
