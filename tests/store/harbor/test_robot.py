"""The same pages as a robot with the rights that ours have: it lists, and of all projects Harbor tells it little."""

import re
from typing import Any

import pytest
from django.urls import reverse

from harborweb import sealing
from harborweb.accounts.roles import Role
from harborweb.registry.models import PASSWORD_PURPOSE, Registry
from tests.registry.lying import lying
from tests.store.harbor.conftest import Filled
from tests.store.test_pages import text

pytestmark = pytest.mark.django_db
# What an audit needs at least (facts of Harbor 2.15.2): no `read`, so what is one thing alone is refused.
LEAST = [("repository", "list"), ("artifact", "list"), ("repository", "pull")]


@pytest.fixture
def by_robot(swept: Registry, filled: Filled) -> Registry:
    """The registry, as a robot with the least rights."""
    access = [{"resource": resource, "action": action} for resource, action in LEAST]
    permissions = [
        {"kind": "project", "namespace": "*", "access": access},
        {"kind": "system", "namespace": "/", "access": [{"resource": "project", "action": "list"}]},
    ]
    robot = next(iter(filled.harbor.state.robots.values()), None) or filled.harbor.state.add_robot("look", permissions)
    swept.username = robot.name
    swept.password_sealed = sealing.seal(robot.secret, PASSWORD_PURPOSE)
    swept.save()
    return swept


@pytest.mark.parametrize("sort", ["name", "-update_time", "-pull_count"])
def test_the_store_over_all_projects(as_role: Any, by_robot: Registry, filled: Filled, sort: str) -> None:
    before = len(filled.harbor.requests)
    response = as_role(Role.VIEWER).get(reverse("store:store", args=[by_robot.pk]), {"sort": sort})
    names = [card.repository.name for card in response.context["lists"].rows]
    assert set(names) == {
        "platform/app", "platform/multi", "platform/team/web/front", "teaching/hello", "trust/held",
    }  # fmt: skip
    assert names[0] == {"name": "platform/app", "-pull_count": "platform/app", "-update_time": names[0]}[sort]
    assert response.context["page"].paginator.count == 5
    assert all(card.latest for card in response.context["lists"].rows)
    assert not [one for one in filled.harbor.requests[before:] if re.match(r"GET /api/v2.0/repositories", one)]


def test_the_store_filtered_and_new(as_role: Any, by_robot: Registry) -> None:
    viewer = as_role(Role.VIEWER)
    address = reverse("store:store", args=[by_robot.pk])
    found = viewer.get(address, {"verdict": "trusted"}).context["lists"].rows
    assert [card.repository.name for card in found] == ["platform/app", "platform/multi"]
    found = viewer.get(address, {"q": "hello"}).context["lists"].rows
    assert [card.repository.name for card in found] == ["teaching/hello"]
    assert len(viewer.get(address, {"kind": "new"}).context["lists"].rows) == 5
    beyond = viewer.get(address, {"page": "2"})
    assert (beyond.context["lists"].rows, "There is no such page" in text(beyond)) == ([], True)


def test_lists_and_artifacts_need_no_right_to_read(as_role: Any, by_robot: Registry, filled: Filled) -> None:
    viewer = as_role(Role.VIEWER)
    for name, more in {"projects": [], "repositories": ["platform"], "repository": ["platform/app"]}.items():
        response = viewer.get(reverse(f"store:{name}", args=[by_robot.pk, *more]))
        assert (response.status_code, bool(response.context["lists"].rows)) == (200, True), text(response)
    response = viewer.get(reverse("store:artifact", args=[by_robot.pk, "platform/app", filled.app]))
    assert response.status_code == 200
    assert response.context["shown"].record.signed
    assert response.context["shown"].troubles == []
    child = viewer.get(reverse("store:artifact", args=[by_robot.pk, "platform/multi", filled.child]))
    assert (child.status_code, child.context["shown"].record) == (200, None)
    assert child.context["shown"].troubles == []


def test_a_project_that_refuses_the_robot_is_told_and_the_others_are_shown(
    as_role: Any, by_robot: Registry, filled: Filled
) -> None:
    with lying(upstream=filled.harbor.url) as liar:
        from tests.registry.lying import refuse

        liar.on(re.compile(r"/api/v2\.0/projects/teaching/repositories"), refuse(403, "FORBIDDEN"))
        Registry.objects.update(url=liar.url)
        response = as_role(Role.VIEWER).get(reverse("store:store", args=[by_robot.pk]))
        assert "teaching/hello" not in [card.repository.name for card in response.context["lists"].rows]
        assert len(response.context["lists"].rows) == 4
        assert "does not let" in text(response)
