"""Names of images through a cache, and which row of the table a message fits."""

import pytest

from harborweb.access.cache.images import through
from harborweb.access.cache.presets import BY_KEY, recognised
from harborweb.access.cache.troubles import TROUBLES, explained
from harborweb.errors import Problem

DIGEST = "sha256:" + "a" * 64
HARBOR = "harbor.lab.example"


@pytest.mark.parametrize(
    ("kind", "typed", "expected"),
    [
        ("docker-hub", "nginx", "hub/library/nginx"),
        ("docker-hub", "nginx:1.27", "hub/library/nginx:1.27"),
        ("docker-hub", "library/nginx:1.27", "hub/library/nginx:1.27"),
        ("docker-hub", "docker.io/nginx", "hub/library/nginx"),
        ("docker-hub", "docker.io/library/nginx", "hub/library/nginx"),
        ("docker-hub", "index.docker.io/grafana/grafana:11.0", "hub/grafana/grafana:11.0"),
        ("docker-hub", "grafana/grafana", "hub/grafana/grafana"),
        ("docker-hub", f"nginx@{DIGEST}", f"hub/library/nginx@{DIGEST}"),
        ("docker-hub", f"nginx:1.27@{DIGEST}", f"hub/library/nginx:1.27@{DIGEST}"),
        ("docker-hub", "docker pull nginx", "hub/library/nginx"),
        ("ghcr", "ghcr.io/goharbor/harbor-core:dev", "ghcr/goharbor/harbor-core:dev"),
        ("ghcr", "goharbor/harbor-core:dev", "ghcr/goharbor/harbor-core:dev"),
        ("quay", "quay.io/prometheus/prometheus", "quay/prometheus/prometheus"),
        ("k8s", "registry.k8s.io/pause:3.10", "k8s/pause:3.10"),
        ("k8s", "pause:3.10", "k8s/pause:3.10"),
        ("ecr", "123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/app:1", "ecr/team/app:1"),
        ("oci", "up.example:5000/team/app:1", "upstream/team/app:1"),
        ("harbor", "team/app:1", "upstream/team/app:1"),
    ],
)
def test_names(kind: str, typed: str, expected: str) -> None:
    preset = BY_KEY[kind]
    found = through(typed, HARBOR, preset.project, preset, "up.example:5000")
    assert found == f"{HARBOR}/{expected}"


@pytest.mark.parametrize(
    ("kind", "typed", "words"),
    [
        ("docker-hub", "ghcr.io/a/b", "comes from ghcr.io, and this cache holds docker.io"),
        ("ghcr", "docker.io/library/nginx", "comes from docker.io, and this cache holds ghcr.io"),
        ("oci", "other.example/a/b", "this cache holds up.example:5000"),
        ("docker-hub", "", "is no image name"),
        ("docker-hub", "Nginx", "is no image name"),
        ("docker-hub", "nginx:", "is no image name"),
        ("docker-hub", "nginx@sha256:12", "is no image name"),
        ("docker-hub", "nginx; rm -rf /", "is no image name"),
        ("docker-hub", "https://docker.io/nginx", "is no image name"),
    ],
)
def test_what_is_no_name_or_comes_from_elsewhere(kind: str, typed: str, words: str) -> None:
    with pytest.raises(Problem) as error:
        through(typed, HARBOR, "p", BY_KEY[kind], "up.example:5000")
    assert words in error.value.message and error.value.field == "image" and error.value.advice


@pytest.mark.parametrize(
    ("kind", "url", "expected"),
    [
        ("docker-hub", "https://hub.docker.com", "docker-hub"),
        ("github-ghcr", "https://ghcr.io", "ghcr"),
        ("docker-registry", "https://quay.io/", "quay"),
        ("docker-registry", "https://registry.k8s.io", "k8s"),
        ("docker-registry", "https://public.ecr.aws", "ecr-public"),
        ("google-gcr", "https://europe-west1-docker.pkg.dev", "artifact-registry"),
        ("aws-ecr", "https://api.ecr.eu-central-1.amazonaws.com", "ecr"),
        ("azure-acr", "https://mine.azurecr.io", "azure"),
        ("harbor", "https://harbor.example", "harbor"),
        ("docker-registry", "http://registry:5000", "oci"),
        ("jfrog-artifactory", "https://artifactory.example", "oci"),
    ],
)
def test_an_upstream_that_was_made_elsewhere_is_recognised(kind: str, url: str, expected: str) -> None:
    assert recognised(kind, url).key == expected


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ("Error response from daemon: toomanyrequests: You have reached your unauthenticated pull rate limit. "
         "https://www.docker.com/increase-rate-limit", "limit"),
        ("429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit. You may "
         "increase the limit by authenticating and upgrading", "limit"),
        ("Error response from daemon: toomanyrequests: Too Many Requests", "abuse"),
        ('error: login to dockerhub error: {"detail": "Rate limit exceeded", "error": false}', "login-limit"),
        ("Error response from daemon: unknown: repository cache/memcached not found", "library"),
        ("unknown: resource not found: repo pcache/lib/none, tag 1 not found", "absent"),
        ("Error response from daemon: unknown: artifact proxy/chlins/nginx@sha256:2204 not found", "absent"),
        ("unauthorized: http status code: 401, body: ", "denied"),
        ("unauthorized: unauthorized to access repository: hub/library/nginx, action: pull", "client"),
        ("denied: can not push artifact to a proxy project: pcache", "push"),
        ('Post "https://hub.docker.com/v2/users/login/": dial tcp: lookup hub.docker.com: no such host', "down"),
        ("adding 30 MiB of storage resource, which when updated to current usage of 1 GiB will exceed the "
         "configured upper limit of 1000 B.", "quota"),
    ],
)  # fmt: skip
def test_messages_find_their_row(said: str, key: str) -> None:
    found = explained(said)
    assert found is not None and found.key == key


def test_every_row_fits_its_own_message_or_one_before_it_says_why() -> None:
    for row in TROUBLES:
        found = explained(row.said)
        assert found is not None, row.key
        assert row.means and row.do
    assert explained("everything is fine") is None
