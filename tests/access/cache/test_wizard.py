"""Four steps to a cache: answers travel in the page, a fault loses none, every way to stop half-way is told."""

import re
from typing import Any

import pytest
from django.urls import reverse

from harborweb.access.cache import making
from harborweb.access.cache.models import Cache
from harborweb.access.cache.presets import PRESETS
from harborweb.accounts.models import Activity
from harborweb.accounts.roles import Role
from harborweb.registry.models import Registry
from tests import parts
from tests.access.cache.conftest import HUB, Upstream, pulled
from tests.harbor_double import HarborDouble
from tests.harbor_double.upstreams import ADAPTERS

pytestmark = pytest.mark.django_db
SECRET = "dckr_pat_hunter2"


def fields(content: str) -> dict[str, str]:
    """What the page's form would send: hidden and visible inputs, ticked boxes and chosen radios."""
    form = content[content.index('<form method="post" novalidate') :]
    found: dict[str, str] = {}
    for tag in re.findall(r"<input [^>]*>", form):
        parts_ = dict(re.findall(r'([a-z-]+)="([^"]*)"', tag))
        if parts_.get("type") in {"radio", "checkbox"} and not re.search(r"\bchecked\b", tag):
            continue
        if "name" in parts_:
            found[parts_["name"]] = parts_.get("value", "")
    found.pop("csrfmiddlewaretoken", None)
    return found


class Walk:
    """Somebody at the wizard, without JavaScript: sends back what the page holds, with what is typed over it."""

    def __init__(self, browser: Any, registry: Registry) -> None:
        self.browser = browser
        self.url = reverse("access:cache_new", args=[registry.pk])
        self.answer = browser.get(self.url)

    @property
    def text(self) -> str:
        return self.answer.content.decode()

    @property
    def step(self) -> str:
        return str(self.answer.context["wizard"].step)

    def press(self, action: str, **typed: str | None) -> "Walk":
        data = {**fields(self.text), **typed}
        data = {name: value for name, value in data.items() if value is not None}
        self.answer = self.browser.post(self.url, {**data, "action": action})
        return self


@pytest.fixture
def walk(as_role: Any, row: Registry) -> Walk:
    return Walk(as_role(Role.ADMINISTRATOR), row)


def to_review(walk: Walk, harbor: HarborDouble, **project: str) -> Walk:
    walk.press("next", kind="docker-hub").press("next", admin="admin", password=harbor.admin[1])
    return walk.press("next", **project)


def test_from_nothing_to_a_pull_through_the_cache(walk: Walk, hub: HarborDouble, upstream: Upstream) -> None:
    assert walk.step == "upstream"
    walk.press("next", kind="docker-hub")
    assert walk.step == "login" and "https://hub.docker.com" in walk.text and "Access token" in walk.text
    walk.press("test", admin="admin", password=hub.admin[1])
    assert walk.step == "login" and "Harbor reached the upstream" in walk.text
    assert [one for one in hub.requests if "registries/ping" in one] == ["POST /api/v2.0/registries/ping 200"]
    assert hub.state.upstreams == {}  # nothing was kept by trying
    walk.press("next")
    assert walk.step == "project" and 'value="hub"' in walk.text
    walk.press("next", quota="20", speed="8000", keep_gone="on")
    assert walk.step == "review"
    assert "POST /api/v2.0/registries" in walk.text and "POST /api/v2.0/projects" in walk.text
    assert not Cache.objects.exists()
    walk.press("make")
    assert walk.answer.status_code == 302

    [made] = hub.state.upstreams.values()
    project = hub.state.project("hub")
    assert project is not None
    assert (made.url, made.type, project.registry) == (HUB, "docker-hub", made.id)
    assert project.metadata["public"] == "true"
    assert project.metadata["proxy_speed_kb"] == "8000"
    assert project.metadata["proxy_cache_local_on_not_found"] == "true"
    assert project.hard == 20 * 1024**3
    row = Cache.objects.get()
    assert (row.project, row.kind, row.whole, row.upstream_id) == ("hub", "docker-hub", True, made.id)
    trail = Activity.objects.get(action="make pull-through cache")
    assert (trail.subject, trail.detail) == ("hub", f"{HUB} → lab")
    assert pulled(hub, "hub/library/nginx", "1.27") == upstream.digest


