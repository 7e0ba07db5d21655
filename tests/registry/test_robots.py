"""Robots of our own in a Harbor: made with least rights, renewed by one of them, removed; whole and by halves."""

import json
import logging
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import RequestFactory
from django.utils import timezone

from harborweb import sealing
from harborweb.accounts.models import Activity
from harborweb.accounts.roles import Role
from harborweb.errors import Problem
from harborweb.jobs.models import Job, LogLine
from harborweb.jobs.run import perform
from harborweb.registry import robot_services, robots, seeing
from harborweb.registry.endpoint import Limits
from harborweb.registry.harbor import browsing
from harborweb.registry.harbor.client import Harbor
from harborweb.registry.models import Registry, Robot
from harborweb.registry.rights import READING, SIGNING
from harborweb.registry.running import run
from tests.harbor_double import HarborDouble
from tests.harbor_double.fixtures import harbor  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db(transaction=True)
READ, SIGN, KEEP = Robot.Purpose.READ, Robot.Purpose.SIGN, Robot.Purpose.KEEP
WORK = {"make_robots": robots.make, "renew_robots": robots.rotate, "remove_robots": robots.remove}


@pytest.fixture
def lab(harbor: HarborDouble, redis_settings: str, transactional_db: None) -> Registry:  # noqa: F811
    """The double as a registry of ours, without a user name; a private project lies in it."""
    harbor.state.add_project("team")
    row = Registry.objects.create(name="lab", url=harbor.url, allow_http=True)
    return seeing.look(row)


@pytest.fixture
def asked(person: Any) -> Any:
    """A request by an administrator of ours."""
    request = RequestFactory().post("/")
    request.user = person(Role.ADMINISTRATOR)
    return request


def admin(double: HarborDouble, **more: Any) -> robot_services.Asked:
    return robot_services.Asked(*double.admin, **more)


def done(job: Job) -> Job:
    """The job, performed here."""
    perform(job.pk, WORK[job.kind])
    return Job.objects.get(pk=job.pk)


def made(lab: Registry, double: HarborDouble, request: Any, **more: Any) -> dict[str, Robot]:
    """Robots made as asked, by purpose."""
    job = done(robot_services.request_robots(request, lab, admin(double, **more)))
    assert job.state == Job.State.SUCCEEDED, job.error
    lab.refresh_from_db()
    return {one.purpose: one for one in lab.robots.all()}


def age(lab: Registry, double: HarborDouble, days: int = 10) -> None:
    """Let every robot of ours expire in `days`."""
    until = timezone.now() + timedelta(days=days)
    lab.robots.update(expires=until)
    for one in double.state.robots.values():
        one.made = until - timedelta(days=one.duration)


def names(double: HarborDouble) -> set[str]:
    """The robots in Harbor."""
    return {one.name for one in double.state.robots.values()}


def test_an_administrator_makes_three_robots_with_least_rights(lab: Registry, harbor: HarborDouble, asked: Any) -> None:  # noqa: F811
    rows = made(lab, harbor, asked)
    assert set(rows) == {READ, SIGN, KEEP}
    assert {str(one) for one in rows.values()} == names(harbor)
    rights = {
        purpose: {
            (one["kind"], one["namespace"]): {f"{a['resource']}:{a['action']}" for a in one["access"]}
            for one in harbor.state.robots[row.number or 0].permissions
        }
        for purpose, row in rows.items()
    }
    reading = {
        "project:read", "repository:list", "repository:pull", "artifact:list", "artifact:read", "quota:read",
        "log:list",
    }  # fmt: skip
    looking = {"project:list", "registry:list", "registry:read"}
    assert rights[READ] == {("system", "/"): looking, ("project", "*"): reading}
    assert rights[SIGN] == {("project", "*"): {"repository:push", "repository:pull"}}
    keeping = looking | {"robot:create", "robot:read", "robot:list", "robot:delete"}
    assert rights[KEEP] == {("system", "/"): keeping, ("project", "*"): reading | {"repository:push"}}
    assert all(85 < (row.days_left or 0) <= 90 for row in rows.values())
    trail = Activity.objects.filter(action="make robot").values_list("detail", "who")
    assert {detail for detail, _who in trail} == names(harbor)
    assert {who for _detail, who in trail} == {asked.user.username}


