"""The doctor's page: who may ask, what the job keeps, what the page shows and what it never shows."""

import dataclasses
import html
import re
from typing import Any

import pytest
from django.urls import reverse

from harborweb import sealing
from harborweb.access.board import workshop as board
from harborweb.access.board.judging import judge
from harborweb.access.board.views_of import Column
from harborweb.access.doctor import services, workshop
from harborweb.access.place import Place
from harborweb.accounts.models import Activity
from harborweb.accounts.roles import Role
from harborweb.deployment.wanted import read
from harborweb.jobs.models import Job
from harborweb.jobs.run import perform
from harborweb.registry.models import PASSWORD_PURPOSE, Registry
from tests.access.doctor.conftest import PROJECT, QUICK, Proxy
from tests.access.doctor.test_broken import PROTO

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "/access/doctor/"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' own patience."""
    monkeypatch.setattr(workshop, "BOUNDS", QUICK)


def known(proxy: Proxy, url: str) -> Registry:
    """The registry at `url`, with the administrator's password."""
    name, password = proxy.harbor.admin
    return Registry.objects.create(
        name="lab", url=url, username=name, password_sealed=sealing.seal(password, PASSWORD_PURPOSE),
        ca_pem=proxy.seals.ca_pem,
    )  # fmt: skip


def examined(client: Any, proxy: Proxy, *mends: tuple[str, str]) -> Job:
    """A click on the button, and the work of both workers."""
    front = proxy.front()
    proxy.harbor.state.external_url = front.url
    known(proxy, front.url)
    with proxy.behind(front, *mends):
        answer = client.post(f"{PAGE}ask/", {"project": PROJECT, "at": "127.0.0.1", "resolver": ""})
        assert (answer.status_code, answer["Location"]) == (302, PAGE)
        job = Job.objects.get(kind="doctor")
        perform(job.pk, workshop.examine)
        perform(Job.objects.get(kind="board").pk, board.look)
    job.refresh_from_db()
    assert job.state == Job.State.SUCCEEDED, (job.error, job.advice)
    return job


def test_a_missing_scheme_header_from_click_to_page(as_role: Any, proxy: Proxy, redis_settings: str) -> None:
    client = as_role(Role.SIGNER)
    job = examined(client, proxy, (PROTO, ""))
    assert job.steps == 8 and job.queue == "default"
    text = client.get(PAGE).content.decode()
    assert "docker push fails" in text
    assert "The proxy does not tell Harbor that people come over https." in text
    assert "<mark>http://</mark>registry.lab.test" in text
    assert "proxy_set_header X-Forwarded-Proto $scheme;" in text
    assert "nginx -t &amp;&amp; systemctl reload nginx" in text
    assert Activity.objects.filter(action="ask doctor").count() == 1
    assert "RequestHeader set X-Forwarded-Proto https" in client.get(f"{PAGE}?proxy=apache").content.decode()
    report = client.get(reverse("access:doctor_report", args=[job.pk]))
    assert report["Content-Type"].startswith("text/plain")
    assert "[Reverse proxy] The proxy does not tell Harbor" in report.content.decode()


def test_no_secret_is_kept_or_shown(as_role: Any, proxy: Proxy, redis_settings: str) -> None:
    client = as_role(Role.SIGNER)
    job = examined(client, proxy)
    kept = repr((job.result, job.arguments)) + "".join(job.log.values_list("text", flat=True))
    shown = (
        client.get(PAGE).content.decode() + client.get(reverse("access:doctor_report", args=[job.pk])).content.decode()
    )
    for text in (kept, shown):
        assert proxy.harbor.admin[1] not in text
        assert "eyJ" not in text  # how each token begins
        assert "_state=" not in text


def test_everybody_reads_and_signers_ask(as_role: Any, proxy: Proxy, redis_settings: str) -> None:
    known(proxy, "https://registry.lab.test")
    viewer = as_role(Role.VIEWER)
    text = viewer.get(PAGE).content.decode()
    assert "Nobody has asked yet" in text and "doctor/ask" not in text
    assert viewer.post(f"{PAGE}ask/").status_code == 403
    assert "doctor/ask" in as_role(Role.SIGNER).get(PAGE).content.decode()


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("project", "../x", "is no project name"),
        ("at", "registry.lab.test", "is no address"),
        ("at", "169.254.169.254", "can have the address"),
        ("at", "[::ffff:169.254.169.254]", "can have the address"),
        ("at", "0.0.0.0", "can have the address"),
        ("resolver", "dns.example", "is no name server"),
        ("resolver", "9.9.9.9:0", "is no name server"),
    ],
)  # fmt: skip
def test_wishes_that_are_none(
    as_role: Any, proxy: Proxy, redis_settings: str, field: str, value: str, says: str
) -> None:
    known(proxy, "https://registry.lab.test")
    client = as_role(Role.SIGNER)
    client.post(f"{PAGE}ask/", {"project": PROJECT, "at": "", "resolver": "", field: value})
    assert not Job.objects.exists()
    assert says in client.get(PAGE).content.decode()


