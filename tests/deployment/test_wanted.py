"""What is read from a revision: for the checks, and what has to be masked."""

from pathlib import Path

import pytest

from harborweb.deployment import files, wanted
from tests import parts

TEXT = """\
hostname: registry.lab.example
http:
  port: 8080
https:
  certificate: /etc/c.crt
  private_key: /etc/c.key
external_url: https://registry.lab.example:9443
harbor_admin_password: "quoted: secret"
database:
  password: db-secret
  max_idle_conns: 100
external_redis:
  password: redis-secret
storage_service:
  s3:
    accesskey: AKIAEXAMPLE
    secretkey: s3-secret
    bucket: images
proxy:
  http_proxy: http://user:proxy%2Fsecret@proxy.example:3128
  components:
    - core
data_volume: /data
"""


def test_the_wishes_of_a_text() -> None:
    wishes = wanted.read(TEXT)
    assert wishes.ports == {"http.port": 8080, "https.port": 443}
    assert (wishes.certificate, wishes.private_key, wishes.data_volume) == ("/etc/c.crt", "/etc/c.key", "/data")
    assert wishes.address == "https://registry.lab.example:9443"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("hostname: a.example\n", "http://a.example"),
        ("hostname: a.example\nhttp:\n  port: 8080\n", "http://a.example:8080"),
        ("hostname: a.example\nhttps:\n  port: 443\n", "https://a.example"),
        ("hostname: a.example\nhttps:\n  port: 8443\n", "https://a.example:8443"),
        ("hostname: a.example\nhttp:\n  port: 99999\n", "http://a.example"),
        ("hostname: a.example\nhttp:\n  port: 8080\nhttps:\n", "http://a.example:8080"),
        ("hostname: a.example\nhttp:\n  port: 8080\nhttps: {}\n", "http://a.example:8080"),
        ("hostname: a.example\nx: &x\n  port: 8443\nhttps: *x\n", "https://a.example:8443"),
        ("hostname: 2001:db8::1\nhttp:\n  port: 8080\n", "http://[2001:db8::1]:8080"),
        ("hostname: '[2001:db8::1]'\n", "http://[2001:db8::1]"),
        ("hostname: a.example\nexternal_url: https://b.example/\n", "https://b.example"),
    ],
)
def test_the_address(text: str, address: str) -> None:
    assert wanted.read(text).address == address


def test_https_without_keys_opens_no_port() -> None:
    assert wanted.read("hostname: a.example\nhttps:\n").ports == {"http.port": 80}


def test_every_secret_is_found_and_nothing_else() -> None:
    assert set(wanted.secrets(TEXT)) == {
        "quoted: secret", "db-secret", "redis-secret", "AKIAEXAMPLE", "s3-secret",
        "proxy%2Fsecret", "proxy/secret",
    }  # fmt: skip


def test_the_secrets_of_the_real_template() -> None:
    template = parts.shared("harbor.yml-2.15.tmpl").read_text()
    assert set(wanted.secrets(template)) == {"Harbor12345", "root123"}


def test_a_file_is_written_whole_and_only_when_it_differs(tmp_path: Path) -> None:
    path = tmp_path / "harbor.yml"
    assert files.write_whole(path, "a: 1\n")
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.stat()
    assert not files.write_whole(path, "a: 1\n")
    assert path.stat().st_ino == before.st_ino
    path.chmod(0o644)
    assert files.write_whole(path, "a: 1\n")
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["harbor.yml"]


@pytest.mark.parametrize("password", ["p@ss/word", "a@b@c", "plain", "with:colon"])
def test_the_password_in_a_proxys_address_is_a_secret_whole(password: str) -> None:
    text = f"hostname: h\nproxy:\n  https_proxy: http://user:{password}@proxy.example:3128/\n"
    assert wanted.secrets(text) == [password]


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("Before$after", {"after", "Before"}), ("Before${after}1", {"after", "Before1"}), ("Be$$fore", {"Be$fore"}),
        ("Before #after", {"Before"}), ("'Before", {"Before"}), ("Be#fore$1", set()),
    ],
)  # fmt: skip
def test_what_compose_makes_of_a_secret_is_one_too(password: str, said: set[str]) -> None:
    quoted = password.replace("'", "''")
    assert set(wanted.secrets(f"hostname: h\ndatabase:\n  password: '{quoted}'\n")) == {password, *said}
    proxy = "hostname: h\nproxy:\n  http_proxy: http://u:Before$after@p:3128\n"
    assert set(wanted.secrets(proxy)) == {"Before$after", "after", "Before"}
