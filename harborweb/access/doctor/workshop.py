"""The doctor as a job: ask step by step, log what came, keep questions and diagnoses for the page."""

import dataclasses
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from harborweb.access.doctor import examining, uploading
from harborweb.access.doctor.diagnosis import Diagnosis, diagnose
from harborweb.access.doctor.examining import Credentials, Examination
from harborweb.access.doctor.questions import SKIPPED, questions
from harborweb.access.doctor.rules_docker import DOCKER
from harborweb.access.doctor.rules_way import WAY
from harborweb.access.doctor.seen import Target
from harborweb.access.doctor.wire import Bounds
from harborweb.errors import Problem
from harborweb.jobs.run import Run
from harborweb.registry.models import Registry
from harborweb.registry.running import run as awaited

RULES = (*WAY, *DOCKER)
Step = Callable[[Examination], Awaitable[None]]
STEPS: tuple[tuple[Any, Step], ...] = (
    (gettext_lazy("Look the name up"), examining.look_up),
    (gettext_lazy("Connect, read the certificate"), examining.connect),
    (gettext_lazy("Ask what answers"), examining.answers),
    (gettext_lazy("Ask for a token"), examining.token),
    (gettext_lazy("Announce a large layer"), uploading.announce),
    (gettext_lazy("Upload a chunk, cancel it"), uploading.upload),
    (gettext_lazy("Pull a layer"), uploading.pull),
)
BOUNDS = Bounds()
ALL = (*examining.CREDENTIALED, *examining.BIG, "portal", "systeminfo", "plain", "direct", "health")
SIGNS = {"fine": "✓", "look": "!", "wrong": "✗", "unsure": "?", "skipped": "–"}


def examine(run: Run) -> dict[str, Any]:
    """Ask Harbor through its public address what docker asks.

    1 name, 2 connection and certificate, 3 what answers, 4 token, 5 a large layer announced, 6 a chunk uploaded and
    cancelled, 7 a layer pulled, 8 judge. Changes nothing but an upload in Harbor that step 6 cancels again.
    """
    target = Target(**run.arguments["target"])
    registry = Registry.objects.filter(pk=run.arguments.get("registry") or 0).first()
    credentials, ca_pem = _credentials(run, registry, target)
    one = Examination.of(target, credentials, ca_pem, BOUNDS)
    one.seen.machine = socket.gethostname()
    began = time.monotonic()
    for number, (name, step) in enumerate(STEPS, start=1):
        run.step(number, len(STEPS) + 1, str(name))
        before = set(one.seen.asked)
        if time.monotonic() - began < BOUNDS.total:
            awaited(take(step, one))
        else:
            one.skip(_("The time for all questions together was up."), *ALL)
        for question in one.seen.asked:
            if question not in before:
                answer = one.seen.asked[question]
                what = answer.status or ("–" if answer.held else answer.detail or answer.error)
                run.line(f"{answer.method} {answer.url}: {what}, {answer.ms} ms")
    run.step(len(STEPS) + 1, len(STEPS) + 1, _("Judge"))
    one.seen.seconds = round(time.monotonic() - began, 1)
    return _result(run, one)


async def take(step: Step, one: Examination) -> None:
    """One step, as a coroutine that can be run by itself."""
    await step(one)


def _credentials(run: Run, registry: Registry | None, target: Target) -> tuple[Credentials, str]:
    """Those stored for the registry of this address; none for another address than the one they belong to."""
    if registry is None:
        return Credentials(), ""
    try:
        endpoint = registry.signing_endpoint()
        ours = str(endpoint.base) == target.origin
    except Problem as problem:
        run.line(str(problem))
        return Credentials(), registry.ca_pem
    if endpoint.password:
        run.secret(endpoint.password)
    if not ours or not endpoint.password:
        return Credentials(), registry.ca_pem
    return Credentials(endpoint.username, endpoint.password), registry.ca_pem


def _result(run: Run, one: Examination) -> dict[str, Any]:
    found = diagnose(one.seen, RULES)
    asked = questions(one.seen, found)
    for question in asked:
        note = f" ({question.note})" if question.verdict == SKIPPED else ""
        run.line(f"{SIGNS[question.verdict]} {question.title}: {question.came}{note}")
    for diagnosis in found:
        run.line(f"{diagnosis.title} {diagnosis.text}")
    kept = dataclasses.asdict(one.seen)
    kept.pop("asked")
    result = {
        "seen": kept, "questions": [dataclasses.asdict(each) for each in asked],
        "diagnoses": [dataclasses.asdict(each) for each in found],
    }  # fmt: skip
    return {**result, "state": state(found)}


def state(found: list[Diagnosis]) -> str:
    """The whole in a word: good, warn or bad."""
    if any(one.verdict == "wrong" for one in found):
        return "bad"
    return "warn" if found else "good"
