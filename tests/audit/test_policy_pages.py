"""A registry's policy: typed, looked at, saved, gone back to; and what it makes of what is kept."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from harborweb.accounts.roles import Role
from harborweb.audit import keeping
from harborweb.audit.models import ArtifactVerdict, Finding, PolicyRevision, Sweep
from harborweb.audit.policies import impact, revisions
from harborweb.audit.policies.restanding import restand_due
from harborweb.audit.policies.standings import number_of
from harborweb.errors import Problem
from harborweb.jobs.models import Job
from harborweb.registry.models import Registry
from harborweb.verification.policy import Exemption, Policy, Rule, Signer, read_policy
from harborweb.verification.verdict import Verdict
from tests.audit.judging import digest_of, judgement, keep

pytestmark = pytest.mark.django_db
A, B = "a" * 64, "b" * 64


@pytest.fixture
def lab() -> Registry:
    """A registry of which a team's signed and unsigned images, an index and what it lists, and a cache are kept."""
    registry = Registry.objects.create(name="lab", url="http://127.0.0.1:9")
    signed = (Signer(A, "", {"approved": "yes"}),)
    index = judgement("team/multi", Verdict.TRUSTED, "1", counted=signed)
    child = judgement(
        "team/multi", Verdict.VIA_INDEX, "", counted=signed, platform="linux/arm64", parents=(index.digest,),
        index_tags=("1",),
    )  # fmt: skip
    keep(registry, "team/app", [judgement("team/app", Verdict.TRUSTED, "1", counted=signed)])
    keep(registry, "team/new", [judgement("team/new", Verdict.UNSIGNED, "dev")])
    keep(registry, "team/multi", [index, child])
    keep(registry, "cache/nginx", [judgement("cache/nginx", Verdict.UNSIGNED, "latest")])
    return registry


def found(registry: Registry) -> set[str]:
    rows = ArtifactVerdict.objects.filter(registry=registry, is_finding=True)
    findings = Finding.objects.filter(registry=registry).exclude(state="solved")
    names = {f"{one.repository}:{''.join(one.tags)}" for one in findings}
    assert names == {f"{one.repository}:{''.join(one.tags)}" for one in rows}
    return names


def hold(registry: Registry, *rules: Rule, exemptions: tuple[Exemption, ...] = ()) -> None:
    policy = Policy(rules, exemptions)
    told = impact.impact(registry, policy)
    before = found(registry)
    revisions.save(None, registry, policy, base=number_of(registry))
    after = found(registry)
    assert (told.become, told.end) == (len(after - before), len(before - after)), "what was shown is what happened"


def test_without_a_policy_the_verdict_decides(lab: Registry) -> None:
    assert found(lab) == {"team/new:dev", "cache/nginx:latest"}


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([Rule(("cache",), "none")], {"team/new:dev"}),
        ([Rule(("team/*",), "none")], {"cache/nginx:latest"}),
        ([Rule(("*",), tags=("v*",))], set()),
        ([Rule(("*",), tags=("1",))], set()),
        ([Rule(("team/multi",), children="own")], {"team/new:dev", "cache/nginx:latest", "team/multi:"}),
        ([Rule(("team/multi",), children="own", platforms=("linux/amd64",))], {"team/new:dev", "cache/nginx:latest"}),
        ([Rule(("team/multi",), children="own", tags=("v*",))], {"team/new:dev", "cache/nginx:latest"}),
        ([Rule(("*",), annotations={"approved": "yes"})], {"team/new:dev", "cache/nginx:latest"}),
        ([Rule(("team/app",), annotations={"approved": "no"})], {"team/new:dev", "cache/nginx:latest", "team/app:1"}),
        ([Rule(("team/app",), "all", keys=(A, B))], {"team/new:dev", "cache/nginx:latest", "team/app:1"}),
        ([Rule(("*",), grace_hours=1)], set()),
    ],
)
def test_what_is_shown_before_is_what_happens(lab: Registry, rules: list[Rule], expected: set[str]) -> None:
    hold(lab, *rules)
    assert found(lab) == expected
    hold(lab)
    assert found(lab) == {"team/new:dev", "cache/nginx:latest"}


