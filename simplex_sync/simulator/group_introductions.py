"""Members get to know each other: the host introduces a new one, and every two of them connect.

The host tells the others of the newcomer (`x.grp.mem.new`) and the newcomer of the others (`x.grp.mem.intro`); the
newcomer answers each with a queue (`x.grp.mem.inv`), which the host forwards (`x.grp.mem.fwd`); whoever gets it
connects there (`member.meet`, answered by `member.met`).

A member who came through a link may be a contact already: `x.info.probe` through the member's connection and
`x.info.probe.check` through the contact's show that both are the same person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import delivery, group_items, group_records, groups
from .clock import timestamp
from .connections import new_member_connection
from .group_features import rank
from .links import binary_id
from .names import free_name, take_name
from .records import contact_connection, contact_record, plain_profile
from .store import define_table
from .users import new_profile_id

if TYPE_CHECKING:
    from .engine import Simulator

Json = dict[str, Any]

define_table("probes", "probeId", {"connId": "INTEGER", "probe": "TEXT"})


def support_chat() -> Json:
    """Return the keys of a member whose support chat begins."""
    return {"supportChat": {"chatTs": timestamp(), "answered": 0}, "hasSupportChat": True}


def _member_info(sim: Simulator, member: Json) -> Json:
    profile, _, _ = group_records.member_profile(sim, member)
    shown = {key: value for key, value in plain_profile(profile).items() if key not in ("preferences", "contactLink")}
    return {"memberId": member["memberId"], "memberRole": member["memberRole"], "profile": shown}


def introduce(sim: Simulator, group: Json, newcomer: Json) -> None:
    """Introduce a new member to the others (one who waits for review only to the moderators), both ways."""
    pending = newcomer["memberStatus"] in groups.PENDING
    for member, connection in groups.recipients(sim, group):
        other = member["groupMemberId"] != newcomer["groupMemberId"]
        if other and (not pending or rank(member["memberRole"]) >= groups.MODERATOR):
            introduce_to(sim, newcomer, member, connection)


def introduce_to(sim: Simulator, newcomer: Json, member: Json, connection: Json) -> None:
    """Introduce a new member and one other to each other."""
    other = groups.member_connection(sim, newcomer)
    if other is None:
        return
    pending = newcomer["memberStatus"] in groups.PENDING
    params = {"memberInfo": _member_info(sim, newcomer), "pending": pending}
    delivery.send(sim, connection, [{"event": "x.grp.mem.new", "params": params, "msgId": binary_id()}])
    params = {"memberInfo": _member_info(sim, member)}
    delivery.send(sim, other, [{"event": "x.grp.mem.intro", "params": params}])


def _store_member(sim: Simulator, group: Json, about: Json, **facts: Any) -> Json:
    profile = about["profile"]
    return groups.add_member(
        sim,
        group,
        memberId=about["memberId"],
        memberRole=about["memberRole"],
        memberProfile=profile,
        memberContactProfileId=new_profile_id(sim, group["userId"]),
        localDisplayName=take_name(sim, group["userId"], profile["displayName"]),
        **facts,
    )


@groups.member_event("x.grp.mem.new")
def _new_member(sim: Simulator, group: Json, host: Json, message: Json) -> bool:
    if rank(host["memberRole"]) < rank("member"):
        return False
    about = message["params"]["memberInfo"]
    known = groups.member_by_member_id(sim, group, about["memberId"])
    if known is not None:
        return False
    pending = message["params"]["pending"]
    member = _store_member(
        sim,
        group,
        about,
        memberCategory="post",
        memberStatus="pending_review" if pending else "announced",
        invitedByGroupMemberId=host["groupMemberId"],
        **(support_chat() if pending else {}),
    )
    scope = groups.support_scope(member) if pending else None
    told = {"type": "memberAdded", "groupMemberId": member["groupMemberId"], "profile": about["profile"]}
    text = f"added {about['profile']['displayName']}"
    group_items.tell_event(sim, group, host, told, text, scope=scope, **group_items.received(message))
    if pending:
        told = {"type": "newMemberPendingReview"}
        group_items.tell_event(sim, group, host, told, "new member wants to join the group", scope=scope)
    sim.emit(
        {
            "type": "joinedGroupMemberConnecting",
            "user": sim.user_record(sim.user(group["userId"])),
            "groupInfo": group_records.group_record(sim, group),
            "hostMember": group_records.member_record(sim, host),
            "member": group_records.member_record(sim, member),
        }
    )
    return False


@groups.member_event("x.grp.mem.intro")
def _introduced(sim: Simulator, group: Json, host: Json, message: Json) -> bool:
    about = message["params"]["memberInfo"]
    member = groups.member_by_member_id(sim, group, about["memberId"])
    if member is not None and groups.member_connection(sim, member) is not None:
        return False
    if member is None:
        member = _store_member(sim, group, about, memberCategory="pre", memberStatus="introduced")
    queue = new_member_connection(sim, member, group["userId"], "new", connLevel=1)
    params = {"memberId": about["memberId"], "queue": {"node": sim.network.node, "queue": queue["queue"]}}
    delivery.send(sim, groups.connection_to(sim, host), [{"event": "x.grp.mem.inv", "params": params}])
    return False


@groups.member_event("x.grp.mem.inv")
def _forward(sim: Simulator, group: Json, newcomer: Json, message: Json) -> bool:
    member = groups.member_by_member_id(sim, group, message["params"]["memberId"])
    other = member and groups.member_connection(sim, member)
    if other is not None:
        params = {"memberId": newcomer["memberId"], "queue": message["params"]["queue"]}
        delivery.send(sim, other, [{"event": "x.grp.mem.fwd", "params": params}])
    return False


@groups.member_event("x.grp.mem.fwd")
def _forwarded(sim: Simulator, group: Json, host: Json, message: Json) -> bool:
    member = groups.member_by_member_id(sim, group, message["params"]["memberId"])
    if member is None or groups.member_connection(sim, member) is not None:
        return False
    facts = {"viaContact": host.get("memberContactId"), "peer": message["params"]["queue"]}
    meeting = new_member_connection(sim, member, group["userId"], "joined", connLevel=1, **facts)
    own = groups.membership(sim, group)
    delivery.post(sim, meeting, "member.meet", memberId=own["memberId"])
    return False


@delivery.envelope("member.meet")
def _meet(sim: Simulator, connection: Json, body: Json) -> None:
    if connection["entityType"] == "member" and connection["connStatus"] == "new":
        connection = sim.store.update("connections", connection["connId"], connStatus="ready", peer=body["from"])
        delivery.post(sim, connection, "member.met")
        _connected(sim, connection)


@delivery.envelope("member.met")
def _met(sim: Simulator, connection: Json, body: Json) -> None:
    if connection["entityType"] == "member" and connection["connStatus"] == "joined":
        _connected(sim, sim.store.update("connections", connection["connId"], connStatus="ready", peer=body["from"]))


def _connected(sim: Simulator, connection: Json) -> None:
    member = groups.member_of(sim, connection)
    if member is None:
        return
    group = groups.group_of(sim, member)
    own = groups.membership(sim, group)
    scope = None
    if member["memberStatus"] in groups.PENDING:
        scope = groups.support_scope(member)
    elif own["memberStatus"] in groups.PENDING:
        scope = groups.GROUP_SUPPORT
    # What is told now is the state before the connection counts as made.
    if member["memberStatus"] not in groups.PENDING:
        member = groups.set_member(sim, member, memberStatus="intro-inv")
    group_items.tell_event(sim, group, member, {"type": "memberConnected"}, "connected", scope=scope)
    sim.emit(
        {
            "type": "connectedToGroupMember",
            "user": sim.user_record(sim.user(group["userId"])),
            "groupInfo": group_records.group_record(sim, groups.group_of(sim, member)),
            "member": group_records.member_record(sim, member),
        }
    )
    if member["memberStatus"] not in groups.PENDING:
        groups.set_member(sim, member, memberStatus="connected")


# Is a member a contact?


def probe(sim: Simulator, member: Json) -> None:
    """Ask whether a member is a contact of the same name, and the contact whether it is this member."""
    connection = groups.member_connection(sim, member)
    if member.get("memberContactId") or connection is None:
        return
    profile = member["memberProfile"]
    for contact in sim.store.find("contacts", userId=member["userId"]):
        same = all(contact["profile"].get(key) == profile.get(key) for key in ("displayName", "fullName", "image"))
        other = contact_connection(sim, contact["contactId"]) if same else None
        if other is not None and other["connStatus"] == "ready":
            secret = binary_id(24)
            sim.store.insert("probes", {"connId": connection["connId"], "probe": secret})
            delivery.send(sim, connection, [{"event": "x.info.probe", "params": {"probe": secret}}])
            delivery.send(sim, other, [{"event": "x.info.probe.check", "params": {"probe": secret}}])


@delivery.chat_event("member", "x.info.probe")
def _probed(sim: Simulator, connection: Json, message: Json) -> bool:
    sim.store.insert("probes", {"connId": connection["connId"], "probe": message["params"]["probe"]})
    return False


@delivery.chat_event("contact", "x.info.probe.check")
def _checked(sim: Simulator, connection: Json, message: Json) -> bool:
    if _associate(sim, connection, message["params"]["probe"]):
        params = {"probe": message["params"]["probe"]}
        delivery.send(sim, connection, [{"event": "x.info.probe.ok", "params": params}])
    return False


@delivery.chat_event("contact", "x.info.probe.ok")
def _confirmed(sim: Simulator, connection: Json, message: Json) -> bool:
    _associate(sim, connection, message["params"]["probe"])
    return False


def _associate(sim: Simulator, connection: Json, secret: str) -> bool:
    """Make a member and a contact one person, if the same probe went both ways."""
    found = sim.store.first("probes", probe=secret)
    contact = sim.store.get("contacts", connection["entityId"])
    member_side = sim.store.get("connections", found["connId"]) if found else None
    member = groups.member_of(sim, member_side) if member_side else None
    if found is None or contact is None or member is None or member["userId"] != connection["userId"]:
        return False
    sim.store.delete("probes", found["probeId"])
    if member.get("memberContactId"):
        return False
    record = contact_record(sim, contact, connection)
    group = groups.group_of(sim, member)
    sim.emit(
        {
            "type": "contactAndMemberAssociated",
            "user": sim.user_record(sim.user(member["userId"])),
            "contact": record,
            "groupInfo": group_records.group_record(sim, group),
            "member": group_records.member_record(sim, member),
            "updatedContact": record,
        }
    )
    free_name(sim, member["userId"], member["localDisplayName"])
    sim.store.delete("profiles", member["memberContactProfileId"])
    groups.set_member(sim, member, memberContactId=contact["contactId"])
    return True
