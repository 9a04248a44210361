"""Getting into a group: by a contact's invitation, and the handshake with the member who lets one in (the host).

The host's `member.join` / `member.joined` pair makes the connection of an invited contact; a link (see `group_links`)
uses `member.link` and `member.ready`. Whichever it was, the host then introduces the new member to the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import delivery, group_items, group_records, groups, items
from .clock import EPOCH
from .commands import command
from .connections import new_member_connection
from .failure import error, store_error
from .group_features import rank
from .group_introductions import introduce, support_chat
from .group_messages import send_history
from .links import binary_id
from .names import take_name
from .records import a_chat_item, contact_connection, contact_record, plain_profile, present

if TYPE_CHECKING:
    from .engine import Simulator

Json = dict[str, Any]


def described(profile: Json) -> str:
    """Return a group's name with its full name, as items tell it."""
    name, full_name = profile["displayName"], profile["fullName"]
    return f"{name} ({full_name})" if full_name not in ("", name) else f"{name}"


@command("/_add #{group_id:int} {contact_id:int} {role:choice:observer|author|member|moderator|admin|owner}")
def add_member(sim: Simulator, group_id: int, contact_id: int, role: str) -> Json:
    group = groups.get_group(sim, group_id)
    contact = sim.store.get("contacts", contact_id)
    if contact is None or contact.get("userId") != group["userId"]:
        raise store_error("contactNotFound", contactId=contact_id)
    own = group_records.require_role(sim, group, max("admin", role, key=rank))
    connection = contact_connection(sim, contact_id)
    if connection is None or connection["connStatus"] not in ("ready", "snd-ready"):
        raise error("contactNotReady", contact=contact_record(sim, contact))
    if own.get("incognitoProfile"):
        raise error("groupIncognitoCantInvite")
    if "customUserProfileId" in connection:
        raise error("contactIncognitoCantInvite")
    member = sim.store.first("groupMembers", groupId=group_id, memberContactId=contact_id)
    if member is None:
        member = groups.add_member(
            sim,
            group,
            memberRole=role,
            memberCategory="invitee",
            memberStatus="invited",
            memberContactId=contact_id,
            invitedBy={"type": "user"},
            invitedByGroupMemberId=own["groupMemberId"],
        )
        shown = group_records.member_record(sim, member)
        queue = new_member_connection(sim, member, group["userId"], "new")
    elif member["memberStatus"] == "invited":
        member = groups.set_member(sim, member, memberRole=role)
        shown = group_records.member_record(sim, member)
        queue = groups.member_connection(sim, member) or {}
    else:
        raise error("groupDuplicateMember", contactName=contact["localDisplayName"])
    item = _send_invitation(sim, group, own, member, connection, queue)
    sim.emit_later(items.new_items_event(sim, sim.user(group["userId"]), [item]))
    group = groups.get_group(sim, group_id)
    return {
        "type": "sentGroupInvitation",
        "user": sim.user_record(sim.active_user()),
        "groupInfo": group_records.group_record(sim, group),
        "contact": contact_record(sim, contact, connection),
        "member": shown,
    }


def _send_invitation(sim: Simulator, group: Json, own: Json, member: Json, connection: Json, queue: Json) -> Json:
    profile, role = group["groupProfile"], member["memberRole"]
    invitation = {
        "groupId": group["groupId"],
        "groupMemberId": member["groupMemberId"],
        "localDisplayName": group_records.member_profile(sim, member)[2],
        "groupProfile": profile,
        "status": "pending",
    }
    shared_id = binary_id()
    item = items.create(
        sim,
        group["userId"],
        ("@", connection["entityId"]),
        {"type": "directSnd"},
        {"type": "sndGroupInvitation", "groupInvitation": invitation, "memberRole": role},
        f"sent invitation to join group {described(profile)} as {role}",
        {"type": "sndNew"},
        shared_msg_id=shared_id,
    )
    params = {
        "fromMember": {"memberId": own["memberId"], "memberRole": own["memberRole"]},
        "invitedMember": {"memberId": member["memberId"], "memberRole": role},
        "connRequest": {"node": sim.network.node, "queue": queue["queue"]},
        "groupProfile": profile,
    }
    message = {"event": "x.grp.inv", "params": params, "msgId": shared_id}
    delivery.send(sim, connection, [message], [item["itemId"]])
    return item


