"""The schema: what is documented, what was measured besides, and the types of both as a small tree."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from scripts.generator.names import snake, upper_first

FOLDER = Path(__file__).resolve().parents[2] / "simplex_sync" / "api" / "schema"
SCALARS = {
    "int64": "int",
    "int": "int",
    "word32": "int",
    "double": "float",
    "string": "str",
    "bool": "bool",
    "JSONObject": "dict[str, Any]",
    "JSON": "Any",
}


@dataclass(frozen=True)
class Type:
    """A type: a scalar, a named type, a list or map of one, or several that it may be."""

    kind: str
    name: str = ""
    parts: tuple[Type, ...] = ()
    optional: bool = False


def parse(text: str) -> Type:
    """Return the tree of a type in the schema's grammar, which has `A|B` besides for what may be either."""
    optional = text.endswith("?")
    text = text.removesuffix("?")
    if text.startswith("["):
        return Type("list", parts=(parse(text[1:-1]),), optional=optional)
    if text.startswith("{"):
        return Type("map", parts=(parse(text[1:-1].partition(":")[2]),), optional=optional)
    if "|" in text:
        return Type("either", parts=tuple(parse(part) for part in text.split("|")), optional=optional)
    if text == "UTCTime":
        return Type("time", text, optional=optional)
    return Type("scalar" if text in SCALARS else "named", text, optional=optional)


@dataclass
class Field:
    """A field of a record or a parameter of a command."""

    wire: str
    type: Type
    only: str = ""
    default: Any = None
    has_default: bool = False
    measured: bool = False

    @property
    def name(self) -> str:
        """The name in Python."""
        return snake(self.wire)

    @property
    def optional(self) -> bool:
        """Whether it may be absent in some version."""
        return self.type.optional or bool(self.only)


@dataclass
class Definition:
    """A class to generate: a record, a variant, an enum, or the base of a union."""

    name: str
    kind: str
    fields: list[Field] = field(default_factory=list)
    variants: list[Definition] = field(default_factory=list)
    values: list[tuple[str, str]] = field(default_factory=list)
    tag: str = ""
    union: str = ""
    only: str = ""
    measured: bool = False
    source: bool = False
    base: str = ""
    category: str = ""


class Schema:
    """Everything that is known of the CLI's API."""

    def __init__(self) -> None:
        self.documented: dict[str, Any] = self._load("simplex-api.json")
        self.measured: dict[str, Any] = self._load("undocumented.json")
        self.facts: dict[str, Any] = self._load("facts.json")
        self.corrections: dict[str, Any] = self.measured["corrections"]

    @staticmethod
    def _load(name: str) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
        return loaded

    def _fields(self, owner: str, specifications: list[dict[str, Any]], measured: bool = False) -> list[Field]:
        corrections = dict(self.corrections["fields"].get(owner, {}))
        fields = []
        for specification in specifications:
            if "ref" in specification:
                raise ValueError(f"{owner}: a reference is not understood here")
            correction = corrections.pop(specification["name"], {})
            type_text = correction.get("type", specification["type"])
            made = Field(specification["name"], parse(type_text), specification.get("only", ""), measured=measured)
            if "default" in correction:
                made.has_default, made.default = True, correction["default"]
            fields.append(made)
        for name, correction in corrections.items():
            fields.append(Field(name, parse(correction["type"]), correction.get("only", ""), measured=True))
        return fields

    @cached_property
    def types(self) -> dict[str, Definition]:
        """All named types, in the order of their names."""
        made = {}
        both = [(self.documented["types"], False), (self.measured["types"], True)]
        for types, measured in both:
            for name, specification in types.items():
                if name not in self.corrections["written_by_hand"]:
                    made[name] = self._definition(name, specification, measured)
        return dict(sorted(made.items()))

    def _definition(self, name: str, specification: dict[str, Any], measured: bool) -> Definition:
        kind = specification["kind"]
        made = Definition(name, kind, only=specification.get("only", ""), measured=measured)
        made.source = specification.get("from") == "source"
        made.base = self.corrections["bases"].get(name, "")
        if kind == "record":
            made.fields = self._fields(name, specification["fields"], measured)
        elif kind == "enum":
            added = self.corrections["values"].get(name, [])
            for value in [*specification["values"], *added]:
                pair = (value, "") if isinstance(value, str) else (value["value"], value.get("only", ""))
                made.values.append(pair)
        elif kind == "union":
            for variant in specification["variants"]:
                if variant["tag"] == "unknown":
                    continue
                variant_name = name + upper_first(variant.get("name", variant["tag"]))
                fields = self._fields(variant_name, variant["fields"], measured)
                made.variants.append(
                    Definition(
                        variant_name, "variant", fields, tag=variant["tag"], union=name,
                        only=variant.get("only", ""), measured=measured,
                    )
                )  # fmt: skip
        else:
            raise ValueError(f"{name}: the kind {kind!r} is not known")
        return made

    def messages(self, section: str) -> list[Definition]:
        """Return the definitions of `responses` or `events`."""
        made = {}
        for source, measured in ((self.documented, False), (self.measured, True)):
            for tag, specification in source[section].items():
                name = upper_first(specification.get("name", tag))
                made[tag] = Definition(
                    name, "message", self._fields(f"{section}.{name}", specification["fields"], measured), tag=tag,
                    only=specification.get("only", ""), measured=measured,
                    base=self.corrections["bases"].get(f"{section}.{name}", ""),
                    category=specification.get("category", ""), source=specification.get("from") == "source",
                )  # fmt: skip
        return sorted(made.values(), key=lambda definition: definition.name)

    @cached_property
    def recursive(self) -> dict[str, int]:
        """The unions and records that contain themselves, each with the number of its circle."""
        edges: dict[str, set[str]] = {}
        for name, definition in self.types.items():
            fields = [*definition.fields, *(f for variant in definition.variants for f in variant.fields)]
            edges[name] = set().union(*(named(f.type) for f in fields)) if fields else set()
        reach = {name: _reachable(name, edges) for name in edges}
        circles: dict[str, int] = {}
        for name in edges:
            if name in reach[name] and name not in circles:
                number = len(set(circles.values())) + 1
                circles.update({other: number for other in reach[name] if name in reach.get(other, ())})
        return circles


def named(type_: Type) -> set[str]:
    """Return the names of the types that occur in a type."""
    names = {type_.name} if type_.kind == "named" else set()
    return names.union(*(named(part) for part in type_.parts))


def _reachable(start: str, edges: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        for name in edges.get(waiting.pop(), ()):
            if name not in seen:
                seen.add(name)
                waiting.append(name)
    return seen
