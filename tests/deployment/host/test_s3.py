"""storage_service.s3 against a real S3 server (versitygw)."""

import json
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import botocore.auth
import pytest

from harborweb.deployment.host import pem
from harborweb.deployment.host.connections import s3
from harborweb.deployment.host.findings import Machine, Sheet
from tests import parts
from tests.deployment.host import authority, servers
from tests.deployment.host.look import faults, findings, the_one

SECRET = "s3-secret-9f2c"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    folder = tmp_path_factory.mktemp("s3")
    with servers.s3(folder) as port:
        yield port, folder / "s3"


def text(endpoint: str, more: str = "", **changed: object) -> str:
    values = {
        "accesskey": "AKIDHARBOR", "secretkey": SECRET, "region": "eu-west-1", "regionendpoint": endpoint,
        "bucket": "images", "rootdirectory": "/harbor/registry", **changed,
    }  # fmt: skip
    lines = "".join(f"    {key}: {value}\n" for key, value in values.items() if value is not None)
    return f"hostname: r.example\nstorage_service:\n{more}  s3:\n{lines}"


def test_an_object_is_put_read_and_gone_again(server: tuple[int, Path]) -> None:
    port, folder = server
    for endpoint in (f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port}/"):
        assert faults(s3.look, text(endpoint)) == []
    assert faults(s3.look, text(f"127.0.0.1:{port}", secure="false")) == []
    (fine,) = [one for one in findings(s3.look, text(f"http://127.0.0.1:{port}")) if one.state == "fine"]
    assert "read and deleted again" in fine.message
    assert [path for path in (folder / "images").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("changed", "key", "words"),
    [
        ({"secretkey": "not-that-one"}, "secretkey", "SignatureDoesNotMatch"),
        ({"accesskey": "AKIDOTHER"}, "accesskey", "No user exists with the provided access key ID"),
        ({"bucket": "none-such"}, "bucket", "NoSuchBucket"),
        ({"bucket": "Bad_Bucket"}, "bucket", "InvalidBucketName"),
        ({"region": "us-east-1"}, "region", 'the region "us-east-1" is wrong; expecting "eu-west-1"'),
    ],
)
def test_what_is_wrong_is_said_in_its_words(
    server: tuple[int, Path], changed: dict[str, object], key: str, words: str
) -> None:
    found = the_one(s3.look, text(f"http://127.0.0.1:{server[0]}", **changed))
    assert (found.state, found.key) == ("warning", f"storage_service.s3.{key}"), found
    assert words in found.message
    assert found.line is not None
    shown = found.message + found.why + found.advice
    assert SECRET not in shown
    assert "not-that-one" not in shown


def test_a_user_with_few_rights(tmp_path: Path) -> None:
    """A real gateway with users of its own: first without any right to the bucket, then without that to delete."""
    (tmp_path / "iam").mkdir()
    with servers.s3(tmp_path, "--iam-dir", str(tmp_path / "iam")) as port:
        endpoint = f"http://127.0.0.1:{port}"
        words = f"--access AKIDHARBOR --secret {SECRET} --region eu-west-1 --endpoint-url {endpoint}"
        made = "create-user --access AKIDFEW --secret few-secret --role user"
        command = [parts.program("versitygw"), "admin", *words.split(), *made.split()]
        subprocess.run(command, check=True, capture_output=True)
        few = {"accesskey": "AKIDFEW", "secretkey": "few-secret"}
        found = the_one(s3.look, text(endpoint, **few))
        assert (found.key, "AccessDenied" in found.message) == ("storage_service.s3.accesskey", True)
        machine = Machine.of(text(endpoint), None)
        allowed = ["s3:ListBucket", "s3:GetObject", "s3:PutObject"]
        policy = [{"Effect": "Allow", "Principal": {"AWS": ["AKIDFEW"]}, "Action": allowed,
                   "Resource": ["arn:aws:s3:::images", "arn:aws:s3:::images/*"]}]  # fmt: skip
        body = json.dumps({"Version": "2012-10-17", "Statement": policy})
        s3._client(machine, endpoint, pem.trust_file()).put_bucket_policy(Bucket="images", Policy=body)
        stays = the_one(s3.look, text(endpoint, **few))
    assert "The test object harbor/registry/harborweb-connection-check-" in stays.message
    assert "AccessDenied" in stays.message
    (left,) = [path for path in (tmp_path / "s3" / "images").rglob("*") if path.is_file()]
    assert left.read_bytes() == s3.BODY


