"""Small bots: functions that are called for messages, commands and events, in the thread that calls `run()`."""

from __future__ import annotations

import logging
import re
import traceback
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from simplex_sync._conversation.export import Export
from simplex_sync._conversation.inbox import Inbox, Position
from simplex_sync._conversation.message import Message
from simplex_sync._conversation.receiving import message_of, selection
from simplex_sync._internal.deadline import Deadline, check_timeout
from simplex_sync.api import events, types
from simplex_sync.errors import ClientClosed, InvalidArgument
from simplex_sync.waiting import check_types, tags_of

if TYPE_CHECKING:
    from simplex_sync._conversation.verbs import Verbs

__all__ = ["HandlerError", "Handlers", "Handling"]

M = TypeVar("M", bound=Callable[[Message], object])
H = TypeVar("H", bound=Callable[[Any], object])

logger = logging.getLogger("simplex_sync")

_NAME = re.compile(r"[^\W_][\w-]*\Z")
# How many errors of handlers are kept for who asks for them.
_ERRORS = 100


class HandlerError(NamedTuple):
    """What a handler has raised.

    Attributes:
        handler: The name of the function.
        error: The exception.
        subject: The message or the event that it was called for.
    """

    handler: str
    error: Exception
    subject: Message | events.Event


class Handlers:
    """The functions of one client.

    Attributes:
        messages: Those for messages.
        commands: Those for commands, by name.
        events: Those for events, with the classes that they are for.
        errors: Those that are told what others raised.
        raised: What handlers have raised, the last hundred.
    """

    def __init__(self) -> None:
        self.messages: list[Callable[[Message], object]] = []
        self.commands: dict[str, Callable[[Message], object]] = {}
        self.events: list[tuple[tuple[type[events.Event], ...], Callable[[Any], object]]] = []
        self.errors: list[Callable[[HandlerError], object]] = []
        self.raised: deque[HandlerError] = deque(maxlen=_ERRORS)

    def tags(self) -> frozenset[str] | None:
        """Return the tags of the events that are wanted as they are; None means all."""
        wanted: frozenset[str] = frozenset()
        for kinds, _ in self.events:
            tags = tags_of(kinds)
            if tags is None:
                return None
            wanted |= tags
        return wanted

    def of(self, subject: Message | events.Event) -> list[Callable[[Any], object]]:
        """Return the functions to call for a message or an event."""
        if not isinstance(subject, Message):
            return [handler for kinds, handler in self.events if isinstance(subject, kinds or events.Event)]
        command = subject.command
        handler = None if command is None else self.commands.get(command.name)
        return list(self.messages) if handler is None else [handler]


