"""One job at a time, without a worker: `perform` in the test's own thread."""

import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from harborweb.errors import Problem
from harborweb.jobs import services
from harborweb.jobs.models import Job, LogLine
from harborweb.jobs.run import Run, perform
from harborweb.tools.process import TimedOut
from tests.jobs import worker_tasks
from tests.jobs.conftest import log_of, make_job, until

pytestmark = pytest.mark.django_db(transaction=True)


def done(work: Any, **columns: Any) -> Job:
    """A job after `work`."""
    job = make_job(**columns)
    perform(job.pk, work)
    job.refresh_from_db()
    assert job.settled and job.finished and job.lines == len(log_of(job))
    return job


def test_steps_progress_and_lines() -> None:
    def work(run: Run) -> dict[str, Any]:
        run.step(1, 2, "Look")
        run.line("two\nlines\x1b[31m\x9b1m")
        run.step(2, 2, "Judge")
        run.progress(214, 409)
        return {"when": timezone.now(), "n": run.arguments["n"]}

    job = done(work, arguments={"n": 7})
    assert (job.state, job.step, job.steps, job.step_name, job.done, job.total) == (
        "succeeded",
        2,
        2,
        "Judge",
        214,
        409,
    )
    assert log_of(job) == [
        ("step", "1 Look"),
        ("note", "two"),
        ("note", "lines\ufffd[31m\ufffd1m"),
        ("step", "2 Judge"),
    ]
    assert job.result["n"] == 7
    assert list(job.log.values_list("number", flat=True)) == [1, 2, 3, 4]


def test_a_problem_fails_with_its_advice() -> None:
    def work(run: Run) -> None:
        raise Problem("The port is taken.", "Choose another.")

    job = done(work)
    assert (job.state, job.error, job.advice) == ("failed", "The port is taken.", "Choose another.")
    assert log_of(job) == [("error", "The port is taken.")]


def test_a_bug_fails_without_its_words(caplog: pytest.LogCaptureFixture) -> None:
    def work(run: Run) -> None:
        run.secret("hunter22x")
        raise ValueError("hunter22x")

    job = done(work)
    assert job.state == "failed" and "ValueError" in job.error and job.advice
    assert "hunter22x" not in caplog.text and "Traceback" in caplog.text


def test_a_result_that_is_no_json_fails() -> None:
    assert done(lambda run: {"it": object()}).state == "failed"


def test_a_shut_down_worker_settles_its_job() -> None:
    job = make_job()

    def work(run: Run) -> None:
        raise SystemExit

    with pytest.raises(SystemExit):
        perform(job.pk, work)
    job.refresh_from_db()
    assert job.state == "failed" and "shut down" in job.error and job.advice


def test_a_time_limit_has_its_own_state() -> None:
    job = done(lambda run: run.execute(["sleep", "60"], timeout=0.5))
    assert (job.state, job.words) == ("timed_out", "Timed out after 0.5 s")

    def waits(run: Run) -> None:
        raise TimedOut(600)

    assert done(waits).words == "Timed out after 600 s"


def test_programs_are_logged_with_command_output_and_exit() -> None:
    job = done(lambda run: {"code": run.execute(["sh", "-c", "echo a; exit 3"]).exit_code})
    assert log_of(job)[:2] == [("command", "sh -c 'echo a; exit 3'"), ("out", "a")]
    assert log_of(job)[2][0] == "err" and log_of(job)[2][1].startswith("exit 3 after ")
    assert job.result == {"code": 3}


