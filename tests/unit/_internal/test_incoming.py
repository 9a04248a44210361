"""The reading side: a caller without company takes its own answer and nothing else, whenever a person interrupts."""

from __future__ import annotations

import json
import select
import socket
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.frames import Frame as WebSocketFrame
from websockets.frames import Opcode

from simplex_sync._internal import incoming
from simplex_sync._internal.deadline import Deadline
from simplex_sync._internal.incoming import Incoming, only_answer
from simplex_sync._internal.router import Router, Slot
from tests.children.interrupts import NEVER, Interrupt

pytestmark = pytest.mark.skipif(not hasattr(select, "epoll"), reason="nothing is lent without epoll, which Linux has")
NOW, LONG = Deadline(0), 20.0


def frame(corr_id: str | None, tag: str = "cmdOk", size: int = 0, *, mask: bool = False) -> bytes:
    head = {} if corr_id is None else {"corrId": corr_id}
    payload = json.dumps({**head, "resp": {"type": tag, "text": "y" * size}}).encode()
    return WebSocketFrame(Opcode.TEXT, payload).serialize(mask=mask)


class Side:
    """The reading side, its router and the other end."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.ours.setblocking(False)
        self.router = Router()
        self.incoming = Incoming(self.router)
        self.watched = self.incoming.connect(self.ours)
        self.taken = b""

    def exchange(self, answer: bytes | None, slot: Slot | None = None) -> tuple[Slot, bool]:
        """Exchange a command for an answer; return the call and what the caller was told."""
        slot = slot or self.router.open_slot("/user")

        def send(_slot: Slot) -> bool:
            self.theirs.sendall(frame(slot.corr_id) if answer is None else answer)
            return True

        return slot, self.incoming.exchange(slot, send)

    def is_watched(self) -> bool:
        """Return whether the I/O thread would see what comes next."""
        self.theirs.sendall(b"!")
        return bool(select.select([self.watched], [], [], 0)[0])

    def rest(self) -> bytes:
        """Return what the I/O thread reads."""
        self.incoming.receive(self.take)
        taken, self.taken = self.taken, b""
        return taken

    def take(self, data: bytes) -> None:
        self.taken += data

    def close(self) -> None:
        self.incoming.disconnect()
        self.ours.close()
        self.theirs.close()


@pytest.fixture
def side() -> Iterator[Side]:
    made = Side()
    yield made
    made.close()


@pytest.mark.parametrize("size", [0, 60, 100, 5_000])
def test_a_caller_takes_its_own_answer(side: Side, size: int) -> None:
    slot = side.router.open_slot("/user")
    _slot, done = side.exchange(frame(slot.corr_id, "right", size), slot)
    assert done
    assert slot.wait(NOW)
    assert slot.frame is not None
    assert (slot.frame.tag, side.router.pending) == ("right", 0)
    assert side.is_watched()
    assert side.rest() == b"!"


@pytest.mark.parametrize(
    "other",
    [
        frame(None, "newChatItems"),
        frame("7"),
        frame("1") + frame(None, "newChatItems"),
        frame(None, "newChatItems") + frame("1"),
        frame("1")[:-1],
        frame("1")[:1],
        frame("1", size=5_000)[:-1],
        frame("1", size=100_000),
        frame("1", mask=True),
        WebSocketFrame(Opcode.PING, b"?").serialize(mask=False),
        WebSocketFrame(Opcode.TEXT, b'{"corrId":"1",', fin=False).serialize(mask=False),
        WebSocketFrame(Opcode.TEXT, b"no JSON").serialize(mask=False),
    ],
    ids=lambda data: f"{len(data)} bytes",  # a masked frame has another key each time
)
def test_a_caller_leaves_everything_else_to_the_thread_in_order(side: Side, other: bytes) -> None:
    slot, done = side.exchange(other)
    assert slot.corr_id == "1"
    assert not done
    assert not slot.wait(NOW)
    assert side.incoming.was_lent()
    assert side.is_watched()
    assert side.rest() == other + b"!"
    assert not side.incoming.was_lent()


@pytest.mark.parametrize("corr_id", ["1", "12345", "99999999999"])
@pytest.mark.parametrize("size", [0, 20, 60, 70, 80, 90, 100, 200, 16_000])
def test_an_answer_is_recognized_at_any_length(corr_id: str, size: int) -> None:
    data = frame(corr_id, "tag", size)
    found = only_answer(data, corr_id)
    assert found is not None
    assert (found.corr_id, found.tag) == (corr_id, "tag")
    assert only_answer(data, corr_id + "0") is None
    assert only_answer(data[1:], corr_id) is None
    assert only_answer(data + b"x", corr_id) is None


def test_a_new_connection_begins_without_what_a_caller_left_of_the_old_one(side: Side) -> None:
    side.exchange(frame("1")[:-1])
    side.incoming.disconnect()
    side.ours.close()
    side.theirs.close()
    side.ours, side.theirs = socket.socketpair()
    side.ours.setblocking(False)
    side.watched = side.incoming.connect(side.ours)
    assert not side.incoming.was_lent()
    assert side.is_watched()
    assert side.rest() == b"!"


def test_what_is_left_by_one_caller_is_never_overtaken_by_the_next(side: Side) -> None:
    side.exchange(frame(None, "event"))
    slot = side.router.open_slot("/user")
    _slot, done = side.exchange(frame(slot.corr_id), slot)
    assert not done
    assert side.rest() == frame(None, "event") + frame(slot.corr_id)


def test_a_slow_answer_is_left_to_the_thread(side: Side) -> None:
    slot, done = side.exchange(b"")
    assert done  # nothing was read, so the thread need not be woken
    assert not slot.wait(NOW)
    assert side.is_watched()


def test_the_thread_sees_nothing_while_a_caller_reads_and_everything_after_it(side: Side) -> None:
    seen: list[bool] = []
    slot = side.router.open_slot("/user")

    def send(_slot: Slot) -> bool:
        side.theirs.sendall(frame(None, "event"))
        seen.append(bool(select.select([side.watched], [], [], 0)[0]))
        return True

    side.incoming.exchange(slot, send)
    assert seen == [False]
    assert bool(side.incoming.was_lent())
    assert side.rest() == frame(None, "event")


def test_a_frame_that_did_not_go_out_whole_needs_the_thread(side: Side) -> None:
    assert not side.incoming.exchange(side.router.open_slot("/user"), lambda _slot: False)
    assert side.is_watched()


def test_the_end_of_the_connection_is_left_to_the_thread(side: Side) -> None:
    def send(_slot: Slot) -> bool:
        side.theirs.close()
        return True

    assert not side.incoming.exchange(side.router.open_slot("/user"), send)
    ends: list[bytes] = []
    side.incoming.receive(ends.append)
    assert set(ends) == {b""}


def test_a_connection_that_fails_while_a_caller_reads_is_left_to_the_thread(side: Side) -> None:
    class Failing:
        def recv(self, _size: int) -> bytes:
            raise ConnectionResetError

    failing: Any = Failing()
    side.theirs.sendall(b"x")
    assert not side.incoming._take(side.router.open_slot("/user"), failing)


def test_after_the_connection_is_gone_callers_only_send(side: Side) -> None:
    side.incoming.disconnect()
    sent: list[Slot] = []
    slot = side.router.open_slot("/user")

    def send(each: Slot) -> bool:
        sent.append(each)
        return False

    assert not side.incoming.exchange(slot, send)
    assert sent == [slot]
    assert side.rest() == b""
    assert not side.incoming.was_lent()


def test_nothing_is_lent_where_there_is_no_epoll(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(select, "epoll")
    plain = Incoming(side.router)
    assert plain.connect(side.ours) is side.ours
    slot = side.router.open_slot("/user")
    assert plain.exchange(slot, lambda _slot: True)
    assert not slot.wait(NOW)


def test_two_callers_never_read_at_once(side: Side) -> None:
    inner: list[bool] = []
    slot, other = side.router.open_slot("/user"), side.router.open_slot("/users")

    def another() -> None:
        inner.append(side.incoming.exchange(other, lambda _slot: True))

    def send(_slot: Slot) -> bool:
        thread = threading.Thread(target=another)
        thread.start()
        thread.join(LONG)
        side.theirs.sendall(frame(slot.corr_id))
        return True

    assert side.incoming.exchange(slot, send)
    assert inner == [False]  # the thread is woken: it cannot be known that the caller before was not interrupted
    assert slot.wait(NOW)
    assert not other.wait(NOW)


def test_what_an_interrupted_caller_left_lent_is_taken_back_with_the_next_call(side: Side) -> None:
    side.incoming._lent = True  # as two interrupts in a row can leave it
    assert not side.incoming.exchange(side.router.open_slot("/user"), lambda _slot: True)
    assert not side.incoming.was_lent()
    assert side.incoming.exchange(side.router.open_slot("/user"), lambda _slot: True)


def test_after_a_fork_the_copy_is_closed_whoever_held_the_turn(side: Side) -> None:
    side.incoming._turn.acquire()
    side.incoming.after_fork()
    assert side.watched.closed


@pytest.mark.parametrize("kind", ["answer", "event"])
def test_an_interrupt_anywhere_loses_nothing_and_gives_the_socket_back(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming, "_MOMENT", 0)
    functions = (Incoming.exchange, Incoming._take, only_answer, Router.deliver, Slot.end)
    codes = {function.__code__ for function in functions}
    interrupts = 0
    for number in (NEVER, *range(1, 1000)):
        side = Side()
        slot = side.router.open_slot("/user")
        sent = frame(slot.corr_id) if kind == "answer" else frame(None, "event")
        went_out: list[bool] = []

        def send(_slot: Slot, side: Side = side, sent: bytes = sent, went_out: list[bool] = went_out) -> bool:
            went_out.append(True)
            side.theirs.sendall(sent)
            return True

        before = sys.gettrace()
        sys.settrace(Interrupt(codes, number))
        try:
            side.incoming.exchange(slot, send)
            interrupted = False
        except KeyboardInterrupt:
            interrupted = True
            interrupts += 1
        finally:
            sys.settrace(before)
        side.incoming.was_lent()  # what the thread does when it is woken
        assert side.is_watched()
        rest = side.rest()
        if kind == "event":
            assert rest == (sent if went_out else b"") + b"!"
        else:
            # The answer may also be gone with the call that it was for, since nobody waits for it any more.
            assert rest in (b"!", sent + b"!")
        if not interrupted:
            assert slot.wait(NOW) is (kind == "answer")
        late = side.router.open_slot("/late")
        side.exchange(frame(late.corr_id), late)
        assert late.wait(NOW)
        side.close()
        if not interrupted and number != NEVER:
            break
    assert interrupts > 10


@pytest.mark.parametrize("connection", ["stays", "is lost"])
@pytest.mark.parametrize("kind", ["answer", "event"])
def test_the_thread_reads_on_while_a_signal_handler_runs_anywhere(
    kind: str, connection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming, "_MOMENT", 0)
    monkeypatch.setattr(incoming, "_TURN_SECONDS", 0.0001)
    codes = {function.__code__ for function in (Incoming.exchange, Incoming._take, only_answer, Router.deliver)}
    called = 0
    for number in (NEVER, *range(1, 1000)):
        side = Side()
        slot, late = side.router.open_slot("/user"), side.router.open_slot("/late")
        sent = frame(slot.corr_id) if kind == "answer" else frame(None, "event")
        calls: list[bytes] = []

        def send(_slot: Slot, side: Side = side, sent: bytes = sent) -> bool:
            if side.ours.fileno() >= 0:
                side.theirs.sendall(sent)
            return True

        def handler(side: Side = side, late: Slot = late, calls: list[bytes] = calls) -> None:
            if connection == "is lost":
                side.incoming.disconnect()
                calls.append(b"")
                side.ours.close()
                return
            # Another command, whose answer the thread must be able to read.
            side.incoming.exchange(late, lambda _slot: True)
            side.theirs.sendall(frame(late.corr_id))
            side.incoming.was_lent()
            assert select.select([side.watched], [], [], 0)[0]
            calls.append(side.rest())
            assert calls[0].endswith(frame(late.corr_id))

        before = sys.gettrace()
        sys.settrace(Interrupt(codes, number, handler))
        try:
            side.incoming.exchange(slot, send)
        finally:
            sys.settrace(before)
        called += len(calls)
        if connection == "stays":
            side.incoming.was_lent()
            assert side.is_watched()
            there = b"".join(calls) + side.rest()
            taken = slot.wait(NOW)
            assert taken is (kind == "answer" and frame(slot.corr_id) not in there)
            assert sorted(there) == sorted((b"" if taken else sent) + (frame(late.corr_id) if calls else b"") + b"!")
        side.close()
        if not calls and number != NEVER:
            break
    assert called > 10
