"""Frames of a real CLI for the replay server and for what is measured without any: taken from the recordings."""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

RECORDINGS = Path(__file__).resolve().parent.parent.parent / "tests" / "recordings"
Json = dict[str, Any]

# Where a contact of the recording is made into others: names of differing length, letters and ids.
_NAMES = ("anna", "Béla", "chen 陈", "Дарья", "Erik the Red", "farah-77", "g", "Hélène O'Neill", "иван", "joão")


def recorded(name: str) -> Iterator[Json]:
    """Yield the frames of a recording that the CLI sent, in order."""
    with (RECORDINGS / f"{name}.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            if entry.get("dir") == "recv":
                yield entry["frame"]


def compact(value: Any) -> bytes:
    """Return JSON as the CLI writes it: without blanks, in UTF-8."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def first_answer(recording: str, tag: str) -> Json:
    """Return the body of the first answer of a tag.

    Raises:
        LookupError: The recording has none.
    """
    for frame in recorded(recording):
        if "corrId" in frame and frame["resp"]["type"] == tag:
            body: Json = frame["resp"]
            return body
    raise LookupError(f"{recording}: no answer {tag!r}")


def contacts_list(count: int) -> Json:
    """Return the body of a `contactsList` with so many contacts, each with an id, names and times of its own."""
    body = copy.deepcopy(first_answer("crowd", "contactsList"))
    models = body["contacts"]
    body["contacts"] = [_varied(models[number % len(models)], number) for number in range(count)]
    return body


def _varied(model: Json, number: int) -> Json:
    contact = copy.deepcopy(model)
    name = f"{_NAMES[number % len(_NAMES)]} {number}"
    contact["contactId"] = number + 4
    contact["localDisplayName"] = contact["profile"]["displayName"] = name
    contact["profile"]["profileId"] = number + 4
    contact["profile"]["fullName"] = f"Person {number} of the crowd, who is also called {name}"
    connection = contact["activeConn"]
    connection["connId"] = number + 2
    connection["entityId"] = number + 4
    moment = f"2026-11-{1 + number % 28:02}T{number % 24:02}:{number % 60:02}:06.{number * 7919 % 10**9:09}Z"
    contact["createdAt"] = contact["updatedAt"] = contact["chatTs"] = connection["createdAt"] = moment
    return contact


@functools.cache
def event_payloads() -> tuple[tuple[str, bytes], ...]:
    """Return every recorded event: its tag and its frame."""
    return tuple(
        (frame["resp"]["type"], compact(frame))
        for path in sorted(RECORDINGS.glob("*.jsonl"))
        for frame in recorded(path.stem)
        if "corrId" not in frame
    )


def some_events(count: int, without: str = "") -> list[bytes]:
    """Return so many recorded events, over and over, without those of one tag."""
    payloads = [payload for tag, payload in event_payloads() if tag != without]
    return [payloads[number % len(payloads)] for number in range(count)]


def one_event(tag: str) -> bytes:
    """Return the first recorded event of a tag.

    Raises:
        LookupError: There is none.
    """
    for each, payload in event_payloads():
        if each == tag:
            return payload
    raise LookupError(f"no recorded event {tag!r}")
