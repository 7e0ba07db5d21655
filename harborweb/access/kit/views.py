"""The pages of the client kit."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from harborweb.access.kit import folder, services
from harborweb.access.kit.forms import KitForm
from harborweb.access.place import place
from harborweb.accounts.roles import Role, requires


@requires(Role.VIEWER)
@require_GET
def kit(request: HttpRequest) -> HttpResponse:
    """How one tool is set up; the address says which, and for whom."""
    here = place()
    if here is None:
        return render(request, "access/kit.html", {"place": None})
    form = KitForm(here, request.GET.dict())
    tool = request.GET.get("tool", "")
    context: dict[str, Any] = {"place": here, "form": form, "tool": tool if tool in services.MAKERS else "docker"}
    context["registry"] = services.own_registry(here)
    if form.is_valid() and form.target is not None:
        context |= {"target": form.target, "guides": services.guides(form.target)}
        context["guide"] = services.guide(context["tool"], form.target)
    context["query"] = urlencode({name: form[name].value() for name in form.fields if form[name].value()})
    return render(request, "access/kit.html", context, status=200 if form.is_valid() else 422)


@requires(Role.VIEWER)
@require_GET
def kit_folder(request: HttpRequest) -> HttpResponse:
    """The same as a folder to download, of one tool or of all."""
    here, kind, tool = place(), request.GET.get("form", "tar"), request.GET.get("tool", "all")
    form = KitForm(here, request.GET.dict()) if here else None
    if form is None or not form.is_valid() or form.target is None or kind not in folder.FORMS:
        raise Http404(_("There is no client kit of this."))
    if tool != "all" and tool not in services.MAKERS:
        raise Http404(_("There is no guide for this tool."))
    chosen = services.guides(form.target) if tool == "all" else [services.guide(tool, form.target)]
    name = folder.file_name(form.target, tool, kind)
    return HttpResponse(
        folder.packed(kind, form.target, chosen), content_type=folder.FORMS[kind][1],
        headers={"Content-Disposition": f"attachment; filename={name}"},
    )  # fmt: skip
