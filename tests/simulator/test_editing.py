"""Edits, deletions and reactions, on both sides."""

from __future__ import annotations

import json

import pytest

from tests.simulator.worlds import Peer, World


def item_id(peer: Peer, text: str) -> int:
    found = peer.do(f"/_get items count=9 search={text}", "chatItems")["chatItems"]
    number: int = found[-1]["chatItem"]["meta"]["itemId"]
    return number


def content(text: str) -> str:
    return json.dumps({"msgContent": {"type": "text", "text": text}})


@pytest.fixture
def pair(world: World) -> tuple[Peer, Peer]:
    alice, bob = world.connected()
    alice.send("@4", "first *words*")
    world.settle()
    alice.take()
    bob.take()
    return alice, bob


def test_an_edit_shows_on_both_sides(world: World, pair: tuple[Peer, Peer]) -> None:
    alice, bob = pair
    mine = item_id(alice, "first")
    changed = alice.do(f"/_update item @4 {mine} json {content('edited')}", "chatItemUpdated")["chatItem"]["chatItem"]
    assert changed["meta"]["itemEdited"] is True
    assert "formattedText" not in changed
    world.settle()
    assert bob.take() == ["chatItemUpdated"]
    assert bob.texts("@4") == ["edited"]
    alice.do(f"/_update item @4 {mine} json {content('edited')}", "chatItemNotChanged")
    world.settle()
    assert bob.take() == []
    assert bob.fails(f"/_update item @4 {item_id(bob, 'edited')} json {content('x')}") == "error.invalidChatItemUpdate"
    assert alice.fails(f"/_update item @4 999 json {content('x')}") == "errorStore.chatItemNotFound"


def test_a_live_message_ends(world: World, pair: tuple[Peer, Peer]) -> None:
    alice, bob = pair
    sent = alice.send("@4", "typ", options=" live=on")["chatItems"][0]["chatItem"]["meta"]
    assert sent["itemLive"] is True
    alice.do(f"/_update item @4 {sent['itemId']} live=on json {content('typing')}", "chatItemUpdated")
    ended = alice.do(f"/_update item @4 {sent['itemId']} json {content('typing')}", "chatItemUpdated")
    assert ended["chatItem"]["chatItem"]["meta"]["itemLive"] is False
    world.settle()
    assert bob.last("chatItemUpdated")["chatItem"]["chatItem"]["meta"]["itemLive"] is False


def test_deletions_are_marked_where_full_deletion_is_off(world: World, pair: tuple[Peer, Peer]) -> None:
    alice, bob = pair
    mine = item_id(alice, "first")
    deleted = alice.do(f"/_delete item @4 {mine} broadcast", "chatItemsDeleted")
    assert deleted["byUser"] is True
    marked = deleted["chatItemDeletions"][0]["toChatItem"]["chatItem"]["meta"]
    assert marked["itemDeleted"]["type"] == "deleted"
    assert marked["deletable"] is marked["editable"] is False
    world.settle()
    theirs = bob.last("chatItemsDeleted")
    assert theirs["byUser"] is False
    assert theirs["chatItemDeletions"][0]["toChatItem"]["chatItem"]["meta"]["itemDeleted"]["chatType"] == "direct"
    assert alice.fails(f"/_delete item @4 {mine} broadcast") == "error.invalidChatItemDelete"


def test_deletions_are_complete_where_full_deletion_is_on(world: World, pair: tuple[Peer, Peer]) -> None:
    alice, bob = pair
    for peer in pair:
        peer.do('/_set prefs @4 {"fullDelete": {"allow": "yes"}}', "contactPrefsUpdated")
        world.settle()
    alice.do(f"/_delete item @4 {item_id(alice, 'first')} broadcast", "chatItemsDeleted")
    world.settle()
    assert "toChatItem" not in bob.last("chatItemsDeleted")["chatItemDeletions"][0]
    assert alice.texts("@4") == bob.texts("@4") == []


def test_deletions_here_only(world: World, pair: tuple[Peer, Peer]) -> None:
    alice, bob = pair
    alice.send("@4", "second")
    world.settle()
    marked = alice.do(f"/_delete item @4 {item_id(alice, 'second')} internalMark", "chatItemsDeleted")
    assert "toChatItem" in marked["chatItemDeletions"][0]
    both = alice.do(f"/_delete item @4 {item_id(alice, 'first')},999 internal", "chatItemsDeleted")
    assert len(both["chatItemDeletions"]) == 1
    assert alice.last("chatErrors")["chatErrors"][0]["storeError"] == {"type": "chatItemNotFound", "itemId": 999}
    alice.do("/_delete item @4 999 broadcast", "chatItemsDeleted")
    world.settle()
    assert bob.texts("@4") == ["first *words*", "second"]


def test_reactions_are_counted(world: World, pair: tuple[Peer, Peer]) -> None:
    alice, bob = pair
    thumb = '{"type": "emoji", "emoji": "👍"}'
    mine, theirs = item_id(alice, "first"), item_id(bob, "first")
    added = bob.do(f"/_reaction @4 {theirs} on {thumb}", "chatItemReaction")
    assert added["reaction"]["chatReaction"]["chatItem"]["reactions"] == [
        {"reaction": json.loads(thumb), "userReacted": True, "totalReacted": 1}
    ]
    world.settle()
    alice.do(f"/_reaction @4 {mine} on {thumb}", "chatItemReaction")
    counts = alice.do("/_get chat @4 count=1", "apiChat")["chat"]["chatItems"][0]["reactions"]
    assert counts == [{"reaction": json.loads(thumb), "userReacted": True, "totalReacted": 2}]
    assert alice.fails(f"/_reaction @4 {mine} on {thumb}") == "error.commandError"
    alice.do(f"/_reaction @4 {mine} off {thumb}", "chatItemReaction")
    assert alice.fails(f"/_reaction @4 {mine} off {thumb}") == "error.commandError"
    bob.do(f"/_reaction @4 {theirs} off {thumb}", "chatItemReaction")
    world.settle()
    assert alice.last("chatItemReaction")["added"] is False
    assert alice.do("/_get chat @4 count=1", "apiChat")["chat"]["chatItems"][0]["reactions"] == []


def test_reactions_that_cannot_be(world: World, pair: tuple[Peer, Peer]) -> None:
    alice, bob = pair
    heart = '{"type": "emoji", "emoji": "❤"}'
    assert alice.fails(f"/_reaction @4 1 on {heart}") == "error.commandError"  # the chat's banner
    bob.do('/_set prefs @4 {"reactions": {"allow": "no"}}', "contactPrefsUpdated")
    world.settle()
    assert alice.fails(f"/_reaction @4 {item_id(alice, 'first')} on {heart}") == "error.commandError"


def test_news_about_items_that_are_gone(world: World, pair: tuple[Peer, Peer]) -> None:
    alice, bob = pair
    bob.do("/_delete @4 messages", "contactDeleted")
    mine = item_id(alice, "first")
    alice.do(f'/_reaction @4 {mine} on {{"type": "emoji", "emoji": "🚀"}}', "chatItemReaction")
    alice.do(f"/_update item @4 {mine} json {content('x')}", "chatItemUpdated")
    alice.do(f"/_delete item @4 {mine} broadcast", "chatItemsDeleted")
    world.settle()
    assert bob.take() == []
