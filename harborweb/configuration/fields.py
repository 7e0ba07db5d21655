"""The keys of harbor.yml as the wizard asks for them: one row each; more keys are more rows.

The defaults and what a change needs are Harbor 2.15.2's, as observed (facts on prepare and the template).
"""

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from harborweb.configuration.reading import TextProblem, Value

Words = str | Promise
LONGEST = 1024


class Kind(enum.Enum):
    """What a field takes; the form and the parser go by it."""

    TEXT = "text"
    PORT = "port"
    PATH = "path"
    URL = "url"
    PASSWORD = "password"  # noqa: S105 - a kind of field


class Effect(enum.Enum):
    """What a change needs before it counts."""

    RESTART = gettext_lazy("Counts from the next deployment on; Harbor restarts for it.")
    FIRST_START = gettext_lazy("Counts when Harbor starts for the first time; later it is changed in Harbor itself.")
    NEVER = gettext_lazy("Cannot be changed once Harbor has run.")


class Tls(enum.StrEnum):
    """Where TLS ends. No key of harbor.yml: it decides which keys count."""

    HARBOR = "harbor"
    PROXY = "proxy"
    NOWHERE = "nowhere"


@dataclass(frozen=True)
class Section:
    """A page of the wizard."""

    name: str
    title: Words
    lead: Words


@dataclass(frozen=True)
class Field:
    """One key: what it is called, what it means, what it takes, what a change needs."""

    key: str
    section: str
    kind: Kind
    label: Words
    help: Words
    effect: Effect
    default: Value = None
    secret: bool = False
    optional: bool = False  # may be left empty: the key goes back to its comment
    only: frozenset[Tls] = frozenset(Tls)  # counts only where TLS ends here
    placeholder: str = ""
    random: bool = False  # nobody types it, so harborweb may make it up

    @property
    def block(self) -> str:
        """The block the key stands in; empty at top level."""
        return self.key.rpartition(".")[0]


SECTIONS = (
    Section(
        "address",
        gettext_lazy("Address"),
        gettext_lazy("The name and port under which browsers and docker clients find Harbor."),
    ),
    Section("https", gettext_lazy("HTTPS"), gettext_lazy("Who holds the certificate decides which keys count.")),
    Section(
        "administrator",
        gettext_lazy("Administrator"),
        gettext_lazy("The two passwords that a template brings along, and that everybody knows."),
    ),
    Section("storage", gettext_lazy("Storage"), gettext_lazy("Where images, database and Harbor's own keys lie.")),
)
HARBOR_ONLY = frozenset({Tls.HARBOR})

FIELDS = (
    Field(
        "hostname",
        "address",
        Kind.TEXT,
        gettext_lazy("Host name"),
        gettext_lazy(
            "The name of this machine on your network, or its IP address, as other machines reach it. "
            "Without https:// and without a port: those are asked separately."
        ),
        Effect.RESTART,
        placeholder="registry.example",
    ),
    Field(
        "http.port",
        "address",
        Kind.PORT,
        gettext_lazy("HTTP port"),
        gettext_lazy(
            "Harbor answers plain http here. With HTTPS in Harbor it only sends people on to the HTTPS port; "
            "with a reverse proxy in front, the proxy talks to this port."
        ),
        Effect.RESTART,
        default=80,
    ),
    Field(
        "https.port",
        "https",
        Kind.PORT,
        gettext_lazy("HTTPS port"),
        gettext_lazy("With another port than 443, everybody has to write it behind the host name."),
        Effect.RESTART,
        default=443,
        only=HARBOR_ONLY,
    ),
    Field(
        "https.certificate",
        "https",
        Kind.PATH,
        gettext_lazy("Certificate file"),
        gettext_lazy(
            "Path on Harbor’s machine. A PEM file with the certificate first, then those between it and the authority. "
            "Its names have to cover the host name."
        ),
        Effect.RESTART,
        only=HARBOR_ONLY,
        placeholder="/etc/harbor/tls/registry.example.crt",
    ),
    Field(
        "https.private_key",
        "https",
        Kind.PATH,
        gettext_lazy("Private key file"),
        gettext_lazy("Path on Harbor’s machine: the key that belongs to the certificate, PEM, without a password."),
        Effect.RESTART,
        only=HARBOR_ONLY,
        placeholder="/etc/harbor/tls/registry.example.key",
    ),
    Field(
        "external_url",
        "https",
        Kind.URL,
        gettext_lazy("Public address"),
        gettext_lazy(
            "The address that people type, when it is not the host name with Harbor’s port: behind a reverse proxy "
            "it is the proxy’s. docker fetches its tokens there. Only scheme, name and port, without a path."
        ),
        Effect.RESTART,
        optional=True,
        placeholder="https://registry.example",
    ),
    Field(
        "harbor_admin_password",
        "administrator",
        Kind.PASSWORD,
        gettext_lazy("Password of admin"),
        gettext_lazy(
            "The first sign-in to Harbor is admin with this password. 8 to 128 characters with an upper-case letter, "
            "a lower-case letter and a digit."
        ),
        Effect.FIRST_START,
        default="Harbor12345",
        secret=True,
    ),
    Field(
        "database.password",
        "administrator",
        Kind.PASSWORD,
        gettext_lazy("Password of the database"),
        gettext_lazy(
            "Harbor’s own containers use it among themselves; nobody types it. Any long random text does. "
            "Set it before the first start: changed afterwards, Harbor’s core no longer gets into its database."
        ),
        Effect.NEVER,
        default="root123",
        secret=True,
        random=True,
    ),
    Field(
        "data_volume",
        "storage",
        Kind.PATH,
        gettext_lazy("Data folder"),
        gettext_lazy(
            "A folder on Harbor’s machine with room for all images. It is made when it is not there. "
            "Set it before the first start: pointed elsewhere afterwards, Harbor starts empty."
        ),
        Effect.NEVER,
        default="/data",
        placeholder="/srv/harbor/data",
    ),
)
BY_KEY = {field.key: field for field in FIELDS}
BY_SECTION = {section.name: section for section in SECTIONS}


def of_section(name: str) -> Iterator[Field]:
    """The fields on one page of the wizard."""
    return (field for field in FIELDS if field.section == name)


def parse(field: Field, raw: str) -> Value:
    """The value that `raw`, typed into `field`, stands for; None when it was left empty.

    Raises TextProblem for what cannot stand in a harbor.yml at all.
    """
    text = raw if field.secret else raw.strip()
    if len(text) > LONGEST:
        raise TextProblem(
            _("This is longer than %(most)s characters.") % {"most": LONGEST}, _("Shorten it."), key=field.key
        )
    if "\n" in text or "\r" in text:
        raise TextProblem(_("This takes one line."), _("Remove the line break."), key=field.key)
    if field.kind is Kind.PORT and text:
        if not (text.isascii() and text.isdigit()):
            raise TextProblem(
                _("A port is a number."), _("Write a whole number from 1 to 65535, for example 8080."), key=field.key
            )
        return int(text[:12])
    return text or None
