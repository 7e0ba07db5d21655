"""docs/audit-differences.md, written from the cases: `python -m tests.audit.hostile.differences`."""

from collections.abc import Iterable
from pathlib import Path

from tests.audit.hostile import bundle_cases, fault_cases, samples, simple_cases
from tests.audit.hostile.cases import CASES, Case

assert samples and simple_cases and bundle_cases and fault_cases

DOCUMENT = "docs/audit-differences.md"
HEAD = """# Where the audit and cosign differ

The audit is held against the real cosign 2.5 and 3.1: every case of `tests/audit/hostile/` is pushed into a
real registry and judged by all three. Everywhere else than below they agree, or one cosign does: 2.5 does not
know bundles, and 3.1 looks at bundles only where one parses.

What looks green here and is not `trusted` is `via_index`: the artifact itself is not signed, an index in the
same repository that lists it is. cosign refuses such an artifact when it is asked for its own digest.

cosign is given one key and knows no more of it. In harborweb a key can have a window, can be revoked from a time on
and can count in some projects only. A signature by a key that does not count there, or did not when harborweb first
saw the signature, is `unknown_key`, and the reason says which limit it was; cosign with that key accepts it. The
command line without a database has no such limits.
"""


def _table(cases: Iterable[Case], why: str) -> list[str]:
    lines = ["| the artifact | the audit says | why |", "|---|---|---|"]
    return lines + [f"| {case.title} | {case.expect} | {getattr(case, why)} |" for case in cases]


def document() -> str:
    """The text of the document."""
    return "\n".join(
        [
            HEAD,
            "## Stricter: at least one cosign accepts, the audit does not\n",
            *_table([case for case in CASES if case.stricter], "stricter"),
            "\n## Gaps of cosign: both refuse, the audit trusts\n",
            *_table([case for case in CASES if case.gap], "gap"),
            "",
        ]
    )


if __name__ == "__main__":
    Path(DOCUMENT).write_text(document())
