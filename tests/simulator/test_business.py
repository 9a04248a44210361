"""Business addresses: who connects gets a group of his own with the business."""

from __future__ import annotations

from tests.simulator.worlds import Peer, World

SETTINGS = '{"businessAddress": true, "autoAccept": {"acceptIncognito": false}}'


def shop(world: World, settings: str = SETTINGS) -> tuple[Peer, str]:
    peer = world.peer("shop", bot=True)
    link = peer.do("/_address 1", "userContactLinkCreated")["connLinkContact"]["connShortLink"]
    peer.do(f"/_address_settings 1 {settings}", "userContactLinkUpdated")
    return peer, link


def test_a_customer_gets_a_group(world: World) -> None:
    business, link = shop(world)
    customer = world.peer("dora")
    plan = customer.do(f"/_connect plan 1 {link}", "connectionPlan")["connectionPlan"]
    assert plan["contactAddressPlan"]["contactSLinkData_"]["business"] is True
    customer.do(f"/connect {link}", "sentInvitation")
    world.settle()
    for peer, name, kind in ((business, "dora", "customer"), (customer, "shop", "business")):
        group = peer.do("/_groups1", "groupsList")["groups"][0]["groupInfo"]
        assert group["groupProfile"]["displayName"] == name
        assert group["businessChat"]["chatType"] == kind
        assert peer.do("/_contacts 1", "contactsList")["contacts"] == []
    assert "acceptingBusinessRequest" in business.take()
    assert "groupUpdated" in customer.take()
    customer.send("#1", "do you have tea?")
    world.settle()
    business.send("#1", "yes")
    world.settle()
    assert business.texts("#1") == customer.texts("#1") == ["do you have tea?", "yes"]


def test_each_customer_has_a_group(world: World) -> None:
    business, link = shop(world)
    for name in ("one", "two"):
        world.peer(name).do(f"/connect {link}", "sentInvitation")
        world.settle()
    assert [group["groupInfo"]["localDisplayName"] for group in business.do("/_groups1", "groupsList")["groups"]] == [
        "one",
        "two",
    ]


def test_the_group_allows_what_the_profile_of_the_business_allows(world: World) -> None:
    business, link = shop(world)
    profile = (
        '{"displayName": "shop", "fullName": "", "preferences": {"files": {"allow": "no"}, "voice": {"allow": "yes"}}}'
    )
    business.do(f"/_profile 1 {profile}", "userProfileUpdated")
    customer = world.peer("dora")
    customer.do(f"/connect {link}", "sentInvitation")
    world.settle()
    allowed = customer.do("/_groups1", "groupsList")["groups"][0]["groupInfo"]["fullGroupPreferences"]
    assert (allowed["files"]["enable"], allowed["voice"]["enable"]) == ("off", "on")


def test_a_business_that_does_not_accept_by_itself_gets_a_request(world: World) -> None:
    business, link = shop(world, '{"businessAddress": true}')
    world.peer("dora").do(f"/connect {link}", "sentInvitation")
    world.settle()
    assert business.take() == ["receivedContactRequest"]
