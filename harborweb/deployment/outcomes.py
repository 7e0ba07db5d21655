"""What the pages say of a deployment's end: whether anything was changed, put back, or waits for somebody."""

from dataclasses import dataclass, field
from pathlib import Path

from django.utils.translation import gettext as _

from harborweb.configuration.models import Revision
from harborweb.configuration.text.document import Document
from harborweb.deployment import lasting, looking, putting_right
from harborweb.deployment.models import Deployment, Installer
from harborweb.deployment.transaction import rollback
from harborweb.deployment.transaction.attempt import step_names
from harborweb.deployment.transaction.journal import FOLDER, UNTOUCHED, Phase
from harborweb.jobs.models import Job, LogLine
from harborweb.tools import compose, process

Outcome = Deployment.Outcome
SHAPES = {
    Outcome.DEPLOYED: "good", Outcome.UNDISTURBED: "off", Outcome.ROLLING_BACK: "running",
    Outcome.ROLLED_BACK: "info", Outcome.UNDONE: "off", Outcome.INTERRUPTED: "warn", Outcome.NEEDS_YOU: "bad",
}  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One step of the rollback's bar (components/steps.html)."""

    number: str
    name: str
    state: str
    note: str


@dataclass(frozen=True)
class End:
    """How a deployment left the host, for a page."""

    kind: str  # of the notice: good, info, warn, bad
    title: str
    text: str
    steps: list[Step] = field(default_factory=list)  # of the rollback
    live: bool = False  # it will change by itself
    by_hand: str = ""


def state(deployment: Deployment) -> tuple[str, str]:
    """Shape and word of its outcome; empty while it is not known."""
    outcome = deployment.outcome
    return (SHAPES[Outcome(outcome)], str(Outcome(outcome).label)) if outcome else ("", "")


def troubled() -> Deployment | None:
    """The deployment that waits to be put right, or that nobody has looked after since; None when all is well."""
    rows = Deployment.objects.select_related("revision", "installer", "job", "recovery")
    last = rows.filter(began=True).first()
    needs = last if last and last.outcome == Outcome.NEEDS_YOU else None
    return rows.filter(outcome=Outcome.INTERRUPTED).first() or needs


def end(deployment: Deployment) -> End | None:
    """What to say of it; None while nothing has ended, or when all is well."""
    outcome, job = deployment.outcome, deployment.job
    if outcome in {"", Outcome.DEPLOYED}:
        return None
    steps, note = _steps(deployment), deployment.note
    if outcome == Outcome.UNDISTURBED:
        text = _("It ended before anything was touched. What ran runs on; every file is as it was.")
        return End("info", _("Nothing was changed."), text)
    if outcome == Outcome.ROLLING_BACK and _nobody_works(deployment):
        outcome = Outcome.INTERRUPTED  # the host worker has not looked yet
    if outcome == Outcome.ROLLING_BACK:
        text = _("Files and containers go back to what was there before. That is not stopped halfway.")
        return End("info", _("It is being rolled back."), text, steps, live=True)
    if outcome == Outcome.ROLLED_BACK:
        wanted = job is not None and job.state == Job.State.SUCCEEDED
        title = _("What was there before was put back.") if wanted else _("It was rolled back.")
        return End("info", title, note, steps)
    if outcome == Outcome.UNDONE:
        return End("info", _("It was undone."), note, steps)
    if outcome == Outcome.INTERRUPTED:
        return End("warn", _("It was interrupted: its worker was killed."), _interrupted(deployment), steps, live=True)
    if deployment.phase == Phase.STUCK:
        return End("bad", _("It needs you: the rollback failed too."), note, steps, by_hand=by_hand(deployment))
    return End("warn", _("It needs you."), note, steps)


def _nobody_works(deployment: Deployment) -> bool:
    return not any(job and not job.settled for job in (deployment.job, deployment.recovery))


