"""Connections: their documents, and how two profiles get connected.

Through an address: the one who joins sends `contact.request`; the owner accepts with `contact.accept`; the one who
joined is connected then and says so with `contact.ready`. Through an invitation: `invitation.join`, which connects the
host, who answers `invitation.joined`, which connects the other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import delivery, items, publishing
from .clock import EPOCH, timestamp
from .failure import ChatError, agent_error, unreachable
from .links import DEFAULT_SMP_SERVER, agent_id, random_id
from .preferences import FEATURES, feature_item, merged_preferences
from .records import chat_info_record, connection_record, contact_record, local_profile
from .store import define_table
from .users import new_contact, new_profile_id, profile_for

if TYPE_CHECKING:
    from .engine import Simulator

Json = dict[str, Any]

# `queue` is the own receiving queue; `linkQueue` and `linkShort` are the names of the link it was made through.
define_table(
    "connections",
    "connId",
    {
        "userId": "INTEGER",
        "entityType": "TEXT",
        "entityId": "INTEGER",
        "queue": "TEXT",
        "agentConnId": "TEXT",
        "linkQueue": "TEXT",
        "linkShort": "TEXT",
    },
)

# What else happens when an accepted contact is connected: `(sim, user, contact, connection as it was)`.
ReadyHook = Callable[["Simulator", Json, Json, Json], None]
_READY_HOOKS: list[ReadyHook] = []

ENCRYPTED = "This conversation is protected by quantum resistant end-to-end encryption."


def ready_hook(function: ReadyHook) -> ReadyHook:
    """Register what else happens when a contact that was accepted is connected."""
    _READY_HOOKS.append(function)
    return function


def smp_server(sim: Simulator) -> str:
    """Return the SMP server that new queues are on."""
    return sim.options.smp_servers[0] if sim.options.smp_servers else DEFAULT_SMP_SERVER


def require_servers(sim: Simulator) -> None:
    """Make sure that the servers can be reached.

    Raises:
        ChatError: A rehearsed failure: they cannot.
    """
    if sim.network.faults().unreachable:
        raise agent_error(unreachable(smp_server(sim)))


def new_connection(sim: Simulator, user_id: int, entity_type: str, **more: Any) -> Json:
    """Make a connection and return its document.

    Args:
        sim: The simulator.
        user_id: The user whose connection it is.
        entity_type: What it belongs to: `pending`, `contact`, `member` or `userContact`.
        **more: Further keys: `connType`, `connStatus`, `entityId`, `peer`, `queue`, `viaContactUri` …
    """
    now = timestamp()
    return sim.store.insert(
        "connections",
        {
            "userId": user_id,
            "entityType": entity_type,
            "agentConnId": agent_id(),
            "queue": random_id(24),
            "agentQueueId": random_id(24),
            "server": smp_server(sim),
            "createdAt": now,
            "updatedAt": now,
            **more,
        },
    )


def new_member_connection(sim: Simulator, member: Json, user_id: int, status: str, **more: Any) -> Json:
    """Make the connection with a member of a group and return its document.

    Args:
        sim: The simulator.
        member: The member's document.
        user_id: The user whose connection it is.
        status: Its status.
        **more: Further keys.
    """
    facts = {"entityId": member["groupMemberId"], "connType": "member", "connStatus": status}
    return new_connection(sim, user_id, "member", **facts, pqSupport=False, pqEncryption=False, **more)


def incognito_profile(sim: Simulator, user_id: int) -> tuple[int, Json]:
    """Make a random profile for one connection and return its id and the profile."""
    profile = {"displayName": "Incognito" + random_id(3).replace("-", "0").replace("_", "1"), "fullName": ""}
    profile_id = new_profile_id(sim, user_id)
    sim.store.update("profiles", profile_id, profile=profile)
    return profile_id, profile


def own_profile(sim: Simulator, user: Json, connection: Json, contact: Json | None = None) -> Json:
    """Return the profile that the peer of a connection is told: the incognito one, or the user's."""
    if "customUserProfileId" in connection:
        profile: Json = (sim.store.get("profiles", connection["customUserProfileId"]) or {})["profile"]
        return profile
    return profile_for(user, contact)


def queues_deleted(connections: list[Json]) -> list[Json]:
    """Return the events that tell of deleted connections."""
    queues = [
        {
            "agentConnId": connection["agentConnId"],
            "server": connection["server"],
            "agentQueueId": connection["agentQueueId"],
        }
        for connection in connections
    ]
    ids = [connection["agentConnId"] for connection in connections]
    return [
        {"type": "agentRcvQueuesDeleted", "deletedRcvQueues": queues},
        {"type": "agentConnsDeleted", "agentConnIds": ids},
    ]


