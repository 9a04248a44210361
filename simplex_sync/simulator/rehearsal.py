"""What was done in a rehearsal: a filled database compared with its copy from before, and the commands that failed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from . import features
from .groups import CURRENT
from .store import Store

Json = dict[str, Any]
Documents = dict[int, Json]

assert features.__all__  # importing it defines all tables


class _State:
    """What a database holds, read once; of the items only those that changed, since there can be very many."""

    def __init__(self, path: Path, key: str, items: Documents) -> None:
        self.items = items
        store = Store(path, key)
        try:
            self.refusals = store.find("refusals")
            self.users = {each["userId"]: each for each in store.find("users")}
            self.contacts = {each["contactId"]: each for each in store.find("contacts") if "profile" in each}
            self.groups = {each["groupId"]: each for each in store.find("groups")}
            self.members = {each["groupMemberId"]: each for each in store.find("groupMembers")}
            self.files = {each["fileId"]: each for each in store.find("files")}
            self.links = {each["userContactLinkId"]: each for each in store.find("userContactLinks")}
        finally:
            store.close()

    def chat_name(self, item: Json) -> str:
        """Return the name of the chat of an item, as in `send`."""
        table = {"@": self.contacts, "#": self.groups}.get(item["chatType"], {})
        return f"{item['chatType']}{table.get(item['chatId'], {}).get('localDisplayName', '')}"

    def member_name(self, member: Json) -> str:
        """Return the local display name of a member."""
        contact = self.contacts.get(member.get("memberContactId", 0), member)
        return str(contact.get("localDisplayName", ""))


def report(database: Path, key: str) -> Json:
    """Return what was done since a database was filled.

    Args:
        database: The prefix of its files.
        key: Its key, empty for none.

    Raises:
        FileNotFoundError: It is no database that was filled.
    """
    paths = [database.with_name(f"{database.name}_{name}.db") for name in ("before", "chat")]
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(path.name)
    store = Store(paths[1], key)
    try:
        items = store.differences("items", paths[0])
    finally:
        store.close()
    before, after = (_State(path, key, changed) for path, changed in zip(paths, items, strict=True))
    errors = Counter((each["command"], each["error"]) for each in after.refusals)
    return {
        "messages": _messages(before, after),
        "members": _members(before, after),
        "groups": _records(before.groups, after.groups, _group_facts),
        "contacts": _records(before.contacts, after.contacts, _contact_facts),
        "files": _files(before, after),
        "links": len(set(after.links) - set(before.links)),
        "errors": [{"command": command, "error": error, "times": n} for (command, error), n in errors.items()],
    }


def _is_own_message(item: Json) -> bool:
    return bool(item["item"]["content"]["type"] == "sndMsgContent")


def _messages(before: _State, after: _State) -> Json:
    sent = [item for number, item in after.items.items() if number not in before.items and _is_own_message(item)]
    statuses = Counter(item["statusTag"] for item in sent)
    both = set(before.items) & set(after.items)
    # What a contact's or a group's end takes with it counts there.
    deleted = sum(_chat_is_there(item, after) and number not in after.items for number, item in before.items.items())
    return {
        "sent": len(sent),
        "received": statuses["sndRcvd"],
        "notSent": len(sent) - statuses["sndRcvd"] - statuses["sndSent"],
        "to": dict(Counter(after.chat_name(item) for item in sent)),
        "edited": sum(_text(before.items[number]) != _text(after.items[number]) for number in both),
        "deleted": deleted + sum(_is_marked(after.items[n]) and not _is_marked(before.items[n]) for n in both),
    }


def _chat_is_there(item: Json, state: _State) -> bool:
    table = {"@": state.contacts, "#": state.groups}.get(item["chatType"])
    return table is None or item["chatId"] in table


def _text(item: Json) -> str:
    return str(item["item"]["meta"].get("itemText", ""))


def _is_marked(item: Json) -> bool:
    return "itemDeleted" in item["item"]["meta"]


def _members(before: _State, after: _State) -> list[Json]:
    changes = []
    for number, member in after.members.items():
        group = after.groups.get(member["groupId"])
        if group is None or number == group["membershipId"]:
            continue
        was = before.members.get(number)
        about = {"group": group["localDisplayName"], "member": after.member_name(member)}
        if was is None:
            changes.append({**about, "change": member["memberStatus"], "role": member["memberRole"]})
            continue
        if was["memberStatus"] in CURRENT and member["memberStatus"] not in CURRENT:
            changes.append({**about, "change": member["memberStatus"], "role": member["memberRole"]})
        if was["memberRole"] != member["memberRole"]:
            changes.append({**about, "change": "role", "role": member["memberRole"], "was": was["memberRole"]})
    for number, member in before.members.items():
        group = after.groups.get(member["groupId"])
        if group is not None and number not in after.members:
            about = {"group": group["localDisplayName"], "member": before.member_name(member)}
            changes.append({**about, "change": "removed", "role": member["memberRole"]})
    return changes


def _group_facts(group: Json) -> Any:
    return group["groupProfile"], group.get("localAlias", "")


def _contact_facts(contact: Json) -> Any:
    return contact["profile"], contact.get("userPreferences"), contact.get("contactStatus", "active")


def _records(before: Documents, after: Documents, facts: Any) -> dict[str, list[str]]:
    """Return the names of contacts or groups that are new, gone, or not what they were."""

    def names(table: Documents, numbers: set[int]) -> list[str]:
        return [str(table[number]["localDisplayName"]) for number in sorted(numbers)]

    both = set(before) & set(after)
    return {
        "made": names(after, set(after) - set(before)),
        "changed": names(after, {number for number in both if facts(before[number]) != facts(after[number])}),
        "deleted": names(before, set(before) - set(after)),
    }


def _files(before: _State, after: _State) -> list[Json]:
    sent = []
    for number, file in after.files.items():
        if number not in before.files and file["direction"] == "sent":
            item = after.items.get(file.get("itemId", 0))
            to = after.chat_name(item) if item is not None else ""
            sent.append({"name": file["fileName"], "bytes": file["fileSize"], "to": to, "state": file["state"]})
    return sent
