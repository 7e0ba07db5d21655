"""What happened to the real Harbor between two recordings, done to the double as well."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from tests.harbor_double.replay import API, Player

OCI = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
SIMPLE = "application/vnd.dev.cosign.simplesigning.v1+json"
V1 = "sha256:f9f437082516378fca929409977a40413c6c98bb3961dfd98bff29f12ac2e8b4"
V1_BODY = {"config": 360, "layer": 103}
SIGN, ATTEST = "https://sigstore.dev/cosign/sign/v1", "https://cosign.sigstore.dev/attestation/v1"
ACCEPT = {"Accept": f"{OCI},{INDEX}"}


def _config(seed: str) -> bytes:
    content = {
        "created": "2026-11-01T00:00:00Z", "author": "peer", "architecture": "amd64", "os": "linux",
        "config": {"Cmd": ["/hello"], "Env": ["PATH=/"]},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(seed.encode()).hexdigest()]},
        "history": [{"created": "2026-11-01T00:00:00Z", "created_by": "COPY hello.txt /"}],
    }  # fmt: skip
    return json.dumps(content).encode()


def put(player: Player, repository: str, reference: str, content: dict[str, Any], recorded: str = "") -> str:
    """Push a manifest as the administrator; its digest stands for `recorded`."""
    body = json.dumps(content, separators=(",", ":")).encode()
    digest = "sha256:" + hashlib.sha256(body).hexdigest()
    if recorded:
        player.digests[recorded] = digest
    headers = {"Content-Type": content["mediaType"], **player.basic("admin")}
    got = player.send("PUT", f"/v2/{repository}/manifests/{reference or digest}", headers, body)
    assert got.status == 201, got
    return digest


def image(
    player: Player, repository: str, tag: str, recorded: str = "", config: str = "", layer: str = "", bare: bool = False
) -> str:
    """Push an image of the recorded form; `tag` may be empty. `config` and `layer` are recorded digests."""
    data = b'{"architecture":"amd64","os":"linux"}' if bare else _config(repository + tag + recorded)
    described = player.blob(repository, data, config)
    filled = hashlib.sha256(f"{repository}:{tag}:{recorded}".encode()).digest() * 3
    made = player.blob(repository, filled, layer)
    content = {
        "schemaVersion": 2, "mediaType": OCI,
        "config": {"mediaType": CONFIG, "digest": described, "size": len(data)},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": made, "size": len(filled)}],
    }  # fmt: skip
    return put(player, repository, tag, content, recorded)


def index(player: Player, repository: str, tag: str, recorded: str, children: list[str]) -> str:
    """Push an index of two children for amd64 and arm64."""
    platforms = [{"architecture": "amd64", "os": "linux"}, {"architecture": "arm64", "os": "linux"}]
    listed = [
        {"mediaType": OCI, "digest": digest, "size": 401, "platform": platform}
        for digest, platform in zip(children, platforms, strict=True)
    ]
    return put(player, repository, tag, {"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}, recorded)


def bundle(player: Player, repository: str, subject: str, recorded: str = "", kind: str = SIGN) -> str:
    """Push a bundle about `subject`, as cosign 3 does."""
    empty, data = player.blob(repository, b"{}"), f"a bundle about {subject} {recorded}".encode()
    layer = {"mediaType": BUNDLE, "size": len(data), "digest": player.blob(repository, data)}
    content = {
        "schemaVersion": 2, "mediaType": OCI,
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "size": 2, "digest": empty,
                   "artifactType": BUNDLE},
        "layers": [layer],
        "annotations": {
            "dev.sigstore.bundle.content": "dsse-envelope",
            "dev.sigstore.bundle.predicateType": kind,
            "org.opencontainers.image.created": "2026-11-23T12:12:00Z",
        },
        "subject": {"mediaType": OCI, "size": 401, "digest": subject},
        "artifactType": BUNDLE,
    }  # fmt: skip
    return put(player, repository, "", content, recorded)


def legacy(player: Player, repository: str, subject: str, recorded: str = "", suffix: str = "sig") -> str:
    """Push a signature (or attestation) at the tag that cosign 2 uses."""
    config = {"architecture": "", "created": "0001-01-01T00:00:00Z", "os": "", "config": {}, "history": [{}]}
    kind = SIMPLE if suffix == "sig" else "application/vnd.dsse.envelope.v1+json"
    data, payload = json.dumps(config).encode(), f"a signature of {subject}".encode()
    described = {"mediaType": CONFIG, "size": len(data), "digest": player.blob(repository, data)}
    layer = {"mediaType": kind, "size": len(payload), "digest": player.blob(repository, payload)}
    content = {"schemaVersion": 2, "mediaType": OCI, "config": described, "layers": [layer]}
    return put(player, repository, f"{subject.replace(':', '-')}.{suffix}", content, recorded)


Scene = Callable[[Player, Callable[[str], Any]], None]


def _first_images(player: Player, recorded: Callable[[str], Any]) -> None:
    """The images of project demo; v1 itself is the recording's request."""
    body = json.loads(recorded("v2-put-manifest-tag-v1")["request"]["body"])
    player.blob("demo/app", _config("v1"), body["config"]["digest"])
    player.blob("demo/app", b"v1".ljust(body["layers"][0]["size"]), body["layers"][0]["digest"])


