"""What is done about an event: the registry is asked, judged and kept. Against a real registry and real signatures."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from bin.lib import samples
from harborweb.audit import history, tasks
from harborweb.audit.hooks import looking, queueing, receiving
from harborweb.audit.models import ArtifactVerdict, Hook, HookEvent
from harborweb.audit.sweeps import walking
from harborweb.jobs import services as jobs
from harborweb.jobs.models import Job
from harborweb.jobs.run import perform
from harborweb.registry import running
from harborweb.registry.client import OCI_MANIFEST, Client, Endpoint
from harborweb.registry.models import Registry
from harborweb.signing.models import Key
from harborweb.verification.keys import load_public_key
from tests import parts
from tests.audit import harbor_says as says

pytestmark = pytest.mark.django_db(transaction=True)
State = HookEvent.State
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
Sweeper = Callable[[Registry], Job]


@dataclass
class Lab:
    """A registry of its own that can be pushed to and signed in, and the hook that tells of project team."""

    server: parts.Registry
    signer: samples.Signer
    registry: Registry
    hook: Hook

    def do(self, work: Callable[[samples.Filler], Any]) -> Any:
        async def with_client() -> Any:
            async with Client(Endpoint(self.server.url, allow_http=True)) as client:
                return await work(samples.Filler(client, self.signer, self.server.host))

        return running.run(with_client())

    def image(self, repository: str, tag: str, text: str = "") -> str:
        return str(self.do(lambda filler: filler.image(repository, tag, text or f"{repository} {tag}")))

    def index(self, repository: str, tag: str) -> str:
        return str(self.do(lambda filler: filler.index(repository, tag)))

    def sign(self, repository: str, digest: str, *, simple: bool = False) -> None:
        running.run(self.signer.sign(f"{self.server.host}/{repository}@{digest}", simple=simple))

    def delete(self, repository: str, reference: str) -> None:
        self.do(lambda filler: filler.client.delete_manifest(repository, reference))

    def referrers(self, repository: str, digest: str) -> list[str]:
        listed = self.do(lambda filler: filler.client.referrers(repository, digest))
        return [one["digest"] for one in listed.descriptors]

    def told(self, kind: str, repository: str, tag: str, digest: str, at: int = 0) -> None:
        """Harbor's delivery, as the receiver takes it."""
        body = says.default(kind, says.artifact(repository, tag, digest), at or self._clock())
        receiving.take(self.hook, body, says.DEFAULT)

    def pushed(self, repository: str, tag: str, digest: str) -> Job:
        self.told("PUSH_ARTIFACT", repository, tag, digest)
        return work()

    def deleted(self, repository: str, tag: str, digest: str) -> Job:
        self.told("DELETE_ARTIFACT", repository, tag, digest)
        return work()

    def _clock(self) -> int:
        return int(timezone.now().timestamp() * 1000)


def work(job: Job | None = None) -> Job:
    """Do the newest job of a hook as a worker does: in a thread that has no event loop."""
    job = job or Job.objects.filter(kind="hook").latest("pk")
    worker = threading.Thread(target=lambda: (perform(job.pk, looking.look), connections.close_all()))
    worker.start()
    worker.join()
    job.refresh_from_db()
    return job


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, cosign3: str) -> Iterator[tuple[parts.Registry, samples.Signer]]:
    folder = tmp_path_factory.mktemp("hooks")
    with parts.registry_server(folder / "registry") as server:
        yield server, asyncio.run(samples.keys(Path(cosign3), folder / "keys"))


@pytest.fixture
def lab(server: tuple[parts.Registry, samples.Signer], redis_settings: str) -> Lab:
    where, signer = server
    public = load_public_key((signer.folder / "demo.pub").read_bytes())
    Key.objects.create(name="demo", kind="public", public_pem=public.pem, fingerprint=public.fingerprint)
    registry = Registry.objects.create(name="lab", url=where.url, allow_http=True)
    hook = Hook.objects.create(registry=registry, project="team", secret_hash="-", address="-")
    return Lab(where, signer, registry, hook)


def verdicts(repository: str) -> dict[str, tuple[list[str], str]]:
    rows = ArtifactVerdict.objects.filter(repository=repository)
    return {row.digest: (row.tags, row.verdict) for row in rows}


def lanes(lab: Lab, repository: str) -> dict[str, list[tuple[str, bool]]]:
    found = history.timeline(lab.registry, repository, LONG_AGO)
    return {lane.tag: [(span.digest, span.end is None) for span in lane.spans] for lane in found}


