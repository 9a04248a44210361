"""The user's address and the contact requests that come through it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import delivery, publishing
from .clock import timestamp
from .commands import command
from .connections import (
    accept,
    contact_introduction,
    new_connection,
    queues_deleted,
    require_servers,
    smp_server,
)
from .failure import store_error
from .links import CONTACT, binary_id, make_link
from .names import free_name
from .records import VERSION_RANGE, contact_record, plain_profile, present
from .store import define_table
from .users import new_contact, profile_for, profile_hook, update_profile

if TYPE_CHECKING:
    from .engine import Simulator

Json = dict[str, Any]

# A user's address; a group's link is one as well, with `groupId`.
define_table("userContactLinks", "userContactLinkId", {"userId": "INTEGER", "groupId": "INTEGER", "connId": "INTEGER"})
define_table("contactRequests", "contactRequestId", {"userId": "INTEGER", "xContactId": "TEXT"})

# Who may take a request before it becomes a contact: `(sim, user, link, envelope) -> taken`.
RequestTaker = Callable[["Simulator", Json, Json, Json], bool]
_TAKERS: list[RequestTaker] = []


def request_taker(function: RequestTaker) -> RequestTaker:
    """Register what may take a request before it becomes a contact request (group links, business addresses)."""
    _TAKERS.append(function)
    return function


def address_of(sim: Simulator, user_id: int) -> Json:
    """Return the document of a user's address.

    Raises:
        ChatError: `userContactLinkNotFound`.
    """
    found = sim.store.first("userContactLinks", userId=user_id, groupId=None)
    if found is None:
        raise store_error("userContactLinkNotFound")
    return found


def link_record(link: Json) -> Json:
    """Return the `UserContactLink` of a document."""
    return {
        "userContactLinkId": link["userContactLinkId"],
        "connLinkContact": link["connLinkContact"],
        "shortLinkDataSet": True,
        "shortLinkLargeDataSet": True,
        "addressSettings": link["addressSettings"],
    }


def publish(sim: Simulator, user: Json, link: Json) -> None:
    """Publish a link (anew), with what joining it needs."""
    facts = {"profile": profile_for(user), "business": link["addressSettings"]["businessAddress"]}
    publishing.put_own_link(sim, link, CONTACT, [sim.network.node, user["userId"]], **facts)


@profile_hook
def _publish_changed_profile(sim: Simulator, user: Json) -> None:
    link = sim.store.first("userContactLinks", userId=user["userId"], groupId=None)
    if link is not None:
        publish(sim, user, link)


@command("/_address {user_id:int}", network=True)
def create_my_address(sim: Simulator, user_id: int) -> Json:
    user = sim.expect_user(user_id)
    require_servers(sim)
    if sim.store.first("userContactLinks", userId=user_id, groupId=None) is not None:
        raise store_error("duplicateContactLink")
    server = smp_server(sim)
    made = make_link(CONTACT, server)
    connection = new_connection(
        sim, user_id, "userContact", connType="user_contact", connStatus="new", queue=made.queue, server=server
    )
    conn_link = {"connFullLink": made.full, "connShortLink": made.short}
    link = sim.store.insert(
        "userContactLinks",
        {
            "userId": user_id,
            "connId": connection["connId"],
            "connLinkContact": conn_link,
            "names": made.names,
            "server": server,
            "addressSettings": {"businessAddress": False},
        },
    )
    sim.store.update("connections", connection["connId"], entityId=link["userContactLinkId"])
    publish(sim, user, link)
    return {"type": "userContactLinkCreated", "user": sim.user_record(user), "connLinkContact": conn_link}


@command("/_show_address {user_id:int}")
def show_my_address(sim: Simulator, user_id: int) -> Json:
    user = sim.expect_user(user_id)
    link = address_of(sim, user_id)
    return {"type": "userContactLink", "user": sim.user_record(user), "contactLink": link_record(link)}


@command("/_delete_address {user_id:int}")
def delete_my_address(sim: Simulator, user_id: int) -> Json:
    user = sim.expect_user(user_id)
    link = address_of(sim, user_id)
    connection = sim.store.get("connections", link["connId"])
    publishing.delete_link(sim, link["names"])
    sim.store.delete("userContactLinks", link["userContactLinkId"])
    if connection is not None:
        sim.store.delete("connections", connection["connId"])
        for event in queues_deleted([connection]):
            sim.emit_later(event)
    if "contactLink" in user["profile"]:
        changed = {key: value for key, value in user["profile"].items() if key != "contactLink"}
        update_profile(sim, user, changed)
        user = sim.user(user_id)
    return {"type": "userContactLinkDeleted", "user": sim.user_record(user)}


@command("/_profile_address {user_id:int} {enable:onoff}", network=True)
def set_profile_address(sim: Simulator, user_id: int, enable: bool) -> Json:
    user = sim.expect_user(user_id)
    profile = plain_profile(user["profile"])
    if enable:
        link = address_of(sim, user_id)["connLinkContact"]
        profile["contactLink"] = link.get("connShortLink") or link["connFullLink"]
    else:
        profile.pop("contactLink", None)
    return update_profile(sim, user, profile)


@command("/_address_settings {user_id:int} {settings:json:AddressSettings}", network=True)
def set_address_settings(sim: Simulator, user_id: int, settings: Json) -> Json:
    user = sim.expect_user(user_id)
    link = address_of(sim, user_id)
    require_servers(sim)
    kept = present({key: settings.get(key) for key in ("businessAddress", "autoAccept", "autoReply")})
    link = sim.store.update("userContactLinks", link["userContactLinkId"], addressSettings=kept)
    publish(sim, user, link)
    return {"type": "userContactLinkUpdated", "user": sim.user_record(user), "contactLink": link_record(link)}


# Requests.


def request_record(request: Json) -> Json:
    """Return the `UserContactRequest` of a document."""
    record = {
        "contactRequestId": request["contactRequestId"],
        "agentInvitationId": request["agentInvitationId"],
        "contactId_": request.get("contactId"),
        "businessGroupId_": request.get("businessGroupId"),
        "userContactLinkId_": request["userContactLinkId"],
        "cReqChatVRange": VERSION_RANGE,
        "localDisplayName": request["localDisplayName"],
        "profileId": request["profileId"],
        "profile": request["profile"],
        "createdAt": request["createdAt"],
        "updatedAt": request["createdAt"],
        "xContactId": request["xContactId"],
        "pqSupport": True,
    }
    return present(record)


def _asked_before(sim: Simulator, user: Json, body: Json) -> bool:
    """Take a request that was made before: it is told again, and answered at the new queue. Return whether it was."""
    request = sim.store.first("contactRequests", userId=user["userId"], xContactId=body["xContactId"])
    if request is not None and "accepted" not in request:
        request = sim.store.update("contactRequests", request["contactRequestId"], peer=body["from"])
        contact = sim.store.get("contacts", request["contactId"])
        if contact is not None:
            _tell_request(sim, user, request, contact_record(sim, contact))
        return True
    condition = "userId = ? AND json_extract(doc, '$.acceptedXContactId') = ?"
    accepted = sim.store.select("connections", condition, (user["userId"], body["xContactId"]))
    for connection in accepted[:1]:
        contact = sim.store.get("contacts", connection["entityId"]) or {}
        record = contact_record(sim, contact, connection)
        sim.emit({"type": "contactRequestAlreadyAccepted", "user": sim.user_record(user), "contact": record})
    return bool(accepted)


def _tell_request(sim: Simulator, user: Json, request: Json, contact: Json) -> None:
    stats = {"unreadCount": 0, "unreadMentions": 0, "reportsCount": 0, "minUnreadItemId": 0, "unreadChat": False}
    sim.emit(
        {
            "type": "receivedContactRequest",
            "user": sim.user_record(user),
            "contactRequest": request_record(request),
            "chat_": {"chatInfo": {"type": "direct", "contact": contact}, "chatItems": [], "chatStats": stats},
        }
    )


@delivery.envelope("contact.request")
def _contact_request(sim: Simulator, connection: Json, body: Json) -> None:
    link = sim.store.first("userContactLinks", connId=connection["connId"])
    if link is None:
        return
    user = sim.user(connection["userId"])
    if any(taker(sim, user, link, body) for taker in _TAKERS):
        return
    if _asked_before(sim, user, body):
        return
    contact = new_contact(sim, user["userId"], body["profile"])
    request = sim.store.insert(
        "contactRequests",
        {
            "userId": user["userId"],
            "xContactId": body["xContactId"],
            "agentInvitationId": binary_id(12),
            "contactId": contact["contactId"],
            "userContactLinkId": link["userContactLinkId"],
            "localDisplayName": contact["localDisplayName"],
            "profileId": contact["profile"]["profileId"],
            "profile": body["profile"],
            "peer": body["from"],
            "createdAt": timestamp(),
        },
    )
    contact = sim.store.update("contacts", contact["contactId"], contactRequestId=request["contactRequestId"])
    before = contact_record(sim, contact)
    contact_introduction(sim, user, contact, tell=False)
    contact = sim.store.get("contacts", contact["contactId"]) or contact
    settings = link["addressSettings"]
    if "autoAccept" in settings:
        _accept_automatically(sim, user, link, request, contact)
        return
    _tell_request(sim, user, request, before)


def _accept_automatically(sim: Simulator, user: Json, link: Json, request: Json, contact: Json) -> None:
    settings = link["addressSettings"]
    incognito = settings["autoAccept"].get("acceptIncognito", False)
    connection = accept(sim, user, request, incognito, status="new")
    event = {"user": sim.user_record(user)}
    sim.emit({"type": "acceptingContactRequest", **event, "contact": contact_record(sim, contact, connection)})
    connection = sim.store.update("connections", connection["connId"], connStatus="snd-ready")
    sim.emit({"type": "contactSndReady", **event, "contact": contact_record(sim, contact, connection)})
    if "autoReply" in settings:
        sim.store.update("connections", connection["connId"], autoReply=settings["autoReply"])


def _request(sim: Simulator, request_id: int) -> Json:
    user = sim.active_user()
    request = sim.store.get("contactRequests", request_id)
    if request is None or request["userId"] != user["userId"] or "accepted" in request:
        raise store_error("contactRequestNotFound", contactRequestId=request_id)
    return request


@command("/_accept[ incognito={incognito:onoff}] {request_id:int}", network=True)
def accept_contact(sim: Simulator, request_id: int, incognito: bool = False) -> Json:
    user = sim.active_user()
    request = _request(sim, request_id)
    require_servers(sim)
    connection = accept(sim, user, request, incognito, status="snd-ready")
    contact = sim.store.get("contacts", request["contactId"]) or {}
    return {
        "type": "acceptingContactRequest",
        "user": sim.user_record(user),
        "contact": contact_record(sim, contact, connection),
    }


@command("/_reject {request_id:int}")
def reject_contact(sim: Simulator, request_id: int) -> Json:
    user = sim.active_user()
    request = _request(sim, request_id)
    contact = sim.store.get("contacts", request["contactId"])
    response = {
        "type": "contactRequestRejected",
        "user": sim.user_record(user),
        "contactRequest": request_record(request),
        "contact_": contact and contact_record(sim, contact),
    }
    sim.store.delete("contactRequests", request_id)
    if contact is not None:
        sim.store.delete_where("items", chatType="@", chatId=contact["contactId"])
        sim.store.delete("contacts", contact["contactId"])
        sim.store.delete("profiles", contact["profile"]["profileId"])
        free_name(sim, user["userId"], contact["localDisplayName"])
    return present(response)
