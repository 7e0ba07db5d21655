"""Keyless signatures in a real registry, judged by a sweep and by the real cosigns with the same trusted root."""

import asyncio
import json
import os
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from harborweb.audit.judging.collect import Options
from harborweb.audit.judging.judgement import Judgement
from harborweb.audit.judging.rows import judge_repository
from harborweb.registry.client import Client, Endpoint
from harborweb.verification.simple_signing import CERTIFICATE, CHAIN, LOG_BUNDLE, SIGNATURE
from harborweb.verification.verdict import Verdict
from tests import parts
from tests.audit.hostile.bench import Bench, make_signer, sign_statement
from tests.audit.test_command import audit
from tests.verification.sigstore_double import ISSUED_BY, SUBJECT
from tests.verification.test_keyless import BROKEN, HOUR, MINE, SIGSTORE, STAMPED, STAMPS, new, trust
from tests.verification.test_promise import CASES

# Where cosign accepts and we do not, and why.
STRICTER = {
    "provenance": "cosign 3 verify counts an attestation of any type as a signature",
    "logged in time, and stamped after the certificate has expired": "cosign looks at no stamp beside a log's time",
    "the same stamp twice": "Sigstore's library refuses it",
    "logged, and junk for a stamp": "cosign looks at no stamp beside a log's time",
}


@dataclass(frozen=True)
class Said:
    """One bundle: our row, and whether cosign accepts, with its last words."""

    ours: Judgement
    accepted: bool
    words: str


def _provenance(digest: str) -> dict[str, object]:
    return SIGSTORE.bundle(digest, statement=sign_statement(digest, predicateType="https://slsa.dev/provenance/v1"))


def _long_ago(digest: str) -> dict[str, object]:
    """By a certificate that expired a hundred hours ago, logged while it was valid."""
    key = new()
    at = SIGSTORE.now - 100 * HOUR
    certificate = SIGSTORE.certificate(key.public_key(), at=at)
    return SIGSTORE.bundle(digest, key=key, certificate=certificate, logged=at + HOUR / 60)


# Every bundle of the verifier's own tests, made for a digest, and more good ones.
BUNDLES: dict[str, tuple[Callable[[str], dict[str, object]], Verdict]] = {
    **{name: (build, verdict) for name, (build, verdict, _words) in (BROKEN | STAMPED).items()},
    "good": (SIGSTORE.bundle, Verdict.TRUSTED),
    "good, signed long ago": (_long_ago, Verdict.TRUSTED),
    "another digest": (
        lambda digest: SIGSTORE.bundle(digest, statement=sign_statement("sha256:" + "0" * 64)), Verdict.INVALID,
    ),
    "provenance": (_provenance, Verdict.ATTESTATION_ONLY),
}  # fmt: skip
# Where a cosign accepts simple signing by a certificate and we do not, and why.
LOOSE = {"log named in capitals": "cosign 3.1 reads the log's name as a number; 2.5 and we go by the text"}
ATTACHED = "attached by cosign 2.5"
SIMPLE = CASES | {ATTACHED: CASES["good"]}
ROOT: dict[str, Any] = {"timestampAuthorities": [STAMPS.trusted()]}


