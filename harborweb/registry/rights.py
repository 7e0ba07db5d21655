"""What our robots may do in a Harbor, and what each right is for. Least rights: every row here is used.

Which right opens which address: facts of Harbor 2.15.2, where robots with one right each were tried at all of them.
The same robots show that in "every project" Harbor takes project:read for the reading of all that is in them; where
projects are named it does not, so the rights are asked for one by one.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from harborweb.registry.harbor.robots import EVERY_PROJECT, Grant, Right
from harborweb.registry.models import Robot

Text = str | Promise


@dataclass(frozen=True)
class Need:
    """One right: in the whole "system" or in a "project", what it is for, and what fails without it."""

    level: str
    right: Right
    use: Text
    without: Text


def _need(level: str, right: str, use: Text, without: Text) -> Need:
    resource, _colon, action = right.partition(":")
    return Need(level, Right(resource, action), use, without)


READING = (
    _need("system", "project:list", _("List the projects, private ones too"),
          _("Only public projects are seen, so private images are in no audit.")),
    _need("system", "registry:list", _("Say which upstream a pull-through cache reads from"),
          _("A cache’s page does not name its upstream.")),
    _need("system", "registry:read", _("Say whether Harbor reaches the upstream of a cache"),
          _("A cache’s page does not say whether its upstream answers.")),
    _need("project", "project:read", _("Show a project: whether it is public, a cache, or enforces signatures"),
          _("Pages of projects stay empty.")),
    _need("project", "repository:list", _("List the repositories of a project"),
          _("Neither the store nor an audit finds any image.")),
    _need("project", "repository:pull", _("Read manifests and signatures, which the audit verifies"),
          _("No signature can be verified: every verdict is “could not check”.")),
    _need("project", "artifact:list", _("List artifacts, those without a tag too, 100 at a time"),
          _("Artifacts without a tag are not seen, and lists are slow.")),
    _need("project", "artifact:read", _("Show one artifact with its platforms and sizes"),
          _("A webhook’s news cannot be checked at once, and artifact pages lack Harbor’s own words.")),
    _need("project", "quota:read", _("Show how much a project holds"),
          _("Sizes of projects and of caches are not shown.")),
    _need("project", "log:list",
          _("Count what a cache had to fetch, and confirm who pushed where images are signed by rule"),
          _("Hits and misses of a cache are not shown, and nothing is signed by rule.")),
)  # fmt: skip
SIGNING = (
    _need("project", "repository:push", _("Lay a signature beside an image"), _("Nothing can be signed.")),
    _need("project", "repository:pull", _("Read the image that is signed, and verify the signature at once"),
          _("What was signed cannot be verified.")),
)  # fmt: skip
KEEPING = (
    _need("system", "robot:create", _("Make the next robots before these expire"), _("Robots are not renewed.")),
    _need("system", "robot:read", _("See what a robot may do and when it expires"),
          _("Rights are tried instead of read.")),
    _need("system", "robot:list", _("Find a robot again whose making was cut short"),
          _("A robot half made stays in Harbor until it expires.")),
    _need("system", "robot:delete", _("Delete the robots that were replaced"),
          _("Replaced robots stay in Harbor until they expire.")),
)  # fmt: skip
BY_PURPOSE = {Robot.Purpose.READ: READING, Robot.Purpose.SIGN: SIGNING, Robot.Purpose.KEEP: KEEPING}


def grants(purpose: Robot.Purpose, projects: Iterable[str] = ()) -> tuple[Grant, ...]:
    """The rights of the robot for `purpose` in `projects` (none named: in every one), as Harbor wants them.

    The one that renews has the rights of the other two besides its own: Harbor lets a robot give no right that it
    has not.
    """
    needs = list(BY_PURPOSE[purpose])
    if purpose == Robot.Purpose.KEEP:
        needs += [*READING, *SIGNING]
    system = frozenset(one.right for one in needs if one.level == "system")
    project = frozenset(one.right for one in needs if one.level == "project")
    places = sorted(set(projects)) or [EVERY_PROJECT]
    found = [Grant("system", "/", system)] if system else []
    return (*found, *(Grant("project", place, project) for place in places))
