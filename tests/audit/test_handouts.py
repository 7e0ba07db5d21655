"""What others take along: a signed report and the evidence of every verdict, checked with nothing of ours."""

import io
import json
import os
import subprocess
import threading
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone

from bin.lib.samples import SAMPLES
from harborweb.accounts.roles import Role
from harborweb.audit.handing import making
from harborweb.audit.models import ArtifactVerdict, Handout, HandoutPiece
from harborweb.jobs.models import Job
from harborweb.jobs.run import Run, perform
from harborweb.registry.models import Registry
from harborweb.signing import keysmith
from harborweb.signing import services as signing
from harborweb.signing.models import Key
from tests import parts
from tests.browser import NARROW, WIDE, Watched, chromium, page, sign_in  # noqa: F401 - fixtures

Sweeper = Callable[[Registry], Job]
PASSWORD = "correct horse battery staple"


@pytest.fixture
def swept(known: Registry, sweep: Sweeper) -> Registry:
    assert sweep(known).state == Job.State.SUCCEEDED
    return known


def work(number: int | None, function: Callable[[Run], Any]) -> Job:
    """Do what a worker does, in a thread as it has one."""
    job = Job.objects.get(pk=number)
    worker = threading.Thread(target=perform, args=(job.pk, function))
    worker.start()
    worker.join()
    job.refresh_from_db()
    return job


def unpacked(client: Any, handout: Handout, folder: Path) -> Path:
    """Download as a person does, and unpack."""
    answer = client.get(f"/audit/handouts/{handout.pk}/file/")
    assert answer.status_code == 200

    async def whole() -> bytes:
        return b"".join([piece async for piece in answer])

    data = async_to_sync(whole)()
    assert len(data) == handout.size
    zipfile.ZipFile(io.BytesIO(data)).extractall(folder)
    return folder


