"""What the operator fills the text for a DNS server in with."""

from django.utils.translation import gettext_lazy as _

from harborweb.access.asking import CheckedForm, number_field, text_field
from harborweb.access.dns.answer import CHECKS, NEEDED, Answer


class AnswerForm(CheckedForm):
    """The fields of an Answer; when all are fine, it is `made`."""

    checks, needed, make = CHECKS, NEEDED, Answer

    name = text_field(
        _("Name"), _("What people type, without https:// and without a port."), placeholder="registry.example"
    )
    ipv4 = text_field(
        _("IPv4 address"),
        _("Of the reverse proxy; of Harbor’s machine where none is in front."),
        required=False,
        placeholder="192.168.20.5",
    )
    ipv6 = text_field(_("IPv6 address"), _("Only where people can reach it by that too."), required=False)
    ttl = number_field(_("Seconds to keep it"), _("How long clients may go by the answer before they ask again."))
