"""Back Harbor up from a shell or a timer; what the page does."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from harborweb.accounts.services import record
from harborweb.deployment.backup import passphrase, services, workshop
from harborweb.deployment.console import Console
from harborweb.deployment.models import Backup, Installer
from harborweb.errors import Problem


class Command(BaseCommand):
    help = (
        "Write an encrypted backup of configuration, keys and database, and check it by decrypting. The passphrase "
        "is asked for, or comes from HARBORWEB_PASSPHRASE or a line of standard input. Prints the file's path."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """--folder, --output and --without-database."""
        parser.add_argument("--folder", default="", help="the installation; what harborweb deployed without it")
        parser.add_argument("--output", default="", help="the file to write; among the backups without it")
        parser.add_argument("--without-database", action="store_true", help="configuration and keys alone")

    def handle(self, *args: Any, **options: Any) -> None:
        """Nothing but the path goes to standard output; exit 1 with the reason when there is no backup."""
        source = services.source()
        folder = options["folder"] or (source.path if source else "")
        if not folder:
            raise CommandError("There is nothing to back up yet. Name an installation with --folder.")
        target = Path(options["output"]).absolute() if options["output"] else None
        if target and target.exists():
            raise CommandError(f"{target} is there already.")
        wanted = not options["without_database"]
        try:
            made = workshop.make(
                Console(), Path(folder).absolute(), passphrase.ask(new=True), with_database=wanted, target=target
            )
        except Problem as problem:
            raise CommandError(str(problem)) from problem
        installer = Installer.objects.filter(path=folder, ready=True).first()
        workshop.keep(Backup(installer=installer, with_database=wanted, who="shell"), made)
        record(None, "back up", folder, str(made.path))
        self.stdout.write(str(made.path))
