"""What an administrator types to have a Harbor tell us."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as now
from django.utils.translation import gettext_lazy as _

from harborweb.audit.hooks.policies import ACTIONS, Asked
from harborweb.errors import Problem
from harborweb.registry.forms import PLAIN, AdministratorForm
from harborweb.registry.harbor import paths


class HookForm(AdministratorForm):
    """Which projects, harborweb's own address, and an administrator of Harbor who is used once."""

    action = forms.ChoiceField(choices=[(one, one) for one in ACTIONS], widget=forms.HiddenInput, required=False)
    projects = forms.CharField(
        label=_("Projects"), required=False, max_length=5000,
        help_text=_("Names with spaces between them, for example team platform. Empty: every project there is now."),
        widget=forms.TextInput(attrs={**PLAIN, "class": "mono"}),
    )  # fmt: skip
    base = forms.CharField(
        label=_("Address of harborweb, as Harbor reaches it"), required=False, max_length=300,
        help_text=_(
            "Harbor’s own containers (core and jobservice) must reach it: try it from Harbor’s machine. "
            "localhost would mean the container itself."
        ),
        widget=forms.TextInput(attrs={**PLAIN, "class": "mono", "inputmode": "url"}),
    )  # fmt: skip
    unverified = forms.BooleanField(
        label=_("Harbor shall not verify harborweb’s certificate"), required=False,
        help_text=_("Then anybody on the way can read the secret. Better have Harbor trust your CA."),
    )  # fmt: skip
    field_order = ["action", "projects", "base", "unverified", "administrator", "password"]

    def clean_projects(self) -> list[str]:
        """The names, each held against the grammar."""
        names = list(dict.fromkeys(self.cleaned_data["projects"].replace(",", " ").split()))
        try:
            for name in names:
                paths.project(name)
        except Problem as problem:
            raise ValidationError(str(problem)) from problem
        return names

    def clean(self) -> dict[str, Any]:
        """An address is needed for everything but switching off."""
        cleaned = super().clean()
        cleaned["action"] = cleaned.get("action") or "make"
        if cleaned["action"] != "off" and not cleaned.get("base") and "base" not in self.errors:
            self.add_error("base", now("Type the address at which Harbor reaches harborweb."))
        return cleaned

    def asked(self) -> Asked:
        """What was typed."""
        typed = self.cleaned_data
        return Asked(
            typed["administrator"], typed["password"], typed["action"], typed["projects"], typed["base"],
            typed["unverified"],
        )  # fmt: skip
