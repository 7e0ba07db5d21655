"""Harbor's own API against the recorded answers of a real Harbor 2.15, and against answers that none gives."""

import asyncio
import json
import logging
import re
import time
from collections.abc import Awaitable, Callable
from datetime import UTC
from typing import Any

import pytest

from harborweb.registry.endpoint import Endpoint, Limits
from harborweb.registry.errors import NotFound, RegistryError
from harborweb.registry.harbor import browsing, projects, robots, system, upstreams, webhooks
from harborweb.registry.harbor.client import Harbor
from harborweb.registry.running import run
from tests import parts
from tests.registry.lying import Liar, answer, cut, endless, in_turn, page, raw, redirect, refuse, reply
from tests.registry.test_harbor import recorded

PATIENT = Limits(seconds=10, wait_seconds=1)
API = "/api/v2.0"
PULL = robots.Right("repository", "pull")
NEW_ROBOT = robots.NewRobot("auditmin", (robots.Grant("project", "demo", frozenset({PULL})),), 90, "peer")
Question = Callable[[Harbor], Awaitable[Any]]


def ask(liar: Liar, question: Question, *, limits: Limits = PATIENT, username: str = "admin") -> Any:
    """The answer to one question."""

    async def asked() -> Any:
        async with Harbor(Endpoint(liar.url, username, "secret-word", allow_http=True), limits) as harbor:
            return await question(harbor)

    return run(asked())


def refused(liar: Liar, question: Question, limits: Limits = PATIENT) -> RegistryError:
    """The failure of one question; it comes soon and says what to do."""
    begun = time.monotonic()
    with pytest.raises(RegistryError) as caught:
        ask(liar, question, limits=limits)
    assert time.monotonic() - begun < 30
    assert caught.value.message
    assert caught.value.advice
    return caught.value


def sent(name: str) -> Any:
    """The body of a recorded request."""
    return json.loads((parts.shared("harbor-2.15-recordings") / f"{name}.json").read_text())["request"]["body"]


# What the recordings say


def test_a_project_is_made_as_harbor_wants_it(liar: Liar) -> None:
    liar.on(f"{API}/projects", recorded("project-create-201"), "POST")
    liar.on(f"{API}/projects/demo", recorded("project-get-by-name"))
    made = ask(liar, lambda h: projects.create(h, projects.NewProject("demo", storage=projects.NO_LIMIT)))
    assert (made.name, made.id, made.public) == ("demo", 2, False)
    assert json.loads(liar.asked(f"{API}/projects")[0].body) == sent("project-create-201")


def test_a_proxy_project_is_made_as_harbor_wants_it(liar: Liar) -> None:
    liar.on(f"{API}/projects", recorded("proxy-project-create"), "POST")
    liar.on(f"{API}/projects/pcache", recorded("proxy-project-get"))
    made = ask(liar, lambda h: projects.create(h, projects.NewProject("pcache", public=True, registry=1)))
    assert (made.name, made.proxies) == ("pcache", 1)
    assert json.loads(liar.asked(f"{API}/projects")[0].body) == sent("proxy-project-create")


@pytest.mark.parametrize(
    ("recording", "kind", "words"),
    [
        ("project-create-409-exists", "conflict", "already exists"),
        ("project-create-400-badname", "invalid", "not in lower case"),
        ("proxy-project-create-dev-403", "forbidden", "Only system admin"),
        ("proxy-project-create-bad-registry", "server", "internal server error"),
        ("csrf-9-post-basic-plus-session-cookie-no-token", "forbidden", "CSRF"),
    ],
)
def test_a_refusal_to_make_a_project_keeps_harbors_words(liar: Liar, recording: str, kind: str, words: str) -> None:
    liar.on(f"{API}/projects", recorded(recording), "POST")
    error = refused(liar, lambda h: projects.create(h, projects.NewProject("demo")))
    assert error.kind == kind
    assert words in error.message
    assert len(liar.requests) == 1


@pytest.mark.parametrize("name", ["", "a/b", "Bad Name!", "../x", "x?y", "a" * 300])
def test_a_name_that_is_none_is_never_sent(liar: Liar, name: str) -> None:
    assert refused(liar, lambda h: projects.create(h, projects.NewProject(name))).kind == "invalid"
    assert refused(liar, lambda h: webhooks.every(h, name)).kind == "invalid"
    assert not liar.requests


