"""external_redis against real servers: plain, with users, with TLS, behind a sentinel."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harborweb.deployment.host.connections import redis
from tests import parts
from tests.deployment.host import authority, servers
from tests.deployment.host.look import faults, findings, the_one

SECRET = "r3d1s-secret"


def text(host: object, **changed: object) -> str:
    lines = "".join(f"  {key}: {value}\n" for key, value in changed.items() if "__" not in key)
    tls = "".join(f"    {key.split('__')[1]}: {value}\n" for key, value in changed.items() if "__" in key)
    return f"hostname: r.example\nexternal_redis:\n  host: {host}\n{lines}" + (f"  tlsOptions:\n{tls}" if tls else "")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with servers.redis(tmp_path_factory.mktemp("plain"), "--databases", "8") as port:
        yield port


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    everything = ("--user", "harbor", "on", f">{SECRET}", "~*", "&*", "+@all")
    options = ("--requirepass", SECRET, *everything, "--user", "half", "on", f">{SECRET}", "+ping")
    with servers.redis(tmp_path_factory.mktemp("guarded"), *options) as port:
        yield port


def test_a_plain_one(plain: int) -> None:
    assert faults(redis.look, text(f"127.0.0.1:{plain}")) == []
    assert "lets Harbor in" in "".join(one.message for one in findings(redis.look, text(f"127.0.0.1:{plain}")))


def test_a_number_that_is_too_high(plain: int) -> None:
    found = the_one(redis.look, text(f"127.0.0.1:{plain}", registry_db_index=1, trivy_db_index=8))
    assert (found.key, found.line) == ("external_redis.trivy_db_index", 5)
    assert "DB index is out of range" in found.message
    with_default = text(f"127.0.0.1:{plain}", jobservice_db_index="two")
    assert faults(redis.look, with_default) == []  # no number: the rules say it


def test_users_and_passwords(guarded: int) -> None:
    host = f"127.0.0.1:{guarded}"
    assert faults(redis.look, text(host, password=SECRET)) == []
    assert faults(redis.look, text(host, username="harbor", password=SECRET)) == []
    none = the_one(redis.look, text(host))
    assert (none.key, "Authentication required" in none.message) == ("external_redis.password", True)
    wrong = the_one(redis.look, text(host, password="wrong-one"))
    assert wrong.key == "external_redis.password"
    assert "invalid username-password pair" in wrong.message
    assert "wrong-one" not in wrong.message + wrong.why + wrong.advice
    half = the_one(redis.look, text(host, username="half", password=SECRET))
    assert half.key == "external_redis.username"
    assert "no permissions" in half.message.lower()


def test_a_password_that_nobody_asks_for(plain: int) -> None:
    found = the_one(redis.look, text(f"127.0.0.1:{plain}", password=SECRET))
    assert found.key == "external_redis.password"
    assert "without any password configured" in found.message


def test_one_that_forgets(tmp_path: Path) -> None:
    with servers.redis(tmp_path, "--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru") as port:
        assert "allkeys-lru" in the_one(redis.look, text(f"127.0.0.1:{port}")).message


def test_a_replica(plain: int, tmp_path: Path) -> None:
    with servers.redis(tmp_path, "--replicaof", f"127.0.0.1 {plain}") as port:
        assert "replica" in the_one(redis.look, text(f"127.0.0.1:{port}")).message


def test_tls(tmp_path: Path, plain: int) -> None:
    root = authority.make("Redis CA", ca=True)
    certificate, key = authority.make("redis", root, names=("127.0.0.1",)).write(tmp_path)
    ca = tmp_path / "ca.crt"
    ca.write_text(root.pem)
    options = ("--tls-cert-file", str(certificate), "--tls-key-file", str(key), "--tls-auth-clients", "no")
    with servers.redis(tmp_path, *options) as port:
        host = f"127.0.0.1:{port}"
        assert faults(redis.look, text(host, tls__enable="true", tls__rootCA=ca)) == []
        unknown = the_one(redis.look, text(host, tls__enable="true", tls__rootCA=""))
        assert unknown.key == "external_redis.tlsOptions.rootCA"
        assert "CERTIFICATE_VERIFY_FAILED" in unknown.message
        other = the_one(redis.look, text(f"localhost:{port}", tls__enable="true", tls__rootCA=ca))
        assert "localhost" in other.message
        assert "not valid for 'localhost'" in other.message
        without = the_one(redis.look, text(host, tls__enable="false", tls__rootCA=ca))

        assert without.key == "external_redis.tlsOptions.enable"
    to_plain = the_one(redis.look, text(f"127.0.0.1:{plain}", tls__enable="true", tls__rootCA=ca))
    assert to_plain.key == "external_redis.tlsOptions.enable"


def test_sentinels(tmp_path: Path) -> None:
    with servers.redis(tmp_path, "--requirepass", SECRET) as master, servers.sentinel(tmp_path, master, SECRET) as port:
        hosts = f"127.0.0.1:{port},127.0.0.1:{parts.free_port()}"
        good = findings(redis.look, text(hosts, sentinel_master_set="harbor", password=SECRET))
        assert any(f"the master of harbor is 127.0.0.1:{master}" in one.message for one in good)
        refused = [one for one in good if "refused" in one.message]
        assert [one.key for one in refused] == ["external_redis.host"]  # one of the two is not there, and it is said
        assert any("lets Harbor in" in one.message for one in good)
        only = f"127.0.0.1:{port}"
        other = the_one(redis.look, text(only, sentinel_master_set="mymaster", password=SECRET))
        assert other.key == "external_redis.sentinel_master_set"
        assert "it knows: harbor" in other.message
        wrong = the_one(redis.look, text(only, sentinel_master_set="harbor", password="wrong-one"))
        assert wrong.key == "external_redis.password"
        without = the_one(redis.look, text(hosts))
        assert "sentinel_master_set is not set" in without.message


def test_no_sentinel_but_a_redis(plain: int) -> None:
    found = the_one(redis.look, text(f"127.0.0.1:{plain}", sentinel_master_set="harbor"))
    assert "unknown command" in found.message


def test_nobody_there_and_nobody_answering() -> None:
    found = the_one(redis.look, text(f"127.0.0.1:{parts.free_port()}"))
    assert "refused" in found.message
    began = time.monotonic()
    with servers.silent() as port:
        found = the_one(redis.look, text(f"127.0.0.1:{port}"))
    assert "imeout" in found.message
    assert time.monotonic() - began < 8
    assert "does not resolve" in the_one(redis.look, text("r.invalid")).message


def test_a_root_ca_that_is_not_there_is_said_once(plain: int) -> None:
    assert findings(redis.look, text(f"127.0.0.1:{plain}", tls__enable="true", tls__rootCA="/nope/ca.crt")) == []


@pytest.mark.parametrize("host", ["''", "a:b:c", "r:99999", "'[::1'"])
def test_a_host_that_is_none(host: str) -> None:
    assert [one for one in findings(redis.look, text(host)) if one.state == "error"] == []
