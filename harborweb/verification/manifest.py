"""Manifests and indexes: the members that matter, with the types that Go's readers insist on.

cosign reads a manifest into typed structs (go-containerregistry `v1.Manifest`), so one annotation that is no
string makes it refuse every layer. We refuse the same, or a hostile sibling could make the two disagree.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harborweb.verification.sentences import sentence as _
from harborweb.verification.strict import Malformed, fields, load_json

LONGEST_PLATFORM = 100
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_OTHER_DIGEST = re.compile(r"(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})")


def is_digest(text: object) -> bool:
    """Whether `text` is a SHA-256 digest as registries write it."""
    return isinstance(text, str) and DIGEST.fullmatch(text) is not None


@dataclass(frozen=True)
class Descriptor:
    """A pointer to bytes."""

    digest: str
    media_type: str
    size: int
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)
    platform: str = ""  # "os/architecture[/variant]" as an index says, empty where it does not


@dataclass(frozen=True)
class Manifest:
    """An image manifest (`layers`) or an index (`children`); `subject` is the digest it refers to, or empty."""

    is_index: bool
    media_type: str
    artifact_type: str
    subject: str
    layers: tuple[Descriptor, ...] = ()
    children: tuple[Descriptor, ...] = ()


_MANIFEST = {
    "schemaVersion": int,
    "mediaType": str,
    "artifactType": str,
    "config": dict,
    "subject": dict,
    "layers": list,
    "manifests": list,
    "annotations": dict,
}
_DESCRIPTOR = {
    "mediaType": str,
    "size": int,
    "digest": str,
    "data": str,
    "urls": list,
    "annotations": dict,
    "platform": dict,
    "artifactType": str,
}


def read_manifest(body: bytes) -> Manifest:
    """The manifest or index in `body`; raises Malformed when it is neither, or both."""
    document = fields(load_json(body, "The manifest", folded=True), "The manifest", _MANIFEST)
    _text_map(document["annotations"])
    layers, children = document["layers"], document["manifests"]
    if (layers is None) == (children is None):
        raise Malformed(_("The manifest is neither an image manifest nor an index."))
    if document["config"] is not None:
        _descriptor(document["config"])
    subject = document["subject"]
    return Manifest(
        is_index=children is not None,
        media_type=document["mediaType"] or "",
        artifact_type=document["artifactType"] or "",
        subject=_descriptor(subject).digest if subject is not None else "",
        layers=tuple(_descriptor(item) for item in layers or ()),
        children=tuple(_descriptor(item) for item in children or ()),
    )


def _descriptor(value: Any) -> Descriptor:
    item = fields(value, "A descriptor in the manifest", _DESCRIPTOR)
    digest = item["digest"] or ""
    if not _OTHER_DIGEST.fullmatch(digest):
        raise Malformed(_("A descriptor in the manifest has no digest that can be used: %(digest)s.", digest=digest))
    annotations = _text_map(item["annotations"])
    return Descriptor(digest, item["mediaType"] or "", item["size"] or 0, annotations, _platform(item["platform"]))


def _platform(value: dict[str, Any] | None) -> str:
    parts = [(value or {}).get(name) for name in ("os", "architecture", "variant")]
    return "/".join(part for part in parts if isinstance(part, str) and part)[:LONGEST_PLATFORM]


def _text_map(value: dict[str, Any] | None) -> Mapping[str, str]:
    if value and not all(isinstance(text, str) for text in value.values()):
        raise Malformed(_("An annotation of the manifest is not a string."))
    return value or {}
