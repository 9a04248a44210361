"""Several commands in flight: each answer is waited for in the order of the commands.

The CLI runs the commands of one connection strictly one after another, so sending the next ones before the answer to
the first has come changes no order of effects; it only saves the time in which nobody does anything.

One thread reads the commands and sends them, one reads the events; the caller's thread waits for the answers and is the
one that a person interrupts.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

from simplex_sync._internal.codec import Frame
from simplex_sync._internal.deadline import Deadline
from simplex_sync._internal.failures import retold
from simplex_sync._internal.router import Slot
from simplex_sync.errors import (
    CommandTimeout,
    ConnectionLost,
    EventsLost,
    InvalidArgument,
    OutcomeUnknown,
    SimplexError,
)

if TYPE_CHECKING:
    from simplex_sync.client import SimplexChat

Json: TypeAlias = "dict[str, Any]"
#: What is in the queue between the threads: a call or a line that was never sent; then None, or why it ends early.
_Item: TypeAlias = "tuple[int, Slot | SimplexError] | BaseException | None"


class Pipeline:
    """Sends commands and gives their answers, in the same order.

    Args:
        chat: The started client.
        window: How many commands may be in flight.
        timeout: How long to wait for each answer after the one before it has come, in seconds.
    """

    def __init__(self, chat: SimplexChat, window: int, timeout: float | None) -> None:
        session = chat._living_session("pipe")
        self._router, self._channel = session.router, session.channel
        self._timeout = timeout
        self._room = threading.Semaphore(window)
        self._queue: queue.SimpleQueue[_Item] = queue.SimpleQueue()
        self._stopped = False

    def answers(self, lines: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, Json | SimplexError]]:
        """Give each command's answer, or why there is none.

        Args:
            lines: Commands in UTF-8, each with its number; read in another thread.

        Raises:
            SimplexError: The CLI is gone for good; the lines that follow were not read.
        """
        feeder = threading.Thread(target=self._feed, args=(lines,), name="simplex-sync pipe input", daemon=True)
        feeder.start()
        try:
            while (item := self._queue.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                number, call = item
                outcome = call if isinstance(call, SimplexError) else self._outcome(call)
                self._room.release()
                yield number, outcome
            feeder.join()
        finally:
            self._stopped = True
            self._room.release()

    def break_off(self, error: BaseException) -> None:
        """Let `answers` raise an error when what came before is done; safe in any thread."""
        self._queue.put(error)

    def _feed(self, lines: Iterable[tuple[int, bytes]]) -> None:
        try:
            for number, line in lines:
                self._room.acquire()
                if self._stopped:
                    return
                self._queue.put((number, self._sent(line)))
        except BaseException as error:
            self._queue.put(error)
        else:
            self._queue.put(None)

    def _sent(self, line: bytes) -> Slot | SimplexError:
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            return InvalidArgument("pipe: the line is not in UTF-8; nothing was sent", argument="line")
        slot = self._router.open_slot(text)
        self._channel.send(slot)
        return slot

    def _outcome(self, slot: Slot) -> Json | SimplexError:
        deadline = Deadline(self._timeout)
        if not slot.wait(deadline):
            self._router.abandon(slot)
            outcome = "its outcome is unknown" if slot.handed_over else "it was not sent"
            return CommandTimeout(f"pipe: no answer in {self._timeout:g} seconds; {outcome}", seconds=self._timeout)
        if slot.error is not None:
            if not slot.handed_over:
                return retold("pipe", slot.error)
            return OutcomeUnknown("pipe: the connection to the CLI was lost before the answer; it was not sent again")
        assert slot.frame is not None
        body = slot.frame.body()
        return OutcomeUnknown("pipe: the CLI's answer could not be read") if body is None else body


class EventFeed:
    """Hands on every event since the start of the client, in a thread of its own.

    Args:
        chat: The started client.
        write: Called with the JSON object of each event, or with an EventsLost.
        failed: Called, once, with what ended it early: an error of `write`, or that the CLI is gone for good.
    """

    def __init__(
        self,
        chat: SimplexChat,
        write: Callable[[Json | SimplexError], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        self._router = chat._living_session("pipe").router
        self._write, self._failed = write, failed
        self._subscription = self._router.subscribe(None, from_start=True)
        self._end = ConnectionLost("pipe: the end")
        self._thread = threading.Thread(target=self._run, name="simplex-sync pipe events", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def finish(self) -> None:
        """Hand on what has come by now, and end the thread."""
        self._subscription.end(self._end)
        self._thread.join()
        self._router.forget(self._subscription)

    def _run(self) -> None:
        subscription, for_ever = self._subscription, Deadline(None)
        try:
            while True:
                frame = subscription.peek(for_ever)
                if frame is not None:
                    subscription.read += 1
                    self._write(event_object(frame))
                elif lost := subscription.lost():
                    subscription.read += lost
                    self._write(
                        EventsLost(f"pipe: {lost} events were dropped, since the output was not read", count=lost)
                    )
                elif subscription.error is self._end:
                    return
                else:
                    assert subscription.error is not None
                    raise retold("pipe", subscription.error)
        except BaseException as error:
            self._failed(error)


def event_object(frame: Frame) -> Json:
    """Return the JSON object of an event; of one that cannot be read, or that the library made, what can be told."""
    body = frame.body()
    if body is not None:
        return body
    record = frame.record
    return record.to_dict() if hasattr(record, "to_dict") else {"type": frame.tag, "unreadable": frame.text()}
