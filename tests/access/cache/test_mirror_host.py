"""The mirror host: the page's own text in the real nginx, before a cache that a real Docker engine pulls through."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from harborweb.access.cache.mirror_host import MirrorHost
from harborweb.errors import Problem
from tests import parts
from tests.access import proxies
from tests.access.cache.conftest import HUB, Upstream
from tests.harbor_double import HarborDouble
from tests.registry.images import client, run

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@pytest.fixture
def cache(hub: HarborDouble) -> HarborDouble:
    """A public cache of Docker Hub, called hub.io: a name with a dot has to survive nginx's expressions."""
    made = hub.state.add_upstream("Docker Hub", HUB, "docker-hub")
    hub.state.add_project("hub.io", public=True, registry=made.id)
    return hub


@contextmanager
def serving(folder: Path, mirror: MirrorHost) -> Iterator[str]:
    """The real nginx with the page's text."""
    commands = proxies.nginx(folder, mirror.nginx())
    checked = subprocess.run(commands.check, capture_output=True, text=True, timeout=30, check=False)
    assert checked.returncode == 0, mirror.nginx() + checked.stderr
    with parts.running(commands.run, mirror.port, folder / "log"):
        yield mirror.address


@pytest.fixture
def mirror(cache: HarborDouble, tmp_path: Path) -> Iterator[str]:
    parts.program("nginx")
    folder = tmp_path / "nginx"
    folder.mkdir()
    with serving(folder, MirrorHost("localhost", cache.url, "hub.io", parts.free_port())) as url:
        yield url


def asked(harbor: HarborDouble, text: str) -> list[str]:
    return [one for one in harbor.requests if text in one]


def test_the_challenge_and_the_token_fit_what_docker_asks(cache: HarborDouble, mirror: str) -> None:
    """Docker's own handshake: its scope names the image as Docker Hub does."""
    first = requests.get(f"{mirror}/v2/", timeout=9)
    assert first.status_code == 401
    assert f'realm="{mirror}/service/token"' in first.headers["WWW-Authenticate"]
    refused = requests.get(f"{mirror}/v2/library/nginx/manifests/1.27", headers={"Accept": MANIFEST}, timeout=9)
    challenge = refused.headers["WWW-Authenticate"]
    assert f'realm="{mirror}/service/token"' in challenge
    assert 'scope="repository:library/nginx:pull"' in challenge
    for query in (
        "service=harbor-registry&scope=repository:library/nginx:pull",
        "scope=repository%3Alibrary%2Fnginx%3Apull&service=harbor-registry",
    ):
        token = requests.get(f"{mirror}/service/token?{query}", timeout=9).json()["token"]
        headers = {"Accept": MANIFEST, "Authorization": f"Bearer {token}"}
        found = requests.get(f"{mirror}/v2/library/nginx/manifests/1.27", headers=headers, timeout=9)
        assert found.status_code == 200, found.text
        assert found.json()["mediaType"] == MANIFEST
    assert asked(cache, "GET /v2/hub.io/library/nginx/manifests/1.27")


def test_our_own_client_pulls_whole_by_docker_hubs_names(cache: HarborDouble, upstream: Upstream, mirror: str) -> None:
    async def pull() -> str:
        async with client(mirror) as c:
            found = await c.manifest("library/nginx", "1.27")
            for part in [found.content["config"], *found.content["layers"]]:
                await c.blob("library/nginx", part["digest"])
            return (await c.manifest("library/nginx", found.digest)).digest

    assert run(pull()) == upstream.digest
    kept = cache.state.repository("hub.io/library/nginx")
    assert kept is not None and upstream.digest in kept.artifacts


def test_it_is_read_only_and_nothing_else_of_harbor(mirror: str) -> None:
    assert requests.post(f"{mirror}/v2/library/nginx/blobs/uploads/", timeout=9).status_code == 405
    for path in ("/", "/api/v2.0/projects", "/c/login", "/service/token2"):
        assert requests.get(mirror + path, timeout=9).status_code == 404, path


def test_over_https_to_a_harbor_behind_tls(cache: HarborDouble, tmp_path: Path, upstream: Upstream) -> None:
    """Both sides with TLS: the mirror's own certificate, and Harbor's, which is verified."""
    parts.program("nginx")
    certificate, key = tmp_path / "crt.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
        check=True, capture_output=True, timeout=20,
    )  # fmt: skip
    front, back = tmp_path / "front", tmp_path / "back"
    front.mkdir()
    back.mkdir()
    before = proxies.front_for(int(cache.url.rpartition(":")[2]), certificate, key, name="localhost")
    with proxies.running("nginx", before, front):
        harbor = f"https://localhost:{before.https_port}"
        cache.state.external_url = harbor
        mirror = MirrorHost(
            "localhost", harbor, "hub.io", parts.free_port(), str(certificate), str(key), str(certificate)
        )  # fmt: skip
        with serving(back, mirror) as url:
            assert url.startswith("https://localhost:")

            async def pull() -> str:
                async with client(url, ca_pem=certificate.read_text()) as c:
                    return (await c.manifest("library/nginx", "1.27")).digest

            assert run(pull()) == upstream.digest
        shutil.rmtree(back)
        back.mkdir()
        unsure = MirrorHost("localhost", harbor, "hub.io", parts.free_port())  # the system's authorities: not trusted
        with serving(back, unsure) as url:
            assert requests.get(f"{url}/v2/", timeout=9).status_code == 502


