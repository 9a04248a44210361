"""What makes a record a dataclass to those who ask: descriptions of its fields, made when they are first needed."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable
from typing import Any

from dataclasses_json import config

from simplex_sync._internal.wire import Fields, Record, Tagged

__all__ = ["make_fields"]


def make_fields(owner: type[Fields]) -> dict[str, dataclasses.Field[Any]]:
    """Return what `dataclasses.fields` and dataclasses-json want to know of a class.

    Args:
        owner: A class of records or commands.

    Returns:
        The fields by their names, with the names on the wire where dataclasses-json looks for them.
    """
    defaults = owner.__init__.__kwdefaults__ or {}
    hints = typing.get_type_hints(owner)
    made: list[tuple[str, Any, dataclasses.Field[Any]]] = []
    for name, wire_name in zip(owner._fields, owner._wire, strict=True):
        options: dict[str, Any] = {"default": defaults[name]} if name in defaults else {}
        metadata = config(field_name=wire_name, decoder=_union_decoder(hints[name]))
        made.append((name, hints[name], dataclasses.field(metadata=metadata, kw_only=True, **options)))
    if "extra" in defaults:
        absent: Any = None
        made.append(("extra", dict[str, Any] | None, dataclasses.field(default=absent, kw_only=True, repr=False)))
    fields: dict[str, dataclasses.Field[Any]] = vars(dataclasses.make_dataclass(owner.__name__, made))[
        "__dataclass_fields__"
    ]
    return fields


def _union_decoder(hint: Any) -> Callable[[Any], Any] | None:
    """Return the decoder of a field whose type dataclasses-json cannot choose by itself, or None."""
    arguments = [argument for argument in typing.get_args(hint) if argument is not type(None)]
    if not arguments:
        return hint._decode if isinstance(hint, type) and issubclass(hint, Tagged) else None
    if typing.get_origin(hint) is list:
        decode = _union_decoder(arguments[0])
        return decode and (lambda value: [decode(item) for item in value] if isinstance(value, list) else value)
    if typing.get_origin(hint) is dict:
        return None
    if len(arguments) == 1:
        return _union_decoder(arguments[0])
    # Several records or several plain types: the field's own class decides, see the generated decoders.
    return _choose(arguments)


def _choose(kinds: list[Any]) -> Callable[[Any], Any]:
    records = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Record)]

    def decode(value: Any) -> Any:
        if not isinstance(value, dict) or not records:
            return value
        return max(records, key=lambda kind: len(value.keys() & set(kind._wire)))._decode(value)

    return decode
