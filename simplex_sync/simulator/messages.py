"""Sending and taking direct messages, with their delivery statuses."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from . import delivery, items
from .chats import act, action, contact_of
from .clock import NANOSECONDS, timestamp
from .commands import ChatRef, command
from .connections import ready_hook, tell_failure
from .failure import command_error, error, store_error
from .links import binary_id
from .markdown import formatted_text
from .preferences import time_to_live
from .records import a_chat_item, contact_connection, contact_record, present

if TYPE_CHECKING:
    from .engine import Simulator

Json = dict[str, Any]

SENT: Json = {"type": "sndSent", "sndProgress": "complete"}
RECEIVED: Json = {"type": "sndRcvd", "msgRcptStatus": "ok", "sndProgress": "complete"}


class Draft(NamedTuple):
    """A message that is ready to be sent.

    Attributes:
        content: Its `msgContent`.
        text: Its text.
        item: Further keys of its chat item: `formattedText`, `quotedItem`, `file`, `mentions`.
        params: Further parameters of its `x.msg.new`: `quote`, `file`, `mentions`.
        after: What is to be done with its item's document, or None.
    """

    content: Json
    text: str
    item: Json
    params: Json
    after: Callable[[Json], None] | None = None


# Takes the `fileSource` of a composed message: `(sim, user, composed) -> (CIFile, FileInvitation, after)`.
FileTaker = Callable[["Simulator", Json, Json], "tuple[Json, Json, Callable[[Json], None]]"]
# Takes the `file` of a message that came: `(sim, user, connection, invitation, content) -> (CIFile, after)`.
FileReceiver = Callable[["Simulator", Json, Json, Json, Json], "tuple[Json, Callable[[Json], None]]"]
_file_hooks: dict[str, Any] = {}


def files(taker: FileTaker, receiver: FileReceiver) -> None:
    """Register what sends and takes the files of messages."""
    _file_hooks.update(taker=taker, receiver=receiver)


def received_file(
    sim: Simulator, user: Json, connection: Json, params: Json
) -> tuple[Json | None, Callable[[Json], None] | None]:
    """Return the `CIFile` of a message that came, and what is to be done with its item's document."""
    if "file" not in params or "receiver" not in _file_hooks:
        return None, None
    file, after = _file_hooks["receiver"](sim, user, connection, params["file"], params["content"])
    return file, after


@command("/_send {chat:chat}[ live={live:onoff}][ ttl={ttl:int}] json[ ]{messages:json:[ComposedMessage]}")
def send_messages(
    sim: Simulator, chat: ChatRef, messages: list[Json], live: bool = False, ttl: int | None = None
) -> Json:
    user = sim.active_user()
    response: Json = act("send", sim, user, chat, messages, live, ttl)
    return response


@command(
    "/_send {chat:chat}[ live={live:onoff}][ ttl={ttl:int}] sign={_sign:onoff}"
    " json[ ]{messages:json:[ComposedMessage]}",
    only="7",
)
def send_signed_messages(
    sim: Simulator, chat: ChatRef, messages: list[Json], _sign: bool, live: bool = False, ttl: int | None = None
) -> Json:
    return send_messages(sim, chat, messages, live, ttl)


def quote(sim: Simulator, chat: ChatRef, item_id: int) -> tuple[Json, Json]:
    """Return the `quotedItem` and the `quote` parameter for an item that a message answers.

    Raises:
        ChatError: `quotedChatItemNotFound`, `invalidQuote`.
    """
    item = sim.store.get("items", item_id)
    if item is None or (item["chatType"], item["chatId"]) != (chat.kind, chat.id):
        raise store_error("quotedChatItemNotFound")
    stored = item["item"]
    content = stored["content"].get("msgContent")
    if content is None or "itemDeleted" in stored["meta"] or "sharedMsgId" not in item:
        raise error("invalidQuote")
    sent_at = item["itemTs"].partition(".")[0].rstrip("Z") + "Z"
    quoted = {
        "chatDir": stored["chatDir"],
        "itemId": item_id,
        "sharedMsgId": item["sharedMsgId"],
        "sentAt": sent_at,
        "content": content,
        "formattedText": stored.get("formattedText"),
    }
    sent = stored["chatDir"]["type"].endswith("Snd")
    reference = {"msgId": item["sharedMsgId"], "sentAt": sent_at, "sent": sent, "memberId": item.get("memberId")}
    return present(quoted), {"msgRef": present(reference), "content": content}


