"""Who may tell us something, what of it is kept, and that nothing of it costs much."""

import asyncio
import json
import secrets
import socket
import threading
import time
from typing import Any

import pytest
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from harborweb.asgi import bounded
from harborweb.audit import tasks
from harborweb.audit.hooks import payload, queueing, receiving
from harborweb.audit.hooks.hashing import hashed
from harborweb.audit.models import Hook, HookEvent
from harborweb.jobs.models import Job
from harborweb.registry.models import Registry
from tests.audit import harbor_says as says

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "Bearer what only Harbor and its policy know"
A, B = (f"sha256:{letter * 64}" for letter in "ab")
Kind, State = HookEvent.Kind, HookEvent.State


@pytest.fixture
def hook(redis_settings: str) -> Hook:
    """A project that tells us; Redis is there, and no worker."""
    registry = Registry.objects.create(name="lab", url="http://127.0.0.1:1", allow_http=True)
    return Hook.objects.create(registry=registry, project="team", secret_hash=hashed(SECRET), address="-")


def post(hook: Hook | int, body: bytes, secret: str | None = SECRET, kind: str = says.DEFAULT, **more: Any) -> Any:
    headers = {"Authorization": secret} if secret is not None else {}
    number = hook if isinstance(hook, int) else hook.registry.pk
    client = Client(enforce_csrf_checks=True)
    return client.post(f"/hooks/harbor/{number}/", body, content_type=kind, headers=headers, **more)


def push(tag: str = "1", digest: str = A, repository: str = "team/app", at: int = 1795435731) -> bytes:
    return says.default("PUSH_ARTIFACT", says.artifact(repository, tag, digest), at)


def told() -> list[tuple[str, str, str, str]]:
    rows = HookEvent.objects.order_by("pk")
    return list(rows.values_list("kind", "repository", "tag", "digest"))


@pytest.mark.parametrize("number", range(6))
def test_what_a_real_harbor_posted_is_understood(hook: Hook, number: int) -> None:
    request = says.recorded()[number]
    Hook.objects.update(project="demo")
    kind = request["headers"]["Content-Type"]
    assert post(hook, request["body"].encode(), kind=kind).status_code == 202
    if "PULL_ARTIFACT" in request["body"]:
        assert told() == [] and Job.objects.count() == 0
    else:
        [(event, repository, tag, _digest)] = told()
        assert (event, repository, tag) in {("push", "demo/team/web/front", "2.0"), ("push", "demo/app", "rel-1")}
        assert Job.objects.get().subject == repository
    hook.refresh_from_db()
    assert hook.events == 1 and hook.last_event


def test_both_formats_say_the_same(hook: Hook) -> None:
    data = says.artifact("team/app", "1", A)
    assert payload.read(says.cloud("PUSH_ARTIFACT", data), says.CLOUD, "team")[0].tag == "1"
    one, other = (
        payload.read(body, kind, "team")
        for body, kind in (
            (says.cloud("DELETE_ARTIFACT", data), says.CLOUD), (says.default("DELETE_ARTIFACT", data), says.DEFAULT),
        )
    )  # fmt: skip
    assert [(t.kind, t.repository, t.tag, t.digest) for t in one] == [
        (t.kind, t.repository, t.tag, t.digest) for t in other
    ]


@pytest.mark.parametrize("secret", [None, "", "Bearer wrong", SECRET.removeprefix("Bearer "), SECRET + " ", "x" * 9000])
def test_without_the_secret_nothing_is_learned(hook: Hook, secret: str | None) -> None:
    answer = post(hook, push(), secret)
    there_is_none = post(hook.registry.pk + 999, push(), secret)
    for one in (answer, there_is_none):
        assert (one.status_code, one.content) == (401, b"")
    assert dict(answer.items()) == dict(there_is_none.items())
    assert told() == [] and Job.objects.count() == 0


def test_an_empty_secret_in_the_database_lets_nobody_in(hook: Hook) -> None:
    Hook.objects.update(secret_hash="", former_hash="")
    assert post(hook, push(), "").status_code == post(hook, push(), None).status_code == 401
    Hook.objects.update(secret_hash=receiving.NOBODY)
    assert post(hook, push(), "").status_code == 401


def test_the_secret_of_a_registry_opens_no_other(hook: Hook) -> None:
    other = Registry.objects.create(name="other", url="http://127.0.0.1:2", allow_http=True)
    assert post(other.pk, push()).status_code == 401


