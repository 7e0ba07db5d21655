"""cosign at work on one image: a folder with what it reads, a signature made, a signature verified."""

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harborweb.jobs.run import Run
from harborweb.registry.endpoint import Endpoint
from harborweb.signing import found, words
from harborweb.signing.keysmith import Signer
from harborweb.signing.models import Key
from harborweb.signing.places import access
from harborweb.tools import cosign
from harborweb.tools.cosign import Access, Cosign, Login, Outcome

SHOWN = 50  # payloads of one verification that are kept
SECONDS = 200  # cosign gives up after 180, and says why


@dataclass(frozen=True)
class Work:
    """What one job works on: an image by digest, a cosign, and the folder it runs in."""

    folder: Path
    program: Cosign
    endpoint: Endpoint
    repository: str
    digest: str

    @property
    def reference(self) -> str:
        """host/repository@digest, as cosign wants it."""
        return f"{self.endpoint.host}/{self.repository}@{self.digest}"

    @property
    def access(self) -> Access:
        """How cosign, run in the folder, reaches the registry."""
        return access(self.endpoint)


@contextmanager
def prepared(run: Run, endpoint: Endpoint, repository: str, digest: str) -> Iterator[Work]:
    """A folder (0700) with what cosign reads, removed afterwards."""
    program = found.announced(run)
    with tempfile.TemporaryDirectory(prefix="harborweb-sign-") as name:
        folder = Path(name)
        both = dict.fromkeys((endpoint.of_signatures, endpoint))
        cosign.workspace(folder, *(Login(one.host, one.username, one.password, one.ca_pem) for one in both))
        yield Work(folder, program, endpoint, repository, digest)


def sign_with(
    run: Run, work: Work, signer: Signer, annotations: Mapping[str, str], *, simple: bool, recursive: bool = False
) -> None:
    """Run `cosign sign`; raises Problem when it signed nothing."""
    command = work.program.sign(
        work.reference, work.access, annotations=annotations, simple=simple, recursive=recursive, key=signer.reference
    )
    env = signer.environment(work.folder, work.endpoint.cosign_repository)
    completed = run.execute(command, cwd=work.folder, env=env, timeout=SECONDS)
    result = cosign.outcome(completed.exit_code, completed.stderr)
    if result != Outcome.GOOD:
        raise words.sign_problem(result)


def verify_with(run: Run, work: Work, key: Key) -> dict[str, Any]:
    """Run `cosign verify` with the public half of `key`; what it said, and the command to repeat it by hand."""
    name = key.file_name
    file = work.folder / name
    file.unlink(missing_ok=True)
    cosign.write_private(file, key.public_pem)
    command = work.program.verify(work.reference, work.access, name)
    signatures = work.endpoint.cosign_repository
    env = cosign.environment(work.folder, signatures=signatures)
    completed = run.execute(command, cwd=work.folder, env=env, timeout=SECONDS)
    result = cosign.outcome(completed.exit_code, completed.stderr)
    payloads = cosign.signatures(completed.stdout)
    return {
        "key": key.pk, "name": key.name, "fingerprint": key.fingerprint, "algorithm": key.algorithm, "file": name,
        "exit_code": completed.exit_code, "outcome": str(result), "sentence": words.outcome(result),
        "json": json.dumps(payloads[:SHOWN], indent=2, ensure_ascii=False) if payloads else "",
        "more": max(0, len(payloads) - SHOWN),
        "command": cosign.by_hand(("cosign", *command[1:]), signatures),
    }  # fmt: skip
