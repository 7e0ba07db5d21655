"""What people type about a new project."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from harborweb.registry.errors import RegistryError
from harborweb.registry.forms import PLAIN, AdministratorForm
from harborweb.registry.harbor import paths
from harborweb.registry.harbor.projects import NO_LIMIT, NewProject

GIB = 1024**3
MOST_GIB = 1_000_000


class ProjectForm(AdministratorForm):
    """Name, access and quota, and the Harbor account that makes it."""

    name = forms.CharField(
        label=_("Name"),
        max_length=255,
        help_text=_("Small letters, digits and . _ - as they stand in image names: registry/NAME/image."),
        widget=forms.TextInput(attrs={**PLAIN, "class": "mono"}),
    )
    access = forms.ChoiceField(
        label=_("Access"),
        choices=[
            ("private", _("Private: only members may pull")),
            ("public", _("Public: everybody who reaches Harbor may pull, without signing in")),
        ],
        initial="private",
        widget=forms.RadioSelect,
    )
    quota = forms.IntegerField(
        label=_("Quota in GiB"),
        required=False,
        min_value=-1,
        max_value=MOST_GIB,
        help_text=_("What the project may hold. Empty: Harbor’s own default; -1: no limit. Needs an administrator."),
    )
    field_order = ["name", "access", "quota", "administrator", "password"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["administrator"].label = _("Harbor user name")
        self.fields["administrator"].help_text = _(
            "Somebody who may make projects there: an administrator, or everybody if Harbor is set so."
        )
        self.fields["password"].label = _("Password")

    def clean_name(self) -> str:
        """A project's name, by the rules of ours that Harbor's contain."""
        name = str(self.cleaned_data["name"]).strip()
        try:
            paths.project(name)
        except RegistryError as error:
            raise ValidationError(f"{error.message} {error.advice}") from error
        return name

    def new(self) -> NewProject:
        """What is to be made; before the form is valid, of what can be read."""
        data: dict[str, Any] = getattr(self, "cleaned_data", {})
        quota = data.get("quota")
        storage = None if quota is None else NO_LIMIT if quota < 0 else quota * GIB
        return NewProject(
            str(data.get("name") or self["name"].value() or "NAME"), data.get("access") == "public", storage
        )
