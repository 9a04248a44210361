"""Messages in groups: sent, quoted, mentioned, edited, deleted, moderated, reacted to, and told to newcomers."""

from __future__ import annotations

import json

from tests.simulator.circles import Circle
from tests.simulator.worlds import Json, Peer, World


def text_message(text: str, **more: object) -> str:
    return json.dumps([{"msgContent": {"type": "text", "text": text}, **more}])


def last_id(peer: Peer) -> int:
    items = peer.do("/_get chat #1 count=1", "apiChat")["chat"]["chatItems"]
    return int(items[0]["meta"]["itemId"])


def statuses(peer: Peer) -> list[tuple[str, str]]:
    found = []
    for event in peer.events:
        if event["type"] == "chatItemsStatusesUpdated":
            status = event["chatItems"][0]["chatItem"]["meta"]["itemStatus"]
            found.append((status["type"], status["sndProgress"]))
    return found


def test_a_message_reaches_all_and_has_one_status(world: World) -> None:
    circle = Circle(world, "ann", "ben", "cid")
    circle.host.send("#1", "hello")
    world.settle()
    assert statuses(circle.host) == [
        ("sndSent", "partial"),
        ("sndSent", "complete"),
        ("sndRcvd", "partial"),
        ("sndRcvd", "complete"),
    ]
    assert [peer.texts("#1") for peer in circle.peers] == [["hello"]] * 3
    direction = circle.peers[1].last("newChatItems")["chatItems"][0]["chatItem"]["chatDir"]
    assert direction["groupMember"]["memberProfile"]["displayName"] == "ann"
    assert direction["groupMember"]["activeConn"]["connStatus"] == "ready"


def test_many_messages_keep_their_order(world: World) -> None:
    circle = Circle(world, "ann", "ben", "cid")
    texts = [f"number {number}" for number in range(150)]
    circle.host.send("#1", *texts[:100])
    circle.host.send("#1", *texts[100:])
    world.settle()
    assert [peer.texts("#1") for peer in circle.peers] == [texts] * 3


def test_a_group_of_one_still_takes_messages(world: World) -> None:
    circle = Circle(world, "ann")
    circle.host.send("#1", "dear diary")
    world.settle()
    assert circle.host.texts("#1") == ["dear diary"]
    assert circle.host.take() == []


def test_mentions_name_the_member_on_each_side(world: World) -> None:
    circle = Circle(world, "ann", "ben", "cid")
    ann, ben, cid = circle.peers
    mentions = {"ben": circle.id_of(ann, "ben")}
    sent = ann.do(f"/_send #1 json {text_message('@ben look', mentions=mentions)}", "newChatItems")
    world.settle()
    member_id = sent["chatItems"][0]["chatItem"]["mentions"]["ben"]["memberId"]
    for peer, own in ((ben, True), (cid, False)):
        item = peer.last("newChatItems")["chatItems"][0]["chatItem"]
        assert item["mentions"]["ben"]["memberId"] == member_id
        assert item["meta"]["userMention"] is own
    assert ann.fails(f"/_send #1 json {text_message('@x', mentions={'x': 99})}") == "errorStore.groupMemberNotFound"


def test_quotes_name_their_author(world: World) -> None:
    circle = Circle(world, "ann", "ben", "cid")
    ann, ben, cid = circle.peers
    ann.send("#1", "the question")
    world.settle()
    ben.do(f"/_send #1 json {text_message('the answer', quotedItemId=last_id(ben))}", "newChatItems")
    world.settle()
    quoted = cid.last("newChatItems")["chatItems"][0]["chatItem"]["quotedItem"]
    assert quoted["chatDir"]["groupMember"]["memberProfile"]["displayName"] == "ann"
    assert ann.last("newChatItems")["chatItems"][0]["chatItem"]["quotedItem"]["chatDir"] == {"type": "groupSnd"}


def test_edits_change_the_message_for_all(world: World) -> None:
    circle = Circle(world, "ann", "ben", "cid")
    ann, ben, cid = circle.peers
    ben.send("#1", "frist")
    world.settle()
    update = '{"msgContent": {"type": "text", "text": "first"}, "mentions": {}}'
    assert ann.fails(f"/_update item #1 {last_id(ann)} json {update}") == "error.invalidChatItemUpdate"
    ben.do(f"/_update item #1 {last_id(ben)} json {update}", "chatItemUpdated")
    ben.do(f"/_update item #1 {last_id(ben)} json {update}", "chatItemNotChanged")
    circle.take()
    assert [peer.texts("#1") for peer in circle.peers] == [["first"]] * 3
    assert cid.fails(f"/_update item #1 999 json {update}") == "errorStore.chatItemNotFound"


