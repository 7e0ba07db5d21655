"""Recordings in other forms than one request: a table, refusals as text; and the upstream of the proxy cache."""

import ast
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import requests

from tests.harbor_double.replay import API, Player
from tests.harbor_double.stage import OCI, V1


def fill(url: str) -> None:
    """Push an image of docker's kind to the upstream of the proxy cache."""
    config = {
        "architecture": "amd64", "os": "linux", "created": "2026-01-01T00:00:00Z",
        "config": {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]},
    }  # fmt: skip
    described = []
    for data, kind in (
        (json.dumps(config).encode(), "container.image.v1+json"),
        (b"layer", "image.rootfs.diff.tar.gzip"),
    ):
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        begun = requests.post(f"{url}/v2/lib/tiny/blobs/uploads/", timeout=9).headers["Location"]
        assert requests.put(f"{begun}&digest={digest}", data=data, timeout=9).status_code == 201
        described.append({"mediaType": f"application/vnd.docker.{kind}", "size": len(data), "digest": digest})
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    manifest = {"schemaVersion": 2, "mediaType": kind, "config": described[0], "layers": described[1:]}
    body, named = json.dumps(manifest).encode(), {"Content-Type": kind}
    assert requests.put(f"{url}/v2/lib/tiny/manifests/1", data=body, headers=named, timeout=9).status_code == 201


def _matrix(player: Player, path: Path) -> list[str]:
    """robot-permission-matrix: the status, and the number of things, of each address for each robot."""
    at = f"{API}/projects/demo/repositories/app"
    asked = {
        "users/current": f"{API}/users/current", "projects list": f"{API}/projects",
        "project get": f"{API}/projects/demo", "projects HEAD": f"HEAD {API}/projects?project_name=demo",
        "repositories list": f"{API}/projects/demo/repositories", "repository get": at,
        "artifacts list": f"{at}/artifacts", "artifact get": f"{at}/artifacts/{V1}",
        "accessories list": f"{at}/artifacts/{V1}/accessories", "tags list": f"{at}/artifacts/{V1}/tags",
        "v2 manifest": "/v2/demo/app/manifests/v1", "v2 referrers": f"/v2/demo/app/referrers/{V1}",
        "v2 tags": "/v2/demo/app/tags/list", "v2 upload start": "POST /v2/demo/app/blobs/uploads/",
        "v2 other project": "/v2/trust/unsigned/manifests/v1", "systeminfo": f"{API}/systeminfo",
        "health": f"{API}/health", "auditlog-exts": f"{API}/auditlog-exts",
        "metadata": f"{API}/projects/demo/metadatas/", "quotas": f"{API}/quotas",
    }  # fmt: skip
    found = []
    for robot, row in json.loads(path.read_text()).items():
        name = "robot$sysaudit" if robot == "sysaudit" else f"robot$demo+{robot}"
        for what, theirs in row.items():
            method, _, address = ("" if " " in asked[what] else "GET ").join(("", asked[what])).partition(" ")
            headers = {"Accept": OCI, **player.basic(name)}
            got = player.send(method, player.ours(address), headers)
            total = got.headers.get("x-total-count")
            mine = f"{got.status} total={total}" if total is not None else str(got.status)
            if mine != theirs:
                found.append(f"{robot}, {what}: {mine} and not {theirs}")
    return found


def _refused(repository: str) -> Callable[[Player, Path], list[str]]:
    """The start of an upload by the administrator, refused in the words that were written down."""

    def compare(player: Player, path: Path) -> list[str]:
        _, _, rest = path.read_text().partition("upload start ")
        status, _, body = rest.partition(" ")
        got = player.send("POST", f"/v2/{repository}/blobs/uploads/", player.basic("admin"))
        mine = [got.status, json.loads(got.body)]
        theirs = [int(status), ast.literal_eval(body)]
        alike = [re.sub(r"[\d.]+ KiB", "N KiB", json.dumps(one)) for one in (mine, theirs)]
        return [] if alike[0] == alike[1] else [f"{alike[0]} and not {alike[1]}"]

    return compare


def _scopes(player: Player, path: Path) -> list[str]:
    """cosign-experiments, token_scopes: what a token is good for, whatever was asked for."""
    found = []
    pull_only = "robot$demo+pullonly"
    player.robots[pull_only] = player.fresh
    asked = {
        "dev asks pull": ("dev", "trust/unsigned", "pull"), "pullonly robot asks push": (pull_only, "demo/app", "push"),
        "pushonly robot asks pull": ("robot$demo+pushonly", "demo/app", "pull"),
    }  # fmt: skip
    for what, theirs in json.loads(path.read_text())["token_scopes"].items():
        token = player.bearer(*asked[what])["Authorization"].removeprefix("Bearer ")
        claims = player.double.parts.tokens.read(token)
        if claims is None or claims["access"] != theirs:
            found.append(f"{what}: {claims} and not {theirs}")
    return found


# Before which recording each of them was made, and how it is compared.
OTHERS: dict[str, tuple[str, Callable[[Player, Path], list[str]]]] = {
    "quota-update-unlimited": ("v2-over-quota-blob.txt", _refused("demo/app")),
    "registries-adapters": ("robot-permission-matrix.json", _matrix),
    "project-delete-registry-in-use": ("proxy-push-denied.txt", _refused("pcache/lib/tiny")),
    "readonly-systeminfo": ("readonly-push.txt", _refused("demo/app")),
    "public-anonymous-project": ("cosign-experiments.json", _scopes),
}
