"""Which rows a repository has, what its limits do, and that what a verdict offers as proof really repeats it."""

import asyncio
import json
import os
import shlex
import subprocess
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from harborweb.audit.judging.collect import Options
from harborweb.audit.judging.judgement import Judgement
from harborweb.audit.judging.rows import judge_artifact, judge_registry, judge_repository
from harborweb.registry.client import OCI_INDEX, OCI_MANIFEST, Client, Endpoint, NotFound
from harborweb.verification.verdict import Verdict
from tests import parts
from tests.audit.hostile.bench import Bench, Signer, make_signer, sign_statement, simple_payload

Judged = dict[str, Judgement]


@pytest.fixture(scope="module")
def signers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Signer]:
    folder = tmp_path_factory.mktemp("keys")
    return {name: make_signer(name, folder) for name in ("trusted", "stranger", "ed25519", "rsa2048")}


@pytest.fixture
def judged(
    registry: parts.Registry, signers: dict[str, Signer], request: pytest.FixtureRequest, tmp_path: Path
) -> Callable[..., Judged]:
    """Fill a repository of one's own, then judge it: `judged(fill, Options(…))`, by digest (or "tag …")."""

    async def walk(fill: Callable[[Bench], Awaitable[object]], options: Options) -> Judged:
        async with Client(Endpoint(registry.url, allow_http=True)) as client:
            name = f"rows/{request.node.name.split('[')[0].replace('_', '-')}"
            bench = Bench(client, name, signers, tmp_path, client.endpoint.host)
            await fill(bench)
            keys = [signer.public for key, signer in signers.items() if key != "stranger"]
            seen: list[tuple[int, int]] = []
            rows = judge_repository(client, name, keys, options, lambda done, of: seen.append((done, of)))
            async with aclosing(rows) as judgements:
                found = [one async for one in judgements]
        assert [done for done, _of in seen] == list(range(1, len(found) + 1))
        assert len({one.digest for one in found}) == len(found)
        return {one.digest: one for one in found}

    def judge(fill: Callable[[Bench], Awaitable[object]], options: Options | None = None) -> Judged:
        return asyncio.run(walk(fill, options or Options()))

    return judge


def succeed(commands: list[str], folder: Path) -> None:
    """Run what a verdict offers, as somebody would who has its evidence and the public key as files."""
    for command in commands:
        env = {**os.environ, "HOME": str(folder)}
        done = subprocess.run(shlex.split(command), cwd=folder, env=env, capture_output=True, check=False)
        assert done.returncode == 0, (command, done.stderr.decode())


def test_tags_of_signatures_are_no_rows(judged: Callable[..., Judged]) -> None:
    """Neither .sig, .att and .sbom, nor the list of referrers; tags of one digest are one row."""

    async def fill(b: Bench) -> None:
        digest = await b.image("1.0")
        manifest = await b.client.manifest(b.repository, digest)
        await b.put("latest", manifest.body)
        for suffix in (".att", ".sbom"):
            await b.image(digest.replace(":", "-") + suffix)
        await b.simple(digest)
        await b.bundled(digest)
        await b.refer("sha256:" + "e" * 64, [])  # a list of referrers that has become empty
        await b.image("sha256-" + "f" * 64)  # no index: an ordinary image with a strange tag
        await b.image("sha256-short.sig")

    rows = judged(fill)
    assert sorted(row.tags for row in rows.values()) == [
        ("1.0", "latest"), ("sha256-" + "f" * 64,), ("sha256-short.sig",),
    ]  # fmt: skip


