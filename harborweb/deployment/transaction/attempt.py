"""One attempt to make a revision run: the steps, each of which leaves the host in a state that has a way back."""

import hashlib
from contextlib import suppress
from pathlib import Path

from django.utils import timezone
from django.utils.translation import gettext as _

from harborweb.configuration.models import Revision
from harborweb.deployment import checks, files, looking, rehearsal, rendered, sentences, waiting, wanted
from harborweb.deployment.models import Deployment
from harborweb.deployment.transaction import probe, pulling, rollback, snapshot, survivors
from harborweb.deployment.transaction.journal import Journal, Phase
from harborweb.deployment.transaction.snapshot import Before, Snapshot
from harborweb.errors import Problem
from harborweb.jobs.run import Run
from harborweb.tools import compose, engine, prepare

STEPS = 12
UP_SECONDS = 3600


def step_names() -> list[str]:
    """The names of the steps, for a step bar that shows also those ahead."""
    return [
        _("Lock"), _("Host checks"), _("Snapshot"), _("Rehearse"), _("Pull"), _("Down"), _("Write and prepare"),
        _("Up"), _("Wait until healthy"), _("Acceptance"), _("Leftovers"), _("Settle"),
    ]  # fmt: skip


class Attempt:
    """A deployment while it runs. The methods are its steps, in their order."""

    def __init__(self, run: Run, deployment: Deployment) -> None:
        self.run, self.deployment = run, deployment
        self.folder = Path(deployment.installer.path)
        self.text = deployment.revision.text()
        self.wishes = wanted.read(self.text)
        self.old = self.folder  # where what it replaces was started from
        self.ours: list[engine.Container] = []
        self.images: list[str] = []
        self.program = compose.Compose((), "")
        self.snapshot = Snapshot(self.folder, deployment.number)
        self.journal = Journal(
            folder=str(self.folder), token=deployment.token, number=deployment.number,
            revision=deployment.revision.number, claim=run.job.claim, roll_back=deployment.roll_back,
        )  # fmt: skip
        self.environment = survivors.environment(deployment.token)

    def begin(self, phase: Phase) -> None:
        """The step of `phase` begins: in the journal, the log and the step bar."""
        number = list(Phase).index(phase) + 1
        self.run.check()
        self.journal.write(phase)
        self.run.step(number, STEPS, step_names()[number - 1])

    # Nothing is touched

    def check(self) -> None:
        """2 Host checks."""
        self.begin(Phase.CHECKS)
        self.program = checks.tools(self.run)
        checks.folder(self.folder)
        rehearsal.sound_volume(self.text)
        self.old = checks.replaced(self.folder)
        self.journal.old_folder = str(self.old)
        self.ours = checks.containers(self.folder, self.old)
        checks.machine(self.run, self.text, self.folder, self.old)

    def keep(self) -> None:
        """3 Snapshot."""
        self.begin(Phase.SNAPSHOT)
        roots = snapshot.roots(self.folder, self._volumes())
        before = Before(
            folder=str(self.folder), old_folder=str(self.old),
            roots={str(root): root.exists() or root.is_symlink() for root in roots},
            images=self._images_now(), ran=any(one.state in {"running", "restarting", "paused"} for one in self.ours),
            well=bool(self.ours) and all(one.well for one in self.ours),
        )  # fmt: skip
        count = self.snapshot.take(before)
        words = {"n": count, "images": len(before.images)}
        self.run.line(_("%(n)d files and the digests of %(images)d images are kept.") % words)

    def _volumes(self) -> list[Path]:
        """Every data_volume that this deployment may write to: the one it asks for, and the one in use."""
        found = [Path(self.wishes.data_volume)]
        with suppress(OSError, Problem):
            text = (self.old / prepare.CONFIGURATION).read_text(errors="surrogateescape")
            for secret in wanted.secrets(text):
                self.run.secret(secret)
            now = wanted.read(text).data_volume
            found += [Path(now)] if now.startswith("/") else []
        if not found[0].is_dir() and checks.hidden():
            self.run.line(
                _("This worker runs in a container and cannot see data_volume: its keys are not kept."), "err"
            )
        return found

    def _images_now(self) -> dict[str, str]:
        try:
            with engine.connect() as client:
                return {one.image: str(client.api.inspect_container(one.id)["Image"]) for one in self.ours}
        except engine.EngineError as error:
            raise sentences.engine(error) from error

    def rehearse(self) -> None:
        """4 Rehearse."""
        self.begin(Phase.REHEARSE)
        with rehearsal.rehearse(
            self.run, self.folder, self.text, with_trivy=self.deployment.with_trivy, env=self.environment,
            program=self.program,
        ) as made:  # fmt: skip
            self.images = made.images()
        self.run.line(_("prepare and docker compose take this configuration. Nothing was touched but a copy."))

    def pull(self) -> None:
        """5 Pull."""
        self.begin(Phase.PULL)
        pulling.fetch(self.run, self.images)

    # From here a failure has to be put right

    def down(self) -> None:
        """6 Down."""
        self.begin(Phase.DOWN)
        Deployment.objects.filter(pk=self.deployment.pk).update(began=True, snapshot=True)
        if self.ours:
            rollback.down(self.run, self.program, self.old, self.journal.token)
        else:
            self.run.line(_("Nothing ran from this folder, so there is nothing to stop."))

    def write(self) -> None:
        """7 Write and prepare, in place: nothing runs that could miss its files."""
        self.begin(Phase.WRITE)
        try:
            fresh = files.write_whole(self.folder / prepare.CONFIGURATION, self.text, by=self.journal.home)
        except OSError as error:
            raise sentences.disk(error) from error
        self.run.line(_("harbor.yml was written.") if fresh else _("harbor.yml has this content already."))
        answer = self.run.execute(
            prepare.command(self.deployment.with_trivy), cwd=self.folder, timeout=rehearsal.PREPARE_SECONDS,
            env=self.environment,
        )  # fmt: skip
        if answer.exit_code:
            raise sentences.prepare_failed(prepare.explain(answer))

    def up(self) -> None:
        """8 Up."""
        self.begin(Phase.UP)
        answer = self.run.execute(self.program.up(), cwd=self.folder, timeout=UP_SECONDS, env=self.environment)
        if answer.exit_code:
            looking.look()
            raise sentences.compose_failed(compose.explain(answer))

    def wait(self) -> int:
        """9 Wait until healthy; how many containers are."""
        self.begin(Phase.HEALTHY)
        found = waiting.until_healthy(self.run, self.folder)
        waiting.until_answered(self.run, self.wishes)
        return len(found)

    def accept(self) -> probe.Accepted:
        """10 Acceptance."""
        self.begin(Phase.PROBE)
        return probe.accept(self.run, self.wishes, self.text)

    # It is accepted: what fails now does not take it back

    def tidy(self) -> None:
        """11 Leftovers."""
        self.begin(Phase.LEFTOVERS)
        tidy(self.run, self.folder)

    def settle(self) -> None:
        """12 Settle."""
        self.begin(Phase.SETTLE)
        settle(self.run, self.deployment, self.journal, self.snapshot)