class Handling(Export):
    """`on_message`, `on_command`, `on`, `on_error`, `run`."""

    @property
    def _handlers(self) -> Handlers:
        state = self._conversation
        with state.lock:
            if state.handlers is None:
                state.handlers = Handlers()
            return state.handlers

    def on_message(self, handler: M) -> M:
        """Register a function for received messages, as a decorator: `@chat.on_message`.

        It gets each message that no command handler has taken. Several are called in the order of their registration.

        Args:
            handler: A function of a `Message`.

        Returns:
            The function itself.

        Raises:
            InvalidArgument: It cannot be called.
        """
        self._handlers.messages.append(_callable("on_message", handler))
        return handler

    def on_command(self, name: str) -> Callable[[M], M]:
        """Register a function for messages of the form `/name args`, as a decorator: `@chat.on_command("help")`.

        Args:
            name: The name of the command, with or without the slash.

        Returns:
            The decorator; the function gets the `Message`, whose `command` has the arguments.

        Raises:
            InvalidArgument: The name cannot be one, or has a function already.
        """
        if not isinstance(name, str) or not _NAME.match(name.removeprefix("/")):
            raise InvalidArgument(
                "on_command: name must be letters, digits, _ and -, beginning with a letter or digit", argument="name"
            )
        bare = name.removeprefix("/")
        if bare in self._handlers.commands:
            raise InvalidArgument(f"on_command: /{bare} has a function already", argument="name")

        def register(handler: M) -> M:
            self._handlers.commands[bare] = _callable("on_command", handler)
            return handler

        return register

    def on(self, *types: type[events.Event]) -> Callable[[H], H]:
        """Register a function for events, as a decorator: `@chat.on(events.ContactConnected)`.

        Args:
            types: Classes of `simplex_sync.events`. Default: all.

        Returns:
            The decorator; the function gets the event.

        Raises:
            InvalidArgument: Something else than classes of events was given.
        """
        kinds = check_types("on", types)

        def register(handler: H) -> H:
            self._handlers.events.append((kinds, _callable("on", handler)))
            return handler

        return register

    def on_error(self, handler: Callable[[HandlerError], object]) -> Callable[[HandlerError], object]:
        """Register a function that is told what another one has raised, as a decorator: `@chat.on_error`.

        Args:
            handler: A function of a `HandlerError`.

        Returns:
            The function itself.

        Raises:
            InvalidArgument: It cannot be called.
        """
        self._handlers.errors.append(_callable("on_error", handler))
        return handler

    @property
    def handler_errors(self) -> list[HandlerError]:
        """What registered functions have raised, the last hundred, oldest first."""
        return list(self._handlers.raised)

    def run(self, timeout: float | None = None, *, stop_on_error: bool = False) -> None:
        """Call the registered functions for what comes, until Ctrl-C or the end of the client.

        They are called in this thread, one after the other, so they may call any method and wait for what they like.
        What one raises is logged (its kind and place, not its text), kept in `handler_errors`, told to `on_error`, and
        does not end the run. Called again, it goes on where it stopped; each message is handed to the functions once,
        also when Ctrl-C has ended them.

        Args:
            timeout: End when nothing has come for so many seconds. Default: never.
            stop_on_error: Whether what a function raises ends the run, and is raised here.

        Raises:
            InvalidArgument: No function is registered.
            ConnectionLost: The CLI is gone for good.
        """
        seconds = check_timeout("run", timeout)
        handlers = self._handlers
        if not (handlers.messages or handlers.commands or handlers.events):
            raise InvalidArgument("run: no function is registered; use @chat.on_message, @chat.on_command or @chat.on")
        tags = handlers.tags()
        inbox = self._inbox("run", ("run", tags), selection(None, own=False, system=False), tags)
        try:
            while True:
                entry, position = inbox.look(self, Deadline(seconds))
                if entry is None:
                    return
                subject = message_of(cast("Verbs", self), entry) if isinstance(entry, types.AChatItem) else entry
                called = handlers.of(subject)
                for handler in called:
                    self._handle(handler, subject, stop_on_error, inbox, position)
                inbox.position = position
        except KeyboardInterrupt:
            return
        except ClientClosed:
            if inbox.ended:
                return
            raise

    def _handle(
        self,
        handler: Callable[[Any], object],
        subject: Message | events.Event,
        stop_on_error: bool,
        inbox: Inbox,
        position: Position,
    ) -> None:
        try:
            # Ctrl-C before this moment leaves the message where it was; after it, the function has it.
            inbox.position = position
            handler(subject)
        except Exception as error:
            if stop_on_error or (isinstance(error, ClientClosed) and inbox.ended):
                raise
            name = getattr(handler, "__qualname__", type(handler).__name__)
            handlers = self._handlers
            problem = HandlerError(name, error, subject)
            handlers.raised.append(problem)
            # The error's own text could hold a message.
            logger.error("run: the handler %s raised %s at %s", name, type(error).__name__, _place(error))
            for tell in handlers.errors:
                tell(problem)


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "an unknown place"


def _callable(method: str, handler: H) -> H:
    if not callable(handler):
        raise InvalidArgument(f"{method}: a function is needed, not {type(handler).__name__}", argument="handler")
    return handler
