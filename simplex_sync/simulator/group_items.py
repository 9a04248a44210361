"""Chat items of groups: messages, and what tells of events and features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import groups, items
from .clock import timestamp
from .group_features import FEATURES, feature_item
from .group_records import member_record

if TYPE_CHECKING:
    from .engine import Simulator

Json = dict[str, Any]

E2EE_TEXT = (
    "This conversation is protected by end-to-end encryption with perfect forward secrecy, repudiation and break-in "
    "recovery."
)


def received(message: Json) -> Json:
    """Return the keys of an item that come from the message that brought it."""
    return {"item_ts": message["sentAt"], "shared_msg_id": message.get("msgId")}


def new_item(
    sim: Simulator,
    group: Json,
    member: Json | None,
    content: Json,
    text: str,
    status: str,
    *,
    scope: Json | None = None,
    **more: Any,
) -> Json:
    """Store an item of a group.

    Args:
        sim: The simulator.
        group: The group.
        member: Who it is from; None for the user.
        content: Its `content`.
        text: Its `itemText`.
        status: The type of its `itemStatus`.
        scope: The stored scope of a support chat.
        **more: What `items.create` takes.
    """
    direction: Json = {"type": "groupSnd"}
    if member is not None:
        direction = {"type": "groupRcv", "groupMemberId": member["groupMemberId"]}
        more["memberId"] = member["groupMemberId"]
    return items.create(
        sim,
        group["userId"],
        ("#", group["groupId"]),
        direction,
        content,
        text,
        {"type": status},
        scope=groups.scope_key(scope),
        scopeInfo=scope,
        **more,
    )


def new_items_event(sim: Simulator, documents: list[Json], member: Json | None = None) -> Json:
    """Return the `newChatItems` of items that were just made, with their sender in its state of now (or as given)."""
    user = sim.user(documents[0]["userId"])
    event = items.new_items_event(sim, user, documents)
    for found in event["chatItems"]:
        direction = found["chatItem"]["chatDir"]
        if direction["type"] == "groupRcv":
            sender = member or sim.store.get("groupMembers", direction["groupMember"]["groupMemberId"])
            if sender is not None:
                direction["groupMember"] = member_record(sim, sender)
    return event


def tell_event(
    sim: Simulator, group: Json, member: Json | None, about: Json, text: str, *, scope: Json | None = None, **more: Any
) -> Json:
    """Make and announce the item that tells what happened in a group (`rcvGroupEvent` or `sndGroupEvent`)."""
    item = event_item(sim, group, member, about, text, scope=scope, **more)
    sim.emit(new_items_event(sim, [item], member))
    return item


def event_item(
    sim: Simulator, group: Json, member: Json | None, about: Json, text: str, *, scope: Json | None = None, **more: Any
) -> Json:
    """Make the item that tells what happened in a group, without announcing it."""
    direction = "snd" if member is None else "rcv"
    # What concerns the user counts as unread.
    unread = about["type"] in ("userRole", "userDeleted", "groupDeleted", "newMemberPendingReview")
    status = "sndNew" if member is None else "rcvNew" if unread else "rcvRead"
    content = {"type": f"{direction}GroupEvent", f"{direction}GroupEvent": about}
    return new_item(sim, group, member, content, text, status, scope=scope, **more)


def tell_features(sim: Simulator, group: Json, member: Json | None, *, scope: Json | None = None) -> list[Json]:
    """Make the items that tell what a group allows, and announce them: the encryption first, then the features."""
    direction, status = ("snd", "sndNew") if member is None else ("rcv", "rcvRead")
    about: Json = {"type": f"{direction}GroupE2EEInfo", "e2eeInfo": {"pqEnabled": False}}
    first = new_item(sim, group, member, about, E2EE_TEXT, status, scope=scope)
    sim.emit(new_items_event(sim, [first]))
    documents = []
    for name in FEATURES:
        content, text = feature_item(direction, name, group["groupProfile"])
        documents.append(new_item(sim, group, member, content, text, status, scope=scope))
    return documents


# Support chats and moderation.


def note_support(sim: Simulator, member: Json, *, answered: bool) -> None:
    """Note that something was written in the support chat with a member.

    Args:
        sim: The simulator.
        member: The member's document.
        answered: Whether a moderator wrote it, so that what the member wrote before is answered.
    """
    chat = dict(member.get("supportChat") or {"answered": 0})
    chat["chatTs"] = timestamp()
    if answered:
        chat["answered"] = sim.store.number("items", "max(id)", "chatType = '#' AND chatId = ?", (member["groupId"],))
    sim.store.update("groupMembers", member["groupMemberId"], supportChat=chat, hasSupportChat=True)


def moderate(sim: Simulator, item: Json, by: Json, when: str | None = None) -> Json:
    """Mark an item as taken away by a moderator and return the new document."""
    mark = {"type": "moderated", "deletedTs": when or timestamp(), "byGroupMember": member_record(sim, by)}
    return items.change(sim, item, meta={"itemDeleted": mark, "deletable": False, "editable": False})
