"""Choosing, previewing and signing many images, and the rules, in a real Chromium."""

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from harborweb.accounts.roles import Role
from harborweb.audit.models import SigningDecision, SigningRule
from harborweb.registry.models import Registry
from harborweb.signing import found
from harborweb.signing.many.models import BulkSigning
from harborweb.signing.many.workshop import look_many, sign_many
from tests.browser import Watched, chromium, page, sign_in  # noqa: F401 - fixtures
from tests.signing.conftest import Image
from tests.signing.jobs import done, elsewhere, made
from tests.signing.test_browser import look
from tests.signing.test_choosing import seen
from tests.signing.test_many import push_index

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


def looked(page: Watched, name: str) -> None:  # noqa: F811
    look(page, name)
    assert page.barriers() == []


def test_many_by_clicks(
    page: Watched, live_server: Any, person: Callable[..., Any], row: Any, push: Callable[..., Image],  # noqa: F811
    cosign_three: str,
) -> None:  # fmt: skip
    key = elsewhere(made, None, "release-2026", "none", "")
    elsewhere(found.remember)
    images = [elsewhere(push, row, f"platform/service-{number}", "2.7.1") for number in range(3)]
    images.append(elsewhere(push_index, row, "platform/service-0", "index", images[:1]))
    for image in images:
        seen(row, image)
    moved = elsewhere(push, row, "platform/moved", seed="one")
    seen(row, moved)
    elsewhere(push, row, "platform/moved", seed="two")
    sign_in(page, live_server, person(Role.SIGNER, "sam"))
    page.goto(live_server.url + reverse("audit:choose") + f"?registry={row.pk}&verdict=unsigned")
    looked(page, "choose")
    page.get_by_label("All 5 images that pass this filter").check()
    page.get_by_role("button", name="Preview the digests").click()
    page.get_by_text("A worker looks at each digest. Nothing is signed yet.").wait_for()
    bulk = BulkSigning.objects.get()
    elsewhere(done, bulk.look_job, look_many)
    page.get_by_role("button", name="Sign 4 digests with release-2026").wait_for()
    looked(page, "many-preview")
    page.get_by_role("button", name="Sign 4 digests with release-2026").click()
    page.get_by_text("Each digest is signed once, whatever happens to the worker.").wait_for()
    bulk.refresh_from_db()
    looked(page, "many-waiting")
    elsewhere(done, bulk.job, sign_many)
    page.get_by_text("4 digests were signed.").wait_for()
    looked(page, "many-signed")
    index = images[-1]
    page.goto(live_server.url + reverse("store:artifact", args=[row.pk, index.repository, index.digest]) + "?tag=index")
    page.locator("#sign-panel").get_by_text("and the 1 image it lists").wait_for()
    looked(page, "artifact-index")
    page.locator("#sign-panel").get_by_label("Holds until").fill("2001-01-01")
    page.locator("#sign-panel").get_by_role("button", name="Sign this digest").click()
    page.get_by_text("This day is over").wait_for()
    looked(page, "artifact-index-refused")
    assert key.pk == bulk.key_id


def test_rules(page: Watched, live_server: Any, person: Callable[..., Any], row: Any, cosign_three: str) -> None:  # noqa: F811
    Registry.objects.update(kind="harbor")
    key = elsewhere(made, None, "builds", "none", "")
    rule = SigningRule.objects.create(
        registry=row, project="platform", tags=["v*", "release-*"], pushers=["robot$platform+ci"], key=key,
        on_since=timezone.now(), created_by="ada",
    )  # fmt: skip
    SigningRule.objects.create(registry=row, project="lab", tags=["*"], pushers=["ada"], key=key, created_by="ada")
    for signs, pusher, reason in (
        (True, "robot$platform+ci", "Harbor’s log says that robot$platform+ci pushed it, and rule 1 names them."),
        (False, "mallory", "Pushed by mallory, whom the rule does not name."),
        (False, "", "Not confirmed: Harbor’s log does not say who pushed this tag."),
    ):
        SigningDecision.objects.create(
            rule=rule, registry=row, project="platform", repository="platform/service", tag="v2.7.1",
            digest="sha256:" + "c6e5" * 16, pusher=pusher, signs=signs, reason=reason,
        )  # fmt: skip
    sign_in(page, live_server, person(Role.ADMINISTRATOR, "ada"))
    page.goto(live_server.url + reverse("audit:rules") + f"?registry={row.pk}")
    looked(page, "rules")
    page.get_by_role("button", name="Switch on").click()
    page.get_by_role("button", name="Switch off").nth(1).wait_for()
