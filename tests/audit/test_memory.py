"""A second look judges again whatever can have changed, and cannot be talked out of it by a registry that lies."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harborweb.audit.judging import remembered
from harborweb.audit.judging.collect import Options
from harborweb.audit.judging.judgement import Judgement
from harborweb.audit.judging.remembered import Memory
from harborweb.audit.judging.rows import judge_repository
from harborweb.registry.client import OCI_MANIFEST, Client, Endpoint, Limits
from harborweb.verification.keys import PublicKey
from harborweb.verification.verdict import Verdict
from tests import parts
from tests.audit.hostile.bench import Bench, Signer, compact, make_signer, sign_statement, simple_payload
from tests.registry.lying import Liar, answer, cut, endless, lying, page, raw, redirect, refuse

PATIENCE = Limits(seconds=2, wait_seconds=0.1)
SIG = re.compile(r"/v2/.*/manifests/sha256-[0-9a-f]{64}\.sig")


@pytest.fixture(scope="module")
def signers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Signer]:
    folder = tmp_path_factory.mktemp("keys")
    return {name: make_signer(name, folder) for name in ("trusted", "stranger")}


class Desk:
    """One repository behind a liar, judged as often as one likes; each time with what was known before."""

    def __init__(self, liar: Liar, real: str, name: str, signers: dict[str, Signer], folder: Path) -> None:
        self.liar, self.real, self.name, self.signers, self.folder = liar, real, name, signers, folder
        self.keys: list[PublicKey] = [signers["trusted"].public]
        self.options = Options(seconds=20)
        self.memory: Memory = {}

    def fill(self, work: Callable[[Bench], Awaitable[Any]]) -> Any:
        async def run() -> Any:
            async with Client(Endpoint(self.real, allow_http=True)) as client:
                return await work(Bench(client, self.name, self.signers, self.folder, client.endpoint.host))

        return asyncio.run(run())

    def judge(self, *, hasty: bool = True) -> dict[str, Judgement]:
        async def run() -> list[Judgement]:
            async with Client(Endpoint(self.liar.url, allow_http=True), PATIENCE) as client:
                if not hasty:
                    client.hasten = lambda: None  # type: ignore[method-assign]
                rows = judge_repository(client, self.name, self.keys, self.options, memory=self.memory)
                async with aclosing(rows) as judgements:
                    return [one async for one in judgements]

        found = {one.digest: one for one in asyncio.run(run())}
        self.memory = {digest: remembered.of(one) for digest, one in found.items()}
        return found


@pytest.fixture
def desk(registry: parts.Registry, signers: dict[str, Signer], request: Any, tmp_path: Path) -> Any:
    name = "memory/" + re.sub(r"[^a-z0-9]+", "-", request.node.name).strip("-")
    with lying(upstream=registry.url) as liar:
        yield Desk(liar, registry.url, name, signers, tmp_path)


def signed(desk: Desk, **how: Any) -> str:
    """An image with a signature at its tag and one among its referrers' list."""

    async def work(bench: Bench) -> str:
        digest = await bench.image()
        await bench.simple(digest, **how)
        return digest

    return str(desk.fill(work))


def test_every_tag_and_every_place_is_asked_again_and_nothing_else(desk: Desk) -> None:
    digest = signed(desk)
    first = desk.judge()[digest]
    assert (first.verdict, first.again) == (Verdict.TRUSTED, False)
    desk.liar.requests.clear()
    second = desk.judge()[digest]
    assert (second.verdict, second.again, second.key) == (Verdict.TRUSTED, True, first.key)
    asked = [one.path.rpartition("/")[2] for one in desk.liar.requests if "/v2/memory/" in one.path]
    assert asked.count("v1") == 1 and asked.count(f"{digest.replace(':', '-')}.sig") == 1
    assert digest in asked, "its list of referrers"
    assert not [one for one in desk.liar.requests if "/blobs/" in one.path]


def test_a_tag_is_asked_with_what_it_pointed_at_and_followed_where_it_points_now(desk: Desk) -> None:
    """The registry says "as before" of the first; the second points at another image since, which nobody signed."""
    stays, moves = signed(desk), desk.fill(lambda bench: bench.image("v2", "old"))
    desk.judge()
    now = desk.fill(lambda bench: bench.image("v2", "new"))
    desk.liar.requests.clear()
    found = desk.judge()
    assert (found[stays].verdict, found[stays].again, found[stays].tags) == (Verdict.TRUSTED, True, ("v1",))
    assert moves not in found and (found[now].verdict, found[now].tags) == (Verdict.UNSIGNED, ("v2",))
    known = {one.path.rpartition("/")[2]: one.headers.get("If-None-Match") for one in desk.liar.requests}
    assert (known["v1"], known["v2"]) == (f'"{stays}"', f'"{moves}"')
    assert known[f"{stays.replace(':', '-')}.sig"] is None  # of signatures only bytes count


@pytest.mark.parametrize(
    "named", [{"ETag": '"sha256:other"'}, {"Docker-Content-Digest": "sha256:other"}, {"ETag": "W/x"}]
)
def test_an_answer_of_as_before_that_names_something_else_is_not_believed(desk: Desk, named: dict[str, str]) -> None:
    digest = signed(desk)
    desk.judge()
    desk.liar.on(re.compile(r"/v2/.*/manifests/v1"), raw(_not_modified(named)))
    assert [(one.digest, one.verdict) for one in desk.judge().values()] == [("", Verdict.UNCHECKED)]
    assert digest not in desk.memory


def _not_modified(named: dict[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"HTTP/1.1 304 Not Modified\r\n{lines}\r\n".encode()


def test_a_signature_that_was_pushed_again_is_judged_anew(desk: Desk) -> None:
    digest = signed(desk)
    desk.judge()
    desk.fill(lambda bench: bench.simple(digest, b"garbage"))
    found = desk.judge()[digest]
    assert (found.verdict, found.again) == (Verdict.INVALID, False)


def test_a_head_that_tells_of_the_old_one_is_not_even_asked(desk: Desk) -> None:
    """HEAD says that nothing has changed, GET holds something else: only bytes count."""
    digest = signed(desk)
    desk.judge()
    desk.fill(lambda bench: bench.simple(digest, b"garbage", key="stranger"))
    desk.liar.on(SIG, answer(200, b"", {"Docker-Content-Digest": "sha256:" + "1" * 64}), "HEAD")
    assert desk.judge()[digest].verdict == Verdict.INVALID
    assert not [one for one in desk.liar.requests if one.method == "HEAD" and "/manifests/" in one.path]


FAULTS = {
    "401": refuse(401, "UNAUTHORIZED"),
    "403": refuse(403, "DENIED"),
    "429": refuse(429, "TOOMANYREQUESTS", {"Retry-After": "0"}),
    "500": refuse(500, "UNKNOWN"),
    "html": page(),
    "html404": page(404),
    "plain404": answer(404, b"404 page not found\n", {"Content-Type": "text/plain"}),
    "endless": endless(every=0.05),
    "cut": cut(200, b"{", 400, {"Content-Type": OCI_MANIFEST}),
    "silent": raw(b"", hang=True),
    "nothing": raw(b""),
    "loop": redirect("/v2/"),
    "header": answer(
        200,
        compact({"schemaVersion": 2}),
        {"Content-Type": OCI_MANIFEST, "Docker-Content-Digest": "sha256:" + "1" * 64},
    ),
    "two lengths": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
    "two answers": raw(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
    "too large": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n{}"),
    "packed": answer(200, b"{}", {"Content-Type": OCI_MANIFEST, "Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_place_that_does_not_answer_the_second_time_is_never_still_trusted(desk: Desk, fault: str) -> None:
    """And what is read quickly says just what the careful way says."""
    digest = signed(desk)
    assert desk.judge()[digest].verdict == Verdict.TRUSTED
    known = desk.memory
    desk.liar.on(SIG, FAULTS[fault], "GET")
    hasty = desk.judge()[digest]
    assert hasty.verdict != Verdict.TRUSTED and not hasty.again and not hasty.look
    desk.memory = known
    careful = desk.judge(hasty=False)[digest]
    assert (hasty.verdict, re.sub("[0-9.]+ s", "", hasty.reason)) == (
        careful.verdict, re.sub("[0-9.]+ s", "", careful.reason)
    )  # fmt: skip


def test_what_could_not_be_checked_is_asked_again_though_nothing_moved(desk: Desk) -> None:
    digest = signed(desk)
    desk.liar.on(re.compile(r"/v2/.*/blobs/.*"), refuse(500, "UNKNOWN"))
    assert desk.judge()[digest].verdict == Verdict.UNCHECKED
    desk.liar.lies.clear()
    found = desk.judge()[digest]
    assert (found.verdict, found.again) == (Verdict.TRUSTED, False)


def test_other_keys_and_other_demands_judge_anew(desk: Desk) -> None:
    digest = signed(desk)
    trusted, stranger = desk.signers["trusted"].public, desk.signers["stranger"].public
    assert desk.judge()[digest].verdict == Verdict.TRUSTED
    desk.keys = [stranger]
    assert desk.judge()[digest].verdict == Verdict.UNKNOWN_KEY
    desk.keys = [stranger, trusted]
    assert desk.judge()[digest].verdict == Verdict.TRUSTED
    assert desk.judge()[digest].again
    desk.options = replace(desk.options, annotations={"approved": "yes"})
    assert desk.judge()[digest].verdict == Verdict.INVALID
    desk.options = replace(desk.options, annotations={}, weigh=lambda _repository, _digest, finding: finding)
    assert not desk.judge()[digest].look, "nobody can tell what weighs, so nothing is remembered"
    desk.options = replace(desk.options, weighed_by="one")
    assert not desk.judge()[digest].again and desk.judge()[digest].again
    desk.options = replace(desk.options, weighed_by="two")
    assert not desk.judge()[digest].again


def test_a_referrer_that_came_is_seen(desk: Desk) -> None:
    async def image(bench: Bench) -> str:
        return await bench.image()

    digest = desk.fill(image)
    assert desk.judge()[digest].verdict == Verdict.UNSIGNED
    assert desk.judge()[digest].again
    desk.fill(lambda bench: bench.bundled(digest, sign_statement(digest)))
    assert desk.judge()[digest].verdict == Verdict.TRUSTED
    assert desk.judge()[digest].again
    desk.fill(lambda bench: bench.refer(digest, []))
    assert desk.judge()[digest].verdict == Verdict.UNSIGNED


def test_a_tag_that_moved_takes_the_verdict_of_what_it_means_now(desk: Desk) -> None:
    first = signed(desk)
    desk.judge()
    second = desk.fill(lambda bench: bench.image("v1", "other"))
    found = desk.judge()
    assert found[second].verdict == Verdict.UNSIGNED and first not in found


def test_a_child_is_covered_by_an_index_that_stayed(desk: Desk) -> None:
    async def work(bench: Bench) -> tuple[str, str]:
        child = await bench.image("child")
        index = await bench.index("latest", [child])
        await bench.simple(index)
        return index, child

    index, child = desk.fill(work)
    assert [one.verdict for one in (desk.judge()[index], desk.judge()[child])] == ["trusted", "via_index"]
    assert desk.judge()[child].again
    desk.fill(lambda bench: bench.refer(child, []))  # its own place looks otherwise, and holds nothing still
    found = desk.judge()
    assert found[index].again and not found[child].again
    assert found[child].verdict == Verdict.VIA_INDEX and found[child].evidence
    desk.fill(lambda bench: bench.simple(index, b"garbage"))
    found = desk.judge()
    assert [found[index].verdict, found[child].verdict] == ["invalid", "unsigned"]


def test_a_certificate_beside_the_signature_is_looked_at_each_time(desk: Desk) -> None:
    """Its time may end while every byte stays."""
    digest = signed(desk, **{"dev.sigstore.cosign/certificate": ""})
    assert desk.judge()[digest].verdict == Verdict.TRUSTED
    assert not desk.judge()[digest].again


def test_a_plain_payload_is_known_by_its_digest_and_only_asked_whether_it_is_there(desk: Desk) -> None:
    reference = f"{desk.liar.host}/{desk.name}"

    async def work(bench: Bench) -> str:
        digest = await bench.image()
        await bench.simple(digest, simple_payload(digest, identity={"docker-reference": reference}))
        return digest

    digest = desk.fill(work)
    assert desk.judge()[digest].verdict == Verdict.TRUSTED
    blobs = [one.method for one in desk.liar.requests if "/blobs/" in one.path]
    assert blobs == ["HEAD"]
    desk.memory = {}
    desk.liar.on(re.compile(r"/v2/.*/blobs/.*"), refuse(404, "BLOB_UNKNOWN"))
    assert desk.judge()[digest].verdict == Verdict.UNCHECKED, "the manifest lists it and it is gone"


def test_a_list_without_any_of_cosigns_tags_is_believed_for_nothing(desk: Desk) -> None:
    """A registry may hide such tags: then each place is asked."""
    digest = signed(desk)
    desk.liar.on(re.compile(r"/v2/.*/tags/list"), answer(200, compact({"name": desk.name, "tags": ["v1"]})))
    assert desk.judge()[digest].verdict == Verdict.TRUSTED