def connection_entity(sim: Simulator, connection: Json) -> Json | None:
    """Return the `ConnectionEntity` of a connection, or None where it has none that errors name."""
    if connection["entityType"] != "contact":
        return None
    contact = sim.store.get("contacts", connection["entityId"])
    return {
        "type": "rcvDirectMsgConnection",
        "entityConnection": connection_record(connection),
        "contact": contact and contact_record(sim, contact, connection),
    }


# A new contact.


def accept(sim: Simulator, user: Json, request: Json, incognito: bool, status: str) -> Json:
    """Accept a contact request and return the new connection's document.

    Args:
        sim: The simulator.
        user: The user's document.
        request: The request's document.
        incognito: Whether the contact is told a random profile.
        status: The connection's status.
    """
    connection = new_connection(
        sim,
        user["userId"],
        "contact",
        entityId=request["contactId"],
        connType="contact",
        connStatus=status,
        viaUserContactLink=request["userContactLinkId"],
        peer=request["peer"],
        acceptedXContactId=request["xContactId"],
    )
    if incognito:
        profile_id, _ = incognito_profile(sim, user["userId"])
        connection = sim.store.update("connections", connection["connId"], customUserProfileId=profile_id)
    # It is kept, so that its id is not used again as long as the contact is there.
    sim.store.update("contactRequests", request["contactRequestId"], accepted=True)
    delivery.post(sim, connection, "contact.accept", profile=own_profile(sim, user, connection))
    return connection


def contact_introduction(
    sim: Simulator, user: Json, contact: Json, *, tell: bool, connection: Json | None = None
) -> None:
    """Make the items that a new chat with a contact starts with.

    Args:
        sim: The simulator.
        user: The user's document.
        contact: The contact's document.
        tell: Whether events tell of them.
        connection: The connection's document, as the events are to show it.
    """
    chat = ("@", contact["contactId"])
    user_id = user["userId"]
    received, read = {"type": "directRcv"}, {"type": "rcvRead"}
    banner = items.create(
        sim,
        user_id,
        chat,
        {"type": "directSnd"},
        {"type": "chatBanner"},
        "chat banner",
        {"type": "sndNew"},
        item_ts=EPOCH,
    )
    content = {"type": "rcvDirectE2EEInfo", "e2eeInfo": {"pqEnabled": True}}
    encrypted = items.create(sim, user_id, chat, received, content, ENCRYPTED, read)
    merged = merged_preferences(
        user["profile"].get("preferences"), contact.get("userPreferences", {}), contact["profile"].get("preferences")
    )
    features = []
    for name in FEATURES:
        content, text = feature_item("rcv", name, merged)
        features.append(items.create(sim, user_id, chat, received, content, text, read))
    if tell:
        info = {"type": "direct", "contact": contact_record(sim, contact, connection)}
        for group in ([banner], [encrypted], features):
            sim.emit(items.new_items_event(sim, user, group, info))


def _event(sim: Simulator, tag: str, user: Json, contact: Json, connection: Json) -> None:
    event = {"type": tag, "user": sim.user_record(user), "contact": contact_record(sim, contact, connection)}
    if tag == "contactConnected" and "customUserProfileId" in connection:
        event["userCustomProfile"] = own_profile(sim, user, connection)
    sim.emit(event)


def _make_contact(sim: Simulator, user: Json, connection: Json, body: Json, status: str) -> tuple[Json, Json]:
    """Turn a pending connection into a contact's, and tell that it is connecting."""
    contact = new_contact(sim, user["userId"], body["profile"])
    connection = sim.store.update(
        "connections",
        connection["connId"],
        entityType="contact",
        entityId=contact["contactId"],
        connType="contact",
        connStatus=status,
        peer=body["from"],
    )
    _event(sim, "contactConnecting", user, contact, connection)
    return contact, connection


def _connected(sim: Simulator, user: Json, contact: Json, connection: Json, *, new_chat: bool) -> None:
    """Make a connection ready, and tell so."""
    ready = sim.store.update(
        "connections",
        connection["connId"],
        connStatus="ready",
        pqSndEnabled=True,
        pqRcvEnabled=True,
        contactConnInitiated=False,
        autoReply=None,
    )
    shown = {**ready, "contactConnInitiated": connection.get("contactConnInitiated", False)}
    _event(sim, "contactConnected", user, contact, shown)
    if new_chat:
        contact_introduction(sim, user, contact, tell=True, connection=shown)


@delivery.envelope("contact.accept")
def _contact_accepted(sim: Simulator, connection: Json, body: Json) -> None:
    if connection["entityType"] != "pending":
        return
    user = sim.user(connection["userId"])
    contact, connection = _make_contact(sim, user, connection, body, "requested")
    delivery.post(sim, connection, "contact.ready")
    _connected(sim, user, contact, connection, new_chat=True)