def test_a_pushed_tag_of_a_repository_that_nobody_knew_is_judged_and_remembered(lab: Lab) -> None:
    digest = lab.image("team/new", "1")
    job = lab.pushed("team/new", "1", digest)
    assert job.state == Job.State.SUCCEEDED, job.error
    assert verdicts("team/new") == {digest: (["1"], "unsigned")}
    assert lanes(lab, "team/new") == {"1": [(digest, True)]}
    row = ArtifactVerdict.objects.get(repository="team/new")
    assert row.project == "team" and row.command and row.evidence and row.sweep is None
    assert HookEvent.objects.get().state == State.DONE


def test_a_forged_digest_is_not_believed(lab: Lab) -> None:
    digest = lab.image("team/forged", "1")
    other = lab.image("team/forged", "2", "another image")
    lab.pushed("team/forged", "1", other)
    assert verdicts("team/forged") == {digest: (["1"], "unsigned")}
    lab.pushed("team/forged", "1", f"sha256:{'0' * 64}")
    assert verdicts("team/forged") == {digest: (["1"], "unsigned")}
    assert lanes(lab, "team/forged") == {"1": [(digest, True)]}


def test_a_tag_that_is_not_there_and_a_digest_that_is_not_there_make_nothing(lab: Lab) -> None:
    assert lab.pushed("team/nothing", "1", f"sha256:{'0' * 64}").state == Job.State.SUCCEEDED
    assert lab.pushed("team/nothing", "", f"sha256:{'0' * 64}").state == Job.State.SUCCEEDED
    assert lab.pushed("team/nothing", f"sha256-{'0' * 64}.sig", f"sha256:{'1' * 64}").state == Job.State.SUCCEEDED
    assert verdicts("team/nothing") == {} and lanes(lab, "team/nothing") == {}


def test_a_tag_that_moves_leaves_its_artifact_which_is_forgotten_as_by_a_sweep(lab: Lab, sweep: Sweeper) -> None:
    first = lab.image("team/moves", "1", "one")
    lab.image("team/moves", "other", "one")
    lab.pushed("team/moves", "1", first)
    lab.pushed("team/moves", "other", first)
    assert verdicts("team/moves") == {first: (["1", "other"], "unsigned")}
    second = lab.image("team/moves", "1", "two")
    lab.pushed("team/moves", "1", second)
    assert verdicts("team/moves") == {first: (["other"], "unsigned"), second: (["1"], "unsigned")}
    lab.image("team/moves", "other", "two")
    lab.pushed("team/moves", "other", second)
    assert verdicts("team/moves") == {second: (["1", "other"], "unsigned")}
    assert lanes(lab, "team/moves")["1"] == [(first, False), (second, True)]
    told = verdicts("team/moves"), lanes(lab, "team/moves")
    sweep(lab.registry)
    assert told == (verdicts("team/moves"), lanes(lab, "team/moves"))


def test_an_index_brings_its_children_and_takes_them_along(lab: Lab, sweep: Sweeper) -> None:
    index = lab.index("team/many", "1")
    lab.pushed("team/many", "1", index)
    told = verdicts("team/many")
    assert len(told) == 3 and {verdict for _tags, verdict in told.values()} == {"unsigned"}
    lab.pushed("team/many", "1-amd64", "sha256:" + "0" * 64)
    told = verdicts("team/many")
    sweep(lab.registry)
    assert verdicts("team/many") == told
    lab.sign("team/many", index)
    [signature] = lab.referrers("team/many", index)
    lab.pushed("team/many", "", signature)
    assert sorted(verdict for _tags, verdict in verdicts("team/many").values()) == ["trusted", "via_index", "via_index"]
    told = verdicts("team/many")
    # A child's own event, without the index in it, does not lose what the index says of it.
    lab.pushed("team/many", "1-amd64", "sha256:" + "0" * 64)
    assert verdicts("team/many") == told
    sweep(lab.registry)
    assert verdicts("team/many") == told
    lab.image("team/many", "1", "no index any more")
    lab.pushed("team/many", "1", "sha256:" + "0" * 64)
    told = verdicts("team/many")
    sweep(lab.registry)
    assert {digest: tags for digest, (tags, _v) in verdicts("team/many").items()} == {
        digest: tags for digest, (tags, _v) in told.items()
    }


