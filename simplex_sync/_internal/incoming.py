"""The reading side of the connection: mostly the I/O thread's, lent to a caller that waits for the only open answer.

A short command takes a hundred microseconds, and letting one thread read and then wake another one is a sixth of that.
So a caller without company reads itself for a moment. What it reads it takes only where that is its own answer, whole
and alone; anything else it leaves to the I/O thread, which knows the state of the protocol.

An interrupt (Ctrl-C) loses nothing: what is read is kept by the same call into C that reads it, and the I/O thread
takes the socket back when it is woken. Nor does the thread wait for a caller that runs a signal handler, which may
itself give commands or close the client: the right to read is taken and given back within that same call.

Needs epoll: there a descriptor can be silenced for the I/O thread while that waits. Elsewhere nothing is lent.
"""

from __future__ import annotations

import contextlib
import itertools
import select
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from simplex_sync._internal.codec import Frame
from simplex_sync._internal.router import Router, Slot

_READ_SIZE = 256 * 1024
#: Bytes that a caller reads at most; longer answers are the thread's.
_ANSWER_SIZE = 16 * 1024
#: Milliseconds for which a caller waits on the socket itself.
_MOMENT = 2
#: Seconds for which the I/O thread waits for such a caller.
_TURN_SECONDS = 0.005
# The first byte of a frame that is a whole text message.
_TEXT = 0x81


def only_answer(data: bytes, corr_id: str) -> Frame | None:
    """Return the answer to a call, where data is one whole frame with that and nothing else.

    It cannot be taken for it by mistake, even where data begins in the middle of a longer frame: there the opening
    quotation mark of `{"corrId"` could only stand in a string, and would have to be escaped.

    Args:
        data: What was read at once.
        corr_id: The corrId of the call.
    """
    if len(data) < 4 or data[0] != _TEXT or data[1] > 126:
        return None
    size, head = (int.from_bytes(data[2:4], "big"), 4) if data[1] == 126 else (data[1], 2)
    if len(data) != head + size:
        return None
    frame = Frame(data[head:])
    return frame if frame.corr_id == corr_id else None


class Incoming:
    """The reading side of the connection.

    Args:
        router: Where answers go.
    """

    def __init__(self, router: Router) -> None:
        self._router = router
        self._sock: socket.socket | None = None
        self._gate: Any = None  # an epoll object that holds the socket alone, or None where nothing is lent
        self._poll: Any = None
        self._turn = threading.Lock()  # held by the caller to whom the socket is lent
        self._lent = False
        self._right: list[int] = []  # its one entry is taken out by whoever reads, for as long as that takes
        self._read: deque[bytes] = deque()  # what a caller has read and left

    # Any thread

    def exchange(self, slot: Slot, send: Callable[[Slot], bool]) -> bool:
        """Send the frame of a call and wait a moment for its answer.

        Args:
            slot: The call.
            send: Sends the frame; returns whether that is all, or the I/O thread has to be woken.

        Returns:
            Whether that is all; otherwise the I/O thread has to be woken.
        """
        if self._gate is None:
            return send(slot)
        if self._lent or self._turn.locked():
            send(slot)
            return False  # so that the thread looks after the socket, where a caller was interrupted and left it
        with self._turn:
            gate, sock = self._gate, self._sock
            if gate is None or sock is None:
                return send(slot)
            self._lent = True
            try:
                _watch(gate, sock, 0)
                done = send(slot) and self._take(slot, sock)
            finally:
                _watch(gate, sock, select.EPOLLIN)
                self._lent = False
        return done

    def _take(self, slot: Slot, sock: socket.socket) -> bool:
        if not self._poll.poll(_MOMENT):
            return True
        right = self._right
        read = map(sock.recv, map(right.pop, (0,)))
        give_back: Any = filter(None, map(right.append, (_ANSWER_SIZE,)))  # adds nothing to what was read
        try:
            # One call into C, so that neither an interrupt nor a signal handler comes between these steps.
            self._read.extend(itertools.chain(read, give_back))
        except IndexError:  # the thread reads, or the connection is lost
            return False
        except OSError:  # the connection is lost, as the thread will find
            right.append(_ANSWER_SIZE)
            return False
        try:
            data = self._read[0]
            frame = only_answer(data, slot.corr_id)
            if frame is None or not right:  # the thread may be at what came before
                return False
            self._read.remove(data)
        except (IndexError, ValueError):  # the thread was quicker
            return False
        self._router.deliver(frame)
        return True

    # The I/O thread

    def connect(self, sock: socket.socket) -> Any:
        """Begin to use a socket, which is non-blocking; return what the selector is to watch for reading."""
        self._right = [_ANSWER_SIZE]
        self._sock = sock
        if isinstance(sock, ssl.SSLSocket) or not hasattr(select, "epoll"):
            return sock
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        gate = select.epoll()
        gate.register(sock, select.EPOLLIN)
        self._gate = gate
        return gate

    def was_lent(self) -> bool:
        """Take the socket back from a caller, who may be interrupted; return whether one has left what it read."""
        if self._lent:
            if self._gate is not None and self._sock is not None:
                _watch(self._gate, self._sock, select.EPOLLIN)
            self._lent = False
        return bool(self._read)

    def receive(self, take: Callable[[bytes], None]) -> bool:
        """Read what there is, as far as no caller is reading, and hand it over.

        Args:
            take: Takes the bytes, which are empty at the end of the connection.

        Returns:
            Whether there was something.

        Raises:
            OSError: The connection is lost.
        """
        right = self._right
        if not self._take_right(_TURN_SECONDS):
            return False
        try:
            while self._read:
                try:
                    data = self._read.popleft()
                except IndexError:  # a caller has taken its answer after all
                    break
                take(data)
            sock = self._sock
            if sock is None:
                return False
            data = sock.recv(_READ_SIZE)
            while isinstance(sock, ssl.SSLSocket) and data and sock.pending():
                data += sock.recv(sock.pending())
            take(data)
            return True
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        finally:
            right.append(_ANSWER_SIZE)

    def _take_right(self, seconds: float) -> bool:
        """Take the right to read, where no caller does that for longer; return whether that is so."""
        try:
            self._right.pop()
        except IndexError:
            if not self._turn.acquire(timeout=seconds):
                return False
            self._right.clear()  # of no caller: what is not there, an interrupted one has not given back
            self._turn.release()
        return True

    def disconnect(self) -> None:
        """Let go of the socket, which can be closed then."""
        if self._sock is None:
            return
        self._take_right(1.0)  # a caller has it for a moment only
        self._right = []
        gate, self._gate = self._gate, None
        self._sock = None
        self._lent = False
        self._read.clear()
        if gate is not None:
            gate.close()

    def after_fork(self) -> None:
        """In a forked process: close our copy of the descriptor."""
        self._turn = threading.Lock()  # the old one may have been held by a thread that is not here
        self.disconnect()


def _watch(gate: Any, sock: socket.socket, what: int) -> None:
    """Say what the I/O thread is to see of the socket; without effect where the connection is gone meanwhile."""
    with contextlib.suppress(ValueError, OSError):
        gate.modify(sock, what)
