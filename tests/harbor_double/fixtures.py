"""Fixtures: a fresh double for a test; its answers are held to the contract when the test ends."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harbor_double import HarborDouble, harbor_double


@pytest.fixture
def harbor(tmp_path: Path) -> Iterator[HarborDouble]:
    """A Harbor of its own, with a real registry behind it; wrong passwords freeze only briefly."""
    with harbor_double(tmp_path / "harbor") as double:
        double.state.freeze_seconds = 0.2
        yield double
