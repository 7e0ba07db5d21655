"""The workshop where many images are signed by one job: look, sign, go on after a crash."""

import asyncio
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from harborweb.errors import Problem
from harborweb.jobs.run import Run
from harborweb.registry.client import Client
from harborweb.registry.endpoint import Endpoint
from harborweb.registry.errors import RegistryError
from harborweb.registry.pushing import check_push
from harborweb.signing import accessories, turns, words
from harborweb.signing.annotations import Wanted
from harborweb.signing.by_cosign import Work, prepared, sign_with, verify_with
from harborweb.signing.formats import Format
from harborweb.signing.keysmith import Signer, secrets_of, signer_of, still_there
from harborweb.signing.many.models import BulkItem, BulkSigning
from harborweb.signing.many.writing import Order, Seen, see, sign
from harborweb.signing.models import Key
from harborweb.signing.native.opening import OpenKey, open_key
from harborweb.signing.signals import signed_many
from harborweb.tools.cosign import Outcome
from harborweb.verification.keys import PublicKey, load_public_key

AT_ONCE = 16  # items of one claim: so many may stand at "signing" when a worker is killed
SAMPLE = 5  # of each list that real cosign verifies too
State = BulkItem.State


def look_many(run: Run) -> dict[str, Any]:
    """See what there is to do, and change nothing.

    1. Look whether we may write there
    2. Look at each digest: where its tag points, whether this key has signed it, what an index lists
    """
    with _work(run) as work:
        run.step(1, 2, _("Look whether we may write there"))
        work.may_write()
        run.step(2, 2, _("Look at each digest"))
        work.look()
    counts = work.bulk.counts()
    return {"message": _told(counts), "url": work.bulk.get_absolute_url(), "counts": counts}


def sign_many(run: Run) -> dict[str, Any]:
    """Sign what is left of a list; each digest once, whatever was killed before.

    1. Take the key and its password
    2. Look whether we may write there
    3. Look at what nobody has looked at yet, and what a killed worker had begun
    4. Sign each digest, and have the audit judge it again
    5. Have cosign verify a sample
    """
    with _work(run) as work:
        run.step(1, 5, _("Take the key"))
        work.open_key()
        run.step(2, 5, _("Look whether we may write there"))
        work.may_write()
        run.step(3, 5, _("Look at each digest"))
        work.look()
        run.step(4, 5, _("Sign each digest"))
        try:
            work.sign()
        finally:
            work.tell()
        run.step(5, 5, _("Have cosign verify a sample"))
        checks = work.sample()
    counts = work.bulk.counts()
    if bad := [one for one in checks if one["outcome"] != Outcome.GOOD]:
        raise Problem(
            _("Signed, but cosign does not verify %(n)d of a sample of %(all)d.") % {"n": len(bad), "all": len(checks)},
            _("The log has cosign’s words. Do not rely on these signatures before you know why."),
        )
    return {"message": _told(counts), "url": work.bulk.get_absolute_url(), "counts": counts, "checks": checks}


def _told(counts: Any) -> str:
    parts = [
        ngettext("%(n)d digest is signed", "%(n)d digests are signed", counts["signed"]) % {"n": counts["signed"]},
        _("%d were signed by this key already") % counts["already"] if counts["already"] else "",
        _("%d tags moved") % counts["moved"] if counts["moved"] else "",
        _("%d could not be signed") % counts["failed"] if counts["failed"] else "",
        _("%d are to be signed") % counts["waiting"] if counts["waiting"] else "",
    ]
    return "; ".join(part for part in parts if part) + "."


