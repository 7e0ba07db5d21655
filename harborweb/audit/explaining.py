"""Why an artifact has its verdict, step by step, from what was kept of it: nothing is judged here again.

What each signature had to pass stands in `verification.verdict.Step`; the verifier names the step that decided
against it, and this module says of the others what follows from that. Each step comes with the command that repeats
it alone, with curl, jq and openssl.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from harborweb.audit.models import ArtifactVerdict
from harborweb.audit.report import key_file
from harborweb.audit.words import WORDS
from harborweb.registry.names import is_digest
from harborweb.signing.models import Key
from harborweb.verification import commands
from harborweb.verification.policy import Standing
from harborweb.verification.verdict import BUNDLE, SIMPLE_SIGNING, Step, Verdict

DONE, FAILED, WAITING = "done", "failed", "waiting"
ORDER = tuple(Step)
_LAYER = re.compile(r"(?P<where>.*), layer (?P<number>\d+)")


@dataclass(frozen=True)
class Explained:
    """One step: what it asks, how it went (done, failed, or waiting where nobody came to it), what was seen, and the
    command that repeats it."""

    number: int
    name: str
    state: str
    note: str
    command: str = ""
    facts: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Explanation:
    """One signature, or one place, with its steps; `decides` where the artifact's verdict is because of it."""

    verdict: str
    word: str
    title: str
    place: str
    reason: str
    steps: Sequence[Explained]
    decides: bool = False

    @property
    def failed(self) -> Explained | None:
        """The step that decided against it."""
        return next((one for one in self.steps if one.state == FAILED), None)


