"""Waiting for events: streams that are iterated, and the one event that something must lead to.

Every stream has its own cursor, so nobody takes another's events. An interrupt (Ctrl-C) while a stream waits, or while
the event is on its way to the caller, loses nothing: the next read gives the event that would have come.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from simplex_sync._internal.codec import Frame
from simplex_sync._internal.deadline import Deadline, check_timeout
from simplex_sync._internal.failures import retold
from simplex_sync._internal.router import STREAM_LIMIT, Router
from simplex_sync._internal.wire import shown_tag
from simplex_sync.api import events
from simplex_sync.errors import ClientClosed, EventsLost, EventTimeout, InvalidArgument

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["EventStream", "Expectation"]

E = TypeVar("E", bound="events.Event")
T = TypeVar("T")

logger = logging.getLogger("simplex_sync")


def event_record(frame: Frame) -> Any:
    """Return the record of an event; where it has several readers, the first makes it for all."""
    record = frame.record
    if record is None:
        body = frame.body()
        if body is None:
            # What could not be read is handed on as it came, for whoever wants to look at it.
            record = events.UnknownEvent(raw={"type": frame.tag, "unreadable": frame.text()})
        else:
            record = events.decode(body)
        if frame.shared:
            frame.record = record
    return record


def understood(frame: Frame, take: Callable[[Any], T]) -> T | None:
    """Return what a reader makes of an event, or None where the event holds something else than documented.

    Such a record is kept as it came, and one odd event must not stop a reader before all those that follow.

    Args:
        frame: The event.
        take: The reader's function of the event's record.
    """
    record = event_record(frame)
    try:
        return take(record)
    except (AttributeError, TypeError, ValueError) as error:
        logger.warning("an event %s is not as documented (%s)", shown_tag(frame.tag), type(error).__name__)
        return None


def check_types(method: str, kinds: tuple[Any, ...]) -> tuple[type[events.Event], ...]:
    """Return the event classes that were asked for.

    Raises:
        InvalidArgument: Something else than event classes was given.
    """
    for kind in kinds:
        if not (isinstance(kind, type) and issubclass(kind, events.Event)):
            raise InvalidArgument(
                f"{method}: give classes of simplex_sync.events, such as events.NewChatItems; got {kind!r:.60}",
                argument="types",
            )
    return kinds


def tags_of(kinds: tuple[type[events.Event], ...]) -> frozenset[str] | None:
    """Return the tags of event classes; None where only all tags will do."""
    if not kinds or any(kind is events.Event or kind is events.UnknownEvent for kind in kinds):
        return None
    return frozenset(kind.tag for kind in kinds)


class EventStream(Generic[E]):
    """A blocking iterator over events, with a cursor of its own; made by `SimplexChat.events`.

    The iteration ends quietly when no event has come for `timeout` seconds, or when the stream was closed. One thread
    at a time may read a stream; make a stream for each thread.

    A client that lost its connection and got it back adds the marker `events.Reconnected`, to streams of all events
    and to those that ask for it.

    Raises:
        EventsLost: The stream was not read for so long that its oldest events were dropped; it can be read on.
        ConnectionLost: The client was closed, or its CLI is gone for good.
    """

    def __init__(
        self,
        router: Router,
        kinds: tuple[type[E], ...] = (),
        timeout: float | None = None,
        *,
        limit: int = STREAM_LIMIT,
        from_start: bool = True,
    ) -> None:
        self._router = router
        self._kinds: tuple[type[events.Event], ...] = kinds or (events.Event,)
        self.timeout = check_timeout("events", timeout)
        self._subscription = router.subscribe(tags_of(kinds), limit=limit, from_start=from_start)
        self._closed = False
        # No __del__: a stream that is no longer referred to is only noted as forgotten.
        router.watch(self, self._subscription)

    def __iter__(self) -> Iterator[E]:
        return self

    def __next__(self) -> E:
        subscription = self._subscription
        deadline = Deadline(self.timeout)
        while True:
            record = self._look(deadline)
            if record is None:
                raise StopIteration
            following = subscription.read + 1
            if isinstance(record, self._kinds):
                event = cast(E, record)
                # The last thing done, by a plain assignment: an interrupt before it leaves the event in the stream.
                subscription.read = following
                return event
            subscription.read = following

    def _look(self, deadline: Deadline) -> Any:
        """Return the next event without moving on, or None where none came in time."""
        subscription = self._subscription
        if self._closed:
            return None
        frame = subscription.peek(deadline)
        if frame is not None:
            return event_record(frame)
        lost = subscription.lost()
        if lost:
            error = EventsLost(
                f"events: {lost} events were dropped, since this stream was not read in time", count=lost
            )
            subscription.read += lost
            raise error
        if subscription.error is not None:
            raise retold("events", subscription.error)
        return None

    @property
    def unread(self) -> int:
        """How many events have come and were not read yet."""
        return self._subscription.unread()

    def close(self) -> None:
        """End the stream. Can be called again."""
        self._closed = True
        self._router.forget(self._subscription)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        names = ", ".join(kind.__name__ for kind in self._kinds)
        return f"<EventStream of {names}, {self.unread} unread>"


class Expectation(Generic[E]):
    """The one event that something must lead to; made by `SimplexChat.expect`.

    It listens from the moment at which it was made, so the event cannot slip by::

        with chat.expect(events.ContactConnected, timeout=120) as connected:
            chat.connect(conn_link=link)
        print(connected.value.contact.local_display_name)

    Leaving the `with` block waits for the event; where the block ends by an exception, that one is seen and nothing is
    waited for. Without `with`, call `wait()`.
    """

    def __init__(
        self,
        router: Router,
        kind: type[E],
        where: Callable[[E], object] | None = None,
        timeout: float | None = None,
        method: str = "expect",
    ) -> None:
        check_types(method, (kind,))
        self._kind = kind
        if where is not None and not callable(where):
            raise InvalidArgument(f"{method}: where must be a function of the event, or None", argument="where")
        self._method = method
        self._where = where
        self._tags = tags_of((kind,))
        self._deadline = Deadline(check_timeout(method, timeout))
        self._router = router
        # All tags, so that a timeout can say what came instead.
        self._subscription = router.subscribe(None)
        router.watch(self, self._subscription)
        self._value: E | None = None
        self._seen: dict[str, None] = {}
        self._lost = 0

    def wait(self) -> E:
        """Wait for the event and return it; the same one each time.

        Raises:
            EventTimeout: It did not come in time; `tags` says what came meanwhile.
            ConnectionLost: The client was closed, or its CLI is gone for good.
        """
        if self._value is not None:
            return self._value
        subscription = self._subscription
        while True:
            frame = subscription.peek(self._deadline)
            if frame is None:
                lost = subscription.lost()
                if lost:
                    self._lost += lost
                    subscription.read += lost
                    continue
                if subscription.error is not None:
                    error = retold(self._method, subscription.error)
                    self.close()
                    raise error
                raise self._timeout()
            wanted = self._is_wanted(frame)
            following = subscription.read + 1
            if wanted is not None:
                self._value = wanted
                self._router.forget(self._subscription)
                return wanted
            self._seen.setdefault(frame.tag or "(unreadable)")
            subscription.read = following

    def _is_wanted(self, frame: Frame) -> E | None:
        if self._tags is not None and frame.tag not in self._tags:
            return None
        record = event_record(frame)
        if not isinstance(record, self._kind):
            return None
        return record if self._where is None or self._where(record) else None

    def _timeout(self) -> EventTimeout:
        tags = tuple(self._seen)
        came = f"meanwhile came: {', '.join(tags)}" if tags else "no event came meanwhile"
        if self._lost:
            came += f"; {self._lost} more were dropped unread, and it may have been among them"
        name = self._kind.__name__
        return EventTimeout(
            f"{self._method}: no {name} came in {self._deadline.seconds} seconds; {came}",
            seconds=self._deadline.seconds,
            tags=tags,
        )

    @property
    def value(self) -> E:
        """The event; waits for it where it has not come yet, like `wait()`."""
        return self.wait()

    @property
    def done(self) -> bool:
        """Whether the event was seen by `wait()`, `value` or the end of the `with` block."""
        return self._value is not None

    def close(self) -> None:
        """Stop listening. Can be called again."""
        if self._value is None:
            self._subscription.end(ClientClosed(f"{self._method}: this expectation was closed"))
        self._router.forget(self._subscription)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is not None:
            self.close()
            return
        try:
            self.wait()
        except EventTimeout:
            self.close()
            raise

    def __repr__(self) -> str:
        state = "done" if self.done else "waiting"
        return f"<Expectation of {self._kind.__name__}, {state}>"
