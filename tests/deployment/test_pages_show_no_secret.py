"""Every page as every role, while every row holds secrets: none of them is shown, and none lies there in the clear."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.urls import get_resolver, reverse
from django.urls.exceptions import NoReverseMatch
from django.utils import timezone

from harborweb.accounts.roles import Role
from harborweb.configuration.fields import FIELDS
from harborweb.configuration.models import Draft, OnDisk, Revision, fingerprint
from harborweb.configuration.text.document import Document
from harborweb.deployment import drift, rendered, wanted
from harborweb.deployment.dry_run import comparing
from harborweb.deployment.dry_run import workshop as dry_runs
from harborweb.deployment.models import Deployment, Drift, DryRun, Installer, Rendered, Upgrade
from harborweb.deployment.upgrade import workshop as upgrades
from harborweb.sealing import seal
from tests import parts
from tests.deployment.test_pages import host

pytestmark = pytest.mark.django_db(transaction=True)
MARK = "hideme"


def text(salt: str) -> str:
    """The real template with every secret set, also in the places that are no keys."""
    template = Document(parts.shared("harbor.yml-2.15.tmpl").read_text())
    document = template
    for number, field in enumerate(field for field in FIELDS if field.secret):
        document = document.set(field.key, f"{MARK}{salt}{number}x", template)
    document = document.set("proxy.https_proxy", f"http://me:{MARK}{salt}@p/q@proxy.example:3128", template)
    return document.text + f"my_own_token: {MARK}{salt}own\n# old password: {MARK}{salt}old\n"


def files(salt: str) -> dict[str, bytes]:
    """What prepare renders of it."""
    env = (
        f"HARBOR_ADMIN_PASSWORD={MARK}{salt}0x\nCORE_SECRET={MARK}{salt}core\n_REDIS_URL=redis://:{MARK}{salt}r@redis\n"
    )
    compose = f"services:\n  core:\n    image: core:{salt}\n    environment:\n      API_TOKEN: {MARK}{salt}token\n"
    return {
        "common/config/core/env": env.encode(),
        "common/config/registry/passwd": f"harbor:{MARK}{salt}hash\n".encode(),
        "docker-compose.yml": compose.encode(),
    }


def everything() -> None:
    """A row of each kind that holds a harbor.yml or what was rendered of it."""
    one, two = text("One"), text("Two")
    installer = Installer.objects.create(
        source="folder", name="/opt/a", path="/opt/a", ready=True, version="v2.14.0",
        template_sealed=seal(one, "installer"),
    )  # fmt: skip
    other = Installer.objects.create(source="folder", name="/opt/b", path="/opt/b", ready=True, version="v2.15.0")
    rows = []
    for number, said in ((1, one), (2, two)):
        rows.append(
            Revision.objects.create(
                number=number, text_sealed=seal(said, "revision"), template_sealed=seal(one, "revision"),
                from_installer=True, digest=fingerprint(said), who_name="test", origin="test",
            )
        )  # fmt: skip
        made = Deployment.objects.create(
            number=number, revision=rows[-1], installer=installer, began=True, outcome="deployed", who="test"
        )
        rendered.keep(made, files("One" if number == 1 else "Two"))
    Draft.objects.create(
        pk=1, base_sealed=seal(one, "draft"), template_sealed=seal(one, "draft"), text_sealed=seal(two, "draft"),
        typed_sealed=seal(json.dumps({"harbor_admin_password": f"{MARK}typed"}), "draft"), from_installer=True,
        origin="test",
    )  # fmt: skip
    third = text("Three")
    OnDisk.objects.create(
        pk=1, path="/opt/a/harbor.yml", text_sealed=seal(third, "on disk"), digest=fingerprint(third),
        changed=timezone.now(),
    )  # fmt: skip
    pairs = {path: [data, files("Three")[path]] for path, data in files("Two").items()}
    found = drift.Found()
    now = timezone.now().isoformat()
    found.findings = [
        {"kind": "text", "changed": now, "prepared": True},
        {"kind": "edited", "files": [{"path": path, "how": "changed", "at": now} for path in pairs]},
    ]
    found.files = {path: [base64.b64encode(one).decode() for one in pair] for path, pair in pairs.items()}
    Drift.objects.create(
        pk=1, deployment=made, seen=timezone.now(), signature="x", findings=found.findings,
        files_sealed=seal(json.dumps(found.files), drift.PURPOSE),
    )  # fmt: skip
    row = DryRun.objects.create(revision=rows[1], installer=installer, text_sealed=seal(two, dry_runs.PURPOSE), who="t")
    secrets = set(wanted.secrets(one) + wanted.secrets(two))
    old, new = files("One"), files("Two")
    dry_runs.keep(row, comparing.compare(old, new, comparing.rotating(new, new), secrets))
    upgrade = Upgrade.objects.create(before=made, installer=other, who="t")
    upgrades.keep(upgrade, {"base": one, "ours": two, "theirs": third, "migrated": third})
    host()


def addresses() -> list[str]:
    """Every address of configuration and deployment, with the numbers of the rows that are there."""
    found = []
    for space in ("configuration", "deployment", "dashboard", "jobs"):
        _prefix, resolver = get_resolver().namespace_dict[space]
        for name in {name for name in resolver.reverse_dict if isinstance(name, str)}:
            for args in ([], [1], [2], ["database"], ["registry"]):
                try:
                    found.append(reverse(f"{space}:{name}", args=args))
                except NoReverseMatch:
                    continue
    compared = reverse("configuration:compare")
    found += [f"{compared}?from={one}&to={two}&whole=1&view={view}" for one in ("1", "draft", "disk")
              for two in ("2", "disk") for view in ("side", "unified")]  # fmt: skip
    found += [reverse("configuration:search") + "?q=password", reverse("deployment:compose") + "?deployment=1"]
    return sorted(set(found))


def test_no_page_shows_a_secret(as_role: Callable[[int], Any], redis_settings: str) -> None:
    everything()
    seen, leaks = 0, []
    for role in (Role.VIEWER, Role.ADMINISTRATOR):
        client = as_role(role)
        for address in addresses():
            answer = client.get(address)
            body = b"".join(answer.streaming_content) if answer.streaming else answer.content
            seen += answer.status_code == 200 and len(body) > 500
            at = body.find(MARK.encode())
            if at >= 0:
                leaks.append((role.label, address, body[max(0, at - 80) : at + 40]))
    assert leaks == []
    assert seen > 50


def test_no_row_holds_a_secret_in_the_clear(redis_settings: str) -> None:
    everything()
    assert Rendered.objects.count() == 2
    for model in apps.get_models():
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT * FROM "{model._meta.db_table}"')
            for row in cursor.fetchall():
                assert MARK not in repr(row), model
