"""Restore a backup into an empty folder."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from harborweb.accounts.services import record
from harborweb.deployment.backup import passphrase, restoring
from harborweb.deployment.console import Console
from harborweb.errors import Problem


class Command(BaseCommand):
    help = (
        "Restore the backup FILE into the empty FOLDER, owners and modes too, and print what comes next. The "
        "passphrase is asked for, or comes from HARBORWEB_PASSPHRASE or a line of standard input."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """FILE and FOLDER."""
        parser.add_argument("file")
        parser.add_argument("folder", help="empty, or not there yet")

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit 1 with the reason when nothing was restored."""
        path, folder = Path(options["file"]).absolute(), Path(options["folder"]).absolute()
        try:
            done = restoring.restore(Console(), path, passphrase.ask(), folder)
        except Problem as problem:
            raise CommandError(str(problem)) from problem
        record(None, "restore", str(folder), str(path))
        self.stdout.write(done.next_steps)
