"""Adding, changing, testing and removing registries, with what is wrong said where it is wrong."""

from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from harborweb.accounts.models import Activity
from harborweb.accounts.roles import Role
from harborweb.registry.models import Registry
from tests import parts
from tests.registry.images import client as registry_client
from tests.registry.images import push_image, run
from tests.registry.lying import answer, lying, page, refuse, reply
from tests.registry.test_client import HASHED
from tests.registry.tokens import token_service
from tests.store.conftest import Shelf

pytestmark = pytest.mark.django_db
ADD = "/registry/add/"


def typed(**more: Any) -> dict[str, Any]:
    """The form as filled in."""
    return {"name": "lab", "url": "", "username": "", "password": "", "ca_pem": "", **more}


def test_no_registry_yet(as_role: Any) -> None:
    administrator = as_role(Role.ADMINISTRATOR).get("/registry/")
    assert b"No registry yet" in administrator.content
    assert reverse("store:registry_add").encode() in administrator.content


def test_a_viewer_is_told_who_can_add_one(as_role: Any) -> None:
    viewer = as_role(Role.VIEWER)
    assert b"An administrator can add one here" in viewer.get("/registry/").content
    assert viewer.get(ADD).status_code == 403
    assert viewer.post(ADD, typed()).status_code == 403


def test_add(as_role: Any, shelf: Shelf) -> None:
    administrator = as_role(Role.ADMINISTRATOR)
    answered = administrator.post(ADD, typed(url=f"http://{shelf.host}", allow_http="on"), follow=True)
    assert answered.status_code == 200
    row = Registry.objects.get()
    assert (row.url, row.host, row.allow_http) == (f"http://{shelf.host}", shelf.host, True)
    assert b"answers as a registry" in answered.content
    assert Activity.objects.filter(action="add registry", subject="lab").count() == 1
    again = administrator.post(ADD, typed(url=f"http://{shelf.host}", allow_http="on"))
    assert (again.status_code, Registry.objects.count()) == (422, 1)
    assert b"There is already a registry named lab" in again.content


def test_the_same_address_twice_is_said(as_role: Any, shelf: Shelf) -> None:
    administrator = as_role(Role.ADMINISTRATOR)
    address = {"url": f"http://{shelf.host}", "allow_http": "on"}
    first = administrator.post(ADD, typed(**address), follow=True)
    assert b"here twice" not in first.content
    second = administrator.post(ADD, typed(name="lab again", **address), follow=True)
    assert b"is here twice, also as lab." in second.content


@pytest.mark.parametrize(
    ("url", "field", "words"),
    [
        ("http://{host}", "allow_http", "plain http"),
        ("https://{host}", "url", "does not speak TLS"),
        ("http://127.0.0.1:9", "allow_http", "plain http"),
        ("https://127.0.0.1:9", "url", "does not answer"),
        ("https://no-such-host.invalid", "url", "does not answer"),
        ("https://a b", "url", "no registry&#x27;s address"),
        ("ftp://{host}", "url", "no registry&#x27;s address"),
        ("https://user:hunter2@{host}", "url", "no registry&#x27;s address"),
    ],
)
def test_a_wrong_address_is_said_at_its_field(as_role: Any, shelf: Shelf, url: str, field: str, words: str) -> None:
    answered = as_role(Role.ADMINISTRATOR).post(ADD, typed(url=url.format(host=shelf.host), username="me"))
    assert answered.status_code == 422
    assert words in answered.content.decode()
    assert list(answered.context["form"].errors) == [field]
    assert b'value="me"' in answered.content  # what was typed is still there
    assert Registry.objects.count() == 0


def test_what_is_no_registry(as_role: Any) -> None:
    administrator = as_role(Role.ADMINISTRATOR)
    with lying() as liar:
        for lie in (page(), page(404), answer(200, b"[]")):
            liar.on("/v2/", lie)
            answered = administrator.post(ADD, typed(url=liar.url, allow_http="on"))
            assert answered.status_code == 422
            assert b"is not a registry" in answered.content
        liar.on("/v2/", page(500))
        assert b"answered 500" in administrator.post(ADD, typed(url=liar.url, allow_http="on")).content


