"""The audit's pages and exports, over what a real sweep found."""

import csv
import io
import json
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from bin.lib.samples import SAMPLES
from harborweb.accounts.roles import Role
from harborweb.audit import charts, services
from harborweb.audit.models import ArtifactVerdict
from harborweb.audit.report import to_csv
from harborweb.jobs.models import Job
from harborweb.registry.models import Registry
from harborweb.signing.models import Key
from harborweb.verification.verdict import Verdict
from tests import parts
from tests.browser import NARROW, WIDE, Watched, chromium, page, sign_in  # noqa: F401 - fixtures

Sweeper = Callable[[Registry], Job]
SignedIn = Callable[[int], Any]


@pytest.fixture
def swept(known: Registry, sweep: Sweeper) -> Registry:
    assert sweep(known).state == Job.State.SUCCEEDED
    return known


def test_before_a_registry_the_page_says_what_to_do(as_role: SignedIn) -> None:
    answer = as_role(Role.VIEWER).get("/audit/")
    assert answer.status_code == 200
    assert "No registry yet" in answer.text


def test_before_a_sweep_the_page_says_what_a_sweep_does(known: Registry, as_role: SignedIn) -> None:
    answer = as_role(Role.SIGNER).get("/audit/")
    assert "Nothing checked yet" in answer.text and "Sweep now" in answer.text


def test_a_sweep_that_read_nothing_is_said_and_makes_nothing_fresh(
    known: Registry, sweep: Sweeper, as_role: SignedIn
) -> None:
    sweep(known)
    before = services.summary(known)
    known.url = f"http://127.0.0.1:{parts.free_port()}"
    known.save()
    assert sweep(known).state == Job.State.FAILED
    assert services.summary(known) == before
    shown = as_role(Role.VIEWER).get("/audit/").text
    assert "does not answer: Connection refused." in shown and "Look at the sweep" in shown


def test_a_viewer_sees_no_button_that_only_signers_may_press(known: Registry, as_role: SignedIn) -> None:
    client = as_role(Role.VIEWER)
    assert "Sweep now" not in client.get("/audit/").text
    assert client.post("/audit/sweep/", {"registry": known.pk}).status_code == 403


def test_findings_come_first_and_worst_first(swept: Registry, as_role: SignedIn) -> None:
    answer = as_role(Role.VIEWER).get("/audit/")
    rows = list(answer.context["page"].object_list)
    assert [row.verdict for row in rows] == sorted((row.verdict for row in rows), key=order().index)
    assert rows[0].verdict == Verdict.INVALID
    assert not {row.verdict for row in rows} & {"trusted", "via_index"}


def order() -> tuple[str, ...]:
    return ("invalid", "unknown_key", "attestation_only", "unchecked", "unsigned", "via_index", "trusted")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("verdict=trusted", {"team/web", "platform/proxy"}),
        ("verdict=all&project=platform", {"platform/base", "platform/proxy", "platform/cache"}),
        ("verdict=all&q=worker", {"team/worker"}),
        ("verdict=all&q=2.1", {"team/api"}),
        ("verdict=all&q=no-such-thing", set()),
        ("verdict=nonsense&registry=999999999999&page=x", None),
    ],
)
def test_filters_are_addresses(swept: Registry, as_role: SignedIn, query: str, expected: set[str] | None) -> None:
    answer = as_role(Role.VIEWER).get(f"/audit/?{query}")
    assert answer.status_code == 200
    if expected is not None:
        assert {row.repository for row in answer.context["page"].object_list} == expected


def test_json_says_what_the_command_line_says(swept: Registry, as_role: SignedIn) -> None:
    rows = json.loads(as_role(Role.VIEWER).get("/audit/export.json?verdict=all").text)
    names = ("repository", "tags", "digest", "verdict", "key", "format", "reason", "standing", "standing_reason")
    assert {tuple(row) for row in rows} == {names}
    found = {(row["repository"], tag): row["verdict"] for row in rows for tag in row["tags"]}
    assert found == {(s.repository, s.tag): s.verdict for s in SAMPLES}


def test_csv_has_a_header_and_as_many_rows_as_the_filter(swept: Registry, as_role: SignedIn) -> None:
    client = as_role(Role.VIEWER)
    answer = client.get("/audit/export.csv?verdict=unsigned")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == ArtifactVerdict.objects.filter(verdict="unsigned").count() > 0
    assert client.get("/audit/export.xlsx").status_code == 404


def test_a_cell_is_never_a_formula() -> None:
    row = ArtifactVerdict(repository="=cmd|' /C calc'!A0", tags=["-1"], digest="d", verdict="invalid", reason="+1")
    _, cells = list(csv.reader(io.StringIO(to_csv([row]))))
    assert cells[0].startswith("'=") and cells[1] == "'-1" and cells[6] == "'+1"


