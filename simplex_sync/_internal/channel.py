"""The one thread of a client that does all I/O after start-up.

It waits on the socket, the pseudo-terminal and a pipe that wakes it, and owns all three; a caller without company may
use the socket for a moment (see `outgoing` and `incoming`), all others wait on a slot. The terminal is always drained:
the CLI prints every command there, and stops answering when nobody reads it.

The WebSocket protocol is that of `websockets`, without its I/O: no limit for messages (lists of thousands of contacts
have many megabytes), no compression, no pings (the CLI answers them only while it is idle).
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from websockets.client import ClientProtocol
from websockets.frames import Frame as WebSocketFrame
from websockets.frames import Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import WebSocketURI

from simplex_sync._internal.codec import Frame
from simplex_sync._internal.deadline import Deadline
from simplex_sync._internal.incoming import Incoming
from simplex_sync._internal.outgoing import Outgoing
from simplex_sync._internal.router import Router, Slot
from simplex_sync._internal.uninterrupted import leave_interrupts_to_the_main_thread
from simplex_sync.errors import ConnectionLost, SimplexError, StartTimeout

_READ_SIZE = 256 * 1024
#: Seconds after which the thread looks again whether it can send, or read on; both are short and rare.
_AGAIN_SECONDS = 0.002
#: Bytes of output up to which the terminal is left alone for a while after it was read, and for how many seconds. What
#: the CLI prints of short commands meanwhile is far less than what makes it wait.
_SHORT_OUTPUT, _REST_SECONDS = 2048, 0.01
logger = logging.getLogger("simplex_sync")
# Of no tree, so that nobody can turn it on: at the level DEBUG the protocol logs what frames and headers hold, which
# can be texts and passwords.
_silent = logging.Logger("simplex_sync.protocol")
_silent.disabled = True


class Link(Protocol):
    """What the channel asks its owner for: where to connect to, and what to do when that is lost."""

    def output(self, data: bytes) -> None:
        """Take what the CLI printed."""

    def recover(self, cause: SimplexError) -> Wire | None:
        """Make a new connection after the old one was lost; None ends the channel."""


class Wire:
    """An open WebSocket to the CLI, and the terminal of the CLI where it is our child.

    Args:
        sock: The connected socket; non-blocking from here on.
        protocol: The protocol after its opening handshake.
        terminal: The descriptor of the pseudo-terminal, or None.
    """

    def __init__(self, sock: socket.socket, protocol: ClientProtocol, terminal: int | None = None) -> None:
        self.sock = sock
        self.protocol = protocol
        self.terminal = terminal

    @classmethod
    def open(
        cls,
        sock: socket.socket,
        uri: WebSocketURI,
        deadline: Deadline,
        terminal: int | None,
        drain: Callable[[], None],
    ) -> Wire:
        """Do the opening handshake on a connected socket.

        Args:
            sock: The socket; closed when this fails.
            uri: Where it leads to.
            deadline: Until when the other side must have answered.
            terminal: The descriptor of the pseudo-terminal, or None.
            drain: Called ten times a second: reads what is on the terminal, so that the CLI never waits for that, and
                raises an error where this is to end.

        Raises:
            StartTimeout: The other side said nothing in time.
            ConnectionLost: The other side is no WebSocket server, or hung up.
        """
        protocol = ClientProtocol(uri, max_size=None, logger=_silent)
        try:
            protocol.send_request(protocol.connect())
            for data in protocol.data_to_send():
                sock.settimeout(deadline.at_most(10))
                sock.sendall(data)
            while protocol.state is State.CONNECTING:
                drain()
                if deadline.passed:
                    raise StartTimeout("start: the CLI opened its port, but did not answer on it in time")
                sock.settimeout(deadline.at_most(0.1) or 0.001)
                try:
                    data = sock.recv(_READ_SIZE)
                except TimeoutError:
                    continue
                if data:
                    protocol.receive_data(data)
                else:
                    protocol.receive_eof()
                if protocol.handshake_exc is not None:
                    raise ConnectionLost(
                        "start: what listens on the CLI's port does not speak its protocol"
                    ) from protocol.handshake_exc
            sock.setblocking(False)
            if sock.family in (socket.AF_INET, socket.AF_INET6):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            sock.close()
            raise ConnectionLost("start: the connection to the CLI was lost while it was opened") from error
        except BaseException:
            sock.close()
            raise
        return cls(sock, protocol, terminal)


class Channel:
    """The I/O thread.

    Args:
        router: Where frames go.
        link: The owner, asked for a new connection when one is lost.
        name: The name of the thread.
    """

    def __init__(self, router: Router, link: Link, name: str) -> None:
        self._router = router
        self._link = link
        self._outgoing = Outgoing()
        self._incoming = Incoming(router)
        self._holding = False  # whether nothing is read, so that a reader of events can catch up
        self._parts: list[bytes] = []
        #: Set when the thread was asked to end.
        self.closing = threading.Event()
        self._pipe_lock = threading.RLock()  # a signal handler may wake, too
        self._wake_read = self._wake_write = -1
        self._wire: Wire | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self, wire: Wire) -> None:
        """Start the thread on an open connection."""
        self._wire = wire
        self._thread.start()

    def send(self, slot: Slot) -> None:
        """Send the frame of a call, at once or as soon as there is room for it (any thread)."""
        try:
            # With several calls at a time it costs less to let the thread send what has come together.
            if self._router.pending > 1 or self._holding:
                self._outgoing.send(slot, at_once=False)
                self.wake()
            elif not self._incoming.exchange(slot, self._outgoing.send) or self._holding:
                self.wake()
        except BaseException:
            self.wake()  # an interrupt may have come when a part of the frame was sent
            raise

    def wake(self) -> None:
        """Make the thread look at its queue (any thread)."""
        # No flag saves this system call: an interrupt between setting it and writing would silence the channel.
        with self._pipe_lock:  # so that the number is not closed, and used for another file, in between
            if self._wake_write >= 0:
                with contextlib.suppress(BlockingIOError):  # the pipe is full, so the thread wakes up anyway
                    os.write(self._wake_write, b"\0")

    def pause(self, seconds: float) -> None:
        """Wait in the I/O thread so many seconds, or until the channel is to end."""
        deadline = Deadline(seconds)
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake_read, selectors.EVENT_READ)
            while not self.closing.is_set() and not deadline.passed:
                if selector.select(deadline.remaining()):
                    os.read(self._wake_read, 4096)

    def stop(self, seconds: float) -> bool:
        """Ask the thread to end and wait for it; return whether it has ended.

        Args:
            seconds: How long to wait, in seconds.
        """
        self.closing.set()
        self.wake()
        if self._thread.ident is None:
            self.close_descriptors()  # otherwise the thread does it, at its end
        elif not self.is_current_thread():
            self._thread.join(seconds)
        return not self._thread.is_alive()

    def is_current_thread(self) -> bool:
        """Return whether it is the I/O thread that asks."""
        return self._thread is threading.current_thread()

    def close_descriptors(self) -> None:
        """Close what the thread owns: at its end, where it never began, or in a forked process. Can be called again."""
        wire, self._wire = self._wire, None
        self._incoming.disconnect()
        if wire is not None:
            wire.sock.close()
        with self._pipe_lock:
            for descriptor in (self._wake_read, self._wake_write):
                if descriptor >= 0:
                    os.close(descriptor)
            self._wake_read = self._wake_write = -1

    def after_fork(self) -> None:
        """In a forked process: close our copies of the descriptors, which ends nothing."""
        self._pipe_lock = threading.RLock()  # the old one may have been held by a thread that is not here
        self._incoming.after_fork()
        self.close_descriptors()

    # The thread

    def _run(self) -> None:
        leave_interrupts_to_the_main_thread()
        try:
            self._open_pipe()
            while self._wire is not None and not self.closing.is_set():
                cause = self._serve(self._wire)
                self._outgoing.disconnect()
                self._incoming.disconnect()
                self._wire.sock.close()
                self._wire = None
                if self.closing.is_set():
                    break
                self._router.fail_handed_over(cause)
                self._parts.clear()
                self._wire = self._link.recover(cause)
        except BaseException as error:  # a bug: nobody may wait for a thread that is no more
            logger.exception("the I/O thread ended by an error")
            failure = ConnectionLost("the client's I/O thread ended by an error")
            failure.__cause__ = error
            self._router.close(failure)
        finally:
            self.close_descriptors()

    def _open_pipe(self) -> None:
        # Here and not where the channel is made: an interrupt of the main thread could come before the numbers are
        # noted. Nobody is missed before: the queue and `closing` are looked at after this.
        read, write = os.pipe()
        os.set_blocking(read, False)
        os.set_blocking(write, False)
        with self._pipe_lock:
            self._wake_read, self._wake_write = read, write

    def _serve(self, wire: Wire) -> SimplexError:
        """Serve one connection until it is lost or the channel closes; return why it was lost."""
        selector = selectors.DefaultSelector()
        try:
            selector.register(self._wake_read, selectors.EVENT_READ, "wake")
            watched = self._incoming.connect(wire.sock)
            selector.register(watched, selectors.EVENT_READ, "socket")
            terminal = -1 if wire.terminal is None else wire.terminal
            if terminal >= 0:
                selector.register(terminal, selectors.EVENT_READ, "terminal")
            self._outgoing.connect(wire.sock)
            wanted, resting = selectors.EVENT_READ, 0.0
            # What came together with the answer to the handshake, and what was queued while there was no connection.
            self._take_in(wire)
            self._put_out()
            while not self.closing.is_set():
                if self._router.far_behind is not None:
                    self._holding = True  # before the look at the open calls, so that whoever opens one wakes us
                    self._holding = self._router.holds_back()
                wants = selectors.EVENT_WRITE if self._outgoing.waits_for_room else 0
                wants |= 0 if self._holding else selectors.EVENT_READ
                if wants != wanted:
                    if watched is wire.sock:
                        _watch(selector, watched, wanted, wants)
                    else:
                        _watch(selector, watched, wanted & selectors.EVENT_READ, wants & selectors.EVENT_READ)
                        _watch(selector, wire.sock, wanted & selectors.EVENT_WRITE, wants & selectors.EVENT_WRITE)
                    wanted = wants
                ready = selector.select(self._patience(resting))
                if resting and time.monotonic() >= resting:
                    resting = 0.0
                    selector.register(terminal, selectors.EVENT_READ, "terminal")
                if not ready:
                    self._put_out()
                for key, events in ready:
                    if key.data == "socket":
                        if events & selectors.EVENT_WRITE:
                            self._put_out()
                        if events & selectors.EVENT_READ:
                            self._receive(wire)
                    elif key.data == "wake":
                        os.read(self._wake_read, 4096)
                        self._put_out()
                        if self._incoming.was_lent():
                            self._receive(wire)
                    else:
                        size = self._drain(terminal)
                        if size < _SHORT_OUTPUT:
                            # The CLI prints a line for every command; it is read a hundred times a second at most.
                            selector.unregister(terminal)
                            resting = time.monotonic() + _REST_SECONDS if size >= 0 else 0.0
            return ConnectionLost("the client was closed")
        except _Lost as lost:
            # Where sending failed first, answers and events that came before may not have been read yet.
            with contextlib.suppress(_Lost):
                while self._receive(wire):
                    pass
            return lost.error
        finally:
            selector.close()

    def _patience(self, resting: float) -> float | None:
        """Return for how many seconds to wait for something to do; None where there is nothing to look after.

        Args:
            resting: Until when the terminal is left alone; 0 where it is watched.
        """
        again = _AGAIN_SECONDS if self._outgoing.put_off or self._holding else None
        if not resting:
            return again
        left = max(0.0, resting - time.monotonic())
        return left if again is None else min(left, again)

    def _drain(self, terminal: int) -> int:
        """Read the terminal; return how many bytes there were, or -1 where it is no more."""
        try:
            data = os.read(terminal, _READ_SIZE)
        except BlockingIOError:
            return 0
        except OSError:  # what Linux says when the last process on the terminal has ended
            return -1
        self._link.output(data)
        return len(data) or -1

    def _receive(self, wire: Wire) -> bool:
        try:
            return self._incoming.receive(lambda data: self._take(wire, data))
        except OSError as error:
            raise _Lost(ConnectionLost("the connection to the CLI was lost"), error) from error

    def _take(self, wire: Wire, data: bytes) -> None:
        if not data:
            raise _Lost(ConnectionLost("the CLI closed the connection"))
        wire.protocol.receive_data(data)
        self._take_in(wire)

    def _take_in(self, wire: Wire) -> None:
        for event in wire.protocol.events_received():
            if isinstance(event, Response):
                continue
            assert isinstance(event, WebSocketFrame)
            if event.opcode is Opcode.TEXT or event.opcode is Opcode.BINARY or event.opcode is Opcode.CONT:
                if event.fin and not self._parts:
                    self._router.deliver(Frame(bytes(event.data)))
                    continue
                self._parts.append(bytes(event.data))
                if event.fin:
                    payload = b"".join(self._parts)
                    self._parts.clear()
                    self._router.deliver(Frame(payload))
        if wire.protocol.state is not State.OPEN:
            raise _Lost(ConnectionLost("the CLI closed the connection"), wire.protocol.parser_exc)
        answers = wire.protocol.data_to_send()  # pongs
        if answers:
            self._put_out(answers)

    def _put_out(self, control: Sequence[bytes] = ()) -> None:
        try:
            self._outgoing.put_out(control)
        except OSError as error:
            raise _Lost(ConnectionLost("the connection to the CLI was lost"), error) from error


def _watch(selector: selectors.BaseSelector, watched: Any, before: int, now: int) -> None:
    """Change what a selector says of the socket; 0 is nothing at all."""
    if now == before:
        return
    if not now:
        selector.unregister(watched)
    elif not before:
        selector.register(watched, now, "socket")
    else:
        selector.modify(watched, now, "socket")


class _Lost(Exception):
    """The connection is gone; carries the error that says so."""

    def __init__(self, error: SimplexError, cause: BaseException | None = None) -> None:
        super().__init__()
        self.error = error
        error.__cause__ = cause
