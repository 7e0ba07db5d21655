"""All that one Harbor knows, in memory; tests fill it here directly, which is quicker than by its API."""

import hashlib
import secrets
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.harbor_double.model import (
    Accessory,
    Artifact,
    Event,
    Label,
    Member,
    Policy,
    Project,
    Repository,
    Robot,
    Tag,
    Upstream,
    User,
)

VERSION = "v2.15.2-080b0220"  # systeminfo-admin
IMAGE_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
IMAGE_CONFIG = "application/vnd.oci.image.config.v1+json"


@dataclass
class State:
    """A Harbor's database. Take `lock` for more than one step; ids come from sequences, which refusals use up too."""

    external_url: str = ""
    version: str = VERSION
    freeze_seconds: float = 1.5  # wrong-password-lockout: a user waits after a wrong password
    webhooks_lost: bool = False  # True: events happen and nobody is told
    configuration: dict[str, Any] = field(default_factory=dict)  # what was changed of it
    components: dict[str, str] = field(default_factory=dict)  # a component's status where it is not healthy
    instead: dict[str, str] = field(default_factory=dict)  # an address elsewhere → where it really is, for tests
    users: dict[str, User] = field(default_factory=dict)
    projects: dict[int, Project] = field(default_factory=dict)
    robots: dict[int, Robot] = field(default_factory=dict)
    upstreams: dict[int, Upstream] = field(default_factory=dict)
    policies: dict[int, Policy] = field(default_factory=dict)
    labels: dict[int, Label] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    frozen: dict[str, float] = field(default_factory=dict)  # a user's name → until when
    sessions: dict[str, str] = field(default_factory=dict)  # a session → its user's name
    jobs: list[dict[str, Any]] = field(default_factory=list)  # garbage collections
    lock: threading.RLock = field(default_factory=threading.RLock)
    last: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def __post_init__(self) -> None:
        """A new Harbor has an administrator, and the public project `library`; user 2 is nobody."""
        if not self.users:
            admin = User(
                self.next("user"), "admin", secrets.token_urlsafe(12) + "aA1", "", "system admin", "admin user"
            )
            admin.admin = True
            self.users["admin"] = admin
            self.next("user")
            self.add_project("library", public=True)

    def __getstate__(self) -> dict[str, Any]:
        """All but what belongs to this process (keeping.py)."""
        kept = {key: value for key, value in self.__dict__.items() if key not in ("lock", "frozen")}
        return {**kept, "last": dict(self.last)}

    def __setstate__(self, kept: dict[str, Any]) -> None:
        self.__dict__.update(kept, lock=threading.RLock(), frozen={}, last=defaultdict(int, kept["last"]))

    # -- numbers and names

    def next(self, sequence: str) -> int:
        """The next id of a table."""
        self.last[sequence] += 1
        return self.last[sequence]

    @property
    def admin(self) -> User:
        return self.users["admin"]

    @property
    def read_only(self) -> bool:
        return bool(self.configuration.get("read_only"))

    @property
    def by_oidc(self) -> bool:
        """Whether people sign in elsewhere; the administrator and robots still do here."""
        return bool(self.configuration.get("auth_mode") == "oidc_auth")

    def project(self, name: str) -> Project | None:
        """A project by its name."""
        return next((one for one in self.projects.values() if one.name == name), None)

    def repository(self, name: str) -> Repository | None:
        """A repository by its whole name."""
        project = self.project(name.partition("/")[0])
        return project.repositories.get(name.partition("/")[2]) if project else None

    def robot(self, name: str) -> Robot | None:
        """A robot by its whole name."""
        return next((one for one in self.robots.values() if one.name == name), None)

    def repositories(self) -> Iterator[tuple[Project, Repository]]:
        """Every repository with its project."""
        for project in self.projects.values():
            for repository in project.repositories.values():
                yield project, repository

    def where(self, url: str) -> str:
        """Where an address of somebody else really is, so that tests stay on loopback."""
        return next((there + url[len(name) :] for name, there in self.instead.items() if url.startswith(name)), url)

    # -- adding

    def add_user(self, name: str, password: str, email: str = "", realname: str = "") -> User:
        """A person who may sign in."""
        user = User(self.next("user"), name, password, email or f"{name}@harbor.test", realname or name)
        self.users[name] = user
        return user

    def add_member(self, project: Project, user: User, role: int) -> Member:
        """Give `user` a role: 1 project admin, 2 developer, 3 guest, 4 maintainer, 5 limited guest."""
        member = Member(self.next("member"), project.id, user, role)
        project.members.append(member)
        return member

    def add_project(
        self, name: str, public: bool = False, owner: User | None = None, registry: int = 0,
        metadata: Mapping[str, str] | None = None,
    ) -> Project:  # fmt: skip
        """A project, owned by the administrator if by nobody else; `registry` makes it a proxy cache."""
        owner = owner or self.admin
        keys = {"public": "true" if public else "false", **(metadata or {})}
        project = Project(self.next("project"), name, self.next("allowlist"), keys, owner, registry)
        if registry:
            project.metadata["retention_id"] = str(self.next("retention"))  # proxy-project-get
        project.quota = self.next("quota")
        self.projects[project.id] = project
        self.add_member(project, owner, 1)
        return project

    def add_repository(self, project: Project, name: str) -> Repository:
        """The repository of this name (without its project's), made if need be."""
        if name not in project.repositories:
            project.repositories[name] = Repository(self.next("repository"), f"{project.name}/{name}", project.id)
        return project.repositories[name]

    def add_robot(
        self, name: str, permissions: list[dict[str, Any]], project: Project | None = None, **more: Any
    ) -> Robot:
        """A robot: `name` without prefix; of a project if one is given, else of the system."""
        prefix = self.configuration.get("robot_name_prefix", "robot$")
        whole = f"{prefix}{project.name}+{name}" if project else f"{prefix}{name}"
        robot = Robot(
            self.next("robot"), whole, more.pop("secret", "") or secrets.token_urlsafe(24),
            "project" if project else "system", permissions, project.id if project else 0, **more,
        )  # fmt: skip
        self.robots[robot.id] = robot
        return robot

    def add_upstream(self, name: str, url: str, kind: str = "docker-registry", **more: Any) -> Upstream:
        """A registry that a proxy cache may have as its upstream."""
        upstream = Upstream(self.next("upstream"), name, url, kind, **more)
        self.upstreams[upstream.id] = upstream
        return upstream

    def tag(self, repository: Repository, name: str, digest: str) -> Tag:
        """Let a tag mean `digest`; a tag that moves keeps its id."""
        tag = repository.tags.get(name)
        if tag is None or tag.digest != digest:
            tag = Tag(tag.id if tag else self.next("tag"), name, digest)
            repository.tags[name] = tag
            repository.changed()
        return tag

    def log(
        self, user: str, operation: str, resource: str, kind: str = "artifact", project: int = 0, text: str = "",
        good: bool = True,
    ) -> None:  # fmt: skip
        """Write a line of the audit log."""
        text = text or f"{operation} {kind}: {resource}"
        self.events.append(Event(self.next("event"), operation, kind, resource, text, user, project, good))

    # -- many at once

    def seed(
        self, project: str, repository: str, count: int, tags: int = 1, signed: int = 0, size: int = 30_000_000
    ) -> Repository:
        """Make `count` artifacts without pushing a byte (their manifests are not behind `/v2`).

        Each has `tags` tags (`v1`, `v1.1` …); the first `signed` have a signature of cosign. The digest of
        number n is that of the words "REPOSITORY n", so a test can name it: `digest_of`.
        """
        with self.lock:
            found = self.project(project) or self.add_project(project)
            made = self.add_repository(found, repository)
            for number in range(1, count + 1):
                digest = digest_of(f"{made.name} {number}")
                made.artifacts[digest] = self._seeded(digest, size + number)
                for extra in range(tags):
                    self.tag(made, f"v{number}.{extra}" if extra else f"v{number}", digest)
                if number <= signed:
                    own = digest_of(f"{made.name} {number} signature")
                    made.artifacts[own] = self._seeded(own, 1546)
                    made.accessories[own] = Accessory(self.next("accessory"), own, digest, "signature.cosign")
            made.changed()
            return made

    def _seeded(self, digest: str, size: int) -> Artifact:
        extra = {"architecture": "amd64", "author": "", "config": {"Env": ["PATH=/bin"]}, "os": "linux"}
        number = self.next("artifact")
        blob = digest_of(f"blob of {digest}")
        return Artifact(
            number, digest, IMAGE_MANIFEST, IMAGE_CONFIG, IMAGE_CONFIG, "IMAGE", size, 401, {blob: size - 401}, {},
            {**extra, "created": "2026-11-23T10:00:00Z"},
        )  # fmt: skip


def digest_of(text: str) -> str:
    """The digest of some words."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
