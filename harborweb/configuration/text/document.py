"""The text of a harbor.yml: read a key, change one key, leave every other byte alone.

Keys are dotted: `http.port`. A Document never changes; every edit returns a new one, which has been
read again and compared: if anything but that key changed, nothing comes back but an error.
The work is done in `bringing` (a key comes live), `replacing` (its value), `listing` (lists), `blocks` and `undoing`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, lru_cache

from django.utils.translation import gettext as _

from harborweb.configuration.text import blocks, bringing, comments, listing, replacing, undoing
from harborweb.configuration.text.comments import Commented
from harborweb.configuration.text.outline import OUTLINE
from harborweb.configuration.text.reading import Path, TextProblem, Tree, Value, holds, leaves


class Document:
    """A harbor.yml as text. Construct with `Document(text)`; raises TextProblem where YAML cannot read it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tree = _tree(text)

    @cached_property
    def lines(self) -> list[str]:
        """The lines with their ends."""
        return re.findall(r"[^\n]*\n|[^\n]+", self.text)

    @cached_property
    def commented(self) -> dict[Path, Commented]:
        """The keys that stand in comments."""
        return comments.find(self.lines, self.tree)

    @cached_property
    def _names(self) -> dict[str, Path]:
        return {".".join(path): path for path in (*self.commented, *self.tree.entries)}

    @property
    def line_end(self) -> str:
        """How this file ends its lines."""
        return "\r\n" if self.lines and self.lines[0].endswith("\r\n") else "\n"

    # --- reading

    def path(self, key: str) -> Path:
        """The parts of a dotted key; a name that holds a dot itself is found where the text has it."""
        path = tuple(key.split("."))
        return path if path in self.tree.entries else self._names.get(key, path)

    def has(self, key: str) -> bool:
        """Whether `key` is live (also when its value is empty)."""
        return self.path(key) in self.tree.entries

    def knows(self, key: str) -> bool:
        """Whether `key` is live or stands in a comment."""
        return self.has(key) or self.path(key) in self.commented

    def get(self, key: str) -> Value:
        """The value of a live key; None when it is empty, a block, or not live."""
        entry = self.tree.entries.get(self.path(key))
        return entry.value if entry else None

    def kind(self, key: str) -> str:
        """scalar, mapping or sequence; empty when `key` is not live."""
        entry = self.tree.entries.get(self.path(key))
        return entry.kind if entry else ""

    def items(self, key: str) -> list[Value]:
        """The scalar items of a list; empty when it is none."""
        if self.kind(key) != "sequence":
            return []
        return [entry.value for entry in self.tree.children(self.path(key))]

    def keys(self, key: str = "") -> list[str]:
        """The names of the live keys directly below `key` (or at top level)."""
        return [entry.path[-1] for entry in self.tree.children(self.path(key) if key else ())]

    def line(self, key: str) -> int | None:
        """The number of the line (from 1) where `key` stands, live or in a comment."""
        path = self.path(key)
        if entry := self.tree.entries.get(path):
            return self.tree.line(entry.key_start)
        return self.commented[path].index + 1 if path in self.commented else None

    def suggested(self, key: str) -> Value:
        """The value that stands in the comment of a commented key."""
        found = self.commented.get(self.path(key))
        entry = bringing.spoken(found) if found else None
        return entry.value if entry else None

    # --- editing

    def set(self, key: str, value: Value, template: "Document | None" = None) -> "Document":
        """Give `key` this value: a live key in its place, a commented one becomes live in its own line, one that is
        nowhere comes where `template` (without one: Harbor's order of keys) has it, else at the end of its block.
        A block that comes live brings the keys with it that prepare needs there, as their comments have them.
        The same value again changes nothing.

        Raises TextProblem where it cannot be done without touching anything else.
        """
        path = self.path(key)
        shell = key in replacing.SHELL_KEYS
        if holds(self.tree.entries.get(path), value) and not (shell and replacing.unreadable(self, key)):
            return self
        after = bringing.brought(self, [path], template or outline())
        if shell:
            after = replacing.for_the_shell(after, path, value)
        elif not holds(after.tree.entries.get(path), value):
            after = listing.replaced(after, path, [], template or outline()) if after.kind(key) == "sequence" else after
            after = replacing.replaced(after, path, value)
        self.checked(after, [path])
        if not holds(after.tree.entries.get(path), value):
            raise TextProblem(_("YAML would read another value than the one typed."), line=self.line(key), key=key)
        return bringing.with_company(self, after, path, template or outline())

    def set_items(self, key: str, values: Sequence[Value], template: "Document | None" = None) -> "Document":
        """Give `key` these items. An item that stands in a comment comes live there, others get a line of their own;
        one that goes becomes a comment where `template` offers it. Raises TextProblem as `set` does."""
        path = self.path(key)
        if listing.holds_items(self, path, values):
            return self
        if key in replacing.SHELL_KEYS:
            raise replacing.not_for_the_shell(self.line(key), key)
        template = template or outline()
        after = listing.replaced(bringing.brought(self, [path], template), path, values, template)
        self.checked(after, [path])
        if not listing.holds_items(after, path, values):
            raise TextProblem(_("YAML would read another list than the one given."), line=self.line(key), key=key)
        return bringing.with_company(self, after, path, template or outline())

    def make_live(self, key: str, template: "Document | None" = None) -> "Document":
        """Make a commented key live with the value that stands in its comment."""
        path = self.path(key)
        after = self.checked(bringing.brought(self, [path], template or outline()), [path])
        return bringing.with_company(self, after, path, template or outline(), whole=True)

    def unset(self, key: str, template: "Document | None" = None) -> "Document":
        """Turn the line of a live key back into its comment: as `template` (without one: Harbor's) has it, else as it
        stands. A block goes with it where nothing is left in it but what had come live along with it."""
        return undoing.unset(self, self.path(key), template or outline())

    def revert(self, key: str, base: "Document") -> "Document":
        """Put `key` back to how it stands in `base`: its line, its comment, or nowhere."""
        return undoing.reverted(self, self.path(key), base, outline())

    def disable(self, key: str) -> "Document":
        """Comment the whole block of `key` out, line by line; `enable` is the exact way back."""
        return blocks.disabled(self, self.path(key))

    def enable(self, key: str) -> "Document":
        """Take the comment signs from the whole block of a commented `key`."""
        return blocks.enabled(self, self.path(key))

    # --- what the workshops use

    def with_text(self, text: str) -> "Document":
        """A document of another text."""
        return Document(text)

    def with_lines(self, lines: Mapping[int, str]) -> "Document":
        """This document with some lines (by number from 0) written anew."""
        return Document("".join(lines.get(number, line) for number, line in enumerate(self.lines)))

    def checked(self, after: "Document", paths: Iterable[Path]) -> "Document":
        """`after`, when YAML reads in it what it read here, but for `paths` and the blocks around them that came or
        went; raises TextProblem otherwise."""
        meant = list(paths)
        old, new = leaves(self.tree), leaves(after.tree)
        for other in old.keys() | new.keys():
            if old.get(other) == new.get(other) or any(other[: len(path)] == path for path in meant):
                continue
            around = any(path[: len(other)] == other for path in meant)
            if not (around and _is_empty(old.get(other)) and _is_empty(new.get(other))):
                key = ".".join(meant[0])
                raise TextProblem(
                    _("Changing %(key)s would also change %(other)s, so nothing was changed.")
                    % {"key": key, "other": ".".join(other)},
                    _("Change it in an editor, then import the file."),
                    line=self.line(key),
                    key=key,
                )
        return after


def _is_empty(leaf: tuple[str, str, str] | None) -> bool:
    """Absent, empty, or a block: what a key may be before and after its first child came."""
    return leaf is None or leaf[0] == "mapping" or leaf[1].endswith(":null")


@lru_cache(maxsize=64)
def _tree(text: str) -> Tree:
    return Tree(text)


@lru_cache(maxsize=8)
def read(text: str) -> Document:
    """The document of `text`, kept while a request asks for it again and again; raises TextProblem."""
    return Document(text)


def outline() -> Document:
    """Harbor's keys in the order of its template, for texts that come without one."""
    return read(OUTLINE)
