"""From an image's configuration to commands that run it: docker run, a compose file, and what to look at first. Pure.

What the image sets itself (user, folder, command, health) is left to the image and shown as such; only what docker
cannot know is made up here: names, ports on this side, volumes.
"""

import io
import re
import shlex
import unicodedata
from dataclasses import dataclass, field, replace

from django.utils.translation import gettext as _
from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from harborweb.registry.image import Config, Health

PORT = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?(?:/(tcp|udp|sctp))?")
PRIVILEGED = 1024  # ports below need root on this side
SHIFT = 8000  # 80 becomes 8080, 443 becomes 8443
TOO_HIGH = 65536
MOST = 60  # ports, volumes and variables taken over
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
SECRET_WORDS = ("PASSWORD", "PASSWD", "SECRET", "TOKEN", "API_KEY", "APIKEY", "PRIVATE_KEY", "CREDENTIAL")
MEANT_TO_BE_CHANGED = re.compile(r"change[_-]?me|example\.(?:com|org)|your[_-]|localhost|<[^>]+>", re.IGNORECASE)


@dataclass(frozen=True)
class Variable:
    """A variable of the image that somebody should look at, and why."""

    name: str
    value: str
    why: str


@dataclass(frozen=True)
class Fact:
    """Something the image sets itself; `change` is the option that sets it otherwise."""

    name: str
    value: str
    change: str


@dataclass(frozen=True)
class Recipe:
    """How to run one digest."""

    command: str
    compose: str
    variables: list[Variable] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)  # what the image says and no command can take over


def recipe(reference: str, name: str, config: Config) -> Recipe:
    """The recipe for `reference` (host/repository@digest); `name` is what the container is called after."""
    name = _container(name)
    left_out: list[str] = []
    ports, volumes = _ports(config.ports, left_out), _volumes(name, config.volumes, left_out)
    variables = _variables(config.env, left_out)
    keeps_running = bool(ports or volumes or config.health)
    begin = ["docker", "run", "-d", "--name", name, "--restart", "unless-stopped"] if keeps_running else [
        "docker", "run", "--rm", "-it",
    ]  # fmt: skip
    rows = [
        begin, *(["-p", port] for port in ports), *(["-v", f"{volume}:{path}"] for volume, path in volumes.items()),
        *(["-e", f"{one.name}={one.value}"] for one in variables), [reference],
    ]  # fmt: skip
    # The reference is not indented: it is long, and a narrow page would break the line before it.
    command = " \\\n  ".join(shlex.join(row) for row in rows[:-1]) + f" \\\n{shlex.join(rows[-1])}"
    compose = _compose(reference, name, ports, volumes, variables, keeps_running)
    return Recipe(command, compose, variables, _facts(config), left_out[:MOST])


def _container(name: str) -> str:
    """A name docker takes: at least two characters of its alphabet."""
    clean = re.sub(r"[^a-zA-Z0-9_.-]", "-", name).lstrip("_.-")[:60]
    return clean if len(clean) > 1 else f"{clean or 'image'}-1"


def _ports(listed: list[str], left_out: list[str]) -> list[str]:
    """HOST:CONTAINER for each exposed port; low ones are shifted, none is taken twice."""
    found: list[str] = []
    taken: set[tuple[int, str]] = set()
    for port in listed[:MOST]:
        match = PORT.fullmatch(port)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if match is None or not 0 < first <= last < TOO_HIGH - SHIFT:
            left_out.append(_("port %s") % _shown(port))
            continue
        protocol = match[3] or "tcp"
        here = first if first >= PRIVILEGED else first + SHIFT
        while any((here + n, protocol) in taken for n in range(last - first + 1)):
            here += 1
        taken |= {(here + n, protocol) for n in range(last - first + 1)}
        spans = f"{here}:{first}" if first == last else f"{here}-{here + last - first}:{first}-{last}"
        found.append(spans if protocol == "tcp" else f"{spans}/{protocol}")
    return found


