"""What changed: told by whoever keeps verdicts, compared with the look before, and forgotten in time."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bin.lib import samples
from harborweb import sealing
from harborweb.accounts.roles import Role
from harborweb.audit import keeping, sightings
from harborweb.audit.changes import pruning
from harborweb.audit.judging.judgement import Judgement
from harborweb.audit.models import ArtifactVerdict, Change, Sweep, TagSighting
from harborweb.jobs.models import Job
from harborweb.registry.models import PASSWORD_PURPOSE, Registry
from harborweb.signing.models import Key
from harborweb.verification.keys import load_public_key
from harborweb.verification.verdict import Finding, Verdict
from tests.harbor_double import HarborDouble
from tests.registry.images import client, push_image, run

A, B, C = (f"sha256:{letter * 64}" for letter in "abc")
KEY, OTHER = "1" * 64, "2" * 64
Sweeper = Callable[[Registry], Job]


@pytest.fixture
def lab(db: None) -> Registry:
    return Registry.objects.create(name="lab", url="http://127.0.0.1:1", allow_http=True)


def one(digest: str, verdict: str, *tags: str, keys: tuple[str, ...] = (), repository: str = "team/app") -> Judgement:
    """A judgement as a sweep makes it, with a signature for each key."""
    findings = tuple(
        Finding("referrer", Verdict(verdict), "", key=key, payload=digest.encode(), signature=key.encode())
        for key in keys
    )
    return Judgement(repository, tags, digest, Verdict(verdict), "", key=keys[0] if keys else "", findings=findings)


def swept(registry: Registry, *judgements: Judgement, repository: str = "team/app") -> list[tuple[str, str, str]]:
    """Keep what one whole sweep found; the changes that it told as (kind, tag, digest's letter)."""
    last = Change.objects.order_by("pk").last()
    this = Sweep.objects.create(registry=registry)
    keeping.keep_whole(registry, this, repository, judgements, timezone.now())
    Sweep.objects.filter(pk=this.pk).update(finished=timezone.now(), complete=True, counts={"trusted": 1})
    found = Change.objects.filter(pk__gt=last.pk if last else 0)
    assert all(change.sweep_id == this.pk for change in found)
    return sorted((change.kind, change.tag, change.digest[-1]) for change in found)


def test_the_first_sweep_is_no_change_and_nothing_changed_writes_nothing(lab: Registry) -> None:
    found = [one(A, "trusted", "1", keys=(KEY,)), one(B, "unsigned", "2")]
    assert swept(lab, *found) == []
    with CaptureQueriesContext(connection) as asked:
        assert swept(lab, *found) == []
    assert not [query for query in asked if "audit_change" in query["sql"] and not query["sql"].startswith("SELECT")]


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("trusted", "unsigned", "signature_gone"), ("unknown_key", "unsigned", "signature_gone"),
        ("trusted", "attestation_only", "signature_gone"), ("trusted", "unknown_key", "lost_trust"),
        ("trusted", "invalid", "invalid"), ("unsigned", "invalid", "invalid"), ("trusted", "unchecked", "unchecked"),
        ("unsigned", "trusted", "trusted"), ("unchecked", "trusted", "trusted"), ("invalid", "via_index", "trusted"),
        ("trusted", "via_index", "verdict"), ("unsigned", "unknown_key", "verdict"),
    ],
)  # fmt: skip
def test_every_turn_of_a_verdict_has_its_kind(lab: Registry, before: str, after: str, kind: str) -> None:
    swept(lab, one(A, before, "1"))
    since = ArtifactVerdict.objects.get().since
    assert swept(lab, one(A, after, "1")) == [(kind, "1", "a")]
    change = Change.objects.get()
    assert (change.verdict_before, change.verdict, change.since) == (before, after, since)
    assert change.project == "team"


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [((KEY,), (OTHER,), True), ((KEY,), (KEY, OTHER), True), ((KEY, OTHER), (OTHER,), True), ((), (KEY,), False)],
)
def test_another_signer_or_one_more_or_one_less_is_a_change(
    lab: Registry, before: tuple[str, ...], after: tuple[str, ...], told: bool
) -> None:
    """Where nobody wrote down who had signed, as before this was kept, nothing is said of it."""
    swept(lab, one(A, "trusted", "1", keys=before))
    assert swept(lab, one(A, "trusted", "1", keys=after)) == ([("signer", "1", "a")] if told else [])
    if told:
        change = Change.objects.get()
        assert (change.before["signers"], change.after["signers"]) == (sorted(before), sorted(after))


def test_what_is_new_and_what_is_gone(lab: Registry) -> None:
    swept(lab, one(A, "trusted", "1"))
    new = [one(A, "trusted", "1"), one(B, "unsigned", "2"), one(C, "trusted", "3")]
    assert swept(lab, *new) == [("new_signed", "3", "c"), ("new_unsigned", "2", "b")]
    assert swept(lab, *new[:2]) == [("deleted", "3", "c")]
    assert swept(lab, one(A, "trusted"), new[1]) == [("tag_gone", "1", "a")]
    assert swept(lab, one(A, "trusted"), one("", "unchecked", "2")) == [("unchecked", "2", "b")]


