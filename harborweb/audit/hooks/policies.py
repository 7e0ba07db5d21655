"""The door to the policies that make a Harbor tell us: what is asked for, who may, and the job that does it.

It takes an administrator of Harbor, whose password travels to the worker sealed, in a slot that opens once; it is in
no database, session, log or task argument.
"""

import ipaddress
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port, validate_host
from django.urls import reverse
from django.utils.translation import gettext as _

from harborweb import sealing
from harborweb.accounts.services import record
from harborweb.audit import tasks
from harborweb.audit.hooks.making import policy_for
from harborweb.audit.models import Hook
from harborweb.errors import Problem
from harborweb.jobs import services as jobs
from harborweb.jobs.models import Job
from harborweb.registry.endpoint import Endpoint
from harborweb.registry.errors import RegistryError
from harborweb.registry.harbor import paths, system
from harborweb.registry.harbor.client import Harbor
from harborweb.registry.models import Registry
from harborweb.registry.running import run
from harborweb.registry.services import PATIENCE

ACTIONS = ("make", "secret", "off")
HIDDEN = "Bearer •••"


@dataclass(frozen=True)
class Asked:
    """What somebody typed: an administrator of Harbor, used once; for which projects (none: all), and where to."""

    name: str
    password: str
    action: str = "make"
    projects: Sequence[str] = ()
    base: str = ""  # harborweb's own address as Harbor reaches it
    unverified: bool = False


def receiver(registry: Registry, base: str) -> str:
    """Where the Harbor has to deliver; raises Problem, with its field, for a base that cannot be harborweb's."""
    path = reverse("hooks:harbor", args=[registry.pk])
    try:
        origin = str(Endpoint(base, allow_http=True).base)
    except RegistryError as error:
        raise Problem(
            _("This is no address of harborweb: scheme, host and port are due."),
            _("For example https://harborweb.example:8443."),
            field="base",
        ) from error
    url = urlsplit(origin)
    host = split_domain_port(url.netloc)[0]
    if not validate_host(host, settings.ALLOWED_HOSTS):
        raise Problem(
            _("harborweb does not answer to the name %s.") % host,
            _("Set HARBORWEB_HOSTS so that it holds this name, and restart it; or type a name that is in it."),
            field="base",
        )
    if url.scheme == "http" and settings.SECURE_SSL_REDIRECT:
        raise Problem(
            _("harborweb redirects http to https, and Harbor drops the event on the way."),
            _("Type the https address."),
            field="base",
        )
    return origin.rstrip("/") + path


def preset(request: HttpRequest, registry: Registry) -> str:
    """The base to offer: the one in use, else the first trusted origin of the settings, else this page's own."""
    used = Hook.objects.filter(registry=registry).exclude(address="").order_by("-changed").first()
    if used is not None:
        url = urlsplit(used.address)
        return f"{url.scheme}://{url.netloc}"
    if settings.CSRF_TRUSTED_ORIGINS:
        return str(settings.CSRF_TRUSTED_ORIGINS[0])
    return request.build_absolute_uri("/").rstrip("/")


def is_loopback(base: str) -> bool:
    """Whether an address means this machine alone: inside Harbor's containers it means the container."""
    host = (urlsplit(base).hostname or "").rstrip(".")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def call_text(registry: Registry, base: str) -> str:
    """What Harbor will be sent for each project, its secret left out."""
    address = base.rstrip("/") + reverse("hooks:harbor", args=[registry.pk])
    body = policy_for(address, HIDDEN, offered=None, unverified=False).body()
    return f"POST /api/v2.0/projects/‹project›/webhook/policies\n{json.dumps(body, indent=2, ensure_ascii=False)}"


def request_policies(request: HttpRequest, registry: Registry, asked: Asked) -> Job:
    """Begin making, changing or removing policies; raises Problem, with its field, for what cannot go well."""
    if not registry.is_harbor:
        raise Problem(
            _("%s is no Harbor as far as it was seen.") % registry.name,
            _("Only a Harbor has webhooks. Look at it again on its own page."),
        )
    for name in asked.projects:
        paths.project(name)
    address = receiver(registry, asked.base) if asked.action != "off" else ""
    _prove(registry, asked)
    click = secrets.token_hex(8)
    slot = sealing.put_once(json.dumps([asked.name, asked.password]))
    where = ", ".join(asked.projects) or _("every project")
    job = jobs.request(
        tasks.make_hooks, kind="make_hooks", title=_title(asked.action) % registry.name, subject=registry.name,
        by=request, exclusive=f"hooks:{registry.pk}",
        arguments={
            "registry": registry.pk, "slot": slot, "click": click, "action": asked.action,
            "projects": list(asked.projects), "address": address, "unverified": asked.unverified,
        },
    )  # fmt: skip
    if job.arguments.get("click") != click:  # another job works on them: what was typed is not needed
        sealing.drop([slot])
    else:
        record(request, f"webhooks: {asked.action}", registry.name, f"{where} → {address}" if address else where)
    return job


def _title(action: str) -> str:
    return {
        "make": _("Have %s tell harborweb about pushes"),
        "secret": _("Change the secrets of the webhooks of %s"),
        "off": _("Have %s tell harborweb nothing any more"),
    }[action]


def _prove(registry: Registry, asked: Asked) -> None:
    """Raise Problem unless Harbor takes this name and password for a person who may."""

    async def ask() -> system.Who:
        async with Harbor(registry.endpoint_as(asked.name, asked.password), PATIENCE) as harbor:
            return await system.whoami(harbor)

    who = run(ask())
    if who.kind not in {system.Kind.ADMINISTRATOR, system.Kind.PERSON}:
        raise Problem(
            _("%s is nobody who may make webhooks.") % asked.name,
            _("Type an administrator of Harbor, such as admin, or of the project. It is used once and not stored."),
            field="administrator",
        )
