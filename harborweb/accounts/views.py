"""Coming in, going out, one's own account, and whether harborweb is well."""

import math
from typing import Any

from axes.helpers import get_cool_off
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, logout, update_session_auth_hash
from django.db import Error as DatabaseError
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.i18n import set_language
from redis import RedisError

from harborweb import sealing
from harborweb.accounts import services
from harborweb.accounts.forms import SignInForm, password_form
from harborweb.accounts.roles import Role, public, requires
from harborweb.errors import Problem

THEME_COOKIE, THEMES = "theme", ("light", "dark")
BACKEND = "django.contrib.auth.backends.ModelBackend"
language = public(require_POST(set_language))


def _next(request: HttpRequest) -> str:
    """The page of ours that the person wanted, or the dashboard."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    own = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if own else settings.LOGIN_REDIRECT_URL


@public
@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Name and password."""
    if request.method != "POST":
        if request.user.is_authenticated:
            return HttpResponseRedirect(_next(request))
        return render(request, "accounts/sign_in.html", {"form": SignInForm(request), "next": _next(request)})
    form = SignInForm(request, request.POST)
    if form.is_valid():
        login(request, form.get_user(), backend=BACKEND)
        return HttpResponseRedirect(_next(request))
    return render(request, "accounts/sign_in.html", {"form": form, "next": _next(request)}, status=422)


def locked_out(
    request: HttpRequest, _response: HttpResponse | None = None, credentials: dict[str, Any] | None = None
) -> HttpResponse:
    """What axes answers after too many failed tries (AXES_LOCKOUT_CALLABLE)."""
    cool_off = get_cool_off(request)
    minutes = math.ceil(cool_off.total_seconds() / 60) if cool_off else 0
    wait = ngettext(
        "Sign-in with this name from this address is locked for %(minutes)d minute.",
        "Sign-in with this name from this address is locked for %(minutes)d minutes.",
        minutes,
    ) % {"minutes": minutes}
    problem = Problem(
        _("Too many failed tries."), wait + " " + _("Wait that long, or ask an administrator for a one-time link.")
    )
    context = {"form": SignInForm(request), "problem": problem, "next": _next(request)}
    response = render(request, "accounts/sign_in.html", context, status=429)
    response["Retry-After"] = str(minutes * 60)
    return response


@public
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Leave."""
    logout(request)
    return redirect("accounts:sign_in")


@public
@never_cache
@require_http_methods(["GET", "HEAD"])
def link(request: HttpRequest, token: str) -> HttpResponse:
    """Come in by a one-time link; a HEAD, as link previews send, does not use it up."""
    if request.method == "HEAD":
        return HttpResponse()
    try:
        user = services.take_link(token)
    except Problem as problem:
        if request.user.is_authenticated:
            return redirect("dashboard:home")
        context = {"form": SignInForm(request), "problem": problem, "next": settings.LOGIN_REDIRECT_URL}
        return render(request, "accounts/sign_in.html", context, status=410)
    login(request, user, backend=BACKEND)
    if not user.has_usable_password():
        messages.info(request, _("You came in by a one-time link. Set a password on your account page to come back."))
    return redirect("dashboard:home")


@public
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Light, dark, or as the system wants it: a choice of this browser."""
    response = HttpResponseRedirect(_next(request))
    wanted = request.POST.get("theme", "")
    if wanted in THEMES:
        response.set_cookie(
            THEME_COOKIE, wanted, max_age=365 * 86400, httponly=True, samesite="Lax",
            secure=settings.SESSION_COOKIE_SECURE,
        )  # fmt: skip
    else:
        response.delete_cookie(THEME_COOKIE, samesite="Lax")
    return response


@requires(Role.VIEWER)
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """One's own name, role and password."""
    form = password_form(services.person(request), request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        user = form.save()
        update_session_auth_hash(request, user)
        services.record(request, "change password", user.get_username())
        messages.success(request, _("The password is set. Other browsers were signed out."))
        return redirect("accounts:account")
    return render(request, "accounts/account.html", {"form": form}, status=422 if form.is_bound else 200)


@public
@never_cache
@require_GET
def health(request: HttpRequest) -> HttpResponse:
    """Whether database and Redis answer: 200 or 503, and which of them does not."""
    state = {"database": True, "redis": True}
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        state["database"] = False
    try:
        sealing.redis_client().ping()
    except RedisError:
        state["redis"] = False
    return JsonResponse(state, status=200 if all(state.values()) else 503)
