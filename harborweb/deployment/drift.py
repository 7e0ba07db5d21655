"""Drift: where the folder of what runs differs from what was deployed (issue 4, section 4).

Only the host worker looks. Nearly all looks are some fifty `stat`s: files are read only when one of them, or a
container, is another than at the look before. What it finds goes into one row; words and diffs are made by
`drift_pages`. Kinds of findings:

folder, hidden     the installer's folder is gone, or out of this worker's sight
missing            there is no harbor.yml
unreadable         files that the worker's user may not read
text               harbor.yml is not the deployed revision
mode               others than its owner may read harbor.yml
prepare            harbor.yml changed after prepare had run
containers         containers are older than their configuration files
edited             files that prepare rendered were changed by hand: its next run erases that
"""

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from harborweb.configuration import revisions
from harborweb.deployment import checks, looking, rendered, rendered_text, wanted
from harborweb.deployment.models import Deployment, Drift, Host, Rendered
from harborweb.deployment.place import Place, Stats, env_files, stats
from harborweb.errors import Problem
from harborweb.jobs.models import Job
from harborweb.jobs.run import Run
from harborweb.sealing import seal, unseal
from harborweb.tools import prepare

PURPOSE = "drift"
MOST_FILES = 60  # whose contents are kept for a diff
OWN_FILES = 5.0  # seconds after the bulk of prepare's files: later ones are somebody's
Finding = dict[str, Any]
UNSETTLED = {Deployment.Outcome.ROLLING_BACK, Deployment.Outcome.INTERRUPTED, Deployment.Outcome.NEEDS_YOU}


def standing() -> Deployment | None:
    """The deployment whose files should be in its folder; None when there is none, or while nobody can say.

    Nobody can while a job changes the host, and after a deployment that left it unsettled: its own page says so.
    """
    if Job.objects.filter(exclusive=Deployment.EXCLUSIVE, state__in=Job.ACTIVE).exists():
        return None
    last = Deployment.objects.filter(began=True).first()
    return None if last is None or last.outcome in UNSETTLED else looking.running()


def look(host: Host, *, force: bool = False) -> Drift | None:
    """Look at the folder of what runs, with the containers as `host` has them, and write down what differs.

    None when there is nothing to compare with now. With `force` everything is read again.
    """
    deployment = standing()
    if deployment is None:
        if looking.running() is None:
            Drift.objects.all().delete()
            revisions.not_on_disk()
        return None
    folder = Path(deployment.installer.path)
    seen, signature = stats(folder), ""
    if seen is not None:
        signature = _signature(deployment, seen, host.containers)
        last = Drift.objects.filter(pk=Drift.ONLY, deployment=deployment).first()
        if last is not None and last.signature == signature and not force:
            Drift.objects.filter(pk=Drift.ONLY).update(seen=timezone.now())
            return last
    try:
        found = _compare(Place.read(folder, seen), deployment, host.containers) if seen is not None else _gone(folder)
    except Problem:  # sealed with another app secret: the pages of that revision say so
        return None
    row = Drift(pk=Drift.ONLY, deployment=deployment, seen=timezone.now(), signature=signature, findings=found.findings)
    row.files_sealed = seal(json.dumps(found.files), PURPOSE)
    row.save()
    return row


def files(drift: Drift) -> dict[str, tuple[bytes | None, bytes | None]]:
    """The contents of files that were edited by hand: path, what was rendered, what stands there now."""
    kept: dict[str, list[str | None]] = json.loads(unseal(drift.files_sealed, PURPOSE)) if drift.files_sealed else {}
    decoded = {path: [None if one is None else base64.b64decode(one) for one in pair] for path, pair in kept.items()}
    return {path: (pair[0], pair[1]) for path, pair in decoded.items()}


def look_now(run: Run) -> dict[str, Any]:
    """The same as a job, when somebody asks for it.

    1 Look at the folder and its containers: every file is read again
    """
    run.step(1, 1, _("Look"))
    drift = look(looking.look(), force=True)
    if drift is None:
        raise Problem(
            _("There is nothing to compare with now."),
            _("Nothing was deployed yet, or a deployment is changing the host. Look again when it is finished."),
        )
    for finding in drift.findings:
        run.line(finding["kind"])
    return {"findings": len(drift.findings), "url": reverse("deployment:drift")}


@dataclass
class Found:
    """What differs: findings for the row, and contents for its sealed part."""

    findings: list[Finding] = field(default_factory=list)
    files: dict[str, list[str | None]] = field(default_factory=dict)


def _gone(folder: Path) -> Found:
    revisions.not_on_disk()
    return Found([{"kind": "hidden" if checks.hidden() else "folder", "path": str(folder)}])


