"""What moderators do: roles, blocking, removing, and reviewing who wants to join."""

from __future__ import annotations

import json

import pytest

from tests.simulator.circles import Circle
from tests.simulator.worlds import World


def test_roles_change_for_all(world: World) -> None:
    circle = Circle(world, "ann", "ben", "cid")
    ann, ben, cid = circle.peers
    answer = ann.do(f"/_member role #1 {circle.id_of(ann, 'ben')} admin", "membersRoleUser")
    assert [member["memberRole"] for member in answer["members"]] == ["admin"]
    told = circle.take()
    assert told == {
        "ann": ["newChatItems"],
        "ben": ["newChatItems", "memberRole"],
        "cid": ["newChatItems", "memberRole"],
    }
    assert ben.do("/_groups1", "groupsList")["groups"][0]["groupInfo"]["membership"]["memberRole"] == "admin"
    assert circle.member(cid, "ben")["memberRole"] == "admin"
    ben.do(f"/_member role #1 {circle.id_of(ben, 'cid')} observer", "membersRoleUser")
    world.settle()
    assert cid.fails("/_send #1 json " + json.dumps([{"msgContent": {"type": "text", "text": "hm"}}])) == (
        "error.groupUserRole"
    )
    assert ben.fails(f"/_member role #1 {circle.id_of(ben, 'ann')} member") == "error.groupUserRole"
    assert ben.fails(f"/_member role #1 {circle.id_of(ben, 'cid')} owner") == "error.groupUserRole"
    assert ben.fails("/_member role #1 999 member") == "error.groupMemberNotFound"
    assert ben.fails("/_member role #9 1 member") == "errorStore.groupNotFound"


def test_the_role_of_one_who_is_only_invited(world: World) -> None:
    alice, bob = world.connected()
    alice.do('/_group 1 {"displayName": "club", "fullName": ""}', "groupCreated")
    member = alice.do("/_add #1 4 member", "sentGroupInvitation")["member"]
    alice.do(f"/_member role #1 {member['groupMemberId']} admin", "membersRoleUser")
    world.settle()
    bob.do("/_join #1", "userAcceptedGroupSent")
    alice.do(f"/_remove #1 {member['groupMemberId']}", "userDeletedMembers")
    world.settle()
    assert "userJoinedGroup" not in bob.take()


def test_who_is_blocked_is_heard_no_more(world: World) -> None:
    circle = Circle(world, "ann", "ben", "cid")
    ann, ben, cid = circle.peers
    answer = ann.do(f"/_block #1 {circle.id_of(ann, 'ben')} blocked=on", "membersBlockedForAllUser")
    assert answer["members"][0]["blockedByAdmin"] is True
    told = circle.take()
    assert told == {"ann": ["newChatItems"], "ben": [], "cid": ["newChatItems", "memberBlockedForAll"]}
    ben.send("#1", "can you hear me?")
    world.settle()
    meta = cid.last("newChatItems")["chatItems"][0]["chatItem"]["meta"]
    assert meta["itemDeleted"]["type"] == "blockedByAdmin"
    assert meta["itemStatus"] == {"type": "rcvRead"}
    ann.do(f"/_block #1 {circle.id_of(ann, 'ben')} blocked=off", "membersBlockedForAllUser")
    world.settle()
    ben.send("#1", "and now?")
    world.settle()
    assert "itemDeleted" not in cid.last("newChatItems")["chatItems"][0]["chatItem"]["meta"]
    assert ben.fails(f"/_block #1 {circle.id_of(ben, 'cid')} blocked=on") == "error.groupUserRole"


@pytest.mark.parametrize("option", ["", " messages=on"])
def test_who_is_removed_is_out(world: World, option: str) -> None:
    circle = Circle(world, "ann", "ben", "cid")
    ann, ben, cid = circle.peers
    ben.send("#1", "something silly")
    world.settle()
    circle.take()
    answer = ann.do(f"/_remove #1 {circle.id_of(ann, 'ben')}{option}", "userDeletedMembers")
    assert answer["withMessages"] is bool(option)
    told = circle.take()
    assert told["ann"] == ["newChatItems", "chatError", "agentRcvQueuesDeleted", "agentConnsDeleted"]
    assert told["ben"] == ["newChatItems", "deletedMemberUser", "agentRcvQueuesDeleted", "agentConnsDeleted"]
    assert told["cid"] == ["newChatItems", "deletedMember", "agentRcvQueuesDeleted", "agentConnsDeleted"]
    for peer in (ann, cid):
        items = peer.do("/_get chat #1 count=50", "apiChat")["chat"]["chatItems"]
        silly = next(item for item in items if item["meta"]["itemText"] == "something silly")
        assert ("itemDeleted" in silly["meta"]) is bool(option)
        assert circle.member(peer, "ben")["memberStatus"] == "removed"
    message = json.dumps([{"msgContent": {"type": "text", "text": "but"}}])
    assert ben.fails(f"/_send #1 json {message}") == "error.groupMemberUserRemoved"
    assert ann.fails("/_remove #1 999") == "error.groupMemberNotFound"
    assert cid.fails(f"/_remove #1 {circle.id_of(cid, 'ann')}") == "error.groupUserRole"
    ann.send("#1", "quiet again")
    world.settle()
    assert ben.texts("#1") == ["something silly"]
    assert cid.texts("#1")[-1] == "quiet again"


