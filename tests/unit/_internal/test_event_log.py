"""Logs and their readers: what is kept, what is taken out, and when a reader should catch up. See also test_router."""

from __future__ import annotations

import json
import sys
import threading

import pytest

from simplex_sync._internal import event_log, router
from simplex_sync._internal.bells import Bells
from simplex_sync._internal.codec import Frame
from simplex_sync._internal.deadline import Deadline
from simplex_sync._internal.event_log import EventLog, Subscription
from simplex_sync._internal.router import Router
from simplex_sync.errors import ClientClosed
from tests.children.interrupts import NEVER, Interrupt

NOW, LONG = Deadline(0), 20.0


def event(tag: str = "x", size: int = 0) -> Frame:
    return Frame(json.dumps({"resp": {"type": tag, "text": "y" * size}}).encode())


def log_of(count: int, *, limit: int = 1000) -> EventLog:
    log = EventLog(None, limit)
    for _ in range(count):
        log.put(event())
    return log


def read_all(subscription: Subscription) -> int:
    count = 0
    while subscription.peek(NOW) is not None:
        subscription.read += 1
        count += 1
    return count


def test_readers_share_a_log_and_each_has_its_own_place() -> None:
    log = EventLog(None, 1000)
    early = Subscription(log)
    log.put(event("a"))
    late = Subscription(log)
    log.put(event("b"))
    assert (early.unread(), late.unread()) == (2, 1)
    assert read_all(late) == 1
    assert (early.unread(), late.unread()) == (2, 0)


def test_what_everybody_has_read_is_taken_out_and_nothing_else() -> None:
    log = EventLog(None, 1000)
    quick, slow = Subscription(log), Subscription(log)
    for _ in range(300):
        log.put(event())
        read_all(quick)
    assert len(log.frames) == 300
    slow.read += 250
    for _ in range(100):
        log.put(event())
    assert len(log.frames) == 150
    assert (quick.unread(), slow.unread(), slow.lost()) == (100, 150, 0)
    assert log.kept_bytes == sum(len(frame.payload) for frame in log.frames)


def test_large_events_are_taken_out_sooner() -> None:
    log = EventLog(None, 1000)
    reader = Subscription(log)
    for _ in range(5):
        log.put(event(size=600_000))
        read_all(reader)
    assert len(log.frames) <= 2


def test_one_who_leaves_can_read_what_was_there_and_gets_nothing_more() -> None:
    log = log_of(0)
    gone, stays = Subscription(log), Subscription(log)
    log.put(event("a"))
    gone.leave()
    log.put(event("b"))
    assert (read_all(gone), read_all(stays)) == (1, 2)
    assert log.readers == [stays]


def test_one_who_waits_while_leaving_is_told_of_the_end() -> None:
    log = log_of(0)
    reader = Subscription(log)
    seen: list[Frame | None] = []
    thread = threading.Thread(target=lambda: seen.append(reader.peek(Deadline(LONG))))
    thread.start()
    reader.leave()
    reader.end(ClientClosed("closed"))
    thread.join(LONG)
    assert seen == [None]


def test_an_event_of_one_reader_is_not_shared_and_one_of_two_is() -> None:
    frames = event(), event()
    two_readers = Router()
    streams = [two_readers.subscribe(None)]
    two_readers.publish(frames[0])
    streams.append(two_readers.subscribe({"x"}))
    two_readers.publish(frames[1])
    assert [frame.shared for frame in frames] == [False, True]
    assert [stream.unread() for stream in streams] == [2, 1]


@pytest.fixture
def behind(monkeypatch: pytest.MonkeyPatch) -> Router:
    """A router that finds a reader far behind after 1,000 bytes."""
    for module in (event_log, router):
        monkeypatch.setattr(module, "FAR_BEHIND_BYTES", 1000)
    monkeypatch.setattr(event_log, "CATCHING_UP_SECONDS", LONG)
    return Router()


def fill(router_: Router, count: int = 20) -> None:
    for _ in range(count):
        router_.publish(event(size=100))


def test_delivery_is_held_back_until_the_reader_has_caught_up(behind: Router) -> None:
    stream = behind.subscribe(None)
    assert not behind.holds_back()
    fill(behind)
    assert behind.holds_back()
    stream.read += 1
    assert behind.holds_back()
    stream.read += 15
    assert not behind.holds_back()
    assert behind.far_behind is None


def test_nothing_is_held_back_while_an_answer_is_due(behind: Router) -> None:
    behind.subscribe(None)
    fill(behind)
    slot = behind.open_slot("/user")
    assert not behind.holds_back()
    behind.abandon(slot)
    assert behind.holds_back()


def test_nothing_is_held_back_while_somebody_waits_for_an_event(behind: Router) -> None:
    behind.subscribe(None)
    fill(behind)
    waits = behind.subscribe({"y"})
    began = threading.Event()

    class NotedBells(Bells):
        @staticmethod
        def wait(bell: threading.Lock, deadline: Deadline) -> bool:
            began.set()
            return Bells.wait(bell, deadline)

    waits.log.bells = NotedBells()
    thread = threading.Thread(target=waits.peek, args=(Deadline(LONG),))
    thread.start()
    assert began.wait(LONG)
    assert not behind.holds_back()
    behind.publish(event("y"))
    thread.join(LONG)
    assert behind.holds_back()


def test_nothing_is_held_back_for_a_reader_that_does_not_read(behind: Router, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    stream = behind.subscribe(None)
    fill(behind, 40)
    assert behind.holds_back()
    clock[0] += LONG
    assert not behind.holds_back()
    fill(behind, 1)
    assert not behind.holds_back()  # still nothing read
    stream.read += 1
    fill(behind, 1)
    assert behind.holds_back()


@pytest.mark.parametrize("count", [0, 1])
def test_an_interrupt_anywhere_in_a_read_leaves_the_log_to_others(count: int) -> None:
    functions = [*vars(threading.Condition).values(), *vars(Bells).values(), Bells.wait, Subscription.peek]
    codes = {function.__code__ for function in functions if hasattr(function, "__code__")}
    interrupts = 0
    for number in (NEVER, *range(1, 1000)):
        log = EventLog(None, 1000)
        reader = Subscription(log)
        for _ in range(count):
            log.put(event())
        interrupted = False
        before = sys.gettrace()
        sys.settrace(Interrupt(codes, number))
        try:
            reader.peek(Deadline(0.001))
        except KeyboardInterrupt:
            interrupted = True
        finally:
            sys.settrace(before)
        delivering = threading.Thread(target=log.put, args=(event("next"),), daemon=True)
        delivering.start()
        delivering.join(LONG)
        assert not delivering.is_alive()
        assert reader.unread() == count + 1
        if not interrupted and number != NEVER:
            break
        interrupts += interrupted
    assert interrupts > 1
