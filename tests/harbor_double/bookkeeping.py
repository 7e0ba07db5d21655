"""What Harbor's database learns when a manifest passes: artifacts, tags, accessories, children, sizes."""

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.harbor_double.model import Accessory, Artifact, Project, Repository
from tests.harbor_double.state import State

if TYPE_CHECKING:
    from tests.harbor_double.server import Parts

INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
IMAGES = ("application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json")
SIGNATURE_TAG = re.compile(r"sha256-([0-9a-f]{64})\.sig")
SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
# sig-*: the media type of a referrer → what Harbor calls it; it looks at nothing else
ACCESSORIES = {
    "application/vnd.dev.sigstore.bundle.v0.3+json": "signature.cosign",
    "application/vnd.dev.cosign.artifact.sig.v1+json": "signature.cosign",
    "application/vnd.cncf.notary.signature": "signature.notation",
    "application/vnd.goharbor.harbor.sbom.v1": "sbom.harbor",
}
KINDS = {"application/vnd.cncf.helm.config.v1+json": "CHART", "application/vnd.wasm.config.v1+json": "WASM"}


def record(
    parts: "Parts", repository: Repository, reference: str, body: bytes, media_type: str, digest: str
) -> Artifact:
    """A manifest was pushed: remember its artifact, its tag, and whose accessory it is."""
    state, manifest = parts.state, json.loads(body)
    with state.lock:
        found = repository.artifacts.get(digest)
    config = _config(parts, repository, manifest) if found is None else None
    with state.lock:
        artifact = repository.artifacts.get(digest)
        if artifact is None:
            artifact = _artifact(state, repository, manifest, len(body), media_type, digest, config)
            repository.artifacts[digest] = artifact
        if not reference.startswith("sha256:"):
            state.tag(repository, reference, digest)
        _accessory(state, repository, reference, manifest, digest)
        repository.changed()
        return artifact


def _config(parts: "Parts", repository: Repository, manifest: dict[str, Any]) -> dict[str, Any] | None:
    """The configuration of an image, read from the registry behind."""
    described = manifest.get("config") or {}
    if described.get("mediaType") not in IMAGES:
        return None
    got = parts.backend.ask("GET", f"/v2/{repository.name}/blobs/{described['digest']}")
    try:
        found = json.loads(got.body) if got.status == 200 else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _artifact(
    state: State, repository: Repository, manifest: dict[str, Any], length: int, media_type: str, digest: str,
    config: dict[str, Any] | None,
) -> Artifact:  # fmt: skip
    number = state.next("artifact")
    if media_type in INDEXES:
        children = [_child(repository, number, one) for one in manifest.get("manifests", [])]
        size = length + sum(
            repository.artifacts[one["child_digest"]].size
            for one in children
            if one["child_digest"] in repository.artifacts
        )
        artifact = Artifact(number, digest, media_type, media_type, "", "IMAGE", size, length, {})
        artifact.children = children
        artifact.annotations = manifest.get("annotations") or {}
        return artifact
    described = manifest.get("config") or {}
    blobs = {one["digest"]: one["size"] for one in [described, *manifest.get("layers", [])] if one}
    kind = described.get("mediaType", "")
    named = "IMAGE" if kind in IMAGES else KINDS.get(kind, "UNKNOWN")
    size = length + described.get("size", 0) + sum(one["size"] for one in manifest.get("layers", []))
    artifact = Artifact(
        number, digest, media_type, kind, manifest.get("artifactType") or kind, named, size, length, blobs,
        manifest.get("annotations") or {},
    )  # fmt: skip
    if kind in IMAGES:
        artifact.extra = _extra(config or {})
        artifact.history = (config or {}).get("history") or []
    return artifact


def _extra(config: dict[str, Any]) -> dict[str, Any]:
    """What the API tells of an image's configuration (artifact-by-tag)."""
    return {
        "architecture": config.get("architecture", ""),
        "author": config.get("author", ""),
        "config": config.get("config") or {},
        "created": config.get("created"),  # null where it is not there (sig-bogus-presigned-artifact)
        "os": config.get("os", ""),
    }


def _child(repository: Repository, parent: int, described: dict[str, Any]) -> dict[str, Any]:
    """A child of an index, as `references` lists it (artifact-index)."""
    found = repository.artifacts.get(described["digest"])
    platform = described.get("platform") or {}
    child = {
        "child_digest": described["digest"], "child_id": found.id if found else 0, "parent_id": parent,
        "platform": {"OsFeatures": None, **{key: value for key, value in platform.items() if isinstance(value, str)}},
        "urls": None,
    }  # fmt: skip
    if described.get("annotations"):
        child["annotations"] = described["annotations"]
    return child


