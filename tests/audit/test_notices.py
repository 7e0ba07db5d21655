"""Who is told what: real HTTP and real mail servers on the other side."""

import base64
import hashlib
import hmac
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.urls import reverse
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from harborweb import sealing
from harborweb.accounts.models import Activity
from harborweb.accounts.roles import Role
from harborweb.audit import tasks
from harborweb.audit.judging.judgement import Judgement
from harborweb.audit.keeping import keep_whole
from harborweb.audit.models import Channel, Happening, Message, MetricsAccess, Sweep
from harborweb.audit.notices import noting, sending, telling, wording
from harborweb.jobs.models import Job
from harborweb.jobs.run import perform
from harborweb.registry.models import Registry
from harborweb.verification.verdict import Finding, Verdict
from tests import parts
from tests.audit.judging import keep

pytestmark = pytest.mark.django_db(transaction=True)


class Hook(BaseHTTPRequestHandler):
    """The other side: keeps what it was sent, and answers what the test wants."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server: Any = self.server
        server.got.append((self.path, dict(self.headers), body))
        self.send_response(server.status)
        if server.status == 302:
            self.send_header("Location", "/elsewhere")
        self.end_headers()
        self.wfile.write(f"Cannot POST {self.path}: no such hook\n".encode())

    def log_message(self, *arguments: Any) -> None:
        """Quiet."""


@pytest.fixture
def hook() -> Iterator[Any]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    server.got, server.status = [], 200
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def registry(transactional_db: None) -> Registry:
    return Registry.objects.create(name="lab", url="http://127.0.0.1:9", allow_http=True)


def channel(address: str, kind: str = "webhook", **changes: Any) -> Channel:
    secret = sealing.seal(sending.new_secret(), sending.PURPOSE) if kind == "webhook" else None
    fields = {
        "name": f"to {kind}", "kind": kind, "shown": "there", "secret_sealed": secret, "base": "https://harborweb.test",
        "address_sealed": sealing.seal(address, sending.PURPOSE), "cursor": noting.newest(),
    }  # fmt: skip
    return Channel.objects.create(**{**fields, **changes})


def judged(repository: str, n: int, verdict: Verdict, reason: str = "Because.") -> Judgement:
    digest = "sha256:" + hashlib.sha256(f"{repository}{n}".encode()).hexdigest()
    return Judgement(repository, (f"v{n}",), digest, verdict, reason)


def settled() -> None:
    """What was written is old enough to be told."""
    Happening.objects.update(written=timezone.now() - telling.SETTLED - timedelta(seconds=1))


def work(job: Job) -> Job:
    worker = threading.Thread(target=lambda: (perform(job.pk, telling.tell), connections.close_all()))
    worker.start()
    worker.join()
    job.refresh_from_db()
    return job


def tell(one: Channel) -> Job:
    settled()
    return work(telling.request_tell(tasks.tell, one))


def test_a_signed_webhook_tells_new_findings_by_kind_and_project(
    registry: Registry, hook: Any, redis_settings: str
) -> None:
    one = channel(f"http://127.0.0.1:{hook.server_port}/in/secret-path")
    found = [judged("team/app", n, Verdict.UNSIGNED) for n in range(30)]
    found += [judged("team/app", 99, Verdict.TRUSTED), judged("team/app", 98, Verdict.INVALID, "<b>&\x1b[31m" * 40)]
    keep_whole(registry, None, "team/app", found, timezone.now())  # type: ignore[arg-type]
    job = tell(one)
    assert job.state == Job.State.SUCCEEDED, job.error
    [(path, headers, body)] = hook.got
    assert path == "/in/secret-path"
    said = json.loads(body)
    assert (said["total"], said["more"], len(said["items"])) == (31, 11, 20)
    assert (said["by_kind"], said["by_project"]) == ({"Invalid": 1, "Unsigned": 30}, {"team": 31})
    assert said["items"][0]["kind"] == "invalid" and "\x1b" not in said["items"][0]["reason"]
    assert len(said["items"][0]["reason"]) <= 120
    assert said["title"] == "31 new findings on lab" and said["url"].startswith("https://harborweb.test/audit/")
    # As the Standard Webhooks specification has it, written again here.
    secret = base64.b64decode(sealing.unseal(one.secret_sealed or b"", sending.PURPOSE).removeprefix(b"whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    made = base64.b64encode(hmac.new(secret, signed, "sha256").digest()).decode()
    assert headers["webhook-signature"] == f"v1,{made}" and abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    log = "\n".join(job.log.values_list("text", flat=True))
    assert "secret-path" not in log and "secret-path" not in json.dumps(job.arguments)


def test_the_signature_is_that_of_the_specification() -> None:
    made = sending.signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_what_is_told_and_what_is_not(registry: Registry) -> None:
    channel("http://127.0.0.1:1/")
    keep(registry, "team/app", [judged("team/app", 1, Verdict.UNSIGNED), judged("team/app", 2, Verdict.TRUSTED)])
    keep(registry, "team/app", [judged("team/app", 1, Verdict.UNSIGNED, "In other words.")])
    assert [row.kind for row in Happening.objects.all()] == ["unsigned"], "the same finding again is no news"
    keep(registry, "team/app", [judged("team/app", 1, Verdict.INVALID)])
    keep(registry, "team/app", [judged("team/app", 1, Verdict.TRUSTED)])
    keep(registry, "team/app", [judged("team/app", 2, Verdict.UNKNOWN_KEY)])
    keep_whole(registry, None, "team/app", [], timezone.now() + timedelta(seconds=1))  # type: ignore[arg-type]
    kinds = list(Happening.objects.values_list("kind", flat=True))
    assert kinds == ["unsigned", "invalid", "solved", "unknown_key", "solved"], "one that is gone is solved"


def test_a_signature_that_is_gone_and_another_signer_are_told(registry: Registry) -> None:
    Sweep.objects.create(registry=registry, finished=timezone.now(), counts={"trusted": 2})
    channel("http://127.0.0.1:1/")

    def signed(n: int, key: str) -> Judgement:
        finding = Finding("tag", Verdict.TRUSTED, "Signed.", "bundle", key, signature=b"s")
        return replace(judged("team/app", n, Verdict.TRUSTED), key=key, findings=(finding,))

    keep(registry, "team/app", [signed(1, "a" * 64), signed(2, "a" * 64)])
    keep(registry, "team/app", [judged("team/app", 1, Verdict.UNSIGNED), signed(2, "b" * 64)])
    kinds = [(row.image, row.kind) for row in Happening.objects.all()]
    assert kinds == [
        ("team/app:v1", "unsigned"), ("team/app:v1", "signature_gone"), ("team/app:v2", "signer"),
    ]  # fmt: skip


def test_where_nobody_listens_nothing_is_written(registry: Registry) -> None:
    channel("http://127.0.0.1:1/", enabled=False)
    keep(registry, "team/app", [judged("team/app", 1, Verdict.UNSIGNED)])
    assert not Happening.objects.exists()


def test_a_channel_hears_its_own_kinds_projects_and_registry_only(registry: Registry) -> None:
    other = Registry.objects.create(name="other", url="http://127.0.0.1:9")
    one = channel("http://127.0.0.1:1/", kinds=["invalid", "sweep"], projects=["te*"], registry=registry)
    for where in (registry, other):
        for repository in ("team/app", "edge/app"):
            for n, verdict in enumerate((Verdict.INVALID, Verdict.UNSIGNED)):
                keep(where, repository, [judged(repository, n, verdict)])
    settled()
    assert [(row.registry.name, row.image, row.kind) for row in telling.pending(one)] == [
        ("lab", "team/app:v0", "invalid")
    ]


def test_slack_is_sent_text_in_which_nothing_of_a_stranger_means_anything(
    registry: Registry, hook: Any, redis_settings: str
) -> None:
    one = channel(f"http://127.0.0.1:{hook.server_port}/services/T0/B0/x", kind="slack")
    keep(
        registry,
        "team/app",
        [judged("team/app", 1, Verdict.INVALID, "<!channel> <http://x|y> & more @all @Here")],
    )
    assert tell(one).state == Job.State.SUCCEEDED
    [(_path, headers, body)] = hook.got
    said = json.loads(body)
    assert set(said) == {"text"} and "webhook-signature" not in headers
    assert "&lt;!channel&gt; &lt;http://x|y&gt; &amp; more" in said["text"] and "<" not in said["text"]
    assert "@all" not in said["text"] and "@Here" not in said["text"] and "Here" in said["text"]


@contextmanager
def mail_server(folder: Path) -> Iterator[tuple[int, Path]]:
    port, log = parts.free_port(), folder / "mail.log"
    handler = "aiosmtpd.handlers.Debugging"
    command = ["aiosmtpd", "-n", "-l", f"127.0.0.1:{port}", "-c", handler, "stdout"]
    with parts.running(command, port, log, env={**os.environ, "PYTHONUNBUFFERED": "1"}):
        yield port, log


def test_mail_arrives_at_a_real_server(registry: Registry, settings: Any, tmp_path: Path, redis_settings: str) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    one = channel("ops@lab.example team@lab.example", kind="email")
    keep(registry, "team/app", [judged("team/app", 1, Verdict.INVALID, "A reason\r\nBcc: all@lab.example")])
    with mail_server(tmp_path) as (port, log):
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", port, False
        job = tell(one)
    assert job.state == Job.State.SUCCEEDED, job.error
    mail = log.read_text()
    assert "Subject: [harborweb] 1 new finding on lab" in mail and "To: ops@lab.example, team@lab.example" in mail
    assert "Invalid: team/app:v1" in mail and "Auto-Submitted: auto-generated" in mail and "\nBcc:" not in mail


def test_mail_without_a_server_says_what_to_set(registry: Registry, settings: Any, redis_settings: str) -> None:
    settings.EMAIL_HOST = ""
    one = channel("ops@lab.example", kind="email")
    keep(registry, "team/app", [judged("team/app", 1, Verdict.INVALID)])
    job = tell(one)
    assert job.state == Job.State.FAILED and "HARBORWEB_EMAIL_HOST" in job.advice


@pytest.mark.parametrize("status", [302, 404, 500])
def test_what_was_not_taken_is_told_again(registry: Registry, hook: Any, redis_settings: str, status: int) -> None:
    one = channel(f"http://127.0.0.1:{hook.server_port}/secret-path")
    keep(registry, "team/app", [judged("team/app", 1, Verdict.UNSIGNED)])
    hook.status = status
    job = tell(one)
    one.refresh_from_db()
    assert job.state == Job.State.FAILED and f"answered {status}" in job.error and "secret-path" not in job.error
    assert "no such hook" in one.problem and "secret-path" not in one.problem + Message.objects.get().problem
    assert (one.failures, one.cursor, len(hook.got)) == (1, 0, 1), "no redirect is followed"
    assert one.due > timezone.now() and Message.objects.get().state == Message.State.FAILED
    assert telling.look_after(tasks.tell) == 0, "not before it is due"
    keep(registry, "team/app", [judged("team/app", 2, Verdict.UNSIGNED)])
    hook.status = 200
    assert tell(one).state == Job.State.SUCCEEDED
    one.refresh_from_db()
    assert json.loads(hook.got[-1][2])["total"] == 2
    assert (one.failures, one.problem, one.cursor) == (0, "", noting.newest())
    settled()
    assert telling.pending(one) == []


def test_a_message_whose_worker_was_killed_is_not_being_sent_for_ever(registry: Registry, redis_settings: str) -> None:
    one = channel(f"http://127.0.0.1:{parts.free_port()}/")
    lost = Job.objects.create(kind="notice", title="Tell", task="x", state=Job.State.LOST)
    left = Message.objects.create(channel=one, job=lost, title="1 new finding")
    keep(registry, "team/app", [judged("team/app", 1, Verdict.UNSIGNED)])
    tell(one)
    left.refresh_from_db()
    assert left.state == Message.State.FAILED and "worker ended" in left.problem
    assert set(Message.objects.values_list("state", flat=True)) == {"failed"}


def test_nobody_there_and_an_address_is_not_told(registry: Registry, redis_settings: str) -> None:
    one = channel(f"http://127.0.0.1:{parts.free_port()}/secret-path")
    keep(registry, "team/app", [judged("team/app", 1, Verdict.UNSIGNED)])
    job = tell(one)
    assert job.state == Job.State.FAILED and "was not reached: Connection refused." in job.error
    assert "secret-path" not in job.error + job.advice + Message.objects.get().problem


@pytest.mark.parametrize("host", ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "224.0.0.1"])
def test_no_address_is_asked_at_which_a_cloud_tells_its_machine_secrets(
    registry: Registry, redis_settings: str, host: str
) -> None:
    one = channel(f"http://{host}/latest/api/token")
    keep(registry, "team/app", [judged("team/app", 1, Verdict.UNSIGNED)])
    before = time.monotonic()
    job = tell(one)
    assert job.state == Job.State.FAILED and "was not reached" in job.error and time.monotonic() - before < 9
    with pytest.raises(OSError, match="not asked"):
        sending._socket((socket.AF_INET, socket.SOCK_STREAM, 6, "", (host.strip("[]"), 80)))


def test_an_address_that_does_not_open_is_not_tried_without_end(registry: Registry, redis_settings: str) -> None:
    one = channel("ops@lab.example", kind="email", address_sealed=b"sealed with another secret")
    keep(registry, "team/app", [judged("team/app", 1, Verdict.UNSIGNED)])
    assert "sealed with another app secret" in tell(one).error
    one.refresh_from_db()
    assert one.failures == 1 and telling.look_after(tasks.tell) == 0


def test_the_scheduler_groups_and_waits(registry: Registry, redis_settings: str) -> None:
    one = channel("http://127.0.0.1:1/", minutes=30)
    keep(registry, "team/app", [judged("team/app", 1, Verdict.UNSIGNED)])
    assert telling.look_after(tasks.tell) == 0, "what was written just now may not be all of it"
    settled()
    Channel.objects.update(told=timezone.now() - timedelta(minutes=10))
    assert telling.look_after(tasks.tell) == 0, "it was told ten minutes ago"
    Channel.objects.update(told=timezone.now() - timedelta(minutes=31))
    assert telling.look_after(tasks.tell) == 1
    assert telling.look_after(tasks.tell) == 1, "asked twice"
    assert Job.objects.filter(kind="notice").count() == 1, "there is one job"
    assert one.messages.count() == 0


def test_a_test_notice_tells_nothing_else(registry: Registry, hook: Any, redis_settings: str, as_role: Any) -> None:
    one = channel(f"http://127.0.0.1:{hook.server_port}/")
    keep(registry, "team/app", [judged("team/app", 1, Verdict.UNSIGNED)])
    answer = as_role(Role.OPERATOR).post(reverse("audit:notice_test", args=[one.pk]))
    job = work(Job.objects.get(kind="notice"))
    assert answer["Location"] == reverse("jobs:detail", args=[job.pk]) and job.state == Job.State.SUCCEEDED
    said = json.loads(hook.got[0][2])
    assert said["type"] == "harborweb.test" and said["items"] == [] and "person-3" in said["title"]
    one.refresh_from_db()
    assert one.cursor == 0, "what there is to tell is told all the same"


def form(**changes: Any) -> dict[str, Any]:
    return {
        "name": "ops", "kind": "webhook", "address": "https://hooks.lab.example/very/secret?token=abc", "minutes": "5",
        "enabled": "on", "kinds": ["invalid"], "projects": "team edge-*",
    } | changes  # fmt: skip


def test_a_channel_is_made_shown_changed_and_removed(as_role: Any) -> None:
    client = as_role(Role.OPERATOR)
    page = client.post(reverse("audit:notice_add"), form()).content.decode()
    one = Channel.objects.get()
    secret = sealing.unseal(one.secret_sealed or b"", sending.PURPOSE).decode()
    assert secret in page and one.shown == "https://hooks.lab.example/…"
    for address in (reverse("audit:notices"), reverse("audit:notice", args=[one.pk])):
        again = client.get(address).content.decode()
        assert secret not in again and "very/secret" not in again and "hooks.lab.example" in again
    assert b"very/secret" not in bytes(one.address_sealed)
    answer = client.post(reverse("audit:notice", args=[one.pk]), form(address="", name="operators", kinds=[]))
    assert answer.status_code == 302
    one.refresh_from_db()
    assert (one.name, one.kinds, one.projects) == ("operators", [], ["team", "edge-*"])
    assert sealing.unseal(one.address_sealed, sending.PURPOSE).decode() == form()["address"]
    client.post(reverse("audit:notice_remove", args=[one.pk]))
    assert not Channel.objects.exists()
    assert set(Activity.objects.filter(action__contains="notice").values_list("action", flat=True)) == {
        "add notice channel", "change notice channel", "remove notice channel",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"address": ""}, "Type where it goes."),
        ({"address": "hooks.lab.example"}, "This is no URL that can be used."),
        ({"address": "https://me:pw@hooks.lab.example/"}, "This is no URL that can be used."),
        ({"address": "http://hooks.lab.example/x"}, "Plain http was not allowed."),
        ({"address": "file:///etc/passwd"}, "This is no URL that can be used."),
        ({"kind": "email", "address": "ops@lab.example, nobody"}, "This is no e-mail address: nobody."),
        ({"minutes": "-1"}, "greater than or equal to 0"),
        ({"kinds": ["everything"]}, "everything is not one of the available choices"),
    ],
)
def test_bad_channels_are_refused_and_lose_nothing(as_role: Any, changes: dict[str, Any], said: str) -> None:
    answer = as_role(Role.OPERATOR).post(reverse("audit:notice_add"), form(**changes))
    page = answer.content.decode()
    assert answer.status_code == 422 and said in page and 'value="team edge-*"' in page
    assert not Channel.objects.exists()


def test_a_channel_over_plain_http_says_so_until_it_goes_elsewhere(as_role: Any) -> None:
    client = as_role(Role.OPERATOR)
    client.post(reverse("audit:notice_add"), form(address="http://127.0.0.1:9/in", allow_http="on"))
    page = reverse("audit:notice", args=[Channel.objects.get().pk])
    assert client.get(page).context["form"].initial["allow_http"] is True
    assert "It goes over plain http now." in client.post(page, form(address="")).content.decode()
    assert client.post(page, form(address="https://hooks.lab.example/in")).status_code == 302
    assert client.get(page).context["form"].initial["allow_http"] is False


def test_metrics_need_the_token_and_say_what_the_database_says(
    as_role: Any, registry: Registry, django_assert_max_num_queries: Callable[..., Any], client: Any
) -> None:
    keep(registry, "team/app", [judged("team/app", 1, Verdict.UNSIGNED), judged("team/app", 2, Verdict.TRUSTED)])
    address = reverse("metrics:scrape")
    assert client.get(address).status_code == 401
    page = as_role(Role.ADMINISTRATOR).post(reverse("audit:metrics_token"), {"action": "make"}).content.decode()
    token = page.split("The token")[1].split("<code>")[1].split("</code>")[0]
    assert token not in MetricsAccess.objects.get().token_hash
    client.logout()
    for wrong in ("", f"Basic {token}", "Bearer", "Bearer x", f"Bearer {token}x"):
        assert client.get(address, headers={"Authorization": wrong}).status_code == 401
    with django_assert_max_num_queries(12):
        answer = client.get(address, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200 and answer["Content-Type"].startswith("text/plain")
    families = {one.name: one for one in text_string_to_metric_families(answer.content.decode())}
    artifacts = {one.labels["verdict"]: one for one in families["harborweb_artifacts"].samples}
    assert {verdict: one.value for verdict, one in artifacts.items()} == {"unsigned": 1, "trusted": 1}
    assert artifacts["unsigned"].labels == {"registry": "lab", "project": "team", "verdict": "unsigned"}
    assert [one.value for one in families["harborweb_findings"].samples] == [1]
    assert MetricsAccess.objects.get().scraped is not None


def test_words_of_a_message() -> None:
    rows = [
        Happening(registry=Registry(name="lab"), kind=kind, repository="t/a", project="t", digest="sha256:" + "a" * 64)
        for kind in ("solved", "unsigned", "policy")
    ] + [Happening(registry=Registry(name="lab"), kind="sweep", reason="Two repositories.")]
    told = wording.told(rows, "https://harborweb.test/audit/")
    assert told.title == "2 new findings, 1 solved, a sweep that could not read everything on lab"
    assert told.as_text().splitlines()[2] == "Unsigned 1, Policy not met 1, Solved 1, Sweep incomplete 1"
    assert "Sweep incomplete: lab (Two repositories.)" in told.as_text()


def test_a_sweep_that_could_not_read_is_told(registry: Registry, sweep: Callable[[Registry], Job]) -> None:
    channel("http://127.0.0.1:1/", projects=["team"])
    assert sweep(registry).state == Job.State.FAILED, "nobody answers at port 9"
    [told] = Happening.objects.all()
    assert told.kind == "sweep" and told.image == "" and "127.0.0.1:9" in told.reason
