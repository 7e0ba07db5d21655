"""Where a real Harbor does otherwise than one would think: against the double, which does as its source does."""

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


def asked(
    double: HarborDouble, question: Callable[[Harbor], Awaitable[Any]], who: tuple[str, str] | None = None
) -> Any:
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


@pytest.fixture
def by_oidc(harbor: HarborDouble) -> HarborDouble:  # noqa: F811
    """A Harbor whose people sign in by OIDC; their programs show a CLI secret, the administrator a password."""
    harbor.state.configuration["auth_mode"] = "oidc_auth"
    dev = harbor.state.add_user("dev", "not asked for here")
    dev.cli_secret = "a-CLI-s3cret"
    harbor.state.add_member(harbor.state.add_project("team"), dev, 2)
    return harbor


def test_who_signs_in_by_oidc_is_known_by_a_cli_secret(by_oidc: HarborDouble) -> None:
    """Harbor's source, security/oidc_cli.go: /users/current takes no CLI secret (goharbor/harbor#16647)."""
    dev = ("dev", "a-CLI-s3cret")
    assert asked(by_oidc, system.whoami, dev) == system.Who(system.Kind.PERSON, "dev")
    assert [one.name for one in asked(by_oidc, browsing.projects, dev).items] == ["library", "team"]
    found = check(Endpoint(by_oidc.url, *dev, allow_http=True))
    assert (found.harbor, found.known) == (True, True)
    admin = asked(by_oidc, system.whoami)
    assert admin.kind == system.Kind.ADMINISTRATOR
    robot = by_oidc.state.add_robot("r", [], secret="Robot-s3cret")
    assert asked(by_oidc, system.whoami, (robot.name, robot.secret)).kind == system.Kind.ROBOT


def test_a_wrong_cli_secret_is_a_wrong_password(by_oidc: HarborDouble) -> None:
    for wrong in (("dev", "not asked for here"), ("nobody", "a-CLI-s3cret")):
        with pytest.raises(RegistryError) as caught:
            asked(by_oidc, system.whoami, wrong)
        assert (caught.value.kind, caught.value.field) == ("unauthorized", "password")
        with pytest.raises(RegistryError) as caught:
            check(Endpoint(by_oidc.url, *wrong, allow_http=True))
        assert caught.value.field == "password"


def test_what_a_cli_secret_does_not_open_is_told_as_such(by_oidc: HarborDouble) -> None:
    """Not that the password is wrong alone: it is right, and lists and images are open."""
    with pytest.raises(RegistryError) as caught:
        asked(by_oidc, lambda h: browsing.project(h, "team"), ("dev", "a-CLI-s3cret"))
    assert caught.value.kind == "unauthorized"
    assert "CLI secret" in caught.value.advice


def test_images_with_very_many_labels_are_read_in_smaller_pages(harbor: HarborDouble) -> None:  # noqa: F811
    """Harbor lists an image with its whole configuration, so a page of 100 has no bound of its own."""
    harbor.state.seed("team", "app", 30)
    few = next(iter(harbor.state.projects[2].repositories["app"].artifacts.values()))
    labels = {"io.buildpacks.build.metadata": "x" * 9_000}
    few.extra = {**(few.extra or {}), "config": {"Labels": labels}}

    async def listed() -> list[str]:
        endpoint = Endpoint(harbor.url, *harbor.admin, allow_http=True)
        async with Harbor(endpoint, Limits(list_bytes=20_000)) as found:
            return [one.digest async for one in browsing.every_artifact(found, "team/app")]

    digests = run(listed())
    assert len(set(digests)) == len(digests) == 30
    assert sum("page_size=100" in one for one in harbor.requests) == 1
    labels["io.buildpacks.build.metadata"] = "x" * 30_000
    with pytest.raises(RegistryError) as caught:
        run(listed())
    assert caught.value.kind == "too_large"
