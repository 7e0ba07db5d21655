"""From the wizard to a registry that answers: by posts and by clicks, with a real worker and a real engine."""

import contextlib
import http.client
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from playwright.sync_api import Locator, expect

from harborweb.accounts.roles import Role
from harborweb.configuration.fields import SECTIONS
from harborweb.configuration.models import Revision
from harborweb.configuration.services import current_draft
from harborweb.deployment import looking
from harborweb.deployment.models import Deployment, Host, Installer
from harborweb.jobs.models import Job
from tests import parts
from tests.browser import Watched, chromium, page, sign_in  # noqa: F401 - fixtures
from tests.deployment.conftest import engine, log, practice_tgz  # noqa: F401 - fixtures

PASSWORD = "the password of the test 1A"
pytestmark = [pytest.mark.docker, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def host_worker(
    transactional_db: None, redis_settings: str, data_dir: Path, tmp_path: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    """A real celery worker for the queue `host`, with an installers folder of its own."""
    environment = os.environ | {
        "HARBORWEB_DATA": str(data_dir), "HARBORWEB_REDIS": redis_settings,
        "DJANGO_SETTINGS_MODULE": "harborweb.settings",
        "HARBORWEB_INSTALLERS": str(tmp_path / "installers"), "HARBORWEB_HEALTHY_SECONDS": "60",
    }  # fmt: skip
    words = ["-A", "harborweb.celery", "worker", "-Q", "host", "-c", "1", "--without-gossip", "--loglevel", "INFO"]
    output = tmp_path / "worker.log"
    with output.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", *words], cwd=parts.ROOT, env=environment, stdout=out, stderr=out,
            start_new_session=True,
        )  # fmt: skip
    try:
        until(lambda: b"ready." in output.read_bytes() or process.poll() is not None, 60)
        assert process.poll() is None, output.read_text()
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def until(happened: Callable[[], Any], seconds: float) -> None:
    """Return once `happened()` is true."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def settled(job: Job | None, seconds: float = 120) -> Job:
    """The job once nothing of it can change any more."""
    assert job is not None
    until(lambda: Job.objects.get(pk=job.pk).settled, seconds)
    return Job.objects.get(pk=job.pk)


def answers(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", "/v2/")
    return connection.getresponse().status


def test_from_the_wizard_to_a_registry_that_answers(
    as_role: Callable[[int], Any],
    engine: Path,  # noqa: F811
    host_worker: Any,
    tmp_path: Path,
) -> None:
    client, port = as_role(Role.OPERATOR), parts.free_port()
    file = SimpleUploadedFile("practice.tgz", engine.read_bytes())
    assert client.post(reverse("deployment:installer_upload"), {"archive": file}).status_code == 302
    job = settled(Installer.objects.get().job)
    assert job.state == Job.State.SUCCEEDED, log(job)

    answer_all(client, port, tmp_path / "data")
    answer = client.post(reverse("configuration:save"), {"note": "first", "version": version()})
    assert answer.status_code == 302, answer.content.decode()[-3000:]
    revision = Revision.objects.get()
    client.post(reverse("deployment:deploy"), {"revision": revision.number, "installer": Installer.objects.get().pk})
    job = settled(Deployment.objects.get().job)
    assert job.state == Job.State.SUCCEEDED, log(job)
    assert answers(port) == 200
    assert PASSWORD not in log(job)

    assert client.post(reverse("deployment:stop")).status_code == 302
    job = settled(Job.objects.filter(kind="stop").get())
    assert job.state == Job.State.SUCCEEDED, log(job)
    assert Host.objects.get().containers == []


def version() -> int:
    draft = current_draft()
    assert draft is not None
    return draft.version


def answer_all(client: Any, port: int, data: Path) -> None:
    """Answer the wizard's questions section by section, as its forms post them."""
    wanted = {
        "hostname": "registry.lab.example", "http.port": str(port), "harbor_admin_password": PASSWORD,
        "data_volume": str(data), "choose:tls": "nowhere", "database.password": "another password 2B",
    }  # fmt: skip
    for section in SECTIONS:
        text = client.get(reverse("configuration:section", args=[section.name])).content.decode()
        names = set(re.findall(r'name="([^"]+)"', text))
        answer = client.post(
            reverse("configuration:answer", args=[section.name]),
            {"version": version(), **{name: value for name, value in wanted.items() if name in names}},
        )
        assert answer.status_code == 302, (section.name, names, answer.content.decode()[-3000:])


class Clicks:
    """Presses the mouse and counts; what is typed is reached by the keyboard."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def __call__(self, what: Locator) -> None:
        self.made.append(str(what))
        what.click()


@pytest.mark.browser
def test_by_at_most_eight_clicks(
    page: Watched,  # noqa: F811
    live_server: Any,
    person: Callable[..., Any],
    engine: Path,  # noqa: F811
    host_worker: Any,
    tmp_path: Path,
) -> None:
    """A beginner who has just signed in, with an installer's archive at hand (issue 4, section 1)."""
    port, click = parts.free_port(), Clicks()
    looking.look()
    sign_in(page, live_server, person(Role.OPERATOR))

    page.goto(live_server.url)
    click(page.get_by_role("link", name="Configure Harbor"))
    with page.expect_file_chooser() as chooser:
        click(page.get_by_label("Archive", exact=True))
    chooser.value.set_files(str(engine))
    click(page.get_by_role("button", name="Upload installer"))
    expect(page.get_by_text("The installer is ready")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("harbor.yml.tmpl").first).to_be_visible()
    page.look_well()

    click(page.get_by_role("link", name="Answer the wizard’s questions"))
    expect(page.get_by_role("heading", name="A new Harbor")).to_be_visible()
    expect(page.get_by_label("Host name", exact=True)).to_be_focused()
    page.keyboard.type("registry.lab.example")
    page.keyboard.press("Tab")
    page.keyboard.type(str(port))
    expect(page.get_by_label("HTTP port", exact=True)).to_have_value(str(port))
    click(page.get_by_text("Nowhere", exact=True))
    expect(page.get_by_label("Certificate file", exact=True)).to_be_hidden()
    password = page.get_by_label("Password of admin", exact=True).input_value()
    assert len(password) > 20
    page.get_by_label("Data folder", exact=True).focus()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type(str(tmp_path / "data"))
    page.look_well()
    click(page.get_by_role("button", name="Save and go on to deploy"))
    expect(page.get_by_role("heading", name="What will happen")).to_be_visible()
    page.look_well()
    click(page.get_by_role("button", name="Deploy", exact=True))
    expect(page.get_by_role("heading", name="Deployment 1 of revision 1")).to_be_visible()
    expect(page.get_by_text("It runs and answers at")).to_be_visible(timeout=120_000)
    assert len(click.made) <= 8, click.made
    expect(page.get_by_role("row", name="practice-registry").get_by_text("healthy")).to_be_visible(timeout=20_000)
    page.look_well()
    assert answers(port) == 200
    assert password not in page.content()

    page.goto(live_server.url + reverse("deployment:home"))
    expect(page.locator("#standing")).to_have_text("Running")
    page.look_well()
    page.size(390, 844)
    page.look_well()
    page.size(1440, 900)
    page.locator("summary", has_text="Stop…").click()
    page.get_by_role("button", name="Stop the registry").click()
    expect(page.get_by_text("The registry is stopped.")).to_be_visible(timeout=60_000)
    page.goto(live_server.url + reverse("deployment:home"))
    page.get_by_role("button", name="Start the registry").click()
    expect(page.get_by_text("It runs again and answers at")).to_be_visible(timeout=60_000)
    assert answers(port) == 200