def test_every_right_of_the_reader_is_used_and_suffices(lab: Registry, harbor: HarborDouble, asked: Any) -> None:  # noqa: F811
    made(lab, harbor, asked, purposes=[READ])
    assert lab.endpoint().username.startswith("robot$harborweb-read-")

    async def ask() -> list[str]:
        async with Harbor(lab.endpoint(), Limits()) as h:  # without asking the database
            return [one.name for one in (await browsing.projects(h)).items]

    assert run(ask()) == ["library", "team"]
    assert all(one.use and one.without for one in (*READING, *SIGNING))


def test_robots_for_some_projects(lab: Registry, harbor: HarborDouble, asked: Any) -> None:  # noqa: F811
    rows = made(lab, harbor, asked, projects=["team"], days=30)
    assert {tuple(row.projects) for row in rows.values()} == {("team",)}
    assert rows[READ].days_left in (29, 30)
    with pytest.raises(Problem) as caught:
        robot_services.request_robots(asked, lab, admin(harbor, projects=["nosuch"]))
    assert caught.value.field == "projects"
    with pytest.raises(Problem):
        robot_services.request_robots(asked, lab, admin(harbor, projects=["../x"]))


def test_who_reads_and_who_signs(lab: Registry, harbor: HarborDouble, asked: Any) -> None:  # noqa: F811
    assert lab.endpoint().username == lab.signing_endpoint().username == ""
    rows = made(lab, harbor, asked)
    assert lab.endpoint().username == str(rows[READ])
    assert lab.signing_endpoint().username == str(rows[SIGN])
    assert lab.own_endpoint().username == ""
    lab.robots.update(expires=timezone.now() - timedelta(seconds=1))
    lab.use_robots()
    assert lab.endpoint().username == lab.signing_endpoint().username == ""


def test_only_an_administrator_of_harbor_will_do(lab: Registry, harbor: HarborDouble, asked: Any) -> None:  # noqa: F811
    harbor.state.add_user("dev", "Harbor12345")
    for name, password, field in (
        ("dev", "Harbor12345", "administrator"), ("admin", "wrong", "password"), ("ghost", "x", "password"),
    ):  # fmt: skip
        with pytest.raises(Problem) as caught:
            robot_services.request_robots(asked, lab, robot_services.Asked(name, password))
        assert caught.value.field == field
        time.sleep(0.3)  # Harbor freezes whoever typed a wrong one
    assert not Job.objects.exists()
    assert not lab.robots.exists()
    assert names(harbor) == set()


def test_the_administrators_password_is_kept_nowhere(
    lab: Registry, harbor: HarborDouble, asked: Any, caplog: pytest.LogCaptureFixture,  # noqa: F811
) -> None:  # fmt: skip
    password = harbor.admin[1]
    with caplog.at_level(logging.DEBUG):
        job = robot_services.request_robots(asked, lab, admin(harbor))
        waiting = json.dumps(job.arguments)
        stored = [sealing.redis_client().get(key) or b"" for key in sealing.redis_client().keys("harborweb:slot:*")]
        done(job)
    secrets_ = [one.secret() for one in lab.robots.all()]
    assert len(secrets_) == 3
    assert password not in waiting
    assert stored and not any(password.encode() in one for one in stored)
    assert sealing.redis_client().keys("harborweb:slot:*") == []
    database = json.dumps([
        *Job.objects.values_list("arguments", "result", "error", "title"), *LogLine.objects.values_list("text"),
        *Activity.objects.values_list("subject", "detail"), *Registry.objects.values_list("username", "fault"),
    ], default=str)  # fmt: skip
    sealed = b"".join(bytes(one) for one in Robot.objects.values_list("secret_sealed", flat=True))
    for secret in (password, *secrets_):
        assert secret not in database
        assert secret.encode() not in sealed
        assert secret not in caplog.text


