"""Groups: made, joined, listed, changed, left and deleted."""

from __future__ import annotations

import json

import pytest

from tests.simulator.circles import Circle
from tests.simulator.worlds import Peer, World


def test_members_who_come_through_a_link_are_connected_to_all(world: World) -> None:
    circle = Circle(world, "ann", "ben", "cid", "dot")
    for peer in circle.peers:
        members = peer.do("/_members #1", "groupMembers")["group"]["members"]
        assert {member["memberProfile"]["displayName"] for member in members} == {
            other.name for other in circle.peers if other is not peer
        }
        assert {member["memberStatus"] for member in members} == {"connected"}
        assert {member["activeConn"]["connStatus"] for member in members} == {"ready"}
    assert circle.host.do("/_info #1", "groupInfo")["groupSummary"] == {"currentMembers": 4}


def test_an_invited_contact_joins(world: World) -> None:
    alice, bob = world.connected()
    alice.do('/_group 1 {"displayName": "club", "fullName": "The Club"}', "groupCreated")
    alice.do("/_add #1 4 admin", "sentGroupInvitation")
    world.settle()
    received = bob.last("receivedGroupInvitation")
    assert received["memberRole"] == "admin"
    assert received["groupInfo"]["membership"]["memberStatus"] == "invited"
    text = bob.last("newChatItems")["chatItems"][0]["chatItem"]["meta"]["itemText"]
    assert text == "received invitation to join group club (The Club) as admin"
    assert bob.fails("/_send #1 json " + json.dumps([{"msgContent": {"type": "text", "text": "x"}}])) == (
        "error.groupNotJoined"
    )
    bob.do("/_join #1", "userAcceptedGroupSent")
    world.settle()
    assert "userJoinedGroup" in bob.take()
    assert "joinedGroupMember" in alice.take()
    assert bob.fails("/_join #1") == "errorStore.groupAlreadyJoined"
    assert alice.fails("/_add #1 4 member") == "error.groupDuplicateMember"
    assert bob.do("/_groups1", "groupsList")["groups"][0]["groupSummary"] == {"currentMembers": 2}


def test_invitations_that_cannot_be(world: World) -> None:
    alice, bob = world.connected()
    alice.do('/_group 1 {"displayName": "club", "fullName": ""}', "groupCreated")
    alice.do('/_group 1 incognito=on {"displayName": "masks", "fullName": ""}', "groupCreated")
    assert alice.fails("/_add #1 999 member") == "errorStore.contactNotFound"
    assert alice.fails("/_add #1 2 member") == "error.contactNotReady"
    assert alice.fails("/_add #2 4 member") == "error.groupIncognitoCantInvite"
    assert alice.fails("/_add #9 4 member") == "errorStore.groupNotFound"
    assert alice.fails("/_join #1") == "errorStore.groupInvitationNotFound"
    assert alice.fails('/_group 1 {"displayName": "#club", "fullName": ""}') == "error.invalidDisplayName"
    alice.do("/_add #1 4 member", "sentGroupInvitation")
    world.settle()
    assert bob.fails("/_add #1 4 member") == "error.groupUserRole"
    membership = alice.do("/_info #2", "groupInfo")["groupInfo"]["membership"]
    assert membership["localDisplayName"].startswith("Incognito") or membership["localDisplayName"] != "alice"


def test_an_incognito_member_shows_another_name(world: World) -> None:
    circle = Circle(world, "ann", "ben")
    cid = world.peer("cid")
    circle.peers.append(cid)
    answer = cid.do(f"/connect incognito {circle.link}", "sentInvitation")
    name = answer["customUserProfile"]["displayName"]
    world.settle()
    assert circle.member(circle.host, name)["memberStatus"] == "connected"
    own = cid.do("/_groups1", "groupsList")["groups"][0]["groupInfo"]["membership"]
    assert own["memberProfile"]["displayName"] == name
    assert "cid" not in json.dumps(circle.host.do("/_members #1", "groupMembers"))


