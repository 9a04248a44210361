"""Stored messages: `_conversation.history`.

Rests on the recorded answers `apiChat` of messages.jsonl and groups.jsonl, and on two ways of a CLI with `after=0`:
the simulator takes it as the beginning, while one that looks the item up says `chatItemNotFound`.
"""

from __future__ import annotations

import datetime
import tracemalloc
from types import SimpleNamespace
from typing import Any

import pytest

from simplex_sync import SentMessage, types
from simplex_sync._conversation.history import History
from simplex_sync.errors import CommandError, InvalidArgument
from tests.unit._conversation.conftest import Pair, unique
from tests.unit._conversation.recorded import item, recorded_answers

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)


def stored(
    number: int, created: datetime.datetime | None = None, sent: datetime.datetime | None = None
) -> types.ChatItem:
    """Return an item that came a minute after the one before it."""
    when = created or START + datetime.timedelta(minutes=number)
    wire = item(number, f"text {number}").chat_item.to_dict()
    wire["meta"].update(createdAt=f"{when:%Y-%m-%dT%H:%M:%S}Z", itemTs=f"{sent or when:%Y-%m-%dT%H:%M:%S}Z")
    return types.ChatItem.from_dict(wire)


class Stored(History):
    """A client whose CLI has these items in one chat."""

    timeout = 1.0

    def __init__(self, items: Any, *, takes_any_number: bool = True) -> None:
        self.items = items
        self.takes_any_number = takes_any_number
        self.pages = 0
        self.largest = 0

    def api_get_chat(self, ref: Any, pagination: Any, *, search: str | None = None, timeout: Any = None) -> Any:
        self.pages += 1
        numbers = [each.meta.item_id for each in self.items]
        count = pagination.count
        if isinstance(pagination, types.ChatPaginationLast):
            found = self.items[-count:]
        else:
            if not self.takes_any_number and pagination.item_id not in numbers:
                raise CommandError("not there", error="errorStore.chatItemNotFound")
            if isinstance(pagination, types.ChatPaginationAfter):
                found = [each for each in self.items if each.meta.item_id > pagination.item_id][:count]
            else:
                found = [each for each in self.items if each.meta.item_id < pagination.item_id][-count:]
        self.largest = max(self.largest, len(found))
        return SimpleNamespace(chat=SimpleNamespace(chat_info=item().chat_info, chat_items=list(found)))

    def numbers(self, **options: Any) -> list[int]:
        ref = types.ChatRef(chat_type=types.ChatType.DIRECT, chat_id=4)
        return [message.id for message in self.history(ref, **options)]


@pytest.mark.parametrize("takes_any_number", [True, False])
@pytest.mark.parametrize("size", [0, 1, 99, 100, 101, 250, 2345])
def test_all_items_in_order(size: int, takes_any_number: bool) -> None:
    chat = Stored([stored(number) for number in range(1, size + 1)], takes_any_number=takes_any_number)
    assert chat.numbers() == list(range(1, size + 1))
    assert chat.numbers(newest_first=True) == list(range(size, 0, -1))


@pytest.mark.parametrize("takes_any_number", [True, False])
@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("after", [None, 0, 30, 205])
@pytest.mark.parametrize("before", [None, 20, 31, 170, 999])
def test_between_two_items(takes_any_number: bool, newest_first: bool, after: int | None, before: int | None) -> None:
    chat = Stored([stored(number) for number in range(1, 301) if number != 205], takes_any_number=takes_any_number)
    expected = [number for number in range(1, 301) if number != 205 and (after or 0) < number < (before or 999)]
    found = chat.numbers(after=after, before=before, newest_first=newest_first)
    assert found == (expected[::-1] if newest_first else expected)


@pytest.mark.parametrize("newest_first", [True, False])
def test_between_two_times(newest_first: bool) -> None:
    chat = Stored([stored(number) for number in range(1, 1001)])
    found = chat.numbers(
        after=START + datetime.timedelta(minutes=700),
        before=START + datetime.timedelta(minutes=705),
        newest_first=newest_first,
    )
    assert sorted(found) == [701, 702, 703, 704]
    if newest_first:
        assert chat.pages <= 5, "nothing older is read"


def test_a_time_without_a_zone_is_local() -> None:
    chat = Stored([stored(number) for number in range(1, 11)])
    local = (START + datetime.timedelta(minutes=8)).astimezone().replace(tzinfo=None)
    assert chat.numbers(after=local) == [9, 10]


def test_a_message_that_was_delivered_late_is_found() -> None:
    # It was sent before the bound and came after it, and the other way round.
    late = stored(400, created=START + datetime.timedelta(minutes=400), sent=START + datetime.timedelta(minutes=10))
    chat = Stored([*(stored(number) for number in range(1, 400)), late])
    assert 400 in chat.numbers(before=START + datetime.timedelta(minutes=20))
    assert 400 not in chat.numbers(after=START + datetime.timedelta(minutes=300), newest_first=True)


@pytest.mark.parametrize("newest_first", [True, False])
def test_items_that_are_deleted_meanwhile(newest_first: bool) -> None:
    chat = Stored([stored(number) for number in range(1, 301)], takes_any_number=False)
    ref = types.ChatRef(chat_type=types.ChatType.DIRECT, chat_id=4)
    chat.items[0] = stored(0) if not newest_first else chat.items[0]
    found = []
    for message in chat.history(ref, newest_first=newest_first, after=None if newest_first else 0):
        found.append(message.id)
        if len(found) == 50:
            chat.items = [each for each in chat.items if each.meta.item_id not in (99, 100, 101, 200, 201, 202)]
    assert found == sorted(found, reverse=newest_first)
    assert len(found) == len(set(found))
    assert {each.meta.item_id for each in chat.items} - {0} <= set(found)


