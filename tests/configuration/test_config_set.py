"""config_set and config_get, as a shell runs them."""

import io
import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from tests import parts

MANAGE = Path(settings.BASE_DIR) / "manage.py"
Run = Callable[..., tuple[int, str, str]]
SECRET = "p: w#'\"\\ $x"


@pytest.fixture(scope="module")
def template() -> bytes:
    return parts.shared("harbor.yml-2.15.tmpl").read_bytes()


@pytest.fixture
def file(tmp_path: Path, template: bytes) -> Iterator[Path]:
    path = tmp_path / "harbor.yml"
    path.write_bytes(template)
    path.chmod(0o640)
    yield path
    assert sorted(one.name for one in tmp_path.iterdir() if one.name.startswith(".")) == []  # nothing is left behind


@pytest.fixture
def run(capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Run:
    """A command as `bin/manage` runs it: exit status, standard output and standard error."""

    def one(*arguments: object, stdin: bytes = b"") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = 0
        try:
            call_command(*map(str, arguments))
        except CommandError as error:
            code = error.returncode
            print(error, file=sys.stderr)
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return one


def test_a_shell_runs_it(file: Path, template: bytes) -> None:
    def shell(*arguments: object) -> tuple[int, bytes]:
        done = subprocess.run(
            [sys.executable, str(MANAGE), *map(str, arguments)], stdout=subprocess.PIPE, timeout=60, check=False,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        )  # fmt: skip
        return done.returncode, done.stdout

    assert shell("config_set", file, "--output", "-", "http.port=8080") == (
        0,
        template.replace(b"port: 80\n", b"port: 8080\n"),
    )
    assert shell("config_get", file, "--raw", "hostname") == (0, b"reg.mydomain.com\n")
    assert shell("config_get", file, "external_url") == (1, b"")
    assert shell("config_get", file.with_name("no.yml")) == (2, b"")


def lines(before: bytes, after: bytes) -> list[tuple[str, str]]:
    one, two = before.decode().split("\n"), after.decode().split("\n")
    assert len(one) == len(two)
    return [pair for pair in zip(one, two, strict=True) if pair[0] != pair[1]]


def test_keys_are_set_and_nothing_else_changes(run: Run, file: Path, template: bytes) -> None:
    code, out, _err = run(
        "config_set", file, "hostname=1.2.3.4", "http.port=8080", "proxy.components=[core, trivy]",
        "metric.enabled=true", "harbor_admin_password='123'", "external_url=https://r.example", "proxy.no_proxy=a,b",
    )  # fmt: skip
    assert (code, out) == (0, "")
    assert lines(template, file.read_bytes()) == [
        ("hostname: reg.mydomain.com", "hostname: 1.2.3.4"),
        ("  port: 80", "  port: 8080"),
        ("# external_url: https://reg.mydomain.com:8433", "external_url: https://r.example"),
        ("harbor_admin_password: Harbor12345", "harbor_admin_password: '123'"),
        ("  no_proxy:", "  no_proxy: a,b"),
        ("    - jobservice", "    # - jobservice"),
        ("# metric:", "metric:"),
        ("#   enabled: false", "  enabled: true"),
        ("#   port: 9090", "  port: 9090"),
        ("#   path: /metrics", "  path: /metrics"),
    ]
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    code, _out, _err = run(
        "config_set", file, "hostname=reg.mydomain.com", "http.port=80", "proxy.components=[core, jobservice, trivy]",
        "harbor_admin_password=Harbor12345", "proxy.no_proxy=", "--unset", "metric.enabled", "--unset", "external_url",
    )  # fmt: skip
    assert code == 0
    assert file.read_bytes() == template


def test_nothing_to_change_writes_nothing(run: Run, file: Path) -> None:
    os.utime(file, ns=(1, 1))
    before = file.stat()
    assert run("config_set", file, "hostname=reg.mydomain.com", "--unset", "metric.port")[0] == 0
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("http=3", "line 8"),
        ("hostname.x=3", "no block of keys"),
        ("hostname=#x", "comment"),
        ("hostname=a #x", "comment"),
        ("hostname=*x", "no YAML"),
        ("hostname=&x", "anchor"),
        ("hostname=2001-99-99", "quotes"),
        ("hostname={}", "without keys"),
        ("hostname=[[a]]", "plain values"),
        ("data_volume=/a b", "last word"),
        ("data_volume=", "last word"),
        ("noequals", "no key=value"),
        ("a..b=1", "no key=value"),
        ("=1", "no key=value"),
        ("--unset=no.such.key", "no key no.such.key"),
    ],
)
def test_a_refusal_is_polite_and_changes_nothing(
    run: Run, file: Path, template: bytes, argument: str, says: str
) -> None:
    code, out, err = run("config_set", file, "http.port=8080", argument)
    assert (code, out) == (1, "")
    assert says in err
    assert file.read_bytes() == template


def test_files_that_cannot_be_opened_end_with_two(run: Run, file: Path, tmp_path: Path) -> None:
    assert run("config_get", tmp_path / "no.yml")[0] == 2
    assert run("config_get", tmp_path)[0] == 2
    assert run("config_set", tmp_path / "no.yml", "a=1")[0] == 2
    assert run("config_set", file, f"a=@{tmp_path}/no")[0] == 2
    assert run("config_set", file, "a=1", "--output", tmp_path / "no" / "such.yml")[0] == 2
    assert run("config_set", file)[0] == 1


