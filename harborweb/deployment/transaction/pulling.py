"""Fetch the images that the engine does not have, while the old registry still runs."""

import time
from typing import Any

from django.utils.translation import gettext as _
from docker import DockerClient
from docker.errors import APIError, ImageNotFound
from docker.utils import parse_repository_tag

from harborweb.deployment import sentences
from harborweb.errors import Problem
from harborweb.jobs.run import Run
from harborweb.tools import engine

TOLD_SECONDS = 5.0
MEGABYTE = 1_000_000


def fetch(run: Run, images: list[str]) -> int:
    """Pull those of `images` that are missing; returns how many. Raises Problem with the registry's own reason."""
    try:
        with engine.connect(timeout=120) as client:
            missing = [image for image in images if not _there(client, image)]
            if not missing:
                run.line(_("Every image is here already."))
            for number, image in enumerate(missing, 1):
                run.line(
                    _("Pull %(image)s, %(number)d of %(n)d") % {"image": image, "number": number, "n": len(missing)}
                )
                try:
                    _pull(run, client, image)
                except APIError as error:
                    raise _failed(image, str(error.explanation or error)) from error
    except engine.EngineError as error:
        raise sentences.engine(error) from error
    return len(missing)


def _there(client: DockerClient, image: str) -> bool:
    try:
        client.images.get(image)
    except ImageNotFound:
        return False
    return True


def _pull(run: Run, client: DockerClient, image: str) -> None:
    """One image, with the bytes of its layers as progress."""
    repository, tag = parse_repository_tag(image)
    layers: dict[str, tuple[int, int]] = {}
    told = time.monotonic()
    for event in client.api.pull(repository, tag=tag or "latest", stream=True, decode=True):
        run.check()
        if event.get("error"):
            raise _failed(image, str(event["error"]))
        _count(layers, event)
        done, total = (sum(sizes) // MEGABYTE for sizes in zip(*layers.values(), strict=True)) if layers else (0, 0)
        run.progress(done, total)
        if time.monotonic() - told > TOLD_SECONDS:
            told = time.monotonic()
            run.line(_("%(image)s: %(done)d of %(total)d MB") % {"image": image, "done": done, "total": total})
    run.progress(0, 0)
    if not _there(client, image):
        raise _failed(image, _("the engine does not have it after the pull"))
    run.line(_("%(image)s is here.") % {"image": image})


def _count(layers: dict[str, tuple[int, int]], event: dict[str, Any]) -> None:
    detail = event.get("progressDetail") or {}
    layer, total = event.get("id"), detail.get("total")
    if layer and total and event.get("status") == "Downloading":
        layers[layer] = (int(detail.get("current") or 0), int(total))
    elif layer in layers and event.get("status") in {"Download complete", "Pull complete"}:
        layers[layer] = (layers[layer][1], layers[layer][1])


def _failed(image: str, reason: str) -> Problem:
    return Problem(
        _("The image %(image)s could not be fetched: %(reason)s") % {"image": image, "reason": reason},
        _("Look whether the host reaches the registry it comes from, then deploy again."),
    )
