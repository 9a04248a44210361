"""The forms of 7.x: answers and events are made in the form of 6.4, and changed on their way out.

What differs is read from the documented schema: fields that only one version has, fields of another type, and a few
types with another form (`ConnStatus`, `RcvFileStatus`, `groupsList`, the profile of a contact request).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .arguments import schema

if TYPE_CHECKING:
    from .engine import Simulator

Json = dict[str, Any]
Filler = Callable[["Simulator", Json], Any]

_UNDOCUMENTED = Path(__file__).parent.parent / "api" / "schema" / "undocumented.json"
_FILLERS: dict[tuple[str, str], Filler] = {}
_PRIMITIVES: dict[str, Any] = {"string": "", "bool": False, "int": 0, "int64": 0, "word32": 0, "double": 0.0}
_OPAQUE = {"UTCTime", "JSONObject", *_PRIMITIVES}


def filler(type_name: str, field: str) -> Callable[[Filler], Filler]:
    """Register what a field of 7.x is, where its type's default is not enough: `(sim, record) -> value`."""

    def register(function: Filler) -> Filler:
        _FILLERS[type_name, field] = function
        return function

    return register


def seven(sim: Simulator, message: Json) -> Json:
    """Return a response or an event in the form of 7.x.

    Args:
        sim: The simulator.
        message: The response or event, with its `type`.
    """
    tag = message.get("type")
    about = _described()["responses"].get(tag) or _described()["events"].get(tag)
    if tag == "groupsList":
        about = {"fields": [{"name": "groups", "type": "[GroupInfoSummary]"}, {"name": "user", "type": "User"}]}
    if tag == "fileTransferStatusXFTP":
        user, item = message["data"]
        return {**message, "data": [_value(sim, user, "User"), _value(sim, item, "AChatItem")]}
    return message if about is None else _fields(sim, message, str(tag), about["fields"])


@functools.cache
def _described() -> Json:
    """Return what the documents describe, and what they leave out."""
    undocumented = json.loads(_UNDOCUMENTED.read_bytes())
    return {kind: {**undocumented[kind], **schema()[kind]} for kind in ("responses", "events", "types")}


def _base(name: str) -> str:
    """Return the name of the type inside of lists, maps and optional types."""
    while True:
        if name.endswith("?"):
            name = name[:-1]
        elif name.startswith("["):
            name = name[1:-1]
        elif name.startswith("{"):
            name = name[1:-1].split(":", 1)[1].strip()
        else:
            return name


def _all_fields(about: Json) -> list[Json]:
    return [*about.get("fields", []), *(field for variant in about.get("variants", []) for field in variant["fields"])]


@functools.cache
def _changed_types() -> frozenset[str]:
    """Return the types that differ between the versions, or hold one that does."""
    types = _described()["types"]
    changed = {name for name, about in types.items() if about["kind"] == "changed"} | {"GroupInfoSummary"}
    changed |= {
        name for name, about in types.items() if any("only" in f or "type_6.4.5" in f for f in _all_fields(about))
    }
    while True:
        more = {
            name
            for name, about in types.items()
            if name not in changed and any(_base(field["type"]) in changed for field in _all_fields(about))
        }
        if not more:
            return frozenset(changed)
        changed |= more


def _value(sim: Simulator, value: Any, name: str) -> Any:
    if name.endswith("?"):
        name = name[:-1]
    if value is None or _base(name) not in _changed_types():
        return value
    if name.startswith("["):
        return [_value(sim, item, name[1:-1]) for item in value]
    if name.startswith("{"):
        return {key: _value(sim, item, _base(name)) for key, item in value.items()}
    if name == "ConnStatus":
        first, *rest = str(value).split("-")
        return {"type": first + "".join(word.capitalize() for word in rest)}
    if name == "GroupInfoSummary":
        return _value(sim, {**value["groupInfo"], "groupSummary": value["groupSummary"]}, "GroupInfo")
    if name == "RcvFileStatus":
        return _file_status(value)
    about = _described()["types"][name]
    if about["kind"] != "union":
        return _fields(sim, value, name, about["fields"])
    variant = next((variant for variant in about["variants"] if variant["tag"] == value.get("type")), None)
    return value if variant is None else _fields(sim, value, name, variant["fields"])


def _file_status(status: Json) -> Json:
    changed = {key: value for key, value in status.items() if key not in ("fileInfo", "fileInfo_")}
    if "fileInfo" in status:
        changed["filePath"] = status["fileInfo"]["filePath"]
    if "fileInfo_" in status:
        changed["filePath_"] = status["fileInfo_"]["filePath"]
    return changed


def _fields(sim: Simulator, record: Json, name: str, fields: list[Json]) -> Json:
    changed = dict(record)
    for field in fields:
        key, kind = field["name"], field["type"]
        if field.get("only") == "6.4.5":
            changed.pop(key, None)
        elif key in record:
            if name == "UserContactRequest" and key == "profile":
                changed[key] = {"profileId": record["profileId"], **record[key], "localAlias": ""}
            changed[key] = _value(sim, changed[key], kind)
        elif field.get("only") == "7.0.2" and not kind.endswith("?"):
            fill = _FILLERS.get((name, key))
            changed[key] = _default(kind) if fill is None else fill(sim, record)
    return changed


def _default(kind: str) -> Any:
    if kind in _PRIMITIVES:
        return _PRIMITIVES[kind]
    if kind.startswith("["):
        return []
    if kind.startswith("{") or kind in _OPAQUE:
        return {}
    about = _described()["types"][kind]
    if about["kind"] == "enum":
        values: list[str] = about["values"]
        return "off" if "off" in values else values[0]
    if about["kind"] == "union":
        return {"type": about["variants"][0]["tag"]}
    return {field["name"]: _default(field["type"]) for field in about["fields"] if not field["type"].endswith("?")}
