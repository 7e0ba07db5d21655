"""What lets somebody in, or is for others' eyes, goes to nobody and stands in nothing that is kept."""

import asyncio
import base64
import dataclasses
import json

import pytest

from harborweb.access.doctor.examining import Credentials
from harborweb.access.doctor.seen import Target
from tests.access.doctor.conftest import PROJECT, QUICK, Looked, look
from tests.access.doctor.test_hostile import BEARER, claims
from tests.harbor_double import HarborDouble
from tests.registry.lying import Liar, Request, answer, head, lying, reply

ADA = Credentials("ada", "s3cret-of-ada")
BASIC = base64.b64encode(b"ada:s3cret-of-ada").decode()


def kept(looked: Looked) -> str:
    """Everything that a result holds."""
    shown = [dataclasses.asdict(one) for one in (*looked.found, *looked.asked)]
    return json.dumps([looked.seen.facts(), shown], ensure_ascii=False)


def harbor_like(liar: Liar, token: object) -> None:
    challenge = BEARER.format(f"{liar.url}/service/token").partition(": ")
    liar.on("/v2/", answer(401, b"{}", {challenge[0]: challenge[2]}))
    liar.on("/service/token", reply(token))


@pytest.mark.parametrize("at", ["", "127.0.0.1"])
def test_over_http_no_password_goes_to_an_address_that_was_typed(at: str) -> None:
    """A signer may type one; the robot's password is not a signer's."""
    with lying() as liar:
        harbor_like(liar, {"token": claims({})})
        name = "localhost" if at else "127.0.0.1"
        port = liar.url.rpartition(":")[2]
        looked = look(Target(f"http://{name}:{port}", repository="library/x", at=at), ADA, "", QUICK)
        told = [one for one in liar.requests if "Authorization" in one.headers]
    assert bool(told) is (not at)
    if at:
        assert "typed" in looked.seen.skipped["token"]
        assert looked.question("token").verdict == "skipped"


def test_a_server_that_tells_back_what_it_was_sent_tells_the_page_nothing() -> None:
    async def echo(request: Request, writer: asyncio.StreamWriter) -> None:
        scheme, _space, credential = request.headers.get("Authorization", "").partition(" ")
        body = json.dumps(request.headers).encode() + (base64.b64decode(credential) if scheme == "Basic" else b"")
        writer.write(head(200, {"Content-Length": str(len(body)), "X-Told": str(request.headers)}) + body)

    made = claims({"access": [{"name": "library/x", "actions": ["push"]}]})
    with lying() as liar:
        for path in ("/api/v2.0/users/current", "/api/v2.0/systeminfo", "/v2/library/x/blobs/uploads/"):
            liar.on(path, echo)
        harbor_like(liar, {"token": made})
        looked = look(Target(liar.url, repository="library/x"), ADA, "", QUICK)
        assert any(one.headers.get("Authorization") == f"Bearer {made}" for one in liar.requests)
        assert any(one.headers.get("Authorization") == f"Basic {BASIC}" for one in liar.requests)
    assert all(secret not in kept(looked) for secret in (ADA.password, BASIC, made))
    assert "X-Told" in kept(looked)


@pytest.mark.parametrize(
    "more",
    [
        {"access_token": "second-secret-0"},
        {"refresh_token": "second-secret-0"},
        {"note": "eyJhbGciOi.second-secret-0.x"},
    ],
)
def test_a_second_token_in_the_answer_is_not_shown(more: dict[str, str]) -> None:
    with lying() as liar:
        harbor_like(liar, {"token": claims({}), **more, "expires_in": 1800})
        looked = look(Target(liar.url, repository="library/x"), ADA, "", QUICK)
    assert "second-secret-0" not in kept(looked)
    assert "expires_in" in looked.seen.asked["token"].body


def test_what_is_in_a_layer_is_not_shown(harbor: HarborDouble) -> None:
    """Everybody may read a report; a layer is for those who may pull it."""
    looked = look(Target(harbor.url, repository=f"{PROJECT}/doctor"), Credentials(*harbor.admin), "", QUICK)
    blob = looked.seen.asked["blob"]
    assert (blob.status, blob.body) == (200, "")
    assert int(blob.header("Content-Length")) > 0, "the layer was empty anyway"
