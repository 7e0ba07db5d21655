"""What people set of sweeps: when, and how much of a registry they may ask."""

from datetime import time
from typing import Any

from django import forms
from django.utils.translation import gettext as now
from django.utils.translation import gettext_lazy as _

from harborweb.audit.models import Schedule
from harborweb.audit.sweeps.scheduling import LEAST_MINUTES, Wanted
from harborweb.registry.models import Registry

MOST_MINUTES = 60 * 24 * 31
MOST = 10_000


class ScheduleForm(forms.Form):
    """The schedule of one kind; which fields count is the cadence's to say."""

    cadence = forms.ChoiceField(label=_("When"), choices=Schedule.Cadence.choices)
    at = forms.TimeField(
        label=_("Time"), required=False, widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}),
        help_text=_("Of a day or a week; of an hour only the minute counts."),
    )  # fmt: skip
    day = forms.TypedChoiceField(label=_("Day of the week"), choices=Schedule.DAYS, coerce=int, required=False)
    minutes = forms.IntegerField(
        label=_("Minutes between two sweeps"), required=False, min_value=LEAST_MINUTES, max_value=MOST_MINUTES,
        help_text=_("Where it is swept every so many minutes."),
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """An interval needs its minutes."""
        cleaned = super().clean() or {}
        missing = not cleaned.get("minutes") and "minutes" not in self.errors
        if missing and cleaned.get("cadence") == Schedule.Cadence.INTERVAL:
            self.add_error("minutes", now("Type the minutes. 60 is an hour."))
        return cleaned

    def wanted(self) -> Wanted:
        """What was typed."""
        typed = self.cleaned_data
        return Wanted(typed["cadence"], typed["at"] or time(), typed["day"] or 0, typed["minutes"] or 0)

    @classmethod
    def of(cls, row: Schedule | None, kind: str, data: Any = None) -> "ScheduleForm":
        """The form of `kind`, with what is set now or sent."""
        default = time(2) if kind == Schedule.Kind.EVERYTHING else time()
        initial = {"cadence": Schedule.Cadence.OFF, "at": default, "minutes": None, "day": 0}
        if row is not None:
            initial = {
                "cadence": row.cadence, "at": row.at or default, "minutes": row.minutes or None, "day": row.day,
            }  # fmt: skip
        return cls(data, prefix=kind, initial=initial)


class LimitsForm(forms.Form):
    """How much of a registry all workers together may ask."""

    at_once = forms.IntegerField(
        label=_("Requests at once"), min_value=0, max_value=MOST, required=False,
        help_text=_("Of all workers together. 0: at most 16 for each worker."),
    )  # fmt: skip
    per_second = forms.IntegerField(
        label=_("Requests a second"), min_value=0, max_value=MOST, required=False,
        help_text=_("Of all workers together. 0: as many as the registry answers."),
    )  # fmt: skip

    @classmethod
    def of(cls, registry: Registry, data: Any = None) -> "LimitsForm":
        """The form with what is set now or sent."""
        return cls(data, prefix="limits", initial={"at_once": registry.at_once, "per_second": registry.per_second})
