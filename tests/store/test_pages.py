"""Projects, repositories and artifacts as a real registry holds them, and what is said when it does not."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from harborweb.accounts.roles import Role
from harborweb.registry.models import Registry
from tests import parts
from tests.registry.images import client as registry_client
from tests.registry.images import push_image, run
from tests.registry.lying import answer, endless, lying, page, refuse
from tests.store.conftest import Shelf

pytestmark = pytest.mark.django_db


def text(response: Any) -> str:
    """The page's words in one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def test_projects_and_repositories(as_role: Any, lab: Registry) -> None:
    viewer = as_role(Role.VIEWER)
    projects = text(viewer.get(reverse("store:projects", args=[lab.pk])))
    assert "4 repositories" in projects
    assert re.search(r"busybox 1 platform 2 teaching 1", projects)
    found = text(viewer.get(reverse("store:projects", args=[lab.pk]), {"q": "teach"}))
    assert "teaching 1" in found
    assert "platform 2" not in found
    repositories = viewer.get(reverse("store:repositories", args=[lab.pk, "platform"]))
    assert reverse("store:repository", args=[lab.pk, "platform/tools/lint"]) in repositories.content.decode()
    searched = text(viewer.get(reverse("store:repositories", args=[lab.pk, "platform"]), {"q": "lint"}))
    assert "platform/tools/lint" in searched
    assert "platform/app" not in searched
    assert "no repository (any more)" in text(viewer.get(reverse("store:repositories", args=[lab.pk, "nobody"])))


def test_tags_of_one_digest_stand_together_and_cosigns_are_folded_away(
    as_role: Any, lab: Registry, shelf: Shelf
) -> None:
    viewer = as_role(Role.VIEWER)
    address = reverse("store:repository", args=[lab.pk, "platform/app"])
    response = viewer.get(address)
    assert [line.row.tags for line in response.context["listing"].lines] == [["1.0", "latest"], ["2.0"], ["multi"]]
    assert "1 tag of cosign is folded away." in text(response)
    unfolded = viewer.get(address, {"unfold": "1"})
    assert [tag for line in unfolded.context["listing"].lines for tag in line.row.tags if tag.endswith(".sig")]
    assert shelf.app in response.content.decode()


def test_search_leads_to_a_tag_a_digest_or_a_list(as_role: Any, lab: Registry, shelf: Shelf) -> None:
    viewer = as_role(Role.VIEWER)
    address = reverse("store:repository", args=[lab.pk, "platform/app"])
    artifact = reverse("store:artifact", args=[lab.pk, "platform/app", shelf.app])
    assert viewer.get(address, {"q": "1.0"}).headers["Location"] == f"{artifact}?tag=1.0"
    assert viewer.get(address, {"q": shelf.app}).headers["Location"] == artifact
    by_htmx = viewer.get(address, {"q": "1.0"}, headers={"HX-Request": "true"})
    assert by_htmx.headers["HX-Redirect"] == f"{artifact}?tag=1.0"
    found = viewer.get(address, {"q": "AT"})
    assert [line.row.tags for line in found.context["found"].lines] == [["latest"]]
    assert "No tag with “nothing” in it" in text(viewer.get(address, {"q": "nothing"}))
    assert viewer.get(address, {"q": "<b>"}).status_code == 200
    absent = viewer.get(address, {"q": "sha256:" + "0" * 64})
    assert (absent.status_code, "is not in the registry" in text(absent)) == (404, True)


def test_an_artifact(as_role: Any, lab: Registry, shelf: Shelf) -> None:
    response = as_role(Role.VIEWER).get(
        reverse("store:artifact", args=[lab.pk, "platform/app", shelf.app]), {"tag": "1.0"}
    )
    shown = text(response)
    assert response.status_code == 200
    for words in (
        "linux/arm64/v8",
        "/app",
        "PATH=/bin",
        "team=app",
        "2026-11-23T10:00:00Z",
        "Signatures, simple signing",
    ):
        assert words in shown
    assert f"docker pull {shelf.host}/platform/app@{shelf.app}" in shown
    assert f"{shelf.host}/platform/app@{shelf.app}" in shown
    assert "moved" not in shown.split("Sign 1.0")[0]
    found = response.context["shown"].artifact
    assert found.size == sum(
        one["size"] for one in [found.manifest.content["config"], *found.manifest.content["layers"]]
    )
    assert json.loads(found.pretty) == found.manifest.content


