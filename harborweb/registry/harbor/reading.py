"""What Harbor's answers say, as values of ours; whatever types a stranger gave them, `null` counts as nothing."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime

from harborweb.registry.image import Config, config_of, mapping, objects, platform_of, text

ZERO_YEAR = 1  # "0001-01-01T00:00:00.000Z" is Harbor's word for never
LAST_YEAR = 9999  # its last hours are beyond what can be told in another time zone


@dataclass(frozen=True)
class Project:
    """A project; `proxies` is the id of the upstream registry of a proxy cache, None for an ordinary one."""

    id: int
    name: str
    public: bool
    repositories: int
    content_trust: bool
    proxies: int | None
    created: datetime | None
    updated: datetime | None


@dataclass(frozen=True)
class Repository:
    """A repository by its full name."""

    name: str
    description: str
    artifacts: int
    pulls: int
    created: datetime | None
    updated: datetime | None
    project_id: int = 0

    @property
    def project(self) -> str:
        """The project's name."""
        return self.name.partition("/")[0]

    @property
    def short(self) -> str:
        """The name within its project."""
        return self.name.partition("/")[2]


@dataclass(frozen=True)
class Tag:
    """A tag of an artifact."""

    name: str
    pushed: datetime | None
    pulled: datetime | None
    immutable: bool


@dataclass(frozen=True)
class Accessory:
    """What Harbor attached to an artifact by media type or tag name; that it is there proves nothing."""

    type: str  # signature.cosign, signature.notation, sbom.harbor, subject.accessory, …
    digest: str
    size: int
    created: datetime | None


@dataclass(frozen=True)
class Reference:
    """A child of an index."""

    digest: str
    platform: str


@dataclass(frozen=True)
class Artifact:
    """An artifact as Harbor lists it; `config` is None for what is no image."""

    id: int
    repository: str
    digest: str
    type: str  # IMAGE, CHART, …
    media_type: str  # of the manifest
    artifact_type: str
    size: int
    pushed: datetime | None
    pulled: datetime | None
    tags: list[Tag]
    accessories: list[Accessory]
    references: list[Reference]
    config: Config | None
    labels: list[str] = field(default_factory=list)
    project_id: int = 0

    @property
    def platforms(self) -> list[str]:
        """Of the image, or of the children of the index; what buildkit calls unknown is an attestation."""
        if self.config and self.config.platform:
            return [self.config.platform]
        named = [one.platform for one in self.references if one.platform and "unknown" not in one.platform]
        return list(dict.fromkeys(named))

    @property
    def signatures(self) -> list[str]:
        """The types of what Harbor takes for signatures, each once."""
        return list(dict.fromkeys(one.type for one in self.accessories if one.type.startswith("signature.")))

    @property
    def signed(self) -> bool:
        """Harbor's own opinion: an object at the place of a signature is there, whatever it holds."""
        return bool(self.signatures)


def project(item: dict[str, Any]) -> Project:
    """A project of `GET /projects`."""
    metadata = mapping(item.get("metadata"))
    registry = number(item.get("registry_id"))
    return Project(
        id=number(item.get("project_id")), name=text(item.get("name")), public=metadata.get("public") == "true",
        repositories=number(item.get("repo_count")),
        content_trust=metadata.get("enable_content_trust_cosign") == "true", proxies=registry or None,
        created=moment(item.get("creation_time")), updated=moment(item.get("update_time")),
    )  # fmt: skip


def repository(item: dict[str, Any]) -> Repository:
    """A repository of `GET /projects/…/repositories`."""
    return Repository(
        name=text(item.get("name")), description=text(item.get("description")),
        artifacts=number(item.get("artifact_count")), pulls=number(item.get("pull_count")),
        created=moment(item.get("creation_time")), updated=moment(item.get("update_time")),
        project_id=number(item.get("project_id")),
    )  # fmt: skip


def artifact(item: dict[str, Any]) -> Artifact:
    """An artifact of `GET /projects/…/repositories/…/artifacts`."""
    extra = mapping(item.get("extra_attrs"))
    is_image = item.get("type") == "IMAGE" and bool(extra)
    return Artifact(
        id=number(item.get("id")), repository=text(item.get("repository_name")), digest=text(item.get("digest")),
        type=text(item.get("type")), media_type=text(item.get("manifest_media_type")),
        artifact_type=text(item.get("artifact_type")), size=number(item.get("size")),
        pushed=moment(item.get("push_time")), pulled=moment(item.get("pull_time")),
        tags=[tag(one) for one in objects(item.get("tags"))],
        accessories=[accessory(one) for one in objects(item.get("accessories"))],
        references=[_reference(one) for one in objects(item.get("references"))],
        config=config_of(extra) if is_image else None,
        labels=[text(one.get("name")) for one in objects(item.get("labels"))],
        project_id=number(item.get("project_id")),
    )  # fmt: skip


def tag(item: dict[str, Any]) -> Tag:
    """A tag, inside an artifact or of `GET …/tags`."""
    return Tag(
        text(item.get("name")), moment(item.get("push_time")), moment(item.get("pull_time")),
        item.get("immutable") is True,
    )  # fmt: skip


def accessory(item: dict[str, Any]) -> Accessory:
    """An accessory, inside an artifact or of `GET …/accessories`."""
    return Accessory(
        text(item.get("type")), text(item.get("digest")), number(item.get("size")), moment(item.get("creation_time"))
    )


def _reference(item: dict[str, Any]) -> Reference:
    return Reference(text(item.get("child_digest")), platform_of(item.get("platform")))


def moment(value: object) -> datetime | None:
    """A time of Harbor's; None for its "never" and for what is no time."""
    try:
        found = parse_datetime(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found and found.tzinfo and ZERO_YEAR < found.year < LAST_YEAR else None


def number(value: object) -> int:
    """A whole number that a database takes, else 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63 else 0