def _interrupted(deployment: Deployment) -> str:
    try:
        phase = Phase(deployment.phase)
    except ValueError:
        return ""
    number = list(Phase).index(phase) + 1
    names = step_names()
    name = f"{number} {names[number - 1]}" if number <= len(names) else _("the rollback")
    if phase in UNTOUCHED:
        return _("That was at “%(step)s”, before anything was touched. The next host worker tidies up.") % {
            "step": name
        }
    if deployment.roll_back:
        return _("That was at “%(step)s”. The next host worker puts right what it left; nothing else may start.") % {
            "step": name
        }
    return _("That was at “%(step)s”, and rolling back by itself was switched off. Nothing else may start until you "
             "decide.") % {"step": name}  # fmt: skip


def _steps(deployment: Deployment) -> list[Step]:
    """The bar of the rollback, from the log of the job that did it; empty when there was none."""
    for job in filter(None, (deployment.recovery, deployment.job)):
        marks = job.log.filter(stream=LogLine.Stream.STEP).order_by("number")
        begun = {mark.text[0]: mark.at for mark in marks if mark.text[:2] in {"a ", "b ", "c ", "d "}}
        if begun:
            break
    else:
        return []
    made, names = [], rollback.step_names()
    ended = deployment.outcome != Outcome.ROLLING_BACK
    for letter, name in zip("abcd", names, strict=True):
        later = [at for other, at in begun.items() if other > letter]
        if letter not in begun:
            made.append(Step(letter, name, "waiting", _("not reached") if ended else ""))
        elif later or (ended and deployment.outcome in Deployment.TAKEN_BACK):
            until = min(later, default=job.finished)
            note = _("%(seconds).1f s") % {"seconds": (until - begun[letter]).total_seconds()} if until else ""
            made.append(Step(letter, name, "done", note))
        else:
            made.append(Step(letter, name, "failed" if ended else "running", "" if ended else _("running")))
    return made


def by_hand(deployment: Deployment) -> str:
    """What an operator types where the rollback cannot be finished."""
    folder = Path(deployment.installer.path)
    archive = folder / FOLDER / "snapshots" / f"{deployment.number}.tar"
    program = compose.Compose(("docker", "compose"), "")
    commands = [
        ("cd", str(folder)), program.down(), ("tar", "--numeric-owner", "-xpf", str(archive), "-C", "/"), program.up(),
        ("rm", str(folder / FOLDER / "journal.json")),
    ]  # fmt: skip
    return "\n".join(process.shown(command) for command in commands)


@dataclass(frozen=True)
class Preview:
    """What a deployment would change."""

    revision: Revision
    installer: Installer
    running: Deployment | None
    changed: list[str]  # keys
    warnings: list[str]

    @property
    def takes_over(self) -> bool:
        """Whether it comes from another folder than what runs."""
        return self.running is not None and self.running.installer.path != self.installer.path


def preview(revision: Revision, installer: Installer) -> Preview:
    """What deploying `revision` from `installer` would change of what runs."""
    running = looking.running()
    if running is None:
        return Preview(revision, installer, None, [], [])
    old, new = Document(running.revision.text()), Document(revision.text())
    changed = sorted(key for key in _keys(old) | _keys(new) if _value(old, key) != _value(new, key))
    warnings = [*lasting.warnings(old, new), lasting.of_version(running.installer.version, installer.version)]
    return Preview(revision, installer, running, changed, [warning for warning in warnings if warning])


def _keys(document: Document, above: str = "") -> set[str]:
    found: set[str] = set()
    for name in document.keys(above):
        key = f"{above}.{name}" if above else name
        found |= _keys(document, key) if document.kind(key) == "mapping" else {key}
    return found


def _value(document: Document, key: str) -> object:
    if not document.has(key):
        return None
    return document.items(key) if document.kind(key) == "sequence" else document.get(key)


def asks(deployment: Deployment) -> dict[str, bool]:
    """Which buttons its page has."""
    return {
        "can_recover": putting_right.can_recover(deployment), "can_put_back": putting_right.can_put_back(deployment),
    }  # fmt: skip
