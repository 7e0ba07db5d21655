"""Signatures in a repository of their own (COSIGN_REPOSITORY): what is told there is about artifacts elsewhere."""

from collections import defaultdict
from collections.abc import Collection

from django.db.models import Q
from django.utils.translation import gettext as _

from harborweb.audit.again import judge_many_again
from harborweb.audit.keeping import listed_by
from harborweb.audit.models import ArtifactVerdict
from harborweb.errors import Problem
from harborweb.jobs.run import Run
from harborweb.registry.models import Registry

MOST = 500  # artifacts of a registry, and of each repository what they list; the next sweep judges the others


def signed_here(registry: Registry, repository: str) -> list[Registry]:
    """The registries whose signatures lie in `repository` of `registry`, that one itself maybe among them."""
    found = Registry.objects.filter(signatures_repository=repository).filter(
        Q(signatures_registry=registry) | Q(signatures_registry=None, pk=registry.pk)
    )
    return list(found.order_by("pk"))


def judge_elsewhere(
    run: Run, registry: Registry, repository: str, subjects: Collection[str], gone: Collection[str]
) -> None:
    """Judge again what signatures in `repository` are about, in every registry that has its signatures there.

    `subjects` are the digests that they name, `gone` signatures that are there no more. What no sweep has seen yet
    stays for the first one; what cannot be asked stays for the next one.
    """
    for one in signed_here(registry, repository):
        for name, digests in _places(one, subjects, gone).items():
            run.check()
            run.line(_("%(repository)s of %(registry)s") % {"repository": name, "registry": one.name})
            try:
                judge_many_again(one, name, digests)
            except Problem as problem:  # another registry's trouble; what happened here was looked into
                run.line(str(problem), "err")


def _places(registry: Registry, subjects: Collection[str], gone: Collection[str]) -> dict[str, list[str]]:
    """Digests by repository: what was signed, and what that lists."""
    rows = ArtifactVerdict.objects.filter(registry=registry).order_by("repository", "digest")
    signed = Q(digest__in=list(subjects))
    for digest in gone:
        signed |= Q(signatures__icontains=f"referrer {digest}")
    found: dict[str, list[str]] = defaultdict(list)
    for repository, digest in rows.filter(signed).values_list("repository", "digest")[:MOST]:
        found[repository].append(digest)
    for repository, digests in found.items():
        others = rows.filter(repository=repository).exclude(digest__in=digests).only("digest")
        digests += [row.digest for row in listed_by(others, digests)][:MOST]
    return found
