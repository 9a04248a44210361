"""What moderators do to members: accepting who waits for review, roles, blocking."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import group_items, group_records, groups
from .commands import command
from .failure import error
from .group_features import rank
from .group_introductions import introduce_to
from .links import binary_id
from .records import plain_profile

if TYPE_CHECKING:
    from .engine import Simulator

Json = dict[str, Any]

ROLE = "{role:choice:observer|author|member|moderator|admin|owner}"


def told_profile(sim: Simulator, member: Json) -> Json:
    """Return the `Profile` with which items tell of a member."""
    return plain_profile(group_records.member_profile(sim, member)[0])


def member_name(sim: Simulator, member: Json) -> str:
    """Return the name with which texts tell of a member."""
    name: str = group_records.member_profile(sim, member)[0]["displayName"]
    return name


def chosen_members(sim: Simulator, group: Json, member_ids: list[int]) -> list[Json]:
    """Return the members that a command names.

    Raises:
        ChatError: `groupMemberNotFound`.
    """
    found = {member["groupMemberId"]: member for member in groups.members(sim, group)}
    if any(member_id not in found for member_id in member_ids):
        raise error("groupMemberNotFound")
    return [found[member_id] for member_id in dict.fromkeys(member_ids)]


def require_over(sim: Simulator, group: Json, role: str, members: list[Json]) -> Json:
    """Return the user's own member document, if the role suffices, also to command these members."""
    highest = max((member["memberRole"] for member in members), key=rank, default="observer")
    return group_records.require_role(sim, group, max(role, highest, key=rank))


def group_event(sim: Simulator, tag: str, group: Json, **facts: Any) -> Json:
    """Return an event or a response about a group, in the state of now."""
    group = sim.store.get("groups", group["groupId"]) or group
    user = sim.user_record(sim.user(group["userId"]))
    return {"type": tag, "user": user, "groupInfo": group_records.group_record(sim, group), **facts}


# Accepting who waits for review.


@command("/_accept member #{group_id:int} {member_id:int} " + ROLE)
def accept_member(sim: Simulator, group_id: int, member_id: int, role: str) -> Json:
    group = groups.get_group(sim, group_id)
    member = groups.get_member(sim, group_id, member_id)
    group_records.require_role(sim, group, max("moderator", role, key=rank))
    connection = groups.member_connection(sim, member)
    if member["memberStatus"] not in groups.PENDING or connection is None:
        raise error("groupMemberNotActive")
    # The support chat's members know the newcomer; the others are introduced now.
    moderators = [found for found, _ in groups.recipients(sim, group, groups.support_scope(member))]
    targets = groups.recipients(sim, group, groups.support_scope(member))
    member = groups.set_member(sim, member, memberStatus="connected", memberRole=role)
    params = {"memberId": member["memberId"], "memberRole": role}
    groups.send_to(sim, targets, "x.grp.mem.acpt", params, msg_id=binary_id())
    known = {found["groupMemberId"] for found in moderators} | {member_id}
    for other, other_connection in groups.recipients(sim, group):
        if other["groupMemberId"] not in known:
            introduce_to(sim, member, other, other_connection)
    group_items.tell_event(sim, group, member, {"type": "memberConnected"}, "connected")
    about = {"type": "memberAccepted", "groupMemberId": member_id, "profile": told_profile(sim, member)}
    scope = groups.support_scope(member)
    item = group_items.event_item(sim, group, None, about, "you accepted this member", scope=scope)
    sim.emit_later(group_items.new_items_event(sim, [item]))
    return group_event(sim, "memberAccepted", group, member=group_records.member_record(sim, member))


@groups.member_event("x.grp.link.acpt")
def _pending(sim: Simulator, group: Json, host: Json, message: Json) -> bool:
    """At the one who waits: the host says what for."""
    own = groups.membership(sim, group)
    own = groups.set_member(sim, own, memberStatus=message["params"]["status"])
    text = "please wait for group moderators to review your request to join the group"
    group_items.tell_event(sim, group, None, {"type": "userPendingReview"}, text, scope=groups.GROUP_SUPPORT)
    sim.emit(
        group_event(
            sim,
            "memberAcceptedByOther",
            group,
            acceptingMember=group_records.member_record(sim, host),
            member=group_records.member_record(sim, own),
        )
    )
    return False


@groups.member_event("x.grp.mem.acpt")
def _accepted(sim: Simulator, group: Json, by: Json, message: Json) -> bool:
    if rank(by["memberRole"]) < groups.MODERATOR:
        return False
    params = message["params"]
    member = groups.member_by_member_id(sim, group, params["memberId"])
    if member is None or member["memberStatus"] not in groups.PENDING:
        return False
    member = groups.set_member(sim, member, memberStatus="connected", memberRole=params["memberRole"])
    if member["memberCategory"] == "user":
        features = group_items.tell_features(sim, group, by)
        sim.emit(group_items.new_items_event(sim, features))
        for scope in (None, groups.GROUP_SUPPORT):
            group_items.tell_event(sim, group, by, {"type": "userAccepted"}, "accepted you", scope=scope)
        sim.emit(group_event(sim, "userJoinedGroup", group, hostMember=group_records.member_record(sim, by)))
        return False
    if groups.member_connection(sim, member) is not None:
        group_items.tell_event(sim, group, member, {"type": "memberConnected"}, "connected")
    about = {"type": "memberAccepted", "groupMemberId": member["groupMemberId"], "profile": told_profile(sim, member)}
    text = f"accepted {member_name(sim, member)}"
    group_items.tell_event(
        sim, group, by, about, text, scope=groups.support_scope(member), **group_items.received(message)
    )
    sim.emit(
        group_event(
            sim,
            "memberAcceptedByOther",
            group,
            acceptingMember=group_records.member_record(sim, by),
            member=group_records.member_record(sim, member),
        )
    )
    return False


