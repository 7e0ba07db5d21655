"""`manage.py audit` as it is typed: the real command, a real registry, no database and no Redis."""

import asyncio
import csv
import io
import json
import os
import re
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harborweb.registry.client import Client, Endpoint
from tests import parts
from tests.audit.hostile.bench import Bench, Signer, make_signer
from tests.registry.lying import lying, page, redirect, refuse
from tests.registry.tls import Authority, authority

KEYS = ["repository", "tags", "digest", "verdict", "key", "format", "reason", "standing", "standing_reason"]
HASHED = "$2b$04$EZ9/oGe62NsOMbPC6z9qoeI3ifDmxJC6qNZrTUh/Ky4AkK2ndeUiO"  # bcrypt of pass:wörd


@dataclass(frozen=True)
class Shop:
    """A registry with one repository of each outcome, and the keys."""

    url: str
    host: str
    signers: dict[str, Signer]
    digests: dict[str, str]

    @property
    def key(self) -> tuple[str, str]:
        return "--public-key", str(self.signers["trusted"].pub_file)


async def _fill(url: str, folder: Path, username: str = "", password: str = "", ca_pem: str = "") -> Shop:
    signers = {name: make_signer(name, folder) for name in ("trusted", "stranger")}
    digests: dict[str, str] = {}
    async with Client(Endpoint(url, username, password, True, ca_pem)) as client:
        good = Bench(client, "team/good", signers, folder, client.endpoint.host)
        digests["good"] = await good.image("1.0")
        await good.image("latest")  # moved below to the same digest
        same = await client.manifest("team/good", digests["good"])
        await good.put("latest", same.body)
        await good.simple(digests["good"])
        digests["child"] = await good.image("amd64-only", "child")
        digests["index"] = await good.index("multi", [digests["child"]])
        await good.bundled(digests["index"])
        mixed = good.at("team/mixed")
        digests["unsigned"] = await mixed.image("unsigned")
        digests["stranger"] = await mixed.image("stranger", "other")
        await mixed.simple(digests["stranger"], key="stranger")
        away = good.at("team/away")
        digests["away"] = await away.image("1.0")
        await good.at("signatures/away").simple(digests["away"])
        return Shop(url, client.endpoint.host, signers, digests)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A registry of its own, because the command lists all of it."""
    folder = tmp_path_factory.mktemp("shop")
    with parts.registry_server(folder / "registry") as server:
        yield asyncio.run(_fill(server.url, folder))


def audit(*arguments: str, stdin: str = "", env: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """Run the command; there is no database and no Redis where it could look for one."""
    nowhere = {
        "HARBORWEB_SECRET_KEY": "x" * 50,
        "HARBORWEB_DATA": "/nonexistent",
        "HARBORWEB_REDIS": "redis://127.0.0.1:1",
    }
    clean = {name: value for name, value in os.environ.items() if name != "COSIGN_REPOSITORY"}
    return subprocess.run(
        [sys.executable, "manage.py", "audit", *arguments],
        cwd=parts.ROOT, env={**clean, **nowhere, **(env or {})}, input=stdin, capture_output=True, encoding="utf-8",
        check=False,
    )  # fmt: skip


def rows(done: "subprocess.CompletedProcess[str]") -> list[dict[str, Any]]:
    """The rows of a JSON report."""
    found = json.loads(done.stdout)
    assert isinstance(found, list)
    return found


def test_all_good_is_zero(shop: Shop) -> None:
    """Trusted and via_index rows only; tags of a digest joined; cosign's tags are no rows."""
    done = audit(shop.url, *shop.key, "--repository", "team/good", "--allow-http", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert [list(row) for row in rows(done)] == [KEYS] * 3
    seen = {row["digest"]: row for row in rows(done)}
    fingerprint = shop.signers["trusted"].public.fingerprint
    good, index, child = (seen[shop.digests[name]] for name in ("good", "index", "child"))
    assert (good["tags"], good["verdict"], good["format"]) == (["1.0", "latest"], "trusted", "simple-signing")
    assert (index["tags"], index["verdict"], index["format"]) == (["multi"], "trusted", "bundle")
    assert (child["tags"], child["verdict"]) == (["amd64-only"], "via_index")
    assert {row["key"] for row in rows(done)} == {fingerprint}
    assert {row["repository"] for row in rows(done)} == {"team/good"}


def test_one_bad_is_one(shop: Shop) -> None:
    """The whole registry: every repository, and status 1."""
    done = audit(shop.url, *shop.key, "--allow-http", "--format", "json")
    assert done.returncode == 1, done.stderr
    verdicts = {(row["repository"], *row["tags"]): row["verdict"] for row in rows(done)}
    assert verdicts == {
        ("team/away", "1.0"): "unsigned",
        ("team/good", "1.0", "latest"): "trusted",
        ("team/good", "amd64-only"): "via_index",
        ("team/good", "multi"): "trusted",
        ("team/mixed", "stranger"): "unknown_key",
        ("team/mixed", "unsigned"): "unsigned",
    }
    assert "6 rows" in done.stderr


def test_without_a_key_nothing_is_trusted(shop: Shop) -> None:
    """And it says so."""
    done = audit(shop.url, "--repository", "team/good", "--allow-http", "--format", "json")
    assert done.returncode == 1
    assert {row["verdict"] for row in rows(done)} == {"unknown_key", "unsigned"}
    assert "--public-key" in done.stderr


def test_several_keys(shop: Shop) -> None:
    """Each row names the key that fits."""
    stranger = shop.signers["stranger"]
    done = audit(
        shop.url, *shop.key, "--public-key", str(stranger.pub_file), "--repository", "team/mixed",
        "--repository", "team/good", "--allow-http", "--format", "json",
    )  # fmt: skip
    assert done.returncode == 1
    assert {row["key"] for row in rows(done) if row["tags"] == ["stranger"]} == {stranger.public.fingerprint}


def test_table_and_csv(shop: Shop) -> None:
    """A table with a line each; CSV with a header. Nothing else is on standard output."""
    given = (shop.url, *shop.key, "--repository", "team/mixed", "--allow-http")
    table = audit(*given)
    assert table.returncode == 1
    lines = table.stdout.splitlines()
    assert len(lines) == 3
    assert lines[0].split()[:3] == ["VERDICT", "REPOSITORY", "TAGS"]
    assert any(line.startswith("unsigned") and shop.digests["unsigned"] in line for line in lines[1:])
    done = audit(*given, "--format", "csv")
    assert done.returncode == 1
    found = list(csv.DictReader(io.StringIO(done.stdout)))
    assert list(found[0]) == KEYS
    assert {row["verdict"] for row in found} == {"unsigned", "unknown_key"}


def test_annotations(shop: Shop) -> None:
    """A required annotation that is not signed makes nothing trusted."""
    done = audit(
        shop.url, *shop.key, "--repository", "team/good", "--allow-http", "--annotation", "env=prod", "--format", "json"
    )
    assert done.returncode == 1
    reasons = {row["tags"][0]: row["reason"] for row in rows(done) if row["tags"]}
    assert "env=prod" in reasons["1.0"]


@pytest.mark.parametrize("how", ["option", "option with host", "environment"])
def test_signatures_elsewhere(shop: Shop, how: str) -> None:
    """--signature-repository and COSIGN_REPOSITORY; then signatures beside the image do not count."""
    name = "signatures/away" if how == "option" else f"{shop.host}/signatures/away"
    option = () if how == "environment" else ("--signature-repository", name)
    env = {"COSIGN_REPOSITORY": name} if how == "environment" else {}
    given = (shop.url, *shop.key, "--allow-http", "--format", "json", *option)
    assert audit(*given, "--repository", "team/away", env=env).returncode == 0
    done = audit(*given, "--repository", "team/good", env=env)
    assert {row["verdict"] for row in rows(done)} == {"unsigned"}


def test_signatures_on_another_registry(shop: Shop, tmp_path: Path) -> None:
    """COSIGN_REPOSITORY may name another host."""
    with parts.registry_server(tmp_path / "registry") as other:

        async def copy() -> None:
            async with Client(Endpoint(other.url, allow_http=True)) as client:
                bench = Bench(client, "all/signatures", shop.signers, tmp_path, other.host)
                await bench.simple(shop.digests["unsigned"])

        asyncio.run(copy())
        done = audit(
            shop.url, *shop.key, "--repository", "team/mixed", "--allow-http", "--format", "json",
            env={"COSIGN_REPOSITORY": f"{other.host}/all/signatures"},
        )  # fmt: skip
    verdicts = {row["tags"][0]: row["verdict"] for row in rows(done)}
    assert verdicts == {"unsigned": "trusted", "stranger": "unsigned"}


def test_an_empty_registry_is_zero(shop: Shop, tmp_path: Path) -> None:
    """Nothing to judge is said."""
    with parts.registry_server(tmp_path / "registry") as empty:
        done = audit(empty.host, *shop.key, "--allow-http", "--format", "json")
    assert (done.returncode, rows(done)) == (0, [])
    assert "nothing to judge" in done.stderr


def test_basic_sign_in(tmp_path: Path) -> None:
    """--username with --password-stdin; a wrong password is status 2 and never shown."""
    (tmp_path / "htpasswd").write_text(f"lab:{HASHED}\n")
    extra = f"auth:\n  htpasswd:\n    realm: lab\n    path: {tmp_path / 'htpasswd'}\n"
    with parts.registry_server(tmp_path / "registry", extra=extra) as server:
        shop = asyncio.run(_fill(server.url, tmp_path, "lab", "pass:wörd"))
        given = (server.url, *shop.key, "--repository", "team/good", "--allow-http")
        signed_in = (*given, "--username", "lab", "--password-stdin")
        good = audit(*signed_in, stdin="pass:wörd\n")
        assert good.returncode == 0, good.stderr
        for done in (audit(*signed_in, stdin="s3cret-but-wrong\n"), audit(*given)):
            assert (done.returncode, done.stdout) == (2, "")
            assert "s3cret" not in done.stderr
            assert "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("ca"))


def test_private_ca(ca: Authority, tmp_path: Path) -> None:
    """--ca-file; without it the certificate is not trusted."""
    extra = f"  tls:\n    certificate: {ca.certificate}\n    key: {ca.key}\n"
    (tmp_path / "ca.pem").write_text(ca.ca_pem)
    with parts.registry_server(tmp_path / "registry", extra=extra) as server:
        shop = asyncio.run(_fill(f"https://{server.host}", tmp_path, ca_pem=ca.ca_pem))
        given = (server.host, *shop.key, "--repository", "team/good")
        assert audit(*given, "--ca-file", str(tmp_path / "ca.pem")).returncode == 0
        refused = audit(*given)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "certificate" in refused.stderr


def test_redirect_to_http(shop: Shop, ca: Authority, tmp_path: Path) -> None:
    """An https registry that redirects blobs to plain http: only with --allow-http."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ca.certificate, ca.key)
    (tmp_path / "ca.pem").write_text(ca.ca_pem)

    async def payload() -> str:
        async with Client(Endpoint(shop.url, allow_http=True)) as client:
            tag = shop.digests["good"].replace(":", "-")
            manifest = await client.manifest("team/good", f"{tag}.sig")
            return str(manifest.content["layers"][0]["digest"])

    path = f"/v2/team/good/blobs/{asyncio.run(payload())}"
    with lying(upstream=shop.url, tls=context) as liar:
        liar.on(path, redirect(f"{shop.url}{path}"))
        given = (
            liar.url,
            *shop.key,
            "--repository",
            "team/good",
            "--ca-file",
            str(tmp_path / "ca.pem"),
            "--format",
            "json",
        )
        refused = {row["tags"][0]: row["verdict"] for row in rows(audit(*given)) if row["tags"]}
        assert refused["1.0"] == "unchecked"
        assert audit(*given, "--allow-http").returncode == 0


def test_a_fault_of_one_repository_is_a_row(shop: Shop) -> None:
    """Whoever cannot list a repository's tags says so in a row and status 1, never by leaving it out."""
    with lying(upstream=shop.url) as liar:
        liar.on(re.compile(r"/v2/team/good/tags/list"), refuse(403, "DENIED"))
        done = audit(liar.url, *shop.key, "--allow-http", "--format", "json")
    assert done.returncode == 1
    fault = [row for row in rows(done) if row["repository"] == "team/good"]
    assert [(row["tags"], row["digest"], row["verdict"]) for row in fault] == [([], "", "unchecked")]
    assert "403" in fault[0]["reason"]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["{url}", "--format", "xml"],
        ["{url}", "--allow-http", "--fail-on", "bad"],
        ["{url}", "--allow-http", "--fail-on", ""],
        ["{url}", "--allow-http", "--policy", "/nonexistent"],
        ["{url}", "--allow-http", "--policy", "{two}"],
        ["{url}", "--allow-http", "--policy", "{empty}"],
        ["{url}", "--allow-http", "--repository", "team/good", "--output", "/nonexistent/report"],
        ["{url}", "--allow-http", "--public-key", "/nonexistent"],
        ["{url}", "--allow-http", "--public-key", "{private}"],
        ["{url}", "--allow-http", "--public-key", "{empty}"],
        ["{url}", "--allow-http", "--public-key", "{two}"],
        ["{url}", "--allow-http", "--ca-file", "/nonexistent"],
        ["{url}", "--allow-http", "--ca-file", "{empty}", "--public-key", "{empty}"],
        ["{url}", "--allow-http", "--annotation", "novalue"],
        ["{url}", "--allow-http", "--username", "someone"],
        ["{url}", "--allow-http", "--password-stdin"],
        ["{url}", "--allow-http", "--repository", "Team/GOOD"],
        ["{url}", "--allow-http", "--repository", "team/never"],
        ["{url}", "--allow-http", "--repository", "team/good", "--signature-repository", "UPPER"],
        ["{url}"],
        ["http://127.0.0.1:1", "--allow-http"],
        ["http://nobody.invalid", "--allow-http"],
        ["http://user:secret@127.0.0.1", "--allow-http"],
    ],
)
def test_what_could_not_run_is_two(shop: Shop, tmp_path: Path, arguments: list[str]) -> None:
    """With the reason on standard error, nothing on standard output, and no traceback."""
    (tmp_path / "empty").write_text("")
    pem = shop.signers["trusted"].pub_file
    (tmp_path / "two").write_text(pem.read_text() * 2)
    files = {"private": pem.with_suffix(".pem"), "empty": tmp_path / "empty", "two": tmp_path / "two"}
    done = audit(*(text.format(url=shop.url, **files) for text in arguments))
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr


