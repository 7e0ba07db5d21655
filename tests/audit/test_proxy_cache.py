"""The repositories of a proxy cache, whose list of tags is its upstream's: only what is kept there is judged."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from harborweb.audit.judging.judgement import Judgement
from harborweb.audit.judging.rows import judge_registry
from harborweb.registry.client import Client
from harborweb.registry.endpoint import Endpoint
from harborweb.verification.verdict import Verdict
from tests.harbor_double import HarborDouble, harbor_double
from tests.harbor_double.fixtures import harbor  # noqa: F401 - a fixture
from tests.registry.images import client, push_image, run

ACCEPT = {"Accept": "application/vnd.oci.image.manifest.v1+json"}


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[HarborDouble]:
    """Another Harbor with three images, the first of which the cache holds."""
    with harbor_double(tmp_path / "upstream") as double:

        async def fill() -> None:
            async with client(double.url, username="admin", password=double.admin[1]) as c:
                for tag in ("1", "2", "3"):
                    await push_image(c, "library/tool", tag, seed=tag)

        run(fill())
        yield double


@pytest.fixture
def cache(harbor: HarborDouble, upstream: HarborDouble) -> HarborDouble:  # noqa: F811
    """A Harbor with a proxy project that holds the first image."""
    made = harbor.state.add_upstream("other", upstream.url, "harbor")
    harbor.state.add_project("cache", registry=made.id)
    at = f"{harbor.url}/v2/cache/library/tool"
    manifest = requests.get(f"{at}/manifests/1", auth=harbor.admin, headers=ACCEPT, timeout=9).json()
    for one in (manifest["config"], *manifest["layers"]):
        assert requests.get(f"{at}/blobs/{one['digest']}", auth=harbor.admin, timeout=9).status_code == 200
    assert len(harbor.state.project("cache").repositories["library/tool"].artifacts) == 1  # type: ignore[union-attr]
    upstream.parts.requests.clear()
    return harbor


def judged(double: HarborDouble, who: tuple[str, str]) -> list[Judgement]:
    """All that a sweep of this account says."""

    async def judge() -> list[Judgement]:
        async with Client(Endpoint(double.url, *who, allow_http=True)) as c:
            return [one async for one in judge_registry(c, ())]

    return asyncio.run(judge())


def test_what_upstream_has_and_nobody_pulled_is_not_judged(cache: HarborDouble, upstream: HarborDouble) -> None:
    tags = requests.get(f"{cache.url}/v2/cache/library/tool/tags/list", auth=cache.admin, timeout=9).json()["tags"]
    assert tags == ["1", "2", "3"]
    assert [(one.repository, one.tags, one.verdict) for one in judged(cache, cache.admin)] == [
        ("cache/library/tool", ("1",), Verdict.UNSIGNED)
    ]
    assert not any("/manifests/2" in one or "/manifests/3" in one for one in upstream.requests)


def test_where_harbors_own_list_is_closed_a_cache_is_not_filled_by_a_sweep(
    cache: HarborDouble, upstream: HarborDouble
) -> None:
    access = [{"resource": "repository", "action": action} for action in ("list", "pull")]
    robot = cache.state.add_robot("r", [{"kind": "project", "namespace": "cache", "access": access}])
    [one] = judged(cache, (robot.name, robot.secret))
    assert (one.repository, one.tags, one.verdict) == ("cache/library/tool", (), Verdict.UNCHECKED)
    assert not any("/manifests/" in each for each in upstream.requests)
    assert len(cache.state.project("cache").repositories["library/tool"].artifacts) == 1  # type: ignore[union-attr]
