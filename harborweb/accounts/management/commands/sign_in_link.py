"""Print a one-time sign-in link, for the first visit and for those who locked themselves out."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from harborweb.accounts import services
from harborweb.accounts.models import User


class Command(BaseCommand):
    help = (
        "Print a sign-in link that works once within a day; makes the first administrator, admin, where there is none."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """--base and --user."""
        parser.add_argument("--base", default="", help="the address of harborweb, to print a whole link")
        parser.add_argument("--user", default="", help="for whom; the first administrator without it")

    def handle(self, *args: Any, **options: Any) -> None:
        """Nothing but the link goes to standard output."""
        if options["user"]:
            user = User.objects.filter(username=options["user"], is_active=True).first()
            if user is None:
                raise CommandError(f"There is no active person named {options['user']}.")
        else:
            user = services.first_administrator()
        services.record(None, "new sign-in link", user.username)
        self.stdout.write(options["base"].rstrip("/") + services.new_link(user))
