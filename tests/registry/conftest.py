"""A lying server for each test."""

from collections.abc import Iterator

import pytest

from tests.registry.lying import Liar, lying


@pytest.fixture
def liar() -> Iterator[Liar]:
    """Alone, without a registry behind it."""
    with lying() as server:
        yield server
