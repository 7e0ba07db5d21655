"""What the wizard asks, a form for each step."""

import re
from typing import Any

from django import forms
from django.utils.translation import gettext as now
from django.utils.translation import gettext_lazy as _

from harborweb.access.cache.presets import BY_KEY, PRESETS, Preset
from harborweb.access.kit.target import check_project
from harborweb.errors import Problem
from harborweb.registry.endpoint import Endpoint
from harborweb.registry.forms import PLAIN
from harborweb.registry.harbor.projects import NO_LIMIT, NewProject

MONO = {**PLAIN, "class": "mono"}
REGION = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,62}")
GIB = 1024**3


class UpstreamForm(forms.Form):
    """Step 1: which registry."""

    kind = forms.ChoiceField(label=_("Which registry?"), widget=forms.RadioSelect)
    region = forms.CharField(
        label=_("Region or location"), max_length=60, required=False,
        help_text=_("As it stands in the address, for example eu-central-1 or europe-west1."),
        widget=forms.TextInput(attrs=MONO),
    )  # fmt: skip
    url = forms.CharField(
        label=_("Address"), max_length=300, required=False,
        help_text=_("Scheme, host and port as Harbor reaches it, for example https://registry.example:5000."),
        widget=forms.TextInput(attrs={**MONO, "inputmode": "url"}),
    )  # fmt: skip
    insecure = forms.BooleanField(
        label=_("Do not verify its certificate"), required=False,
        help_text=_("Harbor then believes anybody on the way. Right for a plain http registry in a closed network "
                    "only."),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = [(preset.key, preset.name) for preset in PRESETS]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Hold that the address is whole: typed where the kind has none, with a region where it has one."""
        cleaned = super().clean() or {}
        preset = BY_KEY.get(cleaned.get("kind", ""))
        if preset is None:
            return cleaned
        if preset.asks_region and not REGION.fullmatch(cleaned.get("region", "")):
            self.add_error(
                "region", now("This is no region. Type it as it stands in the address, for example eu-central-1.")
            )
        if preset.asks_url:
            try:
                cleaned["url"] = str(Endpoint(cleaned.get("url", ""), allow_http=True).base).rstrip("/")
            except Problem as problem:
                self.add_error("url", str(problem))
        return cleaned


class LoginForm(forms.Form):
    """Step 2: the login at the upstream, and the administrator who lets Harbor try it."""

    username = forms.CharField(max_length=4096, required=False, widget=forms.TextInput(attrs=PLAIN))
    secret = forms.CharField(
        max_length=20_000, required=False, strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )  # fmt: skip
    admin = forms.CharField(
        label=_("Administrator of Harbor"), max_length=255, initial="admin", widget=forms.TextInput(attrs=PLAIN),
        help_text=_("Only an administrator of Harbor may add an upstream and make a project that stands on it."),
    )  # fmt: skip
    password = forms.CharField(
        label=_("Its password"),
        max_length=4096,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=_(
            "Sent to this Harbor only, and stored nowhere: between the steps it travels sealed in this page, for an "
            "hour."
        ),
    )

    def __init__(self, *args: Any, preset: Preset, kept: bool = False, kept_admin: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.preset, self.kept, self.kept_admin = preset, kept, kept_admin
        login = preset.login
        for name, label in (("username", login.user), ("secret", login.secret)):
            self.fields[name].label = str(label)
        self.fields["username"].help_text = str(login.hint)
        if login.fixed_user:
            goes = now("The user name %s goes with it by itself.") % login.fixed_user
            self.fields["username"].widget = forms.HiddenInput()
            self.fields["secret"].help_text = f"{login.hint} {goes}"
        if login.long_secret:
            self.fields["secret"].widget = forms.Textarea(attrs={**MONO, "rows": 4, "autocomplete": "off"})
        if kept:
            self.fields["secret"].help_text = now(
                "It was typed already and is kept for this page. Leave this empty to use it."
            )
        if kept_admin:
            self.fields["password"].help_text = now(
                "It was typed already and is kept for this page. Leave this empty to use it."
            )

    def clean(self) -> dict[str, Any]:
        """Hold that a login is whole or none, where the kind needs one it is there, and an administrator signs."""
        cleaned = super().clean() or {}
        user = self.preset.login.fixed_user or cleaned.get("username", "").strip()
        secret = bool(cleaned.get("secret")) or self.kept
        needed = self.preset.login.required
        if not secret and (needed or (user and not self.preset.login.fixed_user)):
            half = now("The other half of the login is missing. Type it, or leave both empty.")
            none = now("This upstream answers nobody without a login. Type both halves of it.")
            self.add_error("secret", none if needed else half)
        if not user and secret:
            self.add_error("username", now("There is a secret without a name. Type the name too, or neither."))
        if not cleaned.get("password") and not self.kept_admin:
            self.add_error("password", now("The password is missing. Without it Harbor lets nobody do this."))
        return cleaned


class ProjectForm(forms.Form):
    """Step 3: the project."""

    project = forms.CharField(
        label=_("Project"), max_length=255, widget=forms.TextInput(attrs=MONO),
        help_text=_("It becomes a part of every image’s name, so short is good: hub, ghcr, quay."),
    )  # fmt: skip
    upstream_name = forms.CharField(
        label=_("Name of the upstream in Harbor"), max_length=63, widget=forms.TextInput(attrs=PLAIN),
        help_text=_("How Harbor lists it under Administration, Registries."),
    )  # fmt: skip
    public = forms.ChoiceField(
        label=_("Who may pull?"), widget=forms.RadioSelect, initial="public",
        choices=[
            ("public", _("Everybody who reaches Harbor (public). Usual: engines ask mirrors without a login.")),
            ("private", _("Members and robots of the project only (private). Right where the login opens private "
                          "images.")),
        ],
    )  # fmt: skip
    quota = forms.DecimalField(
        label=_("Quota in GiB"), min_value=0, max_value=1_000_000, decimal_places=2, required=False,
        help_text=_("Empty: no limit. When it is full, pulls still work, but nothing more is kept."),
        widget=forms.NumberInput(attrs={"min": 0, "step": "any"}),
    )  # fmt: skip
    speed = forms.IntegerField(
        label=_("Bandwidth limit in kbit/s"), min_value=1, max_value=1_000_000_000, required=False,
        help_text=_("Between Harbor and the upstream only (proxy_speed_kb). Empty: no limit."),
    )  # fmt: skip
    keep_gone = forms.BooleanField(
        label=_("Keep what the upstream removed"), required=False,
        help_text=_("By default Harbor deletes its copy when the upstream says that a tag is gone. With this it goes "
                    "on serving it. Harbor 2.15 and newer."),
    )  # fmt: skip

    def clean_project(self) -> str:
        """A name that Harbor takes."""
        try:
            return check_project(self.cleaned_data["project"].strip(), "project")
        except Problem as problem:
            raise forms.ValidationError(str(problem)) from problem

    def clean_upstream_name(self) -> str:
        """A name that stands well in a list."""
        name: str = self.cleaned_data["upstream_name"].strip()
        if not NAME.fullmatch(name):
            raise forms.ValidationError(now("This is no good name. Use letters, digits, spaces and . _ -, at most 63."))
        return name

    def new(self) -> NewProject:
        """The project, without its upstream."""
        typed = self.cleaned_data
        quota = typed.get("quota")
        return NewProject(
            typed["project"], public=typed["public"] == "public",
            storage=int(quota * GIB) if quota else NO_LIMIT,
            speed_kb=typed.get("speed") or NO_LIMIT, keep_gone=bool(typed.get("keep_gone")),
        )  # fmt: skip
