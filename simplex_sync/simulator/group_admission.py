"""Coming into a group through a link, at both ends: the one who joins, and the host who lets him in.

Who joins sends the same `contact.request` as to an address; the host answers `member.link` with the group, and the one
who joins confirms with `member.ready`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import delivery, group_items, group_records, groups
from .addresses import request_taker
from .connections import new_member_connection, own_profile
from .group_introductions import probe, support_chat
from .group_joining import came_in, member_came_in, shown_profile
from .names import take_name
from .records import plain_profile
from .users import new_profile_id

if TYPE_CHECKING:
    from .engine import Simulator

Json = dict[str, Any]

# What else a host does when somebody came in through a link: `(sim, group, connection)`.
JoinedHook = Callable[["Simulator", Json, Json], None]
_JOINED: list[JoinedHook] = []


def joined_hook(function: JoinedHook) -> JoinedHook:
    """Register what a host does when somebody came in through a link."""
    _JOINED.append(function)
    return function


@request_taker
def _join_request(sim: Simulator, user: Json, link: Json, body: Json) -> bool:
    """At the host: somebody comes through the group's link."""
    group = sim.store.get("groups", link["groupId"]) if "groupId" in link else None
    if group is None:
        return False
    profile = {key: value for key, value in plain_profile(body["profile"]).items() if key != "preferences"}
    admission = group["groupProfile"].get("memberAdmission") or {}
    pending = admission.get("review") == "all"
    member, connection = admit(
        sim,
        user,
        group,
        link,
        body,
        profile,
        memberRole=link["acceptMemberRole"],
        memberStatus="pending_review" if pending else "accepted",
        **(support_chat() if pending else {}),
    )
    if connection is None:
        return True
    scope = groups.support_scope(member) if pending else None
    about = {"type": "invitedViaGroupLink"}
    group_items.tell_event(sim, group, member, about, "invited via your group link", scope=scope)
    sim.emit(
        {
            "type": "acceptingGroupJoinRequestMember",
            "user": sim.user_record(user),
            "groupInfo": group_records.group_record(sim, group),
            "member": group_records.member_record(sim, member),
        }
    )
    let_in(sim, group, member, connection)
    return True


def admit(
    sim: Simulator, user: Json, group: Json, link: Json, body: Json, profile: Json, **facts: Any
) -> tuple[Json, Json | None]:
    """Store a member who came through a link, with the connection; no connection if the member was stored before."""
    known = sim.store.first("connections", userId=user["userId"], agentInvitation=body["xContactId"])
    if known is not None:
        return sim.store.get("groupMembers", known["entityId"]) or {}, None
    member = groups.add_member(
        sim,
        group,
        memberCategory="invitee",
        memberProfile=profile,
        memberContactProfileId=new_profile_id(sim, user["userId"]),
        localDisplayName=take_name(sim, user["userId"], profile["displayName"]),
        invitedBy={"type": "user"},
        invitedByGroupMemberId=group["membershipId"],
        **facts,
    )
    connection = new_member_connection(
        sim,
        member,
        user["userId"],
        "new",
        viaUserContactLink=link["userContactLinkId"],
        viaGroupLink="groupId" in link,
        peer=body["from"],
        agentInvitation=body["xContactId"],
    )
    return member, connection


def let_in(sim: Simulator, group: Json, member: Json, connection: Json, **more: Any) -> None:
    """Tell the one who came through a link about the group; further keys win over what is told by default."""
    own = groups.membership(sim, group)
    host = {
        "memberId": own["memberId"],
        "memberRole": own["memberRole"],
        "profile": shown_profile(group_records.member_profile(sim, own)[0]),
    }
    invited = {"memberId": member["memberId"], "memberRole": member["memberRole"], "status": member["memberStatus"]}
    about = {"groupProfile": group["groupProfile"], "host": host, "invited": invited, **more}
    delivery.post(sim, connection, "member.link", **about)


