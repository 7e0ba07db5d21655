"""Policies: which rule counts, what it asks, what excuses; and that a document read and written is the same."""

import string
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from harborweb.errors import Problem
from harborweb.verification.policy import (
    LONGEST_GRACE,
    Exemption,
    Policy,
    Rule,
    Signer,
    Subject,
    fits,
    read_policy,
    stand,
    write_policy,
)
from harborweb.verification.verdict import Verdict

A, B, C = "a" * 64, "b" * 64, "c" * 64
TRUSTED = {A: "alpha", B: "beta", C: "gamma"}
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
SIGNED = Subject(
    "team/web/app", "sha256:1", ["v1"], Verdict.TRUSTED, "Signed.", NOW - timedelta(days=1), [Signer(A, "alpha")]
)
UNSIGNED = replace(SIGNED, verdict=Verdict.UNSIGNED, reason="No signature found.", signers=())
CHILD = replace(
    SIGNED, verdict=Verdict.VIA_INDEX, tags=[], is_child=True, index_tags=["v1"], platform="linux/arm64/v8"
)  # fmt: skip
APPROVED = {"approved": "yes"}


def signed_by(*keys: str, **annotations: str) -> Subject:
    return replace(SIGNED, signers=[Signer(key, TRUSTED.get(key, ""), annotations) for key in keys])


def standing(subject: Subject, *rules: Rule, exemptions: tuple[Exemption, ...] = (), **more: Any) -> str:
    return str(stand(Policy(rules, exemptions), subject, TRUSTED, more.pop("now", NOW), **more).standing)


@pytest.mark.parametrize(
    ("patterns", "repository", "fit"),
    [
        (["team"], "team/web", True), (["team/*"], "team/web/app", True), (["team/web"], "team/web", True),
        (["team/web"], "team/web/app", False), (["team"], "team2/web", False), (["te?m"], "team/web", True),
        (["Team"], "team/web", False), (["x", "*"], "anything", True), (["alone"], "alone", True), ([], "team", False),
        (["*/web"], "team/web", True), (["[ab]*"], "beta/x", True),
    ],
)  # fmt: skip
def test_which_repositories_a_pattern_names(patterns: list[str], repository: str, fit: bool) -> None:
    assert fits(patterns, repository) == fit


@pytest.mark.parametrize("verdict", list(Verdict))
def test_without_rules_the_verdict_decides(verdict: Verdict) -> None:
    green = verdict in {Verdict.TRUSTED, Verdict.VIA_INDEX}
    assert standing(replace(SIGNED, verdict=verdict, signers=())) == ("met" if green else "finding")
    assert standing(replace(SIGNED, verdict=verdict), Rule(("elsewhere",), "none")) == ("met" if green else "finding")
    assert standing(replace(SIGNED, verdict=verdict), Rule(("team",), "none")) == "not_required"


def test_the_first_rule_that_fits_counts() -> None:
    first, second = Rule(("team/web/*",), "none"), Rule(("*",))
    assert standing(UNSIGNED, first, second) == "not_required" and standing(UNSIGNED, second, first) == "finding"
    assert stand(Policy((second, first)), UNSIGNED, TRUSTED, NOW).rule == 1


ANY, ALL_ = Rule(("*",)), Rule(("*",), "all")


@pytest.mark.parametrize(
    ("rule", "keys", "expected"),
    [
        (ANY, (A,), "met"), (replace(ANY, keys=(B,)), (A,), "finding"), (replace(ANY, keys=("alpha",)), (A,), "met"),
        (replace(ANY, keys=(B, "alpha")), (A,), "met"), (ALL_, (A,), "finding"), (ALL_, (A, B), "finding"),
        (ALL_, (A, B, C), "met"), (replace(ALL_, keys=(A, "beta")), (A, B), "met"),
        (replace(ALL_, keys=(A, "nobody")), (A, B, C), "finding"), (Rule(("*",), 2), (A,), "finding"),
        (Rule(("*",), 2), (A, A), "finding"), (Rule(("*",), 2), (A, C), "met"),
        (Rule(("*",), 2, keys=(A, B)), (A, C), "finding"), (Rule(("*",), 2, keys=(A, B, C)), (A, C), "met"),
        (Rule(("*",), 9), (A, B, C), "finding"),
    ],
)  # fmt: skip
def test_how_many_keys_and_which(rule: Rule, keys: tuple[str, ...], expected: str) -> None:
    assert standing(signed_by(*keys), rule) == expected


