"""Revisions: compare, restore, reveal, export; and two people at one draft, of whom neither loses anything."""

import html
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from harborweb.accounts.models import Activity
from harborweb.accounts.roles import Role
from harborweb.configuration import services
from harborweb.configuration.diff import Sides, compare
from harborweb.configuration.document import Document
from harborweb.configuration.models import Draft, DraftVersion, Revision, fingerprint
from harborweb.sealing import seal
from tests import parts

pytestmark = pytest.mark.django_db
TEMPLATE = (parts.ROOT / "tests" / "practice" / "harbor" / "harbor.yml.tmpl").read_text()
PASSWORD = "Corr3ct-Horse-Battery"
TEXT = f"# mine\nhostname: registry.example\nhttp:\n  port: 80\nharbor_admin_password: {PASSWORD}\ndata_volume: /data\n"
BACKEND = "django.contrib.auth.backends.ModelBackend"


def words(response: Any) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def revision(text: str, **fields: Any) -> Revision:
    number = Revision.objects.count() + 1
    given = {"who_name": "ada", "origin": "a test", "from_installer": False, **fields}
    return Revision.objects.create(
        number=number, text_sealed=seal(text, "revision"), template_sealed=seal(text, "revision"),
        digest=fingerprint(text), **given,
    )  # fmt: skip


def marked(parts_of_a_line: tuple[tuple[str, bool], ...]) -> list[str]:
    return [text for text, is_marked in parts_of_a_line if is_marked]


# --- comparing


def test_lines_stand_side_by_side_with_their_words_marked() -> None:
    new = (
        TEXT.replace("port: 80", "port: 8080")
        .replace("# mine\n", "")
        .replace("/data\n", "/data\nlog:\n  level: info\n")
    )
    diff = compare(Document(TEXT), Document(new), before=1)
    rows = [row for hunk in diff.hunks for row in hunk.rows if not row.same]
    seen = [(row.old and row.old.text, row.new and row.new.text) for row in rows]
    assert seen == [
        ("# mine", None), ("  port: 80", "  port: 8080"), (None, "log:"), (None, "  level: info"),
    ]  # fmt: skip
    port = rows[1]
    assert port.old and port.new
    assert (port.old.number, port.new.number) == (4, 3)
    assert (marked(port.old.parts), marked(port.new.parts)) == (["80"], ["8080"])
    assert (diff.added, diff.removed) == (3, 2)


def test_a_changed_secret_is_shown_as_changed_without_its_value() -> None:
    diff = compare(Document(TEXT), Document(TEXT.replace(PASSWORD, "An0ther-one")))
    [row] = [row for hunk in diff.hunks for row in hunk.rows if not row.same]
    assert row.old and row.new
    assert row.old.hidden and row.new.hidden
    assert row.old.text == row.new.text == "harbor_admin_password: •••"


def test_the_secret_of_one_text_is_masked_in_the_other() -> None:
    """Somebody notes the old password in a comment."""
    new = TEXT.replace(PASSWORD, "An0ther-one").replace("# mine", f"# it was {PASSWORD}")
    diff = compare(Document(TEXT), Document(new))
    assert PASSWORD not in "".join(line.text for hunk in diff.hunks for line in hunk.lines)


def test_a_block_that_was_commented_out_stands_beside_itself() -> None:
    old = Document("hostname: a\nhttps:\n  port: 443\n  certificate: /c\n")
    rows = [row for hunk in compare(old, old.disable("https")).hunks for row in hunk.rows if not row.same]
    assert [(row.old and row.old.number, row.new and row.new.number) for row in rows] == [(2, 2), (3, 3), (4, 4)]


@pytest.mark.parametrize("lines", [3000])
def test_large_texts_are_compared_in_time(lines: int) -> None:
    old = "".join(f"key{n}: {n % 7}\n\n" for n in range(lines))
    new = "".join(f"key{n}: {n % 5}\n\n" for n in range(lines))
    begun = time.monotonic()
    diff = compare(Document(old), Document(new))
    assert diff.added == diff.removed > 0
    assert time.monotonic() - begun < 20


