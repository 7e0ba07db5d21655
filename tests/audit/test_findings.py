"""The life of a finding: opened, acknowledged, changed, solved, back again; and the page that shows it."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.urls import resolve, reverse
from django.utils import timezone

from harborweb.accounts.models import Activity
from harborweb.accounts.roles import Role
from harborweb.audit import counts, keeping
from harborweb.audit.findings import lifecycle, listing
from harborweb.audit.models import ArtifactVerdict, Finding, Sweep
from harborweb.audit.policies import revisions
from harborweb.registry.models import Registry
from harborweb.verification.policy import Policy, Rule
from harborweb.verification.verdict import Verdict
from tests.audit.judging import judgement

pytestmark = pytest.mark.django_db
WEB = "team/web"


@pytest.fixture
def lab() -> Registry:
    return Registry.objects.create(name="lab", url="http://127.0.0.1:9")


def sweep(registry: Registry, *verdicts: tuple[str, Verdict, str], repository: str = WEB) -> None:
    """What a sweep found in one repository: tag, verdict, reason."""
    judgements = [judgement(repository, verdict, tag, reason=reason) for tag, verdict, reason in verdicts]
    keeping.keep_whole(registry, None, repository, judgements, timezone.now())


def story(finding: Finding) -> list[str]:
    return [one.state for one in reversed(finding.events.all())]


def acknowledge(client: Any, registry: Registry, *findings: Finding, **more: Any) -> Any:
    data = {"registry": registry.pk, "finding": [one.pk for one in findings], "note": "waits for May"} | more
    return client.post(reverse("audit:findings_acknowledge"), data)


def test_from_open_to_solved_and_back(lab: Registry, as_role: Callable[[int], Any]) -> None:
    unsigned = ("1", Verdict.UNSIGNED, "No signature found.")
    sweep(lab, unsigned, ("2", Verdict.TRUSTED, "Signed."))
    finding = Finding.objects.get()
    assert (finding.state, finding.kind, finding.tags, counts.open_findings()) == ("open", "unsigned", ["1"], 1)

    client = as_role(Role.SIGNER)
    assert acknowledge(client, lab, finding).status_code == 302
    finding.refresh_from_db()
    assert (finding.state, finding.note, finding.by) == ("acknowledged", "waits for May", "person-2")
    assert counts.open_findings() == 0 and ArtifactVerdict.objects.filter(is_finding=True).count() == 1
    assert Activity.objects.filter(action="acknowledge findings", subject=WEB).exists()
    sweep(lab, unsigned)
    finding.refresh_from_db()
    assert finding.state == "acknowledged", "nothing has changed"

    sweep(lab, ("1", Verdict.TRUSTED, "Signed."))
    finding.refresh_from_db()
    assert (finding.state, finding.note) == ("solved", "")
    sweep(lab, unsigned)
    finding.refresh_from_db()
    assert finding.state == "reopened" and counts.open_findings() == 1
    assert story(finding) == ["open", "acknowledged", "solved", "reopened"]
    page = client.get(reverse("audit:finding", args=[finding.pk])).content.decode()
    assert "waits for May" in page and "person-2" in page and "Reopened" in page


def test_what_gets_worse_is_open_again_and_what_only_failed_for_a_while_is_not(
    lab: Registry, as_role: Callable[[int], Any]
) -> None:
    sweep(lab, ("1", Verdict.UNSIGNED, "No signature found."))
    finding = Finding.objects.get()
    client = as_role(Role.SIGNER)
    acknowledge(client, lab, finding)
    keeping.give_up(lab, Sweep.objects.create(registry=lab), WEB, "The registry answered 503.")
    finding.refresh_from_db()
    assert (finding.state, finding.kind) == ("reopened", "unchecked")
    sweep(lab, ("1", Verdict.UNSIGNED, "No signature found."))
    finding.refresh_from_db()
    assert (finding.state, finding.note) == ("acknowledged", "waits for May"), "as it was acknowledged"
    sweep(lab, ("1", Verdict.INVALID, "It was copied here."))
    finding.refresh_from_db()
    assert (finding.state, finding.kind) == ("reopened", "invalid")
    acknowledge(client, lab, finding)
    sweep(lab, ("1", Verdict.INVALID, "The signature names no digest."))
    finding.refresh_from_db()
    assert finding.state == "reopened", "another reason"


def test_how_many_keys_were_tried_is_no_change(lab: Registry, as_role: Callable[[int], Any]) -> None:
    sweep(lab, ("1", Verdict.UNKNOWN_KEY, "No trusted key made it (1 tried)."))
    acknowledge(as_role(Role.SIGNER), lab, Finding.objects.get())
    sweep(lab, ("1", Verdict.UNKNOWN_KEY, "No trusted key made it (2 tried)."))
    assert Finding.objects.get().state == "acknowledged"


def test_what_is_gone_is_solved(lab: Registry) -> None:
    sweep(lab, ("1", Verdict.UNSIGNED, "-"), ("2", Verdict.UNSIGNED, "-"))
    sweep(lab, ("2", Verdict.UNSIGNED, "-"))
    assert {one.tags[0]: one.state for one in Finding.objects.all()} == {"1": "solved", "2": "open"}
    keeping.forget_repositories(lab, Sweep.objects.create(registry=lab), [], timezone.now())
    assert set(Finding.objects.values_list("state", flat=True)) == {"solved"} and counts.open_findings() == 0


def test_what_was_solved_long_ago_is_forgotten(lab: Registry) -> None:
    sweep(lab, ("1", Verdict.UNSIGNED, "-"), ("2", Verdict.UNSIGNED, "-"), ("3", Verdict.UNSIGNED, "-"))
    sweep(lab, ("3", Verdict.UNSIGNED, "-"))
    old = timezone.now() - timedelta(days=lifecycle.KEPT_DAYS + 1)
    Finding.objects.exclude(tags=["2"]).update(changed=old)
    assert lifecycle.forget_old() == 1
    assert {one.tags[0]: one.state for one in Finding.objects.all()} == {"2": "solved", "3": "open"}


def test_a_policy_solves_and_opens(lab: Registry) -> None:
    sweep(lab, ("1", Verdict.UNSIGNED, "-"), ("2", Verdict.TRUSTED, "Signed."))
    revisions.save(None, lab, Policy((Rule(("team",), "none"),)), base=0)
    assert Finding.objects.get().state == "solved"
    revisions.save(None, lab, Policy((Rule(("team",), 2),)), base=1)
    states = {one.kind: (one.state, one.verdict) for one in Finding.objects.all()}
    assert states == {"unsigned": ("reopened", "unsigned"), "lacking": ("open", "trusted")}


def test_many_at_once_with_a_note_and_only_what_the_filter_shows(lab: Registry, as_role: Callable[[int], Any]) -> None:
    for project in ("team", "platform"):
        rows = [(str(n), Verdict.UNSIGNED, "-") for n in range(60)]
        sweep(lab, *rows, ("x", Verdict.INVALID, "Copied."), repository=f"{project}/app")
    client = as_role(Role.SIGNER)
    refused = acknowledge(client, lab, *Finding.objects.all(), note=" ")
    assert refused.status_code == 422 and "there is no note" in refused.content.decode()
    assert counts.open_findings() == 122
    nothing = acknowledge(client, lab)
    assert nothing.status_code == 422 and "no open finding is chosen" in nothing.content.decode()
    answer = acknowledge(client, lab, all="yes", project="team", kind="unsigned", state="open")
    assert "done=60" in answer["Location"] and counts.open_findings() == 62
    assert not Finding.objects.filter(state="acknowledged").exclude(project="team", kind="unsigned").exists()
    finding = Finding.objects.filter(state="acknowledged")[0]
    answer = client.post(reverse("audit:finding_reopen", args=[finding.pk]), {"back": "//elsewhere.example/"})
    assert answer["Location"] == reverse("audit:finding", args=[finding.pk]) and counts.open_findings() == 63


def test_the_page_groups_by_what_has_to_be_done(lab: Registry, as_role: Callable[[int], Any]) -> None:
    client = as_role(Role.VIEWER)
    address = reverse("audit:findings")
    assert "has not been swept yet" in client.get(address).content.decode()
    Sweep.objects.create(registry=lab, finished=timezone.now(), artifacts=3, counts={"trusted": 3}, complete=True)
    assert "Nothing to act on" in client.get(address).content.decode()
    sweep(lab, ("1", Verdict.UNSIGNED, "-"), ("2", Verdict.INVALID, "Copied."), ("3", Verdict.UNSIGNED, "-"))
    answer = client.get(address)
    assert [(one.kind, one.count) for one in answer.context["groups"]] == [("invalid", 1), ("unsigned", 2)]
    text = answer.content.decode()
    assert "Acknowledge the chosen" not in text and '<span class="count">3<' in text
    only = client.get(address, {"kind": "invalid"}).context["rows"]
    assert [one.verdict for one, _row in only] == ["invalid"]
    assert "No finding like that" in client.get(address, {"q": "nowhere"}).content.decode()
    part = client.get(address, headers={"HX-Request": "true", "HX-Target": "findings"}).content.decode()
    assert "<html" not in part and "team/web" in part
    assert client.get(address, {"state": "x", "kind": "x", "page": "x"}).status_code == 200


def test_a_viewer_acknowledges_nothing(lab: Registry, as_role: Callable[[int], Any]) -> None:
    sweep(lab, ("1", Verdict.UNSIGNED, "-"))
    assert acknowledge(as_role(Role.VIEWER), lab, *Finding.objects.all()).status_code == 403
    assert counts.open_findings() == 1


@pytest.mark.parametrize(
    ("rows", "index"),
    [
        (lambda lab: counts.verdicts(lab, verdict="findings")[:50], "finding_worst_first"),
        (lambda lab: counts.of_repository(lab, WEB, "findings"), "finding_of_repo"),
        (lambda lab: listing.Filter(lab).rows()[:50], "finding_list"),
        (lambda lab: listing.Filter(lab, kind="unsigned").rows()[:50], "finding_list"),
        (lambda lab: Finding.objects.filter(state__in=Finding.ACTIVE).order_by(), "finding_by_state"),
        (lambda lab: ArtifactVerdict.objects.filter(standing_until__lte=timezone.now()), "verdict_until"),
    ],
)
def test_an_index_answers(lab: Registry, rows: Callable[[Registry], Any], index: str) -> None:
    assert f"INDEX {index} " in rows(lab).explain()


def test_a_viewer_is_offered_nothing_that_would_be_refused(lab: Registry, as_role: Callable[[int], Any]) -> None:
    sweep(lab, ("1", Verdict.UNSIGNED, "No signature found."))
    viewer = as_role(Role.VIEWER)
    for name in ("home", "findings", "compare", "rules"):
        page = viewer.get(reverse(f"audit:{name}")).content.decode()
        links = set(re.findall(r'href="(/[^"#]*)', page.replace("&amp;", "&")))
        assert links, name
        for link in links:
            view = resolve(urlsplit(link).path).func if not link.startswith("/static/") else None
            assert view is None or view.required_role in (None, Role.VIEWER), f"{name} leads to {link}"  # type: ignore[attr-defined]
    assert reverse("audit:choose") in as_role(Role.SIGNER).get(reverse("audit:findings")).content.decode()