def tidy(run: Run, folder: Path) -> None:
    """Remove what prepare leaves with passwords in it."""
    if files.remove_leftovers(folder):
        run.line(_("input/harbor.yml, which prepare had left with the passwords in it, was removed."))
    else:
        run.line(_("prepare left nothing behind."))


def settle(run: Run, deployment: Deployment, journal: Journal, kept: Snapshot) -> None:
    """Keep what has to be kept, say that it is deployed, close the journal. Doing it twice comes to the same."""
    folder = Path(journal.folder)
    _keep_a_strangers(run, folder, kept)
    rendered.keep(deployment, rendered.read(folder))
    stay = snapshot.prune(folder)
    same = Deployment.objects.filter(installer__path=journal.folder, snapshot=True)
    same.exclude(number__in=stay).update(snapshot=False)
    Deployment.objects.filter(pk=deployment.pk).update(
        outcome=Deployment.Outcome.DEPLOYED, note="", phase="", began=True, snapshot=kept.whole
    )
    journal.close()
    looking.look()
    run.line(_("The snapshot of what was there before is kept, to be put back if you wish."))


def _keep_a_strangers(run: Run, folder: Path, kept: Snapshot) -> None:
    """A harbor.yml that is no revision of ours is somebody's work: keep it beside the new one."""
    text = kept.text(folder / prepare.CONFIGURATION) if kept.whole else ""
    if not text or any(revision.text() == text for revision in Revision.objects.order_by("-number")[:50]):
        return
    mark = hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:6]
    if any(folder.glob(f"{prepare.CONFIGURATION}.*-{mark}")):
        return
    name = f"{prepare.CONFIGURATION}.{timezone.now():%Y%m%d-%H%M%S}-{mark}"
    files.write_whole(folder / name, text)
    run.line(_("The harbor.yml that was there is no revision of harborweb. It is kept as %(name)s.") % {"name": name})
