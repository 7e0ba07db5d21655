"""What a report is about, beside its rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class TrustedBy:
    """A key whose signatures counted: name, fingerprint, kind and the PEM text."""

    name: str
    fingerprint: str
    kind: str
    pem: str
    file: str
    note: str = ""  # when and where it counts


@dataclass(frozen=True)
class About:
    """Which registry was looked at when, with which keys and which policy (a document as text, empty: none).

    `host` is what references begin with, `scope` says in words what the rows are of the whole, empty: all of it.
    """

    host: str
    made: datetime
    name: str = ""
    swept: datetime | None = None
    complete: bool = True
    keys: Sequence[TrustedBy] = field(default_factory=tuple)
    policy: str = ""
    scope: str = ""
