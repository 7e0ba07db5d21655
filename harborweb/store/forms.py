"""What administrators type about a registry."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from harborweb.registry.endpoint import Endpoint
from harborweb.registry.errors import RegistryError
from harborweb.registry.forms import PLAIN
from harborweb.registry.models import Registry
from harborweb.registry.services import Details

SHOWN = ("name", "url", "username", "allow_http", "ca_pem", "signatures_repository", "signatures_registry")


class RegistryForm(forms.Form):
    """Address, credentials and trust; an empty password keeps the stored one."""

    name = forms.CharField(
        label=_("Name"), max_length=80, help_text=_("How this registry is called here, for example Harbor or lab.")
    )
    url = forms.CharField(
        label=_("Address"),
        max_length=300,
        help_text=_("Scheme, host and port, for example https://registry.example:5000. Without a scheme it is https."),
        widget=forms.TextInput(attrs={**PLAIN, "class": "mono", "inputmode": "url"}),
    )
    username = forms.CharField(
        label=_("User name"),
        max_length=255,
        required=False,
        help_text=_(
            "Leave it empty to look at what everybody may see. In a Harbor, harborweb can then make robots of its own, "
            "each with the few rights that it needs; a robot of yours or a person’s name will do as well."
        ),
        widget=forms.TextInput(attrs=PLAIN),
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=4096,
        required=False,
        strip=False,
        help_text=_("Stored sealed with this app’s secret; sent only to this registry and its token service."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    allow_http = forms.BooleanField(
        label=_("Allow plain http to this registry"),
        required=False,
        help_text=_(
            "Anybody on the way can then read the password and change what is read. Right for a registry on this "
            "machine; otherwise give the registry a certificate. It also covers redirects and the token service."
        ),
    )
    ca_pem = forms.CharField(
        label=_("Own CA certificate"),
        max_length=200_000,
        required=False,
        help_text=_(
            "PEM text. Needed when the registry’s certificate comes from a CA that this machine does not know."
        ),
        widget=forms.Textarea(attrs={**PLAIN, "rows": 5, "placeholder": "-----BEGIN CERTIFICATE-----"}),
    )

    signatures_repository = forms.CharField(
        label=_("Signatures live in another repository"),
        max_length=255,
        required=False,
        help_text=_(
            "What COSIGN_REPOSITORY names, without the host, for example team/signatures. The signatures of every "
            "image of this registry are then looked for and laid down there and nowhere else. Empty: beside each image."
        ),
        widget=forms.TextInput(attrs={**PLAIN, "class": "mono"}),
    )
    signatures_registry = forms.ModelChoiceField(
        Registry.objects.order_by("name"),
        label=_("Registry of that repository"),
        required=False,
        empty_label=_("This registry"),
        help_text=_("Another one that was added here is asked with its own user name and password."),
    )

    def __init__(self, *args: Any, registry: Registry | None = None, **kwargs: Any) -> None:
        if registry is not None:
            kwargs.setdefault("initial", {name: getattr(registry, name) for name in SHOWN})
        super().__init__(*args, **kwargs)
        if registry is not None:
            others = Registry.objects.exclude(pk=registry.pk).order_by("name")
            self.fields["signatures_registry"].queryset = others  # type: ignore[attr-defined]
        if host := _host(str(self["url"].value() or "")):
            self.fields["allow_http"].label = _("Allow plain http to %s") % host
        if registry is not None and registry.password_sealed:
            self.fields["password"].help_text = _(
                "A password is stored. Leave this empty to keep it; empty the user name as well to have it forgotten."
            )

    def details(self) -> Details:
        """What was typed; an empty password means: the stored one."""
        typed = dict(self.cleaned_data)
        return Details(**{**typed, "password": typed["password"] or None})


def _host(url: str) -> str:
    try:
        return Endpoint(url, allow_http=True).host if url.strip() else ""
    except RegistryError:
        return ""
