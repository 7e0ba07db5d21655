"""The client against the recorded answers of a real Harbor 2.15."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from harborweb.registry.check import check
from harborweb.registry.client import Client, Endpoint, NotFound, RegistryError
from harborweb.registry.services import Catalog
from tests import parts
from tests.registry.images import client, run
from tests.registry.lying import Liar, Lie, Request, answer, lying

UNSIGNED = "sha256:b9a421058162bb0c92d149b11f472ad8cff0d1de66d79a43970d938c0ede2fcd"
BUNDLED = "sha256:bc48e13b4377bbe821693b81c8119800c888d0e7dd1502f22bf443003d54842d"


def recorded(name: str, url: str = "") -> Lie:
    """A recorded answer; the realm in it leads to `url`."""
    content = json.loads((parts.shared("harbor-2.15-recordings") / f"{name}.json").read_text())
    body = content["body"]
    data = body.encode() if isinstance(body, str) else b"" if body is None else json.dumps(body).encode()
    headers = {k.title(): v.replace("http://harbor.test:8085", url) for k, v in content["headers"].items()}
    return answer(content["status"], data, {**headers, "Content-Length": str(len(data))})


def by_sign_in(**lies: Lie) -> Lie:
    """Another answer to nobody, to a password (`basic`) and to a token (`bearer`)."""

    async def lie(request: Request, writer: asyncio.StreamWriter) -> None:
        given = request.headers.get("Authorization", "nobody").split(" ")[0].lower()
        await lies[given](request, writer)

    return lie


@pytest.fixture
def harbor() -> Iterator[Liar]:
    """Harbor as the recordings show it to its administrator."""
    with lying() as liar:
        nobody, basic = recorded("v2-root-anonymous-401", liar.url), recorded("v2-root-wrong")
        root = recorded("v2-root-basic")
        liar.on("/v2/", by_sign_in(nobody=nobody, basic=root, bearer=root))
        liar.on("/service/token", recorded("service-token-admin"))
        liar.on("/api/v2.0/users/current", recorded("users-current-admin"))
        # With any Authorization the challenge is Basic; the catalog takes no token.
        liar.on("/v2/_catalog", by_sign_in(nobody=basic, basic=recorded("v2-catalog"), bearer=basic))
        for path, name in {
            "/v2/demo/app/tags/list": "v2-tags-list",
            "/v2/demo/app/manifests/nope": "v2-manifest-404",
            f"/v2/trust/unsigned/referrers/{UNSIGNED}": "sig-unsigned-referrers",
            f"/v2/trust/v3bundle/referrers/{BUNDLED}": "sig-v3bundle-referrers",
            "/v2/trust/unsigned/manifests/v1": "sig-unsigned-pull-by-tag-admin",
        }.items():
            let_in = recorded(name)
            liar.on(path, by_sign_in(nobody=nobody, basic=let_in, bearer=let_in))
        yield liar


def asked(harbor: Liar, *questions: Callable[[Client], Any]) -> list[Any]:
    """The answers to questions put to one client."""

    async def ask() -> list[Any]:
        async with client(harbor.url, username="admin", password="x") as c:
            return [await question(c) for question in questions]

    return run(ask())


async def _names(c: Client) -> list[str]:
    return [name async for name in c.repositories()]


async def _tags(c: Client) -> list[str]:
    return [tag async for tag in c.tags("demo/app")]


def test_lists(harbor: Liar) -> None:
    names, tags, again = asked(harbor, _names, _tags, _names)
    assert names == again == ["demo/app", "demo/copied", "demo/multi", "demo/team/web/front"]
    assert tags == ["stable", "v1", "v2"]
    assert [one.headers.get("Authorization", "-")[:5] for one in harbor.asked("/v2/_catalog")][-1] == "Basic"
    assert [one.headers.get("Authorization", "-")[:6] for one in harbor.asked("/v2/demo/app/tags/list")][-1] == "Bearer"
    assert all("Cookie" not in one.headers for one in harbor.requests)


def test_after_the_catalog_repositories_are_still_asked_with_tokens(harbor: Liar) -> None:
    asked(harbor, lambda c: c.ping(), _names, _tags)
    assert harbor.asked("/v2/demo/app/tags/list")[-1].headers["Authorization"].startswith("Bearer ")


def test_referrers(harbor: Liar) -> None:
    none, one = asked(
        harbor, lambda c: c.referrers("trust/unsigned", UNSIGNED), lambda c: c.referrers("trust/v3bundle", BUNDLED)
    )
    assert (none.source, none.descriptors) == ("api", [])
    assert [found["artifactType"] for found in one.descriptors] == ["application/vnd.dev.sigstore.bundle.v0.3+json"]


def test_no_referrers_in_the_words_of_an_older_harbor(harbor: Liar) -> None:
    """So it answers for a digest that it has not, as where signatures lie in another repository (its source)."""
    index = {"Content-Type": "application/vnd.oci.image.index.v1+json"}
    path = f"/v2/trust/unsigned/referrers/{UNSIGNED}"
    harbor.on(path, answer(200, b"{}\n", {**index, "X-Total-Count": "0"}))
    (none,) = asked(harbor, lambda c: c.referrers("trust/unsigned", UNSIGNED))
    assert (none.source, none.descriptors) == ("api", [])
    for told in ({}, {"X-Total-Count": "1"}):
        harbor.on(path, answer(200, b"{}\n", {**index, **told}))
        with pytest.raises(RegistryError):
            asked(harbor, lambda c: c.referrers("trust/unsigned", UNSIGNED))


def test_not_found_and_refused_by_policy(harbor: Liar) -> None:
    with pytest.raises(NotFound):
        asked(harbor, lambda c: c.manifest("demo/app", "nope"))
    with pytest.raises(RegistryError) as caught:
        asked(harbor, lambda c: c.manifest("trust/unsigned", "v1"))
    assert not isinstance(caught.value, NotFound)
    assert "412" in caught.value.message
    assert "not signed" in caught.value.message


def test_a_token_that_has_run_out_is_renewed_although_harbor_says_basic(harbor: Liar) -> None:
    turns = [recorded("v2-tags-list"), recorded("v2-manifest-outsider"), recorded("v2-tags-list")]

    async def bearer(request: Request, writer: asyncio.StreamWriter) -> None:
        await turns.pop(0)(request, writer)

    nobody = recorded("v2-manifest-anonymous-private", harbor.url)
    harbor.on("/v2/demo/app/tags/list", by_sign_in(nobody=nobody, bearer=bearer))
    first, second = asked(harbor, _tags, _tags)
    assert first == second == ["stable", "v1", "v2"]
    assert len(harbor.asked("/service/token")) == 2


def test_what_somebody_may_not_see_is_refused_not_absent(harbor: Liar) -> None:
    outsider, nobody = recorded("v2-manifest-outsider"), recorded("v2-manifest-anonymous-private", harbor.url)
    harbor.on("/v2/demo/app/manifests/v1", by_sign_in(nobody=nobody, basic=outsider, bearer=outsider))
    with pytest.raises(RegistryError) as caught:
        asked(harbor, lambda c: c.manifest("demo/app", "v1"))
    assert caught.value.kind == "forbidden"


def test_check(harbor: Liar) -> None:
    endpoint = Endpoint(harbor.url, "admin", "x", allow_http=True)
    found = check(endpoint)
    assert (found.asked, found.known, found.catalog, found.harbor) == ("bearer", True, True, True)
    harbor.on("/service/token", recorded("service-token-wrong"))
    harbor.on("/api/v2.0/users/current", recorded("wrong-password-401"))
    with pytest.raises(RegistryError) as caught:
        check(endpoint)
    assert (caught.value.kind, caught.value.field) == ("unauthorized", "password")


def test_projects_of_a_catalog() -> None:
    found = Catalog(["busybox", "demo/app", "demo/team/web/front"])
    assert found.projects() == [("busybox", 1), ("demo", 2)]
    assert found.of("demo") == ["demo/app", "demo/team/web/front"]


def test_a_sweep_of_many_asks_for_one_token_each(harbor: Liar) -> None:
    begun = time.monotonic()
    asked(harbor, lambda c: asyncio.gather(*(c.tags_page("demo/app") for _ in range(50))))
    assert len(harbor.asked("/service/token")) == 1
    assert time.monotonic() - begun < 20
