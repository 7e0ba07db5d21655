"""A message: what happened, grouped by kind and project, as data, as text and as a subject. Pure.

What a registry says is a stranger's word: it is cut to one printable line, and escaped for whoever reads it.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from harborweb.audit.models import Happening
from harborweb.verification.sentences import shown

_CALLS = re.compile(r"@(?=(?:all|channel|everyone|here)\b)", re.IGNORECASE)
LISTED = 20  # of one message, those of the worst kinds first
CHANGES = (Happening.Kind.GONE, Happening.Kind.SIGNER, Happening.Kind.TAG_BACK)
ORDER = [kind.value for kind in Happening.Kind]


@dataclass(frozen=True)
class Item:
    """One happening, ready to be read."""

    registry: str
    project: str
    repository: str
    digest: str
    tags: tuple[str, ...]
    image: str
    kind: str
    word: str
    reason: str
    at: datetime

    @classmethod
    def of(cls, row: Happening) -> "Item":
        return cls(
            row.registry.name, shown(row.project), shown(row.repository), row.digest,
            tuple(shown(tag) for tag in row.tags[:10]), shown(row.image), row.kind, str(row.get_kind_display()),
            shown(row.reason), row.at,
        )  # fmt: skip


@dataclass(frozen=True)
class Told:
    """One message; `items` are the first LISTED, `total` how many there are."""

    title: str
    items: Sequence[Item]
    total: int
    by_kind: Mapping[str, int]  # word: count, worst first
    by_project: Mapping[str, int]
    link: str
    test: bool = False

    @property
    def more(self) -> int:
        """How many are not listed."""
        return self.total - len(self.items)

    def as_data(self, identity: str, at: datetime) -> dict[str, Any]:
        """The body of a webhook."""
        return {
            "type": "harborweb.test" if self.test else "harborweb.findings",
            "id": identity, "at": at.isoformat(), "title": self.title, "url": self.link, "total": self.total,
            "more": self.more, "by_kind": dict(self.by_kind), "by_project": dict(self.by_project),
            "items": [
                {
                    "registry": one.registry, "project": one.project, "repository": one.repository,
                    "digest": one.digest, "tags": list(one.tags), "kind": one.kind, "reason": one.reason,
                    "at": one.at.isoformat(),
                }
                for one in self.items
            ],
        }  # fmt: skip

    def as_text(self) -> str:
        """Plain text: the title, the sums, a line for each one listed, where to look."""
        sums = ", ".join(f"{word} {n}" for word, n in self.by_kind.items())
        lines = [self.title, "", sums, ""] if sums else [self.title, ""]
        for one in self.items:
            lines.append(f"{one.word}: {one.image or one.registry}" + (f" ({one.reason})" if one.reason else ""))
        if self.more:
            lines.append(ngettext("and %(n)d more", "and %(n)d more", self.more) % {"n": self.more})
        return "\n".join([*lines, "", self.link]).rstrip() + "\n"

    def as_slack(self) -> dict[str, str]:
        """What Slack, Mattermost and Rocket.Chat take; `&`, `<` and `>` mean something to them, and @all calls all."""
        text = _CALLS.sub("@\u200b", self.as_text())
        for character, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
            text = text.replace(character, name)
        return {"text": text}


def told(rows: Sequence[Happening], link: str) -> Told:
    """The message about `rows`, worst kinds first."""
    items = sorted((Item.of(row) for row in rows), key=lambda one: (ORDER.index(one.kind), one.repository, one.image))
    words = {kind.value: str(kind.label) for kind in Happening.Kind}
    kinds, projects = Counter(one.kind for one in items), Counter(one.project for one in items if one.project)
    changed = sum(kinds[kind] for kind in CHANGES)
    new = len(items) - changed - kinds[Happening.Kind.SOLVED] - kinds[Happening.Kind.SWEEP]
    new -= kinds[Happening.Kind.KEY_ENDS]
    parts = [
        ngettext("%(n)d new finding", "%(n)d new findings", new) % {"n": new} if new else "",
        ngettext("%(n)d change", "%(n)d changes", changed) % {"n": changed} if changed else "",
        ngettext("%(n)d solved", "%(n)d solved", kinds["solved"]) % {"n": kinds["solved"]} if kinds["solved"] else "",
        _("a sweep that could not read everything") if kinds["sweep"] else "",
        _("a key that ends soon") if kinds["key_ends"] else "",
    ]
    names = sorted({one.registry for one in items})
    title = _("%(what)s on %(where)s") % {"what": ", ".join(filter(None, parts)), "where": ", ".join(names[:3])}
    by_kind = {words[kind]: kinds[kind] for kind in ORDER if kinds[kind]}
    return Told(title, items[:LISTED], len(items), by_kind, dict(projects.most_common(20)), link)


def trial(link: str, who: str) -> Told:
    """The message of the test button."""
    title = _("Test from harborweb: notices arrive here. Sent by %(who)s.") % {"who": who}
    return Told(title, (), 0, {}, {}, link, test=True)