def test_quotas_and_usage(liar: Liar) -> None:
    liar.on(f"{API}/quotas", recorded("quotas-list"))
    liar.on(f"{API}/projects/demo/summary", recorded("project-summary"))
    found = ask(liar, projects.quotas)
    assert {(one.project, one.limited, one.used) for one in found} >= {("demo", False, 5716), ("trust", False, 0)}
    usage = ask(liar, lambda h: projects.usage(h, "demo"))
    assert (usage.limit, usage.used) == (projects.NO_LIMIT, 0)


def test_whether_a_project_is_there(liar: Liar) -> None:
    liar.on(f"{API}/projects", recorded("project-head-exists"), "HEAD")
    assert ask(liar, lambda h: projects.exists(h, "demo")) is True
    liar.on(f"{API}/projects", recorded("project-head-missing-404"), "HEAD")
    assert ask(liar, lambda h: projects.exists(h, "nosuch")) is False


def test_a_robot_is_made_listed_refreshed_and_deleted(liar: Liar) -> None:
    liar.on(f"{API}/robots", recorded("robot-create-auditmin"), "POST")
    made = ask(liar, lambda h: robots.create(h, NEW_ROBOT))
    assert (made.id, made.name, made.secret, made.expires) == (5, "robot$demo+auditmin", "redacted", None)
    assert "redacted" not in repr(made)
    body = json.loads(liar.requests[0].body)
    assert body["duration"] == 90
    assert body["permissions"] == [
        {"kind": "project", "namespace": "demo", "access": [{"resource": "repository", "action": "pull"}]}
    ]
    liar.on(f"{API}/robots", recorded("robots-list-system"), "GET")

    async def listed(harbor: Harbor) -> list[robots.Robot]:
        return [one async for one in robots.every(harbor)]

    (only,) = ask(liar, listed)
    assert (only.id, only.name, only.level) == (12, "robot$sysaudit", "system")
    assert robots.Right("project", "list") in only.grants[0].rights
    liar.on(f"{API}/robots/10", recorded("robot-get"))
    assert ask(liar, lambda h: robots.get(h, 10)).grants[0].namespace == "demo"
    liar.on(f"{API}/robots/1", recorded("robot-refresh-secret"), "PATCH")
    assert ask(liar, lambda h: robots.refresh(h, 1)) == "redacted"
    liar.on(f"{API}/robots/1", answer(200), "DELETE")
    ask(liar, lambda h: robots.delete(h, 1))
    assert [one.method for one in liar.asked(f"{API}/robots/1")] == ["PATCH", "DELETE"]


def test_when_a_robot_expires(liar: Liar) -> None:
    liar.on(f"{API}/robots/7", reply({"id": 7, "expires_at": 1_800_000_000}))
    assert ask(liar, lambda h: robots.get(h, 7)).expires.tzinfo is UTC
    for odd in (-1, 0, None, "x", 10**30, True, []):
        liar.on(f"{API}/robots/7", reply({"id": 7, "expires_at": odd}))
        assert ask(liar, lambda h: robots.get(h, 7)).expires is None


@pytest.mark.parametrize(
    ("recording", "kind"),
    [
        ("robot-create-400-bad-permission", "invalid"),
        ("robot-create-400-badname", "invalid"),
        ("robot-create-404-namespace", "not_found"),
        ("robot-create-409-dup", "conflict"),
        ("robot-create-no-access", "invalid"),
    ],
)
def test_a_refusal_to_make_a_robot(liar: Liar, recording: str, kind: str) -> None:
    liar.on(f"{API}/robots", recorded(recording), "POST")
    assert refused(liar, lambda h: robots.create(h, NEW_ROBOT)).kind == kind