def test_an_index_links_to_its_children(as_role: Any, lab: Registry, shelf: Shelf) -> None:
    response = as_role(Role.VIEWER).get(reverse("store:artifact", args=[lab.pk, "platform/app", shelf.index]))
    assert "An index of 2 manifests." in text(response)
    for digest in (shelf.app, shelf.other):
        assert reverse("store:artifact", args=[lab.pk, "platform/app", digest]) in response.content.decode()


def test_a_tag_that_moved_is_told_with_both_digests(as_role: Any, lab: Registry, shelf: Shelf) -> None:
    viewer = as_role(Role.VIEWER)
    address = reverse("store:artifact", args=[lab.pk, "platform/app", shelf.app])
    shown = text(viewer.get(address, {"tag": "2.0"}))
    assert "Tag 2.0 moved" in shown
    assert f"This page shows {shelf.app}; the tag points to {shelf.other} now." in shown
    assert "2.0 pointed here when this page was drawn" not in shown
    assert "Tag never is gone." in text(viewer.get(address, {"tag": "never"}))


def test_an_image_that_is_gone(as_role: Any, lab: Registry) -> None:
    viewer = as_role(Role.VIEWER)
    gone = viewer.get(reverse("store:artifact", args=[lab.pk, "platform/app", "sha256:" + "0" * 64]))
    assert (gone.status_code, "This image is gone" in text(gone)) == (404, True)
    tag = viewer.get(reverse("store:artifact", args=[lab.pk, "platform/app", "latest"]))
    assert (tag.status_code, "is no digest" in text(tag)) == (404, True)
    nowhere = viewer.get(reverse("store:repository", args=[lab.pk, "never/pushed"]))
    assert (nowhere.status_code, "is not in the registry" in text(nowhere)) == (404, True)
    odd = viewer.get(reverse("store:repository", args=[lab.pk, "Upper/../x"]))
    assert (odd.status_code, "is no repository name" in text(odd)) == (404, True)


@pytest.mark.parametrize("name", ["projects", "repositories", "repository", "artifact"])
def test_a_registry_that_is_down_is_said_on_every_page(as_role: Any, lab: Registry, shelf: Shelf, name: str) -> None:
    Registry.objects.update(url="http://127.0.0.1:9")
    more = {"repositories": ["p"], "repository": ["p/a"], "artifact": ["p/a", shelf.app]}.get(name, [])
    response = as_role(Role.VIEWER).get(reverse(f"store:{name}", args=[lab.pk, *more]))
    assert (response.status_code, "127.0.0.1:9 does not answer" in text(response)) == (502, True)


def test_parts_fail_alone(as_role: Any, lab: Registry, shelf: Shelf) -> None:
    with lying(upstream=f"http://{shelf.host}") as liar:
        Registry.objects.update(url=liar.url)
        liar.on(re.compile("/v2/.*/referrers/.*"), refuse(403, "DENIED"))
        liar.on(re.compile("/v2/.*/blobs/.*"), answer(200, b"other bytes"))
        liar.on(re.compile("/v2/.*/manifests/2.0"), page(500))
        viewer = as_role(Role.VIEWER)
        response = viewer.get(reverse("store:artifact", args=[lab.pk, "platform/app", shelf.app]), {"tag": "1.0"})
        assert response.status_code == 200
        assert sorted(trouble.kind for trouble in response.context["shown"].troubles) == ["forbidden", "mismatch"]
        assert "No signature, attestation or other referrer was found." not in text(response)
        listed = viewer.get(reverse("store:repository", args=[lab.pk, "platform/app"]))
        assert [line.row.tags for line in listed.context["listing"].lines if line.row.trouble] == [["2.0"]]


