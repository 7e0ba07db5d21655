"""What Prometheus reads: artifacts by verdict and project, findings, sweeps, jobs. One look into the database each."""

from collections.abc import Iterable

from django.db.models import Count
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from harborweb.audit.models import ArtifactVerdict, Channel, Sweep
from harborweb.jobs.models import Job


class _Now(Collector):
    """Collected anew at each scrape: the numbers are the database's, whichever process answers."""

    def collect(self) -> Iterable[Metric]:
        """Every family; a registry that was never swept has no sweep and no artifacts."""
        yield from _artifacts()
        yield from _sweeps()
        jobs = GaugeMetricFamily("harborweb_jobs", "Jobs that are kept, by kind and state.", labels=["kind", "state"])
        for row in Job.objects.order_by().values("kind", "state").annotate(n=Count("pk")):
            jobs.add_metric([row["kind"], row["state"]], row["n"])
        yield jobs
        failing = GaugeMetricFamily(
            "harborweb_notice_failures", "Messages in a row that a channel did not take.", labels=["channel"]
        )
        for channel in Channel.objects.filter(enabled=True):
            failing.add_metric([channel.name], channel.failures)
        yield failing


def _artifacts() -> Iterable[Metric]:
    labels = ["registry", "project"]
    by_verdict = GaugeMetricFamily(
        "harborweb_artifacts", "Artifacts by their latest verdict.", labels=[*labels, "verdict"]
    )
    findings = GaugeMetricFamily("harborweb_findings", "Artifacts that someone should act on.", labels=labels)
    rows = ArtifactVerdict.objects.order_by()
    for row in rows.values("registry__name", "project", "verdict").annotate(n=Count("pk")):
        by_verdict.add_metric([row["registry__name"], row["project"], row["verdict"]], row["n"])
    for due in rows.filter(is_finding=True).values("registry__name", "project").annotate(n=Count("pk")):
        findings.add_metric([due["registry__name"], due["project"]], due["n"])
    return by_verdict, findings


def _sweeps() -> Iterable[Metric]:
    label = ["registry"]
    last = GaugeMetricFamily("harborweb_sweep_timestamp_seconds", "When the last sweep ended, Unix time.", labels=label)
    took = GaugeMetricFamily("harborweb_sweep_duration_seconds", "How long it took.", labels=label)
    complete = GaugeMetricFamily("harborweb_sweep_complete", "1 if it could read everything, else 0.", labels=label)
    errors = GaugeMetricFamily("harborweb_sweep_errors", "Artifacts of it that could not be checked.", labels=label)
    newest: dict[int, Sweep] = {}
    for sweep in Sweep.objects.filter(**Sweep.WHOLE, finished__isnull=False).select_related("registry", "job")[:500]:
        newest.setdefault(sweep.registry_id, sweep)
    for sweep in newest.values():
        name = [sweep.registry.name]
        last.add_metric(name, sweep.finished.timestamp() if sweep.finished else 0)
        took.add_metric(name, sweep.seconds or 0)
        complete.add_metric(name, int(sweep.complete))
        errors.add_metric(name, sweep.counts.get("unchecked", 0))
    return last, took, complete, errors


def exposition() -> tuple[bytes, str]:
    """The metrics in Prometheus' text format, and their content type."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Now())
    return generate_latest(registry), CONTENT_TYPE_LATEST


def scrape_config(scheme: str, host: str, path: str) -> str:
    """What goes into prometheus.yml, the token in a file of its own."""
    return (
        f"scrape_configs:\n  - job_name: harborweb\n    scheme: {scheme}\n    metrics_path: {path}\n"
        "    authorization:\n      credentials_file: /etc/prometheus/harborweb.token\n"
        f'    static_configs:\n      - targets: ["{host}"]'
    )
