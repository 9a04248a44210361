"""Direct messages: sent, taken, quoted, too large, and how they fare."""

from __future__ import annotations

import json

from tests.simulator.worlds import World


def test_a_message_is_sent_delivered_and_acknowledged(world: World) -> None:
    alice, bob = world.connected()
    sent = alice.send("@4", "hello *you*")["chatItems"][0]["chatItem"]
    assert sent["meta"]["itemStatus"] == {"type": "sndNew"}
    assert sent["formattedText"] == [{"text": "hello "}, {"format": {"type": "bold"}, "text": "you"}]
    world.settle()
    statuses = [event["chatItems"][0]["chatItem"]["meta"]["itemStatus"]["type"] for event in alice.events]
    assert statuses == ["sndSent", "sndRcvd"]
    received = bob.last("newChatItems")["chatItems"][0]["chatItem"]
    assert received["meta"]["itemSharedMsgId"] == sent["meta"]["itemSharedMsgId"]
    assert received["content"] == {"type": "rcvMsgContent", "msgContent": {"type": "text", "text": "hello *you*"}}
    assert received["meta"]["itemStatus"] == {"type": "rcvNew"}


def test_messages_of_one_command_share_their_statuses(world: World) -> None:
    alice, bob = world.connected()
    alice.send("@4", *(f"number {n}" for n in range(100)))
    world.settle()
    assert alice.take() == ["chatItemsStatusesUpdated", "chatItemsStatusesUpdated"]
    assert bob.take() == ["newChatItems"] * 100
    assert bob.texts("@4") == [f"number {n}" for n in range(100)]


def test_long_messages_of_one_command_travel_apart(world: World) -> None:
    alice, bob = world.connected()
    alice.send("@4", "x" * 9_000, "y" * 9_000)
    world.settle()
    assert alice.take() == ["chatItemsStatusesUpdated"] * 4
    assert [text[0] for text in bob.texts("@4")] == ["x", "y"]


def test_a_quote_names_the_item_on_both_sides(world: World) -> None:
    alice, bob = world.connected()
    alice.send("@4", "the question")
    world.settle()
    item_id = bob.last("newChatItems")["chatItems"][0]["chatItem"]["meta"]["itemId"]
    message = {"msgContent": {"type": "text", "text": "the answer"}, "quotedItemId": item_id}
    sent = bob.do(f"/_send @4 json {json.dumps([message])}", "newChatItems")["chatItems"][0]["chatItem"]
    world.settle()
    got = alice.last("newChatItems")["chatItems"][0]["chatItem"]
    assert sent["quotedItem"]["chatDir"] == {"type": "directRcv"}
    assert got["quotedItem"]["chatDir"] == {"type": "directSnd"}
    assert got["quotedItem"]["content"]["text"] == "the question"
    assert (
        got["quotedItem"]["itemId"]
        == alice.do("/_get items count=2", "chatItems")["chatItems"][0]["chatItem"]["meta"]["itemId"]
    )


def test_a_quote_of_what_is_not_there(world: World) -> None:
    alice, _ = world.connected()
    message = [{"msgContent": {"type": "text", "text": "?"}, "quotedItemId": 999}]
    assert alice.fails(f"/_send @4 json {json.dumps(message)}") == "errorStore.quotedChatItemNotFound"
    message[0]["quotedItemId"] = 1  # the banner of the chat: no message
    assert alice.fails(f"/_send @4 json {json.dumps(message)}") == "error.invalidQuote"


def test_what_cannot_be_sent(world: World) -> None:
    alice, _ = world.connected()

    def send(content: dict[str, object], chat: str = "@4") -> str:
        return alice.fails(f"/_send {chat} json {json.dumps([{'msgContent': content}])}")

    assert send({"type": "text", "text": "x" * 16_000}) == "errorStore.largeMsg"
    assert send({"type": "report", "text": "", "reason": "spam"}) == "error.commandError"
    assert send({"type": "text", "text": "x"}, "@999") == "errorStore.contactNotFound"
    assert send({"type": "text", "text": "x"}, "@3") == "error.contactNotReady"  # a preset contact: nobody is there
    assert send({"type": "text", "text": "x"}, "*1") == "error.commandError"
    assert alice.texts("@4") == []


def test_one_large_message_does_not_stop_the_others(world: World) -> None:
    alice, bob = world.connected()
    alice.send("@4", "small", "x" * 16_000)
    world.settle()
    assert alice.take()[0] == "chatErrors"
    assert bob.texts("@4") == ["small"]


def test_unknown_content_passes_through(world: World) -> None:
    alice, bob = world.connected()
    content = {"type": "fromTheFuture", "text": "new", "detail": [1, {"a": None}]}
    alice.do(f"/_send @4 json {json.dumps([{'msgContent': content}])}", "newChatItems")
    world.settle()
    assert bob.last("newChatItems")["chatItems"][0]["chatItem"]["content"]["msgContent"] == content


def test_voice_needs_the_contact_to_allow_it(world: World) -> None:
    alice, bob = world.connected()
    bob.do('/_set prefs @4 {"voice": {"allow": "no"}}', "contactPrefsUpdated")
    world.settle()
    message = [{"msgContent": {"type": "voice", "text": "", "duration": 3}}]
    assert alice.fails(f"/_send @4 json {json.dumps(message)}") == "error.commandError"


def test_a_contact_who_is_gone_is_an_error_of_the_item(world: World) -> None:
    alice, bob = world.connected()
    bob.do("/_delete @4 entity notify=off", "contactDeleted")
    alice.send("@4", "still there?")
    world.settle()
    assert alice.take() == ["chatItemsStatusesUpdated", "chatItemsStatusesUpdated", "chatError"]
    found = alice.do("/_get chat @4 count=1", "apiChat")["chat"]["chatItems"][0]
    assert found["meta"]["itemStatus"] == {"type": "sndErrorAuth"}


def test_a_user_who_sends_no_receipts(world: World) -> None:
    alice, bob = world.connected()
    bob.sim.transact(lambda: bob.sim.store.update("users", 1, sendRcptsContacts=False))
    alice.send("@4", "hello")
    world.settle()
    assert alice.take() == ["chatItemsStatusesUpdated"]
