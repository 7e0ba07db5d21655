"""Proxy caches in front of upstreams of several kinds, and what they say when upstream says no."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from harborweb.registry.client import Client, Endpoint
from tests import parts
from tests.harbor_double import HarborDouble, harbor_double
from tests.registry.images import client, push_image, run

ACCEPT = {"Accept": "application/vnd.oci.image.manifest.v1+json"}


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[HarborDouble]:
    """Another Harbor, which wants a token for everything."""
    with harbor_double(tmp_path / "upstream") as double:
        double.state.freeze_seconds = 0

        async def fill() -> None:
            async with client(double.url, username="admin", password=double.admin[1]) as c:
                await push_image(c, "library/tool", "1")

        run(fill())
        yield double


def cache(harbor: HarborDouble, upstream: HarborDouble, password: str = "") -> str:
    """A proxy project with `upstream` behind it; where its image is."""
    name, right = upstream.admin
    credential = {"access_key": name, "access_secret": password or right, "type": "basic"}
    made = harbor.state.add_upstream("other", upstream.url, "harbor", credential=credential)
    harbor.state.add_project("cache", registry=made.id)
    return f"{harbor.url}/v2/cache/library/tool/manifests"


def test_another_harbor_gives_a_token_to_the_cache(harbor: HarborDouble, upstream: HarborDouble) -> None:
    at = cache(harbor, upstream)
    assert requests.get(f"{at}/1", auth=harbor.admin, headers=ACCEPT, timeout=9).status_code == 200
    assert any("/service/token" in one for one in upstream.requests)


@pytest.mark.parametrize(("fault", "status", "code"), [("429", 429, "TOOMANYREQUESTS"), ("503", 500, "UNKNOWN")])
def test_what_upstream_refuses_is_passed_on(
    harbor: HarborDouble, upstream: HarborDouble, fault: str, status: int, code: str
) -> None:
    at = cache(harbor, upstream)
    upstream.faults.order(fault, "/manifests/", times=-1)
    got = requests.get(f"{at}/1", auth=harbor.admin, headers=ACCEPT, timeout=9)
    assert (got.status_code, got.json()["errors"][0]["code"]) == (status, code)


def test_a_wrong_credential_is_found_by_the_ping(harbor: HarborDouble, upstream: HarborDouble) -> None:
    cache(harbor, upstream, "wrong")
    got = requests.post(f"{harbor.url}/api/v2.0/registries/ping", json={"id": 1}, auth=harbor.admin, timeout=20)
    assert (got.status_code, got.json()["errors"][0]["message"]) == (400, "the registry is unhealthy")


def test_docker_hubs_own_images_are_found_below_library(harbor: HarborDouble, tmp_path: Path) -> None:
    """`docker pull cache/tool` of a cache of Docker Hub is `library/tool` there."""
    with parts.registry_server(tmp_path / "hub") as hub:

        async def fill() -> str:
            async with Client(Endpoint(hub.url, allow_http=True)) as c:
                return await push_image(c, "library/tool", "1")

        run(fill())
        harbor.state.instead["https://hub.docker.com"] = hub.url
        made = harbor.state.add_upstream("hub", "https://hub.docker.com", "docker-hub")
        harbor.state.add_project("hub", registry=made.id)
        at = f"{harbor.url}/v2/hub/tool"
        manifest = requests.get(f"{at}/manifests/1", auth=harbor.admin, headers=ACCEPT, timeout=9).json()
        for one in (manifest["config"], *manifest["layers"]):
            assert requests.get(f"{at}/blobs/{one['digest']}", auth=harbor.admin, timeout=9).status_code == 200
    kept = harbor.state.repository("hub/tool")
    assert kept is not None
    assert list(kept.tags) == ["1"]
