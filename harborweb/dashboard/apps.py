from typing import Any

from django import forms
from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

# What every form says of a field that was left empty, unless it says it itself. Django would say "This field is
# required.", which names neither what is missing nor what to do.
EMPTY: dict[type[forms.Field], Any] = {
    forms.Field: _("This is empty. Type it here."),
    forms.ChoiceField: _("Nothing is chosen here. Choose one."),
    forms.MultipleChoiceField: _("Nothing is chosen here. Choose at least one."),
    forms.ModelChoiceField: _("Nothing is chosen here. Choose one."),
    forms.FileField: _("There is no file. Choose one."),
}


class DashboardConfig(AppConfig):
    name = "harborweb.dashboard"

    def ready(self) -> None:
        """Have forms speak as the pages do; a form's class takes its words when it is made, so before any is."""
        for field, words in EMPTY.items():
            field.default_error_messages = {**vars(field).get("default_error_messages", {}), "required": words}
