"""`bin/manage audit URL`: judge a registry's signatures from the command line, without a database.

Exit status: 0 there is nothing to act on (also when there is no row at all, which is said on standard error), 1 at
least one row is something that --fail-on names, 2 it could not run. Without a policy every row is something to act on
that is not trusted or via_index. Standard output carries the report and nothing else.
"""

import asyncio
import io
import os
import re
import sys
import tempfile
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _

from harborweb.audit.formats.about import About, TrustedBy
from harborweb.audit.formats.forms import FORMS
from harborweb.audit.judging.collect import Options
from harborweb.audit.judging.judgement import Judgement
from harborweb.audit.judging.rows import judge_registry
from harborweb.audit.policy_file import PolicyFile
from harborweb.audit.report import Judged, Line, as_row, key_file
from harborweb.errors import Problem
from harborweb.registry.client import Client, Endpoint, RegistryError
from harborweb.registry.names import check_repository
from harborweb.verification.keyless import NOBODY, Allowed, KeylessTrust, load_root
from harborweb.verification.keys import PublicKey, load_public_key
from harborweb.verification.verdict import Verdict

COULD_NOT_RUN = 2
FINDINGS, NEVER = "findings", "never"
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
        add("--trusted-root", metavar="FILE", default="", help="verify keyless signatures by this trusted_root.json")
        add("--certificate-identity", metavar="WHO", action="append", default=[], help="whose count; with its issuer")
        add("--certificate-oidc-issuer", metavar="URL", action="append", default=[], help="of the identity before it")
        add("--policy", metavar="FILE", default="", help="what is wanted of the images, as JSON or YAML")
        add("--fail-on", metavar="WHAT", default=FINDINGS, help="status 1 for these: findings, never, or verdicts a,b")
        add("--format", choices=("table", *FORMS), default="table", help="form of the report (table)")
        add("--output", metavar="FILE", default="", help="write the report there, whole or not at all")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run; every way to fail is status 2, or a crash would look like a finding."""
        try:
            wrong, policy = failing(options["fail_on"]), PolicyFile.read(options["policy"])
            judgements, about = asyncio.run(self._judged(options))
            lines = policy.lines(judgements, about)
            if any(rule.grace_hours for rule in policy.policy.rules):
                self._say(_("Nothing is remembered from run to run, so the policy’s time of grace counts as over."))
            self._print(lines, replace(about, policy=policy.text), options)
        except CommandError:
            raise
        except Problem as problem:
            raise CommandError(str(problem), returncode=COULD_NOT_RUN) from problem
        except Exception as error:
            if options.get("traceback"):
                raise
            what = _("harborweb itself stumbled: %s.") % f"{type(error).__name__}: {error}"
            raise CommandError(what, returncode=COULD_NOT_RUN) from error
        if any(one.verdict in wrong or (FINDINGS in wrong and one.is_finding) for one in lines):
            sys.exit(1)

    async def _judged(self, given: dict[str, Any]) -> tuple[list[Judgement], About]:
        """Every row, in the order of the report, and what it is about."""
        keys = [_key(name) for name in given["public_key"]]
        keyless = _keyless(given)
        if not keys and not keyless.allowed:
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
            options = Options(annotations, name, signatures=other, keyless=keyless)
            judgements = [one async for one in judge_registry(client, keys, options, repositories, self._progress())]
            about = _about(client.endpoint.host, keys, repositories or ())
        return sorted(judgements, key=lambda one: (one.repository, not one.tags, one.tags, one.digest)), about

    def _progress(self) -> Any:
        if not sys.stderr.isatty():
            return None
        return lambda done, known: print(f"\r{done} / {known} ", end="", file=sys.stderr, flush=True)  # noqa: T201

    def _say(self, sentence: str) -> None:
        self.stderr.write(sentence)

    def _print(self, lines: Sequence[Line], about: About, given: dict[str, Any]) -> None:
        """The report on standard output or in its file, the sum on standard error."""
        form = given["format"]
        text = to_table(lines) if form == "table" else FORMS[form].render(lines, about)
        if given["output"]:
            _write(Path(given["output"]), text)
        else:
            if isinstance(sys.stdout, io.TextIOWrapper):
                # Reports are UTF-8 wherever they go; a terminal that cannot show “…” is no reason to fail.
                sys.stdout.reconfigure(encoding=None if form == "table" else "utf-8", errors="replace")
            self.stdout.write(text, ending="")
            self.stdout.flush()
        if not lines:
            self._say(_("There is nothing to judge: no tagged artifact was found."))
            return
        counts = Counter(one.verdict for one in lines)
        parts = ", ".join(f"{verdict} {counts[verdict]}" for verdict in Verdict if counts[verdict])
        self._say(_("%(n)d rows: %(counts)s") % {"n": len(lines), "counts": parts})
        if given["policy"]:
            self._say(_("%(n)d findings by the policy") % {"n": sum(one.is_finding for one in lines)})


def failing(text: str) -> set[str]:
    """What --fail-on names: FINDINGS, verdicts, or nothing for "never". Raises CommandError."""
    names = {name.strip() for name in text.split(",") if name.strip()}
    if names == {NEVER}:
        return set()
    if unknown := sorted(names - {FINDINGS, *(v.value for v in Verdict)}):
        known = ", ".join((FINDINGS, NEVER, *(v.value for v in Verdict)))
        words = {"name": unknown[0], "known": known}
        raise CommandError(_("--fail-on knows no %(name)s. It takes: %(known)s.") % words, returncode=COULD_NOT_RUN)
    if not names:
        raise CommandError(_("--fail-on is empty; “never” is the word for nothing."), returncode=COULD_NOT_RUN)
    return names


def _about(host: str, keys: Sequence[PublicKey], repositories: Sequence[str]) -> About:
    trusted = tuple(
        TrustedBy(key.name, key.fingerprint, key.kind, key.pem.strip(), key_file(key.name, key.fingerprint))
        for key in keys
    )
    scope = _("only %s") % ", ".join(repositories) if repositories else ""
    now = timezone.now()
    return About(host, now, swept=now, keys=trusted, scope=scope)


def _write(file: Path, text: str) -> None:
    """Write a report whole or not at all: a half one might be taken for a whole."""
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", newline="", dir=file.parent, prefix=f".{file.name}.", delete=False
        ) as out:
            out.write(text)
            Path(out.name).chmod(0o644)
        Path(out.name).replace(file)
    except OSError as error:
        raise _unusable(str(file), error.strerror or str(error)) from error


def to_table(judgements: Sequence[Judged]) -> str:
    """Aligned columns for a terminal; the last one, the reason, is as long as it is."""
    names = ["verdict", "repository", "tags", "digest", "key", "format", "reason"]
    if any(one.standing_reason != one.reason for one in judgements):  # there is a policy that says something else
        names[1:1] = ["standing"]
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


def _keyless(given: dict[str, Any]) -> KeylessTrust:
    """Who counts that signs by certificate; identities and issuers belong together, in order, and need a root."""
    who, issuers = given["certificate_identity"], given["certificate_oidc_issuer"]
    if len(who) != len(issuers) or bool(who) != bool(given["trusted_root"]):
        raise CommandError(
            _("--trusted-root, --certificate-identity and --certificate-oidc-issuer belong together; the last two may "
              "be repeated, each with the other."),
            returncode=COULD_NOT_RUN,
        )  # fmt: skip
    if not who:
        return NOBODY
    file = given["trusted_root"]
    try:
        root = load_root(Path(file).read_bytes())
    except OSError as error:
        raise _unusable(file, error.strerror or str(error)) from error
    except Problem as problem:
        raise _unusable(file, str(problem)) from problem
    return KeylessTrust(root, tuple(Allowed(one, issuer) for one, issuer in zip(who, issuers, strict=True)))


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
