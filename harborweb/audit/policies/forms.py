"""A policy as rows of a form: what was typed, as a document; and a document, as what is shown to be typed over."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.forms import formset_factory
from django.utils.translation import gettext_lazy as _

from harborweb.verification.policy import ALL, ANY, COVERED, LONGEST_GRACE, MOST_RULES, NONE, OWN

COUNT = "count"
PLAIN = {"autocapitalize": "none", "spellcheck": "false", "autocomplete": "off"}


def words(text: str) -> list[str]:
    """Patterns typed with spaces, commas or line ends between them."""
    return [one for one in re.split(r"[\s,]+", text) if one]


def pairs(text: str) -> dict[str, str]:
    """`name=value` lines; raises ValidationError for a line without a name or a sign."""
    found = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, sign, value = line.partition("=")
        if not sign or not name.strip():
            raise forms.ValidationError(_("Write each as name=value, such as approved=yes. This is: %s") % line[:80])
        found[name.strip()] = value.strip()
    return found


class RuleForm(forms.Form):
    """One rule."""

    match = forms.CharField(
        label=_("Projects or repositories"), max_length=2000, widget=forms.TextInput(attrs=PLAIN),
        help_text=_("Patterns, such as library, team/* or *. Of all rules the first that fits counts."),
    )  # fmt: skip
    require = forms.ChoiceField(
        label=_("Has to be signed by"),
        choices=[
            (ANY, _("any of the keys")), (ALL, _("all of the keys")), (COUNT, _("so many different keys")),
            (NONE, _("nobody: no signature is asked for")),
        ],
    )  # fmt: skip
    number = forms.IntegerField(label=_("How many"), min_value=1, max_value=99, required=False)
    keys = forms.CharField(
        label=_("Keys"), required=False, max_length=4000, widget=forms.Textarea(attrs={"rows": 2, **PLAIN}),
        help_text=_("Names or fingerprints, one a line. None: every trusted key."),
    )  # fmt: skip
    annotations = forms.CharField(
        label=_("Signed annotations"), required=False, max_length=4000,
        widget=forms.Textarea(attrs={"rows": 2, **PLAIN}),
        help_text=_("name=value, one a line; * stands for any value."),
    )  # fmt: skip
    tags = forms.CharField(
        label=_("Only these tags"), required=False, max_length=2000, widget=forms.TextInput(attrs=PLAIN),
        help_text=_("Patterns, such as v*. None: every tag."),
    )  # fmt: skip
    untagged = forms.BooleanField(label=_("Artifacts without a tag count too"), required=False)
    platforms = forms.CharField(
        label=_("Only these platforms of an index"), required=False, max_length=2000,
        widget=forms.TextInput(attrs=PLAIN), help_text=_("Such as linux/amd64. None: every platform."),
    )  # fmt: skip
    children = forms.ChoiceField(
        label=_("What an index lists"),
        choices=[(COVERED, _("is covered by the signature of the index")), (OWN, _("needs signatures of its own"))],
    )
    grace_hours = forms.IntegerField(
        label=_("Hours of grace after a push"), min_value=0, max_value=LONGEST_GRACE, required=False,
        help_text=_("For what is not signed yet, from when harborweb first saw it."),
    )  # fmt: skip

    @property
    def detailed(self) -> bool:
        """Whether more is typed than where it holds and how many sign, or something is wrong."""
        asked = ("number", "keys", "annotations", "tags", "platforms", "grace_hours")
        values = {name: self[name].value() for name in (*asked, "untagged", "children", "require")}
        more = any(values[name] not in ("", None, 0, "0") for name in asked)
        return bool(self.errors) or more or values["require"] == COUNT or values["children"] == OWN

    def clean_annotations(self) -> dict[str, str]:
        """The pairs."""
        return pairs(self.cleaned_data["annotations"])

    def clean(self) -> dict[str, Any]:
        """A number belongs to *so many*, and is at most the number of keys."""
        cleaned = super().clean() or {}
        names = _names(cleaned.get("keys", ""))
        if cleaned.get("require") == COUNT and "number" not in self.errors:
            if not cleaned.get("number"):
                self.add_error("number", _("Say how many."))
            elif names and cleaned["number"] > len(set(names)):
                self.add_error("number", _("Only %d keys are named.") % len(set(names)))
        return cleaned

    def document(self) -> dict[str, Any]:
        """The rule in a policy's document."""
        data = self.cleaned_data
        return {
            "match": words(data["match"]), "require": data["number"] if data["require"] == COUNT else data["require"],
            "keys": _names(data["keys"]), "annotations": data["annotations"], "tags": words(data["tags"]),
            "untagged": data["untagged"], "platforms": words(data["platforms"]), "children": data["children"],
            "grace_hours": data["grace_hours"] or 0,
        }  # fmt: skip


class ExemptionForm(forms.Form):
    """One exemption."""

    match = forms.CharField(
        label=_("Projects or repositories"), max_length=2000, widget=forms.TextInput(attrs=PLAIN),
    )  # fmt: skip
    reason = forms.CharField(label=_("Why"), max_length=500)
    owner = forms.CharField(label=_("Who answers for it"), max_length=150)
    until = forms.DateField(
        label=_("Until the end of (UTC)"), widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )

    def document(self) -> dict[str, Any]:
        """The exemption in a policy's document."""
        data = self.cleaned_data
        return {
            "match": words(data["match"]), "reason": data["reason"], "owner": data["owner"],
            "until": data["until"].isoformat(),
        }  # fmt: skip


Rules = formset_factory(RuleForm, extra=0, max_num=MOST_RULES, absolute_max=MOST_RULES)
Exemptions = formset_factory(ExemptionForm, extra=0, max_num=MOST_RULES, absolute_max=MOST_RULES)


def shown_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A rule of a document as it is typed."""
    counted = isinstance(rule["require"], int)
    return {
        **rule, "match": " ".join(rule["match"]), "require": COUNT if counted else rule["require"],
        "number": rule["require"] if counted else "", "keys": "\n".join(rule["keys"]), "tags": " ".join(rule["tags"]),
        "annotations": "\n".join(f"{name}={value}" for name, value in rule["annotations"].items()),
        "platforms": " ".join(rule["platforms"]),
    }  # fmt: skip


def shown_exemption(exemption: Mapping[str, Any]) -> dict[str, Any]:
    """An exemption of a document as it is typed."""
    return {**exemption, "match": " ".join(exemption["match"])}


def typed(data: Mapping[str, Any], prefix: str, fields: Sequence[str]) -> list[dict[str, Any]]:
    """The rows as they were typed, right or wrong, for a form that is shown with one more or one less."""
    total = str(data.get(f"{prefix}-TOTAL_FORMS", "0"))
    count = min(int(total), MOST_RULES) if total.isdecimal() and len(total) < 6 else 0
    return [{name: data.get(f"{prefix}-{n}-{name}", "") for name in fields} for n in range(count)]


def _names(text: str) -> list[str]:
    return [one for one in map(str.strip, text.splitlines()) if one]
