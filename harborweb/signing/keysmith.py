"""The workshop where keys are made and taken in."""

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import IntegrityError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from harborweb import sealing
from harborweb.errors import Problem
from harborweb.jobs.run import Run
from harborweb.signing import found, words
from harborweb.signing.keyfiles import private_pem
from harborweb.signing.models import Key
from harborweb.signing.native.opening import open_key
from harborweb.tools import cosign, cosign_kms
from harborweb.tools.cosign import Cosign, Outcome
from harborweb.verification.keys import load_public_key

PRIVATE = "signing-key"  # the purposes under which the two are sealed
PASSWORD = "signing-key-password"  # noqa: S105 (a purpose, no password)
SECONDS = 60  # scrypt takes a fraction of one
COSIGN_KEY = re.compile(r"-----BEGIN ENCRYPTED (SIGSTORE|COSIGN) PRIVATE KEY-----")


def make_key(run: Run) -> dict[str, Any]:
    """Make a key pair.

    1. Take the typed password out of its slot
    2. Make the pair with cosign, in a folder of its own
    3. Prove that the password opens it
    4. Store it sealed
    """
    with _key(run) as key:
        run.step(1, 4, _("Take the password"))
        typed = _typed(run)
        program = found.announced(run)
        with workspace() as folder:
            run.step(2, 4, _("Make the pair"))
            env = cosign.environment(folder, password=typed["password"])
            completed = run.execute(program.generate("new"), cwd=folder, env=env, timeout=SECONDS)
            _good(completed.exit_code, completed.stderr)
            private = (folder / "new.key").read_text()
            run.step(3, 4, _("Prove it"))
            public = prove(run, program, folder, private, typed["password"])
        run.step(4, 4, _("Store it sealed"))
        return _store(key, private, public, typed["password"])


def import_key(run: Run) -> dict[str, Any]:
    """Take in a private key that was made elsewhere.

    1. Take the typed key and password out of their slot
    2. Turn a PEM key or a JWK into cosign's encrypted form (cosign's own stays as it is)
    3. Prove that the password opens it
    4. Store it sealed
    """
    with _key(run) as key:
        run.step(1, 4, _("Take the key and its password"))
        typed = _typed(run)
        private, password = typed["pem"].replace("\r\n", "\n").strip() + "\n", typed["password"]
        program = found.announced(run)
        with workspace() as folder:
            run.step(2, 4, _("Bring it into cosign’s form"))
            if not COSIGN_KEY.search(private):
                private = private_pem(private)
                _hide(run, private, password)
                cosign.write_private(folder / "typed.pem", private)
                env = cosign.environment(folder, password=password)
                completed = run.execute(program.import_pem("typed.pem", "new"), cwd=folder, env=env, timeout=SECONDS)
                _good(completed.exit_code, completed.stderr)
                private = (folder / "new.key").read_text()
            run.step(3, 4, _("Prove it"))
            public = prove(run, program, folder, private, password)
        run.step(4, 4, _("Store it sealed"))
        return _store(key, private, public, password)


def connect_kms(run: Run) -> dict[str, Any]:
    """Take in the public half of a key that stays in a KMS.

    1. Look which variables for the KMS this worker has
    2. Fetch the public half with cosign
    3. Store it
    """
    with _key(run) as key:
        run.step(1, 3, _("Look at this worker’s environment"))
        program = found.announced(run)
        _say_variables(run, key.kms_uri)
        with workspace() as folder:
            run.step(2, 3, _("Fetch the public half"))
            public = _kms_public(run, program, folder, key.kms_uri)
        run.step(3, 3, _("Store it"))
        return _store(key, "", public, "")


@dataclass(frozen=True)
class Signer:
    """How cosign gets at a private key: what stands after --key, and what its environment must hold."""

    reference: str
    password: str | None = field(default=None, repr=False)
    private: str | None = field(default=None, repr=False)
    further: Mapping[str, str] = field(default_factory=dict, repr=False)

    def environment(self, folder: Path, signatures: str = "") -> dict[str, str]:
        """The environment in which cosign signs, run in `folder`; `signatures` is where it lays them down."""
        return cosign.environment(
            folder, password=self.password, private_key=self.private, further=self.further, signatures=signatures
        )


def signer_of(run: Run, key: Key) -> Signer:
    """How cosign signs with `key`; its secrets are masked from now on. Raises Problem where it cannot."""
    if key.kind == Key.Kind.KMS:
        _say_variables(run, key.kms_uri)
        return Signer(key.kms_uri, further=cosign_kms.variables(key.kms_uri))
    private, password = secrets_of(run, key)
    return Signer(cosign.KEY_REFERENCE, password, private)


def still_there(run: Run, program: Cosign, folder: Path, key: Key) -> None:
    """Raise Problem where the KMS does not answer for `key`, or answers with another key than the one known here."""
    if key.kind != Key.Kind.KMS:
        return
    now = load_public_key(_kms_public(run, program, folder, key.kms_uri).encode())
    if now.fingerprint != key.fingerprint:
        raise words.kms_changed(key.name, now.fingerprint)