@dataclass
class _Work:
    """One job's hold of a list, and a client with the loop it lives in."""

    run: Run
    bulk: BulkSigning
    key: Key
    public: PublicKey
    endpoint: Endpoint
    client: Client
    runner: asyncio.Runner
    signer: OpenKey | None = None  # for signing natively
    kms: Signer | None = None  # a key that stays where it is signs by cosign
    begun: set[int] = field(default_factory=set)  # items that a killed worker had begun
    touched: dict[str, list[str]] = field(default_factory=dict)  # digests signed by this job, by repository

    @property
    def wanted(self) -> Wanted:
        """What is signed beside each digest."""
        return Wanted(self.bulk.signer, self.bulk.expires, self.bulk.annotations)

    def open_key(self) -> None:
        """Decrypt the key once for the whole list; a key in a KMS stays there."""
        if self.key.kind == Key.Kind.KMS:
            self.kms = signer_of(self.run, self.key)
            return
        private, password = secrets_of(self.run, self.key)
        self.signer = open_key(private, password, self.key.name)
        if self.signer.public.fingerprint != self.key.fingerprint:
            raise words.key_problem(Outcome.UNSUPPORTED_KEY)

    def may_write(self) -> None:
        """Raise Problem unless we may push in every project of what is open."""
        names = self.bulk.items.filter(state__in=BulkItem.OPEN).order_by().values_list("repository", flat=True)
        first = {name.partition("/")[0]: name for name in sorted(set(names), reverse=True)}
        for client, name in dict.fromkeys(self.client.signatures_of(name) for name in first.values()):
            self.runner.run(check_push(client, name))
        where = self.endpoint.cosign_repository or ", ".join(sorted(first)) or "-"
        who = self.endpoint.username or _("whoever does not sign in")
        self.run.line(_("%(who)s may push to %(where)s") % {"who": who, "where": where})

    def look(self) -> None:
        """Look at what waits; an index brings its children, which are looked at in their turn."""
        open_ = self.bulk.items.filter(state=State.WAITING, looked=False)
        done = 0
        while items := list(open_.order_by("pk")[:AT_ONCE]):
            self.run.progress(done, done + open_.count())
            for item, seen in zip(items, self._see(items), strict=True):
                self._note(item, seen)
            done += len(items)

    def _note(self, item: BulkItem, seen: Seen) -> None:
        changes: dict[str, Any] = {"looked": True, "reason": ""}
        if seen.problem is not None:
            changes |= {"state": State.MOVED if seen.moved else State.FAILED, "reason": str(seen.problem)[:500]}
        elif set(self.bulk.formats) <= seen.formats:
            changes["state"] = State.ALREADY
        if self.bulk.recursive:
            BulkItem.objects.bulk_create(
                [
                    BulkItem(bulk=self.bulk, repository=item.repository, digest=one, tag=item.tag, parent=item.digest)
                    for one in seen.children
                ],
                ignore_conflicts=True,
            )
        BulkItem.objects.filter(pk=item.pk, state=State.WAITING).update(**changes)

    def _see(self, items: Sequence[BulkItem]) -> list[Seen]:
        async def all_of_them() -> list[Seen]:
            return await asyncio.gather(*(see(self.client, _order(item), self.public) for item in items))

        return self.runner.run(all_of_them())

    def sign(self) -> None:
        """Sign all that is open, AT_ONCE at a time; first what a killed worker had begun."""
        items = self.bulk.items
        total = items.count()
        left = BulkItem.objects.filter(bulk=self.bulk, state=State.SIGNING)
        self.begun = set(left.values_list("pk", flat=True))
        if self.begun:
            self.run.line(_("%d were begun by a worker that is gone; each is looked for first.") % len(self.begun))
        left.update(state=State.WAITING)
        while claimed := self._claim():
            self.run.progress(total - self.bulk.left(), total)
            held = [(item.repository, item.digest) for item in claimed]
            with turns.of(self.endpoint, held, f"bulk {self.bulk.pk}"):
                self._batch(claimed)
        self.run.progress(total, total)

    def _claim(self) -> list[BulkItem]:
        """The next items, which are this job's from now on; the time that is signed stays that of the first attempt."""
        waiting = BulkItem.objects.filter(bulk=self.bulk, state=State.WAITING)
        numbers = list(waiting.order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
        waiting.filter(pk__in=numbers, time=None).update(time=timezone.now().replace(microsecond=0))
        waiting.filter(pk__in=numbers).update(state=State.SIGNING)
        return list(BulkItem.objects.filter(pk__in=numbers, state=State.SIGNING).order_by("pk"))

    def _batch(self, items: Sequence[BulkItem]) -> None:
        seen = self._see(items)
        done = self.runner.run(self._natively(items, seen)) if self.signer else self._by_cosign(items, seen)
        for item, one, result in zip(items, seen, done, strict=True):
            BulkItem.objects.filter(pk=item.pk, state=State.SIGNING).update(**self._became(item, one, result))

    def _became(self, item: BulkItem, seen: Seen, result: dict[str, str] | Problem) -> dict[str, Any]:
        """The columns of an item that was tried."""
        if isinstance(result, Problem):
            self.run.line(f"{item}: {result}", "err")
            return {"state": State.MOVED if seen.moved else State.FAILED, "reason": str(result)[:500]}
        if not result and item.pk not in self.begun:
            return {"state": State.ALREADY, "reason": ""}
        self.touched.setdefault(item.repository, []).append(item.digest)
        said = "" if result else _("Found signed when this list was gone on with.")
        return {"state": State.SIGNED, "reason": said, "written": {**item.written, **result}}

    def _by_cosign(self, items: Sequence[BulkItem], seen: Sequence[Seen]) -> list[dict[str, str] | Problem]:
        """The same by the program, one image after the other: for a key in a KMS, which only cosign reaches."""
        done: list[dict[str, str] | Problem] = []
        with prepared(self.run, self.endpoint, items[0].repository, items[0].digest) as work:
            if self.kms is None:
                raise words.key_problem(Outcome.NO_KEY)
            still_there(self.run, work.program, work.folder, self.key)
            for item, one in zip(items, seen, strict=True):
                try:
                    done.append(self._one_by_cosign(replace(work, repository=item.repository, digest=item.digest), item,
                                                    one, self.kms))  # fmt: skip
                except Problem as problem:
                    done.append(problem)
        return done

    def _one_by_cosign(self, work: Work, item: BulkItem, seen: Seen, signer: Signer) -> dict[str, str]:
        if seen.problem is not None:
            raise seen.problem
        said = self.wanted.of(item.repository, item.tag, item.time or timezone.now())
        missing = [one for one in self.bulk.formats if one not in seen.formats]
        for one in missing:
            if one == Format.BUNDLE and work.program.format() != one:
                raise words.no_bundles(work.program.version)
            sign_with(self.run, work, signer, said, simple=one == Format.SIMPLE)
        return dict.fromkeys(missing, "cosign")

    async def _natively(self, items: Sequence[BulkItem], seen: Sequence[Seen]) -> list[dict[str, str] | Problem]:
        async def one(item: BulkItem, found: Seen) -> dict[str, str] | Problem:
            if found.problem is not None or self.signer is None:
                return found.problem or words.key_problem(Outcome.NO_KEY)
            made = item.time or timezone.now()
            said = self.wanted.of(item.repository, item.tag, made)
            try:
                return await sign(self.client, _order(item), found, self.signer, self.bulk.formats, said, made)
            except (RegistryError, Problem) as problem:
                return problem

        return await asyncio.gather(*(one(item, found) for item, found in zip(items, seen, strict=True)))

    def tell(self) -> None:
        """Let the rooms above look at what was signed; what goes wrong there changes nothing about the signatures."""
        if not self.touched:
            return
        Key.objects.filter(pk=self.key.pk).update(used=timezone.now())
        for repository, digests in self.touched.items():
            answers = signed_many.send_robust(
                sender=None, registry=self.bulk.registry, repository=repository, digests=digests
            )
            for _receiver, answer in answers:
                if isinstance(answer, Exception):
                    self.run.line(_("The verdict could not be brought up to date: %s") % answer)

    def sample(self) -> list[dict[str, Any]]:
        """What real cosign, and Harbor's list of accessories, say of a few of those that this job has signed."""
        signed = [(name, one) for name, digests in self.touched.items() for one in digests]
        if not signed:
            self.run.line(_("Nothing was signed, so there is nothing to verify."))
            return []
        chosen = random.sample(signed, min(SAMPLE, len(signed)))
        checks = []
        with prepared(self.run, self.endpoint, *chosen[0]) as work:
            for done, (repository, digest) in enumerate(chosen):
                self.run.progress(done, len(chosen))
                check = verify_with(self.run, replace(work, repository=repository, digest=digest), self.key)
                kept = {name: check[name] for name in ("outcome", "sentence", "command")}
                kept["harbor"] = self._in_harbor(repository, digest)
                checks.append({"image": f"{repository}@{digest}", **kept})
        return checks

    def _in_harbor(self, repository: str, digest: str) -> dict[str, Any]:
        written = self.bulk.items.get(repository=repository, digest=digest).written.values()
        stored = [{"digest": one} for one in written if one.startswith("sha256:")]
        return accessories.listed(self.run, self.bulk.registry, repository, digest, stored) if stored else {}


def _order(item: BulkItem) -> Order:
    """What is looked at: the tag of what was chosen, the digest of what an index brought."""
    return Order(item.repository, item.digest, "" if item.parent else item.tag)


@contextmanager
def _work(run: Run) -> Iterator[_Work]:
    """The job's list with its key and registry; raises Problem where one was deleted meanwhile."""
    bulk = BulkSigning.objects.select_related("registry", "key").filter(pk=run.arguments["bulk"]).first()
    if bulk is None or bulk.key is None:
        raise Problem(_("The list, or its key, was deleted before the job began."), _("Choose the images again."))
    endpoint = bulk.registry.signing_endpoint()
    for one in (endpoint, endpoint.of_signatures):
        run.secret(one.password)
    public = load_public_key(bulk.key.public_pem.encode(), bulk.key.name)
    with asyncio.Runner() as runner:

        async def opened() -> Client:
            return await Client(endpoint).__aenter__()

        client = runner.run(opened())
        try:
            yield _Work(run, bulk, bulk.key, public, endpoint, client, runner)
        finally:
            runner.run(client.__aexit__(None, None, None))
