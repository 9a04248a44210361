"""The writing side: every frame goes out whole and once, whoever sends it, whenever a person interrupts."""

from __future__ import annotations

import socket
import ssl
import sys
import threading
from collections import deque
from collections.abc import Iterator

import pytest
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from simplex_sync._internal import outgoing
from simplex_sync._internal.outgoing import Outgoing
from simplex_sync._internal.router import Slot
from tests.children.interrupts import NEVER, Interrupt

LARGE = b"x" * 2_000_000


class Ends:
    """A connection: our end, which does not block, and what the other end has received."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.ours.setblocking(False)
        self.theirs.setblocking(False)
        self._protocol = ServerProtocol(state=State.OPEN, max_size=None)

    def received(self) -> list[bytes]:
        """Return the payloads of the frames that have arrived whole since the last time."""
        while True:
            try:
                data = self.theirs.recv(1 << 20)
            except BlockingIOError:
                break
            if not data:
                break
            self._protocol.receive_data(data)
        return [bytes(event.data) for event in self._protocol.events_received() if isinstance(event, Frame)]

    def close(self) -> None:
        self.ours.close()
        self.theirs.close()


@pytest.fixture
def ends() -> Iterator[Ends]:
    made = Ends()
    yield made
    made.close()


def connected(ends: Ends) -> Outgoing:
    made = Outgoing()
    made.connect(ends.ours)
    return made


def fill(sock: socket.socket) -> None:
    """Send until the socket takes no more."""
    for _ in range(10_000):
        try:
            sock.send(b"\x8a\x00" * 10_000)  # empty pongs
        except BlockingIOError:
            return


def everything(out: Outgoing, ends: Ends) -> list[bytes]:
    """Let the I/O thread's part send all that there is, and return what arrived."""
    received = []
    out.put_out(())
    while True:
        received += ends.received()
        if not out.waits_for_room:
            return received + ends.received()
        out.put_out(())


def test_a_caller_sends_its_frame_itself(ends: Ends) -> None:
    slot = Slot("1", b"hello")
    assert connected(ends).send(slot)
    assert slot.handed_over
    assert ends.received() == [b"hello"]


def test_without_a_connection_frames_wait_in_order(ends: Ends) -> None:
    out = Outgoing()
    slots = [Slot(str(number), b"%d" % number) for number in range(4)]
    assert [out.send(slot) for slot in slots] == [False] * 4
    slots[1].abandoned = True
    assert not any(slot.handed_over for slot in slots)
    out.connect(ends.ours)
    assert not out.send(Slot("4", b"4"))  # it does not overtake
    assert everything(out, ends) == [b"0", b"2", b"3", b"4"]
    assert all(slot.handed_over for slot in slots if not slot.abandoned)


def test_a_caller_may_leave_it_to_the_thread(ends: Ends) -> None:
    out = connected(ends)
    assert not out.send(Slot("1", b"hello"), at_once=False)
    assert ends.received() == []
    assert everything(out, ends) == [b"hello"]


def test_what_the_socket_does_not_take_follows_before_anything_else(ends: Ends) -> None:
    out = connected(ends)
    assert not out.send(Slot("1", LARGE))
    assert not out.send(Slot("2", b"second"))
    assert everything(out, ends) == [LARGE, b"second"]
    assert out.send(Slot("3", b"third"))
    assert ends.received() == [b"third"]


def test_frames_of_the_protocol_never_come_inside_of_another(ends: Ends) -> None:
    out = connected(ends)
    assert not out.send(Slot("1", LARGE))
    pong = Frame(Opcode.PONG, b"pong").serialize(mask=True)
    out.put_out([pong])
    assert everything(out, ends) == [LARGE, b"pong"]


def test_a_full_socket_takes_nothing_and_the_frame_waits(ends: Ends) -> None:
    out = connected(ends)
    fill(ends.ours)
    slot = Slot("1", b"hello")
    assert not out.send(slot)
    at_first = slot.handed_over
    out.put_out(())
    assert (at_first, slot.handed_over, out.waits_for_room) == (False, True, True)


def test_a_socket_that_is_gone_takes_nothing(ends: Ends) -> None:
    out = connected(ends)
    ends.theirs.close()
    slot = Slot("1", b"hello")
    assert not out.send(slot)
    assert not slot.handed_over
    with pytest.raises(OSError, match="pipe"):
        out.put_out(())


@pytest.mark.parametrize("begun", [False, True], ids=["by the caller", "by the thread as well"])
def test_a_new_connection_gets_what_is_queued_and_no_rest_of_old_frames(ends: Ends, begun: bool) -> None:
    out = connected(ends)
    assert not out.send(Slot("1", LARGE))
    if begun:
        out.put_out(())
        assert out.waits_for_room
    assert not out.send(Slot("2", b"queued"))
    out.disconnect()
    assert not out.waits_for_room
    assert not out.send(Slot("3", b"later"))
    fresh = Ends()
    out.connect(fresh.ours)
    assert everything(out, fresh) == [b"queued", b"later"]
    fresh.close()


