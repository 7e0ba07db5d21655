"""The pages of jobs, as a browser asks for them."""

import ast
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from harborweb.accounts.models import Activity
from harborweb.accounts.roles import Role
from harborweb.jobs import pages
from harborweb.jobs.models import Job, LogLine
from tests.jobs.conftest import make_job

pytestmark = pytest.mark.django_db
Sign = Any


def job_with(lines: int = 3, **columns: Any) -> Job:
    job = make_job(
        **{"state": "running", "started": timezone.now(), "heartbeat": timezone.now(), "lines": lines, **columns}
    )
    now = timezone.now()
    LogLine.objects.bulk_create(
        LogLine(job=job, number=n, at=now, stream="out", text=f"line no {n}.") for n in range(1, lines + 1)
    )
    return job


def page(client: Any, name: str, *arguments: Any, **query: Any) -> str:
    response = client.get(reverse(f"jobs:{name}", args=arguments), query)
    assert response.status_code == 200
    return str(response.content.decode())


def asks(html: str) -> list[str]:
    """The addresses that the answer will ask next."""
    return [address.replace("&amp;", "&") for address in re.findall(r'class="log-ask" hx-get="([^"]+)"', html)]


def test_no_job_yet(as_role: Sign) -> None:
    assert "No job yet." in page(as_role(Role.VIEWER), "list")


def test_the_list_has_those_that_run_first_and_filters(as_role: Sign) -> None:
    client = as_role(Role.VIEWER)
    make_job(
        title="Old and running", state="running", heartbeat=timezone.now(), started=timezone.now(), done=214, total=409
    )
    make_job(title="It failed", state="failed", error="The port is taken.", kind="deploy")
    make_job(title="It was stopped", state="stopped", stop_requested_by="grace")
    html = page(client, "list")
    assert html.index("Old and running") < html.index("It was stopped") < html.index("It failed")
    assert "214 of 409" in html and "Stopped by grace" in html and "The port is taken." in html
    assert "It failed" in page(client, "list", state="failed") and "Old and" not in page(client, "list", state="failed")
    assert "Old and" in page(client, "list", state="active")
    assert "It failed" in page(client, "list", kind="deploy") and "stopped by" not in page(
        client, "list", kind="deploy"
    )
    assert "No job fits this filter." in page(client, "list", state="lost")


def test_the_list_is_paged(as_role: Sign) -> None:
    for number in range(55):
        make_job(title=f"Job no {number:02}", state="succeeded")
    client = as_role(Role.VIEWER)
    assert "Job no 54" in page(client, "list") and "Job no 00" not in page(client, "list")
    assert "Job no 00" in page(client, "list", page="2")


def test_a_running_job_asks_for_what_follows(as_role: Sign) -> None:
    client, job = as_role(Role.VIEWER), job_with(lines=3)
    html = page(client, "detail", job.pk)
    assert "line no 1." in html and "line no 3." in html and 'role="log"' in html and "<noscript>" in html
    [address] = asks(html)
    assert address == f"/jobs/{job.pk}/rows/?after=3&mark=running-0-0&page=1"
    nothing_new = client.get(address).content.decode()
    assert "log-line" not in nothing_new and asks(nothing_new) == [address]
    LogLine.objects.create(job=job, number=4, at=timezone.now(), stream="err", text="<b>error</b>")
    news = client.get(address).content.decode()
    assert "&lt;b&gt;error" in news and "line no 3." not in news and "is-err" in news
    assert asks(news) == [address.replace("after=3", "after=4")]


def test_a_settled_job_is_asked_for_no_more(as_role: Sign) -> None:
    client, job = as_role(Role.VIEWER), job_with(lines=3)
    [address] = asks(page(client, "detail", job.pk))
    Job.objects.filter(pk=job.pk).update(state="failed", error="The port is taken.", advice="Choose another.")
    last = client.get(address)
    html = last.content.decode()
    assert asks(html) == [] and last["HX-Trigger-After-Settle"] == "job-settled"
    for part in ("pill", "outcome", "actions", "progress", "count"):
        assert re.search(rf'id="job-{job.pk}-{part}"[^>]* hx-swap-oob="true"', html), part
    assert "The port is taken." in html and "Choose another." in html
    again = page(client, "detail", job.pk)
    assert asks(again) == [] and "hx-swap-oob" not in again and "The port is taken." in again
    assert "http-equiv" not in again


