"""The order in which events must come: total within a stream, free between streams.

Two runs of the real CLI do not give all events in the same order: a client talks to each peer over a connection of its
own, and messages on different connections race; deliveries and receipts of one's own messages are worked off beside the
commands; file transfers and the removal of queues run in the agent, in threads of their own. What comes over ONE
connection, or from ONE of these workers, is in order. So an event belongs to a stream:

==================  ====================================================================================================
stream              events
==================  ====================================================================================================
start               the summaries at the start of a process
direct, NAME        all that concerns one contact: its connection, its messages, what is changed in its chat
group, NAME, WHO    what came from one member of one group (the connection to that member), or ``own``:
                    what the client's own commands put into the group
sent / received     delivery status of own messages of one chat (``sndSent``), receipts of one chat (``sndRcvd``);
                    several items may share an event, so the units here are the items, not the events
joining             what the user's own joining does to the invitation, which may come twice meanwhile
sending, receiving  progress of the transfer of one file
queues              ``agentRcvQueuesDeleted``: the agent's removal of queues, in batches of any size, so the units are
                    the queues; likewise the connections in ``agentConnsDeleted``
errors              ``chatError`` and ``chatErrors``
servers             the loss of the servers and the new subscription
requests            errors about malformed frames, which come without corrId
tag                 any other event: one stream a tag
==================  ====================================================================================================

A name that is chosen by the CLI itself (incognito) differs from run to run; all such names are one: ``?``.

Some units are optional, since how often they come is a matter of time: they must have come, but not at that place and
not so often. These are the steps of a group item's status before all have received it (a receipt may overtake the
delivery to another member, and hide it), and the errors about servers that cannot be reached after the first one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.contract.parity_shapes import LATE_REPORTS, tags

Json = Any
Stream = tuple[str, ...]

ORIGINS = ("byMember", "hostMember", "acceptingMember", "member_", "fromMember", "member")
REMOVALS = {"agentRcvQueuesDeleted": "deletedRcvQueues", "agentConnsDeleted": "agentConnIds"}
UNREACHABLE = ("chatError", "errorAgent", "BROKER")
LATE_REPORT = "late report on a deleted connection"
EVENT_FIELDS = ("rcvGroupEvent", "sndGroupEvent", "rcvDirectEvent", "rcvConnEvent", "sndConnEvent")


@dataclass
class Unit:
    """A smallest thing that is ordered: an event, or one item of a status event."""

    stream: Stream
    signature: tuple[str, ...]
    frame: dict[str, Json]
    item_id: int | None = None
    index: int = -1
    learnt: bool = False
    optional: bool = False


class Names:
    """Tells names that people chose from those that the CLI made up."""

    def __init__(self, chosen: Iterable[str]) -> None:
        self.chosen = set(chosen)

    def __call__(self, name: Json) -> str:
        """The name itself, or ``?`` when nobody chose it (``bob_1`` counts as ``bob``)."""
        text = str(name)
        stem, _, number = text.rpartition("_")
        return text if text in self.chosen or (number.isdigit() and stem in self.chosen) else "?"


def units(frame: dict[str, Json], names: Names) -> list[Unit]:
    """The units of an event frame."""
    event = frame["resp"]
    tag = event.get("type")
    if tag == "chatItemsStatusesUpdated":
        return [_status_unit(frame, item, names) for item in event.get("chatItems", [])]
    if tag in REMOVALS:
        return [Unit(("queues", tag), (tag,), frame) for _ in event.get(REMOVALS[tag], [])]
    return [Unit(_stream(event, names), _signature(event), frame)]


def _status_unit(frame: dict[str, Json], chat_item: Json, names: Names) -> Unit:
    meta = chat_item["chatItem"]["meta"]
    status = meta["itemStatus"]
    kind = "received" if status["type"] == "sndRcvd" else "sent"
    progress = str(status.get("sndProgress", ""))
    signature = ("chatItemsStatusesUpdated", status["type"], progress)
    unit = Unit((kind, *_chat(chat_item["chatInfo"], names)), signature, frame, meta["itemId"])
    unit.optional = chat_item["chatInfo"]["type"] == "group" and signature[1:] != ("sndRcvd", "complete")
    return unit


def is_repeated(unit: Unit, before: list[Unit]) -> bool:
    """Whether a unit tells once more that the servers cannot be reached."""
    return unit.signature[:3] == UNREACHABLE and any(other.signature[:3] == UNREACHABLE for other in before)


def _signature(event: dict[str, Json]) -> tuple[str, ...]:
    tag = str(event.get("type"))
    if tag == "terminalEvent":
        return tag, str(event.get("data", {}).get("type"))
    if tag in ("chatError", "chatCmdError"):
        inner = tags(event.get("chatError"))
        return (tag, LATE_REPORT) if LATE_REPORTS.intersection(inner) else (tag, *inner)
    contents = [chat_item["chatItem"]["content"] for chat_item in _chat_items(event)]
    kinds = [
        content["type"] + "".join(":" + content[key]["type"] for key in EVENT_FIELDS if key in content)
        for content in contents
    ]
    return (tag, *dict.fromkeys(kinds))


def _chat_items(event: dict[str, Json]) -> list[Json]:
    items = list(event.get("chatItems") or [])
    for key in ("chatItem", "chatItem_"):
        if isinstance(event.get(key), dict) and "chatInfo" in event[key]:
            items.append(event[key])
    items += [deletion["deletedChatItem"] for deletion in event.get("chatItemDeletions") or []]
    return items


def _stream(event: dict[str, Json], names: Names) -> Stream:
    tag = str(event.get("type"))
    fixed = {
        "contactSubSummary": "start",
        "userContactSubSummary": "start",
        "terminalEvent": "start",
        "chatError": "errors",
        "chatErrors": "errors",
        "contactsDisconnected": "servers",
        "contactsSubscribed": "servers",
        "chatCmdError": "requests",
    }
    if tag in fixed:
        return (fixed[tag],)
    if tag.startswith("sndFile"):
        return "sending", _file_name(event)
    if tag.startswith("rcvFile"):
        return "receiving", _file_name(event)
    if tag == "chatItemReaction":
        reaction = event["reaction"]
        return _chat_stream(reaction["chatInfo"], reaction["chatReaction"]["chatDir"], names)
    for chat_item in _chat_items(event):
        if tag == "chatItemUpdated" and chat_item["chatItem"]["content"]["type"] == "rcvGroupInvitation":
            return "joining", *_chat(chat_item["chatInfo"], names)
        return _chat_stream(chat_item["chatInfo"], chat_item["chatItem"]["chatDir"], names)
    if isinstance(event.get("groupInfo"), dict) or isinstance(event.get("toGroup"), dict):
        group = event.get("groupInfo") or event["toGroup"]
        origin: Json = next((event[key] for key in ORIGINS if isinstance(event.get(key), dict)), {})
        return "group", names(group["localDisplayName"]), names(origin.get("localDisplayName", "own"))
    for key in ("contact", "toContact", "contactRequest"):
        if isinstance(event.get(key), dict):
            return "direct", names(event[key]["localDisplayName"])
    return "tag", tag


def _chat(chat_info: Json, names: Names) -> tuple[str, ...]:
    for key in ("groupInfo", "contact"):
        if key in chat_info:
            return chat_info["type"], names(chat_info[key]["localDisplayName"])
    return (str(chat_info.get("type")),)


def _chat_stream(chat_info: Json, direction: Json, names: Names) -> Stream:
    chat = _chat(chat_info, names)
    if chat[0] != "group":
        return chat
    member = direction.get("groupMember", {}).get("localDisplayName")
    return (*chat, names(member) if member else "own")


def _file_name(event: dict[str, Json]) -> str:
    for chat_item in _chat_items(event):
        if "file" in chat_item["chatItem"]:
            return str(chat_item["chatItem"]["file"]["fileName"])
    transfer = event.get("fileTransferMeta") or event.get("rcvFileTransfer", {}).get("fileInvitation") or {}
    return str(transfer.get("fileName", "?"))