POLICIES = {
    "not asked for": ("rules:\n- match: [team/away]\n  require: none\n- match: [team/mixed]\n  tags: ['v*']\n", 0),
    "mixed is excused for long": (
        "rules:\n- match: ['*']\n  grace_hours: 100\nexemptions:\n- match: [team/mixed, team/away]\n"
        "  reason: old\n  owner: ops\n  until: 2999-01-01\n", 0,
    ),
    "the excuse is over": (
        "exemptions:\n- match: [team]\n  reason: old\n  owner: ops\n  until: 2001-01-01\n", 1,
    ),
    "time of grace is not known here": ("rules:\n- match: ['*']\n  grace_hours: 8000\n", 1),
    "as JSON": ('{"rules": [{"match": ["*"], "require": "none"}]}', 0),
    "two keys": ("rules:\n- match: [team/good]\n  require: 2\n- match: ['*']\n  require: none\n", 1),
    "children of their own": (
        "rules:\n- match: [team/good]\n  children: own\n- match: ['*']\n  require: none\n", 1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_decides_what_fails(shop: Shop, tmp_path: Path, name: str) -> None:
    """The verdicts stay; the status follows what the policy makes of them."""
    text, status = POLICIES[name]
    file = tmp_path / "policy"
    file.write_text(text)
    done = audit(shop.url, *shop.key, "--allow-http", "--policy", str(file), "--format", "json")
    assert done.returncode == status, done.stdout + done.stderr
    assert {row["verdict"] for row in rows(done)} == {"trusted", "via_index", "unsigned", "unknown_key"}
    assert any(row["standing"] == "finding" for row in rows(done)) == bool(status)


def test_what_fails_is_chosen(shop: Shop) -> None:
    """--fail-on takes verdicts, findings or never."""
    given = (shop.url, *shop.key, "--allow-http", "--repository", "team/away")
    expected = {"never": 0, "invalid,unknown_key": 0, "unsigned": 1, "findings": 1, "invalid,findings": 1}
    for wanted, status in expected.items():
        assert audit(*given, "--fail-on", wanted).returncode == status, wanted


@pytest.mark.parametrize(("form", "begins"), [("sarif", "{"), ("junit", "<?xml"), ("html", "<!doctype html>")])
def test_a_report_in_a_file(shop: Shop, tmp_path: Path, form: str, begins: str) -> None:
    """--output takes the report, standard output stays empty, and a file that was there is replaced whole."""
    file = tmp_path / f"report.{form}"
    file.write_text("old " * 100_000)
    done = audit(shop.url, *shop.key, "--allow-http", "--format", form, "--output", str(file))
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    text = file.read_text()
    assert text.startswith(begins) and "old old" not in text and shop.digests["unsigned"] in text
    assert [one.name for one in tmp_path.iterdir()] == [file.name]


def test_not_a_registry_is_two(shop: Shop) -> None:
    """A web page answers."""
    with lying() as liar:
        liar.on(re.compile(".*"), page())
        done = audit(liar.url, *shop.key, "--allow-http")
    assert (done.returncode, done.stdout) == (2, "")
    assert "not a registry" in done.stderr


def test_a_name_without_host_in_the_environment_is_two(shop: Shop) -> None:
    """cosign would look on Docker Hub; guessing otherwise would be a lie."""
    done = audit(shop.url, *shop.key, "--allow-http", env={"COSIGN_REPOSITORY": "signatures/away"})
    assert (done.returncode, done.stdout) == (2, "")
    assert "Docker Hub" in done.stderr


def test_output_survives_a_narrow_terminal(shop: Shop) -> None:
    """A reason with “…” on an ASCII terminal is still valid JSON."""
    with lying(upstream=shop.url) as liar:
        liar.on(re.compile(r"/v2/team/good/tags/list"), refuse(403, "DÉNIED “no”"))
        done = audit(
            liar.url, *shop.key, "--repository", "team/good", "--allow-http", "--format", "json",
            env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        )  # fmt: skip
    assert done.returncode == 1
    assert "“" in rows(done)[0]["reason"]
