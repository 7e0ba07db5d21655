"""What the operator fills a recipe in with."""

from django import forms
from django.utils.translation import gettext_lazy as _

from harborweb.access.asking import CheckedForm, number_field, text_field
from harborweb.access.recipes.front import CHECKS, NEEDED, Front


class FrontForm(CheckedForm):
    """The fields of a Front; when all are fine, it is `made`."""

    checks, needed, make = CHECKS, NEEDED, Front

    name = text_field(
        _("Name"), _("What people type, without https:// and without a port."), placeholder="registry.example"
    )
    https_port = number_field(_("HTTPS port"), _("With another than 443 everybody has to write it behind the name."))
    http_port = number_field(_("HTTP port"), _("Here the proxy only sends people on to https."))
    certificate = text_field(
        _("Certificate file"),
        _("On the proxy’s machine: the certificate first, then those between it and the authority."),
        required=False,
    )
    private_key = text_field(_("Private key file"), _("On the proxy’s machine."), required=False)
    ipv6 = forms.BooleanField(label=_("Listen on IPv6 as well"), required=False)
    listen = text_field(
        _("Listen on this address only"), _("For a machine that has several. Empty: on all."), required=False
    )
    harbor = text_field(
        _("Harbor’s address"), _("Name or IP address, as the proxy’s machine reaches it. 127.0.0.1: the same machine.")
    )
    harbor_port = number_field(
        _("Harbor’s port"), _("http.port of harbor.yml, or https.port when TLS goes on to Harbor.")
    )
    to_https = forms.BooleanField(
        label=_("TLS to Harbor"),
        required=False,
        help_text=_("For a network between proxy and Harbor that others may read. Harbor needs a certificate then."),
    )
    harbor_ca = text_field(
        _("Authority of Harbor’s certificate"),
        _("A PEM file on the proxy’s machine. Without it the certificate is not checked."),
        required=False,
    )

    def people(self) -> list[forms.BoundField]:
        """The fields of the proxy's own side."""
        names = ("name", "https_port", "http_port", "certificate", "private_key", "ipv6", "listen")
        return [self[name] for name in names]

    def behind(self) -> list[forms.BoundField]:
        """The fields of Harbor's side."""
        return [self[name] for name in ("harbor", "harbor_port", "to_https", "harbor_ca")]
