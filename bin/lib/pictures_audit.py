"""The part of bin/pictures that is the audit: what is wrong, why, and what a change would do before it is saved."""

import re
from datetime import UTC, datetime, timedelta

from bin.lib.camera import Camera


def tour(camera: Camera) -> None:
    """A swept Harbor: the audit, a verdict's steps, images before they are signed, a policy and a revocation foretold.

    Nothing is saved and nothing is signed, so that the pictures after these show the same Harbor.
    """
    camera.until("platform/base", "/audit/")
    camera.shoot("audit", 1160)
    camera.go("/audit/?verdict=attestation_only")
    camera.page.get_by_role("link", name="Inspect", exact=False).first.click()
    camera.page.get_by_text("Step by step").wait_for()
    camera.shoot("steps", 980)
    _signing(camera)
    _policy(camera)
    _key(camera)


def _signing(camera: Camera) -> None:
    page = camera.page
    camera.go("/audit/sign/?registry=1&verdict=all")
    page.get_by_text(re.compile(r"^\s*All \d+ images that pass")).click()
    page.get_by_label("Annotations").fill("ticket=OPS-7")
    camera.press("Preview the digests")
    page.wait_for_url(re.compile(r"/audit/sign/\d+/$"))
    camera.until("are to be signed", page.url.removeprefix(camera.demo.address))
    camera.shoot("signing", 900)


def _policy(camera: Camera) -> None:
    """One rule asks for less, another for more."""
    page = camera.page
    camera.go("/audit/policy/?registry=1")
    for number, (match, needs) in enumerate([("platform/base", "nobody: no signature is asked for"), ("team", "")], 1):
        camera.press("Add a rule")
        page.get_by_text(f"Rule {number}", exact=True).wait_for()
        page.get_by_label("Projects or repositories").nth(number - 1).fill(match)
        if needs:
            page.get_by_label("Has to be signed by").nth(number - 1).select_option(label=needs)
    page.get_by_text("Keys, annotations, tags, platforms, grace").last.click()
    page.get_by_label("Signed annotations").last.fill("approved=yes")
    page.get_by_role("button", name="Look at what changes").last.click()
    page.get_by_role("heading", name="What this policy changes").wait_for()
    camera.shoot("policy", 780)


def _key(camera: Camera) -> None:
    page = camera.page
    camera.go("/keys/1/")
    page.get_by_label("Revoked from").fill(f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d} 09:00")
    page.get_by_label("Reason").fill("a laptop with the key was stolen")
    page.get_by_label("Reason").press("Tab")  # the page shows by itself what a change would do
    page.get_by_role("button", name=re.compile("^Revoke from")).wait_for()
    camera.shoot("key", 1230)