# Roles.


@command("/_member role #{group_id:int} {member_ids:ints} " + ROLE)
def members_role(sim: Simulator, group_id: int, member_ids: list[int], role: str) -> Json:
    group = groups.get_group(sim, group_id)
    chosen = chosen_members(sim, group, member_ids)
    require_over(sim, group, max("admin", role, key=rank), chosen)
    targets = groups.recipients(sim, group)
    made, changes = [], []
    for member in chosen:
        if member["memberRole"] != role and member["memberStatus"] != "invited":
            shared_id = binary_id()
            changes.append({"memberId": member["memberId"], "msgId": shared_id})
            about = {
                "type": "memberRole",
                "groupMemberId": member["groupMemberId"],
                "profile": told_profile(sim, member),
                "role": role,
            }
            text = f"changed role of {member_name(sim, member)} to {role}"
            made.append(group_items.event_item(sim, group, None, about, text, shared_msg_id=shared_id))
    changed = [groups.set_member(sim, member, memberRole=role) for member in chosen]
    if made:
        groups.send_to(sim, targets, "x.grp.mem.role", {"memberRole": role, "changes": changes})
        sim.emit_later(group_items.new_items_event(sim, made))
    records = [group_records.member_record(sim, member) for member in changed]
    return group_event(sim, "membersRoleUser", group, members=records, toRole=role)


@groups.member_event("x.grp.mem.role")
def _role_changed(sim: Simulator, group: Json, by: Json, message: Json) -> bool:
    own_role = groups.membership(sim, group)["memberRole"]
    for change in message["params"]["changes"]:
        facts = {**group_items.received(message), "shared_msg_id": change["msgId"]}
        _take_role(sim, group, by, change["memberId"], message["params"]["memberRole"], own_role, facts)
    return False


def _take_role(sim: Simulator, group: Json, by: Json, member_id: str, role: str, own_role: str, facts: Json) -> None:
    """Take over a member's new role; changes that came together all show the user's own role as it was before."""
    member = groups.member_by_member_id(sim, group, member_id)
    if member is None or rank(by["memberRole"]) < max(rank("admin"), rank(member["memberRole"]), rank(role)):
        return
    before = member["memberRole"]
    changed = groups.set_member(sim, member, memberRole=role)
    if member["memberCategory"] == "user":
        about: Json = {"type": "userRole", "role": role}
        text = f"changed your role to {role}"
    else:
        about = {
            "type": "memberRole",
            "groupMemberId": member["groupMemberId"],
            "profile": told_profile(sim, member),
            "role": role,
        }
        text = f"changed role of {member_name(sim, member)} to {role}"
    item = group_items.event_item(sim, group, by, about, text, **facts)
    told = group_items.new_items_event(sim, [item], by)
    event = group_event(
        sim,
        "memberRole",
        group,
        byMember=group_records.member_record(sim, by),
        member=group_records.member_record(sim, changed),
        fromRole=before,
        toRole=role,
    )
    if member["memberCategory"] != "user":
        for shown in (told["chatItems"][0]["chatInfo"]["groupInfo"], event["groupInfo"]):
            shown["membership"]["memberRole"] = own_role
    sim.emit_all([told, event])


# Blocking.


@command("/_block #{group_id:int} {member_ids:ints} blocked={blocked:onoff}")
def block_members(sim: Simulator, group_id: int, member_ids: list[int], blocked: bool) -> Json:
    group = groups.get_group(sim, group_id)
    chosen = chosen_members(sim, group, member_ids)
    require_over(sim, group, "moderator", chosen)
    made = []
    for member in chosen:
        shared_id = binary_id()
        others = [
            (found, connection)
            for found, connection in groups.recipients(sim, group)
            if found["groupMemberId"] != member["groupMemberId"]
        ]
        params = {"memberId": member["memberId"], "blocked": blocked}
        groups.send_to(sim, others, "x.grp.mem.restrict", params, msg_id=shared_id)
        about, text = _blocked_about(sim, member, blocked)
        made.append(group_items.event_item(sim, group, None, about, text, shared_msg_id=shared_id))
    sim.emit(group_items.new_items_event(sim, made))
    changed = [groups.set_member(sim, member, blockedByAdmin=blocked) for member in chosen]
    records = [group_records.member_record(sim, member) for member in changed]
    return group_event(sim, "membersBlockedForAllUser", group, members=records, blocked=blocked)


def _blocked_about(sim: Simulator, member: Json, blocked: bool) -> tuple[Json, str]:
    about = {
        "type": "memberBlocked",
        "groupMemberId": member["groupMemberId"],
        "profile": told_profile(sim, member),
        "blocked": blocked,
    }
    return about, f"{'blocked' if blocked else 'unblocked'} {member_name(sim, member)}"


@groups.member_event("x.grp.mem.restrict")
def _restricted(sim: Simulator, group: Json, by: Json, message: Json) -> bool:
    params = message["params"]
    member = groups.member_by_member_id(sim, group, params["memberId"])
    allowed = member is not None and rank(by["memberRole"]) >= max(groups.MODERATOR, rank(member["memberRole"]))
    if member is None or not allowed or member["memberCategory"] == "user":
        return False
    member = groups.set_member(sim, member, blockedByAdmin=params["blocked"])
    about, text = _blocked_about(sim, member, params["blocked"])
    group_items.tell_event(sim, group, by, about, text, **group_items.received(message))
    sim.emit(
        group_event(
            sim,
            "memberBlockedForAll",
            group,
            byMember=group_records.member_record(sim, by),
            member=group_records.member_record(sim, member),
            blocked=params["blocked"],
        )
    )
    return False
