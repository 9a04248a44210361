"""JSON arguments of commands, checked against the types of the documented schema.

As in the CLI: fields that a type does not name are ignored, a missing field or a wrong type makes the whole command
unparsable. What only 7.x knows is optional. Halves of surrogate pairs become U+FFFD.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Json = dict[str, Any]

_SCHEMA = Path(__file__).parent.parent / "api" / "schema" / "simplex-api.json"

# Fields that the documents call required and the CLI's parser does not.
_HAVE_DEFAULTS = {("ComposedMessage", "mentions"), ("UpdatedMessage", "mentions")}

# Unions that take tags which they do not know.
_OPEN_UNIONS = {"MsgContent", "MsgReaction", "LinkContent"}

EMOJI = ("👍", "👎", "😀", "😂", "😢", "❤", "❤️", "🚀", "✅")


class WrongType(ValueError):
    """The JSON is of another type."""


@functools.cache
def schema() -> Json:
    """Return the documented schema of commands, responses, events and types."""
    content: Json = json.loads(_SCHEMA.read_bytes())
    return content


def without_surrogates(text: str) -> str:
    """Return a text with halves of surrogate pairs replaced, as the CLI's JSON parser does."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return without_surrogates(value)
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {without_surrogates(key): _clean(item) for key, item in value.items()}
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def load_json(text: str | bytes) -> Any:
    """Return the value of a JSON text.

    Raises:
        ValueError: It is no JSON, or nested too deeply.
    """
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
        escaped = "\\u" in text if isinstance(text, str) else b"\\u" in text
        return _clean(value) if escaped else value
    except RecursionError:
        raise ValueError("nested too deeply") from None


def parse_json_argument(text: str, type_name: str) -> Any:
    """Return the value of a JSON argument.

    Args:
        text: The argument.
        type_name: A type of the schema, in its notation: `Profile`, `[ComposedMessage]`, `string`, `int64?` …

    Raises:
        ValueError: It is no JSON, or not of this type.
    """
    value = load_json(text)
    try:
        _check(value, type_name)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if type_name.startswith("[") and not value:
        raise WrongType("an empty list")
    return value


def _check(value: Any, name: str) -> None:
    if name.endswith("?"):
        if value is not None:
            _check(value, name[:-1])
    elif name.startswith("["):
        _require(isinstance(value, list))
        for item in value:
            _check(item, name[1:-1])
    elif name.startswith("{"):
        _require(isinstance(value, dict))
        for item in value.values():
            _check(item, name[1:-1].split(":", 1)[1].strip())
    elif name in _PRIMITIVES:
        _require(_PRIMITIVES[name](value))
    else:
        _check_named(value, name, schema()["types"][name])


def _is_whole(value: Any) -> bool:
    return not isinstance(value, bool) and (isinstance(value, int) or (isinstance(value, float) and value.is_integer()))


_PRIMITIVES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "UTCTime": lambda value: isinstance(value, str),
    "bool": lambda value: isinstance(value, bool),
    "int": _is_whole,
    "int64": _is_whole,
    "word32": _is_whole,
    "double": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "JSONObject": lambda value: isinstance(value, dict),
}


def _require(holds: bool) -> None:
    if not holds:
        raise WrongType("another type is needed")


def _check_named(value: Any, name: str, about: Json) -> None:
    if about["kind"] == "enum":
        _require(isinstance(value, str) and (value in about["values"] or name == "ChatPeerType"))
        return
    _require(isinstance(value, dict))
    fields = about.get("fields", [])
    if about["kind"] == "union":
        tag = value.get("type")
        _require(isinstance(tag, str))
        variant = next((variant for variant in about["variants"] if variant["tag"] == tag), None)
        if variant is None:
            _require(name in _OPEN_UNIONS)
            return
        fields = variant["fields"]
        if name == "MsgReaction" and tag == "emoji":
            _require(value.get("emoji") in EMOJI)
    for field in fields:
        _check_field(value.get(field["name"]), name, field)


def _check_field(value: Any, owner: str, field: Json) -> None:
    kind = str(field.get("type_6.4.5", field["type"]))
    if value is None:
        _require(kind.endswith("?") or field.get("only") == "7.0.2" or (owner, field["name"]) in _HAVE_DEFAULTS)
    elif field.get("only") != "7.0.2":
        _check(value, kind)
