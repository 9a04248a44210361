"""A client's child, connection and lock, from start to end, and what happens when one of them is lost.

The client object that people hold has no thread of its own and is held by none, so that it can be collected; this one
is held by the I/O thread.
"""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from websockets.uri import WebSocketURI, parse_uri

from simplex_sync._internal.channel import Channel, Wire
from simplex_sync._internal.codec import Frame
from simplex_sync._internal.database import DatabaseLock
from simplex_sync._internal.deadline import Deadline
from simplex_sync._internal.output import OutputTail
from simplex_sync._internal.process import CliProcess
from simplex_sync._internal.router import Router
from simplex_sync._internal.startup import Startup
from simplex_sync._internal.uninterrupted import leave_interrupts_to_the_main_thread, uninterrupted
from simplex_sync.api import events
from simplex_sync.errors import (
    ChildExited,
    ClientClosed,
    CliExited,
    ConnectionLost,
    DatabaseInUse,
    SimplexError,
    StartError,
    StartTimeout,
)
from simplex_sync.retrying import recovery_policy

logger = logging.getLogger("simplex_sync")

#: Seconds in which a child whose socket was lost ends, if it is about to end.
_DYING_SECONDS = 0.3
#: Seconds for a connection to a child that lives, or to somebody else's CLI.
_CONNECT_SECONDS = 10.0
#: A connection that lasted less than so many seconds and answered no call was of no use; after so many of these in a
#: row, with growing pauses between them, the CLI is given up, since it ends by itself again and again.
_USELESS_SECONDS, _USELESS_CONNECTIONS = 1.0, 8
#: Seconds for which the garbage collector waits for the end of a client that it found; it goes on without.
_APART_SECONDS = 3.0


@dataclass
class Launch:
    """How to start the CLI.

    Attributes:
        argv: The program and its arguments; holds the database key.
        prefix: The prefix of the database files.
        display_name: The name to type or to pick at a prompt.
        secrets: What must never show in output that is kept.
        seconds: How long a start may take when a lost CLI is started again, in seconds.
    """

    argv: Sequence[str] = field(repr=False)
    prefix: Path
    display_name: str | None
    secrets: tuple[str, ...] = field(repr=False)
    seconds: float | None


