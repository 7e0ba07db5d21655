"""What the pages of containers show: each as it is now, why it ended, what it may do and what it uses."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from harborweb.deployment import looking, pages
from harborweb.deployment.containers import live, reasons

# Capabilities that come near to root on the machine (capabilities(7))
RISKS = frozenset({"ALL", "SYS_ADMIN", "SYS_MODULE", "SYS_PTRACE", "SYS_RAWIO", "NET_ADMIN", "DAC_READ_SEARCH"})


@dataclass(frozen=True)
class Flag:
    """Something that was set when a container was made."""

    word: str
    meaning: str
    kind: str = ""  # warn where it deserves a look


@dataclass(frozen=True)
class Row:
    """A container on a page."""

    id: str
    name: str
    service: str
    image: str
    state: str  # the shape: good, bad, queued, off, unsure
    word: str
    why: str
    health: str
    health_word: str
    health_output: str
    health_exit: int | None
    since: datetime | None
    restarts: int
    ports: tuple[str, ...]
    flags: tuple[Flag, ...]
    cpu: str
    memory: str
    runs: bool
    well: bool

    @property
    def actions(self) -> tuple[str, ...]:
        """What can be done to it."""
        return ("restart", "stop") if self.runs else ("start",)


@dataclass(frozen=True)
class Seen:
    """The containers and how fresh that is: `live` = of the last seconds, else as the row of the host has it."""

    rows: tuple[Row, ...]
    live: bool
    at: datetime | None
    problem: str = ""
    advice: str = ""

    def row(self, name: str) -> Row | None:
        """The container of that name."""
        return next((row for row in self.rows if row.name == name), None)


def look() -> Seen:
    """The containers now; says to the host worker that somebody looks at them."""
    live.ask(live.TABLE)
    found = live.table()
    if found is not None:
        rows = () if found.problem else _rows(found.rows)
        return Seen(rows, True, datetime.fromtimestamp(found.at).astimezone(), found.problem, found.advice)
    host = pages.host()
    if host is None:
        return Seen((), False, None)
    rows = _rows(host.containers)
    if pages.is_silent(host, pages.active_job()):  # of old news nothing looks certain
        rows = tuple(replace(row, state="unsure", health=row.health and "unsure") for row in rows)
    return Seen(rows, False, host.seen, host.problem, host.advice)


def page(seen: Seen) -> dict[str, Any]:
    """What the page of all containers needs beside them."""
    running, job, host = looking.running(), pages.active_job(), pages.host()
    return {
        "seen": seen, "running": running, "job": job, "host": host, "lead": _lead(seen, running is not None),
        "silent": not seen.live and pages.is_silent(host, job),
    }  # fmt: skip


def _lead(seen: Seen, deployed: bool) -> str:
    bad = [row for row in seen.rows if not row.well]
    if not deployed:
        return _("Nothing has been deployed from here yet.")
    if not seen.rows:
        return _("No container of it is there.") if seen.live else _("Nobody has seen a container of it.")
    if not bad:
        n = len(seen.rows)
        return ngettext("Its %(n)d container is well.", "All %(n)d containers run and are well.", n) % {"n": n}
    names = ", ".join(row.name for row in bad[:3]) + (" …" if len(bad) > 3 else "")
    return ngettext(
        "%(bad)d of %(n)d containers needs a look: %(names)s.",
        "%(bad)d of %(n)d containers need a look: %(names)s.",
        len(bad),
    ) % {"n": len(seen.rows), "bad": len(bad), "names": names}


def _rows(found: list[dict[str, Any]]) -> tuple[Row, ...]:
    """Those that are not well come first."""
    return tuple(_row(one) for one in sorted(found, key=lambda one: (one["well"], one["name"])))


_HEALTHS = {
    "healthy": ("good", _("healthy")),
    "starting": ("running", _("starting")),
    "unhealthy": ("bad", _("unhealthy")),
}


def _row(one: dict[str, Any]) -> Row:
    health, health_word = _HEALTHS.get(one["health"], ("", ""))
    return Row(
        id=one.get("id", ""), name=one["name"], service=one.get("service", ""), image=one["image"],
        state=reasons.shape(one), word=reasons.word(one), why=reasons.why(one),
        health=health, health_word=_(health_word) if health_word else "",
        health_output=one.get("health_output", ""), health_exit=one.get("health_exit"),
        since=parse_datetime(one["since"][:19] + "Z") if one["since"] else None, restarts=one["restarts"],
        ports=tuple(one["ports"]), flags=tuple(flags(one)), cpu=_cpu(one), memory=_memory(one),
        runs=one["state"] in {"running", "restarting", "paused"}, well=one["well"],
    )  # fmt: skip


def _cpu(one: dict[str, Any]) -> str:
    """ "3 %", where 100 % is one CPU; with its limit, where it has one."""
    if one.get("cpu") is None:
        return ""
    percent = one["cpu"] * 100
    used = (number_format(round(percent, 1), 1) if percent < 9.95 else f"{percent:.0f}") + "\N{NO-BREAK SPACE}"
    if limit := one.get("cpu_limit"):
        return _("%(used)s of %(limit)s") % {"used": f"{used}%", "limit": f"{limit * 100:.0f}\N{NO-BREAK SPACE}%"}
    return f"{used}%"


def _memory(one: dict[str, Any]) -> str:
    if one.get("memory") is None:
        return ""
    used = reasons.memory(one["memory"])
    if limit := one.get("memory_limit"):
        return _("%(used)s of %(limit)s") % {"used": used, "limit": reasons.memory(limit)}
    return used


def flags(one: dict[str, Any]) -> list[Flag]:
    """What was set when it was made, what deserves a look first; `one` as `looking` writes it."""
    found = []
    if one.get("privileged"):
        found.append(Flag(_("privileged"), _("It may do to this machine whatever root may."), "warn"))
    dropped, added = one.get("cap_drop") or (), one.get("cap_add") or ()
    if dropped or added:
        words = " ".join([*(f"−{name}" for name in dropped), *(f"+{name}" for name in added)])
        meaning = _("Capabilities taken away (−) and added (+), beside docker's usual ones.")
        found.append(Flag(words, meaning, "warn" if RISKS.intersection(added) else ""))
    if one.get("no_new_privileges"):
        found.append(Flag("no-new-privileges", _("No program in it can gain rights, not even through setuid.")))
    if one.get("read_only"):
        found.append(Flag(_("read-only"), _("Its root file system cannot be written.")))
    if user := one.get("user"):
        root = user.partition(":")[0] in {"0", "root"}
        meaning = _("Its programs run as root.") if root else _("Its programs run as this user, not as root.")
        found.append(Flag(_("user %(user)s") % {"user": user}, meaning))
    found.append(_restart(str(one.get("restart_policy") or "no")))
    if one.get("detached", True):
        found.append(Flag(_("detached"), _("It runs in the background; nobody sits at its standard input.")))
    else:
        found.append(
            Flag(_("attached"), _("Somebody sits at its standard input: it may end when that is closed."), "warn")
        )
    if limit := one.get("memory_limit"):
        found.append(Flag(_("memory ≤ %(limit)s") % {"limit": reasons.memory(limit)}, _("Past that, it is killed.")))
    if limit := one.get("cpu_limit"):
        cpus = number_format(limit, 0 if limit == int(limit) else 2)
        found.append(Flag(_("CPUs ≤ %(limit)s") % {"limit": cpus}, _("Past that, it has to wait.")))
    return found


def _restart(policy: str) -> Flag:
    if policy == "no":
        return Flag(_("restart: no"), _("When it ends, or the machine starts, nobody starts it again."), "warn")
    meanings = {
        "always": _("The engine starts it again when it ends, and when the machine starts."),
        "unless-stopped": _("The engine starts it again unless somebody stopped it."),
    }
    return Flag(
        _("restart: %(policy)s") % {"policy": policy},
        meanings.get(policy, _("The engine starts it again when it ends with an error.")),
    )


def consequence(service: str) -> str:
    """What is away while a container of this service of Harbor's is; facts: Harbor's own docker-compose.yml."""
    known = {
        "proxy": _("It is the only door: pages, pushes and pulls all fail."),
        "core": _("Nobody can sign in, and pushes and pulls are refused."),
        "registry": _("Pushes and pulls fail."),
        "registryctl": _("Garbage collection cannot run."),
        "portal": _("The web pages are away; pushes and pulls go on."),
        "jobservice": _("Replications, scans and garbage collection that run now are cut off."),
        "postgresql": _("Harbor answers nothing but errors, and its other containers may restart."),
        "redis": _("Sessions and the queue of jobs live in it: people may have to sign in again."),
        "log": _("What the others log meanwhile is lost, and none of them can be started without it."),
        "trivy-adapter": _("Scans for vulnerabilities wait."),
        "exporter": _("No metrics are collected."),
    }
    return known.get(service, _("Whatever needs it fails meanwhile."))
