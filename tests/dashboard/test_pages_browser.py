"""The main pages in a real Chromium: they fit, they are silent, and the keyboard reaches what matters."""

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse

from harborweb.accounts import services
from harborweb.accounts.models import User
from harborweb.accounts.roles import Role
from harborweb.jobs.models import Job
from tests.browser import NARROW, WIDE, Watched, chromium, page, sign_in  # noqa: F401 - fixtures

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PAGES = [
    "dashboard:home", "dashboard:components", "accounts:account", "accounts:people", "accounts:activity",
    "configuration:home", "deployment:home", "deployment:installer", "store:registries", "store:registry_add",
    "signing:keys", "audit:home", "jobs:list",
]  # fmt: skip


@pytest.fixture
def admin(person: Callable[..., User]) -> User:
    return person(Role.ADMINISTRATOR, "administrator-with-a-long-name")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_and_is_silent(
    page: Watched,  # noqa: F811
    live_server: Any,
    admin: User,
    redis_settings: str,
    name: str,
) -> None:
    sign_in(page, live_server, admin)
    Job.objects.create(kind="sign", title="Sign team/" + "x" * 60, subject="x", queue="default", task="x")
    for size in (WIDE, (1000, 800), NARROW):
        for scheme in ("light", "dark"):
            page.size(*size, scheme)
            page.goto(live_server.url + reverse(name))
            assert page.locator("h1").inner_text().strip()
            page.look_well()
        assert page.barriers() == []


@pytest.mark.parametrize("path", ["/sign-in/", "/sign-in/link/nobody/", "/no-such-page/"])
def test_pages_for_strangers(page: Watched, live_server: Any, path: str) -> None:  # noqa: F811
    for size in (WIDE, NARROW):
        page.size(*size)
        page.goto(live_server.url + path)
        page.look_well()
        assert page.barriers() == []


def test_dark_comes_by_system_and_by_choice(page: Watched, live_server: Any, admin: User) -> None:  # noqa: F811
    sign_in(page, live_server, admin)

    def ground() -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    page.goto(live_server.url + "/account/")
    assert ground() == "rgb(244, 245, 247)"
    page.size(*WIDE, "dark")
    assert ground() == "rgb(13, 16, 20)"
    page.locator(".topbar summary", has_text="administrator").click()
    page.get_by_role("button", name="Light", exact=True).click()
    page.wait_for_load_state()
    assert ground() == "rgb(244, 245, 247)"
    page.look_well()


def test_the_keyboard_reaches_menus_and_esc_leaves(page: Watched, live_server: Any, admin: User) -> None:  # noqa: F811
    sign_in(page, live_server, admin)
    page.goto(live_server.url + "/account/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    reached = []
    for _press in range(14):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("(document.activeElement.textContent || document.activeElement.name).trim()"))
    assert reached[1:10] == [
        "Dashboard", "Configuration", "Deployment", "Access", "Registry", "Keys", "Audit", "Jobs", "Activity",
    ]  # fmt: skip
    summary = page.locator(".topbar summary", has_text="administrator")
    summary.focus()
    page.keyboard.press("Enter")
    assert page.get_by_role("link", name="People and roles").is_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    assert not page.get_by_role("link", name="People and roles").is_visible()
    assert "administrator" in page.evaluate("document.activeElement.textContent")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid", "focus is seen"


def test_the_menu_of_rooms_on_a_phone(page: Watched, live_server: Any, admin: User) -> None:  # noqa: F811
    sign_in(page, live_server, admin)
    page.size(*NARROW)
    page.goto(live_server.url + "/account/")
    page.locator(".rooms-menu summary").click()
    page.look_well()
    page.locator(".rooms-menu").get_by_role("link", name="Activity").click()
    page.wait_for_url("**/activity/")


def test_a_person_is_added_and_the_link_copied(page: Watched, live_server: Any, admin: User) -> None:  # noqa: F811
    sign_in(page, live_server, admin)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(live_server.url + "/people/")
    page.get_by_label("Name", exact=True).fill("otto")
    page.get_by_label("Role", exact=True).select_option(label="operator")
    page.get_by_role("button", name="Add and show the link").click()
    page.locator(".notice .copy").click()
    page.get_by_text("Copied", exact=True).wait_for()
    link = page.evaluate("navigator.clipboard.readText()")
    assert link.startswith(live_server.url + "/sign-in/link/")
    page.look_well()
    page.context.clear_cookies()
    page.goto(link)
    assert page.locator("h1").inner_text() == "Welcome to harborweb"
    assert "one-time link" in page.locator(".notice").inner_text()


def test_signing_in_and_out_without_javascript(chromium: Any, live_server: Any, admin: User) -> None:  # noqa: F811
    context = chromium.new_context(java_script_enabled=False)
    window = context.new_page()
    window.goto(live_server.url + "/activity/")
    window.get_by_label("Name").fill(admin.username)
    window.get_by_label("Password").fill("correct horse battery")
    window.get_by_role("button", name="Sign in").click()
    assert window.locator("h1").inner_text() == "Activity"
    window.locator(".topbar summary", has_text="administrator").click()
    window.get_by_role("button", name="Sign out").click()
    assert window.locator("h1").inner_text() == "Sign in to harborweb"
    context.close()


def test_a_second_click_sends_nothing(page: Watched, live_server: Any, admin: User) -> None:  # noqa: F811
    sign_in(page, live_server, admin)
    page.goto(live_server.url + "/people/")
    page.get_by_label("Name", exact=True).fill("otto")
    posts: list[str] = []
    page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    page.get_by_role("button", name="Add and show the link").dblclick()
    page.locator(".notice .copy").wait_for()
    assert posts == [live_server.url + "/people/add/"]


def test_a_busy_button_keeps_its_width(page: Watched, live_server: Any, admin: User) -> None:  # noqa: F811
    sign_in(page, live_server, admin)
    page.goto(live_server.url + "/components/")
    for words in ("Sweep now", "Inspect", "Sign"):
        same = page.get_by_role("button", name=words, exact=True)
        usual, busy = same.nth(0).bounding_box()["width"], same.nth(1).bounding_box()["width"]
        assert abs(usual - busy) <= 1, words


def test_a_lower_role_is_told_which_one_it_needs(page: Watched, live_server: Any, person: Any) -> None:  # noqa: F811
    sign_in(page, live_server, person(Role.VIEWER, "vera"))
    page.goto(live_server.url + "/people/")
    assert "This page needs the role administrator." in page.locator(".notice").inner_text()
    page.look_well()


def test_lost_contact_is_said_and_taken_back(page: Watched, live_server: Any, admin: User) -> None:  # noqa: F811
    sign_in(page, live_server, admin)
    Job.objects.create(kind="sign", title="Sign team/app", subject="x", queue="default", task="x")
    page.goto(live_server.url + "/")
    page.context.set_offline(True)
    page.get_by_text("No contact with harborweb").wait_for()
    page.context.set_offline(False)
    page.get_by_text("No contact with harborweb").wait_for(state="detached")
    services.record(None, "end", "of test")
