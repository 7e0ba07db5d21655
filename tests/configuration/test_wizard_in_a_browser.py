"""The wizard by clicks in a real Chromium: the diff follows the typing, and everything fits a phone."""

from typing import Any

import pytest

from harborweb.accounts.roles import Role
from harborweb.configuration import services
from harborweb.configuration.document import Document
from tests import parts
from tests.browser import NARROW, WIDE, Watched, chromium, page, sign_in  # noqa: F401 - fixtures

TEMPLATE = (parts.ROOT / "tests" / "practice" / "harbor" / "harbor.yml.tmpl").read_text()


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_from_questions_to_a_revision(page: Watched, live_server: Any, person: Any) -> None:  # noqa: F811
    services.start_draft(TEMPLATE, origin="the practice installer")
    sign_in(page, live_server, person(Role.OPERATOR))
    page.goto(f"{live_server.url}/configuration/draft/")
    page.fill("#id_hostname", "https://registry.example")
    page.wait_for_selector("#side .add:has-text('hostname: https://registry.example')")
    assert "not saved yet" in page.inner_text("#wizard-bar")
    page.click("text=Next: HTTPS")
    page.click("text=Use registry.example")
    page.fill("#id_http_port", "8080")
    page.click("text=Next: HTTPS")

    page.click("text=At a reverse proxy in front of Harbor")
    page.wait_for_selector("text=3 keys do not count with this choice")
    assert page.evaluate("document.activeElement.id") == "choose_tls_proxy"
    page.click("text=Next: Administrator")
    page.click("text=Use https://registry.example")
    page.wait_for_selector("text=changed from empty")
    page.click("text=Next: Administrator")

    page.click("text=Make a long random one")
    page.click(".replace >> nth=0 >> text=Replace")
    page.fill("#id_harbor_admin_password", "Corr3ct-Horse")
    page.wait_for_selector("#side .add:has-text('harbor_admin_password: •••')")
    page.click("text=Next: Storage")
    page.fill("#id_data_volume", "/srv/harbor")
    page.click("text=Review changes")
    page.fill("#id_note", "by clicks")
    page.click("text=Save revision")
    page.wait_for_selector("h1:has-text('Revision 1')")
    assert page.complaints == []

    revision = services.latest_revision()
    assert revision is not None
    saved = Document(revision.text())
    assert (saved.get("hostname"), saved.get("http.port"), saved.has("https")) == ("registry.example", 8080, False)
    assert (saved.get("external_url"), saved.get("data_volume")) == ("https://registry.example", "/srv/harbor")
    assert saved.get("harbor_admin_password") == "Corr3ct-Horse"


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_pages_fit_their_window(page: Watched, live_server: Any, person: Any) -> None:  # noqa: F811
    sign_in(page, live_server, person(Role.OPERATOR))
    for path in ("", "import/"):
        look(page, f"{live_server.url}/configuration/{path}")
    services.start_draft(TEMPLATE, origin="the practice installer")
    sections = (
        "draft/address/",
        "draft/https/",
        "draft/administrator/",
        "draft/storage/",
        "draft/review/",
        "draft/file/",
    )
    for path in ("", *sections):
        look(page, f"{live_server.url}/configuration/{path}")


def look(page: Watched, url: str) -> None:  # noqa: F811
    for size in (WIDE, NARROW):
        page.size(*size)
        page.goto(url)
        page.look_well()
