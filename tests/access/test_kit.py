"""Every guide, without its tool: what it says parses as what it is, and nothing can be injected."""

import json
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from harborweb.access.kit.guide import CA_NAME, File, Part
from harborweb.access.kit.services import MAKERS, guide, guides
from harborweb.access.kit.target import PASSWORD_FILE, PLACEHOLDER, Cache, Target
from harborweb.errors import Problem
from tests.registry.tls import authority

ADDRESSES = [
    "https://harbor.lab.example",
    "https://harbor.lab.example:8443",
    "http://10.0.0.5:8085",
    "https://[fd00::5]",
]
ROBOTS = ["robot$team+ci", "robot_team+ci", "ann@lab.example", "no"]
ENDINGS = (".toml", ".conf", ".yaml", ".json", ".crt")


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> str:
    return authority(tmp_path_factory.mktemp("ca")).ca_pem


def every(ca: str) -> Iterator[Target]:
    for url in ADDRESSES:
        for robot in ROBOTS:
            for known in ("", ca if url.startswith("https") else ""):
                yield Target(url, "on", robot, known, "web/front", "1.0", Cache("hub", "docker.io"))


def read(file: File) -> Any:
    """The file as its format's own reader has it."""
    if file.path.endswith((".toml", ".conf")):
        return tomllib.loads(file.content)
    if file.path.endswith(".json"):
        return json.loads(file.content)
    if file.path.endswith(".yaml"):
        reader = YAML(typ="safe", pure=True)
        reader.version = (1, 1)  # type: ignore[assignment]  # as older readers in Go do: `on` and `no` are no words
        return reader.load(file.content)
    return file.content


def only(tool: str, target: Target, ending: str, part: Part | None = None) -> Any:
    known = guide(tool, target)
    files = known.files if part is None else known.only(part).files
    return read(next(file for file in files if file.path.endswith(ending)))


def test_the_issue_names_each_of_them() -> None:
    named = "docker podman nerdctl containerd crio k3s rke2 kubernetes buildkit skopeo oras helm cosign"
    assert list(MAKERS) == [*named.split(), "system"]
    with pytest.raises(Problem) as error:
        guide("nosuch", Target("https://harbor.lab.example"))
    assert error.value.field == "tool"


