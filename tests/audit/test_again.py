"""What was just signed is judged again at once, without a sweep."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from django.utils import timezone

from bin.lib import samples
from harborweb.audit import tasks
from harborweb.audit.keeping import Looked, keep_again, keep_some
from harborweb.audit.models import ArtifactVerdict, Finding
from harborweb.jobs.models import Job
from harborweb.registry import running
from harborweb.registry.client import Client, Endpoint
from harborweb.registry.models import Registry
from harborweb.signing.models import Key
from harborweb.signing.signals import signed
from harborweb.verification.keys import load_public_key
from harborweb.verification.verdict import Verdict
from tests import parts
from tests.audit.judging import judgement, keep


@pytest.mark.django_db(transaction=True)
def test_a_signed_index_and_its_children_change_at_once(
    tmp_path: Path, cosign3: str, sweep: Callable[[Registry], Job]
) -> None:
    with parts.registry_server(tmp_path / "registry") as server:

        async def fill() -> tuple[samples.Signer, str]:
            signer = await samples.keys(Path(cosign3), tmp_path / "keys")
            async with Client(Endpoint(server.url, allow_http=True)) as client:
                filler = samples.Filler(client, signer, server.host)
                await filler.image("team/alone", "1", "never signed")
                return signer, await filler.index("team/many", "1")

        signer, index = asyncio.run(fill())
        public = load_public_key((tmp_path / "keys" / "demo.pub").read_bytes())
        Key.objects.create(name="demo", kind="public", public_pem=public.pem, fingerprint=public.fingerprint)
        registry = Registry.objects.create(name="own", url=server.url, allow_http=True)
        assert sweep(registry).state == Job.State.SUCCEEDED
        before = dict(ArtifactVerdict.objects.values_list("pk", "verdict"))
        assert set(before.values()) == {"unsigned"} and len(before) == 4
        assert set(Finding.objects.values_list("state", flat=True)) == {"open"} and Finding.objects.count() == 4

        running.run(signer.sign(f"{server.host}/team/many@{index}"))
        assert tasks.judge_again in [answer[0] for answer in _tell(registry, "team/many", index)]
        after = dict(ArtifactVerdict.objects.values_list("pk", "verdict"))
    assert after.keys() == before.keys()  # links to a verdict stay good
    assert sorted(after.values()) == ["trusted", "unsigned", "via_index", "via_index"]
    left = Finding.objects.exclude(state="solved").get()
    assert (left.repository, left.kind) == ("team/alone", "unsigned") and Finding.objects.count() == 4
    row = ArtifactVerdict.objects.get(digest=index)
    children = ArtifactVerdict.objects.filter(verdict="via_index")
    assert {(one.platform, one.counted[0][0]) for one in children} == {
        ("linux/amd64", public.fingerprint), ("linux/arm64", public.fingerprint)
    }  # fmt: skip
    assert row.tags == ["1"] and row.since == row.checked


def test_a_registry_that_went_away_leaves_no_verdict_that_looks_checked(
    known: Registry, sweep: Callable[[Registry], Job]
) -> None:
    sweep(known)
    row = ArtifactVerdict.objects.get(repository="team/web", tags=["1.0"])
    known.url = "http://127.0.0.1:9"
    [(_, answer)] = _tell(known, row.repository, row.digest)
    row.refresh_from_db()
    assert answer is None
    assert row.verdict == "unchecked" and "127.0.0.1:9" in row.reason


@pytest.mark.django_db
def test_what_moved_or_went_while_it_was_judged_again_stays_where_it_is() -> None:
    registry = Registry.objects.create(name="lab", url="http://127.0.0.1:9")
    moved, gone = (judgement("team/web", Verdict.UNSIGNED, tag) for tag in ("1", "2"))
    keep(registry, "team/web", [moved, gone])
    keep_some(registry, "team/web", Looked([], timezone.now(), {}, ["1"], [gone.digest], untagged=True))
    asked = timezone.now()
    better = [replace(one, verdict=Verdict.TRUSTED) for one in (moved, gone)]
    keep_again(registry, "team/web", better, asked)
    row = ArtifactVerdict.objects.get()
    assert (row.digest, row.verdict, row.tags) == (moved.digest, "trusted", [])


@pytest.mark.django_db
def test_an_older_look_writes_over_no_newer_verdict() -> None:
    """A signature was deleted, and its event looked into, while somebody judged who had still seen it."""
    registry = Registry.objects.create(name="lab", url="http://127.0.0.1:9")
    image = judgement("team/web", Verdict.TRUSTED, "1")
    asked = timezone.now()
    keep(registry, "team/web", [replace(image, verdict=Verdict.UNSIGNED)])
    keep_again(registry, "team/web", [image], asked)
    assert ArtifactVerdict.objects.get().verdict == "unsigned"
    keep(registry, "team/web", [replace(image, verdict=Verdict.UNCHECKED)])  # who could not look knows nothing better
    keep_again(registry, "team/web", [image], asked)
    assert ArtifactVerdict.objects.get().verdict == "trusted"


def _tell(registry: Registry, repository: str, digest: str) -> list[tuple[object, object]]:
    return signed.send_robust(sender=None, registry=registry, repository=repository, digest=digest)
