"""The workshop where images are signed and signatures checked."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from django.utils import timezone
from django.utils.translation import gettext as _

from harborweb.errors import Problem
from harborweb.jobs.run import Run
from harborweb.registry.endpoint import Endpoint
from harborweb.registry.errors import RegistryError
from harborweb.registry.models import Registry
from harborweb.signing import found, places, words
from harborweb.signing.keysmith import Signer, signer_of, still_there
from harborweb.signing.models import Key
from harborweb.signing.places import access
from harborweb.signing.signals import signed
from harborweb.tools import cosign, cosign_features
from harborweb.tools.cosign import Access, Cosign, Outcome
from harborweb.tools.process import shown

Row = TypeVar("Row", Key, Registry)
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


def sign(run: Run) -> dict[str, Any]:
    """Sign what was seen, or nothing.

    1. Take the key and its password; look whether the tag still points to the digest
    2. Prepare a folder with the registry's login
    3. Sign the digest with cosign
    4. Verify with the public key
    5. Find where the signature is stored
    """
    key = _one(Key, run.arguments["key"])
    simple = bool(run.arguments.get("simple"))
    run.step(1, 5, _("Look where the tag points"))
    signer = signer_of(run, key)  # first of all: whatever happens next, nothing typed waits in Redis
    endpoint, repository, digest = _image(run, signs=True)
    _still_there(run, endpoint, repository, digest, run.arguments.get("tag") or "")
    before = places.stored(endpoint, repository, digest)
    run.step(2, 5, _("Prepare"))
    with prepared(run, endpoint, repository, digest) as work:
        if not cosign_features.signs_with(work.program.version, key.algorithm):
            raise words.weak_pair(work.program.version, key.algorithm)
        still_there(run, work.program, work.folder, key)
        run.step(3, 5, _("Sign the digest"))
        _sign(run, work, signer, simple)
        Key.objects.filter(pk=key.pk).update(used=timezone.now())
        run.step(4, 5, _("Verify with the public key"))
        check = verify_with(run, work, key)
    if check["outcome"] != Outcome.GOOD:
        raise Problem(
            _("cosign signed, but verifying it failed: %s") % check["sentence"],
            _("The log has cosign’s words. Verify the image again before you rely on this signature."),
        )
    run.step(5, 5, _("Find where it is stored"))
    _tell(run, repository, digest)
    kind = work.program.format(simple)
    return {
        "image": work.reference,
        "format": kind,
        "version": str(work.program.version),
        "places": _found(run, endpoint, repository, digest, before, kind),
        "check": check,
    }


def _tell(run: Run, repository: str, digest: str) -> None:
    """Let the rooms above look at it again; what goes wrong there changes nothing about the signature."""
    registry = _one(Registry, run.arguments["registry"])
    answers = signed.send_robust(sender=None, registry=registry, repository=repository, digest=digest)
    for _receiver, answer in answers:
        if isinstance(answer, Exception):
            run.line(_("The verdict could not be brought up to date: %s") % answer)


def verify(run: Run) -> dict[str, Any]:
    """Ask cosign whether a digest is signed by one key, or by each trusted one.

    1. Look whether the image is there
    2. Prepare a folder with the registry's login
    3. Run `cosign verify` with the key; one more step for each further key
    """
    keys = _keys(run)
    of = 2 + len(keys)
    run.step(1, of, _("Look whether the image is there"))
    endpoint, repository, digest = _image(run)
    _still_there(run, endpoint, repository, digest, "")
    run.step(2, of, _("Prepare"))
    checks = []
    with prepared(run, endpoint, repository, digest) as work:
        for number, key in enumerate(keys, start=3):
            run.step(number, of, _("Verify with %s") % key.name)
            checks.append(verify_with(run, work, key))
    return {
        "image": work.reference,
        "version": str(work.program.version),
        "good": sum(check["outcome"] == Outcome.GOOD for check in checks),
        "checks": checks,
        "sees_bundles": cosign_features.can(work.program.version, "verify bundle"),
    }


def _sign(run: Run, work: Work, signer: Signer, simple: bool) -> None:
    """Run `cosign sign`; raises Problem when it signed nothing."""
    annotations = run.arguments.get("annotations")
    command = work.program.sign(
        work.reference, work.access, annotations=annotations, simple=simple, key=signer.reference
    )
    completed = run.execute(command, cwd=work.folder, env=signer.environment(work.folder), timeout=SECONDS)
    result = cosign.outcome(completed.exit_code, completed.stderr)
    if result != Outcome.GOOD:
        raise words.sign_problem(result)


def _one(model: type[Row], pk: int) -> Row:
    """The row that the job was asked for; raises Problem when it was deleted meanwhile."""
    row = model._default_manager.filter(pk=pk).first()
    if row is None:
        raise Problem(_("The key or the registry was deleted before the job began."), _("Open the image again."))
    return row


def _image(run: Run, *, signs: bool = False) -> tuple[Endpoint, str, str]:
    """The registry as who may do this there, and the image."""
    registry = _one(Registry, run.arguments["registry"])
    endpoint = registry.signing_endpoint() if signs else registry.endpoint()
    run.secret(endpoint.password)
    return endpoint, run.arguments["repository"], run.arguments["digest"]


def _still_there(run: Run, endpoint: Endpoint, repository: str, digest: str, tag: str) -> None:
    """Raise Problem unless the image is there and `tag`, if any, still points to it."""
    now = places.points_to(endpoint, repository, tag or digest)
    if now == digest:
        run.line(_("%(reference)s is %(digest)s") % {"reference": tag or _("The image"), "digest": digest})
        return
    if tag and now is not None:
        raise words.tag_moved(tag, digest, now)
    if tag and places.points_to(endpoint, repository, digest) == digest:
        raise words.tag_gone(tag, digest)
    raise words.image_gone(f"{repository}@{digest}")


def _keys(run: Run) -> list[Key]:
    ready = Key.objects.filter(state=Key.State.READY)
    chosen = run.arguments.get("key")
    keys = list(ready.filter(pk=chosen) if chosen else ready.filter(trusted=True))
    if not keys:
        raise Problem(_("There is no key to verify with."), _("Make a pair, or import a public key and trust it."))
    return keys


@contextmanager
def prepared(run: Run, endpoint: Endpoint, repository: str, digest: str) -> Iterator[Work]:
    """A folder (0700) with what cosign reads, removed afterwards."""
    program = found.announced(run)
    with tempfile.TemporaryDirectory(prefix="harborweb-sign-") as name:
        folder = Path(name)
        cosign.workspace(
            folder, endpoint.host, username=endpoint.username, password=endpoint.password, ca_pem=endpoint.ca_pem
        )
        yield Work(folder, program, endpoint, repository, digest)


def verify_with(run: Run, work: Work, key: Key) -> dict[str, Any]:
    """Run `cosign verify` with the public half of `key`; what it said, and the command to repeat it by hand."""
    name = key.file_name
    file = work.folder / name
    file.unlink(missing_ok=True)
    cosign.write_private(file, key.public_pem)
    command = work.program.verify(work.reference, work.access, name)
    completed = run.execute(command, cwd=work.folder, env=cosign.environment(work.folder), timeout=SECONDS)
    result = cosign.outcome(completed.exit_code, completed.stderr)
    payloads = cosign.signatures(completed.stdout)
    return {
        "key": key.pk, "name": key.name, "fingerprint": key.fingerprint, "algorithm": key.algorithm, "file": name,
        "exit_code": completed.exit_code, "outcome": str(result), "sentence": words.outcome(result),
        "json": json.dumps(payloads[:SHOWN], indent=2, ensure_ascii=False) if payloads else "",
        "more": max(0, len(payloads) - SHOWN),
        "command": shown(("cosign", *command[1:])),
    }  # fmt: skip


def _found(
    run: Run, endpoint: Endpoint, repository: str, digest: str, before: set[places.Place], kind: str
) -> list[dict[str, str]]:
    """What was not there before; a signature that equals an older one (RSA, Ed25519) is found among those.

    The image is signed and verified by now: a registry that does not answer here changes nothing about that.
    """
    try:
        stored = places.stored(endpoint, repository, digest)
    except RegistryError as error:
        run.line(str(error))
        return []
    fitting = {place for place in stored if (place.source == "sig") == (kind == "simple")}
    return [place.shown() for place in sorted(fitting - before or fitting, key=lambda place: place.digest)]
