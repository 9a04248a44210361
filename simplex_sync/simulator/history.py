"""Stored chats and items, a page at a time, and reading them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, cast

from . import items
from .chats import all_chats, contact_of
from .clock import moment
from .commands import ChatRef, command
from .failure import store_error
from .records import a_chat_item, chat_info_record, chat_item_record
from .timed import start_clock

if TYPE_CHECKING:
    from .engine import Simulator

Json = dict[str, Any]


def scope_key(scope: Json | None) -> str | None:
    """Return what tells the items of a chat's scope apart in the table of items."""
    return None if scope is None else f"support:{scope.get('groupMemberId_', '')}"


def _in_chat(chat: ChatRef, search: str) -> tuple[str, tuple[Any, ...]]:
    condition = "chatType = ? AND chatId = ? AND scope IS ?"
    values: tuple[Any, ...] = (chat.kind, chat.id, scope_key(chat.scope))
    if search:
        condition += " AND instr(lower(json_extract(doc, '$.item.meta.itemText')), lower(?)) > 0"
        values += (search,)
    return condition, values


def page(
    sim: Simulator,
    condition: str,
    values: tuple[Any, ...],
    count: int,
    after: int | None = None,
    before: int | None = None,
) -> list[Json]:
    """Return the documents of a page of items, by rising id.

    Args:
        sim: The simulator.
        condition: Which items, in SQL.
        values: The values of the condition.
        count: How many at most.
        after: Only those with a greater id, and of these the first.
        before: Only those with a smaller id, and of these the last.
    """
    if after is not None:
        return sim.store.select("items", f"{condition} AND id > ? ORDER BY id LIMIT ?", (*values, after, count))
    if before is not None:
        condition, values = f"{condition} AND id < ?", (*values, before)
    return sim.store.select("items", f"{condition} ORDER BY id DESC LIMIT ?", (*values, count))[::-1]


def chat_stats(sim: Simulator, chat: ChatRef) -> Json:
    """Return the `ChatStats` of a chat."""
    where = "statusTag = 'rcvNew' AND userId = ? AND chatType = ? AND chatId = ? AND scope IS ?"
    values = (sim.active_user()["userId"], chat.kind, chat.id, scope_key(chat.scope))
    mentions = f"{where} AND json_extract(doc, '$.item.meta.userMention')"
    unread = sim.store.number("items", "count(*)", where, values)
    return {
        "unreadCount": unread,
        "unreadMentions": sim.store.number("items", "count(*)", mentions, values) if unread else 0,
        "reportsCount": 0,
        "minUnreadItemId": sim.store.number("items", "min(id)", where, values) if unread else 0,
        "unreadChat": _marked_unread(sim, chat),
    }


def _marked_unread(sim: Simulator, chat: ChatRef) -> bool:
    return bool((sim.store.get(items.CHAT_TABLES.get(chat.kind, "contacts"), chat.id) or {}).get("unreadChat"))


def check_chat(sim: Simulator, user: Json, chat: ChatRef) -> None:
    """Make sure that a chat is there.

    Raises:
        ChatError: `contactNotFound`, `groupNotFound`, `noteFolderNotFound`.
    """
    if chat.kind == "@":
        contact_of(sim, user, chat.id)
        return
    tables = {"#": ("groups", "groupNotFound", "groupId"), "*": ("noteFolders", "noteFolderNotFound", "noteFolderId")}
    table, failure, key = tables.get(chat.kind, ("", "", ""))
    found = sim.store.get(table, chat.id) if table else None
    if found is None or found.get("userId") != user["userId"]:
        raise store_error(failure or "pendingConnectionNotFound", **({key: chat.id} if key else {"connId": chat.id}))


def _chat_page(
    sim: Simulator, chat: ChatRef, search: str, count: int, after: int | None = None, before: int | None = None
) -> tuple[Json, list[Json]]:
    user = sim.active_user()
    check_chat(sim, user, chat)
    condition, values = _in_chat(chat, search)
    return user, page(sim, condition, values, count, after, before)


def _api_chat(sim: Simulator, user: Json, chat: ChatRef, found: list[Json]) -> Json:
    info = chat_info_record(sim, chat.kind, chat.id, chat.scope)
    records = [chat_item_record(sim, item) for item in found]
    return {
        "type": "apiChat",
        "user": sim.user_record(user),
        "chat": {"chatInfo": info, "chatItems": records, "chatStats": chat_stats(sim, chat)},
    }


