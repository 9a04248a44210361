"""SimplexChat: one SimpleX Chat client, from start to end."""

from __future__ import annotations

import atexit
import os
import threading
import warnings
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, overload

from simplex_sync import executable as executables
from simplex_sync._conversation.base import Conversation
from simplex_sync._conversation.verbs import Verbs
from simplex_sync._internal.deadline import Deadline, check_timeout
from simplex_sync._internal.session import Session
from simplex_sync._internal.settings import Settings
from simplex_sync._internal.uninterrupted import uninterrupted
from simplex_sync.api.events import Event
from simplex_sync.api.types import User
from simplex_sync.errors import (
    ClientClosed,
    CommandTimeout,
    ForkedClient,
    InvalidArgument,
    StartError,
    StartTimeout,
)
from simplex_sync.retrying import check_policy
from simplex_sync.waiting import EventStream, Expectation, check_types

if TYPE_CHECKING:
    import tenacity
    from typing_extensions import Self


__all__ = ["SimplexChat"]

E = TypeVar("E", bound=Event)

#: The clients that were started, also those that were closed since.
_living: weakref.WeakSet[SimplexChat] = weakref.WeakSet()


class SimplexChat(Verbs):
    """A SimpleX Chat client that starts, uses and ends a `simplex-chat` CLI of its own.

    ::

        with SimplexChat("notes", display_name="Notes") as chat:
            print(chat.user.profile.display_name)

    Nothing is started before `start()` or `with`. One object can be used by many threads.

    Args:
        database: The prefix of the database files (a path): `"notes"` makes `notes_chat.db` and `notes_agent.db` in
            the current folder. The folder is made where it is missing.
        display_name: The name of the user profile that is made at the first run. Where the database has several
            profiles, the one of this name becomes the active one.
        bot: Whether the profile made at the first run is that of a bot, which takes files.
        key: The key of the database: text, or a function that returns it. Default: the environment variable
            SIMPLEX_CHAT_KEY, or no key. The CLI takes it on its command line, where other users of the machine may see
            it.
        executable: The program: a path, a name on PATH, or `"simulator"`. Default: the environment variable
            SIMPLEX_CHAT_BIN, `simplex-chat` on PATH, or what `simplex-sync install` put there.
        smp_servers: Addresses of message servers; the CLI does not store them. Default: its presets.
        xftp_servers: Addresses of file servers; likewise.
        files_folder: Where files are sent from and received into. Default: `<database>_files`.
        temp_folder: Where parts of files are kept; on the same file system. Default: `.temp` in the files folder.
        extra_args: Further arguments for the program.
        timeout: How long a call may take where it says nothing else, in seconds; None waits for ever.
        retry: A `tenacity.Retrying` whose waits, stops and hooks are used where a command is tried again. What may be
            tried again is not its to say: see `simplex_sync.retrying`.
        restart: Whether a CLI that ended by itself is started again.

    Raises:
        InvalidArgument: An argument cannot be right.
    """

    def __init__(
        self,
        database: str | os.PathLike[str],
        *,
        display_name: str | None = None,
        bot: bool = False,
        key: str | Callable[[], str] | None = None,
        executable: str | os.PathLike[str] | None = None,
        smp_servers: Sequence[str] = (),
        xftp_servers: Sequence[str] = (),
        files_folder: str | os.PathLike[str] | None = None,
        temp_folder: str | os.PathLike[str] | None = None,
        extra_args: Sequence[str] = (),
        timeout: float | None = 60.0,
        retry: tenacity.Retrying | None = None,
        restart: bool = True,
    ) -> None:
        self._settings: Settings | None = Settings.checked(
            database=database,
            display_name=display_name,
            bot=bot,
            key=key,
            executable=executable,
            smp_servers=smp_servers,
            xftp_servers=xftp_servers,
            files_folder=files_folder,
            temp_folder=temp_folder,
            extra_args=extra_args,
        )
        self._url: str | None = None
        self._prepare(timeout, retry, restart)

    @classmethod
    def attach(
        cls,
        url: str,
        *,
        timeout: float | None = 60.0,
        retry: tenacity.Retrying | None = None,
    ) -> Self:
        """Return a client for a CLI that somebody else runs (`simplex-chat -p PORT`); start it like any other.

        The CLI hands each event to just one of its connections, so be the only one.

        Args:
            url: Where it listens: `ws://…` or `wss://…`, with `user:password@` where a proxy asks for it.
            timeout: How long a call may take where it says nothing else, in seconds; None waits for ever.
            retry: As for the constructor.

        Raises:
            InvalidArgument: The URL cannot be right.
        """
        from websockets.exceptions import InvalidURI
        from websockets.uri import parse_uri

        try:
            parse_uri(url)
        except (InvalidURI, ValueError, AttributeError, TypeError):
            # The URL may hold a password, so it is not shown.
            raise InvalidArgument(
                "attach: url must be ws://HOST:PORT or wss://HOST:PORT, with user:password@ before the host if needed",
                argument="url",
            ) from None
        chat = cls.__new__(cls)
        chat._settings = None
        chat._url = url
        chat._prepare(timeout, retry, restart=False)
        return chat

    def _prepare(self, timeout: float | None, retry: tenacity.Retrying | None, restart: bool) -> None:
        self.timeout = check_timeout(type(self).__name__, timeout)
        self._retry = check_policy(retry)
        self._restart = restart
        self._session: Session | None = None
        self._finalizer: weakref.finalize[Any, Any] | None = None
        self._life = threading.RLock()
        self._user: User | None = None
        self._cli_version: str | None = None
        self._conversation = Conversation()

    # Life

    def start(self, timeout: float | None = None) -> Self:
        """Start the CLI and wait until it takes commands; does nothing where it runs already.

        A client that was closed, or whose CLI is gone for good, can be started again.

        Args:
            timeout: How long that may take, in seconds. Default: the client's timeout.

        Returns:
            The client itself.

        Raises:
            StartError: The CLI could not be started: which subclass says why.
            ConnectionLost: Somebody else's CLI could not be reached.
        """
        deadline = Deadline(self.timeout if timeout is None else check_timeout("start", timeout))
        with self._life:
            session = self._session
            if session is not None and not session.closed:
                if session.serves or session.forked:
                    self._living_session("start")
                    return self
                self.close()  # a start or an end that was interrupted more than once, or a CLI that is gone for good
            launch = None
            if self._settings is not None:
                launch = self._settings.launch(executables.find(self._settings.executable), deadline.seconds)
            session = Session(launch, self._url, restart=self._restart, name=f"simplex_sync {self._label}")
            self._conversation.begin(session.router)
            # Before the start, so that whatever happens meanwhile, somebody can close it.
            self._session = session
            if self._finalizer is not None:
                self._finalizer.detach()  # here and not at the end of that session, which another thread may await
            self._finalizer = weakref.finalize(self, _collected, session, self._label)
            self._finalizer.atexit = False
            _living.add(self)
            try:
                session.start(deadline)
                self._get_acquainted(deadline)
            except BaseException:
                _end(session, ClientClosed("start: the client was not started"))
                if self._session is session:  # a signal handler may have started another one
                    self._session = None
                raise
        return self

    def _get_acquainted(self, deadline: Deadline) -> None:
        """Learn who the user is and which version the CLI has."""
        try:
            user = getattr(self.show_active_user(timeout=deadline.remaining()), "user", None)
            version = getattr(self.show_version(timeout=deadline.remaining()), "version_info", None)
        except CommandTimeout as error:
            raise StartTimeout("start: the CLI opened its port, but answers no commands") from error
        number = getattr(version, "version", None)
        if not isinstance(user, User) or not isinstance(number, str):
            raise StartError("start: the CLI does not say who its user is, or its version; is it a simplex-chat?")
        self._user, self._cli_version = user, number
        wanted = self._settings.display_name if self._settings else None
        if wanted is not None and user.local_display_name != wanted:
            for info in self.list_users(timeout=deadline.remaining()).users:
                if info.user.local_display_name == wanted:
                    self.api_set_active_user(user_id=info.user.user_id, timeout=deadline.remaining())

    def close(self) -> None:
        """End the CLI and give everything back: process, connection, thread, lock. Can be called again.

        Calls and waits of other threads fail at once with ClientClosed. Takes well under two seconds.
        """
        session = self._session
        if session is not None and not session.forked and not session.closed:
            _end(session, ClientClosed("the client was closed"))

    @classmethod
    def close_all(cls) -> None:
        """Close every client of this process, such as those whose variable is gone in a notebook."""
        for chat in _all_living():
            chat.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _label(self) -> str:
        return self._settings.prefix.name if self._settings else "attached"

    def _living_session(self, method: str) -> Session:
        session = self._session
        if session is not None and session.forked:
            raise ForkedClient(
                f"{method}: this client belongs to the process that started it; start one of its own in this process, "
                "on another database"
            )
        if session is None or not session.ready:
            raise ClientClosed(f"{method}: the client is not started: call start(), or use it in a with statement")
        return session

    # Facts

    @property
    def user(self) -> User:
        """The active user, as last seen in an answer of the CLI."""
        self._living_session("user")
        assert self._user is not None
        return self._user

    @property
    def cli_version(self) -> str:
        """The version of the CLI, such as `"6.4.5.1"`."""
        self._living_session("cli_version")
        assert self._cli_version is not None
        return self._cli_version

    @property
    def pid(self) -> int | None:
        """The process number of the CLI; None where it is somebody else's."""
        process = self._living_session("pid").process
        return None if process is None else process.pid

    @property
    def port(self) -> int:
        """The port on which the CLI listens."""
        port = self._living_session("port").port
        assert port is not None
        return port

    @property
    def files_folder(self) -> Path | None:
        """Where files are sent from and received into; None where it is somebody else's CLI."""
        return self._settings.files_folder if self._settings else None

    @property
    def restarts(self) -> int:
        """How often the CLI was started again after it had ended by itself."""
        return self._living_session("restarts").restarts

    # Events

    @overload
    def events(self, *, timeout: float | None = None) -> EventStream[Event]: ...

    @overload
    def events(self, *types: type[E], timeout: float | None = None) -> EventStream[E]: ...

    def events(self, *types: type[Any], timeout: float | None = None) -> EventStream[Any]:
        """Return a blocking iterator over events.

        The first stream of a client starts at the first event since `start()`, any other at the moment of this call.

        Args:
            types: Classes of `simplex_sync.events`. Default: all.
            timeout: End the iteration when no event has come for so many seconds. Default: never.

        Returns:
            A stream with a cursor of its own: `for event in chat.events(events.NewChatItems): …`

        Raises:
            InvalidArgument: Something else than classes of events was given.
        """
        kinds = check_types("events", types)
        return EventStream(self._living_session("events").router, kinds, check_timeout("events", timeout))

    def expect(
        self, type: type[E], where: Callable[[E], object] | None = None, timeout: float | None = None
    ) -> Expectation[E]:
        """Listen for one event from now on, and wait for it at the end of a `with` block or by `.value`.

        Args:
            type: The class of the event.
            where: A function of the event that says whether it is the one.
            timeout: How long from now it may take, in seconds. Default: the client's timeout.

        Returns:
            The expectation.

        Raises:
            InvalidArgument: Something else than a class of events was given.
        """
        seconds = self.timeout if timeout is None else timeout
        return Expectation(self._living_session("expect").router, type, where, seconds)

    def wait_for(self, type: type[E], where: Callable[[E], object] | None = None, timeout: float | None = None) -> E:
        """Wait for an event that comes from now on, and return it.

        Args:
            type: The class of the event.
            where: A function of the event that says whether it is the one.
            timeout: How long it may take, in seconds. Default: the client's timeout.

        Returns:
            The event.

        Raises:
            EventTimeout: It did not come in time.
            InvalidArgument: Something else than a class of events was given.
        """
        seconds = self.timeout if timeout is None else timeout
        return Expectation(self._living_session("wait_for").router, type, where, seconds, "wait_for").wait()

    def __repr__(self) -> str:
        session = self._session
        state = "not started" if session is None or not session.ready else "closed" if session.closed else "running"
        return f"<{type(self).__name__} {self._label!r}, {state}>"


def _end(session: Session, error: ClientClosed) -> None:
    uninterrupted(lambda: session.close(error), "simplex_sync close")


def _collected(session: Session, label: str) -> None:
    """Close what a client left open that nobody refers to any more."""
    if session.forked or session.is_ending():
        return
    try:
        said = f"the client {label!r} was not closed: use `with`, or call close()"
        warnings.warn(said, ResourceWarning, stacklevel=2)
    finally:  # also where warnings are errors
        session.close_apart(ClientClosed("the client was collected"))


def _all_living() -> list[SimplexChat]:
    while True:
        try:
            return list(_living)
        except RuntimeError:  # another thread made one start meanwhile
            continue


def _after_fork() -> None:
    for chat in _all_living():
        if chat._session is not None and not chat._session.closed:
            chat._session.after_fork()


atexit.register(SimplexChat.close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