def _more_images(player: Player, recorded: Callable[[str], Any]) -> None:
    listed = recorded("artifacts-list-default")["body"]
    untagged, second = listed[0]["digest"], listed[1]["digest"]
    image(player, "demo/app", "v2", second)
    image(player, "demo/app", "", untagged)
    front = recorded("artifacts-slash-double-encoded")["body"][0]["digest"]
    image(player, "demo/team/web/front", "1.0", front)
    manifest = player.send("GET", player.ours(f"/v2/demo/app/manifests/{V1}"), {**ACCEPT, **player.basic("admin")})
    player.double.state.events[-1].resource = "demo/app:v1"
    put(player, "demo/app", "stable", json.loads(manifest.body))
    for child in json.loads(recorded("v2-put-index")["request"]["body"])["manifests"]:
        image(player, "demo/multi", "", child["digest"])


def _no_csrf_projects(player: Player, _: Callable[[str], Any]) -> None:
    for name in ("csrfa", "csrfb"):
        assert player.send("DELETE", f"{API}/projects/{name}", player.basic("admin")).status == 200


def _hooked_push(player: Player, _: Callable[[str], Any]) -> None:
    player.double.state.last["execution"] = 4  # jobs that nobody recorded had used up numbers
    image(player, "demo/team/web/front", "2.0")
    at = "/v2/demo/team/web/front/manifests/2.0"
    assert player.send("GET", at, {**ACCEPT, **player.basic("admin")}).status == 200
    player.double.wait_for_webhooks()


def _release(player: Player, recorded: Callable[[str], Any]) -> None:
    image(player, "demo/app", "rel-1", recorded("artifacts-list-with-immutable")["body"][0]["digest"])
    player.double.wait_for_webhooks()


def _whole_pull(player: Player, recorded: Callable[[str], Any]) -> None:
    """All that a manifest names is pulled, so the cache keeps it."""
    at = "/v2/pcache/lib/tiny"
    body = player.send("GET", f"{at}/manifests/1", player.basic("admin")).body
    manifest = json.loads(body)
    digest = recorded("proxy-artifacts-after-full-pull")["body"][0]["digest"]
    player.digests[digest] = "sha256:" + hashlib.sha256(body).hexdigest()
    for one in (manifest["config"], *manifest["layers"]):
        assert player.send("GET", f"{at}/blobs/{one['digest']}", player.basic("admin")).status == 200


def _unsigned(player: Player, recorded: Callable[[str], Any]) -> None:
    manifest = recorded("sig-unsigned-pull-token-cosignUA-dev")["body"]
    config, layer = manifest["config"]["digest"], manifest["layers"][0]["digest"]
    image(player, "trust/unsigned", "v1", recorded("sig-unsigned-artifact")["body"]["digest"], config, layer)


def _case(repository: str, case: str, sign: Callable[..., str] | None = None, **more: Any) -> Scene:
    """An image for a case of the signing experiments, and a signature of some kind."""

    def scene(player: Player, recorded: Callable[[str], Any]) -> None:
        body = recorded(f"sig-{case}-artifact")["body"]
        made = image(player, f"trust/{repository}", "v1", body["digest"])
        if sign:
            listed = recorded(f"sig-{case}-artifacts-list")["body"]
            about = body["accessories"][0]["digest"] if body["accessories"] else listed[0]["digest"]
            sign(player, f"trust/{repository}", made, about, **more)

    return scene


def _signature(repository: str, case: str, sign: Callable[..., str]) -> Scene:
    """One more signature on an image that is there."""

    def scene(player: Player, recorded: Callable[[str], Any]) -> None:
        body = recorded(f"sig-{case}-artifact")["body"]
        sign(player, f"trust/{repository}", player.digests[body["digest"]], body["accessories"][-1]["digest"])

    return scene


def _multi(player: Player, recorded: Callable[[str], Any]) -> None:
    body = recorded("sig-multi-unsigned-artifact")["body"]
    children = [image(player, "trust/multi", "", one["child_digest"]) for one in body["references"]]
    index(player, "trust/multi", "v1", body["digest"], children)


