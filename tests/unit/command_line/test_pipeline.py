"""Several commands in flight, without a CLI: the router and slots are real, the other side is the test."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from simplex_sync import SimplexChat, events
from simplex_sync._internal.codec import Frame
from simplex_sync._internal.router import Router, Slot
from simplex_sync.command_line.pipeline import EventFeed, Pipeline, event_object
from simplex_sync.errors import CommandTimeout, ConnectionLost, EventsLost, OutcomeUnknown, SimplexError

Line = tuple[int, bytes]
SECONDS = 10.0


class OtherSide:
    """Takes what the pipeline sends.

    Args:
        answers: Whether each command is answered at once.
        hands_over: Whether commands get as far as the socket.
    """

    def __init__(self, *, answers: bool = True, hands_over: bool = True) -> None:
        self.router = Router()
        self.sent: queue.SimpleQueue[Slot] = queue.SimpleQueue()
        self._answers, self._hands_over = answers, hands_over

    def send(self, slot: Slot) -> None:
        slot.handed_over = self._hands_over
        self.sent.put(slot)
        if self._answers:
            self.answer(slot)

    def answer(self, slot: Slot, payload: bytes | None = None) -> None:
        frame = payload or b'{"corrId":"%s","resp":{"type":"done"}}' % slot.corr_id.encode()
        self.router.deliver(Frame(frame))

    def commands(self) -> list[str]:
        """Return the texts of the commands that were sent and not looked at yet."""
        return [json.loads(self.sent.get_nowait().payload)["cmd"] for _ in range(self.sent.qsize())]

    @property
    def chat(self) -> SimplexChat:
        session = SimpleNamespace(router=self.router, channel=self)
        return cast("SimplexChat", SimpleNamespace(_living_session=lambda _method: session))


def lines(*texts: str) -> list[Line]:
    return [(number, text.encode()) for number, text in enumerate(texts, 1)]


def test_no_more_than_the_window_is_in_flight() -> None:
    other = OtherSide(answers=False)
    answers = Pipeline(other.chat, 2, SECONDS).answers(lines("a", "b", "c"))
    got: list[Any] = []
    reader = threading.Thread(target=lambda: got.extend(answers))
    reader.start()
    first, second = other.sent.get(timeout=SECONDS), other.sent.get(timeout=SECONDS)
    assert other.sent.empty()
    other.answer(second)  # answers may overtake each other
    assert other.sent.empty()
    other.answer(first)
    other.answer(other.sent.get(timeout=SECONDS))
    reader.join(SECONDS)
    assert got == [(number, {"type": "done"}) for number in (1, 2, 3)]


def test_an_answer_that_cannot_be_read_is_an_unknown_outcome() -> None:
    other = OtherSide(answers=False)
    answers = Pipeline(other.chat, 1, SECONDS).answers(lines("a"))

    def answer() -> None:
        slot = other.sent.get(timeout=SECONDS)
        other.answer(slot, b'{"corrId":"%s","resp":7}' % slot.corr_id.encode())

    answerer = threading.Thread(target=answer)
    answerer.start()
    [(number, error)] = answers
    answerer.join(SECONDS)
    assert number == 1
    assert isinstance(error, OutcomeUnknown)


@pytest.mark.parametrize(("hands_over", "outcome"), [(True, "its outcome is unknown"), (False, "it was not sent")])
def test_a_command_that_is_not_answered_in_time_says_whether_it_was_sent(hands_over: bool, outcome: str) -> None:
    other = OtherSide(answers=False, hands_over=hands_over)
    [(_, first), (_, second)] = Pipeline(other.chat, 1, 0.05).answers(lines("a", "b"))
    assert isinstance(first, CommandTimeout)
    assert isinstance(second, CommandTimeout)
    assert outcome in str(first)
    assert other.router.pending == 0


def test_a_lost_connection_fails_what_is_in_flight() -> None:
    other = OtherSide(answers=False)
    answers = Pipeline(other.chat, 1, SECONDS).answers(lines("a"))

    def lose() -> None:
        other.sent.get(timeout=SECONDS)
        other.router.fail_handed_over(ConnectionLost("lost"))

    loser = threading.Thread(target=lose)
    loser.start()
    [(_, error)] = answers
    loser.join(SECONDS)
    assert isinstance(error, OutcomeUnknown)
    assert "not sent again" in str(error)


def test_a_client_that_is_closed_ends_it() -> None:
    other = OtherSide()
    other.router.close(ConnectionLost("the client: gone for good"))
    with pytest.raises(ConnectionLost, match="for good"):
        list(Pipeline(other.chat, 1, SECONDS).answers(lines("a", "b")))
    assert other.commands() == []


def test_what_was_never_sent_fails_with_the_reason() -> None:
    other = OtherSide(answers=False, hands_over=False)
    answers = Pipeline(other.chat, 1, SECONDS).answers(lines("a"))

    def end() -> None:
        other.sent.get(timeout=SECONDS)
        other.router.close(ConnectionLost("the client: gone"))

    ender = threading.Thread(target=end)
    ender.start()
    [(_, error)] = answers
    ender.join(SECONDS)
    assert type(error) is ConnectionLost


def test_whoever_stops_reading_answers_stops_the_reading_of_commands() -> None:
    other, read = OtherSide(), []

    def endless() -> Iterator[Line]:
        for number in range(1, 1_000_000):
            read.append(number)
            yield number, b"a"

    answers = Pipeline(other.chat, 3, SECONDS).answers(endless())
    assert next(answers)[0] == 1
    answers.close()  # type: ignore[attr-defined]  # it is a generator
    assert len(read) <= 5


def test_it_can_be_broken_off_while_it_waits_for_commands() -> None:
    other, gate = OtherSide(), threading.Event()

    def waiting() -> Iterator[Line]:
        yield 1, b"a"
        gate.wait(SECONDS)

    pipeline = Pipeline(other.chat, 3, SECONDS)
    answers = pipeline.answers(waiting())
    assert next(answers)[0] == 1
    pipeline.break_off(ConnectionLost("the client: gone"))
    with pytest.raises(ConnectionLost):
        next(answers)
    gate.set()


def test_an_error_of_the_input_is_not_swallowed() -> None:
    def broken() -> Iterator[Line]:
        yield 1, b"a"
        raise OSError("the disk")

    answers = Pipeline(OtherSide().chat, 3, SECONDS).answers(broken())
    assert next(answers)[0] == 1
    with pytest.raises(OSError, match="the disk"):
        next(answers)


# Events


def event(name: str) -> Frame:
    return Frame(b'{"resp":{"type":"%s"}}' % name.encode())


def test_events_are_handed_on_from_the_start_to_the_end() -> None:
    other, seen = OtherSide(), list[Any]()
    other.router.publish(event("early"))
    feed = EventFeed(other.chat, seen.append, seen.append)
    other.router.publish(event("late"))
    feed.start()
    feed.finish()
    assert seen == [{"type": "early"}, {"type": "late"}]


def test_events_that_were_lost_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    other, seen = OtherSide(), list[Any]()
    subscribe = other.router.subscribe
    monkeypatch.setattr(other.router, "subscribe", lambda tags, **options: subscribe(tags, limit=2, **options))
    feed = EventFeed(other.chat, seen.append, seen.append)
    for name in ("one", "two", "three", "four", "five"):
        other.router.publish(event(name))
    feed.start()
    feed.finish()
    assert isinstance(seen[0], EventsLost)
    assert seen[0].count == 3
    assert seen[1:] == [{"type": "four"}, {"type": "five"}]


def test_a_client_that_is_gone_for_good_is_told() -> None:
    other, failed = OtherSide(), queue.SimpleQueue[BaseException]()
    feed = EventFeed(other.chat, lambda _event: None, failed.put)
    feed.start()
    other.router.close(ConnectionLost("the client: gone for good"))
    assert isinstance(failed.get(timeout=SECONDS), ConnectionLost)
    feed.finish()


def test_an_output_that_fails_is_told() -> None:
    other, failed = OtherSide(), queue.SimpleQueue[BaseException]()

    def write(_event: dict[str, Any] | SimplexError) -> None:
        raise BrokenPipeError

    feed = EventFeed(other.chat, write, failed.put)
    other.router.publish(event("one"))
    feed.start()
    assert isinstance(failed.get(timeout=SECONDS), BrokenPipeError)
    feed.finish()


def test_what_is_no_json_and_what_the_library_adds_are_objects_too() -> None:
    marker = events.Reconnected(gap_possible=True, restarted=False)
    assert event_object(Frame.marker(events.Reconnected.tag, marker)) == marker.to_dict()
    assert event_object(Frame(b"no json")) == {"type": "", "unreadable": "no json"}
