"""`bin/manage config_check FILE [--host]`: what is wrong with a harbor.yml, without a database.

With `--host` also what only this machine knows, where Harbor is to run: see `harborweb.deployment.host`.

Exit status: 0 nothing, or only warnings; 1 refused, also a file that is empty, no YAML or no text; 2 a file could not
be opened. Standard output carries the verdict and nothing else (issue 4, section 3).
"""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from harborweb.configuration.faults import Fault
from harborweb.configuration.rules import Verdict, check, refused
from harborweb.configuration.text.document import read
from harborweb.configuration.text.reading import TextProblem
from harborweb.deployment import host
from harborweb.deployment.host.findings import Finding
from harborweb.tools import prepare

COULD_NOT_OPEN = 2
TEMPLATE = "harbor.yml.tmpl"
MOST = 1024 * 1024  # bytes; a harbor.yml has some 10 KB


class Command(BaseCommand):
    """Reads arguments, judges, prints."""

    help = "What is wrong with a harbor.yml: what prepare refuses, and what it should have refused."
    requires_system_checks: list[str] = []  # nothing here needs the database

    def add_arguments(self, parser: CommandParser | ArgumentParser) -> None:
        """The options of issue 4, section 3; argparse's own errors end with status 2."""
        add = parser.add_argument
        add("file", metavar="FILE", help="the harbor.yml; - reads standard input")
        add("--format", choices=("text", "json"), default="text", help="form of the verdict (text)")
        add(
            "--host", action="store_true", help="also look at this machine: disks, ports, files, names, servers (≤ 8 s)"
        )
        group = parser.add_mutually_exclusive_group()
        group.add_argument(
            "--template", metavar="FILE", help=f"hold it against this {TEMPLATE}, not against 2.15’s keys"
        )
        group.add_argument(
            "--installer", metavar="DIR", help=f"the same, with the {TEMPLATE} in this folder; usual is FILE’s folder"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Judge FILE and print the verdict."""
        name = str(options["file"])
        template = _template(name, options.get("template"), options.get("installer"))
        notes: list[Finding] = []
        try:
            text = decoded(_bytes(name))
        except TextProblem as problem:
            verdict = refused(problem)
        else:
            verdict = check(text, template=template)
            if options["host"]:
                found = host.examine(text, installer=_installer(name, options.get("installer")))
                verdict = verdict.plus(host.faults(found))
                shown = {"unknown", "fine"} if options["verbosity"] > 1 else {"unknown"}
                notes = [one for one in found if one.state in shown]
        self.stdout.write(_json(verdict) if options["format"] == "json" else _lines(verdict, name, notes))
        if verdict.word == "refused":
            sys.exit(1)


def decoded(content: bytes) -> str:
    """The text of a harbor.yml; raises TextProblem, with the line, for what is none."""
    if len(content) > MOST:
        raise TextProblem(
            _("This file is larger than 1 MB, and a harbor.yml has some 10 KB."), _("Look whether it is the right one.")
        )
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise TextProblem(
            _("This file is no text in UTF-8, and prepare stops at it."),
            _("Save it as UTF-8."),
            line=content.count(b"\n", 0, error.start) + 1,
        ) from error


def _bytes(name: str) -> bytes:
    """At most one byte more than is read; raises CommandError when there is nothing to open."""
    try:
        if name == "-":
            return sys.stdin.buffer.read(MOST + 1)
        with Path(name).open("rb") as file:
            return file.read(MOST + 1)
    except OSError as error:
        shown = {"file": name, "why": error.strerror or error}
        raise CommandError(_("%(file)s cannot be opened: %(why)s.") % shown, returncode=COULD_NOT_OPEN) from error


def _installer(name: str, installer: str | None) -> Path | None:
    """The folder that Harbor runs from, to know its own containers and ports: the one that was named, or FILE's."""
    folder = Path(installer) if installer else Path(name).parent
    if name == "-" and not installer:
        return None
    return folder.absolute() if any((folder / one).exists() for one in ("prepare", prepare.TEMPLATE)) else None


def _template(name: str, template: str | None, installer: str | None) -> str | None:
    """The text of the template to hold FILE against; None: the keys of Harbor 2.15.

    A template that was named has to be there and to be readable; one that lies beside FILE is taken when it is.
    """
    beside = template is None and installer is None
    path = Path(template) if template else Path(installer) / TEMPLATE if installer else Path(name).parent / TEMPLATE
    if beside and (name == "-" or not path.is_file()):
        return None
    try:
        text = decoded(_bytes(str(path)))
        read(text)
    except (CommandError, TextProblem) as error:
        if beside:
            return None
        shown = {"file": path, "why": error}
        raise CommandError(_("%(file)s is no template: %(why)s") % shown, returncode=COULD_NOT_OPEN) from error
    return text


def _json(verdict: Verdict) -> str:
    return json.dumps(verdict.record(), ensure_ascii=False, indent=2)


def _lines(verdict: Verdict, name: str, notes: Iterable[Finding] = ()) -> str:
    """A line each: file, line, severity, key; then what, why, and what to do."""
    lines = [_line(name, fault, fault.severity) for fault in verdict.faults]
    lines += [_line(name, note, _("note")) for note in notes]
    errors = sum(fault.severity == "error" for fault in verdict.faults)
    warnings = len(verdict.faults) - errors
    if verdict.word == "ok":
        return "\n".join([*lines, _("%(file)s: ok") % {"file": name}])
    counts = [ngettext("%(n)s error", "%(n)s errors", errors) % {"n": errors}] if errors else []
    counts += [ngettext("%(n)s warning", "%(n)s warnings", warnings) % {"n": warnings}] if warnings else []
    return "\n".join([*lines, f"{name}: {verdict.word}: {', '.join(counts)}"])


def _line(name: str, fault: Fault | Finding, severity: str) -> str:
    place = f"{name}:{fault.line}" if fault.line else name
    key = f"{fault.key}: " if fault.key else ""
    sentences = " ".join(part for part in (fault.message, fault.why, fault.advice) if part)
    return f"{place}: {severity}: {key}{sentences}"
