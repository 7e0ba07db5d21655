"""What people type about when and where a key's signatures count."""

import re
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as now
from django.utils.translation import gettext_lazy as _

from harborweb.errors import Problem
from harborweb.signing.limits import Limits, check
from harborweb.signing.models import Key

FORMAT = "%Y-%m-%d %H:%M"
PATTERN = re.compile(r"[a-z0-9*?\[\]._-]{1,255}")
MOST = 50
EARLIEST, LATEST = 1970, 9998  # years


class MomentField(forms.DateTimeField):
    """A moment in the zone of this harborweb, whose name is shown and may be typed."""

    def __init__(self, **more: Any) -> None:
        super().__init__(
            required=False,
            input_formats=[FORMAT, "%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S"],
            widget=forms.DateTimeInput(
                format=FORMAT, attrs={"class": "mono", "placeholder": "2026-12-31 00:00", "autocomplete": "off"}
            ),
            error_messages={"invalid": _("This is no date and time. Write it as 2026-12-31 00:00.")},
            **more,
        )

    def to_python(self, value: Any) -> Any:
        """The moment; at the ends of the calendar another zone has none for it."""
        if isinstance(value, str):
            value = value.strip().removesuffix(timezone.get_current_timezone_name()).removesuffix("UTC").strip()
        found = super().to_python(value)
        if found is not None and not EARLIEST <= found.year <= LATEST:
            raise forms.ValidationError(
                now("This is no date and time that can be used. Choose one from %(first)d to %(last)d."),
                params={"first": EARLIEST, "last": LATEST},
            )
        return found


class ProjectsField(forms.CharField):
    """Patterns of projects, each once; none means every project."""

    def __init__(self, **more: Any) -> None:
        text = _("Names or patterns with spaces between them, for example team edge-*. Empty: every project.")
        plain = forms.TextInput(attrs={"class": "mono", "autocomplete": "off", "spellcheck": "false"})
        super().__init__(required=False, max_length=4000, help_text=text, widget=plain, **more)

    def clean(self, value: Any) -> tuple[str, ...]:
        found = tuple(dict.fromkeys(super().clean(value).replace(",", " ").split()))
        for one in found:
            if not PATTERN.fullmatch(one):
                raise forms.ValidationError(
                    now("“%(name)s” is no name or pattern of a project."), params={"name": one[:80]}
                )
        if len(found) > MOST:
            raise forms.ValidationError(now("At most %d patterns.") % MOST)
        return found


class LimitsForm(forms.Form):
    """Every limit of one key."""

    trusted = forms.BooleanField(
        label=_("Signatures by this key count"),
        required=False,
        help_text=_("Within the limits below. Otherwise what only this key signed is a finding: unknown key."),
    )
    not_before = MomentField(
        label=_("Trusted from"), help_text=_("Signatures first seen earlier do not count. Empty: no beginning.")
    )
    not_after = MomentField(
        label=_("Trusted until"),
        help_text=_("Signatures first seen later do not count. Older ones keep their trust. Empty: no end."),
    )
    successor = forms.ModelChoiceField(
        Key.objects.none(),
        label=_("Successor"),
        required=False,
        empty_label=_("None"),
        help_text=_("Shown wherever this key has ended; the rotation signs again with it."),
    )
    revoked_from = MomentField(
        label=_("Revoked from"),
        help_text=_(
            "Use this when the key may have leaked. Signatures first seen from then on lose their trust at once."
        ),
    )
    revoked_reason = forms.CharField(
        label=_("Reason"),
        required=False,
        max_length=500,
        help_text=_("Kept in the activity trail and in every report."),
    )
    projects = ProjectsField(label=_("Projects that trust it"))
    published = forms.BooleanField(
        label=_("Publish the public key"),
        required=False,
        help_text=_("On the page for others, without sign-in, while that page is switched on."),
    )

    def __init__(self, key: Key, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.key = key
        others = Key.objects.filter(state=Key.State.READY).exclude(pk=key.pk)
        self.fields["successor"].queryset = others  # type: ignore[attr-defined]

    @classmethod
    def of(cls, key: Key, limits: Limits) -> "LimitsForm":
        """The form filled with `limits`."""
        values = {name: getattr(limits, name) for name in cls.base_fields}
        return cls(key, initial=values | {"projects": " ".join(limits.projects)})

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                check(self.key, self.limits())
            except Problem as problem:
                self.add_error(problem.field, str(problem))
        return cleaned

    def _kept(self, name: str) -> Any:
        """What was typed; or what holds, where that is the same to the minute: a form shows no seconds."""
        typed, held = self.cleaned_data[name], getattr(self.key, name)
        same = typed is not None and held is not None and held.replace(second=0, microsecond=0) == typed
        return held if same else typed

    def limits(self) -> Limits:
        """What was typed, once it is valid."""
        typed = self.cleaned_data
        return Limits(
            typed["trusted"], self._kept("not_before"), self._kept("not_after"), self._kept("revoked_from"),
            typed["revoked_reason"].strip() if typed["revoked_from"] else "",
            typed["successor"].pk if typed["successor"] else None, typed["projects"], typed["published"],
        )  # fmt: skip

    def changed_names(self) -> list[str]:
        """The fields that are other than what holds."""
        before, after = Limits.of(self.key), self.limits()
        return [name for name in self.base_fields if getattr(before, name) != getattr(after, name)]
