"""From what runs to a newer installer: prepared on copies, merged, backed up first, and back to the old folder."""

import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from harborweb.accounts.roles import Role
from harborweb.configuration.models import Revision
from harborweb.configuration.text.document import Document
from harborweb.deployment import deploying, looking
from harborweb.deployment.models import Backup, Deployment, Installer, Upgrade
from harborweb.deployment.upgrade import migrating, services, workshop
from harborweb.deployment.upgrade.versions import way
from harborweb.jobs.models import Job
from tests.deployment.conftest import Site, done, log
from tests.deployment.test_deploying import files

SCRIPT = """\
# Run prepare script
docker run --rm -v $input_dir:/input \\
                -v $data_path:/data \\
                -v $harbor_prepare_path:/compose_location \\
                -v $config_dir:/config \\
                -v /:/hostfs \\
                --privileged \\
                goharbor/prepare:v2.15.2 prepare $@
"""


@pytest.mark.parametrize(
    ("old", "new", "kind", "asks"),
    [
        ("v2.13.1", "v2.15.2", "upgrade", False), ("v2.14.0", "v2.15.0", "upgrade", False),
        ("v2.15.0", "v2.15.2", "patch", False), ("v2.15.2", "v2.15.2", "same", False),
        ("v2.12.4", "v2.15.0", "far", True), ("v2.15.0", "v2.14.3", "downgrade", True),
        ("v2.15.2", "v2.15.1", "downgrade", True), ("v1.10.0", "v2.1.0", "far", True),
        ("", "v2.15.0", "unknown", True), ("v2.15.0", "dev", "unknown", True),
        ("v2.14.0-rc1", "v3.0.0", "far", True), ("v2.9.0", "v2.10.0", "upgrade", False),
    ],
)  # fmt: skip
def test_which_version_may_follow_which(old: str, new: str, kind: str, asks: bool) -> None:
    found = way(old, new)
    assert (found.kind, found.asks) == (kind, asks)
    assert found.title and found.text and "%(" not in found.title + found.text


def test_a_way_that_is_too_far_names_the_version_between() -> None:
    assert "2.13" in way("v2.11.0", "v2.15.0").title
    assert "2.13" in way("v2.11.0", "v2.15.0").text


@pytest.mark.parametrize(
    ("script", "image", "words"),
    [
        (SCRIPT, "goharbor/prepare:v2.15.2", ("prepare",)),
        ('docker run -v "a:/b" mirror.lab:5000/goharbor/prepare:v2.15.2 prepare "$@"\n',
         "mirror.lab:5000/goharbor/prepare:v2.15.2", ("prepare",)),
        ('docker run x/prepare:v1-0a1b /practice prepare "$@"', "x/prepare:v1-0a1b", ("/practice", "prepare")),
        ("docker run goharbor/prepare:v2.15.2 prepare $*", "goharbor/prepare:v2.15.2", ("prepare",)),
    ],
)  # fmt: skip
def test_the_image_is_read_from_the_prepare_script(script: str, image: str, words: tuple[str, ...]) -> None:
    assert migrating.call(script) == migrating.Call(image, words)


@pytest.mark.parametrize("script", ["", "python3 prepare.py", "docker run goharbor/prepare:v2.15.2 other $@"])
def test_a_script_of_another_manner_is_known_as_that(script: str) -> None:
    assert migrating.call(script) is None


@pytest.mark.parametrize("value", ["a: b", "# no comment", "'", 'double " quote', "null", "007", " spaces ", "x" * 300])
def test_migrate_sees_words_for_secrets_and_for_what_needs_quotes(value: str) -> None:
    text = Document("hostname: a\nharbor_admin_password: x\nproxy:\n  note: x\nport: 80\n")
    for key in ("harbor_admin_password", "proxy.note"):
        text = text.set(key, value)
    copy, words = migrating.disguised(text.text)
    document = Document(copy)
    assert document.get("harbor_admin_password") in words
    rendered = "\n".join(f"{key}: {document.get(key)}" for key in ("harbor_admin_password", "port"))
    found = Document(migrating.revealed(f"{rendered}\nurl: x://{document.get('proxy.note')}@y\n", words))
    assert (found.get("harbor_admin_password"), found.get("port")) == (value, 80)
    assert found.get("url") == f"x://{value}@y"


# --- on a real engine

