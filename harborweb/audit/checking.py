"""One artifact, checked again now because somebody asks."""

from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from harborweb.audit import keeping
from harborweb.audit.again import judge_again
from harborweb.audit.judging.survey import present
from harborweb.audit.models import ArtifactVerdict, Sweep
from harborweb.errors import Problem
from harborweb.jobs.run import Run
from harborweb.registry import running
from harborweb.registry.client import Client, NotFound, RegistryError
from harborweb.registry.models import Registry


def check(run: Run) -> dict[str, Any]:
    """Check an artifact again, and what it lists where it is an index.

    1 Ask the registry whether it is there
    2 Judge and keep it; one that is gone is forgotten
    """
    this = Sweep.objects.select_related("registry").get(job=run.job)
    run.secret(this.registry.endpoint().password)
    try:
        return _checked(run, this)
    except RegistryError as error:
        raise Problem(error.message, _("The verdict stays as it was, with its age. Try again later.")) from error
    finally:
        Sweep.objects.filter(pk=this.pk, finished=None).update(finished=timezone.now())


def _checked(run: Run, this: Sweep) -> dict[str, Any]:
    run.step(1, 2, _("Ask the registry"))
    asked = timezone.now()
    Sweep.objects.filter(pk=this.pk).update(asked=asked)
    try:
        running.run(_present(this.registry, this.repository, this.digest))
    except NotFound:
        looked = keeping.Looked([], asked, {}, gone=[this.digest])
        keeping.keep_some(this.registry, this.repository, looked)
        Sweep.objects.filter(pk=this.pk).update(finished=timezone.now(), complete=True)
        url = f"{reverse('audit:home')}?registry={this.registry_id}"
        return {"message": _("The registry has it no more, so its verdict was forgotten."), "url": url}
    run.step(2, 2, _("Judge"))
    judge_again(this.registry, this.repository, this.digest)
    mine = ArtifactVerdict.objects.filter(registry=this.registry, repository=this.repository, digest=this.digest)
    row = mine.first()
    if row is None:
        raise Problem(_("Its verdict was forgotten meanwhile."), _("The next sweep finds it where it is there."))
    Sweep.objects.filter(pk=this.pk).update(
        finished=timezone.now(), complete=True, artifacts=1, projects=1, counts={row.verdict: 1}
    )
    words = _("%(word)s: %(reason)s") % {"word": row.word, "reason": row.reason}
    return {"message": words, "url": reverse("audit:detail", args=[row.pk])}


async def _present(registry: Registry, repository: str, digest: str) -> None:
    async with Client(registry.endpoint()) as client:
        await present(client, repository, digest)
