"""Addresses, and the contact requests that come through them."""

from __future__ import annotations

import json

import pytest

from simplex_sync.simulator import delivery
from tests.simulator.worlds import Peer, World


def address(peer: Peer, settings: str = "") -> dict[str, str]:
    made: dict[str, str] = peer.do("/_address 1", "userContactLinkCreated")["connLinkContact"]
    if settings:
        peer.do(f"/_address_settings 1 {settings}", "userContactLinkUpdated")
    return made


def test_a_user_has_one_address(world: World) -> None:
    alice = world.peer("alice")
    assert alice.fails("/_show_address 1") == "errorStore.userContactLinkNotFound"
    assert alice.fails('/_address_settings 1 {"businessAddress": false}') == "errorStore.userContactLinkNotFound"
    assert alice.fails("/_profile_address 1 on") == "errorStore.userContactLinkNotFound"
    link = address(alice)
    assert alice.fails("/_address 1") == "errorStore.duplicateContactLink"
    shown = alice.do("/_show_address 1", "userContactLink")["contactLink"]
    assert shown["connLinkContact"] == link
    shared = alice.do("/_profile_address 1 on", "userProfileUpdated")["toProfile"]
    assert shared["contactLink"] == link["connShortLink"]
    alice.do("/_delete_address 1", "userContactLinkDeleted")
    assert alice.take() == ["agentRcvQueuesDeleted", "agentConnsDeleted"]
    assert "contactLink" not in alice.do("/user", "activeUser")["user"]["profile"]
    assert alice.fails("/_delete_address 1") == "errorStore.userContactLinkNotFound"


@pytest.mark.parametrize("form", ["connFullLink", "connShortLink"])
def test_a_request_is_accepted(world: World, form: str) -> None:
    alice, bob = world.peer("alice"), world.peer("bob")
    bob.do(f"/connect {address(alice)[form]}", "sentInvitation")
    world.settle()
    request = alice.last("receivedContactRequest")["contactRequest"]
    assert request["localDisplayName"] == "bob"
    accepted = alice.do(f"/_accept {request['contactRequestId']}", "acceptingContactRequest")["contact"]
    assert accepted["activeConn"]["connStatus"] == "snd-ready"
    world.settle()
    assert alice.last("contactConnected")["contact"]["activeConn"]["connStatus"] == "ready"
    assert "contactConnected" in bob.take()
    assert alice.fails(f"/_accept {request['contactRequestId']}") == "errorStore.contactRequestNotFound"


def test_the_id_of_an_accepted_request_is_not_used_again(world: World) -> None:
    alice, bob, carol = world.peer("alice"), world.peer("bob"), world.peer("carol")
    link = address(alice)["connFullLink"]
    for number, peer in enumerate((bob, carol), 1):
        peer.do(f"/connect {link}", "sentInvitation")
        world.settle()
        assert alice.last("receivedContactRequest")["contactRequest"]["contactRequestId"] == number
        alice.do(f"/_accept {number}", "acceptingContactRequest")


def test_a_request_is_rejected(world: World) -> None:
    alice, bob = world.peer("alice"), world.peer("bob")
    bob.do(f"/connect {address(alice)['connFullLink']}", "sentInvitation")
    world.settle()
    alice.do("/_reject 1", "contactRequestRejected")
    world.settle()
    assert alice.fails("/_reject 1") == "errorStore.contactRequestNotFound"
    chats = alice.do("/_get chats 1 pcc=on count=9", "apiChats")["chats"]
    assert "bob" not in str(chats)
    assert bob.take() == []


def test_requests_are_accepted_by_themselves_with_a_reply(world: World) -> None:
    alice, bob = world.peer("alice"), world.peer("bob")
    automatic = {"acceptIncognito": False}
    reply = {"type": "text", "text": "welcome"}
    settings = {"businessAddress": False, "autoAccept": automatic, "autoReply": reply}
    link = address(alice, json.dumps(settings))
    bob.do(f"/connect {link['connShortLink']}", "sentInvitation")
    world.settle()
    assert alice.take()[:4] == ["acceptingContactRequest", "contactSndReady", "contactConnected", "newChatItems"]
    contact = bob.do("/_contacts 1", "contactsList")["contacts"][0]
    assert bob.texts(f"@{contact['contactId']}") == ["welcome"]


def test_incognito_on_either_side(world: World) -> None:
    alice, bob = world.peer("alice"), world.peer("bob")
    bob.do(f"/connect incognito {address(alice)['connFullLink']}", "sentInvitation")
    world.settle()
    request = alice.last("receivedContactRequest")["contactRequest"]
    assert request["profile"]["displayName"] != "bob"
    accepted = alice.do("/_accept incognito=on 1", "acceptingContactRequest")["contact"]
    assert "customUserProfileId" in accepted["activeConn"]
    world.settle()
    event = bob.last("contactConnected")
    assert event["contact"]["profile"]["displayName"] != "alice"
    assert event["userCustomProfile"]["displayName"] == request["profile"]["displayName"]
    assert "customUserProfile" in bob.do("/_info @4", "contactInfo")


def test_the_link_shows_the_changed_profile(world: World) -> None:
    alice, bob = world.peer("alice"), world.peer("bob")
    link = address(alice)["connShortLink"]
    alice.do('/_profile 1 {"displayName": "alice", "fullName": "Alice L."}', "userProfileUpdated")
    plan = bob.do(f"/_connect plan 1 {link}", "connectionPlan")["connectionPlan"]["contactAddressPlan"]
    assert plan["contactSLinkData_"]["profile"]["fullName"] == "Alice L."


def test_a_deleted_address_is_unknown(world: World) -> None:
    alice, bob = world.peer("alice"), world.peer("bob")
    link = address(alice)["connFullLink"]
    alice.do("/_delete_address 1", "userContactLinkDeleted")
    assert bob.fails(f"/connect {link}") == "errorAgent.SMP.AUTH"


def test_a_contact_who_waits_is_deleted_with_the_request(world: World) -> None:
    alice, bob = world.peer("alice"), world.peer("bob")
    bob.do(f"/connect {address(alice)['connFullLink']}", "sentInvitation")
    world.settle()
    alice.do("/_delete @4 full", "contactDeleted")
    assert alice.fails("/_accept 1") == "errorStore.contactRequestNotFound"


def test_who_asks_again_is_the_same_request(world: World) -> None:
    alice, bob = world.peer("alice"), world.peer("bob")
    link = address(alice)["connShortLink"]
    for _ in range(2):
        bob.do(f"/connect {link}", "sentInvitation")
        world.settle()
    requests = [event["contactRequest"] for event in alice.events if event["type"] == "receivedContactRequest"]
    assert requests[0] == requests[1]
    alice.do("/_accept 1", "acceptingContactRequest")
    again = bob.sim.store.find("connections", entityType="pending")[0]
    world.settle()
    assert [contact["localDisplayName"] for contact in bob.do("/_contacts 1", "contactsList")["contacts"]] == ["alice"]
    alice.take()
    owner = alice.sim.store.first("connections", entityType="userContact")
    assert owner is not None
    target = {"node": alice.sim.network.node, "queue": owner["queue"]}
    facts = {"profile": requests[0]["profile"], "xContactId": again["xContactId"]}
    bob.sim.transact(lambda: delivery.post(bob.sim, again, "contact.request", to=target, **facts))
    world.settle()
    assert alice.take() == ["contactRequestAlreadyAccepted"]
