"""The activity page: who did what to what, when, from where."""

import csv
from collections.abc import Iterator

from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from harborweb.accounts.models import Activity
from harborweb.accounts.roles import Role, requires

PAGE = 50


def _filtered(request: HttpRequest) -> QuerySet[Activity]:
    rows = Activity.objects.all()
    if who := request.GET.get("who", ""):
        rows = rows.filter(who=who)
    if action := request.GET.get("action", ""):
        rows = rows.filter(action=action)
    if text := request.GET.get("q", "").strip():
        rows = rows.filter(Q(subject__icontains=text) | Q(detail__icontains=text) | Q(source__icontains=text))
    return rows


@requires(Role.VIEWER)
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """The trail, newest first, fifty rows a page."""
    everything = Activity.objects.order_by()
    context = {
        "page": Paginator(_filtered(request), PAGE).get_page(request.GET.get("page")),
        "people": everything.values_list("who", flat=True).distinct().order_by("who"),
        "actions": everything.values_list("action", flat=True).distinct().order_by("action"),
        "who": request.GET.get("who", ""),
        "action": request.GET.get("action", ""),
        "text": request.GET.get("q", ""),
    }
    return render(request, "accounts/activity.html", context)


class _Echo:
    """Gives back what the csv module writes."""

    def write(self, value: str) -> str:
        return value


def _cell(value: str) -> str:
    """A cell that a spreadsheet reads as text: one that starts like a formula gets an apostrophe."""
    return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def _rows(rows: QuerySet[Activity]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(["at", "who", "from", "action", "subject", "detail"])
    for row in rows.iterator(chunk_size=500):
        cells = [row.at.isoformat(), row.who, row.source, row.action, row.subject, row.detail]
        yield writer.writerow([_cell(cell) for cell in cells])


@requires(Role.VIEWER)
@require_GET
def export(request: HttpRequest) -> HttpResponse:
    """The rows that the filters leave, as CSV."""
    return HttpResponse(
        _rows(_filtered(request)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="harborweb-activity.csv"'},
    )
