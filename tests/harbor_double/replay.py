"""Plays the recordings to a double: each request as it was sent, and what was answered, held against the recording.

The real Harbor's images are not recorded, only their digests, so images of the same form are made; `digests` maps what
was recorded to what is there. Where something happened between two recordings, `stage.py` does it.
"""

import base64
import hashlib
import http.client
import json
import re
from dataclasses import dataclass, field
from typing import Any

from tests.harbor_double.server import HarborDouble

HOST = "harbor.test:8085"
API = "/api/v2.0"
PASSWORDS = {"admin": "Harbor12345", "dev": "Dev12345x", "outsider": "Out12345x", "ghost": "nobody"}
WRONG = ("wrong-password-401", "wrong-password-on-public-endpoint", "wrong-password-systeminfo", "v2-root-wrong",
         "service-token-wrong")  # fmt: skip
COMPARED = (
    "content-type", "location", "www-authenticate", "docker-content-digest", "docker-distribution-api-version", "link",
    "x-total-count", "oci-subject", "oci-filters-applied", "x-frame-options", "cache-control", "server",
)  # fmt: skip
THERE = ("set-cookie", "x-request-id", "x-harbor-csrf-token", "etag")  # whose values nobody can foretell
# Who a token was for that the recordings only call redacted, by the notes in them.
BEARER = {
    "sig-unsigned-pull-token-plainUA-dev": "dev",
    "sig-unsigned-pull-token-cosignUA-dev": "dev",
    "sig-unsigned-pull-token-pullonly-cosignUA-dev": "dev",
    "sig-unsigned-blob-pull-dev": "dev",
    "sig-unsigned-pull-robot-pullonly-cosignUA": "robot$trust+trustpull",
}
MANIFEST = re.compile(r"/v2/(.+)/manifests/")
# Values that differ from Harbor to Harbor: times, sizes, what clocks and dice made, the blobs of other images; how
# often something was pulled, which the real one counts late; and numbers of tags, of which the real one left one out.
LOOSE = re.compile(
    r".*/((\w*_?time|created|\w+_at|issued_at|size|free|total|icon|secret|token|pull_count|total_storage_consumption"
    r"|storage|org\.opencontainers\.image\.created|endpoints)|(config|layers/\*)/digest|(.*/)?tags/\*/id)"
)
# More of them, in these recordings only: jobs that were still running, and numbers after runs of cosign that nobody
# recorded one by one.
ALSO_LOOSE = {
    "webhook-executions": re.compile(r".*/(status|payload|success_task_count)"),
    "gc-history": re.compile(r".*/(job_status|job_parameters)"),
    "jobservice-pools": re.compile(r".*/worker_pool_id"),
    **dict.fromkeys(
        ("public-anonymous-repositories", "public-anonymous-artifacts", "public-anonymous-accessories",
         "public-outsider-repositories", "public-outsider-artifacts", "public-outsider-accessories",
         "accessory-as-artifact-get", "artifacts-q-include-accessories", "repository-artifact-count-with-signature",
         "projects-list-sort-name", "projects-list-q-name"),
        re.compile(r".*/(id|\w+_id|repo_count)"),
    ),
}  # fmt: skip
OPTIONAL = {"pull_count"}  # left out where it is 0, and the real one counts pulls only after a while
# Logs of hundreds of things that were not recorded one by one: of these, only the shape of a line is compared.
ROUGH = ("auditlog-exts-after-exercise", "auditlog-exts-q-operation")


@dataclass
class Answer:
    """What came."""

    status: int
    headers: dict[str, str]
    body: bytes

    def content(self, recorded: Any) -> Any:
        """The body as the recorder wrote it down."""
        if not self.body:
            return None
        try:
            return json.loads(self.body)
        except ValueError:
            return self.body.decode(errors="replace") if isinstance(recorded, str) else self.body