def test_a_clock_that_is_wrong(server: tuple[int, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = datetime.now(UTC) - timedelta(hours=2)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda remove_tzinfo=True: wrong.replace(tzinfo=None))
    found = the_one(s3.look, text(f"http://127.0.0.1:{server[0]}"))
    assert "RequestTimeTooSkewed" in found.message
    assert "clock" in found.advice


def test_clocks_apart_are_seen_before_they_are_refused() -> None:
    sheet = Sheet("test", Machine.of(text("http://127.0.0.1:1"), None).document)
    late = (datetime.now(UTC) - timedelta(minutes=12)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    s3._skew(sheet, {"ResponseMetadata": {"HTTPHeaders": {"date": late}}})
    assert "12 minutes apart" in sheet.findings[0].message


def test_tls_and_ca_bundle(tmp_path: Path) -> None:
    root = authority.make("Storage CA", ca=True)
    certificate, key = authority.make("s3", root, names=("127.0.0.1",)).write(tmp_path)
    ca = tmp_path / "ca.crt"
    ca.write_text(root.pem)
    with servers.s3(tmp_path, "--cert", str(certificate), "--key", str(key)) as port:
        endpoint = f"https://127.0.0.1:{port}"
        unknown = the_one(s3.look, text(endpoint))
        assert unknown.key == "storage_service.ca_bundle"
        assert "CERTIFICATE_VERIFY_FAILED" in unknown.message
        assert faults(s3.look, text(endpoint, f"  ca_bundle: {ca}\n")) == []
        assert faults(s3.look, text(endpoint, skipverify="true")) == []
        plain = the_one(s3.look, text(f"http://127.0.0.1:{port}"))
        assert plain.state == "warning"
        other = the_one(s3.look, text(f"https://localhost:{port}", f"  ca_bundle: {ca}\n"))
        assert "localhost" in other.message


def test_tls_where_there_is_none(server: tuple[int, Path]) -> None:
    found = the_one(s3.look, text(f"https://127.0.0.1:{server[0]}"))
    assert found.key == "storage_service.s3.regionendpoint"
    assert "SSL" in found.message


def test_nobody_there_and_nobody_answering() -> None:
    found = the_one(s3.look, text(f"http://127.0.0.1:{parts.free_port()}"))
    assert "refused" in found.message
    began = time.monotonic()
    with servers.silent() as port:
        found = the_one(s3.look, text(f"http://127.0.0.1:{port}"))
    assert time.monotonic() - began < 8
    assert "timed out" in found.message.lower()
    assert "does not resolve" in the_one(s3.look, text("http://s3.invalid")).message


def test_without_a_key_the_machines_role_is_used(server: tuple[int, Path]) -> None:
    found = findings(s3.look, text(f"http://127.0.0.1:{server[0]}", accesskey=None, secretkey=None))
    assert [one.state for one in found] in (["unknown"], ["warning"])


def test_the_users_own_settings_do_not_count(server: tuple[int, Path], monkeypatch: Any, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[default]\nregion = mars-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "none-such")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert faults(s3.look, text(f"http://127.0.0.1:{server[0]}")) == []


@pytest.mark.parametrize(
    "block", ["  s3:\n", "  s3: yes\n", "  s3:\n    region: x\n", "  filesystem:\n    maxthreads: 100\n"]
)
def test_half_a_block_is_the_rules_affair(block: str) -> None:
    assert findings(s3.look, "hostname: a\nstorage_service:\n" + block) == []
