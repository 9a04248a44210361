"""Contacts: listed, shown, set up and deleted."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from . import delivery, items, publishing
from .chats import act, action, contact_of, lister
from .clock import timestamp
from .commands import ChatRef, command
from .connections import feature_changes, queues_deleted
from .failure import error, store_error
from .links import binary_id
from .names import free_name
from .records import contact_connection, contact_record, pending_connection_record
from .users import profile_for

if TYPE_CHECKING:
    from .engine import Simulator

Json = dict[str, Any]


@command("/_contacts {user_id:int}")
def list_contacts(sim: Simulator, user_id: int) -> Json:
    user = sim.expect_user(user_id)
    records = [contact_record(sim, contact) for contact in sim.store.find("contacts", userId=user_id)]
    connected = [record for record in records if "activeConn" in record]
    return {"type": "contactsList", "user": sim.user_record(user), "contacts": connected}


@lister
def _direct_chats(sim: Simulator, user: Json) -> list[tuple[str, str, int]]:
    return [
        (str(contact.get("chatTs", contact["createdAt"])), "@", contact["contactId"])
        for contact in sim.store.find("contacts", userId=user["userId"])
        if contact.get("contactUsed", True) and not contact.get("chatDeleted")
    ]


@lister
def _note_folders(sim: Simulator, user: Json) -> list[tuple[str, str, int]]:
    return [
        (folder["chatTs"], "*", folder["noteFolderId"])
        for folder in sim.store.find("noteFolders", userId=user["userId"])
    ]


# About one contact.


@command("/_info {chat:chat}[ {member_id:int}]")
def chat_info(sim: Simulator, chat: ChatRef, member_id: int | None = None) -> Json:
    user = sim.active_user()
    response: Json = act("info", sim, user, chat, member_id)
    return response


def connection_stats(connection: Json) -> Json:
    """Return the `ConnectionStats` of a connection."""
    return {
        "connAgentVersion": 7,
        "rcvQueuesInfo": [{"rcvServer": connection["server"], "canAbortSwitch": False}],
        "sndQueuesInfo": [{"sndServer": connection["server"]}],
        "ratchetSyncState": "ok",
        "ratchetSyncSupported": True,
    }


@action("info", "@")
def _contact_info(sim: Simulator, user: Json, chat: ChatRef, _member_id: int | None) -> Json:
    contact = contact_of(sim, user, chat.id)
    connection = contact_connection(sim, contact["contactId"])
    response = {"type": "contactInfo", "user": sim.user_record(user), "contact": contact_record(sim, contact)}
    if connection is not None:
        response["connectionStats_"] = connection_stats(connection)
        if "customUserProfileId" in connection:
            profile = sim.store.get("profiles", connection["customUserProfileId"]) or {}
            response["customUserProfile"] = profile["profile"]
    return response


@command("/_get code {chat:chat}[ {member_id:int}]")
def get_code(sim: Simulator, chat: ChatRef, member_id: int | None = None) -> Json:
    user = sim.active_user()
    response: Json = act("code", sim, user, chat, member_id)
    return response


def security_code(connection: Json) -> str:
    """Return the code by which two people verify their connection: the same on both sides."""
    ends = sorted([connection["queue"], connection.get("peer", {}).get("queue", "")])
    number = str(int.from_bytes(hashlib.sha256("".join(ends).encode()).digest(), "big")).zfill(77)[:77]
    return " ".join(number[start : start + 5] for start in range(0, len(number), 5))


@action("code", "@")
def _contact_code(sim: Simulator, user: Json, chat: ChatRef, _member_id: int | None) -> Json:
    contact = contact_of(sim, user, chat.id)
    connection = contact_connection(sim, contact["contactId"])
    if connection is None:
        raise error("contactNotReady", contact=contact_record(sim, contact))
    record = contact_record(sim, contact, connection)
    code = security_code(connection)
    return {"type": "contactCode", "user": sim.user_record(user), "contact": record, "connectionCode": code}


@command("/_set alias {chat:chat}[ {alias:text}]")
def set_alias(sim: Simulator, chat: ChatRef, alias: str = "") -> Json:
    user = sim.active_user()
    response: Json = act("alias", sim, user, chat, alias)
    return response


@action("alias", "@")
def _contact_alias(sim: Simulator, user: Json, chat: ChatRef, alias: str) -> Json:
    contact = contact_of(sim, user, chat.id)
    changed = sim.store.update("contacts", chat.id, profile={**contact["profile"], "localAlias": alias})
    return {
        "type": "contactAliasUpdated",
        "user": sim.user_record(user),
        "toContact": contact_record(sim, changed),
    }


@action("alias", ":")
def _connection_alias(sim: Simulator, user: Json, chat: ChatRef, alias: str) -> Json:
    connection = _pending(sim, user, chat.id)
    changed = sim.store.update("connections", connection["connId"], localAlias=alias)
    record = pending_connection_record(changed)
    return {"type": "connectionAliasUpdated", "user": sim.user_record(user), "toConnection": record}


@command("/_set prefs @{contact_id:int} {preferences:json:Preferences}")
def set_contact_preferences(sim: Simulator, contact_id: int, preferences: Json) -> Json:
    user = sim.active_user()
    contact = contact_of(sim, user, contact_id)
    before = contact_record(sim, contact)
    kept = {name: preferences[name] for name in before["mergedPreferences"] if preferences.get(name) is not None}
    changed = sim.store.update("contacts", contact_id, userPreferences=kept, updatedAt=timestamp())
    connection = contact_connection(sim, contact_id)
    if kept != before["userPreferences"] and connection is not None and connection["connStatus"] == "ready":
        if "customUserProfileId" not in connection:
            profile = profile_for(user, changed)
            delivery.send(sim, connection, [{"event": "x.info", "params": {"profile": profile}}])
        after = contact_record(sim, changed)
        made = [
            items.create(
                sim, user["userId"], ("@", contact_id), {"type": "directSnd"}, content, text, {"type": "sndNew"}
            )
            for content, text in feature_changes(before["mergedPreferences"], after["mergedPreferences"], "snd")
        ]
        if made:
            sim.emit_later(items.new_items_event(sim, user, made))
    return {
        "type": "contactPrefsUpdated",
        "user": sim.user_record(user),
        "fromContact": before,
        "toContact": contact_record(sim, changed) | {"chatTs": before["chatTs"]},
    }


@command("/_set custom {chat:chat}[ {data:json:JSONObject}]", only="7")
def set_custom_data(sim: Simulator, chat: ChatRef, data: Json | None = None) -> Json:
    user = sim.active_user()
    if chat.kind == "@":
        contact_of(sim, user, chat.id)
    elif chat.kind != "#" or sim.store.get("groups", chat.id) is None:
        raise store_error("groupNotFound", groupId=chat.id)
    sim.store.update(items.CHAT_TABLES[chat.kind], chat.id, customData=data)
    return {"type": "cmdOk", "user_": sim.user_record(user)}


@command("/_network_statuses")
def network_statuses(sim: Simulator) -> Json:
    state = "disconnected" if sim.network.faults().unreachable else "connected"
    known = [
        {"agentConnId": connection["agentConnId"], "networkStatus": {"type": state}}
        for connection in sim.store.find("connections", entityType="contact")
    ]
    return {"type": "networkStatuses", "networkStatuses": known}


# Deleting.


@command("/_delete {chat:chat}[ {mode:choice:full|entity|messages}][ notify={notify:onoff}]")
def delete_chat(sim: Simulator, chat: ChatRef, mode: str = "full", notify: bool = True) -> Json:
    user = sim.active_user()
    response: Json = act("delete", sim, user, chat, mode, notify)
    return response


def delete_items(sim: Simulator, chat: tuple[str, int]) -> None:
    """Delete all items of a chat."""
    sim.store.delete_where("items", chatType=chat[0], chatId=chat[1])


@action("delete", "@")
def _delete_contact(sim: Simulator, user: Json, chat: ChatRef, mode: str, notify: bool) -> Json:
    contact = contact_of(sim, user, chat.id)
    record = contact_record(sim, contact)
    if mode == "messages":
        delete_items(sim, ("@", chat.id))
        changed = sim.store.update("contacts", chat.id, chatDeleted=True, updatedAt=timestamp())
        record = contact_record(sim, changed)
    else:
        connection = contact_connection(sim, chat.id)
        if connection is not None:
            _disconnect(sim, contact, connection, notify)
        if mode == "full":
            delete_items(sim, ("@", chat.id))
            sim.store.delete("contacts", chat.id)
            sim.store.delete("profiles", contact["profile"]["profileId"])
            sim.store.delete("contactRequests", contact.get("contactRequestId", 0))
            free_name(sim, user["userId"], contact["localDisplayName"])
        else:
            changed = sim.store.update("contacts", chat.id, contactStatus="deletedByUser", updatedAt=timestamp())
            record = contact_record(sim, changed)
    return {"type": "contactDeleted", "user": sim.user_record(user), "contact": record}


def _disconnect(sim: Simulator, contact: Json, connection: Json, notify: bool) -> None:
    """Delete a contact's connection, and tell the contact if wanted and possible."""
    events = queues_deleted([connection])
    told = notify and connection["connStatus"] in ("ready", "snd-ready") and contact.get("contactStatus") != "deleted"
    if told:
        # The events come when the message has left, and find no connection to belong to.
        delivery.send(sim, connection, [{"event": "x.direct.del", "params": {}, "msgId": binary_id()}])
        sim.defer(connection["agentConnId"], events)
    else:
        for event in events:
            sim.emit_later(event)
    sim.store.delete("connections", connection["connId"])
    sim.store.delete_where("deliveries", connId=connection["connId"])
    if "customUserProfileId" in connection:
        sim.store.delete("profiles", connection["customUserProfileId"])