@dataclass
class Player:
    """Plays recordings to one double, in their order."""

    double: HarborDouble
    digests: dict[str, str] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    robots: dict[str, str] = field(default_factory=dict)  # a robot's name → its secret
    jar: dict[str, str] = field(default_factory=dict)  # the portal's cookies, as a browser has them
    csrf: str = ""
    fresh: str = ""  # the secret of a robot's that was refreshed

    # -- sending

    def send(self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes | None = None) -> Answer:
        """Send a request as it is written, to the name that the real Harbor had."""
        address, _, port = self.double.host.partition(":")
        connection = http.client.HTTPConnection(address, int(port), timeout=30)
        try:
            connection.request(method, path, body, {"Host": HOST, **(headers or {})})
            got = connection.getresponse()
            data = got.read()
            found: dict[str, str] = {}
            for name, value in got.getheaders():
                found[name.lower()] = f"{found[name.lower()]}\n{value}" if name.lower() in found else value
            return Answer(got.status, found, data)
        finally:
            connection.close()

    def basic(self, user: str, wrong: bool = False) -> dict[str, str]:
        """The header by which `user` signs in."""
        password = "wrong" if wrong else PASSWORDS.get(user) or self.robots[user]
        return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}

    def bearer(self, user: str, repository: str, actions: str = "pull,push") -> dict[str, str]:
        """The header of a token for a repository."""
        path = f"/service/token?service=harbor-registry&scope=repository:{repository}:{actions}"
        got = self.send("GET", path, self.basic(user) if user else {})
        return {"Authorization": f"Bearer {json.loads(got.body)['token']}"}

    # -- digests

    def ours(self, text: str) -> str:
        """`text` with our digests instead of the recorded ones; also as tags of signatures."""
        for recorded, mine in self.digests.items():
            text = text.replace(recorded, mine).replace(recorded.replace(":", "-"), mine.replace(":", "-"))
        return text

    def blob(self, repository: str, data: bytes, recorded: str = "") -> str:
        """Push a blob as the administrator."""
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        self.blobs[digest] = data
        if recorded:
            self.digests[recorded] = digest
        begun = self.send("POST", f"/v2/{repository}/blobs/uploads/", self.basic("admin"))
        assert begun.status == 202, begun
        at = begun.headers["location"].partition(HOST)[2]
        kind = {"Content-Type": "application/octet-stream", **self.basic("admin")}
        ended = self.send("PUT", f"{at}&digest={digest}", kind, data)
        assert ended.status == 201, ended
        return digest

    def translated(self, repository: str, manifest: str) -> bytes:
        """A recorded manifest about blobs of ours: those that nobody knows are made, of the recorded size."""
        content = json.loads(self.ours(manifest))
        for one in [content["config"], *content["layers"]] if "config" in content else []:
            made = b"{}" if one["size"] == 2 else one["digest"].encode().ljust(one["size"], b" ")[: one["size"]]
            known = self.blobs.get(one["digest"])
            one["digest"] = self.blob(repository, known or made, "" if known else one["digest"])
        return json.dumps(content, separators=(",", ":")).encode()

    # -- playing

    def play(self, name: str, recording: dict[str, Any]) -> list[str]:
        """Send a recorded request; the ways in which the answer is another one."""
        request = recording["request"]
        headers, body = dict(request["headers"] or {}), request["body"]
        if request["auth"]:
            headers |= self.basic(request["auth"], name in WRONG)
        repository = MANIFEST.match(request["path"])
        if isinstance(body, dict):
            headers.setdefault("Content-Type", "application/json")
            sent: bytes | None = json.dumps(body).encode()
        elif body is not None and repository and request["method"] == "PUT":
            sent = self.translated(repository[1], body)
            self.digests[recording["headers"].get("docker-content-digest", body)] = (
                "sha256:" + hashlib.sha256(sent).hexdigest()
            )
        else:
            sent = body.encode() if body is not None else None
        self._browser(name, headers)
        if "Authorization" in headers and headers["Authorization"].endswith("redacted"):
            of = re.match(r"/v2/(.+)/(manifests|blobs|referrers)/", request["path"])
            assert of
            headers |= self.bearer(BEARER.get(name, ""), of[1], "pull" if "pullonly" in name else "pull,push")
        answer = self.send(request["method"], self.ours(request["path"]), headers, sent)
        self._remember(name, answer)
        return self.differences(name, recording, answer)

    def _browser(self, name: str, headers: dict[str, str]) -> None:
        """Real cookies and a real CSRF token where the recordings say redacted."""
        if "Cookie" in headers:
            names = re.findall(r"(\w+)=", headers["Cookie"])
            headers["Cookie"] = "; ".join(f"{one}={self.jar[one]}" for one in names if one in self.jar)
        if headers.get("X-Harbor-CSRF-Token", "bogus") != "bogus":
            headers["X-Harbor-CSRF-Token"] = self.csrf

    def _remember(self, name: str, answer: Answer) -> None:
        if name.startswith("csrf-") and name != "csrf-8-post-basic-no-cookie":
            for cookie in answer.headers.get("set-cookie", "").split("\n"):
                key, _, value = cookie.partition(";")[0].partition("=")
                if key:
                    self.jar[key] = value
            self.csrf = answer.headers.get("x-harbor-csrf-token", self.csrf)
        if name.startswith("robot-create-") and answer.status == 201:
            made = json.loads(answer.body)
            self.robots[made["name"]] = made["secret"]
        if name == "robot-refresh-secret":
            self.fresh = json.loads(answer.body)["secret"]

    # -- comparing

    def differences(self, name: str, recording: dict[str, Any], answer: Answer) -> list[str]:
        """In what an answer is not the recorded one: status, headers, shape, values."""
        found = []
        if answer.status != recording["status"]:
            found.append(f"status {answer.status} and not {recording['status']}: {answer.body[:300]!r}")
        for header in COMPARED:
            mine, theirs = answer.headers.get(header), recording["headers"].get(header)
            theirs = self.ours(theirs) if theirs else theirs
            if mine != theirs:
                found.append(f"{header} is {mine!r} and not {theirs!r}")
        found += [
            f"{header} is {'' if header in answer.headers else 'not '}there"
            for header in THERE
            if (header in answer.headers) != (header in recording["headers"])
        ]
        theirs = json.loads(self.ours(json.dumps(recording["body"])))
        mine = answer.content(recording["body"])
        if (isinstance(theirs, str) and theirs.startswith("<")) or isinstance(mine, bytes):
            return found  # a page
        if "/blobs/" in recording["request"]["path"] and answer.status == 200:
            return found  # a layer of another image
        if name in ROUGH:
            rough = [one for one in found if not one.startswith("x-total-count")]
            shapes = [{json.dumps(_shape(one)) for one in some} for some in (mine, theirs)]
            return rough + ([] if shapes[0] == shapes[1] else [f"shapes {shapes[0]} and not {shapes[1]}"])
        also = ALSO_LOOSE.get(name)
        compared = [(at, text) for at, text in _compared("", mine, theirs) if not also or not also.fullmatch(at)]
        return found + [f"body{at} {text}" for at, text in compared]


