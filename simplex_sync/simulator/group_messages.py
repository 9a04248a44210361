"""Messages in groups: sent to every member, taken from them, with one delivery status for all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import delivery, group_items, group_records, groups, items
from .chats import action, lister
from .commands import ChatRef
from .failure import command_error, error
from .group_features import FEATURES, allows, rank, time_to_live
from .group_profiles import tell_profile
from .links import binary_id
from .markdown import formatted_text
from .messages import (
    Draft,
    message_new,
    prepare,
    received_file,
    received_quote,
    refuse_large,
    statuses_updated,
    timed,
)
from .records import present
from .store import define_table

if TYPE_CHECKING:
    from .engine import Simulator

Json = dict[str, Any]

# How each member's copy of an item fares: `new`, `sent` or `received`.
define_table("groupStatuses", "groupStatusId", {"itemId": "INTEGER", "groupMemberId": "INTEGER", "status": "TEXT"})

SMALL_GROUP = 20  # members; larger groups send no receipts
HISTORY = 100  # messages that a new member is told
VOICE = {"voice": "voice", "file": "files", "image": "files", "video": "files"}


@lister
def _group_chats(sim: Simulator, user: Json) -> list[tuple[str, str, int]]:
    return [
        (str(group.get("chatTs") or group["createdAt"]), "#", group["groupId"])
        for group in sim.store.find("groups", userId=user["userId"])
    ]


def chosen_scope(sim: Simulator, group: Json, chat: ChatRef) -> Json | None:
    """Return the stored scope of the support chat that a command names, or None for the main chat."""
    if chat.scope is None:
        return None
    if "groupMemberId_" not in chat.scope:
        return groups.GROUP_SUPPORT
    return groups.support_scope(groups.get_member(sim, group["groupId"], chat.scope["groupMemberId_"]))


def check_may_write(sim: Simulator, group: Json, scope: Json | None) -> Json:
    """Return the user's own member document, if the user may write to a group.

    Raises:
        ChatError: `groupMemberUserRemoved`, `groupNotJoined`, `groupMemberNotActive`, `groupUserRole`.
    """
    own = groups.membership(sim, group)
    status = own["memberStatus"]
    if status in ("left", "removed", "deleted"):
        raise error("groupMemberUserRemoved")
    if status == "invited":
        raise error("groupNotJoined", groupInfo=group_records.group_record(sim, group))
    if status in groups.PENDING and scope is None:
        raise error("groupMemberNotActive")
    if scope is None:
        group_records.require_role(sim, group, "author")
    elif "groupMemberId" in scope:
        group_records.require_role(sim, group, "moderator")
    return own


@action("send", "#")
def _send_group(sim: Simulator, user: Json, chat: ChatRef, messages: list[Json], live: bool, ttl: int | None) -> Json:
    group = groups.get_group(sim, chat.id)
    scope = chosen_scope(sim, group, chat)
    own = check_may_write(sim, group, scope)
    drafts = []
    for message in messages:
        mentions = _mentions(sim, group, message)
        draft = prepare(sim, user, ChatRef(chat.kind, chat.id), message)
        _check_features(group, own, draft)
        drafts.append(_in_group(sim, own, draft, mentions))
    return send_drafts(sim, user, group, drafts, scope, live, ttl)


def _check_features(group: Json, own: Json, draft: Draft) -> None:
    feature = VOICE.get(draft.content["type"])
    if feature and not allows(group["groupProfile"], feature, own["memberRole"]):
        raise command_error(f"feature not allowed {FEATURES[feature]}")


def _mentions(sim: Simulator, group: Json, composed: Json) -> Json:
    return {
        name: groups.get_member(sim, group["groupId"], member_id)
        for name, member_id in (composed.get("mentions") or {}).items()
    }


def _mention_record(sim: Simulator, member: Json) -> Json:
    profile, _, _ = group_records.member_profile(sim, member)
    reference = {
        "groupMemberId": member["groupMemberId"],
        "displayName": profile["displayName"],
        "localAlias": profile["localAlias"],
        "memberRole": member["memberRole"],
    }
    return {"memberId": member["memberId"], "memberRef": reference}


def _in_group(sim: Simulator, own: Json, draft: Draft, mentions: Json) -> Draft:
    """Complete a draft by what only groups have: mentions, and whose message is quoted."""
    params = dict(draft.params)
    if "quote" in params:
        author = sim.store.get("groupMembers", params["quote"]["msgRef"].get("memberId", 0)) or own
        reference = {**params["quote"]["msgRef"], "memberId": author["memberId"]}
        params["quote"] = {**params["quote"], "msgRef": reference}
    if mentions:
        params["mentions"] = {name: {"memberId": member["memberId"]} for name, member in mentions.items()}
    records = {name: _mention_record(sim, member) for name, member in mentions.items()}
    return draft._replace(params=params, item={**draft.item, "mentions": records})


def send_drafts(
    sim: Simulator, user: Json, group: Json, drafts: list[Draft], scope: Json | None, live: bool, ttl: int | None
) -> Json:
    """Send messages to a group and return the `newChatItems` with their items."""
    if ttl is None:
        ttl = time_to_live(group["groupProfile"])
    wires = [_with_scope(sim, group, scope, message_new(draft, binary_id(), live, ttl)) for draft in drafts]
    large = refuse_large(sim, wires)
    targets = groups.recipients(sim, group, scope)
    tell_profile(sim, user, group, targets)
    made = []
    for number, (draft, wire) in enumerate(zip(drafts, wires, strict=True)):
        if number in large:
            continue
        meta, delete_at = timed(ttl)
        if live:
            meta["itemLive"] = True
        item = group_items.new_item(
            sim,
            group,
            None,
            {"type": "sndMsgContent", "msgContent": draft.content},
            draft.text,
            "sndNew",
            scope=scope,
            shared_msg_id=wire["msgId"],
            own=True,
            more=draft.item,
            meta=meta,
            deleteAt=delete_at,
        )
        if draft.after is not None:
            draft.after(item)
        for member, _ in targets:
            status = {"itemId": item["itemId"], "groupMemberId": member["groupMemberId"], "status": "new"}
            sim.store.insert("groupStatuses", status)
        made.append((wire, item["itemId"]))
    for _, connection in targets:
        delivery.send_items(sim, connection, made)
    answered = sim.store.get("groupMembers", scope["groupMemberId"]) if scope and "groupMemberId" in scope else None
    if answered is not None:
        group_items.note_support(sim, answered, answered=True)
    documents = [sim.store.get("items", item_id) or {} for _, item_id in made]
    return items.new_items_event(sim, user, documents)


def _with_scope(sim: Simulator, group: Json, scope: Json | None, wire: Json) -> Json:
    """Add to a message for a support chat whose support chat it is."""
    if scope is None:
        return wire
    member = sim.store.get("groupMembers", scope.get("groupMemberId", 0)) or groups.membership(sim, group)
    return {**wire, "params": {**wire["params"], "scope": {"memberId": member["memberId"]}}}


# Statuses.


@delivery.status_handler("member")
def _group_status(sim: Simulator, connection: Json, item_ids: list[int], status: str) -> None:
    changed = []
    for item_id in item_ids:
        copy = sim.store.first("groupStatuses", itemId=item_id, groupMemberId=connection["entityId"])
        item = sim.store.get("items", item_id)
        if copy is None or item is None or copy["status"] == "received" or copy["status"] == status:
            continue
        sim.store.update("groupStatuses", copy["groupStatusId"], status=status)
        now = _overall(sim, item_id)
        if now["type"] != "sndNew" and now != item["item"]["meta"]["itemStatus"]:
            changed.append(items.set_status(sim, item, now))
    if changed:
        statuses_updated(sim, sim.user(connection["userId"]), changed)


def _overall(sim: Simulator, item_id: int) -> Json:
    """Return the `itemStatus` that follows from how each member's copy fares."""

    def count(*statuses: str) -> int:
        condition = f"itemId = ? AND status IN ({', '.join('?' * len(statuses))})"
        return sim.store.number("groupStatuses", "count(*)", condition, (item_id, *statuses))

    total = sim.store.number("groupStatuses", "count(*)", "itemId = ?", (item_id,))
    received, sent = count("received"), count("sent", "received")
    if received:
        progress = "complete" if received == total else "partial"
        return {"type": "sndRcvd", "msgRcptStatus": "ok", "sndProgress": progress}
    if sent:
        return {"type": "sndSent", "sndProgress": "complete" if sent == total else "partial"}
    return {"type": "sndNew"}


