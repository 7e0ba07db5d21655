"""What is typed to make and to remove robots; the password is used once and never shown again."""

import re
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from harborweb.errors import Problem
from harborweb.registry.forms import PLAIN, AdministratorForm
from harborweb.registry.models import Registry, Robot
from harborweb.registry.robot_services import DAYS, SHORTEST_DAYS, Asked

LONGEST_DAYS = 3650
MOST_PROJECTS = 100


class AsAdministratorForm(AdministratorForm):
    """An administrator alone, to renew or to remove robots."""

    def asked(self) -> Asked | None:
        """Who was typed; None for nobody."""
        name = self.cleaned_data["administrator"]
        return Asked(name, self.cleaned_data["password"]) if name else None


class RobotsForm(AdministratorForm):
    """Which robots, where, for how long."""

    reads = forms.BooleanField(
        label=_("A robot that reads"), required=False, initial=True,
        help_text=_("Store, audit and artifact pages look with it; it can change nothing."),
    )  # fmt: skip
    signs = forms.BooleanField(
        label=_("A robot that signs"), required=False, initial=True,
        help_text=_("Signatures are laid down with it; it can push, and therefore also pull."),
    )  # fmt: skip
    keeps = forms.BooleanField(
        label=_("A robot that renews the others"), required=False, initial=True,
        help_text=_(
            "14 days before they expire it makes new ones, tries them, and deletes the old. It may make robots with at "
            "most its own rights, so it holds those of the other two. Without it you are asked for this password again."
        ),
    )  # fmt: skip
    projects = forms.CharField(
        label=_("Only in these projects"), required=False, max_length=4096,
        widget=forms.TextInput(attrs={**PLAIN, "class": "mono"}),
        help_text=_("Names with commas between them. Empty: in every project, those to come too."),
    )  # fmt: skip
    days = forms.IntegerField(
        label=_("Days until they expire"), initial=DAYS, min_value=SHORTEST_DAYS, max_value=LONGEST_DAYS,
        help_text=_("A secret that leaks works no longer than this."),
    )  # fmt: skip

    def __init__(self, *args: Any, registry: Registry, **kwargs: Any) -> None:
        ready = {one.purpose: one for one in registry.robots.filter(state=Robot.State.READY)}
        if ready:
            one = next(iter(ready.values()))
            kwargs.setdefault("initial", {
                "reads": Robot.Purpose.READ in ready, "signs": Robot.Purpose.SIGN in ready,
                "keeps": Robot.Purpose.KEEP in ready, "projects": ", ".join(one.projects), "days": one.days,
            })  # fmt: skip
        super().__init__(*args, **kwargs)

    def clean(self) -> dict[str, Any]:
        """At least one robot, and none that only renews nothing."""
        cleaned = super().clean()
        if not cleaned.get("reads") and not cleaned.get("signs"):
            self.add_error("reads", _("Choose at least one robot: one that reads, or one that signs."))
        if len(_names(cleaned.get("projects", ""))) > MOST_PROJECTS:
            self.add_error("projects", _("Name at most 100 projects, or leave it empty for every one."))
        return cleaned

    def asked(self) -> Asked:
        """What was typed."""
        typed = self.cleaned_data
        chosen = {Robot.Purpose.READ: "reads", Robot.Purpose.SIGN: "signs", Robot.Purpose.KEEP: "keeps"}
        return Asked(
            typed["administrator"], typed["password"],
            [str(purpose) for purpose, name in chosen.items() if typed[name]],
            _names(typed["projects"]), typed["days"],
        )  # fmt: skip


def _names(typed: str) -> list[str]:
    """The names in a list with commas or spaces between them, each once."""
    return sorted({name for name in re.split(r"[,\s]+", typed) if name})


def at_its_field(form: forms.Form, problem: Problem) -> Problem | None:
    """Put `problem` at its field; what has none is returned for the top of the page."""
    name = "administrator" if problem.field == "username" else problem.field
    if name not in form.fields:
        return problem
    form.add_error(name, str(problem))
    return None
