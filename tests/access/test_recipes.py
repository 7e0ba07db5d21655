"""The text of recipes: what stands where, which line is for what, and what no value can smuggle in."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from harborweb.access.place import Place
from harborweb.access.recipes.front import Front, filled_in
from harborweb.access.recipes.proxies import PROXIES, TITLES, WHY, recipe
from harborweb.access.recipes.shape import Tag
from harborweb.deployment.wanted import read
from harborweb.errors import Problem
from harborweb.tools.compose import find
from tests import parts

EVERY = sorted(PROXIES)
NEEDED = (
    Tag.LISTEN, Tag.NAME, Tag.REDIRECT, Tag.CERTIFICATE, Tag.CHAIN, Tag.BODY_SIZE, Tag.PATH, Tag.UPSTREAM,
    Tag.HTTP_VERSION, Tag.HOST, Tag.CLIENT, Tag.PROTO, Tag.BUFFERING, Tag.TIMEOUTS,
)  # fmt: skip


def front(**more: Any) -> Front:
    return Front(**{"name": "registry.example", "harbor": "192.0.2.7", **more})


def yaml(text: str) -> Any:
    return YAML(typ="safe").load(text)


@pytest.mark.parametrize("proxy", EVERY)
def test_every_need_has_a_line_that_can_be_named(proxy: str) -> None:
    made = recipe(proxy, front())
    form = {Tag.LISTEN} if proxy == "proxy-manager" else set()  # its ports are its own
    by_labels = {Tag.HTTP_VERSION} if proxy == "traefik-docker" else set()  # http/1.1 unless over TLS
    assert [tag for tag in NEEDED if made.line(tag) is None] == sorted(form | by_labels)
    for tag in Tag:
        for line in made.lines_for(tag):
            assert tag in WHY
            piece = next(piece for piece in made.pieces if piece.where == made.where(line))
            assert piece.text.splitlines()[line.number - 1] == line.text
    assert proxy in TITLES


@pytest.mark.parametrize("proxy", EVERY)
def test_passages_are_the_whole_text(proxy: str) -> None:
    for piece in recipe(proxy, front(to_https=True, harbor_port=8443)).pieces:
        assert "".join(f"{passage.text}\n" for passage in piece.passages) == piece.text
        assert all(passage.lines for passage in piece.passages)


def test_the_line_to_change_in_nginx() -> None:
    made = recipe("nginx", front())
    lines = {tag: made.line(tag) for tag in (Tag.PROTO, Tag.HOST, Tag.BODY_SIZE, Tag.UPSTREAM, Tag.REDIRECT)}
    assert {tag: line.text.strip() for tag, line in lines.items() if line} == {
        Tag.PROTO: "proxy_set_header X-Forwarded-Proto $scheme;",
        Tag.HOST: "proxy_set_header Host $http_host;",
        Tag.BODY_SIZE: "client_max_body_size 0;",
        Tag.UPSTREAM: "proxy_pass http://192.0.2.7:8080;",
        Tag.REDIRECT: "return 308 https://registry.example$request_uri;",
    }


@pytest.mark.parametrize("proxy", EVERY)
def test_ports_and_families_are_where_they_belong(proxy: str) -> None:
    text = recipe(proxy, front(name="2001:db8::5", harbor="2001:db8::7", https_port=8443)).text
    if proxy not in ("proxy-manager", "traefik-docker"):
        assert "https://[2001:db8::5]:8443" in text
    if proxy == "proxy-manager":
        assert "Forward Hostname / IP: 2001:db8::7" in text
    elif proxy != "traefik-docker":
        assert "[2001:db8::7]:8080" in text
    assert "[::]" not in recipe(proxy, front(ipv6=False)).text


def test_traefik_files_say_what_traefik_reads() -> None:
    static, dynamic = (yaml(piece.text) for piece in recipe("traefik", front()).pieces)
    assert static["entryPoints"]["websecure"]["transport"]["respondingTimeouts"]["readTimeout"] == "0s"
    redirect = static["entryPoints"]["web"]["http"]["redirections"]["entryPoint"]
    assert redirect == {"to": "websecure", "scheme": "https", "permanent": True}
    assert static["providers"] == {"file": {"directory": "/etc/traefik/dynamic"}}
    http = dynamic["http"]
    router = http["routers"]["harbor"]
    assert router["rule"] == "Host(`registry.example`)"
    assert router["entryPoints"] == ["websecure"] and set(router["entryPoints"]) <= set(static["entryPoints"])
    balancer = http["services"][router["service"]]["loadBalancer"]
    assert balancer["passHostHeader"] is True
    assert balancer["servers"] == [{"url": "http://192.0.2.7:8080"}]
    assert http["serversTransports"][balancer["serversTransport"]]["disableHTTP2"] is True
    assert dynamic["tls"]["certificates"] == [
        {"certFile": "/etc/harbor/tls/registry.example.crt", "keyFile": "/etc/harbor/tls/registry.example.key"}
    ]
    over_tls = yaml(recipe("traefik", front(to_https=True, harbor_ca="/etc/ca.pem")).pieces[1].text)["http"]
    assert over_tls["serversTransports"]["harbor"]["rootCAs"] == ["/etc/ca.pem"]
    assert over_tls["services"]["harbor"]["loadBalancer"]["servers"] == [{"url": "https://192.0.2.7:8080"}]


@pytest.mark.parametrize("to_https", [False, True])
def test_traefik_labels_are_an_override_that_compose_merges(to_https: bool) -> None:
    static, override, beside = (
        yaml(p.text) for p in recipe("traefik-docker", front(to_https=to_https, harbor_port=8443)).pieces
    )
    assert static["providers"]["docker"] == {"exposedByDefault": False}
    proxy = override["services"]["proxy"]
    assert proxy["networks"] == ["harbor", "traefik"] and override["networks"] == {"traefik": {"external": True}}
    labels = proxy["labels"]
    assert all(isinstance(value, str) for value in labels.values())
    service = "traefik.http.services.harbor.loadbalancer"
    assert labels[f"{service}.server.port"] == ("8443" if to_https else "8080")
    assert (labels.get(f"{service}.server.scheme") == "https") is to_https
    if to_https:
        assert labels[f"{service}.serverstransport"] == "harbor@file" and beside["http"]["serversTransports"]["harbor"]


def test_compose_itself_merges_the_labels_into_harbors_file(tmp_path: Path) -> None:
    """Harbor's own file keeps its ports and its network; the nginx container gets a second network and labels."""
    (tmp_path / "docker-compose.yml").write_text(
        "services:\n  proxy:\n    image: goharbor/nginx-photon:v2.15.2\n    container_name: nginx\n"
        "    networks:\n      - harbor\n    ports:\n      - 8080:8080\nnetworks:\n  harbor:\n    external: false\n"
    )
    made = recipe("traefik-docker", front())
    (tmp_path / "docker-compose.override.yml").write_text(made.pieces[1].text)
    compose = find()
    if compose is None:
        parts.missing("docker compose is not installed; bin/test installs it")
    assert compose is not None
    checked = subprocess.run(made.check.split(), cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
    done = subprocess.run([*compose.command, "config"], cwd=tmp_path, capture_output=True, text=True, check=False)
    merged = yaml(done.stdout)
    proxy = merged["services"]["proxy"]
    assert sorted(proxy["networks"]) == ["harbor", "traefik"] and merged["networks"]["traefik"]["external"] is True
    assert proxy["labels"]["traefik.http.routers.harbor.rule"] == "Host(`registry.example`)"
    assert proxy["ports"][0]["published"] == "8080"


REFUSED = [
    ("name", "registry.example; return 200"), ("name", "a b.example"), ("name", "registry_1.example"),
    ("name", "https://registry.example"), ("name", "registry.example:443"), ("name", ""), ("name", "-a.example"),
    ("name", "1.2.3"), ("name", "x" * 64 + ".example"), ("name", "a..example"), ("name", "registry.example\n}"),
    ("name", "xn--a.example"), ("name", "`id`.example"),
    ("harbor", "10.0.0.5;}"), ("harbor", "10.0.0.256"), ("harbor", "fe80::1%eth0"), ("harbor", "a/b"),
    ("harbor_port", 0), ("harbor_port", 65536), ("https_port", -1),
    ("certificate", "relative.crt"), ("certificate", "/a b.crt"), ("certificate", "/a;b"), ("certificate", "/a/../b"),
    ("certificate", "/a'b"), ("private_key", "/a{b}"), ("private_key", "/$HOME/key"), ("private_key", "/a\nb"),
    ("harbor_ca", "/a\"b"), ("harbor_ca", "/a#b"), ("listen", "localhost"), ("listen", "*"),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), REFUSED)
