"""The connection of a Harbor on its pages, against the double: added, seen, robots made, rights checked."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from harborweb.accounts.models import Activity
from harborweb.accounts.roles import Role
from harborweb.jobs.models import Job
from harborweb.jobs.run import perform
from harborweb.registry import probing, robots, seeing
from harborweb.registry.endpoint import Endpoint, Limits
from harborweb.registry.harbor import browsing, projects, system
from harborweb.registry.harbor.client import Harbor
from harborweb.registry.models import Registry, Robot
from harborweb.registry.rights import READING, SIGNING
from tests import parts
from tests.harbor_double import HarborDouble
from tests.harbor_double.fixtures import harbor  # noqa: F401 - a fixture
from tests.harbor_double.front import Front
from tests.registry.images import client as registry_client
from tests.registry.images import push_image, run
from tests.registry.lying import lying, refuse, reply
from tests.registry.tls import authority

pytestmark = pytest.mark.django_db(transaction=True)
ADD = "/registry/add/"
WORK = {"make_robots": robots.make, "renew_robots": robots.rotate, "remove_robots": robots.remove}


def typed(double: HarborDouble, **more: Any) -> dict[str, Any]:
    """The form as filled in for the double's administrator."""
    name, password = double.admin
    return {
        "name": "lab", "url": double.url, "username": name, "password": password, "allow_http": "on", "ca_pem": "",
        **more,
    }  # fmt: skip


def last_job(kind: str) -> Job:
    """The job of a kind that was begun last, performed here."""
    job = Job.objects.filter(kind=kind).latest("pk")
    perform(job.pk, WORK[kind])
    return Job.objects.get(pk=job.pk)


@pytest.fixture
def lab(harbor: HarborDouble, redis_settings: str, transactional_db: None) -> Registry:  # noqa: F811
    """The double as a registry of ours, without a user name; a private project with an image lies in it."""
    harbor.state.add_project("team")

    async def fill() -> None:
        name, password = harbor.admin
        async with registry_client(harbor.url, username=name, password=password) as c:
            await push_image(c, "team/app", "1.0")

    run(fill())
    return seeing.look(Registry.objects.create(name="lab", url=harbor.url, allow_http=True))


