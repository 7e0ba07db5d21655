"""The workshop where one image is signed and signatures checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from harborweb.errors import Problem
from harborweb.jobs.run import Run
from harborweb.registry import running
from harborweb.registry.client import Client
from harborweb.registry.endpoint import Endpoint
from harborweb.registry.errors import RegistryError
from harborweb.registry.models import Registry
from harborweb.registry.pushing import check_push
from harborweb.signing import accessories, formats, looking, places, turns, words
from harborweb.signing.annotations import Wanted, says_the_same
from harborweb.signing.by_cosign import Work, prepared, sign_with, verify_with
from harborweb.signing.formats import Format
from harborweb.signing.keysmith import Signer, signer_of, still_there
from harborweb.signing.models import Key
from harborweb.signing.signals import signed
from harborweb.tools import cosign_features
from harborweb.tools.cosign import Cosign, Outcome
from harborweb.verification.keys import PublicKey, load_public_key
from harborweb.verification.manifest import read_manifest
from harborweb.verification.strict import Malformed
from harborweb.verification.verdict import Finding

Row = TypeVar("Row", Key, Registry)
DEPTH = 4  # indexes within indexes, as the audit follows them
MOST_CHILDREN = 1024


def sign(run: Run) -> dict[str, Any]:
    """Sign what was seen, or nothing; what this key has signed already is said and not signed again.

    1. Take the key; look where the tag points, what the key has signed there, and whether we may write
    2. Prepare a folder with the registry's login
    3. Sign the digest, and what an index lists, with cosign, in each format that the registry's readers need
    4. Verify with the public key
    5. Find where it is stored, and in Harbor whether Harbor lists it
    """
    key = _one(Key, run.arguments["key"])
    registry = _one(Registry, run.arguments["registry"])
    run.step(1, 5, _("Look where the tag points"))
    signer = signer_of(run, key)  # first of all: whatever happens next, nothing typed waits in Redis
    endpoint, repository, digest = _image(run, registry, signs=True)
    _still_there(run, endpoint, repository, digest, run.arguments.get("tag") or "")
    with turns.of(endpoint, [(repository, digest)], f"job {run.job.pk}"):
        there = running.run(_look(endpoint, repository, digest, _public(key), recursive=run.arguments["recursive"]))
        before = places.stored(endpoint, repository, digest)
        run.step(2, 5, _("Prepare"))
        with prepared(run, endpoint, repository, digest) as work:
            if not cosign_features.signs_with(work.program.version, key.algorithm):
                raise words.weak_pair(work.program.version, key.algorithm)
            still_there(run, work.program, work.folder, key)
            job = _Signing(run, work, signer, _formats(registry, run, work.program), _wanted(run), there)
            run.step(3, 5, _("Sign the digest"))
            count = job.through()
            run.step(4, 5, _("Verify with the public key"))
            check = verify_with(run, work, key)
    if check["outcome"] != Outcome.GOOD:
        raise Problem(
            _("cosign signed, but verifying it failed: %s") % check["sentence"],
            _("The log has cosign’s words. Verify the image again before you rely on this signature."),
        )
    if count:
        Key.objects.filter(pk=key.pk).update(used=timezone.now())
    run.step(5, 5, _("Find where it is stored"))
    _tell(run, registry, repository, digest)
    kinds = [str(one) for one in job.chosen.formats]
    found = _found(run, endpoint, repository, digest, before, kinds)
    return {
        "image": work.reference, "format": kinds[0], "formats": kinds, "format_words": job.chosen.words,
        "format_reason": job.chosen.reason, "version": str(work.program.version), "places": found, "check": check,
        "already": not count, "children": len(there) - 1, "signed": count,
        "annotations": job.annotations, "harbor": accessories.listed(run, registry, repository, digest, found),
    }  # fmt: skip


@dataclass
class _There:
    """One digest to be signed: itself, or what an index lists; `mine` are its good signatures by the key."""

    digest: str
    mine: Sequence[Finding]


async def _look(endpoint: Endpoint, repository: str, digest: str, key: PublicKey, *, recursive: bool) -> list[_There]:
    """What is to be signed, the digest first, with what this key has signed; raises Problem where we may not write."""
    async with Client(endpoint) as client:
        await check_push(*client.signatures_of(repository))
        found = [digest]
        level = [digest]
        for _depth in range(DEPTH if recursive else 0):
            level = [one for each in level for one in await _listed(client, repository, each) if one not in found]
            found += dict.fromkeys(level)
            if len(found) > MOST_CHILDREN:
                raise Problem(
                    _("Nothing was signed: this index lists more than %d artifacts.") % MOST_CHILDREN,
                    _("Sign it without what it lists."),
                )
        return [_There(one, await looking.signatures_by(client, repository, one, key)) for one in found]


async def _listed(client: Client, repository: str, digest: str) -> list[str]:
    manifest = await client.manifest(repository, digest)
    if not manifest.is_index:
        return []
    try:
        return [one.digest for one in read_manifest(manifest.body).children]
    except Malformed as error:
        raise Problem(
            _("Nothing was signed: this index cannot be read: %s") % error.reason, _("Push it again.")
        ) from error


def _public(key: Key) -> PublicKey:
    return load_public_key(key.public_pem.encode(), key.name)


def _formats(registry: Registry, run: Run, program: Cosign) -> formats.Chosen:
    """In which formats to sign; raises Problem where this cosign cannot make what was chosen."""
    asked = str(run.arguments.get("format") or "")
    bundles = cosign_features.can(program.version, "sign bundle")
    if asked in {Format.BUNDLE, "both"} and not bundles:
        raise words.no_bundles(program.version)
    return formats.chosen(registry, asked, bundles=bundles)


def _wanted(run: Run) -> Wanted:
    expires = run.arguments.get("expires")
    return Wanted(
        run.arguments.get("signer") or run.job.who_name, datetime.fromisoformat(expires) if expires else None,
        run.arguments.get("annotations"),
    )  # fmt: skip


@dataclass
class _Signing:
    """The third step: what is missing, signed."""

    run: Run
    work: Work
    signer: Signer
    chosen: formats.Chosen
    wanted: Wanted
    there: list[_There]
    annotations: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        tag = self.run.arguments.get("tag") or ""
        self.annotations = self.wanted.of(self.work.repository, tag, timezone.now())

    def through(self) -> int:
        """Sign; how many digests got a signature."""
        self.run.line(f"{self.chosen.words}: {self.chosen.reason}")
        touched: set[str] = set()
        for one in self.chosen.formats:
            missing = [each.digest for each in self.there if not self._says_it(each, one)]
            if len(missing) == len(self.there) > 1:
                self._cosign(self.work.digest, one, recursive=True)
            else:
                for digest in missing:
                    self._cosign(digest, one)
            touched.update(missing)
        if not touched:
            self.run.line(_("This key has signed it already, and says the same; nothing was signed again."))
        elif self.there[1:]:
            count = len(touched - {self.work.digest})
            words_ = ngettext(
                "%(n)d artifact that it lists was signed too.", "%(n)d artifacts that it lists were signed too.", count
            )
            self.run.line(words_ % {"n": count})
        return len(touched)

    def _says_it(self, there: _There, wanted: Format) -> bool:
        """Whether this key has signed the digest in this format, with all but signer and time as now."""
        child = there.digest != self.work.digest
        return any(
            looking.format_of(one) == wanted and says_the_same(one.annotations, self.annotations, child=child)
            for one in there.mine
        )

    def _cosign(self, digest: str, kind: Format, *, recursive: bool = False) -> None:
        work = replace(self.work, digest=digest)
        sign_with(self.run, work, self.signer, self.annotations, simple=kind == Format.SIMPLE, recursive=recursive)


def _tell(run: Run, registry: Registry, repository: str, digest: str) -> None:
    """Let the rooms above look at it again; what goes wrong there changes nothing about the signature."""
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
    endpoint, repository, digest = _image(run, _one(Registry, run.arguments["registry"]))
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


def _one(model: type[Row], pk: int) -> Row:
    """The row that the job was asked for; raises Problem when it was deleted meanwhile."""
    row = model._default_manager.filter(pk=pk).first()
    if row is None:
        raise Problem(_("The key or the registry was deleted before the job began."), _("Open the image again."))
    return row


def _image(run: Run, registry: Registry, *, signs: bool = False) -> tuple[Endpoint, str, str]:
    """The registry as who may do this there, and the image."""
    endpoint = registry.signing_endpoint() if signs else registry.endpoint()
    for one in (endpoint, endpoint.of_signatures):
        run.secret(one.password)
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


def _found(
    run: Run, endpoint: Endpoint, repository: str, digest: str, before: set[places.Place], kinds: Sequence[str]
) -> list[dict[str, str]]:
    """What was not there before; a signature that equals an older one (RSA, Ed25519) is found among those.

    The image is signed and verified by now: a registry that does not answer here changes nothing about that.
    """
    try:
        stored = places.stored(endpoint, repository, digest)
    except RegistryError as error:
        run.line(str(error))
        return []
    found: list[places.Place] = []
    for kind in kinds:
        fitting = {place for place in stored if (place.source == "sig") == (kind == Format.SIMPLE)}
        found += sorted(fitting - before or fitting, key=lambda place: place.digest)
    return [place.shown() for place in found]