def test_the_checkbox_names_the_host(as_role: Any, shelf: Shelf) -> None:
    answered = as_role(Role.ADMINISTRATOR).post(ADD, typed(url=f"http://{shelf.host}"))
    assert f"Allow plain http to {shelf.host}" in answered.content.decode()


def test_junk_for_a_certificate(as_role: Any) -> None:
    answered = as_role(Role.ADMINISTRATOR).post(ADD, typed(url="https://127.0.0.1:9", ca_pem="junk"))
    assert list(answered.context["form"].errors) == ["ca_pem"]


@pytest.fixture
def guarded(tmp_path: Path) -> Any:
    """A registry that asks for lab's password."""
    (tmp_path / "htpasswd").write_text(f"lab:{HASHED}\n")
    extra = f"auth:\n  htpasswd:\n    realm: lab\n    path: {tmp_path / 'htpasswd'}\n"
    with parts.registry_server(tmp_path / "registry", extra=extra) as server:
        yield server


def test_a_password_is_tried_sealed_and_never_shown(as_role: Any, guarded: parts.Registry) -> None:
    administrator = as_role(Role.ADMINISTRATOR)
    right = typed(url=guarded.url, allow_http="on", username="lab", password="pass:wörd")
    wrong = administrator.post(ADD, {**right, "password": "hunter2"})
    assert wrong.status_code == 422
    assert list(wrong.context["form"].errors) == ["password"]
    assert b"hunter2" not in wrong.content
    assert list(administrator.post(ADD, {**right, "username": "", "password": ""}).context["form"].errors) == [
        "username"
    ]
    assert administrator.post(ADD, right).status_code == 302
    row = Registry.objects.get()
    assert b"pass" not in bytes(row.password_sealed)
    assert row.endpoint().password == "pass:wörd"
    change = reverse("store:registry_change", args=[row.pk])
    assert "pass:wörd" not in administrator.get(change).content.decode()
    # An empty password keeps the stored one.
    kept = administrator.post(change, {**right, "password": "", "name": "renamed"}, follow=True)
    assert b"accepted the user name and password" in kept.content
    row.refresh_from_db()
    assert (row.name, row.endpoint().password) == ("renamed", "pass:wörd")
    for secret in ("pass:wörd", "hunter2"):
        assert not Activity.objects.filter(detail__contains=secret).exists()


def test_a_stored_password_does_not_travel_to_another_address(as_role: Any, guarded: parts.Registry) -> None:
    administrator = as_role(Role.ADMINISTRATOR)
    right = typed(url=guarded.url, allow_http="on", username="lab", password="pass:wörd")
    administrator.post(ADD, right)
    change = reverse("store:registry_change", args=[Registry.objects.get().pk])
    assert "empty the user name as well to have it forgotten" in administrator.get(change).content.decode()
    with lying() as liar:
        answered = administrator.post(change, {**right, "url": liar.url, "password": ""})
        assert list(answered.context["form"].errors) == ["password"]
        assert liar.requests == []
    assert Registry.objects.get().url == guarded.url
    # Without a user name there is no password to keep.
    with lying() as liar:
        liar.on("/v2/", answer(200, b"{}"))
        liar.on("/v2/_catalog", reply({"repositories": []}))
        assert administrator.post(change, typed(url=liar.url, allow_http="on")).status_code == 302
        assert all("Authorization" not in request.headers for request in liar.requests)
    assert bytes(Registry.objects.get().password_sealed) == b""


def test_a_password_that_nobody_asked_for_is_said_to_be_unchecked(as_role: Any, shelf: Shelf) -> None:
    right = typed(url=f"http://{shelf.host}", allow_http="on", username="lab", password="x")
    answered = as_role(Role.ADMINISTRATOR).post(ADD, right, follow=True)
    assert b"It asked for no password, so none was checked." in answered.content


