"""What is tried again, and how often (tenacity).

Nothing that has an effect is ever sent twice, unless the CLI itself answered that a server could not be reached *and*
the command is one that can be repeated without harm (the schema marks each). After a timeout or a lost connection only
commands that read are repeated.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import tenacity

from simplex_sync.errors import (
    ChildExited,
    ClientClosed,
    ConnectionLost,
    ForkedClient,
    InvalidArgument,
    NetworkError,
    SimplexError,
)

if TYPE_CHECKING:
    from simplex_sync._internal.deadline import Deadline

__all__ = ["commands_policy", "may_repeat", "recovery_policy"]


def may_repeat(error: BaseException, *, only_reads: bool, repeatable: bool) -> bool:
    """Return whether a command may be sent again after an error.

    Args:
        error: What came of it.
        only_reads: Whether the command has no effect.
        repeatable: Whether it can be repeated without harm where the CLI said that it failed.
    """
    if isinstance(error, NetworkError):
        return only_reads or repeatable
    if isinstance(
        error, (ClientClosed, ForkedClient, ChildExited)
    ):  # for good: a CLI that comes back is not reported so
        return False
    return only_reads and isinstance(error, ConnectionLost)


def commands_policy(
    retry: tenacity.Retrying | None, deadline: Deadline, *, only_reads: bool, repeatable: bool
) -> tenacity.Retrying:
    """Return how one call is tried again.

    Args:
        retry: The user's own policy: its waits, stops and hooks are used, but what may be repeated is decided here,
            since no setting should be able to double a message. None: up to four tries within the call's deadline.
        deadline: The end of the call; no wait goes beyond it.
        only_reads: Whether the command has no effect.
        repeatable: Whether it can be repeated without harm.
    """
    remaining = deadline.remaining()
    in_time: tenacity.stop.stop_base = (
        tenacity.stop_never if remaining is None else tenacity.stop_before_delay(remaining)
    )
    again = tenacity.retry_if_exception(lambda error: may_repeat(error, only_reads=only_reads, repeatable=repeatable))
    if retry is None:
        return tenacity.Retrying(
            stop=tenacity.stop_any(tenacity.stop_after_attempt(4), in_time),
            wait=tenacity.wait_random_exponential(multiplier=0.5, max=5.0),
            retry=again,
            reraise=True,
            sleep=time.sleep,
        )
    return retry.copy(stop=lambda state: retry.stop(state) or in_time(state), retry=again, reraise=True)


def check_policy(retry: object) -> tenacity.Retrying | None:
    """Return `retry` where it is a tenacity policy for blocking calls, or None.

    Raises:
        InvalidArgument: It is something else.
    """
    if retry is None or (isinstance(retry, tenacity.Retrying) and not isinstance(retry, type)):
        return retry
    raise InvalidArgument(
        f"SimplexChat: retry must be a tenacity.Retrying object or None, not {type(retry).__name__}", argument="retry"
    )


def recovery_policy(
    sleep: Callable[[float], None], stopped: threading.Event, passing: Callable[[BaseException], bool]
) -> tenacity.Retrying:
    """Return how a lost CLI is started again, or a lost connection opened again.

    Args:
        sleep: Waits so many seconds, or until the client is closed.
        stopped: Set when the client is being closed.
        passing: Says whether trying again after this error can help.
    """
    return tenacity.Retrying(
        stop=tenacity.stop_any(tenacity.stop_after_attempt(8), tenacity.stop_when_event_set(stopped)),
        wait=tenacity.wait_exponential(multiplier=0.1, max=10.0),
        retry=tenacity.retry_if_exception(lambda error: isinstance(error, SimplexError) and passing(error)),
        reraise=True,
        sleep=sleep,
    )
