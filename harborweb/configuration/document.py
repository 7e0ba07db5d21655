"""The text of a harbor.yml: read a key, change one key, leave every other byte alone.

Keys are dotted: `http.port`. A Document never changes; every edit returns a new one, which has been
read again by ruamel.yaml and compared: if anything but that key changed, nothing comes back but an error.
"""

import re
from functools import cached_property, lru_cache

from django.utils.translation import gettext as _

from harborweb.configuration import comments
from harborweb.configuration.comments import Commented
from harborweb.configuration.reading import Entry, Path, TextProblem, Tree, Value, leaves
from harborweb.configuration.writing import scalar

# prepare's shell takes the last word of this key's line (facts/harbor.md): no quotes, no spaces, no comment.
SHELL_KEYS = frozenset({"data_volume"})


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

    @property
    def line_end(self) -> str:
        """How this file ends its lines."""
        return "\r\n" if self.lines and self.lines[0].endswith("\r\n") else "\n"

    # --- reading

    def has(self, key: str) -> bool:
        """Whether `key` is live (also when its value is empty)."""
        return _path(key) in self.tree.entries

    def knows(self, key: str) -> bool:
        """Whether `key` is live or stands in a comment."""
        return self.has(key) or _path(key) in self.commented

    def get(self, key: str) -> Value:
        """The value of a live key; None when it is empty, a block, or not live."""
        entry = self.tree.entries.get(_path(key))
        return entry.value if entry else None

    def kind(self, key: str) -> str:
        """scalar, mapping or sequence; empty when `key` is not live."""
        entry = self.tree.entries.get(_path(key))
        return entry.kind if entry else ""

    def items(self, key: str) -> list[Value]:
        """The scalar items of a list; empty when it is none."""
        if self.kind(key) != "sequence":
            return []
        return [entry.value for entry in self.tree.children(_path(key))]

    def keys(self, key: str = "") -> list[str]:
        """The names of the live keys directly below `key` (or at top level)."""
        return [entry.path[-1] for entry in self.tree.children(_path(key) if key else ())]

    def line(self, key: str) -> int | None:
        """The number of the line (from 1) where `key` stands, live or in a comment."""
        path = _path(key)
        if entry := self.tree.entries.get(path):
            return self.tree.line(entry.key_start)
        return self.commented[path].index + 1 if path in self.commented else None

    def suggested(self, key: str) -> Value:
        """The value that stands in the comment of a commented key."""
        found = self.commented.get(_path(key))
        if found is None:
            return None
        try:
            return Document(found.bare.strip()).get(found.path[-1])
        except TextProblem:
            return None

    # --- editing

    def set(self, key: str, value: Value) -> "Document":
        """Give `key` this value: a live key in its place, a commented one becomes live in its own line, one that is
        nowhere comes at the end of its block. The same value again changes nothing.

        Raises TextProblem where it cannot be done without touching anything else.
        """
        path = _path(key)
        if path in self.tree.entries and self.kind(key) == "scalar" and _same(self.get(key), value):
            return self
        after = self._live(path)
        after = after if _same(after.get(key), value) else after._replace(path, value)
        return self._checked(after, path, value)

    def make_live(self, key: str) -> "Document":
        """Make a commented key live with the value that stands in its comment."""
        path = _path(key)
        after = self._live(path)
        return self._checked(after, path, after.get(key))

    def unset(self, key: str) -> "Document":
        """Turn the line of a live key into a comment, in place."""
        entry = self._own_line(_path(key))
        index = self.tree.line(entry.key_start) - 1
        line = self.lines[index]
        indent = len(line) - len(line.lstrip(" "))
        return self._checked(self._with_line(index, f"{line[:indent]}# {line[indent:]}"), entry.path)

    def revert(self, key: str, base: "Document") -> "Document":
        """Put `key` back to how it stands in `base`: its line, its comment, or nowhere."""
        after = self
        path = _path(key)
        for depth in range(len(path), 0, -1):
            part = path[:depth]
            emptied = after.kind(".".join(part)) == "scalar" and part not in base.tree.entries
            if depth == len(path) or emptied:
                after = after._reverted(part, base)
        return self._checked(after, path)

    def disable(self, key: str) -> "Document":
        """Comment the whole block of `key` out, line by line; `enable` is the exact way back."""
        entry = self._own_line(_path(key), block=True)
        first = self.tree.line(entry.key_start) - 1
        indent = entry.key_start - self.tree.starts[first]
        last = comments.block_end(self.text, self.lines, self.tree, entry)
        lines = [
            f"{line[:indent]}# {line[indent:]}" if line.strip() and first <= number <= last else line
            for number, line in enumerate(self.lines)
        ]
        after = self._checked(Document("".join(lines)), entry.path)
        if after.enable(key).text != self.text:
            raise TextProblem(
                _("This block cannot be commented out and brought back unchanged."),
                _("Comment it out in an editor, then import the file."),
                line=first + 1,
                key=key,
            )
        return after

    def enable(self, key: str) -> "Document":
        """Take the comment signs from the whole block of a commented `key`."""
        path = _path(key)
        found = self.commented.get(path)
        if found is None:
            raise TextProblem(_("There is no commented %(key)s to bring back.") % {"key": key}, key=key)
        for last in comments.commented_ends(self.lines, found):
            space = comments.strip_layer(self.lines[found.index]).lstrip(" ") == found.bare.lstrip(" ")
            lines = [
                comments.strip_layer(line, space=space) if found.index <= number <= last else line
                for number, line in enumerate(self.lines)
            ]
            try:
                after = self._checked(Document("".join(lines)), path)
            except TextProblem:
                continue
            if after.has(key):
                return after
        raise TextProblem(
            _("The commented block of %(key)s is no YAML once its comment signs are taken away.") % {"key": key},
            _("Mend it in an editor, then import the file."),
            line=found.index + 1,
            key=key,
        )

    # --- how

    def _live(self, path: Path) -> "Document":
        """Make `path` live: from its comment, or as an empty key at the end of its block."""
        if path in self.tree.entries:
            return self
        after = self._live(path[:-1]) if len(path) > 1 else self
        parent = after.tree.entries.get(path[:-1])
        if parent and (parent.flow or (parent.kind != "mapping" and parent.value is not None) or parent.alias):
            raise TextProblem(
                _("%(parent)s is no block of keys, so %(key)s has no place.")
                % {"parent": ".".join(path[:-1]), "key": path[-1]},
                _("Write it as a block in an editor, then import the file."),
                line=after.tree.line(parent.key_start),
                key=".".join(path),
            )
        found = after.commented.get(path)
        indent = after._child_indent(path[:-1], found)
        if found is None:
            return after._added(path, indent)
        body = found.bare.lstrip(" ")
        try:
            return after._with_line(found.index, " " * indent + body)
        except TextProblem:  # the comment's value is no YAML: only the key is taken
            end = "\r\n" if body.endswith("\r\n") else "\n" if body.endswith("\n") else ""
            return after._with_line(found.index, f"{' ' * indent}{path[-1]}:{end}")

    def _child_indent(self, parent: Path, found: Commented | None) -> int:
        siblings = list(self.tree.children(parent))
        if siblings:
            return siblings[0].key_start - self.tree.starts[self.tree.line(siblings[0].key_start) - 1]
        if not parent:
            return 0
        own = self._indent(self.tree.entries[parent])
        return found.indent if found and found.indent > own else own + 2

    def _indent(self, entry: Entry) -> int:
        return entry.key_start - self.tree.starts[self.tree.line(entry.key_start) - 1]

    def _added(self, path: Path, indent: int) -> "Document":
        """`path` as an empty key on a new line at the end of its block."""
        line = f"{' ' * indent}{path[-1]}:"
        parent = self.tree.entries.get(path[:-1])
        if parent is None and self.tree.root_flow:
            raise TextProblem(_("This harbor.yml is written inside { }."), _("Write one key per line."), line=1)
        position = len(self.lines)
        if parent is not None:
            position = comments.block_end(self.text, self.lines, self.tree, parent) + 1
        before, after = self.lines[:position], self.lines[position:]
        if before and not before[-1].endswith("\n"):
            return Document("".join(before) + self.line_end + line)
        return Document("".join([*before, line + self.line_end, *after]))

    def _replace(self, path: Path, value: Value) -> "Document":
        """Write `value` over the value of a live scalar."""
        entry = self._own_line(path, flow=True)
        key = ".".join(path)
        colon = self.text.index(":", entry.key_end)
        empty = entry.start == entry.end
        start = colon + 1 if empty else entry.start
        if empty and self.text[start : start + 1] == " ":
            start += 1
        end = start if empty else entry.end
        if value is None:
            start = colon + 1
        style = "" if key in SHELL_KEYS else entry.style
        written = scalar(value, style, flow=entry.flow)
        if key in SHELL_KEYS:
            self._refuse_unreadable_by_shell(key, str(value), written, end)
        before = self.text[:start] + (" " if start == colon + 1 and written else "")
        after = self.text[end:]
        if empty and after and not after[0].isspace() and after[0] not in ",}]":
            after = " " + after
        return Document(before + written + after)

    def _refuse_unreadable_by_shell(self, key: str, value: str, written: str, end: int) -> None:
        line = self.tree.line(end)
        if value and (written != value or len(value.split()) != 1):
            raise TextProblem(
                _("This path needs quotes or holds a space."),
                _("prepare takes the last word of this line as it stands. Use a path of letters, digits, / . _ and -."),
                line=line,
                key=key,
            )
        rest = self.text[end : self.text.find("\n", end) if "\n" in self.text[end:] else len(self.text)]
        if rest.strip():
            raise TextProblem(
                _("A comment stands behind the path on line %(line)s.") % {"line": line},
                _("prepare takes the last word of this line. Delete the comment in an editor, then import the file."),
                line=line,
                key=key,
            )

    def _own_line(self, path: Path, *, block: bool = False, flow: bool = False) -> Entry:
        """The entry of a live key that can be edited by its line; raises TextProblem for what cannot."""
        entry = self.tree.entries.get(path)
        key = ".".join(path)
        if entry is None:
            raise TextProblem(_("%(key)s is not set in this harbor.yml.") % {"key": key}, key=key)
        raw = self.text[entry.start : entry.end]
        odd = entry.alias or raw[:1] in ("&", "!") or (entry.flow and not flow)
        if not block:
            odd = odd or entry.kind != "scalar" or entry.style in ("|", ">") or "\n" in raw.rstrip()
            between = self.text[entry.key_end : entry.start] if entry.end > entry.start else ":"
            odd = odd or between.strip(" ") != ":"
        if odd or entry.key_start == entry.key_end:
            raise TextProblem(
                _("The value of %(key)s is written in a way that harborweb does not edit (line %(line)s).")
                % {"key": key, "line": self.tree.line(entry.key_start)},
                _("Write it as one plain line in an editor, then import the file."),
                line=self.tree.line(entry.key_start),
                key=key,
            )
        return entry

    def _reverted(self, path: Path, base: "Document") -> "Document":
        mine, key = self.line(".".join(path)), ".".join(path)
        theirs = base.line(key)
        if mine is None and theirs is None:
            return self
        if mine is not None and theirs is not None:
            entry, old = self.tree.entries.get(path), base.tree.entries.get(path)
            if entry and old and (entry.flow or old.flow):  # other keys share the line
                value = base.text[old.start : old.end]
                return Document(self.text[: entry.start] + value + self.text[entry.end :])
            return self._with_line(mine - 1, base.lines[theirs - 1])
        if mine is None:
            return self.set(key, base.get(key)) if base.has(key) else self
        self._own_line(path)
        lines = self.lines[: mine - 1] + self.lines[mine:]
        text = "".join(lines)
        if mine == len(self.lines) and not self.lines[-1].endswith("\n"):
            text = text.removesuffix(self.line_end)
        return Document(text)

    def _with_line(self, index: int, line: str) -> "Document":
        return Document("".join([*self.lines[:index], line, *self.lines[index + 1 :]]))

    def _checked(self, after: "Document", path: Path, *value: Value) -> "Document":
        """`after`, when YAML reads in it what it read here but for `path` (and blocks around it that came or went)."""
        old, new = leaves(self.tree), leaves(after.tree)
        for other in old.keys() | new.keys():
            if old.get(other) == new.get(other) or other[: len(path)] == path:
                continue
            block_came_or_went = path[: len(other)] == other and _is_empty(old.get(other)) and _is_empty(new.get(other))
            if not block_came_or_went:
                raise TextProblem(
                    _("Changing %(key)s would also change %(other)s, so nothing was changed.")
                    % {"key": ".".join(path), "other": ".".join(other)},
                    _("Change it in an editor, then import the file."),
                    key=".".join(path),
                )
        if value and not (path in after.tree.entries and _same(after.get(".".join(path)), value[0])):
            raise TextProblem(_("YAML would read another value than the one typed."), key=".".join(path))
        return after


def _is_empty(leaf: tuple[str, str, str] | None) -> bool:
    """Absent, empty, or a block: what a key may be before and after its first child came."""
    return leaf is None or leaf[0] == "mapping" or leaf[1].endswith(":null")


def _same(one: Value, other: Value) -> bool:
    return type(one) is type(other) and one == other


def _path(key: str) -> Path:
    return tuple(key.split("."))


@lru_cache(maxsize=32)
def _tree(text: str) -> Tree:
    return Tree(text)


@lru_cache(maxsize=8)
def read(text: str) -> Document:
    """The document of `text`, kept while a request asks for it again and again; raises TextProblem."""
    return Document(text)
