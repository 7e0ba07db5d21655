"""harbor.yml from a shell: `key=value` into edits, values into YAML. The commands config_set and config_get use it."""

import re
from collections.abc import Mapping, Sequence

from django.utils.translation import gettext as _

from harborweb.configuration.fields import BY_KEY
from harborweb.configuration.text.bringing import companions
from harborweb.configuration.text.document import Document
from harborweb.configuration.text.reading import Entry, Path, TextProblem
from harborweb.configuration.text.syntax import Node, compose
from harborweb.configuration.text.values import NULL, TEXT, Plain, Value, construct
from harborweb.configuration.text.writing import flow_list, name, scalar
from harborweb.configuration.veil import DOTS, is_secret
from harborweb.errors import Problem

Given = Value | Sequence[Value] | Mapping[str, "Given"]
KEY = re.compile(r"[^\s.=#][^=#\n]*")


def pair(argument: str) -> tuple[str, str]:
    """`key=value` as key and text; raises Problem for anything else."""
    key, equals, text = argument.partition("=")
    if not equals or not KEY.fullmatch(key) or any(not part.strip() for part in key.split(".")):
        raise Problem(
            _("%(argument)s is no key=value.") % {"argument": key if equals else argument.partition(" ")[0]},
            _("Write for example http.port=8080; a dot stands between block and key."),
        )
    return key, text


def given(key: str, text: str) -> Given:
    """What YAML makes of `text`: a value, a list of values, or a mapping. Nothing at all is an empty key.

    Numbers, dates and the like are kept as they were written. Raises TextProblem, never naming the value: it may be
    a secret.
    """
    quote = _("Put text in quotes that YAML sees, in the shell: %(key)s='\"…\"'.") % {"key": key}

    def stumbled(why: str, _offset: int) -> Exception:
        return TextProblem(_("The value of %(key)s is no YAML: %(why)s.") % {"key": key, "why": why}, quote, key=key)

    node = compose(text, [0, *(found.end() for found in re.finditer("\n", text))], stumbled) if text.strip() else None
    if node is None and not text.strip():
        return None
    if node is None or text[node.end :].strip() or (node.kind != "scalar" and re.search(r"\s#", text)):
        message = _("In the value of %(key)s YAML sees a comment: what follows a # does not count.") % {"key": key}
        raise TextProblem(message, quote, key=key)
    return _made(key, node, quote)


def _made(key: str, node: Node, quote: str) -> Given:
    if node.anchor or node.target or node.begin > node.start:
        message = _("In the value of %(key)s YAML sees an anchor, an alias or a tag.") % {"key": key}
        raise TextProblem(message, quote, key=key)
    if node.kind == "mapping":
        if not node.pairs or any(one.kind != "scalar" for one, _value in node.pairs):
            raise TextProblem(_("%(key)s would be a block without keys.") % {"key": key}, quote, key=key)
        return {one.content: _made(f"{key}.{one.content}", value, quote) for one, value in node.pairs}
    if node.kind == "sequence":
        if any(item.kind != "scalar" for item in node.items):
            message = _("A list in %(key)s holds more than plain values.") % {"key": key}
            raise TextProblem(message, _("Write it in an editor."), key=key)
        return [_value(key, item, quote) for item in node.items]
    return _value(key, node, quote)


def _value(key: str, node: Node, quote: str) -> Value:
    if node.tag == TEXT:
        return node.content
    try:
        construct(node.tag, node.content)
    except ValueError as error:
        message = _("The value of %(key)s looks like a number or a date to YAML, and is none.") % {"key": key}
        raise TextProblem(message, quote, key=key) from error
    return None if node.tag == NULL else Plain(node.content)


def edited(document: Document, key: str, value: Given, template: Document | None) -> Document:
    """`document` with `value` at `key`; of a mapping every key is set, and what it does not
    name is unset, but for what prepare needs there.

    Raises TextProblem (or Problem) where it cannot be done exactly.
    """
    if isinstance(value, Mapping):
        for word, inner in value.items():
            document = edited(document, f"{key}.{word}", inner, template)
        company = companions()
        for word in document.keys(key):
            if word not in value and not any(
                one[: key.count(".") + 2] == document.path(f"{key}.{word}") for one in company
            ):
                document = document.unset(f"{key}.{word}", template)
        return document
    if isinstance(value, Sequence) and not isinstance(value, str):
        return document.set_items(key, value, template)
    return document.set(key, value, template)


def unset(document: Document, key: str, template: Document | None) -> Document:
    """`document` without a live `key`; raises TextProblem for a key that nobody knows."""
    if document.has(key):
        return document.unset(key, template)
    if not document.knows(key) and key not in BY_KEY and not (template and template.knows(key)):
        raise TextProblem(
            _("There is no key %(key)s in this harbor.yml.") % {"key": key}, _("Look at its name."), key=key
        )
    return document


def shown(document: Document, key: str = "", *, reveal: bool = False) -> str:
    """The value of `key` as YAML: a scalar in one line, a list, or a block; without a key, all of it.

    In blocks, secrets are dots unless `reveal`; the value of the very key asked for is shown. Raises TextProblem for
    a key that is not live.
    """
    if not key:
        return "".join(_block(document, (), 0, reveal))
    path = document.path(key)
    entry = document.tree.entries.get(path)
    if entry is None:
        line = document.line(key)
        message = _("%(key)s is not set in this harbor.yml.") if line is None else _(
            "%(key)s is not set in this harbor.yml; line %(line)s has it as a comment."
        )  # fmt: skip
        raise TextProblem(message % {"key": key, "line": line}, line=line, key=key)
    if entry.kind == "scalar":
        return _scalar(entry) + "\n"
    children = list(document.tree.children(path))
    if not children:
        return "[]\n" if entry.kind == "sequence" else "{}\n"
    return "".join(_block(document, path, 0, reveal))


def raw(document: Document, key: str) -> str:
    """The value of a scalar as plain text, for programs; lists one item a line. Raises TextProblem."""
    shown(document, key)
    path = document.path(key)
    entry = document.tree.entries[path]
    if entry.kind == "mapping":
        raise TextProblem(_("%(key)s is a block of keys.") % {"key": key}, _("Ask for one of its keys."), key=key)
    entries = [entry] if entry.kind == "scalar" else list(document.tree.children(path))
    return "".join(("" if one.tag == NULL else one.content) + "\n" for one in entries)


def _block(document: Document, path: Path, indent: int, reveal: bool) -> list[str]:
    lines: list[str] = []
    listed = path and document.tree.entries[path].kind == "sequence"
    for entry in document.tree.children(path):
        head = " " * indent + ("-" if listed else f"{name(entry.path[-1])}:")
        children = list(document.tree.children(entry.path))
        if entry.kind == "scalar":
            hidden = not reveal and entry.content and is_secret(entry.path)
            value = scalar(DOTS) if hidden else _scalar(entry)
            lines.append(f"{head} {value}".rstrip(" ") + "\n")
        elif not children:
            lines.append(f"{head} {'[]' if entry.kind == 'sequence' else '{}'}\n")
        elif entry.kind == "sequence" and all(one.kind == "scalar" for one in children) and listed:
            lines.append(f"{head} {flow_list([_written(one) for one in children])}\n")
        else:
            lines += [f"{head}\n", *_block(document, entry.path, indent + 2, reveal)]
    return lines


def _written(entry: Entry) -> Value:
    if entry.tag == TEXT:
        return entry.content
    return None if entry.tag == NULL else Plain(entry.content)


def _scalar(entry: Entry) -> str:
    return scalar(_written(entry))