def test_values_that_could_say_more_are_refused(field: str, value: Any) -> None:
    with pytest.raises(Problem) as problem:
        front(**{field: value})
    assert problem.value.field == field
    assert problem.value.advice


@given(st.sampled_from(["name", "harbor", "certificate", "private_key", "harbor_ca", "listen"]), st.text(max_size=40))
def test_no_text_gets_in_that_a_configuration_could_misread(field: str, text: str) -> None:
    try:
        made = front(**{field: text})
    except Problem as problem:
        assert problem.field
        return
    value = getattr(made, field)
    assert not set(value) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:_+@=,~/-")
    for proxy in EVERY:
        plain = recipe(proxy, front(to_https=made.to_https))
        assert len(list(recipe(proxy, made).lines)) - len(list(plain.lines)) in {-2, -1, 0, 1, 2}


def test_what_cannot_work_together_is_refused_with_its_way_out() -> None:
    for more, field, advice in (
        ({"harbor": "127.0.0.1", "harbor_port": 443}, "harbor_port", "8080"),
        ({"harbor": "::1", "harbor_port": 80, "to_https": True}, "harbor_port", "8443"),
        ({"harbor": "registry.example", "harbor_port": 443}, "harbor", "127.0.0.1"),
        ({"http_port": 443}, "http_port", "two ports"),
        ({"certificate": "/a.pem", "private_key": "/a.pem"}, "private_key", "file of its own"),
    ):
        with pytest.raises(Problem) as problem:
            front(**more)
        assert (problem.value.field, advice in problem.value.advice) == (field, True)


