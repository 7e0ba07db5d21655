"""Two real registries side by side, and real cosigns that copy what one of them lacks."""

import csv
import io
import os
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from bin.lib import samples
from harborweb.accounts.roles import Role
from harborweb.audit.compare import reading
from harborweb.audit.compare.comparing import Counts, Difference, Side, differences
from harborweb.audit.compare.copying import commands
from harborweb.audit.models import ArtifactVerdict
from harborweb.jobs.models import Job
from harborweb.registry.client import Client, Endpoint
from harborweb.registry.models import Registry
from tests import parts
from tests.audit.conftest import Filled
from tests.browser import NARROW, WIDE, Watched, chromium, page, sign_in  # noqa: F401 - fixtures
from tests.registry.images import run

Sweeper = Callable[[Registry], Job]


@pytest.fixture
def replica(filled: Filled, tmp_path: Path) -> Iterator[parts.Registry]:
    """A registry that got the images of project team under mirror/, and none of their signatures."""
    with parts.registry_server(tmp_path / "replica") as server:
        run(_replicate(filled.server.url, server.url))
        yield server


async def _replicate(source: str, target: str) -> None:
    async with (
        Client(Endpoint(source, allow_http=True)) as here,
        Client(Endpoint(target, allow_http=True)) as there,
    ):
        for sample in samples.SAMPLES:
            if not sample.repository.startswith("team/"):
                continue
            name, tag = f"mirror/{sample.repository}", {"2.0": "2.1", "2.1": "2.0"}.get(sample.tag, sample.tag)
            manifest = await here.manifest(sample.repository, sample.tag)
            for one in (manifest.content["config"], *manifest.content["layers"]):
                await there.put_blob(name, await here.blob(sample.repository, one["digest"], 1 << 20))
            await there.put_manifest(name, tag, manifest.body, manifest.media_type)


@pytest.fixture
def sides(known: Registry, replica: parts.Registry, sweep: Sweeper) -> tuple[Side, Side]:
    """Both, swept."""
    other = Registry.objects.create(name="replica", url=replica.url, allow_http=True)
    for registry in (known, other):
        assert sweep(registry).state == Job.State.SUCCEEDED
    return Side(known, "team/"), Side(other, "mirror/team/")


def told(sides: tuple[Side, Side]) -> list[tuple[str, int, str, tuple[str, ...]]]:
    return sorted((one.kind, one.missing, one.repositories[0], one.tags) for one in differences(*sides))


EXPECTED = [
    ("signature", 1, "team/api", ("2.1",)), ("signature", 1, "team/web", ("0.9",)),
    ("signature", 1, "team/web", ("1.0",)), ("tag", 1, "team/api", ("2.0",)), ("tag", 1, "team/api", ("2.1",)),
]  # fmt: skip


def test_what_a_replica_lacks_and_how_cosign_brings_it(
    sides: tuple[Side, Side], sweep: Sweeper, as_role: Any, tmp_path: Path
) -> None:
    """The commands are run as they are shown, with both cosigns: .sig tags are mended, bundles are not brought."""
    counts = Counts()
    found = list(differences(*sides, counts))
    assert told(sides) == EXPECTED
    assert (counts.both, counts.same) == (6, 3)
    at = {one.tags: (one, made) for one, made in zip(found, commands(found, sides), strict=True) if made}
    [legacy], [bundle] = at["0.9",][1], at["1.0",][1]
    assert legacy.startswith("cosign copy --allow-http-registry --only=sig ") and bundle.startswith("oras cp ")
    environment = {**os.environ, "HOME": str(tmp_path)}
    for program in ("cosign", "cosign-2.5"):
        line = [parts.program(program), *shlex.split(legacy)[1:]]
        done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False, env=environment)
        assert done.returncode == 0, done.stderr
        line = [parts.program(program), "copy", *legacy.split()[2:4], *shlex.split(bundle)[-2:]]
        subprocess.run(line, capture_output=True, text=True, timeout=60, check=True, env=environment)
        assert sweep(sides[1].registry).state == Job.State.SUCCEEDED
        assert told(sides) == [one for one in EXPECTED if one[3] != ("0.9",)]
        mended = ArtifactVerdict.objects.get(registry=sides[1].registry, digest=at["0.9",][0].digest)
        assert mended.verdict == "trusted"
    client = as_role(Role.VIEWER)
    query = f"a={sides[0].registry.pk}&left=team/&b={sides[1].registry.pk}&right=mirror/team/"
    rows = list(csv.DictReader(io.StringIO(client.get(f"/audit/compare.csv?{query}").text)))
    assert len(rows) == 4 and {row["missing_on"] for row in rows} == {"replica", ""}
    assert bundle in {row["commands"] for row in rows}
    for more, count in (("&kind=tag", 2), ("&kind=signature&missing=b", 2), ("&missing=a", 0), ("&q=2.0", 1)):
        assert client.get(f"/audit/compare/?{query}{more}").context["page"].paginator.count == count, more
    answer = client.get(f"/audit/compare/?a={sides[0].registry.pk}&b={sides[1].registry.pk}")
    assert answer.context["counts"].found[("digest", 1)] == 10 and "Nothing to compare" not in answer.text


