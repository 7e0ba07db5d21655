"""What a deployment would change: files without what rotates, containers with the reason; nothing is touched."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from harborweb.accounts.roles import Role
from harborweb.configuration.models import Revision, fingerprint
from harborweb.configuration.services import start_draft
from harborweb.deployment.dry_run import workshop
from harborweb.deployment.dry_run.comparing import Found, compare, rotating
from harborweb.deployment.models import DryRun
from harborweb.jobs.models import Job
from harborweb.sealing import seal
from tests.deployment.conftest import Site, done, job, log
from tests.deployment.test_deploying import files

COMPOSE = b"""\
services:
  core:
    image: goharbor/core:v2.14.0
    container_name: harbor-core
    env_file: ./common/config/core/env
    volumes:
      - ./common/config/core/app.conf:/etc/core/app.conf:z
    environment:
      TOKEN: core-secret
  proxy:
    image: goharbor/nginx:v2.14.0
    container_name: nginx
    ports: [80:8080]
    volumes:
      - type: bind
        source: ./common/config/nginx
        target: /etc/nginx
  log:
    image: goharbor/log:v2.14.0
    container_name: harbor-log
"""
BEFORE = {
    "docker-compose.yml": COMPOSE,
    "common/config/core/env": b"CORE_SECRET=abcdefgh\nODD_ONE=qwertyui\nLOG_LEVEL=info\nADMIN_PASSWORD=old-password\n",
    "common/config/core/app.conf": b"level = info\n",
    "common/config/nginx/nginx.conf": b"listen 8080;\n",
    "common/config/registry/passwd": b"harbor:$2y$05$aaaaaaaaaaaa\n",
    "common/config/core/key.pem": b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
}
FIRST = BEFORE | {
    "common/config/core/env": b"CORE_SECRET=11111111\nODD_ONE=22222222\nLOG_LEVEL=info\nADMIN_PASSWORD=old-password\n",
    "common/config/registry/passwd": b"harbor:$2y$05$bbbbbbbbbbbb\n",
    "common/config/core/key.pem": b"-----BEGIN PRIVATE KEY-----\nBBBB\n-----END PRIVATE KEY-----\n",
}
SECOND = FIRST | {
    "common/config/core/env": b"CORE_SECRET=33333333\nODD_ONE=44444444\nLOG_LEVEL=info\nADMIN_PASSWORD=old-password\n",
    "common/config/registry/passwd": b"harbor:$2y$05$cccccccccccc\n",
    "common/config/core/key.pem": b"-----BEGIN PRIVATE KEY-----\nCCCC\n-----END PRIVATE KEY-----\n",
}
SECRETS = ["old-password", "new-password", "core-secret"]


def found(after: dict[str, bytes], again: dict[str, bytes] | None = None) -> Found:
    return compare(BEFORE, after, rotating(after, SECOND if again is None else again), SECRETS)


def states(result: Found) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {one.container: (one.state, one.reasons) for one in result.services}


def test_what_only_rotates_does_not_count() -> None:
    result = found(FIRST)
    assert result.files == ()
    assert {one.state for one in result.services} == {"same"}
    assert result.same == len(FIRST)


def test_a_changed_password_counts_and_is_not_shown() -> None:
    after = FIRST | {
        "common/config/core/env": FIRST["common/config/core/env"].replace(b"old-password", b"new-password")
    }
    again = SECOND | {
        "common/config/core/env": SECOND["common/config/core/env"].replace(b"old-password", b"new-password")
    }
    result = found(after, again)
    assert [one.path for one in result.files] == ["common/config/core/env"]
    said = str(result.record())
    assert (
        "ADMIN_PASSWORD=" in said and "old-password" not in said and "new-password" not in said and "1111" not in said
    )
    assert states(result)["harbor-core"] == ("changed", ("configuration: common/config/core/env",))
    assert states(result)["nginx"][0] == "same"


def test_why_containers_come_up_different() -> None:
    after = FIRST | {
        "docker-compose.yml": COMPOSE.replace(b"core:v2.14.0", b"core:v2.15.0").replace(b"80:8080", b"8080:8080")
        .replace(b"TOKEN: core-secret", b"TOKEN: other-secret").replace(b"  log:", b"  logger:"),
        "common/config/nginx/nginx.conf": b"listen 9090;\n",
        "common/config/nginx/more.conf": b"x\n",
    }  # fmt: skip
    result = found(after, SECOND | {name: after[name] for name in after if FIRST.get(name) != after[name]})
    assert states(result) == {
        "harbor-core": ("changed", ("environment: TOKEN", "image: goharbor/core:v2.14.0 → goharbor/core:v2.15.0")),
        "nginx": (
            "changed",
            (
                "ports: 80:8080 → 8080:8080", "configuration: common/config/nginx/more.conf",
                "configuration: common/config/nginx/nginx.conf",
            ),
        ),
        "harbor-log": ("new", ("goharbor/log:v2.14.0",)),
    }  # fmt: skip
    assert {one.path: one.state for one in result.files}["common/config/nginx/more.conf"] == "new"
    assert [one.state for one in result.services if one.name == "log"] == ["gone"]


def test_a_first_deployment_and_files_that_are_no_text() -> None:
    after = {"docker-compose.yml": COMPOSE, "common/config/blob": b"\xff\xfe\x00"}
    result = compare({}, after, rotating(after, after), [])
    assert result.first and {one.state for one in result.services} == {"new"}
    assert {one.path: one.diff is None for one in result.files} == {
        "common/config/blob": True, "docker-compose.yml": False,
    }  # fmt: skip


@pytest.mark.parametrize("odd", [b"", b"- a\n", b"services: 3\n", b"services: {a: b}\n", b"\xff", b"a: [\n"])
def test_an_odd_compose_file_names_no_services(odd: bytes) -> None:
    after = {"docker-compose.yml": odd}
    assert compare({}, after, rotating(after, after), []).services == ()


def test_what_was_found_is_kept_whole() -> None:
    after = BEFORE | {"common/config/core/app.conf": b"level = debug\nmore\n"}
    result = compare(BEFORE, after, rotating(after, after), [])
    kept = Found.of(json.loads(json.dumps(result.record())))
    assert (kept.services, kept.same) == (result.services, result.same)
    kept_diff, diff = kept.files[0].diff, result.files[0].diff
    assert kept_diff is not None and diff is not None
    assert [hunk.lines for hunk in kept_diff.hunks] == [hunk.lines for hunk in diff.hunks]
    assert (kept_diff.added, kept_diff.removed) == (2, 1)


# --- on a real engine


@pytest.mark.docker
@pytest.mark.django_db(transaction=True)
def test_a_dry_run_tells_and_touches_nothing(site: Site, as_role: Any, redis_settings: str) -> None:
    first = site.deploy(site.text())
    assert first.state == Job.State.SUCCEEDED, log(first)
    before = files(site.folder)
    client = as_role(Role.OPERATOR)

    settled, page = _dry_run(client, site, site.text())
    assert settled.state == Job.State.SUCCEEDED, log(settled)
    assert settled.result["files"] == 0
    assert "Nothing would differ but the secrets" in page

    text = site.text(port=f"  port: {site.port + 1}", password="harbor_admin_password: never-seen-before")
    settled, page = _dry_run(client, site, text)
    assert settled.state == Job.State.SUCCEEDED, log(settled)
    assert "docker-compose.yml" in page and f"{site.port + 1}:8080" in page
    assert "practice-front" in page and "never-seen-before" not in page and "s3cret" not in page
    assert "never-seen-before" not in log(settled)

    settled, page = _dry_run(client, site, site.text(hostname="hostname: 127.0.0.1"))
    assert settled.state == Job.State.FAILED
    assert "127.0.0.1 can not be the hostname" in settled.error + log(settled)
    assert files(site.folder) == before
    assert site.answers() == 200


def _dry_run(client: Any, site: Site, text: str) -> tuple[Job, str]:
    """Ask for it as the deploy page does, do it, and read its page."""
    number = Revision.objects.count() + 1
    Revision.objects.create(
        number=number, text_sealed=seal(text, "revision"), template_sealed=seal(text, "revision"),
        from_installer=True, digest=fingerprint(text), who_name="test", origin="test",
    )  # fmt: skip
    data = {"revision": number, "installer": site.installer().pk}
    answer = client.post(reverse("deployment:dry_run_start"), data)
    row = DryRun.objects.first()
    assert row is not None and row.job is not None
    assert answer["Location"] == reverse("deployment:dry_run", args=[row.pk])
    Job.objects.filter(pk=row.job.pk).update(state=Job.State.REQUESTED, finished=None)
    settled = done(row.job, workshop.dry_run)
    return settled, client.get(answer["Location"]).content.decode()


@pytest.mark.django_db
def test_a_dry_run_of_the_draft(as_role: Any, redis_settings: str, tmp_path: Path) -> None:
    client = as_role(Role.OPERATOR)
    answer = client.post(reverse("deployment:dry_run_draft_start"), follow=True)
    assert "There is no installer." in answer.content.decode()
    site = Site(tmp_path / "harbor", tmp_path / "data", 1)
    site.installer()
    start_draft(site.text(), origin="test")
    answer = client.post(reverse("deployment:dry_run_draft_start"))
    row = DryRun.objects.get()
    assert (row.revision, row.text()) == (None, site.text())
    assert "s3cret" not in bytes(row.text_sealed).decode()
    page = client.get(answer["Location"]).content.decode()
    assert "Dry run of the draft" in page


@pytest.mark.django_db
def test_two_things_at_a_time_are_refused(as_role: Any, redis_settings: str, tmp_path: Path) -> None:
    site = Site(tmp_path / "harbor", tmp_path / "data", 1)
    made = site.deployment(site.text())
    busy = job("backup")
    Job.objects.filter(pk=busy.pk).update(exclusive="host", title="Back up something")
    answer = as_role(Role.OPERATOR).post(
        reverse("deployment:dry_run_start"), {"revision": made.revision.number, "installer": made.installer.pk}
    )
    assert answer.status_code == 409
    assert "Back up something" in answer.content.decode()
    assert not DryRun.objects.exists()
