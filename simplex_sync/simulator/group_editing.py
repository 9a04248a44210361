"""Changing messages in groups: edits, deletions, moderation and reactions, on both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import group_items, group_records, groups, items
from .chats import action
from .clock import timestamp
from .commands import ChatRef, command
from .editing import (
    check_editable,
    delete_locally,
    deleted,
    deletion,
    erase,
    found_items,
    item_of,
    mark_deleted,
    new_content,
    reaction_record,
    set_reaction,
    updated,
)
from .failure import command_error, error
from .group_features import allows, rank
from .group_messages import check_may_write
from .records import chat_info_record, present

if TYPE_CHECKING:
    from .engine import Simulator

Json = dict[str, Any]


def _targets(sim: Simulator, group: Json, item: Json) -> list[tuple[Json, Json]]:
    """Return who is told of a change to an item: those who got it."""
    return groups.recipients(sim, group, item.get("scopeInfo"))


def _author(sim: Simulator, group: Json, item: Json) -> Json:
    """Return the member who wrote an item."""
    return sim.store.get("groupMembers", item.get("memberId", 0)) or groups.membership(sim, group)


def _item_by(sim: Simulator, group: Json, shared_msg_id: str, author: Json) -> Json | None:
    """Return the item that a member wrote, by the id that all members know, or None."""
    item = items.by_shared_id(sim, ("#", group["groupId"]), shared_msg_id)
    if item is None or _author(sim, group, item)["groupMemberId"] != author["groupMemberId"]:
        return None
    return item


# Edits.


@action("update", "#")
def _update_group(sim: Simulator, user: Json, chat: ChatRef, item_id: int, message: Json, live: bool) -> Json:
    group = groups.get_group(sim, chat.id)
    item = item_of(sim, chat, item_id)
    check_may_write(sim, group, item.get("scopeInfo"))
    old, content = check_editable(item), message["msgContent"]
    if old == content and bool(item["item"]["meta"].get("itemLive")) == live:
        return updated(sim, user, item, "chatItemNotChanged")
    changed = new_content(sim, item, content, live)
    params = {"content": content, "live": live}
    groups.send_to(sim, _targets(sim, group, item), "x.msg.update", params, msg_id=item["sharedMsgId"])
    return updated(sim, user, changed)


@groups.member_event("x.msg.update")
def _group_update(sim: Simulator, group: Json, member: Json, message: Json) -> bool:
    item = _item_by(sim, group, message["msgId"], member)
    if item is None or item["item"]["content"]["type"] != "rcvMsgContent":
        return False
    params = message["params"]
    changed = new_content(sim, item, params["content"], params.get("live", False))
    sim.emit(updated(sim, sim.user(group["userId"]), changed))
    return False


# Deletions.


@action("delete items", "#")
def _delete_group_items(sim: Simulator, user: Json, chat: ChatRef, item_ids: list[int], mode: str) -> Json:
    group = groups.get_group(sim, chat.id)
    found = found_items(sim, chat, item_ids)
    erased = mode == "internal"
    if mode == "broadcast" and found:
        own = check_may_write(sim, group, found[0].get("scopeInfo"))
        for item in found:
            if item["item"]["content"]["type"] != "sndMsgContent" or not item["item"]["meta"]["deletable"]:
                raise error("invalidChatItemDelete")
        for item in found:
            groups.send_to(sim, _targets(sim, group, item), "x.msg.del", {}, msg_id=item["sharedMsgId"])
        erased = allows(group["groupProfile"], "fullDelete", own["memberRole"])
    return deleted(sim, user, delete_locally(sim, found, not erased, "group"), True)


@command("/_delete member item #{group_id:int} {item_ids:ints}")
def delete_member_items(sim: Simulator, group_id: int, item_ids: list[int]) -> Json:
    user = sim.active_user()
    group = groups.get_group(sim, group_id)
    found = found_items(sim, ChatRef("#", group_id), item_ids)
    own = groups.membership(sim, group)
    authors = [_author(sim, group, item) for item in found]
    required = max(["moderator", *(author["memberRole"] for author in authors)], key=rank)
    if rank(own["memberRole"]) < rank(required):
        # The event about items that are not there comes all the same.
        failed = error("groupUserRole", groupInfo=group_records.group_record(sim, group), requiredRole=required)
        return {"type": "chatCmdError", "chatError": failed.chat_error}
    if any(item["item"]["content"]["type"] != "rcvMsgContent" for item in found):
        raise error("invalidChatItemDelete")
    deletions = []
    for item, author in zip(found, authors, strict=True):
        params = {"memberId": author["memberId"]}
        groups.send_to(sim, _targets(sim, group, item), "x.msg.del", params, msg_id=item["sharedMsgId"])
        deletions.append(_moderated(sim, group, item, own, None))
    return deleted(sim, user, deletions, True)


def _moderated(sim: Simulator, group: Json, item: Json, by: Json, when: str | None) -> Json:
    """Take a member's item away and return its `ChatItemDeletion`."""
    if not allows(group["groupProfile"], "fullDelete", by["memberRole"]):
        return deletion(sim, item, group_items.moderate(sim, item, by, when))
    record = deletion(sim, item)
    erase(sim, item)
    return record