def _compared(at: str, mine: Any, theirs: Any) -> list[tuple[str, str]]:
    """Where two bodies differ: names and types everywhere, and the values that do not depend on when and where."""
    if type(mine) is not type(theirs):
        return [(at, f"is {type(mine).__name__} and not {type(theirs).__name__}")]
    if isinstance(theirs, dict):
        found = []
        more, less = set(mine) - set(theirs) - OPTIONAL, set(theirs) - set(mine) - OPTIONAL
        if more or less:
            found.append((f"{at}/", f"has {sorted(more)} and lacks {sorted(less)}"))
        for key in sorted(set(mine) & set(theirs)):
            found += _compared(f"{at}/{key}", mine[key], theirs[key])
        return found
    if isinstance(theirs, list):
        return _lists(at, mine, theirs)
    if mine != theirs and not LOOSE.fullmatch(at):
        return [(at, f"is {mine!r} and not {theirs!r}")]
    return []


def _shape(value: Any) -> Any:
    """The names and types in a value."""
    if isinstance(value, dict):
        return {key: _shape(value[key]) for key in sorted(value)}
    return [_shape(one) for one in value] if isinstance(value, list) else type(value).__name__


def _lists(at: str, mine: list[Any], theirs: list[Any]) -> list[tuple[str, str]]:
    if at.endswith("/endpoints"):  # of a registry's many regions the double has one
        mine, theirs = mine[:1], theirs[:1]
    if len(mine) != len(theirs):
        return [(at, f"has {len(mine)} and not {len(theirs)}")]
    if all(isinstance(one, dict) and set(one) == {"action", "resource"} for one in [*mine, *theirs]):
        mine, theirs = (sorted(some, key=lambda one: (one["resource"], one["action"])) for some in (mine, theirs))
    return [one for pair in zip(mine, theirs, strict=True) for one in _compared(f"{at}/*", *pair)]
