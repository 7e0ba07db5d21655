"""The pages of a Harbor, against one that answers as the real one did."""

import re
from typing import Any
from urllib.parse import unquote

import pytest
from django.urls import reverse

from harborweb import sealing
from harborweb.accounts.models import Activity
from harborweb.accounts.roles import Role
from harborweb.audit.models import ArtifactVerdict
from harborweb.registry.models import PASSWORD_PURPOSE, Registry
from harborweb.signing.models import Key
from tests.store.harbor.conftest import Filled
from tests.store.test_pages import text

pytestmark = pytest.mark.django_db


def lists(filled: Filled) -> list[str]:
    """The lists of artifacts that were asked for so far."""
    return [one for one in filled.harbor.requests if re.match(r"GET \S+/artifacts\?", one)]


def test_projects_with_access_kind_and_findings(as_role: Any, swept: Registry) -> None:
    viewer = as_role(Role.VIEWER)
    address = reverse("store:projects", args=[swept.pk])
    response = viewer.get(address)
    assert [row.project.name for row in response.context["lists"].rows] == [
        "hub", "library", "platform", "teaching", "trust",
    ]  # fmt: skip
    shown = text(response)
    assert "5 projects in Harbor at" in shown
    assert "hub proxy cache public 0 nothing in it" in shown
    assert "trust content trust private 1" in shown
    assert re.search(r"platform private 3 .* 2 of 5", shown)
    assert f"{swept.url}/harbor/projects" in response.content.decode()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"kind": "public"}, ["hub", "library", "teaching"]),
        ({"kind": "private"}, ["platform", "trust"]),
        ({"q": "tea"}, ["teaching"]),
        ({"sort": "-name"}, ["trust", "teaching", "platform", "library", "hub"]),
        ({"verdict": "unknown_key"}, ["teaching"]),
        ({"verdict": "trusted"}, ["platform"]),
        ({"verdict": "unchecked"}, []),
        ({"verdict": "no-verdict"}, []),
        ({"page": "7"}, []),
        ({"page": "x", "sort": "owner", "kind": "?"}, ["hub", "library", "platform", "teaching", "trust"]),
    ],
)
def test_projects_filtered_sorted_and_paged(
    as_role: Any, swept: Registry, query: dict[str, str], expected: list[str]
) -> None:
    response = as_role(Role.VIEWER).get(reverse("store:projects", args=[swept.pk]), query)
    assert response.status_code == 200
    assert [row.project.name for row in response.context["lists"].rows] == expected


def test_only_proxy_caches(as_role: Any, swept: Registry) -> None:
    response = as_role(Role.VIEWER).get(reverse("store:projects", args=[swept.pk]), {"kind": "proxy"})
    assert [row.project.name for row in response.context["lists"].rows] == ["hub"]
    cache = as_role(Role.SIGNER).get(reverse("store:repositories", args=[swept.pk, "hub"]))
    assert "This project is a proxy cache." in text(cache)
    assert "No repository in hub" in text(cache)


def test_a_project_that_is_not_there_is_no_missing_right_alone(as_role: Any, swept: Registry, filled: Filled) -> None:
    """To whoever is no administrator Harbor answers 403 for both."""
    filled.harbor.state.add_user("visitor", "visitor-Passw0rd")
    sealed = sealing.seal("visitor-Passw0rd", PASSWORD_PURPOSE)
    Registry.objects.update(username="visitor", password_sealed=sealed, accounts={})
    response = as_role(Role.VIEWER).get(reverse("store:repositories", args=[swept.pk, "nosuch"]))
    assert response.status_code == 502
    assert "Harbor says the same of a project that does not exist." in text(response)


def test_a_list_of_names_is_asked_in_quotes(as_role: Any, swept: Registry, filled: Filled) -> None:
    """Without them Harbor takes a project named 2026 for a number."""
    as_role(Role.VIEWER).get(reverse("store:projects", args=[swept.pk]), {"verdict": "unknown_key"})
    assert 'q=name={"teaching"}' in unquote(filled.harbor.requests[-1])


