"""Revisions: compare, restore, reveal, export; and two people at one draft, of whom neither loses anything."""

import html
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from harborweb.accounts.models import Activity
from harborweb.accounts.roles import Role
from harborweb.configuration import services
from harborweb.configuration.diff import Sides, compare
from harborweb.configuration.models import Draft, Revision, fingerprint
from harborweb.configuration.text.document import Document
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
    begun = time.process_time()
    diff = compare(Document(old), Document(new))
    assert diff.added == diff.removed > 0
    assert time.process_time() - begun < 20


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
    begun = time.process_time()
    diff = Sides(texts[0], texts[1], shown[0], shown[1]).diff()
    assert time.process_time() - begun < 20
    assert diff.untouched + diff.added == len(texts[1])
    assert diff.untouched + diff.removed == len(texts[0])