OLD_TEMPLATE = """\
hostname: reg.mydomain.com
http:
  port: 80
harbor_admin_password: Harbor12345
database:
  password: root123
data_volume: /data
jobservice:
  workers: 10
log:
  level: info
_version: 2.13.0
"""
NEW_TEMPLATE = """\
hostname: reg.mydomain.com
http:
  port: 80
harbor_admin_password: Harbor12345
database:
  password: root123
  # how long a connection lives
  conn_max_lifetime: 5m
data_volume: /data
jobservice:
  # Was called workers
  max_job_workers: 20
log:
  level: warning
# metric:
#   enabled: false
_version: 2.15.0
"""


class Two:
    """A site that runs an old version with a commented harbor.yml, and a new installer in another folder."""

    def __init__(self, site: Site, tmp_path: Path) -> None:
        self.site = site
        (site.folder / "harbor.yml.tmpl").write_text(OLD_TEMPLATE)
        self.new = tmp_path / "opt-new" / "harbor"
        shutil.copytree(site.folder, self.new, symlinks=True)
        (self.new / "harbor.yml.tmpl").write_text(NEW_TEMPLATE)
        self.text = (
            "# Ana's Harbor, since 2019\n"
            + site.text().replace("_version: 2.15.0\n", "jobservice:\n  workers: 7 # enough\nlog:\n  level: info\n")
            + "mine: kept # of ours\n_version: 2.13.0\n"
        )
        installer = site.installer()
        Installer.objects.filter(pk=installer.pk).update(version="v2.13.1")
        self.installer = Installer.objects.create(
            source="folder", name=str(self.new), path=str(self.new), ready=True, version="v2.15.0"
        )
        first = site.deploy(self.text)
        assert first.state == Job.State.SUCCEEDED, log(first)
        self.before = files(site.folder)


@pytest.fixture
def two(site: Site, tmp_path: Path, redis_settings: str) -> Two:
    """See Two."""
    return Two(site, tmp_path)


def _work(job: Job | None, work: Any) -> Job:
    """Do a job that nobody listens for."""
    assert job is not None
    Job.objects.filter(pk=job.pk).update(state=Job.State.REQUESTED, finished=None)
    return done(job, work)


def _planned(client: Any, two: Two) -> Upgrade:
    answer = client.post(reverse("deployment:upgrade_start"), {"installer": two.installer.pk})
    row = Upgrade.objects.get()
    assert answer["Location"] == reverse("deployment:upgrade", args=[row.pk])
    settled = _work(row.job, workshop.plan)
    assert settled.state == Job.State.SUCCEEDED, log(settled)
    row.refresh_from_db()
    return row


def _runs_from() -> str:
    command = ["docker", "inspect", "-f", '{{index .Config.Labels "com.docker.compose.project.working_dir"}}']
    return subprocess.run([*command, "practice-front"], capture_output=True, text=True).stdout.strip()


