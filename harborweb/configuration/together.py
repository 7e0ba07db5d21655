"""Two people at one draft: what the later one typed, told apart from what the earlier one saved."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from harborweb.accounts.services import person
from harborweb.configuration.answers import CHOICES, State, answered, shown, veiled
from harborweb.configuration.fields import BY_KEY
from harborweb.configuration.models import Draft, DraftVersion
from harborweb.errors import Problem
from harborweb.sealing import seal, unseal


@dataclass(frozen=True)
class Clash:
    """A key that both changed, with both values; a secret's are empty."""

    key: str
    theirs: str
    mine: str
    secret: bool


def typed_anew(base: State, answers: Mapping[str, str]) -> dict[str, str]:
    """Those of `answers` that differ from what a page of `base` showed: what its reader really typed."""
    mine: dict[str, str] = {}
    for name in CHOICES & answers.keys():
        chosen = answered(base, {name: answers[name]})
        if chosen.choice(name) != base.choice(name):
            mine[name] = answers[name]
            base = chosen
    for key, raw in answers.items():
        if key not in BY_KEY:
            continue
        after = answered(base, {key: raw})
        if after.text != base.text or after.typed != base.typed:
            mine[key] = raw
    return mine


def clashes(base: State, now: State, mine: Mapping[str, str]) -> list[Clash]:
    """The keys of `mine` that somebody else has changed between `base` and `now`, to something else than `mine`."""
    found = []
    for key, raw in mine.items():
        if key in CHOICES:
            theirs = now.choice(key)
            if theirs not in (base.choice(key), raw):
                found.append(Clash(key, theirs, raw, secret=False))
            continue
        theirs, before = _stands(now, key), _stands(base, key)
        if theirs != before and theirs != raw.strip():
            secret = _secret(key)
            found.append(Clash(key, "" if secret else theirs, "" if secret else veiled(raw), secret))
    return found


def touched(before: State, after: State) -> set[str]:
    """Keys whose value, or whose answer as typed, is another in `after`."""
    old, new = before.document, after.document
    keys = {".".join(path) for path in old.tree.entries.keys() | new.tree.entries.keys()}
    scalars = {key for key in keys if "scalar" in (old.kind(key), new.kind(key))}
    changed = {key for key in scalars if old.has(key) != new.has(key) or old.get(key) != new.get(key)}
    typed = before.typed.keys() | after.typed.keys()
    return changed | {key for key in typed if before.typed.get(key) != after.typed.get(key)}


def _stands(state: State, key: str) -> str:
    """An answer as a page would show it."""
    return veiled(state.typed.get(key, shown(state.now(BY_KEY[key]))))


class Conflict(Problem):
    """Somebody saved the draft after this page was drawn; `changes` says which keys, who and when.

    Nothing that was typed is lost: `mine` holds the answers that differ from what the page had shown, `clashes`
    those of them that the other one changed too, and `kept` is all of `mine` sealed for this person, to be sent along
    with the next try, since a page never holds a typed password. `draft` is None when it has ended: saved or discarded.
    """

    def __init__(self, draft: Draft | None, version: int) -> None:
        later = DraftVersion.objects.filter(version__gt=version).select_related("revision").order_by("version")
        self.changes: Sequence[DraftVersion] = list(later)
        self.base = DraftVersion.objects.filter(version=version).select_related("revision").first()
        self.draft = draft
        self.mine: dict[str, str] = {}
        self.clashes: list[Clash] = []
        self.kept = ""
        super().__init__(*self._words())

    def _words(self) -> tuple[str, str]:
        end = self.end
        if self.draft is None and end is not None and end.ended == DraftVersion.End.SAVED:
            words = {"who": end.ended_by, "number": end.revision.number if end.revision else "?"}
            return (
                _("%(who)s saved this draft as revision %(number)s after this page was drawn.") % words,
                _("Nothing of this page was saved."),
            )
        if self.draft is None:
            return (
                _("%(who)s discarded this draft after this page was drawn.") % {"who": end.ended_by if end else "?"},
                _("Nothing of this page was saved."),
            )
        who = ", ".join(sorted({change.who for change in self.changes})) or _("somebody")
        return (
            _("%(who)s saved this draft after this page was drawn.") % {"who": who},
            _("Nothing of this page was saved yet. Look at what changed, then do it again."),
        )

    @property
    def end(self) -> DraftVersion | None:
        """The last version of the draft that the page had shown, when that draft has ended."""
        versions = [self.base, *self.changes] if self.base else self.changes
        return next((one for one in versions if one is not None and one.ended), None)

    @property
    def kept_secrets(self) -> list[str]:
        """The keys of what was typed with a password in it; those travel in `kept` only."""
        return [key for key, raw in self.mine.items() if _secret(key) or veiled(raw) != raw]

    @property
    def typed(self) -> list[tuple[str, str, bool]]:
        """What was typed, as it may be shown: key, answer (none of a secret), whether it is a secret."""
        return [(key, "" if _secret(key) else veiled(raw), _secret(key)) for key, raw in self.mine.items()]

    def keep(self, answers: Mapping[str, str], base: State | None, now: State | None, request: HttpRequest) -> None:
        """Take up what this page's person typed; `base` is what the page had shown, `now` the draft as it stands."""
        known = base or now  # without `base` it was too long ago: whatever differs from `now` counts as typed
        self.mine = typed_anew(known, answers) if known else dict(answers)
        self.clashes = clashes(base, now, self.mine) if base and now else []
        content = {"mine": self.mine, "base": self.base.version if self.base else 0}
        self.kept = seal(json.dumps(content), f"kept {person(request).pk}").decode()


def opened(kept: str, request: HttpRequest) -> dict[str, Any]:
    """The content of a Conflict's `kept`; raises Problem when it is not this person's."""
    content: dict[str, Any] = json.loads(unseal(kept.encode(), f"kept {person(request).pk}"))
    return content


def secrets_kept(kept: str, answers: Mapping[str, str], request: HttpRequest) -> dict[str, str]:
    """The passwords in `kept` whose fields came back as the page had shown them: empty, or with dots in an address."""
    if not kept:
        return {}
    mine: dict[str, str] = opened(kept, request)["mine"]
    return {key: raw for key, raw in mine.items() if answers.get(key) == ("" if _secret(key) else veiled(raw))}


def _secret(key: str) -> bool:
    return key in BY_KEY and bool(BY_KEY[key].secret)