@pytest.mark.parametrize("simple", [False, True])
def test_a_signature_has_its_image_judged_again_and_so_has_its_deletion(lab: Lab, simple: bool) -> None:
    name = f"team/signed-{simple}".lower()
    digest = lab.image(name, "1")
    lab.pushed(name, "1", digest)
    assert verdicts(name) == {digest: (["1"], "unsigned")}
    lab.sign(name, digest, simple=simple)
    tag, signature = _signature(lab, name, digest, simple=simple)
    lab.pushed(name, tag, signature)
    assert verdicts(name) == {digest: (["1"], "trusted")}
    assert lanes(lab, name) == {"1": [(digest, True)]}
    lab.delete(name, signature)
    lab.deleted(name, tag, signature)
    # This registry has no referrers API, and the list that cosign left at a tag still names what is gone.
    assert verdicts(name) == {digest: (["1"], "unsigned" if simple else "unchecked")}


@pytest.mark.parametrize(("simple", "apart"), [(False, True), (True, False)])
def test_a_signature_in_a_repository_of_its_own_has_judged_again_what_it_is_about(
    lab: Lab, sweep: Sweeper, monkeypatch: pytest.MonkeyPatch, simple: bool, apart: bool
) -> None:
    """By cosign with COSIGN_REPOSITORY: in the registry of the images, or in another one that is known here."""
    name, vault = f"other/app-{simple}-{apart}".lower(), f"team/vault-{simple}-{apart}".lower()
    images = lab.registry
    if apart:
        images = Registry.objects.create(name="images", url=lab.server.url, allow_http=True)
        images.signatures_registry = lab.registry
    images.signatures_repository = vault
    images.save()
    digest = lab.index(name, "1")
    lab.image(name, "2")
    sweep(images)
    mine = ArtifactVerdict.objects.filter(registry=images, repository=name)
    assert set(mine.values_list("verdict", flat=True)) == {"unsigned"}

    monkeypatch.setenv("COSIGN_REPOSITORY", f"{lab.server.host}/{vault}")
    lab.sign(name, digest, simple=simple)
    tag, signature = _signature(lab, vault, digest, simple=simple)
    job = lab.pushed(vault, tag, signature)
    assert job.state == Job.State.SUCCEEDED, job.error
    assert mine.get(digest=digest).verdict == "trusted"
    assert set(mine.filter(parents__icontains=digest).values_list("verdict", flat=True)) == {"via_index"}
    assert mine.get(tags=["2"]).verdict == "unsigned"

    lab.delete(vault, signature)
    lab.deleted(vault, tag, signature)
    assert mine.get(digest=digest).verdict == ("unsigned" if simple else "unchecked")


def test_a_signature_elsewhere_judges_nothing_that_has_its_signatures_somewhere_else(lab: Lab, sweep: Sweeper) -> None:
    """The place is what was set, not what a signature names."""
    digest = lab.image("other/plain", "1")
    sweep(lab.registry)
    before = ArtifactVerdict.objects.get(repository="other/plain").checked
    other = lab.image("team/vault", "v")
    lab.do(lambda filler: filler.forge("team/vault", digest))
    lab.pushed("team/vault", f"{digest.replace(':', '-')}.sig", other)
    assert ArtifactVerdict.objects.get(repository="other/plain").checked == before


def _signature(lab: Lab, repository: str, digest: str, *, simple: bool) -> tuple[str, str]:
    """The tag, where it has one, and the digest of the signature of `digest` in `repository`."""
    if not simple:
        [signature] = lab.referrers(repository, digest)
        return "", signature
    tag = f"{digest.replace(':', '-')}.sig"
    return tag, str(lab.do(lambda filler: _digest_of(filler, repository, tag)))


async def _digest_of(filler: samples.Filler, repository: str, reference: str) -> str:
    return (await filler.client.manifest(repository, reference)).digest


def test_a_deletion_is_asked_after(lab: Lab) -> None:
    digest = lab.image("team/gone", "1")
    for tag in ("2", "3"):
        lab.image("team/gone", tag, "team/gone 1")
    for tag in ("1", "2", "3"):
        lab.pushed("team/gone", tag, digest)
    assert verdicts("team/gone") == {digest: (["1", "2", "3"], "unsigned")}
    lab.deleted("team/gone", "1", digest)  # a lie: it is there
    assert verdicts("team/gone") == {digest: (["1", "2", "3"], "unsigned")}
    lab.delete("team/gone", digest)
    lab.deleted("team/gone", "1", digest)  # Harbor names the first tag only
    assert verdicts("team/gone") == {}
    assert {tag: spans[-1][1] for tag, spans in lanes(lab, "team/gone").items()} == {"1": False, "2": False, "3": False}


