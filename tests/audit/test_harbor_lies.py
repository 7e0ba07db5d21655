"""A Harbor whose own API lies about what it keeps from us: no word of it alone makes anything green or vanish."""

import asyncio
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs

import pytest
import requests

from harborweb.audit.judging.judgement import Judgement
from harborweb.audit.judging.rows import judge_artifact, judge_repository
from harborweb.registry.client import Client, Endpoint, Limits, RegistryError
from harborweb.registry.harbor.browsing import every_artifact, every_repository
from harborweb.registry.harbor.client import Harbor
from harborweb.registry.harbor.reading import moment, number
from harborweb.registry.harbor.robots import robot
from harborweb.verification.keys import load_public_key
from harborweb.verification.verdict import Verdict
from tests.audit.conftest import Filled
from tests.harbor_double import HarborDouble, harbor_double
from tests.registry.lying import Liar, Lie, Request, in_turn, lying, refuse, reply

WEB = "team/web"
PLACE = "/api/v2.0/projects/team/repositories/web/artifacts"


@pytest.fixture
def harbor(tmp_path: Path, filled: Filled) -> Iterator[HarborDouble]:
    """A Harbor that stands before the registry with the samples."""
    with harbor_double(tmp_path / "harbor", registry=filled.server.url) as double:
        double.adopt()
        yield double


@pytest.fixture
def liar(harbor: HarborDouble) -> Iterator[Liar]:
    """What stands before that Harbor, and lies."""
    with lying(upstream=harbor.url) as one:
        yield one


Judged = Callable[[], dict[str, Judgement]]


@pytest.fixture
def judged(liar: Liar, harbor: HarborDouble, filled: Filled) -> Judged:
    """The judgements of the repository by digest, asked through the liar."""
    keys = [load_public_key(filled.public_pem.encode())]

    async def ask() -> dict[str, Judgement]:
        async with Client(Endpoint(liar.url, *harbor.admin, allow_http=True)) as client:
            return {one.digest: one async for one in judge_repository(client, WEB, keys)}

    return lambda: asyncio.run(ask())


def listed(harbor: HarborDouble) -> dict[str, dict[str, object]]:
    """What Harbor lists, by tag."""
    found = requests.get(f"{harbor.url}{PLACE}?with_tag=true&page_size=100", auth=harbor.admin, timeout=10).json()
    return {tag["name"]: one for one in found for tag in one["tags"] or []}


def withhold(liar: Liar, digest: object) -> None:
    """A policy of Harbor's keeps this manifest back."""
    liar.on(f"/v2/{WEB}/manifests/{digest}", refuse(412, "PROJECTPOLICYVIOLATION"))


def claim(liar: Liar, harbor: HarborDouble, artifact: dict[str, object], *children: object) -> None:
    """Harbor says, wherever it tells of `artifact`, that it is an index of `children`."""
    references = [{"child_digest": child, "platform": {"os": "linux", "architecture": "amd64"}} for child in children]
    changed = {**artifact, "references": references}
    liar.on(f"{PLACE}/{artifact['digest']}", reply(changed))
    rest = [one for one in listed(harbor).values() if one["digest"] != artifact["digest"]]
    liar.on(PLACE, reply([*rest, changed], {"X-Total-Count": str(len(rest) + 1)}))


def test_what_a_signed_index_lists_is_not_taken_from_harbor(
    liar: Liar, harbor: HarborDouble, judged: Judged, filled: Filled
) -> None:
    """The signature covers the bytes of an index, not what Harbor says is in them."""
    there = listed(harbor)
    signed, plain = there["1.0"], there["1.1"]
    assert judged()[str(plain["digest"])].verdict == Verdict.UNSIGNED
    withhold(liar, signed["digest"])
    claim(liar, harbor, signed, plain["digest"])
    found = judged()
    assert found[str(signed["digest"])].verdict == Verdict.TRUSTED, "a signature needs no manifest"
    assert found[str(plain["digest"])].verdict == Verdict.UNCHECKED, "green by Harbor's word, or plainly unsigned"
    assert str(signed["digest"]) in found[str(plain["digest"])].reason

    async def one() -> Judgement:
        async with Client(Endpoint(liar.url, *harbor.admin, allow_http=True)) as client:
            keys = [load_public_key(filled.public_pem.encode())]
            return await judge_artifact(client, WEB, str(plain["digest"]), keys, indexes=[str(signed["digest"])])

    assert asyncio.run(one()).verdict == Verdict.UNCHECKED


def test_another_artifact_in_place_of_one_that_is_kept_back_hides_nothing(
    liar: Liar, harbor: HarborDouble, judged: Judged
) -> None:
    there = listed(harbor)
    signed, plain = there["1.0"], there["1.1"]
    withhold(liar, plain["digest"])
    liar.on(f"{PLACE}/{plain['digest']}", reply(signed))
    found = judged()
    assert found[str(plain["digest"])].verdict == Verdict.UNCHECKED
    assert found[str(plain["digest"])].tags == ("1.1",)
    assert found[str(signed["digest"])].tags == ("1.0",)


