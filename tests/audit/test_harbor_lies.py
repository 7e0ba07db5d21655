"""A Harbor whose own API lies about what it keeps from us: no word of it alone makes anything green or vanish."""

import asyncio
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from harborweb.audit.judgement import Judgement
from harborweb.audit.rows import judge_artifact, judge_repository
from harborweb.registry.client import Client, Endpoint
from harborweb.verification.keys import load_public_key
from harborweb.verification.verdict import Verdict
from tests.audit.conftest import Filled
from tests.harbor_double import HarborDouble, harbor_double
from tests.registry.lying import Liar, lying, refuse, reply

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
