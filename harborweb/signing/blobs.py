"""A file signed with cosign: the signature as a bundle, and as bytes for openssl."""

import base64
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.utils import timezone
from django.utils.translation import gettext as _

from harborweb.errors import Problem
from harborweb.jobs.run import Run
from harborweb.signing import found, words
from harborweb.signing.keysmith import Signer, signer_of, still_there
from harborweb.signing.models import Key
from harborweb.tools import cosign, cosign_features
from harborweb.tools.cosign import Cosign, Outcome

SECONDS = 120


@dataclass(frozen=True)
class Blobs:
    """A folder (0700) in which files are signed with one key."""

    folder: Path
    program: Cosign
    key: Key
    signer: Signer

    def sign(self, run: Run, name: str) -> None:
        """Sign the file `name` of the folder; its signature is `name`.bundle. Raises Problem."""
        env = self.signer.environment(self.folder)
        command = self.program.sign_blob(name, self.signer.reference)
        completed = run.execute(command, cwd=self.folder, env=env, timeout=SECONDS)
        result = cosign.outcome(completed.exit_code, completed.stderr)
        if result != Outcome.GOOD:
            raise words.sign_problem(result)
        Key.objects.filter(pk=self.key.pk).update(used=timezone.now())

    def verify(self, run: Run, name: str) -> None:
        """Verify the file with the public half of the key alone; raises Problem where it is not good."""
        file = self.folder / self.key.file_name
        file.unlink(missing_ok=True)
        cosign.write_private(file, self.key.public_pem)
        (self.folder / f"{name}.sig.b64").write_bytes(base64.b64encode(self.signature(name)))
        command = self.program.verify_blob(name, self.key.file_name)
        env = cosign.environment(self.folder)
        completed = run.execute(command, cwd=self.folder, env=env, timeout=SECONDS)
        if cosign.outcome(completed.exit_code, completed.stderr) != Outcome.GOOD:
            raise Problem(
                _("cosign signed the file, but verifying it failed."), _("The log has cosign’s words. Try it again.")
            )

    def signature(self, name: str) -> bytes:
        """The raw signature of the file."""
        bundle = json.loads((self.folder / f"{name}.bundle").read_text())
        return base64.b64decode(bundle["messageSignature"]["signature"], validate=True)


@contextmanager
def prepared(run: Run, key: Key) -> Iterator[Blobs]:
    """The folder, with what cosign reads; it is removed afterwards. Raises Problem where the key cannot be used."""
    signer = signer_of(run, key)
    program = found.announced(run)
    if not cosign_features.signs_with(program.version, key.algorithm):
        raise words.weak_pair(program.version, key.algorithm)
    with tempfile.TemporaryDirectory(prefix="harborweb-blob-") as name:
        folder = Path(name)
        cosign.workspace(folder)
        still_there(run, program, folder, key)
        yield Blobs(folder, program, key, signer)
