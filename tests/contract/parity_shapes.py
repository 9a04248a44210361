"""The shape of a frame: which keys at which paths, with which JSON types and which ``type`` tags.

Lists are the union of their elements' shapes, so that a list of three has the shape of a list of two. Objects under
``mentions`` have people's names as keys; they are treated like lists.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Json = Any
OPEN_OBJECTS = {"mentions"}
# Values of these keys say what a thing is (not which one), so they are part of the shape, like the tags.
MEANING = {"type", "memberRole", "memberCategory", "itemDeleted", "businessType", "chatType", "enable", "allow"}


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
    """What one shape has and the other has not, only the topmost path of each, shortest first."""
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
