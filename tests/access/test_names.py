"""Text for DNS servers: read by their own checkers, answered by real ones, and what no value can smuggle in."""

import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from harborweb.access.dns.answer import Answer, doubts, filled_in
from harborweb.access.dns.recipes import SERVERS, TITLES, WHY, recipe
from harborweb.access.dns.servers import For
from harborweb.access.place import Place
from harborweb.deployment.wanted import read
from harborweb.errors import Problem
from tests.access import resolvers
from tests.access.resolvers import NAME, Resolver

INSIDE, INSIDE6 = "192.168.20.5", "fd00::5"
EVERY = sorted(SERVERS)
REAL = ["bind", "bind-policy", "dnsmasq", "hosts", "pi-hole", "unbound"]


def answer(**more: Any) -> Answer:
    return Answer(**{"name": NAME, "ipv4": INSIDE, "ipv6": INSIDE6, **more})


@pytest.fixture(scope="module")
def internet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Resolver]:
    with resolvers.internet(tmp_path_factory.mktemp("internet")) as server:
        yield server


@contextmanager
def lan(server: str, given_answer: Answer, folder: Path, upstream: int) -> Iterator[Resolver]:
    """The real server with its text; Pi-hole's and the hosts file's lines are read by the dnsmasq that they are for."""
    made = recipe(server, given_answer)
    if server == "unbound":
        with resolvers.unbound(folder, made, upstream) as found:
            yield found
        return
    if server.startswith("bind"):
        with resolvers.bind(folder, made, upstream) as found:
            yield found
        return
    text, also = made.pieces[0].text, ()
    if server in ("hosts", "pi-hole"):
        toml = tomllib.loads(made.pieces[1].text) if server == "pi-hole" else {}
        lines = toml["dns"]["hosts"] if toml else text.splitlines()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "hosts").write_text("".join(f"{line}\n" for line in lines))
        text = "".join(f"{line}\n" for line in toml["misc"]["dnsmasq_lines"]) if toml else ""
        also = (f"--addn-hosts={folder / 'hosts'}",)  # type: ignore[assignment]
    with resolvers.dnsmasq(folder, text, upstream, also=also) as found:
        yield found


@pytest.mark.parametrize("server", REAL)
def test_a_real_server_answers_with_the_inner_addresses(server: str, internet: Resolver, tmp_path: Path) -> None:
    with lan(server, answer(), tmp_path / "lan", internet.port) as here:
        ttl = 0 if server in ("hosts", "pi-hole") else 300  # those files have none
        assert here.ask(NAME, "A") == ("NOERROR", [(ttl, INSIDE)])
        assert here.ask(NAME.upper(), "AAAA") == ("NOERROR", [(ttl, INSIDE6)])
        assert here.ask("www.example", "A")[1][0][1] == "203.0.113.41"  # another name of the domain: asked outside
        assert here.ask(NAME, "TXT")[1] == [] or server == "hosts"


@pytest.mark.parametrize("server", [one for one in REAL if one != "hosts"])
def test_with_one_family_the_other_does_not_come_from_outside(server: str, internet: Resolver, tmp_path: Path) -> None:
    assert internet.ask(NAME, "AAAA")[1]  # outside there is one
    with lan(server, answer(ipv6=""), tmp_path / "four", internet.port) as here:
        assert here.ask(NAME, "A")[1][0][1] == INSIDE
        assert here.ask(NAME, "AAAA") == ("NOERROR", [])
    with lan(server, answer(ipv4="", ttl=60), tmp_path / "six", internet.port) as here:
        assert here.ask(NAME, "AAAA")[1][0][1] == INSIDE6
        assert here.ask(NAME, "A") == ("NOERROR", [])


def test_without_its_line_dnsmasq_would_ask_outside(internet: Resolver, tmp_path: Path) -> None:
    """What the line with `local=` is for: taken away, the public AAAA comes in."""
    made = recipe("dnsmasq", answer(ipv6=""))
    line = made.line(For.ONLY)
    assert line is not None
    with resolvers.dnsmasq(tmp_path, made.text.replace(line.text, ""), internet.port) as here:
        assert here.ask(NAME, "AAAA")[1] == [(60, resolvers.PUBLIC6)]


@pytest.mark.parametrize("server", EVERY)
def test_every_line_for_something_is_explained(server: str) -> None:
    made = recipe(server, answer())
    assert made.line(For.RECORD) is not None and server in TITLES and made.steps
    assert {tag for line in made.lines for tag in line.tags} <= set(WHY)
    text = made.text
    assert INSIDE in text and INSIDE6 in text and NAME in text


