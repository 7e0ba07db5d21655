"""Three-way merge of a harbor.yml for an upgrade, in the operator's own commented text.

`prepare migrate` renders the file anew: comments and keys it does not know are gone (facts on prepare). So the
operator's text stays as it is, and only what the new version needs comes to it:

- base is the template of the version that ran, theirs that of the new one, migrated what `prepare migrate` made;
- keys that are new in theirs are added as they stand there, with their comments; a commented one stays commented;
- a default that changed is taken where the operator had not changed it, unless it says where data is or who may in;
- a key that migrate moved takes its new name, its old line becomes a comment;
- everything else of the operator stays. Whatever could be meant otherwise is an Item of the list.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from difflib import SequenceMatcher
from typing import Any

from harborweb.configuration.text.document import Document
from harborweb.configuration.text.placing import Place, places
from harborweb.configuration.text.placing import place as placed
from harborweb.configuration.text.reading import Path, TextProblem
from harborweb.configuration.veil import is_secret
from harborweb.errors import Problem

VERSION = ("_version",)
# Where data lies, who may in, what the outside relies on: a new default is never taken for these unasked.
OWN = frozenset({
    "hostname", "http", "https", "external_url", "harbor_admin_password", "database", "data_volume", "storage_service",
    "external_database", "external_redis", "redis", "internal_tls", "proxy", "uaa",
})  # fmt: skip
OURS, THEIRS, MIGRATED = "ours", "theirs", "migrated"


@dataclass(frozen=True)
class Item:
    """One thing the merge did or did not do, and what could be chosen instead.

    kind: added (a live key of the new template), offered (a commented one), default (a changed default was taken),
    kept (a changed default was not taken), conflict (both changed), moved (migrate gave it another name), computed
    (migrate set a key that nobody had), reset (migrate would have written another value), dropped (migrate would
    have left it out), ignored (the new version's template has it no more), unplaced (no place for it was found).
    """

    kind: str
    key: str
    ours: str | None = None
    base: str | None = None
    theirs: str | None = None
    migrated: str | None = None
    taken: str = ""  # ours, theirs or migrated
    moved_from: str = ""
    line: int | None = None  # in the merged text

    @property
    def choices(self) -> tuple[str, ...]:
        """What a person may choose between; empty where there is nothing to decide."""
        if self.kind in {"default", "kept", "conflict"}:
            return (OURS, THEIRS)
        return (OURS, MIGRATED) if self.kind == "reset" else ()

    @property
    def secret(self) -> bool:
        """Whether its values must not be shown."""
        return is_secret(tuple(self.key.split(".")))

    def record(self) -> dict[str, Any]:
        """For JSON; holds values, which may be secrets."""
        return asdict(self)


@dataclass(frozen=True)
class Merged:
    """The merged text and everything that a person should know of it."""

    text: str
    items: tuple[Item, ...]
    comments_lost: int  # lines of comments that `prepare migrate` alone would have lost
    migrated_problem: str = ""  # why what migrate wrote could not be used

    def of(self, *kinds: str) -> list[Item]:
        """The items of these kinds."""
        return [item for item in self.items if item.kind in kinds]


def three_way(
    base: str, ours: str, theirs: str, *, migrated: str = "", version: str = "", decisions: Mapping[str, str] = {}
) -> Merged:
    """Merge; raises TextProblem when base, ours or theirs cannot be read.

    `migrated` is what `prepare migrate` wrote of ours, empty when it did not run; one that cannot be read is left
    out and said. `version` is written as `_version`, by default the new template's. `decisions` maps keys of items
    with choices to ours, theirs or migrated.
    """
    return _Merge(Document(base), Document(ours), Document(theirs), migrated, decisions).done(version)


Values = dict[Path, Any]


def values(document: Document) -> Values:
    """Every value that YAML reads, by path; a list is one value, and so is what an alias stands for."""
    found: Values = {}
    lists: set[Path] = set()
    for path, entry in document.tree.entries.items():
        if any(path[:depth] in lists for depth in range(1, len(path))):
            continue
        if entry.alias:
            found[path] = document.text[entry.start : entry.end]
        elif entry.kind == "sequence":
            lists.add(path)
            below = ((one.path[len(path) :], one.value) for one in document.tree.entries.values()
                     if one.path[: len(path)] == path and one.path != path and one.kind == "scalar")  # fmt: skip
            found[path] = tuple(value if len(rest) == 1 else (*rest, value) for rest, value in below)
        elif entry.kind == "scalar":
            found[path] = entry.value
    return found


def said(value: Any) -> str | None:
    """A value in words for a person: None when there is none."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(str(one) for one in value) if isinstance(value, tuple) else str(value)


def alike(one: Any, other: Any) -> bool:
    """Whether prepare would take two values for the same: migrate writes `80` for "80" and `True` for true."""
    return one == other or (said(one) or "").lower() == (said(other) or "").lower()


class _Merge:
    def __init__(
        self, base: Document, ours: Document, theirs: Document, migrated: str, decisions: Mapping[str, str]
    ) -> None:
        self.base, self.ours, self.theirs, self.result = base, ours, theirs, ours
        self.b, self.o, self.t = values(base), values(ours), values(theirs)
        self.base_places, self.our_places, self.their_places = places(base), places(ours), places(theirs)
        self.decisions, self.items, self.problem = decisions, list[Item](), ""
        self.migrated, self.m = migrated, Values()
        if migrated:
            try:
                self.m = values(Document(migrated))
            except TextProblem as problem:
                self.problem, self.migrated = str(problem), ""

    def done(self, version: str) -> Merged:
        """The steps, in an order in which each sees what the earlier ones did."""
        self._defaults()
        self._new()
        self._moved()
        self._against_migrate()
        self._ignored()
        self._version(version)
        items = tuple(replace(item, line=self.result.line(item.key)) for item in self.items)
        return Merged(self.result.text, items, self._comments_lost(), self.problem)

    def _note(self, kind: str, path: Path, taken: str = OURS, moved_from: str = "") -> None:
        ours, base, theirs, migrated = (said(found.get(path)) for found in (self.o, self.b, self.t, self.m))
        self.items.append(Item(kind, ".".join(path), ours, base, theirs, migrated, taken, moved_from))

    def _set(self, path: Path, value: Any) -> bool:
        """Write a value into the result; False when that cannot be done without touching anything else."""
        key = ".".join(path)
        try:
            if isinstance(value, tuple):
                self.result = self.result.set_items(key, list(value))
            else:
                self.result = self.result.set(key, value)
        except Problem:
            return False
        return True

    def _defaults(self) -> None:
        """Keys that the old and the new template set to different values."""
        for path, theirs in self.t.items():
            if path not in self.b or path not in self.o or path == VERSION or alike(self.b[path], theirs):
                continue
            ours = self.o[path]
            if alike(ours, theirs):
                continue
            untouched = alike(ours, self.b[path])
            kind = "conflict" if not untouched else "kept" if path[0] in OWN or is_secret(path) else "default"
            taken = self.decisions.get(".".join(path), THEIRS if kind == "default" else OURS)
            if taken == THEIRS and not self._set(path, theirs):
                kind, taken = "kept", OURS
            self._note(kind, path, taken)

    def _moved(self) -> None:
        """Keys that migrate has and the operator had not: under another name, or computed."""
        sources = {
            path: value for path, value in self.o.items()
            if path not in self.m and path not in self.their_places and value is not None
        }  # fmt: skip
        for path, value in self.m.items():
            if path in self.o or path == VERSION or value is None:
                continue
            if path in self.t and alike(self.t[path], value):
                continue
            source = _source(path, value, sources)
            if source is None and (path in self.base_places or path not in self.their_places):
                continue  # the operator had left it out, or migrate writes what no template names
            if self._set(path, value):
                self.items = [item for item in self.items if item.key != ".".join(path)]
                if source is not None:
                    del sources[source]
                    self._disable(source)
                self._note("moved" if source else "computed", path, MIGRATED, moved_from=".".join(source or ()))
            else:
                self._note("unplaced", path, MIGRATED)

    def _disable(self, path: Path) -> None:
        try:
            self.result = self.result.unset(".".join(path))
        except Problem:
            return  # it stays: prepare reads it no more

    def _new(self) -> None:
        """Keys of the new template that the old one did not have, or had only as a comment."""
        here, absent = self.our_places, set[Path]()
        for path, one in self.their_places.items():
            was = self.base_places.get(path)
            fresh = was is None or (one.live and not was.live)
            there = path in here and (here[path].live or not one.live)
            if not fresh or there or any(path[:depth] in absent for depth in range(1, len(path))):
                continue
            if self._add(path, here):
                here = places(self.result)
            else:
                absent.add(path)
                if one.live:
                    self._note_all("unplaced", path)

    def _add(self, path: Path, here: dict[Path, Place]) -> bool:
        if path in here:  # its comment stands there: that line becomes live
            if path in self.t and not self._set(path, self.t[path]):
                return False
        elif not self._place(path):
            return False
        if path in self.result.tree.entries:
            self._note_all("added", path)
        else:
            self._note("offered", path, THEIRS)
        return True

    def _note_all(self, kind: str, path: Path) -> None:
        """Note every value of the new template at `path` and below."""
        for found in self.t:
            if found[: len(path)] == path:
                self._note(kind, found, THEIRS)

    def _place(self, path: Path) -> bool:
        try:
            self.result = placed(self.result, self.theirs, path)
        except Problem:
            return False
        return True

    def _against_migrate(self) -> None:
        """What migrate would have done to the operator's values."""
        if not self.migrated:
            return
        handled = {item.key for item in self.items} | {item.moved_from for item in self.items}
        for path, ours in self.o.items():
            if path == VERSION or ".".join(path) in handled:
                continue
            if path not in self.m:
                if ours is not None and path in self.their_places | self._beyond():
                    self._note("dropped", path)
            elif not alike(ours, self.m[path]):
                taken = self.decisions.get(".".join(path), OURS)
                if taken == MIGRATED and not self._set(path, self.m[path]):
                    taken = OURS
                self._note("reset", path, taken)

    def _beyond(self) -> dict[Path, Any]:
        """The operator's keys that no template names."""
        return {path: None for path in self.o if path not in self.base_places}

    def _ignored(self) -> None:
        """Live keys of the operator that the new template has no more."""
        handled = {item.key for item in self.items} | {item.moved_from for item in self.items}
        for path in self.o:
            gone = path in self.base_places and path not in self.their_places
            if gone and ".".join(path) not in handled and path != VERSION:
                self._note("ignored", path)

    def _version(self, version: str) -> None:
        wanted = version or said(self.t.get(VERSION)) or said(self.m.get(VERSION))
        if not wanted or alike(self.o.get(VERSION), wanted):
            return
        if not self._set(VERSION, wanted):
            self._note("unplaced", VERSION, THEIRS)
            return
        entry = self.result.tree.entries[VERSION]
        if entry.style == "'" and wanted.replace(".", "").isalnum():  # as every template has it: without quotes
            text = self.result.text
            plain = Document(text[: entry.start] + wanted + text[entry.end :])
            self.result = plain if plain.get("_version") == wanted else self.result

    def _comments_lost(self) -> int:
        if not self.migrated:
            return 0
        kept = {line.strip() for line in self.migrated.splitlines()}
        lines = (line.strip() for line in self.ours.lines)
        return sum(line.startswith("#") and line not in kept and line != "#" for line in lines)


def _source(path: Path, value: Any, sources: Values) -> Path | None:
    """The key of the operator that migrate moved to `path`: the same value, and the name that is most alike.

    A value that many keys have (true, a small number) moves only between names that are.
    """

    def likeness(other: Path) -> float:
        return SequenceMatcher(None, ".".join(other), ".".join(path)).ratio()

    same = sorted((other for other in sources if alike(sources[other], value)), key=likeness, reverse=True)
    if not same:
        return None
    telling = isinstance(value, str) and len(value) > 5
    return same[0] if telling or likeness(same[0]) >= 0.6 else None
