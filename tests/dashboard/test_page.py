"""The dashboard with nothing, and with something."""

from typing import Any

import pytest
from django.utils import timezone

from harborweb.accounts.roles import Role
from harborweb.audit.models import ArtifactVerdict, Sweep
from harborweb.audit.words import ORDER
from harborweb.configuration.services import start_draft
from harborweb.dashboard.charts import coverage, donut
from harborweb.dashboard.overview import overview
from harborweb.jobs.models import Job
from harborweb.registry.models import Registry
from harborweb.verification.verdict import Verdict
from tests.audit.judging import settled

pytestmark = pytest.mark.django_db


@pytest.fixture
def registry_row() -> Registry:
    return Registry.objects.create(name="lab", url="http://127.0.0.1:1", allow_http=True)


def sweep(registry: Registry, *verdicts: Verdict, hour: int = 12) -> Sweep:
    """A finished sweep that found these verdicts."""
    now = timezone.now().replace(hour=hour, minute=0)
    counts = {verdict.value: verdicts.count(verdict) for verdict in set(verdicts)}
    made = Sweep.objects.create(registry=registry, complete=True, artifacts=len(verdicts), counts=counts)
    Sweep.objects.filter(pk=made.pk).update(started=now, finished=now)
    for number, verdict in enumerate(verdicts):
        ArtifactVerdict.objects.create(
            registry=registry, sweep=made, project="team", repository=f"team/app-{number}",
            digest=f"sha256:{made.pk:032d}{number:032d}", tags=["1.0"], verdict=verdict, rank=ORDER.index(verdict),
            reason=f"reason {number}", since=now, checked=now,
        )  # fmt: skip
    settled(registry)
    return made


def test_an_empty_installation_says_what_comes_first(as_role: Any) -> None:
    text = as_role(Role.VIEWER).get("/").content.decode()
    for words in (
        "Configure and deploy Harbor",
        "Connect a registry",
        "Make a key",
        "Nothing checked yet",
        "No job yet",
    ):
        assert words in text
    assert text.count("btn-primary") == 1, "one thing to do first"


def test_a_draft_and_a_registry_count_as_steps(registry_row: Registry) -> None:
    first, registry, key, _sweep = overview().steps
    assert (first.done, first.result, registry.done, registry.result, key.done) == (
        True, "runs elsewhere", True, "1 registry", False,
    )  # fmt: skip
    start_draft("hostname: x\n", origin="a test")
    assert overview().steps[0].text == "A draft is open."


def test_findings_are_worst_first_and_many_become_one(as_role: Any, registry_row: Registry) -> None:
    sweep(registry_row, *[Verdict.UNSIGNED] * 5, Verdict.INVALID, Verdict.TRUSTED, Verdict.UNKNOWN_KEY)
    found = overview().findings
    assert [(one.state, one.word) for one in found] == [
        ("invalid", "Invalid"), ("unknown_key", "Unknown key"), ("unsigned", "Unsigned ×5"),
    ]  # fmt: skip
    assert found[2].subject == "5 in team"
    text = as_role(Role.VIEWER).get("/").content.decode()
    assert "12 %" in text and "Unsigned ×5" in text
    assert '<span class="count">7<' in text, "the findings in the top bar"


def test_nothing_to_act_on_says_what_was_looked_at(as_role: Any, registry_row: Registry) -> None:
    sweep(registry_row, Verdict.TRUSTED, Verdict.VIA_INDEX)
    text = as_role(Role.VIEWER).get("/").content.decode()
    assert "Nothing to act on" in text and "All 2 artifacts were checked" in text and "100 %" in text
    assert 'class="count"' not in text


def test_a_running_job_is_asked_for_again_and_a_settled_one_is_not(as_role: Any) -> None:
    job = Job.objects.create(kind="sign", title="Sign team/app", subject="team/app", queue="default", task="x")
    client = as_role(Role.VIEWER)
    text = client.get("/").content.decode()
    assert 'hx-get="/parts/jobs/"' in text and "1 job<" in text
    Job.objects.filter(pk=job.pk).update(state=Job.State.LOST, finished=timezone.now(), error="The worker was killed.")
    text = client.get("/parts/jobs/").content.decode()
    assert "hx-trigger" not in text and "The worker was killed." in text
    assert client.get("/parts/bar-jobs/").content.decode().strip() == ""


def test_the_bar_says_that_the_registry_does_not_answer(as_role: Any, registry_row: Registry) -> None:
    client = as_role(Role.VIEWER)
    assert 'hx-get="/parts/bar-registry/"' in client.get("/jobs/").content.decode()
    assert "Not reachable" in client.get("/parts/bar-registry/").content.decode()


def test_the_bar_says_that_the_registry_answers(as_role: Any, registry: Any) -> None:
    Registry.objects.create(name="lab", url=registry.url, allow_http=True)
    assert "Answers" in as_role(Role.VIEWER).get("/parts/bar-registry/").content.decode()


def test_every_component_is_shown(as_role: Any) -> None:
    assert as_role(Role.VIEWER).get("/components/").content.decode().count('class="pill') >= 16


def test_the_donut_is_closed_and_keeps_small_pieces() -> None:
    assert donut([("trusted", 0)]) == []
    assert len(donut([("trusted", 7)])) == 1
    pieces = donut([("trusted", 100_000), ("invalid", 1), ("unsigned", 0)])
    assert [piece.verdict for piece in pieces] == ["trusted", "invalid"]


def test_the_curve_needs_three_moments(registry_row: Registry) -> None:
    newest = Sweep.objects.filter(complete=True).order_by("-finished")
    for hour, verdicts in enumerate(
        [(Verdict.UNSIGNED, Verdict.TRUSTED), (Verdict.TRUSTED,) * 2, (Verdict.TRUSTED,) * 3]
    ):
        assert coverage(newest.all()) is None
        ArtifactVerdict.objects.all().delete()
        sweep(registry_row, *verdicts, hour=hour)
    curve = coverage(newest.all())
    assert curve is not None
    assert (curve.end, curve.sweeps, curve.ticks[0][1], curve.ticks[-1][1]) == (100.0, 3, 40, 100)
    assert curve.line.startswith("M0.0 ") and "L1000.0 " in curve.line
