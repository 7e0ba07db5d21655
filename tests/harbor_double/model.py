"""What a Harbor knows: plain records, as its database has them."""

import datetime
from dataclasses import dataclass, field
from typing import Any

NEVER = datetime.datetime(1, 1, 1, tzinfo=datetime.UTC)


def now() -> datetime.datetime:
    """The time, as every record takes it."""
    return datetime.datetime.now(datetime.UTC)


@dataclass
class User:
    """A person: `password` in the clear, for this Harbor is none."""

    id: int
    name: str
    password: str
    email: str = ""
    realname: str = ""
    comment: str = ""
    admin: bool = False
    made: datetime.datetime = field(default_factory=now)
    cli_secret: str = ""  # where people sign in by OIDC: what their programs show instead of a password


@dataclass
class Member:
    """A role of a person in a project."""

    id: int
    project: int
    user: User
    role: int


@dataclass
class Tag:
    """A name of an artifact."""

    id: int
    name: str
    digest: str
    pushed: datetime.datetime = field(default_factory=now)
    pulled: datetime.datetime = NEVER


@dataclass
class Accessory:
    """An artifact that is about another one, which need not exist (bogus-presigned-put-before-image)."""

    id: int
    digest: str
    subject: str
    kind: str
    made: datetime.datetime = field(default_factory=now)


@dataclass
class Artifact:
    """A manifest, as Harbor's artifact API tells of it."""

    id: int
    digest: str
    manifest_type: str
    media_type: str
    artifact_type: str
    kind: str
    size: int
    manifest_size: int
    blobs: dict[str, int]
    annotations: dict[str, str] = field(default_factory=dict)
    extra: dict[str, Any] | None = None
    history: list[dict[str, Any]] = field(default_factory=list)
    children: list[dict[str, Any]] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    pushed: datetime.datetime = field(default_factory=now)
    pulled: datetime.datetime = NEVER


@dataclass
class Repository:
    """A repository; `name` has its project's name in front."""

    id: int
    name: str
    project: int
    description: str = ""
    pulls: int = 0
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    tags: dict[str, Tag] = field(default_factory=dict)
    accessories: dict[str, Accessory] = field(default_factory=dict)  # by their own digest
    made: datetime.datetime = field(default_factory=now)
    updated: datetime.datetime = field(default_factory=now)
    version: int = 0  # of what lists show
    kept: tuple[Any, Any] = (None, None)  # what was made for a version

    @property
    def rest(self) -> str:
        """The name without its project."""
        return self.name.partition("/")[2]

    def changed(self) -> None:
        """Something that lists show is different."""
        self.version += 1
        self.updated = now()

    def find(self, reference: str) -> Artifact | None:
        """The artifact with this tag or digest."""
        if reference in self.artifacts:
            return self.artifacts[reference]
        tag = self.tags.get(reference)
        return self.artifacts.get(tag.digest) if tag else None


@dataclass
class Project:
    """A project with what belongs to it alone."""

    id: int
    name: str
    allowlist: int
    metadata: dict[str, str]
    owner: User
    registry: int = 0  # of a proxy cache
    quota: int = 0
    hard: int = -1
    repositories: dict[str, Repository] = field(default_factory=dict)  # by their name without the project
    members: list[Member] = field(default_factory=list)
    immutable: list[dict[str, Any]] = field(default_factory=list)
    made: datetime.datetime = field(default_factory=now)
    quota_changed: datetime.datetime = NEVER

    @property
    def public(self) -> bool:
        return self.metadata.get("public") == "true"

    def role(self, user: User | None) -> int:
        """The role of `user` here; 0 for none."""
        return next((one.role for one in self.members if user and one.user is user), 0)

    def used(self) -> int:
        """The bytes it takes: each blob and manifest once (quota-get)."""
        blobs: dict[str, int] = {}
        for repository in self.repositories.values():
            for artifact in repository.artifacts.values():
                blobs.update(artifact.blobs)
                blobs[artifact.digest] = artifact.manifest_size
        return sum(blobs.values())


@dataclass
class Robot:
    """A robot account; `permissions` as the API has them."""

    id: int
    name: str  # with its prefix and its project's name
    secret: str
    level: str
    permissions: list[dict[str, Any]]
    project: int = 0
    description: str = ""
    duration: int = -1
    disable: bool = False
    creator: int = 1
    creator_type: str = "local"
    made: datetime.datetime = field(default_factory=now)

    @property
    def expires(self) -> int:
        """The second at which it ends; -1 for never."""
        return -1 if self.duration == -1 else int(self.made.timestamp()) + self.duration * 86400

    @property
    def usable(self) -> bool:
        return not self.disable and (self.expires == -1 or self.expires > now().timestamp())

    def access(self, kind: str, namespaces: tuple[str, ...]) -> set[tuple[str, str]]:
        """What it may do in one of `namespaces`, as (resource, action)."""
        return {
            (one["resource"], one["action"])
            for permission in self.permissions
            if permission["kind"] == kind and permission["namespace"] in namespaces
            for one in permission["access"]
        }


@dataclass
class Upstream:
    """A registry to replicate with, or to cache."""

    id: int
    name: str
    url: str
    type: str
    insecure: bool = False
    description: str = ""
    credential: dict[str, str] = field(default_factory=dict)
    made: datetime.datetime = field(default_factory=now)


@dataclass
class Policy:
    """A webhook policy of a project."""

    id: int
    name: str
    project: int
    targets: list[dict[str, Any]]
    events: list[str]
    enabled: bool = True
    description: str = ""
    made: datetime.datetime = field(default_factory=now)
    triggered: dict[str, datetime.datetime] = field(default_factory=dict)
    executions: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Label:
    """A label, of a project (`p`) or of all (`g`)."""

    id: int
    name: str
    scope: str
    color: str = ""
    description: str = ""
    project: int = 0
    made: datetime.datetime = field(default_factory=now)


@dataclass
class Event:
    """A line of the audit log."""

    id: int
    operation: str
    resource_type: str
    resource: str
    description: str
    user: str
    project: int = 0
    good: bool = True
    time: datetime.datetime = field(default_factory=now)
