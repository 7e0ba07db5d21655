"""What people say about a list of images to be signed."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy

from harborweb.signing.forms import Beside
from harborweb.signing.models import Key
from harborweb.signing.services import signing_keys


def _that_sign() -> QuerySet[Key]:
    """The keys whose new signatures can count; one that is revoked, or whose time is up, is not offered."""
    return Key.objects.filter(pk__in=[key.pk for key in signing_keys()]).order_by("-trusted", "name")


class ListForm(Beside, forms.Form):
    """With which key, and what is signed beside each digest."""

    key = forms.ModelChoiceField(
        Key.objects.none(), label=gettext_lazy("Key"), empty_label=None,
        help_text=gettext_lazy("A worker opens it once for the whole list."),
    )  # fmt: skip
    annotations = forms.CharField(
        label=gettext_lazy("Annotations"), required=False, max_length=8000,
        widget=forms.Textarea(attrs={"rows": 2, "class": "mono", "spellcheck": "false", "placeholder": "ticket=OPS-7"}),
        help_text=gettext_lazy(
            "name=value, one each line, signed with every digest beside repository, tag, your name and the time."
        ),
    )  # fmt: skip
    expires = forms.DateField(
        label=gettext_lazy("Holds until"), required=False, widget=forms.DateInput(attrs={"type": "date"}),
        help_text=gettext_lazy("The end of that day (UTC). The audit says when it is over; cosign does not look."),
    )  # fmt: skip
    format = forms.ChoiceField(
        label=gettext_lazy("Format"), required=False,
        choices=[
            ("", gettext_lazy("What this registry’s readers need")),
            ("bundle", gettext_lazy("sigstore bundle v0.3 only")),
            ("simple", gettext_lazy("simple signing only")),
            ("both", gettext_lazy("both")),
        ],
    )  # fmt: skip
    recursive = forms.BooleanField(
        label=gettext_lazy("With the images that an index lists"), required=False, initial=True,
        help_text=gettext_lazy("Whoever pulls gets one of those, and Harbor’s content trust asks for its signature."),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["key"].queryset = _that_sign()  # type: ignore[attr-defined]


class RuleForm(forms.Form):
    """A rule of automatic signing."""

    project = forms.CharField(
        label=gettext_lazy("Project"), max_length=255, help_text=gettext_lazy("Its name in Harbor, for example team."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )  # fmt: skip
    tags = forms.CharField(
        label=gettext_lazy("Tags"), max_length=1000, initial="v*",
        widget=forms.Textarea(attrs={"rows": 2, "class": "mono"}),
        help_text=gettext_lazy("Patterns, one each line, such as v*. No pattern, no signature."),
    )  # fmt: skip
    pushers = forms.CharField(
        label=gettext_lazy("Pushed by"), max_length=2000, widget=forms.Textarea(attrs={"rows": 2, "class": "mono"}),
        help_text=gettext_lazy(
            "Harbor’s user and robot names, whole, one each line, such as robot$team+ci. Pushes by anybody else, and "
            "those of which Harbor’s own log does not say who pushed, are not signed."
        ),
    )  # fmt: skip
    key = forms.ModelChoiceField(
        Key.objects.none(), label=gettext_lazy("Key"), empty_label=None,
        help_text=gettext_lazy("Its password has to be stored, because nobody is there to type it."),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        keys = _that_sign().exclude(password_mode=Key.Password.ASKED)
        self.fields["key"].queryset = keys  # type: ignore[attr-defined]

    def clean_tags(self) -> list[str]:
        """Patterns."""
        return self._lines("tags")

    def clean_pushers(self) -> list[str]:
        """Names, whole."""
        return self._lines("pushers")

    def _lines(self, name: str) -> list[str]:
        return list(dict.fromkeys(filter(None, (line.strip() for line in self.cleaned_data[name].splitlines()))))