def test_own_messages_are_deleted_for_all_or_here_only(world: World) -> None:
    circle = Circle(world, "ann", "ben")
    ann, ben = circle.peers
    for text in ("one", "two", "three"):
        ben.send("#1", text)
    circle.take()
    last = last_id(ben)
    ben.do(f"/_delete item #1 {last} broadcast", "chatItemsDeleted")
    ben.do(f"/_delete item #1 {last - 1} internal", "chatItemsDeleted")
    assert circle.take()["ann"] == ["chatItemsDeleted"]
    assert ann.texts("#1") == ["one", "two", "three"]
    assert ben.texts("#1") == ["one", "three"]
    assert ann.fails(f"/_delete item #1 {last_id(ann)} broadcast") == "error.invalidChatItemDelete"


def test_full_deletion_leaves_nothing(world: World) -> None:
    preferences = {"fullDelete": {"enable": "on"}}
    circle = Circle(world, "ann", "ben", "cid", groupPreferences=preferences)
    ann, ben, _ = circle.peers
    ben.send("#1", "one")
    ben.send("#1", "two")
    circle.take()
    ben.do(f"/_delete item #1 {last_id(ben)} broadcast", "chatItemsDeleted")
    world.settle()
    assert [peer.texts("#1") for peer in circle.peers] == [["one"]] * 3
    ann.do(f"/_delete member item #1 {last_id(ann)}", "chatItemsDeleted")
    world.settle()
    assert [peer.texts("#1") for peer in circle.peers] == [[]] * 3


def test_moderators_take_messages_away(world: World) -> None:
    circle = Circle(world, "ann", "ben", "cid")
    ann, ben, cid = circle.peers
    ben.send("#1", "spam")
    circle.take()
    assert cid.fails(f"/_delete member item #1 {last_id(cid)}") == "error.groupUserRole"
    deletion = ann.do(f"/_delete member item #1 {last_id(ann)}", "chatItemsDeleted")["chatItemDeletions"][0]
    assert deletion["toChatItem"]["chatItem"]["meta"]["itemDeleted"]["type"] == "moderated"
    assert circle.take() == {"ann": [], "ben": ["chatItemsDeleted"], "cid": ["chatItemsDeleted"]}
    ann.send("#1", "my own")
    assert ann.fails(f"/_delete member item #1 {last_id(ann)}") == "error.invalidChatItemDelete"
    assert ben.fails("/_delete member item #1 999") == "error.groupUserRole"
    assert "chatErrors" in ben.take()


def test_reactions_are_counted(world: World) -> None:
    circle = Circle(world, "ann", "ben", "cid")
    ann, ben, cid = circle.peers
    ann.send("#1", "nice?")
    circle.take()
    emoji = '{"type": "emoji", "emoji": "👍"}'
    for peer in (ben, cid):
        peer.do(f"/_reaction #1 {last_id(peer)} on {emoji}", "chatItemReaction")
    world.settle()
    counted = ann.last("chatItemReaction")["reaction"]["chatReaction"]["chatItem"]["reactions"]
    assert [(entry["totalReacted"], entry["userReacted"]) for entry in counted] == [(2, False)]
    ben.do(f"/_reaction #1 {last_id(ben)} off {emoji}", "chatItemReaction")
    world.settle()
    assert cid.last("chatItemReaction")["added"] is False
    assert ben.fails(f"/_reaction #1 {last_id(ben)} off {emoji}") == "error.commandError"
    first = ben.do("/_get chat #1 count=50", "apiChat")["chat"]["chatItems"][0]["meta"]["itemId"]
    assert ben.fails(f"/_reaction #1 {first} on {emoji}") == "error.commandError"


