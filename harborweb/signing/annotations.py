"""What is signed beside the digest, so that a signature says what it was made for.

The names begin with our own prefix (docs/decisions): nobody's own annotation means the same by chance, a policy can
ask for them, and what a page says of them it reads from signed bytes alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from django.utils.translation import gettext as _

from harborweb.errors import Problem
from harborweb.verification.origin import EXPIRES, PREFIX, REPOSITORY, SIGNER, TAG, TIME, stamp

__all__ = ["EXPIRES", "PREFIX", "REPOSITORY", "SIGNER", "TAG", "TIME", "Wanted", "check_own"]


@dataclass(frozen=True)
class Wanted:
    """Who signs, until when it shall hold (None: for good), and people's own name=value."""

    signer: str
    expires: datetime | None = None
    own: Mapping[str, str] | None = None

    def of(self, repository: str, tag: str, now: datetime) -> dict[str, str]:
        """Everything to be signed with an image found as `repository` and `tag` (may be empty)."""
        found = {REPOSITORY: repository, TAG: tag, SIGNER: self.signer, TIME: stamp(now)}
        if self.expires is not None:
            found[EXPIRES] = stamp(self.expires.astimezone(UTC))
        return {name: value for name, value in found.items() if value} | dict(self.own or {})


def check_own(own: Mapping[str, str]) -> None:
    """Raise Problem where somebody's own annotation would pass for one of ours."""
    if wrong := next((name for name in own if name.startswith(PREFIX)), None):
        raise Problem(
            _("The annotation %s cannot be typed: harborweb writes it itself.") % wrong,
            _("Names that begin with %s are kept for what harborweb signs by itself. Choose another name.") % PREFIX,
            field="annotations",
        )


def says_the_same(signed: Mapping[str, object], wanted: Mapping[str, str], *, child: bool = False) -> bool:
    """Whether a signature says already what a new one would, but for who made it and when.

    A `child` of an index may be signed under another tag: several indexes list it.
    """
    passing = {SIGNER, TIME, TAG} if child else {SIGNER, TIME}
    return {k: v for k, v in signed.items() if k not in passing} == {
        k: v for k, v in wanted.items() if k not in passing
    }