def test_repositories_with_slashes_sizes_and_members_in_harbor(as_role: Any, swept: Registry, filled: Filled) -> None:
    viewer = as_role(Role.VIEWER)
    address = reverse("store:repositories", args=[swept.pk, "platform"])
    response = viewer.get(address, {"sort": "name"})
    assert [row.repository.name for row in response.context["lists"].rows] == [
        "platform/app", "platform/multi", "platform/team/web/front",
    ]  # fmt: skip
    assert "app The application that everybody uses" in text(response)
    number = filled.harbor.state.project("platform").id
    assert f"{swept.url}/harbor/projects/{number}/members" in response.content.decode()
    found = viewer.get(address, {"q": "front"}).context["lists"].rows
    assert [row.repository.name for row in found] == ["platform/team/web/front"]
    bad = viewer.get(address, {"verdict": "findings"}).context["lists"].rows
    assert [(row.repository.name, row.findings, row.total) for row in bad] == [("platform/app", 2, 3)]
    assert viewer.get(address, {"verdict": "unchecked"}).context["lists"].rows == []
    absent = viewer.get(reverse("store:repositories", args=[swept.pk, "nobody"]))
    assert (absent.status_code, "nobody" in text(absent)) == (404, True)


def test_one_list_request_makes_a_page_of_artifacts(as_role: Any, swept: Registry, filled: Filled) -> None:
    viewer = as_role(Role.VIEWER)
    before = len(filled.harbor.requests)
    response = viewer.get(reverse("store:repository", args=[swept.pk, "platform/app"]))
    assert len(filled.harbor.requests) == before + 1
    rows = response.context["lists"].rows
    assert [(sorted(row.tags), row.digest) for row in rows] == [
        (["2.0", "latest"], filled.app), (["1.0"], filled.old), ([], filled.untagged),
    ]  # fmt: skip
    assert [row.verdict.verdict for row in rows] == ["invalid", "trusted", "unsigned"]
    assert [row.harbor.signed for row in rows] == [True, False, False]
    assert "3 artifacts." in text(response)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"kind": "untagged"}, ["untagged"]),
        ({"q": "1.0"}, ["old"]),
        ({"q": "late"}, ["app"]),
        ({"q": "nothing"}, []),
        ({"sort": "push_time"}, ["untagged", "old", "app"]),
        ({"verdict": "trusted"}, ["old"]),
        ({"verdict": "findings"}, ["app", "untagged"]),
        ({"verdict": "findings", "q": "nothing"}, []),
        ({"page": "9"}, []),
    ],
)
def test_artifacts_filtered(
    as_role: Any, swept: Registry, filled: Filled, query: dict[str, str], expected: list[str]
) -> None:
    response = as_role(Role.VIEWER).get(reverse("store:repository", args=[swept.pk, "platform/app"]), query)
    assert response.status_code == 200
    found = [row.digest for row in response.context["lists"].rows]
    assert found == [getattr(filled, name) for name in expected]


def test_a_digest_or_a_part_of_it_is_found(as_role: Any, swept: Registry, filled: Filled) -> None:
    viewer = as_role(Role.VIEWER)
    address = reverse("store:repository", args=[swept.pk, "platform/app"])
    whole = viewer.get(address, {"q": filled.old})
    assert whole.headers["Location"] == reverse("store:artifact", args=[swept.pk, "platform/app", filled.old])
    part = viewer.get(address, {"q": filled.old[7:19]})
    assert [row.digest for row in part.context["lists"].rows] == [filled.old]


def test_what_only_a_verdict_knows_stands_in_its_filter(as_role: Any, swept: Registry, filled: Filled) -> None:
    """A child of an index is in no list of Harbor's, and still has a verdict."""
    viewer = as_role(Role.VIEWER)
    address = reverse("store:repository", args=[swept.pk, "platform/multi"])
    [index] = viewer.get(address).context["lists"].rows
    assert (index.digest, index.platforms) == (filled.index, ["linux/amd64"])
    response = viewer.get(address, {"verdict": "via_index"})
    [child] = response.context["lists"].rows
    assert (child.digest, child.harbor, child.parents) == (filled.child, None, [filled.index])
    assert "in an index" in text(response)
    listed = text(viewer.get(reverse("store:artifact", args=[swept.pk, "platform/multi", filled.index])))
    assert re.search(r"linux/amd64 \S+.{0,30} Via index", listed.partition("Platforms")[2])


