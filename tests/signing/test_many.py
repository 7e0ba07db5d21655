"""Many images signed by one job: natively, once each, said where nothing was to be done; real cosign verifies all."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from harborweb.errors import Problem
from harborweb.jobs.models import Job
from harborweb.registry.client import OCI_INDEX, Client
from harborweb.signing import looking
from harborweb.signing.many import services as many
from harborweb.signing.many.models import BulkItem, BulkSigning
from harborweb.signing.many.services import Item, Will
from harborweb.signing.many.workshop import look_many, sign_many
from harborweb.signing.models import Key
from harborweb.verification.keys import load_public_key
from harborweb.verification.verdict import Finding
from tests.signing.conftest import Image
from tests.signing.cosigning import verifies
from tests.signing.jobs import done, elsewhere, log, made, signed, tags, taken_in
from tests.signing.test_keys import SECRET
from tests.signing.test_kms import connected
from tests.signing.transit import TOKEN, transit

pytestmark = pytest.mark.django_db(transaction=True)
Push = Callable[..., Image]


@pytest.fixture
def key(asked: Any, cosign_three: str) -> Key:
    return made(asked, "release", "stored", SECRET)


def items(images: Sequence[Image]) -> list[Item]:
    return [Item(one.repository, one.digest, one.tag, "unsigned") for one in images]


def signed_many(asked: Any, row: Any, images: Sequence[Image], key: Key, **will: Any) -> BulkSigning:
    bulk = many.request_sign_many(asked, row, items(images), key, Will(**will))
    assert bulk.job is not None
    done(bulk.job, sign_many)
    return bulk


def states(bulk: BulkSigning) -> list[str]:
    return list(bulk.items.values_list("state", flat=True))


def by(row: Any, image: Image, key: Key) -> list[Finding]:
    """The good signatures of an image by a key."""

    async def looked() -> list[Finding]:
        async with Client(row.endpoint()) as client:
            public = load_public_key(key.public_pem.encode())
            return await looking.signatures_by(client, image.repository, image.digest, public)

    return async_to_sync(looked)()


def push_index(row: Any, repository: str, tag: str, children: Sequence[Image]) -> Image:
    async def put() -> str:
        async with Client(row.endpoint()) as client:
            listed = [
                {"mediaType": one.media_type, "size": len(one.body), "digest": one.digest}
                for one in [await client.manifest(repository, each.digest) for each in children]
            ]
            body = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}).encode()
            return await client.put_manifest(repository, tag, body, OCI_INDEX)

    return Image(repository, tag, async_to_sync(put)())


def test_each_is_signed_once_and_both_cosigns_verify(
    asked: Any, row: Any, key: Key, push: Push, cosign2: str, cosign3: str, tmp_path: Path
) -> None:
    images = [push(row, f"many/app{number % 2}", f"1.{number}") for number in range(20)]
    bulk = signed_many(asked, row, images, key, format="both", annotations={"why": "a <b> & “c” d"})
    job = bulk.job
    assert job is not None and job.state == "succeeded", job.error + log(job)
    assert states(bulk) == ["signed"] * 20 and len(job.result["checks"]) == 5
    assert key.pk and job.arguments.get("slot") == ""
    for image in images:
        assert sorted(looking.format_of(one) for one in by(row, image, key)) == ["bundle", "simple"]
    for image in images[:3]:
        reference = f"{row.host}/{image.repository}@{image.digest}"
        for program in (cosign2, cosign3):
            code, said = verifies(program, key, reference, tmp_path, "-a", "why=a <b> & “c” d")
            assert code == 0, said
            code, said = verifies(program, key, reference, tmp_path, "-a", f"dev.harborweb.tag={image.tag}")
            assert code == 0, said
            assert verifies(program, key, reference, tmp_path, "-a", "why=else")[0] != 0
    references = [f"{row.host}/{one.repository}@{one.digest}" for one in images]
    for program in (cosign2, cosign3):  # all of them, in one process
        code, said = verifies(program, key, references[0], tmp_path, *references[1:])
        assert code == 0, said
    [one, _other] = by(row, images[0], key)
    assert one.annotations["dev.harborweb.repository"] == "many/app0"
    assert one.annotations["dev.harborweb.signer"] == asked.user.get_username()
    # Once more: it is said, and not repeated.
    again = signed_many(asked, row, images, key, format="both")
    assert states(again) == ["already"] * 20 and again.job is not None
    assert "20 were signed by this key already" in again.job.result["message"]
    assert [len(by(row, image, key)) for image in images] == [2] * 20


@pytest.mark.parametrize("kind", ["p384", "p521", "rsa", "ed25519"])
def test_every_kind_of_key_as_both_cosigns_take_it(
    asked: Any, row: Any, push: Push, kind: str, cosign2: str, cosign_three: str, tmp_path: Path
) -> None:
    private: Any = {
        "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
        "p521": lambda: ec.generate_private_key(ec.SECP521R1()),
        "rsa": lambda: rsa.generate_private_key(65537, 2048), "ed25519": ed25519.Ed25519PrivateKey.generate,
    }[kind]()  # fmt: skip
    key = taken_in(asked, kind, private)
    image = push(row, f"many/{kind}")
    bulk = signed_many(asked, row, [image], key, format="both")
    assert bulk.job is not None and bulk.job.state == "succeeded", bulk.job.error + log(bulk.job)
    reference = f"{row.host}/{image.repository}@{image.digest}"
    assert verifies(cosign2, key, reference, tmp_path)[0] == 0
    assert verifies(cosign_three, key, reference, tmp_path)[0] == 0


def test_signatures_of_others_stay(asked: Any, row: Any, key: Key, push: Push, cosign2: str, tmp_path: Path) -> None:
    image = push(row, "many/shared")
    other = made(asked, "other", "none", "")
    for simple in (True, False):  # by cosign itself
        assert signed(asked, row, image, other, format="simple" if simple else "bundle").state == "succeeded"
    assert states(signed_many(asked, row, [image], key, format="both")) == ["signed"]
    assert signed(asked, row, image, other, format="simple", annotations={"n": "2"}).state == "succeeded"
    assert len(by(row, image, key)) == 2 and len(by(row, image, other)) == 3
    reference = f"{row.host}/{image.repository}@{image.digest}"
    assert verifies(cosign2, other, reference, tmp_path)[0] == verifies(cosign2, key, reference, tmp_path)[0] == 0


def test_only_the_missing_format_is_added(asked: Any, row: Any, key: Key, push: Push) -> None:
    image = push(row, "many/half")
    assert signed(asked, row, image, key).state == "succeeded"
    bulk = signed_many(asked, row, [image], key, format="both")
    assert states(bulk) == ["signed"] and list(bulk.items.get().written) == ["simple"]
    assert len(by(row, image, key)) == 2


def test_an_index_brings_its_children_and_a_moved_tag_nothing(
    asked: Any, row: Any, key: Key, push: Push, cosign3: str, tmp_path: Path
) -> None:
    children = [push(row, "many/index", name) for name in ("amd", "arm")]
    index = push_index(row, "many/index", "1.0", children)
    moved = push(row, "many/index", "latest", seed="first")
    push(row, "many/index", "latest", seed="second")
    gone = Image("many/index", "", "sha256:" + "0" * 64)
    bulk = many.prepare_many(asked, row, items([index, moved, gone]), key)
    assert bulk.look_job is not None and bulk.job is None
    assert done(bulk.look_job, look_many).state == "succeeded"
    assert states(bulk) == ["waiting", "moved", "failed", "waiting", "waiting"]
    assert [len(by(row, one, key)) for one in (index, *children, moved)] == [0] * 4  # looking writes nothing
    many.begin(asked, bulk)
    assert bulk.job is not None and done(bulk.job, sign_many).state == "succeeded", log(bulk.job)
    assert states(bulk) == ["signed", "moved", "failed", "signed", "signed"]
    assert "tag latest moved" in bulk.items.get(state="moved").reason
    [finding] = by(row, children[0], key)
    assert finding.annotations["dev.harborweb.tag"] == "1.0"
    for child in children:
        code, said = verifies(cosign3, key, f"{row.host}/{child.repository}@{child.digest}", tmp_path)
        assert code == 0, said
    alone = push_index(row, "many/index", "2.0", children[:1])
    assert states(signed_many(asked, row, [alone], key, recursive=False)) == ["signed"]


def test_a_killed_worker_is_gone_on_with(asked: Any, row: Any, key: Key, push: Push) -> None:
    """What it had half done, at any point, is done once: by the same bytes, or found."""
    images = [push(row, "many/killed", f"{number}") for number in range(3)]
    first = signed_many(asked, row, images, key)
    time = first.items.first().time  # type: ignore[union-attr]
    assert time is not None
    # As if killed after writing the first, while the second was claimed, before the third.
    first.items.update(state="waiting", written={})
    first.items.filter(digest=images[0].digest).update(state="signing")
    again = many.begin(asked, first)
    assert again.job is not None and done(again.job, sign_many).state == "succeeded", log(again.job)
    assert states(again) == ["signed", "already", "already"]
    assert "Found signed" in first.items.get(digest=images[0].digest).reason
    assert [len(by(row, image, key)) for image in images] == [1, 1, 1]


def test_nothing_is_written_without_the_right(asked: Any, secured_row: Any, key: Key, push: Push) -> None:
    image = push(secured_row, "many/closed")
    secured_row.username, secured_row.password_sealed = "", b""
    secured_row.save()
    bulk = many.request_sign_many(asked, secured_row, items([image]), key)
    assert bulk.job is not None
    job = done(bulk.job, sign_many)
    assert job.state == "failed" and job.error.startswith("Nothing was signed: "), job.error
    assert "may not push to many/closed" in job.error and states(bulk) == ["waiting"]


def test_a_key_that_asks_is_opened_once_and_asked_again(asked: Any, row: Any, cosign_three: str, push: Push) -> None:
    key = made(asked, "careful", "asked", SECRET)
    image = push(row, "many/asked")
    with pytest.raises(Problem) as caught:
        many.request_sign_many(asked, row, items([image]), key)
    assert caught.value.field == "password" and not BulkSigning.objects.exists()
    bulk = many.request_sign_many(asked, row, items([image]), key, password="not this")
    assert bulk.job is not None
    assert done(bulk.job, sign_many).error == "This password does not open the key." and states(bulk) == ["waiting"]
    many.begin(asked, bulk, password=SECRET)
    assert done(bulk.job, sign_many).state == "succeeded" and states(bulk) == ["signed"]
    assert SECRET not in log(bulk.job) and SECRET not in json.dumps(bulk.job.arguments)


def test_refusals(asked: Any, row: Any, key: Key) -> None:
    one = Item("team/app", "sha256:" + "1" * 64)
    with pytest.raises(Problem, match="No image is chosen"):
        many.request_sign_many(asked, row, [], key)
    with pytest.raises(Problem, match="cannot be typed"):
        many.request_sign_many(asked, row, [one], key, Will(annotations={"dev.harborweb.tag": "2"}))
    Key.objects.update(kind="public")
    key.refresh_from_db()
    with pytest.raises(Problem, match="cannot sign"):
        many.request_sign_many(asked, row, [one], key)
    assert not BulkSigning.objects.exists() and not Job.objects.filter(kind="sign_many").exists()


def test_a_second_begin_is_the_same_job(asked: Any, row: Any, key: Key) -> None:
    bulk = many.request_sign_many(asked, row, [Item("team/app", "sha256:" + "1" * 64)], key)
    job = bulk.job
    many.begin(asked, bulk)
    assert bulk.job == job and Job.objects.filter(kind="sign_many").count() == 1


def test_the_scheduler_goes_on_with_lost_lists_only(asked: Any, row: Any, key: Key) -> None:
    from harborweb.signing.many import queueing
    from harborweb.signing.tasks import sign_many as task

    bulk = many.request_sign_many(asked, row, [Item("team/app", "sha256:" + "1" * 64)], key)
    assert bulk.job is not None
    assert queueing.go_on(task) == 0
    for count in (1, 1, 1, 0):  # three times by itself, then a person has to
        bulk.refresh_from_db()
        Job.objects.filter(pk=bulk.job_id).update(state="lost")
        assert queueing.go_on(task) == count
    Key.objects.update(password_mode="asked")
    Job.objects.filter(kind="sign_many").delete()
    assert queueing.go_on(task) == 0
    assert BulkItem.objects.get().state == "waiting"


def test_a_key_in_a_kms_signs_by_cosign(
    asked: Any, row: Any, push: Push, cosign_three: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transit() as vault:
        monkeypatch.setenv("VAULT_ADDR", vault.address)
        monkeypatch.setenv("VAULT_TOKEN", TOKEN)
        key = connected(asked)
        images = [push(row, "many/kms", tag) for tag in ("1", "2")]
        bulk = signed_many(asked, row, images, key)
        assert bulk.job is not None and bulk.job.state == "succeeded", bulk.job.error + log(bulk.job)
        assert states(bulk) == ["signed", "signed"] and log(bulk.job).count("cosign sign") >= 2
        assert [len(by(row, image, key)) for image in images] == [1, 1]
        assert states(signed_many(asked, row, images, key)) == ["already", "already"]


def test_in_another_repository(asked: Any, row: Any, key: Key, push: Push) -> None:
    """Signatures go where the registry says that they are; nothing lies beside the image."""
    image = push(row, "many/elsewhere")
    row.signatures_repository = "many-signatures"
    row.save()
    assert states(signed_many(asked, row, [image], key, format="both")) == ["signed"]
    assert len(by(row, image, key)) == 2 and tags(row, image.repository) == ["1.0"]
    assert states(signed_many(asked, row, [image], key, format="both")) == ["already"]


def test_two_keys_at_once_lose_nothing_of_each_other(asked: Any, row: Any, key: Key, push: Push) -> None:
    """Both write the same fallback index and the same .sig manifest; they take turns."""
    other = made(asked, "other", "none", "")
    images = [push(row, "many/together", f"{number}") for number in range(8)]
    bulks = [many.request_sign_many(asked, row, items(images), one, Will(format="both")) for one in (key, other)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda bulk: elsewhere(done, bulk.job, sign_many), bulks))
    assert [states(bulk) for bulk in bulks] == [["signed"] * 8] * 2, [log(bulk.job) for bulk in bulks]  # type: ignore[arg-type]
    for image in images:
        assert len(by(row, image, key)) == len(by(row, image, other)) == 2


def test_what_lies_at_the_tag_and_is_no_list_is_not_overwritten(asked: Any, row: Any, key: Key, push: Push) -> None:
    image, other = push(row, "many/garbage"), push(row, "many/garbage", "2.0")

    async def garbage() -> str:
        async with Client(row.endpoint()) as client:
            body = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}).encode()
            tag = image.digest.replace(":", "-")
            return await client.put_manifest(image.repository, f"{tag}.sig", body, OCI_INDEX)

    async_to_sync(garbage)()
    bulk = signed_many(asked, row, [image, other], key, format="simple")
    assert states(bulk) == ["failed", "signed"]
    assert "holds something that is no list of signatures" in bulk.items.get(state="failed").reason
