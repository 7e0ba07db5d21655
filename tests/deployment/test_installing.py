"""Get an installer by each of its three ways, from the page to the folder, and be refused in each way."""

import hashlib
import http.server
import io
import os
import tarfile
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from harborweb.accounts.models import Activity
from harborweb.accounts.roles import Role
from harborweb.configuration.services import current_draft
from harborweb.deployment import installing, looking, services
from harborweb.deployment.models import Installer, InstallerPiece
from harborweb.jobs import services as jobs
from harborweb.jobs.models import Job
from tests.deployment.conftest import done, log

pytestmark = pytest.mark.django_db(transaction=True)

TEMPLATE = "hostname: reg.mydomain.com\nharbor_admin_password: Harbor12345\n_version: 2.15.0\n"


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Path, redis_url: str) -> None:
    settings.INSTALLERS_DIR = tmp_path / "installers"
    settings.REDIS_URL = settings.CELERY_BROKER_URL = redis_url


def tgz(root: str = "harbor/", template: str = TEMPLATE, **more: bytes) -> bytes:
    """An online installer in small."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        files = {"harbor.yml.tmpl": template.encode(), "prepare": b"#!/bin/bash\n# prepare:v2.15.2\n", **more}
        for name, data in files.items():
            member = tarfile.TarInfo(root + name)
            member.size, member.mode = len(data), 0o755 if name == "prepare" else 0o644
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


def upload(client: Any, data: bytes, name: str = "harbor-online-installer.tgz", **fields: str) -> Any:
    file = SimpleUploadedFile(name, data, content_type="application/gzip")
    return client.post(reverse("deployment:installer_upload"), {"archive": file, **fields})


def settled(installer: Installer) -> Job:
    assert installer.job is not None
    return done(installer.job, installing.install)


def test_an_upload_reaches_the_worker_in_pieces_and_leaves_none(as_role: Callable[[int], Any], tmp_path: Path) -> None:
    data = tgz(ballast=os.urandom(600_000))
    answer = upload(as_role(Role.OPERATOR), data)
    installer = Installer.objects.get()
    assert answer.status_code == 302
    assert answer.url == reverse("deployment:installer_one", args=[installer.pk])
    sizes = [len(piece.data) for piece in installer.pieces.all()]
    assert sizes == [services.PIECE_BYTES, services.PIECE_BYTES, len(data) - 2 * services.PIECE_BYTES]
    assert not (tmp_path / "installers").exists()

    job = settled(installer)
    assert job.state == Job.State.SUCCEEDED, log(job)
    installer.refresh_from_db()
    assert InstallerPiece.objects.count() == 0
    assert installer.ready
    assert installer.path == str(tmp_path / "installers" / f"{installer.pk}-v2.15.2" / "harbor")
    assert installer.sha256 == hashlib.sha256(data).hexdigest()
    assert installer.template() == TEMPLATE
    assert (Path(installer.path) / "prepare").stat().st_mode & 0o777 == 0o755
    assert [path.name for path in (tmp_path / "installers").iterdir()] == [f"{installer.pk}-v2.15.2"]
    draft = current_draft()
    assert draft is not None
    assert draft.text() == TEMPLATE
    assert Activity.objects.filter(action="add installer").exists()


def test_the_page_shows_the_tree_and_asks_what_to_do_with_a_draft_that_is_there(as_role: Callable[[int], Any]) -> None:
    client = as_role(Role.OPERATOR)
    upload(client, tgz())
    settled(Installer.objects.get())
    upload(client, tgz(template="hostname: x.example\n_version: 2.14.0\n"))
    second = Installer.objects.first()
    assert second is not None
    assert settled(second).result["draft"] == "kept"
    draft = current_draft()
    assert draft is not None
    assert draft.text() == TEMPLATE
    page = client.get(reverse("deployment:installer")).content.decode()
    assert "harbor.yml.tmpl" in page
    assert "Begin anew from this template" in page
    client.post(reverse("deployment:installer_draft", args=[second.pk]))
    draft = current_draft()
    assert draft is not None
    assert "x.example" in draft.template()


def attack() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        member = tarfile.TarInfo("harbor/../../../evil")
        member.size = 4
        tar.addfile(member, io.BytesIO(b"evil"))
    return out.getvalue()


BAD = {
    "a tgz that is none": (b"this is no archive", "no gzip-compressed tar archive"),
    "cut off": (tgz(ballast=bytes(range(256)) * 400)[:-500], "ends too early"),
    "leaves its folder": (attack(), "outside its folder"),
    "no template": (tgz(root="x/y/"), "no harbor.yml.tmpl"),
    "a template that is no YAML": (tgz(template="a: b: c: [\n"), "YAML"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_archive_has_its_own_sentence_and_leaves_nothing(
    name: str, as_role: Callable[[int], Any], tmp_path: Path
) -> None:
    data, sentence = BAD[name]
    client = as_role(Role.OPERATOR)
    upload(client, data)
    installer = Installer.objects.get()
    job = settled(installer)
    assert job.state == Job.State.FAILED
    assert sentence in job.error
    assert job.advice
    assert InstallerPiece.objects.count() == 0
    assert sentence in client.get(reverse("deployment:installer")).content.decode().replace("&#x27;", "'")
    assert list((tmp_path / "installers").iterdir()) == []
    assert not (tmp_path / "evil").exists()
    installer.refresh_from_db()
    assert not installer.ready


def test_another_digest_than_expected(as_role: Callable[[int], Any]) -> None:
    upload(as_role(Role.OPERATOR), tgz(), expected_sha256="sha256:" + "A" * 64)
    job = settled(Installer.objects.get())
    assert job.state == Job.State.FAILED
    assert "another file than expected" in job.error


def test_what_the_form_refuses_is_said_with_what_was_typed(as_role: Callable[[int], Any], settings: Any) -> None:
    client = as_role(Role.OPERATOR)
    answer = upload(client, b"")
    assert (answer.status_code, "The file is empty" in answer.content.decode()) == (422, True)
    answer = upload(client, tgz(), expected_sha256="12 34")
    assert (answer.status_code, "64 digits" in answer.content.decode()) == (422, True)
    assert 'value="12 34"' in answer.content.decode()
    for address in ("file:///etc/passwd", "ftp://x/y", "https://user:pw@x/y", "https://", "http://[bad"):
        answer = client.post(reverse("deployment:installer_url"), {"url": address})
        assert answer.status_code == 422, address
        assert f'value="{address}"' in answer.content.decode()
    answer = client.post(reverse("deployment:installer_folder"), {"folder": "opt/harbor"})
    assert (answer.status_code, "absolute path" in answer.content.decode()) == (422, True)
    settings.INSTALLER_MAX_BYTES = 1000
    answer = upload(client, bytes(5000))
    assert (answer.status_code, "larger than" in answer.content.decode()) == (422, True)
    assert Installer.objects.count() == Job.objects.count() == InstallerPiece.objects.count() == 0


def test_an_upload_larger_than_memory_may_hold_is_refused(as_role: Callable[[int], Any], settings: Any) -> None:
    settings.INSTALLER_MAX_BYTES, settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 1000, 2000
    client = as_role(Role.OPERATOR)
    answer = upload(client, bytes(3 * 1024 * 1024))
    assert answer.status_code == 422
    assert "larger than" in answer.content.decode()
    assert InstallerPiece.objects.count() == 0


def test_pieces_of_a_job_that_was_stopped_before_its_start_go_too(as_role: Callable[[int], Any]) -> None:
    upload(as_role(Role.OPERATOR), tgz())
    installer = Installer.objects.get()
    looking.look()
    assert InstallerPiece.objects.count() == 1
    assert installer.job is not None
    jobs.stop(installer.job, "somebody")
    Installer.objects.update(created=timezone.now() - timedelta(minutes=2))
    looking.look()
    assert InstallerPiece.objects.count() == 0


def test_a_folder_of_the_host(as_role: Callable[[int], Any], tmp_path: Path) -> None:
    folder = tmp_path / "opt" / "harbor"
    folder.mkdir(parents=True)
    (folder / "harbor.yml.tmpl").write_text(TEMPLATE)
    (folder / "prepare").write_text("#!/bin/bash\n")
    client = as_role(Role.OPERATOR)
    ask = {"folder": f" {folder} "}
    client.post(reverse("deployment:installer_folder"), ask)
    job = settled(Installer.objects.all()[0])
    assert (job.state, "chmod +x" in job.advice) == (Job.State.FAILED, True)
    (folder / "prepare").chmod(0o755)
    client.post(reverse("deployment:installer_folder"), ask)
    job = settled(Installer.objects.all()[0])
    assert job.state == Job.State.SUCCEEDED, log(job)
    assert Installer.objects.all()[0].path == str(folder)
    client.post(reverse("deployment:installer_folder"), {"folder": str(tmp_path / "nowhere")})
    job = settled(Installer.objects.all()[0])
    assert f"no folder {tmp_path / 'nowhere'}" in job.error


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """A real http server; its answers are set in the dictionary, by path."""
    answers: dict[str, Any] = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = answers.get(self.path, (404, {}, b"no"))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            for chunk in body if isinstance(body, Iterator) else [body]:
                try:
                    self.wfile.write(chunk)
                except OSError:
                    return

        def log_message(self, *_: Any) -> None:
            pass

    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{httpd.server_address[1]}", answers
    httpd.shutdown()
    httpd.server_close()


def fetched(client: Any, url: str, **fields: str) -> Job:
    answer = client.post(reverse("deployment:installer_url"), {"url": url, **fields})
    assert answer.status_code == 302, answer.content.decode()
    return settled(Installer.objects.all()[0])


def test_a_url(as_role: Callable[[int], Any], server: tuple[str, dict[str, Any]]) -> None:
    base, answers = server
    data = tgz()
    answers["/x.tgz"] = (200, {}, data)
    answers["/moved"] = (302, {"Location": "/x.tgz"}, b"")
    job = fetched(as_role(Role.OPERATOR), base + "/moved", expected_sha256=hashlib.sha256(data).hexdigest())
    assert job.state == Job.State.SUCCEEDED, log(job)
    installer = Installer.objects.all()[0]
    assert (installer.ready, installer.size) == (True, len(data))
    assert installer.sha256 in log(job)


def test_urls_that_give_no_installer(
    as_role: Callable[[int], Any], server: tuple[str, dict[str, Any]], settings: Any
) -> None:
    base, answers = server
    settings.INSTALLER_MAX_BYTES, settings.INSTALLER_SECONDS = 100_000, 2.0
    answers["/loop"] = (302, {"Location": "/loop"}, b"")
    answers["/file"] = (302, {"Location": "file:///etc/passwd"}, b"")
    answers["/said"] = (200, {"Content-Length": "9999999"}, b"")
    answers["/endless"] = (200, {}, (bytes(10_000) for _ in range(100_000)))
    answers["/html"] = (200, {}, b"<html>not found</html>")
    wait = threading.Event()
    answers["/slow"] = (200, {}, ((wait.wait(10) and b"") or b"" for _ in range(1)))
    client = as_role(Role.OPERATOR)
    sentences = {
        "/none": "answered 404", "/loop": "redirects more than", "/file": "http and https addresses alone",
        "/said": "larger than", "/endless": "larger than", "/html": "no gzip-compressed tar",
        "/slow": "longer than 2 seconds",
    }  # fmt: skip
    for path, sentence in sentences.items():
        job = fetched(client, base + path)
        assert job.state == Job.State.FAILED, path
        assert sentence in job.error, (path, job.error)
        assert job.advice
    wait.set()
    refused = "http://127.0.0.1:1/x.tgz"
    assert fetched(client, refused).error == "The server could not be reached: 127.0.0.1:1, Connection refused."
    assert f'value="{refused}"' in client.get("/deployment/installer/").text
    assert not any(settings.INSTALLERS_DIR.iterdir())
