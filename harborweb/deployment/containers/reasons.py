"""Why a container is as it is, in words: its exit code, what the engine said, whether it comes up again."""

import signal
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _

_WORDS = {
    "created": _("Created"), "running": _("Running"), "paused": _("Paused"), "restarting": _("Restarting"),
    "removing": _("Being removed"), "exited": _("Exited"), "dead": _("Dead"),
}  # fmt: skip
_SHAPES = {"running": "good", "created": "queued", "paused": "off"}


def word(one: dict[str, Any]) -> str:
    """Its state in a word or two: "Exited (137)"."""
    said = _(_WORDS.get(one["state"], one["state"]))
    if one["exit_code"] is None:
        return said
    return _("%(state)s (%(code)d)") % {"state": said, "code": one["exit_code"]}


def shape(one: dict[str, Any]) -> str:
    """The shape of its state: an ended one that ended well is off, any other that does not run is bad."""
    if one["state"] == "exited" and one["exit_code"] in {0, 143} and not one.get("oom_killed"):
        return "off"
    return _SHAPES.get(one["state"], "bad")


def why(one: dict[str, Any]) -> str:
    """Why it does not run, or what is odd about how it runs; empty when there is nothing to say.

    `one` is a container as `looking` writes it. The meaning of exit codes: docker's `run` reference (125 to 127) and
    signal(7) (128 + n); OOMKilled also of a container whose main process survived.
    """
    parts = [_ended(one), _killed_inside(one), _again(one)]
    if one["error"]:
        parts.append(_("The engine says: %(error)s") % {"error": one["error"].strip().rstrip(".") + "."})
    return " ".join(part for part in parts if part)


def memory(number: float) -> str:
    """A number of bytes in the units in which docker takes limits: "64 MiB", "1.5 GiB"."""
    value, unit = (number / 2**30, "GiB") if number >= 2**30 else (number / 2**20, "MiB")
    decimals = 1 if value < 9.95 and value != int(value) else 0
    return f"{number_format(round(value, decimals), decimals)}\N{NO-BREAK SPACE}{unit}"


def _ended(one: dict[str, Any]) -> str:
    code, state = one["exit_code"], one["state"]
    if state == "created":
        return _("It was made and never started.")
    if state == "dead":
        return _("The engine could not remove it whole; restarting the engine clears it.")
    if state == "paused":
        return _("All its processes stand still until somebody runs docker unpause.")
    if code is None or state not in {"exited", "restarting"}:
        return ""
    if code == 137 and one.get("oom_killed"):
        return _out_of_memory(one)
    return _code(code)


def _out_of_memory(one: dict[str, Any]) -> str:
    if limit := one.get("memory_limit"):
        return _("Killed for want of memory: it wanted more than its limit of %(limit)s.") % {"limit": memory(limit)}
    return _("Killed for want of memory: the machine itself had none left. It has no limit of its own.")


def _code(code: int) -> str:
    fixed = {
        0: _("It ended by itself and reported no error."),
        125: _("The engine itself could not run it (125)."),
        126: _("Its command cannot be executed (126): no permission, or made for another kind of processor."),
        127: _("Its command is not in the image (127)."),
        137: _("Killed (137 = 128 + KILL): docker kill, a stop that waited in vain, or the kernel when the machine "
               "ran out of memory."),
        139: _("It crashed (139 = 128 + SEGV): it reached for memory that is not its own."),
        132: _("It crashed (132 = 128 + ILL): this processor lacks an instruction that the program needs."),
        143: _("It was asked to stop and did (143 = 128 + TERM): docker stop, compose down, or the machine shut down."),
        255: _("It ended with 255: often an entry script that failed, or a program for another kind of processor."),
    }  # fmt: skip
    if code in fixed:
        return fixed[code]
    if 128 < code < 128 + 65:
        try:
            name = signal.Signals(code - 128).name.removeprefix("SIG")
        except ValueError:
            name = str(code - 128)
        return _("A signal ended it (%(code)d = 128 + %(name)s).") % {"code": code, "name": name}
    return _("It ended with the error code %(code)d; what it said last is in its log.") % {"code": code}


def _killed_inside(one: dict[str, Any]) -> str:
    """The kernel killed a process of it, and that was not its end."""
    if not one.get("oom_killed") or one["exit_code"] == 137:
        return ""
    return _("A process in it was killed for want of memory.")


def _again(one: dict[str, Any]) -> str:
    if one["state"] == "restarting":
        return _("The engine keeps starting it again, %(n)d times so far.") % {"n": one["restarts"]}
    if one["state"] == "exited" and one.get("restart_policy") in {"always", "unless-stopped"}:
        return (
            _("The engine starts it again only with the machine: it takes it for stopped on purpose.")
            if one["exit_code"] in {0, 137, 143}
            else ""
        )
    if one["state"] == "running" and one["restarts"]:
        return _("The engine has started it again %(n)d times.") % {"n": one["restarts"]}
    return ""
