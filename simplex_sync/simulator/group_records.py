"""Wire records of groups and their members."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import groups, records
from .failure import error
from .group_features import full_preferences, rank
from .records import VERSION_RANGE, present

if TYPE_CHECKING:
    from .engine import Simulator

Json = dict[str, Any]


def member_profile(sim: Simulator, member: Json) -> tuple[Json, int, str]:
    """Return a member's `LocalProfile`, its id, and the member's display name, which may be those of a contact."""
    if member["memberCategory"] == "user" and member.get("incognitoProfile") is None:
        user = sim.user(member["userId"])
        return user["profile"], user["profile"]["profileId"], user["localDisplayName"]
    contact = sim.store.get("contacts", member["memberContactId"]) if member.get("memberContactId") else None
    if contact is not None and member["memberCategory"] != "user":
        return contact["profile"], contact["profile"]["profileId"], contact["localDisplayName"]
    profile = records.local_profile(member["memberProfile"], member["memberContactProfileId"])
    return profile, member["memberContactProfileId"], member["localDisplayName"]


def member_record(sim: Simulator, member: Json, connection: Json | None = None, *, connected: bool = True) -> Json:
    """Return the `GroupMember` of a member document.

    Args:
        sim: The simulator.
        member: The document.
        connection: Its connection's document, where the caller has it.
        connected: Whether to tell the connection.
    """
    profile, profile_id, name = member_profile(sim, member)
    own = member["memberCategory"] == "user"
    if connected and connection is None and not own:
        connection = groups.member_connection(sim, member)
    record = {
        "groupMemberId": member["groupMemberId"],
        "groupId": member["groupId"],
        "memberId": member["memberId"],
        "memberRole": member["memberRole"],
        "memberCategory": member["memberCategory"],
        "memberStatus": member["memberStatus"],
        "memberSettings": {"showMessages": True},
        "blockedByAdmin": member.get("blockedByAdmin", False),
        "invitedBy": member["invitedBy"],
        "invitedByGroupMemberId": member.get("invitedByGroupMemberId"),
        "localDisplayName": name,
        "memberProfile": profile,
        "memberContactId": sim.user(member["userId"])["userContactId"] if own else member.get("memberContactId"),
        "memberContactProfileId": sim.user(member["userId"])["profile"]["profileId"] if own else profile_id,
        "activeConn": records.connection_record(connection) if connection and connected else None,
        "memberChatVRange": VERSION_RANGE,
        "createdAt": member["createdAt"],
        "updatedAt": member["updatedAt"],
        "supportChat": support_chat_record(sim, member) if "supportChat" in member else None,
    }
    return present(record)


def support_chat_record(sim: Simulator, member: Json) -> Json:
    """Return the `GroupSupportChat` of a member: how much is unread there, and how much of it the member's own."""
    own = member["memberCategory"] == "user"
    scope = groups.scope_key(groups.GROUP_SUPPORT if own else groups.support_scope(member))
    unread = "chatType = '#' AND chatId = ? AND scope = ? AND statusTag = 'rcvNew'"
    values = (member["groupId"], scope)
    asked = (*values, member["groupMemberId"], member["supportChat"]["answered"])
    mentions = f"{unread} AND json_extract(doc, '$.item.meta.userMention')"
    return {
        "chatTs": member["supportChat"]["chatTs"],
        "unread": sim.store.number("items", "count(*)", unread, values),
        "memberAttention": sim.store.number("items", "count(*)", f"{unread} AND memberId = ? AND id > ?", asked),
        "mentions": sim.store.number("items", "count(*)", mentions, values),
    }


def group_record(sim: Simulator, group: Json) -> Json:
    """Return the `GroupInfo` of a group document."""
    own = groups.membership(sim, group)
    record = {
        "groupId": group["groupId"],
        "localDisplayName": group["localDisplayName"],
        "groupProfile": group["groupProfile"],
        "localAlias": group.get("localAlias", ""),
        "businessChat": group.get("businessChat"),
        "fullGroupPreferences": full_preferences(group["groupProfile"]),
        "membership": member_record(sim, own),
        "chatSettings": group.get("chatSettings", {"enableNtfs": "all", "favorite": False}),
        "createdAt": group["createdAt"],
        "updatedAt": group["updatedAt"],
        "chatTs": group.get("chatTs", group["createdAt"]),
        "userMemberProfileSentAt": group.get("userMemberProfileSentAt"),
        "chatTags": [],
        "chatItemTTL": group.get("chatItemTTL"),
        "customData": group.get("customData"),
        "membersRequireAttention": members_require_attention(sim, group, own),
        "viaGroupLinkUri": group.get("viaGroupLinkUri"),
    }
    return present(record)


def members_require_attention(sim: Simulator, group: Json, own: Json) -> int:
    """Return how many members wait for a moderator's review or answer."""
    if rank(own["memberRole"]) < groups.MODERATOR:
        return 0
    found = sim.store.find("groupMembers", groupId=group["groupId"], hasSupportChat=True)
    return sum(
        member["memberStatus"] in groups.PENDING or support_chat_record(sim, member)["memberAttention"] > 0
        for member in found
        if member["groupMemberId"] != group["membershipId"]
    )


@records.chat_info("#")
def _group_chat_info(sim: Simulator, chat_id: int, scope: Json | None) -> Json:
    group = sim.store.get("groups", chat_id)
    if group is None:
        raise KeyError(chat_id)
    info: Json = {"type": "group", "groupInfo": group_record(sim, group)}
    if scope is not None:
        info["groupChatScope"] = scope_info(sim, scope)
    return info


def scope_info(sim: Simulator, scope: Json) -> Json:
    """Return the `GroupChatScopeInfo` of a stored scope, which names the member whom the support chat is with."""
    member = sim.store.get("groupMembers", scope["groupMemberId"]) if "groupMemberId" in scope else None
    if member is None:
        return groups.GROUP_SUPPORT
    return {**groups.GROUP_SUPPORT, "groupMember_": member_record(sim, member)}


@records.chat_direction("groupRcv")
def _group_received(sim: Simulator, direction: Json) -> Json:
    member = sim.store.get("groupMembers", direction["groupMemberId"])
    if member is None:
        raise KeyError(direction["groupMemberId"])
    # Items that are loaded come without the connection, as the CLI's do; `new_items` adds it.
    return {"type": "groupRcv", "groupMember": member_record(sim, member, connected=False)}


def require_role(sim: Simulator, group: Json, role: str) -> Json:
    """Return the user's own member document, if the user may do what needs a role.

    Raises:
        ChatError: `groupUserRole`.
    """
    own = groups.membership(sim, group)
    if rank(own["memberRole"]) < rank(role):
        raise error("groupUserRole", groupInfo=group_record(sim, group), requiredRole=role)
    return own
