"""Whom the kit is for: a project, a robot account, an image, and a cache where there is one. No secret is asked."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from harborweb.access.kit.services import target_of
from harborweb.access.kit.target import Cache, Target
from harborweb.access.place import Place
from harborweb.errors import Problem

_PLAIN = {"autocapitalize": "none", "spellcheck": "false", "autocomplete": "off", "class": "mono"}


def _text(label: Any, help_text: Any, example: str, *, required: bool = True) -> forms.CharField:
    return forms.CharField(
        label=label, help_text=help_text, required=required, max_length=255,
        widget=forms.TextInput(attrs={**_PLAIN, "placeholder": example}),
    )  # fmt: skip


class KitForm(forms.Form):
    """What is filled into the guides; `target` is what it makes of them."""

    project = _text(_("Project"), _("Where images are pushed to and pulled from."), "library")
    robot = _text(
        _("Robot account"),
        _("Its whole name, as Harbor shows it. A person’s user name does too."),
        "robot$library+ci", required=False,
    )  # fmt: skip
    repository = _text(_("Repository"), _("The image’s name below the project."), "app")
    tag = _text(_("Tag"), _("Or a digest, to pull exactly that."), "1.0")
    cache = _text(
        _("Proxy cache project"),
        _("A project that is a pull-through cache; its mirror is set up too."), "dockerhub", required=False,
    )  # fmt: skip
    upstream = _text(_("What it caches"), _("The upstream’s name in an image reference."), "docker.io", required=False)

    DEFAULTS = {
        "project": "library", "robot": "", "repository": "app", "tag": "1.0", "cache": "", "upstream": "docker.io",
    }  # fmt: skip

    def __init__(self, place: Place, data: dict[str, str]) -> None:
        super().__init__({name: data.get(name, value).strip() for name, value in self.DEFAULTS.items()})
        self._place = place
        self.target: Target | None = None

    def clean(self) -> dict[str, Any]:
        """Make the target; what it refuses stands at its field."""
        typed = self.cleaned_data
        if self.errors:
            return typed
        try:
            cache = Cache(typed["cache"], typed["upstream"] or "docker.io") if typed["cache"] else None
            words = {name: typed[name] for name in ("project", "robot", "repository", "tag")}
            self.target = target_of(self._place, cache=cache, **words)
        except Problem as problem:
            field = {"reference": "tag"}.get(problem.field, problem.field)
            self.add_error(field if field in self.fields else None, str(problem))
        return typed
