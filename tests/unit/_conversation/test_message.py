"""`Message` and `SentMessage`: `_conversation.message`.

Rests on every chat item of the recordings that came in `newChatItems`, and on `chatItemUpdated`, `chatItemsDeleted`,
`chatItemReaction` of messages.jsonl and groups.jsonl.
"""

from __future__ import annotations

import datetime
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from simplex_sync import Message, SentMessage, SimplexChat, events, types
from simplex_sync.errors import ClientClosed, CommandError, InvalidArgument, InvalidChatItemUpdate
from tests.unit._conversation.conftest import Pair, unique
from tests.unit._conversation.recorded import item, recorded_items

RECORDINGS = ["address", "crowd", "files", "groups", "messages", "offline"]


def received(chat: SimplexChat, text: str) -> Message:
    """Return the received message of this text."""
    return next(message for message in chat.messages(timeout=20) if message.text == text)


@pytest.mark.parametrize("name", RECORDINGS)
def test_every_recorded_item_is_a_message(name: str) -> None:
    for record in recorded_items(name):
        message = Message(None, record)
        tag = record.chat_item.content.tag
        assert message.is_message == (tag in ("rcvMsgContent", "sndMsgContent"))
        assert message.is_own == record.chat_item.chat_dir.tag.endswith("Snd")
        assert message.is_group == isinstance(message.chat, types.GroupInfo)
        assert message.text == (
            record.chat_item.content.to_dict()["msgContent"]["text"]
            if message.is_message
            else record.chat_item.meta.item_text
        )
        assert message.sent_at.tzinfo is datetime.timezone.utc
        assert message.id == record.chat_item.meta.item_id
        assert message.chat_ref.chat_id == getattr(message.chat, "group_id", None) or message.chat.contact_id  # type: ignore[union-attr]  # recordings have no notes


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_repr_is_short_and_holds_no_text(name: str) -> None:
    for record in recorded_items(name):
        shown = repr(Message(None, record))
        assert len(shown) <= 120
        assert "\n" not in shown
        text = Message(None, record).text
        assert len(text) < 5 or text not in shown


def test_senders() -> None:
    for record in recorded_items("groups"):
        message = Message(None, record)
        if not message.is_own:
            sender = message.sender
            if message.is_group:
                assert isinstance(sender, types.GroupMember)
            else:
                assert isinstance(sender, types.Contact)


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("/help", ("help", "")),
        ("/help me  please ", ("help", "me  please")),
        ("/multi\nline\ntext", ("multi", "line\ntext")),
        ("/два_слова x", ("два_слова", "x")),
        ("/with-hyphen", ("with-hyphen", "")),
        ("help", None),
        ("/", None),
        ("/ help", None),
        ("//help", None),
        ("/_send @4", None),
        (" /help", None),
        ("/etc/passwd", None),
    ],
)
def test_commands(text: str, command: tuple[str, str] | None) -> None:
    assert Message(None, item(text=text)).command == command


def test_what_is_no_message_is_no_command() -> None:
    systems = [record for record in recorded_items("groups") if not Message(None, record).is_message]
    assert systems
    assert all(Message(None, record).command is None for record in systems)


def test_a_message_can_be_pickled_without_its_client(pair: Pair) -> None:
    sent = pair.alice.send("@bob", unique("kept"))
    copy = pickle.loads(pickle.dumps(sent))
    assert (copy.text, copy.record) == (sent.text, sent.record)
    with pytest.raises(ClientClosed, match="has no client"):
        copy.edit("x")


def test_messages_are_compared_by_client_and_record() -> None:
    one, same, other = Message(None, item(1)), Message(None, item(1)), Message(None, item(2))
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert one != 1


def test_a_chat_of_an_unknown_kind() -> None:
    record = item()
    record.chat_info = types.ChatInfoUnknown(raw={"type": "hologram"})
    with pytest.raises(InvalidArgument, match="hologram"):
        _ = Message(None, record).chat
    with pytest.raises(InvalidArgument, match="hologram"):
        _ = Message(None, record).chat_ref


def test_reply_and_quote(pair: Pair) -> None:
    text = unique("question")
    pair.alice.send("@bob", text)
    answer = received(pair.bob, text).reply("answer to " + text)
    assert isinstance(answer, SentMessage)
    assert answer.sender == pair.bob.user
    message = received(pair.alice, "answer to " + text)
    assert message.quoted is not None
    assert message.quoted.content.to_dict()["text"] == text
    assert message.sender.local_display_name == "bob"