@pytest.mark.docker
@pytest.mark.django_db(transaction=True)
def test_an_upgrade_and_the_way_back(two: Two, as_role: Any) -> None:
    client = as_role(Role.OPERATOR)
    page = client.get(reverse("deployment:upgrades")).content.decode()
    assert "From v2.13.1 to v2.15.0: Harbor supports this way." in page
    row = _planned(client, two)
    assert (row.migrate_note, files(two.site.folder)) == ("", two.before)
    assert not (two.new / "harbor.yml").exists()

    merged = services.merged(row)
    assert merged is not None
    document = Document(merged.text)
    assert merged.text.startswith("# Ana's Harbor, since 2019\n")
    assert "mine: kept # of ours\n" in merged.text and "  # workers: 7 # enough\n" in merged.text
    assert (document.get("jobservice.max_job_workers"), document.get("_version")) == (7, "2.15.0")
    assert "  # how long a connection lives\n  conn_max_lifetime: 5m\n" in merged.text
    kinds = {item.key: item.kind for item in merged.items}
    assert kinds["mine"] == "dropped" and kinds["log.level"] == "default"
    assert kinds["jobservice.max_job_workers"] == "moved"

    page = client.get(reverse("deployment:upgrade", args=[row.pk])).content.decode()
    for said in ("Would be lost by prepare migrate", "No backup younger than an hour", "was jobservice.workers"):
        assert said in page
    assert "s3cret" not in page and "db-pass-root123" not in page
    client.post(reverse("deployment:upgrade_decide", args=[row.pk]), {"decide:log.level": "ours", "decide:x": "theirs"})
    row.refresh_from_db()
    assert row.decisions == {"log.level": "ours"}

    go = reverse("deployment:upgrade_go", args=[row.pk])
    answer = client.post(go)
    assert answer.status_code == 409
    assert "There is no backup of what runs that is younger than an hour." in answer.content.decode()
    assert Revision.objects.count() == 1
    backup = Backup.objects.create(installer=row.before.installer, ready=timezone.now(), path="/backups/b.tar")
    assert client.post(go)["Location"] == reverse("deployment:detail", args=[2])
    deployment = Deployment.objects.get(number=2)
    settled = _work(deployment.job, deploying.deploy)
    assert settled.state == Job.State.SUCCEEDED, log(settled)
    assert (_runs_from(), two.site.answers()) == (str(two.new), 200)
    text = (two.new / "harbor.yml").read_text()
    assert Document(text).get("log.level") == "info" and Revision.objects.get(number=2).text() == text
    assert files(two.site.folder) == two.before
    page = client.get(reverse("deployment:upgrade", args=[row.pk])).content.decode()
    assert "has started, so it has changed the database" in page and backup.path in page
    assert client.post(go).status_code == 409

    answer = client.post(reverse("deployment:upgrade_back", args=[row.pk]))
    assert answer["Location"] == reverse("deployment:detail", args=[3])
    settled = _work(Deployment.objects.get(number=3).job, deploying.deploy)
    assert settled.state == Job.State.SUCCEEDED, log(settled)
    assert (_runs_from(), two.site.answers()) == (str(two.site.folder), 200)
    assert (two.site.folder / "harbor.yml").read_text() == two.text


@pytest.mark.docker
@pytest.mark.django_db(transaction=True)
def test_an_upgrade_that_does_not_start_leaves_the_old_one_running(two: Two, as_role: Any) -> None:
    client = as_role(Role.OPERATOR)
    row = _planned(client, two)
    prepare = two.new / "prepare"
    broken = """sed -i 's#"/practice", "front"#"/practice", "nowhere"#' docker-compose.yml"""
    prepare.write_text(f"{prepare.read_text()}\n{broken}\n")
    client.post(reverse("deployment:upgrade_go", args=[row.pk]), {"without_backup": "on"})
    deployment = Deployment.objects.get(number=2)
    settled = _work(deployment.job, deploying.deploy)
    assert settled.state == Job.State.FAILED, log(settled)
    deployment.refresh_from_db()
    assert deployment.outcome == Deployment.Outcome.ROLLED_BACK, log(settled)
    assert (_runs_from(), two.site.answers()) == (str(two.site.folder), 200)
    assert files(two.site.folder) == two.before
    running = looking.running()
    assert running is not None and running.number == 1
    page = client.get(reverse("deployment:upgrade", args=[row.pk])).content.decode()
    assert "Upgrade to v2.15.0" in page  # it can be tried again


@pytest.mark.docker
@pytest.mark.django_db(transaction=True)
def test_what_migrate_refuses_is_said_and_the_merge_does_without(two: Two, as_role: Any) -> None:
    (two.new / "harbor.yml.tmpl").write_text(NEW_TEMPLATE.replace("_version: 2.15.0", "_version: 9.9.0"))
    row = _planned(as_role(Role.OPERATOR), two)
    assert row.migrate_note == "prepare migrate ended with 255: target version 9.9.0 not supported"
    merged = services.merged(row)
    assert merged is not None and Document(merged.text).get("_version") == "9.9.0"
    assert merged.of("dropped") == [] and [item.key for item in merged.of("ignored")] == ["jobservice.workers"]
    containers = ["docker", "ps", "-aq", "--filter", "label=harborweb.migrate"]
    assert subprocess.run(containers, capture_output=True, text=True).stdout == ""


# --- what needs no engine


