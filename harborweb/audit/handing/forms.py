"""Forms of what others take along."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from harborweb.signing import services as signing


class ReportForm(forms.Form):
    """Which key signs a report."""

    key = forms.ChoiceField(
        label=gettext_lazy("Key"),
        help_text=gettext_lazy("Its public half goes along with the report. The private one stays with the worker."),
    )
    password = forms.CharField(
        label=gettext_lazy("Password"), required=False, strip=False, max_length=1000,
        help_text=gettext_lazy("Only for a key whose password is asked each time."),
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.keys = {str(key.pk): key for key in signing.signing_keys()}
        field = self.fields["key"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [(number, key.name) for number, key in self.keys.items()]

    def clean(self) -> dict[str, Any]:
        """The key's row in place of its number."""
        cleaned = super().clean() or {}
        key = self.keys.get(cleaned.get("key", ""))
        if key is not None and key.asks and not cleaned.get("password"):
            self.add_error("password", _("The password of %s is asked each time. Type it.") % key.name)
        return {**cleaned, "key": key}
