"""The pages of backups, upgrades and dry runs in a real Chromium, wide and narrow, by keyboard and without barriers."""

from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from harborweb.accounts.roles import Role
from harborweb.deployment.dry_run import workshop as dry_runs
from harborweb.deployment.dry_run.comparing import compare, rotating
from harborweb.deployment.models import Backup, Deployment, DryRun, Installer, Upgrade
from harborweb.deployment.upgrade import workshop as upgrades
from harborweb.sealing import seal
from tests.browser import NARROW, WIDE, Watched, chromium, page, sign_in  # noqa: F401 - fixtures
from tests.configuration.test_merging import NEW, OLD, OURS
from tests.deployment.conftest import Site
from tests.deployment.test_dry_run import BEFORE, COMPOSE


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_a_person_decides_and_every_page_is_well(
    page: Watched,  # noqa: F811
    live_server: Any,
    person: Any,
    redis_settings: str,
    tmp_path: Any,
) -> None:
    site = Site(tmp_path / "opt" / "harbor", tmp_path / "data", 8080)
    made = site.deployment(site.text())
    Installer.objects.update(version="v2.13.1")
    Deployment.objects.update(began=True, outcome="deployed")
    made.refresh_from_db()
    installer = Installer.objects.create(source="folder", name="/new", path="/new", ready=True, version="v2.15.2")
    row = Upgrade.objects.create(before=made, installer=installer, who="ana")
    upgrades.keep(row, {"base": OLD, "ours": OURS, "theirs": NEW, "migrated": ""})
    Backup.objects.create(
        installer=made.installer, ready=timezone.now(), path="/backups/b.tar", sha256="ab" * 32, size=48_000_000,
        databases={"registry": 1}, registry="/data/registry", registry_bytes=183_000_000_000, who="ana",
    )  # fmt: skip
    after = BEFORE | {"docker-compose.yml": COMPOSE.replace(b"80:8080", b"8080:8080")}
    run = DryRun.objects.create(revision=made.revision, installer=installer, text_sealed=seal("a", "dry run"))
    dry_runs.keep(run, compare(BEFORE, after, rotating(after, after), []))
    sign_in(page, live_server, person(Role.ADMINISTRATOR))

    page.goto(live_server.url + reverse("deployment:upgrade", args=[row.pk]))
    group = page.get_by_role("group", name="log.level", exact=True)
    group.get_by_role("radio", name="The new default warning", exact=True).check()
    page.get_by_role("button", name="Keep these decisions", exact=True).click()
    expect(page.locator(".diff-line.add", has_text="level: warning")).to_be_visible()
    expect(group.get_by_role("radio", name="The new default warning", exact=True)).to_be_checked()
    row.refresh_from_db()
    assert row.decisions["log.level"] == "theirs"

    addresses = [
        reverse("deployment:upgrade", args=[row.pk]), reverse("deployment:upgrades"), reverse("deployment:backups"),
        reverse("deployment:dry_run", args=[run.pk]),
    ]  # fmt: skip
    for address in addresses:
        page.goto(live_server.url + address)
        for width, height in (WIDE, NARROW):
            page.size(width, height)
            page.look_well()