def test_a_secret_comes_from_a_file_or_standard_input(run: Run, file: Path, tmp_path: Path, template: bytes) -> None:
    (tmp_path / "pw").write_text(SECRET + "\n")
    code, _out, err = run("config_set", file, f"harbor_admin_password=@{tmp_path}/pw", "database.password=-",
                          stdin=b"0123\r\n")  # fmt: skip
    assert code == 0
    assert SECRET not in err
    assert run("config_get", file, "--raw", "harbor_admin_password")[1] == SECRET + "\n"
    assert run("config_get", file, "database.password")[1] == "'0123'\n"
    listed = run("config_get", file)[1]
    assert SECRET not in listed
    assert "0123" not in listed
    assert "password: '•••'" in run("config_get", file, "database")[1]
    assert "0123" in run("config_get", file, "database", "--reveal")[1]
    again = run("config_set", file, "a=-", "b=-", stdin=b"x")
    assert again[0] == 1
    assert "only once" in again[2]


def test_output_goes_elsewhere(run: Run, file: Path, tmp_path: Path, template: bytes) -> None:
    other = tmp_path / "other.yml"
    old = os.umask(0)
    try:
        assert run("config_set", file, "hostname=a.example", "--output", other)[0] == 0
    finally:
        os.umask(old)
    assert file.read_bytes() == template
    assert other.read_bytes() == template.replace(b"hostname: reg.mydomain.com", b"hostname: a.example")
    assert stat.S_IMODE(other.stat().st_mode) == 0o600
    code, out, _err = run("config_set", file, "hostname=b.example", "--output", "-")
    assert (code, out.encode()) == (0, template.replace(b"hostname: reg.mydomain.com", b"hostname: b.example"))
    code, out, _err = run("config_set", "-", "hostname=c.example", stdin=template)
    assert (code, out.encode()) == (0, template.replace(b"hostname: reg.mydomain.com", b"hostname: c.example"))


def test_a_link_stays_a_link(run: Run, file: Path, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    link = tmp_path / "deep" / "link.yml"
    link.symlink_to("../harbor.yml")
    assert run("config_set", link, "hostname=a.example")[0] == 0
    assert link.is_symlink()
    assert b"hostname: a.example\n" in file.read_bytes()
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


@pytest.mark.parametrize("head", [b"", b"\xef\xbb\xbf"])
def test_crlf_and_a_byte_order_mark_stay_until_asked(run: Run, file: Path, template: bytes, head: bytes) -> None:
    text = head + template.replace(b"\n", b"\r\n")
    file.write_bytes(text)
    assert run("config_set", file, "http.port=8080", "metric.enabled=true")[0] == 0
    after = file.read_bytes()
    assert after.replace(b"\r\n", b"").count(b"\n") == 0
    assert after.startswith(head + b"#")
    assert run("config_set", file, "http.port=80", "--unset=metric.enabled", "--repair=crlf", "--repair=bom")[0] == 0
    assert file.read_bytes() == template


def test_a_key_that_is_gone_comes_back_in_its_place(run: Run, file: Path, template: bytes, tmp_path: Path) -> None:
    file.write_bytes(re.sub(rb"(?m)^data_volume:.*\n", b"", template))
    assert run("config_set", file, "data_volume=/data")[0] == 0
    assert file.read_bytes() == template
    file.write_bytes(re.sub(rb"(?m)^  max_open_conns:.*\n", b"", template))
    (tmp_path / "harbor.yml.tmpl").write_bytes(template)
    assert run("config_set", file, "database.max_open_conns=900")[0] == 0
    assert file.read_bytes() == template


def test_a_block_that_the_template_does_not_have(run: Run, file: Path) -> None:
    code, _out, err = run("config_set", file, "storage_service.s3={region: us-east-1, bucket: b, v4auth: true}",
                          "strange.key=2001-01-01")  # fmt: skip
    assert code == 0
    assert "no Harbor that harborweb knows has a key strange.key" in err
    assert run("config_get", file, "storage_service")[1] == "s3:\n  region: us-east-1\n  bucket: b\n  v4auth: true\n"
    assert run("config_get", file, "strange.key")[1] == "2001-01-01\n"


@pytest.mark.parametrize(
    ("key", "out"),
    [
        ("hostname", "reg.mydomain.com\n"), ("http.port", "80\n"), ("_version", "2.15.0\n"), ("proxy.no_proxy", "\n"),
        ("proxy.components", "- core\n- jobservice\n- trivy\n"), ("trivy.insecure", "false\n"), ("http", "port: 80\n"),
    ],
)  # fmt: skip
def test_config_get_prints_yaml(run: Run, key: str, out: str) -> None:
    code, found, err = run("config_get", parts.shared("harbor.yml-2.15.tmpl"), key)
    assert (code, found, err) == (0, out, "")


def test_config_get_refuses_politely(run: Run, file: Path) -> None:
    code, out, err = run("config_get", file, "external_url")
    assert (code, out) == (1, "")
    assert "line 42 has it as a comment" in err
    file.write_text("a: 1\n\tb: 2\n")
    assert "line 2" in run("config_get", file, "a")[2]
    file.write_bytes(b"a: 1\nb: \xff\n")
    assert "line 2" in run("config_get", file, "a")[2]
    file.write_text("a: 1\na: 2\n")
    assert run("config_set", file, "b=1")[0] == 1
    assert "second time" in run("config_get", file, "a")[2]
