"""Signing in, one-time links, passwords, signing out."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from harborweb.accounts import services
from harborweb.accounts.models import Activity, OneTimeLink, User
from harborweb.accounts.roles import Role

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


def trail() -> list[str]:
    return [f"{row.action} {row.subject}" for row in Activity.objects.order_by("pk")]


def sign_in(client: Any, name: str, password: str, **more: str) -> Any:
    return client.post("/sign-in/", {"username": name, "password": password, **more})


def test_name_and_password_lead_to_the_page_that_was_wanted(client: Any, person: Any) -> None:
    person(Role.VIEWER, "vera")
    sent = client.get("/activity/?q=x")
    assert sent.status_code == 302
    assert sent["Location"] == "/sign-in/?next=/activity/%3Fq%3Dx"
    answer = sign_in(client, "vera", PASSWORD, next="/activity/?q=x")
    assert (answer.status_code, answer["Location"]) == (302, "/activity/?q=x")
    assert trail() == ["sign in vera"]
    assert client.get("/activity/").status_code == 200


def test_a_form_sent_after_the_session_ended_says_that_nothing_was_done(client: Any, person: Any) -> None:
    person(Role.VIEWER, "vera")
    sent = client.post("/keys/look/", headers={"referer": "http://testserver/keys/?registry=1"})
    assert sent["Location"] == "/sign-in/?next=/keys/%3Fregistry%3D1"
    assert "Nothing was done: sign in" in client.get(sent["Location"]).content.decode()
    client.get("/keys/")
    assert "Nothing was done" not in client.get("/sign-in/").content.decode(), "looking loses nothing"


def test_an_address_that_takes_a_form_alone_shows_a_page(client: Any, person: Any) -> None:
    client.force_login(person(Role.ADMINISTRATOR))
    answer = client.get("/keys/look/")
    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert "There is nothing to show here" in answer.content.decode()


@pytest.mark.parametrize(
    "next_", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "/\\evil.example"]
)
def test_next_never_leads_elsewhere(client: Any, person: Any, next_: str) -> None:
    person(Role.VIEWER, "vera")
    assert sign_in(client, "vera", PASSWORD, next=next_)["Location"] == "/"


def test_a_wrong_password_says_so_and_keeps_the_name(client: Any, person: Any) -> None:
    person(Role.VIEWER, "vera")
    answer = sign_in(client, "vera", "wrong")
    assert answer.status_code == 422
    text = answer.content.decode()
    assert "Name and password do not fit together" in text
    assert 'value="vera"' in text and "wrong" not in text.replace("wrongly", "")
    assert trail() == ["failed sign-in vera"]


def test_an_unknown_name_is_not_written_down(client: Any, db: None) -> None:
    sign_in(client, "my secret passphrase", "x")
    assert trail() == ["failed sign-in -"]


def test_sign_in_is_throttled_and_says_for_how_long(client: Any, person: Any) -> None:
    person(Role.VIEWER, "vera")
    answers = [sign_in(client, "vera", "wrong") for _ in range(5)]
    assert [answer.status_code for answer in answers[:4]] == [422] * 4
    assert answers[4].status_code == 429
    assert answers[4]["Retry-After"] == "900"
    assert "locked for 15 minutes" in answers[4].content.decode()
    assert sign_in(client, "vera", PASSWORD).status_code == 429
    assert "lock-out vera" in trail()
    assert "sign in vera" not in trail()


def test_signing_out_needs_a_post(client: Any, person: Any) -> None:
    client.force_login(person(Role.VIEWER), backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/sign-out/").status_code == 405
    assert client.post("/sign-out/")["Location"] == "/sign-in/"
    assert client.get("/").status_code == 302


def test_a_deactivated_person_is_out_at_once(client: Any, person: Any) -> None:
    vera = person(Role.VIEWER, "vera")
    sign_in(client, "vera", PASSWORD)
    User.objects.filter(pk=vera.pk).update(is_active=False)
    assert client.get("/").status_code == 302
    assert sign_in(client, "vera", PASSWORD).status_code == 422


def test_a_link_signs_in_once(client: Any, person: Any) -> None:
    path = services.new_link(person(Role.ADMINISTRATOR, "ada"))
    token = path.split("/")[-2]
    assert len(token) >= 40
    assert not OneTimeLink.objects.filter(token_hash__contains=token).exists(), "only the hash is stored"
    assert client.head(path).status_code == 200, "a preview does not use it up"
    assert client.get(path)["Location"] == "/"
    assert client.get("/").status_code == 200
    client.post("/sign-out/")
    again = client.get(path)
    assert again.status_code == 410
    assert "was used before" in again.content.decode()
    assert client.get("/").status_code == 302


def test_old_replaced_and_unknown_links_say_what_they_are(client: Any, person: Any) -> None:
    ada = person(Role.ADMINISTRATOR, "ada")
    old, new = services.new_link(ada), services.new_link(ada)
    assert "too old, or a newer one has replaced it" in client.get(old).content.decode()
    OneTimeLink.objects.filter(used=None).update(expires=timezone.now() - timedelta(seconds=1))
    assert "too old" in client.get(new).content.decode()
    assert "leads nowhere" in client.get("/sign-in/link/AAAA/").content.decode()


def test_a_link_of_a_deactivated_person_leads_nowhere(client: Any, person: Any) -> None:
    ada = person(Role.ADMINISTRATOR, "ada")
    path = services.new_link(ada)
    User.objects.filter(pk=ada.pk).update(is_active=False)
    assert client.get(path).status_code == 410


def test_the_command_makes_the_first_administrator(client: Any, db: None) -> None:
    out = StringIO()
    call_command("sign_in_link", "--base", "http://127.0.0.1:8000/", stdout=out)
    line = out.getvalue()
    assert line.startswith("http://127.0.0.1:8000/sign-in/link/") and line.count("\n") == 1
    admin = User.objects.get()
    assert (admin.username, admin.role, admin.has_usable_password()) == ("admin", Role.ADMINISTRATOR, False)
    assert client.get(line.strip().removeprefix("http://127.0.0.1:8000")).status_code == 302
    assert "one-time link" in client.get("/").content.decode(), "it says that a password is missing"


def test_the_command_takes_the_administrator_that_is_there(person: Any) -> None:
    person(Role.VIEWER, "vera")
    person(Role.ADMINISTRATOR, "ada")
    out = StringIO()
    call_command("sign_in_link", stdout=out)
    assert out.getvalue().startswith("/sign-in/link/")
    assert OneTimeLink.objects.get().user.username == "ada"
    with pytest.raises(CommandError, match="no active person named nobody"):
        call_command("sign_in_link", "--user", "nobody")


def test_a_first_password_then_a_changed_one(client: Any, db: None) -> None:
    client.get(services.new_link(services.first_administrator()))
    page = client.get("/account/").content.decode()
    assert "Set a password" in page and "old_password" not in page
    new = {"new_password1": "a long passphrase", "new_password2": "a long passphrase"}
    assert client.post("/account/", {**new, "new_password2": "another"}).status_code == 422
    assert client.post("/account/", new)["Location"] == "/account/"
    assert "Change the password" in client.get("/account/").content.decode(), "the session stays"
    assert client.post("/account/", new).status_code == 422, "now the current one is asked for"
    answer = client.post("/account/", {**new, "old_password": "wrong"})
    assert "entered incorrectly" in answer.content.decode()
    changed = {
        "old_password": "a long passphrase",
        "new_password1": "quite another one",
        "new_password2": "quite another one",
    }
    assert client.post("/account/", changed).status_code == 302
    assert trail().count("change password admin") == 2


@pytest.mark.parametrize("weak", ["short", "password123", "1234567890"])
def test_weak_passwords_are_refused(client: Any, db: None, weak: str) -> None:
    client.get(services.new_link(services.first_administrator()))
    answer = client.post("/account/", {"new_password1": weak, "new_password2": weak})
    assert answer.status_code == 422
    assert not User.objects.get().has_usable_password()


def test_the_choice_of_colours_is_the_browsers(as_role: Any) -> None:
    client = as_role(Role.VIEWER)
    assert "data-theme" not in client.get("/account/").content.decode()
    assert client.post("/theme/", {"theme": "dark", "next": "/account/"})["Location"] == "/account/"
    assert 'data-theme="dark"' in client.get("/account/").content.decode()
    client.post("/theme/", {"theme": '"><script>'})
    assert "data-theme" not in client.get("/account/").content.decode()
