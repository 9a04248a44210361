"""Links to groups: making them, and joining through them.

Who joins sends the same `contact.request` as to an address; the host answers `member.link` with the group, and the one who
joins confirms with `member.ready`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import delivery, group_items, group_records, groups
from .addresses import request_taker
from .commands import command
from .connections import incognito_profile, new_connection, own_profile, queues_deleted, require_servers, smp_server
from .failure import store_error
from .group_introductions import probe, support_chat
from .group_joining import came_in, member_came_in, shown_profile
from .joining import link_kind
from .links import GROUP, make_link, random_id
from .names import take_name
from .records import pending_connection_record, plain_profile, present
from .users import new_profile_id

if TYPE_CHECKING:
    from .engine import Simulator

Json = dict[str, Any]

ROLE = "{role:choice:observer|author|member|moderator|admin|owner}"


# What else a host does when somebody came in through a link: `(sim, group, connection)`.
JoinedHook = Callable[["Simulator", Json, Json], None]
_JOINED: list[JoinedHook] = []


def joined_hook(function: JoinedHook) -> JoinedHook:
    """Register what a host does when somebody came in through a link."""
    _JOINED.append(function)
    return function


def group_link_of(sim: Simulator, group: Json) -> Json:
    """Return the document of a group's link.

    Raises:
        ChatError: `groupLinkNotFound`.
    """
    link = sim.store.first("userContactLinks", groupId=group["groupId"])
    if link is None:
        raise store_error("groupLinkNotFound", groupInfo=group_records.group_record(sim, group))
    return link


def link_record(link: Json) -> Json:
    """Return the `GroupLink` of a document."""
    return {
        "userContactLinkId": link["userContactLinkId"],
        "connLinkContact": link["connLinkContact"],
        "shortLinkDataSet": True,
        "shortLinkLargeDataSet": True,
        "groupLinkId": link["groupLinkId"],
        "acceptMemberRole": link["acceptMemberRole"],
    }


def publish(sim: Simulator, group: Json, link: Json) -> None:
    """Publish a group's link (anew), with what joining it needs."""
    connection = sim.store.get("connections", link["connId"]) or {}
    sim.network.put_link(
        link["names"],
        {
            "kind": GROUP,
            "peer": {"node": sim.network.node, "queue": connection["queue"]},
            "connLink": link["connLinkContact"],
            "server": link["server"],
            "groupProfile": group["groupProfile"],
            "groupLinkId": link["groupLinkId"],
            "owner": [sim.network.node, group["userId"], group["groupId"]],
        },
    )


def _response(sim: Simulator, tag: str, group: Json, link: Json | None = None) -> Json:
    response: Json = {
        "type": tag,
        "user": sim.user_record(sim.active_user()),
        "groupInfo": group_records.group_record(sim, group),
    }
    if link is not None:
        response["groupLink"] = link_record(link)
    return response


@command("/_create link #{group_id:int} " + ROLE, network=True)
def create_group_link(sim: Simulator, group_id: int, role: str) -> Json:
    group = groups.get_group(sim, group_id)
    group_records.require_role(sim, group, "admin")
    require_servers(sim)
    if sim.store.first("userContactLinks", groupId=group_id) is not None:
        raise store_error("duplicateGroupLink", groupInfo=group_records.group_record(sim, group))
    server = smp_server(sim)
    made = make_link(GROUP, server)
    connection = new_connection(
        sim, group["userId"], "userContact", connType="user_contact", connStatus="new", queue=made.queue, server=server
    )
    group_link_id = random_id(16) + "=="
    full = made.full + f"&data=%7B%22groupLinkId%22%3A%22{group_link_id.replace('=', '%3D')}%22%7D"
    link = sim.store.insert(
        "userContactLinks",
        {
            "userId": group["userId"],
            "groupId": group_id,
            "connId": connection["connId"],
            "connLinkContact": {"connFullLink": full, "connShortLink": made.short},
            "names": made.names,
            "server": server,
            "groupLinkId": group_link_id,
            "acceptMemberRole": role,
        },
    )
    sim.store.update("connections", connection["connId"], entityId=link["userContactLinkId"])
    publish(sim, group, link)
    return _response(sim, "groupLinkCreated", group, link)


@command("/_set link role #{group_id:int} " + ROLE)
def set_link_role(sim: Simulator, group_id: int, role: str) -> Json:
    group = groups.get_group(sim, group_id)
    group_records.require_role(sim, group, "admin")
    link = group_link_of(sim, group)
    link = sim.store.update("userContactLinks", link["userContactLinkId"], acceptMemberRole=role)
    return _response(sim, "groupLink", group, link)


