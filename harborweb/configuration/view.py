"""What prepare's YAML reader makes of a text: plain values, with anchors and merges followed.

The document's own tree keeps anchors as they stand, for it has to write them back; rules judge what prepare sees.
"""

from typing import Any

from django.utils.translation import gettext as _
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from harborweb.configuration.document import Document
from harborweb.configuration.reading import TAG, TextProblem

MERGE = "<<"
MOST_ALIASES = 24  # merges multiply: each one more may double the work
UNORDINARY = frozenset((f"{TAG}timestamp", f"{TAG}binary"))
KNOWN_TAGS = UNORDINARY | {f"{TAG}{name}" for name in ("null", "bool", "int", "float", "str", "seq", "map", "merge")}


def plain(document: Document) -> dict[str, Any]:
    """The keys and values of `document` as dicts, lists and scalars.

    Raises TextProblem for what YAML's syntax allows and prepare's reader cannot make a value of.
    """
    entries = document.tree.entries.values()
    for entry in entries:
        if entry.tag not in KNOWN_TAGS and not entry.alias:
            raise TextProblem(
                _("%(key)s has a tag (%(tag)s) that prepare does not know.")
                % {"key": ".".join(entry.path), "tag": entry.tag},
                _("Delete the word that begins with an exclamation mark."),
                line=document.tree.line(entry.key_start),
                key=".".join(entry.path),
            )
    aliases = sum(entry.alias for entry in entries)
    if aliases > MOST_ALIASES:
        raise TextProblem(
            _("This file refers to other parts of itself more than %(most)s times.") % {"most": MOST_ALIASES},
            _("Write the values out."),
        )
    if aliases or any(entry.path[-1] == MERGE or entry.tag in UNORDINARY for entry in entries):
        return _loaded(document.text)
    made: dict[tuple[str, ...], Any] = {(): {}}
    for entry in entries:
        value: Any = {} if entry.kind == "mapping" else [] if entry.kind == "sequence" else entry.value
        made[entry.path] = value
        parent = made[entry.path[:-1]]
        if isinstance(parent, list):
            parent.append(value)
        else:
            parent[entry.path[-1]] = value
    whole: dict[str, Any] = made[()]
    return whole


def _loaded(text: str) -> dict[str, Any]:
    yaml = YAML(typ="safe", pure=True)
    yaml.version = (1, 1)
    yaml.allow_duplicate_keys = True
    try:
        loaded = yaml.load(text)
    except (ValueError, YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        raise TextProblem(
            _("YAML cannot make a value of something here: %(why)s.")
            % {"why": getattr(error, "problem", None) or error},
            _("Put quotes around dates and other words that only look like something else."),
            line=mark.line + 1 if mark is not None else None,
        ) from error
    return {str(key): value for key, value in loaded.items()} if isinstance(loaded, dict) else {}
