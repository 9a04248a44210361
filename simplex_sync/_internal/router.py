"""Where each frame goes: an answer to the call that waits for it, an event to every stream that asked for it.

No I/O happens here. One thread delivers; any number of threads wait.

A slot is a raw lock that is released when the call ends: waiting for it costs least, and a person can interrupt it.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from collections import deque
from collections.abc import Collection
from typing import Any

from simplex_sync._internal.codec import Frame, encode_command
from simplex_sync._internal.deadline import Deadline
from simplex_sync._internal.event_log import FAR_BEHIND_BYTES, EventLog, Subscription
from simplex_sync.errors import SimplexError

__all__ = ["BACKLOG_BYTES", "STREAM_LIMIT", "Router", "Slot", "Subscription"]

#: How many events a stream keeps for a reader that does not come.
STREAM_LIMIT = 100_000
#: How many bytes of events are kept for the first stream before there is one.
BACKLOG_BYTES = 64 * 1024 * 1024


class Slot:
    """The place where one call waits for its answer.

    Attributes:
        corr_id: The corrId that the answer will carry.
        payload: The frame to send.
        handed_over: Whether the frame, or a part of it, was given to the socket.
        abandoned: Whether the caller waits no more.
        frame: The answer.
        error: Why there will be no answer.
    """

    __slots__ = ("_lock", "abandoned", "corr_id", "error", "frame", "handed_over", "payload")

    def __init__(self, corr_id: str, payload: bytes) -> None:
        self.corr_id = corr_id
        self.payload = payload
        self.handed_over = False
        self.abandoned = False
        self.frame: Frame | None = None
        self.error: SimplexError | None = None
        self._lock = threading.Lock()
        self._lock.acquire()

    def wait(self, deadline: Deadline) -> bool:
        """Wait for the end of the call; return whether it came before the deadline."""
        return deadline.acquire(self._lock)

    def end(self, frame: Frame | None, error: SimplexError | None = None) -> None:
        """End the call, with an answer or an error; the router calls it once."""
        self.frame, self.error = frame, error
        self._lock.release()


class Router:
    """Slots by corrId, and subscriptions by tag."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        # Changed by single steps that need no lock: a signal handler may come in between any two, and give commands or
        # have the client closed.
        self._slots: dict[str, Slot] = {}
        # Lists are replaced, never changed, so that delivering needs no lock.
        self._by_tag: dict[str, list[EventLog]] = {}
        self._for_all: list[EventLog] = []
        # The logs that new subscriptions can share, by what is kept in them.
        self._logs: dict[tuple[frozenset[str] | None, int], EventLog] = {}
        self._backlog: EventLog | None = EventLog(None, STREAM_LIMIT, BACKLOG_BYTES)
        # Streams that were garbage collected: that can happen at any moment, even while this very thread holds the
        # lock, so they are only noted, and removed at the next chance.
        self._forgotten: deque[Subscription | weakref.ref[Any]] = deque()
        self._watched: dict[weakref.ref[Any], Subscription] = {}
        self._error: SimplexError | None = None
        #: The corrId of the last call that was answered.
        self.last_answered: str | None = None
        #: Answers that nobody waited for any more.
        self.late_answers = 0
        #: A log with much that somebody has not read, or None.
        self.far_behind: EventLog | None = None

    # Calls

    def make_slot(self, text: str) -> Slot:
        """Return a new call that is not registered yet, so that an interrupt right here leaves nothing behind.

        Args:
            text: The command string.
        """
        corr_id = str(next(self._numbers))
        return Slot(corr_id, encode_command(corr_id, text))

    def register(self, slot: Slot) -> None:
        """Register a call, before anything of it is sent.

        Raises:
            SimplexError: The router is closed.
        """
        self._slots[slot.corr_id] = slot
        if self._error is not None:  # looked at last: `close` notes it first and ends the calls then
            self._slots.pop(slot.corr_id, None)
            raise self._error

    def open_slot(self, text: str) -> Slot:
        """Return a new call that is registered."""
        slot = self.make_slot(text)
        self.register(slot)
        return slot

    def abandon(self, slot: Slot) -> None:
        """Forget a call whose caller waits no more; what was not handed over yet will not be sent."""
        slot.abandoned = True
        self._slots.pop(slot.corr_id, None)

    def fail_handed_over(self, error: SimplexError) -> None:
        """End every call that was sent, at least in part, since its answer can come no more."""
        for slot in list(self._slots.values()):
            if slot.handed_over and self._slots.pop(slot.corr_id, None) is not None:
                slot.end(None, error)

    def close(self, error: SimplexError) -> None:
        """End every call and every subscription, and refuse new ones."""
        with self._lock:
            if self._error is None:
                self._error = error
            subscriptions = [reader for log in self._all_logs() for reader in log.readers]
        for slot in list(self._slots.values()):
            if self._slots.pop(slot.corr_id, None) is not None:
                slot.end(None, error)
        for subscription in subscriptions:
            subscription.end(error)

    @property
    def closed(self) -> bool:
        """Whether nothing can come any more."""
        return self._error is not None

    @property
    def pending(self) -> int:
        """How many calls wait for their answer."""
        return len(self._slots)

    # Frames

    def deliver(self, frame: Frame) -> None:
        """Hand a frame to the call or the streams that it is for (the delivering thread)."""
        corr_id = frame.corr_id
        if corr_id is None:
            self.publish(frame)
            return
        slot = self._slots.pop(corr_id, None)
        if slot is not None:
            self.last_answered = corr_id
            slot.end(frame)
        elif corr_id.isdecimal() and 0 < int(corr_id[:18]) < next(self._numbers):
            self.late_answers += 1  # of a call that was abandoned, or a second answer to the same call
        else:
            self.publish(frame)  # never asked for: whoever reads all events may want to know

    def publish(self, frame: Frame) -> None:
        """Add an event to every subscription that wants it (the delivering thread)."""
        if self._forgotten:
            with self._lock:
                self._remove_forgotten()
        if self._backlog is None:
            self._fan_out(frame)
            return
        with self._lock:  # so that the first stream finds it either in the backlog or in its own list
            if self._backlog is not None:
                self._backlog.put(frame)
            self._fan_out(frame)

    def _fan_out(self, frame: Frame) -> None:
        logs = [*self._by_tag.get(frame.tag, ()), *self._for_all]
        frame.shared = sum(len(log.readers) for log in logs) > 1
        for log in logs:
            log.put(frame)
            if log.kept_bytes > FAR_BEHIND_BYTES:
                self.far_behind = log

    def holds_back(self) -> bool:
        """Return whether to read no more for the moment, so that a reader far behind can catch up.

        Never while a call is not answered, while anybody waits for an event, or for a reader that does not read (the
        delivering thread).
        """
        log = self.far_behind
        if log is None:
            return False
        if not log.is_catching_up():
            self.far_behind = None
            return False
        return not self._slots and not any(each.bells for each in self._all_logs())

    def _all_logs(self) -> list[EventLog]:
        return list({id(log): log for group in (*self._by_tag.values(), self._for_all) for log in group}.values())

    # Subscriptions

    def subscribe(
        self, tags: Collection[str] | None, *, limit: int = STREAM_LIMIT, from_start: bool = False
    ) -> Subscription:
        """Register a reader of events.

        Args:
            tags: The tags that it wants; None means all.
            limit: How many unread events are kept for it.
            from_start: Whether, as the first such reader, it starts at the first event of all.
        """
        wanted = None if tags is None else frozenset(tags)
        with self._lock:
            self._remove_forgotten()
            if from_start and self._backlog is not None:
                log = EventLog(wanted, limit)
                log.take_over(self._backlog)
                subscription = Subscription(log, from_start=True)
                self._add(log)
                self._backlog = None  # last, since `publish` looks at it without the lock
            else:
                known = self._logs.get((wanted, limit))
                log = EventLog(wanted, limit) if known is None else known
                subscription = Subscription(log)
                if known is None:
                    self._logs[wanted, limit] = log
                    self._add(log)
            error = self._error
        if error is not None:
            subscription.end(error)
        return subscription

    def _add(self, log: EventLog) -> None:
        if log.tags is None:
            self._for_all = [*self._for_all, log]
        else:
            for tag in log.tags:
                self._by_tag[tag] = [*self._by_tag.get(tag, ()), log]

    def forget(self, subscription: Subscription) -> None:
        """Note that nobody reads a subscription any more; safe at any moment, in any thread."""
        self._forgotten.append(subscription)

    def watch(self, owner: object, subscription: Subscription) -> None:
        """Forget a subscription when its owner is collected.

        Args:
            owner: The object that reads it.
            subscription: The subscription.
        """
        # What is called then is a function in C: an interrupt (Ctrl-C) that comes while one in Python runs there would
        # be swallowed.
        self._watched[weakref.ref(owner, self._forgotten.append)] = subscription

    def _remove_forgotten(self) -> None:
        while self._forgotten:
            noted = self._forgotten.popleft()
            gone = self._watched.pop(noted, None) if isinstance(noted, weakref.ref) else noted
            if gone is None:
                continue
            log = gone.log
            gone.leave()
            if not log.readers:
                self._remove(log)

    def _remove(self, log: EventLog) -> None:
        if self._logs.get((log.tags, log.limit)) is log:
            del self._logs[log.tags, log.limit]
        if log.tags is None:
            self._for_all = [each for each in self._for_all if each is not log]
            return
        for tag in log.tags:
            rest = [each for each in self._by_tag.get(tag, ()) if each is not log]
            if rest:
                self._by_tag[tag] = rest
            else:
                self._by_tag.pop(tag, None)