def test_all_without_names_asks_only_for_keys_that_may_sign_now() -> None:
    assert standing(signed_by(A), ALL_, active={A}) == "met"
    assert standing(signed_by(A), ALL_, active={A, B}) == "finding"
    assert standing(signed_by(C), ALL_, active={A}) == "finding", "a retired key does not stand for the others"
    assert standing(signed_by(A), replace(ALL_, keys=(A, B)), active={A}) == "finding", "who is named has to sign"
    reason = stand(Policy((replace(ALL_, keys=(A, B, "delta")),)), signed_by(A), TRUSTED, NOW).reason
    assert "1 of the 3" in reason and "beta, delta" in reason


@pytest.mark.parametrize(
    ("wanted", "signed", "expected"),
    [
        (APPROVED, {"approved": "yes", "x": "y"}, "met"), (APPROVED, {"approved": "no"}, "finding"),
        (APPROVED, {}, "finding"), ({"approved": "*"}, {"approved": "no"}, "met"), ({"a": "*"}, {}, "finding"),
        ({"a": "1", "b": "2"}, {"a": "1"}, "finding"), ({"a": "y*"}, {"a": "yes"}, "finding"),
    ],
)  # fmt: skip
def test_annotations(wanted: dict[str, str], signed: dict[str, str], expected: str) -> None:
    assert standing(signed_by(A, **signed), replace(ANY, annotations=wanted)) == expected


def test_the_signature_that_counts_has_to_carry_them_itself() -> None:
    two = replace(SIGNED, signers=[Signer(A, "", {}), Signer(B, "", APPROVED)])
    assert standing(two, replace(ANY, annotations=APPROVED)) == "met"
    assert standing(two, replace(ANY, annotations=APPROVED, keys=(A,))) == "finding"
    assert standing(two, Rule(("*",), 2, annotations=APPROVED)) == "finding"


@pytest.mark.parametrize(
    ("subject", "rule", "expected"),
    [
        (UNSIGNED, replace(ANY, tags=("v*",)), "finding"), (UNSIGNED, replace(ANY, tags=("w*",)), "not_required"),
        (replace(UNSIGNED, tags=["dev", "v2"]), replace(ANY, tags=("v*",)), "finding"),
        (replace(UNSIGNED, tags=[]), ANY, "finding"),
        (replace(UNSIGNED, tags=[]), replace(ANY, untagged=False), "not_required"),
        (replace(UNSIGNED, tags=[]), replace(ANY, tags=("v*",)), "finding"),
        (UNSIGNED, replace(ANY, untagged=False), "finding"),
        (UNSIGNED, replace(ANY, platforms=("linux/amd64",)), "finding"),
        (CHILD, ANY, "met"), (CHILD, replace(ANY, children="own"), "finding"),
        (replace(CHILD, verdict=Verdict.TRUSTED), replace(ANY, children="own"), "met"),
        (replace(CHILD, verdict=Verdict.UNSIGNED), ANY, "finding"),
        (replace(CHILD, verdict=Verdict.UNSIGNED), replace(ANY, platforms=("linux/amd64",)), "not_required"),
        (replace(CHILD, verdict=Verdict.UNSIGNED), replace(ANY, platforms=("linux/arm64",)), "finding"),
        (replace(CHILD, verdict=Verdict.UNSIGNED), replace(ANY, platforms=("linux/arm",)), "not_required"),
        (replace(CHILD, verdict=Verdict.UNSIGNED, platform=""), replace(ANY, platforms=("linux/amd64",)), "finding"),
        (replace(CHILD, verdict=Verdict.UNSIGNED), replace(ANY, tags=("w*",)), "not_required"),
        (replace(CHILD, verdict=Verdict.UNSIGNED, index_tags=["w1", "v1"]), replace(ANY, tags=("w*",)), "finding"),
        (replace(CHILD, verdict=Verdict.UNSIGNED, index_tags=[]), replace(ANY, untagged=False), "not_required"),
        (CHILD, Rule(("*",), 2), "finding"),
    ],
)  # fmt: skip
def test_which_artifacts_count(subject: Subject, rule: Rule, expected: str) -> None:
    assert standing(subject, rule) == expected