def test_a_tag_that_moves_and_moves_back_says_what_it_meant_and_when(lab: Registry) -> None:
    swept(lab, one(A, "invalid", "1"), one(B, "trusted", "2"))
    first = TagSighting.objects.get(tag="1")
    assert swept(lab, one(A, "invalid"), one(B, "trusted", "1", "2")) == [("tag_moved", "1", "b")]
    moved = Change.objects.get()
    assert moved.before == {"digest": A, "verdict": "invalid"} and moved.verdict == "trusted"
    assert moved.since == first.first_seen
    assert swept(lab, one(A, "invalid", "1"), one(B, "trusted", "2")) == [("tag_back", "1", "a")]
    back = Change.objects.get(kind="tag_back")
    first.refresh_from_db()
    assert first.ended is not None
    assert back.after == {"first_seen": first.first_seen.isoformat(), "ended": first.ended.isoformat(),
                          "verdict": "invalid"}  # fmt: skip
    assert (back.verdict_before, back.before["digest"]) == ("trusted", B)


def test_an_artifact_that_its_tag_left_behind_is_told_once(lab: Registry) -> None:
    """A registry that is no Harbor lists tags alone: that the old digest is no row any more is the tag's doing."""
    swept(lab, one(A, "trusted", "1"))
    assert swept(lab, one(B, "unsigned", "1")) == [("new_unsigned", "1", "b"), ("tag_moved", "1", "b")]


def test_a_sweep_in_batches_tells_each_thing_once(lab: Registry) -> None:
    """The tags of one artifact come in several batches, and what none of them had is gone only after the last."""
    swept(lab, one(A, "trusted", "1", "2", "gone"), one(B, "unsigned", "3"), one(C, "invalid", "4"))
    swept(lab, one(A, "trusted", "2", "gone"), one(B, "unsigned", "1", "3"), one(C, "invalid", "4"))
    Change.objects.all().delete()  # tag 1 moved from A to B, once and for all

    def batches(*each: list[Judgement]) -> list[tuple[str, str, str]]:
        this, began = Sweep.objects.create(registry=lab), timezone.now()
        for some in each:
            keeping.keep_batch(lab, this, "team/app", some, timezone.now(), began)
        keeping.forget_unseen(lab, this, "team/app", began, ())
        Sweep.objects.filter(pk=this.pk).update(finished=timezone.now(), counts={"trusted": 1})
        return sorted((change.kind, change.tag, change.digest[-1]) for change in this.changes.all())

    same = [one(B, "unsigned", "3"), one(A, "trusted", "gone")], [one(B, "unsigned", "1"), one(C, "invalid", "4")]
    assert batches(*same, [one(A, "trusted", "2")]) == []
    # tag 2 moves onto what an earlier batch has kept, "gone" goes, and C is no more
    moved = [one(A, "trusted"), one(B, "unsigned", "3")], [one(B, "unsigned", "1", "2")]
    assert batches(*moved) == [("deleted", "4", "c"), ("tag_gone", "gone", "a"), ("tag_moved", "2", "b")]
    assert batches(*moved) == []


def test_a_project_that_was_swept_alone_is_compared_and_no_other_is(lab: Registry) -> None:
    swept(lab, one(A, "trusted", "1"))
    Sweep.objects.update(project="team")
    assert swept(lab, one(A, "trusted", "1"), one(B, "unsigned", "2")) == [("new_unsigned", "2", "b")]
    Sweep.objects.update(project="team")
    assert swept(lab, one(B, "unsigned", "1", repository="ops/app"), repository="ops/app") == []


def test_an_event_tells_the_same_and_belongs_to_no_sweep(lab: Registry) -> None:
    swept(lab, one(A, "trusted", "1", "2"))

    def looked(*judgements: Judgement, tags: dict[str, str], gone: tuple[str, ...] = ()) -> list[tuple[str, str]]:
        count = Change.objects.count()
        keeping.keep_some(
            lab, "team/app", keeping.Looked(judgements, timezone.now(), tags, gone_tags=gone, untagged=True)
        )
        fresh = Change.objects.order_by("pk")[count:]
        assert all(change.sweep is None for change in fresh)
        return sorted((change.kind, change.tag) for change in fresh)

    assert looked(one(B, "unsigned", "1"), tags={"1": B}) == [("new_unsigned", "1"), ("tag_moved", "1")]
    assert looked(one(A, "trusted", "1"), tags={"1": A}) == [("tag_back", "1")]
    assert looked(tags={}, gone=("2",)) == [("tag_gone", "2")]
    assert looked(one(A, "trusted", "1"), tags={"1": A}) == []


def test_an_event_before_any_sweep_is_no_change(lab: Registry) -> None:
    keeping.keep_some(lab, "team/app", keeping.Looked([one(A, "unsigned", "1")], timezone.now(), {"1": A}))
    assert not Change.objects.exists()


