"""Bring the database of a restored folder back into the Harbor there."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from harborweb.accounts.services import record
from harborweb.deployment.backup import restoring
from harborweb.deployment.console import Console
from harborweb.errors import Problem


class Command(BaseCommand):
    help = "Bring the dumps in FOLDER/database into the database of the stopped, empty Harbor in FOLDER/harbor."

    def add_arguments(self, parser: CommandParser) -> None:
        """FOLDER."""
        parser.add_argument("folder", help="the folder that a backup was restored into")

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit 1 with the reason when the database is not back."""
        folder = Path(options["folder"]).absolute()
        try:
            done = restoring.restore_database(Console(), folder)
        except Problem as problem:
            raise CommandError(str(problem)) from problem
        record(None, "restore database", str(folder))
        for name, size in done.items():
            self.stdout.write(f"{name}: {size} bytes")