def test_what_a_group_does_not_allow(world: World) -> None:
    preferences: Json = {
        "voice": {"enable": "off"},
        "files": {"enable": "on", "role": "admin"},
        "reactions": {"enable": "off"},
    }
    circle = Circle(world, "ann", "ben", groupPreferences=preferences)
    ann, ben = circle.peers
    voice = json.dumps([{"msgContent": {"type": "voice", "text": "", "duration": 1}}])
    assert ann.fails(f"/_send #1 json {voice}") == "error.commandError"
    image = json.dumps([{"msgContent": {"type": "image", "text": "", "image": "data:image/png;base64,"}}])
    assert ben.fails(f"/_send #1 json {image}") == "error.commandError"
    ann.do(f"/_send #1 json {image}", "newChatItems")
    emoji = '{"type": "emoji", "emoji": "👍"}'
    assert ann.fails(f"/_reaction #1 {last_id(ann)} on {emoji}") == "error.commandError"


def test_newcomers_are_told_the_past_where_the_group_wants_it(world: World) -> None:
    circle = Circle(world, "ann", "ben", groupPreferences={"history": {"enable": "on"}})
    ann, ben = circle.peers
    ann.send("#1", "once")
    ben.send("#1", "upon")
    world.settle()
    ben.send("#1", "deleted")
    world.settle()
    ben.do(f"/_delete item #1 {last_id(ben)} broadcast", "chatItemsDeleted")
    world.settle()
    cid = world.peer("cid")
    circle.peers.append(cid)
    circle.join(cid)
    assert cid.texts("#1") == ["once", "upon"]
    items = [
        item
        for item in cid.do("/_get chat #1 count=50", "apiChat")["chat"]["chatItems"]
        if "msgContent" in item["content"]
    ]
    assert [item["chatDir"]["groupMember"]["memberProfile"]["displayName"] for item in items] == ["ann", "ben"]
    assert all("forwardedByMember" in item["meta"] for item in items)


def test_messages_wait_for_who_is_away_and_survive_kills(world: World) -> None:
    circle = Circle(world, "ann", "ben", "cid")
    ann, ben, cid = circle.peers
    cid.close()
    world.peers.remove(cid)
    ann.send("#1", "are you there?")
    ann.close()  # killed before anything was handed over
    ann.open()
    world.settle()
    assert ben.texts("#1") == ["are you there?"]
    cid.open()
    world.peers.append(cid)
    world.settle()
    assert cid.texts("#1") == ["are you there?"]
    ben.events.clear()
    circle.take()
    cid.send("#1", "now I am")
    world.settle()
    assert statuses(cid)[-1] == ("sndRcvd", "complete")


def test_live_messages_grow_before_all_eyes(world: World) -> None:
    circle = Circle(world, "ann", "ben")
    ann, ben = circle.peers
    ann.do(f"/_send #1 live=on json {text_message('on')}", "newChatItems")
    world.settle()
    assert ben.last("newChatItems")["chatItems"][0]["chatItem"]["meta"]["itemLive"] is True
    update = '{"msgContent": {"type": "text", "text": "once upon"}, "mentions": {}}'
    ann.do(f"/_update item #1 {last_id(ann)} live=on json {update}", "chatItemUpdated")
    ann.do(f"/_update item #1 {last_id(ann)} json {update.replace('upon', 'upon a time')}", "chatItemUpdated")
    world.settle()
    assert ben.texts("#1") == ["once upon a time"]
    assert ben.last("chatItemUpdated")["chatItem"]["chatItem"]["meta"]["itemLive"] is False


def test_one_message_too_large_among_others(world: World) -> None:
    circle = Circle(world, "ann", "ben")
    circle.host.send("#1", "short", "x" * 20_000)
    assert "chatErrors" in circle.host.take()
    world.settle()
    assert circle.peers[1].texts("#1") == ["short"]


def test_who_has_left_cannot_react(world: World) -> None:
    circle = Circle(world, "ann", "ben")
    ann, ben = circle.peers
    ann.send("#1", "well?")
    world.settle()
    item_id = last_id(ben)
    ben.do("/_leave #1", "leftMemberUser")
    emoji = '{"type": "emoji", "emoji": "👍"}'
    assert ben.fails(f"/_reaction #1 {item_id} on {emoji}") == "error.groupMemberUserRemoved"


def test_statuses_of_messages_that_are_gone(world: World) -> None:
    circle = Circle(world, "ann", "ben")
    ann, ben = circle.peers
    ann.send("#1", "never mind")
    ann.do(f"/_delete item #1 {last_id(ann)} internal", "chatItemsDeleted")
    world.settle()
    assert statuses(ann) == []
    assert ben.texts("#1") == ["never mind"]
