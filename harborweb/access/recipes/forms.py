"""What the operator fills a recipe in with."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from harborweb.access.recipes.front import CHECKS, NEEDED, Front
from harborweb.errors import Problem

_PLAIN = {"autocapitalize": "none", "spellcheck": "false", "autocomplete": "off", "class": "mono"}


def _text(label: Any, help_text: Any, required: bool = True, placeholder: str = "") -> forms.CharField:
    widget = forms.TextInput(attrs={**_PLAIN, "placeholder": placeholder})
    return forms.CharField(label=label, help_text=help_text, max_length=300, required=required, widget=widget)


def _port(label: Any, help_text: Any) -> forms.IntegerField:
    widget = forms.TextInput(attrs={**_PLAIN, "inputmode": "numeric"})
    return forms.IntegerField(label=label, help_text=help_text, widget=widget)


class FrontForm(forms.Form):
    """The fields of a Front; when all are fine, it is `front`."""

    name = _text(_("Name"), _("What people type, without https:// and without a port."), placeholder="registry.example")
    https_port = _port(_("HTTPS port"), _("With another than 443 everybody has to write it behind the name."))
    http_port = _port(_("HTTP port"), _("Here the proxy only sends people on to https."))
    certificate = _text(
        _("Certificate file"),
        _("On the proxy’s machine: the certificate first, then those between it and the authority."),
        required=False,
    )
    private_key = _text(_("Private key file"), _("On the proxy’s machine."), required=False)
    ipv6 = forms.BooleanField(label=_("Listen on IPv6 as well"), required=False)
    listen = _text(
        _("Listen on this address only"), _("For a machine that has several. Empty: on all."), required=False
    )
    harbor = _text(
        _("Harbor’s address"), _("Name or IP address, as the proxy’s machine reaches it. 127.0.0.1: the same machine.")
    )
    harbor_port = _port(_("Harbor’s port"), _("http.port of harbor.yml, or https.port when TLS goes on to Harbor."))
    to_https = forms.BooleanField(
        label=_("TLS to Harbor"),
        required=False,
        help_text=_(
            "For a network between proxy and Harbor that others may read. Harbor then needs a certificate too."
        ),
    )
    harbor_ca = _text(
        _("Authority of Harbor’s certificate"),
        _("A PEM file on the proxy’s machine. Without it the certificate is not checked."),
        required=False,
    )
    front: Front | None = None

    def clean(self) -> dict[str, Any]:
        """Each value by itself, then all together."""
        cleaned: dict[str, Any] = super().clean() or {}
        for field, check in CHECKS.items():
            value = cleaned.get(field)
            if field in self.errors or (value in ("", None) and field not in NEEDED):
                continue
            self._no(check, value, field)
        if not self.errors:
            self._no(self._make, cleaned)
        return cleaned

    def _make(self, cleaned: dict[str, Any]) -> None:
        self.front = Front(**cleaned)

    def _no(self, check: Any, *given: Any) -> None:
        try:
            check(*given)
        except Problem as problem:
            self.add_error(problem.field, str(problem))

    def people(self) -> list[forms.BoundField]:
        """The fields of the proxy's own side."""
        names = ("name", "https_port", "http_port", "certificate", "private_key", "ipv6", "listen")
        return [self[name] for name in names]

    def filled(self) -> list[tuple[str, str]]:
        """Every field with its answer, as another form sends them along unseen."""
        fine = {name: value for name, value in self.cleaned_data.items() if value not in (None, "", False)}
        return [(name, "on" if value is True else str(value)) for name, value in fine.items()]

    def behind(self) -> list[forms.BoundField]:
        """The fields of Harbor's side."""
        return [self[name] for name in ("harbor", "harbor_port", "to_https", "harbor_ca")]
