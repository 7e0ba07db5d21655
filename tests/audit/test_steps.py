"""An artifact's page explains its verdict step by step, and each step's command repeats it with nothing of ours."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bin.lib.samples import SAMPLES
from harborweb.accounts.roles import Role
from harborweb.audit import explaining, overview
from harborweb.audit.explaining import DONE, FAILED, WAITING, Explained, Explanation
from harborweb.audit.models import ArtifactVerdict
from harborweb.jobs.models import Job
from harborweb.registry.models import Registry
from harborweb.signing.models import Key
from harborweb.verification.verdict import Verdict
from tests import parts
from tests.browser import NARROW, WIDE, Watched, chromium, page, sign_in  # noqa: F401 - fixtures

Sweeper = Callable[[Registry], Job]


@pytest.fixture
def swept(known: Registry, sweep: Sweeper) -> Registry:
    assert sweep(known).state == Job.State.SUCCEEDED
    return known


def row(repository: str, tag: str) -> ArtifactVerdict:
    return ArtifactVerdict.objects.select_related("registry").get(repository=repository, tags=[tag])


def explained(one: ArtifactVerdict) -> list[Explanation]:
    parents = ArtifactVerdict.objects.filter(digest__in=one.parents, verdict="trusted").first()
    return explaining.explain(one, overview.keys_of_signatures(one), parents)


def states(one: Explanation) -> dict[str, str]:
    return {step.name: step.state for step in one.steps}


SIGNED = ["Found where", "Hashed", "Form", "Key", "Digest", "Annotations", "Policy"]


def test_a_good_signature_has_passed_every_step_in_order(swept: Registry) -> None:
    for tag in ("1.0", "0.9"):
        [one] = explained(row("team/web", tag))
        assert [step.name for step in one.steps] == SIGNED and one.decides
        assert {step.state for step in one.steps} == {DONE}


@pytest.mark.parametrize(
    ("repository", "tag", "expected"),
    [
        ("team/api", "2.1", {"Key": FAILED, "Form": DONE, "Digest": DONE, "Annotations": WAITING, "Policy": WAITING}),
        ("team/api", "2.0", {"Hashed": DONE, "Form": DONE, "Key": FAILED, "Annotations": WAITING}),
        ("team/worker", "1.4", {"Form": FAILED, "Key": DONE, "Digest": DONE, "Annotations": WAITING}),
    ],
)
def test_the_step_that_decided_is_marked(swept: Registry, repository: str, tag: str, expected: dict[str, str]) -> None:
    kept = row(repository, tag)
    one = explained(kept)[0]
    found = states(one)
    assert {name: found[name] for name in expected} == expected
    failed = one.failed
    assert failed is not None and failed.note == kept.reason


def test_what_carries_no_signature_tells_where_it_was_looked_for(swept: Registry) -> None:
    [one] = explained(row("team/web", "1.1"))
    assert len(one.steps) == 3 and one.decides
    [through] = explained(row("platform/proxy", "3.0-amd64"))
    assert through.verdict == "via_index" and through.place == row("platform/proxy", "3.0").digest


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Callable[[str], "subprocess.CompletedProcess[str]"]]:
    """Runs a command as somebody would who has the trusted keys as files, and nothing of ours."""
    for name in ("curl", "jq", "openssl"):
        parts.program(name)
    for key in Key.objects.all():
        (tmp_path / f"{key.name}.pub").write_text(key.public_pem)

    def run(command: str) -> "subprocess.CompletedProcess[str]":
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
        return subprocess.run(
            ["sh", "-ec", command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    yield run


@pytest.mark.parametrize("tag", ["1.0", "0.9"])
def test_each_command_repeats_its_step_with_curl_jq_and_openssl(
    swept: Registry, tag: str, shell: Callable[[str], "subprocess.CompletedProcess[str]"]
) -> None:
    kept = row("team/web", tag)
    [one] = explained(kept)
    steps: dict[str, Explained] = {step.name: step for step in one.steps}
    said = {name: shell(step.command) for name, step in steps.items() if step.command}
    assert {name: done.returncode for name, done in said.items()} == dict.fromkeys(said, 0), said
    hashed = dict(steps["Hashed"].facts)["Bytes"]
    assert said["Hashed"].stdout.split()[0] == hashed.partition(":")[2]
    assert said["Key"].stdout.strip() == "Verified OK"
    assert kept.digest.partition(":")[2] in said["Digest"].stdout
    if one.place.startswith("referrer "):
        assert said["Found where"].stdout.split()[0] == one.place.partition(":")[2]


def test_the_commands_for_an_unsigned_one_say_that_nothing_is_there(
    swept: Registry, shell: Callable[[str], "subprocess.CompletedProcess[str]"]
) -> None:
    [one] = explained(row("team/web", "1.1"))
    assert [shell(step.command).stdout.strip() for step in (one.steps[0], one.steps[2])] == ["404", "404"]


def test_every_sample_has_its_page(swept: Registry, as_role: Any) -> None:
    client = as_role(Role.VIEWER)
    for sample in SAMPLES:
        kept = row(sample.repository, sample.tag)
        shown = client.get(f"/audit/{kept.pk}/")
        assert shown.status_code == 200 and "Step by step" in shown.text
        assert ("is-failed" in shown.text) == (kept.verdict in {"unknown_key", "invalid", "attestation_only"})


def test_strangers_words_stay_words(known: Registry, as_role: Any) -> None:
    evil = "'; touch /tmp/x; '<script>alert(1)</script>"
    kept = ArtifactVerdict.objects.create(
        registry=known, project="team", repository=f"team/{evil}", digest="sha256:" + "1" * 64, verdict="invalid",
        rank=0, reason=evil, since="2026-11-28T12:00Z", checked="2026-11-28T12:00Z",
        signatures=[{"place": f"referrer {evil}", "verdict": "invalid", "reason": evil, "format": "bundle", "key": "",
                     "step": "form", "hashed": "sha256:" + "2" * 64, "predicate": evil, "annotations": {evil: evil}}],
    )  # fmt: skip
    [one] = explained(kept)
    command = next(step.command for step in one.steps if step.name == "Hashed")
    assert "touch" in command and "'; touch" not in command
    assert not next(step.command for step in one.steps if step.name == "Found where")
    assert "<script>" not in as_role(Role.VIEWER).get(f"/audit/{kept.pk}/").text


def test_a_key_that_counts_no_more_fails_at_the_policy(swept: Registry, sweep: Sweeper) -> None:
    Key.objects.update(revoked_from="2020-01-01T00:00Z", revoked_reason="lost")
    sweep(swept)
    [one] = explained(row("team/web", "1.0"))
    assert states(one)["Key"] == DONE and states(one)["Digest"] == DONE
    assert one.failed is not None and one.failed.name == "Policy" and "revoked" in one.failed.note


def test_what_could_not_be_read_fails_where_it_is_looked_for(known: Registry) -> None:
    seen = {"place": "tag sha256-1.sig", "verdict": Verdict.UNCHECKED, "reason": "403.", "format": "", "key": ""}
    kept = ArtifactVerdict(registry=known, repository="a/b", digest="sha256:1", verdict="unchecked", signatures=[seen])
    [one] = explained(kept)
    assert [step.state for step in one.steps] == [FAILED, *[WAITING] * 6]


@pytest.mark.browser
def test_the_steps_fit(
    swept: Registry,
    page: Watched,  # noqa: F811
    live_server: Any,
    person: Any,
) -> None:
    sign_in(page, live_server, person(Role.VIEWER))
    for kept in (row("team/web", "0.9"), row("team/api", "2.1")):
        for size, scheme in ((WIDE, "light"), (NARROW, "dark")):
            page.size(*size, scheme)
            page.goto(f"{live_server.url}/audit/{kept.pk}/")
            page.wait_for_load_state("networkidle")
            for fold in page.page.locator(".reckon-words details > summary").all():
                fold.click()
            page.look_well()
            assert page.barriers() == []
