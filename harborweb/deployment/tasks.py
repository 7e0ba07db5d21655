"""The corridor: all of it needs Harbor's host; settings.CELERY_TASK_ROUTES sends it to the queue `host`."""

from celery import shared_task
from celery.signals import worker_ready

from harborweb.deployment import deploying, drift, importing, installing, looking
from harborweb.deployment.backup import workshop as backups
from harborweb.deployment.containers import acting, watching
from harborweb.deployment.dry_run import workshop as dry_runs
from harborweb.deployment.host import workshop as host
from harborweb.deployment.transaction import recovery
from harborweb.deployment.upgrade import workshop as upgrades
from harborweb.jobs.run import perform

worker_ready.connect(watching.begin)  # logs live, beside the jobs


@shared_task
def install(job_id: int) -> None:
    """Get an installer."""
    perform(job_id, installing.install)


@shared_task
def deploy(job_id: int) -> None:
    """Deploy a revision."""
    perform(job_id, deploying.deploy)


@shared_task
def stop(job_id: int) -> None:
    """Stop what runs."""
    perform(job_id, deploying.stop)


@shared_task
def start(job_id: int) -> None:
    """Start what was stopped."""
    perform(job_id, deploying.start)


@shared_task
def container(job_id: int) -> None:
    """Restart, start or stop one container."""
    perform(job_id, acting.act)


@shared_task
def recover(job_id: int) -> None:
    """Put right a deployment whose worker was killed."""
    perform(job_id, recovery.recover)


@shared_task
def put_back(job_id: int) -> None:
    """Put back what was there before a deployment."""
    perform(job_id, recovery.put_back)


@shared_task
def look() -> None:
    """Look at the host; no job, since nobody waits for it. What was interrupted is put right by one."""
    recovery.find(recover)
    drift.look(looking.look())


@shared_task
def look_for_drift(job_id: int) -> None:
    """Look for drift, because somebody asks."""
    perform(job_id, drift.look_now)


@shared_task
def take_over(job_id: int) -> None:
    """Import an installation that runs already."""
    perform(job_id, importing.take_over)


@shared_task
def back_up(job_id: int) -> None:
    """Make a backup."""
    perform(job_id, backups.back_up)


@shared_task
def restore(job_id: int) -> None:
    """Restore a backup into an empty folder."""
    perform(job_id, backups.restore)


@shared_task
def restore_database(job_id: int) -> None:
    """Bring a restored folder's database back."""
    perform(job_id, backups.restore_database)


@shared_task
def dry_run(job_id: int) -> None:
    """Find out what a deployment would change."""
    perform(job_id, dry_runs.dry_run)


@shared_task
def check_host(job_id: int) -> None:
    """Hold a configuration against this machine."""
    perform(job_id, host.check)


@shared_task
def plan_upgrade(job_id: int) -> None:
    """Prepare an upgrade."""
    perform(job_id, upgrades.plan)
