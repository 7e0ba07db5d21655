"""How often a Harbor is asked: counted at the double, since a count is no timing."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import pytest
import requests

from benchmarks.filling import fill, key_pair, pem_of
from harborweb.audit.judging import remembered
from harborweb.audit.judging.collect import Options
from harborweb.audit.judging.judgement import Judgement
from harborweb.audit.judging.remembered import Memory
from harborweb.audit.judging.rows import judge_repository
from harborweb.audit.judging.survey import repositories_of
from harborweb.registry.client import Client, Endpoint
from harborweb.verification.keys import PublicKey, load_public_key
from harborweb.verification.verdict import Finding, Verdict
from tests import parts
from tests.harbor_double import HarborDouble, harbor_double

IMAGES = 290


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[HarborDouble, PublicKey]]:
    """A Harbor with one repository of signed images, whose payloads can be predicted."""
    folder: Path = tmp_path_factory.mktemp("counts")
    key, _file = key_pair(folder)
    with (
        parts.registry_server(folder / "registry") as server,
        harbor_double(folder / "harbor", registry=server.url) as double,
    ):
        host = double.url.partition("//")[2]
        asyncio.run(fill(server.url, host, IMAGES, key, repositories=1))
        double.adopt()
        yield double, load_public_key(pem_of(key), "bench")


def sweep(double: HarborDouble, key: PublicKey, memory: Memory | None = None) -> tuple[list[Judgement], list[str]]:
    """All that is judged, and all requests that it took, beside those for the list of repositories and the sign-in."""
    before = 0

    async def run() -> list[Judgement]:
        nonlocal before
        async with Client(Endpoint(double.url, *double.admin, allow_http=True)) as client:
            found, names = [], await repositories_of(client)
            before = len(double.requests)
            for name in names:
                async with aclosing(judge_repository(client, name, [key], memory=memory or {})) as judgements:
                    found += [one async for one in judgements]
            return found

    return asyncio.run(run()), double.requests[before:]


def test_a_signed_image_costs_one_request_at_first_and_next_to_none_when_nothing_changed(
    stand: tuple[HarborDouble, PublicKey],
) -> None:
    double, key = stand
    first, asked = sweep(double, key)
    assert Counter(one.verdict for one in first) == {Verdict.TRUSTED: IMAGES}
    assert len(asked) <= 1.1 * IMAGES, len(asked)
    assert sum("/service/token" in line for line in asked) <= 2, "tokens are used again"
    second, asked = sweep(double, key, {one.digest: remembered.of(one) for one in first})
    assert Counter((one.verdict, one.again) for one in second) == {(Verdict.TRUSTED, True): IMAGES}
    assert len(asked) <= IMAGES / 50, asked


def test_a_mistake_of_ours_costs_no_sweep_where_the_list_is_believed_either(
    stand: tuple[HarborDouble, PublicKey],
) -> None:
    double, key = stand

    def stumble(_repository: str, _digest: str, _finding: Finding) -> Finding:
        raise IndexError

    async def run() -> list[Judgement]:
        async with Client(Endpoint(double.url, *double.admin, allow_http=True)) as client:
            (name,) = await repositories_of(client)
            async with aclosing(judge_repository(client, name, [key], Options(weigh=stumble))) as judgements:
                return [one async for one in judgements]

    assert Counter(one.verdict for one in asyncio.run(run())) == {Verdict.UNCHECKED: IMAGES}


def test_what_the_list_shows_to_have_changed_is_judged_anew(stand: tuple[HarborDouble, PublicKey]) -> None:
    """Garbage at the tag of a signature: Harbor lists it with its tag, and the old signature as an accessory still."""
    double, key = stand
    first, _asked = sweep(double, key)
    memory = {one.digest: remembered.of(one) for one in first}
    digest = first[0].digest
    body = b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","layers":[],"config":' + (
        b'{"mediaType":"application/vnd.oci.image.config.v1+json","size":2,"digest":"sha256:'
        b'44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"}}'
    )
    at = f"{double.url}/v2/bench/repo0"
    begun = requests.post(f"{at}/blobs/uploads/", auth=double.admin, timeout=10)
    where = requests.compat.urljoin(double.url, begun.headers["Location"])  # type: ignore[attr-defined]
    config = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    requests.put(where, params={"digest": config}, data=b"{}", auth=double.admin, timeout=10)
    pushed = requests.put(
        f"{at}/manifests/{digest.replace(':', '-')}.sig", data=body, auth=double.admin, timeout=10,
        headers={"Content-Type": "application/vnd.oci.image.manifest.v1+json"},
    )  # fmt: skip
    assert pushed.status_code == 201, pushed.text
    second, asked = sweep(double, key, memory)
    found = {one.digest: one for one in second}
    assert found[digest].verdict == Verdict.INVALID and not found[digest].again
    assert Counter(one.verdict for one in second)[Verdict.TRUSTED] == IMAGES - 1
    assert any(f"{digest.replace(':', '-')}.sig" in line for line in asked)


def test_the_tag_of_a_signature_that_points_at_another_image_is_seen_in_the_list(
    stand: tuple[HarborDouble, PublicKey],
) -> None:
    """No question more: the list names the tag at the artifact where it is now."""
    double, key = stand
    first, _asked = sweep(double, key)
    memory = {one.digest: remembered.of(one) for one in first}
    signed, other = [one for one in first if one.verdict == Verdict.TRUSTED][:2]
    tag = f"{signed.digest.replace(':', '-')}.sig"
    manifest = "application/vnd.oci.image.manifest.v1+json"
    at = f"{double.url}/v2/bench/repo0/manifests"
    body = requests.get(f"{at}/{other.digest}", auth=double.admin, headers={"Accept": manifest}, timeout=10).content
    answer = requests.put(f"{at}/{tag}", data=body, auth=double.admin, headers={"Content-Type": manifest}, timeout=10)
    assert answer.status_code == 201, answer.text
    second, asked = sweep(double, key, memory)
    found = {one.digest: one for one in second}
    assert found[signed.digest].verdict == Verdict.INVALID and not found[signed.digest].again
    assert found[other.digest].verdict == Verdict.TRUSTED and found[other.digest].tags == other.tags
    assert sum("/v2/" in line for line in asked) <= 8, asked
    assert {line.partition(".sig")[0][-64:] for line in asked if ".sig" in line} == {signed.digest[7:]}
