"""Choosing many images by the audit's filter, previewing and signing them."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from harborweb.accounts.models import Activity
from harborweb.accounts.roles import Role
from harborweb.audit.filtering import Filter
from harborweb.audit.handing.services import request_report
from harborweb.audit.models import ArtifactVerdict, Sweep
from harborweb.audit.signing.forms import RuleForm
from harborweb.audit.words import ORDER
from harborweb.errors import Problem
from harborweb.signing.forms import Beside
from harborweb.signing.many.models import BulkSigning
from harborweb.signing.many.workshop import look_many, sign_many
from harborweb.signing.models import Key
from harborweb.verification.verdict import Verdict
from tests.signing.conftest import Image
from tests.signing.jobs import done, log, made

pytestmark = pytest.mark.django_db(transaction=True)
Push = Callable[..., Image]


def seen(registry: Any, image: Image, verdict: str = "unsigned", **more: Any) -> ArtifactVerdict:
    sweep = Sweep.objects.first() or Sweep.objects.create(registry=registry)
    now = timezone.now()
    return ArtifactVerdict.objects.create(
        registry=registry, sweep=sweep, project=image.repository.split("/")[0], repository=image.repository,
        digest=image.digest, tags=[image.tag] if image.tag else [], verdict=verdict,
        rank=ORDER.index(Verdict(verdict)), reason="-", since=now, checked=now, **more,
    )  # fmt: skip


@pytest.fixture
def key(asked: Any, cosign_three: str) -> Key:
    return made(asked, "release", "none", "")


def text(answer: Any) -> str:
    return str(answer.content.decode())


def test_by_filter_previewed_and_signed(
    as_role: Callable[[int], Client],
    row: Any,
    push: Push,
    key: Key,
) -> None:
    images = [push(row, f"chosen/app{number}") for number in range(3)]
    rows = [seen(row, one) for one in images]
    other = seen(row, push(row, "elsewhere/app"))
    signer = as_role(Role.SIGNER)
    address = reverse("audit:choose") + f"?registry={row.pk}&verdict=unsigned&project=chosen"
    page = text(signer.get(address))
    assert "All 3 images that pass this filter" in page and "elsewhere/app" not in page
    assert f'value="{rows[0].pk}"' in page and "One format" in page

    answer = signer.post(address, {"key": key.pk, "which": "all", "annotations": "ticket=OPS-7", "recursive": "on"})
    bulk = BulkSigning.objects.get()
    assert answer.headers["Location"] == reverse("audit:signing_list", args=[bulk.pk])
    assert bulk.items.count() == 3 and bulk.annotations == {"ticket": "OPS-7"} and bulk.signer == "person-2"
    assert bulk.look_job is not None and bulk.job is None
    assert "Nothing is signed yet" in text(signer.get(answer.headers["Location"]))
    assert done(bulk.look_job, look_many).state == "succeeded", log(bulk.look_job)
    page = text(signer.get(answer.headers["Location"]))
    assert "Sign 3 digests with release" in page and images[0].digest in page and "Unsigned" in page
    signer.post(reverse("audit:signing_begin", args=[bulk.pk]))
    bulk.refresh_from_db()
    assert bulk.job is not None and done(bulk.job, sign_many).state == "succeeded", log(bulk.job)
    page = text(signer.get(answer.headers["Location"]))
    assert "3 digests were signed." in page and "Nothing left to sign" in page
    assert Activity.objects.filter(action="sign many", who="person-2").exists()
    for one in rows:  # the audit has looked again by itself
        one.refresh_from_db()
        assert (one.verdict, one.tags) == ("trusted", ["1.0"])
    other.refresh_from_db()
    assert other.verdict == "unsigned"
    page = text(signer.get(reverse("jobs:detail", args=[bulk.job.pk])))
    assert "3 digests are signed." in page and "cosign verified 3 of them" in page

    again = signer.post(address.replace("unsigned", "all"), {"key": key.pk, "row": [rows[0].pk, other.pk]})
    second = BulkSigning.objects.first()
    assert second is not None and second.look_job is not None and second.pk != bulk.pk
    assert [one.digest for one in second.items.all()] == [rows[0].digest]  # the other is not in the filter
    done(second.look_job, look_many)
    page = text(signer.get(again.headers["Location"]))
    assert "Already signed by this key" in page and "Nothing left to sign" in page


def test_what_does_not_fit_is_said(as_role: Callable[[int], Client], row: Any, key: Key) -> None:
    seen(row, Image("a/b", "1", "sha256:" + "1" * 64))
    signer, address = as_role(Role.SIGNER), reverse("audit:choose") + f"?registry={row.pk}"
    for typed, sentence in (
        ({"which": "ticked"}, "No image is chosen."),
        ({"which": "all", "annotations": "dev.harborweb.tag=2"}, "cannot be typed"),
        ({"which": "all", "annotations": "nonsense"}, "is no annotation"),
        ({"which": "all", "expires": "2001-01-01"}, "This day is over"),
    ):
        answer = signer.post(address, {"key": key.pk, **typed})
        assert answer.status_code == 422 and sentence in text(answer), sentence
    assert not BulkSigning.objects.exists()


def test_a_revoked_key_is_not_offered(as_role: Callable[[int], Client], row: Any, key: Key) -> None:
    seen(row, Image("a/b", "1", "sha256:" + "1" * 64))
    signer, address = as_role(Role.SIGNER), reverse("audit:choose") + f"?registry={row.pk}"
    offer = f'<option value="{key.pk}"'
    assert offer in text(signer.get(address)) and offer in str(RuleForm()["key"])
    key.revoked_from = timezone.now()
    key.save()
    assert "No key that signs" in text(signer.get(address)) and offer not in str(RuleForm()["key"])
    with pytest.raises(Problem, match="signs no more"):
        request_report(RequestFactory().post("/"), Filter.given({}, row), key)


def test_a_key_that_asks_is_asked_when_it_signs(
    as_role: Callable[[int], Client],
    row: Any,
    asked: Any,
    cosign_three: str,
    push: Push,
) -> None:
    key = made(asked, "careful", "asked", "pass word 7")
    seen(row, push(row, "asking/app"))
    signer = as_role(Role.SIGNER)
    signer.post(reverse("audit:choose") + f"?registry={row.pk}", {"key": key.pk, "which": "all"})
    bulk = BulkSigning.objects.get()
    assert bulk.look_job is not None
    done(bulk.look_job, look_many)
    page = text(signer.get(reverse("audit:signing_list", args=[bulk.pk])))
    assert 'type="password"' in page
    refused = signer.post(reverse("audit:signing_begin", args=[bulk.pk]))
    assert refused.status_code == 422 and "asks for its password each time" in text(refused)
    signer.post(reverse("audit:signing_begin", args=[bulk.pk]), {"password": "pass word 7"})
    bulk.refresh_from_db()
    assert bulk.job is not None and done(bulk.job, sign_many).state == "succeeded"


def test_viewers_look_and_do_not_sign(as_role: Callable[[int], Client], row: Any, key: Key) -> None:
    bulk = BulkSigning.objects.create(registry=row, key=key, key_name=key.name, title="Sign", signer="x", formats=[])
    viewer = as_role(Role.VIEWER)
    assert viewer.get(reverse("audit:signing_list", args=[bulk.pk])).status_code == 200
    assert viewer.get(reverse("audit:choose")).status_code == 403
    assert viewer.post(reverse("audit:signing_begin", args=[bulk.pk])).status_code == 403


def test_a_signature_may_hold_until_the_last_day_there_is() -> None:
    form = Beside()
    form.cleaned_data = {"expires": date.max}
    end = form.clean_expires()
    assert end is not None and end.year == 9999
