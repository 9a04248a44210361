"""Direct messages between members of a group: a member is made a contact and invited through the member's connection.

`/_create member contact` makes the contact, `/_invite member contact` invites, and the other accepts with
`/_accept member contact`, or at once where the user's profile says so. These commands are not in the documents.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import delivery, group_items, group_records, groups
from .chats import contact_of
from .commands import command
from .connections import contact_introduction, new_connection, require_servers
from .failure import command_error
from .group_features import allows
from .group_members import group_event
from .links import agent_id
from .messages import Draft, send_drafts
from .records import contact_record, plain_profile
from .users import new_contact

if TYPE_CHECKING:
    from .engine import Simulator

Json = dict[str, Any]


def _make_contact(sim: Simulator, member: Json, **more: Any) -> Json:
    """Make a contact of a member who is none yet, and return its document."""
    profile = plain_profile(group_records.member_profile(sim, member)[0])
    contact = new_contact(sim, member["userId"], profile, contactGroupMemberId=member["groupMemberId"], **more)
    sim.store.update("groupMembers", member["groupMemberId"], memberContactId=contact["contactId"])
    return contact


def _about(sim: Simulator, tag: str, group: Json, member: Json, contact: Json) -> Json:
    member = sim.store.get("groupMembers", member["groupMemberId"]) or member
    facts = {"contact": contact_record(sim, contact), "member": group_records.member_record(sim, member)}
    return group_event(sim, tag, group, **facts)


@command("/_create member contact #{group_id:int} {member_id:int}")
def create_member_contact(sim: Simulator, group_id: int, member_id: int) -> Json:
    group = groups.get_group(sim, group_id)
    member = groups.get_member(sim, group_id, member_id)
    own = groups.membership(sim, group)
    if not allows(group["groupProfile"], "directMessages", own["memberRole"]):
        raise command_error("direct messages not allowed")
    if member.get("memberContactId"):
        raise command_error("member contact already exists")
    contact = _make_contact(sim, member)
    new_connection(sim, group["userId"], "contact", entityId=contact["contactId"], connType="contact", connStatus="new")
    return _about(sim, "newMemberContact", group, member, contact)


@command("/_invite member contact @{contact_id:int}[ json {content:json:MsgContent}]", network=True)
def invite_member_contact(sim: Simulator, contact_id: int, content: Json | None = None) -> Json:
    user = sim.active_user()
    contact = contact_of(sim, user, contact_id)
    require_servers(sim)
    member = sim.store.get("groupMembers", contact.get("contactGroupMemberId", 0))
    through = member and groups.member_connection(sim, member)
    connection = sim.store.first("connections", entityType="contact", entityId=contact_id)
    if member is None or through is None or connection is None:
        raise command_error("not a member contact")
    if contact.get("contactGrpInvSent"):
        raise command_error("x.grp.direct.inv already sent")
    queue = {"node": sim.network.node, "queue": connection["queue"]}
    delivery.send(sim, through, [{"event": "x.grp.direct.inv", "params": {"queue": queue, "content": content}}])
    contact = sim.store.update("contacts", contact_id, contactGrpInvSent=True, pendingContent=content)
    return _about(sim, "newMemberContactSentInv", groups.group_of(sim, member), member, contact)


@groups.member_event("x.grp.direct.inv")
def _invited(sim: Simulator, group: Json, member: Json, message: Json) -> bool:
    if member.get("memberContactId"):
        return False
    if not allows(group["groupProfile"], "directMessages", member["memberRole"]):
        return False
    user = sim.user(group["userId"])
    invitation = {
        "groupDirectInvLink": agent_id(),
        "fromGroupId_": group["groupId"],
        "fromGroupMemberId_": member["groupMemberId"],
        "groupDirectInvStartedConnection": False,
    }
    contact = _make_contact(sim, member, groupDirectInv=invitation, peerQueue=message["params"]["queue"])
    member = sim.store.get("groupMembers", member["groupMemberId"]) or member
    group_items.tell_event(sim, group, member, {"type": "memberCreatedContact"}, "started direct connection with you")
    sim.emit(_about(sim, "newMemberContactReceivedInv", group, member, contact))
    if user["autoAcceptMemberContacts"]:
        _accept(sim, user, contact)
    return False


@command("/_accept member contact @{contact_id:int}", network=True)
def accept_member_contact(sim: Simulator, contact_id: int) -> Json:
    user = sim.active_user()
    contact = contact_of(sim, user, contact_id)
    if "peerQueue" not in contact:
        raise command_error("no direct invitation")
    contact = _accept(sim, user, contact)
    return {"type": "memberContactAccepted", "user": sim.user_record(user), "contact": contact_record(sim, contact)}


def _accept(sim: Simulator, user: Json, contact: Json) -> Json:
    connection = new_connection(
        sim,
        user["userId"],
        "contact",
        entityId=contact["contactId"],
        connType="contact",
        connStatus="joined",
        peer=contact["peerQueue"],
    )
    delivery.post(sim, connection, "member.contact")
    invitation = {**contact["groupDirectInv"], "groupDirectInvStartedConnection": True}
    return sim.store.update("contacts", contact["contactId"], groupDirectInv=invitation, peerQueue=None)


@delivery.envelope("member.contact")
def _contact_joined(sim: Simulator, connection: Json, body: Json) -> None:
    if connection["entityType"] == "contact" and connection["connStatus"] == "new":
        delivery.post(sim, connection, "member.contacted", to=body["from"])
        _connected(sim, connection, body)


@delivery.envelope("member.contacted")
def _contact_ready(sim: Simulator, connection: Json, body: Json) -> None:
    if connection["entityType"] == "contact" and connection["connStatus"] == "joined":
        _connected(sim, connection, body)


def _connected(sim: Simulator, connection: Json, body: Json) -> None:
    contact = sim.store.get("contacts", connection["entityId"])
    if contact is None:
        return
    user = sim.user(connection["userId"])
    ready = sim.store.update(
        "connections",
        connection["connId"],
        connStatus="ready",
        pqSndEnabled=True,
        pqRcvEnabled=True,
        peer=body["from"],
    )
    record = contact_record(sim, contact, ready)
    sim.emit({"type": "contactConnected", "user": sim.user_record(user), "contact": record})
    contact_introduction(sim, user, contact, tell=True, connection=ready)
    content = contact.get("pendingContent")
    if content is not None:
        draft = Draft(content, str(content.get("text", "")), {}, {})
        sim.store.update("contacts", contact["contactId"], pendingContent=None)
        sim.emit(send_drafts(sim, user, contact, ready, [draft], False, None))
