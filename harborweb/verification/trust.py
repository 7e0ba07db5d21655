"""When and where a key's signatures count. Pure.

A signature made with a key carries no time that can be trusted: whoever holds the key can write any. The time that
counts is when harborweb first saw the signature (issue 6, section 2). One that was made before a revocation and seen
after it therefore does not count, and one that a thief made and that was seen before it does.
"""

from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from harborweb.verification.keys import PublicKey
from harborweb.verification.sentences import Sentence
from harborweb.verification.sentences import sentence as _


@dataclass(frozen=True)
class TrustedKey:
    """A public key and its limits; `projects` are patterns of projects that trust it, none means every project."""

    key: PublicKey
    not_before: datetime | None = None
    not_after: datetime | None = None
    revoked_from: datetime | None = None
    revoked_reason: str = ""
    projects: tuple[str, ...] = ()
    successor: str = ""

    def counts(self, project: str, seen: datetime) -> bool:
        """Whether `refuses` has nothing to say; without the sentence, for tens of thousands."""
        return not (
            (self.revoked_from is not None and seen >= self.revoked_from)
            or (self.not_before is not None and seen < self.not_before)
            or (self.not_after is not None and seen >= self.not_after)
            or (self.projects and not any(fnmatchcase(project, one) for one in self.projects))
        )

    def refuses(self, project: str, seen: datetime) -> Sentence | None:
        """Why a sound signature of this key, first seen at `seen` (aware), does not count in `project`; None: it does.

        The window includes its first moment and not its last; a revocation includes its first moment.
        """
        name = self.key.name or self.key.fingerprint[:16]
        if self.projects and not any(fnmatchcase(project, one) for one in self.projects):
            return _("Signed by %(name)s, which the project %(project)s does not trust.", name=name, project=project)
        if self.revoked_from is not None and seen >= self.revoked_from:
            return _(
                "Signed by %(name)s, which is revoked from %(when)s on: %(reason)s. "
                "This signature was first seen on %(seen)s.",
                name=name, when=_day(self.revoked_from), reason=self.revoked_reason or "-", seen=_day(seen),
            )  # fmt: skip
        if self.not_before is not None and seen < self.not_before:
            return _(
                "Signed by %(name)s, which counts from %(when)s on; this signature was first seen on %(seen)s.",
                name=name, when=_day(self.not_before), seen=_day(seen),
            )  # fmt: skip
        if self.not_after is not None and seen >= self.not_after:
            return _(
                "Signed by %(name)s, which counts until %(when)s; this signature was first seen on %(seen)s.",
                name=name, when=_day(self.not_after), seen=_day(seen),
            )  # fmt: skip
        return None


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} {at.tzname() or ''}".strip()
