"""One press of a button in the wizard: which step is shown next, and what is said there."""

from dataclasses import dataclass
from typing import Any

from django import forms

from harborweb.access.cache import making
from harborweb.access.cache.making import HalfMade, Taken
from harborweb.access.cache.models import Cache
from harborweb.access.cache.wizard import NAMES, Wizard
from harborweb.errors import Problem
from harborweb.registry.models import Registry


@dataclass
class Shown:
    """The step to show; `made` instead of it once the cache is there."""

    wizard: Wizard
    form: forms.Form | None = None
    problem: Problem | None = None
    tested: bool = False  # Harbor reached the upstream
    made: Cache | None = None
    undone: bool = False

    @property
    def usable(self) -> bool:
        """Whether what stands in the way can be used instead."""
        why = self.problem.why if isinstance(self.problem, HalfMade) else self.problem
        return isinstance(why, Taken) and why.usable

    @property
    def half(self) -> Cache | None:
        """The row of a cache that stopped half-way just now."""
        return self.problem.row if isinstance(self.problem, HalfMade) else None

    @property
    def status(self) -> int:
        """The status of the page."""
        return 422 if self.problem or (self.form is not None and self.form.is_bound) else 200


def walk(wizard: Wizard, action: str, registry: Registry) -> Shown:
    """Do what the button says: next, back, test, make, reuse or undo; anything else shows the step as it is."""
    if action == "back":
        return at(wizard, NAMES[max(0, NAMES.index(wizard.step) - 1)])
    if action in NAMES:
        return at(wizard, action)
    if action == "next":
        return _leave(wizard)
    if action == "test":
        return _test(wizard, registry)
    if action in {"make", "reuse"}:
        return _make(wizard, registry, reuse=action == "reuse")
    if action == "undo":
        return _undo(wizard, registry)
    return at(wizard, wizard.step)


def at(wizard: Wizard, step: str, *, checked: bool = False, **more: Any) -> Shown:
    """The page of a step."""
    wizard.step = step
    return Shown(wizard, None if step == NAMES[-1] else wizard.form(step, checked=checked), **more)


def _leave(wizard: Wizard) -> Shown:
    if wizard.step == NAMES[-1]:
        return at(wizard, wizard.step)
    if not wizard.bound[wizard.step].is_valid():
        return at(wizard, wizard.step, checked=True)
    return at(wizard, NAMES[NAMES.index(wizard.step) + 1])


def _test(wizard: Wizard, registry: Registry) -> Shown:
    for step in ("upstream", "login"):
        if not wizard.bound[step].is_valid():
            return at(wizard, step, checked=True)
    try:
        making.probe(registry, wizard.administrator(), wizard.preset, wizard.upstream())
    except Problem as problem:
        return _refused(wizard, "login", problem)
    return at(wizard, "login", tested=True)


def _make(wizard: Wizard, registry: Registry, *, reuse: bool) -> Shown:
    if wrong := wizard.first_wrong:
        return at(wizard, wrong, checked=True)
    try:
        row = making.make(registry, wizard.administrator(), wizard.plan(reuse=reuse))
    except Problem as problem:
        return _refused(wizard, "review", problem)
    return Shown(wizard, made=row)


def _refused(wizard: Wizard, step: str, problem: Problem) -> Shown:
    """What stood in the way, at `step`; a password that Harbor refused is not kept."""
    if problem.field == "password":
        wizard.secrets.pop("password", None)
        step = "login"
    return at(wizard, step, problem=problem)


def _undo(wizard: Wizard, registry: Registry) -> Shown:
    row = Cache.objects.filter(registry=registry, project=wizard.typed.get("project", ""), whole=False).first()
    if row is None:
        return at(wizard, "review")
    try:
        making.undo(row, wizard.administrator())
    except Problem as problem:
        return at(wizard, "review", problem=problem)
    return at(wizard, "review", undone=True)
