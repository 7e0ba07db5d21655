"""What the pages say of how a deployment left the host, and who may do what about it."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from harborweb.accounts.models import Activity
from harborweb.accounts.roles import Role
from harborweb.deployment.models import Deployment
from harborweb.jobs.models import Job, LogLine
from harborweb.sealing import seal
from tests.deployment.test_pages import host, installer, revision, text

pytestmark = pytest.mark.django_db(transaction=True)

Outcome = Deployment.Outcome


@pytest.fixture(autouse=True)
def places(settings: Any, redis_settings: str) -> None:
    """Jobs are queued in the real Redis, and nobody takes them."""


def ended(number: int = 1, state: str = Job.State.FAILED, letters: str = "", **fields: Any) -> Deployment:
    """A deployment that has ended, with the steps of its rollback."""
    from harborweb.configuration.models import Revision
    from harborweb.deployment.models import Installer

    job = Job.objects.create(
        kind="deploy", title="Deploy", subject="x", queue="host", task="t", state=state, step=8, steps=12,
        started=timezone.now(), finished=None if state == Job.State.RUNNING else timezone.now(),
        heartbeat=timezone.now(), error="It failed.", lines=1 + len(letters),
        result={"address": "http://registry.lab.example", "containers": 2},
    )  # fmt: skip
    for line, word in enumerate(["8 Up", *(f"{letter} Something" for letter in letters)], 1):
        LogLine.objects.create(job=job, number=line, at=timezone.now(), stream="step", text=word)
    return Deployment.objects.create(
        number=number, revision=Revision.objects.first() or revision(),
        installer=Installer.objects.first() or installer(), job=job, who="test", began=True, **fields,
    )  # fmt: skip


SAID = {
    Outcome.UNDISTURBED: ("Nothing was changed.", {}),
    Outcome.ROLLED_BACK: ("It was rolled back.", {"note": "What ran before runs again.", "letters": "abcd"}),
    Outcome.UNDONE: ("It was undone.", {"note": "There was nothing to go back to."}),
    Outcome.NEEDS_YOU: ("It needs you.", {"note": "It stays as it is.", "snapshot": True}),
}


@pytest.mark.parametrize("outcome", SAID)
def test_each_end_is_told(as_role: Callable[[int], Any], outcome: str) -> None:
    title, fields = SAID[Outcome(outcome)]
    ended(outcome=outcome, **fields)
    page = text(as_role(Role.VIEWER), "detail", 1)
    assert title in page and str(fields.get("note", "")) in page
    assert ("Rollback" in page) is ("letters" in fields)
    assert "Put back" not in page  # a viewer looks


def test_the_step_that_failed_does_not_count_the_rollback(as_role: Callable[[int], Any]) -> None:
    made = ended(outcome=Outcome.ROLLED_BACK, letters="abcd")
    assert made.job is not None
    begun = timezone.now() - timedelta(seconds=60)
    made.job.log.filter(number=1).update(at=begun)
    made.job.log.filter(number__gt=1).update(at=begun + timedelta(seconds=2))
    page = text(as_role(Role.VIEWER), "detail", 1)
    assert re.search(r'8 Up</span><span class="step-note">2\.0 s<', page)


def test_pages_of_running_jobs_hold_all_that_their_log_swaps(as_role: Callable[[int], Any]) -> None:
    from harborweb.deployment.models import DryRun, Upgrade

    made = ended(state=Job.State.RUNNING)
    run = DryRun.objects.create(
        revision=made.revision, installer=made.installer, job=made.job, text_sealed=seal("a", "dry run"), who="test"
    )
    upgrade = Upgrade.objects.create(before=made, installer=made.installer, job=made.job, who="test")
    assert made.job is not None
    client = as_role(Role.OPERATOR)
    for name, key in (("detail", made.number), ("dry_run", run.pk), ("upgrade", upgrade.pk)):
        page = client.get(reverse(f"deployment:{name}", args=[key])).content.decode()
        for part in ("progress", "count", "outcome", "pill", "lead", "actions"):
            assert page.count(f'id="job-{made.job.pk}-{part}"') == 1, f"{name}: {part}"


def test_what_was_put_back_is_not_said_to_run(as_role: Callable[[int], Any]) -> None:
    ended(state=Job.State.SUCCEEDED, outcome=Outcome.ROLLED_BACK, letters="abcd")
    page = text(as_role(Role.VIEWER), "detail", 1)
    assert "It ran and answered at http://registry.lab.example." in page and "It runs and answers" not in page


def test_while_it_is_rolled_back_the_page_asks_again(as_role: Callable[[int], Any]) -> None:
    ended(state=Job.State.RUNNING, outcome=Outcome.ROLLING_BACK, letters="ab")
    page = text(as_role(Role.VIEWER), "detail", 1)
    assert "It is being rolled back." in page and reverse("deployment:ending", args=[1]) in page
    assert 'class="step is-failed"' in page and 'class="step is-running"' in page
    assert 'hx-trigger="every 3s"' in text(as_role(Role.OPERATOR), "ending", 1)


def test_an_interrupted_one_is_told_everywhere_and_offered(as_role: Callable[[int], Any]) -> None:
    host()
    made = ended(state=Job.State.LOST, outcome=Outcome.INTERRUPTED, phase="write", roll_back=False, snapshot=True)
    client = as_role(Role.OPERATOR)
    assert "That was at “7 Write and prepare”" in text(client, "home")
    page = text(client, "detail", 1)
    assert "Put back what was there before" in page and "Leave it as it is" in page
    refused = client.post(
        reverse("deployment:deploy"), {"revision": made.revision.number, "installer": made.installer_id}
    )
    assert refused.status_code == 409
    assert "deployment 1 was interrupted and is not put right yet" in refused.content.decode()

    answer = client.post(reverse("deployment:put_right", args=[1]))
    asked = Job.objects.get(kind="recover")
    assert (answer.status_code, asked.queue, asked.exclusive) == (302, "host", "host")
    assert asked.arguments == {"installer": made.installer_id, "deployment": made.pk, "leave": False}
    assert Activity.objects.filter(action="put right").count() == 1
    made.refresh_from_db()
    assert made.recovery == asked
    assert asked.title in text(client, "detail", 1)


def test_it_can_be_left_as_it_is(as_role: Callable[[int], Any]) -> None:
    ended(state=Job.State.LOST, outcome=Outcome.INTERRUPTED, phase="up", roll_back=False, snapshot=True)
    as_role(Role.OPERATOR).post(reverse("deployment:put_right", args=[1]), {"leave": "1"})
    assert Job.objects.get(kind="recover").arguments["leave"] is True


def test_a_rollback_that_failed_is_offered_again_with_what_to_type(as_role: Callable[[int], Any]) -> None:
    ended(outcome=Outcome.NEEDS_YOU, phase="stuck", snapshot=True, letters="abc", note="The disk is full.")
    page = text(as_role(Role.OPERATOR), "detail", 1)
    assert "the rollback failed too" in page and "Try the rollback again" in page
    assert "tar --numeric-owner -xpf /opt/harbor/.harborweb/snapshots/1.tar -C /" in page


def test_what_was_there_before_can_be_put_back(as_role: Callable[[int], Any]) -> None:
    made = ended(state=Job.State.SUCCEEDED, outcome=Outcome.DEPLOYED, snapshot=True)
    client = as_role(Role.OPERATOR)
    assert "Put back the snapshot" in text(client, "detail", 1)
    assert client.post(reverse("deployment:put_back", args=[1])).status_code == 302
    asked = Job.objects.get(kind="put_back")
    assert (asked.queue, asked.arguments) == ("host", {"deployment": made.pk})
    again = client.post(reverse("deployment:put_right", args=[1]))
    assert again.status_code == 409 and "There is nothing to put right any more." in again.content.decode()


@pytest.mark.parametrize("fields", [{"outcome": Outcome.DEPLOYED}, {"outcome": Outcome.ROLLED_BACK, "snapshot": True}])
def test_without_a_snapshot_there_is_no_way_back(as_role: Callable[[int], Any], fields: dict[str, Any]) -> None:
    ended(state=Job.State.SUCCEEDED, **fields)
    client = as_role(Role.OPERATOR)
    assert "Put back the snapshot" not in text(client, "detail", 1)
    assert client.post(reverse("deployment:put_back", args=[1])).status_code == 409
    assert Job.objects.filter(kind="put_back").count() == 0


def test_the_preview_names_what_changes_and_what_that_means(as_role: Callable[[int], Any]) -> None:
    from harborweb.configuration.models import Revision, fingerprint
    from harborweb.sealing import seal

    made = ended(state=Job.State.SUCCEEDED, outcome=Outcome.DEPLOYED)
    yaml = (
        "hostname: registry.lab.example\nhttp:\n  port: 8081\nharbor_admin_password: another-secret\ndata_volume: /d\n"
    )
    Revision.objects.create(
        number=2, text_sealed=seal(yaml, "revision"), template_sealed=seal(yaml, "revision"), from_installer=True,
        digest=fingerprint(yaml), who_name="test", origin="test",
    )  # fmt: skip
    client = as_role(Role.OPERATOR)
    answer = client.get(reverse("deployment:preview"), {"revision": 2, "installer": made.installer_id})
    page = answer.content.decode()
    for key in ("data_volume", "harbor_admin_password", "http.port"):
        assert f'<code class="mono">{key}</code>' in page
    assert "empty if nothing does" in page and "for the first time" in page
    assert "secret" not in page.replace("another-secret", "SECRET SHOWN") and "SECRET SHOWN" not in page
    assert client.get(reverse("deployment:preview"), {"revision": "x"}).status_code == 200
