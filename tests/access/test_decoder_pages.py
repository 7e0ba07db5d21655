"""The page of the error decoder."""

import logging
import os
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from harborweb.access.decoder.engine import LIMIT
from harborweb.accounts.roles import Role
from harborweb.registry.models import Registry
from tests.access.messages import CRI
from tests.browser import NARROW, WIDE, Watched, chromium, page, sign_in  # noqa: F401 - fixtures

PICTURES = os.environ.get("HARBORWEB_PICTURES")  # a folder, for looking at them
SAID = (
    "$ docker login -u robot+ci -p SECRET1 harbor.lab.example\n"
    'Error response from daemon: Get "https://harbor.lab.example/v2/": tls: failed to verify certificate: x509: '
    "certificate signed by unknown authority\n"
)


def test_a_paste_is_answered_with_this_harbors_name(as_role: Any) -> None:
    Registry.objects.create(name="lab", url="https://harbor.lab.example")
    answer = as_role(Role.VIEWER).post("/access/decoder/", {"paste": SAID})
    text = answer.content.decode()
    assert answer.status_code == 200
    assert [card.finding.message.key for card in answer.context["reading"].cards] == [
        "x509-unknown-authority", "robot-name-eaten",
    ]  # fmt: skip
    assert "openssl s_client -connect harbor.lab.example:443" in text
    assert "<mark>x509: certificate signed by unknown authority" in text
    assert 'href="/access/kit/"' in text
    assert "no-store" in answer["Cache-Control"]


def test_nothing_of_a_paste_is_kept_or_shown_in_the_clear(as_role: Any, caplog: Any) -> None:
    client = as_role(Role.VIEWER)
    with (
        caplog.at_level(logging.DEBUG),
        CaptureQueriesContext(
            connection,
        ) as queries,
    ):
        answer = client.post("/access/decoder/", {"paste": SAID})
    assert "SECRET1" not in answer.content.decode() and "•••" in answer.content.decode()
    assert "SECRET1" not in caplog.text and "robot+ci" not in caplog.text
    writing = [one["sql"] for one in queries if not one["sql"].startswith(("SELECT", "BEGIN", "SAVEPOINT", "RELEASE"))]
    assert writing == []


def test_what_is_not_known_is_said_with_lines_to_go_on(as_role: Any) -> None:
    Registry.objects.create(name="lab", url="https://harbor.lab.example")
    text = as_role(Role.VIEWER).post("/access/decoder/", {"paste": "the cat sat on the mat"}).content.decode()
    assert "skopeo --debug inspect docker://harbor.lab.example/library/app:1.0" in text
    assert "<pre><code></code></pre>" not in text


def test_a_line_for_a_file_is_none_for_a_shell(as_role: Any) -> None:
    said = "error parsing HTTP 413 response body: Request Entity Too Large"
    text = as_role(Role.VIEWER).post("/access/decoder/", {"paste": said}).content.decode()
    assert "<code>client_max_body_size 0;</code>" in text
    assert "In nginx’s configuration" in text and "In a shell" not in text


def test_an_address_carries_no_paste(as_role: Any) -> None:
    answer = as_role(Role.VIEWER).get("/access/decoder/", {"paste": SAID})
    assert "reading" not in answer.context and "unknown authority" not in answer.content.decode()


def test_what_is_pasted_stays_text(as_role: Any) -> None:
    hostile = (
        '<script>alert(1)</script> unknown blob </code></pre><img src=x onerror=alert(2)> {{ form }} {% now "Y" %}'
    )
    text = as_role(Role.VIEWER).post("/access/decoder/", {"paste": hostile}).content.decode()
    assert "<script>alert" not in text and "<img src=x" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text and "{{ form }}" in text


@pytest.mark.parametrize("paste", ["", "   ", "x" * (LIMIT + 1)], ids=["empty", "blank", "long"])
def test_nothing_and_too_much_are_refused_at_the_field(as_role: Any, paste: str) -> None:
    answer = as_role(Role.VIEWER).post("/access/decoder/", {"paste": paste})
    assert answer.status_code == 422
    assert answer.context["form"].errors["paste"]
    assert len(answer.content) < 100_000


def test_what_is_not_known_is_said_with_a_way_on(as_role: Any) -> None:
    answer = as_role(Role.VIEWER).post("/access/decoder/", {"paste": "flux capacitor failure"})
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "so nothing is guessed" in text and "journalctl -u docker" in text


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_it_looks_well(page: Watched, live_server: Any, person: Any) -> None:  # noqa: F811
    Registry.objects.create(name="lab", url="https://127.0.0.1:9")  # the top bar asks it
    sign_in(page, live_server, person(Role.VIEWER))
    for name, paste in {
        "empty": "", "two": SAID, "unknown": "flux capacitor failure",
        "cluster": f"Warning  Failed  8s  kubelet  {CRI}insufficient_scope: authorization failed\n" * 3,
    }.items():  # fmt: skip
        page.goto(live_server.url + "/access/decoder/")
        if paste:
            page.get_by_label("What the client said").fill(paste)
            page.get_by_role("button", name="Decode").click()
            page.get_by_role("heading", name="What was pasted").wait_for()
            assert page.url.endswith("/access/decoder/")
        page.wait_for_load_state("networkidle")
        assert page.barriers() == []
        for size, scheme in ((WIDE, "light"), (WIDE, "dark"), (NARROW, "light"), (NARROW, "dark")):
            page.size(*size, scheme)
            page.look_well()
            if PICTURES:
                page.screenshot(path=Path(PICTURES) / f"decoder-{name}-{size[0]}-{scheme}.png", full_page=True)
        page.size(*WIDE)
