"""`prepare migrate` of an installer, run on a copy inside a container that sees nothing of the host.

The image and its words are read from the installer's own `prepare` script. The copy is put into the container and
the result taken out of it through the engine, so nothing is mounted, and it has no network.
"""

import contextlib
import io
import re
import secrets
import shlex
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from django.utils.translation import gettext as _
from docker import DockerClient
from docker.errors import APIError, DockerException, NotFound
from requests.exceptions import RequestException

from harborweb.configuration.text.document import Document
from harborweb.configuration.text.writing import reads_plain
from harborweb.configuration.veil import is_secret
from harborweb.deployment.transaction import pulling
from harborweb.errors import Problem
from harborweb.jobs.run import Run
from harborweb.tools import engine

SECONDS = 120
INPUT, OUTPUT = "/harborweb/harbor.yml", "/harborweb/migrated.yml"
HOST = "/hostfs"  # where migrate looks for the host's files when it is there, as under the prepare script
LARGEST = 1024 * 1024
LABEL = "harborweb.migrate"
_IMAGE = re.compile(r"(?<!\S)(\S*prepare:\S+)[ \t]+([^\n|;&]*?)[ \t]*\"?\$[@*]\"?")


@dataclass(frozen=True)
class Call:
    """The image that a prepare script runs, and the words it begins with."""

    image: str
    words: tuple[str, ...]


def call(script: str) -> Call | None:
    """What the `prepare` script of an installer runs; None when it is not in the manner of Harbor's."""
    found = _IMAGE.search(script.replace("\\\n", " "))
    if found is None:
        return None
    words = shlex.split(found[2])
    return Call(found[1], tuple(words)) if words[-1:] == ["prepare"] else None


@dataclass(frozen=True)
class Migrated:
    """What migrate made of a text; `text` is empty with a `note` that says why."""

    text: str
    note: str = ""


def disguised(text: str) -> tuple[str, dict[str, str]]:
    """A copy for migrate in which words stand for secrets and for text that needs quotes, and what they stand for.

    migrate writes values without quotes, so a password like "a: b" would make no YAML, or another value (facts on
    prepare); and a secret has no business in another container.
    """
    document, words = Document(text), dict[str, str]()
    for path, entry in document.tree.entries.items():
        value = entry.value
        if not isinstance(value, str) or not value or entry.alias or entry.key_start == entry.key_end:
            continue
        if (is_secret(path) or not reads_plain(value)) and path != ("_version",):
            word = f"harborweb-{len(words)}-{secrets.token_hex(6)}"
            with contextlib.suppress(Problem):
                document = document.set(".".join(path), word)
                words[word] = value
    return document.text, words


def revealed(text: str, words: Mapping[str, str]) -> str:
    """What migrate wrote, with the values again that the words stand for."""
    try:
        document = Document(text)
        for path, entry in document.tree.entries.items():
            if isinstance(entry.value, str) and any(word in entry.value for word in words):
                value = entry.value
                for word, meant in words.items():
                    value = value.replace(word, meant)
                document = document.set(".".join(path), value)
    except Problem:
        return text  # no YAML: the merge says so
    return document.text


def migrate(run: Run, folder: Path, text: str, target: str) -> Migrated:
    """Run `prepare migrate -t target` of the installer in `folder` on a copy of `text`.

    A migrate that fails is no failure here: the note says why, and the merge does without. Raises Problem when the
    image cannot be fetched, Stopped.
    """
    found = call((folder / "prepare").read_text(errors="replace"))
    if found is None:
        return Migrated("", _("The installer's prepare is not in the manner of Harbor's, so its migrate is not known."))
    pulling.fetch(run, [found.image])
    command = [*found.words[:-1], "migrate", "-i", INPUT, "-o", OUTPUT, "-t", target]
    run.line("$ " + shlex.join([found.image, *command]), "command")
    try:
        with engine.connect(timeout=SECONDS) as client:
            copy, words = disguised(text)
            made = _in_container(run, client, found.image, command, copy)
            return Migrated(revealed(made.text, words), made.note)
    except engine.EngineError as error:
        return Migrated("", error.detail)


def _in_container(run: Run, client: DockerClient, image: str, command: list[str], text: str) -> Migrated:
    for left in client.containers.list(all=True, filters={"label": LABEL}):
        left.remove(force=True)  # of a worker that was killed
    made = client.containers.create(image, command, network_disabled=True, labels=[LABEL])
    try:
        made.put_archive("/", _packed(text))
        made.start()
        code = int(made.wait(timeout=SECONDS)["StatusCode"])
        said = made.logs().decode(errors="replace")
        for line in said.splitlines()[:200]:
            run.line(line, "out")
        run.check()
        if code:
            lines = [line for line in said.splitlines() if line.strip()]
            words = {"code": code, "said": lines[-1] if lines else _("no reason given")}
            return Migrated("", _("prepare migrate ended with %(code)d: %(said)s") % words)
        for place in (HOST + OUTPUT, OUTPUT):
            with contextlib.suppress(NotFound):
                return Migrated(_unpacked(b"".join(made.get_archive(place)[0])))
        return Migrated("", _("prepare migrate saw nothing to migrate."))
    except (APIError, DockerException, RequestException, tarfile.TarError) as error:
        return Migrated("", str(error)[:500])
    finally:
        with contextlib.suppress(DockerException, RequestException):
            made.remove(force=True)


def _packed(text: str) -> bytes:
    """The copy, at the place where migrate looks whether it takes the host's root for granted or not."""
    out, data = io.BytesIO(), text.encode()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name in (HOST + INPUT, INPUT):
            info = tarfile.TarInfo(name.lstrip("/"))
            info.size, info.mode = len(data), 0o600
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def _unpacked(data: bytes) -> str:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        member = tar.next()
        file = tar.extractfile(member) if member is not None and member.size <= LARGEST else None
        return file.read().decode(errors="replace") if file else ""
