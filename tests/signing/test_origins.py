"""Transplanted and rolled-back tags, and signatures that have expired, are said beside the verdict."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone

from harborweb.audit import services as audit
from harborweb.audit.again import judge_again
from harborweb.audit.models import ArtifactVerdict
from harborweb.audit.origins import notes_of
from harborweb.registry.client import OCI_MANIFEST, Client
from harborweb.signing.many import services as many
from harborweb.signing.many.services import Item, Will
from harborweb.signing.many.workshop import sign_many
from harborweb.verification.origin import EXPIRES, REPOSITORY, TAG, TIME, moment, notes, origin_of, stamp
from harborweb.verification.policy import Policy, Signer, Standing, Subject, stand
from harborweb.verification.verdict import Verdict
from tests.signing.conftest import Image
from tests.signing.jobs import done, log, made

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


def test_what_is_no_time_or_text_says_nothing() -> None:
    for junk in ("", "2026-11-28", "2026-11-28T12:00:00+01:00", "2026-13-28T12:00:00Z", 5, None, ["x"], "9" * 99):
        assert moment(junk) is None
        assert origin_of({TIME: junk, EXPIRES: junk}).expired(NOW) is False
    assert moment(stamp(NOW)) == NOW
    assert notes(origin_of({REPOSITORY: 7, TAG: {}}), "team/app", ["1.0"], NOW) == []


@pytest.mark.parametrize(
    ("signed", "tags", "said"),
    [
        ({REPOSITORY: "team/app", TAG: "1.0"}, ["1.0", "latest"], []),
        ({REPOSITORY: "team/app", TAG: "1.0"}, [], []),  # untagged: nothing is claimed
        ({}, ["1.0"], []),  # by hand, without annotations
        ({REPOSITORY: "team/app", TAG: "1.2"}, ["latest"], ["Signed as team/app:1.2, found at team/app:latest."]),
        ({REPOSITORY: "other/app"}, ["1.0"], ["Signed as other/app, found at team/app:1.0."]),
        ({REPOSITORY: "other/app", TAG: "1.0"}, [], ["Signed as other/app:1.0, found at team/app."]),
        ({EXPIRES: "2026-11-28T12:00:00Z"}, [], ["Its signer let this signature hold until 2026-11-28 12:00 UTC."]),
        ({EXPIRES: "2026-11-28T12:00:01Z"}, [], []),
    ],
)  # fmt: skip
def test_notes(signed: dict[str, str], tags: list[str], said: list[str]) -> None:
    assert notes(origin_of(signed), "team/app", tags, NOW) == said


def test_an_expired_signature_is_a_finding_and_stays_trusted() -> None:
    def standing(*ends: str, now: datetime = NOW) -> Any:
        signers = [Signer("f" * 64, "release", {EXPIRES: end} if end else {}) for end in ends]
        subject = Subject("team/app", "sha256:-", ["1"], Verdict.TRUSTED, "Signed.", NOW - timedelta(days=9), signers)
        return stand(Policy(), subject, {"f" * 64: "release"}, now)

    assert standing("").standing == standing().standing == Standing.MET
    over = standing("2026-11-28T11:59:59Z", "2026-11-01T00:00:00Z")
    assert over.standing == Standing.FINDING and "until 2026-11-28 11:59 UTC only" in over.reason
    assert standing("2026-11-28T11:59:59Z", "").standing == Standing.MET  # another one holds
    met = standing("2026-11-29T00:00:00Z")
    assert met.standing == Standing.MET and met.until == datetime(2026, 11, 29, tzinfo=UTC)  # looked at again then


@pytest.mark.django_db(transaction=True)
def test_a_transplanted_and_a_rolled_back_image(
    asked: Any, row: Any, cosign_three: str, push: Callable[..., Image]
) -> None:
    key = made(asked, "release", "none", "")
    old, new = push(row, "origin/app", "latest", seed="old"), push(row, "origin/app", "next", seed="new")
    for image, tag in ((old, "latest"), (new, "")):
        bulk = many.request_sign_many(asked, row, [Item(image.repository, image.digest, tag)], key, Will())
        assert bulk.job is not None and done(bulk.job, sign_many).state == "succeeded", log(bulk.job)

    async def moved(repository: str, digest: str, tag: str, source: str = "origin/app") -> None:
        async with Client(row.endpoint()) as client:
            manifest = await client.manifest(source, digest)
            for part in (manifest.content["config"], *manifest.content["layers"]):
                await client.put_blob(repository, await client.blob(source, part["digest"]))
            await client.put_manifest(repository, tag, manifest.body, OCI_MANIFEST)

    def kept(image: Image, **more: Any) -> ArtifactVerdict:
        now = timezone.now()
        ArtifactVerdict.objects.update_or_create(
            registry=row, repository=more.get("repository", image.repository), digest=image.digest,
            defaults={"project": "origin", "tags": more["tags"], "verdict": "unsigned", "rank": 4, "reason": "-",
                      "since": now, "checked": now},
        )  # fmt: skip
        judge_again(row, more.get("repository", image.repository), image.digest)
        found = audit.verdict_for(row, more.get("repository", image.repository), image.digest)
        assert found is not None and found.verdict == "trusted"
        return found

    assert notes_of(kept(old, tags=["latest"])) == []
    assert notes_of(kept(old, tags=["stable"])) == ["Signed as origin/app:latest, found at origin/app:stable."]
    # latest moves on and is signed a little later; then somebody puts the old one back.
    async_to_sync(moved)("origin/app", new.digest, "latest")
    bulk = many.request_sign_many(asked, row, [Item("origin/app", new.digest, "latest")], key, Will(format="simple"))
    bulk.items.update(time=timezone.now() + timedelta(hours=1))
    assert bulk.job is not None and done(bulk.job, sign_many).state == "succeeded", log(bulk.job)
    kept(new, tags=["next"])
    [note] = notes_of(kept(old, tags=["latest"]))
    assert note.startswith(f"latest was signed for another digest, {new.digest}, on ")
