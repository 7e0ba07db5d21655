"""What holds for every page: a role at every view, headers, no inline script or style, the arrows of the house."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.template.loader import get_template
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from harborweb.accounts.middleware import RoleMiddleware
from harborweb.accounts.roles import Role
from tests.parts import ROOT

DUMMIES = {
    "pk": 999_999, "number": 999_999, "token": "nobody-has-this", "name": "address", "project": "team",
    "digest": "sha256:" + "0" * 64, "form": "csv", "path": "team/app",
    "registry": 999_999, "kind": "report",
}  # fmt: skip
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))


def patterns(resolver: Any, namespace: str = "") -> Iterator[tuple[str, URLPattern]]:
    for one in resolver.url_patterns:
        if isinstance(one, URLResolver):
            yield from patterns(one, f"{namespace}{one.namespace}:" if one.namespace else namespace)
        else:
            yield f"{namespace}{one.name}", one


VIEWS = dict(patterns(get_resolver()))


def address(name: str) -> str:
    wanted = VIEWS[name].pattern.converters
    given = VIEWS[name].default_args
    return reverse(name, kwargs={key: DUMMIES[key] for key in wanted if key not in given})


def role(name: str) -> Any:
    return getattr(VIEWS[name].callback, "required_role", "undeclared")


GUARDED = sorted(name for name in VIEWS if isinstance(role(name), Role))
PUBLIC = {name for name in VIEWS if role(name) is None}


def test_every_view_has_a_name_and_declares_a_role() -> None:
    assert all(not name.endswith("None") for name in VIEWS)
    assert [name for name in VIEWS if role(name) == "undeclared"] == []


KEYS_FOR_OTHERS = {"signing:public_page", "signing:published"}  # 404 while they are switched off


def test_only_these_are_public() -> None:
    names = ("sign_in", "sign_out", "link", "language", "theme", "health")
    assert {f"accounts:{name}" for name in names} | {"hooks:harbor", "metrics:scrape"} | KEYS_FOR_OTHERS == PUBLIC


@pytest.mark.django_db
@pytest.mark.parametrize("name", GUARDED)
def test_the_anonymous_are_sent_to_sign_in(client: Any, name: str) -> None:
    for method in (client.get, client.post):
        answer = method(address(name))
        assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/sign-in/")
    answer = client.post(
        address(name), headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/jobs/?page=2"}
    )
    assert (answer.status_code, answer["HX-Redirect"]) == (204, "/sign-in/?next=/jobs/%3Fpage%3D2")


@pytest.mark.django_db
@pytest.mark.parametrize("name", [name for name in GUARDED if role(name) > Role.VIEWER])
def test_lower_roles_are_refused_by_name(client: Any, person: Any, name: str) -> None:
    for lower in Role:
        if lower >= role(name):
            continue
        client.force_login(person(lower), backend="django.contrib.auth.backends.ModelBackend")
        for method in (client.get, client.post):
            answer = method(address(name))
            assert answer.status_code == 403
            assert f"needs the role {role(name).label}" in answer.content.decode()


# Views that ask a registry or Redis are asked with a row that does not exist, so nothing is reached.
@pytest.mark.django_db
@pytest.mark.parametrize("name", GUARDED)
def test_the_role_itself_gets_through(client: Any, person: Any, redis_settings: str, name: str) -> None:
    client.force_login(person(role(name)), backend="django.contrib.auth.backends.ModelBackend")
    answer = client.get(address(name))
    assert answer.status_code in {200, 302, 404, 405}, answer.content[:300]
    if answer.status_code == 405:
        assert "POST" in answer["Allow"]


@pytest.mark.django_db
def test_writing_views_refuse_get(as_role: Any) -> None:
    """Every view whose name is known to write refuses GET, except those that ask first on a page of their own."""
    writing = re.compile(
        r"add|remove|delete|stop|start|deploy$|sweep|sign$|verify|trust|rename|discard|_role|_active|_link|_out"
    )
    asking = {
        "audit:notice_add",
        "audit:sweeps",
        "store:registry_add",
        "store:registry_remove",
        "store:project_add",
        "store:robots_remove",
        "signing:delete",
        "configuration:discard",
        "deployment:deploy",
    }
    names = [name for name in sorted(VIEWS) if writing.search(name.split(":")[1]) and name not in asking]
    client = as_role(Role.ADMINISTRATOR)
    assert [name for name in names if client.get(address(name)).status_code != 405] == []


@pytest.mark.django_db
def test_a_view_without_a_role_is_refused_to_everybody(rf: Any, person: Any) -> None:
    request = rf.get("/", headers={"HX-Request": "true"})
    request.user = person(Role.ADMINISTRATOR)
    guard = RoleMiddleware(lambda _request: None)  # type: ignore[arg-type, return-value]
    answer = guard.process_view(request, lambda _request: None, (), {})
    assert answer is not None and answer.status_code == 403


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/sign-in/", "/account/", "/no-such-page/", "/health/"])
def test_headers_of_every_answer(as_role: Any, redis_settings: str, path: str) -> None:
    answer = as_role(Role.VIEWER).get(path)
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script-src 'self'" in policy and "style-src 'self'" in policy
    assert "unsafe" not in policy and "*" not in policy
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"


@pytest.mark.django_db
def test_cookies_are_closed(client: Any, person: Any, settings: Any) -> None:
    person(Role.VIEWER, "vera")
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    answer = client.post("/sign-in/", {"username": "vera", "password": "correct horse battery"}, secure=True)
    for name in ("sessionid", "csrftoken"):
        cookie = answer.cookies[name]
        assert cookie["secure"] and cookie["httponly"] and cookie["samesite"] == "Lax"


@pytest.mark.django_db
def test_posting_needs_the_token() -> None:
    from django.test import Client

    answer = Client(enforce_csrf_checks=True).post("/sign-in/", {"username": "a", "password": "b"})
    assert answer.status_code == 403
    assert "did not come from a page of harborweb" in answer.content.decode()


@pytest.mark.django_db
def test_error_pages_are_ours(as_role: Any, settings: Any) -> None:
    client = as_role(Role.VIEWER)
    gone = client.get("/no-such-page/")
    assert gone.status_code == 404 and "There is no such page" in gone.content.decode()
    settings.ALLOWED_HOSTS = ["elsewhere.example"]
    refused = client.get("/")
    assert refused.status_code == 400 and "This request was not understood" in refused.content.decode()


def test_a_crash_shows_our_page_without_details(rf: Any) -> None:
    from django.views.defaults import server_error

    text = server_error(rf.get("/")).content.decode()
    assert "harborweb itself stumbled" in text and "harborweb.css" in text


@pytest.mark.django_db
def test_health_says_which_part_is_down(client: Any, settings: Any, redis_url: str) -> None:
    settings.REDIS_URL = redis_url
    assert client.get("/health/").json() == {"database": True, "redis": True}
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    answer = client.get("/health/")
    assert (answer.status_code, answer.json()) == (503, {"database": True, "redis": False})


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_templates_hold_no_inline_style_or_script(path: Any) -> None:
    text = path.read_text()
    assert re.findall(r"\sstyle\s*=", text) == []
    assert re.findall(r"\son[a-z]+\s*=\s*[\"']", text) == []
    assert re.findall(r"\s(?:hx-on|hx-vals=.?js|hx-vars)", text) == []
    assert re.findall(r"<style|javascript:", text) == []
    assert [tag for tag in re.findall(r"<script[^>]*>", text) if "src=" not in tag] == []
    assert re.findall(r"\|safe\b|autoescape off", text) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_every_template_can_be_read(path: Any) -> None:
    assert get_template(str(path.relative_to(ROOT / "templates")))


def test_the_stylesheet_and_scripts_load_nothing_from_elsewhere() -> None:
    for path in [*(ROOT / "static").rglob("*.css"), *(ROOT / "static").rglob("*.js")]:
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert re.findall(r"https?://", text) == [], path
        assert "eval(" not in text and "innerHTML" not in text, path


def manage(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    env = {key: value for key, value in os.environ.items() if not key.startswith(("HARBORWEB_", "DJANGO_"))}
    env["HARBORWEB_DATA"] = os.environ["HARBORWEB_DATA"]
    return subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, env={**env, **environment}, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip


def test_check_deploy_has_nothing_to_say() -> None:
    done = manage("check", "--deploy", "--fail-level", "WARNING", HARBORWEB_HOSTS="harborweb.example")
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


def test_no_migration_is_missing() -> None:
    done = manage("makemigrations", "--check", "--dry-run")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_arrows_of_the_house_point_down() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]


def test_debian_12_unpacks_too() -> None:
    """Its Python, 3.11.2, knows no `filter` of tarfile's; the demo did not start there."""
    places = [path for folder in ("bin", "harborweb") for path in (ROOT / folder).rglob("*.py")]
    assert len(places) > 500
    assert [str(path) for path in places if re.search(r"extractall\([^)]*filter=", path.read_text())] == []
