"""What keeping does to findings: they are opened, reopened and solved by what is kept, and by nothing else.

Called inside the transaction that keeps (`audit.kept`), so a finding never says another thing than its verdict.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils import timezone

from harborweb.audit.kept import Kept, Was
from harborweb.audit.models import Finding, FindingEvent
from harborweb.verification.verdict import GREEN

State, Kind = Finding.State, Finding.Kind
KINDS = list(Kind)  # in the order of the list: the worst first
BATCH = 500
KEPT_DAYS = 400  # of what is solved
TRIED = re.compile(r"\(\d+ [^)]*\)")  # how many keys were tried says nothing about the artifact


def kind_of(verdict: str) -> Finding.Kind:
    """What has to be done where an artifact with this verdict is a finding."""
    return Kind.LACKING if verdict in GREEN else Kind(verdict)


def follow(kept: Kept, **_kwargs: object) -> None:
    """Bring the findings of a repository up to date with what was kept of it. A receiver of the signal `kept`."""
    now_found = {digest: one for digest, one in kept.after.items() if one.is_finding}
    over = {digest for digest, one in kept.after.items() if not one.is_finding} | kept.gone.keys()
    were = {digest for told in (kept.before, kept.gone) for digest, one in told.items() if one.is_finding}
    wanted = list({*now_found, *(over & were)})
    if not wanted:
        return
    mine = Finding.objects.filter(registry=kept.registry, repository=kept.repository)
    known: dict[str, Finding] = {}
    for start in range(0, len(wanted), BATCH):
        known |= {one.digest: one for one in mine.filter(digest__in=wanted[start : start + BATCH])}
    fresh = [_opened(kept, digest, was) for digest, was in now_found.items() if digest not in known]
    changed, moved = [], []
    for digest, finding in known.items():
        before = _facts(finding)
        state = _next(finding, now_found.get(digest))
        if digest in now_found:
            _describe(finding, now_found[digest])
        if state is not None:
            _move(finding, state, kept.at)
            moved.append(finding)
        if before != _facts(finding):
            changed.append(finding)
    Finding.objects.bulk_create(fresh, batch_size=BATCH)
    Finding.objects.bulk_update(changed, CHANGING, batch_size=BATCH)
    log([*fresh, *moved], kept.at)


CHANGING = [
    "tags", "state", "kind", "rank", "verdict", "reason", "since", "changed", "note", "by", "known_verdict",
    "known_reason",
]  # fmt: skip


def log(findings: Sequence[Finding], at: datetime, by: str = "", note: str = "") -> None:
    """Write down that `findings` came to the state in which they are."""
    FindingEvent.objects.bulk_create(
        (
            FindingEvent(
                finding=one, state=one.state, verdict=one.verdict, reason=one.reason, at=at, by=by, note=note
            )
            for one in findings
        ),
        batch_size=BATCH,
    )  # fmt: skip


def forget_old() -> int:
    """Forget findings that were solved more than KEPT_DAYS ago, with their history; how many."""
    old = timezone.now() - timedelta(days=KEPT_DAYS)
    numbers = list(Finding.objects.filter(state=State.SOLVED, changed__lt=old).order_by().values_list("pk", flat=True))
    for start in range(0, len(numbers), BATCH):
        Finding.objects.filter(pk__in=numbers[start : start + BATCH]).delete()
    return len(numbers)


def _opened(kept: Kept, digest: str, was: Was) -> Finding:
    project = kept.repository.partition("/")[0]
    finding = Finding(registry=kept.registry, project=project, repository=kept.repository, digest=digest)
    finding.since = finding.changed = kept.at
    _describe(finding, was)
    return finding


def _describe(finding: Finding, was: Was) -> None:
    kind = kind_of(was.verdict)
    finding.tags, finding.verdict, finding.reason = list(was.tags), was.verdict, was.reason
    finding.kind, finding.rank = kind, KINDS.index(kind)


def _facts(finding: Finding) -> tuple[object, ...]:
    return tuple(getattr(finding, name) for name in CHANGING)


def _next(finding: Finding, was: Was | None) -> Finding.State | None:
    """The state that `finding` comes to; `was` is what makes it one, None where nothing does. None: it stays."""
    if was is None:
        return None if finding.state == State.SOLVED else State.SOLVED
    if finding.state == State.SOLVED:
        return State.REOPENED
    as_known = finding.known_verdict == was.verdict and _same(finding.known_reason, was.reason)
    if finding.state == State.ACKNOWLEDGED:
        return None if as_known else State.REOPENED
    return State.ACKNOWLEDGED if finding.known_verdict and as_known else None


def _same(known: str, now: str) -> bool:
    return TRIED.sub("", known) == TRIED.sub("", now)


def _move(finding: Finding, state: Finding.State, at: datetime) -> None:
    finding.state, finding.changed = state, at
    if state == State.REOPENED:
        finding.since = at
    if state == State.SOLVED:
        finding.known_verdict = finding.known_reason = finding.note = finding.by = ""
