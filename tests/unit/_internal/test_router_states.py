"""The router in any order of things: every call ends exactly once, every stream reads without gaps or is told."""

from __future__ import annotations

import json

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, precondition, rule

from simplex_sync._internal.codec import Frame
from simplex_sync._internal.deadline import Deadline
from simplex_sync._internal.router import Router, Slot, Subscription
from simplex_sync.errors import ClientClosed, ConnectionLost, SimplexError

NOW = Deadline(0)
TAGS = ("a", "b", "c")


class Call:
    """What the test knows of a call."""

    def __init__(self, slot: Slot) -> None:
        self.slot = slot
        self.expected: list[object] = []  # the frame or error with which it must have ended: one at most
        self.collected = False

    @property
    def is_open(self) -> bool:
        return not self.expected and not self.slot.abandoned


class Reader:
    """What the test knows of a stream."""

    def __init__(self, subscription: Subscription, due: list[Frame]) -> None:
        self.subscription = subscription
        self.due = due  # what it has to read, in order
        self.end: SimplexError | None = None


class RouterMachine(RuleBasedStateMachine):
    calls = Bundle("calls")
    readers = Bundle("readers")

    @initialize()
    def make(self) -> None:
        self.router = Router()
        self.all_calls: list[Call] = []
        self.all_readers: list[Reader] = []
        self.backlog: list[Frame] | None = []
        self.closed: SimplexError | None = None
        self.number = 0
        self.late = 0

    def arrives(self, frame: Frame) -> None:
        """Note an event for everybody who must get it."""
        if self.backlog is not None:
            self.backlog.append(frame)
        for reader in self.all_readers:
            tags = reader.subscription.tags
            if tags is None or frame.tag in tags:
                reader.due.append(frame)

    # Calls

    @rule(target=calls, text=st.sampled_from(["/a", "/b", "\ud800"]), handed_over=st.booleans())
    def call(self, text: str, handed_over: bool) -> object:
        try:
            slot = self.router.open_slot(text)
        except UnicodeEncodeError:
            return multiple()
        except ConnectionLost:
            assert self.closed is not None
            return multiple()
        assert self.closed is None
        slot.handed_over = handed_over
        self.all_calls.append(Call(slot))
        return self.all_calls[-1]

    @rule(call=calls)
    def hand_over(self, call: Call) -> None:
        call.slot.handed_over = True

    @rule(call=calls, tag=st.sampled_from(TAGS))
    def answer(self, call: Call, tag: str) -> None:
        """Answer a call: in any order, again, or too late."""
        frame = Frame(json.dumps({"corrId": call.slot.corr_id, "resp": {"type": tag}}).encode())
        if call.is_open:
            call.expected.append(frame)
        else:
            self.late += 1
        self.router.deliver(frame)

    @rule(call=calls)
    def abandon(self, call: Call) -> None:
        if call.is_open:  # a caller gives up only what it still waits for
            self.router.abandon(call.slot)

    @rule()
    def connection_lost(self) -> None:
        error = ConnectionLost("lost")
        for call in self.all_calls:
            if call.is_open and call.slot.handed_over:
                call.expected.append(error)
        self.router.fail_handed_over(error)

    @precondition(lambda self: len(self.all_calls) > 2)
    @rule()
    def close(self) -> None:
        error = ClientClosed("closed")
        if self.closed is None:
            self.closed = error
        for call in self.all_calls:
            if call.is_open:
                call.expected.append(error)
        for reader in self.all_readers:
            reader.end = reader.end or error
        self.router.close(error)

    # Events

    @rule(tag=st.sampled_from(TAGS), count=st.integers(1, 6))
    def publish(self, tag: str, count: int) -> None:
        for _ in range(count):
            self.number += 1
            frame = Frame(json.dumps({"resp": {"type": tag, "number": self.number}}).encode())
            self.arrives(frame)
            self.router.deliver(frame)

    @rule(corr_id=st.sampled_from(["", "x", "0", "999999"]), tag=st.sampled_from(TAGS))
    def stray_answer(self, corr_id: str, tag: str) -> None:
        frame = Frame(json.dumps({"corrId": corr_id, "resp": {"type": tag}}).encode())
        self.arrives(frame)
        self.router.deliver(frame)

    @rule(
        target=readers,
        tags=st.none() | st.sets(st.sampled_from(TAGS), min_size=1),
        limit=st.integers(1, 5),
        from_start=st.booleans(),
    )
    def subscribe(self, tags: set[str] | None, limit: int, from_start: bool) -> Reader:
        subscription = self.router.subscribe(tags, limit=limit, from_start=from_start)
        due: list[Frame] = []
        if from_start and self.backlog is not None:
            due = [frame for frame in self.backlog if tags is None or frame.tag in tags]
            self.backlog = None
        reader = Reader(subscription, due)
        reader.end = self.closed
        self.all_readers.append(reader)
        return reader

    @rule(reader=readers, count=st.integers(1, 8))
    def read(self, reader: Reader, count: int) -> None:
        subscription = reader.subscription
        for _ in range(count):
            frame = subscription.peek(NOW)
            if frame is None:
                lost = subscription.lost()
                if not lost:
                    assert not reader.due
                    assert subscription.error is reader.end
                    return
                subscription.read += lost
                del reader.due[:lost]  # exactly those that came first
                continue
            assert frame is reader.due.pop(0)
            subscription.read += 1

    @rule(reader=readers)
    def forget(self, reader: Reader) -> None:
        self.router.forget(reader.subscription)
        self.router._remove_forgotten()
        if reader in self.all_readers:
            self.all_readers.remove(reader)
        # What it has can be read on, but nothing more comes, not even the end.

    @invariant()
    def every_call_ended_once_or_waits(self) -> None:
        for call in self.all_calls:
            slot = call.slot
            if call.expected and not call.collected:
                assert slot.wait(NOW)
                call.collected = True
            assert not slot.wait(NOW)  # a second end would have released the lock again
            end = slot.frame if slot.frame is not None else slot.error
            assert end is (call.expected[0] if call.expected else None)
        assert self.router.pending == sum(call.is_open for call in self.all_calls)
        assert self.router.late_answers == self.late

    @invariant()
    def unread_and_lost_are_what_is_due(self) -> None:
        for reader in self.all_readers:
            assert reader.subscription.unread() + reader.subscription.lost() == len(reader.due)


RouterMachine.TestCase.settings = settings(
    max_examples=150, stateful_step_count=40, deadline=None, derandomize=True, database=None
)
TestRouter = RouterMachine.TestCase
