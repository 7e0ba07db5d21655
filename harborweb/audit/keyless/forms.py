"""What is given and typed about keyless signatures."""

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from harborweb.registry.forms import PLAIN
from harborweb.signing.limit_forms import ProjectsField
from harborweb.verification.keyless import MAX_PATTERN


class RootForm(forms.Form):
    """A trusted root as a file."""

    file = forms.FileField(
        label=_("Trusted root"), allow_empty_file=True,
        help_text=_("The trusted_root.json of your Sigstore, or what cosign trusted-root create wrote."),
        widget=forms.ClearableFileInput(attrs={"accept": ".json,application/json"}),
    )  # fmt: skip


class IdentityForm(forms.Form):
    """A pair of identity and issuer, and where it counts."""

    subject = forms.CharField(
        label=_("Identity"), max_length=MAX_PATTERN,
        help_text=_("A mail address or a URI, as the certificate says it. * stands for any part of it, for example "
                    "https://github.com/acme/app/.github/workflows/*."),
        widget=forms.TextInput(attrs={**PLAIN, "class": "mono"}),
    )  # fmt: skip
    issuer = forms.CharField(
        label=_("Issuer"), max_length=MAX_PATTERN,
        validators=[RegexValidator(r"^\S+\Z", _("An issuer is an address, without a space."))],
        help_text=_("Who signs that identity in, for example https://token.actions.githubusercontent.com."),
        widget=forms.TextInput(attrs={**PLAIN, "class": "mono"}),
    )  # fmt: skip
    projects = ProjectsField(label=_("Projects that trust it"))
