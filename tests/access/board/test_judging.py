"""Hairpin NAT and names that mean two things, as the places together show them."""

import pytest

from harborweb.access.board.judging import Finding, is_public, judge, point
from harborweb.access.board.views_of import Cell, Column

LAN, PUBLIC, OWN = "192.168.20.5", "203.0.113.40", ["127.0.0.1", "192.168.20.14"]


def column(place: str, *addresses: str, open_: bool | None = True) -> Column:
    return Column(place, place, list(addresses), open_)


def the_one(*columns: Column, own: list[str] = OWN) -> Finding:
    found = judge(columns, own, LAN, "192.168.20.1")
    assert len(found) == 1, found
    return found[0]


def test_all_is_well_where_all_mean_the_lan_address() -> None:
    assert judge([column("host", LAN), column("container", LAN), column("public", PUBLIC)], OWN, LAN) == []


def test_a_public_address_from_inside_that_nobody_answers() -> None:
    found = the_one(column("host", PUBLIC, open_=False))
    assert (found.id, found.verdict, found.address) == ("hairpin", "wrong", LAN)
    assert PUBLIC in found.text and LAN in found.text


def test_a_public_address_from_inside_that_answers_takes_the_long_way() -> None:
    found = the_one(column("host", PUBLIC))
    assert (found.id, found.verdict, found.rewrite) == ("hairpin", "look", True)


def test_a_machine_with_a_public_address_of_its_own_has_no_hairpin() -> None:
    assert judge([column("host", PUBLIC)], [*OWN, PUBLIC], LAN) == []
    assert judge([column("host", PUBLIC)], [], LAN) == []  # where the own addresses are not known nothing is claimed


@pytest.mark.parametrize(("open_", "verdict"), [(False, "wrong"), (True, "look")])
def test_a_container_that_is_told_the_public_address(open_: bool, verdict: str) -> None:
    found = the_one(column("host", LAN), column("container", PUBLIC, open_=open_))
    assert (found.id, found.verdict, found.dns) == ("hairpin_container", verdict, "192.168.20.1")
    assert found.daemon == '{"dns": ["192.168.20.1"]}'


def test_the_address_that_is_meant_is_pointed_at() -> None:
    columns = [column("host", LAN), column("container", PUBLIC, open_=False)]
    for one in columns:
        one.put("address", "fine", one.addresses[0])
    point(columns, judge(columns, OWN, LAN))
    assert columns[0].cells["address"] == Cell("fine", LAN)
    assert columns[1].cells["address"] == Cell("wrong", PUBLIC, "the public one")


def test_a_container_that_is_told_another_address_of_the_lan() -> None:
    found = the_one(column("host", LAN), column("container", "192.168.20.99", open_=False))
    assert (found.id, found.verdict) == ("differs", "wrong")
    found = the_one(column("host", LAN), column("container", "192.168.20.99"))
    assert (found.id, found.verdict) == ("differs", "look")


def test_a_hosts_file_that_means_the_machine_itself() -> None:
    found = the_one(column("host", "127.0.1.1"), column("container", LAN))
    assert (found.id, found.verdict) == ("loopback", "wrong")


def test_public_dns_with_a_private_address() -> None:
    found = the_one(column("host", LAN), column("public", LAN, open_=None))
    assert (found.id, found.verdict, found.rewrite) == ("private_outside", "look", False)


def test_what_counts_as_public() -> None:
    assert all(map(is_public, ("9.9.9.9", PUBLIC, "2620:fe::fe", "2001:db8::1")))
    assert not any(map(is_public, (LAN, "10.1.2.3", "172.17.0.1", "127.0.0.1", "fd00::5", "fe80::1%eth0", "x", "")))
