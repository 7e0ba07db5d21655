"""The order, the words and the meaning of the seven verdicts."""

from django.utils.translation import gettext_lazy as _

from harborweb.verification.verdict import Verdict

# Worst first: the order of every list of verdicts.
ORDER = (
    Verdict.INVALID,
    Verdict.UNKNOWN_KEY,
    Verdict.ATTESTATION_ONLY,
    Verdict.UNCHECKED,
    Verdict.UNSIGNED,
    Verdict.VIA_INDEX,
    Verdict.TRUSTED,
)
# Verdicts that someone should act on (design, "Words").
FINDINGS = ORDER[:5]

WORDS = {
    Verdict.TRUSTED: _("Trusted"),
    Verdict.VIA_INDEX: _("Via index"),
    Verdict.ATTESTATION_ONLY: _("Attestation only"),
    Verdict.UNKNOWN_KEY: _("Unknown key"),
    Verdict.INVALID: _("Invalid"),
    Verdict.UNCHECKED: _("Could not check"),
    Verdict.UNSIGNED: _("Unsigned"),
}
MEANINGS = {
    Verdict.TRUSTED: _("A trusted key signed this digest."),
    Verdict.VIA_INDEX: _("Not signed itself; a signed index names it."),
    Verdict.ATTESTATION_ONLY: _("Something was said about it, but nobody signed it."),
    Verdict.UNKNOWN_KEY: _("Signed by a key that you do not trust."),
    Verdict.INVALID: _("A signature is there and does not hold."),
    Verdict.UNCHECKED: _("We could not look. Counts as not trusted."),
    Verdict.UNSIGNED: _("No signature found."),
}