def test_who_joins_is_reviewed_in_the_support_chat(world: World) -> None:
    circle = Circle(world, "ann", "mod", "ben")
    ann, mod, ben = circle.peers
    ann.do(f"/_member role #1 {circle.id_of(ann, 'mod')} moderator", "membersRoleUser")
    profile = {"displayName": "circle", "fullName": "", "memberAdmission": {"review": "all"}}
    ann.do(f"/_group_profile #1 {json.dumps(profile)}", "groupUpdated")
    circle.take()
    new = world.peer("new")
    circle.peers.append(new)
    circle.join(new)
    told = circle.take()
    assert told["ben"] == []
    assert told["mod"][-1] == "connectedToGroupMember"
    assert told["new"].count("memberAcceptedByOther") == 1
    member_id = circle.id_of(ann, "new")
    assert circle.member(ann, "new")["memberStatus"] == "pending_review"
    assert ann.do("/_info #1", "groupInfo")["groupInfo"]["membersRequireAttention"] == 1

    # The support chat: between the newcomer and the moderators.
    message = json.dumps([{"msgContent": {"type": "text", "text": "let me in"}}])
    assert new.fails(f"/_send #1 json {message}") == "error.groupMemberNotActive"
    new.do(f"/_send #1(_support) json {message}", "newChatItems")
    world.settle()
    ann.do(f"/_send #1(_support:{member_id}) json {message.replace('let me in', 'why?')}", "newChatItems")
    world.settle()
    assert ben.take() == []
    assert ben.fails(f"/_send #1(_support:{circle.id_of(ben, 'mod')}) json {message}") == "error.groupUserRole"
    assert ann.texts(f"#1(_support:{member_id})") == ["let me in", "why?"]
    counted = circle.member(mod, "new")["supportChat"]
    assert (counted["unread"], counted["memberAttention"]) == (3, 0)
    mod.do(f"/_read chat #1(_support:{circle.id_of(mod, 'new')})", "cmdOk")
    assert circle.member(mod, "new")["supportChat"]["unread"] == 0
    assert mod.texts(f"#1(_support:{circle.id_of(mod, 'new')})") == ["let me in", "why?"]
    assert new.texts("#1(_support)") == ["let me in", "why?"]
    assert ann.texts("#1") == []
    circle.take()

    assert ann.fails("/_accept member #1 999 member") == "errorStore.groupMemberNotFound"
    assert ben.fails(f"/_accept member #1 {circle.id_of(ben, 'mod')} member") == "error.groupUserRole"
    ann.do(f"/_accept member #1 {member_id} member", "memberAccepted")
    told = circle.take()
    assert "joinedGroupMemberConnecting" in told["ben"]
    assert "connectedToGroupMember" in told["ben"]
    assert "userJoinedGroup" in told["new"]
    assert ann.fails(f"/_accept member #1 {member_id} member") == "error.groupMemberNotActive"
    new.send("#1", "hello all")
    world.settle()
    assert [peer.texts("#1") for peer in circle.peers] == [["hello all"]] * 4
    assert ann.do("/_info #1", "groupInfo")["groupInfo"]["membersRequireAttention"] == 0


def test_who_waits_for_review_may_be_refused_or_leave(world: World) -> None:
    circle = Circle(world, "ann")
    profile = {"displayName": "circle", "fullName": "", "memberAdmission": {"review": "all"}}
    circle.host.do(f"/_group_profile #1 {json.dumps(profile)}", "groupUpdated")
    one, two = world.peer("one"), world.peer("two")
    circle.peers += [one, two]
    circle.join(one)
    circle.join(two)
    circle.take()
    circle.host.do(f"/_remove #1 {circle.id_of(circle.host, 'one')}", "userDeletedMembers")
    two.do("/_leave #1", "leftMemberUser")
    told = circle.take()
    assert "deletedMemberUser" in told["one"]
    assert "leftMember" in told["ann"]


def test_members_become_contacts(world: World) -> None:
    circle = Circle(world, "ann", "ben", groupPreferences={"directMessages": {"enable": "on"}})
    ann, ben = circle.peers
    member_id = circle.id_of(ann, "ben")
    contact = ann.do(f"/_create member contact #1 {member_id}", "newMemberContact")["contact"]
    assert ann.fails(f"/_create member contact #1 {member_id}") == "error.commandError"
    assert ann.fails("/_invite member contact @2") == "error.commandError"
    chat = f"@{contact['contactId']}"
    content = '{"type": "text", "text": "psst"}'
    ann.do(f"/_invite member contact {chat} json {content}", "newMemberContactSentInv")
    assert ann.fails(f"/_invite member contact {chat}") == "error.commandError"
    world.settle()
    received = ben.last("newMemberContactReceivedInv")["contact"]
    ben.do(f"/_accept member contact @{received['contactId']}", "memberContactAccepted")
    assert ben.fails(f"/_accept member contact @{received['contactId']}") == "error.commandError"
    world.settle()
    assert "contactConnected" in ann.take()
    ben.send(f"@{received['contactId']}", "yes?")
    world.settle()
    assert ann.texts(chat) == ben.texts(f"@{received['contactId']}") == ["psst", "yes?"]


def test_members_become_contacts_only_where_the_group_allows_it(world: World) -> None:
    circle = Circle(world, "ann", "ben")
    member_id = circle.id_of(circle.host, "ben")
    assert circle.host.fails(f"/_create member contact #1 {member_id}") == "error.commandError"
