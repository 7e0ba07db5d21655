"""What is typed about a channel."""

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.core.validators import validate_email
from django.utils.translation import gettext as now
from django.utils.translation import gettext_lazy as _

from harborweb.audit.models import Channel, Happening
from harborweb.registry.forms import PLAIN
from harborweb.registry.models import Registry

MOST_ADDRESSES = 20


class ChannelForm(forms.Form):
    """A channel; on an existing one an empty address keeps what is there, and the address is never shown again."""

    name = forms.CharField(label=_("Name"), max_length=80, widget=forms.TextInput(attrs=PLAIN))
    kind = forms.ChoiceField(label=_("Kind"), choices=Channel.Kind.choices)
    address = forms.CharField(
        label=_("Address"), max_length=2000, required=False,
        help_text=_("A URL; for e-mail one address or several with spaces between them. It is sealed, and not shown "
                    "again, because the URL of a Slack webhook is its password."),
        widget=forms.TextInput(attrs={**PLAIN, "class": "mono"}),
    )  # fmt: skip
    allow_http = forms.BooleanField(
        label=_("Allow plain http"), required=False,
        help_text=_("Then whoever is on the way reads what is told, and a Slack URL with it."),
    )  # fmt: skip
    ca_pem = forms.CharField(
        label=_("CA certificate"), required=False, max_length=64 * 1024,
        help_text=_("PEM, where the other side’s certificate is by an authority of your own."),
        widget=forms.Textarea(attrs={**PLAIN, "rows": 3, "class": "mono"}),
    )  # fmt: skip
    registry = forms.ModelChoiceField(
        Registry.objects.order_by("name"), label=_("Registry"), required=False, empty_label=_("Every registry")
    )
    projects = forms.CharField(
        label=_("Projects"), required=False, max_length=2000,
        help_text=_("Names or patterns with spaces between them, for example team edge-*. Empty: every project."),
        widget=forms.TextInput(attrs={**PLAIN, "class": "mono"}),
    )  # fmt: skip
    kinds = forms.MultipleChoiceField(
        label=_("What is told"), choices=Happening.Kind.choices, required=False, widget=forms.CheckboxSelectMultiple,
        help_text=_("None chosen: everything."),
    )  # fmt: skip
    minutes = forms.IntegerField(
        label=_("At most one message in so many minutes"), min_value=0, max_value=1440, initial=5,
        help_text=_("What happens meanwhile goes into the next one. The findings of a sweep come in one message."),
    )  # fmt: skip
    enabled = forms.BooleanField(label=_("Switched on"), required=False, initial=True)
    renew = forms.BooleanField(
        label=_("Make a new secret"), required=False, help_text=_("The old one signs nothing any more."),
    )  # fmt: skip

    def __init__(self, *args: Any, channel: Channel | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.channel = channel
        if channel is None or channel.kind != Channel.Kind.WEBHOOK:
            del self.fields["renew"]
        if channel is not None:
            self.fields["address"].help_text = now("Now %(where)s. Left empty it stays.") % {"where": channel.shown}

    def clean_name(self) -> str:
        """A name of its own."""
        name: str = self.cleaned_data["name"]
        known = Channel.objects.filter(name=name).first()
        if known is not None and known != self.channel:
            raise forms.ValidationError(now("There is a channel named %s already. Choose another name.") % name)
        return name

    def clean_projects(self) -> list[str]:
        """Patterns, each once."""
        return list(dict.fromkeys(self.cleaned_data["projects"].replace(",", " ").split()))

    def clean(self) -> dict[str, Any]:
        """The address has to be one of the kind; a kind that changes needs a new one."""
        cleaned = super().clean() or {}
        kind, address = cleaned.get("kind"), (cleaned.get("address") or "").strip()
        if not kind:
            return cleaned
        if not address and (self.channel is None or self.channel.kind != kind):
            self.add_error("address", now("Type where it goes."))
        elif address and kind == Channel.Kind.EMAIL:
            cleaned["address"] = self._addresses(address)
        elif address:
            self._check_url(address, allow_http=bool(cleaned.get("allow_http")))
        elif self.channel and self.channel.shown.startswith("http://") and not cleaned.get("allow_http"):
            self.add_error("allow_http", now("It goes over plain http now. Type an address with https, or allow it."))
        return cleaned

    def _addresses(self, text: str) -> str:
        addresses = text.replace(",", " ").replace(";", " ").split()
        try:
            for one in addresses:
                validate_email(one)
        except forms.ValidationError:
            self.add_error("address", now("This is no e-mail address: %s.") % one)
        if len(addresses) > MOST_ADDRESSES:
            self.add_error("address", now("At most %d addresses. Use a list of your mail server.") % MOST_ADDRESSES)
        return " ".join(addresses)

    def _check_url(self, address: str, *, allow_http: bool) -> None:
        try:
            url = urlsplit(address)
            sound = url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0 and address.isprintable()
        except ValueError:
            sound = False
        if not sound or " " in address or url.username or url.password:
            self.add_error("address", now("This is no URL that can be used. It begins with https:// and names a host."))
        elif url.scheme == "http" and not allow_http:
            self.add_error("address", now("Plain http was not allowed. Use https, or allow it below."))
