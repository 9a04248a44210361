"""Streams of events and expectations, on a router without any I/O."""

from __future__ import annotations

import gc
import json
import threading
from typing import Any

import pytest

from simplex_sync import events
from simplex_sync._internal.codec import Frame
from simplex_sync._internal.router import Router
from simplex_sync.errors import ChildExited, ClientClosed, EventsLost, EventTimeout, InvalidArgument
from simplex_sync.waiting import EventStream, Expectation
from tests.children.fake import recorded_frames

LONG = 20.0


def publish(router: Router, *tags: str, **fields: Any) -> None:
    for tag in tags:
        router.deliver(Frame(json.dumps({"resp": {"type": tag, **fields}}).encode()))


def tags_in(stream: EventStream[Any]) -> list[str]:
    return [event.tag for event in stream]


def test_a_stream_gives_records_in_order_and_ends_after_a_quiet_time() -> None:
    router = Router()
    stream: EventStream[events.Event] = EventStream(router, timeout=0)
    recorded = [frame for frame in recorded_frames("messages") if "corrId" not in frame]
    for frame in recorded:
        router.deliver(Frame(json.dumps(frame).encode()))
    wanted = [frame["resp"] for frame in recorded]
    assert stream.unread == len(wanted)
    assert [event.to_dict() for event in stream] == wanted
    assert tags_in(stream) == []
    publish(router, "contactConnected")
    assert tags_in(stream) == ["contactConnected"]  # the end of an iteration is not the end of the stream


def test_a_stream_of_one_type_takes_no_other() -> None:
    router = Router()
    stream = EventStream(router, (events.ContactConnected,), timeout=0)
    publish(router, "newChatItems", "contactConnected", "strange")
    received = list(stream)
    assert len(received) == 1
    assert isinstance(received[0], events.ContactConnected)


def test_a_stream_of_unknown_events_passes_over_the_known() -> None:
    router = Router()
    stream = EventStream(router, (events.UnknownEvent,), timeout=0)
    publish(router, "contactConnected", "strange", "newChatItems", number=7)
    unknown = list(stream)
    assert [(event.tag, event.raw) for event in unknown] == [("strange", {"type": "strange", "number": 7})]


def test_all_streams_share_one_record_of_an_event() -> None:
    router = Router()
    first: EventStream[events.Event] = EventStream(router, timeout=0)
    second: EventStream[events.Event] = EventStream(router, timeout=0)
    publish(router, "contactConnected")
    assert next(first) is next(second)


def test_what_cannot_be_read_is_an_unknown_event_that_holds_it() -> None:
    router = Router()
    stream: EventStream[events.Event] = EventStream(router, timeout=0)
    for payload in (b"{garbage", b"[1]", b'{"resp":{"type":"cut', b"\xff\xfe"):
        router.deliver(Frame(payload))
    kept = list(stream)
    assert all(isinstance(event, events.UnknownEvent) for event in kept)
    assert [event.raw["unreadable"] for event in kept if isinstance(event, events.UnknownEvent)] == [
        "{garbage",
        "[1]",
        '{"resp":{"type":"cut',
        "��",
    ]


def test_a_stream_that_lost_events_says_how_many_once_and_goes_on() -> None:
    router = Router()
    stream: EventStream[events.Event] = EventStream(router, timeout=0, limit=2)
    publish(router, *(f"e{number}" for number in range(5)))
    with pytest.raises(EventsLost, match=r"^events: 3 events were dropped") as caught:
        next(stream)
    assert caught.value.count == 3
    assert tags_in(stream) == ["e3", "e4"]


def test_a_closed_stream_ends_quietly_and_can_be_closed_again() -> None:
    router = Router()
    with EventStream(router, (events.ContactConnected,)) as stream:
        publish(router, "contactConnected")
    stream.close()
    assert list(stream) == []
    publish(router, "contactConnected")
    assert router._by_tag == {}


def test_a_collected_stream_is_forgotten() -> None:
    router = Router()
    stream: EventStream[events.Event] = EventStream(router)
    assert router._for_all
    del stream
    gc.collect()
    publish(router, "x")
    assert router._for_all == []


def test_the_end_of_the_client_comes_after_what_was_there_and_is_a_fresh_error_each_time() -> None:
    router = Router()
    stream: EventStream[events.Event] = EventStream(router)
    publish(router, "a")
    cause = OSError("gone")
    shared = ChildExited("the CLI ended", exit_status=-9, output="last line")
    shared.__cause__ = cause
    router.close(shared)
    assert next(stream).tag == "a"
    raised = []
    for _ in range(2):
        with pytest.raises(ChildExited) as caught:
            next(stream)
        raised.append(caught.value)
        assert (caught.value.exit_status, caught.value.output) == (-9, "last line")
        assert caught.value.__cause__ is cause
    assert raised[0] is not raised[1]
    assert shared not in raised


def test_an_interrupted_reader_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    router = Router()
    stream: EventStream[events.Event] = EventStream(router, timeout=0)
    publish(router, "a", "b")
    with monkeypatch.context() as patch:
        patch.setattr("simplex_sync.waiting.event_record", interrupted)
        with pytest.raises(KeyboardInterrupt):
            next(stream)
    assert tags_in(stream) == ["a", "b"]


def interrupted(*_arguments: object) -> Any:
    raise KeyboardInterrupt


@pytest.mark.parametrize("wrong", [str, "newChatItems", events, events.ContactConnected.from_dict({})])
def test_only_classes_of_events_can_be_asked_for(wrong: Any) -> None:
    from simplex_sync.waiting import check_types

    with pytest.raises(InvalidArgument, match=r"^events: give classes of simplex_sync\.events"):
        check_types("events", (events.ContactConnected, wrong))
    with pytest.raises(InvalidArgument, match=r"^expect: give classes"):
        Expectation(Router(), wrong)


