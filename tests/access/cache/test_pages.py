"""The pages of caches, drawn from what the Harbor double counted of real pulls."""

import datetime
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from harborweb.access.cache import numbers
from harborweb.access.cache.models import Cache, PullReading
from harborweb.access.cache.numbers import Closed, Pulls
from harborweb.access.cache.presets import PRESETS, Preset
from harborweb.accounts.roles import Role
from harborweb.registry.models import Registry, Robot
from harborweb.registry.rights import grants
from tests.access.cache.conftest import HUB, Upstream, pulled, registered
from tests.harbor_double import HarborDouble

pytestmark = pytest.mark.django_db


@pytest.fixture
def cache(hub: HarborDouble) -> HarborDouble:
    """A public cache of Docker Hub, called hub."""
    made = hub.state.add_upstream("Docker Hub", HUB, "docker-hub")
    hub.state.add_project("hub", public=True, registry=made.id)
    return hub


def page(browser: Any, registry: Registry, name: str = "cache_page", **query: str) -> str:
    answer = browser.get(reverse(f"access:{name}", args=[registry.pk, "hub"]), query)
    assert answer.status_code == 200, answer.content.decode()
    return str(answer.content.decode())


def test_what_was_pulled_shows(as_role: Any, row: Registry, cache: HarborDouble, upstream: Upstream) -> None:
    empty = page(as_role(Role.VIEWER), row)
    assert "Nothing is kept yet" in empty and "Docker Hub" in empty and "Ask Docker Hub" in empty
    pulled(cache, "hub/library/nginx", "1.27")
    for _ in range(3):
        pulled(cache, "hub/library/nginx", "1.27")
    pulled(cache, "hub/team/app", "1.0")
    found = numbers.look(row, "hub")
    assert not isinstance(found.ever, Closed) and not isinstance(found.least, Closed)
    assert found.ever.fetched == 2
    assert found.ever.pulls >= 3 and 1 <= found.ever.hits <= 3  # the least number; truly three came from the cache
    assert found.week == found.ever
    assert (found.least.total, found.repositories) == (2, 2)
    assert {one.repository for one in found.least.artifacts} == {"hub/library/nginx", "hub/team/app"}
    assert not isinstance(found.usage, Closed) and found.usage is not None and found.usage.used > 0
    assert found.closed == []
    text = page(as_role(Role.SIGNER), row)
    assert f"at least {found.week.hits} of {found.week.asked} pulls" in text
    assert "hub/library/nginx" in text and "Upstream reached" in text
    assert "docker pull 127.0.0.1" in text and "/hub/library/nginx:1.27" in text


def test_only_the_last_week_counts_as_such(row: Registry, cache: HarborDouble) -> None:
    pulled(cache, "hub/library/nginx", "1.27")
    long_ago = timezone.now() - datetime.timedelta(days=9)
    for event in cache.state.events:
        event.time = long_ago
    found = numbers.look(row, "hub")
    assert found.week == Pulls(0, 0)
    assert not isinstance(found.ever, Closed) and found.ever.fetched == 1


@pytest.mark.parametrize(
    ("fetched", "pulls", "hits", "share"),
    [(0, 0, 0, None), (1, 0, 0, 0.0), (3, 3, 0, 0.0), (3, 12, 9, 75.0), (1, 3, 2, 66.6), (5, 2, 0, 0.0)],
)
def test_hits_are_never_too_many(fetched: int, pulls: int, hits: int, share: float | None) -> None:
    found = Pulls(fetched, pulls)
    assert (found.hits, found.share) == (hits, share)


def test_what_is_closed_to_the_account_is_not_guessed(as_role: Any, harbor: HarborDouble, cache: HarborDouble) -> None:
    access = [{"resource": resource, "action": "list"} for resource in ("repository", "artifact")]
    robot = cache.state.add_robot("reader", [{"kind": "project", "namespace": "hub", "access": [
        *access, {"resource": "project", "action": "read"}]}])  # fmt: skip
    row = registered(harbor, robot.name, robot.secret)
    pulled(cache, "hub/library/nginx", "1.27")
    found = numbers.look(row, "hub")
    assert isinstance(found.upstream, Closed) and found.upstream.forbidden
    text = page(as_role(Role.VIEWER), row)
    assert "does not show this account what stands behind this cache" in text
    assert "not shown to this account" in text and "Not to be had" in text
    assert "hub/library/nginx" in text
    as_known = page(as_role(Role.SIGNER), row, upstream="docker-hub")
    assert "Ask Docker Hub" in as_known
    Cache.objects.create(registry=row, project="hub", kind="docker-hub", upstream_url=HUB, upstream_id=1, whole=True)
    as_made = page(as_role(Role.OPERATOR), row)
    assert "Ask Docker Hub" in as_made and HUB in as_made