HELD = Exemption(("team",), "upstream", "olga", date(2026, 5, 1))


@pytest.mark.parametrize(
    ("subject", "exemption", "now", "expected"),
    [
        (UNSIGNED, HELD, NOW, "exempt"), (SIGNED, HELD, NOW, "met"),
        (UNSIGNED, replace(HELD, until=date.max), NOW, "exempt"),
        (UNSIGNED, HELD, datetime(2026, 5, 1, 23, 59, 59, tzinfo=UTC), "exempt"),
        (UNSIGNED, HELD, datetime(2026, 5, 2, tzinfo=UTC), "finding"),
        (UNSIGNED, replace(HELD, match=("other",)), NOW, "finding"),
        (replace(UNSIGNED, verdict=Verdict.INVALID), HELD, NOW, "exempt"),
        (replace(UNSIGNED, verdict=Verdict.UNCHECKED), HELD, NOW, "finding"),
    ],
)  # fmt: skip
def test_exemptions(subject: Subject, exemption: Exemption, now: datetime, expected: str) -> None:
    assert standing(subject, exemptions=(exemption,), now=now) == expected


def test_an_exemption_says_why_who_and_when_it_ends() -> None:
    found = stand(Policy((), (replace(HELD, until=date(2026, 4, 1)), HELD)), UNSIGNED, TRUSTED, NOW)
    assert found.until == datetime(2026, 5, 2, tzinfo=UTC) == HELD.ends
    assert all(word in found.reason for word in ("upstream", "olga", "2026-05-01"))


@pytest.mark.parametrize(
    ("verdict", "age", "expected"),
    [
        (Verdict.UNSIGNED, 23, "grace"), (Verdict.UNSIGNED, 24, "finding"), (Verdict.TRUSTED, 0, "met"),
        (Verdict.UNKNOWN_KEY, 1, "grace"), (Verdict.ATTESTATION_ONLY, 1, "grace"), (Verdict.INVALID, 1, "finding"),
        (Verdict.UNCHECKED, 1, "finding"),
    ],
)  # fmt: skip
def test_grace_gives_time_to_sign(verdict: Verdict, age: int, expected: str) -> None:
    subject = replace(UNSIGNED, verdict=verdict, seen=NOW - timedelta(hours=age))
    assert standing(subject, replace(ANY, grace_hours=24)) == expected


def test_grace_ends_when_it_says() -> None:
    fresh = replace(UNSIGNED, seen=NOW)
    found = stand(Policy((replace(ANY, grace_hours=24),)), fresh, TRUSTED, NOW)
    assert found.until == NOW + timedelta(hours=24) and "2026-05-02 12:00 UTC" in found.reason
    assert standing(fresh, replace(ANY, grace_hours=24), now=found.until) == "finding"


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ([], "policy"), ({"rule": []}, "policy.rule"), ({"rules": {}}, "rules"), ({"rules": [{}]}, "rules[0].match"),
        ({"rules": [{"match": []}]}, "rules[0].match"), ({"rules": [{"match": [1]}]}, "rules[0].match"),
        ({"rules": [{"match": "*", "require": "some"}]}, "rules[0].require"),
        ({"rules": [{"match": "*", "require": 0}]}, "rules[0].require"),
        ({"rules": [{"match": "*", "require": True}]}, "rules[0].require"),
        ({"rules": [{"match": "*", "require": 3, "keys": ["a", "b"]}]}, "rules[0].require"),
        ({"rules": [{"match": "*"}, {"match": "*", "annotations": {"a": 1}}]}, "rules[1].annotations.a"),
        ({"rules": [{"match": "*", "annotations": []}]}, "rules[0].annotations"),
        ({"rules": [{"match": "*", "untagged": "no"}]}, "rules[0].untagged"),
        ({"rules": [{"match": "*", "children": "all"}]}, "rules[0].children"),
        ({"rules": [{"match": "*", "grace_hours": -1}]}, "rules[0].grace_hours"),
        ({"rules": [{"match": "*", "grace_hours": 1.5}]}, "rules[0].grace_hours"),
        ({"rules": [{"match": "*"}] * 1001}, "rules"),
        ({"exemptions": [{"match": "*", "reason": "r", "owner": " ", "until": "2027-01-01"}]}, "exemptions[0].owner"),
        ({"exemptions": [{"match": "*", "owner": "o", "until": "2027-01-01"}]}, "exemptions[0].reason"),
        ({"exemptions": [{"match": "*", "reason": "r", "owner": "o"}]}, "exemptions[0].until"),
        ({"exemptions": [{"match": "*", "reason": "r", "owner": "o", "until": "soon"}]}, "exemptions[0].until"),
    ],
)  # fmt: skip
def test_a_document_that_is_none_names_the_place(document: Any, place: str) -> None:
    with pytest.raises(Problem) as refused:
        read_policy(document)
    assert refused.value.field == place


