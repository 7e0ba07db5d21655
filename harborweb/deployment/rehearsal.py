"""Prepare in a scratch copy of folder and secrets: what it refuses is known before anything is touched.

The copy lies in the installer folder's `.harborweb`, so that the engine sees it under the same path as we do.
"""

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.utils.translation import gettext as _
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from harborweb.configuration.text.document import Document
from harborweb.deployment import files, rendered, sentences
from harborweb.deployment.transaction import journal
from harborweb.errors import Problem
from harborweb.jobs.run import Run
from harborweb.tools import compose, prepare

PREPARE_SECONDS = 600  # it may have to pull its image
CONFIG_SECONDS = 120
COPIED = 1024 * 1024  # a larger file of the folder is an archive of images, which nobody rehearses with
# Where Harbor before 1.8 kept its keys; prepare moves them, from wherever it runs, into the data_volume it is given.
OLD_KEYS = (Path("/data/secretkey"), Path("/data/defaultalias"))


@dataclass(frozen=True)
class Rehearsal:
    """A scratch folder in which prepare has run."""

    folder: Path
    live: Path  # the folder it stands for
    data: Path  # stands for data_volume
    data_volume: Path

    def rendered(self) -> dict[str, bytes]:
        """What prepare rendered, as it would read in the live folder: path from there, content."""
        swap = ((self.data, self.data_volume), (self.folder, self.live))
        found = rendered.read(self.folder)
        for scratch, real in swap:
            found = {name: data.replace(str(scratch).encode(), str(real).encode()) for name, data in found.items()}
        return found

    def images(self) -> list[str]:
        """The images that the rendered docker-compose.yml names, each once."""
        return images((self.folder / compose.FILE).read_text())


def images(text: str) -> list[str]:
    """The images that a docker-compose.yml names; raises Problem where it is none."""
    try:
        content = YAML(typ="safe").load(text)
        services = content["services"].values()
        return list(dict.fromkeys(str(one["image"]) for one in services if one.get("image")))
    except (YAMLError, KeyError, TypeError, AttributeError) as error:
        raise Problem(
            _("The docker-compose.yml that prepare wrote lists no services."), _("The log has all that prepare wrote.")
        ) from error


@contextmanager
def rehearse(
    run: Run,
    folder: Path,
    text: str,
    *,
    with_trivy: bool = False,
    env: Mapping[str, str] | None = None,
    program: compose.Compose | None = None,
) -> Iterator[Rehearsal]:
    """Run the prepare of `folder` with `text` in a scratch copy, and `compose config -q` of `program` on what it wrote.

    Nothing of `folder` beside its `.harborweb`, and nothing of data_volume, is touched. The copy is removed after the
    block. Raises Problem with prepare's or compose's own reason.
    """  # fmt: skip
    volume = sound_volume(text)
    home = journal.home(folder, make=True)
    scratch = Path(tempfile.mkdtemp(prefix="rehearsal-", dir=home))
    try:
        made = Rehearsal(scratch / folder.name, folder, scratch / "data", volume)
        _lay_out(made, text)
        answer = run.execute(prepare.command(with_trivy), cwd=made.folder, timeout=PREPARE_SECONDS, env=env)
        if answer.exit_code:
            raise sentences.prepare_failed(prepare.explain(answer))
        if program is not None:
            answer = run.execute(program.config(), cwd=made.folder, timeout=CONFIG_SECONDS, env=env)
            if answer.exit_code:
                raise sentences.compose_failed(compose.explain(answer))
        yield made
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        if not any(home.iterdir()):
            home.rmdir()


def sound_volume(text: str) -> Path:
    """data_volume, when prepare's shell reads what YAML reads; raises Problem when it would take another folder.

    The shell takes the last word of each line that has `data_volume:` before any # (facts on prepare).
    """
    value = Document(text).get("data_volume")
    words = [_last_word(line) for line in _volume_lines(text)]
    if len(words) == 1 and words[0] == value and str(value).startswith("/"):
        return Path(str(value))
    shown = " ".join(words) or _("nothing")
    raise Problem(
        _("prepare's shell would not read data_volume as it is meant: it takes “%(words)s”.") % {"words": shown},
        _(
            "Write it in a line of its own as an absolute path without spaces, quotes or a comment behind it; save, "
            "and deploy again."
        ),
        field="data_volume",
    )


def _volume_lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if "data_volume:" in line.partition("#")[0]]


def _last_word(line: str) -> str:
    """awk's $NF: words end at blanks and tabs, not at a carriage return."""
    return re.split(r"[ \t]+", line.strip(" \t"))[-1]


def _lay_out(made: Rehearsal, text: str) -> None:
    """The installer's own files and the secrets as copies; what else lies in the folder as links, to be read alone."""
    for old in OLD_KEYS:
        if old.is_file():
            raise Problem(
                _("A key of a very old Harbor lies at %(path)s, and prepare would move it.") % {"path": old},
                _("Move it to %(folder)s/secret/keys yourself, then deploy again.") % {"folder": made.data_volume},
            )
    made.folder.mkdir(mode=0o700)
    for entry in made.live.iterdir():
        if entry.name in {journal.FOLDER, "input", prepare.CONFIGURATION, compose.FILE}:
            continue
        if entry.name == "common":
            _copy_common(entry, made.folder / entry.name)
        elif entry.is_file() and entry.stat().st_size <= COPIED:
            files.copy(entry.resolve(), made.folder / entry.name)
        else:
            (made.folder / entry.name).symlink_to(entry)
    line = _volume_lines(text)[0]
    start = line.rindex(str(made.data_volume))
    swapped = line[:start] + str(made.data) + line[start + len(str(made.data_volume)) :]
    files.write_whole(made.folder / prepare.CONFIGURATION, text.replace(line, swapped, 1))
    made.data.mkdir(mode=0o755)
    if (made.data_volume / "secret").is_dir():
        files.copy((made.data_volume / "secret").resolve(), made.data / "secret")


def _copy_common(live: Path, scratch: Path) -> None:
    """Never a link: prepare would empty what it leads to, and that is live."""
    files.copy(live.resolve(), scratch)
    config = scratch / "config"
    if config.is_symlink():
        config.unlink()
        if (live / "config").is_dir():
            files.copy((live / "config").resolve(), config)
