"""The pages of caches in a real browser: every step, at two widths, in both colours."""

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse

from harborweb.access.cache.models import Cache, PullReading
from harborweb.accounts.roles import Role
from harborweb.registry.models import Registry
from tests.access.cache.conftest import Upstream, pulled
from tests.browser import NARROW, WIDE, Watched, chromium, page, sign_in  # noqa: F401 - fixtures
from tests.harbor_double import HarborDouble

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def looks_well(page: Watched) -> None:  # noqa: F811
    page.wait_for_load_state("networkidle")
    for width, height in (WIDE, NARROW):
        for scheme in ("light", "dark"):
            page.size(width, height, scheme)
            page.look_well()
            assert page.barriers() == []
    page.size(*WIDE)


@pytest.fixture
def at(page: Watched, live_server: Any, person: Any, redis_settings: str) -> Callable[..., Watched]:  # noqa: F811
    """Go to a page as an administrator."""
    sign_in(page, live_server, person(Role.ADMINISTRATOR))

    def go(name: str, *arguments: object) -> Watched:
        page.goto(live_server.url + reverse(f"access:{name}", args=arguments))
        return page

    return go


def test_the_way_through_the_wizard(
    at: Callable[..., Watched], row: Registry, hub: HarborDouble, upstream: Upstream
) -> None:
    looks_well(at("cache"))
    page = at("cache_new", row.pk)  # noqa: F811
    assert page.is_hidden("#id_region") and page.is_hidden("#id_url")
    page.check("input[value=ecr]")
    assert page.is_visible("#id_region") and page.is_hidden("#id_url")
    page.check("input[value=oci]")
    assert page.is_hidden("#id_region") and page.is_visible("#id_url")
    looks_well(page)
    page.check("input[value=docker-hub]")
    page.keyboard.press("Enter")  # the form's own button, not the test's
    page.fill("#id_password", hub.admin[1])
    page.click("text=Let Harbor try it")
    assert page.is_visible("text=Harbor reached the upstream.")
    looks_well(page)
    page.click("text=Go on to the project")
    page.fill("#id_project", "Bad Name")
    page.click("button:visible:has-text('Review')")
    assert page.is_visible("text=is no project’s name")
    looks_well(page)
    page.fill("#id_project", "hub")
    page.click("button:visible:has-text('Review')")
    looks_well(page)
    hub.faults.order("500", "POST /api/v2.0/projects")
    page.click("text=Make the cache hub")
    assert page.is_visible("text=The project hub was not made.")
    looks_well(page)
    looks_well(at("cache"))
    half = at("cache_half", Cache.objects.get().pk)
    looks_well(half)
    half.fill("#id_password", hub.admin[1])
    half.click("text=Make the project hub")
    assert half.is_visible("text=Pull through hub")
    assert half.is_visible("text=The cache hub is there") or Cache.objects.get().whole


def test_the_page_of_a_cache_and_its_clients(
    at: Callable[..., Watched], row: Registry, hub: HarborDouble, upstream: Upstream
) -> None:
    made = hub.state.add_upstream("Docker Hub", "https://hub.docker.com", "docker-hub")
    hub.state.add_project("hub", public=True, registry=made.id)
    looks_well(at("cache_page", row.pk, "hub"))
    pulled(hub, "hub/library/nginx", "1.27")
    PullReading.objects.create(limit=100, remaining=76, window=21600, source="192.0.2.7")
    page = at("cache_page", row.pk, "hub")  # noqa: F811
    assert page.is_visible("svg.gauge")
    looks_well(page)
    page.fill("input[name=said]", "toomanyrequests: You have reached your pull rate limit")
    page.keyboard.press("Enter")
    page.wait_for_selector("tr.is-on")
    looks_well(page)
    page.click("text=Set up clients")
    Cache.objects.create(
        registry=row, project="hub", kind="docker-hub", upstream_url=made.url, upstream_id=made.id, whole=True
    )
    clients = at("cache_clients", row.pk, "hub")
    clients.click("summary:has-text('containerd')")
    assert clients.is_visible("text=override_path = true")
    looks_well(clients)
    clients.fill("#id_image", "ghcr.io/a/b")
    clients.click("text=Rewrite")
    assert clients.is_visible("text=this cache holds docker.io")
    looks_well(clients)
    looks_well(at("cache"))
