"""What is pasted into the decoder."""

from django import forms
from django.utils.translation import gettext_lazy as _

_EXAMPLE = 'Error response from daemon: Get "https://harbor.lab.example/v2/": …'


class PasteForm(forms.Form):
    """A text area; how much it may hold is the service's affair."""

    paste = forms.CharField(
        label=_("What the client said"),
        required=False,
        strip=False,
        help_text=_(
            "The whole message, with the command before it. Up to 64 KiB. It is read and forgotten: nothing is stored, "
            "and what looks like a password or a token is hidden before it is shown."
        ),
        widget=forms.Textarea(
            attrs={"rows": 9, "spellcheck": "false", "autocomplete": "off", "autocapitalize": "none",
                   "placeholder": _EXAMPLE}
        ),
    )  # fmt: skip