@delivery.chat_event("contact", "x.grp.inv")
def _invited(sim: Simulator, connection: Json, message: Json) -> bool:
    contact = sim.store.get("contacts", connection["entityId"])
    if contact is None:
        return False
    user, params = sim.user(connection["userId"]), message["params"]
    invited, host = params["invitedMember"], params["fromMember"]
    role, profile = invited["memberRole"], params["groupProfile"]
    own = sim.store.first("groupMembers", userId=user["userId"], memberId=invited["memberId"])
    if own is None or own["memberCategory"] != "user":
        group, own = _invited_group(sim, user, contact, params)
    else:
        group = groups.group_of(sim, own)
    invitation = {
        "groupId": group["groupId"],
        "groupMemberId": own["groupMemberId"],
        "localDisplayName": group["localDisplayName"],
        "groupProfile": profile,
        "status": "pending",
    }
    item = items.create(
        sim,
        user["userId"],
        ("@", contact["contactId"]),
        {"type": "directRcv"},
        {"type": "rcvGroupInvitation", "groupInvitation": invitation, "memberRole": role},
        f"received invitation to join group {described(profile)} as {role}",
        {"type": "rcvNew"},
        item_ts=message["sentAt"],
        shared_msg_id=message["msgId"],
    )
    sim.store.update("groups", group["groupId"], invitationItemId=item["itemId"])
    sim.emit(items.new_items_event(sim, user, [item]))
    sim.emit(
        {
            "type": "receivedGroupInvitation",
            "user": sim.user_record(user),
            "groupInfo": group_records.group_record(sim, group),
            "contact": contact_record(sim, contact),
            "fromMemberRole": host["memberRole"],
            "memberRole": role,
        }
    )
    return True


def _invited_group(sim: Simulator, user: Json, contact: Json, params: Json) -> tuple[Json, Json]:
    invited, host, profile = params["invitedMember"], params["fromMember"], params["groupProfile"]
    name = take_name(sim, user["userId"], profile["displayName"])
    group = groups.add_group(sim, user, profile, name, connRequest=params["connRequest"])
    inviting = groups.add_member(
        sim,
        group,
        memberId=host["memberId"],
        memberRole=host["memberRole"],
        memberCategory="host",
        memberStatus="invited",
        memberContactId=contact["contactId"],
    )
    own = groups.add_member(
        sim,
        group,
        memberId=invited["memberId"],
        memberRole=invited["memberRole"],
        memberCategory="user",
        memberStatus="invited",
        invitedBy={"type": "contact", "byContactId": contact["contactId"]},
        invitedByGroupMemberId=inviting["groupMemberId"],
    )
    group = sim.store.update("groups", group["groupId"], membershipId=own["groupMemberId"])
    group_items.new_item(sim, group, None, {"type": "chatBanner"}, "chat banner", "sndNew", item_ts=EPOCH)
    return sim.store.get("groups", group["groupId"]) or group, own


