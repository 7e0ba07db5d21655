"""Who may come in, and what they may do."""

import re
from typing import Any

import pytest

from harborweb.accounts import services
from harborweb.accounts.models import Activity, User
from harborweb.accounts.roles import Role
from harborweb.errors import Problem

pytestmark = pytest.mark.django_db


def test_adding_a_person_shows_their_link_this_once(as_role: Any, client: Any) -> None:
    administrator = as_role(Role.ADMINISTRATOR)
    answer = administrator.post("/people/add/", {"username": "otto", "role": str(Role.OPERATOR.value)})
    found = re.search(r"http://testserver(/sign-in/link/[\w-]+/)", answer.content.decode())
    assert answer.status_code == 200 and found
    assert "no-store" in answer["Cache-Control"]
    assert found[1] not in administrator.get("/people/").content.decode()
    otto = User.objects.get(username="otto")
    assert (otto.role, otto.has_usable_password()) == (Role.OPERATOR, False)
    client.logout()
    assert client.get(found[1]).status_code == 302
    assert client.get("/account/").status_code == 200


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"username": "OTTO", "role": "1"}, "already a person named OTTO"),
        ({"username": "a b", "role": "1"}, "A name has letters, digits"),
        ({"username": "", "role": "1"}, "This is empty."),
        ({"username": "nina", "role": "9"}, "Select a valid choice"),
    ],
)
def test_what_cannot_be_added_stays_typed(as_role: Any, person: Any, typed: dict[str, str], said: str) -> None:
    person(Role.VIEWER, "otto")
    before = User.objects.count()
    answer = as_role(Role.ADMINISTRATOR).post("/people/add/", typed)
    text = answer.content.decode()
    assert answer.status_code == 422
    assert said in text
    assert not typed["username"] or f'value="{typed["username"]}"' in text
    assert User.objects.count() == before + 1


def test_a_role_is_changed_and_recorded(as_role: Any, person: Any) -> None:
    otto = person(Role.VIEWER, "otto")
    answer = as_role(Role.ADMINISTRATOR).post(f"/people/{otto.pk}/role/", {"role": "3"})
    assert answer.status_code == 302
    otto.refresh_from_db()
    assert otto.role == Role.OPERATOR
    row = Activity.objects.first()
    assert row is not None
    assert (row.who, row.action, row.subject, row.detail, row.source) == (
        "person-4", "change role", "otto", "operator", "127.0.0.1",
    )  # fmt: skip


def test_nobody_locks_themselves_out(as_role: Any) -> None:
    client = as_role(Role.ADMINISTRATOR)
    me = User.objects.get()
    for address, typed in [("role", {"role": "1"}), ("active", {"active": "0"}), ("link", {})]:
        answer = client.post(f"/people/{me.pk}/{address}/", typed)
        assert answer.status_code == 409, address
    me.refresh_from_db()
    assert me.may(Role.ADMINISTRATOR) and me.has_usable_password()


def test_the_last_administrator_stays(person: Any) -> None:
    last, other = person(Role.ADMINISTRATOR, "last"), person(Role.ADMINISTRATOR, "other")
    services.set_active(other, False, last)
    with pytest.raises(Problem, match="last is the last administrator"):
        services.set_role(last, Role.VIEWER, other)
    with pytest.raises(Problem, match="last is the last administrator"):
        services.set_active(last, False, other)
    services.set_active(other, True, last)
    services.set_role(last, Role.VIEWER, other)
    assert User.objects.get(username="last").role == Role.VIEWER


def test_deactivating_ends_sessions_and_links(as_role: Any, person: Any) -> None:
    otto = person(Role.VIEWER, "otto")
    path = services.new_link(otto)
    client = as_role(Role.ADMINISTRATOR)
    assert client.post(f"/people/{otto.pk}/active/", {"active": "0"}).status_code == 302
    assert "cannot come in any more" in client.get("/people/").content.decode()
    client.logout()
    assert client.get(path).status_code == 410


def test_a_new_link_forgets_the_password_and_ends_sessions(as_role: Any, person: Any, django_app_client: Any) -> None:
    otto = person(Role.VIEWER, "otto")
    django_app_client.force_login(otto, backend="django.contrib.auth.backends.ModelBackend")
    assert django_app_client.get("/account/").status_code == 200
    answer = as_role(Role.ADMINISTRATOR).post(f"/people/{otto.pk}/link/")
    assert "/sign-in/link/" in answer.content.decode()
    otto.refresh_from_db()
    assert not otto.has_usable_password()
    assert django_app_client.get("/account/").status_code == 302


@pytest.fixture
def django_app_client() -> Any:
    """A second browser."""
    from django.test import Client

    return Client()
