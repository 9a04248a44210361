"""What is tried again, how often, and what never is."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import tenacity

from simplex_sync._internal.deadline import Deadline
from simplex_sync.errors import (
    ChildExited,
    ClientClosed,
    CliExited,
    CommandError,
    CommandTimeout,
    ConnectionLost,
    ForkedClient,
    InvalidArgument,
    NetworkError,
    OutcomeUnknown,
)
from simplex_sync.retrying import check_policy, commands_policy, may_repeat, recovery_policy


@pytest.mark.parametrize(
    ("error", "effect", "repeatable_effect", "reads"),
    [
        (NetworkError(), False, True, True),
        (ConnectionLost(), False, False, True),
        (ChildExited(), False, False, False),
        (OutcomeUnknown(), False, False, True),
        (ClientClosed(), False, False, False),
        (ForkedClient(), False, False, False),
        (CommandError(), False, False, False),
        (CommandTimeout(), False, False, False),
        (KeyboardInterrupt(), False, False, False),
    ],
)
def test_what_may_be_sent_again(error: BaseException, effect: bool, repeatable_effect: bool, reads: bool) -> None:
    assert may_repeat(error, only_reads=False, repeatable=False) is effect
    assert may_repeat(error, only_reads=False, repeatable=True) is repeatable_effect
    assert may_repeat(error, only_reads=True, repeatable=False) is reads


class Attempt:
    """Fails as told, then answers."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between attempts, none of which is done."""
    waits: list[float] = []
    monkeypatch.setattr("simplex_sync.retrying.time.sleep", waits.append)
    return waits


def test_a_command_that_reads_is_tried_up_to_four_times(pauses: list[float]) -> None:
    policy = commands_policy(None, Deadline(100), only_reads=True, repeatable=False)
    attempt = Attempt(*[ConnectionLost("lost")] * 3)
    assert policy(attempt) == "answer"
    assert (attempt.calls, len(pauses)) == (4, 3)
    assert all(0 <= pause <= 5 for pause in pauses)
    last = ConnectionLost("the last")
    with pytest.raises(ConnectionLost) as caught:
        commands_policy(None, Deadline(None), only_reads=True, repeatable=False)(
            Attempt(*[ConnectionLost("lost")] * 3, last)
        )
    assert caught.value is last


def test_a_command_with_an_effect_is_not_sent_again_after_a_lost_connection(pauses: list[float]) -> None:
    attempt = Attempt(ConnectionLost("lost"))
    with pytest.raises(ConnectionLost):
        commands_policy(None, Deadline(100), only_reads=False, repeatable=True)(attempt)
    assert (attempt.calls, pauses) == (1, [])


def test_no_wait_goes_beyond_the_deadline(pauses: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.wait.random.uniform", lambda _low, high: high)  # one in fifty would be short enough
    attempt = Attempt(*[NetworkError("down")] * 3)
    with pytest.raises(NetworkError):
        commands_policy(None, Deadline(0.01), only_reads=False, repeatable=True)(attempt)
    assert (attempt.calls, pauses) == (1, [])


def test_a_policy_of_the_user_gives_waits_stops_and_hooks_but_not_what_is_repeated() -> None:
    seen: list[int] = []
    waits: list[float] = []
    mine = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(3),
        wait=tenacity.wait_fixed(2),
        retry=tenacity.retry_always,  # would double messages, so it is not used
        before_sleep=lambda state: seen.append(state.attempt_number),
        sleep=waits.append,
    )
    effect = Attempt(ConnectionLost("lost"))
    with pytest.raises(ConnectionLost):
        commands_policy(mine, Deadline(100), only_reads=False, repeatable=True)(effect)
    reads = Attempt(*[ConnectionLost("lost")] * 3)
    with pytest.raises(ConnectionLost):
        commands_policy(mine, Deadline(100), only_reads=True, repeatable=False)(reads)
    assert (effect.calls, reads.calls, seen, waits) == (1, 3, [1, 2], [2, 2])
    with pytest.raises(ConnectionLost):
        commands_policy(mine, Deadline(1), only_reads=True, repeatable=False)(Attempt(ConnectionLost("lost")))
    assert waits == [2, 2]


def test_what_is_no_policy_is_refused() -> None:
    mine = tenacity.Retrying()
    assert check_policy(mine) is mine
    assert check_policy(None) is None
    wrong: list[Any] = [3, tenacity.Retrying, tenacity.AsyncRetrying(), lambda: None]
    for value in wrong:
        with pytest.raises(InvalidArgument, match=r"retry must be a tenacity\.Retrying") as caught:
            check_policy(value)
        assert caught.value.argument == "retry"


def recover(attempt: Attempt, *, closing: bool = False) -> tuple[str, list[float]]:
    waits: list[float] = []
    stopped = threading.Event()
    if closing:
        stopped.set()
    policy = recovery_policy(waits.append, stopped, lambda error: type(error) is CliExited)
    return policy(attempt), waits


def test_recovery_waits_longer_each_time() -> None:
    answer, waits = recover(Attempt(*[CliExited("again")] * 7))
    assert answer == "answer"
    assert len(waits) == 7
    assert waits == sorted(waits)
    assert 0 < waits[0] < 0.5 < waits[-1] <= 10


def test_recovery_gives_up_after_eight_attempts_or_when_it_cannot_help_or_must_stop() -> None:
    for errors, closing, calls in (
        ([CliExited("again")] * 8, False, 8),
        ([ConnectionLost("no use")], False, 1),
        ([OSError("a bug")], False, 1),
        ([CliExited("again")], True, 1),
    ):
        attempt = Attempt(*errors)
        with pytest.raises(type(errors[0])):
            recover(attempt, closing=closing)
        assert attempt.calls == calls
