"""The workshop: what a key's new limits may have changed is judged again, asking the registries."""

from typing import Any

from django.utils.translation import gettext as _

from harborweb.audit.again import judge_all_again
from harborweb.audit.keys.impact import Sights, artifacts
from harborweb.audit.policies.restanding import restand_all
from harborweb.audit.policies.standings import latest
from harborweb.errors import Problem
from harborweb.jobs.run import Run
from harborweb.registry.models import Registry
from harborweb.signing.models import Key
from harborweb.verification.verdict import Verdict

STRANGE = {Verdict.UNKNOWN_KEY, Verdict.INVALID}


def judge_key(run: Run) -> dict[str, Any]:
    """Judge again what a key's limits decide about.

    1. Say anew what each registry's policy makes of its verdicts: a policy may ask for every trusted key
    2. Find what the key has signed, and what is listed by it
    3. Judge each again, a repository at a time
    """
    run.make_way()
    key = Key.objects.filter(pk=run.arguments["key"]).first()
    if key is None:
        raise Problem(_("The key was deleted before the job began."), _("Sweep the registries again."))
    run.step(1, 3, _("What the policies make of it"))
    for one in Registry.objects.all():
        if latest(one) is not None:
            restand_all(one, on_repository=run.progress)
    run.step(2, 3, _("Find what it has signed"))
    wanted = _affected(key, strangers=bool(run.arguments.get("strangers")))
    run.step(3, 3, _("Judge again"))
    return {"message": judge_all_again(run, wanted)}


def _affected(key: Key, *, strangers: bool) -> dict[tuple[int, str], list[str]]:
    """Digests by registry and repository: signed by the key (or perhaps, by a stranger), and what these list."""
    rows = list(artifacts(key, Sights.of(key)))
    chosen = [row for row in rows if row.theirs or (strangers and row.verdict in STRANGE)]
    found = {row.pk: row for row in chosen if ":" in row.digest}
    level = {(row.registry, row.repository, row.digest) for row in chosen}
    while level:
        below = [
            row for row in rows
            if row.pk not in found and any((row.registry, row.repository, one) in level for one in row.parents)
        ]  # fmt: skip
        found.update({row.pk: row for row in below})
        level = {(row.registry, row.repository, row.digest) for row in below}
    places: dict[tuple[int, str], list[str]] = {}
    for row in found.values():
        places.setdefault((row.registry, row.repository), []).append(row.digest)
    return places
