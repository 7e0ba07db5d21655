"""`bin/manage config_set FILE key=value…`: change keys of a harbor.yml and nothing else, without a database.

Exit status: 0 done (also when nothing had to change), 1 refused with FILE as it was, 2 a file could not be opened or
written (issue 4, section 2).
"""

import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from harborweb.configuration import shell
from harborweb.configuration.fields import BY_KEY
from harborweb.configuration.text.document import Document, outline
from harborweb.configuration.text.reading import TextProblem
from harborweb.configuration.text.repairs import KINDS, repair
from harborweb.configuration.text.textfile import MOST, content_of, decoded, held, write_whole
from harborweb.errors import Problem

COULD_NOT_OPEN = 2
TEMPLATE = "harbor.yml.tmpl"
WORDS = """\
A key is written with dots (http.port), its value is YAML: 8080, true, [core, trivy], '"123"' (text, in quotes that
YAML sees), or nothing for an empty key. All edits are made or none, and no other byte of FILE changes. A commented
key comes live in its own line, with the keys that prepare needs beside it; --unset returns it to its comment.

An argument can be read by everybody on this machine (ps). So for a password:
  key=@FILE   takes the text in FILE, as it is, without its last line end
  key=-       takes it from standard input

FILE keeps its mode and owner; a new file is 0600. Where FILE is a link, the file it points at is written.
Exit status: 0 done, 1 refused and nothing changed, 2 a file could not be opened or written.
"""


class Command(BaseCommand):
    """Reads arguments, edits, writes."""

    help = "Change keys of a harbor.yml and leave every other byte alone."
    requires_system_checks: list[str] = []  # nothing here needs the database

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """The parser, with the words below the options as they stand."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.epilog, parser.formatter_class = WORDS, RawDescriptionHelpFormatter
        setattr(parser, "parse_args", parser.parse_intermixed_args)  # noqa: B010 - options may stand between words
        return parser

    def add_arguments(self, parser: CommandParser | ArgumentParser) -> None:
        """The options of issue 4, section 2; argparse's own errors end with status 2."""
        add = parser.add_argument
        add("file", metavar="FILE", help="the harbor.yml; - reads standard input and writes standard output")
        add("pairs", metavar="key=value", nargs="*", help="set this key")
        add("--unset", metavar="KEY", action="append", default=[], help="make this key a comment; may be repeated")
        add("--output", metavar="FILE", default="", help="write here, not into FILE; - is standard output")
        add("--template", metavar="FILE", default="", help=f"where new keys come; usual is {TEMPLATE} beside FILE")
        add("--repair", metavar="KIND", action="append", default=[], choices=KINDS,
            help=f"mend this first: {', '.join(KINDS)}; may be repeated")  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        """Edit; every refusal leaves FILE as it was."""
        name, output = str(options["file"]), str(options["output"])
        self._taken = name == "-"
        try:
            sets = [shell.pair(one) for one in options["pairs"]]
            self._refuse_nonsense(sets, options)
            edits = [(key, self._given(key, text)) for key, text in sets]
            with held(Path(name if output in ("", "-") else output)):
                before = self._read(name)
                after = self._edited(before, edits, options).encode()
                self._write(name, output, before, after)
        except TextProblem as problem:
            where = f"{name}, " + _("line %(line)s") % {"line": problem.line} + ": " if problem.line else ""
            raise CommandError(f"{where}{problem}") from problem
        except Problem as problem:
            raise CommandError(str(problem)) from problem
        except OSError as error:
            raise CommandError(f"{error.filename or name}: {error.strerror}.", returncode=COULD_NOT_OPEN) from error

    def _refuse_nonsense(self, sets: list[tuple[str, str]], options: dict[str, Any]) -> None:
        if not sets and not options["unset"] and not options["repair"]:
            raise Problem(_("Nothing to do."), _("Name a key=value, --unset KEY or --repair KIND."))
        keys = [key for key, _text in sets] + options["unset"]
        for key in keys:
            if keys.count(key) > 1:
                raise Problem(_("%(key)s is named twice.") % {"key": key}, _("Name every key once."))
        if [text for _key, text in sets].count("-") > (not self._taken):
            raise Problem(_("Standard input can be read only once."), _("Use key=@FILE for the others."))

    def _given(self, key: str, text: str) -> shell.Given:
        if text == "-":
            return decoded(sys.stdin.buffer.read(MOST + 1)).removesuffix("\n").removesuffix("\r")
        if text.startswith("@"):
            return decoded(content_of(Path(text[1:]))).removesuffix("\n").removesuffix("\r")
        return shell.given(key, text)

    def _read(self, name: str) -> bytes:
        return sys.stdin.buffer.read(MOST + 1) if name == "-" else content_of(Path(name))

    def _edited(self, before: bytes, edits: list[tuple[str, shell.Given]], options: dict[str, Any]) -> str:
        text = decoded(before)
        if options["repair"]:
            text = repair(text, options["repair"])
        document = Document(text)
        template = self._template(str(options["file"]), str(options["template"]))
        for key, value in edits:
            if not document.knows(key) and key not in BY_KEY and not (template or outline()).knows(key):
                self.stderr.write(_("Note: no Harbor that harborweb knows has a key %(key)s.") % {"key": key})
            document = shell.edited(document, key, value, template)
        for key in options["unset"]:
            document = shell.unset(document, key, template)
        return document.text

    def _template(self, name: str, template: str) -> Document | None:
        """The template that was named, else the one beside FILE when it is there and can be read."""
        if template:
            return Document(decoded(content_of(Path(template))))
        try:
            return Document(decoded(content_of(Path(name).resolve().with_name(TEMPLATE)))) if name != "-" else None
        except (OSError, TextProblem):
            return None

    def _write(self, name: str, output: str, before: bytes, after: bytes) -> None:
        if output == "-" or (name == "-" and not output):
            self.stdout.flush()
            sys.stdout.buffer.write(after)
            sys.stdout.buffer.flush()
        elif output:
            write_whole(Path(output), after)
        elif after != before:
            write_whole(Path(name), after)
        else:
            self.stderr.write(_("Nothing had to change."))