def test_a_second_click_makes_no_second_set(lab: Registry, harbor: HarborDouble, asked: Any) -> None:  # noqa: F811
    first = robot_services.request_robots(asked, lab, admin(harbor))
    second = robot_services.request_robots(asked, lab, admin(harbor))
    assert first.pk == second.pk
    done(first)
    assert len(harbor.state.robots) == 3
    assert sealing.redis_client().keys("harborweb:slot:*") == []


def test_made_again_the_old_ones_go(lab: Registry, harbor: HarborDouble, asked: Any) -> None:  # noqa: F811
    before = {str(one) for one in made(lab, harbor, asked).values()}
    after = {str(one) for one in made(lab, harbor, asked).values()}
    assert not before & after
    assert names(harbor) == after


# Renewing


def test_the_keeper_renews_what_is_due_and_the_old_ones_go(lab: Registry, harbor: HarborDouble, asked: Any) -> None:  # noqa: F811
    before = made(lab, harbor, asked)
    assert robot_services.renew_due() == []
    age(lab, harbor)
    (job,) = robot_services.renew_due()
    assert robot_services.renew_due() == []  # it waits
    assert job.who is None
    job = done(job)
    assert job.state == Job.State.SUCCEEDED, job.error
    after = {one.purpose: one for one in lab.robots.all()}
    assert {one.state for one in after.values()} == {Robot.State.READY}
    assert names(harbor) == {str(one) for one in after.values()}
    for purpose, row in after.items():
        assert str(row) != str(before[purpose])
        assert row.rights == before[purpose].rights
        assert (row.days_left or 0) > 80
    assert Activity.objects.filter(action="renew robots", who="harborweb").count() == 1
    # and once more: the new keeper can do the same
    age(lab, harbor)
    Job.objects.update(created=timezone.now() - timedelta(days=1))
    (again,) = robot_services.renew_due()
    assert done(again).state == Job.State.SUCCEEDED
    assert len(harbor.state.robots) == 3


def test_only_what_is_due_is_renewed_unless_a_person_asks(lab: Registry, harbor: HarborDouble, asked: Any) -> None:  # noqa: F811
    before = {str(one) for one in made(lab, harbor, asked).values()}
    lab.robots.filter(purpose=READ).update(expires=timezone.now() + timedelta(days=13))
    (job,) = robot_services.renew_due()
    done(job)
    assert len(before & names(harbor)) == 2
    done(robot_services.request_rotation(asked, lab))
    assert not before & names(harbor)
    assert len(names(harbor)) == 3


def test_robots_are_renewed_without_a_project_that_is_gone(lab: Registry, harbor: HarborDouble, asked: Any) -> None:  # noqa: F811
    """Harbor makes no robot for a project that is not there, and does not count it among the maker's rights either."""
    harbor.state.add_project("gone")
    made(lab, harbor, asked, projects=["gone", "team"])
    del harbor.state.projects[next(one.id for one in harbor.state.projects.values() if one.name == "gone")]
    age(lab, harbor)
    job = done(robot_services.request_rotation(None, lab))
    assert job.state == Job.State.SUCCEEDED, job.error
    rows = Robot.objects.filter(registry=lab)
    assert {(row.purpose, *row.projects) for row in rows} == {(READ, "team"), (SIGN, "team"), (KEEP, "team")}
    assert all((row.days_left or 0) > 80 for row in rows)
    assert "gone" in " ".join(LogLine.objects.filter(job=job).values_list("text", flat=True))
    del harbor.state.projects[next(one.id for one in harbor.state.projects.values() if one.name == "team")]
    age(lab, harbor)
    job = done(robot_services.request_rotation(None, lab))
    assert job.state == Job.State.FAILED
    assert "team" in job.error
    assert len(names(harbor)) == 3