def test_access_that_is_lost_and_a_repository_that_is_gone(lab: Registry) -> None:
    swept(lab, one(A, "trusted", "1"))
    this = Sweep.objects.create(registry=lab)
    keeping.give_up(lab, this, "team/app", "Harbor answered 403.")
    assert Change.objects.get().kind == Change.Kind.UNCHECKED
    keeping.give_up(lab, this, "team/app", "Harbor answered 403.")
    assert Change.objects.count() == 1
    sightings.forget_repositories(lab, [], timezone.now())
    keeping.forget_repositories(lab, this, [], timezone.now())
    assert Change.objects.order_by("pk").last().kind == Change.Kind.DELETED  # type: ignore[union-attr]


def test_a_real_sweep_after_a_key_lost_trust_and_one_after_it_has_it_again(known: Registry, sweep: Sweeper) -> None:
    sweep(known)
    sweep(known)
    assert not Change.objects.exists()
    Key.objects.update(trusted=False)
    sweep(known)
    lost = Change.objects.filter(kind=Change.Kind.LOST_TRUST)
    assert {(change.repository, change.tag) for change in lost} >= {("team/web", "1.0"), ("platform/proxy", "3.0")}
    assert lost[0].before["signers"] == [Key.objects.get().fingerprint] and lost[0].since is not None
    Key.objects.update(trusted=True)
    job = sweep(known)
    assert Change.objects.filter(kind=Change.Kind.TRUSTED, sweep__job=job).count() == 3 + 2  # and what the index covers


def test_a_harbor_that_loses_a_signature_and_whose_tag_moves_there_and_back(
    harbor: HarborDouble, transactional_db: None, sweep: Sweeper, cosign3: str, tmp_path: Path, as_role: Any
) -> None:
    """cosign signs, Harbor deletes the accessory as its garbage collection does, and a tag is rolled back."""
    name, password = harbor.admin
    registry = Registry.objects.create(
        name="lab", url=harbor.url, allow_http=True, username=name, kind=Registry.Kind.HARBOR,
        password_sealed=sealing.seal(password, PASSWORD_PURPOSE),
    )  # fmt: skip
    harbor.state.add_project("team")

    async def prepared() -> str:
        signer = await samples.keys(Path(cosign3), tmp_path / "keys")
        signer.sign_in(harbor.host, name, password)
        digest = await pushed("first")
        await signer.sign(f"{harbor.host}/team/app@{digest}")
        return digest

    async def pushed(seed: str) -> str:
        async with client(harbor.url, username=name, password=password) as c:
            return await push_image(c, "team/app", "1", seed=seed)

    def told() -> list[tuple[str, str, str]]:
        job = sweep(registry)
        assert job.state == Job.State.SUCCEEDED, job.error
        found = Change.objects.filter(sweep__job=job).order_by("kind")
        return [(change.kind, change.verdict_before, change.verdict) for change in found]

    digest = run(prepared())
    public = load_public_key((tmp_path / "keys" / "demo.pub").read_bytes())
    Key.objects.create(
        name="demo", kind=Key.Kind.PUBLIC, public_pem=public.pem, fingerprint=public.fingerprint, algorithm=public.kind
    )
    assert told() == [] and ArtifactVerdict.objects.get().verdict == "trusted"
    assert told() == []
    at = f"{harbor.url}/api/v2.0/projects/team/repositories/app/artifacts"
    [accessory] = requests.get(f"{at}/{digest}/accessories", auth=harbor.admin, timeout=10).json()
    assert requests.delete(f"{at}/{accessory['digest']}", auth=harbor.admin, timeout=10).status_code == 200
    assert told() == [("signature_gone", "trusted", "unsigned")]
    assert Change.objects.get().before == {"signers": [public.fingerprint]}
    run(pushed("second"))
    assert told() == [("new_unsigned", "", "unsigned"), ("tag_moved", "unsigned", "unsigned")]
    run(pushed("first"))
    assert told() == [("tag_back", "unsigned", "unsigned")]
    shown = as_role(Role.VIEWER).get(f"/audit/{ArtifactVerdict.objects.get(digest=digest).pk}/").text
    assert "It was “Trusted”" in shown and "had meant this digest already" in shown


def test_old_changes_and_old_stretches_are_forgotten_by_age_and_number(
    lab: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()

    def rows(days: int) -> None:
        at = now - timedelta(days=days)
        Change.objects.create(registry=lab, kind="trusted", repository="team/app", digest=A, at=at)
        stretch = SimpleNamespace(registry=lab, repository="team/app", digest=A, first_seen=at, last_seen=at)
        TagSighting.objects.create(**vars(stretch), tag=f"old-{days}", ended=at)
        TagSighting.objects.create(**vars(stretch), tag=f"holds-{days}")

    for days in (1, 2, 3, pruning.KEPT_DAYS + 1):
        rows(days)
    assert pruning.forget_old() == 2
    monkeypatch.setattr(pruning, "MOST_CHANGES", 1)
    monkeypatch.setattr(pruning, "MOST_STRETCHES", 2)
    assert pruning.forget_old() == 2 + 1
    assert (now - Change.objects.get().at).days == 1
    assert sorted(TagSighting.objects.filter(tag__startswith="old").values_list("tag", flat=True)) == ["old-1", "old-2"]
    assert TagSighting.objects.filter(ended=None).count() == 4
