"""Walking through records, and what the schema files say of them, read without the generator."""

from __future__ import annotations

import json
import types as python_types
import typing
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from simplex_sync._internal.wire import Record, Unknown
from simplex_sync.api import events, responses

SCHEMA = Path(__file__).parents[2] / "simplex_sync" / "api" / "schema"


def decode(wire: dict[str, Any], is_response: bool) -> Record:
    """Make the record of what was received."""
    return responses.decode(wire) if is_response else events.decode(wire)


def records(value: Any) -> Iterator[Record]:
    """Yield a record and all records inside it."""
    if isinstance(value, Record):
        yield value
        for name in value._fields:
            if not isinstance(value, Unknown):
                yield from records(getattr(value, name))
    elif isinstance(value, list):
        for item in value:
            yield from records(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from records(item)


@cache
def schema_files() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the documented schema and the hand-kept one."""
    documented = json.loads((SCHEMA / "simplex-api.json").read_text(encoding="utf-8"))
    measured = json.loads((SCHEMA / "undocumented.json").read_text(encoding="utf-8"))
    return documented, measured


def known_tags(class_name: str) -> set[str]:
    """Return the tags that the schema has for a class of what is unknown, such as `UnknownEvent`."""
    tags: set[str] = set()
    for schema in schema_files():
        if class_name in ("UnknownEvent", "UnknownResponse"):
            tags |= set(schema["events" if class_name == "UnknownEvent" else "responses"])
            continue
        union = schema["types"].get(class_name.removesuffix("Unknown"), {"variants": []})
        tags |= {variant["tag"] for variant in union["variants"]}
    return tags - {"unknown"}


_HINTS: dict[str, dict[str, Any]] = {}


def hints(kind: type) -> dict[str, Any]:
    """Return the types of a class's fields."""
    name = f"{kind.__module__}.{kind.__name__}"
    if name not in _HINTS:
        _HINTS[name] = typing.get_type_hints(kind)
    return _HINTS[name]


def fits(value: Any, hint: Any) -> bool:
    """Return whether a value is of the annotated type."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return True
    if origin in (typing.Union, python_types.UnionType):
        return any(fits(value, argument) for argument in arguments)
    if origin is list:
        return isinstance(value, list) and all(fits(item, arguments[0]) for item in value)
    if origin is dict:
        return isinstance(value, dict) and all(fits(item, arguments[1]) for item in value.values())
    if hint is type(None):
        return value is None
    if hint is float:
        return type(value) in (int, float)
    if hint in (int, bool, str):
        return type(value) is hint
    return isinstance(value, hint)
