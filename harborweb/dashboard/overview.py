"""What the dashboard shows: read from every room's rows, never from a machine or a registry."""

from dataclasses import dataclass, field

from django.db.models import Count, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from harborweb.audit import charts as audit_charts
from harborweb.audit import counts as audit
from harborweb.audit.counts import ProjectCount, Summary
from harborweb.audit.models import Finding as Waiting
from harborweb.audit.models import Sweep
from harborweb.audit.words import WORDS
from harborweb.configuration.models import Draft, Revision
from harborweb.configuration.services import current_draft, latest_revision
from harborweb.dashboard.charts import Curve, Slice, coverage, donut
from harborweb.deployment.models import Deployment, Host
from harborweb.jobs.models import Job
from harborweb.registry import robot_services
from harborweb.registry.models import Registry
from harborweb.signing.models import CosignFound, Key
from harborweb.verification.verdict import Verdict

Kind = Waiting.Kind

MOST_FINDINGS = 8
MOST_JOBS = 7
SINGLE = 3  # so many of one verdict stand alone; more become one row


@dataclass(frozen=True)
class Step:
    """Something to do on the way to a signed and audited image."""

    title: str
    text: str
    url: str
    action: str
    done: bool
    result: str = ""


@dataclass(frozen=True)
class Finding:
    """A row of what someone should act on."""

    state: str
    word: str
    subject: str
    tags: list[str]
    reason: str
    since: object
    url: str
    action: str


@dataclass(frozen=True)
class Runs:
    """What runs, as the host worker saw it last."""

    deployment: Deployment | None
    host: Host | None
    latest: Revision | None
    draft: Draft | None
    well: int = 0
    containers: int = 0

    @property
    def state(self) -> tuple[str, str]:
        """Colour and word for the title; says only what was seen."""
        if self.deployment is None:
            return "off", _("Nothing deployed")
        if self.deployment.state in Job.ACTIVE:
            return "running", _("Deploying")
        if self.host is None or self.host.stale:
            return "unsure", _("Host not seen")
        if self.containers and self.well == self.containers:
            return "good", _("Healthy")
        return ("bad", _("Not healthy")) if self.containers else ("off", _("Stopped"))


@dataclass(frozen=True)
class Overview:
    """Everything the page needs."""

    steps: list[Step]
    runs: Runs
    summary: Summary
    slices: list[Slice]
    legend: list[tuple[str, str, int]]
    bars: list[tuple[ProjectCount, list[audit_charts.Piece]]]
    curve: Curve | None
    findings: list[Finding] = field(default_factory=list)
    open: int = 0  # findings that wait for somebody; acknowledged ones do not

    @property
    def begun(self) -> bool:
        """Whether all first steps are taken."""
        return all(step.done for step in self.steps)

    @property
    def left(self) -> int:
        """How many first steps are not taken yet."""
        return sum(not step.done for step in self.steps)

    @property
    def next(self) -> Step | None:
        """The step to take now; its button is the page's primary one."""
        return next((step for step in self.steps if not step.done), None)


def overview() -> Overview:
    """Read everything once."""
    summary = audit.summary()
    runs = _runs()
    legend = [
        (verdict.value, str(WORDS[verdict]), summary.counts.get(verdict, 0)) for verdict in audit_charts.CHART_ORDER
    ]
    return Overview(
        steps=_steps(runs),
        runs=runs,
        summary=summary,
        slices=donut([(verdict, count) for verdict, _word, count in legend]),
        legend=legend,
        bars=[(project, audit_charts.bar(project.counts, 220)) for project in summary.projects[:8]],
        curve=coverage(Sweep.objects.filter(**Sweep.WHOLE, complete=True, artifacts__gt=0).order_by("-finished")[:30]),
        findings=_cosign() + _robots() + _findings(),
        open=audit.open_findings(),
    )


def jobs() -> list[Job]:
    """Those that run or wait, then the last ones."""
    active = list(Job.objects.filter(state__in=Job.ACTIVE)[:MOST_JOBS])
    return active + list(Job.objects.exclude(state__in=Job.ACTIVE)[: MOST_JOBS - len(active)])


def _runs() -> Runs:
    deployment = Deployment.objects.filter(began=True).select_related("revision", "job", "installer").first()
    host = Host.objects.first()
    containers = host.containers if host and not host.stale else []
    well = sum(1 for one in containers if one.get("well"))
    return Runs(deployment, host, latest_revision(), current_draft(), well, len(containers))


