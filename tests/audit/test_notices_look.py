"""The pages of notices in a real Chromium: wide and narrow, light and dark."""

from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from harborweb.accounts.roles import Role
from harborweb.audit.models import Channel, Message
from tests.audit.test_notices import channel
from tests.browser import Watched, chromium, page, sign_in  # noqa: F401 - fixtures
from tests.store.test_connection_look import look

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_channels_and_their_form(page: Watched, live_server: Any, person: Any) -> None:  # noqa: F811
    sign_in(page, live_server, person(Role.ADMINISTRATOR))
    page.goto(live_server.url + reverse("audit:notices"))
    look(page, "notices-none")
    page.get_by_role("main").get_by_role("link", name="Add a channel").first.click()
    look(page, "notice-form")
    page.get_by_label("Name").fill("chat")
    page.get_by_label("Address", exact=True).fill("http://chat.lab.example/hooks/x")
    page.get_by_role("button", name="Add the channel").click()
    page.get_by_text("Plain http was not allowed.").wait_for()
    look(page, "notice-refused")
    page.get_by_label("Allow plain http").check()
    page.get_by_role("button", name="Add the channel").click()
    page.get_by_text("This secret signs each message").wait_for()
    look(page, "notice-secret")
    broken = channel("ops@lab.example", kind="email", problem="mail.lab.example did not take it.", failures=2,
                     problem_at=timezone.now(), kinds=["invalid"], projects=["team", "edge-*"])  # fmt: skip
    for state in Message.State:
        Message.objects.create(
            channel=broken, state=state, title="33 new findings, 2 solved on registry.lab.example", happenings=35,
            problem="mail.lab.example did not take it." if state == Message.State.FAILED else "",
        )  # fmt: skip
    page.goto(live_server.url + reverse("audit:notices"))
    page.get_by_role("button", name="Make a token").click()
    page.get_by_text("This token is shown once.").wait_for()
    look(page, "notices")
    assert Channel.objects.count() == 2
