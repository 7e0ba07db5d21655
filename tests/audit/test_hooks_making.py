"""The button: policies in a Harbor, made once, with a secret that only Harbor keeps. Against the Harbor double."""

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, connections
from django.test import Client

from harborweb.accounts.models import Activity
from harborweb.accounts.roles import Role
from harborweb.audit.hooks import making, policies
from harborweb.audit.hooks.hashing import hashed
from harborweb.audit.models import Hook, HookEvent
from harborweb.jobs.models import Job, LogLine
from harborweb.jobs.run import perform
from harborweb.registry import seeing
from harborweb.registry.models import Registry
from tests.audit import harbor_says as says
from tests.harbor_double import HarborDouble
from tests.harbor_double.model import Policy

pytestmark = pytest.mark.django_db(transaction=True)
BASE = "http://harborweb.test:8080"
Press = Callable[..., Any]


@pytest.fixture
def lab(harbor: HarborDouble, redis_settings: str, settings: Any) -> Registry:
    """The double as a registry of ours, with two projects of its own."""
    settings.ALLOWED_HOSTS = ["testserver", "harborweb.test", "other.test"]
    harbor.state.add_project("team")
    harbor.state.add_project("platform")
    row = Registry.objects.create(name="lab", url=harbor.url, allow_http=True)
    return seeing.look(row)


@pytest.fixture
def press(lab: Registry, harbor: HarborDouble, as_role: Callable[[int], Any]) -> Press:
    """Press the button as an administrator of ours, and do what the worker does; the answer, or the settled job."""
    client = as_role(Role.ADMINISTRATOR)

    def now(action: str = "make", projects: str = "", base: str = BASE, **more: str) -> Any:
        name, password = harbor.admin
        typed = {"action": action, "projects": projects, "base": base, "administrator": name, "password": password}
        answer = client.post(f"/audit/hooks/{lab.pk}/make/", {**typed, **more})
        if answer.status_code != 302:
            return answer
        job = Job.objects.latest("pk")
        worker = threading.Thread(target=lambda: (perform(job.pk, making.make), connections.close_all()))
        worker.start()
        worker.join()
        job.refresh_from_db()
        return job

    return now


def policies_of(double: HarborDouble, project: str) -> list[Policy]:
    found = double.state.project(project)
    assert found is not None
    return [one for one in double.state.policies.values() if one.project == found.id]


def secret_of(policy: Policy) -> str:
    return str(policy.targets[0]["auth_header"])


def tell(lab: Registry, secret: str, repository: str = "team/app", tag: str = "1") -> int:
    body = says.default("PUSH_ARTIFACT", says.artifact(repository, tag, f"sha256:{'0' * 64}"))
    answer = Client().post(
        f"/hooks/harbor/{lab.pk}/", body, content_type=says.DEFAULT, headers={"Authorization": secret}
    )
    return int(answer.status_code)


def test_one_press_makes_a_policy_in_every_project_each_with_a_secret_of_its_own(
    lab: Registry,
    harbor: HarborDouble,
    press: Press,
) -> None:
    job = press()
    assert job.state == Job.State.SUCCEEDED, (job.error, list(job.log.values_list("text", flat=True)))
    found = {name: policies_of(harbor, name) for name in ("library", "team", "platform")}
    assert all(len(one) == 1 for one in found.values())
    [team] = found["team"]
    assert team.events == ["PUSH_ARTIFACT", "DELETE_ARTIFACT", "REPLICATION", "QUOTA_EXCEED", "QUOTA_WARNING"]
    assert team.enabled and team.name == "harborweb at harborweb.test:8080"
    assert team.targets[0]["address"] == f"{BASE}/hooks/harbor/{lab.pk}/"
    assert team.targets[0]["skip_cert_verify"] is False and team.targets[0]["payload_format"] == "Default"
    secrets = {secret_of(one) for [one] in found.values()}
    assert len(secrets) == 3 and all(len(one) > 40 for one in secrets)
    assert tell(lab, secret_of(team)) == 202
    assert tell(lab, secret_of(found["platform"][0])) == 400  # team is not its to speak of
    assert Hook.objects.filter(enabled=True).count() == 3


def test_pressed_twice_nothing_is_written_twice(lab: Registry, harbor: HarborDouble, press: Press) -> None:
    press(projects="team")
    before = secret_of(policies_of(harbor, "team")[0])
    count = len(harbor.requests)
    assert press(projects="team, team").state == Job.State.SUCCEEDED
    assert [one for one in harbor.requests[count:] if not one.startswith(("GET", "HEAD"))] == []
    assert [secret_of(one) for one in policies_of(harbor, "team")] == [before]
    assert policies_of(harbor, "platform") == []
    assert Hook.objects.get(project="team").former_hash == ""


