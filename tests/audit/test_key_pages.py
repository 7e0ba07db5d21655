"""A key's limits by their pages: seen before they are saved, judged again after, brought back; and a rotation."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from harborweb.accounts.models import Activity
from harborweb.accounts.roles import Role
from harborweb.audit import beat, tasks
from harborweb.audit.keys import ending, facts, judging, rotation, services
from harborweb.audit.models import ArtifactVerdict, Channel, Happening, SignatureSeen
from harborweb.audit.notices.wording import told
from harborweb.jobs.models import Job
from harborweb.jobs.run import Run
from harborweb.registry.models import Registry
from harborweb.signing import keysmith
from harborweb.signing import workshop as signing
from harborweb.signing.limits import Limits
from harborweb.signing.many import workshop as many
from harborweb.signing.models import Key
from harborweb.signing.services import request_pair, request_sign
from tests.audit.conftest import Filled, filled_registry
from tests.signing.jobs import done, elsewhere

pytestmark = pytest.mark.django_db(transaction=True)
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, cosign3: str) -> Iterator[Filled]:
    """Samples of our own: these tests sign some of them."""
    with filled_registry(tmp_path_factory.mktemp("rotated"), cosign3) as found:
        yield found


@pytest.fixture
def swept(known: Registry, sweep: Callable[[Registry], Job]) -> Key:
    assert sweep(known).state == Job.State.SUCCEEDED
    return Key.objects.get()


@pytest.fixture
def admin(as_role: Callable[[int], Any]) -> Any:
    return as_role(Role.ADMINISTRATOR)


@pytest.fixture
def asked_by(rf: Any, person: Callable[..., Any]) -> Any:
    request = rf.post("/")
    request.user = person(Role.SIGNER, "sam")
    return request


def green() -> int:
    return ArtifactVerdict.objects.filter(verdict__in=["trusted", "via_index"]).count()


def typed(key: Key, **more: str) -> dict[str, str]:
    return {"trusted": "on", "projects": "", "revoked_reason": "", "not_before": "", "not_after": ""} | more


@pytest.mark.django_db
def test_an_image_that_a_key_signed_in_both_formats_is_one_image_of_that_key() -> None:
    registry, now = Registry.objects.create(name="own", url="http://127.0.0.1:1"), timezone.now()
    signed = {"verdict": "unknown_key", "reason": "revoked", "signer": "f" * 64}
    ArtifactVerdict.objects.create(
        registry=registry, project="team", repository="team/web", digest="sha256:0", tags=["1"], since=now,
        verdict="unknown_key", rank=1, checked=now, signatures=[signed, {**signed, "hint": "a-bundle-has-one"}],
    )  # fmt: skip
    rows, images = facts.strange()
    assert images == 1 and [(one.images, one.projects) for one in rows] == [(1, (("team", 1),))]


def test_a_revocation_is_seen_saved_judged_and_taken_back(swept: Key, admin: Any) -> None:
    before = green()
    old = SignatureSeen.objects.filter(key=swept.fingerprint).order_by("pk").first()
    assert old is not None and before > 2
    SignatureSeen.objects.filter(digest=old.digest).update(first_seen=timezone.now() - 48 * HOUR)
    since = (timezone.now() - 24 * HOUR).strftime("%Y-%m-%d %H:%M UTC")
    wanted = typed(swept, revoked_from=since, revoked_reason="Laptop lost")
    page = admin.post(reverse("audit:key_impact", args=[swept.pk]), wanted)
    lost = page.context["impact"].lost
    assert 0 < lost < before and page.context["impact"].keeps
    shown = f"{page.context['form'].limits().revoked_from:%-d %b %Y %H:%M} UTC"
    assert f"Revoke from {shown}: {lost} images lose trust" in page.text
    swept.refresh_from_db()
    assert swept.revoked_from is None and green() == before  # nothing is saved by looking
    refused = admin.post(reverse("audit:key_save", args=[swept.pk]), wanted | {"seen": "something else"})
    assert refused.status_code == 422 and "it would do is not what you saw" in refused.text
    saved = admin.post(reverse("audit:key_save", args=[swept.pk]), wanted | {"seen": page.context["seen"]}, follow=True)
    assert "The verdicts are being brought up to date." in saved.text
    job = Job.objects.get(kind="judge_key")
    assert elsewhere(done, job, judging.judge_key).state == "succeeded", job.error
    assert green() == before - lost
    said = ArtifactVerdict.objects.filter(verdict="unknown_key", reason__contains="Laptop lost")
    assert said.exists() and ArtifactVerdict.objects.filter(digest=old.digest).exclude(verdict="trusted").count() == 0
    keys_page = admin.get(reverse("signing:keys")).text
    assert "Revoked" in keys_page and "later one" in keys_page and "Laptop lost" in keys_page
    assert "brought up to date" not in keys_page
    # and back again: the values that were, seen first
    swept.refresh_from_db()
    change = swept.changes.get()
    page = admin.get(reverse("signing:key", args=[swept.pk]) + f"?restore={change.pk}")
    assert "These are the limits as they were" in page.text and 'name="restored"' in page.text
    back = typed(swept, restored="1")
    page = admin.post(reverse("audit:key_impact", args=[swept.pk]), back)
    assert page.context["impact"].gained == lost
    admin.post(reverse("audit:key_save", args=[swept.pk]), back | {"seen": page.context["seen"]})
    elsewhere(done, Job.objects.filter(kind="judge_key").first(), judging.judge_key)
    assert green() == before
    trail = list(Activity.objects.filter(subject=swept.name).order_by("pk").values_list("action", "detail"))
    assert [one[0] for one in trail] == ["revoke key", "restore key limits"] and "Laptop lost" in trail[0][1]


def test_a_revocation_while_the_key_is_looked_at_has_a_job_of_its_own(swept: Key) -> None:
    looking = rotation.look(None, swept)
    limits = replace(Limits.of(swept), revoked_from=timezone.now() - 48 * HOUR, revoked_reason="Laptop lost")
    seen = services.mark(limits, services.impact(swept, limits))

    def work(run: Run) -> dict[str, Any]:
        result = judging.judge_key(run)  # had judged all of it by then
        services.save(None, swept, limits, seen)
        return result

    assert elsewhere(done, looking, work).state == "succeeded" and green()
    job = Job.objects.get(kind="judge_key", title__startswith="Judge again")
    assert job.pk != looking.pk and elsewhere(done, job, judging.judge_key).state == "succeeded"
    assert not green()


def test_what_is_owed_is_asked_for_again_when_its_worker_was_killed(redis_settings: str) -> None:
    lost = Job.objects.create(
        task=tasks.judge_key.name, queue="default", kind="judge_key", title="Judge again", state=Job.State.LOST,
        finished=timezone.now(), arguments={"key": 1, "strangers": False},
    )  # fmt: skip
    assert (beat.ask_again(), beat.ask_again()) == (1, 0)
    again = Job.objects.exclude(pk=lost.pk).get()
    assert (again.task, again.arguments, again.state) == (lost.task, lost.arguments, "requested")
    for _time in range(beat.MOST_TIMES + 2):
        Job.objects.exclude(state=Job.State.LOST).update(state=Job.State.LOST, finished=timezone.now())
        beat.ask_again()
    assert Job.objects.count() == 1 + beat.MOST_TIMES


def test_a_key_that_is_trusted_gains_what_its_evidence_proves(known: Registry, sweep: Any, admin: Any) -> None:
    Key.objects.update(trusted=False)
    sweep(known)
    key = Key.objects.get()
    assert green() == 0
    page = admin.get(reverse("audit:key_impact", args=[key.pk]), {"trusted": "on"}, headers={"HX-Request": "true"})
    gained = page.context["impact"].gained
    assert gained and "<html" not in page.text and 'hx-swap-oob="true"' in page.text
    assert page.text.count(f"Trust this key: {gained} images gain trust") == 1
    admin.post(reverse("audit:key_save", args=[key.pk]), {"trusted": "on", "seen": page.context["seen"]})
    elsewhere(done, Job.objects.get(kind="judge_key"), judging.judge_key)
    assert green() == gained


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"revoked_from": "2026-01-01"}, "A revocation has a reason."),
        ({"not_before": "2026-02-01", "not_after": "2026-01-01"}, "The window ends before it begins."),
        ({"not_after": "soon"}, "This is no date and time."),
        ({"not_after": "9999-12-31"}, "This is no date and time that can be used."),
        ({"projects": "team; rm"}, "is no name or pattern"),
        ({"successor": "999"}, "Select a valid choice"),
    ],
)
def test_limits_that_make_no_sense_are_refused(admin: Any, wrong: dict[str, str], sentence: str) -> None:
    key = Key.objects.create(name="k", kind="public", fingerprint="f" * 64, public_pem=PEM)
    form = typed(key, **wrong)
    page = admin.post(reverse("audit:key_impact", args=[key.pk]), form)
    seen = page.context.get("seen") or ""
    saved = admin.post(reverse("audit:key_save", args=[key.pk]), form | {"seen": seen})
    assert saved.status_code == 422 and sentence in saved.text
    key.refresh_from_db()
    assert Limits.of(key) == Limits()


PEM = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEhyQCx0E9wQWSFI9ULGwy3BuRklnt
IqozONbbdbqz11hlRJy9c7SG+hdcFl9jE9uE/dwtuwU2MqU9T/cN0YkWww==
-----END PUBLIC KEY-----
"""


