"""What a Harbor shows of signatures: the badge beside an artifact, which its content-trust policy goes by.

Harbor (its source, contenttrust and accessory) goes by accessories alone: an object with the media type, or at the tag,
of a signature. What it holds nobody asks. With *deployment security: cosign* the manifest is served where one of the
accessories is of type `signature.cosign`, whichever way it is pulled; one of notation alone does not count.
"""

from collections.abc import Iterable

from harborweb.verification.verdict import Finding, Verdict

NOT_ASKED = ""  # no Harbor, or its lists were closed to us
NONE = "none"
COSIGN = "cosign"
NOTATION = "notation"
BOTH = "both"
SIGNED = (COSIGN, NOTATION, BOTH)
SERVED = (COSIGN, BOTH)  # with deployment security: cosign

_PLACES = ("tag sha256-", "referrer ")  # of the findings that audit.judging.collect makes of signature manifests


def badge_of(types: Iterable[str]) -> str:
    """The badge of an artifact whose accessories have these types."""
    found = set(types)
    cosign, notation = "signature.cosign" in found, "signature.notation" in found
    return BOTH if cosign and notation else COSIGN if cosign else NOTATION if notation else NONE


def badge_by_places(findings: Iterable[Finding]) -> str:
    """The badge that Harbor (2.15) gives to what none of its lists shows, such as the platforms of an index.

    By its rule, from what was found at the places of signatures; not asked where a place could not be read.
    """
    seen = [one for one in findings if not (one.place.startswith("tag ") and ".att" in one.place)]
    if any(one.place.startswith(_PLACES) and one.verdict != Verdict.UNCHECKED for one in seen):
        return COSIGN
    return NOT_ASKED if any(one.verdict == Verdict.UNCHECKED for one in seen) else NONE
