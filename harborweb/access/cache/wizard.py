"""The wizard's state: what was typed travels in the page, passwords sealed for the person who typed them and for the
Harbor that gets them.

Nothing of it is stored. A step is checked when it is left; the last button checks all of them and leads back to
the first that does not hold.
"""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from harborweb.access.cache.forms import LoginForm, ProjectForm, UpstreamForm
from harborweb.access.cache.making import Administrator, Plan
from harborweb.access.cache.presets import BY_KEY, PRESETS, Preset
from harborweb.errors import Problem
from harborweb.registry.harbor.upstreams import NewUpstream
from harborweb.sealing import seal, unseal

STEPS: tuple[tuple[str, Promise], ...] = (
    ("upstream", gettext_lazy("Upstream")),
    ("login", gettext_lazy("Login and test")),
    ("project", gettext_lazy("Project")),
    ("review", gettext_lazy("Review and make")),
)
NAMES = tuple(name for name, _word in STEPS)
CLASSES: dict[str, type[forms.Form]] = {"upstream": UpstreamForm, "login": LoginForm, "project": ProjectForm}
SECRETS = ("secret", "password")
KEPT_SECONDS = 3600


@dataclass
class Wizard:
    """One person on the way through the steps; `typed` holds everything but the secrets."""

    person: int
    registry: int
    step: str = "upstream"
    left: str = ""  # the step whose form was sent
    typed: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, data: Mapping[str, str], person: int, registry: int) -> "Wizard":
        """The wizard as it comes back: fields, and passwords typed now before those kept from before."""
        step = data.get("step", "upstream")
        wizard = cls(person, registry, step if step in NAMES else "upstream")
        wizard.left = wizard.step if "step" in data else ""
        known = {name for form in CLASSES.values() for name in form.base_fields} - set(SECRETS)
        wizard.typed = {name: data[name][:4096] for name in known if data.get(name)}
        wizard.secrets = _opened(data.get("kept", ""), _purpose(person, registry))
        if wizard.step == "login" and data.get("forget_secret"):
            wizard.secrets.pop("secret", None)
        wizard.secrets |= {name: data[name] for name in SECRETS if data.get(name)}
        return wizard

    @property
    def kept(self) -> str:
        """The passwords, sealed for this person and this Harbor, to travel along; empty for none."""
        if not self.secrets:
            return ""
        return seal(json.dumps({**self.secrets, "at": int(time.time())}), _purpose(self.person, self.registry)).decode()

    @cached_property
    def preset(self) -> Preset:
        """The kind that was chosen; the first until one is."""
        return BY_KEY.get(self.typed.get("kind", ""), PRESETS[0])

    @property
    def url(self) -> str:
        """The upstream's address."""
        if self.preset.asks_url:
            upstream = self.form("upstream")  # not `bound`: the forms of later steps ask for this address
            return upstream.cleaned_data.get("url", "") if upstream.is_valid() else ""
        return self.preset.url.format(region=self.typed.get("region", ""))

    @cached_property
    def bound(self) -> dict[str, forms.Form]:
        """A bound form for each step that asks."""
        return {name: self.form(name) for name in NAMES[:-1]}

    def form(self, step: str, *, checked: bool = True) -> forms.Form:
        """The form of a step: bound, or with what was typed as it stands and nothing said of it."""
        typed: dict[str, Any] = dict(self.typed)
        if step == "project" and step != self.left and "project" not in typed:
            typed |= self._usual()
        given: dict[str, Any] = {"data": {**typed, **self.secrets}} if checked else {"initial": typed}
        if step == "upstream":
            return UpstreamForm(**given)
        if step == "project":
            return ProjectForm(**given)
        kept = {"kept": "secret" in self.secrets, "kept_admin": "password" in self.secrets}
        return LoginForm(preset=self.preset, **kept, **given)

    @property
    def called(self) -> str:
        """How the upstream is called: where the kind has many, by its host."""
        host = urlsplit(self.url).netloc if self.preset.asks_url else ""
        return host or str(self.preset.name).partition(" (")[0]

    def _usual(self) -> dict[str, str]:
        return {
            "project": self.preset.project,
            "upstream_name": re.sub(r"[^A-Za-z0-9._ -]+", "-", self.called).strip("-")[:63],
            "public": "public",
        }

    @property
    def hidden(self) -> dict[str, str]:
        """What the other steps hold, to travel along."""
        here = CLASSES[self.step].base_fields if self.step in CLASSES else {}
        return {name: value for name, value in self.typed.items() if name not in here}

    @property
    def first_wrong(self) -> str:
        """The first step that does not hold; empty when all do."""
        return next((name for name in NAMES[:-1] if not self.bound[name].is_valid()), "")

    def plan(self, *, reuse: bool = False) -> Plan:
        """The cache to be; call only when nothing is wrong."""
        return Plan(self.preset, self.upstream(), self.bound["project"].new(), reuse)  # type: ignore[attr-defined]

    def upstream(self) -> NewUpstream:
        """The upstream to be; its type is Harbor's affair and found when it is asked."""
        secret = self.secrets.get("secret", "")
        if self.preset.login.long_secret:  # a textarea sends the line ends of the web
            secret = secret.replace("\r\n", "\n")
        user = self.preset.login.fixed_user or self.typed.get("username", "").strip()
        name = self.typed.get("upstream_name") or self._usual()["upstream_name"]
        return NewUpstream(
            str(name).strip(), "", self.url, user if secret else "", secret, insecure="insecure" in self.typed,
            description=_("Made by harborweb for a pull-through cache."),
        )  # fmt: skip

    def administrator(self) -> Administrator:
        """Who asks Harbor."""
        return Administrator(self.typed.get("admin", "admin").strip(), self.secrets.get("password", ""))

    def bar(self) -> list[dict[str, object]]:
        """The steps for the step bar."""
        at = NAMES.index(self.step)
        states = ["done" if n < at else "running" if n == at else "waiting" for n in range(len(NAMES))]
        notes = {"done": _("answered"), "running": _("now"), "waiting": _("to come")}
        return [
            {"number": n + 1, "name": word, "state": states[n], "note": notes[states[n]]}
            for n, (_name, word) in enumerate(STEPS)
        ]


def _purpose(person: int, registry: int) -> str:
    return f"cache wizard {person} {registry}"


def _opened(kept: str, purpose: str) -> dict[str, str]:
    """The passwords in `kept`; none where it is another's, for another Harbor, too old, or broken: typed again then."""
    if not kept:
        return {}
    try:
        found = json.loads(unseal(kept[:60_000].encode(), purpose))
    except (Problem, ValueError):
        return {}
    if time.time() - found.pop("at", 0) > KEPT_SECONDS:
        return {}
    return {name: value for name, value in found.items() if name in SECRETS}