def test_a_hook_that_is_switched_off_is_deaf(hook: Hook) -> None:
    Hook.objects.update(enabled=False)
    assert post(hook, push()).status_code == 401


def test_a_former_secret_is_good_until_the_new_one_has_arrived(hook: Hook) -> None:
    Hook.objects.update(secret_hash=hashed("new"), former_hash=hashed(SECRET))
    assert post(hook, push()).status_code == post(hook, push("2"), "new").status_code == 202
    Hook.objects.update(former_hash="")
    assert post(hook, push()).status_code == 401


def test_a_number_that_no_database_holds_is_an_unknown_registry(hook: Hook) -> None:
    assert post(10**30, push()).status_code == 401


def test_secrets_are_compared_in_constant_time_with_as_many_questions_for_strangers(
    hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = []
    real = secrets.compare_digest
    monkeypatch.setattr(receiving.secrets, "compare_digest", lambda a, b: compared.append((a, b)) or real(a, b))
    asked = []
    for number, secret in ((hook.registry.pk, SECRET), (hook.registry.pk, "wrong"), (424242, SECRET), (424242, "")):
        with CaptureQueriesContext(connection) as queries:
            receiving.speaker(number, secret)
        asked.append(len(queries))
    assert len(compared) == 8 and asked == [1, 1, 1, 1]
    assert {len(one) for pair in compared for one in pair} == {64}  # hashes, never the secret itself


def test_the_database_does_not_hold_the_secret(hook: Hook) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM audit_hook")
        assert "only Harbor" not in str(cursor.fetchall())
    assert hashed(SECRET) != hashed(SECRET + "x")


def test_only_posting(hook: Hook) -> None:
    for method in ("get", "put", "delete", "head", "options"):
        answer = getattr(Client(), method)(f"/hooks/harbor/{hook.registry.pk}/", headers={"Authorization": SECRET})
        assert answer.status_code == 405


def test_a_body_of_ten_megabytes_is_not_read(hook: Hook, settings: Any) -> None:
    began = time.thread_time()
    assert post(hook, b"[" * 10_000_000).status_code == 413
    assert post(hook, b"[" * 10_000_000, "wrong").status_code == 401
    assert post(hook, push() + b" " * settings.HOOK_MAX_BYTES).status_code == 413
    assert time.thread_time() - began < 2
    assert told() == []


def test_the_server_itself_keeps_no_more_of_it_than_can_be_told_to_be_too_much(settings: Any) -> None:
    kept, sent = (
        [],
        [{"type": "http.request", "body": b"x" * 40_000, "more_body": number < 99} for number in range(100)],
    )

    async def app(_scope: Any, receive: Any, _send: Any) -> None:
        while (message := await receive()).get("more_body"):
            kept.append(len(message["body"]))

    async def receive() -> dict[str, Any]:
        return sent.pop(0)

    scope = {"type": "http", "path": "/hooks/harbor/1/", "headers": [(b"content-length", b"4000000")]}
    asyncio.run(bounded(app)(scope, receive, None))
    assert sum(kept) == settings.HOOK_MAX_BYTES + 1


JUNK = {
    "nothing": b"",
    "no json": b"\x00\xff garbage",
    "half": b'{"type": "PUSH_ARTIFACT"',
    "a list": b"[]",
    "a number": b"17",
    "null": b"null",
    "nested": b'{"type":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    "nested objects": b'{"event_data":' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}",
    "no type": b'{"occur_at": 1}',
    "type is a list": b'{"type": ["PUSH_ARTIFACT"], "event_data": {}}',
    "another type": b'{"type": "DROP TABLE", "event_data": {}}',
    "no data": b'{"type": "PUSH_ARTIFACT"}',
    "data is a list": b'{"type": "PUSH_ARTIFACT", "event_data": []}',
    "no repository": b'{"type": "PUSH_ARTIFACT", "event_data": {"resources": [{"tag": "1"}]}}',
    "no resources": says.default("PUSH_ARTIFACT", {**says.artifact("team/app", "1", A), "resources": []}),
    "resources null": says.default("PUSH_ARTIFACT", {**says.artifact("team/app", "1", A), "resources": None}),
    "no names": says.default("PUSH_ARTIFACT", {**says.artifact("team/app", "1", A), "resources": [{}]}),
    "climbing": says.default("PUSH_ARTIFACT", says.artifact("team/../../etc/passwd", "1", A)),
    "climbing, encoded": says.default("PUSH_ARTIFACT", says.artifact("team/%2e%2e/x", "1", A)),
    "a question mark": says.default("PUSH_ARTIFACT", says.artifact("team/app?x=1", "1", A)),
    "upper case": says.default("PUSH_ARTIFACT", says.artifact("team/App", "1", A)),
    "very long": says.default("PUSH_ARTIFACT", says.artifact("team/" + "a" * 300, "1", A)),
    "another project": says.default("PUSH_ARTIFACT", says.artifact("teams/app", "1", A)),
    "the project alone": says.default("PUSH_ARTIFACT", says.artifact("team", "1", A)),
    "a tag that is none": says.default("PUSH_ARTIFACT", says.artifact("team/app", "../1", A)),
    "a tag with a line end": says.default("PUSH_ARTIFACT", says.artifact("team/app", "1\n", A)),
    "a digest that is none": says.default("PUSH_ARTIFACT", says.artifact("team/app", "1", "sha256:1")),
    "a replication of nothing": says.default("REPLICATION", {"replication": None}),
    "a replication elsewhere": says.default("REPLICATION", says.replication("other", "app:1")),
    "a replication that climbs": says.default("REPLICATION", says.replication("team", "../../x:1")),
    "a quota of another project": says.default("QUOTA_EXCEED", says.quota("other/app", "full")),
}


@pytest.mark.parametrize("name", JUNK)
def test_junk_is_refused_in_words(hook: Hook, name: str, caplog: pytest.LogCaptureFixture) -> None:
    answer = post(hook, JUNK[name])
    assert answer.status_code == 400
    sentence = answer.content.decode()
    assert len(sentence) > 10 and sentence.endswith(".") and "\n" not in sentence and len(sentence) < 300
    assert sentence in caplog.text
    hook.refresh_from_db()
    assert hook.problem == sentence and hook.problem_at
    assert told() == [] and Job.objects.count() == 0


@pytest.mark.parametrize(
    "kind", ["text/plain", "", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_another_content_type_is_junk(hook: Hook, kind: str) -> None:
    assert post(hook, push(), kind=kind).status_code == 400
    assert told() == []


def test_the_same_waits_once(hook: Hook) -> None:
    for _time in range(3):
        assert post(hook, push()).status_code == 202
    assert len(told()) == 1 and HookEvent.objects.get().repeats == 2
    assert (
        post(hook, push(at=1795435999)).status_code == 202
    )  # pushed again, and the first still waits: one look will do
    assert len(told()) == 1 and Job.objects.count() == 1


def test_a_delivery_is_taken_once_though_it_was_looked_at(hook: Hook) -> None:
    ours = says.cloud("PUSH_ARTIFACT", says.artifact("team/app", "1", A), "6f1324b1-bdef-407d-956b-2c4292f9868c")
    for body, kind in ((push(), says.DEFAULT), (ours, says.CLOUD)):
        post(hook, body, kind=kind)
        HookEvent.objects.update(state=State.DONE)
        before = HookEvent.objects.count()
        assert post(hook, body, kind=kind).status_code == 202
        assert HookEvent.objects.count() == before
    assert post(hook, push(at=1795435740)).status_code == 202  # a push of its own
    assert HookEvent.objects.count() == 3


def test_a_tag_that_came_back_to_a_digest_is_looked_at_again(hook: Hook) -> None:
    """A, B and A again within a second look like two deliveries of A; the second A must not be lost."""
    for digest in (A, B, A):
        post(hook, push(digest=digest))
        HookEvent.objects.update(state=State.DONE)
    assert [digest for *_rest, digest in told()] == [A, B, A]


def test_hundreds_of_events_of_one_repository_are_one_job(hook: Hook) -> None:
    slowest = 0.0
    for number in range(300):
        body = push(tag=f"v{number % 150}", digest=f"sha256:{number % 150:064x}")
        began = time.thread_time()
        assert post(hook, body).status_code == 202
        slowest = max(slowest, time.thread_time() - began) if number > 20 else slowest
    assert Job.objects.count() == 1 and HookEvent.objects.count() == 150
    assert slowest < 1


def test_more_than_will_be_kept_waits_at_harbor(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "MOST_WAITING", 3)
    answers = [post(hook, push(tag=f"v{number}")) for number in range(5)]
    assert [one.status_code for one in answers] == [202, 202, 202, 429, 429]
    assert answers[-1]["Retry-After"]
    assert len(told()) == 3


def test_an_answer_comes_at_once(hook: Hook) -> None:
    """Measured in the time of this thread, since others share the machine; this registry would never answer."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hook.registry.url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        hook.registry.save()
        spent, waited = [], []
        for number in range(40):
            began = time.thread_time(), time.perf_counter()
            assert post(hook, push(tag=f"v{number}", repository=f"team/app-{number}")).status_code == 202
            spent.append(time.thread_time() - began[0])
            waited.append(time.perf_counter() - began[1])
        assert sorted(spent)[20] < 0.05 and max(waited) < 20, (sorted(spent), sorted(waited))
        silent.settimeout(0)
        with pytest.raises(BlockingIOError):  # nobody knocked
            silent.accept()
    assert HookEvent.objects.filter(state=State.WAITING).count() == 40


def test_two_web_workers_get_the_same_delivery_at_once(hook: Hook) -> None:
    def deliver() -> None:
        answers.append(post(hook, push()).status_code)
        connections.close_all()

    answers: list[int] = []
    threads = [threading.Thread(target=deliver) for _number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [202] * 4
    assert len(told()) == 1 and Job.objects.count() == 1


def test_without_redis_the_event_is_kept_and_queued_later(hook: Hook, settings: Any) -> None:
    good, settings.CELERY_BROKER_URL = settings.CELERY_BROKER_URL, "redis://127.0.0.1:1/0"
    assert post(hook, push()).status_code == 202
    assert Job.objects.get().state == Job.State.FAILED
    settings.CELERY_BROKER_URL = good
    assert queueing.look_after(tasks.look) == 1
    assert Job.objects.first().state == Job.State.REQUESTED
    assert queueing.look_after(tasks.look) == 0  # that job is on its way


def test_a_deletion_and_a_push_without_a_tag_name_a_digest(hook: Hook) -> None:
    post(hook, says.default("DELETE_ARTIFACT", says.artifact("team/app", "1", A)))
    post(hook, says.default("PUSH_ARTIFACT", says.artifact("team/app", "", B)))
    assert told() == [("delete", "team/app", "1", A), ("push", "team/app", "", B)]


@pytest.mark.parametrize(
    ("name_tag", "repository"),
    [
        ("app:1", "team/app"), ("app [3 item(s) in total]", "team/app"), ("sub", "team/sub"),
        ("team/deep/app:1", "team/deep/app"),
    ],
)  # fmt: skip
def test_a_replication_names_a_repository_that_came(hook: Hook, name_tag: str, repository: str) -> None:
    for kind in (says.default, says.cloud):
        body = kind("REPLICATION", says.replication("team", name_tag))
        assert post(hook, body, kind=says.CLOUD).status_code == 202
    assert told() == [("replication", repository, "", "")]


def test_a_replication_that_went_elsewhere_is_none_of_ours(hook: Hook) -> None:
    assert post(hook, says.default("REPLICATION", says.replication("team", "app:1", there="dr"))).status_code == 202
    assert told() == []


def test_quota_is_a_note_and_no_job(hook: Hook) -> None:
    said = "quota usage reach 85%: resource storage used 8.5 GiB of 10 GiB \x1b[31m" + "x" * 1000
    assert post(hook, says.default("QUOTA_WARNING", says.quota("team/app", said))).status_code == 202
    event = HookEvent.objects.get()
    assert (event.kind, event.state) == (Kind.QUOTA_WARNING, State.DONE)
    assert event.detail.startswith("quota usage reach 85%") and "\x1b" not in event.detail and len(event.detail) <= 300
    assert Job.objects.count() == 0


def test_what_is_over_is_forgotten(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queueing, "KEPT", 3)
    for number in range(6):
        post(hook, push(tag=f"v{number}"))
    HookEvent.objects.exclude(tag="v0").update(state=State.DONE)
    queueing.forget_old()
    assert sorted(HookEvent.objects.values_list("tag", flat=True)) == ["v0", "v3", "v4", "v5"]


def test_bodies_of_any_bytes_never_crash_it(hook: Hook) -> None:
    good = push()
    for number in range(0, len(good), 9):
        for replaced in (b"", b"\x00", b'"', b"[", b"\xff", b"\\ud800"):
            answer = post(hook, good[:number] + replaced + good[number + 1 :])
            assert answer.status_code in {202, 400}
    assert all(json.dumps(one) for one in told())
