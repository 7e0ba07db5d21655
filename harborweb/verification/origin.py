"""What a signature says of where, when and by whom it was made, read from signed bytes alone. Pure.

The verdict is about the digest: an image that is copied with its signature stays signed, and one to which an old tag
points again does too. So what does not fit is said beside the verdict, as a note, and changes nothing about it; cosign,
which knows nothing of these names, would say the same. A policy may ask for them as for any annotation.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from harborweb.verification.sentences import Sentence
from harborweb.verification.sentences import sentence as _

PREFIX = "dev.harborweb."
REPOSITORY = PREFIX + "repository"
TAG = PREFIX + "tag"
SIGNER = PREFIX + "signer"
TIME = PREFIX + "time"
EXPIRES = PREFIX + "expires"
LONGEST = 20  # characters of a stamp


def stamp(at: datetime) -> str:
    """`at` (aware, UTC) as RFC 3339 with seconds, as it is signed."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def moment(text: object) -> datetime | None:
    """The time in a signed annotation; None for what is none."""
    if not isinstance(text, str) or len(text) != LONGEST:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


@dataclass(frozen=True)
class Origin:
    """What a signature says it was made for; what it does not say is empty or None."""

    repository: str = ""
    tag: str = ""
    signer: str = ""
    time: datetime | None = None
    expires: datetime | None = None

    def expired(self, now: datetime) -> bool:
        """Whether its signer let it hold only until before `now` (aware)."""
        return self.expires is not None and self.expires <= now


def origin_of(annotations: Mapping[str, object]) -> Origin:
    """The origin in the signed annotations of a finding; values of any type, as strangers write them."""

    def text(name: str) -> str:
        value = annotations.get(name)
        return value if isinstance(value, str) else ""

    return Origin(
        text(REPOSITORY), text(TAG), text(SIGNER), moment(annotations.get(TIME)), moment(annotations.get(EXPIRES))
    )


def notes(origin: Origin, repository: str, tags: Collection[str], now: datetime) -> list[Sentence]:
    """What does not fit between what was signed and where it was found: `repository`, under `tags`.

    `tags` are the artifact's own and those of the indexes that list it, because an index is signed with its children.
    """
    found = []
    elsewhere = bool(origin.repository) and origin.repository != repository
    moved = bool(origin.tag) and bool(tags) and origin.tag not in tags
    if elsewhere or moved:
        signed = f"{origin.repository or repository}:{origin.tag}" if origin.tag else origin.repository
        here = ", ".join(f"{repository}:{tag}" for tag in sorted(tags)[:3]) or repository
        found.append(_("Signed as %(signed)s, found at %(found)s.", signed=signed, found=here))
    if origin.expired(now):
        found.append(
            _("Its signer let this signature hold until %(when)s.", when=f"{origin.expires:%Y-%m-%d %H:%M} UTC")
        )
    return found
