"""The mirror files of the kit, for a cache that really fetches: a tool asks for Docker Hub's name, Harbor is asked.

Nothing here can reach Docker Hub, so an image that comes has come through the cache; Harbor's log of requests says so.
"""

import json
import os
import re
import shutil
import subprocess
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from harborweb.access.cache import clients
from harborweb.access.cache.troubles import explained
from harborweb.access.kit.guide import Guide
from harborweb.access.kit.target import Cache, Target
from tests import parts
from tests.access.cache.conftest import HUB, Upstream, pulled
from tests.access.clients import Shell
from tests.harbor_double import HarborDouble
from tests.registry.lying import answer, lying

IMAGE = "docker.io/library/nginx:1.27"


@pytest.fixture
def cache(hub: HarborDouble) -> HarborDouble:
    """A public cache of Docker Hub, called hub."""
    made = hub.state.add_upstream("Docker Hub", HUB, "docker-hub")
    hub.state.add_project("hub", public=True, registry=made.id)
    return hub


@pytest.fixture
def guides(cache: HarborDouble) -> dict[str, Guide]:
    target = Target(cache.url, cache=Cache("hub"))
    return {guide.tool: guide for guide in clients.mirrors(target)}


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A home of its own, whose registries.conf is read before the machine's (containers-registries.conf(5))."""
    folder = tmp_path / "home" / ".config" / "containers"
    folder.mkdir(parents=True)
    (tmp_path / "home" / "auth.json").write_text("{}")
    return Shell(tmp_path)


def configured(shell: Shell, text: str) -> None:
    (shell.working / "home/.config/containers/registries.conf").write_text(text)


def content(guide: Guide, end: str) -> str:
    return next(file.content for file in guide.files if file.path.endswith(end))


def asked(cache: HarborDouble) -> list[str]:
    return [one for one in cache.requests if one.startswith("GET /v2/hub/library/nginx/manifests/") and " 200" in one]


def kept(cache: HarborDouble, digest: str) -> bool:
    repository = cache.state.repository("hub/library/nginx")
    return repository is not None and digest in repository.artifacts


def test_skopeo_asks_the_cache(cache: HarborDouble, guides: dict[str, Guide], upstream: Upstream, shell: Shell) -> None:
    parts.program("skopeo")
    configured(shell, content(guides["skopeo"], "mirror.conf"))
    line = f"skopeo --insecure-policy copy docker://{IMAGE} dir:got"
    shell.line(line)
    assert asked(cache) and kept(cache, upstream.digest)
    configured(shell, "")
    assert shell.try_line(line.replace("dir:got", "dir:again")).returncode != 0  # without the file nothing comes


def test_podman_asks_the_cache(
    cache: HarborDouble, guides: dict[str, Guide], upstream: Upstream, shell: Shell, tmp_path: Path
) -> None:
    parts.program("podman")
    configured(shell, content(guides["podman"], "mirror.conf"))
    policy = tmp_path / "policy.json"
    policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    shell.line(f"podman pull --signature-policy {policy} {IMAGE}")
    assert IMAGE in shell.line("podman images --format '{{.Repository}}:{{.Tag}}'")  # its name stayed
    assert asked(cache) and kept(cache, upstream.digest)


def test_what_a_real_client_says_finds_its_row(cache: HarborDouble, upstream: Upstream, shell: Shell) -> None:
    """skopeo's own words for what goes wrong through a cache."""
    parts.program("skopeo")
    cache.state.add_project("private", registry=next(iter(cache.state.upstreams)))

    def said(line: str) -> str:
        done = shell.try_line(f"skopeo --insecure-policy {line.replace('HARBOR', cache.host)}")
        assert done.returncode
        found = explained(done.stderr)
        assert found is not None, done.stderr
        return found.key

    inspect = "inspect --tls-verify=false docker://HARBOR"
    assert said(f"{inspect}/hub/library/nginx:none") == "absent"
    assert said(f"{inspect}/private/library/nginx:1.27") in {"client", "denied"}
    with lying() as liar:
        refusal = {"errors": [{"code": "TOOMANYREQUESTS", "message": "You have reached your pull rate limit."}]}
        liar.on("/v2/", answer(200, b"{}"))
        liar.on(re.compile("/v2/.+/manifests/.+"), answer(429, json.dumps(refusal).encode()))
        pulled(cache, "hub/library/nginx", "1.27")
        cache.state.instead[HUB] = liar.url
        assert said(f"{inspect}/hub/library/other:1") in {"limit", "abuse"}
        kept_one = f"{inspect}/hub/library/nginx@{upstream.digest}".replace("HARBOR", cache.host)
        shell.line(f"skopeo {kept_one}")  # what is kept is still served
        cache.state.instead[HUB] = upstream.url
    shell.line(f"skopeo --insecure-policy copy --src-tls-verify=false docker://{cache.host}/hub/team/app:1.0 dir:app")
    push = f"copy --dest-tls-verify=false --dest-creds {':'.join(cache.admin)} dir:app docker://HARBOR/hub/team/app:2"
    assert said(push) == "push"