def test_another_prefix_renames_all_robots_and_making_them_anew_mends_it(
    lab: Registry,
    harbor: HarborDouble,  # noqa: F811
    asked: Any,
) -> None:
    """The prefix is no part of a robot's name in Harbor: all are called otherwise then (goharbor/harbor#16034)."""
    old = made(lab, harbor, asked)
    harbor.state.configuration["robot_name_prefix"] = "bot_"
    for one in harbor.state.robots.values():
        one.name = one.name.replace("robot$", "bot_")
    job = done(robot_services.request_rotation(asked, lab))
    assert job.state == Job.State.FAILED
    assert str(old[KEEP]) in job.error
    new = made(lab, harbor, asked)
    assert names(harbor) == {str(one) for one in new.values()}
    assert all(str(one).startswith("bot_harborweb-") for one in new.values())
    assert not {one.number for one in new.values()} & {one.number for one in old.values()}


def test_without_a_keeper_somebody_is_asked_14_days_before(lab: Registry, harbor: HarborDouble, asked: Any) -> None:  # noqa: F811
    made(lab, harbor, asked, purposes=[READ, SIGN])
    assert robot_services.warnings() == []
    age(lab, harbor, days=15)
    assert robot_services.warnings() == []
    age(lab, harbor, days=13)
    (warning,) = robot_services.warnings()
    assert (warning.kind, warning.registry) == ("warn", lab)
    assert "expires in 12 d" in warning.title or "expires in 13 d" in warning.title
    assert "administrator" in warning.text
    assert robot_services.renew_due() == []
    with pytest.raises(Problem):
        perform_or_raise(robot_services.request_rotation(asked, lab))
    age(lab, harbor, days=-1)
    (warning,) = robot_services.warnings(lab)
    assert warning.kind == "bad"


def test_a_renewal_that_does_not_come_is_told(lab: Registry, harbor: HarborDouble, asked: Any) -> None:  # noqa: F811
    made(lab, harbor, asked)
    age(lab, harbor, days=13)
    assert robot_services.warnings() == []  # within the hour
    age(lab, harbor, days=11)
    (warning,) = robot_services.warnings()
    assert "scheduler" in warning.text


def perform_or_raise(job: Job) -> None:
    job = done(job)
    if job.state != Job.State.SUCCEEDED:
        raise Problem(job.error, job.advice)


def test_a_keeper_may_make_no_robot_with_more_rights(lab: Registry, harbor: HarborDouble, asked: Any) -> None:  # noqa: F811
    """What Harbor's own rule is, as the double has it: the workshop says it and leaves the old robots in use."""
    before = made(lab, harbor, asked)
    Robot.objects.filter(purpose=SIGN).update(
        rights=[{"kind": "project", "namespace": "*", "access": [{"resource": "repository", "action": "delete"}]}]
    )
    job = done(robot_services.request_rotation(asked, lab))
    assert job.state == Job.State.FAILED
    assert "permission scope is invalid" in job.error
    assert {one.purpose for one in lab.robots.filter(state=Robot.State.READY)} == {READ, SIGN, KEEP}
    assert lab.signing_endpoint().username == str(before[SIGN])


# When half of it fails


def test_a_lost_answer_is_found_and_cleared_away(lab: Registry, harbor: HarborDouble, asked: Any) -> None:  # noqa: F811
    harbor.faults.order("504", r"POST /api/v2.0/robots", after=True)
    job = done(robot_services.request_robots(asked, lab, admin(harbor)))
    assert job.state == Job.State.FAILED
    assert "It is not known whether" in job.error
    assert "Look in Harbor" in job.advice
    assert len(names(harbor)) == 1  # made, and nobody knows its secret
    (half,) = lab.robots.all()
    assert half.state == Robot.State.MAKING
    assert sum("POST /api/v2.0/robots " in one for one in harbor.requests) == 1
    rows = made(lab, harbor, asked)
    assert names(harbor) == {str(one) for one in rows.values()}
    assert not any(str(one).endswith(half.name) for one in rows.values())