def test_coredns_has_a_block_for_this_name_alone() -> None:
    lines = recipe("coredns", answer()).pieces[0].text.splitlines()
    assert lines[0] == f"{NAME} {{" and lines[-1] == "}"
    depth = 0
    for line in lines:
        depth += line.count("{") - line.count("}")
        assert re.fullmatch(r"\s*([a-z0-9.:_-]+( [a-z0-9.:-]+)*( \{)?|\})", line), line
    assert depth == 0
    inner = [line.strip() for line in lines[2:-3]]
    assert inner == [f"{INSIDE} {NAME}", f"{INSIDE6} {NAME}", "ttl 300", "no_reverse"]


def test_adguard_has_a_rewrite_for_each_address() -> None:
    found = YAML(typ="safe").load(recipe("adguard", answer()).pieces[1].text)
    assert found["filtering"]["rewrites"] == [
        {"domain": NAME, "answer": INSIDE, "enabled": True},
        {"domain": NAME, "answer": INSIDE6, "enabled": True},
    ]


def test_routeros_lines_are_commands_of_its_grammar() -> None:
    """path, verb, then name=value without a space in any value."""
    lines = recipe("routeros", answer()).pieces[0].text.splitlines()
    for line in lines:
        assert re.fullmatch(r"/ip dns( static| cache)? (add|set|flush)( [a-z-]+=[A-Za-z0-9.:-]+)*", line), line
    assert lines[0] == f"/ip dns static add name={NAME} type=A address={INSIDE} ttl=300s comment=Harbor"
    assert f"type=AAAA address={INSIDE6}" in lines[1]


def test_the_hosts_file_has_address_and_name() -> None:
    assert recipe("hosts", answer()).text == f"{INSIDE} {NAME}\n{INSIDE6} {NAME}\n"


REFUSED = [
    ("name", "registry"), ("name", "192.0.2.7"), ("name", "fd00::1"), ("name", "a_b.example"), ("name", "a b.example"),
    ("name", "registry.example,1.2.3.4"), ("name", 'a.example"'), ("name", "a.example;"), ("name", "a.example\nx"),
    ("name", "*.example"), ("name", "x." * 127 + "toolong"), ("name", "https://a.example"),
    ("ipv4", "fd00::5"), ("ipv6", "192.0.2.1"), ("ipv4", "127.0.0.1"), ("ipv6", "::1"), ("ipv4", "0.0.0.0"),
    ("ipv6", "fe80::1"), ("ipv4", "169.254.1.1"), ("ipv4", "224.0.0.1"), ("ipv4", "1.2.3"), ("ipv4", "1.2.3.4,5"),
    ("ipv6", "::ffff:192.0.2.1"), ("ipv6", "fd00::5%eth0"), ("ttl", 0), ("ttl", -1), ("ttl", 604801),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), REFUSED)
def test_values_that_could_say_more_are_refused(field: str, value: Any) -> None:
    with pytest.raises(Problem) as problem:
        answer(**{field: value})
    assert problem.value.field == field and problem.value.advice


def test_an_answer_without_an_address_is_none() -> None:
    with pytest.raises(Problem) as problem:
        answer(ipv4="", ipv6="")
    assert problem.value.field == "ipv4"


@given(st.sampled_from(["name", "ipv4", "ipv6"]), st.text(max_size=40))
def test_no_text_gets_in_that_a_configuration_could_misread(field: str, text: str) -> None:
    try:
        made = answer(**{field: text})
    except Problem as problem:
        assert problem.field
        return
    assert not set(getattr(made, field)) - set("abcdefghijklmnopqrstuvwxyz0123456789.:-")


def test_names_of_other_scripts_are_written_as_dns_has_them() -> None:
    assert answer(name="镜像.Example.").name == "xn--o1q148n.example"
    assert answer(ipv6="FD00:0:0::5").ipv6 == "fd00::5"


def test_a_public_address_is_doubted() -> None:
    assert [one.title for one in doubts(answer(ipv4="8.8.8.8"))] == ["8.8.8.8 is a public address."]
    assert doubts(answer()) == []


def test_filled_in_from_the_harbor_yml() -> None:
    text = "hostname: {}\nexternal_url: https://images.example\ndata_volume: /data\n"

    def known(hostname: str) -> dict[str, object]:
        wanted = read(text.format(hostname))
        return filled_in(Place(wanted.address, wanted))

    assert known("192.168.20.5") == {"name": "images.example", "ipv4": "192.168.20.5", "ttl": 300}
    assert known("'fd00::7'") == {"name": "images.example", "ipv6": "fd00::7", "ttl": 300}
    assert known("dock-01.lan") == {"name": "images.example", "ttl": 300}
    assert filled_in(None) == {"ttl": 300}


def test_an_unknown_server_is_refused() -> None:
    with pytest.raises(Problem):
        recipe("nscd", answer())