@delivery.chat_event("contact", "x.direct.del")
def _deleted_by_contact(sim: Simulator, connection: Json, message: Json) -> None:
    contact = sim.store.get("contacts", connection["entityId"])
    if contact is None:
        return
    user = sim.user(connection["userId"])
    connection = sim.store.update("connections", connection["connId"], connStatus="deleted")
    contact = sim.store.update("contacts", contact["contactId"], contactStatus="deleted", updatedAt=timestamp())
    content = {"type": "rcvDirectEvent", "rcvDirectEvent": {"type": "contactDeleted"}}
    item = items.create(
        sim,
        user["userId"],
        ("@", contact["contactId"]),
        {"type": "directRcv"},
        content,
        "contact deleted",
        {"type": "rcvRead"},
        item_ts=message["sentAt"],
        shared_msg_id=message["msgId"],
    )
    sim.emit(items.new_items_event(sim, user, [item]))
    contact = sim.store.get("contacts", contact["contactId"]) or contact
    record = contact_record(sim, contact, connection)
    sim.emit({"type": "contactDeletedByContact", "user": sim.user_record(user), "contact": record})
    missing = {"type": "CONN", "connErr": {"type": "NOT_FOUND"}, "errContext": ""}
    sim.emit({"type": "chatError", "chatError": {"type": "errorAgent", "agentError": missing}})
    sim.emit_all(queues_deleted([connection]))


def _pending(sim: Simulator, user: Json, connection_id: int) -> Json:
    connection = sim.store.get("connections", connection_id)
    if connection is None or connection["userId"] != user["userId"] or connection["entityType"] != "pending":
        raise store_error("pendingConnectionNotFound", connId=connection_id)
    return connection


@lister
def _pending_chats(sim: Simulator, user: Json) -> list[tuple[str, str, int]]:
    return [
        (connection["updatedAt"], ":", connection["connId"])
        for connection in sim.store.find("connections", userId=user["userId"], entityType="pending")
    ]


@action("delete", ":")
def _delete_connection(sim: Simulator, user: Json, chat: ChatRef, _mode: str, _notify: bool) -> Json:
    connection = _pending(sim, user, chat.id)
    publishing.delete_link(sim, connection.get("linkNames", []))
    sim.store.delete("connections", connection["connId"])
    if "customUserProfileId" in connection:
        sim.store.delete("profiles", connection["customUserProfileId"])
    for event in queues_deleted([connection]):
        sim.emit_later(event)
    return {
        "type": "contactConnectionDeleted",
        "user": sim.user_record(user),
        "connection": pending_connection_record(connection),
    }