def test_harbor_takes_a_wrong_password_for_nobody(as_role: Any) -> None:
    """The answers of a real Harbor 2.15 (facts/harbor.md): a token in any case, the truth at /users/current."""
    administrator = as_role(Role.ADMINISTRATOR)
    with lying() as liar:
        challenge = {"Www-Authenticate": f'Bearer realm="{liar.url}/service/token",service="harbor-registry"'}

        async def start(request: Any, writer: Any) -> None:
            lie = answer(200, b"{}") if "Authorization" in request.headers else refuse(401, "UNAUTHORIZED", challenge)
            await lie(request, writer)

        liar.on("/v2/", start)
        liar.on("/service/token", reply({"token": "abc", "expires_in": 1800}))
        liar.on("/v2/_catalog", refuse(401, "UNAUTHORIZED", challenge))
        liar.on("/api/v2.0/users/current", refuse(401, "UNAUTHORIZED"))
        right = typed(url=liar.url, allow_http="on", username="robot$lab", password="x")
        assert list(administrator.post(ADD, right).context["form"].errors) == ["password"]
        liar.on("/api/v2.0/users/current", refuse(412, "PRECONDITION"))  # what robots get
        answered = administrator.post(ADD, right, follow=True)
        assert b"It accepted the user name and password." in answered.content
        assert b"It does not list its repositories to us" not in answered.content  # Harbor has lists of its own


def test_test(as_role: Any, lab: Registry) -> None:
    administrator = as_role(Role.ADMINISTRATOR)
    address = reverse("store:registry_test", args=[lab.pk])
    good = administrator.post(address)
    assert (good.status_code, b"answers as a registry" in good.content) == (200, True)
    Registry.objects.update(url="http://127.0.0.1:9")
    bad = administrator.post(address)
    assert (bad.status_code, b"does not answer" in bad.content) == (502, True)


def test_remove_asks_first(as_role: Any, lab: Registry) -> None:
    administrator = as_role(Role.ADMINISTRATOR)
    address = reverse("store:registry_remove", args=[lab.pk])
    assert b"Type lab to go on" in administrator.get(address).content
    assert administrator.post(address, {"typed": "la"}).status_code == 422
    assert Registry.objects.count() == 1
    assert administrator.post(address, {"typed": "lab"}).status_code == 302
    assert Registry.objects.count() == 0
    assert Activity.objects.filter(action="remove registry", subject="lab").exists()


def test_a_registry_that_keeps_its_catalog_to_itself(as_role: Any, tmp_path: Path) -> None:
    with (
        token_service(tmp_path, {"lab": "secret"}, public=("open/",)) as tokens,
        parts.registry_server(tmp_path / "registry", extra=tokens.registry_configuration) as server,
    ):

        async def fill() -> None:
            async with registry_client(server.url, username="lab", password="secret") as c:
                await push_image(c, "open/app", "1")

        run(fill())
        administrator = as_role(Role.ADMINISTRATOR)
        answered = administrator.post(ADD, typed(url=server.url, allow_http="on"), follow=True)
        assert answered.status_code == 200
        assert b"type their names to open them" in answered.content
        row = Registry.objects.get()
        listed = administrator.get(reverse("store:projects", args=[row.pk])).content
        assert b"This registry does not list its repositories to us." in listed
        go = reverse("store:go", args=[row.pk])
        opened = administrator.get(go, {"name": f"{row.host}/open/app"}, follow=True)
        assert opened.redirect_chain[-1][0] == reverse("store:repository", args=[row.pk, "open/app"])
        assert opened.status_code == 200
        odd = administrator.get(go, {"name": "Not/A Name"})
        assert (odd.status_code, b"is no repository name" in odd.content) == (422, True)
        assert b'value="Not/A Name"' in odd.content