def test_an_artifact_as_harbor_and_as_cryptography_see_it(
    as_role: Any, swept: Registry, filled: Filled, key: Key
) -> None:
    response = as_role(Role.VIEWER).get(
        reverse("store:artifact", args=[swept.pk, "platform/app", filled.app]), {"tag": "2.0"}
    )
    shown = text(response)
    assert response.status_code == 200, shown
    assert "Harbor says signed An accessory of type signature.cosign is there. Harbor does not look inside." in shown
    assert "Cryptography says no The signature names another digest (1.0)." in shown
    assert "Tag 2.0 moved" not in shown
    for words in (
        "-p 8080:80", "-v app-app:/var/lib/app", "-e DB_PASSWORD=changeme", "cosign verify --key release-2026.pub",
        "ADD rootfs.tar / # buildkit", "EXPOSE 80/tcp", "no layer", "signature.cosign", "never", "1000:1000",
        "wget -q localhost (every 30 s)", "Tag timeline", "Pushed",
    ):  # fmt: skip
        assert words in shown, words
    number = filled.harbor.state.project("platform").id
    assert (
        f"/harbor/projects/{number}/repositories/app/artifacts-tab/artifacts/{filled.app}" in response.content.decode()
    )
    assert response.context["drawing"] is not None
    assert [move.tag for move in response.context["moves"]]


def test_a_child_of_an_index_has_a_page(as_role: Any, swept: Registry, filled: Filled) -> None:
    viewer = as_role(Role.VIEWER)
    index = viewer.get(reverse("store:artifact", args=[swept.pk, "platform/multi", filled.index]))
    assert "An index of 1 manifest." in text(index)
    assert reverse("store:artifact", args=[swept.pk, "platform/multi", filled.child]) in index.content.decode()
    child = viewer.get(reverse("store:artifact", args=[swept.pk, "platform/multi", filled.child]))
    assert (child.status_code, child.context["shown"].record is not None) == (200, True)
    assert "Part of" in text(child)


def test_what_the_policy_holds_back_is_shown_from_harbors_record(as_role: Any, swept: Registry, filled: Filled) -> None:
    response = as_role(Role.VIEWER).get(reverse("store:artifact", args=[swept.pk, "trust/held", filled.held]))
    shown = text(response)
    assert response.status_code == 200
    assert response.context["shown"].artifact is None
    assert "Harbor holds this image back" in shown
    assert "linux/arm64" in shown
    assert "docker run" in shown


def test_a_tag_that_moved_and_an_image_that_is_gone(as_role: Any, swept: Registry, filled: Filled) -> None:
    viewer = as_role(Role.VIEWER)
    moved = text(viewer.get(reverse("store:artifact", args=[swept.pk, "platform/app", filled.old]), {"tag": "2.0"}))
    assert "Tag 2.0 moved" in moved
    gone = viewer.get(reverse("store:artifact", args=[swept.pk, "platform/app", "sha256:" + "0" * 64]))
    assert (gone.status_code, "This image is gone" in text(gone)) == (404, True)


def test_the_store(as_role: Any, swept: Registry, filled: Filled) -> None:
    viewer = as_role(Role.VIEWER)
    address = reverse("store:store", args=[swept.pk])
    response = viewer.get(address, {"sort": "name"})
    cards = {card.repository.name: card for card in response.context["lists"].rows}
    assert list(cards) == [
        "platform/app", "platform/multi", "platform/team/web/front", "teaching/hello", "trust/held",
    ]  # fmt: skip
    app, multi = cards["platform/app"], cards["platform/multi"]
    assert (set(app.tags), app.latest.digest, app.verdict.verdict) == ({"2.0", "latest"}, filled.app, "invalid")
    assert (multi.signer, multi.latest.platforms) == ("release-2026", ["linux/amd64"])
    shown = text(response)
    assert "The application that everybody uses" in shown
    assert re.search(r"4\d\d pulls", shown)  # looking at a manifest is a pull
    assert "signed by release-2026" in shown
    assert f"docker push {filled.harbor.host}/PROJECT/IMAGE:TAG" in shown


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"q": "web"}, ["platform/team/web/front"]),
        ({"verdict": "unknown_key"}, ["teaching/hello"]),
        ({"verdict": "unchecked"}, []),
        ({"sort": "-pull_count", "q": "app"}, ["platform/app"]),
        ({"page": "3"}, []),
    ],
)
def test_the_store_filtered(as_role: Any, swept: Registry, query: dict[str, str], expected: list[str]) -> None:
    response = as_role(Role.VIEWER).get(reverse("store:store", args=[swept.pk]), query)
    assert response.status_code == 200
    assert [card.repository.name for card in response.context["lists"].rows] == expected


def test_who_made_an_attestation_has_not_signed(as_role: Any, swept: Registry) -> None:
    multi = ArtifactVerdict.objects.filter(registry=swept, repository="platform/multi", verdict="trusted")
    assert multi.update(verdict="attestation_only")
    shown = text(as_role(Role.VIEWER).get(reverse("store:store", args=[swept.pk]), {"q": "multi"}))
    assert "Attestation only attested by release-2026" in shown and "signed by release-2026" not in shown