def test_a_policy_with_an_old_secret_or_address_is_changed_and_a_second_one_goes(
    lab: Registry,
    harbor: HarborDouble,
    press: Press,
) -> None:
    press(projects="team")
    [policy] = policies_of(harbor, "team")
    Hook.objects.update(secret_hash=hashed("another"))  # as after a restored database
    press(projects="team")
    [same] = policies_of(harbor, "team")
    assert same.id == policy.id and tell(lab, secret_of(same)) == 202
    press(projects="team", base="http://other.test:8080")
    [moved] = policies_of(harbor, "team")
    assert moved.id == policy.id and moved.targets[0]["address"].startswith("http://other.test:8080/")
    twin = Policy(999, "by hand", policy.project, [dict(moved.targets[0])], ["PUSH_ARTIFACT"], True, "")
    harbor.state.policies[999] = twin
    press(projects="team", base="http://other.test:8080")
    assert len(policies_of(harbor, "team")) == 1


def test_other_peoples_policies_are_left_alone(lab: Registry, harbor: HarborDouble, press: Press) -> None:
    team = harbor.state.project("team")
    assert team is not None
    target = {
        "address": "http://elsewhere.test/hooks/harbor/1/",
        "type": "http",
        "payload_format": "Default",
        "skip_cert_verify": True,
    }
    other = Policy(998, "harborweb at elsewhere.test", team.id, [target], ["PUSH_ARTIFACT"], True, "")
    harbor.state.policies[998] = other
    for action in ("make", "secret", "off"):
        press(action, projects="team")
    assert policies_of(harbor, "team") == [other] and other.enabled


def test_secrets_change_and_the_old_one_is_worth_nothing_then(
    lab: Registry,
    harbor: HarborDouble,
    press: Press,
) -> None:
    press(projects="team")
    old = secret_of(policies_of(harbor, "team")[0])
    press("secret", projects="team")
    [policy] = policies_of(harbor, "team")
    assert secret_of(policy) != old
    assert (tell(lab, old), tell(lab, secret_of(policy))) == (401, 202)


def test_switching_off_takes_the_policy_away_and_the_secret_with_it(
    lab: Registry,
    harbor: HarborDouble,
    press: Press,
) -> None:
    press(projects="team")
    old = secret_of(policies_of(harbor, "team")[0])
    assert press("off", projects="team", base="").state == Job.State.SUCCEEDED
    assert policies_of(harbor, "team") == [] and tell(lab, old) == 401
    assert press("off", projects="team", base="").state == Job.State.SUCCEEDED
    press(projects="team")
    assert tell(lab, secret_of(policies_of(harbor, "team")[0])) == 202


@pytest.mark.parametrize("after", [False, True])
def test_whatever_becomes_of_a_write_the_door_stays_open_for_the_secret_that_harbor_has(
    lab: Registry,
    harbor: HarborDouble,
    press: Press,
    after: bool,
) -> None:
    press(projects="team")
    for _time in range(3):
        harbor.faults.order("502", "PUT .*/webhook/policies", after=after)
        job = press("secret", projects="team")
        assert job.state == Job.State.FAILED and "team" in job.error
        assert tell(lab, secret_of(policies_of(harbor, "team")[0])) == 202
    assert press(projects="team").state == Job.State.SUCCEEDED
    assert tell(lab, secret_of(policies_of(harbor, "team")[0])) == 202
    assert len(policies_of(harbor, "team")) == 1 and Hook.objects.get().former_hash == ""


def test_a_policy_whose_making_was_unsure_is_found_again(lab: Registry, harbor: HarborDouble, press: Press) -> None:
    harbor.faults.order("502", "POST .*/webhook/policies", after=True)
    assert press(projects="team").state == Job.State.FAILED
    assert tell(lab, secret_of(policies_of(harbor, "team")[0])) == 202
    assert press(projects="team").state == Job.State.SUCCEEDED
    assert len(policies_of(harbor, "team")) == 1


def test_one_project_that_fails_does_not_keep_the_others_from_theirs(
    lab: Registry,
    harbor: HarborDouble,
    press: Press,
) -> None:
    harbor.faults.order("503", "POST .*/projects/platform/webhook/policies")
    job = press(projects="platform team")
    assert job.state == Job.State.FAILED and "platform" in job.error and "team" not in job.error
    assert len(policies_of(harbor, "team")) == 1