def test_the_robot_that_reads_sees_everything(harbor: HarborDouble, cache: HarborDouble) -> None:
    """The rights that harborweb gives its own robot are enough for this page, and each is used."""
    permissions = [grant.body() for grant in grants(Robot.Purpose.READ)]
    robot = cache.state.add_robot("harborweb-read", permissions)
    row = registered(harbor, robot.name, robot.secret)
    pulled(cache, "hub/library/nginx", "1.27")
    found = numbers.look(row, "hub")
    assert found.closed == []
    listed = numbers.caches(row)
    assert [one.name for one in listed.projects] == ["hub"] and list(listed.upstreams) == [found.project.proxies]


def test_an_upstream_that_is_down_is_told_and_the_kept_is_shown(
    as_role: Any, row: Registry, cache: HarborDouble, upstream: Upstream
) -> None:
    pulled(cache, "hub/library/nginx", "1.27")
    cache.state.instead[HUB] = "http://127.0.0.1:9"
    text = page(as_role(Role.VIEWER), row)
    assert "Upstream not reached" in text and "only what is kept is served" in text and "hub/library/nginx" in text


def test_an_ordinary_project_and_none_at_all(as_role: Any, row: Registry, cache: HarborDouble) -> None:
    browser = as_role(Role.VIEWER)
    ordinary = browser.get(reverse("access:cache_page", args=[row.pk, "library"]))
    assert "This is an ordinary project, no cache" in ordinary.content.decode()
    absent = browser.get(reverse("access:cache_page", args=[row.pk, "nosuch"]))
    assert absent.status_code == 502 and "is not in the registry" in absent.content.decode()
    odd = browser.get(reverse("access:cache_page", args=[row.pk, "No Such"]))
    assert odd.status_code == 502 and "is no project name" in odd.content.decode()
    assert browser.get(reverse("access:cache_page", args=[99, "hub"])).status_code == 404


def test_a_harbor_that_is_away(as_role: Any, row: Registry) -> None:
    Registry.objects.update(url="http://127.0.0.1:9")
    browser = as_role(Role.VIEWER)
    for url in (reverse("access:cache"), reverse("access:cache_page", args=[row.pk, "hub"])):
        answer = browser.get(url)
        assert answer.status_code == 502 and "does not answer" in answer.content.decode()
    # the client's side needs no Harbor
    assert browser.get(reverse("access:cache_clients", args=[row.pk, "hub"])).status_code == 200


def test_the_list(as_role: Any, row: Registry, cache: HarborDouble) -> None:
    dead = cache.state.add_upstream("dead", "http://127.0.0.1:9")
    cache.state.add_project("dead", registry=dead.id)
    text = as_role(Role.VIEWER).get(reverse("access:cache")).content.decode()
    assert "2 proxy projects" in text and "Docker Hub" in text and "Harbor does not reach it" in text
    assert "everybody" in text and "members" in text
    assert ">library<" not in text  # no cache
    assert "New cache" not in text
    assert "New cache" in as_role(Role.ADMINISTRATOR).get(reverse("access:cache")).content.decode()


def test_two_harbors(as_role: Any, row: Registry, cache: HarborDouble) -> None:
    other = Registry.objects.create(name="other", url="http://127.0.0.1:9", allow_http=True)
    answer = as_role(Role.VIEWER).get(reverse("access:cache"), {"registry": other.pk})
    assert answer.status_code == 502 and f"?registry={row.pk}" in answer.content.decode()


def test_no_harbor_yet(as_role: Any) -> None:
    assert "No Harbor yet" in as_role(Role.VIEWER).get(reverse("access:cache")).content.decode()


def test_the_gauge_is_drawn(as_role: Any, row: Registry, cache: HarborDouble) -> None:
    browser = as_role(Role.VIEWER)
    PullReading.objects.create(limit=100, remaining=76, window=21600, source="192.0.2.7")
    text = page(browser, row)
    assert 'aria-label="76 of 100 pulls left, counted over 6 h"' in text and "gauge-good" in text
    assert "of the address that harborweb asks from; Docker Hub counts 192.0.2.7" in text
    PullReading.objects.create(limit=200, remaining=3, window=21600, account="me")
    text = page(browser, row)
    assert "gauge-bad" in text and "of the account me" in text and "Nearly or quite used up" in text
    PullReading.objects.create(account="team")
    assert "Docker Hub named no limit" in page(browser, row)
    PullReading.objects.create(remaining=0, spent=True, words="You have reached your pull rate limit.")
    text = page(browser, row)
    assert "Docker Hub answered 429." in text and "You have reached your pull rate limit." in text
    PullReading.objects.update(at=timezone.now() - datetime.timedelta(hours=7))
    assert "The window is over since: measure again" in page(browser, row)