def test_a_manifest_of_odd_types_is_drawn(as_role: Any, lab: Registry) -> None:
    body = json.dumps(
        {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "config": [], "layers": {"a": 1},
         "manifests": [1, None, {"digest": 5}, {"digest": "sha256:" + "1" * 64, "platform": "x", "size": "1"}]}
    ).encode()  # fmt: skip
    with lying() as liar:
        Registry.objects.update(url=liar.url)
        liar.on(re.compile("/v2/a/manifests/sha256:.*"), answer(200, body))
        from harborweb.registry.names import digest_of

        response = as_role(Role.VIEWER).get(reverse("store:artifact", args=[lab.pk, "a", digest_of(body)]))
        assert response.status_code == 200
        assert "1" * 64 in response.content.decode()


def test_an_endless_answer_does_not_hold_a_page(as_role: Any, lab: Registry) -> None:
    with lying() as liar:
        Registry.objects.update(url=liar.url)
        liar.on("/v2/_catalog", endless())
        response = as_role(Role.VIEWER).get(reverse("store:projects", args=[lab.pk]))
        assert (response.status_code, "sent more than" in text(response)) == (502, True)


def test_five_thousand_tags_do_not_freeze_a_page(as_role: Any, db: Any, tmp_path: Path) -> None:
    """A page costs one request for its tags and one for each tag shown, however many there are."""
    folder = tmp_path / "registry"
    with parts.registry_server(folder) as server:

        async def fill() -> str:
            async with registry_client(server.url) as c:
                return await push_image(c, "big/app", "v0000")

        digest = run(fill())
        tags = folder / "storage/docker/registry/v2/repositories/big/app/_manifests/tags"
        for n in range(1, 5000):
            link = tags / f"v{n:04}" / "current" / "link"
            link.parent.mkdir(parents=True)
            link.write_text(digest)
        with lying(upstream=server.url) as liar:
            row = Registry.objects.create(name="big", url=liar.url, allow_http=True)
            viewer = as_role(Role.VIEWER)
            address = reverse("store:repository", args=[row.pk, "big/app"])
            first = viewer.get(address)
            assert first.context["listing"].count == 100
            assert len(liar.requests) == 101
            liar.requests.clear()
            second = viewer.get(address, {"last": first.context["listing"].last})
            assert second.context["listing"].lines[0].row.tags[0] == "v0100"
            assert len(liar.requests) == 101
            liar.requests.clear()
            assert viewer.get(address, {"q": "v4321"}).status_code == 302
            assert len(liar.requests) == 1
            liar.requests.clear()
            found = viewer.get(address, {"q": "999"})
            assert [line.row.tags for line in found.context["found"].lines] == [
                ["v0999", "v1999", "v2999", "v3999", "v4999"]
            ]
            assert len(liar.requests) <= 1 + 6 + 5
            liar.requests.clear()
            artifact = viewer.get(reverse("store:artifact", args=[row.pk, "big/app", digest]), {"tag": "v4321"})
            assert "v4321" in artifact.context["shown"].around.lines[0].row.tags
            assert len(liar.requests) <= 25


def test_nobody_signed_in_sees_nothing(client: Any, lab: Registry) -> None:
    for address in ("/registry/", reverse("store:projects", args=[lab.pk])):
        assert client.get(address).status_code == 302


def test_the_verdicts_of_the_last_sweep_stand_beside_what_is_there_now(
    as_role: Any, swept: Registry, shelf: Shelf
) -> None:
    viewer = as_role(Role.VIEWER)
    listed = viewer.get(reverse("store:repository", args=[swept.pk, "platform/app"]))
    words = [line.verdict.word if line.verdict else "" for line in listed.context["listing"].lines]
    assert words == ["Invalid", "Trusted", ""]
    assert "not swept" in text(listed)
    artifact = viewer.get(reverse("store:artifact", args=[swept.pk, "platform/app", shelf.app]))
    assert "The signature names another digest. It was copied here." in text(artifact)
    assert reverse("audit:detail", args=[artifact.context["verdict"].pk]) in artifact.content.decode()
    projects = text(viewer.get(reverse("store:projects", args=[swept.pk])))
    assert "1 of 2" in projects
