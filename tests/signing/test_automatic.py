"""Automatic signing: by rule, and only where Harbor's own log confirms who pushed. With a double's real API."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from harborweb import sealing
from harborweb.accounts.models import Activity
from harborweb.accounts.roles import Role
from harborweb.audit.hooks import looking, queueing
from harborweb.audit.models import Hook, HookEvent, SigningDecision, SigningRule
from harborweb.audit.signing import deciding
from harborweb.audit.tasks import look
from harborweb.jobs.models import Job
from harborweb.registry import seeing
from harborweb.registry.models import PASSWORD_PURPOSE, Registry
from harborweb.registry.running import run
from harborweb.signing import workshop
from harborweb.signing.models import Key
from tests.harbor_double import HarborDouble
from tests.registry.images import client as registry_client
from tests.registry.images import push_image
from tests.signing.jobs import done, log, made

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lab(harbor: HarborDouble, queue: str, transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A Harbor with a project that tells, and two who may push there."""
    monkeypatch.setattr(deciding, "ASK_AGAIN", (0.0,))
    project = harbor.state.add_project("team")
    for name in ("builder", "mallory"):
        harbor.state.add_member(project, harbor.state.add_user(name, "Pass word 7"), 2)
    name, password = harbor.admin
    sealed = sealing.seal(password, PASSWORD_PURPOSE)
    registry = Registry.objects.create(
        name="lab", url=harbor.url, allow_http=True, username=name, password_sealed=sealed
    )
    Hook.objects.create(registry=registry, project="team", secret_hash="-", address="-")
    return seeing.look(registry)


@pytest.fixture
def rule(lab: Registry, cosign_three: str) -> SigningRule:
    key = made(None, "builds", "none", "")
    return SigningRule.objects.create(
        registry=lab, project="team", tags=["v*"], pushers=["builder"], key=key, on_since=timezone.now(), created_by="x"
    )


def push(lab: Registry, who: str, tag: str, seed: str = "") -> str:
    async def put() -> str:
        async with registry_client(lab.url, username=who, password="Pass word 7") as c:
            return await push_image(c, "team/app", tag, seed=seed or tag)

    return run(put())


def told(lab: Registry, tag: str, digest: str) -> Job:
    """Harbor's word about a push, or anybody's who knows the webhook's secret; and the job that looks into it."""
    HookEvent.objects.create(
        registry=lab, hook=Hook.objects.get(), kind="push", repository="team/app", tag=tag, digest=digest,
        identity=str(HookEvent.objects.count()),
    )  # fmt: skip
    job = done(queueing.have_looked_at(look, lab, "team/app"), looking.look)
    assert job.state == "succeeded", job.error + log(job)
    return job


def decided() -> tuple[bool, str]:
    last = SigningDecision.objects.first()
    assert last is not None
    return last.signs, last.reason


def test_a_confirmed_push_is_signed_once_and_its_signature_sets_off_nothing(
    lab: Registry, rule: SigningRule, harbor: HarborDouble
) -> None:
    digest = push(lab, "builder", "v1")
    told(lab, "v1", digest)
    decision = SigningDecision.objects.get()
    assert decision.signs and decision.pusher == "builder" and decision.entry and decision.job is not None
    job = done(decision.job, workshop.sign)
    assert job.state == "succeeded" and job.who_name == "harborweb", job.error + log(job)
    assert job.result["annotations"]["dev.harborweb.signer"] == f"harborweb, by rule {rule.pk}"
    told(lab, "v1", digest)  # the same delivery once more
    [place] = job.result["places"]
    told(lab, "", place["digest"])  # Harbor tells of the signature as of a push
    told(lab, digest.replace(":", "-") + ".sig", "")
    assert SigningDecision.objects.count() == 1 and Job.objects.filter(kind="sign").count() == 1


def test_a_push_that_was_told_beside_a_replication_is_signed_too(lab: Registry, rule: SigningRule) -> None:
    digest = push(lab, "builder", "v1")
    HookEvent.objects.create(
        registry=lab, hook=Hook.objects.get(), kind="replication", repository="team/app", identity="replicated"
    )  # fmt: skip
    told(lab, "v1", digest)
    assert decided()[0]


def test_what_the_rule_does_not_name_is_not_signed(lab: Registry, rule: SigningRule, harbor: HarborDouble) -> None:
    told(lab, "v1", push(lab, "mallory", "v1"))
    assert decided() == (False, "Pushed by mallory, whom the rule does not name.")
    told(lab, "dev", push(lab, "builder", "dev"))
    assert decided() == (False, "The tag fits none of the rule’s patterns: v*.")
    # The builder pushed it; then somebody else pushed the same digest to the same tag.
    digest = push(lab, "builder", "v2")
    push(lab, "mallory", "v2", seed="v2")
    told(lab, "v2", digest)
    assert decided() == (False, "Pushed by mallory, whom the rule does not name.")
    # The builder's older image, put back by somebody else.
    push(lab, "builder", "v3", seed="old")
    push(lab, "builder", "v3", seed="new")
    old = push(lab, "mallory", "v3", seed="old")
    told(lab, "v3", old)
    assert decided() == (False, "Pushed by mallory, whom the rule does not name.")
    assert not Job.objects.filter(kind="sign").exists()