def test_what_is_new_since_last_week(as_role: Any, swept: Registry, filled: Filled) -> None:
    from datetime import timedelta

    hello = filled.harbor.state.repository("teaching/hello")
    before, hello.updated = hello.updated, hello.updated - timedelta(days=8)
    try:
        response = as_role(Role.VIEWER).get(reverse("store:store", args=[swept.pk]), {"kind": "new", "sort": "name"})
    finally:
        hello.updated = before
    assert [card.repository.name for card in response.context["lists"].rows] == [
        "platform/app", "platform/multi", "platform/team/web/front", "trust/held",
    ]  # fmt: skip


def test_a_plain_registry_has_no_store(as_role: Any, swept: Registry) -> None:
    Registry.objects.update(kind=Registry.Kind.OTHER)
    response = as_role(Role.VIEWER).get(reverse("store:store", args=[swept.pk]))
    assert response.headers["Location"] == reverse("store:projects", args=[swept.pk])


def test_a_project_is_made_with_a_password_that_is_kept_nowhere(as_role: Any, lab: Registry, filled: Filled) -> None:
    operator = as_role(Role.OPERATOR)
    address = reverse("store:project_add", args=[lab.pk])
    assert f"POST {lab.url}/api/v2.0/projects" in text(operator.get(address))
    typed = {"name": "fresh", "access": "public", "quota": "2", "administrator": "admin"}
    preview = operator.post(reverse("store:project_preview", args=[lab.pk]), typed)
    assert "&quot;storage_limit&quot;: 2147483648" in preview.content.decode()
    password = filled.harbor.admin[1]
    made = operator.post(address, {**typed, "password": password})
    assert made.headers["Location"] == reverse("store:repositories", args=[lab.pk, "fresh"])
    project = filled.harbor.state.project("fresh")
    assert (project.public, project.hard) == (True, 2 * 1024**3)
    [line] = Activity.objects.filter(action="create project")
    assert line.subject == "lab/fresh"
    assert "as admin: POST" in line.detail and "2147483648" in line.detail
    assert password not in line.detail
    again = operator.post(address, {**typed, "password": password})
    assert (again.status_code, "The project named fresh already exists" in text(again)) == (422, True)
    assert list(again.context["form"].errors) == ["name"]
    assert password not in again.content.decode()


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"name": "Bad Name"}, "is no project name"),
        ({"name": ""}, "This is empty."),
        ({"password": "wrong"}, "refused the user name admin with this password"),
        ({"administrator": "dev", "password": "dev-Passw0rd"}, "does not let dev do this"),
        ({"quota": "-2"}, "greater than or equal to -1"),
    ],
)
def test_a_project_that_is_refused(
    as_role: Any, lab: Registry, filled: Filled, typed: dict[str, str], words: str
) -> None:
    state = filled.harbor.state
    if "dev" not in state.users:
        state.add_user("dev", "dev-Passw0rd")
    state.configuration["project_creation_restriction"] = "adminonly"
    sent = {"name": "other", "access": "private", "administrator": "admin", "password": filled.harbor.admin[1], **typed}
    response = as_role(Role.OPERATOR).post(reverse("store:project_add", args=[lab.pk]), sent)
    assert response.status_code == 422
    assert words in text(response)
    if typed.get("password") == "wrong":
        assert list(response.context["form"].errors) == ["password"]
    assert state.project("other") is None
    assert not Activity.objects.filter(action__startswith="create project").exists()


def test_an_answer_that_never_came_is_recorded_as_unsure(as_role: Any, lab: Registry, filled: Filled) -> None:
    filled.harbor.faults.order("502", "POST /api/v2.0/projects", after=True)
    sent = {"name": "unsure", "access": "private", "administrator": "admin", "password": filled.harbor.admin[1]}
    response = as_role(Role.OPERATOR).post(reverse("store:project_add", args=[lab.pk]), sent)
    assert "It may have been done, so it was not sent again." in text(response)
    assert Activity.objects.filter(action="create project, unsure", subject="lab/unsure").exists()


def test_projects_are_made_in_a_harbor_only(as_role: Any, lab: Registry) -> None:
    Registry.objects.update(kind=Registry.Kind.OTHER)
    assert as_role(Role.OPERATOR).get(reverse("store:project_add", args=[lab.pk])).status_code == 404