def test_a_replicated_repository_is_judged_whole_also_below_the_name_that_harbor_cut_short(lab: Lab) -> None:
    one, two = lab.image("team/deep/one", "1"), lab.image("team/deep/two", "1")
    receiving.take(lab.hook, says.default("REPLICATION", says.replication("team", "deep")), says.DEFAULT)
    assert work().state == Job.State.SUCCEEDED
    assert queueing.look_after(tasks.look) == 2
    for job in Job.objects.filter(state=Job.State.REQUESTED):
        assert work(job).state == Job.State.SUCCEEDED
    assert verdicts("team/deep/one") == {one: (["1"], "unsigned")}
    assert verdicts("team/deep/two") == {two: (["1"], "unsigned")}
    lab.image("team/deep/one", "2", "new")
    lab.delete("team/deep/one", one)
    receiving.take(lab.hook, says.default("REPLICATION", says.replication("team", "team/deep/one:2")), says.DEFAULT)
    work()
    assert [tags for tags, _verdict in verdicts("team/deep/one").values()] == [["2"]]


def test_a_lost_webhook_is_healed_by_the_next_sweep(lab: Lab, sweep: Sweeper) -> None:
    first = lab.image("team/lost", "1", "one")
    sweep(lab.registry)
    second = lab.image("team/lost", "1", "two")
    third = lab.image("team/lost", "2")
    lab.sign("team/lost", third)
    new = lab.image("team/lost/new", "1")
    sweep(lab.registry)
    assert verdicts("team/lost") == {second: (["1"], "unsigned"), third: (["2"], "trusted")}
    assert verdicts("team/lost/new") == {new: (["1"], "unsigned")}
    assert lanes(lab, "team/lost") == {"1": [(first, False), (second, True)], "2": [(third, True)]}


