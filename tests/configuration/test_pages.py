"""The wizard as a browser sees it: nothing typed is lost, no secret shown, nobody overwrites anybody."""

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client

from harborweb.accounts.models import Activity
from harborweb.accounts.roles import Role
from harborweb.configuration import services
from harborweb.configuration.fields import SECTIONS
from harborweb.configuration.models import Draft, Revision
from harborweb.configuration.text.document import Document
from harborweb.errors import Problem
from tests import parts

pytestmark = pytest.mark.django_db
TEMPLATE = (parts.ROOT / "tests" / "practice" / "harbor" / "harbor.yml.tmpl").read_text()
PASSWORD = "Corr3ct-Horse-Battery"
HTTPS = {
    "choose:tls": "harbor",
    "https.port": "8443",
    "https.certificate": "/c/a.crt",
    "https.private_key": "/c/a.key",
    "external_url": "",
}


@pytest.fixture
def operator(as_role: Callable[[int], Client]) -> Client:
    return as_role(Role.OPERATOR)


@pytest.fixture
def draft(db: None) -> Draft:
    return services.start_draft(TEMPLATE, origin="Harbor 2.15.2")


def post(client: Client, section: str, answers: dict[str, str], **more: str) -> Any:
    """Send a section as its page would."""
    draft = services.current_draft()
    data = {"version": str(draft.version if draft else 0), **answers, **more}
    return client.post(f"/configuration/draft/{section}/answer/", data)


def text() -> str:
    draft = services.current_draft()
    assert draft is not None
    return draft.text()


