"""`bin/manage audit URL`: judge a registry's signatures from the command line, without a database.

Exit status: 0 every row is trusted or via_index (also when there is no row at all, which is said on standard
error), 1 at least one is not, 2 it could not run. Standard output carries the report and nothing else.
"""

import asyncio
import io
import os
import re
import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from harborweb.audit.collect import Options
from harborweb.audit.judgement import Judgement
from harborweb.audit.report import as_row, to_csv, to_json
from harborweb.audit.rows import judge_registry
from harborweb.errors import Problem
from harborweb.registry.client import Client, Endpoint, RegistryError
from harborweb.registry.names import check_repository
from harborweb.verification.keys import PublicKey, load_public_key
from harborweb.verification.verdict import GREEN, Verdict

COULD_NOT_RUN = 2
_HOST = re.compile(r"(localhost|[^/]*[.:][^/]*)/(.+)")


class Command(BaseCommand):
    """Reads arguments, judges, prints."""

    help = "Which images of a registry carry a signature that verifies with the public keys given."
    requires_system_checks: list[str] = []  # nothing here needs the database

    def add_arguments(self, parser: CommandParser | ArgumentParser) -> None:
        """The options of issue 3, section 5; argparse's own errors end with status 2."""
        add = parser.add_argument
        add("url", metavar="URL", help="the registry: https://registry.example:5000, or just registry.example:5000")
        add("--public-key", metavar="FILE", action="append", default=[], help="a key you trust; may be repeated")
        add("--repository", metavar="NAME", action="append", default=[], help="only this repository; may be repeated")
        add("--username", metavar="U", default="", help="sign in as this user, with --password-stdin")
        add("--password-stdin", action="store_true", help="read the password from standard input")
        add("--allow-http", action="store_true", help="allow plain http, also where a redirect leads to it")
        add("--ca-file", metavar="F", default="", help="trust the CA certificates (PEM) in this file as well")
        add("--annotation", metavar="k=v", action="append", default=[], help="count only signatures that carry this")
        add("--signature-repository", metavar="NAME", default="", help="where signatures are, as COSIGN_REPOSITORY")
        add("--format", choices=("table", "json", "csv"), default="table", help="form of the report (table)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run; every way to fail is status 2, or a crash would look like a finding."""
        try:
            judgements = asyncio.run(self._judged(options))
            self._print(judgements, options["format"])
        except CommandError:
            raise
        except Problem as problem:
            raise CommandError(str(problem), returncode=COULD_NOT_RUN) from problem
        except Exception as error:
            if options.get("traceback"):
                raise
            what = _("harborweb itself stumbled: %s.") % f"{type(error).__name__}: {error}"
            raise CommandError(what, returncode=COULD_NOT_RUN) from error
        if not all(one.verdict in GREEN for one in judgements):
            sys.exit(1)

    async def _judged(self, given: dict[str, Any]) -> list[Judgement]:
        """Every row, in the order of the report."""
        keys = [_key(name) for name in given["public_key"]]
        if not keys:
            self._say(_("No --public-key was given, so no signature can be trusted."))
        annotations = dict(_pair(text) for text in given["annotation"])
        repositories = [check_repository(name) for name in given["repository"]] or None
        ca_pem = _text(given["ca_file"]) if given["ca_file"] else ""
        username, password = _credentials(given)
        async with AsyncExitStack() as stack:

            async def connected(url: str, username: str = "", password: str = "") -> Client:
                endpoint = Endpoint(url, username, password, given["allow_http"], ca_pem)
                return await stack.enter_async_context(await _reached(endpoint))

            client = await connected(given["url"], username, password)
            host, name = _elsewhere(given["signature_repository"], client.endpoint.host)
            other = await connected(host) if host else None
            options = Options(annotations=annotations, signature_repository=name, signatures=other)
            judgements = [one async for one in judge_registry(client, keys, options, repositories, self._progress())]
        return sorted(judgements, key=lambda one: (one.repository, not one.tags, one.tags, one.digest))

    def _progress(self) -> Any:
        if not sys.stderr.isatty():
            return None
        return lambda done, known: print(f"\r{done} / {known} ", end="", file=sys.stderr, flush=True)  # noqa: T201

    def _say(self, sentence: str) -> None:
        self.stderr.write(sentence)

    def _print(self, judgements: Sequence[Judgement], form: str) -> None:
        """The report on standard output, the sum on standard error."""
        if isinstance(sys.stdout, io.TextIOWrapper):
            # JSON and CSV are UTF-8 wherever they go; a terminal that cannot show “…” is no reason to fail.
            sys.stdout.reconfigure(encoding=None if form == "table" else "utf-8", errors="replace")
        text = {"json": to_json, "csv": to_csv, "table": to_table}[form](judgements)
        self.stdout.write(text, ending="")
        self.stdout.flush()
        if not judgements:
            self._say(_("There is nothing to judge: no tagged artifact was found."))
            return
        counts = Counter(one.verdict for one in judgements)
        parts = ", ".join(f"{verdict} {counts[verdict]}" for verdict in Verdict if counts[verdict])
        self._say(_("%(n)d rows: %(counts)s") % {"n": len(judgements), "counts": parts})


def to_table(judgements: Sequence[Judgement]) -> str:
    """Aligned columns for a terminal; the last one, the reason, is as long as it is."""
    names = ("verdict", "repository", "tags", "digest", "key", "format", "reason")
    lines = [[name.upper() for name in names]]
    for judgement in judgements:
        row = as_row(judgement) | {"tags": ",".join(judgement.tags), "key": judgement.key[:16]}
        lines.append(["".join(c if c.isprintable() else "�" for c in row[name]) or "-" for name in names])
    widths = [max(len(line[column]) for line in lines) for column in range(len(names) - 1)] + [0]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return "".join(line.rstrip() + "\n" for line in padded)


async def _reached(endpoint: Endpoint) -> Client:
    """A client of a registry that answered. Where the address has no scheme and http is allowed, https is
    tried first, then http, as docker and cosign do for a registry that may be insecure."""
    schemes = ["https://", "http://"] if "://" not in endpoint.url and endpoint.allow_http else [""]
    for number, scheme in enumerate(schemes, 1):
        client = Client(
            Endpoint(scheme + endpoint.url, endpoint.username, endpoint.password, endpoint.allow_http, endpoint.ca_pem)
        )
        try:
            await client.ping()
        except RegistryError as error:
            await client.__aexit__(None, None, None)
            if number == len(schemes) or error.kind not in {"tls", "unreachable", "timeout"}:
                raise
        except BaseException:  # however it ends, no connection stays open; raised again
            await client.__aexit__(None, None, None)
            raise
        else:
            return client
    raise AssertionError("unreachable")


def _elsewhere(given: str, host: str) -> tuple[str, str]:
    """(other registry's host or empty, repository) where signatures are; both empty: beside the images.

    A name without a host is one on the audited registry. The environment's COSIGN_REPOSITORY counts as in
    cosign, for which a name without a host is on Docker Hub: that is refused rather than misread.
    """
    text = given or os.environ.get("COSIGN_REPOSITORY", "")
    if not text:
        return "", ""
    match = _HOST.fullmatch(re.sub(r"^https?://", "", text) if given else text)
    if match is None and not given:
        raise CommandError(
            _("COSIGN_REPOSITORY is %(name)s, which cosign takes for a name on Docker Hub. Write the host before it.")
            % {"name": text},
            returncode=COULD_NOT_RUN,
        )
    named, name = (match.group(1), match.group(2)) if match else (host, text)
    return ("" if named == host else named), check_repository(name)


def _key(file: str) -> PublicKey:
    try:
        data = Path(file).read_bytes()
    except OSError as error:
        raise _unusable(file, error.strerror or str(error)) from error
    try:
        return load_public_key(data, Path(file).name.removesuffix(".pub"))
    except Problem as problem:
        raise _unusable(file, str(problem)) from problem


def _text(file: str) -> str:
    try:
        return Path(file).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise _unusable(file, getattr(error, "strerror", None) or _("It is no text.")) from error


def _unusable(file: str, why: str) -> CommandError:
    return CommandError(_("%(file)s cannot be used: %(why)s") % {"file": file, "why": why}, returncode=COULD_NOT_RUN)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise CommandError(_("--annotation takes name=value, not “%s”.") % text, returncode=COULD_NOT_RUN)
    return name, value


def _credentials(given: dict[str, Any]) -> tuple[str, str]:
    """User name and password; both or none."""
    if bool(given["username"]) != given["password_stdin"]:
        raise CommandError(_("--username and --password-stdin belong together."), returncode=COULD_NOT_RUN)
    if not given["password_stdin"]:
        return "", ""
    return given["username"], sys.stdin.readline().rstrip("\r\n")