@groups.member_event("x.msg.del")
def _group_deletion(sim: Simulator, group: Json, by: Json, message: Json) -> bool:
    author = by
    if "memberId" in message["params"]:
        found = groups.member_by_member_id(sim, group, message["params"]["memberId"])
        if found is None or rank(by["memberRole"]) < max(groups.MODERATOR, rank(found["memberRole"])):
            return False
        author = found
    item = _item_by(sim, group, message["msgId"], author)
    if item is None or not item["item"]["content"]["type"].endswith("MsgContent"):
        return False
    if author["groupMemberId"] != by["groupMemberId"]:
        record = _moderated(sim, group, item, by, message["sentAt"])
    elif allows(group["groupProfile"], "fullDelete", by["memberRole"]):
        record = deletion(sim, item)
        erase(sim, item)
    else:
        record = deletion(sim, item, mark_deleted(sim, item, "group", message["sentAt"]))
    sim.emit(deleted(sim, sim.user(group["userId"]), [record], False))
    return False


# Reactions.


@action("react", "#")
def _react_group(sim: Simulator, user: Json, chat: ChatRef, item_id: int, add: bool, reaction: Json) -> Json:
    group = groups.get_group(sim, chat.id)
    item = item_of(sim, chat, item_id)
    own = groups.membership(sim, group)
    if own["memberStatus"] not in groups.CURRENT | groups.PENDING:
        raise error("groupMemberUserRemoved")
    if not allows(group["groupProfile"], "reactions", own["memberRole"]):
        raise command_error("feature not allowed Message reactions")
    if "sharedMsgId" not in item or "msgContent" not in item["item"]["content"]:
        raise command_error("reaction not possible - no message content")
    changed = set_reaction(sim, item, "", reaction, add)
    if changed is None:
        raise command_error(f"reaction already {'added' if add else 'removed'}")
    params = {"memberId": _author(sim, group, item)["memberId"], "reaction": reaction, "add": add}
    groups.send_to(sim, _targets(sim, group, item), "x.msg.react", params, msg_id=item["sharedMsgId"])
    info = chat_info_record(sim, "#", chat.id, item.get("scopeInfo"))
    return reaction_record(sim, user, info, {"type": "groupSnd"}, changed, reaction, add, timestamp())


@groups.member_event("x.msg.react")
def _group_reaction(sim: Simulator, group: Json, member: Json, message: Json) -> bool:
    params = message["params"]
    author = groups.member_by_member_id(sim, group, params["memberId"])
    item = _item_by(sim, group, message["msgId"], author) if author else None
    changed = item and set_reaction(sim, item, str(member["groupMemberId"]), params["reaction"], params["add"])
    if changed:
        direction = {"type": "groupRcv", "groupMember": group_records.member_record(sim, member)}
        info = chat_info_record(sim, "#", group["groupId"], changed.get("scopeInfo"))
        user = sim.user(group["userId"])
        record = present(
            reaction_record(sim, user, info, direction, changed, params["reaction"], params["add"], message["sentAt"])
        )
        sim.emit(record)
    return False
