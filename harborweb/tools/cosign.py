"""cosign's commands as tuples and its answers as dataclasses; nothing here starts anything.

Secrets go through the environment (`environment`), never through a command: argv is public on a machine.
"""

import base64
import csv
import io
import json
import os
import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from harborweb.tools import cosign_features as features
from harborweb.tools.cosign_features import Version

KEY_VARIABLE = "HARBORWEB_SIGNING_KEY"  # the encrypted PEM
KEY_REFERENCE = f"env://{KEY_VARIABLE}"  # for --key
REPOSITORY = "COSIGN_REPOSITORY"
SIGNING_CONFIG = "signing-config.json"
TRUSTED_ROOT = "trusted-root.json"
CA_FILE = "registry-ca.pem"
# What cosign itself creates for "no log, no time stamp", and a root that trusts nobody: a key pair needs none.
SIGNING_CONFIG_TEXT = (
    '{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","rekorTlogConfig":{},"tsaConfig":{}}'
)
TRUSTED_ROOT_TEXT = '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}'
INHERITED = ("PATH", "LANG", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


class Outcome(StrEnum):
    """What an exit of cosign means, as far as it can be told."""

    GOOD = "good"
    NO_SIGNATURE = "no_signature"  # exit 10
    MISMATCH = "mismatch"  # exit 12, or 3.x's exit 1 with "no matching"
    BAD_PASSWORD = "bad_password"  # noqa: S105 (a word, no password)
    NO_KEY = "no_key"
    UNSUPPORTED_KEY = "unsupported_key"
    NO_ACCESS = "no_access"
    UNREACHABLE = "unreachable"
    TLS = "tls"
    GONE = "gone"
    FAILED = "failed"


# First match wins; texts of cosign 2.5.0 and 3.1.2, its key library and Go's HTTP client.
_SIGNS: tuple[tuple[str, Outcome], ...] = (
    (r"decrypt: encrypted: decryption failed|invalid password", Outcome.BAD_PASSWORD),
    (r"unsupported (private )?key|error parsing [\w# ]+ private key|unsupported pem type", Outcome.UNSUPPORTED_KEY),
    (r"decrypt: ", Outcome.UNSUPPORTED_KEY),  # a damaged cosign.key
    (r"invalid pem block|PEM decoding failed|malformed", Outcome.NO_KEY),
    (r"no matching (signatures|attestations)|failed to verify signature", Outcome.MISMATCH),
    (r"no signatures found", Outcome.NO_SIGNATURE),
    (r"x509:|tls:|server gave HTTP response to HTTPS", Outcome.TLS),
    (r"\b(401|403)\b|UNAUTHORIZED|DENIED|authentication required", Outcome.NO_ACCESS),
    (r"404 Not Found|MANIFEST_UNKNOWN|NAME_UNKNOWN|manifest unknown", Outcome.GONE),
    (r"dial tcp|connection refused|no such host|i/o timeout|EOF|context deadline", Outcome.UNREACHABLE),
)  # fmt: skip


def outcome(exit_code: int, stderr: str) -> Outcome:
    """What cosign's exit means (facts: 10 no signatures, 12 a signature that does not match, 1 anything else)."""
    if exit_code == 0:
        return Outcome.GOOD
    if exit_code in (10, 12):
        return Outcome.NO_SIGNATURE if exit_code == 10 else Outcome.MISMATCH
    errors = "\n".join(line for line in stderr.splitlines() if not line.startswith("WARNING"))
    return next((result for sign, result in _SIGNS if re.search(sign, errors)), Outcome.FAILED)


@dataclass(frozen=True)
class Access:
    """How a registry is reached; `ca_file` names a file in the folder cosign runs in, or is empty."""

    allow_http: bool = False
    ca_file: str = ""


@dataclass(frozen=True)
class Cosign:
    """One cosign program."""

    path: str
    version: Version

    def sign(
        self,
        reference: str,
        access: Access,
        *,
        annotations: Mapping[str, str] | None = None,
        simple: bool = False,
        recursive: bool = False,
        key: str = KEY_REFERENCE,
    ) -> tuple[str, ...]:
        """Sign `reference` (repository@digest) with the key in `KEY_VARIABLE`, or the one that the URI `key` names.

        `simple` asks for simple signing where the default is a bundle, `recursive` also signs what an index lists.
        Runs in a folder `workspace` has filled.
        """
        command = [self.path, "sign", "--yes", "--key", key]
        if simple or not features.can(self.version, "sign bundle"):
            command += features.flags(self.version, "sign simple")
        else:
            command += features.flags(self.version, "sign bundle", signing_config=SIGNING_CONFIG)
        command += features.flags(self.version, "sign offline", trusted_root=TRUSTED_ROOT)
        command += self._access(access, "sign http")
        command += features.flags(self.version, "sign recursive") if recursive else ()
        for name, value in (annotations or {}).items():
            command += ["-a", _one_field(f"{name}={value}")]
        return (*command, reference)

    def verify(self, reference: str, access: Access, public_key: str) -> tuple[str, ...]:
        """Verify `reference` with the public key in the file `public_key`; also the command for doing it by hand."""
        return (
            self.path, "verify", "--key", public_key, *features.flags(self.version, "verify no log"),
            *self._access(access, "verify http"), reference,
        )  # fmt: skip

    def sign_blob(self, name: str, key: str = KEY_REFERENCE) -> tuple[str, ...]:
        """Sign the file `name` with the key in `KEY_VARIABLE`, or the one that the URI `key` names, into `name`.bundle.

        Runs in a folder `workspace` has filled.
        """
        how = features.flags(self.version, "sign blob", signing_config=SIGNING_CONFIG)
        offline = features.flags(self.version, "sign offline", trusted_root=TRUSTED_ROOT)
        return (self.path, "sign-blob", "--yes", "--key", key, *how, *offline, "--bundle", f"{name}.bundle", name)

    def verify_blob(self, name: str, public_key: str) -> tuple[str, ...]:
        """Verify the file `name` by `name`.bundle, or where this version would ask the internet, by `name`.sig.b64."""
        how = features.flags(self.version, "verify blob", file=name)
        log = features.flags(self.version, "verify no log")
        return (self.path, "verify-blob", "--key", public_key, *log, *how, name)

    def generate(self, prefix: str) -> tuple[str, ...]:
        """Make `prefix`.key and `prefix`.pub, encrypted with COSIGN_PASSWORD."""
        return (self.path, "generate-key-pair", "--output-key-prefix", prefix)

    def import_pem(self, file: str, prefix: str) -> tuple[str, ...]:
        """Make `prefix`.key and `prefix`.pub of an unencrypted PEM private key."""
        return (self.path, "import-key-pair", "--yes", "--key", file, "--output-key-prefix", prefix)

    def public_key(self, key: str = KEY_REFERENCE) -> tuple[str, ...]:
        """Print the public half of the key in `KEY_VARIABLE`, or of a KMS key: proves that the password opens it."""
        return (self.path, "public-key", "--key", key)

    def format(self, simple: bool = False) -> str:
        """The format that `sign` leaves: "bundle" or "simple"."""
        return "simple" if simple or not features.can(self.version, "sign bundle") else "bundle"

    def _access(self, access: Access, http: str) -> tuple[str, ...]:
        plain = features.flags(self.version, http) if access.allow_http else ()
        return plain + (features.flags(self.version, "registry ca", ca_file=access.ca_file) if access.ca_file else ())


def _one_field(text: str) -> str:
    """`text` as one element of a pflag string slice, which is a line of CSV: a comma must not split it."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow([text])
    return line.getvalue()


def find() -> str | None:
    """The path of cosign: what HARBORWEB_COSIGN names, else what is on PATH; None when there is none."""
    return shutil.which(os.environ.get("HARBORWEB_COSIGN") or "cosign")


def version_command(path: str) -> tuple[str, ...]:
    """Ask a cosign for its version."""
    return (path, "version", "--json")


def parse_version(stdout: str) -> Version | None:
    """The version in the answer to `version_command`; None when it is none we can read."""
    try:
        answer = json.loads(stdout)
    except ValueError:
        return None
    return features.parse(str(answer.get("gitVersion", ""))) if isinstance(answer, dict) else None


def help_command(path: str) -> tuple[str, ...]:
    """Ask a cosign which flags `sign` takes, for a build that does not know its own version."""
    return (path, "sign", "--help")


def version_by_flags(help_text: str) -> Version | None:
    """The oldest measured version with the flags in `help_text`; None when it is no `cosign sign` we know.

    Distributions build cosign without its version: Debian 13's 2.5.0 calls itself "devel".
    """
    for flag, version in (("--trusted-root", "3.1.0"), ("--signing-config", "3.0.0"), ("--tlog-upload", "2.5.0")):
        if flag in help_text:
            return features.parse(f"{version} or later (devel)")
    return None


def environment(
    folder: Path,
    *,
    password: str | None = None,
    private_key: str | None = None,
    further: Mapping[str, str] | None = None,
    signatures: str = "",
) -> dict[str, str]:
    """A complete environment for cosign: its home and registry logins in `folder`, secrets as variables.

    `further` are variables by which it signs in to a KMS (`cosign_kms.variables`); `signatures` is host/repository
    where the signatures of every image are, or empty where they are beside it.
    """
    names = (*INHERITED, *(name.lower() for name in INHERITED if name.endswith("PROXY")))
    env = {name: os.environ[name] for name in names if name in os.environ}
    env |= {**(further or {}), "HOME": str(folder), "DOCKER_CONFIG": str(folder)}
    if signatures:
        env[REPOSITORY] = signatures
    if password is not None:
        env["COSIGN_PASSWORD"] = password
    if private_key is not None:
        env[KEY_VARIABLE] = private_key
    return env


@dataclass(frozen=True)
class Login:
    """A registry that cosign signs in to."""

    host: str
    username: str = ""
    password: str = field(default="", repr=False)
    ca_pem: str = field(default="", repr=False)


def by_hand(command: Sequence[str], signatures: str = "") -> str:
    """`command` as a person would type it where `signatures` is what COSIGN_REPOSITORY has to be."""
    before = f"{REPOSITORY}={shlex.quote(signatures)} " if signatures else ""
    return before + shlex.join(command)


def workspace(folder: Path, *logins: Login) -> None:
    """Fill `folder` (made 0700 by the caller, removed by it) with what cosign reads: the registries' logins and CAs,
    a signing configuration and a trusted root. Every file is 0600.
    """
    known = {
        one.host: {"auth": base64.b64encode(f"{one.username}:{one.password}".encode()).decode()}
        for one in logins if one.username
    }  # fmt: skip
    ca_pem = "\n".join(dict.fromkeys(one.ca_pem for one in logins if one.ca_pem))
    files = {
        "config.json": json.dumps({"auths": known} if known else {}),
        SIGNING_CONFIG: SIGNING_CONFIG_TEXT,
        TRUSTED_ROOT: TRUSTED_ROOT_TEXT,
    }
    if ca_pem:
        files[CA_FILE] = ca_pem
    for name, text in files.items():
        write_private(folder / name, text)


def write_private(path: Path, text: str) -> None:
    """Write a new file that only its owner may read."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def signatures(stdout: str) -> list[dict[str, Any]]:
    """The payloads that `verify` printed; empty when it printed none that can be read."""
    try:
        found = json.loads(stdout)
    except ValueError:
        return []
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []
