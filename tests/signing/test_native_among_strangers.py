"""Signing natively where whoever may push has laid things at the tag of signatures before."""

import asyncio
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from harborweb.errors import Problem
from harborweb.registry.client import OCI_MANIFEST, Client, Endpoint
from harborweb.signing.many.writing import Order, see, sign
from harborweb.signing.native import forms
from harborweb.signing.native.opening import open_key
from harborweb.signing.places import sig_tag
from tests import parts
from tests.registry.images import push_image
from tests.signing.test_native import sealed

MINE = open_key(sealed(ec.generate_private_key(ec.SECP256R1()), ""), "")
STRANGER = open_key(sealed(ec.generate_private_key(ec.SECP256R1()), ""), "")
NOW: Any = None


def signed(server: parts.Registry, name: str, count: int, **more: Any) -> Any:
    """What comes of signing an image at whose tag `count` signatures by a stranger stand; once more, and its tag."""

    async def work() -> Any:
        async with Client(Endpoint(server.url, allow_http=True)) as client:
            digest = await push_image(client, name, "v1", seed=name)
            payload = forms.payload("elsewhere/x", digest, {})
            await client.put_blob(name, payload)
            layers = [forms.simple_layer(STRANGER, payload) | more] * count
            config = forms.simple_config([])
            await client.put_blob(name, config)
            body = json.loads(forms.simple_manifest(config, [])) | {"layers": layers}
            await client.put_manifest(name, sig_tag(digest), json.dumps(body).encode(), OCI_MANIFEST)
            order, found = Order(name, digest, "v1"), []
            for _again in range(2):
                seen = await see(client, order, MINE.public)
                found.append(await sign(client, order, seen, MINE, ["simple"], {}, NOW))
            return found, (await client.manifest(name, sig_tag(digest))).content["layers"]

    return asyncio.run(work())


@pytest.mark.parametrize("count", [1, 300, 999])
def test_a_signature_is_laid_and_found_behind_many_of_a_stranger(registry: parts.Registry, count: int) -> None:
    (first, second), layers = signed(registry, f"strangers/n{count}", count)
    assert first and not second, "once, and found the second time"
    assert len(layers) == count + 1


def test_a_full_list_is_not_lengthened(registry: parts.Registry) -> None:
    with pytest.raises(Problem, match="it is full"):
        signed(registry, "strangers/full", 1000)


@pytest.mark.parametrize("odd", ["\ud800", float("inf"), {"a": [None] * 50}], ids=["surrogate", "infinite", "nested"])
def test_what_a_stranger_wrote_into_the_list_is_carried_or_refused(registry: parts.Registry, odd: Any) -> None:
    try:
        (first, second), layers = signed(registry, f"strangers/odd{len(repr(odd))}", 1, data2=odd)
    except Problem as problem:
        assert "no list of signatures" in str(problem) or "manifest" in str(problem)
    else:
        assert first and not second and layers[0]["data2"] == odd
