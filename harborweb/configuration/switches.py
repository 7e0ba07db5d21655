"""Choices that are no single key of harbor.yml: where TLS ends, which storage driver, whose database.

Each stands for blocks of keys that are live with it or comments without it. Turning a block off gives it back as the
comment it was, byte for byte; one that was live when the draft began becomes a comment line by line, and `enable` is
the exact way back.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache

from django.utils.translation import gettext_lazy as _

from harborweb.configuration.fields import BY_BLOCK, BY_KEY, FIELDS, REQUIRED_WITH, Tls, Words
from harborweb.configuration.text import comments
from harborweb.configuration.text.document import Document
from harborweb.configuration.text.reading import TextProblem, Value

TLS = "tls"


@dataclass(frozen=True)
class Choice:
    """One of the answers: `on` is live with it, `sets` are keys it stands for, `owns` are blocks that count only
    with it, live or not, and `off` is what must be a comment besides the `on` of the other choices."""

    value: str
    title: Words
    help: Words
    on: tuple[str, ...] = ()
    sets: tuple[tuple[str, Value], ...] = ()
    owns: tuple[str, ...] = ()
    off: tuple[str, ...] = ()

    def holds(self, document: Document) -> bool:
        """Whether the text says this."""
        live = all(document.kind(key) == "mapping" or (key in BY_KEY and document.has(key)) for key in self.on)
        return live and all(document.get(key) == value for key, value in self.sets)


@dataclass(frozen=True)
class Switch:
    """A question with several answers, the first of which is what holds when nothing is said."""

    name: str
    section: str
    label: Words
    choices: tuple[Choice, ...]

    def choice(self, value: str) -> Choice | None:
        """The choice of this name."""
        return next((choice for choice in self.choices if choice.value == value), None)

    def stands(self, document: Document) -> str:
        """What the text says: the choice that asks for most of what it has."""
        most = sorted(self.choices, key=lambda choice: len(choice.on) + len(choice.sets), reverse=True)
        return next((choice.value for choice in most if choice.holds(document)), self.choices[0].value)

    @property
    def paths(self) -> tuple[str, ...]:
        """All blocks that it turns on or off, outer ones first."""
        return tuple(sorted({path for choice in self.choices for path in choice.on}, key=lambda path: path.count(".")))

    @property
    def keys(self) -> frozenset[str]:
        """The keys that its choices stand for, so that nothing else asks for them."""
        return frozenset(key for choice in self.choices for key, _value in choice.sets)


def _blocks(*keys: str, sets: tuple[tuple[str, Value], ...] = (), off: tuple[str, ...] = ()) -> Choice:
    """A choice that turns on the last of `keys`, in the words of that block."""
    block = BY_BLOCK[keys[-1]]
    return Choice(keys[-1].rpartition(".")[2], block.title, block.help, keys, sets, off=off)


DISK = BY_BLOCK["storage_service.filesystem"]
IPV4, IPV6 = "ip_family.ipv4.enabled", "ip_family.ipv6.enabled"
# fmt: off
SWITCHES = (
    Switch(TLS, "https", _("Where does TLS end?"), (
        Choice(Tls.HARBOR.value, _("In Harbor"), _("Harbor’s nginx holds certificate and key."), ("https",)),
        Choice(Tls.PROXY.value, _("At a reverse proxy in front of Harbor"),
               _("The proxy holds the certificate and talks http to Harbor.")),
        Choice(Tls.NOWHERE.value, _("Nowhere"),
               _("Plain http. Every docker client must list this registry as insecure.")),
    )),
    Switch("storage", "storage", _("Where do images lie?"), (
        Choice("filesystem", DISK.title, DISK.help, owns=(DISK.key,)),
        *(_blocks(f"storage_service.{name}", off=(DISK.key,)) for name in ("s3", "gcs", "azure", "swift", "oss")),
    )),
    Switch("database", "database", _("Which PostgreSQL?"), (
        Choice("internal", _("The one that comes with Harbor"),
               _("It runs in a container and keeps its data in the data folder."), owns=("database",)),
        _blocks("external_database"),
    )),
    Switch("redis", "redis", _("Which Redis?"), (
        Choice("internal", _("The one that comes with Harbor"),
               _("It runs in a container and keeps nothing that has to last."), owns=("redis",)),
        Choice("external", _("A Redis server of your own"), _("One server, by its host name and port."),
               ("external_redis",)),
        Choice("sentinel", _("Several of your own behind Sentinel"),
               _("Sentinels know which server is the master and tell Harbor."),
               ("external_redis", "external_redis.sentinel_master_set")),
    )),
    Switch("logs", "logs", _("Where do logs go?"), (
        Choice("local", _("To files on this machine"), _("One file for each container, rotated.")),
        Choice("external", _("To files and to a syslog server"),
               _("Harbor’s log container sends every line there too."), ("log.external_endpoint",)),
    )),
    Switch("metrics", "metrics", _("Metrics for Prometheus"), (
        Choice("off", _("Off"), _("No container for metrics runs.")),
        Choice("on", _("On"), _("One more container, which Prometheus asks for numbers."), ("metric",),
               (("metric.enabled", True),)),
    )),
    Switch("tracing", "metrics", _("Traces"), (
        Choice("off", _("Off"), _("Harbor tells nobody how long requests take.")),
        Choice("jaeger", _("To Jaeger’s collector"), _("By its address."),
               ("trace", "trace.jaeger", "trace.jaeger.endpoint"), (("trace.enabled", True),),
               owns=("trace.jaeger.username", "trace.jaeger.password")),
        Choice("agent", _("To an agent of Jaeger"), _("By its host and port."),
               ("trace", "trace.jaeger", "trace.jaeger.agent_host", "trace.jaeger.agent_port"),
               (("trace.enabled", True),)),
        Choice("otel", _("To an OpenTelemetry collector"), _("One that speaks OTLP over http."),
               ("trace", "trace.otel"), (("trace.enabled", True),)),
    )),
    Switch("ip", "ip", _("Which IP addresses?"), (
        Choice("ipv4", _("IPv4 alone"), _("What Harbor does when nothing is said.")),
        Choice("both", _("IPv4 and IPv6"), _("IPv6 also has to be on in docker; otherwise nginx does not start."),
               ("ip_family",), ((IPV4, True), (IPV6, True))),
        Choice("ipv6", _("IPv6 alone"), _("IPv6 also has to be on in docker; otherwise nginx does not start."),
               ("ip_family",), ((IPV4, False), (IPV6, True))),
    )),
    Switch("internal_tls", "internal_tls", _("TLS between Harbor’s own containers"), (
        Choice("off", _("Off"), _("They talk plain http in docker’s network on this machine.")),
        Choice("on", _("On"), _("For machines where others may read docker’s network."), ("internal_tls",),
               (("internal_tls.enabled", True),)),
    )),
)
# fmt: on
BY_SWITCH = {switch.name: switch for switch in SWITCHES}
BLOCKS = frozenset(path for switch in SWITCHES for path in switch.paths)  # switched by a choice, not by a key in them


def of_section(name: str) -> Iterator[Switch]:
    """The switches on one page of the wizard."""
    return (switch for switch in SWITCHES if switch.section == name)


@cache
def place(key: str) -> tuple[Switch, frozenset[str]] | None:
    """The switch a field belongs to and the choices with which it counts; None when it always counts."""
    field = BY_KEY[key]
    if field.only != frozenset(Tls):
        return BY_SWITCH[TLS], frozenset(tls.value for tls in field.only)
    found: tuple[Switch, frozenset[str]] | None = None
    longest = 0
    for switch in of_section(field.section):
        for path in {path for choice in switch.choices for path in (*choice.on, *choice.owns)}:
            if len(path) > longest and (key == path or key.startswith(path + ".")):
                longest = len(path)
                found = switch, frozenset(c.value for c in switch.choices if path in (*c.on, *c.owns))
    return found


@cache
def asked(key: str) -> bool:
    """Whether a question of its own asks for this key; the others are what a choice stands for."""
    return not any(key in switch.keys for switch in SWITCHES)


# --- writing a choice into a text


def turned(document: Document, switch: Switch, value: str, first: Document, template: Document) -> Document:
    """`document` with this choice: what it needs is live, what only others need is a comment as it was in `first`
    (the text when the draft began) or in `template`. Raises TextProblem where that cannot be done.
    """
    chosen = switch.choice(value)
    if chosen is None or (chosen.holds(document) and switch.stands(document) == value):
        return document
    for path in unwanted(switch, chosen):
        document = turn_off(document, path, first, template)
    for path in sorted(chosen.on, key=len, reverse=True):  # an outer block alone would bring keys of another choice
        if path in REQUIRED_WITH or not any(inner.startswith(path + ".") for inner in chosen.on):
            document = turn_on(document, path, first, template)
    for path in unwanted(switch, chosen):  # what came along
        document = turn_off(document, path, first, template)
    as_it_was = value == switch.stands(first)
    for key in switch.keys:
        wanted = dict(chosen.sets).get(key)
        if as_it_was and document.knows(key) and first.knows(key):
            document = document.revert(key, first)
        elif wanted is not None:
            document = document.set(key, wanted)
    return document


def unwanted(switch: Switch, chosen: Choice) -> list[str]:
    """The blocks and keys that must be comments with this choice, inner ones first."""
    others = {path for other in switch.choices for path in (*other.on, *(key for key in other.owns if key in BY_KEY))}
    return sorted((others | {*chosen.off}) - {*chosen.on, *chosen.owns}, key=len, reverse=True)


def turn_on(document: Document, path: str, first: Document, template: Document) -> Document:
    """Make a block, or a single key, live: line by line as it stood when the draft began, else with the keys it cannot
    do without, as their comments have them."""
    if document.kind(path) == "mapping" or (path in BY_KEY and document.has(path)):
        return document
    if first.kind(path) == "mapping" or (path in BY_KEY and first.has(path)):
        again = restored(document, path, first)
        if again.has(path):
            return again
    if path in BY_KEY:
        return _live(document, path, template)
    names = BY_BLOCK[path].needs or tuple(field.name for field in FIELDS if field.block == path)[:1]
    for name in names:
        document = _live(document, f"{path}.{name}", template)
    return document


def restored(document: Document, path: str, first: Document) -> Document:
    """`document` with the lines of a block, or of a single key, as they stand in `first`, where they are live.

    By lines and not by keys: a file may hold the same block in a comment a second time. A block around it that is a
    comment now comes back with it.
    """
    parts = path.split(".")
    above = (".".join(parts[:depth]) for depth in range(1, len(parts)))
    path = next((block for block in above if document.kind(block) != "mapping"), path)
    entry = first.tree.entries[first.path(path)]
    begin = first.tree.line(entry.key_start) - 1
    end = comments.block_end(first.text, first.lines, first.tree, entry)
    lines: list[str] = []
    matcher = SequenceMatcher(None, document.lines, first.lines, autojunk=False)
    for how, a, b, c, d in matcher.get_opcodes():
        if how == "replace" and b - a == d - c:
            pairs = zip(range(a, b), range(c, d), strict=True)
            lines += [first.lines[n] if begin <= n <= end else document.lines[m] for m, n in pairs]
        elif how != "equal" and (c <= end and d > begin if d > c else begin < c <= end):
            lines += first.lines[c:d]
        else:
            lines += document.lines[a:b]
    return document.with_text("".join(lines))


def turn_off(document: Document, path: str, first: Document, template: Document) -> Document:
    """Make a block, or a single key, a comment again: as `first` or `template` has it, else line by line as it stands.
    What was nowhere goes away whole."""
    if not document.has(path):
        return document
    if not first.has(path):
        return document.revert(path, first)
    if path in BY_KEY or (template.knows(path) and not template.has(path)):
        return document.unset(path, template)
    try:
        return document.disable(path)
    except TextProblem:  # comments among its lines would come live with it: as Harbor's own template has it
        return document.unset(path)


def _live(document: Document, key: str, template: Document) -> Document:
    if document.has(key):
        return document
    if document.knows(key):
        return document.make_live(key, template)
    return document.set(key, usual(key, template), template)


def usual(key: str, template: Document) -> Value:
    """The value that a key gets which comes live with its block and stands in no comment."""
    field = BY_KEY.get(key)
    value = template.get(key) if template.has(key) else template.suggested(key)
    if value is None and field is not None and not field.secret and not isinstance(field.default, tuple):
        return field.default
    return value


def back(document: Document, switch: Switch, first: Document, template: Document) -> Document:
    """`document` with the blocks of a switch as they stood in `first`."""
    paths = sorted({*switch.paths, *(path for choice in switch.choices for path in choice.off)}, key=len)
    for path in paths:
        if first.kind(path) == "scalar" and document.kind(path) == "mapping":  # it was there, and empty
            document = document.revert(path, first)
        if first.has(path):
            document = restored(document, path, first)
    for path in reversed(paths):
        if not first.has(path):
            document = turn_off(document, path, first, template)
    for key in switch.keys:
        if first.knows(key) and document.knows(key):
            document = document.revert(key, first)
    return document