def test_webhooks(liar: Liar) -> None:
    where = f"{API}/projects/demo/webhook/policies"
    new = webhooks.NewPolicy(
        "hook1", ("PUSH_ARTIFACT", "DELETE_ARTIFACT", "PULL_ARTIFACT"),
        webhooks.Target("http://peer-hook:9000/default", "Bearer abc", skip_cert_verify=True),
    )  # fmt: skip
    liar.on(where, recorded("webhook-create"), "POST")
    assert ask(liar, lambda h: webhooks.create(h, "demo", new)) == 1
    assert json.loads(liar.requests[0].body) == sent("webhook-create")
    liar.on(where, recorded("webhook-policies"), "GET")
    second, first = ask(liar, lambda h: webhooks.every(h, "demo"))
    assert (first.id, first.name, first.events, first.targets) == (1, "hook1", new.events, (new.target,))
    assert second.targets[0].payload_format == "CloudEvents"
    assert "Bearer abc" not in repr(first)
    liar.on(f"{API}/projects/demo/webhook/events", recorded("webhook-events"))
    told = ask(liar, lambda h: webhooks.events(h, "demo"))
    assert "QUOTA_EXCEED" in told.events
    assert told.formats == ("Default", "CloudEvents")
    liar.on(f"{where}/1", answer(200))
    ask(liar, lambda h: webhooks.update(h, "demo", 1, new))
    ask(liar, lambda h: webhooks.delete(h, "demo", 1, "hook1"))
    assert [one.method for one in liar.asked(f"{where}/1")] == ["PUT", "DELETE"]
    liar.on(where, recorded("webhook-create-bad-event"), "POST")
    assert "NOPE" in refused(liar, lambda h: webhooks.create(h, "demo", new)).message
    liar.on(where, recorded("webhook-policies-dev"), "GET")
    assert refused(liar, lambda h: webhooks.every(h, "demo")).kind == "forbidden"


def test_upstreams(liar: Liar) -> None:
    new = upstreams.NewUpstream("up", "docker-registry", "http://peer-upstream:5000", "u", "p", insecure=True)
    assert "'p'" not in repr(new)
    liar.on(f"{API}/replication/adapters", recorded("registries-adapters"))
    liar.on(f"{API}/replication/adapterinfos", recorded("registries-adapterinfos"))
    assert {"docker-hub", "github-ghcr", "harbor"} <= set(ask(liar, upstreams.adapters))
    assert ask(liar, upstreams.endpoints)["ali-acr"][0].url.startswith("https://")
    liar.on(f"{API}/registries/ping", recorded("registry-ping"))
    ask(liar, lambda h: upstreams.ping(h, new))
    assert json.loads(liar.requests[-1].body) == {
        "type": "docker-registry", "url": "http://peer-upstream:5000", "insecure": True,
        "credential_type": "basic", "access_key": "u", "access_secret": "p",
    }  # fmt: skip
    liar.on(f"{API}/registries", recorded("registry-create"), "POST")
    assert ask(liar, lambda h: upstreams.create(h, new)) == 1
    assert sent("registry-create").items() <= json.loads(liar.requests[-1].body).items()
    liar.on(f"{API}/registries", recorded("registries-list"), "GET")
    (kept,) = ask(liar, upstreams.every)
    assert (kept.id, kept.username, kept.healthy, kept.insecure) == (1, "u", True, True)
    for recording, kind in {
        "registry-create-bad-url": "invalid", "registry-create-409": "conflict", "registry-create-bad-type": "server",
    }.items():  # fmt: skip
        liar.on(f"{API}/registries", recorded(recording), "POST")
        assert refused(liar, lambda h: upstreams.create(h, new)).kind == kind
    liar.on(f"{API}/registries/1", recorded("project-delete-registry-in-use"), "DELETE")
    error = refused(liar, lambda h: upstreams.delete(h, 1, "up"))
    assert error.kind == "in_use"
    assert "proxy cache project" in error.message