@pytest.mark.parametrize("view", ["side", "unified"])
def test_any_two_texts_are_compared_on_a_page(as_role: Callable[[int], Client], view: str) -> None:
    revision(TEXT, note="first")
    revision(TEXT.replace("port: 80", "port: 8080"))
    revision(TEXT.replace("registry.example", "third.example").replace(PASSWORD, "An0ther-one"))
    services.start_draft(TEMPLATE, origin="Harbor 2.15.2")
    client = as_role(Role.VIEWER)
    page = client.get(f"/configuration/compare/?from=1&to=3&view={view}")
    assert "From revision 1 to revision 3: 2 lines added, 2 removed." in words(page)
    assert "hostname: third.example" in words(page)
    assert "secret changed" in words(page)
    assert PASSWORD not in page.content.decode() and "An0ther-one" not in page.content.decode()
    assert "max-age=0" in page["Cache-Control"] and "no-store" in page["Cache-Control"]
    assert "From revision 2 to the draft" in words(client.get(f"/configuration/compare/?from=2&to=draft&view={view}"))
    assert "Nothing differs" in words(client.get(f"/configuration/compare/?from=2&to=2&view={view}"))
    whole = client.get(f"/configuration/compare/?from=1&to=3&view={view}&whole=1")
    assert "data_volume: /data" in words(whole)
    for odd in ("", "?from=99&to=1", "?from=disk&to=1", "?from=-1&to=x", "?from=1&to=1" + "0" * 400, "?from=²&to=1"):
        assert client.get(f"/configuration/compare/{odd}").status_code == 200, odd


# --- restoring


def test_an_old_revision_becomes_the_newest_byte_for_byte(as_role: Callable[[int], Client]) -> None:
    odd = TEXT.replace("\n", "\r\n")
    revision(odd)
    revision(TEXT)
    client = as_role(Role.OPERATOR)
    done = client.post("/configuration/revisions/1/restore/", follow=True)
    assert "Revision 3" in words(done)
    newest = Revision.objects.get(number=3)
    assert newest.text() == odd
    assert (newest.origin, newest.note) == ("revision 1", "Restored revision 1")
    assert (newest.who_name, newest.source) == ("person-3", "127.0.0.1")
    assert Activity.objects.filter(action="restore revision", subject="revision 1", detail="revision 3").exists()
    again = client.post("/configuration/revisions/1/restore/")
    assert again.status_code == 409
    assert "Nothing differs from revision 3." in words(again)


def test_restoring_does_not_undo_what_somebody_edits(as_role: Callable[[int], Client]) -> None:
    revision(TEXT)
    revision(TEXT + "log:\n  level: info\n")
    services.start_draft(TEMPLATE, origin="Harbor 2.15.2")
    client = as_role(Role.OPERATOR)
    for way in ("restore", "edit"):
        refused = client.post(f"/configuration/revisions/1/{way}/")
        assert refused.status_code == 409
        assert "There is a draft with unsaved changes." in words(refused)
    assert Revision.objects.count() == 2


def test_an_old_revision_becomes_a_draft(as_role: Callable[[int], Client]) -> None:
    revision(TEXT)
    revision(TEXT + "log:\n  level: info\n")
    as_role(Role.OPERATOR).post("/configuration/revisions/1/edit/")
    assert Draft.objects.get().text() == TEXT


# --- secrets


def test_an_administrator_sees_the_secrets_once_and_that_is_recorded(as_role: Callable[[int], Client]) -> None:
    revision(
        TEXT + "database:\n  password: 'db: pass'\nproxy:\n  http_proxy: http://me:pr0xy-pass@proxy.example:3128\n"
    )
    client = as_role(Role.ADMINISTRATOR)
    assert client.get("/configuration/revisions/1/reveal/").status_code == 405
    assert PASSWORD not in client.get("/configuration/revisions/1/").content.decode()
    shown = client.post("/configuration/revisions/1/reveal/")
    for secret in (PASSWORD, "db: pass", "pr0xy-pass"):
        assert secret in html.unescape(shown.content.decode())
    assert "no-store" in shown["Cache-Control"] and "private" in shown["Cache-Control"]
    [trail] = Activity.objects.filter(action="reveal secrets")
    assert (trail.who, trail.subject) == ("person-4", "revision 1")
    assert "harbor_admin_password" in trail.detail and PASSWORD not in trail.detail
    client.post("/configuration/revisions/1/reveal/")
    assert Activity.objects.filter(action="reveal secrets").count() == 2


