"""Frames of the recordings, for tests that rest on what a real CLI has sent."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from simplex_sync import events, responses, types
from simplex_sync._internal.codec import Frame

RECORDINGS = Path(__file__).resolve().parents[2] / "recordings"


@functools.cache
def frames(name: str) -> list[dict[str, Any]]:
    """Return what the CLIs of a recording sent, in order."""
    lines = (json.loads(line) for line in (RECORDINGS / f"{name}.jsonl").read_text("utf-8").splitlines())
    return [line["frame"] for line in lines if line.get("dir") == "recv" and "resp" in line["frame"]]


def recorded_events(name: str, *tags: str) -> Iterator[Any]:
    """Yield the events of some tags as records."""
    for frame in frames(name):
        if "corrId" not in frame and frame["resp"]["type"] in tags:
            yield events.decode(frame["resp"])


def recorded_answers(name: str, *tags: str) -> Iterator[Any]:
    """Yield the answers of some tags as records."""
    for frame in frames(name):
        if "corrId" in frame and frame["resp"]["type"] in tags:
            yield responses.decode(frame["resp"])


def recorded_items(name: str) -> Iterator[types.AChatItem]:
    """Yield all chat items that came as new."""
    for record in (*recorded_events(name, "newChatItems"), *recorded_answers(name, "newChatItems")):
        yield from record.chat_items


@functools.cache
def _recorded_text() -> str:
    for each in recorded_items("messages"):
        content = each.chat_item.content
        if isinstance(content, types.CIContentRcvMsgContent) and content.msg_content.tag == "text":
            return json.dumps(each.to_dict())
    raise AssertionError("the recording has no received text")


def item(item_id: int = 1, text: str = "hello", **changes: Any) -> types.AChatItem:
    """Return a received text of a recording, with another number and text."""
    wire = json.loads(_recorded_text())
    wire["chatItem"]["meta"].update(itemId=item_id, itemText=text, **changes)
    wire["chatItem"]["content"]["msgContent"]["text"] = text
    wire["chatItem"].pop("formattedText", None)
    return types.AChatItem.from_dict(wire)


@functools.cache
def user() -> dict[str, Any]:
    """Return the user of a recording, on the wire."""
    found: dict[str, Any] = next(frame["resp"]["user"] for frame in frames("messages") if "user" in frame["resp"])
    return found


def frame_of(body: dict[str, Any]) -> Frame:
    """Return the frame of an event."""
    return Frame(json.dumps({"resp": body}).encode())


def new_items(*items: types.AChatItem, user_id: int = 1) -> Frame:
    """Return the event `newChatItems`."""
    record = [each.to_dict() for each in items]
    return frame_of({"type": "newChatItems", "user": {**user(), "userId": user_id}, "chatItems": record})


def reconnected() -> Frame:
    """Return the marker that the library makes after a reconnect."""
    record = events.Reconnected(gap_possible=True, restarted=False)
    return Frame.marker(events.Reconnected.tag, record)