def test_plans_for_group_links(world: World) -> None:
    circle = Circle(world, "ann", "ben")
    new = world.peer("new")

    def plan(peer: Peer) -> str:
        answer = peer.do(f"/_connect plan 1 {circle.link}", "connectionPlan")
        return str(answer["connectionPlan"]["groupLinkPlan"]["type"])

    assert plan(circle.host) == "ownLink"
    assert plan(circle.peers[1]) == "known"
    assert plan(new) == "ok"
    new.do(f"/connect {circle.link}", "sentInvitation")
    assert plan(new) == "connectingConfirmReconnect"
    new.do(f"/connect {circle.link}", "sentInvitation")
    world.settle()
    assert plan(new) == "known"
    assert new.do(f"/connect {circle.link}", "connectionPlan")["connectionPlan"]["type"] == "groupLink"


def test_links_of_groups_are_made_changed_and_deleted(world: World) -> None:
    circle = Circle(world, "ann", "ben")
    host, ben = circle.peers
    assert host.fails("/_create link #1 member") == "errorStore.duplicateGroupLink"
    assert ben.fails("/_create link #1 member") == "error.groupUserRole"
    assert ben.fails("/_get link #1") == "errorStore.groupLinkNotFound"
    assert host.do("/_set link role #1 observer", "groupLink")["groupLink"]["acceptMemberRole"] == "observer"
    circle.peers.append(world.peer("cid"))
    circle.join(circle.peers[2])
    assert circle.member(host, "cid")["memberRole"] == "observer"
    message = json.dumps([{"msgContent": {"type": "text", "text": "may I?"}}])
    assert circle.peers[2].fails(f"/_send #1 json {message}") == "error.groupUserRole"
    host.do("/_delete link #1", "groupLinkDeleted")
    late = world.peer("late")
    assert late.fails(f"/connect {circle.link}") == "errorAgent.SMP.AUTH"
    assert host.fails("/_delete link #1") == "errorStore.groupLinkNotFound"


def test_a_contact_who_comes_through_a_link_is_recognised(world: World) -> None:
    alice, bob = world.connected()
    alice.do('/_group 1 {"displayName": "club", "fullName": ""}', "groupCreated")
    link = alice.do("/_create link #1 member", "groupLinkCreated")["groupLink"]["connLinkContact"]["connShortLink"]
    bob.do(f"/connect {link}", "sentInvitation")
    world.settle()
    assert alice.last("contactAndMemberAssociated")["member"]["localDisplayName"] == "bob_1"
    assert bob.last("contactAndMemberAssociated")["contact"]["contactId"] == 4
    member = alice.do("/_members #1", "groupMembers")["group"]["members"][0]
    assert (member["memberContactId"], member["localDisplayName"]) == (4, "bob")


def test_strangers_of_the_same_name_stay_apart(world: World) -> None:
    alice, _ = world.connected()
    alice.do('/_group 1 {"displayName": "club", "fullName": ""}', "groupCreated")
    link = alice.do("/_create link #1 member", "groupLinkCreated")["groupLink"]["connLinkContact"]["connShortLink"]
    other = world.peer("other", user=False)
    other.do('/_create user {"profile": {"displayName": "bob", "fullName": ""}, "pastTimestamp": false}', "activeUser")
    other.do(f"/connect {link}", "sentInvitation")
    world.settle()
    member = alice.do("/_members #1", "groupMembers")["group"]["members"][0]
    assert member["localDisplayName"] == "bob_1"
    assert "memberContactId" not in member


def test_the_profile_of_a_group_changes_for_all(world: World) -> None:
    circle = Circle(world, "ann", "ben", "cid")
    profile = {
        "displayName": "ring",
        "fullName": "",
        "groupPreferences": {"timedMessages": {"enable": "on", "ttl": 60}},
    }
    circle.host.do(f"/_group_profile #1 {json.dumps(profile)}", "groupUpdated")
    told = circle.take()
    assert told["ann"] == ["newChatItems", "newChatItems"]
    assert told["ben"] == ["groupUpdated", "newChatItems", "newChatItems"]
    for peer in circle.peers:
        assert peer.do("/_groups1 ring", "groupsList")["groups"][0]["groupInfo"]["localDisplayName"] == "ring"
        assert peer.texts("#1") == []
    plan = world.peer("new").do(f"/_connect plan 1 {circle.link}", "connectionPlan")["connectionPlan"]
    assert plan["groupLinkPlan"]["groupSLinkData_"]["groupProfile"]["displayName"] == "ring"
    assert circle.peers[1].fails(f"/_group_profile #1 {json.dumps(profile)}") == "error.groupUserRole"
    circle.host.send("#1", "gone in a minute")
    world.settle()
    item = circle.peers[1].last("newChatItems")["chatItems"][0]["chatItem"]
    assert item["meta"]["itemTimed"]["ttl"] == 60