def test_two_threads_never_use_one_tls_connection(ends: Ends) -> None:
    context = ssl.create_default_context()
    with context.wrap_socket(ends.ours, server_hostname="localhost", do_handshake_on_connect=False) as encrypted:
        out = Outgoing()
        out.connect(encrypted)
        assert not out.send(Slot("1", b"hello"))
    assert ends.received() == []


def test_the_thread_does_not_wait_for_a_caller_that_is_held_up(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "_TURN_SECONDS", 0.001)
    out = connected(ends)
    assert not out.send(Slot("1", b"hello"), at_once=False)
    with out._turn:
        out._unsettled = (Slot("2", b"x"), b"x", [], deque())  # it is in the very call that sends
        out.put_out(())
        assert out.put_off
        out._unsettled = None
    assert ends.received() == []
    assert everything(out, ends) == [b"hello"]
    assert not out.put_off


@pytest.mark.parametrize("connection", ["stays", "is lost"])
@pytest.mark.parametrize("payload", [b"hello", LARGE], ids=["small", "large"])
def test_a_signal_handler_anywhere_can_send_and_leaves_no_half_a_frame(
    monkeypatch: pytest.MonkeyPatch, payload: bytes, connection: str
) -> None:
    monkeypatch.setattr(outgoing, "_TURN_SECONDS", 0.0001)
    codes = {function.__code__ for function in (Outgoing.send, Outgoing._send_now, Outgoing._busy)}
    called = 0
    for number in (NEVER, *range(1, 1000)):
        ends, other = Ends(), Ends()
        out, slot, handlers_slot = connected(ends), Slot("1", payload), Slot("2", b"handler")
        arrived: list[bytes] = []
        calls: list[bool] = []

        def handler(
            out: Outgoing = out,
            ends: Ends = ends,
            other: Ends = other,
            slot: Slot = slot,
            handlers_slot: Slot = handlers_slot,
            arrived: list[bytes] = arrived,
            calls: list[bool] = calls,
        ) -> None:
            if connection == "is lost":
                out.disconnect()
                calls.append(slot.handed_over)
                ends.ours.close()
                out.connect(other.ours)
            else:
                calls.append(False)
            out.send(handlers_slot)
            arrived += everything(out, other if connection == "is lost" else ends)
            assert handlers_slot.payload in arrived

        before = sys.gettrace()
        sys.settrace(Interrupt(codes, number, handler))
        try:
            out.send(slot)
        finally:
            sys.settrace(before)
        called += len(calls)
        arrived += everything(out, other if connection == "is lost" and calls else ends)
        ends.close()
        other.close()
        # What was handed over to the connection that was lost is not sent again.
        expected = ([] if any(calls) else [payload]) + ([b"handler"] if calls else [])
        assert sorted(arrived) == sorted(expected)
        if not calls and number != NEVER:
            break
    assert called > 10


def test_many_callers_at_once(ends: Ends) -> None:
    out = connected(ends)
    sent = [b"%d" % number for number in range(400)]
    arrived: list[bytes] = []

    def caller(payloads: list[bytes]) -> None:
        for payload in payloads:
            out.send(Slot("1", payload))

    threads = [threading.Thread(target=caller, args=(sent[number::4],)) for number in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        arrived += everything(out, ends)
    for thread in threads:
        thread.join()
    arrived += everything(out, ends)
    assert sorted(arrived) == sorted(sent)


@pytest.mark.parametrize("payload", [b"hello", LARGE], ids=["small", "large"])
def test_an_interrupt_anywhere_leaves_no_half_a_frame_and_sends_nothing_twice(payload: bytes) -> None:
    codes = {function.__code__ for function in (Outgoing.send, Outgoing._send_now, Outgoing._busy)}
    outcomes: set[tuple[bool, bool]] = set()
    for number in (NEVER, *range(1, 1000)):
        ends = Ends()
        out = connected(ends)
        slot = Slot("1", payload)
        before = sys.gettrace()
        sys.settrace(Interrupt(codes, number))
        try:
            out.send(slot)
            interrupted = False
        except KeyboardInterrupt:
            slot.abandoned = True
            interrupted = True
        finally:
            sys.settrace(before)
        out.send(Slot("2", b"next"))
        arrived = everything(out, ends)
        ends.close()
        sent = len(arrived) > 1
        assert arrived == [payload, b"next"][not sent :]
        assert slot.handed_over or not sent
        outcomes.add((interrupted, sent))
        if not interrupted and number != NEVER:
            break
    assert outcomes == {(True, False), (True, True), (False, True)}
