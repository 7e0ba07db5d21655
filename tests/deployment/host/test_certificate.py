"""https.certificate and https.private_key: what prepare copies, and what a real nginx says to it."""

import os
import subprocess
from pathlib import Path

import pytest

from harborweb.deployment.host import certificate, pem
from tests.deployment.host import authority, servers
from tests.deployment.host.look import faults, findings, the_one

CERTIFICATE, KEY = "https.certificate", "https.private_key"


def text(crt: Path | str, key: Path | str, more: str = "", hostname: str = "harbor.test", data: str = "/d/a") -> str:
    return f"hostname: {hostname}\nhttps:\n  certificate: {crt}\n  private_key: {key}\ndata_volume: {data}\n{more}"


def nginx_says(folder: Path, crt: Path, key: Path) -> str:
    """What a real nginx says to the pair; empty when it would start."""
    server = f"listen 127.0.0.1:9 ssl; ssl_certificate {crt}; ssl_certificate_key {key};"
    path = servers.nginx_configuration(folder, server)
    done = subprocess.run(
        [servers.nginx_program(), "-t", "-q", "-c", str(path), "-p", str(folder)],
        capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return done.stderr if done.returncode else ""


@pytest.fixture(scope="module")
def root() -> authority.Made:
    return authority.make("Root", ca=True)


@pytest.fixture(scope="module")
def middle(root: authority.Made) -> authority.Made:
    return authority.make("Middle", root, ca=True)


@pytest.fixture(scope="module")
def good(middle: authority.Made) -> authority.Made:
    return authority.make("harbor.test", middle, names=("harbor.test", "*.lab.example", "10.0.0.5"))


def test_a_good_pair(tmp_path: Path, good: authority.Made, middle: authority.Made, root: authority.Made) -> None:
    crt, key = good.write(tmp_path, "s", middle, root)
    assert faults(certificate.look, text(crt, key)) == []
    assert nginx_says(tmp_path, crt, key) == ""
    said = " ".join(one.message for one in findings(certificate.look, text(crt, key)))
    for words in ("belong together", "chain is complete", "is for harbor.test", "for 89 days"):
        assert words in said


def test_one_that_signed_itself_is_a_choice(tmp_path: Path) -> None:
    crt, key = authority.make("harbor.test", names=("harbor.test",), ca=True).write(tmp_path)
    assert faults(certificate.look, text(crt, key)) == []


def test_prepare_would_stop(tmp_path: Path, good: authority.Made) -> None:
    crt, key = good.write(tmp_path)
    missing = the_one(certificate.look, text(tmp_path / "none.crt", key))
    assert (missing.state, missing.key, missing.line) == ("error", CERTIFICATE, 3)
    assert [the_one(certificate.look, text(crt, path)).state for path in (tmp_path, "/dev/null", crt / "x")] == [
        "error"
    ] * 3
    in_volume, its_key = good.write(tmp_path / "data" / "secret" / "cert", "server")
    found = faults(certificate.look, text(in_volume, its_key, data=str(tmp_path / "data")))
    assert found == [("error", CERTIFICATE), ("error", KEY)]


def test_links_as_prepare_follows_them(tmp_path: Path, good: authority.Made) -> None:
    crt, key = good.write(tmp_path / "archive")
    (tmp_path / "live").mkdir()
    relative, absolute, loop = (tmp_path / "live" / name for name in ("relative.crt", "absolute.crt", "loop.crt"))
    relative.symlink_to("../archive/s.crt")
    absolute.symlink_to(crt)
    loop.symlink_to("loop.crt")
    assert faults(certificate.look, text(relative, key)) == []
    found = the_one(certificate.look, text(absolute, key))
    assert (found.state, str(crt) in found.advice) == ("error", True)
    (tmp_path / "folder").symlink_to(tmp_path / "archive")
    assert faults(certificate.look, text(tmp_path / "folder" / "s.crt", key)) == [("error", CERTIFICATE)]
    assert the_one(certificate.look, text(loop, key)).state == "error"


def test_what_nginx_refuses(tmp_path: Path, good: authority.Made, middle: authority.Made, root: authority.Made) -> None:
    crt, key = good.write(tmp_path, "s", middle)
    other = authority.make("harbor.test", names=("harbor.test",))
    other_crt, other_key = other.write(tmp_path, "other")
    encrypted, empty, cut = (tmp_path / name for name in ("encrypted.key", "empty.key", "cut.key"))
    encrypted.write_text(good.key_pem(b"password"))
    empty.write_text("")
    cut.write_text(good.key_pem()[:90] + "\n-----END PRIVATE KEY-----\n")
    root_first = tmp_path / "root-first.crt"
    root_first.write_text(root.pem + middle.pem + good.pem)
    der, text_file = tmp_path / "s.der", tmp_path / "readme.crt"
    der.write_bytes(good.der)
    text_file.write_text("ask the network team\n")
    for path in (encrypted, empty, cut):
        path.chmod(0o600)
    cases = [
        (crt, other_key, CERTIFICATE, "do not belong together"),
        (other_crt, key, CERTIFICATE, "do not belong together"),
        (crt, encrypted, KEY, "encrypted"), (crt, empty, KEY, "no private key"), (crt, cut, KEY, "cannot be read"),
        (root_first, key, CERTIFICATE, "stands first"), (der, key, CERTIFICATE, "DER"),
        (text_file, key, CERTIFICATE, "holds no certificate"),
    ]  # fmt: skip
    for one, its_key, where, words in cases:
        found = the_one(certificate.look, text(one, its_key))
        assert (found.state, found.key) == ("warning", where), found
        assert words in found.message
        assert nginx_says(tmp_path, one, its_key) != "", (one, its_key)
    swapped = findings(certificate.look, text(key, crt))
    assert {one.key for one in swapped if one.state == "warning"} == {CERTIFICATE, KEY}
    assert all("swapped" in one.advice for one in swapped if one.key == CERTIFICATE and one.state == "warning")
    old_style = tmp_path / "old.key"
    old_style.write_text(good.key_pem(b"password", traditional=True))
    old_style.chmod(0o600)
    assert "encrypted" in the_one(certificate.look, text(crt, old_style)).message


def test_files_as_people_have_them(tmp_path: Path, good: authority.Made, middle: authority.Made) -> None:
    """Text around the blocks, both in one file, curve parameters first, Windows line ends: nginx takes them all."""
    crt, key = good.write(tmp_path, "s", middle)
    parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    both = good.pem + middle.pem + good.key_pem()
    for content, its_key in [
        ("subject=harbor.test\n" + good.pem + "\nissuer\n" + middle.pem, good.key_pem()),
        (good.pem + middle.pem, parameters + good.key_pem(traditional=True)),
        (both, both),
        ((good.pem + middle.pem).replace("\n", "\r\n"), good.key_pem().replace("\n", "\r\n")),
    ]:
        crt.write_bytes(content.encode())
        key.write_bytes(its_key.encode())
        same = content == its_key
        assert faults(certificate.look, text(crt, crt if same else key)) == ([("warning", KEY)] if same else [])
        assert nginx_says(tmp_path, crt, key) == ""
    key.write_text(good.key_pem())
    crt.write_bytes(b"\xef\xbb\xbf" + good.pem.encode() + middle.pem.encode())
    assert faults(certificate.look, text(crt, key)) == []
    assert nginx_says(tmp_path, crt, key) == ""
    crt.write_text("\n".join(f"  {line}" for line in good.pem.splitlines()))
    assert "holds no certificate" in the_one(certificate.look, text(crt, key)).message
    assert nginx_says(tmp_path, crt, key) != ""


def test_the_chain(tmp_path: Path, good: authority.Made, middle: authority.Made, root: authority.Made) -> None:
    mixed, key = good.write(tmp_path, "s", root, middle)
    assert "chain is broken" in the_one(certificate.look, text(mixed, key)).message
    alone, key = authority.make("x", middle, names=("harbor.test",), issuers_address=True).write(tmp_path, "alone")
    assert "issuer Middle is missing" in the_one(certificate.look, text(alone, key)).message
    private, key = good.write(tmp_path, "private")
    assert faults(certificate.look, text(private, key)) == []  # a private authority that clients are given


@pytest.mark.parametrize(
    ("hostname", "covered"),
    [("harbor.test", True), ("HARBOR.test", True), ("harbor.test.", True), ("a.lab.example", True),
     ("a.b.lab.example", False), ("lab.example", False), ("10.0.0.5", True), ("10.0.0.6", False), ("o.test", False)],
)  # fmt: skip
def test_the_names(tmp_path: Path, good: authority.Made, hostname: str, covered: bool) -> None:
    crt, key = good.write(tmp_path)
    assert faults(certificate.look, text(crt, key, hostname=hostname)) == (
        [] if covered else [("warning", CERTIFICATE)]
    )


def test_the_public_address_counts_too(tmp_path: Path, good: authority.Made) -> None:
    crt, key = good.write(tmp_path)
    assert faults(certificate.look, text(crt, key, "external_url: https://a.lab.example:8443\n")) == []
    found = the_one(certificate.look, text(crt, key, "external_url: https://public.example\n"))
    assert "public.example (external_url)" in found.message
    assert faults(certificate.look, text(crt, key, "external_url: http://public.example\n")) == []


def test_only_a_common_name(tmp_path: Path) -> None:
    crt, key = authority.make("harbor.test").write(tmp_path)
    assert "names no host at all" in the_one(certificate.look, text(crt, key)).message


def test_an_authority_in_the_wrong_place(tmp_path: Path, root: authority.Made) -> None:
    crt, key = root.write(tmp_path)
    assert "certificate of an authority" in the_one(certificate.look, text(crt, key)).why


@pytest.mark.parametrize(
    ("begins", "days", "words"),
    [(-90, -2, "has expired"), (2, 90, "is not valid before"), (-60, 5.5, "ends in 5 days"),
     (-60, 1.5, "ends in 1 day,")],
)  # fmt: skip
def test_the_days(tmp_path: Path, begins: float, days: float, words: str) -> None:
    crt, key = authority.make("harbor.test", names=("harbor.test",), begins=begins, days=days).write(tmp_path)
    assert words in the_one(certificate.look, text(crt, key)).message


def test_what_clients_refuse(tmp_path: Path) -> None:
    crt, key = authority.make("a", names=("harbor.test",), client=True).write(tmp_path, "client")
    assert "not for servers" in the_one(certificate.look, text(crt, key)).message
    crt, key = authority.make("a", names=("harbor.test",), bits=1024).write(tmp_path, "weak")
    assert "RSA 1024" in the_one(certificate.look, text(crt, key)).message


def test_a_key_that_others_may_read(tmp_path: Path, good: authority.Made) -> None:
    crt, key = good.write(tmp_path, mode=0o644)
    found = the_one(certificate.look, text(crt, key))
    assert (found.state, found.key, "mode 0644" in found.message) == ("warning", KEY, True)


def test_the_same_file_twice(tmp_path: Path, good: authority.Made) -> None:
    crt, _key = good.write(tmp_path)
    copy = tmp_path / "copy.key"
    copy.write_text(crt.read_text())
    assert "same file" in the_one(certificate.look, text(crt, copy)).message


@pytest.mark.skipif(os.geteuid() != 0, reason="root sees every file")
def test_what_cannot_be_seen_is_no_fault(tmp_path: Path, good: authority.Made, monkeypatch: pytest.MonkeyPatch) -> None:
    crt, _key = good.write(tmp_path)
    monkeypatch.setenv("DOCKER_HOST", "ssh://elsewhere.example")
    found = findings(certificate.look, text(crt, "/nope/s.key"))
    assert [one.state for one in found] == ["unknown"]


@pytest.mark.parametrize("path", ["/your/certificate/path", "certs/a.crt", ""])
def test_what_the_rules_say_is_not_said_again(path: str) -> None:
    assert faults(certificate.look, text(path, path)) == []
    assert findings(certificate.look, "hostname: a\n") == []


def test_odd_bytes_raise_nothing() -> None:
    for data in (
        b"",
        b"\x00" * 500,
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        b"\xff\xfe" * 9,
    ):
        assert pem.bundle(data).certificates == ()
        assert pem.key(data).kind == "none"
    assert pem.key(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").kind == "broken"
