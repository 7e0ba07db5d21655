"""The table of every key of harbor.yml: one row each. The rows stand beside it, a file for a few sections each.

The keys and their defaults are those of Harbor 2.15.2's template and prepare as observed (facts on prepare and the
template), the drivers' parameters those of the registry it ships. `since` names the first template that has a key;
the templates of 2.11 and 2.12 are the same but for their version.
"""

from collections.abc import Iterator

from django.utils.translation import gettext_lazy

from harborweb.configuration.fields import entrance, services, storage, watching
from harborweb.configuration.fields.shape import (
    ANYWHERE,
    HARBOR_ONLY,
    NEWEST,
    OLDEST,
    Block,
    Effect,
    Field,
    Kind,
    Section,
    Source,
    Tls,
    Words,
)
from harborweb.configuration.parsing import LONGEST, parse, parse_items

__all__ = [
    "ANYWHERE", "BLOCKS", "BY_BLOCK", "BY_KEY", "BY_SECTION", "FIELDS", "HARBOR_ONLY", "LONGEST", "NEWEST", "OLDEST",
    "REQUIRED_WITH", "SECTIONS", "Block", "Effect", "Field", "Kind", "Section", "Source", "Tls", "Words",
    "blocks_of", "of_section", "parse", "parse_items",
]  # fmt: skip

# fmt: off
SECTIONS = (
    Section("address", gettext_lazy("Address"),
            gettext_lazy("The name and port under which browsers and docker clients find Harbor.")),
    Section("https", gettext_lazy("HTTPS"),
            gettext_lazy("Who holds the certificate decides which keys count.")),
    Section("administrator", gettext_lazy("Administrator"),
            gettext_lazy("The first sign-in, with a password that every template brings along.")),
    Section("storage", gettext_lazy("Storage"),
            gettext_lazy("Where images, database and Harbor’s own keys lie.")),
    Section("database", gettext_lazy("Database"),
            gettext_lazy("The PostgreSQL that comes with Harbor, or one of your own.")),
    Section("redis", gettext_lazy("Redis"),
            gettext_lazy("The Redis that comes with Harbor, or one of your own, also behind Sentinel.")),
    Section("jobs", gettext_lazy("Jobs"),
            gettext_lazy("Scans, replications, garbage collection and webhooks run as jobs.")),
    Section("logs", gettext_lazy("Logs"),
            gettext_lazy("How much Harbor’s containers write, and where to.")),
    Section("scanner", gettext_lazy("Scanner"),
            gettext_lazy("Trivy looks for known vulnerabilities, where it was installed with Harbor.")),
    Section("proxy", gettext_lazy("Proxy"),
            gettext_lazy("For machines that reach the internet only through an HTTP proxy.")),
    Section("metrics", gettext_lazy("Metrics and tracing"),
            gettext_lazy("Numbers for Prometheus, and traces for Jaeger or OpenTelemetry.")),
    Section("ip", gettext_lazy("IP families"),
            gettext_lazy("Whether Harbor listens on IPv4, IPv6, or both.")),
    Section("internal_tls", gettext_lazy("Internal TLS"),
            gettext_lazy("Encryption between Harbor’s own containers.")),
    Section("advanced", gettext_lazy("Advanced"),
            gettext_lazy("Keys that most installations leave as they are.")),
)
# fmt: on
FIELDS: tuple[Field, ...] = (
    *entrance.FIELDS,
    *storage.FIELDS,
    *services.FIELDS,
    *watching.FIELDS,
)  # fmt: skip
BLOCKS: tuple[Block, ...] = (
    *entrance.BLOCKS, *storage.BLOCKS, *services.BLOCKS, *watching.BLOCKS,
)  # fmt: skip
BY_KEY = {field.key: field for field in FIELDS}
BY_SECTION = {section.name: section for section in SECTIONS}
BY_BLOCK = {block.key: block for block in BLOCKS}
# Block → the keys that have to be live with it.
REQUIRED_WITH = {block.key: tuple(f"{block.key}.{name}" for name in block.needs) for block in BLOCKS if block.needs}


def of_section(name: str, tls: Tls | None = None) -> Iterator[Field]:
    """The fields on one page of the wizard; with `tls`, only those that count where TLS ends there."""
    return (field for field in FIELDS if field.section == name and (tls is None or tls in field.only))


def blocks_of(name: str) -> Iterator[Block]:
    """The blocks that can be switched on one page of the wizard."""
    return (block for block in BLOCKS if block.section == name)
