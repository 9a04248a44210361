"""`messages()` on a running CLI: `_conversation.receiving`; the cursor itself is tested in test_inbox.

Rests on the recorded events `newChatItems` of all recordings, and on offline.jsonl: what was sent to a CLI that was
killed comes after its restart.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

import pytest

from simplex_sync import Message, SentMessage, SimplexChat, events, types
from simplex_sync._conversation.receiving import message_of, selection
from simplex_sync.errors import ClientClosed, InvalidArgument
from tests.unit._conversation.conftest import Pair, connect, unique
from tests.unit._conversation.recorded import recorded_items


def texts(chat: SimplexChat, last: str) -> list[str]:
    """Return the texts that come, up to the last one."""
    found = []
    for message in chat.messages(timeout=20):
        found.append(message.text)
        if message.text == last:
            return found
    raise AssertionError(f"{last!r} did not come")


def test_selection_of_recorded_items() -> None:
    items = [each for name in ("messages", "groups", "files") for each in recorded_items(name)]
    received = selection(None, own=False, system=False)
    own = selection(None, own=True, system=False)
    system = selection(None, own=False, system=True)
    for each in items:
        tag = each.chat_item.content.tag
        assert received(each) == (tag == "rcvMsgContent")
        assert own(each) == (tag in ("rcvMsgContent", "sndMsgContent"))
        assert system(each) == (tag != "sndMsgContent")
        assert isinstance(message_of(None, each), SentMessage) == (tag == "sndMsgContent")  # type: ignore[arg-type]  # no client is needed
    group = types.ChatRef(chat_type=types.ChatType.GROUP, chat_id=1)
    in_group = selection(group, own=True, system=True)
    assert {in_group(each) for each in items if isinstance(each.chat_info, types.ChatInfoDirect)} == {False}
    assert any(in_group(each) for each in items)


def test_the_first_stream_starts_at_the_start(make_any_chat: Callable[..., SimplexChat]) -> None:
    alice, bob = make_any_chat("alice"), make_any_chat("bob")
    connect(alice, bob)
    seen = iter(bob.events(timeout=20))
    with bob.expect(events.NewChatItems, where=lambda event: Message(bob, event.chat_items[0]).text == "2"):
        alice.send_many("@bob", ["1", "2"])
    assert next(seen) is not None, "another reader has had the backlog"
    alice.send("@bob", "3")
    assert texts(bob, "3") == ["1", "2", "3"]


def test_a_loop_that_was_left_is_gone_on_with(pair: Pair) -> None:
    words = [unique("left") for _ in range(6)]
    pair.alice.send_many("@bob", words)
    kept = []
    first = pair.bob.messages(timeout=20)
    for message in first:
        if message.text == words[0]:
            kept.append(message.text)
            break
    for message in pair.bob.messages(timeout=20):
        kept.append(message.text)
        if message.text == words[2]:
            break
    # In a notebook the earlier stream still lives, in the traceback of the interrupt; it can even be read on.
    kept.append(next(first).text)
    with pair.bob.messages(timeout=20) as stream:
        kept.append(next(stream).text)
    assert list(stream) == []
    kept.append(next(pair.bob.messages(timeout=20)).text)
    assert kept == words


def test_two_threads_see_everything(pair: Pair) -> None:
    words = [unique("both") for _ in range(20)]
    ready = threading.Barrier(3)
    seen: list[list[str]] = [[], []]

    def read(number: int) -> None:
        stream = pair.bob.messages(timeout=20)
        ready.wait(20)
        for message in stream:
            if message.text in words:
                seen[number].append(message.text)
            if message.text == words[-1]:
                return

    threads = [threading.Thread(target=read, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    ready.wait(20)
    pair.alice.send_many("@bob", words)
    for thread in threads:
        thread.join(20)
    assert seen == [words, words]


def test_what_a_thread_left_is_taken_over_when_it_has_ended(pair: Pair) -> None:
    words = [unique("thread") for _ in range(3)]
    pair.alice.send_many("@bob", words)
    read: list[str] = []

    def begin() -> None:
        stream = pair.bob.messages(timeout=20, system=True)
        last = pair.alice.send("@bob", unique("for the thread")).text
        read.append(next(message.text for message in stream if message.text == last))
        pair.alice.send("@bob", words[0]).wait_delivered()

    thread = threading.Thread(target=begin)
    thread.start()
    thread.join(20)
    assert len(read) == 1
    assert words[0] in [message.text for message in pair.bob.messages(timeout=0.2, system=True)]


def test_own_and_system_items_are_given_when_asked(make_any_chat: Callable[..., SimplexChat]) -> None:
    alice, bob = make_any_chat("alice"), make_any_chat("bob")
    connect(alice, bob)
    stream = bob.messages(timeout=20, system=True)
    alice.send("@bob", "hello")
    kinds = []
    for message in stream:
        kinds.append(message.item.content.tag)
        if message.text == "hello":
            break
    assert "rcvDirectE2EEInfo" in kinds
    assert kinds[-1] == "rcvMsgContent"
    assert repr(stream).startswith("<MessageStream, ")


def test_one_chat_only(make_any_chat: Callable[..., SimplexChat]) -> None:
    alice, bob, carol = make_any_chat("alice"), make_any_chat("bob"), make_any_chat("carol")
    connect(alice, bob)
    connect(carol, bob)
    from_all, from_carol = bob.messages(timeout=20), bob.messages(timeout=20, chat="@carol")
    alice.send("@bob", "from alice")
    carol.send("@bob", "from carol")
    assert next(from_carol).text == "from carol"
    assert {next(from_all).text for _ in range(2)} == {"from alice", "from carol"}
    with pytest.raises(InvalidArgument, match="messages: there is no contact 'nobody'"):
        bob.messages(chat="@nobody")
    with pytest.raises(InvalidArgument, match="messages: timeout"):
        bob.messages(timeout=-1)


def test_the_iteration_ends_after_the_timeout(pair: Pair) -> None:
    list(pair.bob.messages(timeout=0.1))
    assert list(pair.bob.messages(timeout=0)) == []
    assert list(pair.bob.messages(timeout=0.01)) == []


def test_every_message_once_while_the_cli_is_killed(make_any_chat: Callable[..., SimplexChat]) -> None:
    alice, bob = make_any_chat("alice"), make_any_chat("bob")
    connect(alice, bob)
    words = [f"numbered {number}" for number in range(300)]
    seen: list[str] = []
    done = threading.Event()

    def send() -> None:
        for begin in range(0, len(words), 10):
            alice.send_many("@bob", words[begin : begin + 10])
        done.set()

    thread = threading.Thread(target=send)
    thread.start()
    for message in bob.messages(timeout=20):
        seen.append(message.text)
        if len(seen) in (20, 150):
            assert bob.pid is not None
            os.kill(bob.pid, signal.SIGKILL)
        if message.text == words[-1]:
            break
    thread.join(20)
    assert done.is_set()
    assert seen == words
    bob.show_active_user()  # once it is back
    assert bob.restarts == 2


def test_messages_that_wait_for_a_cli_come_after_its_start(make_any_chat: Callable[..., SimplexChat]) -> None:
    alice, bob = make_any_chat("alice"), make_any_chat("bob")
    connect(alice, bob)
    stream = bob.messages(timeout=20)
    bob.close()
    with pytest.raises(ClientClosed, match="messages: the client was closed"):
        list(stream)
    alice.send_many("@bob", ["while", "away"])
    bob.start()
    assert texts(bob, "away") == ["while", "away"]
    alice.close()
    with pytest.raises(ClientClosed):
        alice.messages()
