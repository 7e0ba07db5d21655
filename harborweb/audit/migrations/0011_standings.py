"""What stands by the rule that holds without a policy, and a finding for each that is one: rows made before there were any."""

from django.db import migrations
from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import Coalesce, Least

GREEN = ["trusted", "via_index"]
KINDS = ["invalid", "unknown_key", "attestation_only", "unchecked", "unsigned"]
BATCH = 500


def stand(apps, schema_editor):
    """Verdicts, when they were first seen, who signed, and the findings."""
    rows = apps.get_model("audit", "ArtifactVerdict").objects
    sightings = apps.get_model("audit", "TagSighting").objects.filter(
        registry=OuterRef("registry"), repository=OuterRef("repository"), digest=OuterRef("digest")
    )
    first = Subquery(sightings.order_by("first_seen").values("first_seen")[:1])
    rows.update(first_seen=Least(F("since"), Coalesce(first, F("since"))), standing_reason=F("reason"))
    rows.filter(verdict__in=GREEN).update(standing="met", is_finding=False)
    some = []
    for row in rows.filter(verdict__in=GREEN).only("verdict", "key", "signatures").iterator(BATCH):
        own = [[one["key"], one["annotations"]] for one in row.signatures if one["verdict"] == "trusted"]
        row.counted = own if row.verdict == "trusted" else [[row.key, {}]]
        some.append(row)
        if len(some) == BATCH:
            rows.bulk_update(some, ["counted"])
            some = []
    rows.bulk_update(some, ["counted"])
    open_findings(apps, rows.filter(is_finding=True))


def open_findings(apps, rows):
    """A finding and its first event for each."""
    Finding, Event = apps.get_model("audit", "Finding"), apps.get_model("audit", "FindingEvent")
    columns = ["registry_id", "project", "repository", "digest", "tags", "verdict", "reason", "since"]
    found = [
        Finding(**row, state="open", kind=row["verdict"], rank=KINDS.index(row["verdict"]), changed=row["since"])
        for row in rows.values(*columns).iterator(BATCH)
    ]
    for start in range(0, len(found), BATCH):
        made = Finding.objects.bulk_create(found[start : start + BATCH])
        Event.objects.bulk_create(
            Event(finding=one, state="open", verdict=one.verdict, reason=one.reason, at=one.since) for one in made
        )


class Migration(migrations.Migration):
    dependencies = [("audit", "0010_policies")]

    operations = [migrations.RunPython(stand, migrations.RunPython.noop)]