@contextmanager
def over_https(double: HarborDouble, certificate: Path, key: Path) -> Iterator[str]:
    """The double once more, with TLS before it, as Harbor's own nginx has it."""
    port = parts.free_port()
    double.state.external_url = url = f"https://127.0.0.1:{port}"
    server = uvicorn.Server(
        uvicorn.Config(
            Front(double.parts),
            "127.0.0.1",
            port,
            log_level="error",
            lifespan="off",
            ssl_certfile=certificate,
            ssl_keyfile=key,
            server_header=False,
        )
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    try:
        yield url
    finally:
        server.should_exit = True
        thread.join(10)


# Adding and seeing


def test_a_harbor_is_recognised_when_it_is_added(as_role: Any, harbor: HarborDouble) -> None:  # noqa: F811
    answered = as_role(Role.ADMINISTRATOR).post(ADD, typed(harbor), follow=True)
    row = Registry.objects.get()
    assert answered.redirect_chain[-1][0] == reverse("store:connection", args=[row.pk])
    assert (row.kind, row.version, row.account, row.healthy) == ("harbor", "2.15.2", "administrator", True)
    assert row.seen is not None
    text = answered.content.decode()
    assert "Harbor 2.15.2 at" in text
    assert "It accepted the user name and password." in text
    for part in ("core", "database", "jobservice", "portal", "redis", "registry", "registryctl"):
        assert f'<th scope="row">{part}</th>' in text
    listed = as_role_get(answered, "/registry/")
    assert "Harbor 2.15.2" in listed


def as_role_get(answered: Any, address: str) -> str:
    return str(answered.client.get(address).content.decode())


@pytest.mark.parametrize(("name", "password"), [("admin", "wrong"), ("ghost", "Harbor12345"), ("robot$none", "x")])
def test_a_wrong_password_looks_like_success_everywhere_but_here(
    as_role: Any, harbor: HarborDouble, name: str, password: str,  # noqa: F811
) -> None:  # fmt: skip
    async def elsewhere() -> None:
        async with Harbor(Endpoint(harbor.url, name, password, allow_http=True), Limits()) as h:
            assert (await browsing.projects(h)).items  # 200, as nobody
            assert (await system.info(h)).version == ""

    run(elsewhere())
    time.sleep(0.3)
    answered = as_role(Role.ADMINISTRATOR).post(ADD, typed(harbor, username=name, password=password))
    assert answered.status_code == 422
    assert list(answered.context["form"].errors) == ["password"]
    assert not Registry.objects.exists()


def test_a_robot_counts_as_known(as_role: Any, harbor: HarborDouble) -> None:  # noqa: F811
    access = [{"resource": "repository", "action": "pull"}]
    one = harbor.state.add_robot("ci", [{"kind": "project", "namespace": "*", "access": access}])
    right = typed(harbor, username=one.name, password=one.secret)
    answered = as_role(Role.ADMINISTRATOR).post(ADD, right, follow=True)
    assert Registry.objects.get().account == "robot"
    assert "It accepted the user name and password." in answered.content.decode()


def test_without_signing_in_harbor_keeps_its_version(as_role: Any, harbor: HarborDouble) -> None:  # noqa: F811
    right = typed(harbor, username="", password="")
    answered = as_role(Role.ADMINISTRATOR).post(ADD, right, follow=True)
    row = Registry.objects.get()
    assert (row.kind, row.version, row.account) == ("harbor", "", "nobody")
    assert "tells its version only to those who sign in" in answered.content.decode()


def test_http_only_by_name_and_an_own_ca(as_role: Any, harbor: HarborDouble, tmp_path: Path) -> None:  # noqa: F811
    administrator = as_role(Role.ADMINISTRATOR)
    refused = administrator.post(ADD, {key: value for key, value in typed(harbor).items() if key != "allow_http"})
    assert list(refused.context["form"].errors) == ["allow_http"]
    made = authority(tmp_path / "tls")
    with over_https(harbor, made.certificate, made.key) as url:
        secure = {key: value for key, value in typed(harbor, url=url).items() if key != "allow_http"}
        untrusted = administrator.post(ADD, secure)
        assert list(untrusted.context["form"].errors) == ["ca_pem"]
        answered = administrator.post(ADD, {**secure, "ca_pem": made.ca_pem}, follow=True)
        row = Registry.objects.get()
        assert (row.url, row.version) == (url, "2.15.2")
        assert "https, trusted by its own CA" in answered.content.decode()


def test_a_part_that_is_ill_is_named_and_what_was_seen_stays(as_role: Any, lab: Registry, harbor: HarborDouble) -> None:  # noqa: F811
    administrator = as_role(Role.ADMINISTRATOR)
    harbor.state.components["jobservice"] = "unhealthy"
    look = reverse("store:connection_look", args=[lab.pk])
    text = administrator.post(look, follow=True).content.decode()
    assert "Parts are not healthy" in text
    assert re.search(r"jobservice</th><td>.*?not healthy", text)
    seen = Registry.objects.get().seen
    harbor.faults.starting = True
    text = administrator.post(look, follow=True).content.decode()
    row = Registry.objects.get()
    assert "502" in row.fault
    assert "Does not answer" in text
    assert (row.kind, row.seen) == ("harbor", seen)
    harbor.faults.clear()
    harbor.state.components.clear()
    assert "Healthy" in administrator.post(look, follow=True).content.decode()
    assert Registry.objects.get().fault == ""


def test_what_only_poses_as_a_harbor(as_role: Any) -> None:
    """An API that answers like Harbor's for everybody, and takes every password: /users/current must say who."""
    administrator = as_role(Role.ADMINISTRATOR)
    with lying() as liar:
        challenge = {"Www-Authenticate": f'Bearer realm="{liar.url}/service/token",service="harbor-registry"'}
        liar.on("/v2/", refuse(401, "UNAUTHORIZED", challenge))
        right = {"name": "x", "url": liar.url, "allow_http": "on", "username": "a", "password": "b", "ca_pem": ""}
        assert administrator.post(ADD, right).status_code == 422
        liar.on("/v2/", reply({}))
        liar.on("/v2/_catalog", reply({"repositories": []}))
        liar.on("/api/v2.0/systeminfo", reply({"auth_mode": "db_auth"}))
        for lie in (reply({}), reply([]), refuse(500, "X"), refuse(401, "UNAUTHORIZED")):
            liar.on("/api/v2.0/users/current", lie)
            assert administrator.post(ADD, right).status_code == 422
        assert not Registry.objects.exists()


def test_the_bar_says_how_a_harbor_is_also_to_nobody(as_role: Any, lab: Registry, harbor: HarborDouble) -> None:  # noqa: F811
    viewer = as_role(Role.VIEWER)

    def bar() -> str:
        cache.clear()
        return str(viewer.get("/parts/bar-registry/").content.decode())

    assert "Answers" in bar()
    harbor.state.components["redis"] = "unhealthy"
    assert "Parts are not healthy" in bar()
    assert 'title="redis"' in bar()
    harbor.faults.starting = True
    assert "Answers with a fault" in bar()


# Cookies


def test_no_cookie_is_kept_where_every_answer_sets_one(harbor: HarborDouble) -> None:  # noqa: F811
    """The double sets `sid` on every answer, and refuses a write that comes with a password and a `sid`."""
    name, password = harbor.admin

    async def writes() -> None:
        async with Harbor(Endpoint(harbor.url, name, password, allow_http=True), Limits()) as h:
            await browsing.projects(h)
            await projects.create(h, projects.NewProject("one"))
            await browsing.projects(h)
            await projects.create(h, projects.NewProject("two", public=True, storage=10**9))

    run(writes())
    assert harbor.state.project("one") and harbor.state.project("two")
    assert harbor.state.project("two").public  # type: ignore[union-attr]


# Robots


def fields(double: HarborDouble, **more: Any) -> dict[str, Any]:
    """The form of robots as filled in."""
    name, password = double.admin
    return {
        "administrator": name, "password": password, "reads": "on", "signs": "on", "keeps": "on", "projects": "",
        "days": "90", **more,
    }  # fmt: skip


def test_robots_are_made_from_the_page(as_role: Any, lab: Registry, harbor: HarborDouble) -> None:  # noqa: F811
    administrator = as_role(Role.ADMINISTRATOR)
    page = reverse("store:connection", args=[lab.pk])
    assert b"No robot of ours yet" in administrator.get(page).content
    form = reverse("store:robots", args=[lab.pk])
    shown = administrator.get(form).content.decode()
    assert all(str(one.right) in shown for one in (*READING, *SIGNING))
    assert "Used once, for this, and stored nowhere." in shown
    answered = administrator.post(form, fields(harbor), follow=True)
    password = harbor.admin[1]
    assert password not in answered.content.decode()
    job = last_job("make_robots")
    assert job.state == Job.State.SUCCEEDED, job.error
    assert b"3 robots work" in administrator.get(reverse("jobs:detail", args=[job.pk])).content
    text = administrator.get(page).content.decode()
    for row in lab.robots.all():
        assert str(row) in text
        assert row.secret() not in text
    assert "They are renewed by themselves" in text
    assert "3 robots of ours" in administrator.get("/registry/").content.decode()
    assert password not in str(dict(administrator.session))
    assert not Activity.objects.filter(detail__contains=password).exists()
    # made anew, the form knows what there is
    assert administrator.get(form).context["form"].initial["keeps"] is True
    removed = administrator.get(reverse("store:registry_remove", args=[lab.pk])).content.decode()
    assert "3 robots of ours stay in Harbor until they expire." in removed


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"administrator": ""}, "administrator"), ({"password": ""}, "password"), ({"password": "wrong"}, "password"),
        ({"administrator": "dev", "password": "Harbor12345"}, "administrator"), ({"days": "3"}, "days"),
        ({"projects": "nosuch"}, "projects"), ({"reads": "", "signs": ""}, "reads"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_at_its_field(
    as_role: Any, lab: Registry, harbor: HarborDouble, more: dict[str, str], field: str,  # noqa: F811
) -> None:  # fmt: skip
    harbor.state.add_user("dev", "Harbor12345")
    wanted = {key: value for key, value in fields(harbor, **more).items() if value}
    answered = as_role(Role.ADMINISTRATOR).post(reverse("store:robots", args=[lab.pk]), wanted)
    assert answered.status_code == 422
    assert list(answered.context["form"].errors) == [field]
    assert not Job.objects.exists()
    assert 'value="wrong"' not in answered.content.decode()


def test_without_redis_nothing_is_begun_and_it_is_said(
    as_role: Any, lab: Registry, harbor: HarborDouble, settings: Any,  # noqa: F811
) -> None:  # fmt: skip
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    answered = as_role(Role.ADMINISTRATOR).post(reverse("store:robots", args=[lab.pk]), fields(harbor))
    assert answered.status_code == 422
    assert b"Redis does not answer" in answered.content
    assert harbor.admin[1] not in answered.content.decode()
    assert not Job.objects.exists()


def test_renew_and_remove_from_the_page(as_role: Any, lab: Registry, harbor: HarborDouble) -> None:  # noqa: F811
    administrator = as_role(Role.ADMINISTRATOR)
    administrator.post(reverse("store:robots", args=[lab.pk]), fields(harbor))
    last_job("make_robots")
    before = set(lab.robots.values_list("username", flat=True))
    administrator.post(reverse("store:robots_renew", args=[lab.pk]))
    assert last_job("renew_robots").state == Job.State.SUCCEEDED
    assert not before & set(lab.robots.values_list("username", flat=True))
    remove = reverse("store:robots_remove", args=[lab.pk])
    asked = administrator.get(remove).content.decode()
    assert "Remove 3 robots" in asked
    assert "only what is public is seen" in asked
    administrator.post(remove, {"administrator": "", "password": ""})
    assert last_job("remove_robots").state == Job.State.SUCCEEDED
    assert not lab.robots.exists()
    assert harbor.state.robots == {}


def test_who_is_told_that_robots_expire(as_role: Any, lab: Registry, harbor: HarborDouble) -> None:  # noqa: F811
    administrator = as_role(Role.ADMINISTRATOR)
    administrator.post(reverse("store:robots", args=[lab.pk]), fields(harbor, keeps=""))
    # a checkbox that is not ticked is not sent
    Job.objects.all().delete()
    wanted = {key: value for key, value in fields(harbor, keeps="").items() if value}
    administrator.post(reverse("store:robots", args=[lab.pk]), wanted)
    last_job("make_robots")
    assert lab.robots.count() == 2
    lab.robots.update(expires=timezone.now() + timedelta(days=9, hours=1))
    for address in (reverse("store:connection", args=[lab.pk]), "/"):
        text = administrator.get(address).content.decode()
        assert "expires in 9 d" in text
        assert reverse("store:robots", args=[lab.pk]) in text
    assert "expire in 9 d" in administrator.get("/registry/").content.decode()


def test_a_robot_left_in_harbor_is_named_with_its_reason(as_role: Any, lab: Registry) -> None:
    administrator = as_role(Role.ADMINISTRATOR)
    left = Robot.objects.create(
        registry=lab, purpose="read", state=Robot.State.LEFT, name="harborweb-read-abc", note="Harbor answered 403.",
        expires=timezone.now() + timedelta(days=3),
    )  # fmt: skip
    text = administrator.get(reverse("store:connection", args=[lab.pk])).content.decode()
    assert "harborweb-read-abc" in text
    assert "Harbor answered 403." in text
    administrator.post(reverse("store:robot_forget", args=[lab.pk, left.pk]))
    assert not lab.robots.exists()


def test_a_viewer_looks_and_changes_nothing(as_role: Any, lab: Registry) -> None:
    viewer = as_role(Role.VIEWER)
    text = viewer.get(reverse("store:connection", args=[lab.pk])).content.decode()
    assert '<form method="post" action="/registry/' not in text
    for name in ("connection_look", "connection_rights", "robots", "robots_renew", "robots_remove"):
        assert viewer.post(reverse(f"store:{name}", args=[lab.pk])).status_code == 403


# Rights


def states(lab: Registry, account: str) -> dict[str, str]:
    probing.check_rights(lab)
    return dict(lab.rights[account]["rights"])


def test_missing_rights_are_said_in_plain_words(as_role: Any, lab: Registry, harbor: HarborDouble) -> None:  # noqa: F811
    rights = [("repository", "list"), ("artifact", "list"), ("repository", "pull"), ("project", "read")]
    access = [{"resource": resource, "action": action} for resource, action in rights]
    permissions = [
        {"kind": "project", "namespace": "team", "access": access},
        {"kind": "system", "namespace": "/", "access": [{"resource": "project", "action": "list"}]},
    ]
    one = harbor.state.add_robot("audit", permissions)
    administrator = as_role(Role.ADMINISTRATOR)
    change = reverse("store:registry_change", args=[lab.pk])
    administrator.post(change, typed(harbor, username=one.name, password=one.secret))
    answered = administrator.post(reverse("store:connection_rights", args=[lab.pk]), follow=True)
    lab.refresh_from_db()
    found = lab.rights["reading"]["rights"]
    missing = {"artifact:read", "quota:read", "log:list", "registry:list"}
    assert {right for right, state in found.items() if state == "missing"} == missing
    assert found["registry:read"] == "unknown"  # there is no upstream to try it at
    assert sum(state == "has" for state in found.values()) == len(READING) - len(missing) - 1
    assert lab.rights["signing"]["rights"] == {"repository:push": "missing", "repository:pull": "has"}
    text = answered.content.decode()
    assert "4 rights are missing." in text
    assert "Administration, Robot Accounts, choose robot$audit" in text
    assert "Nothing can be signed." in text
    assert Activity.objects.filter(action="check rights").exists()


def test_one_right_at_a_time(lab: Registry, harbor: HarborDouble) -> None:  # noqa: F811
    """Each right of the table is seen to be missing when it alone is."""
    from harborweb import sealing
    from harborweb.registry.models import PASSWORD_PURPOSE
    from harborweb.registry.rights import grants

    everything = [one.body() for one in grants(Robot.Purpose.READ, ["team"])]
    robot = harbor.state.add_robot("full", everything)
    lab.username, lab.password_sealed = robot.name, sealing.seal(robot.secret, PASSWORD_PURPOSE)
    harbor.state.add_upstream("hub", "https://hub.example")
    assert set(states(lab, "reading").values()) == {"has"}
    # without these nothing is seen to try others at; and a list of projects is the same, their names being given
    shadowed = {"project:list", "project:read", "repository:list", "artifact:list", "registry:list"}
    for need in READING:
        robot.permissions = [
            {**one, "access": [a for a in one["access"] if f"{a['resource']}:{a['action']}" != str(need.right)]}
            for one in everything
        ]
        found = states(lab, "reading")
        if str(need.right) != "project:list":
            assert found[str(need.right)] == "missing", need.right
        if str(need.right) not in shadowed:
            assert sum(state == "missing" for state in found.values()) == 1


def test_rights_of_everybody_of_a_person_and_of_an_administrator(lab: Registry, harbor: HarborDouble) -> None:  # noqa: F811
    from harborweb import sealing
    from harborweb.registry.models import PASSWORD_PURPOSE

    assert lab.username == ""
    probing.check_rights(lab)
    assert lab.rights["reading"]["public"] is True
    assert lab.rights["signing"]["rights"]["repository:push"] == "missing"
    dev = harbor.state.add_user("dev", "Harbor12345")
    team = harbor.state.project("team")
    assert team is not None
    harbor.state.add_member(team, dev, 3)  # a guest
    lab.username, lab.password_sealed = "dev", sealing.seal("Harbor12345", PASSWORD_PURPOSE)
    found = states(lab, "signing")
    assert (lab.rights["signing"]["where"], found["repository:push"]) == ("team", "missing")
    lab.username, password = harbor.admin
    lab.password_sealed = sealing.seal(password, PASSWORD_PURPOSE)
    assert set(states(lab, "signing").values()) == {"has"}
    assert lab.rights["signing"]["how"] == "administrator"


def test_harbor_itself_says_what_our_robots_may_do(as_role: Any, lab: Registry, harbor: HarborDouble) -> None:  # noqa: F811
    administrator = as_role(Role.ADMINISTRATOR)
    administrator.post(reverse("store:robots", args=[lab.pk]), fields(harbor))
    last_job("make_robots")
    lab.refresh_from_db()
    assert set(states(lab, "reading").values()) == {"has"}
    assert lab.rights["reading"]["how"] == "asked"
    reader = harbor.state.robots[lab.robots.get(purpose="read").number or 0]
    reader.permissions = [one for one in reader.permissions if one["kind"] == "project"]  # somebody unticked it
    assert states(lab, "reading")["project:list"] == "missing"


def test_a_harbor_that_is_down_has_no_missing_rights(as_role: Any, lab: Registry, harbor: HarborDouble) -> None:  # noqa: F811
    harbor.faults.starting = True
    lab.username = "admin"
    lab.save()
    answered = as_role(Role.ADMINISTRATOR).post(reverse("store:connection_rights", args=[lab.pk]))
    assert answered.status_code == 502
    lab.refresh_from_db()
    assert lab.rights == {}
