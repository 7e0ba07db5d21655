"""The door for what leaves the house: the published public keys, and private keys for administrators."""

import json
from dataclasses import dataclass
from datetime import timedelta

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from harborweb import sealing
from harborweb.accounts.models import Activity, User
from harborweb.accounts.services import record
from harborweb.errors import Problem
from harborweb.jobs import services as jobs
from harborweb.jobs.models import Job
from harborweb.registry.endpoint import Endpoint
from harborweb.registry.models import Registry
from harborweb.signing import places, tasks
from harborweb.signing.models import Key, PublicPage
from harborweb.tools.cosign import Cosign
from harborweb.tools.cosign_features import Version
from harborweb.tools.process import shown

LEAST_PASSWORD = 10
MOST_GUESSES, GUESSING = 5, timedelta(minutes=15)  # as at the sign-in page
REFUSED = "refused private key export"
VERSIONS = (("3", Version((3, 1, 2))), ("2.5", Version((2, 5, 0))))


def public_page() -> PublicPage:
    """Whether the page for others is switched on, and its words."""
    return PublicPage.objects.first() or PublicPage()


def set_public_page(request: HttpRequest | None, shown_to_all: bool, words: str) -> None:
    """Switch the page for others on or off."""
    page = public_page()
    page.shown, page.words = shown_to_all, words.strip()[:1000]
    page.save()
    record(request, "switch on public page" if page.shown else "switch off public page", "keys")


def published() -> list[Key]:
    """The keys on the page for others."""
    return list(Key.objects.filter(published=True, state=Key.State.READY).select_related("successor"))


def published_key(name: str) -> Key | None:
    """The published key of this name, while the page is switched on; None for every other name alike."""
    row = Key.objects.filter(name=name, published=True, state=Key.State.READY).first()
    return row if row is not None and public_page().shown else None


@dataclass(frozen=True)
class Command:
    """How to verify with one version of cosign."""

    version: str
    text: str


def commands(key: Key, registry: Registry) -> list[Command]:
    """The commands that verify an image of `registry` with `key`, each for the versions that take it."""
    found: dict[str, str] = {}
    endpoint = Endpoint(registry.url, allow_http=True, ca_pem=registry.ca_pem)  # only to be shown: no password
    for name, version in VERSIONS:
        reference = f"{registry.host}/REPOSITORY@sha256:DIGEST"
        text = shown(Cosign("cosign", version).verify(reference, places.access(endpoint), key.file_name))
        found[text] = f"{found[text]}, {name}" if text in found else name
    return [Command(versions, text) for text, versions in found.items()]


def request_export(request: HttpRequest, key: Key, typed: str, own: str, password: str) -> Job:
    """Begin to export a private key to an administrator, who types its name and their own password (if they have
    one); a key without a password goes out under a new one. Raises Problem, and nothing was done then."""
    if key.kind != Key.Kind.PAIR or key.private_sealed is None:
        raise Problem(_("The private half of %s is not here.") % key.name, _("There is nothing to export."))
    if typed != key.name:
        raise Problem(
            _("Nothing was exported: the name typed is not %s.") % key.name, _("Type the key’s name."), field="typed"
        )
    person = request.user
    if isinstance(person, User) and _guesses(person) >= MOST_GUESSES:
        raise Problem(
            _("Nothing was exported: a wrong password was typed %d times.") % MOST_GUESSES,
            _("Try it again in a quarter of an hour. If it was not you, sign out everywhere and change your password."),
            field="own",
        )
    if isinstance(person, User) and person.has_usable_password() and not person.check_password(own):
        record(request, REFUSED, key.name, _("wrong password"))
        raise Problem(_("Nothing was exported: this is not your password."), _("Type it again."), field="own")
    if key.password_mode == Key.Password.NONE and len(password) < LEAST_PASSWORD:
        raise Problem(
            _("This key has no password, so the file would open for whoever finds it."),
            _("Type a password of %d characters or more for the file.") % LEAST_PASSWORD,
            field="password",
        )
    slot = sealing.put_once(json.dumps({"password": password})) if key.password_mode == Key.Password.NONE else ""
    record(request, "export private key", key.name, key.fingerprint or "")
    return jobs.request(
        tasks.export_key, kind="export_key", title=_("Export the private key %s") % key.name, subject=key.name,
        by=request, arguments={"key": key.pk, "slot": slot},
    )  # fmt: skip


def _guesses(person: User) -> int:
    """How often they typed a wrong password here lately: the sign-in page counts its own alone."""
    lately = Activity.objects.filter(user=person, action=REFUSED, at__gt=timezone.now() - GUESSING)
    return lately.count()


def take_export(request: HttpRequest, job: Job) -> tuple[str, bytes]:
    """The file that an export laid ready, once, for whoever asked for it; raises Problem for others and afterwards."""
    if job.who_id is None or job.who_id != request.user.pk or "slot" not in job.result:
        raise Problem(_("This export is not yours, or it laid nothing ready."), _("Export the key yourself."))
    data = sealing.take_once(job.result["slot"])
    record(request, "download private key", job.subject)
    key = Key.objects.filter(pk=job.result["key"]).first()
    return (key.file_name.removesuffix(".pub") if key else "cosign") + ".key", data
