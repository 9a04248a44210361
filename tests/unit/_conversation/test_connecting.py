"""Connecting: `_conversation.links`, `connecting`, `newcomers`, `waiting_room`.

Rests on address.jsonl (`userContactLink`, `userContactLinkNotFound`, `duplicateContactLink`, `connectionPlan`,
`sentInvitation`, `receivedContactRequest`, `acceptingContactRequest`, `contactConnected`, `groupLinkConnecting`,
`userJoinedGroup`), messages.jsonl (`invitation`, `sentConfirmation`) and groups.jsonl (`receivedGroupInvitation`,
`groupLink`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from simplex_sync import Address, GroupLink, Invitation, SimplexChat, events, types
from simplex_sync._conversation.connecting import Connecting
from simplex_sync._conversation.waiting_room import LOOK_AGAIN, WaitingRoom
from simplex_sync._internal.deadline import Deadline
from simplex_sync._internal.router import Router
from simplex_sync.errors import (
    ClientClosed,
    CommandError,
    ConnectionLost,
    EventTimeout,
    InvalidArgument,
)
from tests.unit._conversation.conftest import Pair, connect
from tests.unit._conversation.recorded import frame_of, frames, reconnected, recorded_answers

Make = Callable[..., SimplexChat]


# Links


def test_an_address_is_made_once(make_any_chat: Make) -> None:
    alice = make_any_chat("alice")
    address = alice.address()
    assert isinstance(address, Address)
    assert str(address) == address.link
    assert alice.address().link == address.link
    assert address.settings.auto_accept is None
    address.delete()
    assert alice.address().link != address.link


def test_somebody_else_may_be_quicker(make_any_chat: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = make_any_chat("alice")
    link = alice.address().link
    monkeypatch.setattr(type(alice), "_shown_address", lambda *_: None)
    assert alice.address().link == link
    bob = alice.create_group("team")
    made = alice.group_link(bob)
    original = type(alice).api_get_group_link
    asked: list[int] = []

    def not_yet(self: Any, group_id: int, **options: Any) -> Any:
        asked.append(group_id)
        if len(asked) == 1:
            raise CommandError("none", error="errorStore.groupLinkNotFound")
        return original(self, group_id, **options)

    monkeypatch.setattr(type(alice), "api_get_group_link", not_yet)
    assert alice.group_link(bob).link == made.link


def test_nothing_shows_a_link(make_chat: Make) -> None:
    alice = make_chat("alice")
    group = alice.create_group("team")
    for link in (alice.address(), alice.invite(), alice.group_link(group)):
        assert link.link not in repr(link)
        assert "http" not in repr(link) + repr(link.qr())
        assert link._repr_svg_().startswith("<svg")
        assert len(str(link.qr()).splitlines()) > 10


def test_an_invitation_that_is_cancelled(make_any_chat: Make) -> None:
    alice, bob = make_any_chat("alice"), make_any_chat("bob")
    invitation = alice.invite()
    assert isinstance(invitation, Invitation)
    with pytest.raises(EventTimeout, match=r"nobody has connected in 0.01 seconds"):
        invitation.wait_connected(timeout=0.01)
    invitation.cancel()
    with pytest.raises(CommandError):
        bob.connect_to(invitation.link)


def test_a_group_link(make_any_chat: Make) -> None:
    alice, bob = make_any_chat("alice"), make_any_chat("bob")
    group = alice.create_group("team", full_name="The Team", description="welcome")
    link = alice.group_link("#team", "observer")
    assert isinstance(link, GroupLink)
    assert alice.group_link(group).link == link.link
    joined = bob.connect_to(link.link)
    assert isinstance(joined, types.GroupInfo)
    assert joined.group_profile.display_name == "team"
    assert str(joined.membership.member_role) == "observer"
    again = bob.connect_to(link.link)
    assert isinstance(again, types.GroupInfo)
    assert again.group_id == joined.group_id
    with pytest.raises(InvalidArgument, match="role must be one of"):
        alice.group_link(group, "boss")
    link.delete()
    assert alice.group_link(group).link != link.link


# Connecting


def test_by_an_address(make_any_chat: Make) -> None:
    alice, bob = make_any_chat("alice"), make_any_chat("bob")
    address = alice.accept_contacts("Welcome!")
    assert address.settings.auto_accept is not None
    contact = bob.connect_to(address.link)
    assert isinstance(contact, types.Contact)
    assert contact.local_display_name == "alice"
    assert next(bob.messages(timeout=20)).text == "Welcome!"
    again = bob.connect_to(address.link)
    assert isinstance(again, types.Contact)
    assert again.contact_id == contact.contact_id
    assert len(bob.contacts()) == len(alice.contacts())


def test_the_full_link_will_do(make_any_chat: Make) -> None:
    alice, bob, carol = make_any_chat("alice"), make_any_chat("bob"), make_any_chat("carol")
    address = alice.accept_contacts()
    assert address.full_link != address.link
    assert bob.connect_to(f"  {address.full_link}\n").local_display_name == "alice"
    assert carol.connect_to(alice.invite().full_link).local_display_name == "alice"


def test_incognito(make_any_chat: Make) -> None:
    alice, bob = make_any_chat("alice"), make_any_chat("bob")
    invitation = alice.invite()
    bob.connect_to(invitation.link, incognito=True)
    assert invitation.wait_connected().local_display_name != "bob"


def test_a_business_gives_a_group(make_any_chat: Make) -> None:
    alice, bob = make_any_chat("alice"), make_any_chat("bob")
    address = alice.accept_contacts(business=True)
    group = bob.connect_to(address.link)
    assert isinstance(group, types.GroupInfo)
    bob.send(group, "a question")
    message = next(alice.messages(timeout=20))
    assert (message.text, message.is_group) == ("a question", True)
    with pytest.raises(InvalidArgument, match="cannot be incognito"):
        alice.accept_contacts(business=True, incognito=True)


def test_ones_own_connection_is_waited_for(make_any_chat: Make) -> None:
    alice, bob, carol = make_any_chat("alice"), make_any_chat("bob"), make_any_chat("carol")
    alice_address = alice.address()  # does not accept by itself
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(bob.connect_to(alice_address.link)))
    with alice.expect(events.ReceivedContactRequest) as request:
        thread.start()
    other = bob.invite()
    carol.connect_to(other.link)
    assert other.wait_connected().local_display_name == "carol"
    assert results == [], "carol came first, and is not the one"
    alice.api_accept_contact(request.value.contact_request.contact_request_id)
    thread.join(20)
    assert [each.local_display_name for each in results] == ["alice"]


def test_nobody_answers_in_time_and_the_request_stays(make_any_chat: Make) -> None:
    alice, bob = make_any_chat("alice"), make_any_chat("bob")
    invitation = alice.invite()
    alice.close()
    with pytest.raises(EventTimeout, match="the request stays"):
        bob.connect_to(invitation.link, timeout=0.3)
    alice.start()
    assert bob.connect_to(invitation.link).local_display_name == "alice"


def test_requests_to_an_address_can_be_waited_for_again(make_any_chat: Make) -> None:
    alice, bob = make_any_chat("alice"), make_any_chat("bob")
    address = alice.address()
    with pytest.raises(EventTimeout):
        bob.connect_to(address.link, timeout=0.3)
    thread = threading.Thread(target=lambda: next(alice.contact_requests(timeout=20)).accept())
    thread.start()
    assert bob.connect_to(address.link).local_display_name == "alice"
    thread.join(20)


def test_ones_own_link_and_what_is_none(pair: Pair) -> None:
    own = [pair.alice.address().link, pair.alice.invite().link]
    for link in own:
        with pytest.raises(InvalidArgument, match="connect_to: this is the user's own link") as caught:
            pair.alice.connect_to(link)
        assert link not in str(caught.value)
    for wrong in ("nolink", "https://example.com", "", "two words"):
        with pytest.raises(InvalidArgument, match=r"^connect_to: ") as caught:
            pair.alice.connect_to(wrong)
        assert wrong == "" or wrong not in str(caught.value)
        assert "connection_link" not in str(caught.value)
    with pytest.raises(InvalidArgument, match="must be a str, not int"):
        pair.alice.connect_to(7)  # type: ignore[arg-type]  # the wrong type is the point


class Planned(Connecting):
    """A client whose plan for every link is this one, and to whom these frames come after he has seen it."""

    timeout = 20.0

    def __init__(self, router: Router, *plans: dict[str, Any], then: Any = None, **answers: Any) -> None:
        self._plans = list(plans)
        self._router = router
        self._then = then
        self._answers = answers
        self.planned = 0

    def _living_session(self, method: str) -> Any:
        return SimpleNamespace(router=self._router)

    def api_connect_plan(self, *_: Any, **__: Any) -> Any:
        recorded = next(recorded_answers("address", "connectionPlan"))
        plan = self._plans[min(self.planned, len(self._plans) - 1)]
        self.planned += 1
        if self._then is not None:
            self._router.publish(self._then)
        return SimpleNamespace(conn_link=recorded.conn_link, connection_plan=types.ConnectionPlan.from_dict(plan))

    def api_connect(self, *_: Any, **__: Any) -> Any:
        return self._answers["connect"]

    def api_get_chats(self, *_: Any, **__: Any) -> Any:
        return SimpleNamespace(chats=self._answers.get("chats", []))


def recorded_contact(**changes: Any) -> dict[str, Any]:
    contact = next(recorded_answers("address", "acceptingContactRequest")).contact.to_dict()
    return {**contact, **changes}


def connected(contact: dict[str, Any], conn_id: int) -> Any:
    body = next(frame["resp"] for frame in frames("address") if frame["resp"]["type"] == "contactConnected")
    ready = {**contact["activeConn"], "connId": conn_id, "connStatus": "ready"}
    return frame_of({**body, "contact": {**contact, "activeConn": ready}})


def plan_of(kind: str, **plan: Any) -> dict[str, Any]:
    return {
        "type": kind,
        {"contactAddress": "contactAddressPlan", "invitationLink": "invitationLinkPlan", "groupLink": "groupLinkPlan"}[
            kind
        ]: plan,
    }


def test_a_contact_that_is_being_connected_is_waited_for() -> None:
    contact = recorded_contact()
    plan = plan_of("contactAddress", type="connectingProhibit", contact=contact)
    found = Planned(Router(), plan, then=connected(contact, 77)).connect_to("link", timeout=20)
    assert isinstance(found, types.Contact)
    assert found.contact_id == contact["contactId"]


def test_an_address_card_of_a_contact_without_connection_is_connected() -> None:
    contact = recorded_contact()
    plan = plan_of("contactAddress", type="contactViaAddress", contact=contact)
    answer = SimpleNamespace(connection=SimpleNamespace(pcc_conn_id=5))
    found = Planned(Router(), plan, then=connected(contact, 5), connect=answer).connect_to("link", timeout=20)
    assert isinstance(found, types.Contact)


def test_an_invitation_that_was_taken_before_is_waited_for() -> None:
    # The plan does not say who it will be, but the connection that waits has the link.
    contact = recorded_contact()
    invitation = next(recorded_answers("messages", "sentConfirmation"))
    waiting = types.ChatInfoContactConnection(contact_connection=invitation.connection)
    other = types.ChatInfoDirect(contact=types.Contact.from_dict(contact))
    chat = Planned(
        Router(),
        plan_of("invitationLink", type="connecting"),
        then=connected(contact, invitation.connection.pcc_conn_id),
        chats=[SimpleNamespace(chat_info=other), SimpleNamespace(chat_info=waiting)],
    )
    found = chat.connect_to(invitation.connection.conn_link_inv.conn_short_link, timeout=20)
    assert isinstance(found, types.Contact)


def test_an_invitation_that_was_taken_by_another_connection_is_asked_for_again() -> None:
    contact = types.Contact.from_dict(recorded_contact(activeConn=recorded_contact()["activeConn"]))
    assert contact.active_conn is not None
    contact.active_conn.conn_status = types.ConnStatus.READY
    answer = next(recorded_answers("address", "contactAlreadyExists"))
    chat = Planned(Router(), plan_of("invitationLink", type="connecting"), connect=answer)
    assert chat.connect_to("link", timeout=20) == answer.contact


def test_other_errors_of_a_plan_are_told() -> None:
    chat = Planned(Router(), plan_of("invitationLink", type="ok"))

    def fail(*_: Any, **__: Any) -> None:
        raise CommandError("used", error="errorAgent.SMP.AUTH")

    chat.api_connect_plan = fail  # type: ignore[method-assign]  # a CLI that refuses
    with pytest.raises(CommandError, match="used"):
        chat.connect_to("link")


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (plan_of("groupLink", type="noRelays"), "has no relays"),
        (plan_of("groupLink", type="updateRequired"), "needs a newer one"),
    ],
)
def test_groups_that_this_cli_cannot_join(plan: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        Planned(Router(), plan).connect_to("link")


def test_a_plan_that_is_an_error() -> None:
    error = {"type": "errorStore", "storeError": {"type": "somethingNew"}}
    with pytest.raises(CommandError) as caught:
        Planned(Router(), {"type": "error", "chatError": error}).connect_to("link")
    assert caught.value.error == "errorStore.somethingNew"


def test_after_a_lost_connection_the_state_is_looked_at_again() -> None:
    contact = recorded_contact()
    ready = {**contact, "activeConn": {**contact["activeConn"], "connStatus": "ready"}}
    chat = Planned(
        Router(),
        plan_of("contactAddress", type="connectingProhibit", contact=contact),
        plan_of("contactAddress", type="known", contact=ready),
        then=reconnected(),
    )
    assert isinstance(chat.connect_to("link", timeout=20), types.Contact)
    assert chat.planned == 2


def test_another_contact_may_be_the_one_that_was_asked_for_before() -> None:
    contact = recorded_contact()
    ready = {**contact, "activeConn": {**contact["activeConn"], "connStatus": "ready"}}
    chat = Planned(
        Router(),
        plan_of("contactAddress", type="connectingConfirmReconnect"),
        plan_of("contactAddress", type="known", contact=ready),
        then=connected(contact, 1),
        connect=SimpleNamespace(connection=SimpleNamespace(pcc_conn_id=2)),
    )
    assert isinstance(chat.connect_to("link", timeout=20), types.Contact)
    assert chat.planned == 2


def test_the_waiting_room_ends_with_the_client() -> None:
    router = Router()
    client = cast("Any", SimpleNamespace(_living_session=lambda _: SimpleNamespace(router=router)))
    with WaitingRoom(client, "connect_to") as room:
        assert room.wait(1, None, Deadline(0.01)) is None
        router.publish(reconnected())
        assert room.wait(1, None, Deadline(20)) is LOOK_AGAIN
        router.close(ClientClosed("closed"))
        with pytest.raises(ClientClosed, match="connect_to: closed"):
            room.wait(1, None, Deadline(20))


def test_an_event_that_is_not_as_documented_does_not_end_the_waiting() -> None:
    router = Router()
    client = cast("Any", SimpleNamespace(_living_session=lambda _: SimpleNamespace(router=router)))
    with WaitingRoom(client, "connect_to") as room:
        router.publish(frame_of({"type": "contactConnected", "contact": 5}))
        router.publish(frame_of({"type": "userJoinedGroup", "groupInfo": None}))
        router.publish(connected(recorded_contact(), 77))
        assert isinstance(room.wait(77, None, Deadline(20)), types.Contact)


# Those who want to connect


def test_requests_are_accepted_and_rejected(make_any_chat: Make) -> None:
    alice, bob, carol = make_any_chat("alice"), make_any_chat("bob"), make_any_chat("carol")
    address = alice.address()
    requests = alice.contact_requests(timeout=20)
    with alice.expect(events.ReceivedContactRequest):
        carol.api_connect(prepared_link_=carol.api_connect_plan(address.link).conn_link)
    request = next(requests)
    assert (request.name, request.profile.display_name) == ("carol", "carol")
    assert repr(request) == f"<ContactRequest {request.request_id} of 'carol'>"
    request.reject()
    bob.api_connect(prepared_link_=bob.api_connect_plan(address.link).conn_link)
    contact = next(requests).accept()
    assert contact.local_display_name == "bob"
    alice.send(contact, "hello").wait_delivered()
    with pytest.raises(CommandError):
        request.accept()


def test_requests_that_came_earlier(make_any_chat: Make) -> None:
    alice, bob = make_any_chat("alice"), make_any_chat("bob")
    address = alice.address()
    with alice.expect(events.ReceivedContactRequest):
        bob.api_connect(prepared_link_=bob.api_connect_plan(address.link).conn_link)
    assert [each.name for each in alice.contact_requests(timeout=0)] == ["bob"]
    waiting = alice.contact_requests(timeout=0)
    request = next(waiting)
    assert list(waiting) == []
    bob.close()
    assert request.accept(wait=False).local_display_name == "bob"


def test_the_other_side_may_be_away_when_it_is_accepted(make_any_chat: Make) -> None:
    alice, bob = make_any_chat("alice"), make_any_chat("bob")
    address = alice.address()
    with alice.expect(events.ReceivedContactRequest):
        bob.api_connect(prepared_link_=bob.api_connect_plan(address.link).conn_link)
    bob.close()
    with pytest.raises(EventTimeout, match="the request is accepted"):
        next(alice.contact_requests(timeout=0)).accept(timeout=0.3)


def test_group_invitations(make_any_chat: Make) -> None:
    alice, bob = make_any_chat("alice"), make_any_chat("bob")
    connect(alice, bob)
    group = alice.create_group("one", members=[alice.contact("bob")], role="admin")
    invitations = bob.group_invitations(timeout=20)
    invitation = next(invitations)
    assert repr(invitation) == f"<GroupInvitation {invitation.group.group_id} into 'one'>"
    joined = invitation.accept()
    assert str(joined.membership.member_status) == "connected"
    assert str(alice.members(group)[0].member_role) == "admin"
    alice.create_group("two", members=["bob"])
    second = next(invitations)
    assert second.contact is not None
    assert second.contact.local_display_name == "alice"
    second.reject()
    assert [each.local_display_name for each in bob.groups()] == ["one"]
    assert list(bob.group_invitations(timeout=0)) == []


def test_an_invitation_is_accepted_while_nobody_is_there(make_any_chat: Make) -> None:
    alice, bob = make_any_chat("alice"), make_any_chat("bob")
    connect(alice, bob)
    alice.create_group("team", members=["bob"])
    invitation = next(bob.group_invitations(timeout=20))
    alice.close()
    with pytest.raises(EventTimeout, match=r"was not joined in 0.3 seconds"):
        invitation.accept(timeout=0.3)


def test_requests_are_looked_for_after_a_lost_connection(make_chat: Make) -> None:
    alice, bob = make_chat("alice"), make_chat("bob")
    connect(alice, bob)
    address = alice.address()
    requests, invitations = alice.contact_requests(timeout=0), bob.group_invitations(timeout=0)
    with alice.expect(events.ReceivedContactRequest):
        carol = make_chat("carol")
        carol.api_connect(prepared_link_=carol.api_connect_plan(address.link).conn_link)
    with bob.expect(events.ReceivedGroupInvitation):
        alice.create_group("team", members=["bob"])
    for each in (requests, invitations):
        # As if the event had been lost with the connection.
        subscription = each._subscription
        subscription.read += subscription.unread()
        assert list(each) == []
    for chat in (alice, bob):
        chat._living_session("test").router.publish(reconnected())
    assert [request.name for request in requests] == ["carol"]
    assert [invitation.group.local_display_name for invitation in invitations] == ["team"]
    for chat in (alice, bob):
        chat._living_session("test").router.publish(reconnected())
    assert list(requests) == []
    assert list(invitations) == []


def test_older_forms_of_requests_are_found(make_chat: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = make_chat("alice")
    body = next(frame["resp"] for frame in frames("address") if frame["resp"]["type"] == "receivedContactRequest")
    request = types.UserContactRequest.from_dict(body["contactRequest"])
    info = types.ChatInfoContactRequest(contact_request=request)
    monkeypatch.setattr(
        type(alice), "api_get_chats", lambda *_, **__: SimpleNamespace(chats=[SimpleNamespace(chat_info=info)])
    )
    requests = alice.contact_requests(timeout=0)
    # The event of the same request may come as well.
    alice._living_session("test").router.publish(frame_of(body))
    assert [each.request_id for each in requests] == [request.contact_request_id]


def test_a_request_that_is_not_as_documented_does_not_stop_those_that_follow(make_chat: Make) -> None:
    alice = make_chat("alice")
    requests = alice.contact_requests(timeout=20)
    body = next(frame["resp"] for frame in frames("address") if frame["resp"]["type"] == "receivedContactRequest")
    router = alice._living_session("test").router
    router.publish(frame_of({**body, "contactRequest": {"createdAt": "not a time"}}))
    router.publish(frame_of(body))
    assert next(requests).request_id == body["contactRequest"]["contactRequestId"]


def test_arrivals_end_with_the_client(make_chat: Make) -> None:
    alice = make_chat("alice")
    requests, invitations = alice.contact_requests(), alice.group_invitations()
    alice.close()
    for each in (requests, invitations):
        with pytest.raises(ConnectionLost):
            next(each)


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"name": ""}, "name"),
        ({"name": 7}, "name"),
        ({"name": "x", "members": "bob"}, "members"),
        ({"name": "x", "members": ["nobody"]}, "name"),
        ({"name": "x", "members": [7]}, "members"),
        ({"name": "x", "role": "boss"}, "role"),
    ],
)
def test_groups_that_cannot_be_made(pair: Pair, options: dict[str, Any], argument: str) -> None:
    before = len(pair.alice.groups())
    with pytest.raises(InvalidArgument) as caught:
        pair.alice.create_group(**options)
    assert caught.value.argument == argument
    assert len(pair.alice.groups()) == before


@pytest.mark.parametrize("welcome", ["", 7])
def test_a_welcome_is_a_text(pair: Pair, welcome: Any) -> None:
    with pytest.raises(InvalidArgument, match="accept_contacts: welcome must"):
        pair.alice.accept_contacts(welcome)