@command("/_get link #{group_id:int}")
def get_group_link(sim: Simulator, group_id: int) -> Json:
    group = groups.get_group(sim, group_id)
    return _response(sim, "groupLink", group, group_link_of(sim, group))


@command("/_delete link #{group_id:int}")
def delete_group_link(sim: Simulator, group_id: int) -> Json:
    group = groups.get_group(sim, group_id)
    link = group_link_of(sim, group)
    for event in delete_link(sim, link):
        sim.emit_later(event)
    return _response(sim, "groupLinkDeleted", group)


def delete_link(sim: Simulator, link: Json) -> list[Json]:
    """Take a group's link away and return the events that tell of it."""
    sim.network.delete_link(link["names"])
    sim.store.delete("userContactLinks", link["userContactLinkId"])
    for connection in sim.store.find("connections", userId=link["userId"], entityType="member"):
        if connection.get("viaUserContactLink") == link["userContactLinkId"]:
            sim.store.update("connections", connection["connId"], viaUserContactLink=None)
    connection = sim.store.get("connections", link["connId"])
    if connection is None:
        return []
    sim.store.delete("connections", connection["connId"])
    return queues_deleted([connection])


# Joining through a link.


def _joined_through(sim: Simulator, user: Json, link: Json) -> Json | None:
    """Return the user's connection that was made through a link, or None."""
    return sim.store.first("connections", userId=user["userId"], linkQueue=link["names"][0])


def _plan(sim: Simulator, user: Json, link: Json) -> Json:
    plan: Json = {"type": "ok"}
    connection = _joined_through(sim, user, link)
    if link["owner"][:2] == [sim.network.node, user["userId"]]:
        group = sim.store.get("groups", link["owner"][2]) or {}
        plan = {"type": "ownLink", "groupInfo": group_records.group_record(sim, group)}
    elif connection is not None and connection["entityType"] == "member":
        host = groups.member_of(sim, connection)
        group = groups.group_of(sim, host) if host else {}
        if groups.membership(sim, group)["memberStatus"] in groups.CURRENT | groups.PENDING:
            plan = {"type": "known", "groupInfo": group_records.group_record(sim, group)}
    elif connection is not None:
        plan = {"type": "connectingConfirmReconnect"}
    if plan["type"] == "ok" and "connShortLink" in link["connLink"]:
        plan["groupSLinkData_"] = {"groupProfile": link["groupProfile"]}
    return {"type": "groupLink", "groupLinkPlan": plan}


def _join(sim: Simulator, user: Json, link: Json, incognito: bool) -> Json:
    queue_name, short_name = link["names"]
    connection = new_connection(
        sim,
        user["userId"],
        "pending",
        connType="contact",
        connStatus="joined",
        viaContactUri=True,
        viaGroupLink=True,
        groupLinkId=link["groupLinkId"],
        connLinkUsed=link["connLink"],
        linkQueue=queue_name,
        linkShort=short_name if "connShortLink" in link["connLink"] else None,
        contactConnInitiated=True,
        peer=link["peer"],
        xContactId=random_id(16) + "==",
    )
    if incognito:
        profile_id, _ = incognito_profile(sim, user["userId"])
        connection = sim.store.update("connections", connection["connId"], customUserProfileId=profile_id)
    profile = own_profile(sim, user, connection)
    delivery.post(sim, connection, "contact.request", profile=profile, xContactId=connection["xContactId"])
    response = {
        "type": "sentInvitation",
        "user": sim.user_record(user),
        "connection": pending_connection_record(connection),
        "customUserProfile": profile if incognito else None,
    }
    return present(response)


link_kind(GROUP, _plan, _join)


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
    connection = new_connection(
        sim,
        user["userId"],
        "member",
        entityId=member["groupMemberId"],
        connType="member",
        connStatus="new",
        viaUserContactLink=link["userContactLinkId"],
        viaGroupLink="groupId" in link,
        pqSupport=False,
        pqEncryption=False,
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
def _ready(sim: Simulator, connection: Json, body: Json) -> None:
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


@delivery.chat_event("member", "x.grp.link.mem")
def _host_profile(sim: Simulator, connection: Json, message: Json) -> bool:
    host, profile = groups.member_of(sim, connection), message["params"]["profile"]
    if host is None or host.get("memberContactId") or host["memberProfile"] == profile:
        return False
    before = group_records.member_record(sim, host)
    # As in the CLI, the event tells of the peer's type, which is not kept.
    kept = {key: value for key, value in profile.items() if key != "peerType"}
    host = groups.set_member(sim, host, memberProfile=kept)
    group = groups.group_of(sim, host)
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
