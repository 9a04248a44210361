"""What happens at the start of the chat, and when the servers go and come back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .connections import tell_failure
from .engine import ticker
from .failure import unreachable
from .records import contact_connection, contact_record, pending_connection_record
from .users import first_user

if TYPE_CHECKING:
    from .engine import Simulator

Json = dict[str, Any]

RETRY_EVERY = 2.0  # seconds, while the servers are down


def start(sim: Simulator) -> None:
    """Queue the events with which the CLI tells what it subscribed to."""
    user = first_user(sim)
    if user is None:
        return
    if sim.options.seven:
        _tell_all(sim, "active")
        return
    record = sim.user_record(user)
    contacts = [
        {"contact": contact_record(sim, contact)}
        for contact in sim.store.find("contacts", userId=user["userId"])
        if contact_connection(sim, contact["contactId"]) is not None
    ]
    links = [
        {"userContact": {"userContactLinkId": link["userContactLinkId"]}}
        for link in sim.store.find("userContactLinks", userId=user["userId"])
    ]
    pending = [
        {"connection": pending_connection_record(connection)}
        for connection in sim.store.find("connections", userId=user["userId"], entityType="pending")
    ]
    members = {"memberSubscriptions": _members(sim, user)}
    for event in (
        {"type": "contactSubSummary", "user": record, "contactSubscriptions": contacts},
        {"type": "userContactSubSummary", "user": record, "userContactSubscriptions": links},
        {"type": "terminalEvent", "data": {"type": "memberSubSummary", "user": record, **members}},
        {
            "type": "terminalEvent",
            "data": {"type": "pendingSubSummary", "user": record, "pendingSubscriptions": pending},
        },
    ):
        sim.emit(event)


def _members(sim: Simulator, user: Json) -> list[Json]:
    """Return the subscriptions to the members of the user's groups."""
    found = []
    for connection in sim.store.find("connections", userId=user["userId"], entityType="member"):
        member = sim.store.get("groupMembers", connection["entityId"])
        if member is not None and connection["connStatus"] != "deleted":
            contact = sim.store.get("contacts", member["memberContactId"]) if "memberContactId" in member else None
            short = {
                "groupMemberId": member["groupMemberId"],
                "groupId": member["groupId"],
                "memberName": (contact or member)["localDisplayName"],
                "connId": connection["agentConnId"],
            }
            found.append({"member": short})
    return found


def _by_server(sim: Simulator) -> dict[str, list[tuple[Json, Json]]]:
    """Return the connected contacts and their connections, by server."""
    found: dict[str, list[tuple[Json, Json]]] = {}
    for connection in sim.store.find("connections", entityType="contact"):
        contact = sim.store.get("contacts", connection["entityId"])
        if contact is not None and connection["connStatus"] in ("ready", "snd-ready"):
            found.setdefault(connection["server"], []).append((contact, connection))
    return found


def _tell_all(sim: Simulator, status: str) -> None:
    """Tell that the connections to all servers are `active` again, or `pending`."""
    for server, entries in _by_server(sim).items():
        if sim.options.seven:
            ids = [connection["agentConnId"] for _, connection in entries]
            about = {"server": server, "subscriptionStatus": {"type": status}, "connections": ids}
            sim.emit({"type": "subscriptionStatus", **about})
            continue
        references = [
            {
                "contactId": contact["contactId"],
                "connId": connection["connId"],
                "agentConnId": connection["agentConnId"],
                "localDisplayName": contact["localDisplayName"],
            }
            for contact, connection in entries
        ]
        tag = "contactsSubscribed" if status == "active" else "contactsDisconnected"
        sim.emit({"type": tag, "server": server, "contactRefs": references})


def _refused(sim: Simulator) -> None:
    """Tell that connecting was tried in vain, once a server."""
    for server, entries in _by_server(sim).items():
        tell_failure(sim, entries[0][1], unreachable(server))


@ticker
def watch(sim: Simulator, now: float) -> float | None:
    """Notice that the servers went or came back, and tell so."""
    down = sim.network.faults().unreachable
    was_down = sim.memory.get("servers down since") is not None
    if down and not was_down:
        sim.memory["servers down since"] = now
        sim.memory["next try"] = now + RETRY_EVERY

        def lost() -> None:
            _tell_all(sim, "pending")
            _refused(sim)

        sim.transact(lost)
    elif was_down and not down:
        sim.memory.pop("servers down since")
        sim.memory.pop("next try", None)
        sim.transact(lambda: _tell_all(sim, "active"))
    elif down and now >= sim.memory["next try"]:
        # Each pause is longer than the one before, so that long outages stay quiet.
        pause = (now - sim.memory["servers down since"]) * 1.5 + RETRY_EVERY
        sim.memory["next try"] = now + pause
        sim.transact(lambda: _refused(sim))
    next_try: float | None = sim.memory.get("next try")
    return next_try