def test_an_image_cannot_hide_at_the_tag_of_referrers(judged: Callable[..., Judged]) -> None:
    """An image that looks like an index to a loose reader, and an index of platforms, are pulled from there."""

    async def fill(b: Bench) -> None:
        image = json.loads((await b.client.manifest(b.repository, await b.image("1.0"))).body)
        await b.put("sha256-" + "a" * 64, image | {"manifests": None})
        child = {"mediaType": OCI_MANIFEST, **await b.put("2.0", image | {"annotations": {"other": "one"}})}
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [child | {"platform": {"os": "linux"}}]}
        await b.put("sha256-" + "b" * 64, json.dumps(document).encode(), OCI_INDEX)

    tags = {tag for row in judged(fill).values() for tag in row.tags}
    assert tags == {"1.0", "2.0", "sha256-" + "a" * 64, "sha256-" + "b" * 64}


def test_large_payloads_are_not_remembered(judged: Callable[..., Judged]) -> None:
    """A thousand times three megabytes of a stranger's annotations cost neither memory nor a row of gigabytes."""

    async def fill(b: Bench) -> None:
        digest = await b.image()
        data = simple_payload(digest, optional={"a": "x" * 3_000_000})
        await b.sig(digest, [await b.layer(data, b.signers["stranger"].sign(data))] * 3)

    (row,) = judged(fill).values()
    assert [(one.verdict, one.payload, one.annotations) for one in row.findings] == [("unknown_key", b"", {})] * 3


def test_many_large_payloads_end_at_the_time_limit(judged: Callable[..., Judged]) -> None:
    """Reading them is work without waiting, yet the limit of one artifact holds."""

    async def fill(b: Bench) -> None:
        digest = await b.image()
        data = simple_payload(digest, optional={"a": [0] * 200_000})
        await b.sig(digest, [await b.layer(data, b.signers["stranger"].sign(data))] * 1000)

    began = time.monotonic()
    (row,) = judged(fill, Options(seconds=1)).values()
    assert time.monotonic() - began < 30
    assert (row.verdict, "longer than 1 s" in row.reason) == (Verdict.UNCHECKED, True)


def test_the_command_of_an_attestation_holds_no_control_characters(judged: Callable[..., Judged]) -> None:
    """The type is a stranger's; what people paste must not steer their terminal."""

    async def fill(b: Bench) -> None:
        digest = await b.image()
        await b.bundled(digest, sign_statement(digest, predicateType="x\x1b[201~\x15\nrm -rf ~\n"), "stranger")

    (row,) = judged(fill).values()
    assert row.verdict == Verdict.ATTESTATION_ONLY
    assert "rm -rf" not in row.command
    assert all(line.isprintable() for line in row.command.split("\n"))


def test_children_are_rows_once(judged: Callable[..., Judged]) -> None:
    """A child of two indexes, tagged or not, is one row with both as parents."""
    digests: dict[str, str] = {}

    async def fill(b: Bench) -> None:
        digests["child"] = await b.image("tagged")
        digests["plain"] = await b.image("untagged")
        digests["one"] = await b.index("one", [digests["child"]])
        digests["two"] = await b.index("two", [digests["child"], digests["plain"]])
        await b.simple(digests["two"])

    rows = judged(fill)
    assert rows.keys() == set(digests.values())
    child = rows[digests["child"]]
    assert (child.tags, set(child.parents)) == (("tagged",), {digests["one"], digests["two"]})
    assert child.verdict == rows[digests["plain"]].verdict == Verdict.VIA_INDEX
    assert rows[digests["one"]].verdict == Verdict.UNSIGNED


def test_an_index_of_too_many(judged: Callable[..., Judged]) -> None:
    """Every child is a row; those beyond the limit are unchecked, with the number."""

    async def fill(b: Bench) -> None:
        index = await b.index("index", [await b.image(f"t{number}") for number in range(5)])
        for number in range(5):  # untag them by moving the tags
            await b.image(f"t{number}", "moved")
        await b.simple(index)

    rows = judged(fill, Options(children=3))
    children = [row for row in rows.values() if row.parents]
    assert [row.verdict for row in children].count(Verdict.VIA_INDEX) == 3
    beyond = [row.reason for row in children if row.verdict == Verdict.UNCHECKED]
    assert len(beyond) == 2 and all("3" in reason and "5" in reason for reason in beyond)