def test_what_harbor_says_of_itself(liar: Liar) -> None:
    liar.on(f"{API}/systeminfo", recorded("systeminfo-admin"))
    found = ask(liar, system.info)
    assert (found.version, found.build, found.auth_mode) == ("2.15.2", "080b0220", "db_auth")
    liar.on(f"{API}/systeminfo", recorded("systeminfo-anonymous"))
    assert ask(liar, system.info).version == ""
    liar.on(f"{API}/systeminfo/volumes", recorded("systeminfo-volumes-admin"))
    assert ask(liar, system.volumes)[0].free == 70496985088
    liar.on(f"{API}/health", recorded("health"))
    well = ask(liar, system.health)
    assert (well.healthy, len(well.components), well.ill) == (True, 7, [])
    ill = {"status": "unhealthy", "components": [{"name": "redis", "status": "unhealthy", "error": "no\nanswer"}]}
    liar.on(f"{API}/health", reply(ill))
    assert [(one.name, one.error) for one in ask(liar, system.health).ill] == [("redis", "no answer")]
    liar.on(f"{API}/permissions", recorded("permissions"))
    given = ask(liar, system.permissions)
    assert robots.Right("robot", "create") in given["system"]
    liar.on(f"{API}/users/current/permissions", recorded("users-current-permissions"))
    assert robots.Right("repository", "push") in ask(liar, lambda h: system.my_rights(h, 2))


def test_who_we_are(liar: Liar) -> None:
    current = f"{API}/users/current"
    liar.on(current, recorded("users-current-admin"))
    assert ask(liar, system.whoami) == system.Who(system.Kind.ADMINISTRATOR, "admin")
    liar.on(current, reply({"username": "dev", "sysadmin_flag": False}))
    assert ask(liar, system.whoami).kind == system.Kind.PERSON
    liar.on(current, refuse(412, "PRECONDITION"))
    assert ask(liar, system.whoami, username="robot$x") == system.Who(system.Kind.ROBOT, "robot$x")
    liar.on(current, recorded("wrong-password-401"))
    error = refused(liar, system.whoami)
    assert (error.kind, error.field) == ("unauthorized", "password")
    liar.requests.clear()
    assert ask(liar, system.whoami, username="").kind == system.Kind.NOBODY
    assert not liar.requests


@pytest.mark.parametrize(
    ("lie", "kind"),
    [
        (page(), "not_a_registry"),
        (page(412), "server"),
        (page(502), "server"),
        (reply({}), "not_a_registry"),
        (reply([]), "not_a_registry"),
        (reply(None), "not_a_registry"),
        (reply({"username": 5, "sysadmin_flag": True}), "not_a_registry"),
        (redirect("https://127.0.0.1:1/"), "unreachable"),
    ],
)
def test_nothing_else_proves_who_we_are(liar: Liar, lie: Any, kind: str) -> None:
    liar.on(f"{API}/users/current", lie)
    assert refused(liar, system.whoami).kind == kind


# Reads: again, within bounds


PASSING = {
    "502": page(502), "503": page(503), "429": refuse(429, "TOOMANYREQUESTS", {"Retry-After": "0"}), "closed": raw(b""),
    "silent": raw(b"", hang=True), "cut": cut(200, b"[{", 100, {"Content-Type": "application/json"}),
}  # fmt: skip


@pytest.mark.parametrize("first", PASSING)
def test_a_read_is_asked_again(liar: Liar, first: str) -> None:
    liar.on(f"{API}/projects", in_turn(PASSING[first], recorded("projects-list-admin-initial")))
    limits = Limits(seconds=1, wait_seconds=1) if first == "silent" else PATIENT
    assert ask(liar, browsing.projects, limits=limits).items[0].name == "library"
    assert len(liar.requests) == 2


def test_waits_grow_and_differ(liar: Liar) -> None:
    seen: list[float] = []

    async def down(request: Any, writer: asyncio.StreamWriter) -> None:
        seen.append(time.monotonic())
        await page(503)(request, writer)

    liar.on(f"{API}/health", down)
    waits = []
    for _ in range(2):
        seen.clear()
        assert refused(liar, system.health).status == 503
        waits.append((seen[1] - seen[0], seen[2] - seen[1]))
    assert all(first >= 0.5 and second >= 1.0 for first, second in waits)
    assert waits[0] != waits[1]


def test_retry_after_is_heeded_and_too_long_a_one_is_not_waited_for(liar: Liar) -> None:
    later = refuse(429, "TOOMANYREQUESTS", {"Retry-After": "1"})
    liar.on(f"{API}/projects", in_turn(later, recorded("projects-list-admin-initial")))
    begun = time.monotonic()
    ask(liar, browsing.projects)
    assert time.monotonic() - begun >= 1
    liar.requests.clear()
    liar.on(f"{API}/projects", refuse(429, "TOOMANYREQUESTS", {"Retry-After": "600"}))
    begun = time.monotonic()
    assert refused(liar, browsing.projects).kind == "throttled"
    assert time.monotonic() - begun < 30
    assert len(liar.requests) == 1