def test_without_a_harbor_there_is_nothing_to_ask(as_role: Any, redis_settings: str) -> None:
    client = as_role(Role.SIGNER)
    assert "There is no Harbor to ask" in client.get(PAGE).content.decode()
    client.post(f"{PAGE}ask/", {"project": ""})
    assert not Job.objects.exists()


def test_a_second_click_gets_the_job_that_waits(as_role: Any, proxy: Proxy, redis_settings: str) -> None:
    known(proxy, "https://registry.lab.test")
    client = as_role(Role.SIGNER)
    for _ in range(2):
        client.post(f"{PAGE}ask/", {"project": ""})
    assert sorted(Job.objects.values_list("kind", "queue")) == [("board", "host"), ("doctor", "default")]


def test_credentials_of_another_address_stay_at_home(proxy: Proxy) -> None:
    """A registry that moved: its password belongs to the address it was typed for."""
    registry = known(proxy, "https://elsewhere.lab.test")
    job = Job.objects.create(
        kind="doctor", title="t", subject="s", queue="default", task="t",
        arguments={"target": {"url": "https://127.0.0.1:1"}, "registry": registry.pk},
    )  # fmt: skip
    perform(job.pk, workshop.examine)
    job.refresh_from_db()
    assert job.state == Job.State.SUCCEEDED
    who, ca = workshop._credentials(_Run(), registry, services.Target("https://127.0.0.1:1"))
    assert (who.username, who.password, bool(ca)) == ("", "", True)


class _Run:
    """What `_credentials` asks of a run."""

    def secret(self, value: str) -> None:
        self.known = value

    def line(self, text: str) -> None:
        raise AssertionError(text)


def test_the_visitor_is_seen_as_they_come(as_role: Any, redis_settings: str) -> None:
    seen = as_role(Role.VIEWER).get("/access/board/visitor/", REMOTE_ADDR="192.168.20.7").json()
    assert seen == {"address": "192.168.20.7", "scheme": "http", "host": "testserver"}


def test_the_board_says_which_rewrite_cures_hairpin_nat(as_role: Any, proxy: Proxy, redis_settings: str) -> None:
    client = as_role(Role.SIGNER)
    job = examined(client, proxy)
    look = Job.objects.get(kind="board")
    fine = {"verdict": "fine", "words": "192.168.20.5", "note": ""}
    away = {"verdict": "fine", "words": "203.0.113.40", "note": ""}
    shut = {"verdict": "wrong", "words": "no answer in 5 s", "note": ""}
    columns = [
        {**look.result["columns"][0], "addresses": ["192.168.20.5"], "cells": {"address": fine}},
        {"place": "container", "title": "Container nginx", "addresses": ["203.0.113.40"], "open": False, "reason": "",
         "cells": {"address": away, "port": shut}},
    ]  # fmt: skip
    seen = [Column("host", "", ["192.168.20.5"], True), Column("container", "", ["203.0.113.40"], False)]
    found = judge(seen, ["192.168.20.14"], "192.168.20.5", "192.168.20.1")
    look.result = {**look.result, "columns": columns, "findings": [dataclasses.asdict(one) for one in found]}
    look.save()
    text = client.get(PAGE).content.decode()
    assert "your router does not let that come back" in text
    assert "{&quot;dns&quot;: [&quot;192.168.20.1&quot;]}" in text or '{"dns": ["192.168.20.1"]}' in text
    assert "containers get 203.0.113.40" in text
    entry = re.search(r'href="(/access/names/[^"]+)"', text.partition('id="board"')[2])
    assert entry is not None
    page = client.get(html.unescape(entry[1]))
    assert page.status_code == 200 and "192.168.20.5" in page.content.decode()
    assert "containers get" not in client.get(reverse("access:doctor_one", args=[job.pk])).content.decode()


@pytest.mark.parametrize(
    ("yml", "url", "direct", "lan"),
    [
        ("hostname: 192.168.20.14\nhttp:\n  port: 8080\nexternal_url: https://registry.lab.test",
         "https://registry.lab.test", "http://192.168.20.14:8080", "192.168.20.14"),
        ("hostname: registry.lab.test\nhttps:\n  port: 8443\nexternal_url: https://registry.lab.test",
         "https://registry.lab.test", "https://registry.lab.test:8443", ""),
        ("hostname: registry.lab.test\nhttps:\n  port: 443", "https://registry.lab.test", "", ""),
        ("hostname: registry.lab.test\nhttps:\n  port: 443\nexternal_url: https://registry.lab.test",
         "https://registry.lab.test", "", ""),
    ],
)  # fmt: skip
def test_harbors_own_address_behind_the_proxy(yml: str, url: str, direct: str, lan: str) -> None:
    wanted = read(yml)
    place = Place(url, wanted)
    aim = services.target(place, services.Wishes())
    assert (aim.url, aim.direct, aim.external_url, services.lan(place)) == (url, direct, url, lan)
    assert aim.repository == "library/harborweb-doctor"
