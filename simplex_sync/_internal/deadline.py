"""One deadline through all steps of a call, on the clock that nobody sets."""

from __future__ import annotations

import math
import threading
import time

from simplex_sync.errors import InvalidArgument


class Deadline:
    """A moment on the monotonic clock, or never.

    Args:
        seconds: How long from now, in seconds; None means never.
    """

    __slots__ = ("_end", "seconds")

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self._end = None if seconds is None else time.monotonic() + seconds

    def remaining(self) -> float | None:
        """Return the seconds that are left, never below 0; None where there is no end."""
        if self._end is None:
            return None
        return max(0.0, self._end - time.monotonic())

    def at_most(self, seconds: float) -> float:
        """Return the seconds that are left, but not more than `seconds`."""
        remaining = self.remaining()
        return seconds if remaining is None else min(seconds, remaining)

    def acquire(self, lock: threading.Lock) -> bool:
        """Take a lock, waiting for it until then; return whether it was taken."""
        remaining = self.remaining()
        return lock.acquire() if remaining is None else lock.acquire(timeout=remaining)

    @property
    def passed(self) -> bool:
        """Whether the moment is over."""
        return self._end is not None and time.monotonic() >= self._end


def check_timeout(method: str, timeout: float | None) -> float | None:
    """Return `timeout` where it is a time in seconds or None.

    Raises:
        InvalidArgument: It is something else: a string, a negative number, not a number.
    """
    if timeout is None:
        return None
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or math.isnan(timeout) or timeout < 0:
        raise InvalidArgument(
            f"{method}: timeout must be a number of seconds, 0 or more, or None; got {timeout!r}", argument="timeout"
        )
    # A lock cannot be waited for longer than this, and nobody will notice.
    return min(float(timeout), 1e9) if timeout != math.inf else None
