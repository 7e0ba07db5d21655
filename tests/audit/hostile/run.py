"""Build every case, judge it, and ask both real cosigns the same."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harborweb.audit.judging.collect import Options
from harborweb.audit.judging.judgement import Judgement
from harborweb.audit.judging.rows import judge_repository
from harborweb.registry.client import OCI_MANIFEST, Client, Endpoint, Limits
from tests.audit.hostile import bundle_cases, fault_cases, samples, simple_cases
from tests.audit.hostile.bench import MAKERS, Bench, Signer, make_signer
from tests.audit.hostile.cases import CASES, Case
from tests.audit.hostile.faults import break_place
from tests.registry.lying import Liar, answer, lying

assert samples and simple_cases and bundle_cases and fault_cases  # importing them registered their cases

PATIENCE = Limits(seconds=2, wait_seconds=0.1)
COSIGN_SECONDS = 60
WITHOUT_END = ("endless", "slow", "loop")  # cosign may wait for such an answer for ever


@dataclass(frozen=True)
class Answer:
    """A case with our judgement and what each cosign said (whether it accepts, its last words)."""

    case: Case
    ours: Judgement
    cosign2: bool
    cosign3: bool
    words: str


async def run_all(registry_url: str, folder: Path, cases: Sequence[Case] = tuple(CASES)) -> list[Answer]:
    """Everything, in one event loop: building one by one, judging one by one, the cosigns two at a time."""
    signers = {name: make_signer(name, folder) for name in MAKERS}
    await _import_keys(folder)
    with lying(upstream=registry_url) as liar:
        return await _run(registry_url, folder, cases, signers, liar)


async def _run(
    registry_url: str, folder: Path, cases: Sequence[Case], signers: Mapping[str, Signer], liar: Liar
) -> list[Answer]:
    slots = asyncio.Semaphore(2)
    async with Client(Endpoint(registry_url, allow_http=True)) as client:
        asked = []
        for case in cases:
            host = liar.host if case.fault else client.endpoint.host
            bench = Bench(client, f"hostile/{case.name}", signers, folder, client.endpoint.host)
            digest = await case.build(bench)
            if case.fault:
                _arm(liar, case, bench)
            asked.append(_asked(case, bench, digest, host, slots))
        return list(await asyncio.gather(*asked))


def _arm(liar: Liar, case: Case, bench: Bench) -> None:
    if case.fault != "plant":
        break_place(liar, bench.repository, case.fault)
    for tag, body in bench.plants.items():
        liar.on(f"/v2/{bench.repository}/manifests/{tag}", answer(200, body, {"Content-Type": OCI_MANIFEST}))


async def _import_keys(folder: Path) -> None:
    environment = {**os.environ, "COSIGN_PASSWORD": "", "HOME": str(folder)}
    commands = [
        ["cosign", "import-key-pair", "--key", f"{name}.pem", "--output-key-prefix", name, "--yes"]
        for name in ("trusted", "stranger")
    ]
    for command in [*commands, ["cosign", "signing-config", "create", "--out", "signing-config.json"]]:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=folder, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        output, _none = await process.communicate()
        assert process.returncode == 0, output.decode()


async def _asked(case: Case, bench: Bench, digest: str | None, host: str, slots: asyncio.Semaphore) -> Answer:
    async with slots:
        ours = await _judged(case, bench, digest, host)
        reference = f"{host}/{bench.repository}" + (f"@{digest}" if digest else ":v1")
        environment = {"COSIGN_REPOSITORY": f"{host}/{case.signature_repository}"} if case.signature_repository else {}
        key = bench.signers[case.key]
        seconds = 8 if case.fault.endswith(WITHOUT_END) else COSIGN_SECONDS
        ask = partial(cosign_accepts, reference, key, case.annotations, bench.folder, environment, seconds)
        two, words2 = await ask("cosign-2.5")
        three, words3 = await ask("cosign")
    return Answer(case, ours, two, three, f"2.5: {words2}\n3.1: {words3}")


async def _judged(case: Case, bench: Bench, digest: str | None, host: str) -> Judgement:
    """Our row for the digest, or for the tag v1."""
    options = Options(
        annotations=case.annotations, signature_repository=case.signature_repository, seconds=20, concurrency=4
    )
    async with Client(Endpoint(f"http://{host}", allow_http=True), PATIENCE) as client:
        rows = judge_repository(client, bench.repository, [bench.signers[case.key].public], options)
        async with aclosing(rows) as judgements:
            found = [one async for one in judgements]
    chosen = [one for one in found if one.digest == digest or (not one.digest and "v1" in one.tags)]
    chosen = chosen or [one for one in found if digest is None and "v1" in one.tags]
    assert len(chosen) == 1, (case.name, digest, found)
    return chosen[0]


async def cosign_accepts(
    reference: str,
    key: Signer,
    annotations: Mapping[str, str],
    folder: Path,
    more: Mapping[str, str],
    seconds: float,
    program: str,
) -> tuple[bool, str]:
    """Whether `program verify` accepts, and its last line."""
    command = [program, "verify", "--key", str(key.pub_file), "--insecure-ignore-tlog=true"]
    command += ["--allow-http-registry", "--allow-insecure-registry"]
    for name, value in annotations.items():
        command += ["-a", f"{name}={value}"]
    process = await asyncio.create_subprocess_exec(
        *command, reference, cwd=folder, env={**os.environ, "HOME": str(folder), **more},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        _out, talk = await asyncio.wait_for(process.communicate(), seconds)
    except TimeoutError:
        process.kill()
        await process.wait()
        return False, f"no answer within {seconds} s"
    return process.returncode == 0, talk.decode(errors="replace").strip().splitlines()[-1] if talk.strip() else ""
