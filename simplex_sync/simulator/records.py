"""Wire records built from documents, with the registries by which other chat types add theirs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .preferences import full_preferences, merged_preferences

if TYPE_CHECKING:
    from .engine import Simulator

Json = dict[str, Any]

CHAT_VERSION = 16
VERSION_RANGE: Json = {"minVersion": 1, "maxVersion": CHAT_VERSION}

CHAT_TYPES = {"@": "direct", "#": "group", "*": "local", ":": "contactConnection"}

_PROFILE_KEYS = ("displayName", "fullName", "shortDescr", "image", "contactLink", "preferences", "peerType")


def present(record: Json) -> Json:
    """Return a record without the keys whose value is None."""
    return {key: value for key, value in record.items() if value is not None}


def plain_profile(profile: Json) -> Json:
    """Return a `Profile` (what peers are told) of a `LocalProfile`."""
    return present({key: profile.get(key) for key in _PROFILE_KEYS})


def local_profile(profile: Json, profile_id: int, alias: str = "") -> Json:
    """Return a `LocalProfile` of a `Profile`."""
    return {"profileId": profile_id, **plain_profile(profile), "localAlias": alias}


def user_record(user: Json) -> Json:
    """Return the `User` of a user document."""
    record = {
        "userId": user["userId"],
        "agentUserId": str(user["agentUserId"]),
        "userContactId": user["userContactId"],
        "localDisplayName": user["localDisplayName"],
        "profile": user["profile"],
        "fullPreferences": full_preferences(user["profile"].get("preferences")),
        "activeUser": user["activeUser"],
        "activeOrder": user["activeOrder"],
        "viewPwdHash": user.get("viewPwdHash"),
        "showNtfs": user["showNtfs"],
        "sendRcptsContacts": user["sendRcptsContacts"],
        "sendRcptsSmallGroups": user["sendRcptsSmallGroups"],
        "autoAcceptMemberContacts": user["autoAcceptMemberContacts"],
        "userMemberProfileUpdatedAt": user.get("userMemberProfileUpdatedAt"),
    }
    return present(record)


def connection_record(connection: Json) -> Json:
    """Return the `Connection` of a connection document."""
    record = {
        "connId": connection["connId"],
        "agentConnId": connection["agentConnId"],
        "connChatVersion": CHAT_VERSION,
        "peerChatVRange": VERSION_RANGE,
        "connLevel": connection.get("connLevel", 0),
        "viaContact": connection.get("viaContact"),
        "viaUserContactLink": connection.get("viaUserContactLink"),
        "viaGroupLink": connection.get("viaGroupLink", False),
        "groupLinkId": connection.get("groupLinkId"),
        "xContactId": connection.get("xContactId"),
        "customUserProfileId": connection.get("customUserProfileId"),
        "connType": connection["connType"],
        "connStatus": connection["connStatus"],
        "contactConnInitiated": connection.get("contactConnInitiated", False),
        "localAlias": connection.get("localAlias", ""),
        "entityId": connection.get("entityId"),
        "connectionCode": connection.get("connectionCode"),
        "pqSupport": connection.get("pqSupport", True),
        "pqEncryption": connection.get("pqEncryption", True),
        "pqSndEnabled": connection.get("pqSndEnabled"),
        "pqRcvEnabled": connection.get("pqRcvEnabled"),
        "authErrCounter": connection.get("authErrCounter", 0),
        "quotaErrCounter": 0,
        "createdAt": connection["createdAt"],
    }
    return present(record)


def pending_connection_record(connection: Json) -> Json:
    """Return the `PendingContactConnection` of a connection document."""
    record = {
        "pccConnId": connection["connId"],
        "pccAgentConnId": connection["agentConnId"],
        "pccConnStatus": connection["connStatus"],
        "viaContactUri": connection.get("viaContactUri", False),
        "viaUserContactLink": connection.get("viaUserContactLink"),
        "groupLinkId": connection.get("groupLinkId"),
        "customUserProfileId": connection.get("customUserProfileId"),
        "connLinkInv": connection.get("connLinkInv"),
        "localAlias": connection.get("localAlias", ""),
        "createdAt": connection["createdAt"],
        "updatedAt": connection.get("updatedAt", connection["createdAt"]),
    }
    return present(record)


def contact_connection(sim: Simulator, contact_id: int) -> Json | None:
    """Return the document of a contact's connection, or None."""
    return sim.store.first("connections", entityType="contact", entityId=contact_id)


