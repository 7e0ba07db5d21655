"""What a revision asks of the host: read from its text, for the checks, the probe and the masking."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from harborweb.configuration.rules.rendered import compose_reads
from harborweb.configuration.text.document import Document

_SECRET = re.compile(r"passw|secret|access_?key|account_?key|token|credential|private_key_data|_dsn$", re.IGNORECASE)


_VARIABLE = re.compile(r"\$(?:\$|\{?([A-Za-z_]\w*)\}?)")  # also $$, which stands for one
_IN_URL = re.compile(r"://[^/@:\s]*:(\S+)@")  # up to the last @: people do not always write %40 and %2F


@dataclass(frozen=True)
class Wanted:
    """The keys of a harbor.yml that concern its host."""

    hostname: str
    http_port: int | None
    https: bool
    https_port: int | None
    certificate: str
    private_key: str
    external_url: str
    data_volume: str

    @property
    def ports(self) -> dict[str, int]:
        """The ports it will publish, by key."""
        wanted = {"http.port": self.http_port, "https.port": self.https_port if self.https else None}
        return {key: port for key, port in wanted.items() if port is not None}

    @property
    def address(self) -> str:
        """Where people will find it."""
        if self.external_url:
            return self.external_url.strip().rstrip("/")
        host = f"[{self.hostname}]" if ":" in self.hostname and "[" not in self.hostname else self.hostname
        scheme, port, usual = ("https", self.https_port, 443) if self.https else ("http", self.http_port, 80)
        return f"{scheme}://{host}" + (f":{port}" if port not in {usual, None} else "")


def read(text: str) -> Wanted:
    """The wishes in `text`; raises TextProblem where YAML cannot read it. Defaults are Harbor's.

    prepare takes an https without keys below it for none (its verdict on `https:` alone), so Harbor speaks http then.
    """
    document = Document(text)

    def word(key: str) -> str:
        value = document.get(key)
        return "" if value is None else str(value)

    def port(key: str, default: int) -> int | None:
        value = word(key) or str(default)
        return int(value) if value.isascii() and value.isdigit() and 0 < int(value) < 65536 else None

    return Wanted(
        hostname=word("hostname"), http_port=port("http.port", 80), https=bool(document.keys("https")),
        https_port=port("https.port", 443), certificate=word("https.certificate"),
        private_key=word("https.private_key"), external_url=word("external_url"), data_volume=word("data_volume"),
    )  # fmt: skip


def secrets(text: str) -> list[str]:
    """Every value in `text` whose key says that it is a secret: the passwords of administrator, database, Redis, …"""
    return sorted(set(_secrets(Document(text), "")), key=len, reverse=True)


def _secrets(document: Document, above: str) -> Iterator[str]:
    for name in document.keys(above):
        key = f"{above}.{name}" if above else name
        if document.kind(key) == "mapping":
            yield from _secrets(document, key)
            continue
        values = document.items(key) if document.kind(key) == "sequence" else [document.get(key)]
        for value in values:
            if value in (None, "", True, False):
                continue
            if _SECRET.search(name):
                yield str(value)
                yield from _as_compose_reads(str(value))
            elif found := _IN_URL.search(str(value)):
                yield unquote(found.group(1))
                yield found.group(1)
                yield from _as_compose_reads(found.group(1))


def _as_compose_reads(secret: str) -> Iterator[str]:
    """What of a secret docker compose says or passes on when it reads it differently: of "pa$word" it warns that
    there is no variable "word", and the containers get "pa"."""
    if compose_reads(secret):
        return
    bare = secret.strip().strip("'\"").partition(" #")[0]
    got = _VARIABLE.sub(lambda found: "" if found[1] else "$", bare)
    yield from filter(None, (*_VARIABLE.findall(secret), got))
