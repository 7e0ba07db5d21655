"""With robots of our own in a Harbor: one signs, one audits, and neither may do the other's work."""

from typing import Any

import pytest

from harborweb import sealing
from harborweb.audit import services as audit
from harborweb.audit.sweeps.workshop import sweep
from harborweb.jobs.models import Job
from harborweb.registry import robot_services, robots, seeing
from harborweb.registry.client import Client
from harborweb.registry.errors import RegistryError
from harborweb.registry.models import PASSWORD_PURPOSE, Registry
from harborweb.registry.running import run
from harborweb.signing import services, workshop
from harborweb.signing.many import services as many
from harborweb.signing.many.services import Item
from harborweb.signing.many.workshop import sign_many
from harborweb.verification.verdict import Verdict
from tests.harbor_double import HarborDouble
from tests.harbor_double.fixtures import harbor  # noqa: F401 - a fixture
from tests.registry.images import client as registry_client
from tests.registry.images import push_image
from tests.signing.jobs import done, log, made

pytestmark = pytest.mark.django_db(transaction=True)


def test_one_robot_signs_and_the_other_audits(
    asked: Any, cosign_three: str, harbor: HarborDouble, transactional_db: None,  # noqa: F811
) -> None:  # fmt: skip
    harbor.state.add_project("team")
    name, password = harbor.admin

    async def push() -> str:
        async with registry_client(harbor.url, username=name, password=password) as c:
            return await push_image(c, "team/app", "1.0")

    digest = run(push())
    lab = seeing.look(Registry.objects.create(name="lab", url=harbor.url, allow_http=True))
    job = robot_services.request_robots(asked, lab, robot_services.Asked(name, password))
    assert done(job, robots.make).state == Job.State.SUCCEEDED, log(job)
    lab.refresh_from_db()
    assert set(lab.rights["reading"]["rights"].values()) == set(lab.rights["signing"]["rights"].values()) == {"has"}

    key = made(asked, "release", "none", "")
    signed = done(services.request_sign(asked, lab, "team/app", digest, "1.0", key), workshop.sign)
    assert signed.state == Job.State.SUCCEEDED, signed.error + log(signed)
    assert signed.result["formats"] == ["bundle"] and signed.result["harbor"]["seen"] == ["signature.cosign"]
    pushed = {one.user for one in harbor.state.events if (one.operation, one.resource_type) == ("create", "artifact")}
    assert pushed == {name, lab.signing_endpoint().username}  # the image, and its signature

    swept = done(audit.request_sweep(asked, lab), sweep)
    assert swept.state == Job.State.SUCCEEDED, swept.error + log(swept)
    verdict = audit.verdict_for(lab, "team/app", digest)
    assert verdict is not None and verdict.verdict == Verdict.TRUSTED
    pulled = {one.user for one in harbor.state.events if one.operation == "pull"}
    assert lab.endpoint().username in pulled

    async def write_as_reader() -> None:
        async with Client(lab.endpoint()) as c:
            await c.put_blob("team/app", b"what the reader may not lay down")

    with pytest.raises(RegistryError) as caught:
        run(write_as_reader())
    assert caught.value.kind == "forbidden"


def test_an_older_harbor_gets_both_formats_and_a_robot_without_the_right_is_named(
    asked: Any, cosign_three: str, harbor: HarborDouble, transactional_db: None,  # noqa: F811
) -> None:  # fmt: skip
    harbor.state.add_project("team")
    harbor.state.version = "v2.13.0-abc"
    name, password = harbor.admin

    async def push() -> str:
        async with registry_client(harbor.url, username=name, password=password) as c:
            return await push_image(c, "team/app", "1.0")

    digest = run(push())
    lab = Registry.objects.create(
        name="lab", url=harbor.url, allow_http=True, username=name,
        password_sealed=sealing.seal(password, PASSWORD_PURPOSE),
    )  # fmt: skip
    seeing.look(lab)
    key = made(asked, "release", "none", "")
    job = done(services.request_sign(asked, lab, "team/app", digest, "1.0", key), workshop.sign)
    assert job.state == Job.State.SUCCEEDED, job.error + log(job)
    assert job.result["formats"] == ["bundle", "simple"] and "2.13" in job.result["format_reason"]
    assert job.result["harbor"] == {"seen": ["signature.cosign"], "missing": []}

    second = made(asked, "second", "none", "")
    bulk = many.request_sign_many(asked, lab, [Item("team/app", digest, "1.0")], second)
    assert bulk.job is not None
    assert done(bulk.job, sign_many).state == Job.State.SUCCEEDED, log(bulk.job)
    assert bulk.formats == ["bundle", "simple"]
    assert bulk.job.result["checks"][0]["harbor"] == {"seen": ["signature.cosign"], "missing": []}

    lab.username, lab.password_sealed = "", b""
    lab.save()
    project = harbor.state.project("team")
    assert project is not None
    project.metadata["public"] = "true"
    image = {"digest": digest, "repository": "team/app"}
    refused = done(services.request_sign(asked, lab, **image, tag="", key=key), workshop.sign)
    assert refused.state == Job.State.FAILED
    assert refused.error == "Nothing was signed: whoever does not sign in may not push to team/app."


def test_what_content_trust_holds_back_can_be_signed(
    asked: Any, cosign_three: str, harbor: HarborDouble, transactional_db: None,  # noqa: F811
) -> None:  # fmt: skip
    """Harbor gives an unsigned manifest to a cosign alone, that shows a token and may push (sig-unsigned-pull-*)."""
    project = harbor.state.add_project("team")
    name, password = harbor.admin

    async def push() -> list[str]:
        async with registry_client(harbor.url, username=name, password=password) as c:
            return [await push_image(c, "team/app", tag, seed=tag) for tag in ("1.0", "2.0", "3.0")]

    one, two, three = run(push())
    project.metadata["enable_content_trust_cosign"] = "true"
    lab = seeing.look(Registry.objects.create(name="lab", url=harbor.url, allow_http=True))
    job = robot_services.request_robots(asked, lab, robot_services.Asked(name, password))
    assert done(job, robots.make).state == Job.State.SUCCEEDED, log(job)
    lab.refresh_from_db()
    key = made(asked, "release", "none", "")
    signed = done(services.request_sign(asked, lab, "team/app", one, "1.0", key), workshop.sign)
    assert signed.state == Job.State.SUCCEEDED, signed.error + log(signed)
    bulk = many.request_sign_many(asked, lab, [Item("team/app", two, "2.0")], key)
    assert bulk.job is not None
    assert done(bulk.job, sign_many).state == Job.State.SUCCEEDED, log(bulk.job)
    assert bulk.counts()["signed"] == 1

    async def read(endpoint: Any) -> str:
        async with Client(endpoint) as c:
            return (await c.manifest("team/app", three)).digest

    with pytest.raises(RegistryError) as caught:
        run(read(lab.endpoint()))
    assert caught.value.status == 412  # who reads is told what everybody is told
    assert run(read(lab.signing_endpoint())) == three