class Session:
    """One client's resources.

    Args:
        launch: How to start the CLI; None where it is somebody else's.
        url: Where somebody else's CLI listens.
        restart: Whether a CLI that ended is started again.
        name: The name of the I/O thread.
    """

    def __init__(self, launch: Launch | None, url: str | None, *, restart: bool, name: str) -> None:
        self._launch = launch
        self._url = url
        self._restart = restart
        self.router = Router()
        self.channel = Channel(self.router, self, name)
        self.process: CliProcess | None = None
        self.port: int | None = None
        self.restarts = 0
        #: The rung of the ladder that ended the CLI, after `close`: "exit", "SIGTERM", "SIGKILL".
        self.ended_by: str | None = None
        self._lock = DatabaseLock(launch.prefix) if launch else None
        self._tail = OutputTail(launch.secrets if launch else ())
        self._connected_at = 0.0
        self._answered_before: str | None = None
        self._useless = 0  # how many connections in a row were of no use
        self._life = threading.Lock()  # held by whoever starts or ends it
        self._ready = False
        self._closed = False
        self.forked = False

    @property
    def ready(self) -> bool:
        """Whether it was started."""
        return self._ready

    @property
    def closed(self) -> bool:
        """Whether everything was given back."""
        return self._closed

    @property
    def serves(self) -> bool:
        """Whether it was started, and neither is about to end nor has lost its CLI for good."""
        return self._ready and not self.is_ending() and not self.router.closed

    def is_ending(self) -> bool:
        """Return whether somebody is about to give everything back, or has done so."""
        return self.channel.closing.is_set()

    # Start

    def start(self, deadline: Deadline) -> None:
        """Take the lock, start the CLI, connect; on any failure nothing is left behind.

        Raises:
            StartError: The CLI could not be started.
        """
        if self._launch is None:
            self._begin(deadline)  # a connection is all that there is, and that Python closes by itself
        else:
            uninterrupted(lambda: self._begin(deadline), "simplex_sync start", give_up=self.channel.closing.set)

    def _begin(self, deadline: Deadline) -> None:
        with self._life:
            try:
                if self.is_ending():
                    raise ClientClosed("start: the client was closed meanwhile")
                if self._lock is not None:
                    self._lock.acquire(self.is_ending)
                wire = self._launch_and_connect(deadline) if self._launch else self._dial(deadline)
                self._note_connection()
                try:
                    self.channel.start(wire)
                except RuntimeError as error:  # the interpreter is ending, or there are too many threads
                    raise StartError(f"start: the I/O thread could not be started: {error}") from error
                self._ready = True
            except BaseException:
                self.router.close(ClientClosed("start: the client was not started"))
                self._give_back()
                raise

    def _launch_and_connect(self, deadline: Deadline) -> Wire:
        assert self._launch is not None
        self._tail.begin()
        process = self.process = CliProcess(self._launch.argv, self._tail)
        if self._lock is not None:
            self._lock.note(process.pid, process.created)
        self.port = Startup(process, self._launch.display_name, deadline, self.is_ending).port()
        wire = self._connect(deadline)
        self._tail.serving = True
        return wire

    def _connect(self, deadline: Deadline) -> Wire:
        """Connect to our own child, and make sure that it is our child."""
        process, port = self.process, self.port
        assert process is not None
        assert port is not None
        try:
            sock = socket.create_connection(("127.0.0.1", port), timeout=deadline.at_most(_CONNECT_SECONDS) or 0.001)
        except OSError as error:
            if process.wait(_DYING_SECONDS):
                raise self._child_exited("start", CliExited) from error
            raise ConnectionLost(f"start: the CLI's port {port} does not take a connection") from error
        try:
            uri = WebSocketURI(False, "127.0.0.1", port, "/", "", None, None)
            wire = Wire.open(sock, uri, deadline, process.terminal, self._while_opening)
            if not process.is_peer(port, sock.getsockname()[1]):
                if process.wait(_DYING_SECONDS):
                    raise self._child_exited("start", CliExited)
                raise StartError("start: the CLI's port was taken over by another process; no command was sent to it")
        except StartTimeout as error:
            sock.close()
            error.output = self._tail.text()
            raise
        except ConnectionLost as error:
            sock.close()
            if process.wait(_DYING_SECONDS):
                raise self._child_exited("start", CliExited) from error
            raise
        except BaseException:
            sock.close()
            raise
        return wire

    def _dial(self, deadline: Deadline) -> Wire:
        """Connect to somebody else's CLI."""
        assert self._url is not None
        uri = parse_uri(self._url)
        self.port = uri.port
        where = f"{uri.host}:{uri.port}"
        try:
            sock = socket.create_connection((uri.host, uri.port), deadline.at_most(_CONNECT_SECONDS) or 0.001)
            if uri.secure:
                sock = ssl.create_default_context().wrap_socket(sock, server_hostname=uri.host)
        except OSError as error:
            raise ConnectionLost(f"start: {where} does not take a connection: {error}") from error
        return Wire.open(sock, uri, deadline, None, self._while_opening)

    def _while_opening(self) -> None:
        """Read what the CLI prints, again and again while a connection is opened, and see whether to go on."""
        if self.process is not None:
            self.process.drain()
        if self.is_ending():
            raise ClientClosed("start: the client was closed meanwhile")

    # What the channel asks for (in its thread)

    def output(self, data: bytes) -> None:
        """Take what the CLI printed."""
        self._tail.feed(data)

    def recover(self, cause: SimplexError) -> Wire | None:
        """Open the connection again, with a new CLI where the old one ended; None where that cannot be done."""
        logger.warning("the connection to the CLI was lost; trying to get it back")
        policy = recovery_policy(self.channel.pause, self.channel.closing, self._may_pass)
        try:
            self._refuse_another_useless_one()
            if self._launch is None:
                wire, restarted = policy(lambda: self._dial(Deadline(_CONNECT_SECONDS))), False
            else:
                wire, restarted = policy(self._get_back)
        except (SimplexError, OSError) as error:
            if not self.is_ending():
                self._give_up(cause, error)
            elif self.process is not None:
                self.process.stop()  # in case that `close` waited for this thread in vain
            return None
        self._note_connection()
        record = events.Reconnected(gap_possible=True, restarted=restarted)
        self.router.publish(Frame.marker(events.Reconnected.tag, record))
        logger.warning("the CLI is connected again%s", " after a restart" if restarted else "")
        return wire

    def _note_connection(self) -> None:
        self._connected_at, self._answered_before = time.monotonic(), self.router.last_answered

    def _refuse_another_useless_one(self) -> None:
        """Pause where the last connection was of no use, and fail where too many were."""
        answered = self.router.last_answered != self._answered_before
        if answered or time.monotonic() - self._connected_at >= _USELESS_SECONDS:
            self._useless = 0
            return
        self._useless += 1
        if self._useless >= _USELESS_CONNECTIONS:
            raise ConnectionLost("recover: the connection is lost again and again, as soon as it was opened")
        if self._useless > 1:
            self.channel.pause(0.1 * 2 ** (self._useless - 2))

    def _get_back(self) -> tuple[Wire, bool]:
        assert self.process is not None
        assert self._launch is not None
        process = self.process
        if not process.wait(_DYING_SECONDS):
            try:
                return self._connect(Deadline(_CONNECT_SECONDS)), False
            except (ConnectionLost, StartError):
                logger.warning("the CLI lives, but takes no connection; ending it")
        process.drain()
        process.stop()
        if not process.poll():
            raise DatabaseInUse(
                f"recover: the old CLI (process {process.pid}) does not end, so none is started on its database",
                database=str(self._launch.prefix),
                pid=process.pid,
            )
        if self.is_ending():
            raise ClientClosed("start: the client was closed meanwhile")
        if not self._restart:
            raise self._child_exited("recover", ChildExited)
        self.restarts += 1
        return self._launch_and_connect(Deadline(self._launch.seconds)), True

    def _may_pass(self, error: BaseException) -> bool:
        if self._launch is not None and not self._restart:
            return False
        if isinstance(error.__cause__, RuntimeError):  # the interpreter is ending, and lets nobody fork any more
            return False
        return type(error) in (CliExited, ConnectionLost, StartTimeout, StartError)

    def _give_up(self, cause: SimplexError, error: BaseException) -> None:
        """Say to everybody who waits, now or later, that nothing will come."""
        if self.process is not None:
            self.process.drain()
            self.process.stop()
            failure: SimplexError = self._child_exited("", ChildExited)
        else:
            failure = ConnectionLost("the connection to the CLI was lost and could not be opened again")
        failure.__cause__ = error
        error.__cause__ = error.__cause__ or cause
        logger.error("the CLI could not be brought back: %s", type(error).__name__)
        self.router.close(failure)

    def _child_exited(self, method: str, kind: type[ChildExited] | type[CliExited]) -> ChildExited | CliExited:
        assert self.process is not None
        status = self.process.exit_status
        how = f"was ended by signal {-status}" if status is not None and status < 0 else f"ended with status {status}"
        prefix = f"{method}: " if method else ""  # none where each who is told puts its own method's name there
        return kind(f"{prefix}the CLI {how}", exit_status=status, output=self._tail.text())

    # End

    def close(self, error: SimplexError) -> None:
        """Fail what waits, end the thread and the child, give back the lock. Can be called again.

        Args:
            error: What those who wait are told.
        """
        if self.forked:
            return
        self.router.close(error)
        self.channel.closing.set()  # which also ends a start that is under way
        with self._life:
            if not self._closed:
                self._give_back()

    def close_apart(self, error: SimplexError) -> None:
        """Close in a thread of its own, for the garbage collector.

        That can run in any thread at any moment: in the I/O thread, or where a lock is held that the end needs. And an
        interrupt of the main thread that comes meanwhile is swallowed, and would cut the end in two.
        """
        thread = threading.Thread(target=self._close_apart, args=(error,), name="simplex_sync close", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is ending
            self.close(error)
            return
        if not self.channel.is_current_thread():
            thread.join(_APART_SECONDS)

    def _close_apart(self, error: SimplexError) -> None:
        leave_interrupts_to_the_main_thread()
        self.close(error)

    def _give_back(self) -> None:
        self.channel.stop(3.0)
        if self.process is not None:
            self.process.stop()
            self.ended_by = self.process.ended_by
        if self._lock is not None:
            self._lock.release()
        self._closed = True

    def after_fork(self) -> None:
        """In a forked process: let go of everything without ending it, since it is the parent's."""
        self.forked = True
        self.channel.after_fork()
        if self.process is not None:
            self.process.close_terminal()
        if self._lock is not None:
            self._lock.after_fork()
