"""The pages of names in the LAN: filled in, refused with a sentence, explained."""

import html
import re
from typing import Any

import pytest

from harborweb.access.dns.recipes import SERVERS
from harborweb.accounts.roles import Role
from tests.access.samples import PASSWORD, PLAIN, saved

pytestmark = pytest.mark.django_db
ASKED = {"asked": "1", "name": "registry.example", "ipv4": "192.168.20.5", "ipv6": "", "ttl": "300"}


def words(response: Any) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


@pytest.mark.parametrize("server", sorted(SERVERS))
def test_a_text_is_filled_in_from_the_harbor_yml(as_role: Any, server: str) -> None:
    saved(
        PLAIN.replace("hostname: registry.example", "hostname: 192.168.20.7") + "external_url: https://images.example\n"
    )
    page = as_role(Role.VIEWER).get(f"/access/names/{server}/")
    assert page.status_code == 200
    assert "Inside, images.example leads to 192.168.20.7." in words(page)
    assert "Put it in place" in words(page) and PASSWORD not in page.content.decode()


def test_without_an_address_the_page_asks_for_one(client: Any, as_role: Any) -> None:
    saved(PLAIN)
    as_role(Role.VIEWER)
    page = client.get("/access/names/", follow=True)
    assert page.status_code == 200 and "No text yet" in words(page)
    assert 'value="registry.example"' in page.content.decode() and "error-box" not in page.content.decode()


def test_what_is_typed_stands_in_the_text_and_alone(client: Any, as_role: Any) -> None:
    as_role(Role.VIEWER)
    page = client.get("/access/names/dnsmasq/", ASKED)
    assert "host-record=registry.example,192.168.20.5,300" in words(page)
    (link,) = re.findall(r'href="(/access/names/dnsmasq/text/1/\?[^"]+)"', page.content.decode())
    text = client.get(html.unescape(link))
    assert text["Content-Type"] == "text/plain; charset=utf-8"
    assert text.content.decode().endswith("local=/registry.example/\n")
    assert client.get("/access/names/dnsmasq/text/2/", ASKED).status_code == 404
    assert client.get("/access/names/nscd/").status_code == 404


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", "registry", "This name has no dot."),
        ("name", "192.0.2.1", "This is an address, and DNS gives names addresses."),
        ("ipv4", "192.168.20.500", "This is no IP address."),
        ("ipv4", "127.0.0.1", "Nobody else can reach this address."),
        ("ipv6", "192.168.20.5", "This is an address of the other family."),
        ("ipv4", "", "There is no address."),
        ("ttl", "0", "This is no time that DNS could use."),
        ("ttl", "soon", "Enter a whole number."),
    ],
)
def test_bad_input_is_told_at_its_field_and_makes_no_text(
    client: Any, as_role: Any, field: str, value: str, sentence: str
) -> None:
    as_role(Role.VIEWER)
    page = client.get("/access/names/unbound/", {**ASKED, field: value})
    assert page.status_code == 422
    assert sentence in words(page) and 'aria-invalid="true"' in page.content.decode()
    assert "local-data" not in page.content.decode()


@pytest.mark.parametrize(
    ("more", "doubt"),
    [({"name": "harbor.local"}, "belong to mDNS"), ({"ipv4": "8.8.8.8"}, "8.8.8.8 is a public address.")],
)
def test_names_and_addresses_that_make_trouble_are_doubted(
    client: Any, as_role: Any, more: dict[str, str], doubt: str
) -> None:
    as_role(Role.VIEWER)
    page = client.get("/access/names/unbound/", {**ASKED, **more})
    assert page.status_code == 200 and doubt in words(page)


def test_the_page_explains_what_names_are_about(client: Any, as_role: Any) -> None:
    as_role(Role.VIEWER)
    said = words(client.get("/access/names/bind/", ASKED))
    for term in ("Split horizon", "A and AAAA", "Search domains", "Not .local", "How long it is kept"):
        assert term in said
