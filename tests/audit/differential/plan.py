"""Which artifacts are made: every flaw with every kind of key alone, mixtures of several, and lies of the registry."""

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

from harborweb.verification.verdict import Verdict
from tests.audit.differential.flaws import FLAWS, Flaw
from tests.audit.hostile.fault_cases import ITSELF, PAGE, PAGED

FAMILIES = {
    "trusted": "ecdsa", "p384": "ecdsa", "p521": "ecdsa", "rsa2048": "rsa", "rsa3072": "rsa", "ed25519": "ed25519",
}  # fmt: skip
HEADER = "bytes that disagree with their own digest header are not used; cosign does not compare them for a tag"
MIXTURES = 160
LIES = (
    "sig:401", "sig:403", "sig:429", "sig:500", "sig:html", "sig:cut", "sig:header",
    "blob:500", "blob:404", "blob:flip", "fallback:403", "fallback:500", "fallback:html", "referrers:401",
    "referrers:403", "referrers:500", "referrers:html", "referrers:paged", "att:500", "manifest:500", "manifest:flip",
)  # fmt: skip
NEEDS = {"referrers:paged": "bundle", "sig:cut": "simple", "sig:header": "simple"}
SETS = ("", "simple", "bundle", "simple bundle")  # what lies there while the registry lies
ORDER = (  # of an artifact's findings the first that is there decides (the docstring of verification/verdict.py)
    Verdict.TRUSTED, Verdict.UNCHECKED, Verdict.UNKNOWN_KEY, Verdict.INVALID, Verdict.ATTESTATION_ONLY,
    Verdict.UNSIGNED,
)  # fmt: skip


@dataclass(frozen=True)
class Artifact:
    """One artifact to be made: its signatures, the key that is asked about, and the registry's lie, if any."""

    number: int
    key: str
    flaws: tuple[Flaw, ...]
    attested: bool = False  # garbage at its .att tag
    lie: str = ""

    @property
    def name(self) -> str:
        """Its tag, and in a message what it is."""
        return f"t{self.number}"

    @property
    def shape(self) -> tuple[str, ...]:
        """Its class: the sort of thing it is, whatever the key."""
        return (*sorted(f"{flaw.form}:{flaw.name}" for flaw in self.flaws), "att" * self.attested, self.lie)

    def forms(self, form: str) -> list[Flaw]:
        """Its signatures of one format."""
        return [flaw for flaw in self.flaws if flaw.form == form]

    @property
    def expect(self) -> set[Verdict]:
        """What the audit has to say.

        Of a place where nothing lies it may know that from the list of tags, and does not meet the lie then.
        """
        if self.lie.startswith("manifest:"):
            return {Verdict.UNCHECKED}
        place = self.lie.partition(":")[0]
        there = {"sig": self.forms("simple"), "fallback": self.forms("bundle"), "att": self.attested}.get(place, True)
        return {min((*self._findings(met), Verdict.UNSIGNED), key=ORDER.index) for met in (True, bool(there))}

    def _findings(self, met: bool) -> Iterable[Verdict]:
        place, _colon, _how = self.lie.partition(":")
        simple, bundles = self.forms("simple"), self.forms("bundle")
        hidden = {
            "sig": (simple,), "fallback": (bundles,), "blob": (simple, bundles), "referrers": (bundles,), "att": ((),)
        }.get(place, ())  # fmt: skip
        if self.lie == "referrers:paged":
            hidden = ()
        for flaws in (simple, bundles):
            if not any(flaws is one for one in hidden):
                yield from (flaw.expect for flaw in flaws)
        if met and place in {"sig", "fallback", "referrers", "att"} and self.lie != "referrers:paged":
            yield Verdict.UNCHECKED
        if place == "blob":
            yield from (_without_its_bytes(flaw) for flaw in (*simple, *bundles))
        if self.attested and place != "att":
            yield Verdict.UNCHECKED if place == "blob" else Verdict.ATTESTATION_ONLY

    @property
    def stricter(self) -> set[str]:
        """Every written reason for which the audit may refuse it where a cosign accepts."""
        found = {flaw.stricter for flaw in self.flaws if flaw.stricter}
        if self.lie.startswith("manifest:"):
            found.add(ITSELF)
        if self.lie == "sig:header":
            found.add(HEADER)
        if self.lie == "referrers:html":
            found.add(PAGE)
        return found

    @property
    def gap(self) -> set[str]:
        """Every written gap of cosign's for which both may refuse what the audit trusts."""
        return {PAGED} if self.lie == "referrers:paged" else set()


def _without_its_bytes(flaw: Flaw) -> Verdict:
    """A bundle's manifest that refers elsewhere is seen to do so before its bytes are asked for."""
    return Verdict.INVALID if flaw.name.startswith("refers-") else Verdict.UNCHECKED


def plan(seed: int) -> list[Artifact]:
    """At least 500 artifacts, the same for the same seed."""
    random = Random(seed)
    found: list[Artifact] = []

    def add(key: str, flaws: Iterable[Flaw], **more: object) -> None:
        found.append(Artifact(len(found), key, tuple(flaws), **more))  # type: ignore[arg-type]

    for flaw in FLAWS:
        for key, family in FAMILIES.items():
            if family in flaw.families:
                add(key, [flaw])
    for _number in range(MIXTURES):
        key = random.choice(list(FAMILIES))
        count = random.choice((0, 2, 2, 3, 3, 4, 6))
        add(key, _some(random, key, count), attested=random.random() < 0.15)
    for lie in LIES:
        for forms in SETS:
            if (place := NEEDS.get(lie)) and place not in forms:
                continue  # what is not there cannot be changed
            key = random.choice(list(FAMILIES))
            flaws = [random.choice(_of(key, form, good=random.random() < 0.6)) for form in forms.split()]
            add(key, flaws, lie=lie, attested=random.random() < 0.2)
    return found


def _some(random: Random, key: str, count: int) -> list[Flaw]:
    """Signatures of several sorts; a third of them good."""
    return [random.choice(_of(key, "", good=random.random() < 0.2)) for _number in range(count)]


def _of(key: str, form: str, *, good: bool) -> list[Flaw]:
    fitting = [one for one in FLAWS if FAMILIES[key] in one.families and form in ("", one.form)]
    return [one for one in fitting if one.expect == Verdict.TRUSTED] if good else fitting


def sample(artifacts: list[Artifact], seed: int, rest: int = 20) -> list[Artifact]:
    """One artifact of every class that stands alone, and `rest` others: what a default run asks cosign about."""
    random = Random(seed)
    shuffled = random.sample(artifacts, len(artifacts))
    alone = {one.shape: one for one in shuffled if len(one.flaws) <= 1 and not one.lie}
    lies = {one.lie: one for one in shuffled if one.lie}
    chosen = {one.number: one for one in (*alone.values(), *lies.values())}
    others = [one for one in shuffled if one.number not in chosen]
    return sorted((*chosen.values(), *others[:rest]), key=lambda one: one.number)
