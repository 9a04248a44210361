"""Events on their way to those who read them: logs, and the subscriptions that read a log.

Subscriptions that want the same events share one log, each with a counter of its own, so that an event costs little
more with hundreds of readers than with one.

Reading is made so that an interrupt loses nothing: a reader looks at the next event and moves its own counter as the
very last thing, by a plain assignment, after which no Python code runs before the caller has the event. Only the
delivering thread, which no signal interrupts, takes out of the log what everybody has read.
"""

from __future__ import annotations

import threading
import time
from collections import deque

from simplex_sync._internal.bells import Bells
from simplex_sync._internal.codec import Frame
from simplex_sync._internal.deadline import Deadline
from simplex_sync.errors import SimplexError

#: How many bytes of events that somebody has not read make a log one whose reader should catch up.
FAR_BEHIND_BYTES = 16 * 1024 * 1024
#: Seconds in which such a reader must have read something; otherwise nothing is held back for it.
CATCHING_UP_SECONDS = 0.05
#: After so many events, or bytes of them, what everybody has read is taken out.
_TRIM_EVENTS, _TRIM_BYTES = 64, 1024 * 1024


class EventLog:
    """The events of some tags, in order.

    Args:
        tags: The tags; None means all.
        limit: How many events are kept; the oldest beyond are dropped, and lost to those who have not read them.
        max_bytes: How many bytes of events are kept, apart from the newest event; 0 sets no limit.
    """

    def __init__(self, tags: frozenset[str] | None, limit: int, max_bytes: int = 0) -> None:
        self.tags = tags
        self.limit = limit
        self.frames: deque[Frame] = deque()
        self.gone = 0  # frames taken out at the front; written by the delivering thread only
        self.kept_bytes = 0
        self.lock = threading.Lock()  # and no Condition: see `bells`
        self.bells = Bells()
        self.first: Frame | None = None  # the first event of all, kept even when it was dropped
        self.readers: list[Subscription] = []  # replaced, never changed, so that it can be looked at without a lock
        self._max_bytes = max_bytes
        self._events_since_trim, self._bytes_since_trim = 0, 0
        self._seen_read, self._seen_at = -1, 0.0

    # The delivering thread

    def put(self, frame: Frame) -> None:
        """Add an event."""
        with self.lock:
            if len(self.frames) >= self.limit:
                self._drop()
            self.frames.append(frame)
            if self.first is None:
                self.first = frame
            size = len(frame.payload)
            self.kept_bytes += size
            self._events_since_trim += 1
            self._bytes_since_trim += size
            if self._max_bytes:
                while self.kept_bytes > self._max_bytes and len(self.frames) > 1:
                    self._drop()
            elif self._bytes_since_trim > _TRIM_BYTES or self._events_since_trim > max(_TRIM_EVENTS, len(self.readers)):
                self._trim()
            if self.bells:
                self.bells.ring()

    def _drop(self) -> None:
        self.kept_bytes -= len(self.frames.popleft().payload)
        self.gone += 1

    def _trim(self) -> int:
        """Take out what everybody has read; return how far the slowest reader is."""
        self._events_since_trim = self._bytes_since_trim = 0
        end = self.gone + len(self.frames)
        slowest = min((reader.read for reader in self.readers), default=end)
        while self.gone < slowest and self.frames:
            self._drop()
        return slowest

    def take_over(self, backlog: EventLog) -> None:
        """Begin with those events that another log has kept and that are wanted here."""
        with backlog.lock:
            self.gone = backlog.gone
            for frame in backlog.frames:
                if self.tags is None or frame.tag in self.tags:
                    self.frames.append(frame)
                    self.kept_bytes += len(frame.payload)

    def is_catching_up(self) -> bool:
        """Return whether somebody has much to read, and is at it."""
        with self.lock:
            slowest = self._trim()
        if self.kept_bytes <= FAR_BEHIND_BYTES:
            return False
        now = time.monotonic()
        if slowest != self._seen_read:
            self._seen_read, self._seen_at = slowest, now
        return now - self._seen_at < CATCHING_UP_SECONDS


class Subscription:
    """One reader of a log.

    Attributes:
        log: The log.
        read: How many of its events were read, or are known to be lost; written by the reader only.
        error: Why nothing comes any more.
    """

    def __init__(self, log: EventLog, *, from_start: bool = False) -> None:
        self.log = log
        self.error: SimplexError | None = None
        with log.lock:
            self.read = 0 if from_start else log.gone + len(log.frames)
            log.readers = [*log.readers, self]

    @property
    def tags(self) -> frozenset[str] | None:
        """The tags that are wanted; None means all."""
        return self.log.tags

    def leave(self) -> None:
        """Get nothing more; what is there can still be read."""
        log = self.log
        rest = EventLog(log.tags, log.limit)
        with log.lock:
            log.readers = [reader for reader in log.readers if reader is not self]
            rest.frames.extend(log.frames)
            rest.gone = log.gone
            rest.readers = [self]
            self.log = rest
            log.bells.ring()  # whoever waits must wait at the other log

    def end(self, error: SimplexError) -> None:
        """Say that nothing will come any more; what is there can still be read."""
        with self.log.lock:
            if self.error is None:
                self.error = error
            self.log.bells.ring()

    def lost(self) -> int:
        """Return how many events were dropped before they were read."""
        return max(0, self.log.gone - self.read)

    def peek(self, deadline: Deadline, ahead: int = 0) -> Frame | None:
        """Return the next event without moving on, waiting for it until the deadline; None where none came.

        The reader moves on by `subscription.read += 1` as the last thing that it does.

        Args:
            deadline: Until when to wait.
            ahead: How many events to look past.
        """
        while True:
            log = self.log
            with log.lock:
                index = self.read - log.gone + ahead
                if index < 0:
                    return None  # lost(): the reader must say so first
                if index < len(log.frames):
                    return log.frames[index]
                if self.error is not None:
                    return None
                if deadline.passed:
                    return None
                bell = log.bells.hang()
            try:
                if log is self.log:  # otherwise it has left that log, and nobody rings there for it
                    log.bells.wait(bell, deadline)
            finally:
                log.bells.take_down(bell)

    def unread(self) -> int:
        """Return how many events wait to be read."""
        log = self.log
        with log.lock:
            return len(log.frames) - max(0, self.read - log.gone)