def _accessory(state: State, repository: Repository, reference: str, manifest: dict[str, Any], digest: str) -> None:
    """Signed by tag name and media type, or by `subject`; whether it verifies, Harbor does not ask."""
    if digest in repository.accessories:
        return
    tag = SIGNATURE_TAG.fullmatch(reference)
    layers = [one.get("mediaType") for one in manifest.get("layers", [])]
    subject = (manifest.get("subject") or {}).get("digest", "")
    if tag and SIMPLE_SIGNING in layers:
        subject, kind = f"sha256:{tag[1]}", "signature.cosign"
    elif subject:
        types = (manifest.get("artifactType"), (manifest.get("config") or {}).get("mediaType"))
        kind = next((ACCESSORIES[one] for one in types if one in ACCESSORIES), "subject.accessory")
    else:
        return
    repository.accessories[digest] = Accessory(state.next("accessory"), digest, subject, kind)


@dataclass(frozen=True)
class View:
    """What lists need of a repository, made once for each of its versions."""

    listed: list[Artifact]  # what a list shows: no accessories, no untagged children of an index; the newest first
    tags: dict[str, list[str]]  # by digest, the newest first (artifact-tags-list)
    about: dict[str, list[Accessory]]  # by subject, the oldest first


def view(repository: Repository) -> View:
    """The view of a repository as it is now; nobody changes it."""
    # a test that adds or deletes by hand may forget to say `changed`, so the numbers count too
    sizes = (len(repository.artifacts), len(repository.tags), len(repository.accessories))
    if repository.kept[0] == (repository.version, sizes):
        kept: View = repository.kept[1]
        return kept
    tags: dict[str, list[str]] = {}
    for tag in sorted(repository.tags.values(), key=lambda one: one.id, reverse=True):
        tags.setdefault(tag.digest, []).append(tag.name)
    children = {child["child_digest"] for one in repository.artifacts.values() for child in one.children}
    found = [
        one
        for digest, one in repository.artifacts.items()
        if digest not in repository.accessories and (digest not in children or digest in tags)
    ]
    found.sort(key=lambda one: (one.pushed, one.id), reverse=True)
    about: dict[str, list[Accessory]] = {}
    for accessory in repository.accessories.values():
        about.setdefault(accessory.subject, []).append(accessory)
    made = View(found, tags, about)
    repository.kept = ((repository.version, sizes), made)
    return made


def listed(repository: Repository) -> list[Artifact]:
    """The artifacts that a list shows."""
    return view(repository).listed


def tags_by_digest(repository: Repository) -> dict[str, list[str]]:
    """The names of each artifact."""
    return view(repository).tags


def accessories(repository: Repository, digest: str) -> list[Accessory]:
    """What is known to be about an artifact."""
    return view(repository).about.get(digest, [])


def signed(repository: Repository, digest: str) -> bool:
    """Signed, as Harbor sees it."""
    return any(one.kind == "signature.cosign" for one in accessories(repository, digest))


def remove(parts: "Parts", repository: Repository, artifact: Artifact, user: str) -> None:
    """Delete an artifact with its tags, accessories and children that nobody else has; and its manifest."""
    state = parts.state
    with state.lock:
        doomed = [artifact, *_below(repository, artifact)]
        tags = tags_by_digest(repository).get(artifact.digest, [])
        for one in doomed:
            repository.artifacts.pop(one.digest, None)
            repository.accessories.pop(one.digest, None)
            for name in tags_by_digest(repository).get(one.digest, []):
                repository.tags.pop(name, None)
        repository.changed()
        project = state.projects[repository.project]
        resource = f"{repository.name}:{tags[0]}" if tags else f"{repository.name}@{artifact.digest}"
        text = f"delete artifact: {repository.name}@{artifact.digest}"
        state.log(user, "delete", resource, "artifact", project.id, text)
    for one in doomed:
        parts.backend.ask("DELETE", f"/v2/{repository.name}/manifests/{one.digest}")
    parts.deliveries.event("DELETE_ARTIFACT", project, repository, artifact.digest, tags[0] if tags else "", user)


def _below(repository: Repository, artifact: Artifact) -> list[Artifact]:
    """What goes with an artifact: its accessories, and theirs, and lone children."""
    about = [one.digest for one in repository.accessories.values() if one.subject == artifact.digest]
    tagged = tags_by_digest(repository)
    for child in artifact.children:
        digest = child["child_digest"]
        others = [
            one
            for one in repository.artifacts.values()
            if one is not artifact and any(other["child_digest"] == digest for other in one.children)
        ]
        if digest not in tagged and not others:
            about.append(digest)
    found = [repository.artifacts[one] for one in about if one in repository.artifacts]
    return found + [below for one in found for below in _below(repository, one)]


def over(project: Project, more: int = 0) -> str:
    """Why `more` bytes do not fit into a project's quota, or nothing (v2-over-quota-blob)."""
    used = project.used()
    if project.hard == -1 or used + more <= project.hard:
        return ""
    what = f"adding {_bytes(more)}" if more else "subtracting 0 B"
    return (
        f"{what} of storage resource, which when updated to current usage of {_bytes(used)} "
        f"will exceed the configured upper limit of {_bytes(project.hard)}."
    )


def _bytes(count: int) -> str:
    value, unit = float(count), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):  # noqa: B007
        if value < 1024:
            break
        value /= 1024
    return f"{value:.1f} {unit}" if unit != "B" else f"{count} B"
