"""Judgements without a registry, for what becomes of them once they are made."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.utils import timezone

import harborweb.audit.tasks  # noqa: F401 - whoever follows what is kept
from harborweb.audit.judging.judgement import Judgement
from harborweb.audit.keeping import Looked, keep_some
from harborweb.audit.policies.restanding import restand_all
from harborweb.registry.models import Registry
from harborweb.verification.verdict import Verdict


def digest_of(name: str) -> str:
    """A digest to be told by `name`."""
    return f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"


def judgement(repository: str, verdict: Verdict, tag: str = "1", **more: Any) -> Judgement:
    """A judgement of `repository:tag`, whose digest is that of its name."""
    tags = (tag,) if tag else ()
    made = Judgement(repository, tags, digest_of(f"{repository}:{tag}"), verdict, f"It is {verdict}.")
    return replace(made, **more)


def keep(registry: Registry, repository: str, judgements: Sequence[Judgement]) -> None:
    """Keep what an event has led to: these artifacts, whatever others the repository has."""
    meant = {tag: one.digest for one in judgements for tag in one.tags}
    keep_some(registry, repository, Looked(judgements, timezone.now(), meant, untagged=True))


def settled(registry: Registry) -> None:
    """Rows that a test wrote by itself, as keeping would have left them: how they stand, and their findings."""
    restand_all(registry)
