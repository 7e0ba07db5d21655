"""The double keeps to the contract of Harbor; where the recorded Harbor itself does not, that is listed, and true."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from tests import parts
from tests.harbor_double import HarborDouble, harbor_double
from tests.harbor_double.answers import answer
from tests.harbor_double.contract import Contract, breaches
from tests.harbor_double.differences import DIFFERENCES, Difference
from tests.harbor_double.routing import BASE, ROUTES

RECORDINGS = "harbor-2.15-recordings"


@pytest.fixture(autouse=True)
def contract() -> Path:
    """The contract itself, or skip."""
    return parts.shared("harbor-api-2.15.swagger.yaml")


@pytest.fixture
def recorded() -> Callable[[str], list[str]]:
    """The breaches of a recording."""

    def of(name: str) -> list[str]:
        found = json.loads((parts.shared(RECORDINGS) / f"{name}.json").read_text())
        if name == "robot-permission-matrix":
            statuses = {int(one["users/current"].split()[0]) for one in found.values()} - {401}
            return [line for one in statuses for line in breaches("GET", "/users/current", one, {"errors": []})]
        request, empty = found["request"], found["headers"].get("content-length") == "0"
        path = request["path"].removeprefix(BASE).partition("?")[0]
        return list(breaches(request["method"], path, found["status"], found["body"], empty))

    return of


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda one: f"{one.recording}-{one.breach[-30:]}")
def test_a_listed_difference_is_real(difference: Difference, recorded: Callable[[str], list[str]]) -> None:
    assert any(difference.matches(one) for one in recorded(difference.recording))


def test_no_recording_differs_in_a_way_that_is_not_listed(recorded: Callable[[str], list[str]]) -> None:
    folder = parts.shared(RECORDINGS)
    unlisted = []
    for path in sorted(folder.glob("*.json")):
        found = json.loads(path.read_text())
        request = found.get("request") or {}
        if str(request.get("path", "")).startswith(BASE) and "single-encoded" not in (found.get("note") or ""):
            lines = recorded(path.stem)
            unlisted += [f"{path.stem}: {one}" for one in lines if not any(d.matches(one) for d in DIFFERENCES)]
    assert unlisted == []


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", "/health", 200, {"status": 1, "components": []}),  # another type
        ("GET", "/health", 200, {"status": "healthy", "colour": "green"}),  # a name that it does not know
        ("GET", "/health", 202, {}),  # a status
        ("GET", "/wealth", 200, {}),  # a path
        ("GET", "/projects", 200, [{"project_id": "1"}]),
        ("GET", "/health", 200, None),
    ],
)
def test_a_breach_is_seen(method: str, path: str, status: int, body: Any) -> None:
    watch = Contract.shared()
    assert watch is not None
    response = answer(body, status)
    if body is None:
        response.body = b""
    watch.watch(method, BASE + path, response)
    assert len(watch.violations) == 1


def test_a_double_that_broke_it_fails_its_test(tmp_path: Path) -> None:
    wrong = r"GET /projects/\{project_name_or_id\} 200: name is int"
    with pytest.raises(AssertionError, match=wrong), harbor_double(tmp_path) as double:
        double.state.projects[1].name = 7  # type: ignore[assignment]
        requests.get(f"{double.url}{BASE}/projects/1", auth=double.admin, timeout=10)


def test_every_address_of_the_double_is_in_the_contract() -> None:
    """An operation that Harbor does not have would be an invention."""
    for route in ROUTES:
        path = route.pattern.pattern.rstrip("$")

        example = re.sub(r"\(\?P<\w+>\[\^/\]\+\)", "x", path)
        assert not [one for one in breaches(route.method, example, 200, None, True) if "no such operation" in one], path


@pytest.mark.parametrize(
    ("method", "path", "body", "wrong"),
    [
        ("POST", "/robots", {"name": "r", "duration": "30"}, "duration"),
        ("POST", "/robots", {"permissions": {"kind": "system"}}, "permissions"),
        ("POST", "/robots", {"permissions": [{"access": [{"resource": 1}]}]}, "permissions.0.access.0.resource"),
        ("POST", "/projects", {"project_name": 7}, "project_name"),
        ("POST", "/projects", {"metadata": {"public": True}}, "metadata.public"),
        ("POST", "/projects", [], ""),
        ("POST", "/projects/library/webhook/policies", {"targets": [{"skip_cert_verify": "no"}]}, "targets.0.skip"),
        ("POST", "/projects", {"project_name": "good", "unknown": 1}, None),
        ("POST", "/projects", {"project_name": "fine", "metadata": None}, None),
    ],
)
def test_a_body_of_other_types_is_not_read(
    harbor: HarborDouble, method: str, path: str, body: Any, wrong: str | None
) -> None:
    """Harbor reads bodies into the types of its contract, and answers 422 where they do not fit."""
    got = requests.request(method, harbor.url + BASE + path, json=body, auth=harbor.admin, timeout=9)
    if wrong is None:
        assert got.status_code == 201
    else:
        assert got.status_code == 422
        assert f"Go struct field {wrong}" in got.json()["errors"][0]["message"]
