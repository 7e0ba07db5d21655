"""A key's window, revocation and projects, as they change what a sweep and an event say."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from harborweb.audit.again import judge_again
from harborweb.audit.keeping import Looked, keep_batch, keep_some, keep_whole
from harborweb.audit.models import ArtifactVerdict, SignatureSeen, Sweep
from harborweb.audit.sweeps import parts
from harborweb.audit.sweeps.walking import walking
from harborweb.audit.trusting import Trust, kept_by_current, remember, trust
from harborweb.jobs.models import Job
from harborweb.registry.models import Registry
from harborweb.signing.models import Key
from harborweb.verification.trust import TrustedKey
from harborweb.verification.verdict import Finding, Verdict
from tests.audit.judging import judgement
from tests.verification.material import public

HOUR = timedelta(hours=1)
NOW = timezone.now()


@pytest.mark.parametrize(
    ("limits", "project", "seen", "refused"),
    [
        ({}, "team", NOW, ""),
        ({"projects": ("team",)}, "team", NOW, ""),
        ({"projects": ("te?m", "x")}, "team", NOW, ""),
        ({"projects": ("team",)}, "team2", NOW, "does not trust"),
        ({"projects": ("Team",)}, "team", NOW, "does not trust"),
        ({"not_before": NOW}, "team", NOW, ""),
        ({"not_before": NOW}, "team", NOW - timedelta.resolution, "counts from"),
        ({"not_after": NOW}, "team", NOW - timedelta.resolution, ""),
        ({"not_after": NOW}, "team", NOW, "counts until"),
        ({"revoked_from": NOW, "revoked_reason": "laptop lost"}, "team", NOW, "laptop lost"),
        ({"revoked_from": NOW}, "team", NOW - timedelta.resolution, ""),
    ],
)
def test_when_and_where_a_key_refuses(limits: dict[str, Any], project: str, seen: Any, refused: str) -> None:
    reason = TrustedKey(public(), **limits).refuses(project, seen)
    assert (refused in reason) if refused and reason else (reason is None and not refused)


@pytest.mark.django_db
def test_what_was_seen_before_counts_and_what_was_not_is_seen_now() -> None:
    key = public()
    ring = Trust([TrustedKey(key, revoked_from=NOW - HOUR)])
    finding = Finding("tag", Verdict.TRUSTED, "Signed.", "bundle", key.fingerprint, payload=b"p", signature=b"s")
    refused = ring.weigh("team/web", "sha256:1", finding)
    assert (refused.verdict, refused.key, refused.signer) == ("unknown_key", "", key.fingerprint)
    assert "revoked" in refused.reason and refused.identity
    older = Trust(ring.ring, {refused.identity: NOW - 2 * HOUR}).weigh("team/web", "sha256:1", finding)
    assert (older.verdict, older.key, older.signer) == ("trusted", key.fingerprint, "")
    attested = replace(finding, verdict=Verdict.ATTESTATION_ONLY, reason="By a trusted key.", predicate_type="x/y")
    refused = ring.weigh("team/web", "sha256:1", attested)
    assert (refused.verdict, refused.key, refused.signer) == ("attestation_only", "", key.fingerprint)
    assert "by no trusted key" in refused.reason
    for verdict in (Verdict.INVALID, Verdict.UNCHECKED):
        other = replace(finding, verdict=verdict)
        assert ring.weigh("team/web", "sha256:1", other) is other


@pytest.mark.django_db
def test_first_sights_are_kept_once_and_learn_whose_they_are() -> None:
    stranger = Finding("tag", Verdict.UNKNOWN_KEY, "By no key.", identity="1" * 64)
    remember([judgement("team/web", Verdict.UNKNOWN_KEY, findings=(stranger,))], NOW - HOUR)
    known = Finding("tag", Verdict.TRUSTED, "Signed.", key="f" * 64, identity="1" * 64)
    bad = Finding("tag", Verdict.INVALID, "Garbage.")
    for at in (NOW, NOW + HOUR):
        remember([judgement("team/web", Verdict.TRUSTED, findings=(known, bad))], at)
    row = SignatureSeen.objects.get()
    assert (row.identity, row.key, row.first_seen) == ("1" * 64, "f" * 64, NOW - HOUR)


def test_a_limit_changes_the_verdict_and_its_end_changes_it_back(
    known: Registry, sweep: Callable[[Registry], Job]
) -> None:
    assert sweep(known).state == Job.State.SUCCEEDED
    row = ArtifactVerdict.objects.get(repository="team/web", tags=["1.0"])
    seen = SignatureSeen.objects.get(digest=row.digest)
    key = Key.objects.get()
    assert seen.key == key.fingerprint == row.key and trust().seen == {}
    assert set(SignatureSeen.objects.values_list("key", flat=True)) == {"", key.fingerprint}  # the stranger's too

    def judged(**limits: Any) -> ArtifactVerdict:
        Key.objects.update(**{"not_before": None, "not_after": None, "revoked_from": None, "projects": []} | limits)
        judge_again(known, row.repository, row.digest)
        return ArtifactVerdict.objects.get(pk=row.pk)

    revoked = judged(revoked_from=seen.first_seen, revoked_reason="laptop lost")
    assert (revoked.verdict, revoked.key) == ("unknown_key", "")
    assert "laptop lost" in revoked.reason and revoked.signatures[0]["signer"] == key.fingerprint
    assert f"{key.name}.pub" in revoked.command
    assert judged(revoked_from=seen.first_seen + HOUR).verdict == "trusted"
    assert judged(not_before=seen.first_seen + HOUR).verdict == "unknown_key"
    assert judged(not_after=seen.first_seen + timedelta.resolution).verdict == "trusted"
    assert judged(projects=["platform"]).verdict == "unknown_key"
    Key.objects.update(projects=["platform"])
    assert sweep(known).state == Job.State.SUCCEEDED
    by_project = dict(ArtifactVerdict.objects.filter(key=key.fingerprint).values_list("verdict", "project"))
    assert by_project == {"trusted": "platform", "via_index": "platform"}
    assert SignatureSeen.objects.get(pk=seen.pk).first_seen == seen.first_seen


@pytest.mark.django_db
def test_a_signature_is_first_seen_when_it_is_read_not_when_its_repository_was_begun_with() -> None:
    """A part of a sweep may take an hour: what a thief pushes after the revocation would be older than it."""
    registry = Registry.objects.create(name="slow", url="https://slow.test")
    begun = timezone.now() - HOUR
    for number, keeping_ in enumerate((keep_whole, keep_batch)):
        finding = Finding("tag", Verdict.TRUSTED, "Signed.", key="f" * 64, identity=str(number) * 64)
        found = [judgement("team/web", Verdict.TRUSTED, findings=(finding,))]
        if keeping_ is keep_whole:
            keep_whole(registry, None, "team/web", found, begun)
        else:
            sweep = Sweep.objects.create(registry=registry)
            keep_batch(registry, sweep, "team/web", found, begun, begun)
    looked = replace(finding, identity="2" * 64)
    keep_some(registry, "team/web", Looked([judgement("team/web", Verdict.TRUSTED, findings=(looked,))], begun, {}))
    assert SignatureSeen.objects.count() == 3
    assert all(row.first_seen > begun + HOUR / 2 for row in SignatureSeen.objects.all())


def test_a_key_that_is_revoked_while_a_repository_is_judged_has_no_say(known: Registry, redis_settings: str) -> None:
    this = Sweep.objects.create(registry=known)
    parts.write(this, ["team/web"], timezone.now())
    part = parts.take(this)
    assert part is not None

    def revoke() -> None:
        def elsewhere() -> None:
            Key.objects.update(revoked_from=NOW - HOUR, revoked_reason="laptop lost")
            connection.close()

        other = threading.Thread(target=elsewhere)
        other.start()
        other.join()

    said: list[str] = []
    with walking(this, lambda line, stream: said.append(line)) as walk:
        walk.part(part, revoke)
    assert "trusted keys have changed" in said[0]
    row = ArtifactVerdict.objects.get(repository="team/web", tags=["1.0"])
    assert (row.verdict, "laptop lost" in row.reason) == ("unknown_key", True)
    assert not ArtifactVerdict.objects.filter(verdict__in=["trusted", "via_index"]).exists()


def test_a_key_that_is_revoked_while_an_artifact_is_judged_again_has_no_say(known: Registry) -> None:
    asked: list[Trust] = []

    def judge(ring: Trust) -> bool:
        asked.append(ring)
        Key.objects.update(revoked_from=NOW)
        return ring.ring[0].revoked_from is not None

    kept: list[bool] = []
    kept_by_current(judge, kept.append)
    assert kept == [True] and len(asked) == 2