@delivery.envelope("contact.ready")
def _contact_ready(sim: Simulator, connection: Json, _body: Json) -> None:
    contact = sim.store.get("contacts", connection["entityId"])
    if connection["entityType"] != "contact" or contact is None:
        return
    user = sim.user(connection["userId"])
    _connected(sim, user, contact, connection, new_chat=False)
    for hook in _READY_HOOKS:
        hook(sim, user, contact, connection)


@delivery.envelope("invitation.join")
def _invitation_joined(sim: Simulator, connection: Json, body: Json) -> None:
    if connection["entityType"] != "pending":
        return
    user = sim.user(connection["userId"])
    publishing.delete_link(sim, connection.get("linkNames", []))
    contact, connection = _make_contact(sim, user, connection, body, "requested")
    delivery.post(sim, connection, "invitation.joined", profile=own_profile(sim, user, connection))
    _connected(sim, user, contact, connection, new_chat=True)


@delivery.envelope("invitation.joined")
def _invitation_accepted(sim: Simulator, connection: Json, body: Json) -> None:
    if connection["entityType"] != "pending":
        return
    user = sim.user(connection["userId"])
    contact, connection = _make_contact(sim, user, connection, body, "snd-ready")
    _connected(sim, user, contact, connection, new_chat=True)


# The contact's profile.


@delivery.chat_event("contact", "x.info")
def _contact_info(sim: Simulator, connection: Json, message: Json) -> None:
    contact = sim.store.get("contacts", connection["entityId"])
    if contact is None:
        return
    user = sim.user(connection["userId"])
    update_contact_profile(sim, user, contact, connection, message["params"]["profile"])


def update_contact_profile(sim: Simulator, user: Json, contact: Json, connection: Json, profile: Json) -> None:
    """Take over a contact's changed profile, with the items and the event that tell of it."""
    old = contact["profile"]
    new = local_profile(profile, old["profileId"], old["localAlias"])
    if new == old:
        return
    before = contact_record(sim, contact, connection)
    changes: Json = {"profile": new, "updatedAt": timestamp()}
    timed, previous = (
        preferences.get("timedMessages", {}) for preferences in (new.get("preferences", {}), old.get("preferences", {}))
    )
    if timed != previous and timed.get("allow") == "yes" and timed.get("ttl"):
        chosen = contact.get("userPreferences", {})
        changes["userPreferences"] = {**chosen, "timedMessages": timed}
    changed = sim.store.update("contacts", contact["contactId"], **changes)
    after = contact_record(sim, changed, connection)
    made = []
    shown = ("displayName", "fullName", "image", "shortDescr")
    if any(old.get(key) != new.get(key) for key in shown):
        told = {key: before["profile"][key] for key in before["profile"] if key not in ("profileId", "localAlias")}
        content = {
            "type": "rcvDirectEvent",
            "rcvDirectEvent": {"type": "profileUpdated", "fromProfile": told, "toProfile": profile},
        }
        made.append([_event_item(sim, user, changed, content, "updated profile")])
    features = feature_changes(before["mergedPreferences"], after["mergedPreferences"], "rcv")
    if features:
        made.append([_event_item(sim, user, changed, content, text) for content, text in features])
    info = {"type": "direct", "contact": after}
    for group in made:
        sim.emit(items.new_items_event(sim, user, group, info))
    sim.emit({"type": "contactUpdated", "user": sim.user_record(user), "fromContact": before, "toContact": after})


def feature_changes(before: Json, after: Json, direction: str) -> list[tuple[Json, str]]:
    """Return the contents and texts of the items that tell what changed between a user and a contact."""
    changes = []
    for name in FEATURES:
        content, text = feature_item(direction, name, after)
        if feature_item(direction, name, before) != (content, text):
            changes.append((content, text))
    return changes


def _event_item(sim: Simulator, user: Json, contact: Json, content: Json, text: str) -> Json:
    chat = ("@", contact["contactId"])
    return items.create(sim, user["userId"], chat, {"type": "directRcv"}, content, text, {"type": "rcvRead"})


def chat_info_of(sim: Simulator, connection: Json) -> Json:
    """Return the chat info of a contact's connection."""
    return chat_info_record(sim, "@", connection["entityId"])


def tell_failure(sim: Simulator, connection: Json | None, agent_failure: Json) -> None:
    """Queue the event for an error of the agent at a connection."""
    failure: Json = {"type": "errorAgent", "agentError": agent_failure}
    entity = connection and connection_entity(sim, connection)
    if entity:
        failure["connectionEntity_"] = entity
    sim.emit({"type": "chatError", "chatError": ChatError(failure).chat_error})
