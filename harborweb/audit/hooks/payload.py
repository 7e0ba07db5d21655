"""What a Harbor's webhook says, in both of its formats: names to look at, and nothing to believe.

Source: requests of a real Harbor 2.15.2 (Default and CloudEvents), and its source (2.15) for what was not recorded:
a push or deletion names one tag of the artifact, or its digest in the tag's place; a replication names the first
segment below the project and loses the rest.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from harborweb.audit.models import HookEvent
from harborweb.registry import image, names
from harborweb.registry.errors import RegistryError, plain
from harborweb.registry.transport import parse_json

MOST_NAMED = 100  # resources or artifacts of one event
DEPTH = 20
TYPES = frozenset({"application/json", "application/cloudevents+json"})

Kind = HookEvent.Kind
KINDS = {
    "PUSH_ARTIFACT": Kind.PUSH, "harbor.artifact.pushed": Kind.PUSH,
    "DELETE_ARTIFACT": Kind.DELETE, "harbor.artifact.deleted": Kind.DELETE,
    "REPLICATION": Kind.REPLICATION, "harbor.replication.status.changed": Kind.REPLICATION,
    "QUOTA_EXCEED": Kind.QUOTA_EXCEEDED, "harbor.quota.exceeded": Kind.QUOTA_EXCEEDED,
    "QUOTA_WARNING": Kind.QUOTA_WARNING, "harbor.quota.warned": Kind.QUOTA_WARNING,
}  # fmt: skip
# What Harbor can tell of too, and what says nothing that we would look at.
NOTHING_OF_OURS = re.compile(
    r"PULL_ARTIFACT|SCANNING_(?:FAILED|STOPPED|COMPLETED)|TAG_RETENTION|CREATE_TAG"
    r"|harbor\.(?:artifact\.pulled|scan\.[a-z]+|tag_retention\.finished|tag\.created)"
)
_NAME_TAG = re.compile(r"[^:\[\s]+")


class Junk(Exception):
    """What came is no event; the argument is the sentence that says why, fit for a log."""


@dataclass(frozen=True)
class Told:
    """One thing to look at; `identity` is the same for two deliveries of the same event."""

    kind: HookEvent.Kind
    repository: str
    tag: str = ""
    digest: str = ""
    detail: str = ""
    identity: str = ""


def read(body: bytes, content_type: str, project: str) -> list[Told]:
    """What `body` tells of `project`; nothing for an event that changes no artifact. Raises Junk."""
    if content_type.partition(";")[0].strip().lower() not in TYPES:
        raise Junk(_("It is called %s, and Harbor sends JSON.") % plain(content_type or "nothing"))
    content = _json(body)
    kind = content.get("type")
    if not isinstance(kind, str):
        raise Junk(_("It names no type of event."))
    if kind not in KINDS:
        if NOTHING_OF_OURS.fullmatch(kind):
            return []
        raise Junk(_("It is of a type that Harbor does not have: %s.") % plain(kind))
    cloud = "specversion" in content
    data = content.get("data" if cloud else "event_data")
    if not isinstance(data, dict):
        raise Junk(_("It says nothing of what happened."))
    told = _replicated(data, project) if KINDS[kind] == Kind.REPLICATION else _named(KINDS[kind], data, project)
    stamp = image.text(content.get("id")) if cloud else content.get("occur_at")
    return [_identified(one, stamp, cloud=cloud) for one in told]


def _json(body: bytes) -> dict[str, Any]:
    """The object in `body`; nothing of Harbor's nests deeper than a few levels."""
    try:
        content = parse_json(body, "", DEPTH)
    except RegistryError as error:
        raise Junk(_("It is no JSON, or nested deeper than %d levels.") % DEPTH) from error
    if not isinstance(content, dict):
        raise Junk(_("It is JSON, but no object."))
    return content


def _named(kind: HookEvent.Kind, data: Mapping[str, Any], project: str) -> list[Told]:
    """Pushes and deletions by the tags they name, quotas by the repository that met them."""
    name = _repository(image.mapping(data.get("repository")).get("repo_full_name"), project)
    if kind in {Kind.QUOTA_EXCEEDED, Kind.QUOTA_WARNING}:
        said = image.mapping(data.get("custom_attributes")).get("Details")
        return [Told(kind, name, detail=plain(image.text(said)))]
    resources = image.objects(data.get("resources"))
    if not resources:
        raise Junk(_("It names no artifact of %s.") % name)
    return [_resource(kind, name, one) for one in resources[:MOST_NAMED]]


def _resource(kind: HookEvent.Kind, repository: str, item: Mapping[str, Any]) -> Told:
    tag, digest = image.text(item.get("tag")), image.text(item.get("digest"))
    if names.is_digest(tag):
        tag, digest = "", tag
    if tag and not names.is_tag(tag):
        raise Junk(_("“%s” is no tag.") % plain(tag))
    if digest and not names.is_digest(digest):
        raise Junk(_("“%s” is no digest.") % plain(digest))
    if not tag and not digest:
        raise Junk(_("It names neither tag nor digest."))
    return Told(kind, repository, tag, digest)


def _replicated(data: Mapping[str, Any], project: str) -> list[Told]:
    """The repositories that a replication wrote here; one that went elsewhere changed nothing of ours.

    Of the two ends only the one elsewhere carries the name of a registry.
    """
    said = image.mapping(data.get("replication"))
    there = image.mapping(said.get("dest_resource"))
    if not there:
        raise Junk(_("It names no replication."))
    if image.text(there.get("registry_name")):
        return []
    found = {}
    for one in image.objects(said.get("successful_artifact"))[:MOST_NAMED]:
        match = _NAME_TAG.match(image.text(one.get("name_tag")))
        if match is None:
            raise Junk(_("It names no artifact."))
        name = match[0] if match[0].startswith(f"{project}/") else f"{image.text(there.get('namespace'))}/{match[0]}"
        found[name] = Told(Kind.REPLICATION, _repository(name, project))
    return list(found.values())


def _repository(name: object, project: str) -> str:
    """`name` where it is a repository of `project`: the secret of one project speaks of no other."""
    if not isinstance(name, str) or not names.is_repository(name):
        raise Junk(_("“%s” is no repository.") % plain(str(name)))
    if not name.startswith(f"{project}/"):
        raise Junk(_("%(name)s is not in %(project)s, whose secret it carries.") % {"name": name, "project": project})
    return name


def _identified(told: Told, stamp: object, *, cloud: bool) -> Told:
    """`told` with what tells deliveries apart: CloudEvents' id, else the event's time; and what it names."""
    parts = [cloud, stamp, told.kind, told.repository, told.tag, told.digest]
    identity = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    return Told(told.kind, told.repository, told.tag, told.digest, told.detail, identity)