def test_indexes_nested_too_deep(judged: Callable[..., Judged]) -> None:
    """Four levels are followed; what lies deeper is unchecked, never silently left out."""
    chain: list[str] = []

    async def fill(b: Bench) -> None:
        chain.append(await b.image("moving"))
        for _level in range(6):
            chain.append(await b.index("moving", [chain[-1]]))
        await b.simple(chain[-1])

    rows = judged(fill, Options(depth=4))
    verdicts = [rows[digest].verdict if digest in rows else None for digest in reversed(chain)]
    assert verdicts[0] == Verdict.TRUSTED
    assert verdicts[1:5] == [Verdict.VIA_INDEX] * 4
    assert verdicts[5:] == [Verdict.UNCHECKED, None]
    assert "4" in rows[chain[1]].reason


def test_a_bad_signature_is_listed_beside_the_good_one(judged: Callable[..., Judged]) -> None:
    """It does not hide it, and it is not hidden."""

    async def fill(b: Bench) -> None:
        digest = await b.image("1.0")
        payload = simple_payload(digest)
        good = await b.layer(payload, b.trusted.sign(payload))
        await b.sig(digest, [await b.layer(b"x", "!!"), good])
        await b.bundled(digest, key="stranger")

    (row,) = judged(fill).values()
    assert row.verdict == Verdict.TRUSTED
    assert sorted(finding.verdict for finding in row.findings) == ["invalid", "trusted", "unknown_key"]
    assert all(finding.reason and finding.place for finding in row.findings)


@pytest.mark.parametrize("key", ["trusted", "rsa2048", "ed25519"])
@pytest.mark.parametrize("form", ["simple", "bundled"])
def test_the_command_repeats_the_verdict(
    judged: Callable[..., Judged], form: str, key: str, tmp_path: Path, cosign3: str
) -> None:
    """The cosign and openssl commands of a trusted row run and succeed, with the evidence as files."""

    async def fill(b: Bench) -> None:
        await getattr(b, form)(await b.image(f"{form}-{key}", key), key=key)
        (tmp_path / f"{key}.pub").write_bytes(b.signers[key].pub_file.read_bytes())

    row = next(one for one in judged(fill).values() if one.tags == (f"{form}-{key}",))
    assert row.verdict == Verdict.TRUSTED
    for file in row.evidence:
        (tmp_path / file.name).write_bytes(file.body)
    commands = row.command.splitlines()
    assert [shlex.split(command)[0] for command in commands] == ["cosign", "openssl"]
    succeed(commands, tmp_path)


def test_the_command_of_a_covered_child_is_its_indexs(judged: Callable[..., Judged]) -> None:
    """It verifies the index, and the index's manifest, which lists the child, is among the evidence."""
    digests: list[str] = []

    async def fill(b: Bench) -> None:
        child = await b.image("child")
        digests.extend((child, await b.index("index", [child])))
        await b.bundled(digests[1])

    rows = judged(fill)
    child, index = (rows[digest] for digest in digests)
    assert child.command == index.command and digests[1] in child.command
    files = {file.name: file.body for file in child.evidence}
    assert digests[0].encode() in files["index-manifest.json"]
    assert {"manifest.json", "index-signed.bin", "index-signature.bin"} <= files.keys()


@pytest.mark.parametrize(
    "options, number",
    [
        (Options(seconds=0.000001), "1e-06 s"),
        (Options(payload_bytes=100), "100 bytes"),
        (Options(total_bytes=100), "100 bytes"),
        (Options(layers=0), "more than 0"),
    ],
)
def test_a_bound_says_its_number(judged: Callable[..., Judged], options: Options, number: str) -> None:
    """Whichever bound is hit: unchecked, never unsigned."""

    async def fill(b: Bench) -> None:
        await b.simple(await b.image("1.0"))

    (row,) = judged(fill, options).values()
    assert row.verdict == Verdict.UNCHECKED
    assert number in row.reason


