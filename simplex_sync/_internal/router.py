"""Where each frame goes: an answer to the call that waits for it, an event to every stream that asked for it.

No I/O happens here. One thread delivers; any number of threads wait.

A slot is a raw lock that is released when the call ends: waiting for it costs least, and a person can interrupt it.

Reading from a subscription is made so that an interrupt loses nothing: a reader looks at the next event and moves its
own counter as the very last thing, by a plain assignment, after which no Python code runs before the caller has the
event. Only the delivering thread, which no signal interrupts, takes what was read out of the list.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Collection

from simplex_sync._internal.codec import Frame, encode_command
from simplex_sync._internal.deadline import Deadline
from simplex_sync.errors import SimplexError

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
        remaining = deadline.remaining()
        return self._lock.acquire() if remaining is None else self._lock.acquire(timeout=remaining)

    def end(self, frame: Frame | None, error: SimplexError | None = None) -> None:
        """End the call, with an answer or an error; the router calls it once."""
        self.frame, self.error = frame, error
        self._lock.release()


class Subscription:
    """The events of some tags, in order, for one reader.

    Args:
        tags: The tags that are wanted; None means all.
        limit: How many unread events are kept; the oldest beyond are dropped and counted.
    """

    def __init__(self, tags: Collection[str] | None = None, limit: int = STREAM_LIMIT, max_bytes: int = 0) -> None:
        self.tags = None if tags is None else frozenset(tags)
        self.limit = limit
        self.error: SimplexError | None = None  # why nothing comes any more
        self._frames: deque[Frame] = deque()
        self._max_bytes = max_bytes
        self._bytes = 0
        self._gone = 0  # frames taken out at the front; written by the delivering thread only
        self.read = 0  # frames read or known to be lost; written by the reader only
        self._ready = threading.Condition(threading.Lock())
        self._waiting = 0

    def put(self, frame: Frame) -> None:
        """Add an event (the delivering thread)."""
        with self._ready:
            frames = self._frames
            while self._gone < self.read:
                self._drop()
            if len(frames) >= self.limit:
                self._drop()
            frames.append(frame)
            if self._max_bytes:
                self._bytes += len(frame.payload)
                while self._bytes > self._max_bytes and len(frames) > 1:
                    self._drop()
            if self._waiting:
                self._ready.notify_all()

    def _drop(self) -> None:
        frame = self._frames.popleft()
        self._gone += 1
        if self._max_bytes:
            self._bytes -= len(frame.payload)

    def end(self, error: SimplexError) -> None:
        """Say that nothing will come any more; what is there can still be read."""
        with self._ready:
            if self.error is None:
                self.error = error
            self._ready.notify_all()

    def lost(self) -> int:
        """Return how many events were dropped before they were read."""
        return max(0, self._gone - self.read)

    def peek(self, deadline: Deadline, ahead: int = 0) -> Frame | None:
        """Return the next event without moving on, waiting for it until the deadline; None where none came.

        The reader moves on by `subscription.read += 1` as the last thing that it does.

        Args:
            deadline: Until when to wait.
            ahead: How many events to look past.
        """
        with self._ready:
            while True:
                index = self.read - self._gone + ahead
                if index < 0:
                    return None  # lost(): the reader must say so first
                if index < len(self._frames):
                    return self._frames[index]
                if self.error is not None:
                    return None
                remaining = deadline.remaining()
                if remaining is not None and remaining <= 0:
                    return None
                self._waiting += 1
                try:
                    self._ready.wait(remaining)
                finally:
                    self._waiting -= 1

    def unread(self) -> int:
        """Return how many events wait to be read."""
        return len(self._frames) - max(0, self.read - self._gone)

    def take_over(self, backlog: Subscription) -> None:
        """Start with the events that another subscription has kept, before anything is delivered to this one."""
        with backlog._ready:
            self._gone = backlog._gone
            for frame in backlog._frames:
                if self.tags is None or frame.tag in self.tags:
                    self._frames.append(frame)
            backlog._frames.clear()


class Router:
    """Slots by corrId, and subscriptions by tag."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._issued = 0
        self._slots: dict[str, Slot] = {}
        # Lists are replaced, never changed, so that delivering needs no lock.
        self._by_tag: dict[str, list[Subscription]] = {}
        self._for_all: list[Subscription] = []
        self._backlog: Subscription | None = Subscription(max_bytes=BACKLOG_BYTES)
        # Streams that were garbage collected: that can happen at any moment, even while this very thread holds the
        # lock, so they are only noted, and removed at the next chance.
        self._forgotten: deque[Subscription] = deque()
        self._error: SimplexError | None = None
        #: Answers that nobody waited for any more.
        self.late_answers = 0

    # Calls

    def open_slot(self, text: str) -> Slot:
        """Register a call, before anything of it is sent.

        Args:
            text: The command string.

        Raises:
            SimplexError: The router is closed.
        """
        with self._lock:
            if self._error is not None:
                raise self._error
            self._issued += 1
            corr_id = str(self._issued)
            slot = Slot(corr_id, encode_command(corr_id, text))
            self._slots[corr_id] = slot
        return slot

    def abandon(self, slot: Slot) -> None:
        """Forget a call whose caller waits no more; what was not handed over yet will not be sent."""
        slot.abandoned = True
        with self._lock:
            self._slots.pop(slot.corr_id, None)

    def fail_handed_over(self, error: SimplexError) -> None:
        """End every call that was sent, at least in part, since its answer can come no more."""
        with self._lock:
            ended = [slot for slot in self._slots.values() if slot.handed_over]
            for slot in ended:
                del self._slots[slot.corr_id]
        for slot in ended:
            slot.end(None, error)

    def close(self, error: SimplexError) -> None:
        """End every call and every subscription, and refuse new ones."""
        with self._lock:
            if self._error is None:
                self._error = error
            ended = list(self._slots.values())
            self._slots.clear()
            subscriptions = {id(each): each for group in self._by_tag.values() for each in group}
            subscriptions.update((id(each), each) for each in self._for_all)
        for slot in ended:
            slot.end(None, error)
        for subscription in subscriptions.values():
            subscription.end(error)

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
        with self._lock:
            slot = self._slots.pop(corr_id, None)
        if slot is not None:
            slot.end(frame)
        elif corr_id.isdecimal() and 0 < int(corr_id[:18]) <= self._issued:
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
        for subscription in self._by_tag.get(frame.tag, ()):
            subscription.put(frame)
        for subscription in self._for_all:
            subscription.put(frame)

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
        subscription = Subscription(tags, limit)
        with self._lock:
            self._remove_forgotten()
            first = from_start and self._backlog is not None
            if first and self._backlog is not None:
                subscription.take_over(self._backlog)
            if subscription.tags is None:
                self._for_all = [*self._for_all, subscription]
            else:
                for tag in subscription.tags:
                    self._by_tag[tag] = [*self._by_tag.get(tag, ()), subscription]
            if first:
                self._backlog = None  # last, since `publish` looks at it without the lock
            error = self._error
        if error is not None:
            subscription.end(error)
        return subscription

    def forget(self, subscription: Subscription) -> None:
        """Note that nobody reads a subscription any more; safe at any moment, in any thread."""
        self._forgotten.append(subscription)

    def _remove_forgotten(self) -> None:
        while self._forgotten:
            gone = self._forgotten.popleft()
            if gone.tags is None:
                self._for_all = [each for each in self._for_all if each is not gone]
                continue
            for tag in gone.tags:
                rest = [each for each in self._by_tag.get(tag, ()) if each is not gone]
                if rest:
                    self._by_tag[tag] = rest
                else:
                    self._by_tag.pop(tag, None)
