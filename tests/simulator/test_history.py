"""Stored chats and items, a page at a time; reading, and messages that disappear."""

from __future__ import annotations

import time

import pytest

from simplex_sync.simulator import timed
from tests.simulator.worlds import Peer, World


@pytest.fixture
def pair(world: World) -> tuple[Peer, Peer]:
    alice, bob = world.connected()
    alice.send("@4", *(f"text {number}" for number in range(10)))
    world.settle()
    return alice, bob


def texts(peer: Peer, page: str, chat: str = "@4") -> list[str]:
    found = peer.do(f"/_get chat {chat} {page}", "apiChat")["chat"]["chatItems"]
    return [item["meta"]["itemText"].removeprefix("text ") for item in found]


def ids(peer: Peer, page: str) -> list[int]:
    found = peer.do(f"/_get items {page}", "chatItems")["chatItems"]
    return [item["chatItem"]["meta"]["itemId"] for item in found]


def test_pages_of_a_chat(pair: tuple[Peer, Peer]) -> None:
    alice, _ = pair
    assert texts(alice, "count=3") == ["7", "8", "9"]
    assert texts(alice, "after=8 count=2") == ["1", "2"]
    assert texts(alice, "before=10 count=2") == ["0", "1"]
    assert texts(alice, "count=2 search=TEXT") == ["8", "9"]
    assert texts(alice, "before=12 count=9 search=text 3") == ["3"]
    assert texts(alice, "after=12 count=9 search=nothing") == []
    assert texts(alice, "around=12 count=1") == ["3", "4", "5"]
    around = alice.do("/_get chat @4 around=12 count=1", "apiChat")
    assert around["navInfo"] == {"afterUnread": 0, "afterTotal": 4}
    assert alice.do("/_get chat @4 around=17 count=1", "apiChat")["navInfo"]["afterTotal"] == 0
    assert alice.fails("/_get chat @4 around=999 count=1") == "errorStore.chatItemNotFound"


def test_items_of_all_chats(pair: tuple[Peer, Peer]) -> None:
    alice, _ = pair
    assert ids(alice, "count=2") == [16, 17]
    assert ids(alice, "after=15 count=9") == [16, 17]
    assert ids(alice, "before=3 count=9") == [1, 2]
    assert ids(alice, "count=1 search=text 4") == [12]
    assert ids(alice, "after=17 count=9") == []


def test_chats_by_their_newest_item(pair: tuple[Peer, Peer]) -> None:
    alice, bob = pair
    chats = bob.do("/_get chats 1 pcc=on count=9", "apiChats")["chats"]
    assert [chat["chatInfo"]["type"] for chat in chats] == ["direct", "direct", "direct", "local"]
    assert chats[0]["chatItems"][0]["meta"]["itemText"] == "text 9"
    assert chats[0]["chatStats"] | {"minUnreadItemId": 8, "unreadCount": 10} == chats[0]["chatStats"]
    assert bob.do("/users", "usersList")["users"][0]["unreadCount"] == 10
    newest = chats[0]["chatInfo"]["contact"]["chatTs"]
    older = bob.do(f"/_get chats 1 pcc=on before={newest} count=9", "apiChats")["chats"]
    assert len(older) == 3
    oldest = older[-1]["chatInfo"]["noteFolder"]["chatTs"]
    assert len(bob.do(f"/_get chats 1 after={oldest} count=2", "apiChats")["chats"]) == 2
    found = bob.do('/_get chats 1 count=9 {"type": "search", "search": "ALI"}', "apiChats")["chats"]
    assert [chat["chatInfo"]["contact"]["localDisplayName"] for chat in found] == ["alice"]
    assert alice.do("/_get chats 1 count=1", "apiChats")["chats"][0]["chatStats"]["unreadCount"] == 0


@pytest.mark.parametrize(
    ("chat", "failure"),
    [
        ("@99", "contactNotFound"),
        ("*99", "noteFolderNotFound"),
        ("#99", "groupNotFound"),
        (":99", "pendingConnectionNotFound"),
    ],
)
def test_chats_that_are_not_there(world: World, chat: str, failure: str) -> None:
    alice = world.peer("alice")
    assert alice.fails(f"/_get chat {chat} count=1") == f"errorStore.{failure}"
    assert alice.fails(f"/_read chat {chat}") == f"errorStore.{failure}"


def test_reading(pair: tuple[Peer, Peer]) -> None:
    _, bob = pair

    def unread() -> int:
        stats = bob.do("/_get chat @4 count=1", "apiChat")["chat"]["chatStats"]
        count: int = stats["unreadCount"]
        return count

    bob.do("/_read chat items @4 8,9,99,1", "itemsReadForChat")
    assert unread() == 8
    bob.do("/_read chat @4 from=10 to=11", "cmdOk")
    assert unread() == 6
    bob.do("/_unread chat @4 on", "cmdOk")
    assert bob.do("/_get chat @4 count=1", "apiChat")["chat"]["chatStats"]["unreadChat"] is True
    bob.do("/_read chat @4", "cmdOk")
    assert unread() == 0
    assert bob.do("/_get chat @4 count=1", "apiChat")["chat"]["chatStats"]["unreadChat"] is False


def test_messages_disappear_on_both_sides(world: World, pair: tuple[Peer, Peer]) -> None:
    alice, bob = pair
    alice.take()
    bob.take()
    alice.send("@4", "gone soon", options=" ttl=60")
    world.settle()
    bob.do("/_read chat @4", "cmdOk")
    item = bob.do("/_get chat @4 count=1", "apiChat")["chat"]["chatItems"][0]
    assert item["meta"]["itemTimed"]["ttl"] == 60
    due = timed.delete_due(bob.sim, time.time())
    assert due == pytest.approx(time.time() + 60, abs=5)
    for peer in pair:
        assert timed.delete_due(peer.sim, time.time() + 61) is None
        peer.collect()
        event = peer.last("chatItemsDeleted")
        assert event["timed"] is True
        assert "gone soon" not in peer.texts("@4")


def test_unread_messages_do_not_disappear(world: World, pair: tuple[Peer, Peer]) -> None:
    alice, bob = pair
    alice.send("@4", "gone soon", options=" ttl=60")
    world.settle()
    assert timed.delete_due(bob.sim, time.time() + 3600) is None
    assert "gone soon" in bob.texts("@4")