def test_crio_reads_the_same_file(guides: dict[str, Guide]) -> None:
    assert content(guides["crio"], "mirror.conf") == content(guides["podman"], "mirror.conf")


def test_containerd_asks_the_cache(
    cache: HarborDouble, guides: dict[str, Guide], upstream: Upstream, tmp_path: Path
) -> None:
    """A containerd of its own with the page's hosts.toml."""
    if os.geteuid() != 0 or shutil.which("containerd") is None:
        parts.missing("a containerd of its own needs root and containerd, which comes with docker.io")
    hosts = tmp_path / "certs.d" / "docker.io"
    hosts.mkdir(parents=True)
    text = content(guides["containerd"], "docker.io/hosts.toml")
    (hosts / "hosts.toml").write_text(text)
    read = tomllib.loads(text)
    assert read["server"] == "https://registry-1.docker.io"
    assert read["host"][f"{cache.url}/v2/hub"]["override_path"] is True
    with containerd(tmp_path) as ctr:
        command = [*ctr, "content", "fetch", "--hosts-dir", str(hosts.parent), IMAGE]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert upstream.digest in subprocess.run([*ctr, "images", "ls"], capture_output=True, text=True).stdout
    assert asked(cache) and kept(cache, upstream.digest)


@contextmanager
def containerd(folder: Path) -> Iterator[list[str]]:
    """A containerd beside the machine's own; gives the words before a ctr command."""
    home = Path("/tmp") / f"containerd-{os.getpid()}"  # the path of a socket has to be short
    home.mkdir()
    (home / "config.toml").write_text('version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n')
    socket, log = home / "c.sock", folder / "containerd.log"
    command = [
        "containerd", "--config", str(home / "config.toml"), "--root", str(home / "root"),
        "--state", str(home / "state"), "--address", str(socket),
    ]  # fmt: skip
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    ctr = ["ctr", "--address", str(socket)]
    try:
        deadline = time.monotonic() + 40
        while subprocess.run([*ctr, "version"], capture_output=True, timeout=20).returncode:
            if process.poll() is not None or time.monotonic() > deadline:
                parts.missing("a containerd of its own does not come up here: " + log.read_text()[-800:])
            time.sleep(0.2)
        yield ctr
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(home, ignore_errors=True)


def test_k3s_rewrites_a_name_into_the_cache(cache: HarborDouble, guides: dict[str, Guide]) -> None:
    for tool in ("k3s", "rke2"):
        read = YAML(typ="safe").load(content(guides[tool], "registries.yaml"))
        mirror = read["mirrors"]["docker.io"]
        assert mirror["endpoint"] == [cache.url]
        [(pattern, to)] = mirror["rewrite"].items()
        assert re.sub(pattern, to.replace("$1", r"\1"), "library/nginx", count=1) == "hub/library/nginx"


def test_buildkit_knows_a_mirror_with_a_path(cache: HarborDouble, guides: dict[str, Guide]) -> None:
    read = tomllib.loads(content(guides["buildkit"], "buildkitd.toml"))
    assert read["registry"]["docker.io"]["mirrors"] == [f"{cache.host}/hub"]


def test_what_cannot_be_a_mirror_says_so(guides: dict[str, Guide]) -> None:
    assert guides["kubernetes"].steps[0].cannot


def test_builds_and_ci_hold_the_prefix_in_one_place(cache: HarborDouble) -> None:
    target = Target(cache.url, cache=Cache("hub"))
    dockerfile, compose, ci = clients.builds(target, Cache("hub"))
    assert dockerfile.files[0].content == "ARG IMAGES=docker.io\nFROM ${IMAGES}/library/alpine:3.20\n"
    assert dockerfile.commands == (f"docker build --build-arg IMAGES={cache.host}/hub .",)
    read = YAML(typ="safe").load(compose.files[0].content)
    assert read["services"]["app"]["image"] == "${IMAGES:-docker.io}/library/alpine:3.20"
    assert compose.files[1].content == f"IMAGES={cache.host}/hub\n"
    pipeline = YAML(typ="safe").load(ci.files[0].content)
    assert pipeline["variables"] == {"IMAGES": f"{cache.host}/hub"}
    assert pipeline["test"]["image"] == "$IMAGES/library/alpine:3.20"


@pytest.mark.docker
def test_compose_reads_the_prefix(cache: HarborDouble, shell: Shell, tmp_path: Path) -> None:
    """The real compose fills in what .env says, and the upstream without it."""
    if subprocess.run(["docker", "compose", "version"], capture_output=True).returncode:
        parts.missing("docker compose is not here; bin/test installs it")
    compose = clients.builds(Target(cache.url, cache=Cache("hub")), Cache("hub"))[1]
    for file in compose.files:
        (tmp_path / file.path).write_text(file.content)
    assert f"image: {cache.host}/hub/library/alpine:3.20" in shell.line("docker compose config")
    (tmp_path / ".env").unlink()
    assert "image: docker.io/library/alpine:3.20" in shell.line("docker compose config")