def test_a_refusal_leaves_no_row(lab: Registry, harbor: HarborDouble, asked: Any) -> None:  # noqa: F811
    harbor.faults.order("503", r"POST /api/v2.0/robots")
    assert done(robot_services.request_robots(asked, lab, admin(harbor))).state == Job.State.FAILED
    assert not lab.robots.exists()
    assert names(harbor) == set()


@pytest.mark.parametrize("after", ["_prove", "_retire", "_tell"])
def test_a_killed_worker_leaves_nothing_for_good(
    lab: Registry, harbor: HarborDouble, asked: Any, monkeypatch: pytest.MonkeyPatch, after: str,  # noqa: F811
) -> None:  # fmt: skip
    old = made(lab, harbor, asked)

    class Killed(BaseException):
        """Like a signal: nothing of ours handles it."""

    def die(*_arguments: Any) -> None:
        raise Killed

    age(lab, harbor)
    (job,) = robot_services.renew_due()
    with monkeypatch.context() as patch:
        patch.setattr(robots, after, die)
        with pytest.raises(Killed):
            done(job)
    # What reads still reads: the old robot, or the new one that was seen to work.
    in_use = {str(one) for one in lab.robots.filter(state=Robot.State.READY)}
    assert in_use <= names(harbor)
    assert len(in_use) == 3
    lab.refresh_from_db()
    assert {account[0] for account in lab.accounts.values()} == in_use
    Job.objects.update(state=Job.State.LOST, created=timezone.now() - timedelta(days=1))
    (again,) = robot_services.renew_due()
    assert done(again).state == Job.State.SUCCEEDED
    assert names(harbor) == {str(one) for one in lab.robots.all()}
    assert len(names(harbor)) == 3
    assert not names(harbor) & {str(one) for one in old.values()}


def test_a_new_secret_that_does_not_work_replaces_nothing(lab: Registry, harbor: HarborDouble, asked: Any) -> None:  # noqa: F811
    before = made(lab, harbor, asked)
    keeper = before[KEEP]
    age(lab, harbor)
    # the first question is the keeper's own; the second one is the new robot's
    harbor.faults.order("slow", r"GET /api/v2.0/users/current")
    harbor.faults.order("html", r"GET /api/v2.0/users/current", times=1)
    (job,) = robot_services.renew_due()
    job = done(job)
    assert job.state == Job.State.FAILED
    assert "does not work" in job.error
    assert {str(one) for one in lab.robots.filter(state=Robot.State.READY)} == {str(one) for one in before.values()}
    assert str(keeper) in names(harbor)
    assert "Renewing it failed" in robot_services.warnings(lab)[0].text


def test_an_old_robot_that_may_not_be_deleted_is_named_and_left(
    lab: Registry, harbor: HarborDouble, asked: Any,  # noqa: F811
) -> None:  # fmt: skip
    before = made(lab, harbor, asked)
    harbor.faults.order("503", rf"DELETE /api/v2.0/robots/{before[READ].number}\b", times=-1)
    age(lab, harbor)
    (job,) = robot_services.renew_due()
    job = done(job)
    assert job.state == Job.State.SUCCEEDED
    assert job.result["left"] == [str(before[READ])]
    left = lab.robots.get(state=Robot.State.LEFT)
    assert str(left) == str(before[READ])
    assert "503" in left.note
    lab.refresh_from_db()
    assert lab.endpoint().username != str(left)
    harbor.faults.clear()
    done(robot_services.request_rotation(asked, lab))  # it is tried again with the next renewal
    assert not lab.robots.filter(state=Robot.State.LEFT).exists()
    assert len(names(harbor)) == 3