def test_what_has_not_changed_is_not_sent_again(as_role: Sign) -> None:
    client, job = as_role(Role.VIEWER), job_with()
    html = client.get(asks(page(client, "detail", job.pk))[0]).content.decode()
    assert f"job-{job.pk}-progress" in html and f"job-{job.pk}-outcome" not in html and "-actions" not in html


def test_a_long_log_comes_in_parts(as_role: Sign) -> None:
    client, job = as_role(Role.VIEWER), job_with(lines=1300, state="succeeded", finished=timezone.now())
    html = page(client, "detail", job.pk)
    assert "line no 801." in html and "line no 800." not in html and "?before=801" in html
    assert "line no 301." in page(client, "detail", job.pk, before=801)
    assert "line no 7." in page(client, "detail", job.pk, line=7)
    assert "line no 1299." in page(client, "detail", job.pk, line=1299)
    assert page(client, "log", job.pk).count("\n") == 1300
    first = client.get(reverse("jobs:rows", args=[job.pk])).content.decode()
    assert first.count("log-line") >= 500 and asks(first)  # the rest comes at once


@pytest.mark.parametrize("query", ["after=x", "after=-1", "after=99999999999999999999", "after=²", "page=1&mark=%00"])
def test_odd_numbers_do_no_harm(as_role: Sign, query: str) -> None:
    job = job_with()
    assert as_role(Role.VIEWER).get(reverse("jobs:rows", args=[job.pk]) + "?" + query).status_code == 200


def test_a_job_without_worker_says_what_it_waits_for(as_role: Sign) -> None:
    client, job = as_role(Role.VIEWER), make_job()
    assert "waits for a worker" not in page(client, "detail", job.pk)
    [address] = asks(page(client, "detail", job.pk))
    Job.objects.filter(pk=job.pk).update(created=timezone.now() - timedelta(seconds=6))
    assert "waits for a worker" in client.get(address).content.decode()
    assert "waits for a worker" in page(client, "detail", job.pk)


def test_looking_at_a_dead_job_finds_it_lost(as_role: Sign, settings: Any) -> None:
    client, job = as_role(Role.VIEWER), job_with(done=214, total=409)
    [address] = asks(page(client, "detail", job.pk))
    Job.objects.filter(pk=job.pk).update(heartbeat=timezone.now() - timedelta(seconds=settings.JOB_LOST_SECONDS + 1))
    html = client.get(address).content.decode()
    assert "Lost: the worker was killed at 214 of 409." in html and asks(html) == []
    assert "Failed" not in html


@pytest.mark.parametrize(
    ("queue", "role", "status"),
    [
        ("default", Role.VIEWER, 403),
        ("default", Role.SIGNER, 302),
        ("host", Role.SIGNER, 403),
        ("host", Role.OPERATOR, 302),
    ],
)
def test_who_may_stop(as_role: Sign, queue: str, role: Role, status: int) -> None:
    job = job_with(queue=queue)
    client = as_role(role)
    has_button = f'action="/jobs/{job.pk}/stop/"' in page(client, "detail", job.pk)
    assert client.post(reverse("jobs:stop", args=[job.pk])).status_code == status
    job.refresh_from_db()
    stopped = status == 302
    assert (has_button, bool(job.stop_requested_by), Activity.objects.filter(action="stop job").exists()) == (
        stopped,
    ) * 3
    if stopped:
        assert "Stopping, asked by person-" in page(client, "detail", job.pk)


def test_stop_is_a_post(as_role: Sign) -> None:
    assert as_role(Role.SIGNER).get(reverse("jobs:stop", args=[job_with().pk])).status_code == 405


def test_the_download_is_the_whole_log(as_role: Sign) -> None:
    job = job_with(lines=2)
    response = as_role(Role.VIEWER).get(reverse("jobs:log", args=[job.pk]))
    assert response["Content-Type"] == "text/plain; charset=utf-8" and "attachment" in response["Content-Disposition"]
    lines = response.content.decode().splitlines()
    assert [line.split("\t")[0] for line in lines] == ["1", "2"] and lines[0].endswith("\tout\tline no 1.")


