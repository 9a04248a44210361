"""A world of simulators for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulator import worlds


@pytest.fixture
def world(tmp_path: Path) -> Iterator[worlds.World]:
    """Simulators in this process, in a network of their own."""
    with worlds.world(tmp_path) as made:
        yield made