@command("/_join #{group_id:int}", network=True)
def join_group(sim: Simulator, group_id: int) -> Json:
    group = groups.get_group(sim, group_id)
    own = groups.membership(sim, group)
    if "connRequest" not in group:
        raise store_error("groupInvitationNotFound")
    if own["memberStatus"] != "invited":
        raise store_error("groupAlreadyJoined")
    host = next(member for member in groups.members(sim, group) if member["memberCategory"] == "host")
    connection = new_member_connection(sim, host, group["userId"], "joined", peer=group["connRequest"])
    groups.set_member(sim, own, memberStatus="accepted")
    groups.set_member(sim, host, memberStatus="accepted")
    delivery.post(sim, connection, "member.join", memberId=own["memberId"])
    item = sim.store.get("items", group.get("invitationItemId", 0))
    if item is not None:
        content = item["item"]["content"]
        accepted = {**content["groupInvitation"], "status": "accepted"}
        item = sim.store.update(
            "items", item["itemId"], item={**item["item"], "content": {**content, "groupInvitation": accepted}}
        )
        user = sim.user_record(sim.user(group["userId"]))
        sim.emit_later({"type": "chatItemUpdated", "user": user, "chatItem": a_chat_item(sim, item)})
    return {
        "type": "userAcceptedGroupSent",
        "user": sim.user_record(sim.active_user()),
        "groupInfo": group_records.group_record(sim, group),
    }


@delivery.envelope("member.join")
def _joined(sim: Simulator, connection: Json, body: Json) -> None:
    """At the host: the one who was invited comes in."""
    member = groups.member_of(sim, connection)
    if connection["entityType"] != "member" or member is None or member["memberId"] != body["memberId"]:
        return
    if member["memberStatus"] != "invited":
        return
    connection = sim.store.update("connections", connection["connId"], connStatus="ready", peer=body["from"])
    member = groups.set_member(sim, member, memberStatus="accepted")
    delivery.post(sim, connection, "member.joined")
    member_came_in(sim, member)


@delivery.envelope("member.joined")
def _let_in(sim: Simulator, connection: Json, body: Json) -> None:
    """At the one who joined: the host has the connection."""
    host = groups.member_of(sim, connection)
    if connection["entityType"] == "member" and host is not None and connection["connStatus"] == "joined":
        sim.store.update("connections", connection["connId"], connStatus="ready", peer=body["from"])
        came_in(sim, host)


def member_came_in(sim: Simulator, member: Json) -> None:
    """At the host: tell that a member is connected, and introduce the member to the others."""
    group = groups.group_of(sim, member)
    pending = member["memberStatus"] in groups.PENDING
    scope = groups.support_scope(member) if pending else None
    about = {"type": "memberConnected"}
    group_items.tell_event(sim, group, member, about, "connected", scope=scope)
    if pending:
        about = {"type": "newMemberPendingReview"}
        group_items.tell_event(sim, group, member, about, "new member wants to join the group", scope=scope)
    else:
        member = groups.set_member(sim, member, memberStatus="connected")
    group = groups.group_of(sim, member)
    sim.emit(
        {
            "type": "joinedGroupMember",
            "user": sim.user_record(sim.user(group["userId"])),
            "groupInfo": group_records.group_record(sim, group),
            "member": group_records.member_record(sim, member),
        }
    )
    introduce(sim, group, member)
    connection = groups.member_connection(sim, member)
    if connection is not None and not pending:
        send_history(sim, group, connection)


def came_in(sim: Simulator, host: Json) -> None:
    """At the one who joined: tell that the group is joined, and what it allows."""
    group = groups.group_of(sim, host)
    own = groups.membership(sim, group)
    host = groups.set_member(sim, host, memberStatus="connected")
    pending = own["memberStatus"] in groups.PENDING
    if not pending:
        groups.set_member(sim, own, memberStatus="connected")
    scope = groups.GROUP_SUPPORT if pending else None
    sim.emit(
        {
            "type": "userJoinedGroup",
            "user": sim.user_record(sim.user(group["userId"])),
            "groupInfo": group_records.group_record(sim, group),
            "hostMember": group_records.member_record(sim, host),
        }
    )
    if pending:
        groups.set_member(sim, own, **support_chat())
    features = group_items.tell_features(sim, group, host, scope=scope)
    sim.emit(group_items.new_items_event(sim, features))
    group_items.tell_event(sim, group, host, {"type": "memberConnected"}, "connected", scope=scope)


def shown_profile(profile: Json) -> Json:
    """Return what strangers in a group are told of a profile."""
    return present({key: plain_profile(profile).get(key) for key in ("displayName", "fullName", "shortDescr", "image")})
