"""The commands that bring a signature, or an artifact, to the side that lacks it.

Run with cosign 2.5.0 and 3.1.2, and oras 1.2.3: `cosign copy` of either version brings what lies at the tag of
signatures (.sig) and no bundle; it also puts the image at the tag sha256-<hex>, which a registry without a referrers
API needs for the list of bundles, and refuses where such a list is there. `oras cp --recursive` brings what refers to
a digest, so bundles, and no `.sig` tag.
"""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from harborweb.audit.compare.comparing import DIGEST, SIGNATURE, SOUND, Difference, Side
from harborweb.audit.models import ArtifactVerdict

CHUNK = 500


def commands(found: Sequence[Difference], sides: tuple[Side, Side]) -> list[list[str]]:
    """For each difference its commands, none where there is nothing to copy."""
    forms = _forms(found, sides)
    return [_commands(one, sides, forms.get((one.missing, one.repositories, one.digest), set())) for one in found]


def _commands(one: Difference, sides: tuple[Side, Side], forms: set[str]) -> list[str]:
    source, target = (0, 1) if one.missing == 1 else (1, 0)
    here, there = sides[source].registry, sides[target].registry
    reference = f"{here.host}/{one.repositories[source]}@{one.digest}"
    goal = f"{there.host}/{one.repositories[target]}"
    plain_here, plain_there = (one.url.startswith("http://") for one in (here, there))
    plain = ["--from-plain-http"] * plain_here + ["--to-plain-http"] * plain_there
    if one.kind == SIGNATURE:
        made = []
        if "tag" in forms:
            http = ["--allow-http-registry"] if plain_here or plain_there else []
            made.append(["cosign", "copy", *http, "--only=sig", reference, f"{goal}@{one.digest}"])
        if "referrer" in forms:
            made.append(["oras", "cp", "--recursive", *plain, reference, f"{goal}@{one.digest}"])
        return [shlex.join(line) for line in made]
    if one.kind == DIGEST:
        name = f"{goal}:{','.join(one.tags)}" if one.tags else f"{goal}@{one.digest}"
        return [shlex.join(["oras", "cp", "--recursive", *plain, reference, name])]
    return []


def _forms(
    found: Sequence[Difference], sides: tuple[Side, Side]
) -> Mapping[tuple[int, tuple[str, str], str], set[str]]:
    """Where the sound signatures lie on the side that has them, "tag" or "referrer", by difference."""
    forms: dict[tuple[int, tuple[str, str], str], set[str]] = {}
    for missing, side in ((1, sides[0]), (0, sides[1])):
        some = [one for one in found if one.kind == SIGNATURE and one.missing == missing]
        for start in range(0, len(some), CHUNK):
            part = {(one.repositories[1 - missing], one.digest): one for one in some[start : start + CHUNK]}
            rows = ArtifactVerdict.objects.filter(
                registry=side.registry, repository__in={name for name, _digest in part},
                digest__in=[digest for _name, digest in part],
            )  # fmt: skip
            for repository, digest, signatures in rows.order_by().values_list("repository", "digest", "signatures"):
                if (repository, digest) in part:
                    forms[missing, part[repository, digest].repositories, digest] = _places(signatures)
    return forms


def _places(signatures: Sequence[Mapping[str, Any]]) -> set[str]:
    return {str(one["place"]).partition(" ")[0] for one in signatures if one.get("verdict") in SOUND}
