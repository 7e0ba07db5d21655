"""Fixtures of the real parts; one registry and one Redis for a whole run."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests import parts
from tests.harbor_double.fixtures import harbor  # noqa: F401  for every test

# How busy the machine is says nothing about what is tested.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="also the tests marked long")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--long"):
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="a long run; bin/test --long does it"))
    for item in items:
        if item.get_closest_marker("browser"):  # a browser has its own clock: once more, and the summary says so
            item.add_marker(pytest.mark.flaky(reruns=1, reruns_delay=2))


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("docker"):
        parts.needs_docker()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> None:
    """Emptying the tables after a test makes no content types and permissions anew: nothing of ours has any."""
    from django.contrib.contenttypes.management import create_contenttypes
    from django.db.models.signals import post_migrate

    assert post_migrate.disconnect(create_contenttypes)
    assert post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Redis."""
    with parts.redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[parts.Registry]:
    """A real registry, shared: use repositories of your own."""
    with parts.registry_server(tmp_path_factory.mktemp("registry")) as server:
        yield server


@pytest.fixture(scope="session")
def cosign3() -> str:
    """The real cosign 3.1.2."""
    return parts.program("cosign")


@pytest.fixture(scope="session")
def cosign2() -> str:
    """The real cosign 2.5.0, which bin/test installs as cosign-2.5."""
    return parts.program("cosign-2.5")


@pytest.fixture
def redis_settings(settings: Any, redis_url: str) -> str:
    """Django's settings pointed at the real Redis, for both of its uses; no worker listens."""
    settings.REDIS_URL = settings.CELERY_BROKER_URL = redis_url
    return redis_url


@pytest.fixture
def person(db: None) -> Callable[..., Any]:
    """Make a signed-in person: `person(Role.SIGNER)`."""
    from harborweb.accounts.models import User

    def make(role: int, name: str = "") -> User:
        return User.objects.create_user(name or f"person-{role}", password="correct horse battery", role=role)

    return make


@pytest.fixture
def as_role(client: Any, person: Callable[..., Any]) -> Callable[[int], Any]:
    """Django's test client, signed in with a role: `as_role(Role.VIEWER).get(…)`."""

    def sign_in(role: int) -> Any:
        client.force_login(person(role), backend="django.contrib.auth.backends.ModelBackend")
        return client

    return sign_in


@pytest.fixture
def data_dir(settings: Any) -> Path:
    """Where the tests' Django keeps its files."""
    return Path(settings.DATA_DIR)
