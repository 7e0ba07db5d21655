"""Pages of the configuration wizard."""

from django.http import HttpRequest, HttpResponse

from harborweb.accounts.roles import Role, requires


@requires(Role.VIEWER)
def home(request: HttpRequest) -> HttpResponse:
    return HttpResponse("")


import_text = section = review = discard = whole_file = preview = revision = revision_file = edit = home