@pytest.fixture
def prepared(tmp_path: Path, db: None, redis_settings: str) -> Upgrade:
    """An upgrade that is prepared, of something that counts as running."""
    site = Site(tmp_path / "old" / "harbor", tmp_path / "data", 8080)
    made = site.deployment(site.text())
    Installer.objects.filter(pk=made.installer_id).update(version="v2.13.1")
    Deployment.objects.filter(pk=made.pk).update(began=True, outcome="deployed")
    Job.objects.filter(pk=made.job_id).update(state=Job.State.SUCCEEDED)
    installer = Installer.objects.create(source="folder", name="/new", path="/new", ready=True, version="v2.15.0")
    row = Upgrade.objects.create(before=made, installer=installer)
    workshop.keep(row, {"base": site.text(), "ours": site.text(), "theirs": site.text(), "migrated": ""})
    return Upgrade.objects.get(pk=row.pk)


def test_the_way_back_in_versions_asks_first(prepared: Upgrade, as_role: Any) -> None:
    Installer.objects.filter(pk=prepared.installer_id).update(version="v2.12.0")
    client = as_role(Role.OPERATOR)
    go = reverse("deployment:upgrade_go", args=[prepared.pk])
    answer = client.post(go, {"without_backup": "on"})
    assert answer.status_code == 409
    assert "Harbor supports no way back" in answer.content.decode()
    assert not Deployment.objects.filter(number=2).exists()
    assert client.post(go, {"without_backup": "on", "all_the_same": "on"}).status_code == 302


def test_a_backup_has_to_be_young_and_of_what_runs(prepared: Upgrade, as_role: Any) -> None:
    client, go = as_role(Role.OPERATOR), reverse("deployment:upgrade_go", args=[prepared.pk])
    old = timezone.now() - timedelta(minutes=61)
    backup = Backup.objects.create(installer=prepared.before.installer, ready=old, path="/b")
    assert client.post(go).status_code == 409
    Backup.objects.filter(pk=backup.pk).update(ready=timezone.now(), installer=prepared.installer)
    assert client.post(go).status_code == 409
    Backup.objects.filter(pk=backup.pk).update(installer=prepared.before.installer)
    assert client.post(go).status_code == 302


def test_what_was_deployed_meanwhile_makes_it_old(prepared: Upgrade, as_role: Any) -> None:
    Deployment.objects.create(
        number=9, revision=prepared.before.revision, installer=prepared.before.installer, began=True, outcome="deployed"
    )
    answer = as_role(Role.OPERATOR).post(reverse("deployment:upgrade_go", args=[prepared.pk]), {"without_backup": "on"})
    assert answer.status_code == 409
    assert "Something else was deployed since" in answer.content.decode()


def test_a_merged_text_with_a_problem_is_not_deployed(prepared: Upgrade, as_role: Any) -> None:
    texts = workshop.texts(prepared)
    broken = texts["ours"].replace("hostname: registry.lab.example", "hostname: 127.0.0.1")
    workshop.keep(prepared, {**texts, "ours": broken})
    answer = as_role(Role.OPERATOR).post(reverse("deployment:upgrade_go", args=[prepared.pk]), {"without_backup": "on"})
    assert answer.status_code == 409
    assert "The merged harbor.yml has a problem" in answer.content.decode()


def test_the_merged_file_can_be_saved_alone(prepared: Upgrade, as_role: Any) -> None:
    client = as_role(Role.OPERATOR)
    texts = workshop.texts(prepared)
    workshop.keep(prepared, {**texts, "theirs": texts["theirs"] + "cache:\n  enabled: false\n"})
    answer = client.post(reverse("deployment:upgrade_save", args=[prepared.pk]))
    assert answer["Location"] == reverse("configuration:revision", args=[2])
    assert Revision.objects.get(number=2).text().endswith("cache:\n  enabled: false\n")
    client.post(reverse("deployment:upgrade_save", args=[prepared.pk]))
    assert Revision.objects.count() == 2
    assert not Deployment.objects.filter(number=2).exists()


def test_there_is_no_upgrade_to_what_runs_or_from_nothing(prepared: Upgrade, as_role: Any) -> None:
    client, start = as_role(Role.OPERATOR), reverse("deployment:upgrade_start")
    assert client.post(start, {"installer": prepared.before.installer.pk}).status_code == 409
    assert client.post(start, {"installer": "999"}).status_code == 404
    Deployment.objects.update(began=False)
    answer = client.post(start, {"installer": prepared.installer.pk})
    assert "Nothing was deployed yet." in answer.content.decode()
    answer = client.post(reverse("deployment:upgrade_back", args=[prepared.pk]))
    assert "has not touched anything" in answer.content.decode()