def _volumes(name: str, listed: list[str], left_out: list[str]) -> dict[str, str]:
    """Named volumes by name, each with its place inside."""
    found: dict[str, str] = {}
    for path in listed[:MOST]:
        if not path.startswith("/") or path == "/" or any(c in path for c in ":\n") or _obeyed(path):
            left_out.append(_("volume %s") % _shown(path))
            continue
        stem = f"{name}-{re.sub(r'[^a-zA-Z0-9_.-]', '-', path.rstrip('/').rsplit('/', 1)[-1])[:60] or 'data'}"
        volume, n = stem, 2
        while volume in found:
            volume, n = f"{stem}-{n}", n + 1
        found[volume] = path
    return found


def _variables(env: list[str], left_out: list[str]) -> list[Variable]:
    """Those without a value, those that hold a secret, and those with a value that is meant to be changed.

    A command is pasted into a terminal, which obeys some characters even between quotes: they never come into one.
    """
    found = []
    for one in env:
        name, equals, value = one.partition("=")
        if not VARIABLE.fullmatch(name):
            continue
        if any(word in name.upper() for word in SECRET_WORDS):
            why = _("A secret. What stands in an image everybody who may pull can read: set your own.")
        elif not equals or not value:
            why = _("Empty in the image: it may need a value.")
        elif MEANT_TO_BE_CHANGED.search(value):
            why = _("The image’s value looks like a placeholder.")
        else:
            continue
        if _obeyed(value):
            left_out.append(_("variable %s") % name)
        else:
            found.append(Variable(name, value, why))
    return found[:MOST]


def _obeyed(text: str) -> str:
    """The characters of `text` that steer a terminal, or turn the order of what is shown."""
    return "".join(c for c in text if unicodedata.category(c) in {"Cc", "Cf"} and c not in "\n\t")


def _shown(text: str) -> str:
    """A stranger's text to look at, and to copy without harm."""
    return text.translate({ord(c): "\ufffd" for c in _obeyed(text)})


def _facts(config: Config) -> list[Fact]:
    """What the image sets itself, with the option of docker run that sets it otherwise."""
    root = config.user.partition(":")[0] in {"", "0", "root"}
    facts = [
        Fact(_("User"), config.user or _("root (the image names none)"), "--user" if not root else "--user 1000:1000"),
        Fact(_("Folder"), config.working_dir, "--workdir"),
        Fact(_("Entrypoint"), shlex.join(config.entrypoint), "--entrypoint"),
        Fact(_("Command"), shlex.join(config.command), _("words after the image")),
        Fact(_("Health"), _health(config.health) if config.health else "", "--no-healthcheck"),
        Fact(_("Stops on"), config.stop_signal, "--stop-signal"),
    ]
    return [replace(fact, value=_shown(fact.value)) for fact in facts if fact.value]


def _health(health: Health) -> str:
    kind, *rest = health.test
    if kind == "NONE":
        return _("switched off")
    line = shlex.join(rest) if kind == "CMD" else " ".join(rest) if kind == "CMD-SHELL" else shlex.join(health.test)
    every = _("every %g s") % health.interval if health.interval else _("every 30 s")
    return f"{line} ({every})"


def _compose(
    reference: str, name: str, ports: list[str], volumes: dict[str, str], variables: list[Variable], keep: bool
) -> str:
    """A compose file; a dollar sign is doubled, for compose would fill in a variable of the shell."""
    service: dict[str, object] = {"image": _text(reference)}
    if keep:
        service["restart"] = "unless-stopped"
    if ports:
        service["ports"] = [_text(port) for port in ports]
    if volumes:
        service["volumes"] = [_text(f"{volume}:{path}") for volume, path in volumes.items()]
    if variables:
        service["environment"] = {one.name: _text(one.value) for one in variables}
    content: dict[str, object] = {"services": {name: service}}
    if volumes:
        content["volumes"] = {volume: {} for volume in volumes}
    yaml = YAML()
    yaml.width = 10_000
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = io.StringIO()
    yaml.dump(content, out)
    return out.getvalue()


def _text(value: str) -> str:
    quoted: str = DoubleQuotedScalarString(value.replace("$", "$$"))
    return quoted
