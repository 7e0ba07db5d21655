"""“Check this machine”: asked for on a page, done by the host worker's workshop, shown where it was asked for."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from harborweb.accounts.models import Activity
from harborweb.accounts.roles import Role
from harborweb.configuration import services as configuration
from harborweb.configuration.models import Revision, fingerprint
from harborweb.deployment.host import services, workshop
from harborweb.jobs.models import Job
from harborweb.sealing import seal
from tests import parts
from tests.deployment.conftest import done, log

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "page-secret-41"


@pytest.fixture(autouse=True)
def queue(redis_settings: str) -> None:
    """Jobs are queued in the real Redis, and nobody takes them."""


def text(folder: Path) -> str:
    return (
        f"hostname: registry.invalid\nhttps:\n  certificate: {folder}/none.crt\n  private_key: {folder}/none.key\n"
        f"harbor_admin_password: Longer-than-8\ndata_volume: {folder}/data\nexternal_redis:\n"
        f"  host: 127.0.0.1:{parts.free_port()}\n  password: {SECRET}\n"
    )


def revision(folder: Path) -> Revision:
    yaml = text(folder)
    return Revision.objects.create(
        number=1, text_sealed=seal(yaml, "revision"), template_sealed=seal(yaml, "revision"), from_installer=True,
        digest=fingerprint(yaml), who_name="test", origin="test",
    )  # fmt: skip


def page(client: Any, name: str = "deployment:machine") -> str:
    answer = client.get(reverse(name))
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_with_nothing_to_check(as_role: Callable[[int], Any]) -> None:
    client = as_role(Role.OPERATOR)
    assert "There is nothing to check." in page(client)
    client.post(reverse("deployment:machine_check"))
    assert "There is nothing to hold against the machine." in page(client)
    assert not Job.objects.exists()


def test_a_revision_from_the_button_to_the_findings(as_role: Callable[[int], Any], tmp_path: Path) -> None:
    revision(tmp_path)
    client = as_role(Role.OPERATOR)
    assert "Not checked yet" in page(client)
    answer = client.post(reverse("deployment:machine_check"), {"revision": "1"})
    assert answer.headers["Location"] == reverse("deployment:machine")
    job = services.last()
    assert job is not None
    assert (job.queue, job.arguments) == ("host", {"revision": 1})
    assert SECRET not in str(job.arguments)
    assert Activity.objects.filter(action="check machine", subject="revision 1").exists()
    done(job, workshop.check)
    job.refresh_from_db()
    assert job.state == Job.State.SUCCEEDED, job.error
    shown = page(client)
    assert f"There is no file {tmp_path}/none.crt on this machine." in shown
    assert "Connection refused" in shown
    assert "does not resolve" in shown
    assert "https.certificate" in shown
    for place in (shown, log(job), str(job.result)):
        assert SECRET not in place
    assert "✗ https.certificate:" in log(job)


def test_the_draft_from_the_review_page(as_role: Callable[[int], Any], tmp_path: Path) -> None:
    draft = configuration.start_draft(text(tmp_path), origin="a test")
    client = as_role(Role.OPERATOR)
    assert "Check this machine" in page(client, "configuration:review")
    client.post(reverse("deployment:machine_check"))
    job = services.last()
    assert job is not None
    assert job.arguments == {"draft": draft.version}
    assert services.last() == job
    client.post(reverse("deployment:machine_check"))
    assert Job.objects.count() == 1  # a second click gets the same one
    done(job, workshop.check)
    assert "2 errors" in page(client, "configuration:review")
    assert f"{reverse('configuration:file')}#L3" in page(client)  # the line, where it can be mended
    configuration.current_draft().delete()  # type: ignore[union-attr]
    assert "Check the draft" not in page(client)


def test_a_draft_that_has_gone(as_role: Callable[[int], Any], tmp_path: Path) -> None:
    configuration.start_draft(text(tmp_path), origin="a test")
    as_role(Role.OPERATOR).post(reverse("deployment:machine_check"))
    job = services.last()
    assert job is not None
    configuration.current_draft().delete()  # type: ignore[union-attr]
    done(job, workshop.check)
    job.refresh_from_db()
    assert (job.state, job.error) == (Job.State.FAILED, "There is no draft any more.")


def test_a_viewer_sees_and_starts_nothing(as_role: Callable[[int], Any], tmp_path: Path) -> None:
    revision(tmp_path)
    client = as_role(Role.VIEWER)
    assert "machine/check/" not in page(client)
    assert client.post(reverse("deployment:machine_check")).status_code == 403