def test_secrets_are_masked_everywhere(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("printf 'key hunt'; sleep 0.5; echo er22x; printf 'hunter\\n22x' >&2; echo $KEY")

    def work(run: Run) -> None:
        run.secret("hunter22x")
        run.step(1, 1, "Try hunter22x")
        run.line("say hunt\ner22x")
        run.execute(["sh", str(script)], env={"PATH": "/usr/bin:/bin", "KEY": "hunter22x"})
        raise Problem("It was hunter22x.", "Change hunter22x.")

    job = done(work)
    everything = "\n".join(text for _stream, text in log_of(job)) + job.error + job.advice + job.step_name
    for piece in ("hunter22x", "er22x", "hunter", "22x"):
        assert piece not in everything, everything
    assert "•••" in job.error and "•••" in job.step_name


def test_lines_are_written_while_the_work_goes_on() -> None:
    seen: list[int] = []

    def work(run: Run) -> None:
        for number in range(3):
            run.line(f"line {number}")
            until(lambda: LogLine.objects.filter(job=run.job).count() > len(seen))
            seen.append(LogLine.objects.filter(job=run.job).count())

    done(work)
    assert seen == [1, 2, 3]


def test_a_log_is_bounded_and_says_so(settings: Any) -> None:
    settings.JOB_LOG_MAX_BYTES = 100_000

    def work(run: Run) -> None:
        run.execute(["sh", "-c", "yes 'a line of a long log' | head -20000"])
        run.step(1, 1, "After the flood")
        raise Problem("It broke.", "Mend it.")

    job = done(work)
    assert job.log_bytes < 101_000 and job.lines < 2500
    assert log_of(job)[-3][1].startswith("The log has reached") and log_of(job)[-3][0] == "note"
    assert log_of(job)[-2:] == [("step", "1 After the flood"), ("error", "It broke.")]


def test_empty_lines_are_bounded_too(settings: Any) -> None:
    settings.JOB_LOG_MAX_BYTES = 10_000
    job = done(lambda run: [run.line("") for _n in range(5000)] and {})
    assert job.lines < 400


def test_a_second_delivery_does_nothing() -> None:
    runs: list[int] = []
    job = done(lambda run: runs.append(1))
    perform(job.pk, lambda run: runs.append(2))
    assert runs == [1]


def test_of_two_at_once_one_claims() -> None:
    job, ran = make_job(), []
    gate = threading.Barrier(4)

    def deliver() -> None:
        from django.db import connection

        gate.wait()
        perform(job.pk, lambda run: ran.append(1))
        connection.close()

    threads = [threading.Thread(target=deliver) for _n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ran == [1]


def test_stop_reaches_work_in_python() -> None:
    def work(run: Run) -> None:
        services.stop(run.job, "ada")
        while True:
            run.check()
            time.sleep(0.02)

    job = done(work)
    assert (job.state, job.words) == ("stopped", "Stopped by ada")


def test_a_worker_that_comes_back_changes_nothing(settings: Any) -> None:
    settings.JOB_HEARTBEAT_SECONDS = 0.2

    def work(run: Run) -> dict[str, Any]:
        run.line("before")
        until(lambda: run.job.log.exists())
        Job.objects.filter(pk=run.job.pk).update(heartbeat=timezone.now() - timedelta(minutes=5))
        assert services.mark_lost() == 1
        run.line("after")
        until(run.stopping)  # it is told, so that it does no more harm
        return {"done": True}

    job = done(work)
    assert (job.state, job.result) == ("lost", {})
    assert log_of(job) == [("note", "before"), ("error", "Lost: the worker was killed.")]


def test_a_heartbeat_keeps_a_long_job(settings: Any) -> None:
    settings.JOB_HEARTBEAT_SECONDS, settings.JOB_LOST_SECONDS = 0.2, 2.0

    def work(run: Run) -> None:
        until_then = time.monotonic() + 3
        while time.monotonic() < until_then:
            assert services.mark_lost() == 0
            time.sleep(0.1)

    assert done(work).state == "succeeded"


def test_a_busy_database_loses_no_line() -> None:
    job = make_job()

    def work(run: Run) -> None:
        with transaction.atomic():  # IMMEDIATE: nobody else writes meanwhile
            Job.objects.filter(pk=job.pk).update(title="held")
            run.line("while it is held")
            time.sleep(1)

    perform(job.pk, work)
    job.refresh_from_db()
    assert job.state == "succeeded" and log_of(job) == [("note", "while it is held")]


def test_a_double_click_returns_the_same_job(broker: str) -> None:
    options: dict[str, Any] = {"kind": "test", "title": "Try", "subject": "it", "exclusive": "try-it"}
    first = services.request(worker_tasks.do_quick, **options)
    assert services.request(worker_tasks.do_quick, **options).pk == first.pk
    assert services.request(worker_tasks.do_quick, **{**options, "exclusive": "other"}).pk != first.pk
    services.stop(first, "ada")
    assert services.request(worker_tasks.do_quick, **options).pk != first.pk


def test_a_broker_that_is_down_fails_the_job(broken_broker: None) -> None:
    began = time.monotonic()
    job = services.request(worker_tasks.do_quick, kind="test", title="Try", subject="it")
    job.refresh_from_db()
    assert job.state == "failed" and "Redis" in job.error and "Start Redis" in job.advice
    assert time.monotonic() - began < 10


def test_a_waiting_job_is_sent_again(broker: str) -> None:
    import redis

    client = redis.Redis.from_url(broker)
    client.delete("default")
    job = make_job(task=worker_tasks.do_quick.name)
    services.look_after()
    assert client.llen("default") == 0
    Job.objects.filter(pk=job.pk).update(created=timezone.now() - timedelta(minutes=2))
    services.look_after()
    services.look_after()  # not again at once
    assert client.llen("default") == 1
    client.delete("default")
