"""What a project wants of its images, and whether a verdict is something to act on. Pure.

A policy is a document (issue 6, section 4), the same in the database and in a file for `audit --policy`:

    {"rules": [{"match": ["library", "team/*"],       projects or repositories, patterns; the first that fits counts
                "require": "any",                     any, all, none, or how many different keys of `keys`
                "keys": ["release-2026", "3f1a…"],    names or fingerprints; none: every trusted key
                "annotations": {"approved": "yes"},   signed with just these values; "*" stands for any
                "tags": ["v*"], "untagged": false,    which artifacts it is about; no patterns: all of them. What only
                                                      an index lists goes by the tags of that index
                "platforms": ["linux/amd64"],         children of an index for other platforms are not asked for
                "children": "covered",                or "own": a child needs signatures of its own
                "grace_hours": 0}],                   for what is not signed yet, after it was first seen
     "exemptions": [{"match": ["legacy/*"], "reason": "…", "owner": "…", "until": "2027-01-31"}]}

Where no rule fits, any trusted key will do, as if there were no policy. The verdict itself is never changed: it says
what was verified, the standing says what the policy makes of it.
"""

import reprlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from harborweb.errors import Problem
from harborweb.verification.origin import origin_of
from harborweb.verification.sentences import Sentence
from harborweb.verification.sentences import sentence as _
from harborweb.verification.verdict import GREEN, Verdict

ANY, ALL, NONE = "any", "all", "none"
COVERED, OWN = "covered", "own"
MOST_RULES = 1000
LONGEST_GRACE = 24 * 365  # hours
LAST_DAY = date.max - timedelta(days=1)
# What stands there is shown cut: by the aliases of YAML a small file makes a value that fills any memory when written.
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 100


class Standing(StrEnum):
    """What the policy makes of a verdict; only FINDING is something to act on."""

    MET = "met"
    FINDING = "finding"
    GRACE = "grace"
    EXEMPT = "exempt"
    NOT_REQUIRED = "not_required"


