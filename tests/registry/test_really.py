"""Where a real Harbor does otherwise than one would think: against the double, which does as its source does."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from harborweb.registry.check import check
from harborweb.registry.endpoint import Endpoint, Limits
from harborweb.registry.errors import RegistryError
from harborweb.registry.harbor import browsing, projects, system, webhooks
from harborweb.registry.harbor.client import Harbor
from harborweb.registry.running import run
from tests.harbor_double import HarborDouble
from tests.harbor_double.fixtures import harbor  # noqa: F401 - a fixture


def asked(double: HarborDouble, question: Callable[[Harbor], Awaitable[Any]], who: tuple[str, str] | None = None) -> Any:
    """The answer to one question."""

    async def ask() -> Any:
        async with Harbor(Endpoint(double.url, *(who or double.admin), allow_http=True), Limits()) as found:
            return await question(found)

    return run(ask())


def test_a_project_that_is_called_by_a_number_is_meant_by_its_name(harbor: HarborDouble) -> None:  # noqa: F811
    """The contract: without X-Is-Resource-Name a number in an address is an id."""
    other = harbor.state.add_project("team")
    ours = harbor.state.add_project(str(other.id), public=True)
    ours.hard = 5_000
    name = ours.name
    assert asked(harbor, lambda h: browsing.project(h, name)).id == ours.id
    usage = asked(harbor, lambda h: projects.usage(h, name))
    assert usage.limit == 5_000
    new = webhooks.NewPolicy("ours", ("PUSH_ARTIFACT",), webhooks.Target("http://127.0.0.1:9/"))
    asked(harbor, lambda h: webhooks.create(h, name, new))
    assert {one.project for one in harbor.state.policies.values()} == {ours.id}
    with pytest.raises(RegistryError):
        asked(harbor, lambda h: projects.delete(h, str(ours.id)))
    asked(harbor, lambda h: projects.delete(h, name))
    assert [one.name for one in harbor.state.projects.values()] == ["library", "team"]
