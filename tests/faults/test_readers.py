"""Readers that are slow or never come: streams are bounded and say what they lost; nobody else is touched."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from simplex_sync import EventStream, events
from simplex_sync._internal.router import STREAM_LIMIT
from simplex_sync.errors import EventsLost
from tests.children.fake import ANSWER, FakeCli, steps

Make = Callable[..., FakeCli]
LONG = 30.0
BEYOND = 50


def numbers(stream: EventStream[events.UnknownEvent], count: int) -> list[int]:
    return [next(stream).raw["number"] for _ in range(count)]


def test_a_stream_that_nobody_reads_is_bounded_and_says_what_it_lost(make_fake: Make) -> None:
    assert STREAM_LIMIT == 100_000
    with make_fake().client() as chat:
        unread = chat.events(events.UnknownEvent, timeout=LONG)
        other = chat.events(events.ContactConnected, timeout=0)
        assert chat.send_command(steps(["events", STREAM_LIMIT + BEYOND], ["answer", {"type": "right"}])).tag == "right"
        assert unread.unread == STREAM_LIMIT
        with pytest.raises(EventsLost, match=rf"^events: {BEYOND} events were dropped") as caught:
            next(unread)
        assert caught.value.count == BEYOND
        assert numbers(unread, STREAM_LIMIT) == list(range(BEYOND + 1, STREAM_LIMIT + BEYOND + 1))
        # It goes on, and the stream of others never noticed.
        chat.send_command(steps(["events", 2], ANSWER))
        assert numbers(unread, 2) == [STREAM_LIMIT + BEYOND + 1, STREAM_LIMIT + BEYOND + 2]
        assert list(other) == []


def test_the_first_stream_has_what_came_before_it_and_others_do_not(make_fake: Make) -> None:
    with make_fake(connected=[["events", 3]]).client() as chat:
        chat.send_command(steps(["events", 2], ANSWER))
        first = chat.events(events.UnknownEvent, timeout=0)
        second = chat.events(events.UnknownEvent, timeout=0)
        chat.send_command(steps(["events", 1], ANSWER))
        assert [event.raw["number"] for event in first] == [1, 2, 3, 4, 5, 6]
        assert [event.raw["number"] for event in second] == [6]


def test_streams_do_not_take_each_others_events(make_fake: Make) -> None:
    with make_fake().client() as chat:
        streams = [chat.events(events.UnknownEvent, timeout=LONG) for _ in range(3)]
        chat.send_command(steps(["events", 100], ANSWER))
        assert [numbers(stream, 100) for stream in streams] == [list(range(1, 101))] * 3


def test_closed_and_forgotten_streams_keep_nothing(make_fake: Make) -> None:
    with make_fake().client() as chat:
        session = chat._session
        assert session is not None
        before = len(session.router._all_logs())  # the client itself may read events
        with chat.events() as closed:
            chat.send_command(steps(["events", 10], ANSWER))
        chat.events(events.ContactConnected)
        stays = chat.events(events.UnknownEvent, timeout=0)
        chat.send_command(steps(["events", 10], ANSWER))
        assert list(closed) == []
        assert len(session.router._all_logs()) == before + 1
        assert len(list(stays)) == 10
