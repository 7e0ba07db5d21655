"""20 MB pushed through every proxy into a Harbor, and pulled back by digest, by a client that is none of ours."""

import base64
import http.client
import json
import os
import re
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from harborweb.access.recipes.front import Front
from tests import parts
from tests.access.images import Layout, layout
from tests.access.proxies import PROGRAMS, front_for, running
from tests.harbor_double import HarborDouble, harbor_double
from tests.registry.tls import Authority, authority


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    return layout(tmp_path_factory.mktemp("image") / "layout")


@pytest.fixture(scope="module")
def harbor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HarborDouble]:
    """One Harbor that runs with an https external_url, as the keys of every recipe say."""
    with harbor_double(tmp_path_factory.mktemp("harbor"), external_url="https://127.0.0.1") as double:
        yield double


@pytest.fixture(scope="module", params=sorted(PROGRAMS))
def front(
    request: pytest.FixtureRequest, tls: Authority, harbor: HarborDouble, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Front]:
    made = front_for(int(harbor.host.rpartition(":")[2]), tls.certificate, tls.key)
    with running(request.param, made, tmp_path_factory.mktemp(request.param)):
        yield made


def ask(front: Front, tls: Authority, method: str, path: str, **headers: str) -> http.client.HTTPResponse:
    context = ssl.create_default_context(cadata=tls.ca_pem)
    asked = http.client.HTTPSConnection("127.0.0.1", front.https_port, timeout=20, context=context)
    asked.request(method, path, headers=headers)
    return asked.getresponse()


def basic(harbor: HarborDouble) -> str:
    return "Basic " + base64.b64encode(":".join(harbor.admin).encode()).decode()


def test_the_token_service_is_at_the_public_address(front: Front, tls: Authority) -> None:
    answer = ask(front, tls, "GET", "/v2/")
    assert answer.status == 401
    assert f'realm="{front.url}/service/token"' in str(answer.getheader("Www-Authenticate"))


def test_an_image_of_20_mb_is_pushed_and_pulled_back_by_digest(
    front: Front, tls: Authority, harbor: HarborDouble, image: Layout, tmp_path: Path
) -> None:
    (tmp_path / "ca.crt").write_text(tls.ca_pem)
    name = f"docker://{front.host}/library/app-{front.https_port}"  # skopeo reuses no blob of another proxy's push
    login = ":".join(harbor.admin)

    def skopeo(*words: str) -> None:
        command = [parts.program("skopeo"), "--insecure-policy", "copy", *words]
        env = os.environ | {"HOME": str(tmp_path), "REGISTRY_AUTH_FILE": str(tmp_path / "auth.json")}
        done = subprocess.run(command, capture_output=True, text=True, timeout=90, env=env, check=False)
        assert done.returncode == 0, done.stderr

    before = len(harbor.requests)
    skopeo("--dest-cert-dir", str(tmp_path), "--dest-creds", login, f"oci:{image.folder}", f"{name}:1")
    asked = harbor.requests[before:]
    assert any(one.startswith("PATCH ") and one.endswith(" 202") for one in asked), asked
    back = tmp_path / "back"
    skopeo("--src-cert-dir", str(tmp_path), "--src-creds", login, f"{name}@{image.manifest}", f"oci:{back}")
    blobs = {f"sha256:{one.name}": one for one in (back / "blobs" / "sha256").iterdir()}
    original = image.folder / "blobs" / "sha256"
    for digest in (image.manifest, image.layer):
        assert blobs[digest].read_bytes() == (original / digest.removeprefix("sha256:")).read_bytes()


@pytest.mark.docker
@pytest.mark.parametrize("front", ["apache", "nginx"], indirect=True)
def test_the_docker_engine_pushes_20_mb_and_pulls_them_back(
    front: Front, harbor: HarborDouble, image: Layout, tmp_path: Path
) -> None:
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
        parts.missing("no Docker engine answers")
    name = f"{front.host}/library/engine-{front.https_port}"
    env = os.environ | {"DOCKER_CONFIG": str(tmp_path)}
    login = base64.b64encode(":".join(harbor.admin).encode()).decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {front.host: {"auth": login}}}))
    layer = image.folder / "blobs" / "sha256" / image.layer.removeprefix("sha256:")

    def docker(*words: str) -> str:
        done = subprocess.run(["docker", *words], capture_output=True, text=True, timeout=90, env=env, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    docker("import", str(layer), f"{name}:1")
    try:
        (digest,) = re.findall(r"digest: (sha256:\w+)", docker("push", f"{name}:1"))
        docker("rmi", f"{name}:1")
        assert digest in docker("pull", f"{name}@{digest}")
        docker("rmi", f"{name}@{digest}")
    finally:
        subprocess.run(["docker", "rmi", f"{name}:1"], capture_output=True, check=False)


def test_an_upload_goes_on_at_the_public_address(front: Front, tls: Authority, harbor: HarborDouble) -> None:
    answer = ask(front, tls, "POST", "/v2/library/app/blobs/uploads/", Authorization=basic(harbor))
    assert answer.status == 202
    assert str(answer.getheader("Location")).startswith(f"{front.url}/v2/library/app/blobs/uploads/")


def test_the_api_takes_a_slash_that_is_encoded_twice(
    front: Front, tls: Authority, harbor: HarborDouble, image: Layout
) -> None:
    path = "/api/v2.0/projects/library/repositories/team%252Fweb"
    answer = ask(front, tls, "GET", path, Authorization=basic(harbor))
    assert answer.status == 404
    assert json.loads(answer.read())["errors"][0]["code"] == "NOT_FOUND"  # Harbor's own no, not the proxy's
