"""The door of recipes: put the keys that go with one into the draft of harbor.yml."""

from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from harborweb.access.place import Place, place
from harborweb.access.recipes import keys
from harborweb.access.recipes.front import Front
from harborweb.configuration import services as configuration
from harborweb.configuration.answers import State
from harborweb.configuration.models import Draft
from harborweb.deployment.wanted import read
from harborweb.errors import Problem


def state() -> State | None:
    """What the draft says, else the latest revision; None without either.

    Raises Problem when it is sealed with another secret, TextProblem (one too) when YAML cannot read it.
    """
    draft = configuration.current_draft()
    if draft is not None:
        found = configuration.state_of(draft)
    else:
        revision = configuration.latest_revision()
        if revision is None:
            return None
        text = revision.text()
        found = State(text, revision.template(), text, {}, from_installer=revision.from_installer)
    found.document  # noqa: B018 - reads it
    return found


def stands() -> Place | None:
    """Where the recipe finds Harbor: as the draft says it, for the keys are compared with that; else `place`."""
    try:
        found = state() if configuration.current_draft() is not None else None
    except Problem:
        found = None
    wanted = read(found.document.text) if found is not None else None
    if wanted is None or (not wanted.external_url and wanted.hostname in ("", keys.EXAMPLE)):
        return place()
    return Place(wanted.address.rstrip("/"), wanted)


def put(front: Front, request: HttpRequest) -> list[str]:
    """Write the keys that go with `front` into the draft, begun from the latest revision where there is none.

    Returns the keys that changed, none when all said so already; then no draft is begun. Raises Problem where there is
    nothing to begin from, and Conflict when somebody is faster.
    """
    known = state()
    if known is None:
        raise Problem(
            _("There is no harbor.yml here yet."), _("Begin one from an installer or a file, then come back to this.")
        )
    missing = [key.name for key in keys.keys(front, known) if not key.said]
    if not missing:
        return []
    with transaction.atomic():
        draft = configuration.current_draft() or _begun(request)
        configuration.save_answers(draft.version, keys.wanted(front, known), request)
    return missing


def _begun(request: HttpRequest) -> Draft:
    revision = configuration.latest_revision()
    assert revision is not None  # noqa: S101 - `put` looked
    return configuration.edit_revision(revision, request)
