"""What the double is used for: pushing, signing, robots, webhooks, quotas, proxy caches, faults."""

import datetime
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from harborweb.registry.client import Client, Endpoint, RegistryError
from tests import parts
from tests.harbor_double import HarborDouble, harbor_double
from tests.registry.images import client, push_image, push_index, run

API = "/api/v2.0"
Ask = Callable[..., requests.Response]


@pytest.fixture
def ask(harbor: HarborDouble) -> Ask:
    """Ask the API, as the administrator unless `auth` says else."""

    def send(method: str, path: str, body: Any = None, **more: Any) -> requests.Response:
        more.setdefault("auth", harbor.admin)
        return requests.request(method, harbor.url + API + path, json=body, timeout=30, **more)

    return send


def pushed(harbor: HarborDouble, repository: str, *tags: str, auth: tuple[str, str] | None = None) -> str:
    """Push an image through the double by the product's own client."""

    async def push() -> str:
        name, password = auth or harbor.admin
        async with client(harbor.url, username=name, password=password) as c:
            return await push_image(c, repository, *tags, seed=repository)

    digest: str = run(push())
    return digest


def test_what_is_pushed_is_listed_and_what_is_deleted_is_gone(harbor: HarborDouble, ask: Ask) -> None:
    digest = pushed(harbor, "library/team/app", "v1", "v2")
    at = "/projects/library/repositories/team%252Fapp/artifacts"
    [artifact] = ask("GET", at + "?with_accessory=true").json()
    assert artifact["digest"] == digest
    assert {one["name"] for one in artifact["tags"]} == {"v1", "v2"}
    assert artifact["extra_attrs"]["architecture"] == "arm64"
    assert ask("DELETE", f"{at}/{digest}").status_code == 200
    assert ask("GET", at).json() == []
    gone = requests.get(f"{harbor.url}/v2/library/team/app/manifests/v1", auth=harbor.admin, timeout=9)
    assert gone.status_code == 404


def test_the_children_of_an_index_are_only_under_it(harbor: HarborDouble, ask: Ask) -> None:
    async def push() -> str:
        async with client(harbor.url, username="admin", password=harbor.admin[1]) as c:
            one = await push_image(c, "library/multi", seed="one")
            one = one or await push_image(c, "library/multi", "tmp", seed="one")
            return await push_index(c, "library/multi", "1.0", of={"amd64": one})

    digest = run(push())
    assert ask("DELETE", "/projects/library/repositories/multi/artifacts/tmp/tags/tmp").status_code == 200
    [index] = ask("GET", "/projects/library/repositories/multi/artifacts").json()
    assert index["digest"] == digest
    assert [one["platform"]["architecture"] for one in index["references"]] == ["amd64"]


@pytest.mark.parametrize("version", ["cosign", "cosign-2.5"])
def test_cosign_signs_and_the_policy_lets_the_image_out(
    harbor: HarborDouble, ask: Ask, tmp_path: Path, version: str
) -> None:
    """The real cosign, by a robot that may push only (cosign-experiments, sign_as_robot)."""
    cosign = parts.program(version)
    harbor.state.add_project("trust", metadata={"enable_content_trust_cosign": "true"})
    digest = pushed(harbor, "trust/app", "v1")
    access = [{"resource": "repository", "action": "push"}]
    robot = harbor.state.add_robot(
        "signer", [{"kind": "project", "namespace": "trust", "access": access}], harbor.state.project("trust")
    )
    image = f"{harbor.url}/v2/trust/app/manifests/v1"
    accept = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
    assert requests.get(image, auth=harbor.admin, headers=accept, timeout=9).status_code == 412

    docker = tmp_path / "docker"
    docker.mkdir()
    login = requests.auth._basic_auth_str(robot.name, robot.secret).removeprefix("Basic ")
    (docker / "config.json").write_text(json.dumps({"auths": {harbor.host: {"auth": login}}}))
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "DOCKER_CONFIG": str(docker), "COSIGN_PASSWORD": "x"}
    flags = ["--signing-config", "sc.json"] if version == "cosign" else ["--tlog-upload=false"]
    commands = [[cosign, "generate-key-pair"]]
    if version == "cosign":
        commands.append([cosign, "signing-config", "create", "--out", "sc.json"])
    reference = f"{harbor.host}/trust/app@{digest}"
    commands.append([cosign, "sign", "--yes", "--key", "cosign.key", *flags, "--allow-http-registry", reference])
    commands.append([cosign, "verify", "--key", "cosign.pub", "--insecure-ignore-tlog=true", "--allow-http-registry",
                     reference])  # fmt: skip
    for command in commands:
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr

    at = f"/projects/trust/repositories/app/artifacts/{digest}/accessories"
    assert [one["type"] for one in ask("GET", at).json()] == ["signature.cosign"]
    assert requests.get(image, auth=harbor.admin, headers=accept, timeout=9).status_code == 200
    assert len(ask("GET", "/projects/trust/repositories/app/artifacts").json()) == 1
    index = requests.get(f"{harbor.url}/v2/trust/app/referrers/{digest}", auth=harbor.admin, timeout=9).json()
    assert len(index["manifests"]) == 1


