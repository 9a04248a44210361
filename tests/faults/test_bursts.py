"""Events that come faster than they are read: all arrive, in order, in little memory, and answers do not wait."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from simplex_sync import events
from simplex_sync._internal import event_log, router
from tests.children.fake import ANSWER, FakeCli, steps

Make = Callable[..., FakeCli]
LONG = 30.0
COUNT = 20_000


@pytest.fixture(autouse=True)
def soon_far_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (event_log, router):
        monkeypatch.setattr(module, "FAR_BEHIND_BYTES", 50_000)


def test_the_reader_sets_the_pace_and_loses_nothing(make_fake: Make) -> None:
    with make_fake().client() as chat:
        stream = chat.events(events.UnknownEvent, timeout=LONG)
        chat.send_command(steps(ANSWER, ["events", COUNT]))
        unread, seen = 0, []
        for event in stream:
            seen.append(event.raw["number"])
            unread = max(unread, stream.unread)
            if len(seen) == COUNT:
                break
        assert seen == list(range(1, COUNT + 1))
        assert unread < COUNT // 2


def test_answers_come_in_the_middle_of_a_burst(make_fake: Make) -> None:
    with make_fake().client() as chat:
        stream = chat.events(events.UnknownEvent, timeout=LONG)
        chat.send_command(steps(ANSWER, ["events", COUNT]))
        seen: list[int] = []

        def read() -> None:
            for event in stream:
                seen.append(event.raw["number"])
                if len(seen) == COUNT:
                    return

        reader = threading.Thread(target=read)
        reader.start()
        for _ in range(20):
            assert chat.show_active_user(timeout=LONG).user.user_id == chat.user.user_id
        reader.join(LONG)
        assert seen == list(range(1, COUNT + 1))


def test_one_slow_reader_does_not_keep_others_from_their_events(make_fake: Make) -> None:
    with make_fake().client() as chat:
        slow = chat.events(events.UnknownEvent, timeout=LONG)
        with chat.expect(events.UnknownEvent, lambda event: event.tag == "last", timeout=LONG):
            chat.send_command(steps(ANSWER, ["events", COUNT], ["event", {"type": "last"}]))
            next(slow)
        assert slow.unread == COUNT