@delivery.envelope("member.link")
def _linked(sim: Simulator, connection: Json, body: Json) -> None:
    """At the one who joins: the host says what group it is."""
    if connection["entityType"] != "pending":
        return
    user = sim.user(connection["userId"])
    profile, about, invited = body["groupProfile"], body["host"], body["invited"]
    group = groups.add_group(
        sim,
        user,
        profile,
        take_name(sim, user["userId"], profile["displayName"]),
        viaGroupLinkUri=connection["connLinkUsed"]["connFullLink"],
        businessChat=body.get("businessChat"),
    )
    host = groups.add_member(
        sim,
        group,
        memberId=about["memberId"],
        memberRole=about["memberRole"],
        memberCategory="host",
        memberStatus="accepted",
        memberProfile=about["profile"],
        memberContactProfileId=new_profile_id(sim, user["userId"]),
        localDisplayName=take_name(sim, user["userId"], about["profile"]["displayName"]),
    )
    facts: Json = {}
    if "customUserProfileId" in connection:
        own = own_profile(sim, user, connection)
        facts = {
            "incognitoProfile": True,
            "memberProfile": own,
            "memberContactProfileId": connection["customUserProfileId"],
            "localDisplayName": own["displayName"],
        }
    membership = groups.add_member(
        sim,
        group,
        memberId=invited["memberId"],
        memberRole=invited["memberRole"],
        memberCategory="user",
        memberStatus=invited["status"],
        invitedByGroupMemberId=host["groupMemberId"],
        **facts,
    )
    group = sim.store.update("groups", group["groupId"], membershipId=membership["groupMemberId"])
    connection = sim.store.update(
        "connections",
        connection["connId"],
        entityType="member",
        entityId=host["groupMemberId"],
        connType="member",
        connStatus="requested",
        peer=body["from"],
    )
    sim.emit(
        {
            "type": "groupLinkConnecting",
            "user": sim.user_record(user),
            "groupInfo": group_records.group_record(sim, group),
            "hostMember": group_records.member_record(sim, host, connection),
        }
    )
    delivery.post(sim, connection, "member.ready")
    sim.store.update("connections", connection["connId"], connStatus="ready")
    came_in(sim, host)


@delivery.envelope("member.ready")
def _ready(sim: Simulator, connection: Json, _body: Json) -> None:
    """At the host: the one who joined is connected."""
    member = groups.member_of(sim, connection)
    if connection["entityType"] != "member" or member is None or connection["connStatus"] != "new":
        return
    connection = sim.store.update("connections", connection["connId"], connStatus="ready")
    group = groups.group_of(sim, member)
    own = groups.membership(sim, group)
    profile = group_records.member_profile(sim, own)[0]
    told = {key: value for key, value in plain_profile(profile).items() if key not in ("preferences", "contactLink")}
    for hook in _JOINED:
        hook(sim, group, connection)
    delivery.send(sim, connection, [{"event": "x.grp.link.mem", "params": {"profile": told}}])
    if member["memberStatus"] in groups.PENDING:
        delivery.send(sim, connection, [{"event": "x.grp.link.acpt", "params": {"status": member["memberStatus"]}}])
    member_came_in(sim, member)
    member = groups.member_of(sim, connection) or member
    if "businessChat" not in group:
        probe(sim, member)


@groups.member_event("x.grp.link.mem")
def _host_profile(sim: Simulator, group: Json, host: Json, message: Json) -> bool:
    profile = message["params"]["profile"]
    if host.get("memberContactId") or host["memberProfile"] == profile:
        return False
    before = group_records.member_record(sim, host)
    # As in the CLI, the event tells of the peer's type, which is not kept.
    kept = {key: value for key, value in profile.items() if key != "peerType"}
    host = groups.set_member(sim, host, memberProfile=kept)
    sim.emit(
        {
            "type": "groupMemberUpdated",
            "user": sim.user_record(sim.user(host["userId"])),
            "groupInfo": group_records.group_record(sim, group),
            "fromMember": before,
            "toMember": group_records.member_record(sim, {**host, "memberProfile": profile}),
        }
    )
    return False
