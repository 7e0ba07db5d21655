"""`bin/manage config_get FILE [key]`: what a harbor.yml says, as YAML, without a database.

Exit status: 0 found, 1 refused (the key is not live, or YAML cannot read FILE), 2 FILE could not be opened
(issue 4, section 2).
"""

import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from harborweb.configuration import shell
from harborweb.configuration.text.document import Document
from harborweb.configuration.text.reading import TextProblem
from harborweb.configuration.text.textfile import MOST, content_of, decoded

COULD_NOT_OPEN = 2
WORDS = """\
The value is printed as YAML, as config_set takes it: one line for a plain value, in quotes only where YAML needs
them, - item lines for a list. An empty key prints an empty line. Without a key everything is printed. A password is
printed when its very key is asked for; in blocks it is ••• unless --reveal.

Exit status: 0 found, 1 the key is not set or FILE is no harbor.yml, 2 FILE could not be opened.
"""


class Command(BaseCommand):
    """Reads arguments, prints."""

    help = "What a harbor.yml says."
    requires_system_checks: list[str] = []  # nothing here needs the database

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """The parser, with the words below the options as they stand."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.epilog, parser.formatter_class = WORDS, RawDescriptionHelpFormatter
        setattr(parser, "parse_args", parser.parse_intermixed_args)  # noqa: B010 - options may stand between words
        return parser

    def add_arguments(self, parser: CommandParser | ArgumentParser) -> None:
        """The options; argparse's own errors end with status 2."""
        parser.add_argument("file", metavar="FILE", help="the harbor.yml; - reads standard input")
        parser.add_argument("key", metavar="key", nargs="?", default="", help="with dots: http.port")
        parser.add_argument("--raw", action="store_true", help="the plain text of the value, without YAML's quotes")
        parser.add_argument("--reveal", action="store_true", help="show passwords in blocks too")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the value."""
        name, key = str(options["file"]), str(options["key"])
        try:
            content = sys.stdin.buffer.read(MOST + 1) if name == "-" else content_of(Path(name))
            document = Document(decoded(content))
            plain = options["raw"] and key
            text = shell.raw(document, key) if plain else shell.shown(document, key, reveal=options["reveal"])
        except TextProblem as problem:
            where = f"{name}, " + _("line %(line)s") % {"line": problem.line} + ": " if problem.line else ""
            raise CommandError(f"{where}{problem}") from problem
        except OSError as error:
            raise CommandError(f"{error.filename or name}: {error.strerror}.", returncode=COULD_NOT_OPEN) from error
        self.stdout.flush()
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