def test_every_file_parses_and_every_line_is_a_command(ca: str) -> None:
    script = []
    for target in every(ca):
        for known in guides(target):
            for file in known.files:
                assert read(file), file.path
                assert file.path.endswith(ENDINGS) or file.path == "Dockerfile.pull"
                assert ".." not in file.path.split("/")
            for step in known.steps:
                assert step.title and (step.text or step.commands)
                for line in step.commands:
                    words = shlex.split(line, comments=True)
                    assert words and "\n" not in line
                    if "login" in words and "--username" in words:
                        assert words[words.index("--username") + 1] == target.robot
                        assert words[words.index("--password-stdin") + 1 :] == [target.host, "<", PASSWORD_FILE]
                    if not line.startswith("Import-Certificate"):
                        script.append(line)
    done = subprocess.run(["sh", "-n"], input="\n".join(script), text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_shell_keeps_the_name_of_the_robot() -> None:
    line = guide("podman", Target("https://harbor.lab.example")).only(Part.LOGIN).steps[0].commands[1]
    said = subprocess.run(["sh", "-c", f"podman() {{ echo \"$3\"; }}; {line.partition(' < ')[0]}"], text=True,
                          capture_output=True, check=True).stdout  # fmt: skip
    assert said == "robot$library+ci\n"


def test_no_line_carries_a_secret_and_files_with_its_place_are_closed(ca: str) -> None:
    for target in every(ca):
        for known in guides(target):
            for step in known.steps:
                assert PLACEHOLDER not in step.script
                assert not [word for word in step.script.split() if word in {"-p", "--password", "--docker-password"}]
            for file in known.files:
                assert file.mode == (0o600 if PLACEHOLDER in file.content else 0o644), file.path


def test_the_ca_goes_where_each_tool_looks(ca: str) -> None:
    target = Target("https://harbor.lab.example:8443", ca_pem=ca)
    host = "harbor.lab.example:8443"
    places = {
        "docker": f"/etc/docker/certs.d/{host}/ca.crt",
        "podman": f"/etc/containers/certs.d/{host}/ca.crt", "skopeo": f"/etc/containers/certs.d/{host}/ca.crt",
        "crio": f"/etc/containers/certs.d/{host}/ca.crt",
        "containerd": f"/etc/containerd/certs.d/{host}/ca.crt", "nerdctl": f"/etc/containerd/certs.d/{host}/ca.crt",
        "k3s": "/etc/rancher/k3s/harbor-ca.crt", "rke2": "/etc/rancher/rke2/harbor-ca.crt",
        "buildkit": CA_NAME, "oras": CA_NAME, "helm": CA_NAME, "cosign": CA_NAME,
        "system": "/usr/local/share/ca-certificates/harbor-ca.crt",
    }  # fmt: skip
    for tool, path in places.items():
        assert {file.path: file.content for file in guide(tool, target).files}[path] == ca, tool
    assert only("containerd", target, "hosts.toml")["host"]["https://harbor.lab.example:8443"]["ca"].endswith("/ca.crt")
    assert only("k3s", target, ".yaml")["configs"][host]["tls"] == {"ca_file": places["k3s"]}
    assert only("buildkit", target, ".toml")["registry"][host] == {"ca": [CA_NAME]}


def test_without_an_own_ca_no_file_names_one() -> None:
    target = Target("https://harbor.lab.example", cache=Cache("hub"))
    for known in guides(target):
        assert [file.path for file in known.files if file.path.endswith(".crt")] == []
        assert [file.path for file in known.files if "ca.crt" in file.content] == []
        assert "--ca-file" not in "".join(step.script for step in known.steps)


def test_plain_http_is_allowed_by_name_and_said() -> None:
    target = Target("http://harbor.lab.example:8085", cache=Cache("hub"))
    host = "harbor.lab.example:8085"
    assert only("docker", target, "daemon.json") == {"insecure-registries": [host]}
    assert only("podman", target, "harbor.conf")["registry"] == [{"location": host, "insecure": True}]
    assert only("podman", target, "mirror.conf")["registry"][0]["mirror"] == [
        {"location": f"{host}/hub", "insecure": True}
    ]
    assert only("containerd", target, f"{host}/hosts.toml")["server"] == target.url
    assert only("k3s", target, ".yaml")["mirrors"][host] == {"endpoint": [target.url]}
    assert only("buildkit", target, ".toml", Part.TRUST)["registry"][host] == {"http": True}
    assert "--plain-http" in guide("helm", target).only(Part.PULL).steps[0].script
    for tool in ("docker", "podman", "nerdctl", "containerd", "k3s", "oras", "helm", "cosign"):
        assert "readable" in guide(tool, target).steps[0].text, tool


def test_the_cache_as_a_mirror() -> None:
    target = Target("https://harbor.lab.example", cache=Cache("hub", "ghcr.io"))
    hosts = only("containerd", target, "ghcr.io/hosts.toml")
    assert hosts["server"] == "https://ghcr.io"
    assert hosts["host"]["https://harbor.lab.example/v2/hub"] == {
        "capabilities": ["pull", "resolve"], "override_path": True,
    }  # fmt: skip
    assert only("k3s", target, ".yaml", Part.MIRROR)["mirrors"]["ghcr.io"] == {
        "endpoint": ["https://harbor.lab.example"], "rewrite": {"^(.*)$": "hub/$1"},
    }  # fmt: skip
    assert only("buildkit", target, ".toml", Part.MIRROR)["registry"]["ghcr.io"] == {
        "mirrors": ["harbor.lab.example/hub"]
    }
    assert only("crio", target, "mirror.conf")["registry"] == [
        {"prefix": "ghcr.io", "location": "ghcr.io", "mirror": [{"location": "harbor.lab.example/hub"}]}
    ]
    hub = Target("https://harbor.lab.example", cache=Cache("hub"))
    assert only("nerdctl", hub, "docker.io/hosts.toml")["server"] == "https://registry-1.docker.io"


def test_what_is_impossible_is_said() -> None:
    target = Target("https://harbor.lab.example", cache=Cache("hub"))
    for tool in ("docker", "kubernetes", "oras", "helm", "cosign"):
        assert [step for step in guide(tool, target).only(Part.MIRROR).steps if step.cannot], tool
    docker = guide("docker", target).only(Part.MIRROR)
    assert "Docker Hub alone" in docker.steps[0].text and "without a path" in docker.steps[0].text
    assert docker.steps[1].commands == ("docker pull harbor.lab.example/hub/library/alpine:3.20",)
    assert guide("k3s", target).only(Part.PUSH).steps[0].cannot


def test_a_pull_secret_holds_what_a_kubelet_reads() -> None:
    target = Target("https://harbor.lab.example", "on", "robot$on+ci")
    secret = only("kubernetes", target, "harbor-pull.yaml")
    assert (secret["kind"], secret["type"]) == ("Secret", "kubernetes.io/dockerconfigjson")
    kept = json.loads(secret["stringData"][".dockerconfigjson"])
    assert kept == {"auths": {"harbor.lab.example": {"username": "robot$on+ci", "password": PLACEHOLDER}}}
    patch = next(
        line for step in guide("kubernetes", target).steps for line in step.commands if " patch " in line
    )  # fmt: skip
    assert json.loads(shlex.split(patch)[-1]) == {"imagePullSecrets": [{"name": secret["metadata"]["name"]}]}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", "https://harbor.lab.example/path"), ("url", "https://harbor.example;id"), ("url", "ftp://harbor"),
        ("url", 'https://a"b'), ("url", "https://harbor:99999"), ("url", "https://me:pw@harbor.example"),
        ("project", "Team"), ("project", "a b"), ("project", ""), ("project", "a/b"), ("project", "a\n"),
        ("project", "x" * 256), ("project", '"]'), ("project", "$(id)"),
        ("robot", ""), ("robot", "-p"), ("robot", "a:b"), ("robot", "robot$x'; id; '"), ("robot", "a\nb"),
        ("robot", "a\n"), ("robot", "`id`"), ("robot", "x" * 300),
        ("repository", "A"), ("repository", "a//b"), ("repository", "../x"), ("repository", "a\n"),
        ("tag", "-x"), ("tag", "a b"), ("tag", ""), ("tag", "a;b"), ("tag", "1\n"),
        ("ca_pem", "not a certificate"), ("ca_pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(field: str, value: str) -> None:
    given = {"url": "https://harbor.lab.example", field: value}
    with pytest.raises(Problem) as error:
        Target(**given)
    assert error.value.message


@pytest.mark.parametrize(
    ("project", "upstream"),
    [("Hub", "docker.io"), ("hub", "docker.io/x"), ("hub", 'a"b'), ("hub", "a b"), ("hub", ""), ("hub", "a\n"),
     ("hub", "../../etc")],
)  # fmt: skip
def test_a_cache_that_cannot_be_is_refused(project: str, upstream: str) -> None:
    with pytest.raises(Problem):
        Cache(project, upstream)


def test_around_a_certificate_nothing_is_kept(ca: str, tmp_path: Path) -> None:
    target = Target("https://harbor.lab.example", ca_pem=f"subject=$(id)\n{ca}\n# a note\n{ca}")
    assert target.ca_pem == ca + ca
    assert "BEGIN" not in repr(target)
