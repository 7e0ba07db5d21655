"""Every page of the store in a real Chromium: wide and narrow, light and dark, by keyboard and without JavaScript."""

import os
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.urls import reverse

from harborweb.accounts.roles import Role
from harborweb.registry.models import Registry
from harborweb.signing.models import CosignFound, Key
from tests.browser import NARROW, WIDE, Watched, sign_in
from tests.store.conftest import Shelf

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PICTURES = os.environ.get("HARBORWEB_PICTURES")  # a folder, for looking at them


def public_pem() -> str:
    """A public key."""
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def addresses(lab: Registry, shelf: Shelf) -> dict[str, str]:
    artifact = reverse("store:artifact", args=[lab.pk, "platform/app", shelf.app])
    return {
        "registries": reverse("store:registries"),
        "add": reverse("store:registry_add"),
        "change": reverse("store:registry_change", args=[lab.pk]),
        "remove": reverse("store:registry_remove", args=[lab.pk]),
        "projects": reverse("store:projects", args=[lab.pk]),
        "repositories": reverse("store:repositories", args=[lab.pk, "platform"]),
        "repository": reverse("store:repository", args=[lab.pk, "platform/app"]),
        "artifact": f"{artifact}?tag=1.0",
        "moved": f"{artifact}?tag=2.0",
        "index": reverse("store:artifact", args=[lab.pk, "platform/app", shelf.index]) + "?tag=multi",
        "gone": reverse("store:artifact", args=[lab.pk, "platform/app", "sha256:" + "0" * 64]),
    }


def test_every_page_fits_and_is_silent(
    page: Watched,
    live_server: Any,
    person: Any,
    swept: Registry,
    shelf: Shelf,
) -> None:
    pem = public_pem()
    Key.objects.create(
        name="release-2026", kind="pair", algorithm="ECDSA P-256", public_pem=pem, fingerprint="ab" * 32,
        password_mode="asked",
    )  # fmt: skip
    CosignFound.objects.create(host="here", version="3.1.2", path="/usr/bin/cosign")
    sign_in(page, live_server, person(Role.ADMINISTRATOR))
    for name, address in addresses(swept, shelf).items():
        page.goto(live_server.url + address)
        for size, scheme in ((WIDE, "light"), (WIDE, "dark"), (NARROW, "light"), (NARROW, "dark")):
            page.size(*size, scheme)
            page.look_well()
            if PICTURES:
                page.screenshot(path=Path(PICTURES) / f"{name}-{size[0]}-{scheme}.png", full_page=True)


def test_without_a_registry_the_page_says_what_to_do(page: Watched, live_server: Any, person: Any) -> None:
    sign_in(page, live_server, person(Role.ADMINISTRATOR))
    page.goto(live_server.url + reverse("store:registries"))
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / "empty-1440-light.png", full_page=True)
    page.get_by_role("link", name="Add a registry").click()
    page.get_by_label("Name", exact=True).fill("lab")
    page.get_by_label("Address").fill("http://127.0.0.1:9")
    page.get_by_role("button", name="Test and add").click()
    page.get_by_text("plain http, which anybody").wait_for()
    assert page.get_by_label("Address").input_value() == "http://127.0.0.1:9"
    page.look_well()
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / "refused-1440-light.png", full_page=True)


def test_from_the_list_to_an_artifact_by_clicks(
    page: Watched,
    live_server: Any,
    person: Any,
    lab: Registry,
    shelf: Shelf,
) -> None:
    sign_in(page, live_server, person(Role.VIEWER))
    page.goto(live_server.url + reverse("store:registries"))
    for link in ("lab", "platform", "platform/app", "2.0"):
        page.locator("#main").get_by_role("link", name=link, exact=True).first.click()  # not the top bar's
    page.get_by_text(shelf.other).first.wait_for()
    page.get_by_role("link", name="platform/app", exact=True).click()
    page.get_by_role("searchbox").fill("2.0")  # exactly a tag: htmx leaves the list and opens it
    page.keyboard.press("Enter")
    page.wait_for_url("**?tag=2.0")
    page.get_by_role("heading", name="Sign 2.0").wait_for()
    page.get_by_role("searchbox").fill("mul")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="multi", exact=True).click()
    page.get_by_role("link", name="linux/arm64").click()
    page.wait_for_url(f"**{shelf.other}/")
    page.look_well()
