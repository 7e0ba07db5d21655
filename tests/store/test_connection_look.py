"""The pages of a connection in a real Chromium: wide and narrow, light and dark, and by clicks."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from harborweb.accounts.roles import Role
from harborweb.jobs.models import Job
from harborweb.registry import probing, robot_services, seeing
from harborweb.registry.models import Registry, Robot
from tests.browser import NARROW, WIDE, Watched, chromium, page, sign_in  # noqa: F401 - fixtures
from tests.harbor_double import HarborDouble
from tests.harbor_double.fixtures import harbor  # noqa: F401 - a fixture
from tests.signing.jobs import elsewhere
from tests.store.test_connection import lab, last_job  # noqa: F401 - a fixture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PICTURES = os.environ.get("HARBORWEB_PICTURES")  # a folder, for looking at them


def look(page: Watched, name: str) -> None:  # noqa: F811
    """The page fits in every window and stops nobody."""
    page.wait_for_load_state("networkidle")
    assert page.barriers() == []
    for size, scheme in ((WIDE, "light"), (WIDE, "dark"), (NARROW, "light"), (NARROW, "dark")):
        page.size(*size, scheme)
        page.look_well()
        if PICTURES:
            page.screenshot(path=Path(PICTURES) / f"{name}-{size[0]}-{scheme}.png", full_page=True)
    page.size(*WIDE)


def test_from_nothing_to_robots_by_clicks(
    page: Watched, live_server: Any, person: Any, lab: Registry, harbor: HarborDouble,  # noqa: F811
) -> None:  # fmt: skip
    sign_in(page, live_server, person(Role.ADMINISTRATOR))
    page.goto(live_server.url + reverse("store:registries"))
    look(page, "registries-none")
    page.get_by_role("link", name="Connection of lab").click()
    look(page, "connection-none")
    page.get_by_role("link", name="Make robots").first.click()
    look(page, "robots-form")
    name, password = harbor.admin
    page.get_by_label("Administrator of Harbor").fill(name)
    page.get_by_label("Its password").fill("wrong")
    page.get_by_role("button", name="Make robots").click()
    page.get_by_text("refused the user name").wait_for()
    assert page.get_by_label("Its password").input_value() == ""
    look(page, "robots-form-wrong")
    page.wait_for_timeout(300)
    page.get_by_label("Its password").fill(password)
    page.get_by_role("button", name="Make robots").click()
    page.wait_for_url("**/jobs/**")
    assert elsewhere(last_job, "make_robots").state == Job.State.SUCCEEDED
    page.reload()
    page.get_by_text("3 robots work.").wait_for()
    page.look_well()
    page.get_by_role("link", name="To the connection").click()
    page.get_by_role("button", name="Check again").click()
    page.get_by_text("As Harbor says it of this robot.").first.wait_for()
    look(page, "connection")
    page.get_by_role("link", name="Remove", exact=True).click()
    look(page, "robots-remove")


def test_what_is_wrong_looks_well_too(
    page: Watched, live_server: Any, person: Any, lab: Registry, harbor: HarborDouble,  # noqa: F811
) -> None:  # fmt: skip
    access = [{"resource": "repository", "action": "list"}, {"resource": "project", "action": "read"}]
    one = harbor.state.add_robot("a-robot-somebody-made", [{"kind": "project", "namespace": "team", "access": access}])
    soon = timezone.now() + timedelta(days=6, hours=3)
    Robot.objects.create(
        registry=lab, purpose="read", state="ready", name="harborweb-read-1a2b3c", username=one.name, expires=soon,
        secret_sealed=elsewhere(_sealed, one.secret), rights=one.permissions, number=one.id,
    )  # fmt: skip
    Robot.objects.create(
        registry=lab, purpose="sign", state="left", name="harborweb-sign-1a2b3c", expires=soon,
        username="robot$harborweb-sign-1a2b3c",
        note="harbor answered 403 for robot robot$harborweb-sign-1a2b3c: FORBIDDEN forbidden.",
    )  # fmt: skip
    harbor.state.components["jobservice"] = "unhealthy"

    def prepare() -> None:
        lab.use_robots()
        probing.check_rights(seeing.look(lab))
        assert robot_services.warnings()

    elsewhere(prepare)
    sign_in(page, live_server, person(Role.ADMINISTRATOR))
    page.goto(live_server.url + reverse("store:connection", args=[lab.pk]))
    # The top bar says it too, once it has been seen.
    page.locator("#main").get_by_text("Parts are not healthy").wait_for()
    look(page, "connection-wrong")
    page.goto(live_server.url + "/")
    page.get_by_text("Expires soon").wait_for()
    look(page, "dashboard")
    page.goto(live_server.url + reverse("store:registries"))
    look(page, "registries-wrong")
    sign_in(page, live_server, person(Role.VIEWER))
    page.goto(live_server.url + reverse("store:connection", args=[lab.pk]))
    look(page, "connection-viewer")


def _sealed(secret: str) -> bytes:
    from harborweb import sealing
    from harborweb.registry.models import ROBOT_PURPOSE

    return sealing.seal(secret, ROBOT_PURPOSE)