def test_all_retries_together_are_bounded(liar: Liar) -> None:
    liar.on(f"{API}/projects", raw(b"", hang=True))
    begun = time.monotonic()
    limits = Limits(seconds=1, overall_seconds=1.8, retries=50, wait_seconds=1)
    assert refused(liar, browsing.projects, limits).kind == "timeout"
    assert time.monotonic() - begun < 10  # fifty retries would take a minute
    liar.on(f"{API}/projects", page(503))
    begun = time.monotonic()
    assert refused(liar, browsing.projects, limits).status == 503
    assert time.monotonic() - begun < 10  # fifty retries would take a minute


def test_answers_are_bounded_in_size(liar: Liar) -> None:
    limits = Limits(seconds=2, list_bytes=100_000, pages=3)
    liar.on(f"{API}/projects", endless({"Content-Type": "application/json"}))
    assert refused(liar, browsing.projects, limits).kind == "too_large"
    many = [{"id": number, "name": f"r{number}"} for number in range(100)]
    liar.on(f"{API}/robots", reply(many, {"X-Total-Count": "10000000"}))

    async def every(harbor: Harbor) -> list[robots.Robot]:
        return [one async for one in robots.every(harbor)]

    assert refused(liar, every, limits).kind == "too_large"
    assert len(liar.asked(f"{API}/robots")) == 3


@pytest.mark.parametrize("body", [b"<html>", b"", b"{}", b"5", b'"x"', b"[1]", b"[" * 5000])
def test_what_is_no_list_is_refused(liar: Liar, body: bytes) -> None:
    liar.on(re.compile(".*"), answer(200, body, {"Content-Type": "application/json"}))
    for question in (browsing.projects, upstreams.every, projects.quotas):
        assert refused(liar, question).kind == "not_a_registry"


def test_null_lists_are_empty(liar: Liar) -> None:
    liar.on(re.compile(".*"), reply(None))
    assert ask(liar, upstreams.every) == []
    assert ask(liar, lambda h: webhooks.every(h, "demo")) == []
    assert ask(liar, upstreams.adapters) == []


# Writes: once


WRITES: dict[str, Question] = {
    "project": lambda h: projects.create(h, projects.NewProject("demo")),
    "robot": lambda h: robots.create(h, NEW_ROBOT),
    "refresh": lambda h: robots.refresh(h, 1),
    "delete robot": lambda h: robots.delete(h, 1, "x"),
    "webhook": lambda h: webhooks.create(
        h, "demo", webhooks.NewPolicy("x", ("PUSH_ARTIFACT",), webhooks.Target("http://x/"))
    ),
    "upstream": lambda h: upstreams.create(h, upstreams.NewUpstream("x", "harbor", "https://x")),
}
LOST = {
    "silence": raw(b"", hang=True), "closed": raw(b""), "cut": cut(201, b"", 10), "502": page(502), "504": page(504),
    "not HTTP": raw(b"SSH-2.0\r\n"), "endless": endless(),
}  # fmt: skip


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("lost", LOST)
def test_a_write_whose_answer_is_lost_is_not_sent_again(liar: Liar, write: str, lost: str) -> None:
    liar.on(re.compile(".*"), LOST[lost])
    limits = Limits(seconds=0.5 if lost == "silence" else 10, list_bytes=100_000)
    error = refused(liar, WRITES[write], limits)
    assert error.kind == "unsure"
    assert "may have been done" in error.advice
    assert ("Look" in error.advice) or ("Try whether" in error.advice)
    assert len(liar.requests) == 1


@pytest.mark.parametrize("status", [429, 503, 500, 400, 403, 404, 409, 412])
def test_a_write_that_was_refused_is_not_sent_again_either(liar: Liar, status: int) -> None:
    liar.on(re.compile(".*"), refuse(status, "X_UNKNOWN", {"Retry-After": "0"}))
    for write in WRITES.values():
        liar.requests.clear()
        error = refused(liar, write)
        assert error.kind != "unsure"
        assert len(liar.requests) == 1


