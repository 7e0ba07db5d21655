"""The client against real registries."""

import hashlib
from pathlib import Path

import pytest

from harborweb.registry.client import Client, Endpoint, Limits, NotFound, RegistryError
from harborweb.registry.names import fallback_tag
from tests import parts
from tests.registry.images import client, push_image, push_index, run
from tests.registry.tls import authority
from tests.registry.tokens import token_service

HASHED = "$2b$04$EZ9/oGe62NsOMbPC6z9qoeI3ifDmxJC6qNZrTUh/Ky4AkK2ndeUiO"  # bcrypt of pass:wörd


def failure(c: Client, *question: object) -> RegistryError:
    """The error of `getattr(client, question[0])(*question[1:])`."""

    async def ask() -> None:
        async with c:
            await getattr(c, str(question[0]))(*question[1:])

    with pytest.raises(RegistryError) as caught:
        run(ask())
    return caught.value


def test_push_and_read_back(registry: parts.Registry) -> None:
    async def walk() -> None:
        async with client(registry.url) as c:
            await c.ping()
            digest = await push_image(c, "read/back", "1.0", "latest")
            by_tag, by_digest = await c.manifest("read/back", "latest"), await c.manifest("read/back", digest)
            assert by_tag == by_digest
            assert by_tag.digest == digest == "sha256:" + hashlib.sha256(by_tag.body).hexdigest()
            assert "read/back" in [name async for name in c.repositories()]
            assert [tag async for tag in c.tags("read/back")] == ["1.0", "latest"]
            config = by_tag.content["config"]["digest"]
            assert b"arm64" in await c.blob("read/back", config)
            index = await push_index(c, "read/back", "multi", of={"amd64": digest})
            assert (await c.manifest("read/back", index)).is_index

    run(walk())


def test_a_real_404_is_not_found(registry: parts.Registry) -> None:
    async def walk() -> None:
        async with client(registry.url) as c:
            digest = await push_image(c, "gone/soon", "1")
            await c.delete_manifest("gone/soon", digest)
            for reference in ("1", "never", digest, "sha512:" + "0" * 128):
                with pytest.raises(NotFound):
                    await c.manifest("gone/soon", reference)
            with pytest.raises(NotFound):
                await c.blob("gone/soon", "sha256:" + "0" * 64)
            with pytest.raises(NotFound):
                _ = [tag async for tag in c.tags("never/pushed")]

    run(walk())


def test_a_registry_without_the_referrers_api_is_asked_by_the_fallback_tag(registry: parts.Registry) -> None:
    async def walk() -> None:
        async with client(registry.url) as c:
            digest = await push_image(c, "refer/to", "1")
            nothing = await c.referrers("refer/to", digest)
            assert (nothing.source, nothing.descriptors) == ("none", [])
            other = await push_image(c, "refer/to", "2", seed="other")
            await push_index(c, "refer/to", fallback_tag(digest), of={"amd64": other})
            found = await c.referrers("refer/to", digest)
            assert (found.source, [one["digest"] for one in found.descriptors]) == ("tag", [other])
            # What lies at the fallback tag and is no index is not taken for an empty list.
            await push_image(c, "refer/to", fallback_tag(other), seed="no index")
            with pytest.raises(RegistryError) as caught:
                await c.referrers("refer/to", other)
            assert caught.value.kind == "server"

    run(walk())


def test_pages_of_tags(registry: parts.Registry) -> None:
    async def walk() -> None:
        async with client(registry.url) as c:
            await push_image(c, "many/tags", *(f"v{n:02}" for n in range(25)))
            seen, last = [], ""
            for _page in range(3):
                page = await c.tags_page("many/tags", last, 10)
                seen += page.tags
                last = page.last or ""
            assert seen == [f"v{n:02}" for n in range(25)]
            assert last == ""
            # A place between two tags is a place too.
            assert (await c.tags_page("many/tags", "v1", 2)).tags == ["v10", "v11"]

    run(walk())


def test_bytes_are_bounded_on_a_real_registry(registry: parts.Registry) -> None:
    async def walk() -> None:
        async with client(registry.url, Limits(manifest_bytes=100)) as c:
            digest = await push_image(c, "too/large", "1")
            with pytest.raises(RegistryError) as caught:
                await c.manifest("too/large", digest)
            assert caught.value.kind == "too_large"
            blob = await c.put_blob("too/large", b"x" * 1000)
            with pytest.raises(RegistryError) as caught:
                await c.blob("too/large", blob, limit=999)
            assert caught.value.kind == "too_large"
            assert len(await c.blob("too/large", blob, limit=1000)) == 1000

    run(walk())


def test_a_password_by_basic_authentication(tmp_path: Path) -> None:
    (tmp_path / "htpasswd").write_text(f"lab:{HASHED}\n")
    extra = f"auth:\n  htpasswd:\n    realm: lab\n    path: {tmp_path / 'htpasswd'}\n"
    with parts.registry_server(tmp_path / "registry", extra=extra) as server:

        async def walk() -> None:
            async with client(server.url, username="lab", password="pass:wörd") as c:
                await c.ping()
                await push_image(c, "basic/app", "1")
                assert [name async for name in c.repositories()] == ["basic/app"]

        run(walk())
        wrong = failure(client(server.url, username="lab", password="wrong"), "ping")
        assert (wrong.kind, wrong.field) == ("unauthorized", "password")
        assert "lab" in wrong.message
        assert "wrong" not in str(wrong).replace("a wrong one", "")
        nobody = failure(client(server.url), "manifest", "basic/app", "1")
        assert (nobody.kind, nobody.field) == ("unauthorized", "username")
        assert not isinstance(nobody, NotFound)