@pytest.mark.browser
def test_the_page_in_a_browser(
    sides: tuple[Side, Side],
    page: Watched,  # noqa: F811
    live_server: Any,
    person: Any,
) -> None:
    sign_in(page, live_server, person(Role.VIEWER))
    query = f"a={sides[0].registry.pk}&left=team/&b={sides[1].registry.pk}&right=mirror/team/"
    for width, height in (WIDE, NARROW):
        page.size(width, height)
        page.goto(f"{live_server.url}/audit/compare/?{query}")
        page.look_well()
        assert page.barriers() == []


@pytest.mark.django_db
def test_with_one_registry_the_page_says_what_it_needs(as_role: Any) -> None:
    client = as_role(Role.VIEWER)
    assert "No registry yet" in client.get("/audit/compare/").text
    Registry.objects.create(name="lab", url="http://127.0.0.1:1", allow_http=True)
    assert "There is one registry here" in client.get("/audit/compare/?b=x&kind=nonsense").text
    now, here = timezone.now(), Registry.objects.get()
    ArtifactVerdict.objects.create(
        registry=here, project="team", repository="team/web", digest="sha256:" + "1" * 64, tags=["1"], rank=6,
        verdict="unsigned", reason="-", since=now, checked=now,
    )  # fmt: skip
    shown = client.get(f"/audit/compare/?a={here.pk}&b={here.pk}&left=team/&right=mirror/").text
    assert (
        b"digest,lab: mirror/,team/web"
        in client.get(f"/audit/compare.csv?a={here.pk}&b={here.pk}&left=team/&right=mirror/").content
    )
    assert f"Not on {here.name}: mirror/" in shown and f"Only on {here.name}: team/" in shown
    assert client.get("/audit/compare.csv").status_code == 404


@pytest.mark.django_db
def test_what_an_index_brings_along_and_what_could_not_be_read() -> None:
    first, second = (Registry.objects.create(name=name, url="http://127.0.0.1:1", allow_http=True) for name in "ab")
    now, index, child, other = timezone.now(), *(f"sha256:{letter * 64}" for letter in "abc")

    def kept(registry: Registry, digest: str, *tags: str, **more: Any) -> None:
        values = {"verdict": "trusted", "rank": 6, **more}
        ArtifactVerdict.objects.create(
            registry=registry,
            project="p",
            repository="p/x",
            digest=digest,
            tags=list(tags),
            since=now,
            checked=now,
            **values,
        )

    kept(first, index, "1")
    kept(first, child, parents=[index])
    kept(first, other, "2", signers=[["id", "key", "trusted"], ["bad", "", "invalid"]])
    kept(second, other, "2", "sha256-" + "c" * 64, verdict="unchecked", rank=3)
    found = list(differences(Side(first), Side(second)))
    assert [(one.kind, one.digest[-1], one.unsure) for one in found] == [
        ("signature", "c", True),
        ("digest", "a", False),
    ]
    assert isinstance(found[0], Difference) and found[0].count == 1
    assert [one.kind for one in differences(Side(second), Side(first))] == ["signature", "digest"]
    assert reading.to_csv(found, (Side(first), Side(second)), ("first", "second")).count("\r\n") == 3


@pytest.mark.django_db
def test_fifty_thousand_digests_are_compared_in_one_walk() -> None:
    registries = [Registry.objects.create(name=name, url="http://127.0.0.1:1", allow_http=True) for name in "ab"]
    now = timezone.now()
    changing = {"registry_id": "%s", "repository": "'p/' || (i %% 50)", "digest": "'sha256:' || i",
                "tags": "'[\"v' || i || '\"]'", "signers": "'[[\"' || i || '\", \"key\", \"trusted\"]]'"}  # fmt: skip
    names = [str(field.column) for field in ArtifactVerdict._meta.concrete_fields if field.column != "id"]
    like = ArtifactVerdict.objects.create(
        registry=registries[0], project="p", repository="p/like", digest="none", verdict="trusted", rank=6, since=now,
        checked=now,
    )  # fmt: skip
    with connection.cursor() as cursor:
        for registry in registries:
            cursor.execute(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 25000) "
                f"INSERT INTO audit_artifactverdict ({', '.join(names)}) "
                f"SELECT {', '.join(changing.get(name, name) for name in names)} FROM audit_artifactverdict, n "
                "WHERE audit_artifactverdict.id = %s",
                [registry.pk, like.pk],
            )
    began, counts = time.process_time(), Counts()
    assert list(differences(Side(registries[0]), Side(registries[1]), counts)) == []
    assert counts.both == counts.same == 25_000
    assert time.process_time() - began < 5