@pytest.mark.parametrize("role", [Role.VIEWER, Role.SIGNER, Role.OPERATOR])
def test_others_see_no_secret(as_role: Callable[[int], Client], role: Role) -> None:
    revision(TEXT)
    client = as_role(role)
    for way in ("reveal", "export"):
        refused = client.post(f"/configuration/revisions/1/{way}/")
        assert refused.status_code == 403
    shown = client.get("/configuration/revisions/1/")
    assert "Show the secrets" not in words(shown) and "with its secrets" not in words(shown)
    masked = client.get("/configuration/revisions/1/file/")
    assert masked["Content-Disposition"].startswith("attachment")
    assert PASSWORD not in masked.content.decode()
    assert "harbor_admin_password: •••" in masked.content.decode()
    assert not Activity.objects.filter(action__in=("reveal secrets", "export harbor.yml")).exists()


def test_the_export_is_the_file_byte_for_byte_and_recorded(as_role: Callable[[int], Client]) -> None:
    odd = "\ufeff" + TEXT.replace("\n", "\r\n") + "# ö"
    Revision.objects.filter(pk=revision(TEXT).pk).update(text_sealed=seal(odd, "revision"))
    client = as_role(Role.ADMINISTRATOR)
    got = client.post("/configuration/revisions/1/export/")
    assert got.content == odd.encode()
    assert 'filename="harbor-revision-1.yml"' in got["Content-Disposition"]
    assert "no-store" in got["Cache-Control"]
    assert Activity.objects.get(action="export harbor.yml").who == "person-4"


# --- two people


@pytest.fixture
def two(person: Callable[..., Any]) -> tuple[Client, Client]:
    """Two operators, each in a browser of their own, and a draft."""
    services.start_draft(TEMPLATE, origin="Harbor 2.15.2")
    clients = Client(), Client()
    for client, name in zip(clients, ("ada", "grace"), strict=True):
        client.force_login(person(Role.OPERATOR, name), backend=BACKEND)
    return clients


def draft_text() -> Document:
    draft = services.current_draft()
    assert draft is not None
    return Document(draft.text())


def version() -> str:
    draft = services.current_draft()
    assert draft is not None
    return str(draft.version)


def answer(client: Client, section: str, at: str, **answers: str) -> Any:
    typed = {key.replace("__", "."): value for key, value in answers.items()}
    return client.post(f"/configuration/draft/{section}/answer/", {"version": at, **typed})


def hidden(page: Any, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page.content.decode())
    assert found, name
    return html.unescape(found[1])


def test_different_fields_of_one_page_are_both_kept(two: tuple[Client, Client]) -> None:
    """The page of the later one still shows the old host name, which is not what she typed."""
    ada, grace = two
    seen = version()
    assert answer(ada, "address", seen, hostname="ada.example", http__port="80").status_code == 302
    late = answer(grace, "address", seen, hostname="reg.mydomain.com", http__port="8080")
    assert late.status_code == 409
    assert "ada saved this draft after this page was drawn." in words(late)
    assert "ada changed hostname" in words(late)
    body = late.content.decode()
    assert 'value="ada.example"' in body and 'value="8080"' in body  # theirs, and what she typed on top
    assert "Both of you changed" not in words(late)
    assert draft_text().get("hostname") == "ada.example"
    again = answer(grace, "address", hidden(late, "version"), hostname="ada.example", http__port="8080")
    assert again.status_code == 302
    assert (draft_text().get("hostname"), draft_text().get("http.port")) == ("ada.example", 8080)


def test_the_same_field_is_named_with_both_answers(two: tuple[Client, Client]) -> None:
    ada, grace = two
    seen = version()
    answer(ada, "address", seen, hostname="ada.example", http__port="80")
    late = answer(grace, "address", seen, hostname="grace.example", http__port="80")
    assert "Both of you changed hostname." in words(late)
    assert "Theirs: “ada.example”. Yours, which saving this page takes: “grace.example”." in words(late)
    assert 'value="grace.example"' in late.content.decode()


def test_a_typed_password_survives_a_conflict_without_being_shown(two: tuple[Client, Client]) -> None:
    ada, grace = two
    seen = version()
    answer(ada, "address", seen, hostname="ada.example", http__port="80")
    late = answer(grace, "administrator", seen, harbor_admin_password=PASSWORD)
    assert late.status_code == 409
    assert PASSWORD not in late.content.decode()
    assert "A password you typed is kept" in words(late)
    kept, now = hidden(late, "kept"), hidden(late, "version")
    stolen = ada.post(
        "/configuration/draft/administrator/answer/", {"version": now, "harbor_admin_password": "", "kept": kept}
    )
    assert stolen.status_code == 302  # it is sealed for grace: nobody else can use it
    assert draft_text().get("harbor_admin_password") != PASSWORD
    answers = {"version": now, "harbor_admin_password": "", "kept": kept}
    assert grace.post("/configuration/draft/administrator/answer/", answers).status_code == 302
    assert draft_text().get("harbor_admin_password") == PASSWORD