def test_secrets_are_in_no_page_no_database_and_no_log(
    walk: Walk, hub: HarborDouble, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    walk.press("next", kind="docker-hub")
    walk.press("next", username="me", secret=SECRET, admin="admin", password=hub.admin[1])
    seen = [walk.text]
    walk.press("next")
    seen.append(walk.text)
    assert "••••••" in walk.text and '"access_key": "me"' in walk.answer.content.decode().replace("&quot;", '"')
    walk.press("make")
    [made] = hub.state.upstreams.values()
    assert made.credential == {"access_key": "me", "access_secret": SECRET, "type": "basic"}
    kept = [str(list(model.objects.values())) for model in (Cache, Activity, Registry)]
    for secret in (SECRET, hub.admin[1]):
        assert not any(secret in text for text in [*seen, *kept[:2], caplog.text])


def test_what_was_kept_opens_for_its_person_only_and_not_for_ever(
    walk: Walk, harbor: HarborDouble, as_role: Any, client: Any, person: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk.press("next", kind="docker-hub").press("next", admin="admin", password=harbor.admin[1])
    data = fields(walk.text) | {"step": "login", "action": "next", "kind": "docker-hub", "admin": "admin"}
    assert walk.browser.post(walk.url, data).context["wizard"].step == "project"
    another = Registry.objects.create(name="another", url="http://127.0.0.1:9", allow_http=True)
    elsewhere = walk.browser.post(reverse("access:cache_new", args=[another.pk]), data)
    assert (elsewhere.status_code, elsewhere.context["wizard"].step) == (422, "login"), "for another Harbor"
    client.force_login(person(Role.ADMINISTRATOR, "other"), backend="django.contrib.auth.backends.ModelBackend")
    other = client.post(walk.url, data)
    assert (other.status_code, other.context["wizard"].step) == (422, "login")
    client.force_login(person(Role.ADMINISTRATOR, "third"), backend="django.contrib.auth.backends.ModelBackend")
    assert client.post(walk.url, {**data, "kept": "nonsense"}).status_code == 422


def test_bad_input_loses_nothing(walk: Walk, harbor: HarborDouble) -> None:
    walk.press("next", kind="ecr", region="Frankfurt am Main")
    assert (walk.answer.status_code, walk.step) == (422, "upstream")
    assert 'value="Frankfurt am Main"' in walk.text and "This is no region" in walk.text
    walk.press("next", kind="ecr", region="eu-central-1")
    assert walk.step == "login" and "https://api.ecr.eu-central-1.amazonaws.com" in walk.text
    walk.press("next", username="AKIA", admin="admin", password=harbor.admin[1])
    assert (walk.answer.status_code, walk.step) == (422, "login")
    assert "This upstream answers nobody without a login" in walk.text and 'value="AKIA"' in walk.text
    walk.press("next", secret=SECRET)  # the password typed before is kept
    assert walk.step == "project"
    walk.press("next", project="Bad Name!", quota="-1", speed="0", upstream_name="???")
    assert (walk.answer.status_code, walk.step) == (422, "project")
    for words in ("is no project’s name", 'value="Bad Name!"', 'value="-1"', "This is no good name"):
        assert words in walk.text
    walk.press("back").press("back")
    assert 'value="ecr" data-asks="region" checked' in walk.text and 'value="eu-central-1"' in walk.text
    walk.press("next").press("next")
    assert 'value="Bad Name!"' in walk.text
    walk.press("next", project="ecr", quota="", speed="", upstream_name="ECR")
    assert walk.step == "review" and "eu-central-1" in walk.text


def test_every_kind_of_upstream_is_one_that_the_real_harbor_knows() -> None:
    recorded = parts.shared("harbor-2.15-recordings/registries-adapters.json")
    import json

    adapters = json.loads(recorded.read_text())["body"]
    assert adapters == ADAPTERS
    known = json.loads(parts.shared("harbor-2.15-recordings/registries-adapterinfos.json").read_text())["body"]
    suggested = {
        one["value"] for info in known.values() for one in (info.get("endpoint_pattern") or {}).get("endpoints") or []
    }
    for preset in PRESETS:
        kind = preset.type(adapters)
        assert kind in adapters, preset.key
        if kind != "docker-registry" and preset.url and preset.key != "artifact-registry":
            assert preset.url.format(region="eu-central-1") in suggested, preset.key
    assert {preset.key for preset in PRESETS} >= {
        "docker-hub",
        "ghcr",
        "quay",
        "gcr",
        "ecr",
        "ecr-public",
        "harbor",
        "oci",
    }


@pytest.mark.parametrize("preset", [one for one in PRESETS if not one.asks_url], ids=lambda one: one.key)
def test_each_kind_is_made(walk: Walk, harbor: HarborDouble, upstream: Upstream, preset: Any) -> None:
    url = preset.url.format(region="eu-central-1")
    harbor.state.instead[url] = upstream.url
    walk.press("next", kind=preset.key, region="eu-central-1" if preset.asks_region else "")
    login = {"username": "AKIA", "secret": SECRET} if preset.login.required else {}
    walk.press("next", admin="admin", password=harbor.admin[1], **login)
    walk.press("next").press("make")
    assert walk.answer.status_code == 302, walk.text
    [made] = harbor.state.upstreams.values()
    assert (made.url, made.type) == (url, preset.type(ADAPTERS))
    assert pulled(harbor, f"{preset.project}/team/app", "1.0")


def test_a_key_of_many_lines_reaches_harbor_whole(walk: Walk, harbor: HarborDouble, upstream: Upstream) -> None:
    """Google's login is a JSON file; a browser sends it with the line ends of the web."""
    harbor.state.instead["https://gcr.io"] = upstream.url
    key = '{\n  "type": "service_account",\n  "private_key": "-----BEGIN PRIVATE KEY-----\\nab\\n"\n}'
    walk.press("next", kind="gcr")
    assert "<textarea" in walk.text and "The user name _json_key goes with it by itself" in walk.text
    walk.press("next", secret=key.replace("\n", "\r\n"), admin="admin", password=harbor.admin[1])
    assert "BEGIN PRIVATE KEY" not in walk.text
    walk.press("next").press("make")
    [made] = harbor.state.upstreams.values()
    assert made.credential == {"access_key": "_json_key", "access_secret": key, "type": "basic"}


def test_two_people_at_the_same_cache(walk: Walk, hub: HarborDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    to_review(walk, hub)
    meanwhile = Cache(registry=Registry.objects.get(), project="hub", kind="quay", upstream_url="https://quay.io")
    real = making.settings_of

    def late(project: Any) -> dict[str, Any]:
        meanwhile.save()  # between the look and the write
        return real(project)

    monkeypatch.setattr(making, "settings_of", late)
    walk.press("make")
    assert walk.answer.status_code == 422 and "Somebody else is making the cache hub just now" in walk.text
    assert hub.state.upstreams == {}


def test_any_registry_by_its_address(walk: Walk, harbor: HarborDouble, upstream: Upstream) -> None:
    walk.press("next", kind="oci", url="not an address")
    assert (walk.answer.status_code, "This is no registry&#x27;s address" in walk.text) == (422, True)
    walk.press("next", url=upstream.url, insecure="on").press("next", admin="admin", password=harbor.admin[1])
    name = upstream.url.partition("//")[2].replace(":", "-")  # of a kind with many members: by its host
    assert f'name="upstream_name" value="{name}"' in walk.text
    walk.press("next", project="up").press("make")
    [made] = harbor.state.upstreams.values()
    assert (made.name, made.url, made.type, made.insecure) == (name, upstream.url, "docker-registry", True)


def test_what_harbor_says_to_a_test_is_made_plain(walk: Walk, harbor: HarborDouble) -> None:
    dead = f"http://127.0.0.1:{parts.free_port()}"
    walk.press("next", kind="oci", url=dead)
    walk.press("test", admin="admin", password=harbor.admin[1])
    assert walk.answer.status_code == 422 and f"Harbor could not reach {dead}" in walk.text
    assert "the registry is unhealthy" in walk.text and "proxy" in walk.text
    walk.press("test", password="wrong")
    assert "refused the user name admin with this password" in walk.text
    assert "kept for this page" not in walk.text
    walk.press("next", password=None)
    assert walk.step == "login" and "The password is missing" in walk.text  # the refused one was not kept
    harbor.state.frozen.clear()
    harbor.state.add_user("dev", "Devpassword1")
    walk.press("test", admin="dev", password="Devpassword1")
    assert "does not let dev" in walk.text
    walk.press("test", admin="admin", password=harbor.admin[1])
    harbor.faults.order("500", "registries/ping")
    walk.press("test")
    assert "Harbor answered 500" in walk.text and "a kind or an id it does not know" in walk.text


def test_a_harbor_that_lacks_the_kind_is_told_before_it_answers_500(
    walk: Walk, harbor: HarborDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.harbor_double.upstreams.ADAPTERS", ["docker-registry"])
    walk.press("next", kind="docker-hub").press("test", admin="admin", password=harbor.admin[1])
    assert "does not know upstreams of the kind docker-hub" in walk.text
    assert not [one for one in harbor.requests if "ping" in one]


def test_the_upstream_without_its_project_is_told_and_can_be_gone_on_with(walk: Walk, hub: HarborDouble) -> None:
    to_review(walk, hub)
    hub.faults.order("500", "POST /api/v2.0/projects")
    walk.press("make")
    assert walk.answer.status_code == 422
    assert "The project hub was not made" in walk.text
    assert "Exists in Harbor now: the upstream Docker Hub (https://hub.docker.com)" in walk.text
    assert (len(hub.state.upstreams), hub.state.project("hub")) == (1, None)
    assert Activity.objects.get(action="make upstream").subject == "Docker Hub"
    assert Cache.objects.get().whole is False
    walk.press("make")
    assert walk.answer.status_code == 302
    assert len(hub.state.upstreams) == 1 and hub.state.project("hub") is not None
    assert Cache.objects.get().whole is True


def test_the_upstream_without_its_project_can_be_removed(walk: Walk, hub: HarborDouble) -> None:
    to_review(walk, hub)
    hub.faults.order("500", "POST /api/v2.0/projects")
    walk.press("make").press("undo")
    assert "The upstream was removed again" in walk.text
    assert hub.state.upstreams == {} and not Cache.objects.exists()
    assert Activity.objects.filter(action="remove upstream").count() == 1


def test_a_project_name_that_is_taken_is_told_and_another_goes_on_with_the_same_upstream(
    walk: Walk, hub: HarborDouble
) -> None:
    to_review(walk, hub, project="library").press("make")
    assert "There is a project library already, and it is no cache of this upstream" in walk.text
    walk.press("project").press("next", project="hub").press("make")
    assert walk.answer.status_code == 302
    assert len(hub.state.upstreams) == 1
    assert [(one.project, one.whole) for one in Cache.objects.all()] == [("hub", True)]


def test_what_is_there_already_is_used_when_asked(walk: Walk, hub: HarborDouble) -> None:
    there = hub.state.add_upstream("Docker Hub", HUB, "docker-hub")
    hub.state.add_project("hub", public=True, registry=there.id)
    to_review(walk, hub).press("make")
    assert "Harbor has an upstream Docker Hub already" in walk.text and "Use the one that is there" in walk.text
    assert not Cache.objects.exists()
    walk.press("reuse")
    assert walk.answer.status_code == 302
    row = Cache.objects.get()
    assert (row.upstream_id, row.upstream_ours, row.whole) == (there.id, False, True)
    assert len(hub.state.upstreams) == 1


def test_another_upstream_of_that_name_is_not_used(walk: Walk, hub: HarborDouble, upstream: Upstream) -> None:
    hub.state.add_upstream("Docker Hub", upstream.url, "docker-registry")
    to_review(walk, hub).press("make")
    assert "Harbor has another upstream named Docker Hub" in walk.text and "Use the one" not in walk.text
    walk.press("project").press("next", upstream_name="The real Hub").press("make")
    assert walk.answer.status_code == 302


def test_an_answer_that_was_lost_is_looked_after(walk: Walk, hub: HarborDouble) -> None:
    """Both writes are carried out and neither answer comes: what is there is found, nothing is made twice."""
    to_review(walk, hub)
    hub.faults.order("504", "POST /api/v2.0/registries", after=True)
    hub.faults.order("504", "POST /api/v2.0/projects", after=True)
    walk.press("make")
    assert walk.answer.status_code == 302, walk.text
    assert (len(hub.state.upstreams), Cache.objects.get().whole) == (1, True)


def test_a_cache_made_here_is_not_made_twice(walk: Walk, hub: HarborDouble) -> None:
    to_review(walk, hub).press("make")
    again = Walk(walk.browser, Registry.objects.get())
    to_review(again, hub).press("make")
    assert "The cache hub was made here already" in again.text
    assert len(hub.state.upstreams) == 1


def test_a_cache_that_was_deleted_in_harbor_can_be_made_again(walk: Walk, hub: HarborDouble) -> None:
    to_review(walk, hub).press("make")
    hub.state.projects.pop(next(one.id for one in hub.state.projects.values() if one.name == "hub"))
    again = Walk(walk.browser, Registry.objects.get())
    to_review(again, hub).press("make").press("reuse")  # its upstream is still there
    assert again.answer.status_code == 302
    assert hub.state.project("hub") is not None and Cache.objects.get().whole


def test_an_upstream_that_is_gone_meanwhile_is_named(walk: Walk, hub: HarborDouble) -> None:
    """Harbor answers 500 for a project on an upstream that it does not know (proxy-project-create-bad-registry)."""
    to_review(walk, hub)
    hub.faults.order("500", "POST /api/v2.0/projects")
    walk.press("make")
    hub.state.upstreams.clear()
    walk.press("make")
    assert "The upstream Docker Hub, number 1, is not in Harbor any more" in walk.text
    walk.press("undo").press("make")
    assert walk.answer.status_code == 302 and Cache.objects.get().whole


def test_the_page_of_a_cache_that_stopped_half_way(walk: Walk, hub: HarborDouble) -> None:
    to_review(walk, hub)
    hub.faults.order("500", "POST /api/v2.0/projects", times=2)
    walk.press("make")
    row = Cache.objects.get()
    url = reverse("access:cache_half", args=[row.pk])
    assert "stopped half-way" in walk.browser.get(reverse("access:cache")).content.decode()
    assert "The upstream Docker Hub exists in Harbor" in walk.browser.get(url).content.decode()
    typed = {"admin": "admin", "password": hub.admin[1], "action": "finish"}
    assert walk.browser.post(url, typed).status_code == 422
    assert walk.browser.post(url, typed).status_code == 302
    assert Cache.objects.get().whole and hub.state.project("hub")
    assert walk.browser.get(url).status_code == 404


def test_half_made_and_removed_later(walk: Walk, hub: HarborDouble) -> None:
    to_review(walk, hub)
    hub.faults.order("500", "POST /api/v2.0/projects")
    walk.press("make")
    url = reverse("access:cache_half", args=[Cache.objects.get().pk])
    assert walk.browser.post(url, {"admin": "admin", "password": "wrong", "action": "undo"}).status_code == 422
    hub.state.frozen.clear()
    assert walk.browser.post(url, {"admin": "admin", "password": hub.admin[1], "action": "undo"}).status_code == 302
    assert hub.state.upstreams == {} and not Cache.objects.exists()


def test_roles(as_role: Any, row: Registry) -> None:
    for role in (Role.VIEWER, Role.SIGNER, Role.OPERATOR):
        browser = as_role(role)
        assert browser.get(reverse("access:cache_new", args=[row.pk])).status_code == 403
        assert browser.get(reverse("access:cache")).status_code == 200