def test_grace_and_exemptions_end_by_time_alone(lab: Registry) -> None:
    today = timezone.now().date()
    until = Exemption(("cache",), "upstream signs from May on", "olga", today)
    hold(lab, Rule(("team",), grace_hours=2), exemptions=(until,))
    assert found(lab) == set() and restand_due() == 0
    rows = ArtifactVerdict.objects.filter(repository="cache/nginx")
    row = rows.get()
    assert row.standing == "exempt" and "olga" in row.standing_reason
    assert row.standing_until and row.standing_until.date() > today
    past = timezone.now() - timedelta(hours=3)
    ArtifactVerdict.objects.filter(repository="team/new").update(first_seen=past, standing_until=past)
    assert restand_due() == 1 and found(lab) == {"team/new:dev"}
    PolicyRevision.objects.filter(number=1).update(
        document=json.loads(json.dumps(PolicyRevision.objects.get().document).replace(str(today), "2020-01-01"))
    )
    rows.update(standing_until=past)
    assert restand_due() == 1 and found(lab) == {"team/new:dev", "cache/nginx:latest"} and restand_due() == 0


def test_what_a_tag_that_moved_means_to_the_policy(lab: Registry) -> None:
    hold(lab, Rule(("team",), tags=("v*",)), Rule(("*",), "none"))
    assert found(lab) == set()
    row = judgement("team/new", Verdict.UNSIGNED, "dev", tags=("dev", "v1"))
    keep(lab, "team/new", [row])
    assert found(lab) == {"team/new:devv1"}
    asked = timezone.now()
    keeping.keep_some(lab, "team/new", keeping.Looked([], asked, {}, ["v1"], untagged=True))
    keeping.keep_some(lab, "team/new", keeping.Looked([], asked, {"dev": digest_of("team/new:dev")}, ["v1"]))
    assert ArtifactVerdict.objects.get(repository="team/new").tags in (["dev"], ["dev", "v1"])


def test_a_repository_that_cannot_be_read_is_asked_nothing_where_the_policy_asks_nothing(lab: Registry) -> None:
    hold(lab, Rule(("cache",), "none"))
    sweep = Sweep.objects.create(registry=lab)
    for name in ("cache/nginx", "team/new"):
        keeping.give_up(lab, sweep, name, "The registry answered 500.")
    assert found(lab) == {"team/new:dev"}
    assert ArtifactVerdict.objects.get(repository="cache/nginx").standing == "not_required"


def typed(*rules: dict[str, Any], exemptions: tuple[dict[str, Any], ...] = (), **more: Any) -> dict[str, Any]:
    """What the page's form sends."""
    data: dict[str, Any] = {"base": "0", "do": "impact", **more}
    for prefix, rows in (("rules", rules), ("exemptions", exemptions)):
        data |= {f"{prefix}-TOTAL_FORMS": len(rows), f"{prefix}-INITIAL_FORMS": 0}
        data |= {f"{prefix}-{n}-{name}": value for n, row in enumerate(rows) for name, value in row.items()}
    return data


RULE = {"match": "team/*, library", "require": "any", "children": "covered", "untagged": "on"}


def test_rules_are_typed_without_javascript(lab: Registry, as_role: Callable[[int], Any]) -> None:
    client = as_role(Role.OPERATOR)
    address = reverse("audit:policy_edit", args=[lab.pk])
    text = client.post(address, typed(RULE, do="add-rules")).content.decode()
    assert 'name="rules-1-match"' in text and 'value="team/*, library"' in text
    second = RULE | {"match": "cache", "require": "none"}
    text = client.post(address, typed(RULE, second, do="up-rules-1")).content.decode()
    assert text.index('value="cache"') < text.index('value="team/*, library"')
    text = client.post(address, typed(RULE, second, do="remove-rules-0")).content.decode()
    assert "team/*, library" not in text and 'name="rules-1-match"' not in text
    assert client.post(address, typed(RULE, do="down-rules-x")).status_code == 200
    assert PolicyRevision.objects.count() == 0

    wrong = client.post(address, typed(RULE | {"annotations": "approved", "require": "count", "match": ""}))
    assert wrong.status_code == 422
    for words in ("Write each as name=value", "Say how many", "a row is not right yet"):
        assert words in wrong.content.decode()