@dataclass
class _Signature:
    """What was kept of one signature, and how its steps are told."""

    row: ArtifactVerdict
    seen: Mapping[str, Any]
    keys: Mapping[str, Key]
    curl: commands.Curl
    decides: bool
    layer: int = field(init=False, default=1)
    where: str = field(init=False, default="")

    def __post_init__(self) -> None:
        place = str(self.seen.get("place", ""))
        match = _LAYER.fullmatch(place)
        self.where = match["where"] if match else place
        self.layer = int(match["number"]) if match else 1

    @property
    def form(self) -> str:
        return str(self.seen.get("format", ""))

    @property
    def stopped(self) -> Step | None:
        """The step that decided against it, None where none did."""
        verdict, step = self.seen["verdict"], str(self.seen.get("step", ""))
        if step in set(Step):
            return Step(step)
        if verdict == Verdict.TRUSTED:
            return None
        if self.seen.get("signer"):
            return Step.POLICY  # sound and ours, but not here or not then
        if verdict == Verdict.UNCHECKED:
            return Step.FOUND
        return Step.KEY if verdict == Verdict.UNKNOWN_KEY else Step.FORM

    def explain(self) -> Explanation:
        """All steps in order."""
        stopped = self.stopped
        tell = {
            Step.FOUND: self._found, Step.HASHED: self._hashed, Step.FORM: self._form, Step.KEY: self._key,
            Step.DIGEST: self._digest, Step.ANNOTATIONS: self._annotations, Step.POLICY: self._policy,
        }  # fmt: skip
        steps = []
        for number, step in enumerate(ORDER, 1):
            state = self._state(step, stopped)
            name, note, command, facts = tell[step](state)
            if step == stopped:
                note = str(self.seen["reason"])
            steps.append(Explained(number, name, state, note, command if state != WAITING else "", facts))
        verdict = Verdict(self.seen["verdict"])
        return Explanation(
            verdict.value, str(WORDS[verdict]), self._title(), str(self.seen["place"]), str(self.seen["reason"]), steps,
            self.decides,
        )  # fmt: skip

    def _state(self, step: Step, stopped: Step | None) -> str:
        """How a step went, as far as the one that decided tells: the verifier reads form and key before it compares
        the digest, and it compares the digest before it says that no key fits."""
        if stopped is None or ORDER.index(step) < ORDER.index(stopped):
            if step == Step.KEY and not (self.seen.get("key") or self.seen.get("signer")):
                return FAILED
            return DONE
        if step == stopped:
            return FAILED
        return self._beyond(step, stopped)

    def _beyond(self, step: Step, stopped: Step) -> str:
        """A step behind the one that decided: what the verifier knew by then all the same."""
        has_key, predicate = bool(self.seen.get("key")), bool(self.seen.get("predicate"))
        if step == Step.KEY and stopped == Step.FORM and predicate:  # an attestation: whose it is was looked up
            return DONE if has_key else FAILED if self.form else WAITING
        if step == Step.DIGEST and stopped == Step.FORM and predicate:
            return DONE if has_key or self.form else WAITING
        if step == Step.DIGEST and stopped == Step.KEY:  # a bundle whose hint lies is not read any further
            return DONE if self.form == SIMPLE_SIGNING or self.seen["verdict"] != Verdict.INVALID else WAITING
        return WAITING

    def _title(self) -> str:
        if self.form == SIMPLE_SIGNING:
            return _("Simple signing")
        if self.seen.get("predicate") and self.seen["verdict"] == Verdict.ATTESTATION_ONLY:
            kind: str = _("Attestation %s") % self.seen["predicate"]
            return kind
        if self.form == BUNDLE:
            return _("Bundle")
        return _("A place where signatures are looked for")

    def _name_of_key(self) -> str:
        fingerprint = str(self.seen.get("key") or self.seen.get("signer") or "")
        key = self.keys.get(fingerprint)
        return str(key.name) if key else fingerprint[:16]

    def _found(self, _state: str) -> tuple[str, str, str, list[tuple[str, str]]]:
        kind, _space, name = self.where.partition(" ")
        if kind == "tag":
            note = _("At the tag %(tag)s, layer %(n)d.") % {"tag": name, "n": self.layer}
            return _("Found where"), note, self.curl.manifest(name, "sha256sum"), []
        if kind == "referrer":
            command = self.curl.manifest(name, "sha256sum") if is_digest(name) else ""
            note = _("Among the referrers of this digest, the manifest %s.") % name
            return _("Found where"), note, command, [(_("Manifest"), name)]
        return _("Found where"), _("At %s.") % self.where, "", []

    def _hashed(self, _state: str) -> tuple[str, str, str, list[tuple[str, str]]]:
        digest = str(self.seen.get("hashed", ""))
        if not digest:
            return _("Hashed"), _("What was read hashes to the digest that it was asked for by."), "", []
        note = _("Its bytes hash to the digest that the manifest names.")
        return _("Hashed"), note, self.curl.blob(digest, "sha256sum"), [(_("Bytes"), digest)]

    def _form(self, _state: str) -> tuple[str, str, str, list[tuple[str, str]]]:
        digest, predicate = str(self.seen.get("hashed", "")), str(self.seen.get("predicate", ""))
        if self.form == BUNDLE:
            note = _("A sigstore bundle v0.3 with one signature.")
        else:
            note = _("A payload of cosign’s simple signing that can be read in one way only.")
        facts = [(_("Predicate type"), predicate)] if predicate else []
        return _("Form"), note, self.curl.blob(digest, "jq .") if digest else "", facts

    def _key(self, state: str) -> tuple[str, str, str, list[tuple[str, str]]]:
        fingerprint = str(self.seen.get("key") or self.seen.get("signer") or "")
        key = self.keys.get(fingerprint)
        note = _("%s made the signature over these bytes.") % self._name_of_key()
        if state == FAILED:
            note = _("No trusted key made this signature.")
        facts = [(_("Fingerprint"), fingerprint)] if fingerprint else []
        facts += [(what, str(self.seen[name])) for what, name in ((_("Identity"), "subject"), (_("Issuer"), "issuer"))
                  if self.seen.get(name)]  # fmt: skip
        return _("Key"), note, self._openssl(key), facts

    def _openssl(self, key: Key | None) -> str:
        """The commands that check the signature with the public key's file alone."""
        digest = str(self.seen.get("hashed", ""))
        kind, _space, name = self.where.partition(" ")
        if key is None or not digest or not (kind == "tag" or is_digest(name)):
            return ""
        file = key_file(key.name, key.fingerprint or "")
        if self.form == BUNDLE:
            return self.curl.check_bundle(digest, file, key.algorithm)
        return self.curl.check_layer(name, self.layer, digest, file, key.algorithm) if self.form else ""

    def _digest(self, _state: str) -> tuple[str, str, str, list[tuple[str, str]]]:
        digest = str(self.seen.get("hashed", ""))
        command = ""
        if digest:
            command = self.curl.blob(digest, commands.SUBJECTS if self.form != SIMPLE_SIGNING else commands.NAMED)
        note = _("What is signed names this artifact and no other.")
        return _("Digest"), note, command, [(_("This artifact"), self.row.digest)]

    def _annotations(self, _state: str) -> tuple[str, str, str, list[tuple[str, str]]]:
        signed = self.seen.get("annotations") or {}
        count = len(signed)
        note = ngettext("%(n)d annotation is signed with the digest.", "%(n)d annotations are signed with the digest.",
                        count) % {"n": count} if count else _("Nothing is signed besides the digest.")  # fmt: skip
        digest = str(self.seen.get("hashed", ""))
        shown = commands.SAID if self.form != SIMPLE_SIGNING else commands.OPTIONAL
        facts = [(str(name), str(value)) for name, value in signed.items()]
        return _("Annotations"), note, self.curl.blob(digest, shown) if digest else "", facts

    def _policy(self, _state: str) -> tuple[str, str, str, list[tuple[str, str]]]:
        return _("Policy"), _("The key counts in this project and counted when the signature was first seen."), "", []


