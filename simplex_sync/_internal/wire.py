"""What the CLI's JSON is made into: records, string enums, times, and the way back.

Every generated class derives from `Record`. It is a dataclass to all who ask (`dataclasses.fields`, `asdict`,
`replace`, and dataclasses-json's own reflective decoder), but its fields are described on first use only: hundreds of
`@dataclass` classes would make `import simplex_sync` take a third of a second.

Decoding never fails on a JSON object: a value of another JSON type than documented is kept as it came, a missing one
is None, and unknown fields (and explicit nulls) are kept in `extra`, so that `to_dict` gives back what came.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from simplex_sync._internal.strings import StringEnum, UTCTime

if TYPE_CHECKING:
    import dataclasses

    from typing_extensions import Self

__all__ = ["Fields", "Lenient", "Record", "StringEnum", "Tagged", "UTCTime", "bare", "finish", "new", "unknown"]

T = TypeVar("T")

# Generated decoders make their records without calling __init__, which would cost half of the time.
new: Callable[[type[T]], T] = object.__new__

# Decoders of types that contain themselves keep the raw value below this depth, so no input can exhaust the stack.
MAX_DEPTH = 30

# Raw values may nest deeper than records can; below this depth there are no records to encode.
_MAX_ENCODE_DEPTH = 120

_PLAIN = frozenset({str, int, float, bool, type(None)})
_MAX_REPR = 120

# The strings that may be shown in a repr; all others could be message text, links, keys, names of files or passwords.
_SHOWN_STRINGS = frozenset({"displayName", "localDisplayName"})


class Lenient(dict[str, Any]):
    """A JSON object in which every missing key is None; decoders fall back to it when a required field is missing."""

    __slots__ = ()

    def __missing__(self, key: str) -> None:
        return None


class _DataclassFields:
    """Gives each class its `__dataclass_fields__` when somebody first asks for them."""

    def __init__(self) -> None:
        self._made: dict[type, dict[str, dataclasses.Field[Any]]] = {}

    def __get__(self, instance: object, owner: type[Fields]) -> dict[str, dataclasses.Field[Any]]:
        made = self._made.get(owner)
        if made is None:
            # Needed by few, so not imported with the package.
            from simplex_sync._internal.reflection import make_fields

            made = self._made[owner] = make_fields(owner)
        return made


class Fields:
    """What records and commands share: fields in slots, equality, a short repr, and being a dataclass."""

    __slots__ = ()
    __match_args__ = ()

    _fields: ClassVar[tuple[str, ...]] = ()
    _wire: ClassVar[tuple[str, ...]] = ()

    if TYPE_CHECKING:
        __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]
    else:
        __dataclass_fields__ = _DataclassFields()
        # `pprint` asks how a dataclass was made; none of its methods were made by `@dataclass`.
        __dataclass_params__ = SimpleNamespace(
            init=False, repr=False, eq=False, order=False, unsafe_hash=False, frozen=False
        )

    # Records can be changed, so they have no hash, as dataclasses have none.
    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self._fields)

    def __repr__(self) -> str:
        shown: list[str] = []
        room = _MAX_REPR - len(type(self).__name__) - 5
        for name, wire_name in zip(self._fields, self._wire, strict=True):
            text = shown_value(getattr(self, name, None), wire_name)
            if not text:
                continue
            text = f"{name}={text}"
            room -= len(text) + 2
            if room < 0:
                shown.append("…")
                break
            shown.append(text)
        return f"{type(self).__name__}({', '.join(shown)})"

    def shown_fields(self) -> dict[str, str]:
        """Return what of the fields may be shown to people and in logs, by their names."""
        shown = {
            name: shown_value(getattr(self, name, None), wire_name)
            for name, wire_name in zip(self._fields, self._wire, strict=True)
        }
        return {name: text for name, text in shown.items() if text}

    def _repr_html_(self) -> str:
        """Return what Jupyter shows: the same fields as a repr, as a table."""
        from html import escape  # needed by few, so not imported with the package

        rows = "".join(f"<tr><th>{name}</th><td>{escape(text)}</td></tr>" for name, text in self.shown_fields().items())
        return f"<table><caption>{type(self).__name__}</caption>{rows}</table>"


def shown_value(value: Any, wire_name: str) -> str:
    """Return what of a value may be shown to people and in logs, or an empty string.

    Args:
        value: The value of a field.
        wire_name: The name of the field on the wire.
    """
    if isinstance(value, bool | int):
        return repr(value)
    if isinstance(value, StringEnum | UTCTime):
        return value.shown()
    if isinstance(value, str):
        return repr(value) if wire_name in _SHOWN_STRINGS and len(value) <= 40 else ""
    if isinstance(value, Tagged):
        return shown_tag(value.tag)
    if isinstance(value, list):
        return f"[{len(value)}]"
    return ""


def shown_tag(tag: str) -> str:
    """Return a tag as a repr may show it: tags are words, so anything else is left out.

    Args:
        tag: The tag as it came.

    Returns:
        The tag, or `?` where it does not look like one.

    """
    return tag if len(tag) <= 60 and tag.replace("_", "").replace("-", "").isalnum() and tag.isascii() else "?"


class Record(Fields):
    """A JSON object of the CLI's API.

    Fields are keyword-only and named in snake_case. On the wire an absent field is None here and the other way round.
    A value of another JSON type than the annotation says is kept as it came, since one odd value must not stop a
    stream of events.
    """

    __slots__ = ("_extra",)

    _extra: dict[str, Any] | None

    def __init__(self, *, extra: dict[str, Any] | None = None) -> None:
        self._extra = extra

    def _get_extra(self) -> dict[str, Any]:
        """The fields that came and that the schema does not know, by their names on the wire."""
        if self._extra is None:
            self._extra = {}
        return self._extra

    if TYPE_CHECKING:

        @property
        def extra(self) -> dict[str, Any]: ...

    else:
        # Annotated like the other fields: who decodes by reflection asks for the type of each.
        extra: dict[str, Any] | None = property(_get_extra)

    @staticmethod
    def _decode(wire: Any) -> Any:
        raise NotImplementedError

    @classmethod
    def from_dict(cls, wire: dict[str, Any], *, infer_missing: bool = False) -> Self:
        """Make a record of a JSON object.

        Args:
            wire: The JSON object, as `json.loads` gives it.
            infer_missing: Accepted for the sake of dataclasses-json's interface; what is missing is always None.

        Returns:
            The record. A base class of variants returns the variant that the object's `type` names.

        Raises:
            TypeError: `wire` is not a dict.
            ValueError: The object's `type` is that of another variant.

        """
        del infer_missing  # part of the interface only
        if not isinstance(wire, dict):
            raise TypeError(f"{cls.__name__}.from_dict: a JSON object (dict) is needed, not {type(wire).__name__}")
        record: Self = cls._decode(wire if type(wire) is dict else dict(wire))
        return record

    @classmethod
    def from_json(cls, text: str | bytes | bytearray, *, infer_missing: bool = False, **options: Any) -> Self:
        """Make a record of JSON text.

        Args:
            text: The JSON text of one object.
            infer_missing: As for `from_dict`.
            **options: Passed on to `json.loads`.

        Returns:
            The record.

        Raises:
            json.JSONDecodeError: The text is not JSON.
            TypeError: The text is not a JSON object.
            ValueError: As for `from_dict`.

        """
        return cls.from_dict(json.loads(text, **options), infer_missing=infer_missing)

    def to_dict(self, encode_json: bool = False) -> dict[str, Any]:
        """Return the JSON object that the record stands for.

        Args:
            encode_json: Accepted for the sake of dataclasses-json's interface; the values are always plain JSON.

        Returns:
            A new dict. What is None is left out, and what was unknown is there again.

        """
        del encode_json  # part of the interface only
        return self._encode(0)

    def _encode(self, depth: int, /) -> dict[str, Any]:
        wire: dict[str, Any] = {}
        for name, wire_name in zip(self._fields, self._wire, strict=True):
            value = getattr(self, name)
            if value is not None:
                wire[wire_name] = value if type(value) in _PLAIN else encode(value, depth + 1)
        if self._extra:
            for wire_name, value in self._extra.items():
                wire.setdefault(wire_name, value)
        return wire

    def to_json(self, **options: Any) -> str:
        """Return the JSON text of the record.

        Args:
            **options: Passed on to `json.dumps`.

        Returns:
            The JSON text.

        """
        return json.dumps(self.to_dict(), **options)

    def __eq__(self, other: object) -> bool:
        same = super().__eq__(other)
        if same is not True:
            return same
        return (self._extra or {}) == (other._extra or {}) if isinstance(other, Record) else False


class Tagged(Record):
    """A JSON object whose `type` says what it is: a variant of a union, a response or an event.

    Attributes:
        tag: The `type` on the wire.

    """

    __slots__ = ()

    tag: str

    @classmethod
    def from_dict(cls, wire: dict[str, Any], *, infer_missing: bool = False) -> Self:
        """Make a record of a JSON object; see `Record.from_dict`."""
        own_tag = cls.__dict__.get("tag")
        if isinstance(own_tag, str) and isinstance(wire, dict) and wire.get("type", own_tag) != own_tag:
            base = cls.__mro__[1].__name__
            raise ValueError(
                f"{cls.__name__}.from_dict: the object's type is not {own_tag!r}; {base}.from_dict takes them all"
            )
        return super().from_dict(wire, infer_missing=infer_missing)

    def _encode(self, depth: int, /) -> dict[str, Any]:
        return {"type": self.tag, **super()._encode(depth)}


class Unknown(Tagged):
    """A JSON object whose `type` the schema does not know, or that stands for something unknown to the CLI itself.

    Attributes:
        tag: The `type` on the wire; empty where there is none.
        raw: The whole JSON object.

    """

    __slots__ = ("raw", "tag")
    _fields = ("raw",)
    _wire = ("raw",)

    raw: dict[str, Any]

    def __init__(self, *, raw: dict[str, Any], tag: str | None = None) -> None:
        super().__init__()
        self.raw = raw
        named = raw.get("type") if tag is None else tag
        self.tag = named if isinstance(named, str) else ""

    def _encode(self, _depth: int, /) -> dict[str, Any]:
        return dict(self.raw)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({shown_tag(self.tag) if self.tag else ''})"


def encode(value: Any, depth: int = 0) -> Any:
    """Return a value as plain JSON.

    Args:
        value: A record, an enum, a time, a list or a dict of such, or plain JSON.
        depth: How deep in the record it lies.

    Returns:
        Plain JSON; new lists and dicts, down to the depth to which records can reach.

    """
    if isinstance(value, Record):
        return value._encode(depth)
    if isinstance(value, StringEnum):
        return value.value
    if isinstance(value, str):
        return str(value)
    if depth < _MAX_ENCODE_DEPTH:
        if isinstance(value, list | tuple):
            return [item if type(item) in _PLAIN else encode(item, depth + 1) for item in value]
        if isinstance(value, dict):
            return {key: item if type(item) in _PLAIN else encode(item, depth + 1) for key, item in value.items()}
    return value


_KNOWN: dict[type, frozenset[str]] = {}


def finish(record: Any, wire: dict[str, Any]) -> Any:
    """Keep what a decoder did not expect: unknown fields and explicit nulls.

    Args:
        record: The record that the decoder filled.
        wire: The JSON object.

    Returns:
        The record.

    """
    kind = type(record)
    known = _KNOWN.get(kind)
    if known is None:
        known = frozenset(kind._wire) | ({"type"} if issubclass(kind, Tagged) else set())
        _KNOWN[kind] = known
    extra = {key: value for key, value in wire.items() if value is None or key not in known}
    record._extra = extra or None
    return record


def bare(kind: type[Tagged]) -> Callable[..., Any]:
    """Make the decoder of a class that has no fields, and give it to the class.

    Args:
        kind: The class.

    Returns:
        The decoder. It takes and ignores the depth that decoders of types that contain themselves take.

    """

    def decode(wire: Any, _depth: int = 0) -> Any:
        if not isinstance(wire, dict):
            return wire
        record = new(kind)
        if len(wire) != 1:
            return finish(record, wire)
        record._extra = None
        return record

    # The class is made whole here, before anybody sees it.
    type.__setattr__(kind, "_decode", staticmethod(decode))
    return decode


def unknown(kind: type[Unknown], wire: Any) -> Any:
    """Make the record that keeps an object of unknown type.

    Args:
        kind: The union's class for what is unknown.
        wire: The JSON value.

    Returns:
        The record, or the value itself where it is not a JSON object.

    """
    return kind(raw=dict(wire)) if isinstance(wire, dict) else wire
