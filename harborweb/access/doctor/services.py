"""The door of the doctor and the board: ask, and find what was asked before."""

import dataclasses
import ipaddress

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from yarl import URL

from harborweb.access import tasks
from harborweb.access.board.names import server_of
from harborweb.access.doctor.seen import Target, origin
from harborweb.access.place import Place, place
from harborweb.access.values import is_address
from harborweb.accounts.services import record
from harborweb.errors import Problem
from harborweb.jobs import services as jobs
from harborweb.jobs.models import Job
from harborweb.registry.harbor import paths
from harborweb.registry.models import Registry

KIND, BOARD = "doctor", "board"
REPOSITORY = "harborweb-doctor"
PROJECT = "library"  # Harbor makes it by itself


@dataclasses.dataclass(frozen=True)
class Wishes:
    """What somebody may choose: the project for the trial upload (empty: none), an address to ask at instead of what
    the name means, and a public name server (empty: none is asked)."""

    project: str = PROJECT
    at: str = ""
    resolver: str = ""

    def checked(self) -> "Wishes":
        """The same, trimmed; raises Problem with the field that is wrong."""
        project, at, resolver = self.project.strip(), self.at.strip().strip("[]"), self.resolver.strip()
        if project:
            try:
                paths.project(project)
            except Problem as problem:
                raise Problem(problem.message, problem.advice, field="project") from problem
        if at and not is_address(at):
            raise Problem(
                _("“%(text)s” is no address.") % {"text": at[:60]}, _("Write one like 192.168.20.5."), field="at"
            )
        if at and _nobodys(at):
            raise Problem(
                _("No proxy of yours can have the address %(text)s.") % {"text": at},
                _("Write one like 192.168.20.5."), field="at",
            )  # fmt: skip
        if resolver and server_of(resolver) is None:
            raise Problem(
                _("“%(text)s” is no name server’s address.") % {"text": resolver[:60]},
                _("Write one like 9.9.9.9, or 192.168.20.1:5353."), field="resolver",
            )  # fmt: skip
        return Wishes(project, at, resolver)


def _nobodys(text: str) -> bool:
    """Whether it is of one wire alone, or of many: in clouds such an address tells a machine its own secrets."""
    address = ipaddress.ip_address(text)
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_link_local or address.is_multicast or address.is_unspecified


def target(found: Place, wishes: Wishes) -> Target:
    """What is asked for the Harbor at `found`."""
    wanted, direct = found.wanted, ""
    if wanted is not None and wanted.external_url and wanted.hostname:
        port = wanted.https_port if wanted.https else wanted.http_port
        scheme = "https" if wanted.https else "http"
        direct = f"{scheme}://{wanted.hostname}:{port}" if port else ""
    if direct and origin(URL(direct)) == origin(URL(found.url)):
        direct = ""
    registry = of(found)
    return Target(
        url=found.url, external_url=wanted.address.rstrip("/") if wanted is not None else "", deployed=found.deployed,
        revision=found.revision.number if found.revision is not None else None, direct=direct, at=wishes.at,
        repository=f"{wishes.project}/{REPOSITORY}" if wishes.project else "",
        username=registry.signing_endpoint().username if registry is not None else "",
        ca=bool(registry is not None and registry.ca_pem.strip()),
    )  # fmt: skip


def of(found: Place) -> Registry | None:
    """The registry of this very address: its user, its authority; none of another."""
    registry = found.registry
    return registry if registry is not None and registry.url.rstrip("/") == found.url else None


@transaction.atomic
def request(by: HttpRequest, wishes: Wishes) -> Job:
    """Have a worker examine the public address, and Harbor's machine look at the name; returns the doctor's job.

    One of each at a time; a second click gets those that run. Raises Problem where nothing says where Harbor is
    reached, and for a wish that is none.
    """
    wishes, found = wishes.checked(), place()
    if found is None:
        raise Problem(
            _("Nothing says yet where Harbor is reached."), _("Save a harbor.yml, or add a registry, then ask again.")
        )
    registry, aim = of(found), target(found, wishes)
    arguments = {
        "target": dataclasses.asdict(aim), "registry": registry.pk if registry else None, "resolver": wishes.resolver,
        "lan": lan(found),
    }  # fmt: skip
    title = _("Look at the name %(name)s") % {"name": found.name}
    jobs.request(tasks.look_at_name, kind=BOARD, title=title, subject=found.url, by=by, arguments=arguments,
                 exclusive=BOARD)  # fmt: skip
    title = _("Examine %(url)s") % {"url": found.url}
    job = jobs.request(tasks.examine, kind=KIND, title=title, subject=found.url, by=by, arguments=arguments,
                       exclusive=KIND)  # fmt: skip
    record(by, "ask doctor", found.url, aim.repository)
    return job


def lan(found: Place) -> str:
    """The address of Harbor in the LAN, where harbor.yml says one."""
    hostname = found.wanted.hostname if found.wanted is not None else ""
    return hostname if hostname and is_address(hostname) else ""


def last(kind: str = KIND) -> Job | None:
    """The newest that has something to show."""
    return earlier(kind).first()


def active(kind: str = KIND) -> Job | None:
    """The one that runs or waits."""
    return Job.objects.filter(kind=kind, state__in=Job.ACTIVE).order_by("-pk").first()


def ended_badly(kind: str) -> Job | None:
    """The newest, where it ended without a result."""
    job = Job.objects.filter(kind=kind).order_by("-pk").first()
    return job if job is not None and job.settled and job.state != Job.State.SUCCEEDED else None


def earlier(kind: str = KIND) -> "QuerySet[Job]":
    """All that came through, the newest first."""
    return Job.objects.filter(kind=kind, state=Job.State.SUCCEEDED).order_by("-pk")