def test_names_of_other_scripts_are_written_as_dns_has_them() -> None:
    assert front(name="Bücher.Example.").name == "xn--bcher-kva.example"
    assert front(name="镜像.example").url == "https://xn--o1q148n.example"


@pytest.mark.parametrize("proxy", ["nginx", "haproxy"])
def test_a_name_that_is_looked_up_once_is_said_to_be(proxy: str) -> None:
    named = [str(note) for note in recipe(proxy, front(harbor="dock-01.lan")).notes]
    assert any("looks up dock-01.lan once" in note for note in named)
    assert len(recipe(proxy, front()).notes) == len(named) - 1


def test_an_unknown_proxy_is_refused() -> None:
    with pytest.raises(Problem):
        recipe("squid", front())


TEXT = """\
hostname: {hostname}
http:
  port: {http}
{https}{external}data_volume: /data
"""


def filled(
    hostname: str = "registry.example", http: int = 80, https: str = "", external: str = ""
) -> dict[str, object]:
    wanted = read(TEXT.format(hostname=hostname, http=http, https=https, external=external))
    return filled_in(Place(wanted.address.rstrip("/"), wanted))


HTTPS = "https:\n  port: 443\n  certificate: /tls/own.crt\n  private_key: /tls/own.key\n"


def test_filled_in_from_the_harbor_yml() -> None:
    moved = filled(http=8080, external="external_url: https://images.example:8443\n", hostname="dock-01.lan")
    assert (moved["name"], moved["https_port"]) == ("images.example", 8443)
    assert (moved["harbor"], moved["harbor_port"], moved["to_https"]) == ("dock-01.lan", 8080, False)
    own = filled(https=HTTPS)
    assert (own["harbor"], own["harbor_port"], own["to_https"]) == ("127.0.0.1", 8443, True)  # 443 is the proxy's
    assert (own["certificate"], own["private_key"]) == ("/tls/own.crt", "/tls/own.key")
    plain = filled()
    assert (plain["harbor"], plain["harbor_port"], plain["https_port"]) == ("127.0.0.1", 8080, 443)
    assert "name" not in filled_in(None)


@pytest.mark.parametrize("given_values", [filled(), filled(https=HTTPS), filled(hostname="192.0.2.7", http=8080)])
def test_what_is_filled_in_makes_a_recipe(given_values: dict[str, Any]) -> None:
    assert recipe("nginx", Front(**given_values)).text
