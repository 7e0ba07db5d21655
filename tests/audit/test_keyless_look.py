"""The page of keyless signatures in a real Chromium: wide and narrow, light and dark."""

from typing import Any

import pytest
from django.urls import reverse

from harborweb.accounts.roles import Role
from tests.audit.test_keyless_pages import root_file
from tests.browser import Watched, chromium, page, sign_in  # noqa: F401 - fixtures
from tests.store.test_connection_look import look
from tests.verification.sigstore_double import ISSUED_BY

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_root_and_an_identity(page: Watched, live_server: Any, person: Any, tmp_path: Any) -> None:  # noqa: F811
    sign_in(page, live_server, person(Role.ADMINISTRATOR))
    page.goto(live_server.url + reverse("audit:keyless"))
    look(page, "keyless-none")
    file = tmp_path / "trusted_root.json"
    file.write_bytes(root_file().read())
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Give a trusted root").click()
    page.get_by_text("nobody’s count yet").wait_for()
    page.get_by_label("Identity", exact=True).fill("https://github.com/acme/app/.github/workflows/*")
    page.get_by_label("Issuer").fill(ISSUED_BY)
    page.get_by_label("Projects that trust it").fill("team edge-*")
    page.get_by_role("button", name="Allow the identity").click()
    page.get_by_text("1 identity counts").wait_for()
    look(page, "keyless")