def test_preferences_alone_change_without_a_word_on_the_profile(world: World) -> None:
    circle = Circle(world, "ann", "ben")
    profile = {
        "displayName": "circle",
        "fullName": "",
        "groupPreferences": {"files": {"enable": "on", "role": "admin"}},
    }
    circle.host.do(f"/_group_profile #1 {json.dumps(profile)}", "groupUpdated")
    world.settle()
    text = circle.peers[1].last("newChatItems")["chatItems"][0]["chatItem"]["meta"]["itemText"]
    assert text == "Files and media: on for admins"
    assert circle.take()["ben"] == ["groupUpdated", "newChatItems"]


def test_leaving_and_deleting(world: World) -> None:
    circle = Circle(world, "ann", "ben", "cid")
    host, ben, cid = circle.peers
    assert ben.fails("/_delete #1 full") == "error.groupUserRole"
    ben.do("/_leave #1", "leftMemberUser")
    told = circle.take()
    assert told["ann"] == ["newChatItems", "leftMember", "chatError", "agentRcvQueuesDeleted", "agentConnsDeleted"]
    assert told["ben"] == [
        "newChatItems",
        "chatError",
        "chatError",
        "agentRcvQueuesDeleted",
        "agentConnsDeleted",
    ]
    assert ben.fails("/_leave #1") == "error.groupMemberUserRemoved"
    message = json.dumps([{"msgContent": {"type": "text", "text": "hello?"}}])
    assert ben.fails(f"/_send #1 json {message}") == "error.groupMemberUserRemoved"
    assert circle.member(host, "ben")["memberStatus"] == "left"
    ben.do("/_delete #1 full", "groupDeletedUser")
    assert ben.fails("/_members #1") == "errorStore.groupNotFound"
    host.send("#1", "who is still here?")
    world.settle()
    assert cid.texts("#1") == ["who is still here?"]
    host.do("/_delete #1 messages", "groupDeletedUser")
    assert host.texts("#1") == []
    host.do("/_delete #1 full", "groupDeletedUser")
    told = circle.take()
    assert told["cid"][-4:] == ["newChatItems", "groupDeleted", "agentRcvQueuesDeleted", "agentConnsDeleted"]
    assert told["ben"] == []
    assert cid.do("/_groups1", "groupsList")["groups"][0]["groupInfo"]["membership"]["memberStatus"] == "deleted"
    cid.do("/_delete #1 full", "groupDeletedUser")


def test_what_is_told_about_one_member(world: World) -> None:
    circle = Circle(world, "ann", "ben")
    ann, ben = circle.peers
    codes = []
    for peer, name in ((ann, "ben"), (ben, "ann")):
        member_id = circle.id_of(peer, name)
        info = peer.do(f"/_info #1 {member_id}", "groupMemberInfo")
        assert info["connectionStats_"]["ratchetSyncState"] == "ok"
        codes.append(peer.do(f"/_get code #1 {member_id}", "groupMemberCode")["connectionCode"])
    assert codes[0] == codes[1]
    assert ann.fails("/_info #1 99") == "errorStore.groupMemberNotFound"
    assert ann.do("/_set alias #1 my circle", "groupAliasUpdated")["toGroup"]["localAlias"] == "my circle"


@pytest.mark.parametrize("version", ["6.4", "7.0"])
def test_lists_in_both_versions(world: World, version: str) -> None:
    circle = Circle(world, "ann", "ben", version=version)
    command = "/_groups1" if version == "6.4" else "/_groups 1"
    found = circle.host.do(command, "groupsList")["groups"][0]
    if version == "6.4":
        assert found["groupInfo"]["localDisplayName"] == "circle"
        assert found["groupSummary"] == {"currentMembers": 2}
    else:
        assert found["localDisplayName"] == "circle"
        assert found["groupSummary"]["currentMembers"] == 2
        member = circle.member(circle.host, "ben")
        assert member["activeConn"]["connStatus"] == {"type": "ready"}


