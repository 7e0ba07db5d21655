"""Two sets of rendered files: what differs, what only rotates, and which containers come up different and why.

Pure. Rotating secrets are found by rendering twice: what differs between two runs of the same text is made anew on
every run, whatever it is called in this version (facts on prepare: core, jobservice, registry credential, CSRF key).
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from harborweb.configuration.diff import Diff, Hunk, Line
from harborweb.deployment import rendered_text
from harborweb.tools import compose

Files = Mapping[str, bytes]
_NAMED = re.compile(rb"([ \t]*[^=:\s]+[ \t]*[=:])[ \t]*\S")


@dataclass(frozen=True)
class Rotating:
    """What prepare makes anew on every run: the beginnings of such lines by file, and files that are new as a whole."""

    lines: Mapping[str, frozenset[bytes]]
    whole: frozenset[str]

    def steady(self, files: Files) -> dict[str, bytes]:
        """`files` with those values empty."""
        return {path: b"" if path in self.whole else self._steady(path, data) for path, data in files.items()}

    def _steady(self, path: str, data: bytes) -> bytes:
        names = self.lines.get(path)
        if not names:
            return data
        return b"".join(
            found[1] + b"\n" if (found := _NAMED.match(line)) and found[1] in names else line
            for line in data.splitlines(keepends=True)
        )


def rotating(first: Files, second: Files) -> Rotating:
    """What differs between two renderings of the same text."""
    lines: dict[str, frozenset[bytes]] = {}
    whole = set(first.keys() ^ second.keys())
    for path in first.keys() & second.keys():
        one, other = first[path].splitlines(), second[path].splitlines()
        differing = [pair for pair in zip(one, other, strict=False) if pair[0] != pair[1]]
        names = [found[1] for pair in differing for line in pair if (found := _NAMED.match(line))]
        if len(one) != len(other) or len(names) != 2 * len(differing):
            whole.add(path)
        elif names:
            lines[path] = frozenset(names)
    return Rotating(lines, frozenset(whole))


@dataclass(frozen=True)
class Changed:
    """A rendered file that would differ."""

    path: str
    state: str  # new, gone, changed
    diff: Diff | None  # None for a file that is no text

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Changed":
        """From what `asdict` made."""
        found = record["diff"]
        if found is None:
            return cls(record["path"], record["state"], None)
        hunks = tuple(
            Hunk(hunk["key"], tuple(Line(**{**line, "faults": (), "parts": _parts(line)}) for line in hunk["lines"]))
            for hunk in found["hunks"]
        )
        return cls(record["path"], record["state"], Diff(**{**found, "hunks": hunks}))


def _parts(line: Mapping[str, Any]) -> tuple[tuple[str, bool], ...]:
    return tuple((text, differs) for text, differs in line["parts"])


@dataclass(frozen=True)
class Service:
    """A container as it would come up: same, changed, new or gone, and why."""

    name: str
    container: str
    state: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Found:
    """What a dry run found."""

    files: tuple[Changed, ...] = ()
    services: tuple[Service, ...] = ()
    same: int = 0  # files that would be as they are
    first: bool = False  # nothing was rendered before
    moved_from: str = ""  # what runs was started from another folder
    note: str = field(default="")

    @property
    def touched(self) -> tuple[Service, ...]:
        """The containers that come up different."""
        return tuple(one for one in self.services if one.state != "same")

    def record(self) -> dict[str, Any]:
        """For JSON. Diffs are kept as one column; the rows of two columns are left out."""
        made = asdict(self)
        for one in made["files"]:
            for hunk in one["diff"]["hunks"] if one["diff"] else ():
                del hunk["rows"]
        return made

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Found":
        """From `record`, read back."""
        services = tuple(Service(**{**one, "reasons": tuple(one["reasons"])}) for one in record["services"])
        return cls(**{**record, "files": tuple(Changed.of(one) for one in record["files"]), "services": services})


def compare(before: Files, after: Files, rotates: Rotating, secrets: Collection[str]) -> Found:
    """What would differ, secrets as dots."""
    old, new = rotates.steady(before), rotates.steady(after)
    paths = rendered_text.differing(dict(old), dict(new), secrets)
    changed = tuple(
        Changed(
            path,
            "new" if path not in old else "gone" if path not in new else "changed",
            rendered_text.compare(path, old.get(path), new.get(path), secrets),
        )
        for path in paths
    )
    services = tuple(_services(before, after, frozenset(paths)))
    return Found(changed, services, len(new.keys() - set(paths)), first=not before)


def _services(before: Files, after: Files, paths: frozenset[str]) -> Iterator[Service]:
    old, new = _declared(before.get(compose.FILE)), _declared(after.get(compose.FILE))
    for name in sorted(old.keys() | new.keys()):
        one, other = old.get(name), new.get(name)
        container = str((other or one or {}).get("container_name", name))
        if other is None:
            yield Service(name, container, "gone", (_("the new docker-compose.yml does not have it"),))
        elif one is None:
            yield Service(name, container, "new", (str(other.get("image", "")),))
        else:
            reasons = tuple(_reasons(one, other, paths))
            yield Service(name, container, "changed" if reasons else "same", reasons)


def _declared(data: bytes | None) -> dict[str, dict[str, Any]]:
    try:
        content = YAML(typ="safe").load((data or b"").decode())
    except (YAMLError, UnicodeDecodeError):
        return {}
    services = content.get("services") if isinstance(content, dict) else None
    found = services if isinstance(services, dict) else {}
    return {str(name): one for name, one in found.items() if isinstance(one, dict)}


_SHOWN = {"image", "ports"}  # their values hold no secret


def _reasons(one: Mapping[str, Any], other: Mapping[str, Any], paths: frozenset[str]) -> Iterator[str]:
    words = {
        "image": _("image: %(old)s → %(new)s"), "ports": _("ports: %(old)s → %(new)s"),
        "environment": _("environment: %(names)s"), "volumes": _("mounts: %(names)s"),
    }  # fmt: skip
    for key in sorted(one.keys() | other.keys()):
        old, new = one.get(key), other.get(key)
        if old == new:
            continue
        if key in _SHOWN:
            yield words[key] % {"old": _said(old), "new": _said(new)}
        elif key in words:
            yield words[key] % {"names": ", ".join(_differing(old, new))}
        else:
            yield _("%(key)s in docker-compose.yml") % {"key": key}
    for path in sorted(paths):
        if any(path == source or path.startswith(f"{source}/") for source in _sources(other)):
            yield _("configuration: %(path)s") % {"path": path}


def _said(value: Any) -> str:
    if value is None:
        return _("none")
    return ", ".join(str(one) for one in value) if isinstance(value, list) else str(value)


def _differing(old: Any, new: Any) -> list[str]:
    """The names in which two lists or mappings differ; values may be secrets."""
    one, other = _items(old), _items(new)
    return sorted({name for name in one.keys() | other.keys() if one.get(name) != other.get(name)})


def _items(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return {str(name): one for name, one in value.items()}
    names: dict[str, Any] = {}
    for one in value or ():
        if isinstance(one, dict):  # a mount in the long form
            names[f"{one.get('source')}:{one.get('target')}"] = one
        else:
            name, _equals, said = str(one).partition("=")
            names[name] = said
    return names


def _sources(service: Mapping[str, Any]) -> Iterator[str]:
    """The paths of common/config that a service mounts or reads its environment from."""
    env = service.get("env_file") or []
    for one in [env] if isinstance(env, str) else env:
        yield str(one.get("path") if isinstance(one, dict) else one).removeprefix("./")
    for mount in service.get("volumes") or ():
        source = mount.get("source") if isinstance(mount, dict) else str(mount).split(":")[0]
        if source and str(source).removeprefix("./").startswith("common/"):
            yield str(source).removeprefix("./").rstrip("/")
