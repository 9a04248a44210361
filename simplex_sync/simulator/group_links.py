"""Links to groups: making and changing them, and asking to join through one (what follows is in `group_admission`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import delivery, group_records, groups, publishing
from .commands import command
from .connections import incognito_profile, new_connection, own_profile, queues_deleted, require_servers, smp_server
from .failure import store_error
from .joining import link_kind
from .links import GROUP, make_link, random_id
from .records import pending_connection_record, present

if TYPE_CHECKING:
    from .engine import Simulator

Json = dict[str, Any]

ROLE = "{role:choice:observer|author|member|moderator|admin|owner}"


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
    owner = [sim.network.node, group["userId"], group["groupId"]]
    facts = {"groupProfile": group["groupProfile"], "groupLinkId": link["groupLinkId"]}
    publishing.put_own_link(sim, link, GROUP, owner, **facts)


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
    publishing.delete_link(sim, link["names"])
    sim.store.delete("userContactLinks", link["userContactLinkId"])
    for through in sim.store.find("connections", userId=link["userId"], entityType="member"):
        if through.get("viaUserContactLink") == link["userContactLinkId"]:
            sim.store.update("connections", through["connId"], viaUserContactLink=None)
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
    before = _joined_through(sim, user, link)
    if before is not None and before["entityType"] == "pending":  # asked before, not yet let in: ask again
        delivery.post(
            sim,
            before,
            "contact.request",
            profile=own_profile(sim, user, before),
            xContactId=before["xContactId"],
        )
        record = pending_connection_record(before)
        return {"type": "sentInvitation", "user": sim.user_record(user), "connection": record}
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