@pytest.mark.parametrize("name", ["key_save", "rotation_choose", "rotation_look", "rotation_sign"])
def test_only_administrators_change_limits(as_role: Callable[[int], Any], name: str) -> None:
    key = Key.objects.create(name="k", kind="public", fingerprint="f" * 64, public_pem=PEM)
    assert as_role(Role.OPERATOR).post(reverse(f"audit:{name}", args=[key.pk])).status_code == 403


def test_a_rotation_signs_again_only_what_still_verifies(
    swept: Key, known: Registry, admin: Any, cosign3: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARBORWEB_COSIGN", cosign3)
    new = request_pair(None, "next", "none", "", trusted=True)
    assert new.job is not None and elsewhere(done, new.job, keysmith.make_key).state == "succeeded"
    address = reverse("audit:rotation", args=[swept.pk])
    assert "not chosen yet" in admin.get(address).text
    refused = admin.post(reverse("audit:rotation_sign", args=[swept.pk]))
    assert refused.status_code == 422 and "There is no new key yet." in refused.text
    admin.post(reverse("audit:rotation_choose", args=[swept.pk]), {"successor": new.pk})
    swept.refresh_from_db()
    held = set(
        ArtifactVerdict.objects.filter(verdict="trusted", key=swept.fingerprint).values_list("digest", flat=True)
    )
    assert {one.digest for one in rotation.state(swept).left} == held
    ArtifactVerdict.objects.update(checked=timezone.now() - 2 * HOUR)
    refused = admin.post(reverse("audit:rotation_sign", args=[swept.pk]))
    assert refused.status_code == 422 and "older than an hour" in refused.text
    admin.post(reverse("audit:rotation_look", args=[swept.pk]))
    assert elsewhere(done, Job.objects.get(kind="judge_key"), judging.judge_key).state == "succeeded"
    assert admin.post(reverse("audit:rotation_sign", args=[swept.pk])).status_code == 302
    job = elsewhere(done, Job.objects.get(kind="sign_many"), many.sign_many)
    assert job.state == "succeeded", job.error
    elsewhere(services.tasks.judge_again, known, "team/web", "")
    elsewhere(done, rotation.look(None, swept), judging.judge_key)
    found = rotation.state(swept)
    assert not found.left and found.signed == len(held)
    page = admin.get(address).text
    assert "done" in page and "Let it end now" in page
    # the old one ends: nothing loses its trust
    preview = admin.get(reverse("audit:key_impact", args=[swept.pk]) + "?" + rotation.retirement(swept))
    assert preview.status_code == 200 and preview.context["impact"].lost == 0
    assert preview.context["impact"].also == len(held)


def test_what_a_revoked_key_signed_before_counts_and_what_it_signs_after_does_not(
    known: Registry, sweep: Callable[[Registry], Job], asked_by: Any, cosign3: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARBORWEB_COSIGN", cosign3)
    pair = request_pair(None, "laptop", "none", "", trusted=True)
    assert pair.job is not None and elsewhere(done, pair.job, keysmith.make_key).state == "succeeded"
    pair.refresh_from_db()
    sweep(known)
    first, second = ArtifactVerdict.objects.filter(verdict="unsigned", digest__startswith="sha256:", parents=[])[:2]

    def sign(row: ArtifactVerdict) -> str:
        job = request_sign(asked_by, known, row.repository, row.digest, row.tags[0], pair)
        assert elsewhere(done, job, signing.sign).state == "succeeded", job.error
        row.refresh_from_db()
        return row.verdict

    assert sign(first) == "trusted"
    limits = replace(Limits.of(pair), revoked_from=timezone.now(), revoked_reason="Laptop lost")
    foretold = services.impact(pair, limits)
    assert foretold.lost == 0 and foretold.keeps == 1
    services.save(None, pair, limits, services.mark(limits, foretold))
    elsewhere(done, Job.objects.filter(kind="judge_key").first(), judging.judge_key)
    assert sign(second) == "unknown_key" and "Laptop lost" in second.reason
    first.refresh_from_db()
    assert first.verdict == "trusted"


def test_a_key_that_ends_soon_is_told_of_once(known: Registry, admin: Any) -> None:
    key = Key.objects.get()
    Key.objects.filter(pk=key.pk).update(not_after=timezone.now() + timedelta(days=40))
    Channel.objects.create(name="hook", kind="webhook", shown="-", address_sealed=b"-")
    assert ending.note_ending() == 0
    Key.objects.filter(pk=key.pk).update(not_after=timezone.now() + timedelta(days=9, hours=1))
    assert (ending.note_ending(), ending.note_ending()) == (1, 0)
    message = told(list(Happening.objects.all()), "http://127.0.0.1/audit/")
    assert message.title == "a key that ends soon on samples"
    assert "demo: Ends in 9 days" in message.as_text() and "new finding" not in message.title
    assert "Rotate this key" in admin.get(reverse("signing:keys")).text


def test_seconds_that_no_form_shows_are_not_lost(admin: Any) -> None:
    at = timezone.now() - HOUR
    key = Key.objects.create(name="k", kind="public", fingerprint="f" * 64, public_pem=PEM, not_before=at)
    shown = admin.get(reverse("signing:key", args=[key.pk])).context["form"]
    form = typed(key, not_before=shown["not_before"].value().strftime("%Y-%m-%d %H:%M"))
    page = admin.post(reverse("audit:key_impact", args=[key.pk]), form)
    assert (
        page.context["changed"] == [] and "key-save" not in page.text and "These are the limits that hold." in page.text
    )
