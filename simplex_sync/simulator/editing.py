"""Changing messages that were sent: edits, deletions and reactions, on both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import delivery, items
from .chats import act, action, contact_of
from .clock import timestamp
from .commands import ChatRef, command
from .failure import error, store_error
from .markdown import formatted_text
from .messages import ready_connection
from .preferences import merged_preferences
from .records import a_chat_item, chat_item_record

if TYPE_CHECKING:
    from .engine import Simulator

Json = dict[str, Any]


def item_of(sim: Simulator, chat: ChatRef, item_id: int) -> Json:
    """Return the document of an item of a chat.

    Raises:
        ChatError: `chatItemNotFound`.
    """
    item = sim.store.get("items", item_id)
    if item is None or (item["chatType"], item["chatId"]) != (chat.kind, chat.id):
        raise store_error("chatItemNotFound", itemId=item_id)
    return item


# Edits.


@command("/_update item {chat:chat} {item_id:int}[ live={live:onoff}] json[ ]{message:json:UpdatedMessage}")
def update_item(sim: Simulator, chat: ChatRef, item_id: int, message: Json, live: bool = False) -> Json:
    user = sim.active_user()
    response: Json = act("update", sim, user, chat, item_id, message, live)
    return response


def new_content(sim: Simulator, item: Json, content: Json, live: bool, *, edited: bool = True, **keys: Any) -> Json:
    """Give an item another content and return the new document."""
    direction = item["item"]["content"]["type"]
    meta: Json = {"itemText": str(content.get("text", ""))}
    if edited:
        meta["itemEdited"] = True
    if item["item"]["meta"].get("itemLive"):
        meta["itemLive"] = live
    return items.change(
        sim,
        item,
        meta=meta,
        content={"type": direction, "msgContent": content},
        formattedText=formatted_text(meta["itemText"]),
        **keys,
    )


def check_editable(item: Json) -> Json:
    """Return the content of an item that its sender may edit.

    Raises:
        ChatError: `invalidChatItemUpdate`.
    """
    stored = item["item"]
    if stored["content"]["type"] != "sndMsgContent" or not stored["meta"]["editable"]:
        raise error("invalidChatItemUpdate")
    content: Json = stored["content"]["msgContent"]
    return content


def updated(sim: Simulator, user: Json, item: Json, tag: str = "chatItemUpdated") -> Json:
    """Return the response or event about an item that was (not) changed."""
    return {"type": tag, "user": sim.user_record(user), "chatItem": a_chat_item(sim, item)}


@action("update", "@")
def _update_direct(sim: Simulator, user: Json, chat: ChatRef, item_id: int, message: Json, live: bool) -> Json:
    contact = contact_of(sim, user, chat.id)
    connection = ready_connection(sim, contact)
    item = item_of(sim, chat, item_id)
    old = check_editable(item)
    content = message["msgContent"]
    if old == content and bool(item["item"]["meta"].get("itemLive")) == live:
        return updated(sim, user, item, "chatItemNotChanged")
    changed = new_content(sim, item, content, live)
    params = {"content": content, "live": live}
    wire = {"event": "x.msg.update", "msgId": item["sharedMsgId"], "params": params}
    delivery.send(sim, connection, [wire])
    return updated(sim, user, changed)


@delivery.chat_event("contact", "x.msg.update")
def _direct_update(sim: Simulator, connection: Json, message: Json) -> None:
    item = items.by_shared_id(sim, ("@", connection["entityId"]), message["msgId"])
    if item is None or item["item"]["content"]["type"] != "rcvMsgContent":
        return
    params = message["params"]
    changed = new_content(sim, item, params["content"], params.get("live", False))
    sim.emit(updated(sim, sim.user(connection["userId"]), changed))


# Deletions.


@command("/_delete item {chat:chat} {item_ids:ints} {mode:choice:broadcast|internalMark|internal}")
def delete_item(sim: Simulator, chat: ChatRef, item_ids: list[int], mode: str) -> Json:
    user = sim.active_user()
    response: Json = act("delete items", sim, user, chat, item_ids, mode)
    return response


def found_items(sim: Simulator, chat: ChatRef, item_ids: list[int]) -> list[Json]:
    """Return the documents of items; an event tells of those that are not there."""
    found, missing = [], []
    for item_id in item_ids:
        item = sim.store.get("items", item_id)
        if item is None or (item["chatType"], item["chatId"]) != (chat.kind, chat.id):
            missing.append(store_error("chatItemNotFound", itemId=item_id).chat_error)
        else:
            found.append(item)
    if missing:
        sim.emit({"type": "chatErrors", "chatErrors": missing})
    return found


def mark_deleted(sim: Simulator, item: Json, chat_type: str, when: str | None = None, **deleted: Any) -> Json:
    """Mark an item as deleted and return the new document."""
    mark = {"type": "deleted", "deletedTs": when or timestamp(), "chatType": chat_type, **deleted}
    return items.change(sim, item, meta={"itemDeleted": mark, "deletable": False, "editable": False})


def erase(sim: Simulator, item: Json) -> None:
    """Delete an item for good."""
    sim.store.delete("items", item["itemId"])


def deletion(sim: Simulator, item: Json, changed: Json | None = None) -> Json:
    """Return the `ChatItemDeletion` of an item; call it before the item is erased."""
    record = {"deletedChatItem": a_chat_item(sim, item)}
    if changed is not None:
        record["toChatItem"] = a_chat_item(sim, changed)
    return record


def deleted(sim: Simulator, user: Json, deletions: list[Json], by_user: bool, timed: bool = False) -> Json:
    """Return the response or event about deleted items."""
    return {
        "type": "chatItemsDeleted",
        "user": sim.user_record(user),
        "chatItemDeletions": deletions,
        "byUser": by_user,
        "timed": timed,
    }


def delete_locally(sim: Simulator, found: list[Json], mark: bool, chat_type: str) -> list[Json]:
    """Delete items, or mark them as deleted, and return their `ChatItemDeletion`s."""
    deletions = []
    for item in found:
        if mark:
            deletions.append(deletion(sim, item, mark_deleted(sim, item, chat_type)))
        else:
            deletions.append(deletion(sim, item))
            erase(sim, item)
    return deletions


@action("delete items", "@")
def _delete_direct(sim: Simulator, user: Json, chat: ChatRef, item_ids: list[int], mode: str) -> Json:
    contact = contact_of(sim, user, chat.id)
    found = found_items(sim, chat, item_ids)
    erased = mode == "internal"
    if mode == "broadcast" and found:
        connection = ready_connection(sim, contact)
        if any(
            item["item"]["content"]["type"] != "sndMsgContent" or not item["item"]["meta"]["deletable"]
            for item in found
        ):
            raise error("invalidChatItemDelete")
        wires = [{"event": "x.msg.del", "msgId": item["sharedMsgId"], "params": {}} for item in found]
        delivery.send(sim, connection, wires)
        erased = _full_deletion(user, contact)["forUser"]
    return deleted(sim, user, delete_locally(sim, found, not erased, "direct"), True)


def _full_deletion(user: Json, contact: Json) -> Json:
    merged = merged_preferences(
        user["profile"].get("preferences"), contact.get("userPreferences", {}), contact["profile"].get("preferences")
    )
    enabled: Json = merged["fullDelete"]["enabled"]
    return enabled


@delivery.chat_event("contact", "x.msg.del")
def _direct_deletion(sim: Simulator, connection: Json, message: Json) -> None:
    item = items.by_shared_id(sim, ("@", connection["entityId"]), message["msgId"])
    contact = sim.store.get("contacts", connection["entityId"])
    if item is None or contact is None or item["item"]["content"]["type"] != "rcvMsgContent":
        return
    user = sim.user(connection["userId"])
    if _full_deletion(user, contact)["forContact"]:
        record = deletion(sim, item)
        erase(sim, item)
    else:
        record = deletion(sim, item, mark_deleted(sim, item, "direct", message["sentAt"]))
    sim.emit(deleted(sim, user, [record], False))


# Reactions. An item keeps them as `reactions` on the wire, and who reacted as `reactedBy`.


@command("/_reaction {chat:chat} {item_id:int} {add:onoff} {reaction:json:MsgReaction}")
def react(sim: Simulator, chat: ChatRef, item_id: int, add: bool, reaction: Json) -> Json:
    user = sim.active_user()
    response: Json = act("react", sim, user, chat, item_id, add, reaction)
    return response


def set_reaction(sim: Simulator, item: Json, who: str, reaction: Json, add: bool) -> Json | None:
    """Note a reaction to an item and return the new document, or None where that changes nothing.

    Args:
        sim: The simulator.
        item: The item's document.
        who: Who reacts: empty for the user, else a member's or contact's id.
        reaction: The `MsgReaction`.
        add: Whether it is added or taken back.
    """
    reacted: list[list[Any]] = item.get("reactedBy", [])
    entry = [who, reaction]
    if (entry in reacted) == add:
        return None
    now = [*reacted, entry] if add else [other for other in reacted if other != entry]
    kinds: list[Json] = []
    for _, kind in now:
        if kind not in kinds:
            kinds.append(kind)
    counts = [
        {
            "reaction": kind,
            "userReacted": ["", kind] in now,
            "totalReacted": sum(1 for _, other in now if other == kind),
        }
        for kind in kinds
    ]
    kept = item["item"]["meta"]["updatedAt"]
    return items.change(sim, item, meta={"updatedAt": kept}, columns={"reactedBy": now or None}, reactions=counts)


def reaction_record(
    sim: Simulator, user: Json, info: Json, direction: Json, item: Json, reaction: Json, add: bool, when: str
) -> Json:
    """Return the response or event about a reaction."""
    return {
        "type": "chatItemReaction",
        "user": sim.user_record(user),
        "added": add,
        "reaction": {
            "chatInfo": info,
            "chatReaction": {
                "chatDir": direction,
                "chatItem": chat_item_record(sim, item),
                "sentAt": when,
                "reaction": reaction,
            },
        },
    }


@action("react", "@")
def _react_direct(sim: Simulator, user: Json, chat: ChatRef, item_id: int, add: bool, reaction: Json) -> Json:
    contact = contact_of(sim, user, chat.id)
    connection = ready_connection(sim, contact)
    item = item_of(sim, chat, item_id)
    info = a_chat_item(sim, item)["chatInfo"]
    if not info["contact"]["mergedPreferences"]["reactions"]["enabled"]["forUser"]:
        raise error("commandError", message="feature not allowed Message reactions")
    if "sharedMsgId" not in item:
        raise error("commandError", message="reaction not possible - no message content")
    changed = set_reaction(sim, item, "", reaction, add)
    if changed is None:
        raise error("commandError", message=f"reaction already {'added' if add else 'removed'}")
    params = {"reaction": reaction, "add": add}
    delivery.send(sim, connection, [{"event": "x.msg.react", "msgId": item["sharedMsgId"], "params": params}])
    return reaction_record(sim, user, info, {"type": "directSnd"}, changed, reaction, add, timestamp())


@delivery.chat_event("contact", "x.msg.react")
def _direct_reaction(sim: Simulator, connection: Json, message: Json) -> None:
    chat = ("@", connection["entityId"])
    item = items.by_shared_id(sim, chat, message["msgId"])
    if item is None:
        return
    params = message["params"]
    changed = set_reaction(sim, item, str(connection["entityId"]), params["reaction"], params["add"])
    if changed is not None:
        user = sim.user(connection["userId"])
        info = a_chat_item(sim, changed)["chatInfo"]
        direction = {"type": "directRcv"}
        sim.emit(
            reaction_record(sim, user, info, direction, changed, params["reaction"], params["add"], message["sentAt"])
        )
