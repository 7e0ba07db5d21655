"""The door of choosing: rows of the audit become a list to be signed."""

from collections.abc import Sequence

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _

from harborweb.audit.filtering import Filter
from harborweb.audit.models import ArtifactVerdict
from harborweb.errors import Problem
from harborweb.registry.names import is_digest
from harborweb.signing.many import services as many
from harborweb.signing.many.models import BulkSigning
from harborweb.signing.many.services import Item, Will
from harborweb.signing.models import Key

COLUMNS = ("repository", "digest", "tags", "verdict")


def chosen_rows(filtered: Filter, numbers: Sequence[str], *, everything: bool) -> QuerySet[ArtifactVerdict]:
    """The rows that were ticked, or all that pass the filter; never one of another registry."""
    rows = filtered.rows().order_by("repository", "digest")
    if everything:
        return rows
    return rows.filter(pk__in=[int(one) for one in numbers[: many.MOST] if one.isdecimal() and len(one) < 19])


def prepare(
    request: HttpRequest, filtered: Filter, rows: QuerySet[ArtifactVerdict], key: Key, will: Will
) -> BulkSigning:
    """Write down what was chosen and have a worker look at it; raises Problem, and has written nothing then.

    An artifact with several tags is signed as its first one. A row that could not be read has no digest to sign.
    """
    if filtered.registry is None:
        raise Problem(_("There is no registry."), _("Connect one first."))
    found = rows.values_list(*COLUMNS)[: many.MOST + 1]
    items = [Item(name, digest, tags[0] if tags else "", verdict) for name, digest, tags, verdict in found]
    return many.prepare_many(request, filtered.registry, [one for one in items if is_digest(one.digest)], key, will)
