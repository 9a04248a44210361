"""Connection links: invitations, plans, and joining."""

from __future__ import annotations

from tests.simulator.worlds import Peer, World


def invite(peer: Peer, options: str = "") -> dict[str, str]:
    link: dict[str, str] = peer.do(f"/_connect 1{options}", "invitation")["connLinkInvitation"]
    return link


def test_both_sides_of_an_invitation(world: World) -> None:
    alice, bob = world.peer("alice"), world.peer("bob")
    link = invite(alice)
    sent = bob.do(f"/_connect 1 {link['connFullLink']} {link['connShortLink']}", "sentConfirmation")["connection"]
    assert sent["pccConnStatus"] == "snd-ready"
    assert sent["connLinkInv"] == link
    world.settle()
    assert alice.take() == bob.take() == ["contactConnecting", "contactConnected"] + ["newChatItems"] * 3
    assert alice.do("/_contacts 1", "contactsList")["contacts"][0]["activeConn"]["contactConnInitiated"] is False


def test_an_invitation_is_for_one(world: World) -> None:
    alice, bob, eve = world.peer("alice"), world.peer("bob"), world.peer("eve")
    link = invite(alice)["connFullLink"]
    bob.do(f"/connect {link}", "sentConfirmation")
    assert eve.fails(f"/connect {link}") == "errorAgent.SMP.AUTH"
    world.settle()
    assert eve.fails(f"/_connect plan 1 {link}") == "errorAgent.SMP.AUTH"
    assert [contact["localDisplayName"] for contact in alice.do("/_contacts 1", "contactsList")["contacts"]] == ["bob"]


def test_plans_of_an_invitation(world: World) -> None:
    alice, bob = world.peer("alice"), world.peer("bob")
    link = invite(alice)

    def plan(peer: Peer, form: str = "connFullLink") -> dict[str, object]:
        answer = peer.do(f"/_connect plan 1 {link[form]}", "connectionPlan")["connectionPlan"]
        found: dict[str, object] = answer["invitationLinkPlan"]
        return found

    assert plan(alice) == {"type": "ownLink"}
    assert plan(bob) == {"type": "ok"}
    assert "contactSLinkData_" in plan(bob, "connShortLink")
    bob.do(f"/connect {link['connFullLink']}", "sentConfirmation")
    assert plan(bob) == {"type": "connecting"}
    assert bob.do(f"/connect {link['connFullLink']}", "connectionPlan")
    world.settle()
    assert plan(bob)["type"] == plan(alice)["type"] == "known"
    known = bob.do(f"/_connect 1 {link['connFullLink']}", "contactAlreadyExists")["contact"]
    assert known["localDisplayName"] == "alice"


def test_plans_of_an_address(world: World) -> None:
    alice, bob = world.peer("alice"), world.peer("bob")
    link = alice.do("/_address 1", "userContactLinkCreated")["connLinkContact"]

    def plan(peer: Peer) -> str:
        answer = peer.do(f"/_connect plan 1 {link['connShortLink']}", "connectionPlan")["connectionPlan"]
        return str(answer["contactAddressPlan"]["type"])

    assert plan(alice) == "ownLink"
    assert plan(bob) == "ok"
    bob.do(f"/connect {link['connShortLink']}", "sentInvitation")
    assert plan(bob) == "connectingConfirmReconnect"
    bob.do(f"/connect {link['connShortLink']}", "sentInvitation")  # asks again
    world.settle()
    alice.do("/_accept 1", "acceptingContactRequest")
    world.settle()
    assert plan(bob) == "known"
    assert bob.do(f"/connect {link['connShortLink']}", "connectionPlan")["connectionPlan"]["type"] == "contactAddress"
    assert bob.do(f"/_connect 1 {link['connFullLink']}", "contactAlreadyExists")


def test_what_is_no_link(world: World) -> None:
    alice = world.peer("alice")
    link = invite(alice)
    for text in ("/_connect plan 1 nolink", "/_connect plan 77 nolink", "/_connect plan 1", "/connect nolink"):
        assert alice.fails(text) == "error.invalidConnReq"
    assert alice.fails(f"/_connect 1 {link['connShortLink']}") == "error.invalidConnReq"  # it wants the full one
    assert alice.fails(f"/_connect 1 {link['connFullLink']} nolink") == "error.invalidConnReq"
    assert alice.fails(f"/_connect plan 77 {link['connFullLink']}") == "error.differentActiveUser"


def test_incognito_invitations(world: World) -> None:
    alice, bob = world.peer("alice"), world.peer("bob")
    alice.do("/connect incognito", "invitation")
    assert alice.do("/connect", "invitation")["connection"].get("customUserProfileId") is None
    link = invite(alice, " incognito=on")["connFullLink"]
    bob.do(f"/_connect 1 incognito=on {link}", "sentConfirmation")
    world.settle()
    for peer, other in ((alice, "bob"), (bob, "alice")):
        event = peer.last("contactConnected")
        assert event["contact"]["profile"]["displayName"] != other
        assert "userCustomProfile" in event


def test_a_pending_connection_is_named_and_deleted(world: World) -> None:
    alice, bob = world.peer("alice"), world.peer("bob")
    link = invite(alice, " incognito=on")["connFullLink"]
    assert alice.do("/_set alias :1 for bob", "connectionAliasUpdated")["toConnection"]["localAlias"] == "for bob"
    chats = alice.do("/_get chats 1 pcc=on count=9", "apiChats")["chats"]
    assert "contactConnection" in [chat["chatInfo"]["type"] for chat in chats]
    chats = alice.do("/_get chats 1", "apiChats")["chats"]
    assert "contactConnection" not in [chat["chatInfo"]["type"] for chat in chats]
    alice.do("/_delete :1 full notify=off", "contactConnectionDeleted")
    assert alice.take() == ["agentRcvQueuesDeleted", "agentConnsDeleted"]
    assert alice.fails("/_delete :1") == "errorStore.pendingConnectionNotFound"
    assert bob.fails(f"/connect {link}") == "errorAgent.SMP.AUTH"
