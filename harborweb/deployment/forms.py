"""What operators type to get an installer and to deploy."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from harborweb.configuration.models import Revision
from harborweb.deployment.models import Installer
from harborweb.deployment.services import clean_sha256
from harborweb.errors import Problem

_PLAIN = {"autocapitalize": "none", "spellcheck": "false", "autocomplete": "off", "class": "mono"}


def _sha256_field() -> forms.CharField:
    return forms.CharField(
        label=_("Expected SHA-256"),
        max_length=80,
        required=False,
        widget=forms.TextInput(attrs=_PLAIN),
        help_text=_("Harbor publishes it beside the file. With it, any other file is refused."),
    )


class _Sha256Mixin:
    cleaned_data: dict[str, Any]

    def clean_expected_sha256(self) -> str:
        """In lower case, without a prefix."""
        try:
            return clean_sha256(self.cleaned_data["expected_sha256"])
        except Problem as problem:
            raise forms.ValidationError(str(problem)) from problem


class FolderForm(forms.Form):
    """An installer that lies on the worker's host already."""

    folder = forms.CharField(
        label=_("Folder"),
        max_length=1000,
        widget=forms.TextInput(attrs={**_PLAIN, "placeholder": "/opt/harbor"}),
        help_text=_("Absolute, on the host worker's machine. It stays where it is; harbor.yml is written there."),
    )


class UploadForm(_Sha256Mixin, forms.Form):
    """An archive from the person's own machine."""

    archive = forms.FileField(
        label=_("Archive"),
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": ".tgz,.tar.gz,application/gzip"}),
        help_text=_("A file like harbor-online-installer-v2.15.2.tgz. It is unpacked on the worker's host."),
    )
    expected_sha256 = _sha256_field()


class UrlForm(_Sha256Mixin, forms.Form):
    """An archive that the host worker fetches."""

    url = forms.CharField(
        label=_("Address"),
        max_length=1000,
        widget=forms.TextInput(attrs={**_PLAIN, "inputmode": "url"}),
        help_text=_(
            "http or https. The worker's host fetches it, not your browser. Logs show the address, so no secret in it."
        ),
    )
    expected_sha256 = _sha256_field()


class DeployForm(forms.Form):
    """Which revision from which installer."""

    revision = forms.ModelChoiceField(
        Revision.objects.all(),
        label=_("Revision"),
        to_field_name="number",
        empty_label=None,
        help_text=_("A saved harbor.yml. An older one takes you back to what ran before."),
    )
    installer = forms.ModelChoiceField(Installer.objects.filter(ready=True), label=_("Installer"), empty_label=None)
    with_trivy = forms.BooleanField(
        label=_("With Trivy, the vulnerability scanner"),
        required=False,
        help_text=_("Passes --with-trivy to prepare."),
    )
    roll_back = forms.BooleanField(
        label=_("Roll back automatically when something fails after Down"),
        required=False,
        help_text=_(
            "Then what ran before runs again, from the same files. Without it, what failed stays as it is for you to "
            "look at; the snapshot is kept either way."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["revision"].label_from_instance = revision_label  # type: ignore[attr-defined]
        self.fields["installer"].label_from_instance = installer_label  # type: ignore[attr-defined]


def revision_label(revision: Revision) -> str:
    """A revision in a list."""
    words = {"number": revision.number, "note": revision.note, "who": revision.who_name}
    return (_("%(number)d: %(note)s") if revision.note else _("%(number)d, saved by %(who)s")) % words


def installer_label(installer: Installer) -> str:
    """An installer in a list."""
    return _("%(version)s in %(path)s") % {"version": installer.version or "?", "path": installer.path}