def complete(client: Client) -> None:
    """Answer what the practice template leaves open."""
    answer(client, "address", version(), hostname="registry.example", http__port="8080")
    draft = Draft.objects.get()
    document = Document(draft.text()).disable("https").set("harbor_admin_password", PASSWORD)
    draft.put(text=document.set("database.password", "db-" + PASSWORD).set("data_volume", "/srv/harbor").text)
    draft.save()


def test_what_is_typed_while_somebody_saves_the_draft_comes_into_the_next(two: tuple[Client, Client]) -> None:
    ada, grace = two
    complete(ada)
    seen = version()
    saved = ada.post("/configuration/draft/review/save/", {"version": seen, "latest": "0", "note": "x"})
    assert saved.status_code == 302 and Revision.objects.count() == 1
    late = answer(grace, "address", seen, hostname="registry.example", http__port="9090")
    assert late.status_code == 409
    assert "ada saved this draft as revision 1 after this page was drawn." in words(late)
    assert "http.port" in words(late) and "9090" in words(late)
    password = answer(grace, "administrator", seen, harbor_admin_password="Gr4ce-own-Password")
    assert "Gr4ce-own" not in password.content.decode()
    taken = grace.post("/configuration/take-up/", {"kept": hidden(late, "kept")})
    assert taken.status_code == 302
    assert (draft_text().get("http.port"), draft_text().get("hostname")) == (9090, "registry.example")
    grace.post("/configuration/take-up/", {"kept": hidden(password, "kept")})
    assert draft_text().get("harbor_admin_password") == "Gr4ce-own-Password"
    assert draft_text().get("http.port") == 9090


def test_what_is_typed_while_somebody_discards_the_draft_brings_it_back(two: tuple[Client, Client]) -> None:
    ada, grace = two
    answer(ada, "address", version(), hostname="ada.example", http__port="80")
    seen = version()
    ada.post("/configuration/draft/discard/", {"version": seen})
    late = answer(grace, "address", seen, hostname="ada.example", http__port="9090")
    assert "ada discarded this draft" in words(late)
    grace.post("/configuration/take-up/", {"kept": hidden(late, "kept")})
    assert (draft_text().get("hostname"), draft_text().get("http.port")) == ("ada.example", 9090)


def test_a_page_of_an_old_draft_never_fits_a_new_one(two: tuple[Client, Client]) -> None:
    """Versions go on over drafts: an old page cannot overwrite a new draft by chance."""
    ada, grace = two
    seen = version()
    ada.post("/configuration/draft/discard/", {"version": seen})
    services.start_draft(TEMPLATE, origin="Harbor 2.15.2")
    assert version() != seen
    assert answer(grace, "address", seen, hostname="grace.example", http__port="80").status_code == 409
    assert draft_text().get("hostname") == "reg.mydomain.com"


def test_a_revision_saved_meanwhile_is_told_before_another_takes_its_place(two: tuple[Client, Client]) -> None:
    ada, grace = two
    complete(ada)
    text = Draft.objects.get().text()
    revision(text.replace("8080", "7070"), who_name="ada")  # restored, imported, or saved from disk
    late = grace.post("/configuration/draft/review/save/", {"version": version(), "latest": "0", "note": "my note"})
    assert late.status_code == 422
    assert "ada saved revision 1 after this page was drawn." in words(late)
    assert "my note" in late.content.decode()
    assert hidden(late, "latest") == "1"
    now = grace.post("/configuration/draft/review/save/", {"version": version(), "latest": "1", "note": "my note"})
    assert now.status_code == 302
    assert Revision.objects.get(number=2).note == "my note"


@pytest.mark.parametrize("kept", ["", "x", "gAAAAAB", "\ud800", "é"])
def test_nonsense_is_no_way_in(two: tuple[Client, Client], kept: str) -> None:
    ada, _grace = two
    sent = kept.encode("utf-8", "replace").decode()
    assert ada.post("/configuration/take-up/", {"kept": sent}).status_code == 409
    answers = {"version": version(), "hostname": "a.example", "kept": sent}
    assert ada.post("/configuration/draft/address/answer/", answers).status_code == 302


