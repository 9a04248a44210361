"""One deadline through all steps of a call."""

from __future__ import annotations

import math
import pickle
from typing import Any

import pytest

from simplex_sync._internal.deadline import Deadline, check_timeout
from simplex_sync.errors import InvalidArgument


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that the test sets."""
    now = [100.0]
    monkeypatch.setattr("simplex_sync._internal.deadline.time.monotonic", lambda: now[0])
    return now


def test_remaining_falls_to_zero_and_no_further(clock: list[float]) -> None:
    deadline = Deadline(3)
    assert (deadline.remaining(), deadline.passed, deadline.seconds) == (3.0, False, 3)
    clock[0] += 2
    assert (deadline.remaining(), deadline.at_most(5), deadline.at_most(0.5)) == (1.0, 1.0, 0.5)
    clock[0] += 1
    assert (deadline.remaining(), deadline.passed, deadline.at_most(5)) == (0.0, True, 0.0)
    clock[0] += 100
    assert (deadline.remaining(), deadline.passed) == (0.0, True)


def test_without_seconds_it_never_passes(clock: list[float]) -> None:
    deadline = Deadline(None)
    clock[0] += 1e9
    assert deadline.remaining() is None
    assert not deadline.passed
    assert deadline.at_most(7) == 7


@pytest.mark.parametrize(("given", "kept"), [(None, None), (0, 0.0), (2.5, 2.5), (math.inf, None), (1e300, 1e9)])
def test_good_timeouts(given: float | None, kept: float | None) -> None:
    assert check_timeout("call", given) == kept


@pytest.mark.parametrize("given", [-1, -0.001, math.nan, "3", True, [1]])
def test_bad_timeouts_are_refused_by_name(given: Any) -> None:
    with pytest.raises(InvalidArgument, match=r"^show_version: timeout must be a number of seconds") as caught:
        check_timeout("show_version", given)
    assert caught.value.argument == "timeout"
    assert pickle.loads(pickle.dumps(caught.value)).argument == "timeout"