def test_the_impact_is_seen_then_saved_then_gone_back_on(lab: Registry, as_role: Callable[[int], Any]) -> None:
    client = as_role(Role.OPERATOR)
    excused = {"match": "cache", "reason": "a cache", "owner": "olga", "until": "2099-01-01"}
    rule = RULE | {"match": "team/app", "require": "count", "number": "2", "keys": f"{A}\n{B}", "grace_hours": "0"}
    answer = client.post(reverse("audit:policy_edit", args=[lab.pk]), typed(rule, exemptions=(excused,)))
    text = answer.content.decode()
    assert "1 artifact becomes a finding." in text and "1 artifact is no finding any more." in text
    assert "Signed by 1 of the 2 keys" in text or "Signed by 0 of the 2 keys" in text
    document = answer.context["file"]
    assert read_policy(json.loads(document)).rules[0].require == 2
    save = {"document": document, "base": "0", "note": "two keys for the app"}
    address = reverse("audit:policy_save", args=[lab.pk])
    assert client.post(address, save).status_code == 302
    assert found(lab) == {"team/new:dev", "team/app:1"}
    again = client.post(address, save)
    assert again.status_code == 422 and "somebody saved revision 1 meanwhile" in again.content.decode()
    same = client.post(address, save | {"base": "1"})
    assert same.status_code == 422 and "the policy that holds already" in same.content.decode()

    client.post(address, {"document": "{}", "base": "1"})
    assert found(lab) == {"team/new:dev", "cache/nginx:latest"}
    back = client.post(reverse("audit:policy_restore", args=[lab.pk, 1]))
    assert "1 artifact becomes a finding." in back.content.decode()
    client.post(address, {"document": back.context["file"], "base": "2", "restored": "1"})
    newest = PolicyRevision.objects.first()
    assert newest is not None and (newest.number, newest.restored, newest.by) == (3, 1, "person-3")
    page = client.get(reverse("audit:policy"), {"number": "1"}).content.decode()
    assert "two keys for the app" in page and "again as 1" in page
    exported = client.get(reverse("audit:policy_export", args=[lab.pk]))
    assert json.loads(exported.content) == newest.document
    assert "attachment" in exported["Content-Disposition"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "This is not JSON"),
        ('{"rules": [{"match": ["*"], "requires": 1}]}', "rules[0].requires"),
        ("[" * 100_000, "This is not JSON"),
    ],
)
def test_a_file_that_is_no_policy_is_refused_with_the_place(
    lab: Registry, as_role: Callable[[int], Any], text: str, words: str
) -> None:
    answer = as_role(Role.OPERATOR).post(
        reverse("audit:policy_edit", args=[lab.pk]), {"do": "text", "document": text, "base": "0"}
    )
    assert answer.status_code == 422 and words in answer.content.decode()


def test_a_proxy_cache_is_one_click(lab: Registry, as_role: Callable[[int], Any]) -> None:
    text = as_role(Role.OPERATOR).get(reverse("audit:policy"), {"suggest": "cache"}).content.decode()
    assert 'value="cache"' in text and '<option value="none" selected>' in text


def test_two_who_save_at_once(lab: Registry) -> None:
    revisions.save(None, lab, Policy((Rule(("*",), "none"),)), base=0)
    with pytest.raises(Problem, match="meanwhile"):
        revisions.save(None, lab, Policy(), base=0)


@pytest.mark.django_db(transaction=True)
def test_much_is_applied_by_a_job(lab: Registry, monkeypatch: Any, redis_settings: str) -> None:
    from harborweb.audit.policies import applying
    from harborweb.jobs.run import perform

    monkeypatch.setattr(revisions, "AT_ONCE", 1)
    saved = revisions.save(None, lab, Policy((Rule(("*",), "none"),)), base=0)
    assert saved.job is not None and found(lab) == {"team/new:dev", "cache/nginx:latest"}
    perform(saved.job.pk, applying.apply)
    job = Job.objects.get(pk=saved.job.pk)
    assert job.state == Job.State.SUCCEEDED and found(lab) == set(), job.error