def test_everything_on_the_page_is_gone() -> None:
    chat = Stored([stored(number) for number in range(1, 301)], takes_any_number=False)
    stream = chat.history(types.ChatRef(chat_type=types.ChatType.DIRECT, chat_id=4), newest_first=True)
    for _ in range(100):
        next(stream)
    chat.items = [stored(1)]
    with pytest.raises(CommandError):
        next(stream)


def test_other_errors_are_told() -> None:
    chat = Stored([])

    def fail(*_: Any, **__: Any) -> None:
        raise CommandError("no", error="errorStore.contactNotFound")

    chat.api_get_chat = fail  # type: ignore[method-assign]  # a CLI that refuses
    for newest_first in (True, False):
        with pytest.raises(CommandError):
            chat.numbers(newest_first=newest_first)


def test_system_items_are_left_out_unless_asked_for() -> None:
    answers = [*recorded_answers("messages", "apiChat"), *recorded_answers("groups", "apiChat")]
    assert answers
    for answer in answers:
        chat = Stored(answer.chat.chat_items)
        everything = chat.numbers(system=True)
        assert everything == [each.meta.item_id for each in answer.chat.chat_items]
        kept = {each.meta.item_id for each in answer.chat.chat_items if each.content.tag.endswith("MsgContent")}
        assert set(chat.numbers()) == kept


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"before": "yesterday"}, "before"),
        ({"after": True}, "after"),
        ({"after": datetime.date(2026, 1, 1)}, "after"),
        ({"search": ""}, "search"),
        ({"search": 7}, "search"),
    ],
)
def test_wrong_arguments(options: dict[str, Any], argument: str) -> None:
    with pytest.raises(InvalidArgument, match=r"^history: ") as caught:
        Stored([]).numbers(**options)
    assert caught.value.argument == argument


def test_twenty_thousand_items_need_little_memory() -> None:
    wire = item().chat_item.to_dict()

    class Endless(Stored):
        """So many items, made when they are asked for, as a CLI would."""

        def api_get_chat(self, ref: Any, pagination: Any, *, search: Any = None, timeout: Any = None) -> Any:
            first, last = pagination.item_id + 1, min(20_000, pagination.item_id + pagination.count)
            found = [
                types.ChatItem.from_dict({**wire, "meta": {**wire["meta"], "itemId": number, "itemText": "x" * 1000}})
                for number in range(first, last + 1)
            ]
            return SimpleNamespace(chat=SimpleNamespace(chat_info=item().chat_info, chat_items=found))

    chat = Endless([])
    count = 0
    tracemalloc.start()
    try:
        for _ in chat.history(types.ChatRef(chat_type=types.ChatType.DIRECT, chat_id=4)):
            count += 1
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 20_000
    assert peak < 6_000_000, f"{peak} bytes, where a tenth of what is allowed should do"


def test_history_of_a_cli(pair: Pair) -> None:
    words = [unique("stored") for _ in range(230)]
    sent = pair.alice.send_many("@bob", words)
    found = list(pair.alice.history("@bob", after=sent[0]))
    assert [message.text for message in found] == words[1:]
    assert all(isinstance(message, SentMessage) for message in found)
    found_at_bob = []
    sent[-1].wait_delivered()
    for message in pair.bob.history("@alice", newest_first=True):
        found_at_bob.append(message.text)
        if message.text == words[0]:
            break
    assert found_at_bob == words[::-1]
    needle = unique("needle")
    pair.alice.send("@bob", f"a {needle} b")
    assert [message.text for message in pair.alice.history("@bob", search=needle)] == [f"a {needle} b"]
    assert repr(pair.alice.history("@bob")) == "<HistoryStream, oldest first>"
    answer = next(iter(pair.alice.history("@bob", after=sent[-1]))).reply("to the needle")
    assert answer.quoted is not None


def test_an_interrupted_history_goes_on() -> None:
    chat = Stored([stored(number) for number in range(1, 251)])
    ref = types.ChatRef(chat_type=types.ChatType.DIRECT, chat_id=4)
    stream = chat.history(ref)
    original = chat.api_get_chat
    pages = 0

    def interrupt(*args: Any, **options: Any) -> Any:
        nonlocal pages
        pages += 1
        if pages % 2:
            raise KeyboardInterrupt
        return original(*args, **options)

    chat.api_get_chat = interrupt  # type: ignore[method-assign]  # Ctrl-C at every other command
    found: list[int] = []
    interrupts = 0
    while True:
        try:
            for message in stream:
                found.append(message.id)
            break
        except KeyboardInterrupt:
            interrupts += 1
    assert found == list(range(1, 251))
    assert interrupts == 3


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("odd", [None, 5, {"meta": {"itemId": "3"}}])
def test_items_that_are_not_as_documented_are_passed_over(odd: Any, newest_first: bool) -> None:
    items: list[Any] = [stored(number) for number in range(1, 251)]
    chat = Stored(items)

    def page(*arguments: Any, **options: Any) -> Any:
        answer = Stored.api_get_chat(chat, *arguments, **options)
        answer.chat.chat_items = [odd if each.meta.item_id % 50 == 0 else each for each in answer.chat.chat_items]
        return answer

    chat.api_get_chat = page  # type: ignore[method-assign]  # what the CLI gives in its place
    wanted = [number for number in range(1, 251) if number % 50]
    assert chat.numbers(newest_first=newest_first) == (wanted[::-1] if newest_first else wanted)
