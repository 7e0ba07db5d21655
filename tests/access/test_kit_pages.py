"""The page and the download of the client kit."""

import io
import os
import stat
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from harborweb.access.kit.folder import entries, packed
from harborweb.access.kit.services import MAKERS, guides
from harborweb.access.kit.target import Cache, Target
from harborweb.accounts.roles import Role
from harborweb.registry.models import Registry
from tests.browser import NARROW, WIDE, Watched, chromium, page, sign_in  # noqa: F401 - fixtures
from tests.registry.tls import authority

PICTURES = os.environ.get("HARBORWEB_PICTURES")  # a folder, for looking at them
ASKED = "project=team&robot=robot%24team%2Bci&repository=web/front&tag=2.1&cache=hub&upstream=docker.io"


@pytest.fixture
def lab(db: None, tmp_path: Path) -> Registry:
    ca_pem = authority(tmp_path / "ca").ca_pem
    return Registry.objects.create(name="lab", url="https://harbor.lab.example:8443", ca_pem=ca_pem)


def test_without_a_harbor_the_page_says_what_to_do(as_role: Any) -> None:
    answer = as_role(Role.VIEWER).get("/access/kit/")
    assert answer.status_code == 200
    assert "There is no Harbor to set a client up for" in answer.content.decode()
    assert as_role(Role.SIGNER).get("/access/kit/folder/").status_code == 404


@pytest.mark.parametrize("tool", list(MAKERS))
def test_every_tool_has_its_page(as_role: Any, lab: Registry, tool: str) -> None:
    answer = as_role(Role.VIEWER).get(f"/access/kit/?tool={tool}&{ASKED}")
    text = answer.content.decode()
    assert answer.status_code == 200
    assert answer.context["guide"].tool == tool
    if tool != "system":
        assert "harbor.lab.example:8443" in text and "team" in text
    assert "password" not in [field.name for field in answer.context["form"]]


def test_what_cannot_be_stands_at_its_field(as_role: Any, lab: Registry) -> None:
    answer = as_role(Role.VIEWER).get("/access/kit/?tool=podman&project=Team;id&repository=app&tag=1.0")
    assert answer.status_code == 422
    assert "is no project’s name" in answer.context["form"].errors["project"][0]
    assert "Team;id" not in "".join(answer.content.decode().split("<code>")[1:])
    assert as_role(Role.SIGNER).get("/access/kit/folder/?project=Team").status_code == 404
    assert as_role(Role.OPERATOR).get("/access/kit/folder/?tool=nosuch").status_code == 404


def test_the_ca_of_another_registry_is_not_taken(as_role: Any, lab: Registry) -> None:
    text = as_role(Role.VIEWER).get("/access/kit/").content.decode()
    assert "BEGIN CERTIFICATE" in text
    lab.ca_pem = ""
    lab.save()
    text = as_role(Role.SIGNER).get("/access/kit/").content.decode()
    assert "BEGIN CERTIFICATE" not in text and "knows no authority" in text


@pytest.mark.parametrize(("form", "ending"), [("tar", ".tar.gz"), ("zip", ".zip")])
def test_the_download(as_role: Any, lab: Registry, form: str, ending: str) -> None:
    client = as_role(Role.VIEWER)
    address = f"/access/kit/folder/?form={form}&tool=all&{ASKED}"
    answer = client.get(address)
    assert answer["Content-Disposition"] == (
        f"attachment; filename=harbor-client-kit-harbor.lab.example-8443-all{ending}"
    )
    assert answer.content == client.get(address).content  # the same answers, the same bytes
    found = unpacked(form, answer.content)
    host = "harbor.lab.example:8443"
    for name, mode in {
        "README.md": 0o644, "harbor-ca.crt": 0o644, "podman/README.md": 0o644,
        f"docker/files/etc/docker/certs.d/{host}/ca.crt": 0o644,
        f"containerd/files/etc/containerd/certs.d/{host}/hosts.toml": 0o644,
        "k3s/files/etc/rancher/k3s/registries.yaml": 0o600, "kubernetes/harbor-pull.yaml": 0o600,
        "helm/harbor-ca.crt": 0o644,
    }.items():  # fmt: skip
        assert found[f"harbor-client-kit/{name}"][1] == mode, name
    assert b"rewrite" in found["harbor-client-kit/k3s/files/etc/rancher/k3s/registries.yaml"][0]
    assert all(name.startswith("harbor-client-kit/") and ".." not in name.split("/") for name in found)
    assert b"podman login --username 'robot$team+ci'" in found["harbor-client-kit/podman/README.md"][0]


def unpacked(form: str, content: bytes) -> dict[str, tuple[bytes, int]]:
    if form == "zip":
        with zipfile.ZipFile(io.BytesIO(content)) as files:
            return {one.filename: (files.read(one), stat.S_IMODE(one.external_attr >> 16)) for one in files.infolist()}
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        members = [one for one in tar if one.isfile()]
        assert {(one.uid, one.gid, one.uname) for one in members} == {(0, 0, "")}
        return {one.name: (tar.extractfile(one).read(), one.mode) for one in members}  # type: ignore[union-attr]


def test_one_tool_brings_only_its_own_folder() -> None:
    target = Target("http://harbor.lab.example")
    found = entries(target, [guides(target)[1]])
    assert {name.split("/")[1] for name in found} == {"README.md", "podman"}
    assert packed("zip", target, guides(target)) != packed("zip", Target("http://other.example"), guides(target))
    cached = Target("http://harbor.lab.example", cache=Cache("hub"))
    assert len(entries(cached, guides(cached))) > len(entries(target, guides(target)))


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_it_looks_well(page: Watched, live_server: Any, person: Any, lab: Registry) -> None:  # noqa: F811
    lab.url = "https://127.0.0.1:9"  # the top bar asks it: nothing outside this machine is reached
    lab.save()
    sign_in(page, live_server, person(Role.ADMINISTRATOR))
    for tool, asked in {"docker": ASKED, "k3s": ASKED, "system": "", "podman": "project=No;"}.items():
        page.goto(f"{live_server.url}/access/kit/?tool={tool}&{asked}")
        page.wait_for_load_state("networkidle")
        assert page.barriers() == []
        for size, scheme in ((WIDE, "light"), (WIDE, "dark"), (NARROW, "light"), (NARROW, "dark")):
            page.size(*size, scheme)
            page.look_well()
            if PICTURES:
                page.screenshot(path=Path(PICTURES) / f"kit-{tool}-{size[0]}-{scheme}.png", full_page=True)
    page.size(*WIDE)
    page.get_by_label("Project", exact=True).fill("other")
    page.get_by_role("button", name="Fill in").click()
    page.get_by_text("podman pull 127.0.0.1:9/other/app:1.0").wait_for()
    with page.expect_download() as found:
        page.get_by_role("link", name="Download: Podman").click()
    assert found.value.suggested_filename == "harbor-client-kit-127.0.0.1-9-podman.tar.gz"
