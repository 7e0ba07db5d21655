"""Who pushed what, by Harbor's own log (facts: /auditlog-exts of 2.15; older ones keep another log)."""

import re
from dataclasses import dataclass
from datetime import datetime

from harborweb.registry.harbor import paths, reading
from harborweb.registry.harbor.client import Harbor
from harborweb.registry.image import text

MOST = 100  # entries that are looked through: the newest
_PUSHED = re.compile(r"push artifact: (?P<repository>\S+)@(?P<digest>sha256:[0-9a-f]{64})")


@dataclass(frozen=True)
class Push:
    """A push as Harbor wrote it down: who, when, which digest; `number` is the entry's."""

    number: int
    who: str
    at: datetime
    digest: str


async def last_push(harbor: Harbor, repository: str, tag: str) -> Push | None:
    """The newest push of `tag` among the newest entries of the project's log; None where there is none.

    Needs the right log:list in the project. An entry that cannot be read ends the search: who pushed is not known then.
    """
    project, _name = paths.split(repository)
    path = f"{paths.project(project)}/auditlog-exts"
    wanted = f"operation=create,resource_type=artifact,resource=~{repository.rpartition('/')[2]}"
    page = await harbor.page(path, dict, {"q": wanted, "sort": "-op_time"}, what=project, size=MOST)
    numbers = [reading.number(one.get("id")) for one in page.items]
    entries = [one for one in page.items if text(one.get("resource")) == f"{repository}:{tag}"]
    newest = max(entries, key=lambda one: reading.number(one.get("id")), default=None)
    if newest is None or numbers[0] != max(numbers):  # else this is no page of the newest
        return None
    if newest.get("operation_result") is not True or newest.get("operation") != "create":
        return None
    said = _PUSHED.fullmatch(text(newest.get("operation_description")))
    at = reading.moment(newest.get("op_time"))
    who = text(newest.get("username"))
    if said is None or said["repository"] != repository or at is None or not who:
        return None
    return Push(reading.number(newest.get("id")), who, at, said["digest"])
