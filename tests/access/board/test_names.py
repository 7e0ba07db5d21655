"""Name servers asked one by one, resolv.conf and hosts files as they are found."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harborweb.access.board.names import Server, ask, in_hosts, server_of, servers, servers_in
from tests.access.board.conftest import NAME

Make = Callable[..., Server]


def test_a_name_server_is_asked_for_both_families(name_server: Make) -> None:
    server = name_server(f"{NAME}/192.168.20.5", f"{NAME}/fd00::5")
    said = ask(server, NAME)
    assert (said.addresses, said.error) == (["192.168.20.5", "fd00::5"], "")


def test_what_it_does_not_know_it_says(name_server: Make) -> None:
    server = name_server(f"{NAME}/192.168.20.5")
    assert ask(server, "other.test").error == "NXDOMAIN"


def test_two_servers_may_differ(name_server: Make) -> None:
    here, there = name_server(f"{NAME}/192.168.20.5"), name_server(f"{NAME}/203.0.113.40")
    assert [ask(one, NAME).addresses for one in (here, there)] == [["192.168.20.5"], ["203.0.113.40"]]


@pytest.fixture
def deaf() -> Iterator[Server]:
    """A port that takes questions and never answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        yield Server("127.0.0.1", bound.getsockname()[1])


def test_a_silent_server_costs_a_bounded_time(deaf: Server) -> None:
    said = ask(deaf, NAME, 0.4)
    assert (said.addresses, said.error) == ([], "no answer within 0.4 s")


def test_a_name_that_cannot_be_asked_for(name_server: Make) -> None:
    said = ask(name_server(f"{NAME}/192.168.20.5"), "a" * 64 + ".test")
    assert said.addresses == [] and said.error


def test_a_resolv_conf_as_it_is_found(tmp_path: Path) -> None:
    path = tmp_path / "resolv.conf"
    path.write_text("# made by hand\nnameserver 192.168.20.1\nsearch lab\nnameserver\nnameserver nonsense\n"
                    "nameserver fe80::1%eth0\n")  # fmt: skip
    assert [str(one) for one in servers(path)] == ["192.168.20.1", "fe80::1%eth0"]
    assert servers(tmp_path / "missing") == []
    assert servers_in([]) == []


def test_a_hosts_file_as_it_is_found(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text(f"127.0.0.1 localhost\n192.168.20.5\tother {NAME.upper()} # ours\n# 10.0.0.1 {NAME}\n")
    assert in_hosts(NAME, path) == ["192.168.20.5"]
    assert in_hosts(NAME, tmp_path / "missing") == []


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("9.9.9.9", Server("9.9.9.9")),
        (" 192.168.20.1:5353 ", Server("192.168.20.1", 5353)),
        ("2620:fe::fe", Server("2620:fe::fe")),
        ("[2620:fe::fe]:5353", Server("2620:fe::fe", 5353)),
        ("9.9.9.9:0", None), ("9.9.9.9:99999", None), ("dns.example", None), ("", None), ("9.9.9.9:٣", None),
    ],
)  # fmt: skip
def test_a_server_as_people_type_it(text: str, server: Server | None) -> None:
    assert server_of(text) == server