@dataclass(frozen=True)
class Rule:
    """One rule; the module's docstring says what each part means."""

    match: tuple[str, ...]
    require: str | int = ANY
    keys: tuple[str, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    untagged: bool = True
    platforms: tuple[str, ...] = ()
    children: str = COVERED
    grace_hours: int = 0


WITHOUT = Rule(match=("*",))


@dataclass(frozen=True)
class Exemption:
    """Artifacts that are excused until the end of a day (UTC), with why and by whom."""

    match: tuple[str, ...]
    reason: str
    owner: str
    until: date

    @property
    def ends(self) -> datetime:
        """The first moment at which it holds no more; behind the last day that there is comes none."""
        return datetime.combine(min(self.until, LAST_DAY), time(), UTC) + timedelta(days=1)

    def holds(self, now: datetime) -> bool:
        """Whether it has not ended at `now` (aware)."""
        return now < self.ends


@dataclass(frozen=True)
class Policy:
    """Rules in order, and exemptions."""

    rules: tuple[Rule, ...] = ()
    exemptions: tuple[Exemption, ...] = ()


@dataclass(frozen=True)
class Signer:
    """One signature that counts: who made it (fingerprint and name), and what it signed besides the digest."""

    fingerprint: str
    name: str
    annotations: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Subject:
    """What a policy looks at: an artifact, its verdict, and the signatures that count for it.

    `signers` are its own, for via_index those of the index. `platform` is "os/architecture[/variant]" where an index
    says so, `is_child` whether only an index lists it, `index_tags` are then the tags of all indexes above it, `seen`
    is when harborweb first saw it (aware).
    """

    repository: str
    digest: str
    tags: Sequence[str]
    verdict: Verdict
    reason: str
    seen: datetime
    signers: Collection[Signer] = ()
    platform: str = ""
    is_child: bool = False
    index_tags: Sequence[str] = ()


@dataclass(frozen=True)
class Stand:
    """A standing with its reason; `rule` is the number of the rule that decided, from 1, 0 where none did; `until`
    is when it ends by itself."""

    standing: Standing
    reason: str
    rule: int = 0
    until: datetime | None = None

    @property
    def is_finding(self) -> bool:
        """Whether someone should act."""
        return self.standing == Standing.FINDING


def fits(patterns: Sequence[str], repository: str) -> bool:
    """Whether a pattern names the repository or its project ("team" and "team/*" both mean all of team)."""
    project = repository.partition("/")[0]
    return any(fnmatchcase(repository, one) or fnmatchcase(project, one) for one in patterns)


def rule_for(policy: Policy, repository: str) -> tuple[int, Rule]:
    """The first rule that fits, with its number from 1; 0 and what holds without a policy where none does."""
    return next(((n, one) for n, one in enumerate(policy.rules, 1) if fits(one.match, repository)), (0, WITHOUT))


def stand(
    policy: Policy,
    subject: Subject,
    trusted: Mapping[str, str],
    now: datetime,
    active: Collection[str] | None = None,
    found: tuple[int, Rule] | None = None,
) -> Stand:
    """What `policy` makes of `subject` at `now` (aware); `trusted` are all trusted keys, name by fingerprint.

    `active` are those that may sign in this project now, all of them unless it is given: "all" without names asks for
    no other. `found` is what `rule_for` says of its repository, for who asks for many.

    1 The rule: the first that fits the repository
    2 What the rule does not ask for: other tags, other platforms, nothing at all
    3 Whether it is met
    4 Excused: an exemption that holds, or the time of grace after the first sight

    What could not be checked is excused by neither: nobody knows what it is. Nor does grace excuse an invalid
    signature: it gives time to sign, and this is not what an unfinished one looks like.
    """
    number, rule = found or rule_for(policy, subject.repository)
    if reason := _beside(rule, subject):
        return Stand(Standing.NOT_REQUIRED, reason, number)
    live = [one for one in subject.signers if not origin_of(one.annotations).expired(now)]
    lacking = _expired(subject, live) or _lacking(rule, subject, live, trusted, trusted if active is None else active)
    if lacking is None:
        ends = [end for one in live if (end := origin_of(one.annotations).expires) is not None]
        return Stand(Standing.MET, subject.reason, number, min(ends, default=None))
    if subject.verdict == Verdict.UNCHECKED:
        return Stand(Standing.FINDING, lacking, number)
    for one in policy.exemptions:
        if fits(one.match, subject.repository) and one.holds(now):
            why = _(
                "Excused until %(until)s by %(owner)s: %(reason)s", until=one.until, owner=one.owner, reason=one.reason
            )
            return Stand(Standing.EXEMPT, why, number, one.ends)
    until = subject.seen + timedelta(hours=rule.grace_hours)
    if now < until and subject.verdict != Verdict.INVALID:
        deadline = f"{until.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        return Stand(Standing.GRACE, _("New: it has until %(until)s to be signed.", until=deadline), number, until)
    return Stand(Standing.FINDING, lacking, number)


def _beside(rule: Rule, subject: Subject) -> Sentence | None:
    """Why the rule asks nothing of the subject."""
    if rule.require == NONE:
        return _("The policy asks for no signature here.")
    if subject.is_child and rule.platforms and subject.platform and not _is_platform(rule, subject.platform):
        return _("The policy does not ask for the platform %(platform)s.", platform=subject.platform)
    tags = subject.index_tags if subject.is_child else subject.tags
    if not tags:
        return None if rule.untagged else _("The policy asks for no signature of what has no tag.")
    if rule.tags and not any(fnmatchcase(tag, one) for tag in tags for one in rule.tags):
        return _("The policy asks for no signature of these tags.")
    return None


def _is_platform(rule: Rule, platform: str) -> bool:
    return any(platform == one or platform.startswith(f"{one}/") for one in rule.platforms)


def _expired(subject: Subject, live: Collection[Signer]) -> str | None:
    """The sentence where every signature has outlived the time that its signer gave it (`origin.EXPIRES`).

    The verdict stays: the bytes are signed, and cosign, which does not know that annotation, says so too.
    """
    if subject.verdict not in GREEN or live or not subject.signers:
        return None
    ends = [end for one in subject.signers if (end := origin_of(one.annotations).expires) is not None]
    when = f"{max(ends):%Y-%m-%d %H:%M} UTC"
    return _("Signed and trusted, but its signer let the signature hold until %(when)s only.", when=when)


def _lacking(
    rule: Rule, subject: Subject, signers: Collection[Signer], trusted: Mapping[str, str], active: Collection[str]
) -> str | None:
    """What keeps the rule from being met; None where it is. `signers` are those whose signatures have not expired."""
    if subject.verdict not in GREEN:
        return subject.reason
    if rule.children == OWN and subject.verdict == Verdict.VIA_INDEX:
        return _("Its index is signed; the policy wants a signature of its own.")
    counted = [one for one in signers if _carries(one, rule.annotations)]
    if rule.annotations and not counted:
        text = ", ".join(f"{name}={value}" for name, value in rule.annotations.items())
        return _("Signed and trusted, but no signature carries what the policy wants: %(text)s.", text=text)
    if rule.require == ANY and not rule.keys:
        return None
    wanted = {fp: name for fp, name in trusted.items() if not rule.keys or fp in rule.keys or name in rule.keys}
    signed = {one.fingerprint for one in counted} & wanted.keys()
    unknown = [one for one in rule.keys if one not in trusted and one not in trusted.values()]
    open_ = {fp: name for fp, name in wanted.items() if fp not in signed and (rule.keys or fp in active)}
    needed = len(signed) + len(open_) + len(unknown) if rule.require == ALL else 1
    needed = max(int(rule.require) if isinstance(rule.require, int) else needed, 1)
    if len(signed) >= needed:
        return None
    missing = ", ".join(sorted([*(name or fp[:16] for fp, name in open_.items()), *unknown]))
    return _(
        "Signed by %(n)s of the %(needed)s keys that the policy wants; not by: %(missing)s.",
        n=len(signed), needed=needed, missing=missing or "-",
    )  # fmt: skip


def _carries(signer: Signer, annotations: Mapping[str, str]) -> bool:
    signed = signer.annotations
    return all(name in signed and value in ("*", signed[name]) for name, value in annotations.items())


def read_policy(document: object) -> Policy:
    """The policy in a parsed JSON or YAML document; raises Problem that names the place and what stands there."""
    parts = _object(document, "policy", {"rules", "exemptions"})
    rules = _list(parts.get("rules", []), "rules")
    exemptions = _list(parts.get("exemptions", []), "exemptions")
    return Policy(
        tuple(_rule(one, f"rules[{n}]") for n, one in enumerate(rules)),
        tuple(_exemption(one, f"exemptions[{n}]") for n, one in enumerate(exemptions)),
    )


def write_policy(policy: Policy) -> dict[str, Any]:
    """The document of `policy`; `read_policy` gives the same policy back."""
    return {
        "rules": [
            {
                "match": list(one.match), "require": one.require, "keys": list(one.keys),
                "annotations": dict(one.annotations), "tags": list(one.tags), "untagged": one.untagged,
                "platforms": list(one.platforms), "children": one.children, "grace_hours": one.grace_hours,
            }
            for one in policy.rules
        ],
        "exemptions": [
            {"match": list(one.match), "reason": one.reason, "owner": one.owner, "until": one.until.isoformat()}
            for one in policy.exemptions
        ],
    }  # fmt: skip


def _rule(value: object, place: str) -> Rule:
    known = {"match", "require", "keys", "annotations", "tags", "untagged", "platforms", "children", "grace_hours"}
    parts = _object(value, place, known)
    require, keys = parts.get("require", ANY), _texts(parts.get("keys", []), f"{place}.keys")
    counted = isinstance(require, int) and not isinstance(require, bool) and require >= 1
    if not counted and require not in (ANY, ALL, NONE):
        raise _wrong(f"{place}.require", require, "any, all, none or a number from 1")
    if counted and keys and int(require) > len(set(keys)):
        raise _wrong(f"{place}.require", require, f"at most the {len(set(keys))} keys that it names")
    annotations = _object(parts.get("annotations", {}), f"{place}.annotations", None)
    for name, text in annotations.items():
        if not isinstance(text, str):
            raise _wrong(f"{place}.annotations.{name}", text, "a text")
    if parts.get("children", COVERED) not in (COVERED, OWN):
        raise _wrong(f"{place}.children", parts["children"], "covered or own")
    if not isinstance(parts.get("untagged", True), bool):
        raise _wrong(f"{place}.untagged", parts["untagged"], "true or false")
    grace = parts.get("grace_hours", 0)
    if not isinstance(grace, int) or isinstance(grace, bool) or not 0 <= grace <= LONGEST_GRACE:
        raise _wrong(f"{place}.grace_hours", grace, f"a number of hours from 0 to {LONGEST_GRACE}")
    return Rule(
        _patterns(parts, place), require, keys, annotations, _texts(parts.get("tags", []), f"{place}.tags"),
        parts.get("untagged", True), _texts(parts.get("platforms", []), f"{place}.platforms"),
        parts.get("children", COVERED), grace,
    )  # fmt: skip


def _exemption(value: object, place: str) -> Exemption:
    parts = _object(value, place, {"match", "reason", "owner", "until"})
    for name in ("reason", "owner"):
        if not isinstance(parts.get(name), str) or not parts[name].strip():
            raise _wrong(f"{place}.{name}", parts.get(name), "a text: an exemption has a reason and an owner")
    until = parts.get("until")
    try:
        day = until if type(until) is date else date.fromisoformat(str(until))
    except ValueError as error:
        raise _wrong(f"{place}.until", until, "a day such as 2027-01-31") from error
    return Exemption(_patterns(parts, place), parts["reason"], parts["owner"], day)


def _patterns(parts: Mapping[str, Any], place: str) -> tuple[str, ...]:
    found = _texts(parts.get("match", []), f"{place}.match")
    if not found:
        raise _wrong(f"{place}.match", parts.get("match"), "patterns of projects or repositories")
    return found


def _object(value: object, place: str, known: set[str] | None) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise _wrong(place, value, "an object")
    if known is not None and (strange := sorted(set(value) - known)):
        raise _wrong(f"{place}.{strange[0]}", value[strange[0]], f"one of {', '.join(sorted(known))}")
    return dict(value)


def _list(value: object, place: str) -> list[Any]:
    if not isinstance(value, list) or len(value) > MOST_RULES:
        raise _wrong(place, value, f"a list of at most {MOST_RULES}")
    return value


def _texts(value: object, place: str) -> tuple[str, ...]:
    one = [value] if isinstance(value, str) else value
    if not isinstance(one, list) or not all(isinstance(text, str) and text for text in one):
        raise _wrong(place, value, "a list of texts")
    return tuple(one)


def _wrong(place: str, value: object, wanted: str) -> Problem:
    return Problem(
        _("The policy cannot be used: %(place)s is %(value)s.", place=place, value=_SHORT.repr(value)),
        _("Write %(wanted)s there.", wanted=wanted),
        field=place,
    )
