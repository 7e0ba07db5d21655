"""What each cosign version can do, as a table; commands are built from it.

Measured with the real cosign 2.5.0 and 3.1.2 (tests/tools/test_cosign.py runs both). A row holds
from `since` (included) until `until` (excluded); `{name}` in a flag is a value the caller gives.
"""

import re
from dataclasses import dataclass
from functools import total_ordering


@total_ordering
@dataclass(frozen=True)
class Version:
    """A version of cosign; `text` is what it said of itself."""

    numbers: tuple[int, int, int]
    text: str = ""

    def __lt__(self, other: "Version") -> bool:
        return self.numbers < other.numbers

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self.numbers == other.numbers

    def __hash__(self) -> int:
        return hash(self.numbers)

    def __str__(self) -> str:
        return self.text or ".".join(map(str, self.numbers))


def parse(text: str) -> Version | None:
    """The version in "v3.1.2", "2.5.0+dfsg-1" …; None where there is none, as in "devel"."""
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", text)
    if found is None:
        return None
    major, minor, patch = (int(part) for part in found.groups())
    return Version((major, minor, patch), text.strip().removeprefix("v"))


@dataclass(frozen=True)
class Feature:
    """One thing that cosign does with certain flags, in a range of versions."""

    name: str
    since: tuple[int, int, int]
    until: tuple[int, int, int] | None
    flags: tuple[str, ...] = ()

    def holds(self, version: Version) -> bool:
        """Whether `version` has it in this form."""
        return self.since <= version.numbers and (self.until is None or version.numbers < self.until)


OLDEST = (2, 5, 0)  # older ones were not measured
V3 = (3, 0, 0)

# fmt: off
FEATURES: tuple[Feature, ...] = (
    # A signature without the public transparency log (nothing leaves the premises).
    Feature("sign simple",    OLDEST,    V3,   ("--tlog-upload=false",)),
    Feature("sign simple",    V3,        None, ("--new-bundle-format=false", "--use-signing-config=false",
                                                "--tlog-upload=false")),
    # 3.x refuses --tlog-upload=false for bundles and wants a configuration that names no log.
    Feature("sign bundle",    V3,        None, ("--signing-config", "{signing_config}")),
    # Without a trusted root of our own 3.1 asks the internet for one before it signs.
    Feature("sign offline",   (3, 1, 0), None, ("--trusted-root", "{trusted_root}")),
    Feature("sign offline",   OLDEST,    (3, 1, 0)),
    # 3.x signs with SHA-384/512 or Ed25519ph for such keys, then refuses that signature itself.
    # A file: a bundle from both; 2.x asks the internet for a trusted root before it verifies one.
    Feature("sign blob",      OLDEST,    V3,   ("--new-bundle-format", "--tlog-upload=false")),
    Feature("sign blob",      V3,        None, ("--signing-config", "{signing_config}")),
    Feature("verify blob",    OLDEST,    V3,   ("--signature", "{file}.sig.b64")),
    Feature("verify blob",    V3,        None, ("--bundle", "{file}.bundle")),
    Feature("sign any key",   OLDEST,    V3),
    Feature("sign recursive", OLDEST,    None, ("--recursive",)),
    Feature("verify no log",  OLDEST,    None, ("--insecure-ignore-tlog=true",)),
    Feature("verify bundle",  V3,        None),
    Feature("verify simple",  OLDEST,    None),
    Feature("sign http",      OLDEST,    None, ("--allow-http-registry",)),
    Feature("verify http",    OLDEST,    V3,   ("--allow-http-registry", "--allow-insecure-registry")),
    Feature("verify http",    V3,        None, ("--allow-http-registry",)),
    Feature("registry ca",    OLDEST,    None, ("--registry-cacert", "{ca_file}")),
)
# fmt: on


def can(version: Version, name: str) -> bool:
    """Whether `version` has the feature `name`."""
    return any(row.name == name and row.holds(version) for row in FEATURES)


def flags(version: Version, name: str, **values: str) -> tuple[str, ...]:
    """The flags for `name` in `version`, `{placeholders}` filled; raises LookupError where it cannot do that."""
    for row in FEATURES:
        if row.name == name and row.holds(version):
            return tuple(flag.format(**values) for flag in row.flags)
    raise LookupError(f"cosign {version} has no feature {name!r}")


def supported(version: Version) -> bool:
    """Whether the table says anything about `version`."""
    return version.numbers >= OLDEST


def signs_with(version: Version, key_kind: str) -> bool:
    """Whether signatures that `version` makes with such a key verify; `key_kind` as `verification.keys` names it."""
    return can(version, "sign any key") or key_kind.startswith(("ECDSA P-256", "RSA"))


def vulnerable(version: Version) -> str:
    """The CVE that `version` has, or nothing.

    CVE-2026-22703 (below 2.6.2, and 3.x below 3.0.4): a bundle is accepted with the log proof of another entry.
    """
    fixed = (3, 0, 4) if version.numbers >= V3 else (2, 6, 2)
    return "CVE-2026-22703" if version.numbers < fixed else ""