@pytest.mark.parametrize("child", ["1.1", "", "sha256:1", "../../x"])
def test_a_child_that_is_no_digest_takes_no_other_rows_place(
    liar: Liar, harbor: HarborDouble, judged: Judged, child: str
) -> None:
    there = listed(harbor)
    signed, plain = there["1.0"], there["1.1"]
    withhold(liar, signed["digest"])
    claim(liar, harbor, signed, child)
    found = judged()
    assert found[str(plain["digest"])].tags == ("1.1",)
    assert found[str(plain["digest"])].verdict == Verdict.UNSIGNED
    assert all(re.fullmatch(r"sha256:[0-9a-f]{64}|", digest) for digest in found)
    assert found[str(signed["digest"])].verdict == Verdict.UNCHECKED, "what it lists is not known"


def repositories(liar: Liar) -> list[str]:
    async def ask() -> list[str]:
        async with Harbor(Endpoint(liar.url, allow_http=True), Limits(pages=3)) as one:
            return [found.name async for found in every_repository(one)]

    return asyncio.run(ask())


def paged(names: list[str], total: str | None, missing: int = 0) -> Lie:
    """A list in pages of a hundred; `missing` moved forward by deletions after the first page was read."""

    async def lie(request: Request, writer: asyncio.StreamWriter) -> None:
        number = int(parse_qs(request.target.partition("?")[2])["page"][0])
        begin = (number - 1) * 100 + (missing if number > 1 else 0)
        items = [{"name": name} for name in names[begin : begin + 100]]
        await reply(items, {"X-Total-Count": total} if total else {})(request, writer)

    return lie


TEAM = "/api/v2.0/projects/team/repositories"
MANY = [f"team/r{number:03}" for number in range(150)]


def test_a_repository_that_slips_between_two_pages_is_not_taken_for_gone() -> None:
    """What a sweep does not hear of it forgets: so a short list is read again, and in the end is none."""
    with lying() as liar:
        liar.on("/api/v2.0/projects", reply([{"name": "team"}], {"X-Total-Count": "1"}))
        liar.on(TEAM, paged(MANY, "150", missing=1))
        with pytest.raises(RegistryError, match="never holds still"):
            repositories(liar)
        liar.on(TEAM, paged(MANY, "150"))
        assert repositories(liar) == MANY
        liar.on("/api/v2.0/projects", reply([{"name": "team"}], {"X-Total-Count": "2"}))
        with pytest.raises(RegistryError, match="list of projects never holds still"):
            repositories(liar)


@pytest.mark.parametrize("total", ["0", "100", None])
def test_a_count_that_is_too_low_cuts_no_list_short(total: str | None) -> None:
    with lying() as liar:
        liar.on("/api/v2.0/projects", reply([{"name": "team"}], {"X-Total-Count": "1"}))
        liar.on(TEAM, paged(MANY, total))
        assert repositories(liar) == MANY


@pytest.mark.parametrize("total", ["100", None])
def test_a_list_longer_than_we_read_is_no_short_list(total: str | None) -> None:
    """Three pages are read here at most: what lies beyond would fall out unseen."""
    names = [f"team/r{number:04}" for number in range(1000)]
    with lying() as liar:
        liar.on("/api/v2.0/projects", reply([{"name": "team"}], {"X-Total-Count": "1"}))
        liar.on(TEAM, paged(names, total))
        with pytest.raises(RegistryError) as caught:
            repositories(liar)
        assert caught.value.kind == "too_large"

        async def artifacts() -> list[str]:
            async with Harbor(Endpoint(liar.url, allow_http=True), Limits(pages=3)) as one:
                return [found.digest async for found in every_artifact(one, WEB)]

        listed = [{"digest": f"sha256:{number:064x}"} for number in range(100)]
        pages = in_turn(*(reply([{"digest": f"{one['digest'][:-2]}{n}{n}"} for one in listed]) for n in "abcdef"))
        liar.on(PLACE, pages)
        with pytest.raises(RegistryError) as caught:
            asyncio.run(artifacts())
        assert caught.value.kind == "too_large"


def test_numbers_and_times_beyond_all_bounds_are_none() -> None:
    """A database takes 64 bits, a page calculates with floats, and the year 9999 ends in another time zone."""
    assert number(2**63 - 1) == 2**63 - 1
    assert [number(one) for one in (2**63, -(2**63), 10**400, 1.5, True, "7")] == [0] * 6
    assert moment("9998-12-31T23:59:59Z") is not None
    assert moment("9999-12-31T23:59:59Z") is None
    assert robot({"expires_at": 253402300799}).expires is None