def test_what_harbors_log_does_not_confirm_is_not_signed(
    lab: Registry, rule: SigningRule, harbor: HarborDouble
) -> None:
    digest = push(lab, "builder", "v1")
    harbor.state.events.clear()  # the audit log does not record pushes here
    told(lab, "v1", digest)
    assert decided()[1].startswith("Not confirmed: Harbor’s log does not say who pushed this tag.")
    harbor.state.log("builder", "create", "team/app:v1", project=harbor.state.project("team").id,  # type: ignore[union-attr]
                     text="push artifact: team/app@sha256:" + "0" * 64)  # fmt: skip
    told(lab, "v1", digest)
    assert decided()[1].startswith("Not confirmed: the last push of this tag in Harbor’s log is of another digest.")
    SigningRule.objects.update(on_since=timezone.now())
    harbor.state.events.clear()
    lab.username, lab.password_sealed = "builder", sealing.seal("Pass word 7", PASSWORD_PURPOSE)
    lab.save()
    harbor.state.project("team").members[-2].role = 5  # type: ignore[union-attr]  # a limited guest: no log
    told(lab, "v1", digest)
    assert not decided()[0]
    assert not Job.objects.filter(kind="sign").exists()


def test_a_rule_that_is_off_or_newer_than_the_push_signs_nothing(
    lab: Registry, rule: SigningRule, harbor: HarborDouble
) -> None:
    digest = push(lab, "builder", "v1")
    SigningRule.objects.update(on_since=None)
    told(lab, "v1", digest)
    assert not SigningDecision.objects.exists()
    SigningRule.objects.update(on_since=timezone.now())
    told(lab, "v1", digest)
    assert decided() == (False, "Pushed before the rule was switched on.")
    Key.objects.update(password_mode="asked")
    told(lab, "v2", push(lab, "builder", "v2"))
    assert "its password is not stored here" in decided()[1]
    Key.objects.update(password_mode="none", revoked_from=timezone.now())
    told(lab, "v3", push(lab, "builder", "v3"))
    assert decided() == (False, "The key builds is revoked, or its time is up.")
    digest = push(lab, "builder", "v4")
    SigningRule.objects.update(on_since=None)  # while Harbor is asked
    deciding._decided(rule, "team/app", "v4", digest, iter(()))
    assert decided() == (False, "The rule was switched off meanwhile.")
    SigningRule.objects.all().delete()
    deciding._decided(rule, "team/app", "v4", digest, iter(()))
    assert decided() == (False, "The rule was removed meanwhile.")


def test_who_tells_of_what_no_log_confirms_does_not_hold_a_worker(
    lab: Registry, rule: SigningRule, harbor: HarborDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deciding, "ASK_AGAIN", (0.0, 3.0))
    monkeypatch.setattr(deciding, "MOST_WAITS", 1)
    fields = {name: getattr(rule, name) for name in ("registry", "project", "tags", "pushers", "key", "on_since")}
    SigningRule.objects.bulk_create(SigningRule(**fields, created_by="x") for _n in range(5))
    digest = push(lab, "builder", "v1")
    harbor.state.events.clear()
    begun = time.monotonic()
    told(lab, "v1", digest)
    assert SigningDecision.objects.filter(signs=False).count() == 6 and time.monotonic() - begun < 15


def text(answer: Any) -> str:
    return str(answer.content.decode())


def test_rules_by_the_page(as_role: Callable[[int], Client], lab: Registry, rule: SigningRule) -> None:
    admin, address = as_role(Role.ADMINISTRATOR), f"?registry={lab.pk}"
    typed = {"project": "team", "tags": "v*\r\nrelease-*", "pushers": "robot$team+ci", "key": rule.key.pk}
    answer = admin.post(reverse("audit:rule_add") + address, typed)
    new = SigningRule.objects.latest("pk")
    assert answer.status_code == 302 and new.on_since is None  # off until somebody says so
    assert (new.tags, new.pushers, new.created_by) == (["v*", "release-*"], ["robot$team+ci"], "person-4")
    for change, sentence in (
        ({"pushers": "robot$team+*"}, "A pusher is named whole"),
        ({"project": "team/app"}, "This is no project’s name"),
        ({"pushers": " "}, "This is empty."),
    ):
        answer = admin.post(reverse("audit:rule_add") + address, typed | change)
        assert answer.status_code == 422 and sentence in text(answer), sentence
    admin.post(reverse("audit:rule_switch", args=[new.pk]), {"on": "1"})
    page = text(admin.get(reverse("audit:rules") + address))
    assert "robot$team+ci" in page and "Switched on" in page and "A rule gives away signatures" in page
    admin.post(reverse("audit:rule_remove", args=[new.pk]))
    assert not SigningRule.objects.filter(pk=new.pk).exists()
    assert Activity.objects.filter(action__endswith="signing rule").count() == 2
    lab.kind = Registry.Kind.OTHER
    lab.save()
    assert "Only a Harbor tells who pushed" in text(admin.post(reverse("audit:rule_add") + address, typed))


@pytest.mark.parametrize("name", ["rule_add", "rule_switch", "rule_remove"])
def test_only_administrators_give_signatures_away(
    as_role: Callable[[int], Client], lab: Registry, rule: SigningRule, name: str
) -> None:
    args = [] if name == "rule_add" else [rule.pk]
    assert as_role(Role.OPERATOR).post(reverse(f"audit:{name}", args=args), {"on": "0"}).status_code == 403
    rule.refresh_from_db()
    assert rule.on_since is not None
