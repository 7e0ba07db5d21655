"""A Harbor that answers as none should: every page says what it saw, soon, and never falls over."""

import re
import time
from typing import Any

import pytest
from django.urls import reverse

from harborweb.accounts.roles import Role
from harborweb.registry.models import Registry
from tests.registry.lying import Liar, Lie, answer, endless, lying, page, raw, refuse, reply
from tests.store.test_pages import text

pytestmark = pytest.mark.django_db
DIGEST = "sha256:" + "a" * 64
PAGES: dict[str, list[str]] = {
    "projects": [], "store": [], "repositories": ["team"], "repository": ["team/app"],
    "artifact": ["team/app", DIGEST],
}  # fmt: skip
API = re.compile(r"/api/v2\.0/.*")
HALF = "\\ud800"  # half a surrogate pair: JSON may hold it, a page may not


@pytest.fixture
def liar(db: Any) -> Any:
    """A liar that harborweb takes for a Harbor."""
    with lying() as one:
        Registry.objects.create(name="lab", url=one.url, allow_http=True, kind=Registry.Kind.HARBOR)
        yield one


def get(client: Any, name: str, **query: str) -> Any:
    return client.get(reverse(f"store:{name}", args=[Registry.objects.get().pk, *PAGES[name]]), query)


FAULTS: dict[str, tuple[Lie, str]] = {
    "a web page": (page(), "is not a registry"),
    "403": (refuse(403, "FORBIDDEN"), "does not let everybody do this"),
    "401": (refuse(401, "UNAUTHORIZED"), "asks for a sign-in"),
    "404 with a page": (page(404), "is not a registry"),
    "an object": (reply({"items": []}), "is not a registry"),
    "a number": (answer(200, b"7"), "is not a registry"),
    "numbers": (reply([1, 2, 3]), "is not a registry"),
    "deep": (answer(200, b"[" * 5000 + b"]" * 5000), "is not a registry"),
    "no UTF-8": (answer(200, b'["\xff"]'), "is not a registry"),
    "cut off": (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n["), "broke off"),
    "no HTTP": (raw(b"220 smtp ready\r\n"), "does not answer"),
    "without end": (endless(), "sent more than the"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", [name for name in PAGES if name != "artifact"])
def test_what_is_no_answer_is_said(as_role: Any, liar: Liar, name: str, fault: str) -> None:
    lie, words = FAULTS[fault]
    liar.on(API, lie)
    begun = time.monotonic()
    response = get(as_role(Role.VIEWER), name)
    assert response.status_code in {404, 502}, text(response)
    assert words in text(response) or fault == "no HTTP", text(response)
    assert time.monotonic() - begun < 20


ODD = [
    {},
    {"name": None, "tags": None, "accessories": None, "references": None, "labels": None, "metadata": None},
    {"name": 7, "project_id": "x", "repo_count": -1, "metadata": [], "creation_time": "yesterday", "update_time": 12,
     "artifact_count": 1e99, "pull_count": True, "description": ["x"], "registry_id": "hub"},
    {"name": "<script>alert(1)</script>", "digest": "<b>", "tags": [{"name": "<i>"}, 3, None], "size": "many",
     "type": "IMAGE", "extra_attrs": {"os": 3, "architecture": [], "config": {"ExposedPorts": 3, "Env": [None, 7]}}},
    {"name": "team/app", "digest": DIGEST, "references": [{"child_digest": 3}, "x"], "labels": [{"name": {}}],
     "accessories": [{"type": 5}, {"type": "signature.cosign", "digest": "?", "size": "?"}], "push_time": "9999-99-99"},
    {"name": "team/../../x", "digest": DIGEST, "tags": [{"name": "../x"}], "type": "IMAGE", "extra_attrs": "none"},
]  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("odd", range(len(ODD) + 1))
def test_odd_types_are_drawn(as_role: Any, liar: Liar, name: str, odd: int) -> None:
    if odd < len(ODD):
        liar.on(API, reply([ODD[odd]] * 3, {"X-Total-Count": "three"}))
    else:
        item = (
            f'{{"name": "team/{HALF}", "digest": "{DIGEST}", "description": "{HALF}", "tags": [{{"name": "{HALF}"}}],'
            f' "type": "IMAGE", "extra_attrs": {{"os": "{HALF}", "config": {{"Env": ["A_TOKEN={HALF}"]}}}}}}'
        )
        liar.on(API, answer(200, f"[{item}]".encode(), {"Content-Type": "application/json"}))
    response = get(as_role(Role.VIEWER), name)
    assert response.status_code in {200, 404, 502}, text(response)
    assert "<script>alert" not in response.content.decode()


@pytest.mark.parametrize("name", ["projects", "store", "repositories", "repository"])
def test_null_is_an_empty_list(as_role: Any, liar: Liar, name: str) -> None:
    liar.on(API, answer(200, b"null", {"Content-Type": "application/json", "X-Total-Count": "0"}))
    response = get(as_role(Role.VIEWER), name)
    assert (response.status_code, response.context["lists"].rows) == (200, [])
    assert 'class="empty"' in response.content.decode()


@pytest.mark.parametrize("total", ["99999999999", "-5", "", "1e9"])
def test_a_count_that_cannot_be_is_survived(as_role: Any, liar: Liar, total: str) -> None:
    liar.on(API, reply([{"name": "team"}] * 50, {"X-Total-Count": total}))
    response = get(as_role(Role.VIEWER), "projects", page="2")
    assert response.status_code == 200


def test_more_than_was_asked_for_is_cut(as_role: Any, liar: Liar) -> None:
    liar.on(API, reply([{"name": f"team{n}"} for n in range(5000)], {"X-Total-Count": "5000"}))
    response = get(as_role(Role.VIEWER), "projects")
    assert len(response.context["lists"].rows) <= 100


def test_harbors_record_may_fail_alone(as_role: Any, liar: Liar) -> None:
    """Where only Harbor's API is broken, the bytes still make the page; where both are, it says so."""
    liar.on(API, page(500))
    both = get(as_role(Role.VIEWER), "artifact")
    assert (both.status_code, bool(both.context["problem"].message)) == (502, True)
