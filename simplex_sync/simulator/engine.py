"""One profile database at work: commands and messages, each in one transaction, and the queue of events."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from . import delivery, records, refusals, versions
from .commands import Command
from .failure import ChatError, error

if TYPE_CHECKING:
    from .network import Network
    from .options import Options
    from .store import Store

Json = dict[str, Any]
Value = TypeVar("Value")
Ticker = Callable[["Simulator", float], "float | None"]

_TICKERS: list[Ticker] = []


def ticker(function: Ticker) -> Ticker:
    """Register what is to be done as time goes by.

    The function gets the simulator and the time (seconds since 1970); it returns when it is due again, or None.
    """
    _TICKERS.append(function)
    return function


class Simulator:
    """The state of one simulated CLI.

    Attributes:
        store: Its documents.
        network: The folder that stands for the servers.
        options: What it was started with.
        events: The events that no client has taken yet.
        memory: What features keep only while the process runs.
        transactions: How many transactions there were.
    """

    def __init__(self, store: Store, network: Network, options: Options) -> None:
        self.store = store
        self.network = network
        self.options = options
        self.events: deque[Json] = deque()
        self.memory: dict[str, Any] = {}
        self._emitted: list[Json] = []
        self._later: list[Json] = []
        self._after_commit: list[Callable[[], None]] = []
        self._deferred: dict[str, list[Json]] = {}
        self.transactions = 0

    # Users.

    def user(self, user_id: int) -> Json:
        """Return a user's document.

        Raises:
            ChatError: `userUnknown`.
        """
        user = self.store.get("users", user_id)
        if user is None:
            raise error("userUnknown")
        return user

    def active_user(self) -> Json:
        """Return the active user's document.

        Raises:
            ChatError: `noActiveUser`.
        """
        user = self.store.first("users", activeUser=True)
        if user is None:
            raise error("noActiveUser")
        return user

    def expect_user(self, user_id: int) -> Json:
        """Return the active user's document, if it is the one that a command names.

        Raises:
            ChatError: `differentActiveUser`.
        """
        user = self.active_user()
        if user["userId"] != user_id:
            raise error("differentActiveUser", commandUserId=user_id, activeUserId=user["userId"])
        return user

    def user_record(self, user: Json) -> Json:
        """Return the `User` of a document."""
        return records.user_record(user)

    # Events.

    def emit(self, event: Json) -> None:
        """Queue an event, if the transaction succeeds."""
        self._emitted.append(event)

    def emit_all(self, events: Iterable[Json]) -> None:
        """Queue several events, if the transaction succeeds."""
        self._emitted.extend(events)

    def emit_later(self, event: Json) -> None:
        """Queue an event that comes after the response of the command that runs."""
        self._later.append(event)

    def defer(self, agent_conn_id: str, events: list[Json]) -> None:
        """Keep events until the last envelope of a deleted connection was handed over."""
        self._deferred[agent_conn_id] = events

    def take_deferred(self, agent_conn_id: str) -> list[Json]:
        """Return the events that were kept for a connection."""
        return self._deferred.pop(agent_conn_id, [])

    def mark(self) -> int:
        """Return where the events of this transaction are."""
        return len(self._emitted)

    def back_to(self, mark: int) -> None:
        """Forget the events of this transaction after a mark."""
        del self._emitted[mark:]

    def event_queue_full(self) -> bool:
        """Return whether so many events wait that no more messages are taken in, as with the CLI's `-q`."""
        return len(self.events) >= self.options.queue_size

    # Work.

    def after_commit(self, action: Callable[[], None]) -> None:
        """Do something outside of the database when the transaction has succeeded."""
        self._after_commit.append(action)

    def transact(self, work: Callable[[], Value]) -> Value:
        """Do work in one transaction, and queue its events after it."""
        self._emitted, self._after_commit = [], []
        self.transactions += 1
        try:
            with self.store.transaction():
                result = work()
        except BaseException:
            self._emitted, self._after_commit, self._later = [], [], []
            raise
        for action in self._after_commit:
            action()
        self.events.extend(self._outgoing(event) for event in self._emitted)
        self._emitted = []
        return result

    def execute(self, command: Command) -> Json:
        """Run a command and return its response; `after_response` must follow."""
        try:
            response = self.transact(lambda: command.run(self))
        except ChatError as failure:
            refusals.keep(self.store, command.handler.__name__, failure.chat_error)
            response = {"type": "chatCmdError", "chatError": failure.chat_error}
        return self._outgoing(response)

    def _outgoing(self, message: Json) -> Json:
        return versions.seven(self, message) if self.options.seven else message

    def after_response(self) -> None:
        """Queue the events that come after the response."""
        self.events.extend(self._outgoing(event) for event in self._later)
        self._later = []

    def work(self) -> float | None:
        """Do what the network and the clock ask for.

        Returns:
            After how many seconds there is more to do by itself, or None.
        """
        waits = self._tick()
        if not self.event_queue_full():
            before = self.transactions
            waits += [wait for wait in (delivery.take_in(self),) if wait is not None]
            if self.transactions != before:  # what came may have given the clock something to do
                waits += self._tick()
        waits += [wait for wait in (delivery.hand_over(self),) if wait is not None]
        return min(waits, default=None)

    def _tick(self) -> list[float]:
        now = time.time()
        dues = [function(self, now) for function in _TICKERS]
        return [max(0.0, due - now) for due in dues if due is not None]
