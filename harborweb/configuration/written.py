"""One answer, as the line of harbor.yml it becomes: lists, mappings and single values. Pure."""

from django.utils.translation import gettext as _

from harborweb.configuration.fields import BY_BLOCK, REQUIRED_WITH, Field, Kind, parse, parse_items
from harborweb.configuration.switches import BLOCKS, usual
from harborweb.configuration.text.document import Document
from harborweb.configuration.text.reading import TextProblem, Value


def changed_text(document: Document, first: Document, template: Document, field: Field, raw: str) -> str:
    """The text with `raw`, typed into `field`, written into it; raises TextProblem where it cannot stand there.

    `first` is the text when the draft began: an answer that stood there gives its very line back.
    """
    if field.kind is Kind.LIST:
        return _items(document, first, template, field, raw).text
    if field.kind is Kind.MAPPING:
        return _mapping(document, first, template, field, raw).text
    return _value(document, first, template, field, parse(field, raw)).text


def _value(document: Document, first: Document, template: Document, field: Field, value: Value) -> Document:
    key = field.key
    says_nothing = value is None and (field.optional or _alone(field))
    if field.kind in (Kind.BOOLEAN, Kind.CHOICE) and value == field.default:
        says_nothing = True  # the same as not saying it
    if says_nothing and not first.has(key) and not _required(document, key):
        return document.revert(key, first) if document.has(key) else document
    if says_nothing and value is None:
        return document.unset(key, template) if document.has(key) else document
    was = first.get(key)
    if first.has(key) and document.has(key) and was == value and type(was) is type(value):
        return document.revert(key, first)
    return document.set(key, value, template)


def _required(document: Document, key: str) -> bool:
    """Whether a live block, switched on by a choice, cannot do without this key, or it is what a choice turned on."""
    return key in BLOCKS or any(key in REQUIRED_WITH.get(block, ()) and document.has(block) for block in BLOCKS)


def _alone(field: Field) -> bool:
    """Whether its block is there for its sake, so that both go together."""
    return field.block in BY_BLOCK and field.block not in BLOCKS


def _items(document: Document, first: Document, template: Document, field: Field, raw: str) -> Document:
    items = parse_items(field, raw.splitlines())
    if first.kind(field.key) == "sequence" and [str(item) for item in first.items(field.key)] == items:
        return document.revert(field.key, first)
    return document.set_items(field.key, items, template)


def _mapping(document: Document, first: Document, template: Document, field: Field, raw: str) -> Document:
    wanted = _pairs(field, raw)
    was = document.keys(field.key) if document.kind(field.key) == "mapping" else []
    if any("." in name for name in was):
        raise _dotted(field)
    for name in was:
        if name not in wanted:
            key = f"{field.key}.{name}"
            document = document.unset(key) if first.has(key) else document.revert(key, first)
    for name, value in wanted.items():
        document = document.set(f"{field.key}.{name}", value, template)
    return document


def _pairs(field: Field, raw: str) -> dict[str, str]:
    pairs = {}
    for line in raw.splitlines():
        name, colon, value = line.strip().partition(":")
        if not line.strip():
            continue
        if not colon or not name.strip() or not value.strip():
            raise TextProblem(
                _("“%(line)s” is no name with a value.") % {"line": line.strip()[:80]},
                _("Write one each line, for example application: harbor."),
                key=field.key,
            )
        if "." in name:
            raise _dotted(field)
        pairs[name.strip()] = value.strip()
    return pairs


def _dotted(field: Field) -> TextProblem:
    return TextProblem(
        _("harborweb does not write names with a dot in them."),
        _("Write them in an editor, then import the file."),
        key=field.key,
    )


def undone_text(document: Document, first: Document, template: Document, field: Field) -> str:
    """The text with one key as it stood in `first`; one that its block cannot do without stays live with the value
    that it had in the comment.
    """
    key = field.key
    if field.kind is Kind.MAPPING and document.kind(key) == "mapping":
        for name in reversed(document.keys(key)):
            document = document.revert(f"{key}.{name}", first)
        for name in first.keys(key):
            document = document.revert(f"{key}.{name}", first)
        return document.text if document.has(key) == first.has(key) else document.revert(key, first).text
    stays = _required(document, key) and document.has(key) and not first.has(key) and not first.keys(field.block)
    if stays and not first.knows(key):
        return document.set(key, usual(key, template), template).text
    document = document.revert(key, first)
    return document.make_live(key, template).text if stays and not document.has(key) else document.text