def contact_record(sim: Simulator, contact: Json, connection: Json | None = None) -> Json:
    """Return the `Contact` of a contact document.

    Args:
        sim: The simulator.
        contact: The document.
        connection: Its connection's document, where the caller has it (perhaps as it was); else it is looked up.
    """
    user = sim.user(contact["userId"])
    connection = connection or contact_connection(sim, contact["contactId"])
    chosen = contact.get("userPreferences", {})
    record = {
        "contactId": contact["contactId"],
        "localDisplayName": contact["localDisplayName"],
        "profile": contact["profile"],
        "activeConn": connection and connection_record(connection),
        "contactUsed": contact.get("contactUsed", True),
        "contactStatus": contact.get("contactStatus", "active"),
        "chatSettings": contact.get("chatSettings", {"enableNtfs": "all", "favorite": False}),
        "userPreferences": chosen,
        "mergedPreferences": merged_preferences(
            user["profile"].get("preferences"), chosen, contact["profile"].get("preferences")
        ),
        "createdAt": contact["createdAt"],
        "updatedAt": contact["updatedAt"],
        "chatTs": contact.get("chatTs", contact["createdAt"]),
        "contactRequestId": contact.get("contactRequestId"),
        "contactGroupMemberId": contact.get("contactGroupMemberId"),
        "contactGrpInvSent": contact.get("contactGrpInvSent", False),
        "groupDirectInv": contact.get("groupDirectInv"),
        "chatTags": [],
        "chatItemTTL": contact.get("chatItemTTL"),
        "uiThemes": contact.get("uiThemes"),
        "chatDeleted": contact.get("chatDeleted", False),
        "customData": contact.get("customData"),
        "viaGroup": contact.get("viaGroup"),
    }
    return present(record)


# Chats and their items.

ChatInfoBuilder = Callable[["Simulator", int, "Json | None"], Json]
DirectionBuilder = Callable[["Simulator", Json], Json]

_CHAT_INFO: dict[str, ChatInfoBuilder] = {}
_DIRECTIONS: dict[str, DirectionBuilder] = {}


def chat_info(kind: str) -> Callable[[ChatInfoBuilder], ChatInfoBuilder]:
    """Register how the `ChatInfo` of a chat type is made: `(sim, chat id, scope) -> ChatInfo`.

    Args:
        kind: The chat type's character.
    """

    def register(builder: ChatInfoBuilder) -> ChatInfoBuilder:
        _CHAT_INFO[kind] = builder
        return builder

    return register


def chat_direction(tag: str) -> Callable[[DirectionBuilder], DirectionBuilder]:
    """Register how a stored direction is completed for the wire, where it refers to a record that may change.

    Args:
        tag: The direction's type, e.g. `groupRcv`.
    """

    def register(builder: DirectionBuilder) -> DirectionBuilder:
        _DIRECTIONS[tag] = builder
        return builder

    return register


def chat_info_record(sim: Simulator, kind: str, chat_id: int, scope: Json | None = None) -> Json:
    """Return the `ChatInfo` of a chat, as it is now."""
    return _CHAT_INFO[kind](sim, chat_id, scope)


def direction_record(sim: Simulator, direction: Json) -> Json:
    """Return a stored direction as it is on the wire."""
    builder = _DIRECTIONS.get(direction["type"])
    return direction if builder is None else builder(sim, direction)


def chat_item_record(sim: Simulator, item: Json) -> Json:
    """Return the `ChatItem` of an item document."""
    stored = item["item"]
    record = {**stored, "chatDir": direction_record(sim, stored["chatDir"])}
    record["meta"] = {"itemId": item["itemId"], "itemTs": item["itemTs"], **stored["meta"]}
    quoted = stored.get("quotedItem")
    if quoted is not None and "chatDir" in quoted:
        record["quotedItem"] = {**quoted, "chatDir": direction_record(sim, quoted["chatDir"])}
    return record


def a_chat_item(sim: Simulator, item: Json, info: Json | None = None) -> Json:
    """Return the `AChatItem` of an item document: the item with the chat that it is in.

    Args:
        sim: The simulator.
        item: The document.
        info: The chat info, where the caller has it.
    """
    info = info or chat_info_record(sim, item["chatType"], item["chatId"], item.get("scopeInfo"))
    return {"chatInfo": info, "chatItem": chat_item_record(sim, item)}


@chat_info("@")
def _direct_chat_info(sim: Simulator, chat_id: int, _scope: Json | None) -> Json:
    contact = sim.store.get("contacts", chat_id)
    if contact is None:
        raise KeyError(chat_id)
    return {"type": "direct", "contact": contact_record(sim, contact)}


@chat_info("*")
def _local_chat_info(sim: Simulator, chat_id: int, _scope: Json | None) -> Json:
    folder = sim.store.get("noteFolders", chat_id)
    if folder is None:
        raise KeyError(chat_id)
    return {"type": "local", "noteFolder": folder}


@chat_info(":")
def _connection_chat_info(sim: Simulator, chat_id: int, _scope: Json | None) -> Json:
    connection = sim.store.get("connections", chat_id)
    if connection is None:
        raise KeyError(chat_id)
    return {"type": "contactConnection", "contactConnection": pending_connection_record(connection)}