def test_the_password_and_the_secrets_are_in_no_log_job_trail_or_database(
    lab: Registry,
    harbor: HarborDouble,
    press: Press,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    press()
    secret, password = secret_of(policies_of(harbor, "team")[0]), harbor.admin[1]
    kept = [
        json.dumps(list(Job.objects.values("arguments", "result", "title", "error")), default=str),
        str(list(LogLine.objects.values_list("text", flat=True))),
        str(list(Activity.objects.values())),
        caplog.text,
    ]
    with connection.cursor() as cursor:
        for table in ("audit_hook", "audit_hookevent", "registry_registry", "django_session"):
            cursor.execute(f"SELECT * FROM {table}")
            kept.append(str(cursor.fetchall()))
    for text in kept:
        assert secret not in text and secret.removeprefix("Bearer ") not in text and password not in text
    row = Activity.objects.get(action="webhooks: make")
    assert row.subject == "lab" and "every project" in row.detail and BASE in row.detail


@pytest.mark.parametrize(
    ("typed", "says_so"),
    [
        ({"password": "wrong"}, "admin"),
        ({"administrator": "nobody"}, "nobody"),
        ({"base": "not an address !"}, "no address of harborweb"),
        ({"base": "ftp://harborweb.test"}, "no address of harborweb"),
        ({"base": "http://harborweb.test:8080/path"}, "no address of harborweb"),
        ({"base": "http://user:pw@harborweb.test"}, "no address of harborweb"),
        ({"base": "http://unknown.test"}, "does not answer to the name unknown.test"),
        ({"base": ""}, "Type the address"),
        ({"projects": "team ../x"}, "no project name"),
        ({"action": "explode"}, ""),
    ],
)
def test_what_cannot_go_well_is_said_at_once(
    press: Press, harbor: HarborDouble, typed: dict[str, str], says_so: str
) -> None:
    answer = press(**typed)
    assert answer.status_code == 422
    assert says_so in answer.content.decode()
    assert harbor.admin[1] not in answer.content.decode() and "user:pw@harborweb.test is" not in answer.content.decode()
    assert Job.objects.count() == 0 and harbor.state.policies == {}


def test_plain_http_is_refused_where_harborweb_redirects_it(press: Press, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    with pytest.raises(policies.Problem, match="https"):
        policies.receiver(Registry.objects.get(), BASE)
    assert policies.receiver(Registry.objects.get(), "https://harborweb.test").startswith(
        "https://harborweb.test/hooks"
    )


def test_what_is_no_harbor_has_no_webhooks(press: Press) -> None:
    Registry.objects.update(kind="registry")
    answer = press()
    assert answer.status_code == 422 and "no Harbor" in answer.content.decode()


def test_only_administrators_make_them_and_viewers_see_them(
    lab: Registry,
    harbor: HarborDouble,
    client: Any,
    person: Callable[..., Any],
) -> None:
    hook = Hook.objects.create(registry=lab, project="team", secret_hash="-", address=BASE, events=3)
    HookEvent.objects.create(
        registry=lab, hook=hook, kind="quota_exceeded", repository="team/app", identity="1", state="done",
        detail="adding 5 MiB <script>",
    )  # fmt: skip
    for role, name in ((Role.VIEWER, "vera"), (Role.OPERATOR, "olga")):
        client.force_login(person(role, name), backend="django.contrib.auth.backends.ModelBackend")
        page = client.get(f"/audit/hooks/{lab.pk}/")
        assert page.status_code == 200 and "team" in page.text and "quota of team is used up" in page.text
        assert "&lt;script&gt;" in page.text and "<script>" not in page.text.replace("<script src", "")
        assert "That administrator" not in page.text
        assert client.post(f"/audit/hooks/{lab.pk}/make/", {}).status_code == 403
    shown = client.get(f"/audit/?registry={lab.pk}").text
    assert "Harbor tells harborweb about pushes" in shown and "quota of team is used up" in shown


def test_the_page_says_what_will_be_called_and_offers_an_address(
    lab: Registry, as_role: Callable[[int], Any], settings: Any
) -> None:
    client = as_role(Role.ADMINISTRATOR)
    page = client.get(f"/audit/hooks/{lab.pk}/?project=team").text
    assert "/webhook/policies" in page and "PUSH_ARTIFACT" in page and f"/hooks/harbor/{lab.pk}/" in page
    assert 'value="http://testserver"' in page and 'value="team"' in page
    settings.CSRF_TRUSTED_ORIGINS = ["https://harborweb.example"]
    assert 'value="https://harborweb.example"' in client.get(f"/audit/hooks/{lab.pk}/").text
    Hook.objects.create(registry=lab, project="team", secret_hash="-", address="https://used.test:8443/hooks/harbor/1/")
    assert 'value="https://used.test:8443"' in client.get(f"/audit/hooks/{lab.pk}/").text


@pytest.mark.parametrize(
    "base", ["http://localhost:8080", "http://127.0.0.1", "http://127.8.9.1:1", "http://[::1]:8080"]
)
def test_an_address_that_means_this_machine_alone_is_known(base: str) -> None:
    assert policies.is_loopback(base) and not policies.is_loopback("http://harborweb.test")


def test_harbor_that_does_not_answer_leaves_the_page_with_what_is_known(
    lab: Registry, as_role: Callable[[int], Any]
) -> None:
    Hook.objects.create(registry=lab, project="team", secret_hash="-", address=BASE)
    Registry.objects.update(url="http://127.0.0.1:9")
    page = as_role(Role.VIEWER).get(f"/audit/hooks/{lab.pk}/")
    assert page.status_code == 200 and "does not answer" in page.text and ">team<" in page.text


def test_no_error_report_has_the_password(lab: Registry, as_role: Any) -> None:
    answer = as_role(Role.ADMINISTRATOR).post(f"/audit/hooks/{lab.pk}/make/", {"password": "s3cret"})
    assert "password" in answer.wsgi_request.sensitive_post_parameters