def prepare(sim: Simulator, user: Json, chat: ChatRef, composed: Json) -> Draft:
    """Make a composed message ready to be sent."""
    content = composed["msgContent"]
    if content["type"] == "report":
        raise command_error("sending reports via this API is not supported")
    text = str(content.get("text", content["type"]))
    item: Json = {"formattedText": formatted_text(text)}
    params: Json = {}
    after = None
    if composed.get("quotedItemId") is not None:
        item["quotedItem"], params["quote"] = quote(sim, chat, int(composed["quotedItemId"]))
    if composed.get("fileSource") is not None:
        if "taker" not in _file_hooks:
            raise command_error("files are not supported")
        item["file"], params["file"], after = _file_hooks["taker"](sim, user, composed)
    return Draft(content, text, present(item), params, after)


def timed(ttl: int | None) -> tuple[Json, str | None]:
    """Return the `itemTimed` part of the meta of a message that disappears, and when.

    Args:
        ttl: Seconds, or None.
    """
    if not ttl:
        return {}, None
    delete_at = timestamp(time.time_ns() + ttl * NANOSECONDS)
    return {"itemTimed": {"ttl": ttl, "deleteAt": delete_at}}, delete_at


def message_new(draft: Draft, shared_msg_id: str, live: bool, ttl: int | None) -> Json:
    """Return the `x.msg.new` that carries a message."""
    params = {"content": draft.content, **draft.params, "ttl": ttl, "live": live or None}
    return {"event": "x.msg.new", "msgId": shared_msg_id, "params": present(params)}


def refuse_large(sim: Simulator, wires: list[Json]) -> set[int]:
    """Return which messages are too large to be sent; if all are, that is an error.

    Raises:
        ChatError: `largeMsg`.
    """
    large = {number for number, wire in enumerate(wires) if delivery.message_size(wire) > delivery.MESSAGE_SIZE}
    if large and len(large) == len(wires):
        raise store_error("largeMsg")
    if large:
        failures = [store_error("largeMsg").chat_error for _ in large]
        sim.emit({"type": "chatErrors", "chatErrors": failures})
    return large


def ready_connection(sim: Simulator, contact: Json) -> Json:
    """Return the document of a contact's connection, if messages can go through it.

    Raises:
        ChatError: `contactNotReady`.
    """
    connection = contact_connection(sim, contact["contactId"])
    ready = connection is not None and connection["connStatus"] in ("ready", "snd-ready")
    if connection is None or not ready or contact.get("contactStatus", "active") != "active":
        raise error("contactNotReady", contact=contact_record(sim, contact))
    return connection


@action("send", "@")
def _send_direct(sim: Simulator, user: Json, chat: ChatRef, messages: list[Json], live: bool, ttl: int | None) -> Json:
    contact = contact_of(sim, user, chat.id)
    connection = ready_connection(sim, contact)
    drafts = [prepare(sim, user, chat, message) for message in messages]
    return send_drafts(sim, user, contact, connection, drafts, live, ttl)


def send_drafts(
    sim: Simulator, user: Json, contact: Json, connection: Json, drafts: list[Draft], live: bool, ttl: int | None
) -> Json:
    """Send messages to a contact and return the `newChatItems` with their items."""
    before = contact_record(sim, contact, connection)
    merged = before["mergedPreferences"]
    if any(draft.content["type"] == "voice" for draft in drafts) and not merged["voice"]["enabled"]["forUser"]:
        raise command_error("feature not allowed Voice messages")
    if ttl is None:
        ttl = time_to_live(merged)
    wires = [message_new(draft, binary_id(), live, ttl) for draft in drafts]
    large = refuse_large(sim, wires)
    sent, made = [], []
    for number, (draft, wire) in enumerate(zip(drafts, wires, strict=True)):
        if number in large:
            continue
        meta, delete_at = timed(ttl)
        if live:
            meta["itemLive"] = True
        item = items.create(
            sim,
            user["userId"],
            ("@", contact["contactId"]),
            {"type": "directSnd"},
            {"type": "sndMsgContent", "msgContent": draft.content},
            draft.text,
            {"type": "sndNew"},
            shared_msg_id=wire["msgId"],
            own=True,
            more=draft.item,
            meta=meta,
            deleteAt=delete_at,
        )
        if draft.after is not None:
            draft.after(item)
        made.append(item)
        sent.append((wire, item["itemId"]))
    delivery.send_items(sim, connection, sent)
    return items.new_items_event(sim, user, made, {"type": "direct", "contact": before})