def words(response: Any) -> str:
    """What the page says, without tags."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def answer_all(client: Client) -> None:
    assert post(client, "address", {"hostname": "registry.example", "http.port": "8080"}).status_code == 302
    assert post(client, "https", {"choose:tls": "nowhere", "external_url": ""}).status_code == 302
    assert post(client, "administrator", {"harbor_admin_password": PASSWORD}).status_code == 302
    assert post(client, "database", {"database.password": "db-" + PASSWORD}).status_code == 302
    assert post(client, "storage", {"data_volume": "/srv/harbor"}).status_code == 302


def test_without_a_draft_the_page_says_how_to_begin(operator: Client) -> None:
    page = operator.get("/configuration/")
    assert "Nothing is configured yet" in words(page)
    assert 'href="/deployment/installer/"' in page.content.decode()
    assert 'href="/configuration/import/"' in page.content.decode()
    assert operator.get("/configuration/draft/").status_code == 302
    assert operator.get("/configuration/draft/review/").status_code == 302


def test_from_the_template_to_a_revision(operator: Client, draft: Draft) -> None:
    first = operator.get("/configuration/draft/address/")
    assert "still the template’s example" in words(first)
    answer_all(operator)
    after = Document(text())
    assert (after.get("hostname"), after.get("http.port"), after.has("https")) == ("registry.example", 8080, False)
    assert after.get("harbor_admin_password") == PASSWORD

    review = operator.get("/configuration/draft/review/")
    assert "+ hostname: registry.example" in words(review)
    assert "− hostname: reg.mydomain.com" in words(review)
    assert "Nothing to object to." in words(review)
    current = services.current_draft()
    assert current is not None
    saved = operator.post(
        "/configuration/draft/review/save/", {"version": current.version, "note": "first"}, follow=True
    )
    assert "Revision 1" in words(saved)
    revision = Revision.objects.get()
    assert revision.text() == after.text
    assert (revision.number, revision.note, revision.who_name, revision.source) == (1, "first", "person-3", "127.0.0.1")
    assert not Draft.objects.exists()
    latest = services.latest_revision()
    assert latest == revision
    actions = list(Activity.objects.order_by("pk").values_list("action", flat=True))
    assert "begin draft" in actions
    assert actions[-1] == "save revision"
    assert 'href="/deployment/deploy/?revision=1"' in saved.content.decode()


def test_no_password_reaches_a_page_or_the_database_in_the_clear(operator: Client, draft: Draft) -> None:
    bodies = []
    post(operator, "administrator", {"harbor_admin_password": PASSWORD})
    post(operator, "database", {"database.password": PASSWORD + "-db"})
    post(operator, "address", {"hostname": "registry.example", "http.port": "x"})
    for page in (
        "",
        "draft/address/",
        "draft/https/",
        "draft/first/",
        *(f"draft/{section.name}/" for section in SECTIONS),
        "draft/search/?q=password",
        "draft/repair/",
        "draft/review/",
        "draft/file/",
    ):
        bodies.append(operator.get(f"/configuration/{page}"))
    bodies.append(post(operator, "administrator", {"harbor_admin_password": PASSWORD + "\nx"}))
    assert bodies[-1].status_code == 422
    post(operator, "administrator", {"harbor_admin_password": PASSWORD})
    version = str(draft.version)
    typed = {"version": version, "harbor_admin_password": PASSWORD}
    stale = operator.post("/configuration/draft/administrator/answer/", typed)
    assert stale.status_code == 409
    bodies += [stale, operator.post("/configuration/draft/administrator/preview/", typed)]
    answer_all(operator)
    current = services.current_draft()
    assert current is not None
    operator.post("/configuration/draft/review/save/", {"version": current.version})
    bodies += [operator.get("/configuration/revisions/1/"), operator.get("/configuration/revisions/1/file/")]
    operator.post("/configuration/revisions/1/edit/")
    bodies += [operator.get("/configuration/draft/administrator/"), operator.get("/activity/", follow=True)]
    for body in bodies:
        assert body.status_code in (200, 409, 422)
        assert PASSWORD not in body.content.decode()
    with connection.cursor() as cursor:
        dump = "\n".join(connection.connection.iterdump())
        assert cursor is not None
    assert "harbor.yml" in dump
    assert PASSWORD not in dump
    assert PASSWORD.encode().hex() not in dump.lower()
    assert settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")


@pytest.mark.parametrize(
    ("section", "answers", "says", "typed"),
    [
        (
            "address",
            {"hostname": "https://registry.example", "http.port": "8080"},
            "starts with https://",
            "https://registry.example",
        ),
        ("address", {"hostname": "registry.example", "http.port": "eighty"}, "A port is a number", "eighty"),
        ("address", {"hostname": "registry.example", "http.port": "70000"}, "70000 is no port", "70000"),
        ("address", {"hostname": "registry.example", "http.port": ""}, "The port is empty", ""),
        ("https", {**HTTPS, "https.certificate": ""}, "certificate file is not named", ""),
        (
            "https",
            {"choose:tls": "proxy", "external_url": "http://r.example"},
            "TLS ends at your proxy",
            "http://r.example",
        ),
        ("storage", {"data_volume": "/srv/my data"}, "holds a space", "/srv/my data"),
        ("storage", {"data_volume": "data"}, "not a path of its own", "data"),
    ],
)
def test_a_wrong_answer_is_named_and_still_there(
    operator: Client, draft: Draft, section: str, answers: dict[str, str], says: str, typed: str
) -> None:
    page = post(operator, section, answers)
    assert page.status_code == 422
    for shown in (page, operator.get(f"/configuration/draft/{section}/")):  # nothing typed is lost by going away
        assert says in words(shown)
        assert f'value="{typed}"' in shown.content.decode()
        assert 'aria-invalid="true"' in shown.content.decode()


def test_a_button_fills_in_the_one_value_that_is_surely_right(operator: Client, draft: Draft) -> None:
    page = post(operator, "address", {"hostname": "https://registry.example/x", "http.port": "80"})
    assert 'name="use:hostname" value="registry.example"' in page.content.decode()
    used = post(
        operator,
        "address",
        {"hostname": "https://registry.example/x", "http.port": "80", "use:hostname": "registry.example"},
    )
    assert used.status_code == 302
    assert "\nhostname: registry.example\n" in text()


def test_undo_gives_the_first_bytes(operator: Client, draft: Draft) -> None:
    answers = {"hostname": "registry.example", "http.port": "8080"}
    post(operator, "address", answers)
    page = operator.get("/configuration/draft/address/")
    assert "changed from reg.mydomain.com" in words(page)
    post(operator, "address", answers, undo="hostname")
    assert "\nhostname: reg.mydomain.com\n" in text()
    post(operator, "address", {"hostname": "reg.mydomain.com", "http.port": "8080"}, undo="http.port")
    post(operator, "https", {"choose:tls": "nowhere", "external_url": "http://r.example"})
    assert "# https:\n" in text()
    post(operator, "https", {"choose:tls": "nowhere", "external_url": "http://r.example"}, undo="external_url")
    post(operator, "https", {"choose:tls": "nowhere", "external_url": ""}, undo="tls")
    assert text() == TEMPLATE


def test_saving_without_a_change_changes_no_byte_and_no_version(operator: Client, draft: Draft) -> None:
    post(operator, "address", {"hostname": "reg.mydomain.com", "http.port": "80"})
    post(operator, "administrator", {"harbor_admin_password": "", "database.password": ""})
    post(operator, "storage", {"data_volume": "/data"})
    assert text() == TEMPLATE
    current = services.current_draft()
    assert current is not None
    assert current.version == draft.version


def test_the_second_of_two_people_is_told_what_changed_and_loses_nothing(
    operator: Client, draft: Draft, person: Callable[..., Any]
) -> None:
    other = Client()
    other.force_login(person(Role.OPERATOR, "bob"), backend="django.contrib.auth.backends.ModelBackend")
    mine = {"version": str(draft.version), "hostname": "mine.example", "http.port": "80"}
    assert post(other, "address", {"hostname": "bobs.example", "http.port": "8080"}).status_code == 302
    page = operator.post("/configuration/draft/address/answer/", mine)
    assert page.status_code == 409
    assert "bob changed hostname, http.port" in words(page)
    assert 'value="mine.example"' in page.content.decode()
    assert "\nhostname: bobs.example\n" in text()
    again = re.search(r'name="version" value="(\d+)"', page.content.decode())
    assert again is not None
    assert operator.post("/configuration/draft/address/answer/", {**mine, "version": again[1]}).status_code == 302
    assert "\nhostname: mine.example\n" in text()
    stale = operator.post("/configuration/draft/review/save/", {"version": str(draft.version), "note": "my note"})
    assert stale.status_code == 409
    assert "my note" in stale.content.decode()
    operator.post("/configuration/draft/discard/", {"version": str(draft.version)})
    assert Draft.objects.exists()


def test_a_draft_with_problems_is_not_saved(operator: Client, draft: Draft) -> None:
    refused = operator.post("/configuration/draft/review/save/", {"version": draft.version, "note": "too early"})
    assert refused.status_code == 422
    assert "problems that have to be solved" in words(refused)
    assert "too early" in refused.content.decode()
    assert not Revision.objects.exists()


def test_the_same_text_is_not_saved_twice(operator: Client, draft: Draft) -> None:
    answer_all(operator)
    current = services.current_draft()
    assert current is not None
    operator.post("/configuration/draft/review/save/", {"version": current.version})
    operator.post("/configuration/revisions/1/edit/")
    again = services.current_draft()
    assert again is not None
    refused = operator.post("/configuration/draft/review/save/", {"version": again.version})
    assert refused.status_code == 422
    assert "Nothing differs from revision 1" in words(refused)


def test_a_template_without_a_key_does_not_ask_for_it(operator: Client) -> None:
    template = TEMPLATE.replace("# external_url: https://reg.mydomain.com:8433\n", "").replace(
        "  port: 80\n", "  other: 80\n"
    )
    services.start_draft(template, origin="a small installer")
    page = operator.get("/configuration/draft/https/")
    assert "2 keys are not in this installer’s template" in words(page)
    assert 'name="external_url"' not in page.content.decode()
    post(operator, "https", {"choose:tls": "nowhere", "external_url": "http://r.example"})
    assert "r.example" not in text()
    address = operator.get("/configuration/draft/address/")
    assert 'name="http.port"' not in address.content.decode() and "http.port" in words(address)
    scanner = operator.get("/configuration/draft/scanner/")
    assert "has none of the keys of this section" in words(scanner) and "trivy.timeout" in words(scanner)


def test_a_template_without_https_cannot_hold_a_certificate(operator: Client) -> None:
    before, rest = TEMPLATE.split("https:\n", 1)
    services.start_draft(before + rest.split("\n\n", 1)[1], origin="a small installer")
    page = operator.get("/configuration/draft/https/")
    assert 'name="choose:tls"' not in page.content.decode() and "https.certificate" in words(page)
    answers = {"choose:tls": "harbor", "https.certificate": "/c/a.crt"}
    post(operator, "https", answers)
    assert "/c/a.crt" not in text()


def test_a_template_without_a_host_name_says_so(operator: Client) -> None:
    services.start_draft(TEMPLATE.replace("hostname: reg.mydomain.com\n", ""), origin="a small installer")
    page = operator.get("/configuration/draft/address/")
    assert "1 key is not in this installer’s template" in words(page) and 'name="hostname"' not in page.content.decode()


def test_https_off_and_on_again_is_the_same_block(operator: Client, draft: Draft) -> None:
    post(operator, "https", HTTPS)
    on = text()
    assert "  port: 8443\n" in on
    post(operator, "https", {"choose:tls": "nowhere", "external_url": ""})
    assert "#   port: 8443\n" in text()
    assert 'value="8443"' in operator.get("/configuration/draft/https/").content.decode()  # for when it is chosen again
    post(operator, "https", {"choose:tls": "harbor", "external_url": ""})
    assert text() == on


def test_the_random_database_password_is_made_here_and_not_shown(operator: Client, draft: Draft) -> None:
    assert post(operator, "database", {"database.password": ""}, make="database.password").status_code == 302
    made = Document(text()).get("database.password")
    assert isinstance(made, str)
    assert len(made) >= 32
    assert made not in operator.get("/configuration/draft/database/").content.decode()
    post(operator, "administrator", {}, make="harbor_admin_password")
    assert Document(text()).get("harbor_admin_password") == "Harbor12345"


def test_the_preview_shows_and_saves_nothing(operator: Client, draft: Draft) -> None:
    typed = {"version": str(draft.version), "hostname": "typed.example", "http.port": "80"}
    side = operator.post(
        "/configuration/draft/address/preview/", typed, headers={"HX-Request": "true", "HX-Target": "side"}
    )
    assert "+ hostname: typed.example" in words(side)
    assert 'id="wizard-bar" hx-swap-oob' in side.content.decode()
    assert "typed.example" not in text()
    radios = {"version": str(draft.version), "choose:tls": "proxy", "external_url": ""}
    form = operator.post(
        "/configuration/draft/https/preview/", radios, headers={"HX-Request": "true", "HX-Target": "questions"}
    )
    assert "changed from In Harbor" in words(form)
    assert re.search(r'id="choose_tls_state" hx-swap-oob', form.content.decode())
    assert "https:" in text()


def test_importing_a_file_keeps_every_byte(operator: Client) -> None:
    content = TEMPLATE.replace("\n", "\r\n").replace("reg.mydomain.com\r", "r.example   # mine\r")
    upload = SimpleUploadedFile("harbor.yml", content.encode())
    response = operator.post("/configuration/import/read/", {"file": upload})
    assert response.status_code == 302
    assert text() == content
    assert "CRLF" in words(operator.get("/configuration/draft/storage/"))


def test_pasted_text_loses_the_browsers_line_ends(operator: Client) -> None:
    operator.post("/configuration/import/read/", {"text": TEMPLATE.replace("\n", "\r\n")})
    assert text() == TEMPLATE


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"a: b: c\n", "Line 1: YAML cannot read this line"),
        (b"", "This harbor.yml is empty"),
        (b"\xff\xfe\x00", "no text in UTF-8"),
        (b"x: " + b"y" * 1_100_000, "larger than 1 MB"),
    ],
)
def test_a_file_that_is_none_is_refused_with_its_line(operator: Client, content: bytes, says: str) -> None:
    page = operator.post("/configuration/import/read/", {"file": SimpleUploadedFile("harbor.yml", content)})
    assert page.status_code == 422
    assert says in words(page)
    assert not Draft.objects.exists()


def test_pasted_text_that_is_refused_comes_back_without_its_passwords(operator: Client, draft: Draft) -> None:
    post(operator, "address", {"hostname": "kept.example", "http.port": "80"})
    pasted = TEMPLATE.replace("Harbor12345", PASSWORD)
    page = operator.post("/configuration/import/read/", {"text": pasted})
    assert page.status_code == 422
    assert "draft with unsaved changes" in words(page)
    assert PASSWORD not in page.content.decode()
    assert "hostname: reg.mydomain.com" in page.content.decode()
    assert "kept.example" in text()
    by_htmx = operator.post("/configuration/import/read/", {"text": pasted}, headers={"HX-Request": "true"})
    assert by_htmx.content.decode().startswith('<div id="import-faults"')
    assert operator.post("/configuration/import/read/", {"text": pasted, "replace": "on"}).status_code == 302
    assert PASSWORD in text()


def test_another_installer_takes_the_answers_over(operator: Client, draft: Draft) -> None:
    answer_all(operator)
    newer = TEMPLATE.replace("2.15.0", "2.16.0").replace("# Plain http\n", "# Plain http, and a new comment\n")
    services.start_draft(newer, origin="Harbor 2.16.0")
    after = Document(text())
    assert (after.get("hostname"), after.get("http.port"), after.has("https")) == ("registry.example", 8080, False)
    assert (after.get("harbor_admin_password"), after.get("_version")) == (PASSWORD, "2.16.0")
    assert "and a new comment" in text()


def test_the_same_installer_again_keeps_the_draft(operator: Client, draft: Draft) -> None:
    answer_all(operator)
    before = text()
    services.start_draft(TEMPLATE, origin="Harbor 2.15.2")
    assert text() == before


def test_an_installer_after_a_revision_begins_from_the_revision(operator: Client, draft: Draft) -> None:
    answer_all(operator)
    current = services.current_draft()
    assert current is not None
    saved = text()
    operator.post("/configuration/draft/review/save/", {"version": current.version})
    services.start_draft(TEMPLATE, origin="Harbor 2.15.2")
    assert text() == saved
    begun = services.current_draft()
    assert begun is not None
    assert begun.based_on == Revision.objects.get()


def test_editing_a_revision_does_not_throw_a_draft_away(operator: Client, draft: Draft) -> None:
    answer_all(operator)
    current = services.current_draft()
    assert current is not None
    operator.post("/configuration/draft/review/save/", {"version": current.version})
    operator.post("/configuration/revisions/1/edit/")
    post(operator, "address", {"hostname": "second.example", "http.port": "8080"})
    page = operator.post("/configuration/revisions/1/edit/", follow=True)
    assert "draft with unsaved changes" in words(page)
    assert "second.example" in text()


def test_viewers_look_and_do_not_touch(as_role: Callable[[int], Client], draft: Draft) -> None:
    viewer = as_role(Role.VIEWER)
    for page in ("", "draft/address/", "draft/https/", "draft/review/", "draft/file/"):
        shown = viewer.get(f"/configuration/{page}")
        assert shown.status_code == 200
        assert 'form="answers"' not in shown.content.decode()
    address = viewer.get("/configuration/draft/address/").content.decode()
    assert re.search(r'name="hostname"[^>]*disabled', address) and "/configuration/import/" not in address
    assert post(viewer, "address", {"hostname": "x.example"}).status_code == 403
    assert viewer.post("/configuration/draft/discard/", {"version": draft.version}).status_code == 403


def test_an_unreadable_template_starts_no_draft(draft: Draft) -> None:
    with pytest.raises(Problem):
        services.start_draft("a: b: c\n", origin="broken")
    assert text() == TEMPLATE


def test_a_draft_sealed_with_another_secret_is_named_and_can_be_discarded(operator: Client, draft: Draft) -> None:
    Draft.objects.update(text_sealed=b"sealed elsewhere")
    for path in ("", "draft/address/", "draft/review/", "draft/file/"):
        page = operator.get(f"/configuration/{path}")
        assert page.status_code == 409
        assert "sealed with another app secret" in words(page)
    operator.post("/configuration/draft/discard/", {"version": draft.version})
    assert operator.get("/configuration/").status_code == 200
