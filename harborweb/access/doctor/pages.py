"""What the page of an examination shows, and the examination as text."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from harborweb.access.doctor import picture, repair
from harborweb.access.doctor.services import PROJECT, REPOSITORY, Wishes
from harborweb.access.place import place
from harborweb.access.recipes.proxies import TITLES
from harborweb.configuration.fields import BY_KEY
from harborweb.jobs.models import Job

PUSH = {"upload", "location", "chunk", "big", "stream", "cancel"}
ORDER = {"wrong": 0, "look": 1, "unsure": 2, "fine": 3, "skipped": 4}


@dataclass(frozen=True)
class Key:
    """A key of harbor.yml, and the wizard's section where it is asked."""

    name: str
    section: str = ""

    @property
    def anchor(self) -> str:
        """The id of its field on that section's page."""
        return f"id_{self.name.replace('.', '_')}_field"


def context(job: Job, proxy: str, about: str) -> dict[str, Any]:
    """Everything of one examination; `about` chooses a diagnosis, `proxy` whose recipe shows the line."""
    result = job.result
    found = result["diagnoses"]
    chosen = next((one for one in found if one["rule"] == about), found[0] if found else None)
    rows = sorted(result["questions"], key=lambda one: ORDER[one["verdict"]])
    first = [one for one in rows if one["verdict"] in {"wrong", "look", "unsure"}]
    question = next((one for one in rows if chosen is not None and one["id"] == chosen["question"]), None)
    if question is not None:
        first.sort(key=lambda one: one is not question)
    drawn = {**result, "seen": {**result["seen"], "rules": found}}
    shown: dict[str, Any] = {
        "result": result, "seen": result["seen"], "hops": picture.hops(drawn), "diagnoses": found, "chosen": chosen,
        "first": first, "rest": [one for one in rows if one not in first], "question": question,
        "proof": _proof(question), "state": result["state"], "words": words(result), "report": report(job),
        "problems": sum(one["verdict"] == "wrong" for one in found), "asked": _asked(result),
    }  # fmt: skip
    return shown | _repair(chosen, proxy)


def _asked(result: Mapping[str, Any]) -> int:
    return sum(one["verdict"] != "skipped" for one in result["questions"])


def _repair(chosen: Mapping[str, Any] | None, proxy: str) -> dict[str, Any]:
    if chosen is None:
        return {}
    mended = repair.repair(chosen["tag"], proxy, repair.front(place()))
    keys = [Key(name, _section(name)) for name in chosen["keys"]]
    return {"repair": mended, "proxies": TITLES.items() if mended else (), "keys": keys}


def _section(key: str) -> str:
    field = BY_KEY.get(key)
    if field is not None:
        return field.section
    return next((BY_KEY[one].section for one in BY_KEY if one.startswith(f"{key}.")), "")


def words(result: Mapping[str, Any]) -> str:
    """The whole in three words, for the title."""
    wrong = [one["question"] for one in result["diagnoses"] if one["verdict"] == "wrong"]
    if not wrong:
        return _("works, with remarks") if result["diagnoses"] else _("works")
    if any(one not in PUSH and one not in {"blob", "plain"} for one in wrong):
        return _("docker login fails")
    return _("docker push fails") if any(one in PUSH for one in wrong) else _("docker pull fails")


def _proof(question: Mapping[str, Any] | None) -> list[tuple[str, bool]]:
    """The lines of a proof, and which of them is the one to look at."""
    if question is None or not question["proof"]:
        return []
    mark = question["mark"].lower()
    lines = question["proof"].splitlines()
    marked = [bool(mark) and mark in line.lower() for line in lines]
    last = max((number for number, is_marked in enumerate(marked) if is_marked), default=-1)
    # the answer's own line, not the request that happens to hold the same word
    return [(line, number == last) for number, line in enumerate(lines)]


def wishes(job: Job | None) -> Wishes:
    """What the form begins with: as the last time."""
    if job is None:
        return Wishes()
    given = job.arguments["target"]
    repository = given.get("repository") or ""
    project = repository.removesuffix(f"/{REPOSITORY}") if repository else PROJECT
    return Wishes(project, given.get("at", ""), job.arguments.get("resolver", ""))


def report(job: Job) -> str:
    """An examination as text: what was found, every question, the proofs of what is not fine. No secret is in it."""
    result = job.result
    when = timezone.localtime(job.finished) if job.finished else None
    seen = result["seen"]
    head = [f"{seen['target']['url']}: {words(result)}", ""]
    if when is not None:
        head.insert(1, f"{when:%Y-%m-%d %H:%M:%S %Z}, {seen['machine']}, {seen['seconds']} s")
    found = []
    for one in result["diagnoses"]:
        found += [f"[{picture.known(one['hop'])}] {one['title']}", f"  {one['text']}", ""]
    signs = {"fine": "ok", "look": "look", "wrong": "WRONG", "unsure": "?", "skipped": "-"}
    rows = [_line(one, signs[one["verdict"]]) for one in result["questions"]]
    proofs = []
    for one in result["questions"]:
        if one["verdict"] in {"wrong", "look"} and one["proof"]:
            proofs += ["", f"--- {one['title']} ({one['asked']})", one["proof"]]
    return "\n".join([*head, *found, *rows, *proofs]) + "\n"


def _line(one: Mapping[str, Any], sign: str) -> str:
    note = f" ({one['note']})" if one["note"] else ""
    return f"{sign:6}{one['title']}: {one['came']}{note}"
