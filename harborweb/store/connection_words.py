"""What the pages of a connection show, in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from harborweb.registry import probing, robot_services
from harborweb.registry.harbor.system import Kind
from harborweb.registry.models import Registry, Robot
from harborweb.registry.rights import KEEPING, READING, SIGNING, Need

SHAPES = {probing.HAS: "good", probing.MISSING: "bad", probing.UNKNOWN: "unsure"}


@dataclass(frozen=True)
class Line:
    """A right, what it is for, and whether it is there."""

    right: str
    use: str | Promise
    without: str | Promise
    state: str = ""
    word: str = ""


@dataclass(frozen=True)
class Rights:
    """What one account may do."""

    title: str
    account: str
    note: str
    lines: list[Line]
    give: str = ""

    @property
    def missing(self) -> list[Line]:
        """The rights that are not there."""
        return [one for one in self.lines if one.state == "bad"]


def page_of(registry: Registry) -> dict[str, Any]:
    """Everything the page of a connection shows."""
    robots = list(registry.robots.all())
    ready = {one.purpose: one for one in robots if one.state == Robot.State.READY}
    return {
        "registry": registry, "robots": robots, "ready": ready, "warnings": robot_services.warnings(registry),
        "half": [one for one in robots if one.state in (Robot.State.MAKING, Robot.State.RETIRING)],
        "left": [one for one in robots if one.state == Robot.State.LEFT],
        "keeper": ready.get(Robot.Purpose.KEEP), "job": robot_services.working(registry),
        "account": account(registry), "rights": rights(registry),
        "checked": parse_datetime(registry.rights.get("checked", "")),
    }  # fmt: skip


def account(registry: Registry) -> str:
    """Who Harbor took us for, in a sentence."""
    words: dict[str, str] = {
        Kind.ADMINISTRATOR: _("an administrator of Harbor, who may do everything: robots of our own are safer"),
        Kind.PERSON: _("a person, who may do what the projects’ members may"),
        Kind.ROBOT: _("a robot"),
        Kind.NOBODY: _("nobody: only what is public is seen"),
    }
    return words.get(registry.account, "")


def table() -> list[tuple[str, list[Line]]]:
    """What each robot gets, for the page where they are made."""
    parts: list[tuple[str, tuple[Need, ...]]] = [
        (_("The robot that reads"), READING), (_("The robot that signs"), SIGNING),
        (_("The robot that renews, besides both of the above"), KEEPING),
    ]  # fmt: skip
    return [(title, [Line(str(one.right), one.use, one.without) for one in needs]) for title, needs in parts]


def rights(registry: Registry) -> list[Rights]:
    """What was found out about both accounts; empty before anybody looked."""
    found = []
    for name, title, needs in (
        ("reading", _("To read"), READING), ("signing", _("To sign"), SIGNING),
    ):  # fmt: skip
        kept = registry.rights.get(name)
        if kept:
            found.append(_rights(title, needs, kept))
    return found


def _rights(title: str, needs: Sequence[Need], kept: dict[str, Any]) -> Rights:
    words = {probing.HAS: _("has it"), probing.MISSING: _("missing"), probing.UNKNOWN: _("could not check")}
    states: dict[str, str] = kept["rights"]
    lines = []
    for one in needs:
        state = states.get(str(one.right), probing.UNKNOWN)
        lines.append(Line(str(one.right), one.use, one.without, SHAPES[state], words[state]))
    return Rights(title, kept["account"] or _("everybody"), _note(kept), lines, _give(kept, lines))


def _note(kept: dict[str, Any]) -> str:
    """How it was found out."""
    where = str(kept["where"])
    if kept["how"] == "administrator":
        return _("An administrator of Harbor may do everything.")
    if kept["how"] == "asked":
        return _("As Harbor says it of this robot.")
    if not where:
        return _("This account sees no project, so nothing could be tried.")
    if kept["public"]:
        return _("Tried in %s, which is public: there everybody may read. No private project is seen.") % where
    return _("Tried in %s.") % where


def _give(kept: dict[str, Any], lines: list[Line]) -> str:
    """How the missing rights are given in Harbor."""
    missing = ", ".join(one.right for one in lines if one.state == "bad")
    if not missing:
        return ""
    if kept["kind"] == Kind.ROBOT:
        return _(
            "In Harbor, Administration, Robot Accounts, choose %(name)s, Edit, and tick %(rights)s. "
            "Or let harborweb make robots of its own, which have all of them."
        ) % {"name": kept["account"], "rights": missing}
    if kept["kind"] == Kind.PERSON:
        return _(
            "In Harbor, open the project, Members, and make %(name)s at least a guest to read or a developer to sign. "
            "Or let harborweb make robots of its own."
        ) % {"name": kept["account"]}
    return _("Type a user name and password for this registry, or let harborweb make robots of its own.")