@command("/_get chat {chat:chat} count={count:int}[ search={search:text}]")
def get_chat(sim: Simulator, chat: ChatRef, count: int, search: str = "") -> Json:
    user, found = _chat_page(sim, chat, search, count)
    return _api_chat(sim, user, chat, found)


@command("/_get chat {chat:chat} after={after:int} count={count:int}[ search={search:text}]")
def get_chat_after(sim: Simulator, chat: ChatRef, after: int, count: int, search: str = "") -> Json:
    user, found = _chat_page(sim, chat, search, count, after=after)
    return _api_chat(sim, user, chat, found)


@command("/_get chat {chat:chat} before={before:int} count={count:int}[ search={search:text}]")
def get_chat_before(sim: Simulator, chat: ChatRef, before: int, count: int, search: str = "") -> Json:
    user, found = _chat_page(sim, chat, search, count, before=before)
    return _api_chat(sim, user, chat, found)


@command("/_get chat {chat:chat} around={around:int} count={count:int}[ search={search:text}]")
def get_chat_around(sim: Simulator, chat: ChatRef, around: int, count: int, search: str = "") -> Json:
    item = sim.store.get("items", around)
    if item is None or (item["chatType"], item["chatId"]) != (chat.kind, chat.id):
        raise store_error("chatItemNotFound", itemId=around)
    user, before = _chat_page(sim, chat, search, count, before=around)
    _, after = _chat_page(sim, chat, search, count, after=around)
    response = _api_chat(sim, user, chat, [*before, item, *after])
    condition, values = _in_chat(chat, search)
    last = (*values, after[-1]["itemId"] if after else around)
    left = sim.store.number("items", "count(*)", f"{condition} AND id > ?", last)
    unread = sim.store.number("items", "count(*)", f"{condition} AND id > ? AND statusTag = 'rcvNew'", last)
    response["navInfo"] = {"afterUnread": unread, "afterTotal": left}
    return response


def _chats(sim: Simulator, user_id: int, pending: bool, entries: list[tuple[str, str, int]]) -> Json:
    user = sim.expect_user(user_id)
    chats = []
    for _, kind, id in entries:
        if kind == ":" and not pending:
            continue
        chat = ChatRef(kind, id)
        newest = page(sim, *_in_chat(chat, ""), count=1) if kind != ":" else []
        chats.append(
            {
                "chatInfo": chat_info_record(sim, kind, id),
                "chatItems": [chat_item_record(sim, item) for item in newest],
                "chatStats": chat_stats(sim, chat),
            }
        )
    return {"type": "apiChats", "user": sim.user_record(user), "chats": chats}


@command("/_get chats {user_id:int}[ pcc={pending:onoff}] count={count:int}[ {query:json:JSONObject}]")
def get_chats(sim: Simulator, user_id: int, count: int, pending: bool = False, query: Json | None = None) -> Json:
    entries = _asked(sim, user_id, pending, query)
    return _chats(sim, user_id, pending, entries[:count])


@command(
    "/_get chats {user_id:int}[ pcc={pending:onoff}] {side:choice:before|after}={ts:word} count={count:int}"
    "[ {query:json:JSONObject}]"
)
def get_chats_page(
    sim: Simulator, user_id: int, side: str, ts: str, count: int, pending: bool = False, query: Json | None = None
) -> Json:
    entries = _asked(sim, user_id, pending, query)
    if side == "before":
        return _chats(sim, user_id, pending, [entry for entry in entries if moment(entry[0]) < moment(ts)][:count])
    return _chats(sim, user_id, pending, [entry for entry in entries if moment(entry[0]) > moment(ts)][-count:])


@command("/_get chats {user_id:int}[ pcc={pending:onoff}]")
def get_all_chats(sim: Simulator, user_id: int, pending: bool = False) -> Json:
    return _chats(sim, user_id, pending, _asked(sim, user_id, pending, None))