def test_a_robot_makes_robots_with_rights_like_its_own_only(harbor: HarborDouble, ask: Ask) -> None:
    own = [{"resource": "repository", "action": "pull"}, {"resource": "robot", "action": "create"}]
    system = [{"resource": "robot", "action": "create"}]
    maker = harbor.state.add_robot("maker", [
        {"kind": "system", "namespace": "/", "access": system}, {"kind": "project", "namespace": "*", "access": own},
    ])  # fmt: skip
    auth = (maker.name, maker.secret)

    def make(name: str, *access: tuple[str, str], namespace: str = "library") -> requests.Response:
        rights = [{"resource": resource, "action": action} for resource, action in access]
        permission = {"kind": "project", "namespace": namespace, "access": rights}
        body = {"name": name, "level": "system", "duration": 30, "permissions": [permission]}
        return ask("POST", "/robots", body, auth=auth)

    made = make("narrow", ("repository", "pull"))
    assert made.status_code == 201
    assert make("wide", ("repository", "push")).status_code == 403
    assert make("all", ("repository", "pull"), namespace="*").status_code == 201
    assert ask("PATCH", f"/robots/{maker.id}", {"secret": ""}, auth=auth).status_code == 403  # nobody gave it update
    assert ask("GET", "/users/current", auth=(made.json()["name"], made.json()["secret"])).status_code == 412
    found = harbor.state.robots[made.json()["id"]]
    assert found.expires - time.time() == pytest.approx(30 * 86400, abs=60)
    found.disable = True
    assert ask("GET", "/users/current", auth=(made.json()["name"], made.json()["secret"])).status_code == 401


