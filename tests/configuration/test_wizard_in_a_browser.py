"""The wizard by clicks in a real Chromium: the diff follows the typing, and everything fits a phone."""

from typing import Any

import pytest
from playwright.sync_api import expect

from harborweb.accounts.roles import Role
from harborweb.configuration import services
from harborweb.configuration.fields import SECTIONS
from harborweb.configuration.text.document import Document
from tests import parts
from tests.browser import NARROW, WIDE, Watched, chromium, page, sign_in  # noqa: F401 - fixtures

TEMPLATE = (parts.ROOT / "tests" / "practice" / "harbor" / "harbor.yml.tmpl").read_text()


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_from_questions_to_a_revision(page: Watched, live_server: Any, person: Any) -> None:  # noqa: F811
    services.start_draft(TEMPLATE, origin="the practice installer")
    sign_in(page, live_server, person(Role.OPERATOR))
    page.goto(f"{live_server.url}/configuration/draft/address/")
    page.fill("#id_hostname", "https://registry.example")
    page.wait_for_selector("#side .add:has-text('hostname: https://registry.example')")
    assert "not saved yet" in page.inner_text("#wizard-bar")
    page.click("text=Next: HTTPS")
    page.click("text=Use registry.example")
    page.fill("#id_http_port", "8080")
    page.click("text=Next: HTTPS")

    page.get_by_text("At a reverse proxy in front of Harbor", exact=True).click()
    page.wait_for_selector("#choose_tls_state:has-text('changed from In Harbor')")
    assert not page.locator("#id_https_certificate").is_visible()
    assert page.evaluate("document.activeElement.id") == "choose_tls_proxy"
    page.click("text=Next: Administrator")
    page.click("text=Use https://registry.example")
    page.wait_for_selector("text=changed from empty")
    page.click("text=Next: Administrator")

    page.click(".replace >> nth=0 >> text=Replace")
    page.fill("#id_harbor_admin_password", "Corr3ct-Horse")
    page.wait_for_selector("#side .add:has-text('harbor_admin_password: •••')")
    page.click("text=Next: Storage")
    page.fill("#id_data_volume", "/srv/harbor")
    page.click("text=Next: Database")
    page.click("text=Make a long random one")
    page.wait_for_selector("text=set, not shown")
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
def test_choosing_a_driver_shows_its_fields_and_writes_its_block(
    page: Watched,  # noqa: F811
    live_server: Any,
    person: Any,
) -> None:
    template = parts.shared("harbor.yml-2.15.tmpl").read_text()
    services.start_draft(template, origin="Harbor 2.15.2")
    sign_in(page, live_server, person(Role.OPERATOR))
    page.goto(f"{live_server.url}/configuration/draft/storage/")
    bucket, account = (
        page.locator("#id_storage_service_s3_bucket"),
        page.locator("#id_storage_service_azure_accountname"),
    )
    expect(bucket).to_be_hidden()
    page.get_by_text("S3", exact=True).click()
    expect(bucket).to_be_visible()
    expect(account).to_be_hidden()
    bucket.fill("images")
    expect(page.locator("#side .add", has_text="bucket: images")).to_be_visible()
    expect(page.locator("#id_storage_service_s3_bucket_state")).to_contain_text("changed from empty")
    expect(page.locator("#id_storage_service_s3_region_error")).to_contain_text("missing")
    page.get_by_text("Azure Blob Storage", exact=True).click()
    expect(account).to_be_visible()
    expect(page.locator("#side .add", has_text="azure:")).to_be_visible()
    page.get_by_text("S3", exact=True).click()
    expect(bucket).to_have_value("images")  # nothing typed is lost
    page.get_by_label("Region", exact=True).and_(page.locator("#id_storage_service_s3_region")).fill("eu-1")
    expect(page.locator("#side .add", has_text="region: eu-1")).to_be_visible()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("button", name="Undo Where do images lie?")).to_be_visible()
    page.get_by_role("button", name="Undo Where do images lie?").click()
    expect(bucket).to_be_hidden()
    draft = services.current_draft()
    assert draft is not None and draft.text() == template
    page.look_well()


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_a_key_is_found_by_keyboard_alone(page: Watched, live_server: Any, person: Any) -> None:  # noqa: F811
    services.start_draft(parts.shared("harbor.yml-2.15.tmpl").read_text(), origin="Harbor 2.15.2")
    sign_in(page, live_server, person(Role.OPERATOR))
    page.goto(f"{live_server.url}/configuration/draft/address/")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("multipartcopychunksize")
    expect(page.get_by_role("heading", name="1 key found")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name="1 key found")).to_be_hidden()
    page.keyboard.type("multipartcopychunksize")
    link = page.get_by_role("link", name="Size of a copied piece")
    expect(link).to_be_visible()
    link.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Storage", exact=True)).to_be_visible()
    assert page.locator("#id_storage_service_s3_multipartcopychunksize").evaluate("e => !!e.closest('details').open")


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_pages_fit_their_window(page: Watched, live_server: Any, person: Any) -> None:  # noqa: F811
    sign_in(page, live_server, person(Role.OPERATOR))
    for path in ("", "import/"):
        look(page, f"{live_server.url}/configuration/{path}")
    services.start_draft(parts.shared("harbor.yml-2.15.tmpl").read_text(), origin="Harbor 2.15.2", request=None)
    sections = [f"draft/{section.name}/" for section in SECTIONS]
    sections += ["draft/first/", "draft/search/?q=password", "draft/repair/", "draft/review/", "draft/file/"]
    for path in ("", *sections):
        look(page, f"{live_server.url}/configuration/{path}")


def look(page: Watched, url: str) -> None:  # noqa: F811
    page.size(*WIDE)
    page.goto(url)
    page.look_well()
    assert page.barriers() == []
    page.size(*NARROW, scheme="dark")
    page.look_well()