def test_an_artifact_tells_how_to_check_it_again(swept: Registry, as_role: SignedIn) -> None:
    row = ArtifactVerdict.objects.get(repository="team/web", tags=["1.0"])
    answer = as_role(Role.VIEWER).get(f"/audit/{row.pk}/")
    for expected in (row.digest, row.key, row.reason, "cosign verify --key demo.pub"):
        assert expected in answer.text.replace("&#x27;", "'")


@pytest.mark.parametrize("tag", ["1.0", "0.9"])
def test_openssl_alone_repeats_a_trusted_verdict_from_the_archive(
    swept: Registry, as_role: SignedIn, tmp_path: Path, tag: str
) -> None:
    row = ArtifactVerdict.objects.get(repository="team/web", tags=[tag])
    answer = as_role(Role.VIEWER).get(f"/audit/{row.pk}/evidence.zip")
    zipfile.ZipFile(io.BytesIO(answer.content)).extractall(tmp_path)
    command = next(line for line in (tmp_path / "commands.txt").read_text().splitlines() if "openssl" in line)
    parts.program("openssl")
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "Verified OK", done
    # The signed bytes must be about this digest: the archive of one image proves nothing of another.
    assert row.digest.split(":")[1].encode() in (tmp_path / "signed.bin").read_bytes()


def test_cosign_repeats_a_trusted_verdict_with_the_command_shown(
    swept: Registry, as_role: SignedIn, tmp_path: Path, cosign3: str
) -> None:
    row = ArtifactVerdict.objects.get(repository="team/web", tags=["1.0"])
    answer = as_role(Role.VIEWER).get(f"/audit/{row.pk}/evidence.zip")
    zipfile.ZipFile(io.BytesIO(answer.content)).extractall(tmp_path)
    command = (tmp_path / "commands.txt").read_text().splitlines()[0]
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("repository", "tag"), [("team/api", "2.0"), ("team/api", "2.1"), ("team/web", "1.1")])
def test_the_command_for_a_finding_reads_a_key_that_is_in_the_archive(
    swept: Registry, as_role: SignedIn, tmp_path: Path, repository: str, tag: str
) -> None:
    row = ArtifactVerdict.objects.get(repository=repository, tags=[tag])
    answer = as_role(Role.VIEWER).get(f"/audit/{row.pk}/evidence.zip")
    zipfile.ZipFile(io.BytesIO(answer.content)).extractall(tmp_path)
    assert "--key demo.pub" in row.command
    assert (tmp_path / "demo.pub").exists()


@pytest.mark.parametrize("name", ["-rf my key", "\u5bc6\u94a5"])
def test_a_keys_name_is_the_same_file_in_command_and_archive(
    swept: Registry, sweep: Sweeper, as_role: SignedIn, name: str
) -> None:
    Key.objects.update(name=name)
    sweep(swept)
    row = ArtifactVerdict.objects.get(repository="team/web", tags=["1.0"])
    answer = as_role(Role.VIEWER).get(f"/audit/{row.pk}/evidence.zip")
    [file] = [one for one in zipfile.ZipFile(io.BytesIO(answer.content)).namelist() if one.endswith(".pub")]
    assert file[0].isalnum()
    assert f"--key {file} " in row.command


def test_bars_are_as_wide_as_they_should_be() -> None:
    pieces = charts.bar({"trusted": 997, "invalid": 1, "unsigned": 2})
    assert [piece.verdict for piece in pieces] == ["trusted", "invalid", "unsigned"]
    assert all(piece.width >= charts.LEAST for piece in pieces)
    assert pieces[-1].x + pieces[-1].width == charts.WIDTH
    assert charts.bar({}) == []


@pytest.mark.browser
def test_the_page_fits_and_filters_in_a_browser(
    swept: Registry,
    page: Watched,  # noqa: F811
    live_server: Any,
    person: Callable[..., Any],
) -> None:
    sign_in(page, live_server, person(Role.SIGNER))
    for width, height in (WIDE, NARROW):
        for scheme in ("light", "dark"):
            page.size(width, height, scheme)
            page.goto(live_server.url + "/audit/")
            page.look_well()
    page.size(*WIDE)
    page.goto(live_server.url + "/audit/?verdict=all")
    page.fill("#q", "worker")
    expect(page.page.locator("#verdicts tbody tr")).to_have_count(1)
    assert "team/worker" in page.inner_text("#verdicts")
    page.click("#verdicts tbody a.btn")
    assert page.inner_text("h1").startswith("team/worker")
    page.look_well()
