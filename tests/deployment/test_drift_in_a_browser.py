"""Drift, comparing and secrets by clicks in a real Chromium, wide and narrow."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from harborweb.accounts.roles import Role
from harborweb.configuration.models import Revision
from tests.browser import NARROW, WIDE, Watched, chromium, page, sign_in  # noqa: F401 - fixtures
from tests.deployment.test_drift import SECRET, TEXT, Folder, revision


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_from_a_changed_file_to_a_revision_and_its_secrets(
    page: Watched,  # noqa: F811
    live_server: Any,
    person: Any,
    tmp_path: Path,
) -> None:
    folder = Folder(tmp_path / "harbor")
    folder.write("harbor.yml", TEXT.replace("registry.example", "other.example"))
    folder.write("common/config/nginx/nginx.conf", "worker_processes auto;\nclient_max_body_size 10g;\n")
    (folder.path / "harbor.yml").chmod(0o644)
    folder.look()
    revision(TEXT + "log:\n  level: info\n")
    sign_in(page, live_server, person(Role.ADMINISTRATOR))
    for size in (NARROW, WIDE):
        page.size(*size)
        for path in ("deployment/drift/", "configuration/compare/?from=1&to=disk", "configuration/revisions/2/", ""):
            page.goto(f"{live_server.url}/{path}")
            page.look_well()
            assert page.barriers() == [], path

    panel = page.get_by_role("region", name="Not as deployed", exact=True)
    panel.get_by_text("What differs in harbor.yml", exact=True).first.click()
    expect(panel.get_by_text("hostname: other.example", exact=True).first).to_be_visible()
    panel.get_by_role("button", name="Save the file on disk as a revision", exact=True).click()
    expect(page.get_by_role("heading", name="Revision 3", exact=True)).to_be_visible()
    assert "other.example" in Revision.objects.get(number=3).text()
    assert SECRET not in page.content()

    page.get_by_text("Secrets…", exact=True).click()
    page.get_by_role("button", name="Show the secrets", exact=True).click()
    expect(page.get_by_role("heading", name="Secrets of revision 3", exact=True)).to_be_visible()
    expect(page.get_by_text(SECRET, exact=True)).to_be_visible()
    page.look_well()
    page.get_by_role("link", name="Done, hide them", exact=True).click()
    expect(page.get_by_role("heading", name="Revision 3", exact=True)).to_be_visible()
    assert SECRET not in page.content()