def test_reactions(pair: Pair) -> None:
    text = unique("react")
    sent = pair.alice.send("@bob", text)
    message = received(pair.bob, text)
    with pair.alice.expect(events.ChatItemReaction) as reaction:
        message.react("❤\ufe0f")
    assert reaction.value.added
    with pair.alice.expect(events.ChatItemReaction) as reaction:
        message.react("❤", remove=True)
    assert not reaction.value.added
    for wrong in ("🦄", "ok", ""):
        with pytest.raises(InvalidArgument, match=r"^react: ") as caught:
            message.react(wrong)
        assert caught.value.argument == "emoji"
    sent.delete(for_everyone=False)
    with pytest.raises(CommandError):
        sent.react("👍")


def test_edit(pair: Pair) -> None:
    text = unique("draft")
    sent = pair.alice.send("@bob", text)
    message = received(pair.bob, text)
    with pair.bob.expect(events.ChatItemUpdated) as updated:
        assert sent.edit(text + ", edited").text == text + ", edited"
    assert updated.value.chat_item.chat_item.meta.item_id == message.id
    assert sent.edit(text + ", edited").text == text + ", edited", "the same text again is no error"
    with pytest.raises(InvalidArgument, match="edit: text"):
        sent.edit("")
    with pytest.raises(InvalidChatItemUpdate):
        SentMessage(pair.bob, message.record).edit("not mine")


def test_edit_keeps_what_else_is_there(pair: Pair) -> None:
    preview = types.LinkPreview(uri="https://example.com", title="Example", description="", image="")
    sent = pair.alice.send("@bob", "https://example.com", link_preview=preview)
    sent.edit("https://example.com is an example")
    assert isinstance(sent.content, types.MsgContentLink)
    assert sent.content.preview.title == "Example"


def test_live_messages(pair: Pair) -> None:
    text = unique("typing")
    sent = pair.alice.send("@bob", text, live=True)
    message = received(pair.bob, text)
    assert message.item.meta.item_live is True
    sent.edit(text + " and", live=True)
    with pair.bob.expect(
        events.ChatItemUpdated, where=lambda event: event.chat_item.chat_item.meta.item_text == text + " and done"
    ):
        sent.edit(text + " and done")


def test_delete_for_everyone_and_for_oneself(pair: Pair) -> None:
    text = unique("delete")
    sent = pair.alice.send("@bob", text)
    message = received(pair.bob, text)
    with pytest.raises(InvalidArgument, match="for oneself only"):
        message.delete(for_everyone=True)
    with pair.bob.expect(events.ChatItemsDeleted):
        sent.delete()
    message.delete()
    with pytest.raises(InvalidArgument, match="not there any more"):
        message.delete()


def test_in_a_group(make_any_chat: Callable[..., SimplexChat]) -> None:
    from tests.unit._conversation.conftest import connect

    alice, bob = make_any_chat("alice"), make_any_chat("bob")
    connect(alice, bob)
    group = alice.create_group("team", members=["bob"])
    next(bob.group_invitations(timeout=20)).accept()
    sent = alice.send(group, "hello @bob", mentions=["bob"])
    message = received(bob, "hello @bob")
    assert message.is_group
    assert message.mentions_me
    assert isinstance(message.chat, types.GroupInfo)
    assert isinstance(message.sender, types.GroupMember)
    edited = sent.edit("hello again, @bob")
    assert list(edited.item.mentions) == ["bob"]
    message.reply("hello yourself")
    answer = received(alice, "hello yourself")
    with bob.expect(events.ChatItemsDeleted):
        answer.delete(for_everyone=True)


def test_a_message_without_a_file_has_nothing_to_download(pair: Pair) -> None:
    sent: Any = pair.alice.send("@bob", unique("no file"))
    with pytest.raises(InvalidArgument, match="download: the message has no file"):
        sent.download()


@pytest.mark.parametrize("odd", [None, 5, "secret", ["secret"]])
@pytest.mark.parametrize("place", ["chatInfo", "chatInfo.contact", "content", "chatDir", "file", "quotedItem"])
def test_what_is_not_as_documented_can_be_looked_at(place: str, odd: Any) -> None:
    wire = item(7).to_dict()
    *path, last = ["chatItem", place] if "." not in place and place != "chatInfo" else place.split(".")
    node = wire
    for name in path:
        node = node[name]
    node[last] = odd
    message = Message(None, types.AChatItem.from_dict(wire))
    assert repr(message).startswith("<Message 7")
    assert "secret" not in repr(message)
    assert isinstance(message.text, str)
    assert message.is_own is False
    assert message.file is None
    assert message.quoted is None
    if place.startswith("chatInfo"):
        with pytest.raises(InvalidArgument):
            _ = message.chat_ref


@pytest.mark.parametrize("odd", [None, 5, "soon", ["x"]])
def test_a_time_that_is_none_says_so(odd: Any) -> None:
    message = Message(None, item(7, itemTs=odd))
    with pytest.raises(ValueError, match="not a time"):
        _ = message.sent_at
