"""Chat items: making, changing and finding them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .clock import timestamp
from .records import a_chat_item
from .store import define_table

if TYPE_CHECKING:
    from .engine import Simulator

Json = dict[str, Any]

# `scope` tells the chats within a group apart (null for the main one), `statusTag` finds what is unread,
# `deleteAt` what disappears, `memberId` who sent it to a group.
define_table(
    "items",
    "itemId",
    {
        "userId": "INTEGER",
        "chatType": "TEXT",
        "chatId": "INTEGER",
        "scope": "TEXT",
        "statusTag": "TEXT",
        "sharedMsgId": "TEXT",
        "deleteAt": "TEXT",
        "memberId": "INTEGER",
    },
    autoincrement=True,
    indexes={
        "chat": '("chatId", "chatType", "scope")',
        "user": '("userId")',
        "shared": '("sharedMsgId")',
        "due": '("deleteAt") WHERE "deleteAt" IS NOT NULL',
        "unread": '("userId", "chatId", "chatType") WHERE "statusTag" = \'rcvNew\'',
        "member": '("memberId") WHERE "memberId" IS NOT NULL',
    },
)

# Where the documents of each chat type are, so that `chatTs` follows the newest item.
CHAT_TABLES = {"@": "contacts", "#": "groups", "*": "noteFolders"}


def create(
    sim: Simulator,
    user_id: int,
    chat: tuple[str, int],
    direction: Json,
    content: Json,
    text: str,
    status: Json,
    *,
    item_ts: str | None = None,
    shared_msg_id: str | None = None,
    own: bool = False,
    more: Json | None = None,
    meta: Json | None = None,
    **columns: Any,
) -> Json:
    """Store a new chat item and return its document.

    Args:
        sim: The simulator.
        user_id: The user whose chat it is.
        chat: The type character and the id of the chat.
        direction: Its `chatDir`.
        content: Its `content`.
        text: Its `itemText`.
        status: Its `itemStatus`.
        item_ts: Its `itemTs`; now by default.
        shared_msg_id: The id that both sides know.
        own: Whether the user may still edit and delete it.
        more: Further keys of the item: `quotedItem`, `formattedText`, `mentions`, `file` …
        meta: Further keys of its `meta`: `itemTimed`, `itemLive` …
        **columns: Further keys of the document: `scope`, `scopeInfo`, `memberId`, `deleteAt`.
    """
    now = timestamp()
    head = {
        "itemText": text,
        "itemStatus": status,
        "sentViaProxy": None,
        "itemSharedMsgId": shared_msg_id,
        "itemEdited": False,
        **(meta or {}),
        "userMention": (meta or {}).get("userMention", False),
        "deletable": own,
        "editable": own,
        "showGroupAsSender": (meta or {}).get("showGroupAsSender", False),
        "createdAt": now,
        "updatedAt": now,
    }
    given = dict(more or {})
    item = {
        "chatDir": direction,
        "meta": {key: value for key, value in head.items() if value is not None},
        "content": content,
        "mentions": given.pop("mentions", {}),
        **given,
        "reactions": [],
    }
    document = {
        "userId": user_id,
        "chatType": chat[0],
        "chatId": chat[1],
        "statusTag": status["type"],
        "sharedMsgId": shared_msg_id,
        "itemTs": item_ts or now,
        **columns,
        "item": item,
    }
    stored = sim.store.insert("items", document)
    sim.store.update(CHAT_TABLES[chat[0]], chat[1], chatTs=now)
    return stored


def change(sim: Simulator, item: Json, *, meta: Json | None = None, columns: Json | None = None, **keys: Any) -> Json:
    """Change an item and return the new document.

    Args:
        sim: The simulator.
        item: The document.
        meta: Keys of its `meta` to set; None removes one.
        columns: Keys of the document to set.
        **keys: Keys of the item itself to set; None removes one.
    """
    head = {"updatedAt": timestamp(), **(meta or {})}
    old = item["item"]
    new_meta = {key: value for key, value in {**old["meta"], **head}.items() if value is not None}
    new_item = {key: value for key, value in {**old, **keys, "meta": new_meta}.items() if value is not None}
    return sim.store.update("items", item["itemId"], item=new_item, **(columns or {}))


def set_status(sim: Simulator, item: Json, status: Json, **meta: Any) -> Json:
    """Change an item's status and return the new document."""
    return change(sim, item, meta={"itemStatus": status, **meta}, columns={"statusTag": status["type"]})


def by_shared_id(sim: Simulator, chat: tuple[str, int], shared_msg_id: str) -> Json | None:
    """Return the newest item of a chat that both sides know by this id, or None."""
    found = sim.store.select(
        "items", "sharedMsgId = ? AND chatType = ? AND chatId = ? ORDER BY id DESC LIMIT 1", (shared_msg_id, *chat)
    )
    return found[0] if found else None


def new_items_event(sim: Simulator, user: Json, documents: list[Json], info: Json | None = None) -> Json:
    """Return the `newChatItems` of items that were just made."""
    return {
        "type": "newChatItems",
        "user": sim.user_record(user),
        "chatItems": [a_chat_item(sim, document, info) for document in documents],
    }
