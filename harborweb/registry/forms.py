"""What every form asks that does something in a Harbor for which our robots have no right."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

PLAIN = {"autocapitalize": "none", "spellcheck": "false", "autocomplete": "off"}


class AdministratorForm(forms.Form):
    """An administrator of Harbor; `optional` where one of our robots may do it as well."""

    administrator = forms.CharField(
        label=_("Administrator of Harbor"), max_length=255, widget=forms.TextInput(attrs=PLAIN),
        help_text=_("The name of an account that may do everything there, usually admin."),
    )  # fmt: skip
    password = forms.CharField(
        label=_("Its password"), max_length=4096, strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=_("Used once, for this, and stored nowhere."),
    )  # fmt: skip

    def __init__(self, *args: Any, optional: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("administrator", "password"):
            self.fields[name].required = not optional

    def clean(self) -> dict[str, Any]:
        """A name without a password, or the other way round, is a slip."""
        cleaned = super().clean() or {}
        if cleaned.get("administrator") and not cleaned.get("password") and "password" not in self.errors:
            self.add_error("password", _("Type the password too. It is used once and stored nowhere."))
        return cleaned
