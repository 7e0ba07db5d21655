"""The bytes of a signature in each of cosign's two formats, as cosign 3.1 writes them (facts/cosign.md). Pure."""

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from harborweb.registry.client import OCI_INDEX, OCI_MANIFEST
from harborweb.registry.names import digest_of
from harborweb.signing.native.opening import OpenKey
from harborweb.verification import bundle, simple_signing

CONFIG = "application/vnd.oci.image.config.v1+json"
EMPTY = "application/vnd.oci.empty.v1+json"
NOTHING = b"{}"
NEVER = "0001-01-01T00:00:00Z"
# Go's encoder writes these so, for the sake of HTML; readers do not mind either way.
_GO = str.maketrans({one: f"\\u{ord(one):04x}" for one in "<>&\u2028\u2029"})


def compact(value: Any) -> bytes:
    """`value` as Go's encoding/json writes it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.translate(_GO).encode()


def descriptor(media_type: str, data: bytes, **more: Any) -> dict[str, Any]:
    """A pointer to `data`, its members in Go's order."""
    return {"mediaType": media_type, "size": len(data), "digest": digest_of(data), **more}


def payload(reference: str, digest: str, annotations: Mapping[str, str]) -> bytes:
    """What simple signing signs; `reference` is host/repository."""
    critical = {
        "identity": {"docker-reference": reference},
        "image": {"docker-manifest-digest": digest},
        "type": simple_signing.PAYLOAD_TYPE,
    }
    return compact({"critical": critical, "optional": dict(sorted(annotations.items())) or None})


def simple_layer(signer: OpenKey, signed: bytes) -> dict[str, Any]:
    """The layer that holds `signed` (a payload) and its signature."""
    signature = base64.b64encode(signer.sign(signed)).decode()
    return descriptor(simple_signing.MEDIA_TYPE, signed, annotations={simple_signing.SIGNATURE: signature})


def simple_config(layers: list[dict[str, Any]]) -> bytes:
    """The configuration of a manifest of simple-signing layers: an image's without anything in it."""
    history = [{"created": NEVER} for _layer in layers]
    rootfs = {"type": "layers", "diff_ids": [one["digest"] for one in layers]}
    return compact({"architecture": "", "created": NEVER, "history": history, "os": "", "rootfs": rootfs, "config": {}})


def simple_manifest(config: bytes, layers: list[dict[str, Any]]) -> bytes:
    """The manifest at a `.sig` tag."""
    return compact(
        {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": descriptor(CONFIG, config), "layers": layers}
    )


def bundle_of(signer: OpenKey, digest: str, annotations: Mapping[str, str]) -> bytes:
    """A sigstore bundle v0.3 around an in-toto statement that this digest is signed."""
    subject: dict[str, Any] = {"digest": {"sha256": digest.removeprefix("sha256:")}}
    if annotations:
        subject["annotations"] = dict(sorted(annotations.items()))
    statement = {
        "_type": bundle.STATEMENT_TYPE, "subject": [subject], "predicateType": bundle.SIGN_PREDICATE, "predicate": {},
    }  # fmt: skip
    body = compact(statement)
    signature = signer.sign(bundle.pae(bundle.PAYLOAD_TYPE, body))
    envelope = {
        "payload": base64.b64encode(body).decode(),
        "payloadType": bundle.PAYLOAD_TYPE,
        "signatures": [{"sig": base64.b64encode(signature).decode()}],
    }
    material = {"publicKey": {"hint": signer.public.hint}}
    return compact({"mediaType": bundle.MEDIA_TYPE, "verificationMaterial": material, "dsseEnvelope": envelope})


def bundle_manifest(held: bytes, subject: Mapping[str, Any], made: datetime) -> bytes:
    """The manifest that makes the bundle `held` refer to `subject` (a descriptor)."""
    annotations = {
        "dev.sigstore.bundle.content": "dsse-envelope",
        "dev.sigstore.bundle.predicateType": bundle.SIGN_PREDICATE,
        "org.opencontainers.image.created": f"{made:%Y-%m-%dT%H:%M:%SZ}",
    }
    return compact({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST,
        "config": descriptor(EMPTY, NOTHING, artifactType=bundle.MEDIA_TYPE),
        "layers": [descriptor(bundle.MEDIA_TYPE, held)],
        "annotations": annotations, "subject": dict(subject), "artifactType": bundle.MEDIA_TYPE,
    })  # fmt: skip


def referrer(manifest: bytes) -> dict[str, Any]:
    """How a list of referrers names a bundle's manifest."""
    return descriptor(OCI_MANIFEST, manifest, artifactType=bundle.MEDIA_TYPE)


def index(listed: list[dict[str, Any]]) -> bytes:
    """The list of referrers at a fallback tag."""
    return compact({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed})