# What comes.


def scope_of(sim: Simulator, group: Json, params: Json) -> Json | None:
    """Return the stored scope of the support chat that a message belongs to, or None for the main chat."""
    if "scope" not in params:
        return None
    member = groups.member_by_member_id(sim, group, params["scope"]["memberId"])
    if member is None or member["memberCategory"] == "user":
        return groups.GROUP_SUPPORT
    return groups.support_scope(member)


@groups.member_event("x.msg.new")
def _group_message(sim: Simulator, group: Json, member: Json, message: Json) -> bool:
    if member["memberStatus"] not in groups.ACTIVE:
        return False
    take_message(sim, group, member, groups.connection_to(sim, member), message)
    small = sim.store.number("groupMembers", "count(*)", "groupId = ?", (group["groupId"],)) <= SMALL_GROUP
    return small and bool(sim.user(group["userId"])["sendRcptsSmallGroups"])


def take_message(
    sim: Simulator, group: Json, member: Json, connection: Json, message: Json, meta: Json | None = None
) -> None:
    """Store and announce a member's message."""
    user, params = sim.user(group["userId"]), message["params"]
    scope = scope_of(sim, group, params)
    if scope is None and rank(member["memberRole"]) < rank("author"):
        return
    content = params["content"]
    text = str(content.get("text", content.get("type", "")))
    mentions, mentioned = _taken_mentions(sim, group, params)
    more: Json = {"formattedText": formatted_text(text), "mentions": mentions}
    if "quote" in params:
        direction = _quoted_direction(sim, group, params["quote"]["msgRef"])
        more["quotedItem"] = received_quote(sim, ("#", group["groupId"]), params["quote"], direction)
    more["file"], after = received_file(sim, user, connection, params)
    head: Json = {**(meta or {}), "userMention": mentioned}
    if params.get("ttl"):
        head["itemTimed"] = {"ttl": params["ttl"]}
    if params.get("live"):
        head["itemLive"] = True
    if member.get("blockedByAdmin"):
        head["itemDeleted"] = {"type": "blockedByAdmin", "deletedTs": message["sentAt"]}
    item = group_items.new_item(
        sim,
        group,
        member,
        {"type": "rcvMsgContent", "msgContent": content},
        text,
        "rcvRead" if member.get("blockedByAdmin") else "rcvNew",
        scope=scope,
        more=present(more),
        meta=head,
        **group_items.received(message),
    )
    if after is not None:
        after(item)
        item = sim.store.get("items", item["itemId"]) or item
    if scope is not None and "groupMemberId" in scope:
        asking = sim.store.get("groupMembers", scope["groupMemberId"]) or member
        from_moderator = asking["groupMemberId"] != member["groupMemberId"]
        group_items.note_support(sim, asking, answered=from_moderator)
    sim.emit(group_items.new_items_event(sim, [item]))


