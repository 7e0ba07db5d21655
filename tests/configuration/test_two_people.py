"""Two people at one draft: the later one is told what changed, and loses nothing of what was typed."""

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from harborweb.accounts.roles import Role
from harborweb.configuration import services
from harborweb.configuration.models import Draft, DraftVersion, Revision
from harborweb.configuration.text.document import Document
from tests import parts
from tests.configuration.test_revisions import BACKEND, PASSWORD, TEMPLATE, revision, words

pytestmark = pytest.mark.django_db


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
