"""The page of webhooks in a real Chromium: wide and narrow, light and dark, by keyboard alone."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from harborweb.accounts.roles import Role
from harborweb.audit.models import Hook, HookEvent
from harborweb.jobs.models import Job
from harborweb.registry import seeing
from harborweb.registry.models import Registry
from tests.browser import NARROW, WIDE, Watched, chromium, page, sign_in  # noqa: F401 - fixtures
from tests.harbor_double import HarborDouble

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PICTURES = os.environ.get("HARBORWEB_PICTURES")  # a folder, for looking at them


@pytest.fixture
def lab(harbor: HarborDouble, redis_settings: str, transactional_db: None) -> Registry:
    """A Harbor with projects that tell, tell no more, fail, and never told."""
    for name in ("platform", "research", "teaching", "team"):
        harbor.state.add_project(name, public=True)
    registry = seeing.look(Registry.objects.create(name="registry.lab.example", url=harbor.url, allow_http=True))
    now = timezone.now()

    def hook(project: str, **more: Any) -> Hook:
        address = "https://harborweb.lab.example/hooks/harbor/1/"
        return Hook.objects.create(registry=registry, project=project, secret_hash="-", address=address, **more)

    team = hook("team", events=12_408, last_event=now - timedelta(minutes=2), triggered=now - timedelta(hours=3))
    hook(
        "platform", events=7, last_event=now - timedelta(days=3), problem_at=now - timedelta(hours=1),
        problem="other/app is not in platform, whose secret it carries.",
    )  # fmt: skip
    hook("research", enabled=False, events=90, last_event=now - timedelta(days=40))
    job = Job.objects.create(kind="hook", title="-", subject="team/web/front", queue="default", task="-")
    states = [("push", "waiting", "2.0"), ("push", "taken", "1.9"), ("delete", "done", "1.8"), ("push", "left", "")]
    for number, (kind, state, tag) in enumerate(states):
        HookEvent.objects.create(
            registry=registry, hook=team, kind=kind, state=state, tag=tag, repository="team/web/front", job=job,
            digest="sha256:" + "c6e5" * 16, identity=str(number), repeats=number % 2,
            problem="registry.lab.example does not answer: Connection refused." if state == "left" else "",
        )  # fmt: skip
    HookEvent.objects.create(
        registry=registry, hook=team, kind="quota_warning", state="done", repository="team/web/front", identity="q",
        detail="quota usage reach 85%: resource storage used 8.5 GiB of 10 GiB",
    )  # fmt: skip
    return registry


def test_it_fits_and_is_silent(
    page: Watched,  # noqa: F811
    live_server: Any,
    person: Callable[..., Any],
    lab: Registry,
) -> None:
    sign_in(page, live_server, person(Role.ADMINISTRATOR))
    addresses = {
        "hooks": f"/audit/hooks/{lab.pk}/", "audit": f"/audit/?registry={lab.pk}", "projects": f"/registry/{lab.pk}/",
        "project": f"/registry/{lab.pk}/project/teaching/",
    }  # fmt: skip
    for name, address in addresses.items():
        page.goto(live_server.url + address)
        for size, word in ((WIDE, "wide"), (NARROW, "narrow")):
            for scheme in ("light", "dark"):
                page.size(*size, scheme)
                if PICTURES:
                    page.screenshot(path=Path(PICTURES) / f"{name}-{word}-{scheme}.png", full_page=True)
                page.look_well()
                assert page.barriers() == []


def test_the_button_by_keyboard(
    page: Watched,  # noqa: F811
    live_server: Any,
    person: Callable[..., Any],
    lab: Registry,
    harbor: HarborDouble,
) -> None:
    sign_in(page, live_server, person(Role.ADMINISTRATOR))
    page.goto(f"{live_server.url}/audit/hooks/{lab.pk}/?project=team")
    name, password = harbor.admin
    page.fill("[name=base]", live_server.url)
    page.fill("[name=administrator]", name)
    page.fill("[name=password]", "wrong")
    page.keyboard.press("Enter")
    page.wait_for_selector(".error-box, .notice.bad")
    assert Job.objects.filter(kind="make_hooks").count() == 0
    assert page.input_value("[name=password]") == "" and page.input_value("[name=projects]") == "team"
    page.look_well()
    page.fill("[name=password]", password)
    page.keyboard.press("Enter")  # the first button: tell, not switch off
    page.wait_for_url("**/jobs/*/")
    job = Job.objects.get(kind="make_hooks")
    assert job.arguments["action"] == "make" and job.arguments["projects"] == ["team"]
    assert password not in str(job.arguments)
