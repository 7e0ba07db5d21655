"""A change in a sentence: what was seen, and what can be behind it."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from django.template.defaultfilters import date as format_date
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from harborweb.audit.models import Change
from harborweb.audit.words import WORDS
from harborweb.verification.verdict import Verdict

Kind = Change.Kind
Names = Mapping[str, str]  # of keys, by fingerprint
SHAPES: dict[str, str] = {
    Kind.NEW_UNSIGNED: "unsigned", Kind.NEW_SIGNED: "trusted", Kind.NEW_OTHER: "warn", Kind.SIGNER: "warn",
    Kind.GONE: "bad", Kind.LOST_TRUST: "warn", Kind.INVALID: "invalid", Kind.UNCHECKED: "unchecked",
    Kind.TRUSTED: "trusted", Kind.VERDICT: "info", Kind.TAG_MOVED: "info", Kind.TAG_BACK: "warn",
    Kind.TAG_GONE: "off", Kind.DELETED: "off",
}  # fmt: skip


def sentence(change: Change, names: Names) -> str:
    """What `change` says, with the names of the keys that are known."""
    return _SENTENCES[Kind(change.kind)](change, names)


def _keys(fingerprints: Iterable[str], names: Names) -> str:
    return ", ".join(sorted(names.get(one, f"{one[:8]}…") for one in fingerprints))


def _new(change: Change, names: Names) -> str:
    if signers := change.after.get("signers"):
        return _("It was not there before. Signed by %(keys)s.") % {"keys": _keys(signers, names)}
    return _("It was not there before.")


def _signer(change: Change, names: Names) -> str:
    before, after = set(change.before.get("signers", [])), set(change.after.get("signers", []))
    if before < after:
        return _("%(keys)s signed it too.") % {"keys": _keys(after - before, names)}
    if after < before:
        return _("The signature by %(gone)s is gone; the one by %(keys)s is there.") % {
            "gone": _keys(before - after, names), "keys": _keys(after, names),
        }  # fmt: skip
    return _("It was signed by %(before)s and is signed by %(after)s now.") % {
        "before": _keys(before, names), "after": _keys(after, names),
    }  # fmt: skip


def _was(change: Change) -> str:
    """How it had been, and how long."""
    word = WORDS[Verdict(change.verdict_before)]
    if change.since is None or change.at - change.since < timedelta(minutes=1):
        return _("It was “%(word)s”.") % {"word": word}
    return _("It was “%(word)s” for %(time)s.") % {"word": word, "time": timesince(change.since, change.at)}


def _gone(change: Change, names: Names) -> str:
    return " ".join([
        _was(change),
        _("No signature lies beside it any more: retention, replication without signatures or garbage collection may "
          "have taken it, or somebody deleted it."),
    ])  # fmt: skip


def _lost(change: Change, names: Names) -> str:
    signers = _keys(change.before.get("signers", []), names)
    if not signers:
        return _was(change)
    return _("%(was)s The signature by %(keys)s does not count any more.") % {"was": _was(change), "keys": signers}


def _unchecked(change: Change, names: Names) -> str:
    return _("%(was)s It could not be looked at this time: the artifact’s page says why.") % {"was": _was(change)}


def _trusted(change: Change, names: Names) -> str:
    signers = _keys(change.after.get("signers", []), names)
    return _("%(was)s Signed by %(keys)s now.") % {"was": _was(change), "keys": signers} if signers else _was(change)


def _turned(change: Change, names: Names) -> str:
    return _was(change)


def _moved(change: Change, names: Names) -> str:
    words = {"before": _short(change.before.get("digest", "")), "word": _word(change.before.get("verdict", ""))}
    return _("The tag meant %(before)s before (%(word)s).") % words


def _back(change: Change, names: Names) -> str:
    then = _("The tag had meant this digest already, from %(start)s to %(end)s (%(word)s then).") % {
        "start": _day(change.after.get("first_seen", "")), "end": _day(change.after.get("ended", "")),
        "word": _word(change.after.get("verdict", "")),
    }  # fmt: skip
    return f"{then} {_moved(change, names)}"


def _tag_gone(change: Change, names: Names) -> str:
    return _("The tag is not listed any more. The artifact is still there.")


def _deleted(change: Change, names: Names) -> str:
    return _("%(was)s The registry does not list it any more.") % {"was": _was(change)}


def _short(digest: str) -> str:
    value = digest.partition(":")[2]
    return f"{value[:8]}…{value[-4:]}" if len(value) > 16 else digest


def _word(verdict: str) -> str:
    return str(WORDS[Verdict(verdict)]) if verdict in set(Verdict) else _("not judged")


def _day(text: str) -> str:
    when: datetime | None = parse_datetime(text) if text else None
    return format_date(timezone.localtime(when), "j M Y H:i") if when else "–"


_SENTENCES: dict[Kind, Callable[[Change, Names], str]] = {
    Kind.NEW_UNSIGNED: _new, Kind.NEW_SIGNED: _new, Kind.NEW_OTHER: _new, Kind.SIGNER: _signer, Kind.GONE: _gone,
    Kind.LOST_TRUST: _lost, Kind.INVALID: _turned, Kind.UNCHECKED: _unchecked, Kind.TRUSTED: _trusted,
    Kind.VERDICT: _turned, Kind.TAG_MOVED: _moved, Kind.TAG_BACK: _back, Kind.TAG_GONE: _tag_gone,
    Kind.DELETED: _deleted,
}  # fmt: skip
