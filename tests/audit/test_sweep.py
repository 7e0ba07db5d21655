"""A sweep over a real registry with one sample of every kind."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from bin.lib.samples import CHILD, SAMPLES
from harborweb.audit import services
from harborweb.audit.models import ArtifactVerdict, Sweep
from harborweb.jobs.models import Job
from harborweb.registry.models import Registry
from harborweb.signing.models import Key
from harborweb.verification.verdict import Verdict

Sweeper = Callable[[Registry], Job]


def verdicts(registry: Registry) -> dict[str, str]:
    found = {}
    for row in ArtifactVerdict.objects.filter(registry=registry):
        for tag in row.tags:
            found[f"{row.repository}:{tag}"] = row.verdict
    return found


def test_every_sample_gets_its_verdict(known: Registry, sweep: Sweeper) -> None:
    job = sweep(known)
    assert job.state == Job.State.SUCCEEDED, job.error
    assert verdicts(known) == {f"{s.repository}:{s.tag}": s.verdict for s in SAMPLES}
    untagged = ArtifactVerdict.objects.get(repository=CHILD[0], tags=[])
    assert untagged.verdict == Verdict.VIA_INDEX
    assert job.result["message"].startswith(f"{len(SAMPLES) + 1} artifacts")
    assert Sweep.objects.get().artifacts == len(SAMPLES) + 1


def test_waiting_for_a_worker_is_no_part_of_how_long_a_sweep_took(known: Registry, sweep: Sweeper) -> None:
    sweep(known)
    this = Sweep.objects.select_related("job").get()
    assert this.seconds is not None and this.job is not None and this.job.started is not None
    shown, this.started = this.seconds, this.started - timedelta(seconds=100)
    assert this.seconds == shown < 100


def test_a_verdict_names_digest_key_and_reason_and_carries_its_evidence(known: Registry, sweep: Sweeper) -> None:
    sweep(known)
    row = ArtifactVerdict.objects.get(repository="team/web", tags=["1.0"])
    assert row.key == Key.objects.get().fingerprint
    assert row.format == "bundle"
    assert "demo" in row.reason
    assert {"manifest.json", "signature-manifest.json", "signed.bin", "signature.bin"} <= set(row.evidence)
    assert row.command.startswith("cosign verify --key demo.pub")


def test_without_a_trusted_key_nothing_is_green(known: Registry, sweep: Sweeper) -> None:
    Key.objects.update(trusted=False)
    sweep(known)
    assert not {"trusted", "via_index"} & set(verdicts(known).values())
    assert verdicts(known)["team/web:1.0"] == Verdict.UNKNOWN_KEY


def test_since_tells_when_the_verdict_changed_not_when_it_was_looked_at(known: Registry, sweep: Sweeper) -> None:
    sweep(known)
    before = {row.pk: row for row in ArtifactVerdict.objects.all()}
    since = {(row.repository, row.digest): row.since for row in before.values()}
    Key.objects.update(trusted=False)
    sweep(known)
    for row in ArtifactVerdict.objects.all():
        changed = row.verdict != next(b.verdict for b in before.values() if b.digest == row.digest)
        assert (row.since != since[row.repository, row.digest]) == changed, row


def test_a_repository_that_is_gone_takes_its_verdicts_with_it(known: Registry, sweep: Sweeper) -> None:
    sweep(known)
    ArtifactVerdict.objects.filter(repository="team/web").update(repository="team/gone")
    sweep(known)
    assert not ArtifactVerdict.objects.filter(repository="team/gone").exists()
    assert verdicts(known)["team/web:1.0"] == Verdict.TRUSTED


def test_a_registry_that_does_not_answer_fails_the_job_and_keeps_what_was_known(
    known: Registry, sweep: Sweeper
) -> None:
    sweep(known)
    known.url = "http://127.0.0.1:9"
    known.save()
    job = sweep(known)
    assert job.state == Job.State.FAILED
    assert job.error and job.advice
    assert verdicts(known)["team/web:1.0"] == Verdict.TRUSTED
    assert not Sweep.objects.order_by("pk").last().complete


def test_a_second_request_while_one_waits_is_the_same_sweep(
    known: Registry, rf: object, person: Callable[..., object], redis_settings: str
) -> None:
    request = rf.post("/audit/sweep/")  # type: ignore[attr-defined]
    request.user = person(2)
    first, second = services.request_sweep(request, known), services.request_sweep(request, known)
    assert first == second
    assert Sweep.objects.count() == 1


def test_the_summary_counts_by_project(known: Registry, sweep: Sweeper) -> None:
    assert services.summary(known).total == 0
    sweep(known)
    summary = services.summary(known)
    assert summary.total == len(SAMPLES) + 1
    assert [project.name for project in summary.projects] == ["platform", "team"]
    assert sum(project.findings for project in summary.projects) == summary.findings
    assert summary.trusted == pytest.approx(100 * (summary.total - summary.findings) // summary.total)
