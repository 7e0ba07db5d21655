"""Findings as the page shows them: filtered by its address, grouped by what has to be done."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Q, QuerySet
from django.http import QueryDict
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from harborweb.accounts.roles import Role
from harborweb.audit.choosing import registry_of
from harborweb.audit.counts import by_artifact
from harborweb.audit.models import ArtifactVerdict, Finding
from harborweb.registry.models import Registry

State, Kind = Finding.State, Finding.Kind
OPEN = "open"  # both kinds of open
STATES: Mapping[str, str | Promise] = {
    OPEN: _("Open"), State.ACKNOWLEDGED.value: _("Acknowledged"), State.SOLVED.value: _("Solved"), "all": _("All"),
}  # fmt: skip
# What to do, and the page where it is done
WHAT_TO_DO: Mapping[str, tuple[str | Promise, str, str | Promise]] = {
    Kind.INVALID: (
        _("A signature there does not hold: find out who pushed it, then sign the image or delete it."),
        "", "",
    ),
    Kind.UNKNOWN_KEY: (
        _("Find out whose key it is. Trust it if you know, or sign the image with a key that counts."),
        "signing:keys", _("Review the keys"),
    ),
    Kind.ATTESTATION_ONLY: (
        _("An attestation says something about the image; sign the image itself."), "audit:choose", _("Sign many"),
    ),
    Kind.UNCHECKED: (
        _("harborweb could not look: mend the access, the rights of the robot or the registry, and sweep again."),
        "store:registries", _("Look at the registry"),
    ),
    Kind.UNSIGNED: (
        _("Sign it, or have the policy ask for no signature there, as for a proxy cache."), "audit:choose",
        _("Sign many"),
    ),
    Kind.LACKING: (
        _("Add the signature that is missing, or change the rule."), "audit:policy", _("Open the policy"),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Group:
    """Findings for which the same has to be done."""

    kind: str
    word: str
    count: int
    todo: str
    url: str
    action: str
    query: str
    on: bool
    needs: Role  # to open that page


@dataclass(frozen=True)
class Filter:
    """What the address asks for; an unknown value counts as not given."""

    registry: Registry | None
    state: str = OPEN
    kind: str = ""
    project: str = ""
    text: str = ""

    @classmethod
    def of(cls, registry: Registry | None, given: QueryDict) -> "Filter":
        state, kind = given.get("state", OPEN), given.get("kind", "")
        return cls(
            registry, state if state in STATES else OPEN, kind if kind in Kind.values else "",
            given.get("project", "").replace("\0", "")[:255], given.get("q", "").replace("\0", "").strip()[:200],
        )  # fmt: skip

    def rows(self) -> QuerySet[Finding]:
        """The findings that pass, worst first."""
        rows = self._but_kind()
        return rows.filter(kind=self.kind) if self.kind else rows

    def states(self) -> list[tuple[str, str, int, bool, str]]:
        """Each state: value, word, count, whether it is chosen, address."""
        rows = Finding.objects.filter(registry=self.registry).order_by()
        counted = dict(rows.values_list("state").annotate(Count("pk")))
        counts = {
            OPEN: sum(counted.get(one, 0) for one in Finding.ACTIVE), "all": sum(counted.values()),
            **{one.value: counted.get(one, 0) for one in (State.ACKNOWLEDGED, State.SOLVED)},
        }  # fmt: skip
        return [
            (value, str(word), counts[value], value == self.state, self.query(state=value, kind=""))
            for value, word in STATES.items()
        ]

    def groups(self) -> list[Group]:
        """What has to be done, for how many, under this filter but its kind; the worst first."""
        counted = dict(self._but_kind().order_by().values_list("kind").annotate(Count("pk")))
        registry = f"?registry={self.registry.pk}" if self.registry else ""
        return [
            Group(
                kind.value, str(kind.label), counted[kind], str(WHAT_TO_DO[kind][0]),
                _address(kind, registry), str(WHAT_TO_DO[kind][2]),
                self.query(kind="" if kind == self.kind else kind.value), kind == self.kind,
                Role.SIGNER if WHAT_TO_DO[kind][1] == "audit:choose" else Role.VIEWER,
            )
            for kind in Kind
            if kind in counted
        ]  # fmt: skip

    def query(self, **changes: str) -> str:
        """This filter as the query of an address, with `changes`."""
        values = {
            "registry": str(self.registry.pk) if self.registry else "", "state": self.state, "kind": self.kind,
            "project": self.project, "q": self.text,
        } | changes  # fmt: skip
        if values["state"] == OPEN:
            values["state"] = ""
        return urlencode({name: value for name, value in values.items() if value})

    @property
    def narrow(self) -> bool:
        """Whether more is asked than a state."""
        return bool(self.kind or self.project or self.text)

    def _but_kind(self) -> QuerySet[Finding]:
        rows = Finding.objects.filter(registry=self.registry)
        if self.state == OPEN:
            rows = rows.filter(state__in=Finding.ACTIVE)
        elif self.state != "all":
            rows = rows.filter(state=self.state)
        if self.project:
            rows = rows.filter(project=self.project)
        for word in self.text.split():
            rows = rows.filter(
                Q(repository__icontains=word) | Q(tags__icontains=word) | Q(digest__icontains=word)
                | Q(reason__icontains=word)
            )  # fmt: skip
        return rows


def _address(kind: Finding.Kind, registry: str) -> str:
    """Where something is done about a kind of finding."""
    name = WHAT_TO_DO[kind][1]
    wanted = f"{registry}&verdict={kind.value}" if name == "audit:choose" and registry else registry
    return f"{reverse(name)}{wanted}" if name else ""


def filter_of(request: Any) -> Filter:
    """The filter in the address of a request."""
    return Filter.of(registry_of(request), request.GET)


def projects(registry: Registry | None) -> list[str]:
    """Projects that have findings, solved ones too."""
    rows = Finding.objects.filter(registry=registry).order_by("project")
    return list(rows.values_list("project", flat=True).distinct())


def with_rows(findings: list[Finding]) -> list[tuple[Finding, ArtifactVerdict | None]]:
    """Each with the verdict that is kept of its artifact, None where it is gone; all of one registry."""
    if not findings:
        return []
    kept = by_artifact(findings[0].registry, [(one.repository, one.digest) for one in findings])
    return [(one, kept.get((one.repository, one.digest))) for one in findings]
