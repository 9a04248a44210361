"""Where frames go: slots and subscriptions, one by one. See test_router_states for any order of things."""

from __future__ import annotations

import json
import threading

import pytest

from simplex_sync._internal.codec import Frame
from simplex_sync._internal.deadline import Deadline
from simplex_sync._internal.router import Router, Subscription
from simplex_sync.errors import ClientClosed, ConnectionLost

NOW, LONG = Deadline(0), 20.0


def answer(corr_id: str, tag: str = "cmdOk") -> Frame:
    return Frame(json.dumps({"corrId": corr_id, "resp": {"type": tag}}).encode())


def event(tag: str, **fields: object) -> Frame:
    return Frame(json.dumps({"resp": {"type": tag, **fields}}).encode())


def read(subscription: Subscription) -> list[str]:
    """Read all that is there."""
    tags = []
    while (frame := subscription.peek(NOW)) is not None:
        subscription.read += 1
        tags.append(frame.tag)
    return tags


def test_an_answer_ends_the_call_with_its_corr_id() -> None:
    router = Router()
    first, second = router.open_slot("/a"), router.open_slot("/b")
    assert json.loads(second.payload) == {"corrId": second.corr_id, "cmd": "/b"}
    assert router.pending == 2
    router.deliver(answer(second.corr_id, "b"))
    assert second.wait(Deadline(None))
    assert second.frame is not None
    assert (second.frame.tag, second.error, router.pending) == ("b", None, 1)
    assert not first.wait(Deadline(0.001))


def test_a_late_or_second_answer_is_counted_and_is_no_event() -> None:
    router = Router()
    everything = router.subscribe(None)
    abandoned, answered = router.open_slot("/a"), router.open_slot("/b")
    router.abandon(abandoned)
    for slot in (abandoned, answered, answered):
        router.deliver(answer(slot.corr_id))
    assert abandoned.abandoned
    assert abandoned.frame is None
    assert router.late_answers == 2
    assert read(everything) == []


@pytest.mark.parametrize("corr_id", ["9", "0", "", "x", "-1", "9" * 5000, "²"])
def test_an_answer_to_what_was_never_asked_is_an_event(corr_id: str) -> None:
    router = Router()
    router.open_slot("/a")
    everything = router.subscribe(None)
    router.deliver(answer(corr_id, "strange"))
    assert read(everything) == ["strange"]
    assert router.pending == 1


def test_only_what_was_handed_over_fails_with_the_connection() -> None:
    router = Router()
    sent, queued = router.open_slot("/a"), router.open_slot("/b")
    sent.handed_over = True
    lost = ConnectionLost("lost")
    router.fail_handed_over(lost)
    assert sent.wait(NOW)
    assert sent.error is lost
    assert not queued.wait(NOW)
    router.deliver(answer(queued.corr_id))
    assert queued.wait(NOW)


def test_close_ends_calls_and_streams_once_and_refuses_more() -> None:
    router = Router()
    slot, some, everything = router.open_slot("/a"), router.subscribe({"x", "y"}), router.subscribe(None)
    router.publish(event("x"))
    closed = ClientClosed("closed")
    router.close(closed)
    router.close(ConnectionLost("later"))
    assert slot.wait(NOW)
    assert slot.error is closed
    for subscription in (some, everything):
        assert read(subscription) == ["x"]  # what had come can still be read
        assert subscription.error is closed
    with pytest.raises(ClientClosed):
        router.open_slot("/b")
    late = router.subscribe(None)
    assert late.error is closed


def test_events_go_to_those_who_asked_for_the_tag() -> None:
    router = Router()
    a, b, both, everything = (router.subscribe(tags) for tags in ({"a"}, {"b"}, {"a", "b"}, None))
    for tag in "abca":
        router.publish(event(tag))
    assert [read(each) for each in (a, b, both, everything)] == [["a", "a"], ["b"], ["a", "b", "a"], list("abca")]


def test_the_first_stream_from_the_start_gets_what_came_before_and_others_do_not() -> None:
    router = Router()
    early = router.subscribe({"b"})
    for tag in "abc":
        router.publish(event(tag))
    first = router.subscribe({"a", "b", "d"}, from_start=True)
    second = router.subscribe(None, from_start=True)
    router.publish(event("d"))
    assert [read(each) for each in (early, first, second)] == [["b"], ["a", "b", "d"], ["d"]]