def test_a_group_survives_a_restart_in_the_middle_of_joining(world: World) -> None:
    circle = Circle(world, "ann", "ben")
    cid = world.peer("cid")
    circle.peers.append(cid)
    cid.do(f"/connect {circle.link}", "sentInvitation")
    for _ in range(12):
        for peer in circle.peers:
            peer.sim.work()
            peer.collect()
            peer.close()
            peer.open()
    world.settle()
    assert circle.member(circle.peers[1], "cid")["memberStatus"] == "connected"
    cid.send("#1", "here I am")
    world.settle()
    assert [peer.texts("#1") for peer in circle.peers] == [["here I am"]] * 3


def test_members_learn_of_a_changed_profile_with_the_next_message(world: World) -> None:
    circle = Circle(world, "ann", "ben")
    ann, ben = circle.peers
    ann.do('/_profile 1 {"displayName": "anna", "fullName": "Anna A"}', "userProfileUpdated")
    assert circle.take()["ben"] == []
    ann.send("#1", "it is me")
    ann.send("#1", "still me")
    assert circle.take()["ben"] == ["newChatItems", "groupMemberUpdated", "newChatItems", "newChatItems"]
    assert circle.member(ben, "anna")["localDisplayName"] == "anna"
    assert ben.texts("#1") == ["it is me", "still me"]


def test_an_invitation_may_be_repeated(world: World) -> None:
    alice, bob = world.connected()
    alice.do('/_group 1 {"displayName": "club", "fullName": ""}', "groupCreated")
    alice.do("/_add #1 4 member", "sentGroupInvitation")
    again = alice.do("/_add #1 4 admin", "sentGroupInvitation")["member"]
    assert (again["groupMemberId"], again["memberRole"], again["activeConn"]["connStatus"]) == (2, "admin", "new")
    world.settle()
    assert bob.take().count("receivedGroupInvitation") == 2
    assert len(bob.do("/_groups1", "groupsList")["groups"]) == 1
    bob.do("/_join #1", "userAcceptedGroupSent")
    world.settle()
    assert alice.do("/_info #1", "groupInfo")["groupSummary"] == {"currentMembers": 2}


def test_incognito_contacts_are_not_invited(world: World) -> None:
    alice, bob = world.peer("alice"), world.peer("bob")
    link = alice.do("/_connect 1 incognito=on", "invitation")["connLinkInvitation"]["connFullLink"]
    bob.do(f"/_connect 1 {link}", "sentConfirmation")
    world.settle()
    alice.do('/_group 1 {"displayName": "club", "fullName": ""}', "groupCreated")
    assert alice.fails("/_add #1 4 member") == "error.contactIncognitoCantInvite"


def test_a_group_with_a_link_is_left(world: World) -> None:
    circle = Circle(world, "ann", "ben")
    circle.host.do("/_leave #1", "leftMemberUser")
    world.settle()
    assert world.peer("late").fails(f"/connect {circle.link}") == "errorAgent.SMP.AUTH"


def test_a_member_may_be_asked_about_before_the_connection_is_there(world: World) -> None:
    alice, _ = world.connected()
    alice.do('/_group 1 {"displayName": "club", "fullName": ""}', "groupCreated")
    assert alice.fails("/_get code #1") == "errorStore.groupMemberNotFound"
    assert alice.fails("/_get code #1 1") == "error.groupMemberNotActive"


def test_the_start_tells_of_members_and_pending_connections(world: World) -> None:
    circle = Circle(world, "ann", "ben", "cid")
    circle.host.do("/_connect 1", "invitation")
    circle.host.close()
    circle.host.open()
    world.settle()
    data = [event["data"] for event in circle.host.events if event["type"] == "terminalEvent"]
    assert [entry["member"]["memberName"] for entry in data[0]["memberSubscriptions"]] == ["ben", "cid"]
    assert [entry["connection"]["pccConnStatus"] for entry in data[1]["pendingSubscriptions"]] == ["new"]