def _signature(deployment: Deployment, stats: Stats, containers: list[dict[str, Any]]) -> str:
    """A short text that is another one as soon as anything that is looked at is another."""
    kept = Rendered.objects.filter(deployment=deployment).values_list("pk", flat=True).first()
    parts: list[Any] = [deployment.pk, kept]
    parts += [
        (name, one.st_mtime_ns, one.st_ctime_ns, one.st_size, one.st_mode, one.st_ino)
        for name, one in sorted(stats.items())
    ]
    parts += [(one["id"], one["state"], one["created"], one["since"]) for one in containers]
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _compare(place: Place, deployment: Deployment, containers: list[dict[str, Any]]) -> Found:
    found = Found()
    if place.unreadable:
        found.findings.append({"kind": "unreadable", "files": sorted(place.unreadable)})
    before = rendered.of(deployment)
    if not before and not place.unreadable and place.rendered:
        before = place.rendered  # the first look at it is what the next ones are held against
        rendered.keep(deployment, before)
    known = wanted.secrets(deployment.revision.text())
    edited = _edited(place, before, known)
    same = _harbor_yml(place, deployment, found, bool(edited))
    if not same and _prepared_since(place):  # prepare ran with another harbor.yml: its files differ rightly
        edited = [path for path in edited if _later(place, path)]
        before = {path: data for path, data in before.items() if path not in edited}
    older = _older_containers(place, before, containers, known)
    if older:
        found.findings.append(older)
    if edited:
        _keep(found, place, before, edited)
    return found


def _edited(place: Place, before: dict[str, bytes], known: list[str]) -> list[str]:
    """Files that say another thing than prepare had rendered; those that cannot be read are told elsewhere."""
    if not before:
        return []
    return [path for path in rendered_text.differing(before, place.rendered, known) if not place.closed(path)]


def _harbor_yml(place: Place, deployment: Deployment, found: Found, edited: bool) -> bool:
    """What is to be said of harbor.yml; returns whether it says what was deployed."""
    path, data = prepare.CONFIGURATION, place.contents.get(prepare.CONFIGURATION)
    if data is None:
        revisions.not_on_disk()
        if path not in place.unreadable:
            found.findings.append({"kind": "missing"})
        return False
    status = place.stats[path]
    revisions.seen_on_disk(str(place.folder / path), data, _time(status.st_mtime))
    same = data == deployment.revision.text().encode()
    if not same:
        found.findings.append(
            {"kind": "text", "changed": _iso(status.st_mtime), "prepared": _prepared_since(place)},
        )
    if status.st_mode & 0o077:
        found.findings.append({"kind": "mode", "mode": f"{status.st_mode & 0o7777:04o}"})
    prepared = place.prepared
    if not _prepared_since(place) and prepared and (not same or edited or deployment.found_running):
        found.findings.append({"kind": "prepare", "changed": _iso(status.st_mtime), "prepared": _iso(prepared)})
    return same


def _prepared_since(place: Place) -> bool:
    """Whether prepare ran after harbor.yml was changed last."""
    status = place.stats.get(prepare.CONFIGURATION)
    return bool(status and place.prepared and place.prepared >= status.st_mtime)


def _later(place: Place, path: str) -> bool:
    """Whether a file was written well after the bulk of prepare's files."""
    status = place.stats.get(path)
    return bool(status and place.prepared and status.st_mtime > place.prepared + OWN_FILES)


def _older_containers(
    place: Place, before: dict[str, bytes], containers: list[dict[str, Any]], known: list[str]
) -> Finding | None:
    """Running containers that started before a file they read was written, or were made before their env_file was."""
    env = env_files(place)
    rows, newest, rotated = [], 0.0, False
    for one in containers:
        if one["state"] != "running":
            continue
        changed = [*_newer(place, _mounted(place, one["mounts"]), one["since"])]
        changed += _newer(place, env.get(one["service"], ()), one["created"])
        if changed:
            rows.append({"name": one["name"], "files": sorted(set(changed))})
            newest = max(newest, *(place.stats[path].st_mtime for path in changed))
            rotated = rotated or any(_rotated(place, before, path, known) for path in changed)
    if not rows:
        return None
    return {"kind": "containers", "containers": rows, "changed": _iso(newest), "rotated": rotated}


def _newer(place: Place, paths: "Iterator[str] | tuple[str, ...]", moment: str) -> Iterator[str]:
    at = parse_datetime(moment[:26].rstrip("Z") + "Z") if moment else None
    if at is not None:
        yield from (path for path in paths if path in place.stats and place.stats[path].st_mtime > at.timestamp())


def _mounted(place: Place, mounts: list[str]) -> Iterator[str]:
    """The files of the folder that a container sees."""
    home = place.folder.resolve()
    for source in mounts:
        path = Path(source).resolve()
        if path == home or home not in path.parents:
            continue
        inside = str(path.relative_to(home))
        yield from (name for name in place.stats if name == inside or name.startswith(inside + "/"))


def _rotated(place: Place, before: dict[str, bytes], path: str, known: list[str]) -> bool:
    """Whether a file has other secrets of prepare's than were rendered: prepare ran again."""
    now, then = place.contents.get(path), before.get(path)
    if now is None or then is None or now == then:
        return False
    return rendered_text.steady(path, now, known) == rendered_text.steady(path, then, known)


def _keep(found: Found, place: Place, before: dict[str, bytes], edited: list[str]) -> None:
    rows = []
    for path in edited:
        then, now = before.get(path), place.contents.get(path)
        how = "added" if then is None else "removed" if path not in place.stats else "changed"
        at = place.stats[path].st_mtime if path in place.stats else None
        rows.append({"path": path, "how": how, "at": _iso(at) if at else None})
        if len(found.files) < MOST_FILES:
            found.files[path] = [None if one is None else base64.b64encode(one).decode() for one in (then, now)]
    found.findings.append({"kind": "edited", "files": rows})


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _iso(seconds: float) -> str:
    return _time(seconds).isoformat()
