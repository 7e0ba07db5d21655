"""What Harbor's content trust holds back beside images: all that is about them and is no signature."""

import asyncio
import json

import pytest

from harborweb.audit.judging.judgement import Judgement
from harborweb.audit.judging.rows import judge_registry
from harborweb.registry.client import OCI_MANIFEST, Client
from harborweb.registry.endpoint import Endpoint
from harborweb.registry.names import digest_of
from harborweb.verification.verdict import Verdict
from tests.harbor_double import HarborDouble
from tests.harbor_double.fixtures import harbor  # noqa: F401 - a fixture
from tests.registry.images import client, push_image, run

EMPTY = "application/vnd.oci.empty.v1+json"


def about_an_image(double: HarborDouble, kind: str, config: str) -> None:
    """An unsigned image in a project with content trust, and something of this kind that refers to it."""
    project = double.state.add_project("team")

    async def push() -> None:
        async with client(double.url, username="admin", password=double.admin[1]) as c:
            subject = await push_image(c, "team/app", "1.0")
            blob = await c.put_blob("team/app", b"{}")
            part = {"mediaType": config, "digest": blob, "size": 2}
            manifest = {
                "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": part, "layers": [part],
                "subject": {"mediaType": OCI_MANIFEST, "digest": subject, "size": 1},
                **({"artifactType": kind} if kind else {}),
            }  # fmt: skip
            body = json.dumps(manifest).encode()
            await c.put_manifest("team/app", digest_of(body), body, OCI_MANIFEST)

    run(push())
    project.metadata["enable_content_trust_cosign"] = "true"


def judged(double: HarborDouble) -> list[Judgement]:
    async def judge() -> list[Judgement]:
        async with Client(Endpoint(double.url, *double.admin, allow_http=True)) as c:
            return [one async for one in judge_registry(c, ())]

    return asyncio.run(judge())


@pytest.mark.parametrize(
    ("kind", "config", "verdict"),
    [
        ("", "application/vnd.goharbor.harbor.sbom.v1", Verdict.UNSIGNED),  # Harbor's own, made at each push
        ("application/spdx+json", EMPTY, Verdict.UNSIGNED),
        ("application/vnd.cncf.notary.signature", EMPTY, Verdict.UNSIGNED),
        ("", EMPTY, Verdict.UNCHECKED),  # might be a bundle: what it is, only its bytes tell
    ],
)
def test_what_is_no_signature_by_its_type_leaves_no_doubt(
    harbor: HarborDouble, kind: str, config: str, verdict: Verdict  # noqa: F811
) -> None:  # fmt: skip
    about_an_image(harbor, kind, config)
    assert [(one.tags, one.verdict) for one in judged(harbor)] == [(("1.0",), verdict)]