def test_a_write_that_never_left_is_no_riddle() -> None:
    async def asked() -> None:
        async with Harbor(Endpoint(f"http://127.0.0.1:{parts.free_port()}", "a", "b", allow_http=True), PATIENT) as h:
            await robots.delete(h, 1)

    with pytest.raises(RegistryError) as caught:
        run(asked())
    assert caught.value.kind == "unreachable"


@pytest.mark.parametrize("body", [b"", b"<html>", b"null", b"{}", b'{"id": 5, "name": "robot$other", "secret": "x"}'])
def test_a_robot_without_its_secret_may_have_been_made(liar: Liar, body: bytes) -> None:
    liar.on(f"{API}/robots", answer(201, body), "POST")
    error = refused(liar, lambda h: robots.create(h, NEW_ROBOT))
    assert error.kind == "unsure"
    assert "auditmin" in error.advice
    liar.on(f"{API}/robots/1", answer(200, body.replace(b"secret", b"secre")), "PATCH")
    assert refused(liar, lambda h: robots.refresh(h, 1)).kind == "unsure"


def test_what_is_gone_is_not_found(liar: Liar) -> None:
    liar.on(re.compile(".*"), refuse(404, "NOT_FOUND"))
    assert isinstance(refused(liar, lambda h: robots.delete(h, 1)), NotFound)
    liar.on(re.compile(".*"), page(404))
    assert not isinstance(refused(liar, lambda h: robots.delete(h, 1)), NotFound)


# Cookies, ids, secrets


def test_no_cookie_is_kept(liar: Liar) -> None:
    cookie = {"Set-Cookie": "sid=abc; Path=/; HttpOnly"}
    liar.on(f"{API}/projects", reply([], cookie), "GET")
    liar.on(f"{API}/projects", answer(201, b"", {**cookie, "Location": f"{API}/projects/2"}), "POST")
    liar.on(f"{API}/projects/demo", reply({"name": "demo"}, cookie))

    async def both(harbor: Harbor) -> None:
        await browsing.projects(harbor)
        await projects.create(harbor, projects.NewProject("demo"))

    ask(liar, both)
    assert [one.method for one in liar.requests] == ["GET", "POST", "GET"]
    assert not any("Cookie" in one.headers for one in liar.requests)


def test_the_log_has_the_request_id_and_no_secret(liar: Liar, caplog: pytest.LogCaptureFixture) -> None:
    liar.on(f"{API}/robots", recorded("robot-create-auditmin"), "POST")
    liar.on(f"{API}/robots/9", raw(b""), "DELETE")
    with caplog.at_level(logging.DEBUG, "harborweb"):
        ask(liar, lambda h: robots.create(h, NEW_ROBOT))
        refused(liar, lambda h: robots.delete(h, 9))
    identifiers = [one.headers["X-Request-Id"] for one in liar.requests]
    assert len(set(identifiers)) == 2
    assert all(identifier in caplog.text for identifier in identifiers)
    assert "POST" in caplog.text
    assert "secret-word" not in caplog.text
    assert "redacted" not in caplog.text


def test_the_distribution_api_names_its_requests_too(liar: Liar, caplog: pytest.LogCaptureFixture) -> None:
    """Also each retry, under the same id: Harbor's own log has it."""
    from tests.registry.images import client

    liar.on("/v2/", in_turn(page(503), reply({})))

    async def ping() -> None:
        async with client(liar.url) as c:
            await c.ping()

    with caplog.at_level(logging.DEBUG, "harborweb"):
        run(ping())
    first, second = (one.headers["X-Request-Id"] for one in liar.requests)
    assert first == second
    assert f"503, request {first} is asked again" in caplog.text
    assert f"200, request {first}" in caplog.text


def test_who_waits_for_a_connection_has_all_the_time_afterwards(liar: Liar) -> None:
    """Many questions through one connection: the last one has waited longer than all of its own time."""

    async def slow(request: Any, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.3)
        await reply([])(request, writer)

    liar.on(f"{API}/projects", slow)

    async def many(harbor: Harbor) -> None:
        await asyncio.gather(*(browsing.projects(harbor) for _ in range(7)))

    ask(liar, many, limits=Limits(seconds=1.5, overall_seconds=1.5, connections=1, retries=0))
    assert len(liar.requests) == 7