def test_a_sweep_on_its_way_takes_nothing_back_that_an_event_brought_meanwhile(
    lab: Lab, sweep: Sweeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, gone = lab.image("team/race", "moves", "old"), lab.image("team/race", "goes", "gone")
    stays = lab.image("team/race", "stays", "stays")
    for tag, digest in (("moves", old), ("goes", gone), ("stays", stays)):
        lab.pushed("team/race", tag, digest)
    real = walking.judge_repository
    brought = {}

    async def slowly(*given: Any, **more: Any) -> Any:
        async for one in real(*given, **more):
            yield one
        if given[1] == "team/race":  # listed and judged, and not written yet
            await asyncio.to_thread(meanwhile)

    def meanwhile() -> None:
        for repository, tag in (("team/race", "comes"), ("team/race", "moves"), ("team/race/new", "1")):
            brought[tag] = lab.image(repository, tag, f"{tag} in between")
            lab.pushed(repository, tag, brought[tag])
        lab.delete("team/race", gone)
        lab.deleted("team/race", "goes", gone)
        connections.close_all()

    monkeypatch.setattr(walking, "judge_repository", slowly)
    job = sweep(lab.registry)
    assert job.state == Job.State.SUCCEEDED, job.error
    told = verdicts("team/race")
    assert gone not in told
    assert {digest: tags for digest, (tags, _verdict) in told.items() if tags} == {
        brought["comes"]: ["comes"], brought["moves"]: ["moves"], stays: ["stays"],
    }  # fmt: skip
    assert len(verdicts("team/race/new")) == 1
    assert lanes(lab, "team/race") == {
        "comes": [(brought["comes"], True)], "moves": [(old, False), (brought["moves"], True)],
        "goes": [(gone, False)], "stays": [(stays, True)],
    }  # fmt: skip
    monkeypatch.undo()
    sweep(lab.registry)
    assert set(verdicts("team/race")) == {brought["comes"], brought["moves"], stays}


def test_a_registry_that_does_not_answer_is_asked_again_and_then_left_for_the_sweep(lab: Lab) -> None:
    digest = lab.image("team/later", "1")
    lab.pushed("team/later", "1", digest)
    good, lab.registry.url = lab.registry.url, "http://127.0.0.1:9"
    lab.registry.save()
    for number in range(len(queueing.AGAIN_AFTER)):
        lab.told("PUSH_ARTIFACT", "team/later", "1", digest) if not number else queueing.look_after(tasks.look)
        job = work()
        assert job.state == Job.State.FAILED and "127.0.0.1:9" in job.error and "asked again in" in job.advice
        event = HookEvent.objects.first()
        assert event is not None and event.state == State.WAITING and event.tries == number + 1
        assert event.due - timezone.now() > timedelta(seconds=queueing.AGAIN_AFTER[number] - 5)
        assert queueing.look_after(tasks.look) == 0  # not due
        HookEvent.objects.filter(pk=event.pk).update(due=timezone.now())
    assert queueing.look_after(tasks.look) == 1
    job = work()
    assert "next sweep" in job.advice
    event = HookEvent.objects.first()
    assert event is not None and event.state == State.LEFT and "127.0.0.1:9" in event.problem
    assert queueing.look_after(tasks.look) == 0
    assert verdicts("team/later") == {digest: (["1"], "unsigned")}  # nothing that was known has changed
    lab.registry.url = good
    lab.registry.save()
    lab.told("PUSH_ARTIFACT", "team/later", "1", digest)  # a delivery that was left is new again
    assert work().state == Job.State.SUCCEEDED


def test_a_registry_that_came_back_is_caught_up_with(lab: Lab) -> None:
    digest = lab.image("team/back", "1")
    good, lab.registry.url = lab.registry.url, "http://127.0.0.1:9"
    lab.registry.save()
    assert lab.pushed("team/back", "1", digest).state == Job.State.FAILED
    lab.registry.url = good
    lab.registry.save()
    HookEvent.objects.update(due=timezone.now())
    assert queueing.look_after(tasks.look) == 1
    assert work().state == Job.State.SUCCEEDED
    assert verdicts("team/back") == {digest: (["1"], "unsigned")}


def test_what_a_dead_job_had_taken_is_looked_at_by_another_and_what_a_person_stopped_is_not(lab: Lab) -> None:
    digest = lab.image("team/dead", "1")
    lab.told("PUSH_ARTIFACT", "team/dead", "1", digest)
    job = Job.objects.latest("pk")
    assert len(queueing.take(job, lab.registry, "team/dead")) == 1
    Job.objects.filter(pk=job.pk).update(state=Job.State.LOST)
    assert queueing.look_after(tasks.look) == 1
    assert work().state == Job.State.SUCCEEDED
    assert verdicts("team/dead") == {digest: (["1"], "unsigned")}
    lab.told("PUSH_ARTIFACT", "team/dead", "2", digest)
    job = Job.objects.latest("pk")
    queueing.take(job, lab.registry, "team/dead")
    Job.objects.filter(pk=job.pk).update(state=Job.State.STOPPED)
    assert queueing.look_after(tasks.look) == 0
    assert HookEvent.objects.filter(state=State.LEFT).count() == 1


def test_an_event_that_comes_while_the_job_runs_is_not_lost(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = lab.image("team/busy", "1"), lab.image("team/busy", "2")
    real, told = queueing.take, []

    def late(*given: Any) -> list[HookEvent]:
        found = real(*given)
        if not found and not told:  # nothing waits any more, and just now something comes
            told.append(lab.told("PUSH_ARTIFACT", "team/busy", "2", second))
        return found

    monkeypatch.setattr(queueing, "take", late)
    assert lab.pushed("team/busy", "1", first).state == Job.State.SUCCEEDED
    assert Job.objects.filter(kind="hook").count() == 1
    assert set(verdicts("team/busy")) == {first, second}


def test_two_workers_with_the_same_event_judge_it_once(lab: Lab) -> None:
    digest = lab.image("team/twice", "1")
    lab.told("PUSH_ARTIFACT", "team/twice", "1", digest)
    arguments = {"registry": lab.registry.pk, "repository": "team/twice"}
    again = jobs.request(tasks.look, kind="hook", title="-", subject="team/twice", arguments=arguments)
    first = Job.objects.filter(kind="hook").earliest("pk")
    workers = [threading.Thread(target=work, args=(job,)) for job in (first, again)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    first.refresh_from_db()
    again.refresh_from_db()
    assert {first.state, again.state} == {Job.State.SUCCEEDED}
    assert sorted(job.result["message"][0] for job in (first, again)) == ["0", "1"]
    assert verdicts("team/twice") == {digest: (["1"], "unsigned")}


def test_many_tags_of_one_repository_are_looked_at_in_a_few_rounds(lab: Lab) -> None:
    count = queueing.AT_ONCE + 10

    async def fill(filler: samples.Filler) -> list[str]:
        digest = await filler.image("team/flood", "t0", "flood")
        body = (await filler.client.manifest("team/flood", digest)).body
        for number in range(1, count):
            await filler.client.put_manifest("team/flood", f"t{number}", body, OCI_MANIFEST)
        return [digest]

    [digest] = lab.do(fill)
    for number in range(count):
        lab.told("PUSH_ARTIFACT", "team/flood", f"t{number}", digest)
    assert Job.objects.filter(kind="hook").count() == 1
    job = work()
    assert job.state == Job.State.SUCCEEDED and job.result["message"].startswith(f"{count} ")
    assert verdicts("team/flood") == {digest: (sorted(f"t{number}" for number in range(count)), "unsigned")}
    assert not HookEvent.objects.exclude(state=State.DONE).exists()
