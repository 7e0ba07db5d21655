"""What people type to sign in, and what administrators type about people."""

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, SetPasswordForm
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.utils.translation import gettext_lazy as _

from harborweb.accounts.models import User
from harborweb.accounts.roles import Role


class SignInForm(AuthenticationForm):
    """Name and password; one sentence for every way in which they do not fit."""

    error_messages = {
        "invalid_login": _(
            "Name and password do not fit together. Both are case-sensitive. After five failed tries "
            "sign-in is locked for fifteen minutes."
        ),
        "inactive": _("This account is deactivated. An administrator can activate it again."),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("Name")
        self.fields["password"].label = _("Password")


class PersonForm(forms.Form):
    """A new person."""

    username = forms.CharField(
        label=_("Name"),
        max_length=150,
        validators=[UnicodeUsernameValidator(message=_("A name has letters, digits and any of @.+-_, and no spaces."))],
        help_text=_("Letters, digits and @ . + - _. It appears in the activity trail and at jobs."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    role = forms.TypedChoiceField(
        label=_("Role"), choices=Role.choices, coerce=lambda value: Role(int(value)), initial=Role.VIEWER
    )


class RoleForm(forms.Form):
    """Another role for somebody."""

    role = forms.TypedChoiceField(label=_("Role"), choices=Role.choices, coerce=lambda value: Role(int(value)))


def password_form(user: User, data: Any = None) -> "SetPasswordForm[User]":
    """The form for `user`'s password; asks for the current one where there is one."""
    kind = PasswordChangeForm if user.has_usable_password() else SetPasswordForm
    form = kind(user, data)
    form.fields["new_password1"].label = _("New password")
    form.fields["new_password1"].help_text = _("At least 10 characters, not your name and not a common word.")
    form.fields["new_password2"].label = _("New password, once more")
    form.fields["new_password2"].help_text = ""
    if "old_password" in form.fields:
        form.fields["old_password"].label = _("Current password")
        form.fields["old_password"].widget.attrs.pop("autofocus", None)
    return form
