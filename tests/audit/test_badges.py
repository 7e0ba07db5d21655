"""Harbor's badge beside what verifies, and what its content-trust policy really does with each artifact."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from harborweb.accounts.roles import Role
from harborweb.audit import describing
from harborweb.audit.badge import disagreeing as badged
from harborweb.audit.badge import harbor as badges
from harborweb.audit.badge import simulator
from harborweb.audit.filtering import Filter
from harborweb.audit.models import ArtifactVerdict
from harborweb.audit.templatetags.badges import WIDTH, pieces
from harborweb.jobs.models import Job
from harborweb.registry.models import Registry
from harborweb.verification.verdict import Finding, Verdict
from tests.audit.conftest import Filled
from tests.audit.test_harbor import PROJECTS, as_robot
from tests.browser import NARROW, WIDE, Watched, chromium, page, sign_in  # noqa: F401 - fixtures
from tests.harbor_double import HarborDouble, harbor_double
from tests.harbor_double.model import Accessory

Sweeper = Callable[[Registry], Job]
ACCEPT = {
    "Accept": "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json",
    "User-Agent": "docker/28",
}


@pytest.fixture
def harbor(tmp_path: Path, filled: Filled) -> Iterator[HarborDouble]:
    """A Harbor in front of the samples; one image has a signature of notation alone."""
    with harbor_double(tmp_path / "harbor", registry=filled.server.url) as double:
        double.adopt()
        base = double.state.repository("platform/base")
        assert base is not None
        digest, own = base.tags["12"].digest, "sha256:" + "f" * 64
        base.artifacts[own] = base.artifacts[digest]
        base.accessories[own] = Accessory(double.state.next("accessory"), own, digest, "signature.notation")
        base.changed()
        yield double


@pytest.fixture
def swept(harbor: HarborDouble, known: Registry, sweep: Sweeper) -> Registry:
    registry = as_robot(harbor, known, PROJECTS)
    registry.kind = Registry.Kind.HARBOR
    registry.save()
    assert sweep(registry).state == Job.State.SUCCEEDED
    return registry


def row(repository: str, tag: str) -> ArtifactVerdict:
    return ArtifactVerdict.objects.get(repository=repository, tags__icontains=f'"{tag}"')


def test_what_harbor_would_do_is_foretold_of_every_artifact(
    harbor: HarborDouble, swept: Registry, sweep: Sweeper
) -> None:
    """Each artifact is pulled by each of its tags and by its digest once the policy is on: 412, or served."""
    badges_before = dict(ArtifactVerdict.objects.values_list("digest", "badge"))
    assert sweep(swept).state == Job.State.SUCCEEDED  # which asks for what can have changed, and no more
    assert dict(ArtifactVerdict.objects.values_list("digest", "badge")) == badges_before
    foretold = {one.pk: simulator.outcome(one.badge, one.rank) for one in ArtifactVerdict.objects.all()}
    assert set(foretold.values()) == {"right", "falsely", "blocked", "blocked_good"}
    for project in PROJECTS:
        setting = {"metadata": {"enable_content_trust_cosign": "true"}}
        changed = requests.put(f"{harbor.url}/api/v2.0/projects/{project}", json=setting, auth=harbor.admin, timeout=10)
        assert changed.status_code == 200
    for one in ArtifactVerdict.objects.all():
        blocked = foretold[one.pk] in {"blocked", "blocked_good"}
        for reference in (one.digest, *one.tags):
            url = f"{harbor.url}/v2/{one.repository}/manifests/{reference}"
            status = requests.get(url, headers=ACCEPT, auth=harbor.admin, timeout=10).status_code
            assert (status == 412) == blocked, (one.repository, reference, one.badge, one.verdict, status)
            assert status in {200, 412}
    enforced, problem = simulator.enforcing(swept)
    assert problem is None and {name for name, on in enforced.items() if on} == set(PROJECTS)


def test_the_four_ways_to_be_wrong(swept: Registry) -> None:
    assert (row("team/web", "1.0").badge, row("team/web", "0.9").badge) == ("cosign", "cosign")
    assert (row("team/api", "2.0").badge, row("team/api", "2.0").verdict) == ("cosign", "invalid")
    assert (row("team/worker", "1.4").badge, row("team/worker", "1.4").verdict) == ("cosign", "attestation_only")
    assert (row("team/web", "1.1").badge, row("platform/base", "12").badge) == ("none", "notation")
    child = ArtifactVerdict.objects.get(repository="platform/proxy", tags=[])  # in no list of Harbor's
    assert (child.badge, child.verdict) == ("none", "via_index")
    assert badged.count(swept) == badged.Badges(verified=3, false=4, unsure=0, missing=0)
    false = badged.narrowed(ArtifactVerdict.objects.all(), badged.FALSE)
    assert {one.repository for one in false} == {"team/api", "team/worker", "platform/base"}
    ArtifactVerdict.objects.filter(badge="cosign", verdict="trusted").update(badge="none")
    assert badged.count(swept).missing == 3
    assert {one.verdict for one in badged.narrowed(ArtifactVerdict.objects.all(), badged.MISSING)} == {"trusted"}
    no_query_walks_over_all(swept)


def no_query_walks_over_all(swept: Registry) -> None:
    for ask in (
        lambda: badged.count(swept), lambda: simulator.forecasts(swept, {}), lambda: simulator.in_use(swept),
        lambda: list(badged.narrowed(ArtifactVerdict.objects.filter(registry=swept), "false")[:50]),
    ):  # fmt: skip
        with CaptureQueriesContext(connection) as asked:
            ask()
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {asked[0]['sql']}")
            plan = [line[3] for line in cursor.fetchall()]
        assert not [line for line in plan if line.startswith("SCAN audit_")], plan


def test_a_registry_that_is_no_harbor_has_no_badges(known: Registry, sweep: Sweeper, as_role: Any) -> None:
    sweep(known)
    assert set(ArtifactVerdict.objects.values_list("badge", flat=True)) == {""}
    assert badged.count(known) == badged.Badges()
    assert "This registry is no Harbor" in as_role(Role.VIEWER).get("/audit/simulator/").text


@pytest.mark.parametrize(
    ("findings", "badge"),
    [
        ([], "none"),
        ([("tag sha256-aa.sig, layer 1", "invalid")], "cosign"),
        ([("referrer sha256:bb", "attestation_only")], "cosign"),
        ([("tag sha256-aa.att, layer 1", "attestation_only")], "none"),
        ([("referrers", "unchecked")], ""),
        ([("tag sha256-aa.sig", "unchecked")], ""),
        ([("referrers", "unchecked"), ("referrer sha256:bb", "trusted")], "cosign"),
    ],
)
def test_what_no_list_shows_has_the_badge_of_harbors_rule(findings: list[tuple[str, str]], badge: str) -> None:
    assert badges.badge_by_places(Finding(place, Verdict(verdict), "") for place, verdict in findings) == badge


def test_the_bar_is_as_wide_as_it_should_be() -> None:
    for found in (badged.Badges(286, 28), badged.Badges(0, 1), badged.Badges(99_999, 1, 1), badged.Badges(1, 0, 3)):
        laid = pieces(found)
        assert laid[-1][1] + laid[-1][2] == WIDTH and all(width >= 3 for _name, _left, width in laid)


def test_the_pages_say_it(swept: Registry, as_role: Any) -> None:
    ArtifactVerdict.objects.filter(verdict="unsigned").update(pulled=timezone.now() - timedelta(days=2))
    client = as_role(Role.VIEWER)
    answer = client.get("/audit/simulator/?project=platform&outcome=right")
    assert "its platforms would not, so docker pull fails there" in answer.text
    assert "The policy is on in no project." in answer.text
    assert answer.context["in_use"] == 2
    for key in simulator.OUTCOMES:
        assert {simulator.outcome(one.badge, one.rank) for one in simulator.rows(swept, key)} <= {key}
    for key in simulator.OUTCOMES:
        answer = client.get(f"/audit/simulator/?outcome={key}")
        assert answer.context["whole"].counts.get(key, 0) == answer.context["page"].paginator.count
    assert client.get("/audit/badges/").context["lines"][0][3] == 4
    answer = client.get("/audit/")
    assert "Harbor shows “signed” on 7 images. 4 of them carry no valid signature" in answer.text
    for query, count in (("badge=false", 4), ("badge=shown&verdict=trusted", 3), ("badge=missing", 0), ("badge=x", 6)):
        assert client.get(f"/audit/?{query}").context["page"].paginator.count == count, query


@pytest.mark.browser
def test_the_pages_in_a_browser(swept: Registry, page: Watched, live_server: Any, person: Any) -> None:  # noqa: F811
    sign_in(page, live_server, person(Role.VIEWER))
    for width, height in (WIDE, NARROW):
        page.size(width, height)
        for path in ("badges", "simulator"):
            page.goto(f"{live_server.url}/audit/{path}/")
            page.look_well()
            assert page.barriers() == []


@pytest.mark.parametrize("badge", badged.VALUES)
def test_a_report_of_some_badges_says_so(badge: str) -> None:
    assert "Harbor" in describing.scope(Filter(None, "all", badge=badge))
    assert describing.scope(Filter(None, "all")) == ""