def explain(row: ArtifactVerdict, keys: Mapping[str, Key], index: ArtifactVerdict | None = None) -> list[Explanation]:
    """Every signature and place that was seen at `row`, the one that decided first; `keys` by fingerprint.

    For via_index `index` is the row of the index that covers it. Where nothing was seen the places are told that were
    looked at.
    """
    curl = commands.Curl(row.registry.url, row.repository)
    found = []
    for number, seen in enumerate(row.signatures):
        decides = number == 0 and seen.get("verdict") == row.verdict
        found.append(_Signature(row, seen, keys, curl, decides).explain())
    if row.verdict == Verdict.VIA_INDEX:
        found.insert(0, _through(row, curl, index))
    elif not row.signatures:
        found.append(_nothing(row, curl))
    return found


def standing(row: ArtifactVerdict) -> Explained:
    """The last step, of the artifact as a whole: what the policy makes of its verdict."""
    state = FAILED if row.is_finding else DONE
    told = {
        Standing.MET.value: _("What the policy wants is there."),
        Standing.FINDING.value: _("Somebody should act on it."),
        Standing.GRACE.value: _("It is new, and has time left."),
        Standing.EXEMPT.value: _("It is excused."),
        Standing.NOT_REQUIRED.value: _("The policy asks nothing of it."),
    }.get(row.standing, row.standing)
    more = row.standing_reason if row.standing_reason != row.reason else ""
    return Explained(len(ORDER), _("Policy"), state, f"{told} {more}".strip())


def _nothing(row: ArtifactVerdict, curl: commands.Curl) -> Explanation:
    """Unsigned: what was asked, and that each place was empty."""
    stem = row.digest.replace(":", "-")
    places = (
        (_("Tag of signatures"), f"{stem}.sig", curl.status(f"manifests/{stem}.sig")),
        (_("Referrers"), row.digest, curl.referrers(row.digest)),
        (_("Tag of attestations"), f"{stem}.att", curl.status(f"manifests/{stem}.att")),
    )
    empty = _("There is none of ours here: the registry answered, and lists no signature.")
    steps = [
        Explained(number, name, DONE, empty, command if is_digest(row.digest) else "", [(_("Looked at"), what)])
        for number, (name, what, command) in enumerate(places, 1)
    ]
    verdict = Verdict(row.verdict)
    return Explanation(
        row.verdict, str(WORDS[verdict]), _("Where signatures are looked for"), "", row.reason, steps, True
    )


def _through(row: ArtifactVerdict, curl: commands.Curl, index: ArtifactVerdict | None) -> Explanation:
    """Via index: its own places, the index that lists it, and that index' verdict."""
    parent = index.digest if index else next(iter(row.parents), "")
    listed = curl.manifest(parent, commands.CHILDREN) if is_digest(parent) else ""
    word = str(WORDS[Verdict(index.verdict)]) if index else _("not known here")
    steps = [
        Explained(1, _("Own signatures"), DONE, _("It carries no signature of its own, and no bad one either.")),
        Explained(2, _("Listed"), DONE, _("The index lists this digest; its bytes were hashed."), listed,
                  [(_("Index"), parent)]),
        Explained(3, _("The index"), DONE, _("Its verdict is “%s”; its page has the steps.") % word),
    ]  # fmt: skip
    return Explanation(
        row.verdict, str(WORDS[Verdict.VIA_INDEX]), _("Covered by its index"), parent, row.reason, steps, True
    )
