"""Forms whose answers stand in the address of their page, so that a filled-in text can be shared as a link."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from django import forms
from django.http import QueryDict

from harborweb.errors import Problem

ASKED = "asked"  # in an address whose other values are answers
PLAIN = {"autocapitalize": "none", "spellcheck": "false", "autocomplete": "off", "class": "mono"}
Form = TypeVar("Form", bound="CheckedForm")


def text_field(label: Any, help_text: Any, *, required: bool = True, placeholder: str = "") -> forms.CharField:
    """One line that no browser corrects."""
    widget = forms.TextInput(attrs={**PLAIN, "placeholder": placeholder})
    return forms.CharField(label=label, help_text=help_text, max_length=300, required=required, widget=widget)


def number_field(label: Any, help_text: Any) -> forms.IntegerField:
    """A whole number; its bounds are checked with the others."""
    widget = forms.TextInput(attrs={**PLAIN, "inputmode": "numeric"})
    return forms.IntegerField(label=label, help_text=help_text, widget=widget)


class CheckedForm(forms.Form):
    """A form for a dataclass that checks itself: each value by `checks`, then all by `make`; the result is `made`."""

    checks: ClassVar[Mapping[str, Callable[..., Any]]] = {}
    needed: ClassVar[tuple[str, ...]] = ()
    make: ClassVar[Callable[..., Any]]
    made: Any = None

    def clean(self) -> dict[str, Any]:
        """Every fault at its own field; those of values together only when each alone is fine."""
        cleaned: dict[str, Any] = super().clean() or {}
        for field, check in self.checks.items():
            value = cleaned.get(field)
            if field in self.errors or (value in ("", None) and field not in self.needed):
                continue
            self._no(check, value, field)
        if not self.errors:
            self.made = self._no(lambda: type(self).make(**cleaned))
        return cleaned

    def _no(self, check: Callable[..., Any], *given: Any) -> Any:
        try:
            return check(*given)
        except Problem as problem:
            self.add_error(problem.field, str(problem))
            return None

    def filled(self) -> list[tuple[str, str]]:
        """Every field with its answer, as another form sends them along unseen."""
        fine = {name: value for name, value in self.cleaned_data.items() if value not in (None, "", False)}
        return [(name, "on" if value is True else str(value)) for name, value in fine.items()]


def form_of(kind: type[Form], given: QueryDict, known: Callable[[], Mapping[str, object]], enough: str) -> Form:
    """The form with the answers in `given`, else with what is known anyway where that has `enough`; checked."""
    if ASKED in given:
        form = kind(given)
    else:
        values = known()
        form = kind(dict(values)) if enough in values else kind(initial=dict(values))
    form.is_valid()
    return form


def asked(kind: type[CheckedForm], given: QueryDict) -> str:
    """The answers in `given` as the part of an address; empty where it has none."""
    if ASKED not in given:
        return ""
    kept = QueryDict(mutable=True)
    for field in (ASKED, *kind.base_fields):
        if field in given:
            kept[field] = str(given[field])
    return kept.urlencode()