def _taken_mentions(sim: Simulator, group: Json, params: Json) -> tuple[Json, bool]:
    found: Json = {}
    mentioned = False
    for name, about in params.get("mentions", {}).items():
        member = groups.member_by_member_id(sim, group, about["memberId"])
        found[name] = {"memberId": about["memberId"]} if member is None else _mention_record(sim, member)
        mentioned |= member is not None and member["memberCategory"] == "user"
    return found, mentioned


def _quoted_direction(sim: Simulator, group: Json, reference: Json) -> Json | None:
    author = groups.member_by_member_id(sim, group, reference.get("memberId", ""))
    if author is None:
        return None
    if author["memberCategory"] == "user":
        return {"type": "groupSnd"}
    return {"type": "groupRcv", "groupMemberId": author["groupMemberId"]}


# What a new member is told of the past.


def send_history(sim: Simulator, group: Json, connection: Json) -> None:
    """Forward the recent messages of a group to a new member."""
    if not allows(group["groupProfile"], "history", "owner"):
        return
    condition = "chatType = '#' AND chatId = ? AND scope IS NULL AND sharedMsgId IS NOT NULL ORDER BY id DESC LIMIT ?"
    for item in reversed(sim.store.select("items", condition, (group["groupId"], HISTORY))):
        stored = item["item"]
        content = stored["content"].get("msgContent")
        if content is None or "itemDeleted" in stored["meta"]:
            continue
        author = sim.store.get("groupMembers", int(item.get("memberId") or group["membershipId"]))
        if author is not None:
            wire = {"event": "x.msg.new", "msgId": item["sharedMsgId"], "params": {"content": content}}
            params = {"memberId": author["memberId"], "message": wire, "sentAt": item["itemTs"]}
            delivery.send(sim, connection, [{"event": "x.grp.msg.forward", "params": params}])


@groups.member_event("x.grp.msg.forward")
def _forwarded(sim: Simulator, group: Json, host: Json, message: Json) -> bool:
    params = message["params"]
    author = groups.member_by_member_id(sim, group, params["memberId"])
    known = items.by_shared_id(sim, ("#", group["groupId"]), params["message"]["msgId"])
    if author is not None and author["memberCategory"] != "user" and known is None:
        told = {**params["message"], "sentAt": params["sentAt"]}
        meta = {"forwardedByMember": host["groupMemberId"]}
        take_message(sim, group, author, groups.connection_to(sim, host), told, meta)
    return False
