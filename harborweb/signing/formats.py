"""In which of cosign's two formats a registry's readers need a signature, and why."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.utils.translation import gettext as _

from harborweb.registry.models import Registry

KNOWS_BUNDLES = (2, 15)  # the first Harbor that takes a bundle for a signature


class Format(StrEnum):
    """How a signature is stored."""

    BUNDLE = "bundle"  # sigstore bundle v0.3, a referrer
    SIMPLE = "simple"  # simple signing, at a .sig tag


BOTH = (Format.BUNDLE, Format.SIMPLE)


@dataclass(frozen=True)
class Chosen:
    """The formats to write, and the sentence that says why."""

    formats: tuple[Format, ...]
    reason: str

    @property
    def words(self) -> str:
        """Their names, for people."""
        return words(self.formats)


def words(formats: Sequence[str]) -> str:
    """The names of some formats."""
    names = {Format.BUNDLE: _("sigstore bundle v0.3"), Format.SIMPLE: _("simple signing")}
    return " + ".join(names[Format(one)] for one in formats)


def default(registry: Registry, *, bundles: bool) -> Chosen:
    """What `registry` gets unless somebody chooses; `bundles` says whether the signing program makes them."""
    if not bundles:
        return Chosen((Format.SIMPLE,), _("cosign 2 on the worker makes simple signing only."))
    if not registry.is_harbor:
        return Chosen(
            (Format.BUNDLE,), _("One format: this registry does not judge signatures, and cosign 3 reads bundles.")
        )
    match = re.match(r"v?(\d+)\.(\d+)", registry.version)
    if match is None:
        return Chosen(
            BOTH, _("Both formats: this Harbor does not tell its version, and before 2.15 it does not know bundles.")
        )
    if (int(match[1]), int(match[2])) < KNOWS_BUNDLES:
        return Chosen(
            BOTH,
            _("Both formats: Harbor %s takes only simple signing for a signature, and cosign 3 reads bundles first.")
            % registry.version,
        )
    return Chosen((Format.BUNDLE,), _("One format: Harbor %s and cosign 3 both know bundles.") % registry.version)


def chosen(registry: Registry, asked: str, *, bundles: bool) -> Chosen:
    """`asked` ("bundle", "simple", "both"), or the default where it is empty."""
    if not asked:
        return default(registry, bundles=bundles)
    formats = BOTH if asked == "both" else (Format(asked),)
    return Chosen(formats, _("Chosen by hand."))
