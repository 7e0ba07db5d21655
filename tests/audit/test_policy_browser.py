"""The pages of the policy and of what has to be done, as a person sees them."""

from datetime import date
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from harborweb.accounts.roles import Role
from harborweb.audit.models import Finding, PolicyRevision, Sweep
from harborweb.audit.policies import revisions
from harborweb.registry.models import Registry
from harborweb.verification.policy import Exemption, Policy, Rule
from harborweb.verification.verdict import Verdict
from tests.audit.judging import judgement, keep
from tests.browser import NARROW, WIDE, Watched, chromium, page, sign_in  # noqa: F401 - fixtures

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def lab() -> Registry:
    """A registry with findings of several kinds, and a policy."""
    registry = Registry.objects.create(name="lab", url="http://127.0.0.1:9")
    for number, verdict in enumerate((Verdict.INVALID, Verdict.UNKNOWN_KEY, Verdict.UNCHECKED, Verdict.UNSIGNED)):
        name = f"platform/a-rather-long-name-{number}"
        keep(registry, name, [judgement(name, verdict, f"1.{number}")])
    keep(registry, "cache/nginx", [judgement("cache/nginx", Verdict.UNSIGNED, "latest")])
    Sweep.objects.create(registry=registry, finished=timezone.now(), complete=True, artifacts=5, counts={"invalid": 1})
    excused = Exemption(("old/*",), "upstream signs from May on", "olga", date(2099, 5, 1))
    revisions.save(None, registry, Policy((Rule(("platform",), grace_hours=1),), (excused,)), base=0)
    return registry


def test_every_page_at_every_width(lab: Registry, page: Watched, live_server: Any, person: Any) -> None:  # noqa: F811
    sign_in(page, live_server, person(Role.OPERATOR))
    finding = Finding.objects.exclude(state="solved")[0]
    addresses = [reverse("audit:policy"), reverse("audit:findings"), reverse("audit:finding", args=[finding.pk])]
    for (width, height), scheme in ((WIDE, "light"), (NARROW, "dark")):
        page.size(width, height, scheme)
        for address in addresses:
            page.goto(live_server.url + address, wait_until="networkidle")
            page.look_well()
            assert page.barriers() == []


def test_a_rule_is_typed_seen_and_saved_and_findings_acknowledged_by_keys(
    lab: Registry, page: Watched, live_server: Any, person: Any  # noqa: F811
) -> None:  # fmt: skip
    sign_in(page, live_server, person(Role.OPERATOR, "olga"))
    page.goto(live_server.url + reverse("audit:policy"))
    page.get_by_role("button", name="Add a rule").click()
    page.get_by_role("group", name="Rule 2").get_by_label("Projects or repositories").fill("cache")
    page.get_by_role("group", name="Rule 2").get_by_label("Has to be signed by").select_option("none")
    page.get_by_label("Projects or repositories").nth(1).press("Enter")  # as the button at the bottom
    page.get_by_text("1 artifact is no finding any more.").wait_for()
    page.look_well()
    assert page.barriers() == []
    page.get_by_label("Why").fill("it is a cache")
    page.get_by_role("button", name="Save this policy").click()
    page.get_by_text("Revision 2 holds.").wait_for()
    assert PolicyRevision.objects.get(number=2).note == "it is a cache"

    page.goto(live_server.url + reverse("audit:findings"))
    page.keyboard.press("j")
    page.keyboard.press("x")
    assert page.locator("#findings input[type=checkbox]").first.is_checked()
    page.get_by_label("Why may it wait").fill("looked at by olga")
    page.get_by_role("button", name="Acknowledge the chosen").click()
    page.get_by_text("Acknowledged: 1.").wait_for()
    assert Finding.objects.get(state="acknowledged").by == "olga"