def test_tokens_of_a_real_token_service(tmp_path: Path) -> None:
    with (
        token_service(tmp_path, {"lab": "secret"}, public=("open/",)) as tokens,
        parts.registry_server(tmp_path / "registry", extra=tokens.registry_configuration) as server,
    ):

        async def walk() -> None:
            async with client(server.url, username="lab", password="secret") as c:
                await c.ping()
                await push_image(c, "open/app", "1")
                await push_image(c, "closed/app", "1")
                before = len(tokens.asked)
                for _again in range(5):
                    await c.manifest("open/app", "1")
                assert len(tokens.asked) == before + 1  # one token for each scope, kept
                # Deleting needs a token of its own, and the registry says which.
                digest = (await c.manifest("closed/app", "1")).digest
                await c.delete_manifest("closed/app", digest)
                await push_image(c, "closed/app", "1")
                assert sorted([name async for name in c.repositories()]) == ["closed/app", "open/app"]
            async with client(server.url) as c:
                await c.manifest("open/app", "1")

        run(walk())
        closed = failure(client(server.url), "manifest", "closed/app", "1")
        assert (closed.kind, closed.field) == ("unauthorized", "username")
        wrong = failure(client(server.url, username="lab", password="no"), "ping")
        assert (wrong.kind, wrong.field) == ("unauthorized", "password")


def test_an_expired_token_is_replaced(tmp_path: Path) -> None:
    with (
        token_service(tmp_path, {"lab": "secret"}, seconds=3600, valid=1) as tokens,
        parts.registry_server(tmp_path / "registry", extra=tokens.registry_configuration) as server,
    ):

        async def walk() -> None:
            async with client(server.url, username="lab", password="secret") as c:
                await push_image(c, "old/token", "1")
                await c.manifest("old/token", "1")
                before = len(tokens.asked)
                tokens.wait_until_expired()
                await c.manifest("old/token", "1")  # 401 once, then a new token
                assert len(tokens.asked) == before + 1

        run(walk())


def test_own_certificate_authority(tmp_path: Path) -> None:
    made = authority(tmp_path / "tls")
    extra = f"  tls:\n    certificate: {made.certificate}\n    key: {made.key}\n"
    with parts.registry_server(tmp_path / "registry", extra=extra) as server:
        url = server.url.replace("http://", "https://")

        async def walk() -> None:
            async with Client(Endpoint(url, ca_pem=made.ca_pem)) as c:
                await c.ping()
                await push_image(c, "tls/app", "1")

        run(walk())
        untrusted = failure(Client(Endpoint(url)), "ping")
        assert (untrusted.kind, untrusted.field) == ("tls", "ca_pem")
        assert "CA" in untrusted.advice
        junk = failure(Client(Endpoint(url, ca_pem="no certificate")), "ping")
        assert (junk.kind, junk.field) == ("tls", "ca_pem")
        plain = failure(client(server.url), "ping")
        assert plain.kind == "tls"


def test_tls_where_plain_http_is_served(registry: parts.Registry) -> None:
    error = failure(Client(Endpoint(registry.url.replace("http://", "https://"))), "ping")
    assert (error.kind, error.field) == ("tls", "url")
    assert "http://" in error.advice


def test_http_only_where_it_is_allowed(registry: parts.Registry) -> None:
    with pytest.raises(RegistryError) as caught:
        Client(Endpoint(registry.url))
    assert (caught.value.kind, caught.value.field) == ("http_refused", "allow_http")


def test_nobody_listens() -> None:
    error = failure(client(f"http://127.0.0.1:{parts.free_port()}"), "ping")
    assert (error.kind, error.field) == ("unreachable", "url")


def test_an_endpoint_never_shows_its_password() -> None:
    endpoint = Endpoint("https://registry.example", "lab", "hunter2", ca_pem="PEM")
    assert "hunter2" not in repr(endpoint) + str(endpoint)


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("registry.example", "https://registry.example"),
        (" https://registry.example:5000/v2/ ", "https://registry.example:5000"),
        ("https://[::1]:5000", "https://[::1]:5000"),
    ],
)
def test_addresses(url: str, base: str) -> None:
    assert str(Endpoint(url).base) == base


@pytest.mark.parametrize(
    "url",
    ["", "https://", "ftp://registry.example", "https://u:p@registry.example", "https://registry.example/harbor",
     "https://registry.example?x", "https://registry.example:99999", "https://a b", "https://[::1", "https://-a"],
)  # fmt: skip
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(RegistryError) as caught:
        _ = Endpoint(url).base
    assert (caught.value.kind, caught.value.field) == ("invalid", "url")
    assert "u:p" not in str(caught.value)


@pytest.mark.parametrize(
    ("repository", "reference"),
    [
        ("Upper/case", "1"), ("../v2", "1"), ("a//b", "1"), ("a/b?x", "1"), ("a" * 256, "1"), ("", "1"),
        ("a/b", "-x"), ("a/b", "a/b"), ("a/b", "x" * 129), ("a/b", ""), ("a/b", "1\n"), ("a/b", "sha256:abc"),
        ("a/b", "sha256:" + "A" * 64), ("a/b", "md5:" + "0" * 32), ("a/b", "sha256:" + "0" * 64 + "\n"),
    ],
)  # fmt: skip
def test_names_are_checked_before_an_address_is_made(repository: str, reference: str) -> None:
    error = failure(client("http://127.0.0.1:9"), "manifest", repository, reference)
    assert error.kind == "invalid"