def _steps(runs: Runs) -> list[Step]:
    registries, keys = Registry.objects.count(), Key.objects.filter(state=Key.State.READY, trusted=True).count()
    swept = Sweep.objects.filter(finished__isnull=False).exists()
    return [
        _first(runs),
        Step(
            _("Connect a registry"),
            _("Harbor or any other OCI registry: the one you deploy here, or one that runs already."),
            reverse("store:registries") if registries else reverse("store:registry_add"),
            _("Open registries") if registries else _("Connect a registry"),
            bool(registries),
            ngettext("%(n)d registry", "%(n)d registries", registries) % {"n": registries},
        ),
        Step(
            _("Make a key"),
            _("Signatures are made with a private key and checked against the public keys you trust."),
            reverse("signing:keys"),
            _("Open keys"),
            bool(keys),
            ngettext("%(n)d trusted key", "%(n)d trusted keys", keys) % {"n": keys},
        ),
        Step(
            _("Sweep and sign"),
            _("A sweep says which images carry a signature that really verifies. Sign the others with one click."),
            reverse("audit:home"),
            _("Open audit"),
            swept,
            _("swept"),
        ),
    ]


def _first(runs: Runs) -> Step:
    """Configure and deploy; optional where a registry runs already, so another registry counts as well."""
    title = _("Configure and deploy Harbor")
    text = _("Answer a few questions, read the diff, and let harborweb run prepare and docker compose.")
    if runs.deployment:
        done = _("revision %(number)d") % {"number": runs.deployment.revision.number}
        return Step(title, text, reverse("deployment:home"), _("Open deployment"), True, done)
    if runs.latest:
        saved = _("Revision %(number)d is saved and not deployed yet.") % {"number": runs.latest.number}
        return Step(title, saved, reverse("deployment:home"), _("Open deployment"), False)
    if runs.draft:
        return Step(title, _("A draft is open."), reverse("configuration:draft"), _("Continue the draft"), False)
    elsewhere = Registry.objects.exists()
    # An installer brings the template that the questions are asked from, so it is the first thing to have.
    return Step(title, text, reverse("deployment:installer"), _("Configure Harbor"), elsewhere, _("runs elsewhere"))


def _cosign() -> list[Finding]:
    """Workers whose cosign has a known hole."""
    keys, action = reverse("signing:keys"), _("How to update")
    found = []
    for one in CosignFound.objects.all():
        if one.vulnerable:
            subject = _("cosign %(version)s on %(host)s") % {"version": one.version, "host": one.host}
            reason = _("It has a known hole: %(cve)s.") % {"cve": one.vulnerable}
            found.append(Finding("warn", _("Old version"), subject, [], reason, one.seen, keys, action))
    return found


def _robots() -> list[Finding]:
    """Robots of ours that expire soon and that nobody renews by itself."""
    return [
        Finding(
            one.kind,
            _("Expired") if one.kind == "bad" else _("Expires soon"),
            one.registry.name,
            [],
            f"{one.title} {one.text}",
            None,
            reverse("store:robots", args=[one.registry.pk]),
            _("Make new ones"),
        )
        for one in robot_services.warnings()
    ]


def _findings() -> list[Finding]:
    """What waits for somebody, worst first; three of a kind stand alone, more become one row by project."""
    found: list[Finding] = []
    for kind in Kind:
        rows = Waiting.objects.filter(state__in=Waiting.ACTIVE, kind=kind)
        count = rows.count()
        if count > SINGLE:
            found.append(_many(kind, rows, count))
        else:
            found.extend(_one(row) for row in rows)
    return found[:MOST_FINDINGS]


def _word(kind: str) -> str:
    return str(Kind.LACKING.label if kind == Kind.LACKING else WORDS[Verdict(kind)])


def _state(kind: str) -> str:
    return "warn" if kind == Kind.LACKING else kind


def _one(row: Waiting) -> Finding:
    return Finding(
        _state(row.kind), _word(row.kind), row.repository, row.tags[:2], row.reason, row.since,
        reverse("audit:finding", args=[row.pk]), _("Inspect"),
    )  # fmt: skip


def _many(kind: Kind, rows: QuerySet[Waiting], count: int) -> Finding:
    counted = rows.order_by().values_list("project").annotate(n=Count("pk")).order_by("-n", "project")[:4]
    reason = rows.order_by().values_list("reason").annotate(n=Count("pk")).order_by("-n")[0][0]
    latest, registry = rows.order_by("-since").values_list("since", "registry")[0]
    return Finding(
        _state(kind), f"{_word(kind)} ×{count}",
        ", ".join(_("%(n)d in %(project)s") % {"n": n, "project": name} for name, n in counted), [],
        reason, latest, f"{reverse('audit:findings')}?registry={registry}&kind={kind.value}",
        _("Show %(n)d") % {"n": count},
    )  # fmt: skip
