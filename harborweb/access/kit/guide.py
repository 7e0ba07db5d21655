"""What a guide is: steps, each with a sentence, files at their real paths, and commands."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from django.utils.translation import gettext as _

from harborweb.access.kit.target import PASSWORD_FILE, Cache, Target, sh

CA_NAME = "harbor-ca.crt"


class Part(StrEnum):
    """What a step is for; a caller takes the parts it needs (`Guide.only`)."""

    TRUST = "trust"
    LOGIN = "login"
    PULL = "pull"
    PUSH = "push"
    MIRROR = "mirror"


@dataclass(frozen=True)
class File:
    """A file a tool reads. A path that begins with / is where it lies, any other is in the working folder.

    `merge`: where such a file exists already these lines go into it; it must not be replaced.
    """

    path: str
    content: str
    mode: int = 0o644
    merge: bool = False

    @property
    def octal(self) -> str:
        """The mode as chmod writes it."""
        return f"{self.mode:04o}"


@dataclass(frozen=True)
class Step:
    """One step. `cannot` says that the tool is not able to do this, and the text says what to use instead."""

    part: Part
    title: str
    text: str = ""
    files: tuple[File, ...] = ()
    commands: tuple[str, ...] = ()
    where: str = ""
    cannot: bool = False

    @property
    def script(self) -> str:
        """The commands as lines."""
        return "\n".join(self.commands)


@dataclass(frozen=True)
class Guide:
    """How one tool is set up."""

    tool: str
    name: str
    about: str
    steps: tuple[Step, ...]

    def only(self, *parts: Part) -> "Guide":
        """The same guide with the steps of these parts."""
        return replace(self, steps=tuple(step for step in self.steps if step.part in parts))

    @property
    def files(self) -> tuple[File, ...]:
        """Every file of every step, each path once."""
        return tuple({file.path: file for step in self.steps for file in step.files}.values())


def trust(target: Target, paths: Iterable[str], after: str = "", commands: tuple[str, ...] = ()) -> Step:
    """The CA at each of `paths`; where none is known, whether one is needed and where it would go."""
    paths = tuple(paths)
    title = _("Trust its certificate")
    if target.ca_pem:
        words = _("This Harbor’s certificate comes from an authority of its own. Its certificate goes here.")
        files = tuple(File(path, target.ca_pem) for path in paths)
        return Step(Part.TRUST, title, f"{words} {after}".strip(), files, commands)
    words = _(
        "harborweb knows no authority of this Harbor’s own. With a certificate of a public authority there is nothing "
        "to do. Otherwise put the authority’s certificate (PEM) at %(path)s."
    ) % {"path": paths[0]}
    return Step(Part.TRUST, title, words)


def password_step(login: Iterable[str], text: str = "") -> Step:
    """Write the robot's secret into a file that only you can read, then log in from it."""
    words = _(
        "The first line waits for the robot’s secret: paste it, press Enter, then Ctrl-D. So the secret is in no "
        "command, no history and no list of processes. The name stands in single quotes, because a shell would "
        "take $ and what follows away."
    )
    return Step(
        Part.LOGIN,
        _("Log in as the robot"),
        f"{words} {text}".strip(),
        commands=(f"(umask 077 && cat > {PASSWORD_FILE})", *login),
    )


def login_command(target: Target, *program: str, flags: tuple[str, ...] = ()) -> str:
    """`program login` with the password from stdin."""
    words = sh(*program, "login", *flags, "--username", target.robot, "--password-stdin", target.host)
    return f"{words} < {PASSWORD_FILE}"


def client(target: Target, program: str, *flags: str) -> tuple[Step, ...]:
    """Login, pull and push of a program that speaks like docker."""
    return (
        password_step([login_command(target, program, flags=flags)]),
        Step(Part.PULL, _("Pull"), commands=(sh(program, "pull", *flags, target.image),)),
        Step(
            Part.PUSH,
            _("Push"),
            _("The name of the image says where it goes: host, project, repository, tag."),
            commands=(sh(program, "tag", target.local, target.pushed), sh(program, "push", *flags, target.pushed)),
        ),
    )


def through(target: Target, cache: Cache, program: tuple[str, ...], prefix: str = "") -> Step:
    """Use the cache by its whole name: what always works, whatever the tool's mirror setting can do."""
    name = f"{prefix}{target.host}/{cache.project}/{cache.example}"
    return Step(
        Part.MIRROR,
        _("Through the cache, by its whole name"),
        _(
            "Put %(host)s/%(project)s in the place of %(upstream)s: the name of this Harbor and of its proxy cache "
            "project."
        )
        % {"upstream": cache.upstream, "host": target.host, "project": cache.project},
        commands=(sh(*program, name),) if program else (),
    )
