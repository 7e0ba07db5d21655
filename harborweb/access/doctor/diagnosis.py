"""What the observations mean: a table of rules, each naming hop, proof and the line to change. Pure.

The tables stand in `rules_way.py` (the way there: name, port, certificate, what answers at all) and `rules_docker.py`
(what docker then asks). A rule that is only the consequence of another says so by `unless`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from harborweb.access.doctor.seen import Seen

Words = Mapping[str, Any]
Found = Callable[[Seen], Words | None]
HOPS = ("client", "dns", "proxy", "harbor")
WORST = {"wrong": 0, "unsure": 1, "look": 2}


@dataclass(frozen=True)
class Rule:
    """One thing that can be wrong.

    `tag` is that of the line in a proxy's recipe; `keys` are keys of harbor.yml. `found` returns the words of its
    sentences where it holds, with "mark", the part of the proof to point at, and
    "question" where it is another one than the rule's; None where it does not.
    """

    id: str
    hop: str
    verdict: str  # wrong, look
    question: str
    found: Found
    title: Any  # lazy translations
    text: Any
    tag: str = ""
    keys: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()


@dataclass(frozen=True)
class Diagnosis:
    """A rule that holds."""

    rule: str
    hop: str
    verdict: str
    question: str
    title: str
    text: str
    tag: str = ""
    keys: tuple[str, ...] = ()
    mark: str = ""


def diagnose(seen: Seen, rules: tuple[Rule, ...]) -> list[Diagnosis]:
    """Everything that is wrong, the worst first; of equals in the order of the table, which is that of the way."""
    held: dict[str, Diagnosis] = {}
    for rule in rules:
        if any(other in held for other in rule.unless):
            continue
        words = rule.found(seen)
        if words is not None:
            question = str(words.get("question", rule.question))
            held[rule.id] = Diagnosis(
                rule.id, rule.hop, rule.verdict, question, str(rule.title) % words, str(rule.text) % words,
                rule.tag, rule.keys, str(words.get("mark", "")),
            )  # fmt: skip
    return sorted(held.values(), key=lambda one: WORST[one.verdict])
