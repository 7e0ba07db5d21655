"""Examples for the page of components; nothing here is anybody's data."""

from datetime import timedelta
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.utils import timezone

from harborweb.dashboard.charts import donut
from harborweb.errors import Problem

DIGEST = "sha256:5a1c5e7a0b3d4f6e8a9c1b2d3e4f5061728394a5b6c7d8e9f0a1b2c3d4e5dbb0"
VERDICTS = [
    ("trusted", "Trusted", "A trusted key signed exactly this digest.", "no", 286),
    ("via_index", "Via index", "Not signed itself; a trusted signed index names it.", "no", 41),
    ("attestation_only", "Attestation only", "Trusted attestation, but no signature.", "yes", 6),
    ("unknown_key", "Unknown key", "Signed by no key that is trusted.", "yes", 19),
    ("invalid", "Invalid", "A signature is there and does not hold.", "yes", 3),
    ("unchecked", "Could not check", "The check could not be made. Never counts as trusted.", "yes", 5),
    ("unsigned", "Unsigned", "No signature object found.", "as you set", 52),
]
STATES = [
    ("check", "healthy, passed"),
    ("warn", "needs a look"),
    ("bad", "failed, down"),
    ("running", "running, starting"),
    ("queued", "queued"),
    ("off", "off, not reached"),
    ("unsure", "could not check"),
    ("info", "to know"),
]
JOBS = [
    ("requested", "Requested"),
    ("running", "Running"),
    ("succeeded", "Succeeded"),
    ("failed", "Failed"),
    ("stopped", "Stopped by operator"),
    ("lost", "Lost: worker killed"),
    ("timed_out", "Timed out after 10 min"),
    ("warn", "Finished, 1 problem"),
]
STEPS = ["Check", "Snapshot", "Prepare", "Compose config", "Down, up"]
TOKENS = [
    "bg", "surface", "sunken", "line", "text", "text-2", "text-3", "control", "accent", "accent-soft",
    "good", "good-fill", "warn", "warn-fill", "bad", "bad-fill", "unsure", "unsure-fill", "none-fill", "term",
]  # fmt: skip


class ExampleForm(forms.Form):
    """One field of every kind."""

    hostname = forms.CharField(label="Host name", help_text="The name that clients use. Not localhost.")
    log_level = forms.CharField(label="Log level", help_text="debug, info, warning, error or fatal.")
    data_volume = forms.CharField(label="Data folder")
    kind = forms.ChoiceField(label="Your proxy", choices=[("nginx", "nginx"), ("caddy", "Caddy")])
    tls = forms.ChoiceField(
        label="Where does TLS end?",
        choices=[("in", "In Harbor"), ("proxy", "At a reverse proxy in front of Harbor"), ("no", "Nowhere")],
        widget=forms.RadioSelect,
    )
    children = forms.BooleanField(label="Children of the index too", help_text="Each platform gets a signature.")
    locked = forms.CharField(label="Log folder", disabled=True, help_text="Locked: revision 14 runs from here.")
    public_key = forms.CharField(label="Public key", required=False, widget=forms.Textarea(attrs={"rows": 3}))

    def clean_data_volume(self) -> str:
        """Always refused, to show how that looks."""
        raise forms.ValidationError(
            "There is a space in this path. prepare takes only the last word, so Harbor would start empty. "
            "Use a path without spaces."
        )


def _bar(done: int, last: str, notes: str) -> list[dict[str, Any]]:
    steps = []
    for number, name in enumerate(STEPS, 1):
        state = "done" if number <= done else last if number == done + 1 else "waiting"
        note = {"done": "1.2 s", "waiting": "not reached"}.get(state, notes)
        steps.append({"number": number, "name": name, "state": state, "note": note})
    return steps


def example() -> dict[str, Any]:
    """The context of the page."""
    form = ExampleForm(
        {"hostname": "registry.lab.example", "log_level": "debug", "data_volume": "/srv/harbor data", "kind": "nginx",
         "tls": "proxy", "children": "on", "locked": "/var/log/harbor"},
        initial={"locked": "/var/log/harbor"},
    )  # fmt: skip
    now = timezone.now()
    return {
        "verdicts": VERDICTS,
        "states": STATES,
        "job_states": JOBS,
        "tokens": TOKENS,
        "digest": DIGEST,
        "commands": "cd /opt/harbor\ndocker compose down -v; docker compose up -d",
        "form": form,
        "problem": Problem("Nothing was signed: tag 2.7.1 moved.", "Look at the new digest, then sign again."),
        "step_bars": [_bar(2, "running", "running, 2 s"), _bar(5, "", ""), _bar(2, "failed", "exit 255 after 0.6 s")],
        "slices": donut([(name, count) for name, _word, _means, _finding, count in VERDICTS]),
        "times": [now - timedelta(seconds=4), now - timedelta(hours=2), now - timedelta(days=3)],
        "page": Paginator(range(33), 10).page(2),
    }
