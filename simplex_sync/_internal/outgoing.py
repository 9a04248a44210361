"""What is on its way to the CLI: frames are sent by the caller itself where nothing else is, or wait in a queue.

A caller that sends its own frame saves waking the I/O thread for it, a seventh of what a short command takes. It can be
interrupted (Ctrl-C) between any two steps of the interpreter, and still leaves no half a frame and sends nothing twice:
it notes what it is about to send, and how much of that the socket took is noted by the same call into C that sends, so
that the I/O thread, which is never interrupted, always knows what is missing.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections import deque
from collections.abc import Iterable

from websockets.frames import Frame, Opcode

from simplex_sync._internal.router import Slot

#: Seconds for which the I/O thread waits for a caller that is sending.
_TURN_SECONDS = 0.005


class Outgoing:
    """The writing side of the connection."""

    def __init__(self) -> None:
        self._queue: deque[Slot] = deque()
        self._buffer = bytearray()  # what the socket did not take yet
        self._sock: socket.socket | None = None
        self._shared = False  # whether callers may write to the socket
        self._turn = threading.Lock()  # held by whoever writes to the socket
        # A caller's call, its frame, the right to send that (taken out with the frame), and how much of it was taken.
        self._unsettled: tuple[Slot, bytes, list[bytes], deque[int]] | None = None
        self._seized = False  # whether the I/O thread writes though a caller has the turn
        #: Whether `put_out` found a caller sending, and is to be called again soon.
        self.put_off = False

    @property
    def waits_for_room(self) -> bool:
        """Whether the socket is full, so that `put_out` has to be called when it takes more."""
        return bool(self._buffer)

    # Any thread

    def send(self, slot: Slot, *, at_once: bool = True) -> bool:
        """Send the frame of a call, or queue it.

        Args:
            slot: The call.
            at_once: Whether to try to send it in this thread.

        Returns:
            Whether that is all; otherwise the I/O thread has to be woken.
        """
        if at_once and not self._busy() and not self._turn.locked():
            sent = self._send_now(slot)
            if sent is not None:
                return sent
        self._queue.append(slot)
        return False

    def _busy(self) -> bool:
        waits = bool(self._queue or self._buffer) or self._unsettled is not None
        return waits or self._seized or not self._shared

    def _send_now(self, slot: Slot) -> bool | None:
        """Give a frame to the socket; return whether it took all of it, or None where it took nothing."""
        frame = _serialized(slot)
        with self._turn:
            sock = self._sock
            if self._busy() or sock is None:
                return None
            right, taken = [frame], deque[int]()
            slot.handed_over = True
            self._unsettled = (slot, frame, right, taken)
            # One step: no interrupt between sending and noting. Not where the socket is full or gone, and took nothing,
            # nor where the I/O thread did not wait for the end of a signal handler that came before it.
            with contextlib.suppress(OSError, IndexError):
                if not self._seized and not self._buffer:
                    taken.extend(map(sock.send, map(right.pop, (0,))))
            if not taken:
                slot.handed_over = False
                self._unsettled = None
                return None
            if taken[0] < len(frame):
                return False
            self._unsettled = None
            return True

    # The I/O thread

    def connect(self, sock: socket.socket) -> None:
        """Begin to use a socket, which is non-blocking."""
        self._sock = sock
        # Two threads must not use one TLS connection at a time.
        self._shared = not isinstance(sock, ssl.SSLSocket)

    def disconnect(self) -> None:
        """Let go of the socket, which can be closed then; what is queued is kept for the next one."""
        # A caller holds the turn no longer than a call that does not block takes, unless a signal handler runs in it.
        held = self._take_turn() or self._turn.acquire(timeout=1.0)
        self._shared = False
        self._sock = None
        self._settle()
        self._buffer.clear()
        self.put_off = False
        if held:
            self._give_back_turn()

    def _take_turn(self) -> bool:
        """Take the turn, or go on without it where a caller has it for longer and does not send at this very moment.

        Returns:
            Whether nobody else writes until the turn is given back.
        """
        if self._turn.acquire(timeout=_TURN_SECONDS):
            return True
        self._seized = True  # before the look, so that no caller begins after it
        if self._unsettled is not None:
            slot, _frame, right, taken = self._unsettled
            try:
                right.pop()
            except IndexError:
                self._seized = bool(taken)
            else:
                slot.handed_over = False
                self._unsettled = None
        return self._seized

    def _give_back_turn(self) -> None:
        if self._seized:
            self._seized = False
        else:
            self._turn.release()

    def put_out(self, control: Iterable[bytes]) -> None:
        """Send what is queued, as far as the socket takes it.

        Args:
            control: Frames of the protocol itself, which go first.

        Raises:
            OSError: The connection is lost.
        """
        for data in control:
            self._buffer += data
        self.put_off = not self._take_turn()
        if self.put_off:
            return
        try:
            self._settle()
            while self._queue:
                slot = self._queue.popleft()
                # In this order: a caller that gives up says so first and looks then, so it never takes for unsent what
                # is sent.
                slot.handed_over = True
                if not slot.abandoned:
                    self._buffer += _serialized(slot)
            while self._buffer and self._sock is not None:
                del self._buffer[: self._sock.send(self._buffer)]
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        finally:
            self._give_back_turn()

    def _settle(self) -> None:
        if self._unsettled is None:
            return
        _slot, frame, _right, taken = self._unsettled
        if taken:  # otherwise the caller was interrupted before it sent anything
            self._buffer[:0] = frame[taken[0] :]
        if self._seized:
            taken[0] = len(frame)  # the caller, who will clear it, need not look after it
        else:
            self._unsettled = None


def _serialized(slot: Slot) -> bytes:
    return Frame(Opcode.TEXT, slot.payload).serialize(mask=True)