def test_streams_say_what_they_are_without_what_they_hold() -> None:
    router = Router()
    stream = EventStream(router, (events.NewChatItems, events.ContactConnected))
    publish(router, "newChatItems", text="SECRET")
    assert repr(stream) == "<EventStream of NewChatItems, ContactConnected, 1 unread>"
    expectation = Expectation(router, events.ContactConnected, timeout=0)
    assert not expectation.done
    assert repr(expectation) == "<Expectation of ContactConnected, waiting>"


# Expectations


def test_an_expectation_listens_from_the_start_and_keeps_its_value() -> None:
    router = Router()
    with Expectation(router, events.ContactConnected, timeout=LONG) as connected:
        publish(router, "contactConnected")
        publish(router, "contactConnected")
    assert connected.done
    assert connected.value is connected.wait()
    connected.close()  # keeps the value
    assert connected.done
    assert repr(connected) == "<Expectation of ContactConnected, done>"
    publish(router, "x")
    assert router._for_all == []


def test_an_expectation_sees_nothing_that_came_before() -> None:
    router = Router()
    publish(router, "contactConnected")
    with pytest.raises(EventTimeout):
        Expectation(router, events.ContactConnected, timeout=0).wait()


def test_a_condition_picks_the_event() -> None:
    router = Router()
    expectation = Expectation(router, events.UnknownEvent, where=lambda event: event.raw["number"] == 3, timeout=LONG)
    for number in range(5):
        publish(router, "numbered", number=number)
    assert expectation.value.raw["number"] == 3


def test_an_error_in_the_condition_is_the_callers_and_can_be_tried_again() -> None:
    router = Router()
    answers = iter([ZeroDivisionError, KeyboardInterrupt])

    def where(_event: events.UnknownEvent) -> bool:
        for error in answers:
            raise error
        return True

    expectation = Expectation(router, events.UnknownEvent, where, timeout=LONG)
    publish(router, "strange")
    for error in (ZeroDivisionError, KeyboardInterrupt):
        with pytest.raises(error):
            expectation.wait()
    assert expectation.wait().tag == "strange"


def test_a_timeout_tells_what_came_meanwhile_in_order() -> None:
    router = Router()
    expectation = Expectation(router, events.ContactConnected, timeout=0.01)
    publish(router, "b", "a", "b", "newChatItems")
    router.deliver(Frame(b"garbage"))
    with pytest.raises(
        EventTimeout, match=r"^expect: no ContactConnected came in 0.01 seconds; meanwhile came: b, a, "
    ) as e:
        expectation.wait()
    assert e.value.tags == ("b", "a", "newChatItems", "(unreadable)")
    assert e.value.seconds == 0.01
    with pytest.raises(EventTimeout, match="no event came meanwhile"):
        Expectation(router, events.ContactConnected, timeout=0, method="wait_for").wait()


def test_a_timeout_says_that_events_were_dropped_which_may_have_been_the_one() -> None:
    router = Router()
    expectation = Expectation(router, events.ContactConnected, timeout=0)
    expectation._subscription.log.limit = 2
    publish(router, "contactConnected", "a", "b", "c")
    with pytest.raises(EventTimeout, match=r"meanwhile came: b, c; 2 more were dropped"):
        expectation.wait()


def test_after_a_timeout_at_the_end_of_the_block_nothing_listens_any_more() -> None:
    router = Router()
    expectation = Expectation(router, events.ContactConnected, timeout=0)
    with pytest.raises(EventTimeout), expectation:
        pass
    publish(router, "contactConnected")
    assert router._for_all == []
    with pytest.raises(ClientClosed):
        expectation.wait()


def test_a_subclass_of_the_tag_alone_is_not_enough() -> None:
    router = Router()
    expectation = Expectation(router, events.UnknownEvent, timeout=0)
    publish(router, "contactConnected")
    with pytest.raises(EventTimeout) as caught:
        expectation.wait()
    assert caught.value.tags == ("contactConnected",)


def test_an_exception_in_the_block_is_not_hidden_and_nothing_is_waited_for() -> None:
    router = Router()
    with pytest.raises(ZeroDivisionError), Expectation(router, events.ContactConnected) as expectation:
        raise ZeroDivisionError
    publish(router, "contactConnected")
    assert router._for_all == []
    with pytest.raises(ClientClosed, match="this expectation was closed"):
        expectation.wait()


def test_an_expectation_that_was_not_read_in_time_goes_on_with_what_is_left() -> None:
    router = Router()
    expectation = Expectation(router, events.UnknownEvent, where=lambda event: event.tag == "last", timeout=LONG)
    expectation._subscription.log.limit = 2
    publish(router, *"abcdef", "last")
    assert expectation.wait().tag == "last"


def test_the_end_of_the_client_ends_a_waiting_expectation() -> None:
    router = Router()
    expectation = Expectation(router, events.ContactConnected, timeout=LONG)
    caught: list[BaseException] = []

    def waiter() -> None:
        try:
            expectation.wait()
        except ClientClosed as error:
            caught.append(error)

    thread = threading.Thread(target=waiter)
    thread.start()
    router.close(ClientClosed("the client was closed"))
    thread.join(LONG)
    assert [str(error) for error in caught] == ["expect: the client was closed"]


def test_a_condition_that_is_no_function_is_refused() -> None:
    wrong: Any = 3
    with pytest.raises(InvalidArgument, match=r"^expect: where must be a function"):
        Expectation(Router(), events.ContactConnected, where=wrong)