def _recursive(player: Player, recorded: Callable[[str], Any]) -> None:
    body = recorded("sig-multi-recursive-artifact")["body"]
    bundle(player, "trust/multi", player.digests[body["digest"]], body["accessories"][1]["digest"])
    for one in body["references"]:
        bundle(player, "trust/multi", player.digests[one["child_digest"]])


def _retag(player: Player, recorded: Callable[[str], Any]) -> None:
    moved, signed = recorded("sig-retag-tag-moved-to-unsigned-artifacts-list")["body"]
    made = image(player, "trust/retag", "v1", signed["digest"])
    bundle(player, "trust/retag", made, signed["accessories"][0]["digest"])
    image(player, "trust/retag", "v1", moved["digest"])


def _seed(player: Player, recorded: Callable[[str], Any]) -> None:
    image(player, "trust/bogus-presigned", "seed", recorded("sig-bogus-presigned-artifacts-list")["body"][1]["digest"])
    made = _presigned(player)
    player.digests[recorded("sig-bogus-presigned-artifact")["body"]["digest"]] = made


def _presigned(player: Player, push: bool = False) -> str:
    """The digest of an image that is signed before it is there."""
    data, layer = b'{"architecture":"amd64","os":"linux"}', b"presigned"
    config = "sha256:" + hashlib.sha256(data).hexdigest()
    content = {
        "schemaVersion": 2, "mediaType": OCI, "config": {"mediaType": CONFIG, "digest": config, "size": len(data)},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                    "digest": "sha256:" + hashlib.sha256(layer).hexdigest(), "size": len(layer)}],
    }  # fmt: skip
    if push:
        for one in (data, layer):
            player.blob("trust/bogus-presigned", one)
        return put(player, "trust/bogus-presigned", "v1", content)
    return "sha256:" + hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()


def _late(player: Player, _: Callable[[str], Any]) -> None:
    """The image of a signature that came first."""
    _presigned(player, push=True)


def _site(player: Player, recorded: Callable[[str], Any]) -> None:
    body = recorded("public-anonymous-artifacts")["body"][0]
    made = image(player, "pub/site", "v1", body["digest"])
    bundle(player, "pub/site", made, body["accessories"][0]["digest"])
    for name in ("sign-pushonly", "sign-pushpull", "sign-pullonly", "sign-auditmin", "sign-x"):
        image(player, f"demo/{name}", "v1")


BEFORE: dict[str, Scene] = {
    "v2-put-manifest-tag-v1": _first_images,
    "v2-put-index": _more_images,
    "robot-create-pullonly": _no_csrf_projects,
    "webhook-jobs-lasttrigger": _hooked_push,
    "v2-put-manifest-immutable-tag": _release,
    "proxy-repositories-after-full-pull": _whole_pull,
    "sig-unsigned-accessories": _unsigned,
    "sig-v3bundle-accessories": _case("v3bundle", "v3bundle", bundle),
    "sig-v3bundle-signed-twice-accessories": _signature("v3bundle", "v3bundle-signed-twice", bundle),
    "sig-v3bytag-accessories": _case("v3bytag", "v3bytag", bundle),
    "sig-v3legacy-signingconfig-accessories": _case("v3legacy", "v3legacy-signingconfig"),
    "sig-v3legacy-accessories": _signature("v3legacy", "v3legacy", legacy),
    "sig-v25-accessories": _case("v25", "v25", legacy),
    "sig-v25oci11-accessories": _case("v25oci11", "v25oci11"),
    "sig-v3attest-only-accessories": _case("v3attest", "v3attest-only", bundle, kind=ATTEST),
    "sig-v25attest-only-accessories": _case("v25attest", "v25attest-only", legacy, suffix="att"),
    "sig-otherkey-accessories": _case("otherkey", "otherkey", bundle),
    "sig-multi-unsigned-accessories": _multi,
    "sig-multi-index-signed-accessories": _signature("multi", "multi-index-signed", bundle),
    "sig-multi-recursive-accessories": _recursive,
    "sig-retag-tag-moved-to-unsigned-accessories": _retag,
    "bogus-presigned-put-before-image": _seed,
    "sig-bogus-presigned-accessories": _late,
    "public-anonymous-project": _site,
    **{
        f"bogus-{one}-put": _case(f"bogus-{one}", f"bogus-{one}")
        for one in ("legacytag-robot", "v3bundle-robot", "oci11cfg-robot", "notation-robot", "sbomref-robot",
                    "legacytag-devuser", "v3bundle-devuser")
    },
}  # fmt: skip
