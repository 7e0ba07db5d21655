"""What an image's configuration and manifest say, whatever types a stranger gave them.

Source: OCI image specification, "Image Configuration" and "Manifest"; Healthcheck as Docker writes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NANOSECONDS = 1_000_000_000


@dataclass(frozen=True)
class Health:
    """How the image says whether it is well; `test` is ["CMD", …], ["CMD-SHELL", line] or ["NONE"]."""

    test: list[str]
    interval: float = 0.0  # seconds; 0: not said
    timeout: float = 0.0
    start_period: float = 0.0
    retries: int = 0


@dataclass(frozen=True)
class Made:
    """One line of the build history; `empty` says that it made no layer."""

    by: str
    when: str
    comment: str
    empty: bool


@dataclass(frozen=True)
class Layer:
    """One layer as the manifest lists it."""

    digest: str
    media_type: str
    size: int | None


@dataclass(frozen=True)
class Step:
    """A line of the history beside the layer it made; either may be missing."""

    made: Made | None
    layer: Layer | None


@dataclass(frozen=True)
class Config:
    """What an image's configuration says."""

    platform: str
    created: str
    entrypoint: list[str]
    command: list[str]
    user: str
    working_dir: str
    env: list[str]
    labels: dict[str, str]
    ports: list[str] = field(default_factory=list)  # "80/tcp", as written
    volumes: list[str] = field(default_factory=list)  # paths inside
    health: Health | None = None
    stop_signal: str = ""
    history: list[Made] = field(default_factory=list)


def config_of(content: dict[str, Any]) -> Config:
    """The parts of an OCI image configuration that a page shows."""
    inner = mapping(content.get("config"))
    labels = inner.get("Labels")
    return Config(
        platform=platform_of(content), created=text(content.get("created")), entrypoint=texts(inner.get("Entrypoint")),
        command=texts(inner.get("Cmd")), user=text(inner.get("User")), working_dir=text(inner.get("WorkingDir")),
        env=texts(inner.get("Env")),
        labels={text(k): text(v) for k, v in labels.items()} if isinstance(labels, dict) else {},
        ports=texts(list(mapping(inner.get("ExposedPorts")))), volumes=texts(list(mapping(inner.get("Volumes")))),
        health=_health(inner.get("Healthcheck")), stop_signal=text(inner.get("StopSignal")),
        history=[_made(one) for one in objects(content.get("history"))],
    )  # fmt: skip


def layers_of(manifest: Mapping[str, Any]) -> list[Layer]:
    """The layers in a manifest, in order; none in an index."""
    return [
        Layer(text(one.get("digest")), text(one.get("mediaType")), count(one.get("size")))
        for one in objects(manifest.get("layers"))
    ]


def steps_of(history: list[Made], layers: list[Layer]) -> list[Step]:
    """History and layers side by side: every line that is not empty made the next layer.

    Where the counts differ, which only an odd builder does, lines and layers stand alone.
    """
    if sum(not one.empty for one in history) != len(layers):
        return [Step(one, None) for one in history] + [Step(None, one) for one in layers]
    rest = iter(layers)
    return [Step(one, None if one.empty else next(rest)) for one in history]


def _made(one: dict[str, Any]) -> Made:
    return Made(
        text(one.get("created_by")), text(one.get("created")), text(one.get("comment")),
        one.get("empty_layer") is True,
    )  # fmt: skip


def _health(value: Any) -> Health | None:
    said = mapping(value)
    test = texts(said.get("Test"))
    if not test:
        return None
    interval, timeout, start = ((count(said.get(k)) or 0) / NANOSECONDS for k in ("Interval", "Timeout", "StartPeriod"))
    return Health(test, interval, timeout, start, count(said.get("Retries")) or 0)


def platform_of(value: Any) -> str:
    """os/architecture/variant, as far as they are said."""
    said = mapping(value)
    return "/".join(filter(None, (text(said.get(key)) for key in ("os", "architecture", "variant"))))


def mapping(value: Any) -> dict[str, Any]:
    """An object, else an empty one."""
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects of a list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def count(value: Any) -> int | None:
    """A whole number that can be one of bytes, else None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63 else None


def text(value: Any) -> str:
    """A string that can be shown, else nothing: half a surrogate pair, which JSON allows, is no text."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else ""


def texts(value: Any) -> list[str]:
    """The strings of a list."""
    return [text(one) for one in value if isinstance(one, str)] if isinstance(value, list) else []