@pytest.fixture
def listener() -> Iterator[tuple[str, list[tuple[dict[str, str], dict[str, Any]]]]]:
    """A server that keeps the webhook messages it gets."""
    got: list[tuple[dict[str, str], dict[str, Any]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((dict(self.headers), json.loads(body)))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", got
    finally:
        server.shutdown()
        server.server_close()


def shape(value: Any) -> Any:
    """The names and types of a value."""
    if isinstance(value, dict):
        return {key: shape(one) for key, one in value.items()}
    return [shape(one) for one in value] if isinstance(value, list) else type(value).__name__


def test_webhook_messages_are_the_recorded_ones(
    harbor: HarborDouble, ask: Ask, listener: tuple[str, list[tuple[dict[str, str], dict[str, Any]]]]
) -> None:
    url, got = listener
    events = ["PUSH_ARTIFACT", "DELETE_ARTIFACT", "PULL_ARTIFACT", "QUOTA_EXCEED"]
    for name, payload in (("one", "Default"), ("two", "CloudEvents")):
        target = {"type": "http", "address": url, "auth_header": "Bearer abc", "payload_format": payload}
        body = {"name": name, "enabled": True, "event_types": events, "targets": [target]}
        assert ask("POST", "/projects/library/webhook/policies", body).status_code == 201
    digest = pushed(harbor, "library/app", "v1")
    headers = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
    requests.get(f"{harbor.url}/v2/library/app/manifests/v1", auth=harbor.admin, headers=headers, timeout=9)
    ask("DELETE", f"/projects/library/repositories/app/artifacts/{digest}")
    harbor.wait_for_webhooks()
    default = [body for headers, body in got if headers["Content-Type"] == "application/json"]
    cloud = [body for headers, body in got if headers["Content-Type"] == "application/cloudevents+json"]
    assert [one["type"] for one in default] == ["PUSH_ARTIFACT", "PULL_ARTIFACT", "DELETE_ARTIFACT"]
    assert {headers["Authorization"] for headers, _ in got} == {"Bearer abc"}
    assert default[0]["event_data"]["resources"][0] == {
        "digest": digest, "tag": "v1", "resource_url": f"{harbor.host}/library/app:v1",
    }  # fmt: skip
    for line in (parts.shared("harbor-2.15-recordings") / "webhook-payloads.jsonl").read_text().splitlines():
        recorded = json.loads(line)
        body = json.loads(recorded["body"])
        mine = [one for one in (*default, *cloud) if one["type"] == body["type"]]
        assert shape(mine[0]) == shape(body)
        assert list(mine[0]) == list(body)


def test_a_full_project_takes_no_more(harbor: HarborDouble, ask: Ask) -> None:
    pushed(harbor, "library/app", "v1")
    [quota] = ask("GET", "/quotas?reference=project").json()
    assert quota["used"]["storage"] > 0
    assert ask("PUT", f"/quotas/{quota['id']}", {"hard": {"storage": 100}}).status_code == 200
    refused = requests.post(f"{harbor.url}/v2/library/app/blobs/uploads/", auth=harbor.admin, timeout=9)
    assert refused.status_code == 403
    assert refused.json()["errors"][0]["code"] == "DENIED"
    assert "will exceed the configured upper limit of 100 B" in refused.text


def test_a_project_that_is_nearly_full_and_a_replication_are_told(
    harbor: HarborDouble, ask: Ask, listener: tuple[str, list[tuple[dict[str, str], dict[str, Any]]]]
) -> None:
    url, got = listener
    body = {"name": "one", "enabled": True, "event_types": ["QUOTA_WARNING", "QUOTA_EXCEED", "REPLICATION"],
            "targets": [{"type": "http", "address": url}]}  # fmt: skip
    assert ask("POST", "/projects/library/webhook/policies", body).status_code == 201
    pushed(harbor, "library/app", "v1")
    project = harbor.state.projects[1]
    project.hard = int(project.used() * 2.1)
    pushed(harbor, "library/two", "v1")
    with pytest.raises(RegistryError):
        pushed(harbor, "library/three", "v1")
    harbor.replicated("library/app", "v1")
    harbor.wait_for_webhooks()
    assert [message["type"] for _, message in got] == ["QUOTA_WARNING", "QUOTA_EXCEED", "REPLICATION"]
    harbor.state.webhooks_lost = True
    harbor.replicated("library/app", "v1")
    harbor.wait_for_webhooks()
    assert len(got) == 3


def test_a_proxy_cache_keeps_what_was_pulled_whole(harbor: HarborDouble, ask: Ask, tmp_path: Path) -> None:
    with parts.registry_server(tmp_path / "upstream") as upstream:

        async def fill() -> str:
            async with Client(Endpoint(upstream.url, allow_http=True)) as c:
                return await push_image(c, "lib/tiny", "1")

        digest = run(fill())
        body = {"name": "up", "url": upstream.url, "type": "docker-registry", "insecure": True}
        assert ask("POST", "/registries/ping", body).status_code == 200
        number = int(ask("POST", "/registries", body).headers["Location"].rpartition("/")[2])
        body = {"project_name": "cache", "registry_id": number, "metadata": {"public": "true"}}
        assert ask("POST", "/projects", body).status_code == 201
        at = f"{harbor.url}/v2/cache/lib/tiny"
        manifest = requests.get(f"{at}/manifests/1", auth=harbor.admin, timeout=9).json()
        assert ask("GET", "/projects/cache/repositories").json() == []
        for one in (manifest["config"], *manifest["layers"]):
            got = requests.get(f"{at}/blobs/{one['digest']}", auth=harbor.admin, timeout=9)
            assert got.status_code == 200
            assert len(got.content) == one["size"]
        [kept] = ask("GET", "/projects/cache/repositories/lib%252Ftiny/artifacts").json()
        assert kept["digest"] == digest
        refused = requests.post(f"{at}/blobs/uploads/", auth=harbor.admin, timeout=9)
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (403, "DENIED")
        assert requests.get(f"{at}/manifests/none", auth=harbor.admin, timeout=9).status_code == 404
    after = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
    assert requests.get(f"{at}/manifests/1", auth=harbor.admin, headers=after, timeout=9).status_code == 200


def test_faults_happen_as_often_as_they_were_ordered(harbor: HarborDouble, ask: Ask) -> None:
    harbor.faults.order("429", "/projects", times=2, seconds=3)
    first = ask("GET", "/projects")
    assert (first.status_code, first.headers["Retry-After"]) == (429, "3")
    assert [ask("GET", path).status_code for path in ("/health", "/projects", "/projects")] == [200, 429, 200]
    harbor.faults.order("502", "POST", after=True)
    assert ask("POST", "/projects", {"project_name": "made"}).status_code == 502
    assert harbor.state.project("made") is not None  # it happened all the same
    harbor.faults.starting = True
    assert ask("GET", "/health").headers["Content-Type"].startswith("text/html")
    harbor.faults.clear()
    assert harbor.faults.happened == 3


def test_a_wrong_password_freezes_the_user_and_nobody_else(harbor: HarborDouble, ask: Ask) -> None:
    """wrong-password-lockout.txt: the wrong one is answered late, a right one meanwhile at once, and with 401."""
    harbor.state.add_user("dev", "Dev12345x")
    harbor.state.freeze_seconds = 4
    bad = threading.Thread(target=lambda: ask("GET", "/users/current", auth=("admin", "bad")))
    begun = time.monotonic()
    bad.start()
    while "admin" not in harbor.state.frozen:
        time.sleep(0.01)
    assert ask("GET", "/users/current").status_code == 401
    assert ask("GET", "/users/current", auth=("dev", "Dev12345x")).status_code == 200
    assert time.monotonic() - begun < 4
    bad.join()
    assert time.monotonic() - begun >= 4
    time.sleep(0.1)
    assert ask("GET", "/users/current").status_code == 200


def test_a_robot_ends_with_its_days_or_its_secret(harbor: HarborDouble, ask: Ask) -> None:
    access = [{"resource": "project", "action": "list"}]
    body = {"name": "brief", "level": "system", "duration": 1,
            "permissions": [{"kind": "system", "namespace": "/", "access": access}]}  # fmt: skip
    made = ask("POST", "/robots", body).json()

    def known(secret: str) -> bool:
        return ask("GET", "/users/current", auth=(made["name"], secret)).status_code == 412

    assert known(made["secret"])
    fresh = ask("PATCH", f"/robots/{made['id']}", {"secret": ""}).json()["secret"]
    assert (known(made["secret"]), known(fresh)) == (False, True)
    assert ask("PATCH", f"/robots/{made['id']}", {"secret": "weak"}).status_code == 400
    robot = harbor.state.robots[made["id"]]
    robot.made -= datetime.timedelta(days=2)
    assert ask("GET", f"/robots/{made['id']}").json()["expires_at"] < time.time()
    assert not known(fresh)
    assert ask("DELETE", f"/robots/{made['id']}").status_code == 200
    assert ask("GET", f"/robots/{made['id']}").status_code == 404


def test_fifty_thousand_artifacts_are_there_at_once(harbor: HarborDouble, ask: Ask) -> None:
    begun = time.monotonic()
    harbor.state.seed("big", "one", 50_000, signed=10)
    assert time.monotonic() - begun < 20
    page = ask("GET", "/projects/big/repositories/one/artifacts?page=500&page_size=100&with_accessory=true")
    assert page.headers["X-Total-Count"] == "50000"
    assert sum(1 for one in page.json() if one["accessories"]) == 10


def test_it_learns_what_a_registry_holds(tmp_path: Path) -> None:
    with parts.registry_server(tmp_path / "filled") as registry:

        async def fill() -> str:
            async with Client(Endpoint(registry.url, allow_http=True)) as c:
                return await push_image(c, "demo/app", "v1")

        digest = run(fill())
        with harbor_double(tmp_path / "harbor", registry=registry.url) as double:
            double.adopt()
            repository = double.state.repository("demo/app")
            assert repository is not None
            assert repository.tags["v1"].digest == digest


@contextmanager
def command(*options: str) -> Iterator[dict[str, str]]:
    """`bin/manage harbor_double`, and the line that it says."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.harbor_double", *options], cwd=parts.ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        said: dict[str, str] = json.loads(process.stdout.readline())
        yield said
    finally:
        process.terminate()
        assert process.wait(20) == 0


def test_the_command_says_where_it_is_and_not_its_password(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    with command("--port", str(parts.free_port()), "--admin-password-file", str(secret)) as said:
        password = secret.read_text()
        assert password not in json.dumps(said)
        assert secret.stat().st_mode & 0o777 == 0o600
        who = requests.get(f"{said['url']}{API}/users/current", auth=("admin", password), timeout=9)
        assert who.status_code == 200


def test_the_command_goes_on_where_it_was(tmp_path: Path) -> None:
    """Projects, robots and images are there again after a stop; the file with secrets is its owner's alone."""
    options = ("--port", str(parts.free_port()), "--folder", str(tmp_path), "--project", "team")
    access = [{"resource": "repository", "action": "push"}]
    body = {"name": "r", "level": "system", "duration": -1,
            "permissions": [{"kind": "project", "namespace": "*", "access": access}]}  # fmt: skip
    with command(*options) as said:
        admin = ("admin", Path(said["password_file"]).read_text())
        made = requests.post(f"{said['url']}{API}/robots", json=body, auth=admin, timeout=9).json()

        async def push() -> str:
            async with client(said["url"], username=made["name"], password=made["secret"]) as c:
                return await push_image(c, "team/app", "v1")

        digest = run(push())
    assert (tmp_path / "state.pickle").stat().st_mode & 0o777 == 0o600
    with command(*options) as said:
        robot = (made["name"], made["secret"])
        at = f"{said['url']}/v2/team/app/manifests/v1"
        accept = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
        got = requests.get(at, auth=robot, headers=accept, timeout=9)
        assert got.headers["Docker-Content-Digest"] == digest