def _asked(sim: Simulator, user_id: int, pending: bool, query: Json | None) -> list[tuple[str, str, int]]:
    user = sim.expect_user(user_id)
    entries = [entry for entry in all_chats(sim, user) if pending or entry[1] != ":"]
    wanted = str((query or {}).get("search") or "").lower()
    if not wanted:
        return entries
    return [entry for entry in entries if wanted in _chat_name(sim, entry).lower()]


def _chat_name(sim: Simulator, entry: tuple[str, str, int]) -> str:
    document = sim.store.get(items.CHAT_TABLES.get(entry[1], "connections"), entry[2]) or {}
    return f"{document.get('localDisplayName', '')} {(document.get('profile') or {}).get('fullName', '')}"


def _items(sim: Simulator, count: int, search: str, after: int | None = None, before: int | None = None) -> Json:
    user = sim.active_user()
    condition, values = "userId = ?", cast("tuple[Any, ...]", (user["userId"],))
    if search:
        condition += " AND instr(lower(json_extract(doc, '$.item.meta.itemText')), lower(?)) > 0"
        values += (search,)
    found = page(sim, condition, values, count, after, before)
    infos: dict[str, Json] = {}
    records = []
    for item in found:
        key = f"{item['chatType']}{item['chatId']} {item.get('scopeInfo')}"
        if key not in infos:
            infos[key] = chat_info_record(sim, item["chatType"], item["chatId"], item.get("scopeInfo"))
        records.append(a_chat_item(sim, item, infos[key]))
    return {"type": "chatItems", "user": sim.user_record(user), "chatItems": records}


@command("/_get items count={count:int}[ search={search:text}]")
def get_items(sim: Simulator, count: int, search: str = "") -> Json:
    return _items(sim, count, search)


@command("/_get items after={after:int} count={count:int}[ search={search:text}]")
def get_items_after(sim: Simulator, after: int, count: int, search: str = "") -> Json:
    return _items(sim, count, search, after=after)


@command("/_get items before={before:int} count={count:int}[ search={search:text}]")
def get_items_before(sim: Simulator, before: int, count: int, search: str = "") -> Json:
    return _items(sim, count, search, before=before)


# Reading.


def _read(sim: Simulator, found: list[Json]) -> None:
    now = time.time_ns()
    for item in found:
        clock = start_clock(item, now)
        kept = item["item"]["meta"]["updatedAt"]
        meta = {"itemStatus": {"type": "rcvRead"}, "updatedAt": kept, **clock.get("meta", {})}
        columns = {"statusTag": "rcvRead", "deleteAt": clock.get("deleteAt", item.get("deleteAt"))}
        items.change(sim, item, meta=meta, columns=columns)


@command("/_read chat {chat:chat}[ from={first:int} to={last:int}]")
def read_chat(sim: Simulator, chat: ChatRef, first: int = 0, last: int = 2**62) -> Json:
    user = sim.active_user()
    check_chat(sim, user, chat)
    condition, values = _in_chat(chat, "")
    _read(
        sim,
        sim.store.select(
            "items", f"{condition} AND statusTag = 'rcvNew' AND id BETWEEN ? AND ?", (*values, first, last)
        ),
    )
    sim.store.update(items.CHAT_TABLES[chat.kind], chat.id, unreadChat=None)
    return {"type": "cmdOk", "user_": sim.user_record(user)}


@command("/_read chat items {chat:chat} {item_ids:ints}")
def read_items(sim: Simulator, chat: ChatRef, item_ids: list[int]) -> Json:
    user = sim.active_user()
    check_chat(sim, user, chat)
    found = [item for item in (sim.store.get("items", item_id) for item_id in item_ids) if item is not None]
    mine = [item for item in found if (item["chatType"], item["chatId"]) == (chat.kind, chat.id)]
    _read(sim, [item for item in mine if item["statusTag"] == "rcvNew"])
    info = chat_info_record(sim, chat.kind, chat.id, chat.scope)
    return {"type": "itemsReadForChat", "user": sim.user_record(user), "chatInfo": info}


@command("/_unread chat {chat:chat} {unread:onoff}")
def mark_unread(sim: Simulator, chat: ChatRef, unread: bool) -> Json:
    user = sim.active_user()
    check_chat(sim, user, chat)
    sim.store.update(items.CHAT_TABLES[chat.kind], chat.id, unreadChat=unread or None)
    return {"type": "cmdOk", "user_": sim.user_record(user)}
