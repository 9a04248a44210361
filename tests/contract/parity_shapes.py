"""The shape of a frame: which keys at which paths, with which JSON types and which ``type`` tags.

Lists are the union of their elements' shapes, so that a list of three has the shape of a list of two. Objects under
``mentions`` have people's names as keys; they are treated like lists.

Deliveries and receipts go on beside the commands, so how far an own item has come is, in any frame but the status
events themselves, a matter of milliseconds; and a status event may show its chat and item before or after a command
that runs meanwhile changed them. Both are left out of the comparison (``without_races``): the statuses are compared in
the status events, changes of chats and items in the frames about these changes. Likewise the last items of a chat are
chosen by a time of which one side is the server's, in whole seconds: of the items in ``apiChat``, those kinds are
compared that both runs have. The user's own role in a group is told with every event, and may be that of a moment ago;
it is compared where it changes. Which error a late report on a deleted connection ends in is left to luck.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Json = Any
OPEN_OBJECTS = {"mentions"}
# A report on the last message of a connection that is being deleted finds no user, or no connection: a matter of luck.
LATE_REPORTS = {"noConnectionUser", "connectionNotFound"}
OWN_STATUSES = {"sndNew", "sndSent", "sndRcvd"}
# Values of these keys say what a thing is (not which one), so they are part of the shape, like the tags.
MEANING = {"type", "memberRole", "memberCategory", "itemDeleted", "businessType", "chatType", "enable", "allow"}


def tags(value: Json) -> list[str]:
    """The tags on the way down into an error."""
    found = []
    while isinstance(value, dict) and "type" in value:
        found.append(str(value["type"]))
        value = next((inner for inner in value.values() if isinstance(inner, dict) and "type" in inner), None)
    return found


def without_races(frame: Json) -> Json:
    """The frame without what races in two runs of the same CLI."""
    return _settled(frame, frame.get("resp", {}).get("type") == "chatItemsStatusesUpdated")


def _settled(value: Json, status_event: bool) -> Json:
    if isinstance(value, list):
        return [_settled(inner, status_event) for inner in value]
    if not isinstance(value, dict):
        return value
    settled = {key: _settled(inner, status_event) for key, inner in value.items()}
    if isinstance(settled.get("membership"), dict):
        settled["membership"].pop("memberRole", None)
    if settled.get("type") == "chatError" and LATE_REPORTS.intersection(tags(settled.get("chatError"))):
        settled["chatError"] = {}
    if "itemStatus" in settled:
        if status_event:
            settled.pop("itemDeleted", None)
        elif settled["itemStatus"].get("type") in OWN_STATUSES:
            settled["itemStatus"] = {"type": "own"}
            settled.pop("sentViaProxy", None)
    if status_event and "reactions" in settled and "meta" in settled:
        settled["reactions"] = []
    if status_event and "fileStatus" in settled:
        settled["fileStatus"] = {}
    if status_event and "mergedPreferences" in settled:
        del settled["mergedPreferences"], settled["userPreferences"]
    return settled


def common_kinds(recorded: list[Json], simulated: list[Json]) -> tuple[list[Json], list[Json]]:
    """Those chat items of both lists whose kind of content both lists have."""
    kinds = [{item["content"]["type"] for item in found} for found in (recorded, simulated)]
    both = kinds[0] & kinds[1] or kinds[0] | kinds[1]
    old, new = ([item for item in found if item["content"]["type"] in both] for found in (recorded, simulated))
    return old, new


def shape(value: Json) -> set[str]:
    """All ``path: JSON type`` of a value, and ``path = word`` where a word says what the object is."""
    return set(_walk(value, ""))


def _walk(value: Json, path: str) -> Iterator[str]:
    yield f"{path}: {_json_type(value)}"
    if isinstance(value, dict):
        is_open = path.rpartition(".")[2] in OPEN_OBJECTS
        for key, inner in value.items():
            inner_path = f"{path}{{}}" if is_open else f"{path}.{key}"
            if key in MEANING and isinstance(inner, str):
                yield f"{inner_path} = {inner}"
            yield from _walk(inner, inner_path)
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(inner, f"{path}[]")


def _json_type(value: Json) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return {dict: "object", list: "array", str: "string", int: "number", float: "number"}[type(value)]


def differences(recorded: Json, simulated: Json) -> list[str]:
    """What one frame's shape has and the other's has not, only the topmost path of each, shortest first."""
    recorded, simulated = without_races(recorded), without_races(simulated)
    if recorded.get("resp", {}).get("type") == simulated.get("resp", {}).get("type") == "apiChat":
        chats = recorded["resp"]["chat"], simulated["resp"]["chat"]
        chats[0]["chatItems"], chats[1]["chatItems"] = common_kinds(chats[0]["chatItems"], chats[1]["chatItems"])
    old, new = shape(recorded), shape(simulated)
    found = [f"lacks {line}" for line in _topmost(old - new)] + [f"adds {line}" for line in _topmost(new - old)]
    return sorted(found, key=lambda line: (len(line), line))


def _topmost(lines: set[str]) -> list[str]:
    paths = {line.partition(": ")[0] for line in lines if ": " in line}
    kept = []
    for line in lines:
        path = line.partition(": ")[0].partition(" = ")[0]
        if " = " in line and path in paths:
            continue
        if not any(path != other and path.startswith((other + ".", other + "[", other + "{")) for other in paths):
            kept.append(line)
    return kept