def test_the_bounds_of_bundles_and_attestations(judged: Callable[..., Judged]) -> None:
    """A bundle that is too large is unchecked; an attestation that is too large still is only an attestation."""
    digests: list[str] = []

    async def fill(b: Bench) -> None:
        digests.extend([await b.image("bundle"), await b.image("attested")])
        await b.bundled(digests[0])
        config = await b.blob(b"{}", "application/vnd.oci.image.config.v1+json")
        layer = await b.blob(b"{" + b" " * 200, "application/vnd.dsse.envelope.v1+json")
        manifest = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [layer] * 3}
        await b.put(digests[1].replace(":", "-") + ".att", manifest)

    rows = judged(fill, Options(payload_bytes=100, bundle_bytes=100, attestations=2))
    assert "3 attestations" in rows[digests[1]].findings[-1].reason and "2" in rows[digests[1]].findings[-1].reason
    assert [rows[digest].verdict for digest in digests] == [Verdict.UNCHECKED, Verdict.ATTESTATION_ONLY]
    assert "100 bytes" in rows[digests[0]].reason and "201 bytes" in rows[digests[1]].reason


def test_evidence_is_bounded(judged: Callable[..., Judged]) -> None:
    """A payload of a mebibyte is cut and says so."""

    async def fill(b: Bench) -> None:
        digest = await b.image("1.0")
        await b.simple(digest, simple_payload(digest, optional={"n": "x" * 1024 * 1024}))

    (row,) = judged(fill).values()
    assert row.verdict == Verdict.TRUSTED
    signed = next(file for file in row.evidence if file.name == "signed.bin")
    assert signed.truncated and len(signed.body) == 64 * 1024


def test_one_artifact(registry: parts.Registry, signers: dict[str, Signer], tmp_path: Path) -> None:
    """By tag and by digest, with and without the indexes that may cover it; one that is gone is unchecked."""

    async def walk() -> None:
        async with Client(Endpoint(registry.url, allow_http=True)) as client:
            bench = Bench(client, "rows/one-artifact", signers, tmp_path, client.endpoint.host)
            child = await bench.image("child")
            index = await bench.index("index", [child])
            await bench.simple(index)
            keys = [signers["trusted"].public]

            async def verdict(reference: str, indexes: tuple[str, ...] = ()) -> Verdict:
                judgement = await judge_artifact(client, bench.repository, reference, keys, indexes=indexes)
                assert judgement.digest in {child, index, ""} or judgement.verdict == Verdict.UNCHECKED
                return judgement.verdict

            assert await verdict("index") == await verdict(index) == Verdict.TRUSTED
            assert await verdict("child") == Verdict.UNSIGNED
            assert await verdict(child, (index,)) == Verdict.VIA_INDEX
            assert await verdict("index", (index,)) == Verdict.TRUSTED
            assert await verdict("never") == Verdict.UNCHECKED
            assert await verdict("sha256:" + "0" * 64) == Verdict.UNCHECKED
            assert await verdict("sha512:" + "0" * 128) == Verdict.UNCHECKED
            with pytest.raises(NotFound):
                async with aclosing(judge_registry(client, keys, repositories=["rows/never"])) as rows:
                    _all = [one async for one in rows]

    asyncio.run(walk())


async def one_alone(judging: AsyncGenerator[Judgement]) -> None:
    """Take one row and close the rest: no task is left."""
    async with aclosing(judging) as rows:
        async for _row in rows:
            break
    await asyncio.sleep(0)
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task() and not task.done()] == []