def test_the_step_bar() -> None:
    job = job_with(lines=0, steps=4, step=2)
    for number, name in ((1, "Check"), (2, "Prepare")):
        LogLine.objects.create(job=job, number=number, at=timezone.now(), stream="step", text=f"{number} {name}")
    assert [(step.name, step.state) for step in pages.steps(job)] == [
        ("Check", "done"), ("Prepare", "running"), ("", "waiting"), ("", "waiting"),
    ]  # fmt: skip
    job.state, job.finished = "failed", timezone.now()
    assert [step.state for step in pages.steps(job)] == ["done", "failed", "waiting", "waiting"]
    job.steps = 400
    assert pages.steps(job) == []


def test_names_of_steps_to_come_are_those_of_the_last_success() -> None:
    earlier = job_with(lines=0, steps=3, step=3, state="succeeded")
    for number, name in enumerate(("Check", "Sign", "Verify"), 1):
        LogLine.objects.create(job=earlier, number=number, at=timezone.now(), stream="step", text=f"{number} {name}")
    job = job_with(lines=0, steps=3, step=3)
    for number, text in ((1, "1 Check"), (2, "3 Verify")):
        LogLine.objects.create(job=job, number=number, at=timezone.now(), stream="step", text=text)
    assert [(step.name, step.state, step.note) for step in pages.steps(job)][1] == ("Sign", "waiting", "skipped")


def test_finished_steps_are_folded(as_role: Sign) -> None:
    job = job_with(lines=0, steps=3, step=3)
    now = timezone.now()
    streams = ["note", "step", "out", "out", "step", "out", "error", "step", "out"]
    LogLine.objects.bulk_create(
        LogLine(job=job, number=n, at=now, stream=stream, text=f"{n} it") for n, stream in enumerate(streams, 1)
    )
    lines = pages.newest_lines(job)
    folded = pages.parts(lines)
    assert [(part.step.number if part.step else None, [line.number for line in part.lines]) for part in folded] == [
        (None, [1]), (2, [3, 4]), (None, [5, 6, 7]), (None, [8, 9]),
    ]  # fmt: skip
    assert [part.step for part in pages.parts(lines, wanted=4)] == [None] * 4
    client = as_role(Role.VIEWER)
    assert page(client, "detail", job.pk).count('<details class="log-step"') == 1
    assert '<details class="log-step"' not in page(client, "detail", job.pk, line=3)


@pytest.mark.parametrize(
    ("stream", "text", "look"),
    [
        ("err", " Container nginx  Started", "out"),
        ("err", "Error response from daemon", "err"),
        ("out", "an error that a program prints", "out"),
        ("error", "The port is taken.", "error"),
    ],
)
def test_of_stderr_only_what_warns_stands_out(stream: str, text: str, look: str) -> None:
    assert LogLine(stream=stream, text=text).look == look


def test_results(as_role: Sign) -> None:
    result = {"message": "Signed.", "url": "/registry/", "payload": {"a": [1]}, "platforms": 3}
    job = job_with(state="succeeded", result=result, finished=timezone.now())
    html = page(as_role(Role.VIEWER), "detail", job.pk)
    assert (
        'href="/registry/">Open result' in html
        and "Signed." in html
        and "platforms" in html
        and "&quot;a&quot;" in html
    )


def test_in_one_line(as_role: Sign) -> None:
    client, job = as_role(Role.VIEWER), job_with(done=3, total=9)
    html = page(client, "rows", job.pk, form="line")
    assert "3 of 9" in html and "hx-get" in html and job.title in html
    Job.objects.filter(pk=job.pk).update(state="succeeded")
    assert "hx-get" not in page(client, "rows", job.pk, form="line")


def asked_kinds() -> set[str]:
    """Every kind of job that the sources ask for by its word."""
    found: set[str] = set()
    for source in Path(pages.__file__).parents[1].rglob("*.py"):
        for call in ast.walk(ast.parse(source.read_text())):
            named = {one.arg: one.value for one in call.keywords} if isinstance(call, ast.Call) else {}
            if {"kind", "title"} <= set(named):
                found |= {str(one.value) for one in ast.walk(named["kind"]) if isinstance(one, ast.Constant)}
    return found


def test_every_kind_of_job_has_a_word() -> None:
    """A filter named restore_database or hook would be a word of the sources, not of people."""
    assert len(asked_kinds()) > 20
    assert asked_kinds() | {"backup", "restore", "restore_database", "import", "make_robots"} <= set(pages.KINDS)
