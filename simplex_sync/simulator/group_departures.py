"""How members go: removed by others, leaving themselves, or with the whole group."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from . import delivery, group_items, group_records, groups
from .chats import action
from .commands import ChatRef, command
from .connections import queues_deleted, tell_failure
from .failure import error, store_error
from .group_features import rank
from .group_links import delete_link
from .group_members import chosen_members, group_event, member_name, require_over, told_profile
from .links import binary_id
from .names import free_name

if TYPE_CHECKING:
    from .engine import Simulator

Json = dict[str, Any]


# Removed.


@command("/_remove #{group_id:int} {member_ids:ints}[ messages={with_messages:onoff}]")
def remove_members(sim: Simulator, group_id: int, member_ids: list[int], with_messages: bool = False) -> Json:
    group = groups.get_group(sim, group_id)
    chosen = chosen_members(sim, group, member_ids)
    require_over(sim, group, "admin", chosen)
    made, gone = [], []
    for member in chosen:
        if member["memberStatus"] != "invited":
            shared_id = binary_id()
            params = {"memberId": member["memberId"], "withMessages": with_messages}
            targets = groups.recipients(sim, group)
            connection = groups.member_connection(sim, member)
            if member["memberStatus"] in groups.PENDING and connection is not None:
                targets.append((member, connection))
            groups.send_to(sim, targets, "x.grp.mem.del", params, msg_id=shared_id)
            about = _deleted_about(sim, member)
            made.append(group_items.event_item(sim, group, None, *about, shared_msg_id=shared_id))
    if made:
        sim.emit(group_items.new_items_event(sim, made))
    records = []
    for member in chosen:
        connection = groups.member_connection(sim, member)
        member = groups.set_member(sim, member, memberStatus="removed")
        records.append(group_records.member_record(sim, member))
        if connection is not None:
            gone.append(connection)
        if with_messages:
            _moderate_all(sim, member, groups.membership(sim, group))
    told = [connection for connection in gone if connection["connStatus"] == "ready"]
    _forget(sim, told, True, first_has_no_user=False)
    _forget(sim, [connection for connection in gone if connection not in told], False, first_has_no_user=False)
    return group_event(sim, "userDeletedMembers", group, members=records, withMessages=with_messages)


def _deleted_about(sim: Simulator, member: Json) -> tuple[Json, str]:
    about = {
        "type": "memberDeleted",
        "groupMemberId": member["groupMemberId"],
        "profile": told_profile(sim, member),
    }
    return about, f"removed {member_name(sim, member)}"


def _moderate_all(sim: Simulator, member: Json, by: Json) -> None:
    """Take a removed member's messages away with the member."""
    for item in sim.store.find("items", chatType="#", chatId=member["groupId"], memberId=member["groupMemberId"]):
        if item["item"]["content"]["type"] == "rcvMsgContent":
            group_items.moderate(sim, item, by)


def _forget(
    sim: Simulator, connections: list[Json], told: bool, *, first_has_no_user: bool, before: Iterable[Json] = ()
) -> None:
    """Delete connections by a command of the user.

    Args:
        sim: The simulator.
        connections: What is deleted.
        told: Whether a last message is on its way to each. The agent's reports on these come when the connections
            are gone, and fail; its events about the deletion follow them.
        first_has_no_user: Whether the first report finds no user either, as it is when all connections of a group go.
        before: The agent's events about what was deleted before, e.g. the group's link.
    """
    for number, connection in enumerate(connections):
        agent_conn_id = connection["agentConnId"]
        sim.store.delete("connections", connection["connId"])
        sim.store.delete_where("deliveries", connId=connection["connId"])
        if told and (number or not first_has_no_user):
            failure = store_error("connectionNotFound", agentConnId=agent_conn_id)
            sim.memory.setdefault(delivery.LATE_FAILURES, {})[agent_conn_id] = failure.chat_error
    events = [*before, *(queues_deleted(connections) if connections else [])]
    if connections and told:
        sim.defer(connections[-1]["agentConnId"], events)
    else:
        for event in events:
            sim.emit_later(event)


def _lose(sim: Simulator, connections: list[Json], *, keep: bool = False) -> None:
    """Delete connections because of what another did."""
    for connection in connections:
        if keep:
            sim.store.update("connections", connection["connId"], connStatus="deleted", queue=None)
        else:
            sim.store.delete("connections", connection["connId"])
    if connections:
        sim.emit_all(queues_deleted(connections))


def _all_connections(sim: Simulator, group: Json) -> list[Json]:
    found = [groups.member_connection(sim, member) for member in groups.members(sim, group)]
    return [connection for connection in found if connection is not None and connection["connStatus"] != "deleted"]


