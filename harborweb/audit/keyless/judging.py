"""The workshop: what a certificate's identity made trusted is judged again when it counts no more, or by another root.

A sweep would find it too; until then the page would be green by somebody whom nobody trusts any more.
"""

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from django.utils.translation import gettext as _

from harborweb.audit.again import judge_all_again
from harborweb.audit.models import ArtifactVerdict
from harborweb.jobs.run import Run
from harborweb.verification.verdict import GREEN


def judge_identities(run: Run) -> dict[str, Any]:
    """Judge again what identities have signed.

    1. Find what they made trusted, and what is listed by it
    2. Judge each again, a repository at a time
    """
    run.step(1, 2, _("Find what they have signed"))
    wanted = _signed_by(frozenset(run.arguments["fingerprints"]))
    run.step(2, 2, _("Judge again"))
    return {"message": judge_all_again(run, wanted)}


def _signed_by(fingerprints: Collection[str]) -> dict[tuple[int, str], list[str]]:
    """Digests by registry and repository for which one of these counts; what an index covers counts by its signers."""
    rows = ArtifactVerdict.objects.filter(verdict__in=GREEN).order_by()
    found: dict[tuple[int, str], list[str]] = defaultdict(list)
    for registry, repository, digest, counted in rows.values_list(
        "registry", "repository", "digest", "counted"
    ).iterator(chunk_size=5000):
        if any(signer in fingerprints for signer, _signed in counted):
            found[registry, repository].append(digest)
    return found
