"""What a registry's policy makes of rows of verdicts, as they are kept and when a policy, a key or the time changes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from django.utils import timezone

from harborweb.audit.keyless.services import names
from harborweb.audit.models import ArtifactVerdict, PolicyRevision
from harborweb.registry.models import Registry
from harborweb.signing.services import keyring
from harborweb.verification.policy import ALL, Policy, Rule, Signer, Stand, Subject, read_policy, rule_for, stand
from harborweb.verification.trust import TrustedKey
from harborweb.verification.verdict import Verdict

DEEPEST = 8  # indexes above an artifact that are followed for their tags
# What has to be read of a row to say how it stands; evidence and signatures, which are long, are not.
NEEDED = [
    "repository", "digest", "tags", "verdict", "reason", "parents", "counted", "platform", "first_seen",
    "standing", "standing_reason", "is_finding", "standing_until",
]  # fmt: skip

Above = Mapping[str, tuple[Sequence[str], Sequence[str]]]  # of an index: its tags, and the indexes that list it


def latest(registry: Registry) -> PolicyRevision | None:
    """The revision that holds; None where nothing was ever asked: any trusted key will do then."""
    return PolicyRevision.objects.filter(registry=registry).first()


def number_of(registry: Registry) -> int:
    """The number of the revision that holds, 0 where there is none."""
    revision = latest(registry)
    return revision.number if revision else 0


def policy_of(registry: Registry) -> Policy:
    """The policy that holds."""
    revision = latest(registry)
    return read_policy(revision.document) if revision else Policy()


class Judged(Protocol):
    """A kept row, or what of it decides."""

    @property
    def repository(self) -> str: ...
    @property
    def digest(self) -> str: ...
    @property
    def tags(self) -> list[str]: ...
    @property
    def verdict(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def parents(self) -> list[str]: ...
    @property
    def counted(self) -> list[Any]: ...
    @property
    def platform(self) -> str: ...
    @property
    def first_seen(self) -> datetime: ...


@dataclass
class Standings:
    """A policy and the keys, at one moment."""

    policy: Policy
    ring: Sequence[TrustedKey]
    now: datetime
    identities: Mapping[str, str] = field(default_factory=dict)  # of keyless signatures that count, by fingerprint
    _active: dict[str, set[str]] = field(default_factory=dict)
    _rules: dict[str, tuple[int, Rule]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.names = {one.key.fingerprint: one.key.name for one in self.ring} | dict(self.identities)
        edges = [edge for one in self.ring for edge in (one.not_before, one.not_after, one.revoked_from) if edge]
        self.next_edge = min((edge for edge in edges if edge > self.now), default=None)

    @classmethod
    def of(cls, registry: Registry, policy: Policy | None = None) -> "Standings":
        """With the policy that holds for `registry`, or with another one."""
        return cls(policy_of(registry) if policy is None else policy, keyring(), timezone.now(), names())

    def rule(self, repository: str) -> tuple[int, Rule]:
        """The rule for a repository, with its number."""
        found = self._rules.get(repository)
        if found is None:
            found = self._rules[repository] = rule_for(self.policy, repository)
        return found

    def minds_tags(self, repository: str) -> bool:
        """Whether the tags of an index decide about what it lists."""
        rule = self.rule(repository)[1]
        return bool(rule.tags) or not rule.untagged

    def stand(self, subject: Subject) -> Stand:
        """How `subject` stands."""
        project = subject.repository.partition("/")[0]
        active = self._active.get(project)
        if active is None:
            active = {one.key.fingerprint for one in self.ring if one.refuses(project, self.now) is None}
            self._active[project] = active
        number, rule = self.rule(subject.repository)
        if rule.require != ALL or rule.keys:  # all keys are meant there, not everybody besides
            active = active | self.identities.keys()
        found = stand(self.policy, subject, self.names, self.now, active, (number, rule))
        edge = self.next_edge if rule.require == ALL and not rule.keys else None
        return replace(found, until=edge) if edge and (not found.until or found.until > edge) else found

    def of_row(self, row: Judged, above: Above) -> Stand:
        """How a row stands; `above` are the indexes of its repository by digest."""
        child = not row.tags and bool(row.parents)
        tags = tags_above(row.parents, above) if child and self.minds_tags(row.repository) else ()
        return self.stand(
            Subject(
                row.repository, row.digest, row.tags, Verdict(row.verdict), row.reason, row.first_seen,
                [Signer(key, self.names.get(key, ""), signed) for key, signed in row.counted],
                row.platform, child, tags,
            )
        )  # fmt: skip

    def put(self, row: ArtifactVerdict, above: Above) -> bool:
        """Write how `row` stands into it; whether that was news."""
        before = (row.standing, row.standing_reason, row.is_finding, row.standing_until)
        found = self.of_row(row, above)
        row.standing, row.standing_reason = str(found.standing), str(found.reason)
        row.is_finding, row.standing_until = found.is_finding, found.until
        return before != (row.standing, row.standing_reason, row.is_finding, row.standing_until)


def tags_above(parents: Iterable[str], above: Above) -> list[str]:
    """The tags of all indexes above, each once."""
    found: dict[str, None] = {}
    level, seen = list(parents), set(parents)
    for _depth in range(DEEPEST):
        for digest in level:
            found.update(dict.fromkeys(above.get(digest, ((), ()))[0]))
        level = [one for digest in level for one in above.get(digest, ((), ()))[1] if one not in seen]
        seen.update(level)
        if not level:
            break
    return list(found)


def indexes_of(registry: Registry, repository: str, rows: Collection[ArtifactVerdict]) -> Above:
    """The indexes above `rows`, which take the place of what the database says of the same digests."""
    fresh = {row.digest: (row.tags, row.parents) for row in rows}
    found: dict[str, tuple[Sequence[str], Sequence[str]]] = dict(fresh)
    wanted = {one for row in rows if not row.tags for one in row.parents} - fresh.keys()
    mine = ArtifactVerdict.objects.filter(registry=registry, repository=repository).order_by()
    for _depth in range(DEEPEST):
        if not wanted:
            break
        there = mine.filter(digest__in=wanted).values_list("digest", "tags", "parents")
        level = {digest: (tags, parents) for digest, tags, parents in there}
        found.update(level)
        wanted = {one for _tags, parents in level.values() for one in parents} - found.keys()
    return found