@groups.member_event("x.grp.mem.del")
def _member_removed(sim: Simulator, group: Json, by: Json, message: Json) -> bool:
    params = message["params"]
    with_messages = params["withMessages"]
    member = groups.member_by_member_id(sim, group, params["memberId"])
    if member is None or rank(by["memberRole"]) < max(rank("admin"), rank(member["memberRole"])):
        return False
    if member["memberCategory"] == "user":
        group_items.tell_event(sim, group, by, {"type": "userDeleted"}, "removed you", **group_items.received(message))
        groups.set_member(sim, member, memberStatus="removed")
        record = group_records.member_record(sim, by)
        sim.emit(group_event(sim, "deletedMemberUser", group, member=record, withMessages=with_messages))
        _lose(sim, _all_connections(sim, group)[::-1])
        return False
    shown = group_records.member_record(sim, {**member, "memberStatus": "removed"})
    group_items.tell_event(sim, group, by, *_deleted_about(sim, member), **group_items.received(message))
    lost = groups.member_connection(sim, member)
    member = groups.set_member(sim, member, memberStatus="removed")
    if with_messages:
        _moderate_all(sim, member, by)
    sim.emit(
        group_event(
            sim,
            "deletedMember",
            group,
            byMember=group_records.member_record(sim, by),
            deletedMember=shown,
            withMessages=with_messages,
        )
    )
    _lose(sim, [lost] if lost else [])
    return False


# Leaving.


@command("/_leave #{group_id:int}")
def leave_group(sim: Simulator, group_id: int) -> Json:
    group = groups.get_group(sim, group_id)
    own = groups.membership(sim, group)
    if own["memberStatus"] in ("left", "removed", "deleted"):
        raise error("groupMemberUserRemoved")
    shared_id = binary_id()
    targets = groups.recipients(sim, group)
    groups.send_to(sim, targets, "x.grp.leave", {}, msg_id=shared_id)
    about: Json = {"type": "userLeft"}
    group_items.tell_event(sim, group, None, about, "left", shared_msg_id=shared_id)
    groups.set_member(sim, own, memberStatus="left")
    link = sim.store.first("userContactLinks", groupId=group_id)
    _forget_all(sim, group, [connection for _, connection in targets], delete_link(sim, link) if link else [])
    return group_event(sim, "leftMemberUser", group)


def _forget_all(sim: Simulator, group: Json, told: list[Json], before: list[Json]) -> None:
    """Delete all connections of a group by a command of the user, of which some were told."""
    known = {connection["connId"] for connection in told}
    untold = [connection for connection in _all_connections(sim, group) if connection["connId"] not in known]
    _forget(sim, told, True, first_has_no_user=True, before=before)
    _forget(sim, untold, False, first_has_no_user=False)


@groups.member_event("x.grp.leave")
def _member_left(sim: Simulator, group: Json, member: Json, message: Json) -> bool:
    if member["memberStatus"] in ("left", "removed"):
        return False
    pending = member["memberStatus"] in groups.PENDING
    scope = groups.support_scope(member) if pending else None
    facts = group_items.received(message)
    group_items.tell_event(sim, group, member, {"type": "memberLeft"}, "left", scope=scope, **facts)
    member = groups.set_member(sim, member, memberStatus="left")
    sim.emit(group_event(sim, "leftMember", group, member=group_records.member_record(sim, member)))
    tell_failure(sim, None, {"type": "CONN", "connErr": {"type": "NOT_FOUND"}, "errContext": ""})
    _lose(sim, [groups.connection_to(sim, member)], keep=True)
    return False


# Deleting the whole group.


@action("delete", "#")
def _delete_group(sim: Simulator, _user: Json, chat: ChatRef, mode: str, notify: bool) -> Json:
    group = groups.get_group(sim, chat.id)
    own = groups.membership(sim, group)
    inside = own["memberStatus"] in groups.CURRENT | groups.PENDING
    if mode == "messages":
        sim.store.delete_where("items", chatType="#", chatId=chat.id)
        return group_event(sim, "groupDeletedUser", group)
    if inside and own["memberRole"] != "owner":
        raise error("groupUserRole", groupInfo=group_records.group_record(sim, group), requiredRole="owner")
    targets = groups.recipients(sim, group) if inside and notify else []
    groups.send_to(sim, targets, "x.grp.del", {}, msg_id=binary_id())
    response = group_event(sim, "groupDeletedUser", group)
    link = sim.store.first("userContactLinks", groupId=chat.id)
    _forget_all(sim, group, [connection for _, connection in targets], delete_link(sim, link) if link else [])
    _forget_group(sim, group)
    return response


def _forget_group(sim: Simulator, group: Json) -> None:
    for member in sim.store.find("groupMembers", groupId=group["groupId"]):
        sim.store.delete_where("connections", entityType="member", entityId=member["groupMemberId"])
        if not member.get("memberContactId") and "localDisplayName" in member:
            free_name(sim, group["userId"], member["localDisplayName"])
    sim.store.delete_where("groupMembers", groupId=group["groupId"])
    sim.store.delete_where("items", chatType="#", chatId=group["groupId"])
    sim.store.delete("groups", group["groupId"])
    free_name(sim, group["userId"], group["localDisplayName"])


@groups.member_event("x.grp.del")
def _group_deleted(sim: Simulator, group: Json, by: Json, message: Json) -> bool:
    if by["memberRole"] != "owner":
        return False
    group_items.tell_event(sim, group, by, {"type": "groupDeleted"}, "deleted group", **group_items.received(message))
    groups.set_member(sim, groups.membership(sim, group), memberStatus="deleted")
    sim.emit(group_event(sim, "groupDeleted", group, member=group_records.member_record(sim, by)))
    _lose(sim, _all_connections(sim, group)[::-1])
    return False
