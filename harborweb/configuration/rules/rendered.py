"""Rules for what prepare writes down without quotes, and another program then reads differently.

Passwords and addresses go into `env` files that docker compose reads (observed with compose 2.26), a few paths into
docker-compose.yml, and the password of Redis into the registry's own YAML.
"""

import re
from collections.abc import Iterator

from django.utils.translation import gettext as _

from harborweb.configuration.faults import Sheet
from harborweb.configuration.fields import FIELDS, Field, Kind
from harborweb.configuration.text.document import Document
from harborweb.configuration.text.reading import TextProblem
from harborweb.configuration.text.values import NULL

ENV = ("harbor_admin_password", "database.", "external_database.", "proxy.", "trivy.", "trace.", "metric.path")
WORDS = (Kind.TEXT, Kind.PASSWORD, Kind.HOST, Kind.URL)
SWITCHED = {"trace": "trace.enabled", "metric": "metric.enabled"}
COMPOSE = ("log.local.location", "storage_service.gcs.keyfile", "uaa.ca_file")
REGISTRY = ("external_redis.username", "external_redis.password")


def compose_reads(value: str) -> bool:
    """Whether docker compose reads `value` from an env file as it stands there.

    Spaces at the ends go; a quote at the beginning opens quotes; " #" begins a comment; $$ is one $, and $ before a
    letter, an underscore or a brace stands for a variable.
    """
    return value == value.strip() and value[:1] not in ("'", '"') and not re.search(r" #|\$[$A-Za-z_{]", value)


def _env_files(sheet: Sheet) -> None:
    for field in _written(sheet):
        value = sheet.get(field.key)
        if isinstance(value, str) and "\n" not in value and "\r" not in value and not compose_reads(value):
            sheet.warning(
                field.key,
                _("docker compose reads something else than what stands here."),
                _(
                    "prepare writes it down without quotes. Then a $ with a letter, a brace or another $ behind it "
                    "stands for something else, a quote at the beginning and spaces at the ends go, and a space "
                    "with a # behind it ends the text."
                ),
                _("Choose another one before the first start; a Harbor that has run already keeps what it got.")
                if field.key == "database.password"
                else _("Choose one without these."),
            )


def _written(sheet: Sheet) -> Iterator[Field]:
    """The fields whose text comes into an env file."""
    for field in FIELDS:
        block = field.key.partition(".")[0]
        if not field.key.startswith(ENV) or field.kind not in WORDS:
            continue
        if block in SWITCHED and not sheet.on(SWITCHED[block]):
            continue
        if block == "database" and sheet.block("external_database"):
            continue
        yield field


def _compose_file(sheet: Sheet) -> None:
    for key in COMPOSE:
        value = sheet.get(key)
        if isinstance(value, str) and ("$" in value or (":" in value and key == "log.local.location")):
            sheet.error(
                key,
                _("This path has a character that docker does not take as it stands."),
                _("docker takes a colon for the end of the path, and a $ for the beginning of a variable."),
                _("Choose a path without it."),
            )


def _registry(sheet: Sheet) -> None:
    for key in REGISTRY:
        value = sheet.get(key)
        if isinstance(value, str) and value and not _same_text(value):
            what = _("The registry would not read this as it is written here.")
            why = _("prepare hands it on without quotes, and YAML then takes it for something else.")
            sheet.warning(key, what, why, _("Choose one of letters and digits."))


def _same_text(value: str) -> bool:
    """Whether YAML reads a scalar of this very text where its quotes are gone; a number may be one."""
    try:
        entry = Document(f"key: {value}\n").tree.entries.get(("key",))
    except TextProblem:
        return False
    return entry is not None and entry.kind == "scalar" and entry.content == value and entry.tag != NULL


RULES = (_env_files, _compose_file, _registry)
