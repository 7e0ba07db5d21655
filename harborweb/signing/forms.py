"""What people type about keys, and the forms of the sign and verify panels."""

import re
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.core.validators import RegexValidator
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from harborweb.registry import names
from harborweb.registry.models import Registry
from harborweb.signing import keyfiles
from harborweb.signing.models import Key
from harborweb.tools import cosign_kms
from harborweb.verification.policy import LAST_DAY

ENCRYPTED = re.compile(r"BEGIN ENCRYPTED PRIVATE KEY|Proc-Type: 4,ENCRYPTED|BEGIN OPENSSH PRIVATE KEY")


class SecretText(forms.Textarea):
    """A text area that never shows again what was typed, when that was a private key."""

    def format_value(self, value: Any) -> Any:
        return "" if keyfiles.is_private(str(value or "")) else super().format_value(value)


class KeyForm(forms.Form):
    """What every new key has: a name, and whether its signatures count."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=80,
        validators=[
            RegexValidator(
                r"^\w[\w .@()+-]*$",
                gettext_lazy(
                    "A name has letters, digits, spaces and any of .@()+-_, and begins with a letter or a digit."
                ),
            )
        ],
        help_text=gettext_lazy("As people call it, for example release-2026."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    trusted = forms.BooleanField(
        label=gettext_lazy("Signatures by this key count as trusted"),
        required=False,
        initial=True,
        help_text=gettext_lazy(
            "The audit calls an image trusted when such a key signed it. This can be changed later."
        ),
    )


class PasswordForm(KeyForm):
    """A key whose private half is stored here."""

    password_mode = forms.ChoiceField(
        label=gettext_lazy("The key’s password"),
        choices=Key.Password.choices,
        initial=Key.Password.STORED,
        widget=forms.RadioSelect,
    )
    password = forms.CharField(
        label=gettext_lazy("Password"),
        required=False,
        help_text=gettext_lazy("Needed unless “No password” is chosen."),
        strip=False,
        max_length=1000,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        none = cleaned.get("password_mode") == Key.Password.NONE
        if none and cleaned.get("password"):
            self.add_error("password", _("A password was typed, and “No password” is chosen. Choose one of the two."))
        elif not none and not cleaned.get("password") and self.needs_password(cleaned):
            self.add_error("password", _("A password is missing. Type one, or choose “No password”."))
        return cleaned

    def needs_password(self, cleaned: dict[str, Any]) -> bool:
        """Whether the choice above makes an empty password wrong."""
        return True


class NewKeyForm(PasswordForm):
    """A key pair to make."""

    again = forms.CharField(
        label=gettext_lazy("Password, once more"),
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    field_order = ["name", "password_mode", "password", "again", "trusted"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("password") and cleaned.get("password") != cleaned.get("again"):
            self.add_error("again", _("The two passwords differ. Type both again."))
        return cleaned


class ImportForm(PasswordForm):
    """A key made elsewhere: the public half, or cosign's private key, or a private key as PEM."""

    pem = forms.CharField(
        label=gettext_lazy("Key"),
        required=False,
        max_length=keyfiles.MAX_BYTES,
        strip=False,
        help_text=gettext_lazy(
            "The text of cosign.pub or of cosign.key; of a key as PEM or JWK (ECDSA, RSA or Ed25519; a private one "
            "unencrypted); or of an X.509 certificate, of which only the public key is used. "
            "A private key goes to a worker through a sealed slot that opens once, and is not shown again."
        ),
        widget=SecretText(attrs={"rows": 6, "class": "mono", "autocomplete": "off", "spellcheck": "false"}),
    )
    file = forms.FileField(label=gettext_lazy("or a key file"), required=False)
    field_order = ["name", "pem", "file", "password_mode", "password", "trusted"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = _(
            "Only for a private key. For cosign.key: the one it was made with. For a PEM key: a new one."
        )

    def needs_password(self, cleaned: dict[str, Any]) -> bool:
        return keyfiles.is_private(cleaned.get("pem") or "")

    def clean(self) -> dict[str, Any]:
        self.cleaned_data["pem"] = self._text()
        cleaned = super().clean()
        text = cleaned["pem"]
        if not text.strip():
            self.add_error("pem", _("A key is missing. Paste its text, or choose its file."))
        elif "-----BEGIN" not in text and not keyfiles.is_jwk(text):
            self.add_error(
                "pem",
                _(
                    "This is no key file: it has no line that begins with -----BEGIN, and it is no JWK. "
                    "Choose cosign.pub, cosign.key, a key as PEM or JWK, or a certificate."
                ),
            )
        elif ENCRYPTED.search(text):
            self.add_error(
                "pem",
                _(
                    "This private key is encrypted, or an SSH key: cosign cannot take it in. Decrypt it first "
                    "(openssl pkey -in key.pem -out plain.pem), import plain.pem, then delete that file."
                ),
            )
        return cleaned

    @property
    def is_private(self) -> bool:
        """Whether what was typed looks like a private key."""
        return keyfiles.is_private(self.cleaned_data.get("pem") or "")

    def _text(self) -> str:
        file = self.cleaned_data.get("file")
        if not isinstance(file, UploadedFile):
            return str(self.cleaned_data.get("pem") or "")
        if (file.size or 0) > keyfiles.MAX_BYTES:
            self.add_error("file", _("This file is larger than 64 kB, so it is no key."))
            return "-"
        return bytes(file.read()).decode(errors="replace")


class KmsForm(KeyForm):
    """A key that stays in a KMS."""

    uri = forms.CharField(
        label=gettext_lazy("URI"),
        max_length=cosign_kms.LONGEST_URI,
        help_text=gettext_lazy("As cosign takes it after --key. No password and no token belong here."),
        widget=forms.TextInput(attrs={"class": "mono", "autocomplete": "off", "spellcheck": "false"}),
    )
    field_order = ["name", "uri", "trusted"]


class NameForm(forms.Form):
    """Another name for a key."""

    name = KeyForm.base_fields["name"]


class ImageForm(forms.Form):
    """The image that a panel was drawn for."""

    registry = forms.ModelChoiceField(Registry.objects.all())
    repository = forms.CharField(max_length=512)
    digest = forms.CharField(max_length=140)
    tag = forms.CharField(max_length=128, required=False)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        sound = names.is_repository(cleaned.get("repository", "")) and names.is_digest(cleaned.get("digest", ""))
        if not sound or (cleaned.get("tag") and not names.is_tag(cleaned["tag"])):
            self.add_error(None, _("This form names no image. Open the artifact’s page again."))
        return cleaned


class Beside:
    """How what is signed beside a digest is read, in a form with the fields `annotations` and `expires`."""

    cleaned_data: dict[str, Any]

    def clean_expires(self) -> datetime | None:
        """The end of that day (UTC); a day that is over is refused."""
        day = self.cleaned_data["expires"]
        if day is None:
            return None
        end = datetime.combine(min(day, LAST_DAY) + timedelta(days=1), time(), UTC)
        if end <= timezone.now():
            raise forms.ValidationError(_("This day is over: the signature would never have held. Choose a later one."))
        return end

    def clean_annotations(self) -> dict[str, str]:
        """One key=value each line; an empty key or a key twice is refused."""
        found: dict[str, str] = {}
        for line in self.cleaned_data["annotations"].splitlines():
            name, equals, value = (part.strip() for part in line.partition("="))
            if not line.strip():
                continue
            if not equals or not name or not line.isprintable() or name in found:
                raise forms.ValidationError(
                    _("“%(line)s” is no annotation: write name=value, one each line, each name once."),
                    params={"line": line.strip()[:80]},
                )
            found[name] = value
        return found


class SignForm(Beside, ImageForm):
    """What shall be signed, with which key."""

    key = forms.ModelChoiceField(Key.objects.filter(kind__in=Key.SIGNING, state=Key.State.READY))
    annotations = forms.CharField(required=False, max_length=8000)
    password = forms.CharField(required=False, strip=False, max_length=1000, widget=forms.PasswordInput)
    format = forms.ChoiceField(required=False, choices=[(one, one) for one in ("", "bundle", "simple", "both")])
    expires = forms.DateField(required=False)
    recursive = forms.BooleanField(required=False)
    children = forms.IntegerField(required=False, min_value=0)  # how many the page had shown

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        key = cleaned.get("key")
        if key and key.asks and not cleaned.get("password"):
            self.add_error("password", _("%s asks for its password each time. Type it.") % key.name)
        return cleaned


class VerifyForm(ImageForm):
    """What shall be verified; no key means every trusted one."""

    key = forms.ModelChoiceField(Key.objects.filter(state=Key.State.READY), required=False)
