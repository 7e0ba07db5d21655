"""A passphrase at a shell: typed, or from the environment or standard input; never from the command line."""

import getpass
import os
import sys

from django.core.management.base import CommandError

VARIABLE = "HARBORWEB_PASSPHRASE"


def ask(*, new: bool = False) -> str:
    """The passphrase: from HARBORWEB_PASSPHRASE, from a line of standard input, or typed (twice when it is new)."""
    if given := os.environ.get(VARIABLE):
        return given
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    typed = getpass.getpass("Passphrase: ")
    if new and getpass.getpass("The same again: ") != typed:
        raise CommandError("The two passphrases differ.")
    return typed
