"""The servers that several tests ask, one of each for a whole run."""

from collections.abc import Iterator

import pytest

from tests.deployment.host import servers


@pytest.fixture(autouse=True)
def files_are_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' files are those of the machine that they check."""
    monkeypatch.delenv("DOCKER_HOST", raising=False)


@pytest.fixture(scope="session")
def database() -> Iterator[servers.PostgreSQL]:
    """A real PostgreSQL."""
    with servers.postgresql() as server:
        server.run("create role plain login password 'db-secret-7'")
        server.run("create role tls login password 'db-secret-7'")
        server.run("create role guest login password 'db-secret-7'")
        server.run("create database registry owner plain")
        server.run("create database other owner plain")
        yield server