@ready_hook
def _reply_automatically(sim: Simulator, user: Json, contact: Json, connection: Json) -> None:
    content = connection.get("autoReply")
    if content is not None:
        text = str(content.get("text", ""))
        draft = Draft(content, text, present({"formattedText": formatted_text(text)}), {})
        ready = contact_connection(sim, contact["contactId"]) or connection
        sim.emit(send_drafts(sim, user, contact, ready, [draft], False, None))


# Statuses.


@delivery.status_handler("contact")
def _direct_status(sim: Simulator, connection: Json, item_ids: list[int], status: str) -> None:
    changed = []
    for item_id in item_ids:
        item = sim.store.get("items", item_id)
        if item is None:
            continue
        if status == "sent" and item["statusTag"] == "sndNew":
            changed.append(items.set_status(sim, item, SENT, sentViaProxy=False))
        elif status == "received" and item["statusTag"] in ("sndNew", "sndSent"):
            changed.append(items.set_status(sim, item, RECEIVED, sentViaProxy=False))
        elif status == "gone" and item["statusTag"] in ("sndNew", "sndSent"):
            changed.append(items.set_status(sim, item, {"type": "sndErrorAuth"}))
    user = sim.user(connection["userId"])
    if changed:
        statuses_updated(sim, user, changed)
    if status == "gone":
        server = connection["server"]
        tell_failure(sim, connection, {"type": "SMP", "serverAddress": server, "smpErr": {"type": "AUTH"}})


def statuses_updated(sim: Simulator, user: Json, changed: list[Json]) -> None:
    """Queue the event that tells of new statuses of items."""
    records = [a_chat_item(sim, item) for item in changed]
    sim.emit({"type": "chatItemsStatusesUpdated", "user": sim.user_record(user), "chatItems": records})


# What comes.


def received_quote(sim: Simulator, chat: tuple[str, int], quoted: Json, direction: Json | None) -> Json:
    """Return the `quotedItem` of a message that came.

    Args:
        sim: The simulator.
        chat: The type character and the id of the chat.
        quoted: The message's `quote`.
        direction: The `chatDir` of the quoted item, where the item is not here.
    """
    reference, content = quoted["msgRef"], quoted["content"]
    item = items.by_shared_id(sim, chat, reference["msgId"])
    record = {
        "chatDir": item["item"]["chatDir"] if item else direction,
        "itemId": item and item["itemId"],
        "sharedMsgId": reference["msgId"],
        "sentAt": reference["sentAt"],
        "content": content,
        "formattedText": formatted_text(str(content.get("text", ""))),
    }
    return present(record)


@delivery.chat_event("contact", "x.msg.new")
def _direct_message(sim: Simulator, connection: Json, message: Json) -> bool:
    contact = sim.store.get("contacts", connection["entityId"])
    if contact is None:
        return False
    user = sim.user(connection["userId"])
    params = message["params"]
    content = params["content"]
    text = str(content.get("text", content.get("type", "")))
    chat = ("@", contact["contactId"])
    more: Json = {"formattedText": formatted_text(text)}
    if "quote" in params:
        sent = params["quote"]["msgRef"]["sent"]
        direction = {"type": "directRcv" if sent else "directSnd"}
        more["quotedItem"] = received_quote(sim, chat, params["quote"], direction)
    more["file"], after = received_file(sim, user, connection, params)
    meta: Json = {"itemTimed": {"ttl": params["ttl"]}} if params.get("ttl") else {}
    if params.get("live"):
        meta["itemLive"] = True
    if contact.get("chatDeleted"):
        sim.store.update("contacts", contact["contactId"], chatDeleted=False)
    item = items.create(
        sim,
        user["userId"],
        chat,
        {"type": "directRcv"},
        {"type": "rcvMsgContent", "msgContent": content},
        text,
        {"type": "rcvNew"},
        item_ts=message["sentAt"],
        shared_msg_id=message["msgId"],
        more=present(more),
        meta=meta,
    )
    if after is not None:
        after(item)
        item = sim.store.get("items", item["itemId"]) or item
    sim.emit(items.new_items_event(sim, user, [item]))
    return bool(user["sendRcptsContacts"])
