"""The job that works on a list, asked for by a person or, where its worker was killed, by the scheduler."""

from celery import Task
from django.db.models import Exists, OuterRef
from django.http import HttpRequest
from django.utils.translation import gettext as _

from harborweb import sealing
from harborweb.accounts.services import record
from harborweb.errors import Problem
from harborweb.jobs import services as jobs
from harborweb.jobs.models import Job
from harborweb.signing.limits import check_signs, is_over
from harborweb.signing.many.models import BulkItem, BulkSigning
from harborweb.signing.models import Key

AGAIN_MOST = 3  # times that harborweb itself goes on with a list whose worker was killed


def queue(task: Task, request: HttpRequest | None, bulk: BulkSigning, password: str) -> None:
    """Have `task` sign what is left; while another job works on the list, that one stays."""
    if bulk.key is None:
        raise Problem(_("The key of this list was deleted."), _("Choose the images again, with another key."))
    slot = sealing.put_once(password) if bulk.key.asks else ""
    job = jobs.request(
        task, kind="sign_many", title=bulk.title, subject=bulk.registry.name, by=request,
        arguments={"bulk": bulk.pk, "slot": slot, "key": bulk.key.pk}, exclusive=f"bulk:{bulk.pk}",
    )  # fmt: skip
    if job.arguments.get("slot", "") != slot:
        sealing.drop(filter(None, [slot]))
    elif job.kind == "sign_many" and job.pk != bulk.job_id:
        bulk.job = job
        bulk.save(update_fields=["job"])
        record(request, "sign many", bulk.registry.name, bulk.title)


def go_on(task: Task) -> int:
    """Go on with the lists whose worker was killed, where no password has to be typed; how many. The scheduler asks.

    A list that has lost its worker several times in a row waits for a person.
    """
    count = 0
    left = BulkItem.objects.filter(bulk=OuterRef("pk"), state__in=BulkItem.OPEN)
    lost = BulkSigning.objects.filter(Exists(left), job__state=Job.State.LOST, key__isnull=False)
    for bulk in lost.select_related("key", "registry"):
        if not bulk.key or not bulk.key.signs or bulk.key.asks or is_over(bulk.key):
            continue
        if Job.objects.filter(kind="sign_many", arguments__bulk=bulk.pk, state=Job.State.LOST).count() <= AGAIN_MOST:
            queue(task, None, bulk, "")
            count += 1
    return count


def check(key: Key, password: str | None) -> None:
    """Raise Problem unless `key` can sign with what was typed; None: nothing is to be typed yet."""
    check_signs(key)
    if key.asks and password == "":
        raise Problem(
            _("%s asks for its password each time.") % key.name,
            _("Type it. It is read once, by the job that works on the whole list."),
            field="password",
        )
