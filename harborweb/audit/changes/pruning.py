"""How long changes and the history of tags are kept."""

from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone

from harborweb.audit.models import Change, TagSighting
from harborweb.registry.models import Registry

KEPT_DAYS = 400
MOST_CHANGES = 100_000  # of one registry, the newest
MOST_STRETCHES = 200_000  # of one registry that have ended: those that hold are never forgotten
BATCH = 5_000


def forget_old() -> int:
    """Delete changes and ended stretches of tags beyond the bounds; how many rows."""
    limit = timezone.now() - timedelta(days=KEPT_DAYS)
    count = 0
    for registry in Registry.objects.order_by("pk"):
        changes = Change.objects.filter(registry=registry)
        ended = TagSighting.objects.filter(registry=registry, ended__isnull=False)
        count += _delete(changes.filter(at__lt=limit)) + _beyond(changes, "-at", MOST_CHANGES)
        count += _delete(ended.filter(ended__lt=limit)) + _beyond(ended, "-ended", MOST_STRETCHES)
    return count


def _beyond(rows: "QuerySet[Change] | QuerySet[TagSighting]", order: str, most: int) -> int:
    """Delete what comes after the first `most` of `rows`; how many."""
    last = rows.order_by(order).values_list(order.lstrip("-"), flat=True)[most : most + 1]
    return _delete(rows.filter(**{f"{order.lstrip('-')}__lte": last[0]})) if last else 0


def _delete(rows: "QuerySet[Change] | QuerySet[TagSighting]") -> int:
    """Delete `rows` a batch at a time, so that nobody waits long for the database; how many."""
    count = 0
    while numbers := list(rows.order_by().values_list("pk", flat=True)[:BATCH]):
        count += rows.model._default_manager.filter(pk__in=numbers).delete()[0]
    return count
