"""The pages of deployment: what they say when nobody answers, when nothing is there, and when something is refused."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from harborweb.accounts.models import Activity
from harborweb.accounts.roles import Role
from harborweb.configuration.models import Revision, fingerprint
from harborweb.deployment.models import Deployment, Host, Installer
from harborweb.jobs.models import Job
from harborweb.sealing import seal
from tests.deployment.conftest import job

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def places(settings: Any, redis_settings: str) -> None:
    """Jobs are queued in the real Redis, and nobody takes them."""


def text(client: Any, name: str, *args: Any) -> str:
    answer = client.get(reverse(f"deployment:{name}", args=args))
    assert answer.status_code == 200
    return str(answer.content.decode()).replace("&#x27;", "'")


def revision(number: int = 1) -> Revision:
    yaml = "hostname: registry.lab.example\nhttp:\n  port: 8080\nharbor_admin_password: secret-of-the-page\n"
    return Revision.objects.create(
        number=number, text_sealed=seal(yaml, "revision"), template_sealed=seal(yaml, "revision"), from_installer=True,
        digest=fingerprint(yaml), who_name="test", origin="test",
    )  # fmt: skip


def installer() -> Installer:
    return Installer.objects.create(
        source="folder", name="/opt/harbor", path="/opt/harbor", ready=True, version="v2.15.2"
    )


def host(**fields: Any) -> Host:
    usual = {"seen": timezone.now(), "name": "dock-01", "engine": {"version": "20.10.24"}, "compose": "2.26.1"}
    return Host.objects.create(pk=1, **{**usual, **fields})


def container(name: str, **fields: Any) -> dict[str, Any]:
    usual = {
        "name": name, "image": f"{name}:1", "state": "running", "health": "healthy", "exit_code": None, "error": "",
        "ports": ["0.0.0.0:8080 → 8080/tcp"], "restarts": 0, "since": "2026-11-23T10:00:00.123456789Z", "well": True,
    }  # fmt: skip
    return {**usual, **fields}


def deployed(**fields: Any) -> Deployment:
    done = job("deploy")
    Job.objects.filter(pk=done.pk).update(state=Job.State.SUCCEEDED, finished=timezone.now())
    return Deployment.objects.create(
        number=1, revision=revision(), installer=installer(), job=done, who="test", began=True, **fields
    )


def test_without_a_host_worker_the_page_says_what_deploying_needs(as_role: Callable[[int], Any]) -> None:
    page = text(as_role(Role.VIEWER), "home")
    assert "No host worker answers." in page
    assert "20.10.10" in page
    assert "Get an installer" in page


def test_a_host_that_cannot_deploy_says_why(as_role: Callable[[int], Any]) -> None:
    host(problem="No Docker engine runs on the worker's host.", advice="Install it.", engine={}, compose="")
    page = text(as_role(Role.VIEWER), "home")
    assert "No Docker engine runs on the worker's host." in page
    assert "not there" in page
    assert "not found" in page


def test_what_runs_is_shown_with_those_that_ended_first(as_role: Callable[[int], Any]) -> None:
    deployed()
    host(containers=[container("core"), container("nginx", state="exited", exit_code=137, health="", well=False)])
    page = text(as_role(Role.VIEWER), "home")
    assert "Not well" in page
    assert "1 of 2 containers are well" in page
    assert "Exited (137)" in page
    assert page.index("nginx:1") < page.index("core:1")
    assert "secret-of-the-page" not in page


def test_old_news_is_not_shown_as_the_present(as_role: Callable[[int], Any]) -> None:
    deployed()
    host(seen=timezone.now() - timedelta(minutes=5), containers=[container("core")])
    page = text(as_role(Role.VIEWER), "home")
    assert "Not known" in page
    assert "No host worker answers" in page


def test_a_host_worker_that_is_busy_deploying_is_not_silent(as_role: Callable[[int], Any]) -> None:
    deployed()
    host(seen=timezone.now() - timedelta(minutes=5))
    busy = job("deploy")
    Job.objects.filter(pk=busy.pk).update(state=Job.State.RUNNING, exclusive="host", heartbeat=timezone.now())
    assert "No host worker answers" not in text(as_role(Role.VIEWER), "home")


def test_deploying_asks_first_and_a_double_click_does_nothing(as_role: Callable[[int], Any]) -> None:
    client = as_role(Role.OPERATOR)
    assert "There is no saved revision." in text(client, "deploy")
    saved = revision()
    assert "There is no installer." in text(client, "deploy")
    ready = installer()
    assert "What will happen" in text(client, "deploy")
    assert Job.objects.count() == 0
    ask = {"revision": saved.number, "installer": ready.pk}
    answer = client.post(reverse("deployment:deploy"), ask)
    made = Deployment.objects.get()
    assert (answer.status_code, answer.url) == (302, reverse("deployment:detail", args=[made.number]))
    assert made.job is not None
    assert (made.job.queue, made.job.exclusive) == ("host", "host")
    assert "secret-of-the-page" not in str(made.job.arguments)
    answer = client.post(reverse("deployment:deploy"), ask)
    assert answer.status_code == 409
    assert "is still going on" in answer.content.decode()
    assert (Deployment.objects.count(), Job.objects.count()) == (1, 1)
    assert Activity.objects.filter(action="deploy").count() == 1
    assert "Deployment 1 of revision 1" in text(client, "detail", 1)


def test_a_revision_that_is_none_is_refused(as_role: Callable[[int], Any]) -> None:
    revision()
    answer = as_role(Role.OPERATOR).post(reverse("deployment:deploy"), {"revision": "77", "installer": installer().pk})
    assert answer.status_code == 422
    assert Job.objects.count() == 0


def test_nothing_to_stop_or_start(as_role: Callable[[int], Any]) -> None:
    client = as_role(Role.OPERATOR)
    for name in ("stop", "start"):
        answer = client.post(reverse(f"deployment:{name}"))
        assert answer.status_code == 409
        assert "Nothing was deployed yet." in answer.content.decode()


def test_stopping_while_a_deployment_runs_is_refused(as_role: Callable[[int], Any]) -> None:
    client = as_role(Role.OPERATOR)
    made = deployed()
    client.post(reverse("deployment:deploy"), {"revision": 1, "installer": made.installer.pk})
    answer = client.post(reverse("deployment:stop"))
    assert answer.status_code == 409
    assert "is still going on" in answer.content.decode()


def test_the_table_of_containers_alone(as_role: Callable[[int], Any]) -> None:
    deployed()
    host(containers=[container("core")])
    client = as_role(Role.VIEWER)
    assert 'id="standing"' not in text(client, "containers_panel")
    answer = client.get(reverse("deployment:containers_panel"), {"titled": "1"}).content.decode()
    assert 'id="standing" hx-swap-oob="true"' in answer
    assert "0.0.0.0:8080 → 8080/tcp" in answer


@pytest.mark.parametrize("role", [Role.VIEWER, Role.SIGNER])
def test_only_operators_act(as_role: Callable[[int], Any], role: Role) -> None:
    client = as_role(role)
    deployed()
    page = text(client, "home")
    assert "Stop the registry" not in page
    assert "Upload installer" not in text(client, "installer")
    for name in ("stop", "start", "deploy", "installer_folder", "installer_upload", "installer_url"):
        assert client.post(reverse(f"deployment:{name}")).status_code == 403, name
    assert client.get(reverse("deployment:deploy")).status_code == 403
    assert client.post(reverse("deployment:installer_draft", args=[1])).status_code == 403