@pytest.mark.docker
def test_a_real_docker_engine_pulls_docker_hubs_names_out_of_the_cache(
    cache: HarborDouble, upstream: Upstream, mirror: str, tmp_path: Path
) -> None:
    """An engine of its own with registry-mirrors: `docker pull nginx:1.27` without any other network."""
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        parts.missing("an engine of its own needs root and dockerd; bin/test installs docker.io")
    (tmp_path / "daemon.json").write_text(
        MirrorHost("localhost", cache.url, "hub.io", int(mirror.rpartition(":")[2])).daemon()
    )
    with engine(tmp_path) as docker:
        done = subprocess.run([*docker, "pull", "nginx:1.27"], capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr + (tmp_path / "dockerd.log").read_text()[-3000:]
        listed = subprocess.run(
            [*docker, "images", "--digests"], capture_output=True, text=True, timeout=30, check=True
        )
        assert upstream.digest in listed.stdout
        absent = subprocess.run([*docker, "pull", "none:1"], capture_output=True, text=True, timeout=120, check=False)
        assert absent.returncode and "registry-1.docker.io" in absent.stderr  # it went on to Docker Hub by itself
    assert asked(cache, "/v2/hub.io/library/nginx/manifests/")
    kept = cache.state.repository("hub.io/library/nginx")
    assert kept is not None and upstream.digest in kept.artifacts


@pytest.mark.docker
def test_a_real_engine_takes_no_path_in_a_mirror(tmp_path: Path) -> None:
    """Why there is a mirror host at all: an engine told of a cache's own address ends at once, and says why."""
    parts.program("dockerd")
    done = subprocess.run(
        ["dockerd", "--registry-mirror", "http://localhost/hub", "--data-root", tmp_path / "data", "--exec-root",
         tmp_path / "exec", "--pidfile", tmp_path / "pid", "--host", f"unix://{tmp_path / 'sock'}"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode and "path, query, or fragment at end of the URI" in done.stderr


BRIDGE = "hwtest0"


@contextmanager
def engine(folder: Path) -> Iterator[list[str]]:
    """A Docker engine beside the machine's own, with nothing in common; gives the words before a docker command.

    It gets a bridge of its own: one that is told `--bridge none` deletes docker0, also where that is another engine's.
    """
    socket, log = folder / "docker.sock", folder / "dockerd.log"
    command = [
        "dockerd", "--host", f"unix://{socket}", "--data-root", str(folder / "data"),
        "--exec-root", str(folder / "exec"), "--pidfile", str(folder / "docker.pid"),
        "--config-file", str(folder / "daemon.json"), "--storage-driver", "vfs", "--bridge", BRIDGE,
        "--iptables=false", "--ip6tables=false",
    ]  # fmt: skip
    docker = ["docker", "--host", f"unix://{socket}"]
    for words in (["link", "add", BRIDGE, "type", "bridge"], ["addr", "add", "198.18.77.1/24", "dev", BRIDGE]):
        done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
        if done.returncode and "File exists" not in done.stderr:
            parts.missing("an engine of its own needs a bridge of its own: " + done.stderr)
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        deadline = time.monotonic() + 60
        while subprocess.run([*docker, "info"], capture_output=True, timeout=30).returncode:
            if process.poll() is not None or time.monotonic() > deadline:
                parts.missing("an engine of its own does not come up here: " + log.read_text()[-800:])
            time.sleep(0.3)
        yield docker
    finally:
        process.terminate()
        process.wait(30)
        subprocess.run(["ip", "link", "del", BRIDGE], capture_output=True, check=False)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "mirror host"}, "mirror_name"),
        ({"name": "mirror; return 200"}, "mirror_name"),
        ({"name": "https://mirror"}, "mirror_name"),
        ({"port": 0}, "mirror_port"),
        ({"port": 70000}, "mirror_port"),
        ({"certificate": "/etc/my cert.pem", "key": "/k"}, "certificate"),
        ({"certificate": "/c;}", "key": "/k"}, "certificate"),
        ({"certificate": "/c"}, "key"),
        ({"ca_file": "../ca"}, "ca_file"),
        ({"project": "Hub"}, "project"),
    ],
)
def test_what_nginx_or_docker_would_refuse(change: dict[str, object], field: str) -> None:
    whole: dict[str, object] = {"name": "mirror.lab.example", "upstream": "https://harbor.example", "project": "hub"}
    with pytest.raises(Problem) as error:
        MirrorHost(**{**whole, **change})  # type: ignore[arg-type]
    assert error.value.field == field and error.value.advice


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ({"port": 443, "certificate": "/c", "key": "/k"}, "https://mirror.lab.example"),
        ({"port": 5443, "certificate": "/c", "key": "/k"}, "https://mirror.lab.example:5443"),
        ({"port": 80}, "http://mirror.lab.example"),
        ({"port": 5000}, "http://mirror.lab.example:5000"),
    ],
)
def test_the_address_has_no_path_and_daemon_json_is_json(given: dict[str, object], address: str) -> None:
    mirror = MirrorHost("mirror.lab.example", "https://harbor.example", "hub", **given)  # type: ignore[arg-type]
    daemon = json.loads(mirror.daemon())
    assert (mirror.address, daemon["registry-mirrors"]) == (address, [address])
    assert ("insecure-registries" in daemon) == address.startswith("http:")