def test_drafts_of_before_are_sealed_and_not_kept_for_ever(two: tuple[Client, Client], monkeypatch: Any) -> None:
    ada, _grace = two
    monkeypatch.setattr(services, "KEPT_VERSIONS", 3)
    for port in range(8000, 8006):
        answer(ada, "address", version(), hostname="ada.example", http__port=str(port))
    answer(ada, "administrator", version(), harbor_admin_password=PASSWORD)
    assert DraftVersion.objects.count() == 3
    dump = "\n".join(connection.connection.iterdump())
    assert PASSWORD not in dump


def test_two_who_save_the_same_review_lose_no_word(two: tuple[Client, Client]) -> None:
    ada, grace = two
    complete(ada)
    seen = {"version": version(), "latest": "0"}
    assert ada.post("/configuration/draft/review/save/", {**seen, "note": "by ada"}).status_code == 302
    late = grace.post("/configuration/draft/review/save/", {**seen, "note": "my own reason"})
    assert late.status_code == 409
    assert "ada saved this draft as revision 1 after this page was drawn." in words(late)
    assert "my own reason" in words(late)
    assert Revision.objects.count() == 1


def test_what_does_not_show_is_said_of_a_line() -> None:
    """A secret beside something else that changed, and a line end."""
    old = Document("password: one # a\nhostname: a\n")
    rows = [row for hunk in compare(old, Document("password: two # b\nhostname: a\r\n")).hunks for row in hunk.rows]
    assert rows[0].new and rows[1].new
    assert (rows[0].new.hidden, marked(rows[0].new.parts)) == (True, ["b"])
    assert (rows[1].new.hidden, rows[1].new.ending) == (False, True)
    same = [row for hunk in compare(old, Document("password: one # b\nhostname: a\n")).hunks for row in hunk.rows]
    assert same[0].new and not same[0].new.hidden


@pytest.mark.parametrize("old", ["a{0}: 1\n\n", "x: {1}\n", "# {1}\n\n# {0}\n"])
@pytest.mark.parametrize("new", ["b{0}: 1\n\n", "y: {1}\n", "a{0}: 2\n"])
def test_texts_made_to_be_slow_are_compared_in_time(old: str, new: str) -> None:
    texts = ["".join(one.format(n, n % 3) for n in range(3000)).splitlines(keepends=True) for one in (old, new)]
    shown = [[line.rstrip() for line in text] for text in texts]
    begun = time.monotonic()
    diff = Sides(texts[0], texts[1], shown[0], shown[1]).diff()
    assert time.monotonic() - begun < 20
    assert diff.untouched + diff.added == len(texts[1])
    assert diff.untouched + diff.removed == len(texts[0])


def test_a_password_in_a_typed_address_is_not_shown_either(two: tuple[Client, Client]) -> None:
    ada, grace = two
    services.start_draft(parts.shared("harbor.yml-2.15.tmpl").read_text(), origin="Harbor 2.15.2")
    seen = version()
    answer(ada, "proxy", seen, proxy__http_proxy="http://ada:Ada-pr0xy@proxy.example:3128")
    late = answer(grace, "proxy", seen, proxy__http_proxy="http://grace:Gr4ce-pr0xy@proxy.example:3128")
    assert late.status_code == 409
    assert "Both of you changed proxy.http_proxy." in words(late)
    shown = re.search(r'name="proxy.http_proxy"[^>]* value="([^"]*)"', late.content.decode())
    assert shown and "grace" in shown[1]
    again = {
        "version": hidden(late, "version"),
        "proxy.http_proxy": html.unescape(shown[1]),
        "kept": hidden(late, "kept"),
    }
    assert grace.post("/configuration/draft/proxy/answer/", again).status_code in (302, 422)
    assert draft_text().get("proxy.http_proxy") == "http://grace:Gr4ce-pr0xy@proxy.example:3128"
    answer(ada, "proxy", version(), proxy__http_proxy="http://ada:Ada-pr0xy@proxy.example:3128")
    ada.post("/configuration/draft/discard/", {"version": version()})
    gone = answer(grace, "proxy", seen, proxy__http_proxy="http://grace:Gr4ce-pr0xy@proxy.example:3128")
    for page in (late, gone):
        assert "pr0xy" not in page.content.decode()
    grace.post("/configuration/take-up/", {"kept": hidden(gone, "kept")})
    assert draft_text().get("proxy.http_proxy") == "http://grace:Gr4ce-pr0xy@proxy.example:3128"