def test_no_robot_of_anybody_else_is_deleted(lab: Registry, harbor: HarborDouble, asked: Any) -> None:  # noqa: F811
    rows = made(lab, harbor, asked)
    other = harbor.state.robots[rows[READ].number or 0]
    other.name = "robot$somebody-elses"  # Harbor was set up anew; the number is another's now
    job = done(robot_services.request_robots(asked, lab, admin(harbor)))
    assert "robot$somebody-elses" in names(harbor)
    assert f"{rows[READ]} is not in Harbor any more" in job.log.values_list("text", flat=True)


def test_secrets_go_to_no_other_address(lab: Registry, harbor: HarborDouble, asked: Any, tmp_path: Path) -> None:  # noqa: F811
    from harborweb.registry.services import Details, save
    from tests.harbor_double import harbor_double

    made(lab, harbor, asked)
    with harbor_double(tmp_path / "other") as other:
        save(Details("lab", other.url, allow_http=True), lab)
        lab.refresh_from_db()
        assert lab.endpoint().username == ""
        assert {one.state for one in lab.robots.all()} == {Robot.State.LEFT}
        # robots of the same numbers there are somebody else's
        for number in range(3):
            other.state.add_robot(f"harborweb-read-{number}", [])
        job = done(robot_services.request_robots(asked, lab, admin(other)))
        assert job.state == Job.State.SUCCEEDED, job.error
        assert len(other.state.robots) == 6
        assert lab.robots.filter(state=Robot.State.LEFT).count() == 3  # they are in the Harbor before


# Removing


def test_remove_as_the_keeper_and_as_an_administrator(lab: Registry, harbor: HarborDouble, asked: Any) -> None:  # noqa: F811
    made(lab, harbor, asked)
    job = done(robot_services.request_removal(asked, lab, None))
    assert job.state == Job.State.SUCCEEDED, job.error
    assert names(harbor) == set()
    assert not lab.robots.exists()
    lab.refresh_from_db()
    assert lab.endpoint().username == ""
    made(lab, harbor, asked, purposes=[READ])
    job = done(robot_services.request_removal(asked, lab, None))
    assert job.state == Job.State.FAILED
    assert "administrator" in job.advice
    assert len(names(harbor)) == 1
    done(robot_services.request_removal(asked, lab, admin(harbor)))
    assert names(harbor) == set()
    assert Activity.objects.filter(action="delete robot").count() == 4


def test_a_robot_that_was_left_can_be_forgotten(lab: Registry, harbor: HarborDouble, asked: Any) -> None:  # noqa: F811
    rows = made(lab, harbor, asked, purposes=[READ])
    robot_services.forget(asked, rows[READ])
    assert lab.robots.count() == 1  # it is in use
    lab.robots.update(state=Robot.State.LEFT)
    robot_services.forget(asked, rows[READ])
    assert not lab.robots.exists()


def test_no_robots_in_what_is_no_harbor(registry: Any, asked: Any, redis_settings: str) -> None:
    row = seeing.look(Registry.objects.create(name="plain", url=registry.url, allow_http=True))
    assert (row.kind, row.is_harbor, row.state[0]) == (Registry.Kind.OTHER, False, "good")
    with pytest.raises(Problem) as caught:
        robot_services.request_robots(asked, row, robot_services.Asked("admin", "x"))
    assert "no Harbor" in caught.value.message


def test_the_scheduler_looks_and_renews(lab: Registry, harbor: HarborDouble, asked: Any) -> None:  # noqa: F811
    from django.conf import settings

    from harborweb.celery import app
    from harborweb.registry.beat import look_after

    made(lab, harbor, asked)
    age(lab, harbor)
    look_after()
    assert Job.objects.filter(kind="renew_robots", state=Job.State.REQUESTED).count() == 1
    lab.refresh_from_db()
    assert (lab.version, lab.account) == ("2.15.2", "robot")
    app.loader.import_default_modules()
    assert {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()} <= set(app.tasks)


@pytest.fixture(autouse=True)
def slots(redis_settings: str) -> Iterator[None]:
    """No slot of another test."""
    sealing.redis_client().flushdb()
    yield
