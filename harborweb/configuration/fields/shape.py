"""What a row of the table of keys looks like. The rows stand beside it; the package puts them together."""

import enum
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from harborweb.configuration.text.reading import Value

Words = str | Promise
OLDEST = "2.11"  # the oldest template that harborweb knows
NEWEST = "2.15"


class Kind(enum.Enum):
    """What a field takes; the form, the parser and the rules go by it."""

    TEXT = "text"
    PASSWORD = "password"  # noqa: S105 - a kind of field
    HOST = "host"  # a name or an IP address
    URL = "url"
    PATH = "path"
    PORT = "port"
    NUMBER = "number"  # whole; `least` and `most` bound it
    FRACTION = "fraction"  # a number with a point
    BOOLEAN = "boolean"
    CHOICE = "choice"  # one of `choices`
    LIST = "list"  # any of `choices`, one line each
    DURATION = "duration"  # as Go writes it: 90s, 5m0s, 1h30m
    HOURS = "hours"  # whole hours with an h: 168h
    SIZE = "size"  # bytes, or with k, M or G behind
    MAPPING = "mapping"  # names with values, made by the operator


class Effect(enum.Enum):
    """What a change needs before it counts."""

    RESTART = gettext_lazy("Counts from the next deployment on; Harbor restarts for it.")
    DOWN_UP = gettext_lazy("Counts once Harbor has been taken down and brought up again, as every deployment does.")
    FIRST_START = gettext_lazy("Counts when Harbor starts for the first time; later it is changed in Harbor itself.")
    NEVER = gettext_lazy("Cannot be changed once Harbor has run.")


class Source(enum.Enum):
    """Who says that the key exists."""

    TEMPLATE = "template"  # harbor.yml.tmpl of 2.15, live or commented
    PREPARE = "prepare"  # prepare reads it, the template does not show it
    DISTRIBUTION = "distribution"  # a parameter of the registry's storage driver; prepare passes the block on whole


class Tls(enum.StrEnum):
    """Where TLS ends. No key of harbor.yml: it decides which keys count."""

    HARBOR = "harbor"
    PROXY = "proxy"
    NOWHERE = "nowhere"


ANYWHERE = frozenset(Tls)
HARBOR_ONLY = frozenset({Tls.HARBOR})


@dataclass(frozen=True)
class Section:
    """A page of the wizard."""

    name: str
    title: Words
    lead: Words


@dataclass(frozen=True)
class Block:
    """A block of keys that is switched on or off as a whole.

    `group`: of the blocks with the same group at most one may be live (the storage drivers, the trace exporters).
    `needs`: the keys that have to be live with it, by their names below it.
    """

    key: str
    section: str
    title: Words
    help: Words
    effect: Effect = Effect.DOWN_UP
    needs: tuple[str, ...] = ()
    group: str = ""
    since: str = OLDEST
    source: Source = Source.TEMPLATE


@dataclass(frozen=True)
class Field:
    """One key: what it is called, what it means, what it takes, what a change needs."""

    key: str
    section: str
    kind: Kind
    label: Words
    help: Words
    effect: Effect
    default: Value = None  # what Harbor uses without the key; None: nothing, or the key has to be there
    secret: bool = False
    optional: bool = False  # may be left empty: the key goes back to its comment
    only: frozenset[Tls] = ANYWHERE  # counts only where TLS ends here
    placeholder: str = ""
    random: bool = False  # nobody types it, so harborweb may make it up
    basic: bool = False  # a beginner's first page asks it
    choices: tuple[str, ...] = ()
    unit: Words = ""
    least: int | None = None
    most: int | None = None
    since: str = OLDEST  # the first template that has it; the oldest known one: it was there before
    source: Source = Source.TEMPLATE

    @property
    def block(self) -> str:
        """The block the key stands in; empty at top level."""
        return self.key.rpartition(".")[0]

    @property
    def name(self) -> str:
        """The key without its block."""
        return self.key.rpartition(".")[2]
