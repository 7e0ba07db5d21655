"""What operators type to make and to restore a backup. A passphrase is never written back into a page."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from harborweb.deployment.backup import making
from harborweb.errors import Problem

_PLAIN = {"autocapitalize": "none", "spellcheck": "false", "autocomplete": "off", "class": "mono"}


def _passphrase(label: Any, complete: str, help_text: Any = "") -> forms.CharField:
    return forms.CharField(
        label=label, max_length=500, strip=False, help_text=help_text,
        widget=forms.PasswordInput(attrs={"autocomplete": complete}),
    )  # fmt: skip


class BackupForm(forms.Form):
    """A new backup."""

    passphrase = _passphrase(
        _("Passphrase"), "new-password",
        _("Four or five words. It is not kept anywhere: without it nobody opens the backup, also you."),
    )  # fmt: skip
    again = _passphrase(_("The same again"), "new-password")
    with_database = forms.BooleanField(
        label=_("With the database"), required=False, initial=True,
        help_text=_("Projects, users, robot accounts, what is signed and scanned. It has to run."),
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """Both passphrases are the same, and not too weak."""
        given: dict[str, Any] = self.cleaned_data
        if "passphrase" not in given or "again" not in given:
            return given
        if given["passphrase"] != given["again"]:
            self.add_error("again", _("The two passphrases differ."))
            return given
        try:
            making.refuse_weak(given["passphrase"])
        except Problem as problem:
            self.add_error("passphrase", str(problem))
        return given


class RestoreForm(forms.Form):
    """A backup to bring back."""

    path = forms.CharField(
        label=_("Backup"), max_length=1000, widget=forms.TextInput(attrs=_PLAIN),
        help_text=_("The file, on the host worker's machine."),
    )  # fmt: skip
    folder = forms.CharField(
        label=_("Into the empty folder"), max_length=1000,
        widget=forms.TextInput(attrs={**_PLAIN, "placeholder": "/opt/restored"}),
        help_text=_("Empty, or not there yet. Nothing is ever written over."),
    )  # fmt: skip
    passphrase = _passphrase(_("Passphrase"), "off")


class RestoreDatabaseForm(forms.Form):
    """The dumps of a restored folder, for the Harbor in it."""

    folder = forms.CharField(
        label=_("Restored folder"), max_length=1000, widget=forms.TextInput(attrs=_PLAIN),
        help_text=_("The folder that a backup was restored into. The Harbor there has to be stopped and empty."),
    )  # fmt: skip