def run(command: str, folder: Path, program: str = "") -> "subprocess.CompletedProcess[str]":
    """A command as somebody types it; `program` takes the place of cosign."""
    if program:
        command = command.replace("cosign", program, 1)
    env = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    return subprocess.run(["sh", "-c", command], cwd=folder, env=env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("version", ["cosign-2.5", "cosign"])
def test_a_signed_report_is_checked_by_both_cosigns_and_openssl(
    swept: Registry, as_role: Any, rf: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    monkeypatch.setenv("HARBORWEB_COSIGN", parts.program(version))
    key = signing.request_pair(None, "release 2026", Key.Password.ASKED, PASSWORD, trusted=True)
    assert work(key.job_id, keysmith.make_key).state == Job.State.SUCCEEDED
    client = as_role(Role.SIGNER)
    missing = client.post(f"/audit/handouts/{swept.pk}/make/report/", {"key": key.pk, "verdict": "all"})
    assert missing.status_code == 422 and "asked each time" in missing.text
    given = {"key": key.pk, "password": PASSWORD, "verdict": "all", "project": "team"}
    assert client.post(f"/audit/handouts/{swept.pk}/make/report/", given).status_code == 302
    handout = Handout.objects.get()
    job = work(handout.job_id, making.report)
    assert job.state == Job.State.SUCCEEDED, (job.error, [line.text for line in job.log.all()])
    assert PASSWORD not in json.dumps(job.arguments) + "".join(line.text for line in job.log.all())
    handout.refresh_from_db()
    folder = unpacked(client, handout, tmp_path / "report")
    report = (folder / "report.html").read_text()
    assert "only the project team" in report and "platform/base" not in report and "team/web" in report
    commands = [line for line in (folder / "VERIFY.txt").read_text().splitlines() if line and line[0] != "#"]
    fingerprint, by_three, by_two, by_openssl = commands
    key.refresh_from_db()
    assert run(fingerprint, folder).stdout.split()[0] == key.fingerprint
    checks = [(by_three, parts.program("cosign")), (by_two, parts.program("cosign-2.5")), (by_openssl, "")]
    for command, program in checks:
        done = run(command, folder, program)
        assert done.returncode == 0, done.stderr
    (folder / "report.html").write_text(report.replace("unsigned", "trusted", 1))
    for command, program in checks:
        assert run(command, folder, program).returncode != 0


def archive(client: Any, registry: Registry, folder: Path, **given: str) -> Path:
    assert client.post(f"/audit/handouts/{registry.pk}/make/evidence/", {"verdict": "all", **given}).status_code == 302
    handout = Handout.objects.first()
    assert handout is not None
    job = work(handout.job_id, making.evidence)
    assert job.state == Job.State.SUCCEEDED, job.error
    handout.refresh_from_db()
    return unpacked(client, handout, folder)


def test_the_evidence_of_a_registry_is_checked_by_one_script(swept: Registry, as_role: Any, tmp_path: Path) -> None:
    for name in ("openssl", "sha256sum", "cosign"):
        parts.program(name)
    folder = archive(as_role(Role.SIGNER), swept, tmp_path / "evidence")
    green = ArtifactVerdict.objects.filter(verdict__in=["trusted", "via_index"]).count()
    done = run("sh verify.sh", folder)
    assert (done.returncode, done.stdout.strip()) == (0, f"{green} verified, 0 wrong"), done
    assert green >= sum(sample.verdict in {"trusted", "via_index"} for sample in SAMPLES)
    assert len(json.loads((folder / "verdicts.json").read_text())) == ArtifactVerdict.objects.count()
    assert (folder / "not-checkable.txt").read_text() == ""
    # cosign's words, where the registry is reached: the first trusted one.
    lines = (folder / "commands.txt").read_text().split("# ")
    mine = next(part for part in lines if "team-web" in part and "openssl" in part)
    assert run(mine.splitlines()[1], folder / "keys").returncode == 0


CHANGES: tuple[tuple[str, str, Callable[[bytes], bytes], str], ...] = (
    ("-", "signed.bin", lambda data: data.replace(b"sha256", b"sha257", 1), "the signature"),
    ("-", "manifest.json", lambda data: data + b" ", "the manifest"),
    ("index-", "index-manifest.json", lambda data: data[:-1], "the manifest"),
)


def test_the_script_finds_what_was_changed(swept: Registry, as_role: Any, tmp_path: Path) -> None:
    folder = archive(as_role(Role.SIGNER), swept, tmp_path / "evidence")
    lines = [line.split("\t") for line in (folder / "trusted.tsv").read_text().splitlines()]
    for kind, name, change, told in CHANGES:
        file = folder / next(line[0] for line in lines if line[3] == kind) / name
        before = file.read_bytes()
        file.write_bytes(change(before))
        done = run("sh verify.sh", folder)
        assert done.returncode == 1 and told in done.stdout and f"{len(lines) - 1} verified, 1 wrong" in done.stdout
        file.write_bytes(before)
    # A good signature of another image.
    first, second = [folder / line[0] for line in lines if "team-web" in line[0]]
    for name in ("signed.bin", "signature.bin"):
        (first / name).write_bytes((second / name).read_bytes())
    done = run("sh verify.sh", folder)
    assert done.returncode == 1 and "the digest that is signed" in done.stdout


def test_what_was_found_by_its_digest_alone_is_checked_without_a_manifest(
    swept: Registry, as_role: Any, tmp_path: Path
) -> None:
    """Harbor's list leads to a signature without the artifact's manifest being read: none is kept, and that is said."""
    row = ArtifactVerdict.objects.get(repository="team/web", tags=["1.0"])
    row.evidence.pop("manifest.json")
    row.save()
    client = as_role(Role.SIGNER)
    folder = archive(client, swept, tmp_path / "evidence")
    (mine,) = [line.split("\t") for line in (folder / "trusted.tsv").read_text().splitlines() if "\t=\t" in line]
    assert mine[-1] == row.digest and (folder / "not-checkable.txt").read_text() == ""
    done = run("sh verify.sh", folder)
    assert done.returncode == 0 and done.stdout.strip().endswith(" verified, 0 wrong"), done
    other = next(line.split("\t")[0] for line in (folder / "trusted.tsv").read_text().splitlines() if "\t-\t" in line)
    for name in ("signed.bin", "signature.bin"):
        (folder / mine[0] / name).write_bytes((folder / other / name).read_bytes())
    done = run("sh verify.sh", folder)
    assert done.returncode == 1 and f"WRONG {row.digest} in {mine[0]}: the digest that is signed" in done.stdout
    assert "own manifest is not among them" in client.get(f"/audit/{row.pk}/").text
    with zipfile.ZipFile(io.BytesIO(client.get(f"/audit/{row.pk}/evidence.zip").content)) as files:
        assert "It is not here" in files.read("README.txt").decode()


def test_hostile_names_stay_in_their_folder(swept: Registry, as_role: Any, tmp_path: Path) -> None:
    row = ArtifactVerdict.objects.get(repository="team/web", tags=["1.0"])
    evil = "team/../../../$(touch owned)\t`id`"
    ArtifactVerdict.objects.filter(pk=row.pk).update(repository=evil, evidence={"../../x": "eA==", **row.evidence})
    folder = archive(as_role(Role.SIGNER), swept, tmp_path / "evidence")
    assert run("sh verify.sh", folder).returncode == 0
    assert sorted(one.name for one in tmp_path.iterdir()) == ["evidence"]
    assert not list(tmp_path.rglob("owned"))


def test_an_archive_that_grows_too_large_says_what_to_do(
    swept: Registry, as_role: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "MOST_BYTES", 2_000)
    as_role(Role.SIGNER).post(f"/audit/handouts/{swept.pk}/make/evidence/", {"verdict": "all"})
    job = work(Handout.objects.get().job_id, making.evidence)
    assert job.state == Job.State.FAILED and "Choose a project" in job.advice
    assert not HandoutPiece.objects.exists()


def test_it_is_deleted_after_its_time(swept: Registry, as_role: Any, tmp_path: Path) -> None:
    client = as_role(Role.SIGNER)
    archive(client, swept, tmp_path / "evidence", verdict="invalid")
    handout = Handout.objects.get()
    assert making.forget() == 0
    Handout.objects.update(expires=timezone.now() - timedelta(seconds=1))
    assert client.get(f"/audit/handouts/{handout.pk}/file/").status_code == 404
    making.forget()
    assert not Handout.objects.exists() and not HandoutPiece.objects.exists()


def test_a_viewer_takes_and_makes_nothing(swept: Registry, as_role: Any) -> None:
    client = as_role(Role.VIEWER)
    shown = client.get(f"/audit/handouts/?registry={swept.pk}&verdict=all")
    assert shown.status_code == 200 and "Signers make these" in shown.text
    assert client.post(f"/audit/handouts/{swept.pk}/make/evidence/").status_code == 403


@pytest.mark.browser
def test_the_pages_for_others_fit(
    swept: Registry,
    page: Watched,  # noqa: F811
    live_server: Any,
    person: Callable[..., Any],
) -> None:
    Handout.objects.create(
        registry=swept, kind="report", query="verdict=all", scope="only the project team", signed_by="release-2026",
        who="ops", expires=timezone.now() + timedelta(days=7), name="report-lab.zip", size=123_456, ready=True,
    )  # fmt: skip
    sign_in(page, live_server, person(Role.SIGNER))
    for size, scheme in ((WIDE, "light"), (NARROW, "dark")):
        page.size(*size, scheme)
        for path in (f"/audit/handouts/?registry={swept.pk}&verdict=all", f"/audit/ci/?registry={swept.pk}"):
            page.goto(live_server.url + path)
            page.wait_for_load_state("networkidle")
            page.look_well()
            assert page.barriers() == []