def test_what_is_left_out_has_its_default_and_one_text_is_a_list_of_one() -> None:
    policy = read_policy({"rules": [{"match": "team"}], "exemptions": []})
    assert policy == Policy((Rule(("team",)),)) and read_policy({}) == Policy()


LETTERS = 'abZ09*?[]!/.:-_ é世\n"\\'
texts = some.text(LETTERS, min_size=1, max_size=12)
names = some.lists(texts, max_size=4).map(tuple)
letters = some.text(string.ascii_letters, min_size=1, max_size=10)


@some.composite
def rules(draw: Any) -> Rule:
    """Any rule that a document may hold."""
    keys = draw(some.lists(letters, max_size=4, unique=True).map(tuple))
    counted = some.integers(1, len(keys) or 50)
    match = draw(some.lists(texts, min_size=1, max_size=4).map(tuple))
    require = draw(some.sampled_from(["any", "all", "none"]) | counted)
    annotations = draw(some.dictionaries(texts, some.text(LETTERS, max_size=8), max_size=3))
    more = [draw(one) for one in (names, some.booleans(), names, some.sampled_from(["covered", "own"]))]
    return Rule(match, require, keys, annotations, *more, draw(some.integers(0, LONGEST_GRACE)))


exempt = some.builds(
    Exemption, some.lists(texts, min_size=1, max_size=3).map(tuple), letters, letters, some.dates()
)  # fmt: skip
policies = some.builds(Policy, some.lists(rules(), max_size=4).map(tuple), some.lists(exempt, max_size=3).map(tuple))


@given(policies)
def test_read_what_was_written(policy: Policy) -> None:
    assert read_policy(write_policy(policy)) == policy


json_like = some.recursive(
    some.none() | some.booleans() | some.integers() | texts,
    lambda inner: some.lists(inner, max_size=3)
    | some.dictionaries(some.sampled_from([*vars(HELD), *vars(ANY), "rules", "exemptions"]), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(json_like)
def test_whatever_a_file_holds_is_a_policy_or_a_problem(document: Any) -> None:
    try:
        policy = read_policy(document)
    except Problem as problem:
        assert problem.message and problem.field
    else:
        assert read_policy(write_policy(policy)) == policy


@given(policies, some.sampled_from(list(Verdict)), some.lists(some.sampled_from([A, B, C])), some.booleans())
def test_only_what_nobody_asks_for_or_what_is_signed_goes_unsaid(
    policy: Policy, verdict: Verdict, keys: list[str], child: bool
) -> None:
    """Nothing that is not green is ever met, what could not be checked is never excused, and a reason is given."""
    subject = replace(signed_by(*keys), verdict=verdict, is_child=child, tags=[] if child else ["v1"])
    found = stand(policy, subject, TRUSTED, NOW)
    assert found.reason and found.is_finding == (found.standing == "finding")
    if found.standing == "met":
        assert verdict in {Verdict.TRUSTED, Verdict.VIA_INDEX}
    if verdict == Verdict.UNCHECKED:
        assert found.standing in {"finding", "not_required"}
    if found.standing in {"grace", "exempt"}:
        assert found.until is not None and found.until > NOW


def test_a_value_that_fills_any_memory_is_named_all_the_same() -> None:
    """As a small YAML file makes it by aliases, which whoever asks for a change of a repository may write."""
    bomb: list[Any] = ["x"] * 9
    for _n in range(12):
        bomb = [bomb] * 9
    with pytest.raises(Problem) as problem:
        read_policy({"rules": [{"match": ["team"], "keys": bomb}]})
    assert "rules[0].keys" in problem.value.message and len(str(problem.value)) < 1000
