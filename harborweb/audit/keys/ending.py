"""A key that ends soon is told of, once, to whoever wants to be told."""

from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from harborweb.audit.models import Channel, Happening
from harborweb.registry.models import Registry
from harborweb.signing import limits
from harborweb.signing.models import Key

AGAIN = timedelta(days=limits.SOON_DAYS)


def note_ending() -> int:
    """Write of each trusted key that ends within thirty days that it does, once for each registry; how many.

    The scheduler asks. The digest of such a happening is the key's fingerprint.
    """
    soon = limits.ending()
    if not soon or not Channel.objects.filter(enabled=True).exists():
        return 0
    since = timezone.now() - AGAIN
    told = Happening.objects.filter(kind=Happening.Kind.KEY_ENDS, written__gte=since)
    known = set(told.values_list("registry", "digest"))
    fresh = [
        Happening(registry=registry, kind=Happening.Kind.KEY_ENDS, digest=key.fingerprint or "", reason=_reason(key))
        for registry in Registry.objects.all() for key in soon if (registry.pk, key.fingerprint) not in known
    ]  # fmt: skip
    Happening.objects.bulk_create(fresh)
    return len(fresh)


def _reason(key: Key) -> str:
    _name, word, below = limits.state_of(key)
    words = {"name": key.name, "word": word, "below": below}
    if key.successor:
        return _("%(name)s: %(word)s, %(below)s. Its successor is %(successor)s.") % {
            **words, "successor": key.successor.name,
        }  # fmt: skip
    return _("%(name)s: %(word)s, %(below)s. It has no successor.") % words
