"""`send` and `send_many`: `_conversation.sending`.

Rests on the recorded commands `/_send` with their answers `newChatItems` and `chatCmdError` (`largeMsg`) in
messages.jsonl.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from simplex_sync import SentMessage, SimplexChat, commands, events, types
from simplex_sync._conversation.sending import Sending, _not_among
from simplex_sync.errors import (
    ClientClosed,
    CommandError,
    CommandTimeout,
    InvalidArgument,
    OutcomeUnknown,
    SendInterrupted,
)
from tests.children.interrupts import NEVER, Interrupt
from tests.unit._conversation.conftest import Pair, connect, unique
from tests.unit._conversation.recorded import item


def texts_of(chat: SimplexChat, word: str, last: str) -> list[str]:
    """Return the received texts with a word, up to the last one."""
    found = []
    for message in chat.messages(timeout=20):
        if word in message.text:
            found.append(message.text)
        if message.text == last:
            break
    return found


def fail_at(monkeypatch: pytest.MonkeyPatch, chat: SimplexChat, number: int, error: BaseException) -> list[Any]:
    """Make the given `/_send` of a client fail; return the list of those that were handed over."""
    handed_over: list[Any] = []
    original = type(chat).execute

    def execute(self: Any, command: Any, timeout: float | None = None) -> Any:
        if self is chat and command.documented_name == "APISendMessages":
            if len(handed_over) == number:
                raise error
            handed_over.append(command)
        return original(self, command, timeout)

    monkeypatch.setattr(type(chat), "execute", execute)
    return handed_over


@pytest.mark.parametrize("kind", ["name", "record", "reference", "message"])
def test_where_to(pair: Pair, kind: str) -> None:
    contact = pair.bob_at_alice
    before = pair.alice.send("@bob", unique("before"))
    targets: dict[str, Any] = {
        "name": "@bob",
        "record": contact,
        "reference": types.ChatRef(chat_type=types.ChatType.DIRECT, chat_id=contact.contact_id),
        "message": before,
    }
    text = unique("where to")
    sent = pair.alice.send(targets[kind], text)
    assert isinstance(sent, SentMessage)
    assert sent.text == text
    assert texts_of(pair.bob, text, text) == [text]


def test_texts_of_all_kinds_arrive_as_they_are(pair: Pair) -> None:
    for text in ('quotes " \\ and\nlines\ttabs', "emoji 👩‍👩‍👧", "{json: [1]}", "/_delete @4", "@bob json []", "'"):
        pair.alice.send("@bob", text)
        assert texts_of(pair.bob, text, text) == [text]


def test_what_cannot_be_right_is_not_sent(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    handed_over = fail_at(monkeypatch, pair.alice, -1, AssertionError("nothing may be sent"))
    contact = pair.bob_at_alice
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("text", {"text": ""}),
        ("text", {"text": None}),
        ("reply_to", {"text": "x", "reply_to": "12"}),
        ("reply_to", {"text": "x", "reply_to": True}),
        ("mentions", {"text": "@bob", "mentions": ["bob"]}),
        ("file", {"file": "/nowhere/at/all"}),
    ]
    for argument, options in wrong:
        with pytest.raises(InvalidArgument, match=r"^send: ") as caught:
            pair.alice.send(contact, **options)
        assert caught.value.argument == argument
    assert handed_over == []


@pytest.mark.parametrize("ttl", [0, -5, 1.5, "60"])
def test_a_time_to_live_is_in_whole_seconds(pair: Pair, ttl: Any) -> None:
    with pytest.raises(InvalidArgument, match=r"^send: ttl ") as caught:
        pair.alice.send(pair.bob_at_alice, "x", ttl=ttl)
    assert caught.value.argument == "ttl"


def test_a_disappearing_message(pair: Pair) -> None:
    text = unique("gone soon")
    with pair.alice.expect(events.ChatItemsDeleted, where=lambda event: event.timed) as gone:
        sent = pair.alice.send("@bob", text, ttl=1)
    deleted = gone.value.chat_item_deletions[0].deleted_chat_item.chat_item
    assert deleted.meta.item_id == sent.id


def test_a_quote_of_another_chat_is_refused(pair: Pair) -> None:
    sent = pair.alice.send("@bob", unique("here"))
    other = types.ChatRef(chat_type=types.ChatType.DIRECT, chat_id=sent.chat_ref.chat_id + 1)
    with pytest.raises(InvalidArgument, match="another chat"):
        pair.alice.send(other, "x", reply_to=sent)


def test_a_text_too_large_names_the_limit(pair: Pair) -> None:
    # The first is refused here; the second is under what can be known here, so the CLI itself refuses it.
    with pytest.raises(InvalidArgument) as caught:
        pair.alice.send_many("@bob", ["fine"] * 150 + ["x" * 16_000])
    assert caught.value.argument == "texts[150]"
    for size in (16_000, 15_590):
        with pytest.raises(InvalidArgument, match=r"^send: .*15,?602"):
            pair.alice.send("@bob", "x" * size)
    with pytest.raises(InvalidArgument) as caught:
        pair.alice.send("@bob", "x" * 16_000)
    assert caught.value.argument == "text"
    with pytest.raises(InvalidArgument, match=r"^send_many: .*15,?602"):
        pair.alice.send_many("@bob", ["fine"] * 150 + ["x" * 16_000])


def test_an_error_of_the_cli_is_told(pair: Pair) -> None:
    nobody = types.ChatRef(chat_type=types.ChatType.DIRECT, chat_id=9999)
    with pytest.raises(CommandError) as caught:
        pair.alice.send(nobody, "x")
    assert caught.value.error == "errorStore.contactNotFound"


def test_many_arrive_in_order(pair: Pair) -> None:
    word = unique("many")
    texts = [f"{word}: {number}" for number in range(250)]
    sent = pair.alice.send_many("@bob", iter(texts))
    assert [each.text for each in sent] == texts
    assert [each.id for each in sent] == sorted(each.id for each in sent)
    assert texts_of(pair.bob, word, texts[-1]) == texts


def test_many_go_in_few_commands(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    handed_over = fail_at(monkeypatch, pair.alice, 99, AssertionError("too many commands"))
    pair.alice.send_many("@bob", ["x"] * 250)
    assert [len(command.composed_messages) for command in handed_over] == [100, 100, 50]
    pair.alice.send_many("@bob", ["x"] * 5, batch=2)
    assert [len(command.composed_messages) for command in handed_over[3:]] == [2, 2, 1]
    pair.alice.send_many("@bob", ["x" * 14_000] * 80)
    assert [len(command.composed_messages) for command in handed_over[6:]] == [37, 37, 6]
    assert pair.alice.send_many("@bob", []) == []


@pytest.mark.parametrize(
    ("texts", "batch", "argument"),
    [
        ("a single text", 100, "texts"),
        (["fine", ""], 100, "texts[1]"),
        (["fine", 7], 100, "texts[1]"),
        (["fine"], 0, "batch"),
        (["fine"], True, "batch"),
    ],
)
def test_all_are_checked_before_the_first_is_sent(pair: Pair, texts: Any, batch: Any, argument: str) -> None:
    with pytest.raises(InvalidArgument, match=r"^send_many: ") as caught:
        pair.alice.send_many("@bob", texts, batch=batch)
    assert caught.value.argument == argument


@pytest.mark.parametrize(
    ("error", "unknown", "not_sent"),
    [
        (OutcomeUnknown("lost"), [4, 5], [6, 7, 8]),
        (CommandTimeout("no answer; the outcome is unknown"), [4, 5], [6, 7, 8]),
        (CommandTimeout("no answer; nothing was sent"), [], [4, 5, 6, 7, 8]),
        (ClientClosed("closed"), [], [4, 5, 6, 7, 8]),
        (CommandError("refused", error="errorStore.x"), [], [4, 5, 6, 7, 8]),
    ],
)
def test_a_failure_halfway_says_which_were_handed_over(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, error: Exception, unknown: list[int], not_sent: list[int]
) -> None:
    fail_at(monkeypatch, pair.alice, 2, error)
    texts = [unique("halfway") for _ in range(9)]
    with pytest.raises(SendInterrupted, match="of 9 messages 4 were handed") as caught:
        pair.alice.send_many("@bob", texts, batch=2)
    assert [each.text for each in caught.value.sent] == texts[:4]
    assert (caught.value.unknown, caught.value.not_sent) == (unknown, not_sent)
    assert caught.value.__cause__ is error
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (copy.unknown, copy.not_sent, len(copy.sent)) == (unknown, not_sent, 4)


def test_ctrl_c_halfway_says_which_were_handed_over(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_at(monkeypatch, pair.alice, 1, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt) as caught:
        pair.alice.send_many("@bob", ["a", "b", "c", "d", "e"], batch=2)
    report = caught.value.__cause__
    assert isinstance(report, SendInterrupted)
    assert [each.text for each in report.sent] == ["a", "b"]
    assert (report.unknown, report.not_sent) == ([2, 3], [4])


def test_ctrl_c_anywhere_says_which_were_handed_over(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    batches: list[list[str]] = []

    def hand_over(_self: object, _method: str, part: commands.APISendMessages, _timeout: float | None) -> list[Any]:
        batches.append([each.msg_content.text for each in part.composed_messages])  # type: ignore[attr-defined]
        return [SimpleNamespace(text=text) for text in batches[-1]]

    monkeypatch.setattr(type(pair.alice), "_hand_over", hand_over)
    codes = {Sending.send_many.__code__, _not_among.__code__}
    texts, said = ["a", "b", "c", "d", "e"], 0
    for number in (NEVER, *range(1, 1000)):
        batches.clear()
        interrupt: KeyboardInterrupt | None = None
        before = sys.gettrace()
        sys.settrace(Interrupt(codes, number))
        try:
            pair.alice.send_many("@bob", texts, batch=2)
        except KeyboardInterrupt as error:
            interrupt = error
        finally:
            sys.settrace(before)
        handed = [text for batch in batches for text in batch]
        if interrupt is None and number != NEVER:
            break
        if interrupt is not None and handed:
            report = interrupt.__cause__
            assert isinstance(report, SendInterrupted)
            sure, unknown = [each.text for each in report.sent], [texts[each] for each in report.unknown]
            assert [*sure, *unknown, *(texts[each] for each in report.not_sent)] == texts
            assert handed[: len(sure)] == sure
            assert set(handed) <= {*sure, *unknown}
            assert len(unknown) <= 2
            said += 1
    assert said > 5


def test_a_cli_that_is_killed_halfway(make_chat: Callable[..., SimplexChat], monkeypatch: pytest.MonkeyPatch) -> None:
    alice, bob = make_chat("alice"), make_chat("bob")
    connect(alice, bob)
    texts = [f"numbered {number}" for number in range(40)]
    send = type(alice)._hand_over
    parts = []

    def killing(self: Any, *args: Any) -> Any:
        parts.append(args)
        if len(parts) == 3:
            os.kill(self.pid, signal.SIGKILL)
        return send(self, *args)

    monkeypatch.setattr(type(alice), "_hand_over", killing)
    with pytest.raises(SendInterrupted) as caught:
        alice.send_many("@bob", texts, batch=10)
    error = caught.value
    assert [each.text for each in error.sent] == texts[:20]
    assert sorted([*error.unknown, *error.not_sent]) == list(range(20, 40))
    alice.send("@bob", "after")
    arrived = texts_of(bob, "numbered", "after")
    assert arrived[:20] == texts[:20]
    assert set(arrived[20:]) <= {texts[index] for index in error.unknown}
    assert len(arrived) == len(set(arrived))


def test_messages_that_the_cli_left_out_are_found() -> None:
    asked: Any = [SimpleNamespace(msg_content=types.MsgContentText(text=text)) for text in ("a", "b", "a", "c")]
    found = [SentMessage(None, item(number, text)) for number, text in enumerate(("a", "a"))]
    assert _not_among(asked, found, 10) == [11, 13]
    assert _not_among(asked[:2], found, 10) == []


def test_messages_that_the_cli_left_out_are_told(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    original = type(pair.alice).execute

    def execute(self: Any, command: Any, timeout: float | None = None) -> Any:
        answer: Any = original(self, command, timeout)
        if command.documented_name == "APISendMessages":
            del answer.chat_items[1]
        return answer

    monkeypatch.setattr(type(pair.alice), "execute", execute)
    with pytest.raises(SendInterrupted) as caught:
        pair.alice.send_many("@bob", ["left", "right", "middle"])
    assert [each.text for each in caught.value.sent] == ["left", "middle"]
    assert (caught.value.unknown, caught.value.not_sent) == ([], [1])


def test_an_answer_without_a_message(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(pair.alice), "execute", lambda *_, **__: SimpleNamespace(chat_items=[]))
    ref = types.ChatRef(chat_type=types.ChatType.DIRECT, chat_id=4)
    with pytest.raises(OutcomeUnknown, match="says nothing of a message"):
        pair.alice.send(ref, "x")


def test_many_are_twenty_times_as_fast_on_a_slow_cli(make_any_chat: Callable[..., SimplexChat]) -> None:
    alice, bob = make_any_chat("alice", extra_args=["--command-delay", "100"]), make_any_chat("bob")
    connect(alice, bob)
    contact = alice.contact("bob")
    begin = time.perf_counter()
    for number in range(5):
        alice.send(contact, f"single {number}")
    single = 5 / (time.perf_counter() - begin)
    begin = time.perf_counter()
    alice.send_many(contact, [f"text {number}" for number in range(1000)])
    many = 1000 / (time.perf_counter() - begin)
    assert many >= 20 * single, f"{many:.0f} a second against {single:.0f}"
