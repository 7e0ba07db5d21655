"""Make the artifacts of a plan in a real registry, sweep them, and ask real cosigns about them."""

import asyncio
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from random import Random

from harborweb.audit.judging.collect import Options
from harborweb.audit.judging.judgement import Judgement
from harborweb.audit.judging.rows import judge_repository
from harborweb.registry.client import Client, Endpoint, Limits
from tests.audit.differential.flaws import Making
from tests.audit.differential.plan import FAMILIES, Artifact
from tests.audit.hostile.bench import Bench, Signer, make_signer
from tests.audit.hostile.faults import break_place
from tests.registry.lying import Liar

PATIENCE = Limits(seconds=10, wait_seconds=0.1)
TOGETHER = 12  # images of one call of cosign
PROGRAMS = ("cosign-2.5", "cosign")


@dataclass(frozen=True)
class Made:
    """An artifact that lies in a registry: at which host, in which repository, under which digest."""

    artifact: Artifact
    host: str
    repository: str
    digest: str

    @property
    def reference(self) -> str:
        """As cosign wants it."""
        return f"{self.host}/{self.repository}@{self.digest}"


class Field:
    """One registry, a liar before it, and the keys: everything that the runs of one plan share."""

    def __init__(self, url: str, liar: Liar, folder: Path) -> None:
        self.url, self.liar, self.folder = url, liar, folder
        self.signers: Mapping[str, Signer] = {
            name: make_signer(name, folder) for name in ("stranger", *FAMILIES)
        }  # fmt: skip

    # Making

    async def make(self, artifacts: Iterable[Artifact]) -> list[Made]:
        """Push every artifact; those that a lie is about each get a repository of their own."""
        slots = asyncio.Semaphore(6)
        async with Client(Endpoint(self.url, allow_http=True)) as client:

            async def one(artifact: Artifact) -> Made:
                async with slots:
                    return await self._make(client, artifact)

            return list(await asyncio.gather(*map(one, artifacts)))

    async def _make(self, client: Client, artifact: Artifact) -> Made:
        repository = f"differential/{artifact.name}" if artifact.lie else f"differential/{artifact.key}"
        host = self.liar.host if artifact.lie else client.endpoint.host
        bench = Bench(client, repository, self.signers, self.folder, client.endpoint.host)
        digest = await bench.image("v1" if artifact.lie else artifact.name)
        making = Making(bench, digest, self.signers[artifact.key], self.signers["stranger"], Random(artifact.number))
        parts = [(flaw.form, await flaw.make(making)) for flaw in artifact.flaws]
        if layers := [part for form, part in parts if form == "simple"]:
            await bench.sig(digest, layers)
        if bundles := [part for form, part in parts if form == "bundle"]:
            await bench.refer(digest, bundles)
        if artifact.attested:
            await bench.image(f"{digest.replace(':', '-')}.att")
        if artifact.lie:
            break_place(self.liar, repository, artifact.lie)
        return Made(artifact, host, repository, digest)

    # Ours

    async def judged(self, made: Sequence[Made]) -> dict[int, Judgement]:
        """What a sweep of each repository says, by the artifact's number."""
        found: dict[int, Judgement] = {}
        for repository in dict.fromkeys((one.host, one.repository, one.artifact.key) for one in made):
            rows = await self._swept(*repository)
            mine = [one for one in made if (one.host, one.repository) == repository[:2]]
            for one in mine:
                name = "v1" if one.artifact.lie else one.artifact.name
                (row,) = [row for row in rows if row.digest == one.digest or (not row.digest and name in row.tags)]
                found[one.artifact.number] = row
        return found

    async def _swept(self, host: str, repository: str, key: str) -> list[Judgement]:
        options = Options(seconds=20, concurrency=4)
        async with Client(Endpoint(f"http://{host}", allow_http=True), PATIENCE) as client:
            rows = judge_repository(client, repository, [self.signers[key].public], options)
            async with aclosing(rows) as judgements:
                return [one async for one in judgements]

    # cosign's

    async def accepted(self, made: Sequence[Made]) -> dict[str, dict[int, bool]]:
        """Which artifacts each cosign accepts, by program and number.

        One call is given several images that are thought to be good: it succeeds only where all of them are. Where it
        fails each half is asked again, down to one image. cosign picks the format by the first image, so a call's
        images are of one sort.
        """
        found: dict[str, dict[int, bool]] = {program: {} for program in PROGRAMS}
        slots = asyncio.Semaphore(2)

        async def ask(program: str, some: Sequence[Made]) -> None:
            async with slots:
                good = await self._verify(program, some)
            if good or len(some) == 1:
                found[program].update({one.artifact.number: good for one in some})
                return
            half = len(some) // 2
            await asyncio.gather(ask(program, some[:half]), ask(program, some[half:]))

        await asyncio.gather(*(ask(program, some) for program in PROGRAMS for some in _together(program, made)))
        return found

    async def _verify(self, program: str, some: Sequence[Made]) -> bool:
        key = self.signers[some[0].artifact.key]
        command = [program, "verify", "--key", str(key.pub_file), "--insecure-ignore-tlog=true"]
        command += ["--allow-http-registry", "--allow-insecure-registry", *(one.reference for one in some)]
        process = await asyncio.create_subprocess_exec(
            *command, cwd=self.folder, env={**os.environ, "HOME": str(self.folder)},
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            return await asyncio.wait_for(process.wait(), 120) == 0
        except TimeoutError:
            process.kill()
            await process.wait()
            return False


def _together(program: str, made: Sequence[Made]) -> Iterable[list[Made]]:
    """Calls: alone what is thought to be refused or lied about, several of one key and one sort where not."""
    groups: dict[tuple[str, bool], list[Made]] = {}
    for one in made:
        bundles, simple = one.artifact.forms("bundle"), one.artifact.forms("simple")
        seen = bundles if bundles and program == "cosign" else simple
        if one.artifact.lie or not any(flaw.accepted for flaw in seen):
            yield [one]
        else:
            groups.setdefault((one.artifact.key, bool(bundles)), []).append(one)
    for group in groups.values():
        yield from (group[start : start + TOGETHER] for start in range(0, len(group), TOGETHER))