def test_stopping_early_asks_no_more(registry: parts.Registry, signers: dict[str, Signer], tmp_path: Path) -> None:
    """Who closes the rows after the first one leaves no task behind."""

    async def walk() -> None:
        async with Client(Endpoint(registry.url, allow_http=True)) as client:
            bench = Bench(client, "rows/stopping", signers, tmp_path, client.endpoint.host)
            for number in range(20):
                await bench.image(f"t{number}")
            await one_alone(judge_repository(client, bench.repository, []))

    asyncio.run(walk())


def test_the_command_repeats_an_attestation(judged: Callable[..., Judged], tmp_path: Path, cosign3: str) -> None:
    """cosign verify-attestation accepts what is called an attestation by a trusted key."""

    async def fill(b: Bench) -> None:
        digest = await b.image("attested")
        predicate = {"buildDefinition": {"buildType": "x"}, "runDetails": {"builder": {"id": "y"}}}
        slsa = {"predicateType": "https://slsa.dev/provenance/v1", "predicate": predicate}
        await b.bundled(digest, sign_statement(digest, **slsa))
        (tmp_path / "trusted.pub").write_bytes(b.trusted.pub_file.read_bytes())

    (row,) = judged(fill).values()
    for file in row.evidence:
        (tmp_path / file.name).write_bytes(file.body)
    assert (row.verdict, row.key != "") == (Verdict.ATTESTATION_ONLY, True)
    succeed(row.command.splitlines(), tmp_path)


def test_repositories_side_by_side(registry: parts.Registry, signers: dict[str, Signer], tmp_path: Path) -> None:
    """More repositories than are judged at a time: each verdict is as that of the repository alone, and the referrers
    API, which this registry has not, is asked about once in most of them."""
    names = [f"beside/{number}" for number in range(7)]
    asked: list[str] = []

    class Counting(Client):
        async def send(self, method: str, path: Any, **more: Any) -> Any:
            asked.append(str(path))
            return await super().send(method, path, **more)

    async def walk() -> None:
        async with Counting(Endpoint(registry.url, allow_http=True)) as client:
            for number, name in enumerate(names):
                bench = Bench(client, name, signers, tmp_path, client.endpoint.host)
                for tag in range(3):
                    digest = await bench.image(f"t{tag}")
                    if (number + tag) % 2:
                        await bench.simple(digest)
            keys = [signers["trusted"].public]
            alone = [one for name in names for one in [row async for row in judge_repository(client, name, keys)]]
            asked.clear()
        async with Counting(Endpoint(registry.url, allow_http=True)) as client:
            told: list[tuple[int, int]] = []
            progress = lambda judged, known: told.append((judged, known))  # noqa: E731
            rows = judge_registry(client, keys, repositories=[*names, names[0]], on_progress=progress)
            beside = [one async for one in rows]
        assert told[-1] == (21, 21)
        assert len(beside) == len(alone) == 21
        assert {(one.repository, one.tags, one.digest, one.verdict) for one in beside} == {
            (one.repository, one.tags, one.digest, one.verdict) for one in alone
        }
        assert {one.verdict for one in beside} == {Verdict.TRUSTED, Verdict.UNSIGNED}
        questions = [path.split("/referrers/")[0] for path in asked if "/referrers/" in path]
        assert set(questions) == {f"/v2/{name}" for name in names}
        assert len(questions) <= 4 * 3 + 3, questions

    asyncio.run(walk())


def test_side_by_side_stops_together(registry: parts.Registry, signers: dict[str, Signer], tmp_path: Path) -> None:
    """One repository that is not there ends all; who closes early leaves no task behind."""

    async def walk() -> None:
        async with Client(Endpoint(registry.url, allow_http=True)) as client:
            bench = Bench(client, "together/one", signers, tmp_path, client.endpoint.host)
            for number in range(20):
                await bench.image(f"t{number}")
            both = ["together/one", "together/never"]
            with pytest.raises(NotFound):
                _all = [one async for one in judge_registry(client, [], repositories=both)]
            await one_alone(judge_registry(client, [], repositories=both[:1]))

    asyncio.run(walk())
