"""The cursor behind `messages()`: `_conversation.inbox`.

Rests on the recorded events `newChatItems` and the answer `chatItems` of messages.jsonl. That `/_get items` gives
items in the order of their times, which for received ones are whole seconds, is a fact of the CLI.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from simplex_sync import events, types
from simplex_sync._conversation import inbox as module
from simplex_sync._conversation.inbox import MESSAGE_TAGS, Inbox, number_of
from simplex_sync._conversation.receiving import selection
from simplex_sync._internal.deadline import Deadline
from simplex_sync._internal.router import Router
from simplex_sync.errors import ClientClosed, CommandError, ConnectionLost
from tests.unit._conversation.recorded import frame_of, item, new_items, reconnected, user

WANTED = selection(None, own=False, system=False)


class Database:
    """A client whose CLI has these items, in the order in which it lists them."""

    def __init__(self, *items: types.AChatItem) -> None:
        self.items = list(items)
        self.user = SimpleNamespace(user_id=1)
        self.pages: list[types.ChatPagination] = []
        self.before_page: Callable[[], None] = lambda: None

    def api_get_chat_items(self, pagination: Any) -> Any:
        self.pages.append(pagination)
        self.before_page()
        ids = [number_of(each) for each in self.items]
        if isinstance(pagination, types.ChatPaginationLast):
            found = self.items[-pagination.count :]
        else:
            if pagination.item_id not in ids:
                raise CommandError("not there", error="errorStore.chatItemNotFound")
            place = ids.index(pagination.item_id)
            if isinstance(pagination, types.ChatPaginationAfter):
                found = self.items[place + 1 : place + 1 + pagination.count]
            else:
                found = self.items[max(0, place - pagination.count) : place]
        return SimpleNamespace(chat_items=found)


def inbox_of(router: Router, database: Database, **options: Any) -> Inbox:
    made = Inbox(router, "key", WANTED, **options)
    made.prepare(cast("Any", database))
    return made


def take(inbox: Inbox, database: Database, seconds: float = 0) -> Any:
    entry, position = inbox.look(cast("Any", database), Deadline(seconds))
    inbox.position = position
    return entry


def numbers(inbox: Inbox, database: Database) -> list[int]:
    found = []
    while (entry := take(inbox, database)) is not None:
        found.append(entry.chat_item.meta.item_id)
    return found


def test_events_are_given_in_order_and_once() -> None:
    router, database = Router(), Database(item(1))
    inbox = inbox_of(router, database)
    router.publish(new_items(item(2), item(3)))
    router.publish(new_items(item(3)))
    router.publish(new_items(item(4)))
    assert numbers(inbox, database) == [2, 3, 4]
    assert numbers(inbox, database) == []


def test_items_of_other_users_are_left_out() -> None:
    router, database = Router(), Database()
    inbox = inbox_of(router, database)
    router.publish(new_items(item(2), user_id=2))
    router.publish(new_items(item(3)))
    assert numbers(inbox, database) == [3]


@pytest.mark.parametrize("page", [3, 100])
@pytest.mark.parametrize("missing", [0, 1, 3, 10, 250])
def test_a_gap_is_closed(monkeypatch: pytest.MonkeyPatch, page: int, missing: int) -> None:
    monkeypatch.setattr(module, "PAGE", page)
    router, database = Router(), Database(*map(item, range(1, 51)))
    inbox = inbox_of(router, database)
    router.publish(new_items(item(51)))
    router.publish(reconnected())
    database.items += map(item, range(51, 52 + missing))
    router.publish(new_items(item(51 + missing)))
    assert numbers(inbox, database) == list(range(51, 52 + missing))


def test_closing_a_gap_reads_no_more_than_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", 10)
    router, database = Router(), Database(*map(item, range(1, 1001)))
    inbox = inbox_of(router, database)
    router.publish(reconnected())
    database.items += map(item, range(1001, 1016))
    database.pages.clear()
    assert numbers(inbox, database) == list(range(1001, 1016))
    assert len(database.pages) <= 8


@pytest.mark.parametrize("place", [47, 42], ids=["a page back", "two pages back"])
def test_items_that_stand_before_older_ones_are_found(monkeypatch: pytest.MonkeyPatch, place: int) -> None:
    # 60 was received after 55 was seen, but its time, in whole seconds, puts it before many that were known.
    monkeypatch.setattr(module, "PAGE", 5)
    known = list(map(item, range(1, 56)))
    router, database = Router(), Database(*known)
    inbox = inbox_of(router, database)
    router.publish(reconnected())
    database.items = [*known[:place], item(60), *known[place:], item(61)]
    assert sorted(numbers(inbox, database)) == [60, 61]


def test_what_is_missing_is_found_behind_many_items_that_are_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    # 61 was lost with the connection; many messages of one's own, which come as no events, were sent before the look.
    monkeypatch.setattr(module, "PAGE", 5)
    router, database = Router(), Database(*map(item, range(1, 51)))
    inbox = Inbox(router, "key", lambda each: each.chat_item.meta.item_text == "wanted")
    inbox.prepare(cast("Any", database))
    router.publish(new_items(item(51, "wanted")))
    router.publish(reconnected())
    database.items += [item(51, "wanted"), item(61, "wanted"), *map(item, range(62, 160))]
    assert numbers(inbox, database) == [51, 61]
    # Those are known now: the next gap is closed without going through them again.
    router.publish(reconnected())
    database.items.append(item(161, "wanted"))
    database.pages.clear()
    assert numbers(inbox, database) == [161]
    assert len(database.pages) <= 4


def test_what_came_as_an_event_is_new_although_it_was_in_the_database() -> None:
    # The CLI had stored 9 and 10 before it was asked; their events come, or are lost, afterwards.
    router, database = Router(), Database(*map(item, range(1, 11)))
    inbox = inbox_of(router, database)
    router.publish(new_items(item(9)))
    router.publish(reconnected())
    assert numbers(inbox, database) == [9, 10]


def test_events_that_were_dropped_are_read_from_the_database() -> None:
    router, database = Router(), Database(*map(item, range(1, 6)))
    arrivals = router.subscribe(MESSAGE_TAGS, limit=3)
    for number in range(6, 16):
        router.publish(new_items(item(number)))
        database.items.append(item(number))
    inbox = inbox_of(router, database, subscription=arrivals)
    assert sorted(numbers(inbox, database)) == list(range(6, 16))


def test_an_item_that_is_deleted_meanwhile_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", 2)
    router, database = Router(), Database(item(1))
    inbox = inbox_of(router, database)
    router.publish(reconnected())
    database.items += map(item, range(2, 9))
    found = [take(inbox, database).chat_item.meta.item_id for _ in range(2)]
    database.items = [each for each in database.items if each.chat_item.meta.item_id not in found]
    assert [*found, *numbers(inbox, database)] == list(range(2, 9))


def test_remembered_numbers_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 5)
    router, database = Router(), Database()
    inbox = inbox_of(router, database)
    for number in range(1, 21):
        router.publish(new_items(item(number)))
    assert numbers(inbox, database) == list(range(1, 21))
    assert list(inbox._seen) == [16, 17, 18, 19, 20]


def test_other_events_are_given_where_they_are_wanted() -> None:
    router, database = Router(), Database()
    inbox = inbox_of(router, database, tags={"chatItemsStatusesUpdated", "newChatItems", "reconnected"})
    router.publish(new_items(item(1), item(2)))
    router.publish(frame_of({"type": "chatItemsStatusesUpdated", "user": user(), "chatItems": []}))
    router.publish(frame_of({"type": "chatItemReaction", "user": user()}))
    router.publish(reconnected())
    found = [take(inbox, database) for _ in range(5)]
    assert [type(each).__name__ for each in found] == [
        "AChatItem",
        "AChatItem",
        "NewChatItems",
        "ChatItemsStatusesUpdated",
        "Reconnected",
    ]
    everything = inbox_of(router, database, tags=None)
    router.publish(frame_of({"type": "chatItemReaction", "user": user()}))
    assert isinstance(take(everything, database), events.ChatItemReaction)


def test_other_events_are_not_dropped_in_silence(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "UNREAD_EVENTS", 2)
    router, database = Router(), Database(item(1))
    inbox = inbox_of(router, database, tags={"chatItemReaction"})
    for _ in range(5):
        router.publish(frame_of({"type": "chatItemReaction", "user": user()}))
    database.items.append(item(2))
    kinds = []
    while (entry := take(inbox, database)) is not None:
        kinds.append(type(entry).__name__)
    assert kinds == ["AChatItem", "ChatItemReaction", "ChatItemReaction"]
    assert "3 events were dropped" in caplog.text


def test_the_cli_may_be_gone_while_a_gap_is_closed() -> None:
    router, database = Router(), Database(item(1))
    inbox = inbox_of(router, database)
    database.items.append(item(2))
    failures = [ConnectionLost("gone"), ConnectionLost("gone again")]

    def fail() -> None:
        if failures:
            error = failures.pop()
            router.publish(reconnected())
            raise error

    database.before_page = fail
    router.publish(reconnected())
    assert numbers(inbox, database) == [2]
    assert not failures


def test_a_burst_while_the_cli_is_gone_does_not_end_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "UNREAD", 3)
    router, database = Router(), Database(item(1))
    inbox = inbox_of(router, database)
    failures = [ConnectionLost("gone")]

    def fail() -> None:
        if failures:
            for number in range(2, 12):
                router.publish(new_items(item(number)))
                database.items.append(item(number))
            raise failures.pop()

    database.before_page = fail
    router.publish(reconnected())
    assert take(inbox, database, seconds=20).chat_item.meta.item_id == 2
    assert numbers(inbox, database) == list(range(3, 12))


def test_the_cli_does_not_come_back() -> None:
    router, database = Router(), Database(item(1))
    inbox = inbox_of(router, database)

    def fail() -> None:
        raise ConnectionLost("gone")

    database.before_page = fail
    router.publish(reconnected())
    assert take(inbox, database, seconds=0.01) is None, "not in time"
    router.close(ConnectionLost("gone for good"))
    with pytest.raises(ConnectionLost):
        take(inbox, database, seconds=20)


def test_other_errors_are_told_and_the_gap_stays() -> None:
    router, database = Router(), Database(item(1))
    inbox = inbox_of(router, database)
    database.items.append(item(2))
    errors: list[Exception] = [CommandError("no", error="errorStore.other"), ClientClosed("closed")]

    def fail() -> None:
        if errors:
            raise errors.pop()

    database.before_page = fail
    router.publish(reconnected())
    with pytest.raises(ClientClosed):
        take(inbox, database)
    with pytest.raises(CommandError):
        take(inbox, database)
    assert numbers(inbox, database) == [2]


def test_what_is_there_can_be_read_after_the_end() -> None:
    router, database = Router(), Database()
    inbox = inbox_of(router, database)
    router.publish(new_items(item(1)))
    router.close(ClientClosed("the client was closed"))
    assert take(inbox, database, 20).chat_item.meta.item_id == 1
    with pytest.raises(ClientClosed, match="messages: the client was closed"):
        take(inbox, database, 20)


class Interrupted(BaseException):
    """Stands for Ctrl-C, which can come before any line."""


def test_an_interrupt_before_any_line_loses_and_doubles_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setattr(module, "PAGE", 3)
    path = module.__file__
    lines = 0
    stop_at = 0

    def trace(frame: Any, event: str, _: object) -> Any:
        nonlocal lines
        if frame.f_code.co_filename != path:
            return None
        if event == "line":
            lines += 1
            if lines == stop_at:
                raise Interrupted
        return trace

    def read_all(interrupt_at: int) -> list[int]:
        nonlocal lines, stop_at
        lines, stop_at = 0, interrupt_at
        router, database = Router(), Database(*map(item, range(1, 8)))
        inbox = inbox_of(router, database)
        router.publish(new_items(item(8), item(9)))
        router.publish(reconnected())
        database.items += map(item, range(8, 16))
        router.publish(new_items(item(15)))
        router.publish(new_items(item(16)))
        found: list[int] = []
        while True:
            before = sys.gettrace()
            sys.settrace(trace)
            try:
                entry, position = inbox.look(cast("Any", database), Deadline(0))
            except Interrupted:
                continue
            finally:
                sys.settrace(before)
            inbox.position = position
            if entry is None:
                return found
            found.append(cast("Any", entry).chat_item.meta.item_id)

    expected = list(range(8, 17))
    assert read_all(0) == expected
    total = lines
    assert total > 200
    for interrupt_at in range(1, total, 3):
        assert read_all(interrupt_at) == expected, f"interrupted before line {interrupt_at}"


def test_one_thread_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    router, database = Router(), Database()
    inbox = inbox_of(router, database)
    waits = threading.Event()
    original = inbox._step

    def step(*args: Any) -> Any:
        waits.set()
        return original(*args)

    monkeypatch.setattr(inbox, "_step", step)  # to know when the other thread is in it
    thread = threading.Thread(target=take, args=(inbox, database, 20))
    thread.start()
    assert waits.wait(20)
    taken = not inbox.is_free
    assert taken
    with pytest.raises(RuntimeError, match="another thread"):
        take(inbox, database)
    router.publish(new_items(item(1)))
    thread.join(20)
    assert inbox.is_free, "the other thread has ended"
    inbox.take_over()
    assert inbox.reader is threading.current_thread()


ODD: list[Any] = [None, 5, "x", [], {}, {"chatInfo": 1, "chatItem": 2}, {"chatItem": {"meta": {"itemId": "3"}}}]


@pytest.mark.parametrize("odd", ODD)
def test_an_item_that_is_not_as_documented_does_not_stop_those_that_follow(
    odd: Any, caplog: pytest.LogCaptureFixture
) -> None:
    router, database = Router(), Database(item(1))
    inbox = inbox_of(router, database)
    items = [item(2).to_dict(), odd, item(3).to_dict()]
    router.publish(frame_of({"type": "newChatItems", "user": {**user(), "userId": 1}, "chatItems": items}))
    router.publish(frame_of({"type": "newChatItems", "user": {**user(), "userId": 1}, "chatItems": odd}))
    router.publish(new_items(item(4)))
    assert numbers(inbox, database) == [2, 3, 4]
    assert "items that are not as documented" in caplog.text


@pytest.mark.parametrize("odd", ODD)
def test_such_an_item_in_the_database_does_not_stop_the_closing_of_a_gap(odd: Any) -> None:
    router, database = Router(), Database(item(1))
    inbox = inbox_of(router, database)
    database.items = [item(2), cast("Any", odd), item(3), cast("Any", odd)]
    router.publish(reconnected())
    assert numbers(inbox, database) == [2, 3]