def _say_variables(run: Run, uri: str) -> None:
    """Which variables for the KMS are set here, by name; what they hold is masked where it is a secret."""
    for value in cosign_kms.secrets(uri):
        run.secret(value)
    names = ", ".join(sorted(cosign_kms.variables(uri)))
    run.line(_("Set in this worker’s environment: %s") % (names or _("none of the KMS’s variables")))


def _kms_public(run: Run, program: Cosign, folder: Path, uri: str) -> str:
    env = cosign.environment(folder, further=cosign_kms.variables(uri))
    completed = run.execute(program.public_key(uri), cwd=folder, env=env, timeout=SECONDS)
    if completed.exit_code:
        raise words.kms_problem(cosign_kms.service_of(uri), completed.stderr)
    return completed.stdout


PROVING = _lazy("Look into the worker’s log. Do not rely on this file.")


def reencrypted(run: Run, program: Cosign, folder: Path, private: str, password: str) -> str:
    """A cosign key that has no password, under `password`; the one that is kept stays as it is."""
    plain = open_key(private, "").plain_pem()
    _hide(run, plain, password)
    cosign.write_private(folder / "plain.pem", plain)
    env = cosign.environment(folder, password=password)
    completed = run.execute(program.import_pem("plain.pem", "again"), cwd=folder, env=env, timeout=SECONDS)
    _good(completed.exit_code, completed.stderr)
    again = (folder / "again.key").read_text()
    _hide(run, again, password)
    return again


def already_here(fingerprint: str, besides: int | None = None) -> None:
    """Raise Problem when another key than `besides` has this fingerprint."""
    rows = Key.objects.filter(fingerprint=fingerprint)
    if other := (rows if besides is None else rows.exclude(pk=besides)).first():
        raise Problem(
            _("This key is here already, under the name %s.") % other.name,
            _("Open it there. To add its private half, delete the entry first, then import the pair."),
            field="pem",
        )


def secrets_of(run: Run, key: Key) -> tuple[str, str]:
    """The encrypted PEM of `key` and its password (stored, or typed for this job); both are masked from now on."""
    if key.private_sealed is None:
        raise Problem(_("The private half of %s is not here.") % key.name, _("Choose another key."))
    password = ""
    if key.password_mode == Key.Password.ASKED:
        password = sealing.take_once(run.arguments["slot"]).decode()
    elif key.password_sealed is not None:
        password = sealing.unseal(key.password_sealed, PASSWORD).decode()
    private = sealing.unseal(key.private_sealed, PRIVATE).decode()
    _hide(run, private, password)
    return private, password


@contextmanager
def _key(run: Run) -> Iterator[Key]:
    """The job's key row, marked failed when the work ends badly."""
    key = Key.objects.filter(pk=run.arguments["key"]).first()
    if key is None:
        raise Problem(_("The key’s entry was deleted before the job began."), _("Make it again."))
    try:
        yield key
    except BaseException:  # a stop too leaves no key that is being made for ever; raised again
        Key.objects.filter(pk=key.pk, state=Key.State.MAKING).update(state=Key.State.FAILED)
        raise


@contextmanager
def workspace() -> Iterator[Path]:
    """A temporary folder that only this user may open (0700), gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="harborweb-key-") as name:
        yield Path(name)


def _typed(run: Run) -> dict[str, str]:
    typed: dict[str, str] = json.loads(sealing.take_once(run.arguments["slot"]))
    _hide(run, typed.get("pem", ""), typed["password"])
    return typed


def _hide(run: Run, pem: str, password: str) -> None:
    run.secret(pem)
    run.secret(password)


def prove(run: Run, program: Cosign, folder: Path, private: str, password: str) -> str:
    """The public half that cosign derives of `private`; raises Problem when `password` does not open it."""
    _hide(run, private, password)
    env = cosign.environment(folder, password=password, private_key=private)
    completed = run.execute(program.public_key(), cwd=folder, env=env, timeout=SECONDS)
    _good(completed.exit_code, completed.stderr)
    return completed.stdout


def _good(exit_code: int, stderr: str) -> None:
    result = cosign.outcome(exit_code, stderr)
    if result != Outcome.GOOD:
        raise words.key_problem(result)


def _store(key: Key, private: str, public_pem: str, password: str) -> dict[str, Any]:
    public = load_public_key(public_pem.encode())
    already_here(public.fingerprint, besides=key.pk)
    stored = bool(private) and key.password_mode == Key.Password.STORED
    try:
        changed = Key.objects.filter(pk=key.pk, state=Key.State.MAKING).update(
            state=Key.State.READY,
            public_pem=public.pem,
            fingerprint=public.fingerprint,
            algorithm=public.kind,
            private_sealed=sealing.seal(private, PRIVATE) if private else None,
            password_sealed=sealing.seal(password, PASSWORD) if stored else None,
        )
    except IntegrityError:  # the same key, taken in twice at once
        already_here(public.fingerprint, besides=key.pk)
        raise
    if not changed:
        raise Problem(_("The key’s entry was deleted meanwhile."), _("Make it again."))
    return {"key": key.pk, "name": key.name, "fingerprint": public.fingerprint, "algorithm": public.kind}