def test_a_message_finds_its_row(as_role: Any, row: Registry, cache: HarborDouble) -> None:
    browser = as_role(Role.VIEWER)
    url = reverse("access:cache_page", args=[row.pk, "hub"])

    def said(text: str) -> str:
        return str(browser.post(url, {"said": text}).content.decode())

    text = said("Error response from daemon: toomanyrequests: You have reached your pull rate limit")
    assert text.count('class="is-on"') == 1 and "sliding window of six hours" in text
    other = said("<b>something else</b>")
    assert "None of the messages below" in other and "<b>something" not in other
    assert reverse("access:decoder") in other


def test_the_clients_page(as_role: Any, row: Registry, cache: HarborDouble) -> None:
    browser = as_role(Role.VIEWER)
    Cache.objects.create(registry=row, project="hub", kind="docker-hub", upstream_url=HUB, upstream_id=1, whole=True)
    text = page(browser, row, "cache_clients", image="nginx")
    assert f"docker pull {row.host}/hub/library/nginx" in text
    for words in ("stands in for Docker Hub alone", "without a path", "mirror_args_hub", "registry-mirrors", "Kyverno",
                  "/etc/containerd/certs.d/docker.io/hosts.toml", "override_path = true", "buildkitd.toml",
                  "registries.yaml", "[[registry.mirror]]", ".gitlab-ci.yml"):  # fmt: skip
        assert words in text, words
    wrong = browser.get(
        reverse("access:cache_clients", args=[row.pk, "hub"]),
        {"image": "ghcr.io/a/b", "mirror_name": "bad name", "mirror_port": "99999", "upstream": "docker-hub"},
    )
    text = wrong.content.decode()
    assert wrong.status_code == 422
    assert "comes from ghcr.io, and this cache holds docker.io" in text and 'value="ghcr.io/a/b"' in text
    assert "This is no host name" in text and 'value="bad name"' in text
    port = page(browser, row, "cache_clients", mirror_name="mirror.lab.example", mirror_port="5000")
    assert "http://mirror.lab.example:5000" in port


def test_the_clients_of_another_upstream_get_no_mirror_host(as_role: Any, row: Registry, cache: HarborDouble) -> None:
    text = page(as_role(Role.VIEWER), row, "cache_clients", upstream="quay")
    assert "mirror_args" not in text and "/etc/containerd/certs.d/quay.io/hosts.toml" in text
    assert "The name of an image" in text


@pytest.mark.parametrize("preset", PRESETS, ids=lambda one: one.key)
def test_the_clients_of_every_kind(as_role: Any, row: Registry, cache: HarborDouble, preset: Preset) -> None:
    """Each kind has files that name a host which its images really carry."""
    url = preset.url.format(region="eu-central-1") or "https://up.example:5000"
    Cache.objects.create(registry=row, project="hub", kind=preset.key, upstream_url=url, whole=True)
    host = {
        "docker-hub": "docker.io", "ecr": "000000000000.dkr.ecr.eu-central-1.amazonaws.com",
        "artifact-registry": "eu-central-1-docker.pkg.dev",
    }.get(preset.key, (preset.names or ("up.example:5000",))[0])  # fmt: skip
    text = page(as_role(Role.VIEWER), row, "cache_clients")
    assert f"/etc/containerd/certs.d/{host}/hosts.toml" in text
    assert f"docker pull {row.host}/hub/{preset.example}" in text
    assert ("number of your account" in text) == (preset.key == "ecr")


def test_a_private_cache_says_what_that_means_for_mirrors(as_role: Any, row: Registry, cache: HarborDouble) -> None:
    Cache.objects.create(registry=row, project="hub", kind="docker-hub", upstream_url=HUB, whole=True,
                         settings={"public": False})  # fmt: skip
    assert "This project is private." in page(as_role(Role.VIEWER), row, "cache_clients")
    Cache.objects.update(settings={"public": True})
    assert "This project is private." not in page(as_role(Role.SIGNER), row, "cache_clients")


def test_a_registry_that_is_no_harbor(as_role: Any) -> None:
    Registry.objects.create(name="plain", url="http://127.0.0.1:9", allow_http=True, kind=Registry.Kind.OTHER)
    answer = as_role(Role.VIEWER).get(reverse("access:cache"))
    assert answer.status_code == 502 and "plain is a registry, but no Harbor" in answer.content.decode()