@pytest.fixture(scope="module")
def said(registry: parts.Registry, cosign3: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Said]:
    """Every bundle in one repository, each with an image of its own."""
    folder = tmp_path_factory.mktemp("keyless")
    (folder / "root.json").write_text(json.dumps(SIGSTORE.trusted_root(**ROOT)))

    async def accepts(reference: str) -> tuple[bool, str]:
        process = await asyncio.create_subprocess_exec(
            cosign3, "verify", "--trusted-root", "root.json", "--certificate-identity", SUBJECT,
            "--certificate-oidc-issuer", ISSUED_BY, "--allow-http-registry", reference,
            cwd=folder, env={**os.environ, "HOME": str(folder)},
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _out, talk = await asyncio.wait_for(process.communicate(), 60)
        return process.returncode == 0, talk.decode(errors="replace").strip()[-300:]

    async def everything() -> dict[str, Said]:
        async with Client(Endpoint(registry.url, allow_http=True)) as client:
            signers = {name: make_signer(name, folder) for name in ("trusted", "stranger")}
            bench = Bench(client, "keyless/all", signers, folder, client.endpoint.host)
            digests = {}
            for number, (name, (build, _verdict)) in enumerate(BUNDLES.items()):
                digests[name] = await bench.image(f"t{number}")
                manifest = await bench.bundle_manifest(build(digests[name]), digests[name])
                await bench.refer(digests[name], [manifest])
            options = Options(keyless=trust(MINE, **ROOT))
            async with aclosing(judge_repository(client, bench.repository, [], options)) as rows:
                ours = {row.digest: row async for row in rows}
            return {
                name: Said(ours[digest], *await accepts(bench.reference(digest))) for name, digest in digests.items()
            }

    return asyncio.run(everything())


@pytest.mark.parametrize("name", BUNDLES)
def test_ours_beside_cosigns(said: dict[str, Said], name: str) -> None:
    """The verdict that was made; trusted is what cosign accepts, and refused what it refuses, but for what is named."""
    one = said[name]
    assert one.ours.verdict == BUNDLES[name][1], one.ours.reason
    assert (one.ours.verdict == Verdict.TRUSTED) == (one.accepted and name not in STRICTER), (
        one.ours.reason, one.words,
    )  # fmt: skip


@dataclass(frozen=True)
class SimplySaid:
    """One signature of simple signing: our row, and what cosign 3.1 and 2.5 say of it in the end, empty if good."""

    ours: Judgement
    three: str
    two: str


@pytest.fixture(scope="module")
def simply_said(
    registry: parts.Registry, cosign3: str, cosign2: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, SimplySaid]:
    """Every case of simple signing in one repository, each with an image of its own; one is attached by cosign 2.5."""
    folder = tmp_path_factory.mktemp("promised")
    pem = serialization.Encoding.PEM
    (folder / "root.json").write_text(json.dumps(SIGSTORE.trusted_root()))
    (folder / "ca.pem").write_bytes(SIGSTORE.ca.public_bytes(pem))
    for name, key in (("log.pub", SIGSTORE.log_key), ("ct.pub", SIGSTORE.ct_key)):
        (folder / name).write_bytes(key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo))
    two = {"SIGSTORE_REKOR_PUBLIC_KEY": "log.pub", "SIGSTORE_CT_LOG_PUBLIC_KEY_FILE": "ct.pub"}

    async def says(program: str, reference: str, *roots: str) -> str:
        process = await asyncio.create_subprocess_exec(
            program, "verify", *roots, "--certificate-identity", SUBJECT, "--certificate-oidc-issuer", ISSUED_BY,
            "--allow-http-registry", reference, cwd=folder, env={**os.environ, **two, "HOME": str(folder)},
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _out, talk = await asyncio.wait_for(process.communicate(), 60)
        return "" if process.returncode == 0 else talk.decode(errors="replace").strip()[-300:] or "refused"

    async def everything() -> dict[str, SimplySaid]:
        async with Client(Endpoint(registry.url, allow_http=True)) as client:
            bench = Bench(client, "keyless/simple", {}, folder, client.endpoint.host)
            digests = {}
            for number, (name, (build, _verdict, _words)) in enumerate(SIMPLE.items()):
                digests[name] = await bench.image(f"t{number}")
                payload, annotations = build(digests[name])
                signature = annotations.pop(SIGNATURE)
                if name != ATTACHED:
                    await bench.sig(digests[name], [await bench.layer(payload, signature, **annotations)])
                    continue
                files = {
                    "payload": payload, "signature": signature, "certificate": annotations[CERTIFICATE],
                    "certificate-chain": annotations[CHAIN],
                    "rekor-response": json.dumps({"rekorBundle": json.loads(annotations[LOG_BUNDLE])}),
                }  # fmt: skip
                for option, content in files.items():
                    (folder / option).write_bytes(content if isinstance(content, bytes) else content.encode())
                options = [word for option in files for word in (f"--{option}", option)]
                await bench.cosign(
                    cosign2, "attach", "signature", *options, "--allow-http-registry", bench.reference(digests[name])
                )
            options = Options(keyless=trust(MINE))
            async with aclosing(judge_repository(client, bench.repository, [], options)) as rows:
                ours = {row.digest: row async for row in rows}
            return {
                name: SimplySaid(
                    ours[digest],
                    await says(cosign3, bench.reference(digest), "--trusted-root", "root.json", "--offline"),
                    await says(cosign2, bench.reference(digest), "--ca-roots", "ca.pem", "--offline"),
                )
                for name, digest in digests.items()
            }  # fmt: skip

    return asyncio.run(everything())


@pytest.mark.parametrize("name", SIMPLE)
def test_simple_signing_beside_both_cosigns(simply_said: dict[str, SimplySaid], name: str) -> None:
    """The same, in the older format: trusted is what both accept, but for what is named."""
    one = simply_said[name]
    assert one.ours.verdict == SIMPLE[name][1], one.ours.reason
    accepted = {"3.1": not one.three, "2.5": not one.two}
    if name in LOOSE:
        assert one.ours.verdict != Verdict.TRUSTED and any(accepted.values()), one
    else:
        assert accepted == dict.fromkeys(accepted, one.ours.verdict == Verdict.TRUSTED), one


def test_the_identity_stands_with_the_row(said: dict[str, Said]) -> None:
    """Whose it is, and the pair that makes it count in place of a key."""
    row = said["good"].ours
    assert row.key == MINE.fingerprint and SUBJECT in row.reason
    (finding,) = row.findings
    assert (finding.subject, finding.issuer) == (SUBJECT, ISSUED_BY)


def test_the_command_takes_a_root_and_whose_signatures_count(
    said: dict[str, Said], registry: parts.Registry, tmp_path: Path
) -> None:
    (tmp_path / "root.json").write_text(json.dumps(SIGSTORE.trusted_root(**ROOT)))
    here = ("--repository", "keyless/all", "--allow-http", "--format", "json")
    whose = ("--certificate-identity", SUBJECT, "--certificate-oidc-issuer", ISSUED_BY)
    done = audit(registry.url, *here, "--trusted-root", str(tmp_path / "root.json"), *whose)
    found = {row["digest"]: row["verdict"] for row in json.loads(done.stdout)}
    assert done.returncode == 1 and found == {one.ours.digest: one.ours.verdict for one in said.values()}, done.stderr
    for wrong in (whose, ("--trusted-root", str(tmp_path / "root.json")), ("--trusted-root", "/nowhere", *whose)):
        refused = audit(registry.url, *here, *wrong)
        assert refused.returncode == 2 and refused.stdout == "" and "Traceback" not in refused.stderr
