"""Groups and their members: documents, and how one sends to a group.

A group exists in each member's database on its own; nothing but `memberId` is common. A member's connection is a
connection document with `entityType` `member`. Members who wait to be accepted talk in the support chat (scope
`memberSupport`), which only they and the moderators see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from . import delivery
from .clock import timestamp
from .failure import store_error
from .group_features import rank
from .links import binary_id
from .records import present
from .store import define_table

if TYPE_CHECKING:
    from .engine import Simulator

Json = dict[str, Any]

define_table("groups", "groupId", {"userId": "INTEGER", "localDisplayName": "TEXT"}, autoincrement=True)
define_table(
    "groupMembers",
    "groupMemberId",
    {
        "userId": "INTEGER",
        "groupId": "INTEGER",
        "memberId": "TEXT",
        "memberContactId": "INTEGER",
        "hasSupportChat": "INTEGER",
    },
    autoincrement=True,
)

# Members who are in the group; those under review only talk in the support chat.
CURRENT = {"introduced", "intro-inv", "accepted", "announced", "connected", "complete", "creator"}
PENDING = {"pending_approval", "pending_review"}
ACTIVE = {"connected", "complete", "creator", "announced", "intro-inv", "accepted", "introduced"} | PENDING
MODERATOR = rank("moderator")

GROUP_SUPPORT: Json = {"type": "memberSupport"}


# Finding.


def get_group(sim: Simulator, group_id: int) -> Json:
    """Return a group of the active user.

    Raises:
        ChatError: `groupNotFound`.
    """
    group = sim.store.get("groups", group_id)
    if group is None or group["userId"] != sim.active_user()["userId"]:
        raise store_error("groupNotFound", groupId=group_id)
    return group


def group_of(sim: Simulator, member: Json) -> Json:
    """Return the group that a member is in."""
    group = sim.store.get("groups", member["groupId"])
    if group is None:
        raise KeyError(member["groupId"])
    return group


def get_member(sim: Simulator, group_id: int, member_id: int) -> Json:
    """Return a member of a group.

    Raises:
        ChatError: `groupMemberNotFound`.
    """
    member = sim.store.get("groupMembers", member_id)
    if member is None or member["groupId"] != group_id:
        raise store_error("groupMemberNotFound", groupMemberId=member_id)
    return member


def membership(sim: Simulator, group: Json) -> Json:
    """Return the user's own member document."""
    member = sim.store.get("groupMembers", group["membershipId"])
    if member is None:
        raise KeyError(group["membershipId"])
    return member


def members(sim: Simulator, group: Json) -> list[Json]:
    """Return all members but the user."""
    found = sim.store.find("groupMembers", groupId=group["groupId"])
    return [member for member in found if member["groupMemberId"] != group["membershipId"]]


def member_by_member_id(sim: Simulator, group: Json, member_id: str) -> Json | None:
    """Return a member, the user included, by the id that all members know."""
    return sim.store.first("groupMembers", groupId=group["groupId"], memberId=member_id)


def member_connection(sim: Simulator, member: Json) -> Json | None:
    """Return the document of the connection to a member, or None."""
    found = sim.store.find("connections", entityType="member", entityId=member["groupMemberId"])
    return found[-1] if found else None


# What members say.

MemberEventHandler = Callable[["Simulator", Json, Json, Json], bool]


def member_event(event: str) -> Callable[[MemberEventHandler], MemberEventHandler]:
    """Register what takes a chat message of a group's member: `(sim, group, member, message)`.

    It returns whether a receipt is due, as with `delivery.chat_event`. Messages of a member who is no longer known are
    ignored.

    Args:
        event: The message's event.
    """

    def register(handler: MemberEventHandler) -> MemberEventHandler:
        @delivery.chat_event("member", event)
        def handle(sim: Simulator, connection: Json, message: Json) -> bool:
            member = member_of(sim, connection)
            return member is not None and handler(sim, group_of(sim, member), member, message)

        return handler

    return register


def connection_to(sim: Simulator, member: Json) -> Json:
    """Return the document of the connection to a member who has just written."""
    connection = member_connection(sim, member)
    if connection is None:
        raise KeyError(member["groupMemberId"])
    return connection


# Making and changing.


def add_group(sim: Simulator, user: Json, profile: Json, name: str, **more: Any) -> Json:
    """Store a new group (without members yet)."""
    now = timestamp()
    document = {
        "userId": user["userId"],
        "localDisplayName": name,
        "groupProfile": profile,
        "createdAt": now,
        "updatedAt": now,
        "chatTs": now,
        "userMemberProfileSentAt": now,
        "membershipId": 0,
        **more,
    }
    return sim.store.insert("groups", document)


def add_member(sim: Simulator, group: Json, **facts: Any) -> Json:
    """Store a new member; the facts are keys of its document."""
    now = timestamp()
    document = {
        "userId": group["userId"],
        "groupId": group["groupId"],
        "memberId": facts.pop("memberId", None) or binary_id(),
        "memberRole": "member",
        "invitedBy": {"type": "unknown"},
        "createdAt": now,
        "updatedAt": now,
        **facts,
    }
    return sim.store.insert("groupMembers", document)


def set_member(sim: Simulator, member: Json, **changes: Any) -> Json:
    """Change a member and return the new document."""
    return sim.store.update("groupMembers", member["groupMemberId"], updatedAt=timestamp(), **changes)


def support_scope(member: Json) -> Json:
    """Return the stored scope of the support chat with a member."""
    return {**GROUP_SUPPORT, "groupMemberId": member["groupMemberId"]}


def scope_key(scope: Json | None) -> str | None:
    """Return what tells the items of a scope apart: none for the main chat."""
    return None if scope is None else f"support:{scope.get('groupMemberId', '')}"


def member_of(sim: Simulator, connection: Json) -> Json | None:
    """Return the member whom a connection is with, or None."""
    return sim.store.get("groupMembers", connection["entityId"])


# Sending.


def recipients(sim: Simulator, group: Json, scope: Json | None = None) -> list[tuple[Json, Json]]:
    """Return the members, with their connections, who get what is sent to a group.

    Args:
        sim: The simulator.
        group: The group.
        scope: The stored scope of a support chat, which only its member and the moderators get.
    """
    found = []
    for member in members(sim, group):
        inside = member["memberStatus"] in CURRENT
        if scope is not None:
            meant = member["groupMemberId"] == scope.get("groupMemberId")
            inside = meant or (inside and rank(member["memberRole"]) >= MODERATOR)
        connection = member_connection(sim, member) if inside else None
        if connection is not None and connection["connStatus"] in ("ready", "snd-ready"):
            found.append((member, connection))
    return found


def send_to(
    sim: Simulator,
    targets: Iterable[tuple[Json, Json]],
    event: str,
    params: Json,
    *,
    msg_id: str | None = None,
    item_ids: list[int] | None = None,
) -> None:
    """Send one chat message to several members."""
    for _, connection in targets:
        message = present({"event": event, "params": params, "msgId": msg_id})
        delivery.send(sim, connection, [message], item_ids or [])
