"""Hostile and honest artifacts, each with the verdict it must get and why that may differ from cosign's."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from harborweb.verification.verdict import Verdict
from tests.audit.hostile.bench import Bench

Build = Callable[[Bench], Awaitable[str | None]]


@dataclass(frozen=True)
class Case:
    """`build` fills a repository and returns the digest to judge, or None for the tag v1.

    `stricter` says why we refuse what a cosign accepts, `gap` which gap of cosign's makes both refuse what we
    trust; a case without them must agree. `fault` is what the lying registry in front does.
    """

    name: str
    build: Build
    expect: Verdict
    title: str
    stricter: str = ""
    gap: str = ""
    key: str = "trusted"
    annotations: Mapping[str, str] = field(default_factory=dict)
    signature_repository: str = ""
    fault: str = ""


CASES: list[Case] = []


def case(
    expect: Verdict,
    *,
    stricter: str = "",
    gap: str = "",
    key: str = "trusted",
    annotations: Mapping[str, str] | None = None,
    signature_repository: str = "",
    fault: str = "",
) -> Callable[[Build], Build]:
    """Register a builder; its docstring is the title."""

    def register(build: Build) -> Build:
        name = build.__name__.replace("_", "-")  # type: ignore[attr-defined]
        title = (build.__doc__ or "").strip()
        assert title and name not in {known.name for known in CASES}
        CASES.append(
            Case(name, build, expect, title, stricter, gap, key, annotations or {}, signature_repository, fault)
        )
        return build

    return register