def test_the_backlog_is_bounded_in_bytes_and_says_what_it_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simplex_sync._internal.router.BACKLOG_BYTES", 250)
    router = Router()
    for number in range(10):
        router.publish(event("x", number=number, text="y" * 30))
    stream = router.subscribe(None, from_start=True)
    kept = stream.unread()
    assert 1 <= kept < 10
    assert stream.peek(NOW) is None
    assert stream.lost() == 10 - kept
    stream.read += stream.lost()
    assert len(read(stream)) == kept


def test_one_event_larger_than_the_backlog_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simplex_sync._internal.router.BACKLOG_BYTES", 10)
    router = Router()
    router.publish(event("large", text="y" * 100))
    assert read(router.subscribe(None, from_start=True)) == ["large"]


def test_a_stream_that_is_not_read_drops_its_oldest_and_others_none() -> None:
    router = Router()
    small, large = router.subscribe(None, limit=3), router.subscribe(None)
    for number in range(10):
        router.publish(event(f"e{number}"))
    assert (small.lost(), small.unread()) == (7, 3)
    small.read += small.lost()
    assert read(small) == ["e7", "e8", "e9"]
    assert read(large) == [f"e{number}" for number in range(10)]
    assert (large.lost(), large.unread()) == (0, 0)


def test_an_event_that_is_dropped_while_it_is_read_is_not_lost() -> None:
    router = Router()
    stream = router.subscribe(None, limit=2)
    for tag in "ab":
        router.publish(event(tag))
    frame = stream.peek(NOW)
    following = stream.read + 1
    router.publish(event("c"))  # drops "a", which the reader has in hand
    assert frame is not None
    stream.read = following
    assert (frame.tag, stream.lost(), read(stream)) == ("a", 0, ["b", "c"])


def test_peeking_ahead_moves_nothing() -> None:
    router = Router()
    stream = router.subscribe(None)
    for tag in "abc":
        router.publish(event(tag))
    seen = [stream.peek(NOW, ahead) for ahead in range(4)]
    assert [frame and frame.tag for frame in seen] == ["a", "b", "c", None]
    assert stream.unread() == 3


def test_a_waiting_reader_is_woken_by_the_next_event_and_by_the_end() -> None:
    router = Router()
    stream = router.subscribe({"x"})
    seen: list[Frame | None] = []

    def reader() -> None:
        for _ in range(2):
            seen.append(stream.peek(Deadline(LONG)))
            stream.read += 1

    thread = threading.Thread(target=reader)
    thread.start()
    router.publish(event("other"))
    router.publish(event("x"))
    router.close(ClientClosed("closed"))
    thread.join(LONG)
    assert not thread.is_alive()
    assert [frame and frame.tag for frame in seen] == ["x", None]


def test_waiting_ends_at_the_deadline() -> None:
    assert Router().subscribe(None).peek(Deadline(0.01)) is None


@pytest.mark.parametrize("tags", [None, {"x", "y"}])
def test_forgotten_streams_are_let_go_at_the_next_event(tags: set[str] | None) -> None:
    router = Router()
    gone, stays = router.subscribe(tags), router.subscribe({"x"})
    router.publish(event("x"))
    router.forget(gone)
    router.publish(event("x"))
    router.publish(event("y"))
    assert gone.unread() == 1
    assert read(stays) == ["x", "x"]
    assert router._for_all == []
    assert list(router._by_tag) == ["x"]


def test_forgotten_streams_are_let_go_at_the_next_subscription() -> None:
    router = Router()
    router.forget(router.subscribe(None))
    stays = router.subscribe(None)
    assert router._for_all == [stays.log]
    assert stays.log.readers == [stays]


def test_the_first_stream_may_come_between_the_look_at_the_backlog_and_the_lock() -> None:
    router = Router()
    lock = router._lock

    class FirstStreamComesJustBefore:
        def __enter__(self) -> None:
            router._lock = lock
            self.stream = router.subscribe(None, from_start=True)
            lock.acquire()

        def __exit__(self, *_error: object) -> None:
            lock.release()

    between = FirstStreamComesJustBefore()
    router._lock = between  # type: ignore[assignment] # no other way to stop a thread between two lines
    router.publish(event("x"))
    assert read(between.stream) == ["x"]
