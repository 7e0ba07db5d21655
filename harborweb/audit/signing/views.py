"""The pages where many images are chosen, looked at and signed."""

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from harborweb.accounts.http import Request
from harborweb.accounts.roles import Role, requires
from harborweb.audit.filtering import Filter
from harborweb.audit.signing import services
from harborweb.audit.signing.forms import ListForm
from harborweb.audit.words import ORDER, WORDS
from harborweb.errors import Problem
from harborweb.registry.models import Registry
from harborweb.signing import formats
from harborweb.signing import services as signing
from harborweb.signing.many import services as many
from harborweb.signing.many.models import BulkItem, BulkSigning

PAGE = 100
LISTS = BulkSigning.objects.select_related("registry", "key", "job", "look_job")
WORD_OF = {str(one): word for one, word in WORDS.items()}


@requires(Role.SIGNER)
@require_http_methods(["GET", "HEAD", "POST"])
def choose(request: Request) -> HttpResponse:
    """Choose images by the audit's filter, which stands in the address, or one by one; posting writes the list."""
    filtered = Filter.of(request)
    form = ListForm(request.POST or None)
    if form.is_valid():
        rows = services.chosen_rows(
            filtered, request.POST.getlist("row"), everything=request.POST.get("which") == "all"
        )
        typed = form.cleaned_data
        will = many.Will(
            typed["annotations"], typed["expires"], typed["format"], typed["recursive"], query=filtered.query()
        )
        try:
            return redirect(services.prepare(request, filtered, rows, typed["key"], will))
        except Problem as problem:
            form.add_error(problem.field if problem.field in form.fields else None, str(problem))
    context = {
        "chosen": filtered, "registry": filtered.registry, "registries": Registry.objects.order_by("name"),
        "page": Paginator(filtered.rows().defer("evidence", "signatures"), PAGE).get_page(request.GET.get("page")),
        "form": form, "query": filtered.query(), "ticked": request.POST.getlist("row"),
        "verdicts": [("findings", _("Findings")), *((one.value, WORDS[one]) for one in ORDER), ("all", _("All"))],
        "lists": BulkSigning.objects.select_related("job", "look_job")[:5],
        "needed": formats.default(filtered.registry, bundles=True) if filtered.registry else None,
    }  # fmt: skip
    return render(request, "audit/signing/choose.html", context, status=422 if form.is_bound else 200)


@requires(Role.VIEWER)
@require_GET
def signing_list(request: Request, pk: int) -> HttpResponse:
    """A list: what is to be signed, what has become of each digest, and how far its job is."""
    return _list(request, get_object_or_404(LISTS, pk=pk))


@requires(Role.SIGNER)
@sensitive_post_parameters("password")
@require_POST
def signing_begin(request: Request, pk: int) -> HttpResponse:
    """Sign what is left of a list; with `again` also what could not be signed."""
    bulk = get_object_or_404(LISTS, pk=pk)
    try:
        many.begin(request, bulk, password=request.POST.get("password", ""), again=bool(request.POST.get("again")))
    except Problem as problem:
        return _list(request, bulk, problem)
    return redirect(bulk)


def _list(request: Request, bulk: BulkSigning, problem: Problem | None = None) -> HttpResponse:
    counts, state = bulk.counts(), request.GET.get("state", "")
    items = bulk.items.filter(state=state) if state in BulkItem.State.values else bulk.items.all()
    job = bulk.active or bulk.job or bulk.look_job
    page = Paginator(items, PAGE).get_page(request.GET.get("page"))
    context = {
        "bulk": bulk, "registry": bulk.registry, "problem": problem, "job": job, "active": bulk.active,
        "tiles": [
            (one, BulkItem.State(one).label, BulkItem(state=one, looked=True).shape, n) for one, n in counts.items()
        ],
        "total": sum(counts.values()), "counts": counts, "left": counts["waiting"] + counts["signing"],
        "page": page, "rows": [(one, WORD_OF.get(one.verdict, "")) for one in page], "state": state,
        "cosign": signing.cosign_state(),
    }  # fmt: skip
    return render(request, "audit/signing/list.html", context, status=422 if problem else 200)
