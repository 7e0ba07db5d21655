"""The Harbor that a client is set up for: every value checked once, so that nothing can be injected later."""

import json
import re
import shlex
from dataclasses import dataclass, field, replace

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.utils.translation import gettext as _

from harborweb.errors import Problem
from harborweb.registry import names
from harborweb.registry.endpoint import Endpoint

PROJECT = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.$+@-]{0,254}")  # robot$project+name, an own prefix, a person
UPSTREAM = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*(?::[1-9][0-9]{0,4})?")
PASSWORD_FILE = "harbor-password.txt"  # noqa: S105 (a file's name)
PLACEHOLDER = "PUT-THE-SECRET-OF-THE-ROBOT-HERE"
MAX_AUTHORITIES = 20


@dataclass(frozen=True)
class Cache:
    """A proxy cache project of Harbor: `project` holds what comes from `upstream` (docker.io, ghcr.io, host:port)."""

    project: str
    upstream: str = "docker.io"

    def __post_init__(self) -> None:
        check_project(self.project, "cache")
        if not UPSTREAM.fullmatch(self.upstream):
            raise Problem(
                _("“%(name)s” is no registry’s name.") % {"name": self.upstream[:80]},
                _("Write it as in an image reference, for example docker.io or registry.example:5000."),
                field="upstream",
            )

    @property
    def server(self) -> str:
        """Where the upstream's API is: Docker Hub's is not at docker.io."""
        return "https://registry-1.docker.io" if self.upstream == "docker.io" else f"https://{self.upstream}"

    @property
    def example(self) -> str:
        """A repository and tag of the upstream, without its host."""
        return "library/alpine:3.20" if self.upstream == "docker.io" else "team/app:1.0"


@dataclass(frozen=True)
class Target:
    """One Harbor, one project, one robot account; raises Problem where a value is not what it should be.

    `ca_pem` is Harbor's own authority, empty where a public one issued its certificate or none is known; it is
    kept as certificates alone, without whatever stood around them. `robot` is the whole name that Harbor showed.
    """

    url: str
    project: str = "library"
    robot: str = "robot$library+ci"
    ca_pem: str = field(default="", repr=False)
    repository: str = "app"
    tag: str = "1.0"
    cache: Cache | None = None

    def __post_init__(self) -> None:
        base = Endpoint(self.url, allow_http=True).base  # raises RegistryError, a Problem
        check_project(self.project, "project")
        names.check_repository(f"{self.project}/{self.repository}")
        names.check_reference(self.tag)
        if not USER.fullmatch(self.robot):
            raise Problem(
                _("“%(name)s” is no name of a robot account or user.") % {"name": self.robot[:80]},
                _("Copy the whole name that Harbor shows, for example robot$team+ci."),
                field="robot",
            )
        object.__setattr__(self, "url", str(base))
        object.__setattr__(self, "ca_pem", authorities(self.ca_pem))

    @property
    def https(self) -> bool:
        """Whether clients speak TLS to it."""
        return self.url.startswith("https://")

    @property
    def host(self) -> str:
        """Name and, unless it is the scheme's own, port: as in an image reference."""
        return Endpoint(self.url, allow_http=True).host

    @property
    def image(self) -> str:
        """The whole reference of the example image."""
        separator = "@" if names.is_digest(self.tag) else ":"
        return f"{self.host}/{self.project}/{self.repository}{separator}{self.tag}"

    @property
    def pushed(self) -> str:
        """The reference to push to: always a tag, a digest cannot be pushed to."""
        return f"{self.host}/{self.project}/{self.repository}:{'1.0' if names.is_digest(self.tag) else self.tag}"

    @property
    def local(self) -> str:
        """The same image as it may be called on one's own machine."""
        return self.pushed.rpartition("/")[2]

    def cached(self, cache: Cache) -> "Target":
        """The same Harbor with a proxy cache project."""
        return replace(self, cache=cache)


def check_project(name: str, where: str) -> str:
    """`name`, or Problem at the field `where` when no project of Harbor can be called so."""
    if len(name) > 255 or not PROJECT.fullmatch(name):
        raise Problem(
            _("“%(name)s” is no project’s name.") % {"name": name[:80]},
            _("It has small letters, digits and single . _ - between them."),
            field=where,
        )
    return name


def authorities(pem: str) -> str:
    """The certificates in `pem` in one form, and nothing else; Problem when there is text but no certificate."""
    if not pem.strip():
        return ""
    try:
        found = x509.load_pem_x509_certificates(pem.encode())[:MAX_AUTHORITIES]
    except ValueError as error:
        raise Problem(
            _("What is kept as Harbor’s CA is no certificate."),
            _("Put the CA’s certificate in PEM form into the registry’s settings."),
            field="ca_pem",
        ) from error
    return "".join(one.public_bytes(Encoding.PEM).decode() for one in found)


def sh(*words: str) -> str:
    """A command for a POSIX shell, each word quoted where it must be: `$` in a robot's name too."""
    return shlex.join(words)


def text(value: str) -> str:
    """`value` as a string of JSON, which is a string of TOML and of YAML as well."""
    return json.dumps(value)
