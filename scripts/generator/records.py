"""Writes types.py, responses.py and events.py: what comes over the wire."""

from __future__ import annotations

from scripts.generator.names import member
from scripts.generator.schema import Definition, Field, Schema, Type, named
from scripts.generator.writing import (
    Decoding,
    annotation,
    decoder_name,
    docstring,
    header,
    initializer,
    names_tuple,
    only,
)


def decoder_line(definition: Definition) -> str:
    """Return the line that gives a class's decoder its name in the module."""
    made = f"{definition.name}._decode" if definition.fields else f"bare({definition.name})"
    return f"{decoder_name(definition)} = {made}"


class RecordsWriter:
    """Writes the classes of records."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.decoding = Decoding(schema)
        self.descriptions: dict[str, str] = schema.facts["types"]
        self.field_docs: dict[str, str] = schema.facts["fields"]

    def describe(self, definition: Definition, fallback: str, owner: str = "") -> str:
        """Return the docstring of a class."""
        owner = owner or definition.name
        text = self.descriptions.get(owner, fallback)
        if definition.source:
            text += "\n\nNot in the documents: described after the source of the CLI."
        elif definition.measured:
            text += "\n\nNot in the documents: described after recordings of CLI 6.4.5."
        if definition.only:
            text += f"\n\n{only(definition.only)}"
        notes = []
        for field in definition.fields:
            note = self.field_docs.get(f"{owner}.{field.wire}") or self.field_docs.get(field.wire, "")
            if field.only:
                note = f"{note} {only(field.only)}".strip()
            elif field.measured and not definition.measured:
                note = f"{note} Not in the documents, but CLI 6.4.5 sends it.".strip()
            if note:
                notes.append(f"    {field.name}: {note}")
        return text + ("\n\nAttributes:\n" + "\n".join(notes) if notes else "")

    def record(self, definition: Definition, base: str, doc: str, prefix: str = "", circle: int = 0) -> list[str]:
        """Return the lines of the class of a record, a variant or a message."""
        fields = definition.fields
        bases = f"{definition.base}, {base}" if definition.base else base
        lines = ["", "", f"class {definition.name}({bases}):", *docstring(doc), ""]
        names = [field.name for field in fields]
        self.check(definition, names)
        lines += names_tuple(names, "__slots__ = _fields") if names else ["    __slots__ = ()"]
        if names:
            lines += names_tuple([field.wire for field in fields], "_wire")
        if definition.tag:
            lines.append(f'    tag = "{definition.tag}"')
        if not fields:
            # It has nothing of its own to fill or to decode; `bare` makes the decoder.
            return lines
        lines.append("")
        lines += [f"    {f.name}: {annotation(f.type, prefix, f.optional)}" for f in fields]
        lines.append("")
        lines += [*initializer(fields, prefix, ["extra: dict[str, Any] | None = None"])]
        lines += ["        self._extra = extra", ""]
        return lines + self.decoding.decoder(definition, circle)

    @staticmethod
    def check(definition: Definition, names: list[str]) -> None:
        """Refuse names that would hide what every record has."""
        taken = {"extra", "tag", "raw", "from_dict", "to_dict", "from_json", "to_json"} & set(names)
        if taken or len(names) != len(set(names)):
            raise ValueError(f"{definition.name}: fields may not be called {sorted(taken or names)}")

    def types_module(self) -> str:
        """Return the text of types.py."""
        by_hand = sorted(self.schema.corrections["written_by_hand"])
        own = sorted({*by_hand, *(d.base for d in self.schema.types.values() if d.base)})
        imports = (
            "from typing import Any\n\n"
            f"from simplex_sync._internal.two_forms import {', '.join(own)}\n"
            "from simplex_sync._internal.strings import EnumTable\n"
            "from simplex_sync._internal.wire import (\n"
            "    MAX_DEPTH,\n    Lenient,\n    Record,\n    StringEnum,\n    Tagged,\n    Unknown,\n    UTCTime,\n"
            "    bare,\n    finish,\n    new,\n    unknown,\n)\n"
        )
        lines: list[str] = []
        ends: list[str] = [f"_d_{name} = {name}._decode" for name in by_hand]
        public = ["Record", "StringEnum", "UTCTime", *by_hand]
        for definition in self.schema.types.values():
            public.append(definition.name)
            if definition.kind == "enum":
                lines += self.enum(definition)
        for definition in self.schema.types.values():
            circle = self.schema.recursive.get(definition.name, 0)
            if definition.kind == "record":
                doc = self.describe(definition, f"The record `{definition.name}` of the CLI's API.")
                lines += self.record(definition, "Record", doc, circle=circle)
                ends.append(f"_d_{definition.name} = {definition.name}._decode")
            elif definition.kind == "union":
                lines += self.union(definition, circle)
                ends.append(f"_d_{definition.name} = {definition.name}._decode")
                ends += [decoder_line(v) for v in definition.variants]
                ends.append(f"_u_{definition.name} = {{")
                ends += [f'    "{v.tag}": _d_{v.name},' for v in definition.variants]
                ends.append("}")
                public += [*(v.name for v in definition.variants), f"{definition.name}Unknown"]
        lines += self.choices()
        if len(public) != len(set(public)):
            raise ValueError(f"names occur twice: {sorted(name for name in public if public.count(name) > 1)}")
        exported = ["__all__ = [", *(f'    "{name}",' for name in sorted(public)), "]"]
        about = "The records, unions and enums of the CLI's API."
        return header(about, imports) + "\n" + "\n".join([*exported, *lines, "", "", *ends]) + "\n"

    def enum(self, definition: Definition) -> list[str]:
        """Return the lines of an enum; values that differ in case only are one member."""
        members: dict[str, tuple[str, str]] = {}
        both: dict[str, str] = {}
        for value, version in definition.values:
            name = member(value)
            if name in members:
                both[name] = value
                members[name] = (members[name][0], "")
            else:
                members[name] = (value, version)
        text = self.descriptions.get(definition.name, f"The values of `{definition.name}`.")
        if definition.only:
            text += f"\n\n{only(definition.only)}"
        notes = [f"    {name}: {only(version)}" for name, (_, version) in members.items() if version]
        notes += [f"    {name}: Spelt `{old}` in CLI 6.4, which is equal." for name, old in both.items()]
        if notes:
            text += "\n\nAttributes:\n" + "\n".join(notes)
        lines = ["", "", f"class {definition.name}(StringEnum):", *docstring(text), ""]
        lines += [f'    {name} = "{value}"' for name, (value, _) in members.items()]
        return [*lines, "", "", f"_e_{definition.name} = EnumTable({definition.name})"]

    def union(self, definition: Definition, circle: int) -> list[str]:
        """Return the lines of a union: its base class, its variants, and the class for what is unknown."""
        name = definition.name
        doc = self.describe(definition, f"One of the variants of `{name}`, by the object's `type`.")
        depth, passed = (", depth: int = 0", ", depth") if circle else ("", "")
        base = f"{definition.base}" if definition.base else "Tagged"
        lines = [
            "", "", f"class {name}({base}):", *docstring(doc), "", "    __slots__ = ()", "",
            "    @staticmethod",
            f"    def _decode(w: Any{depth}) -> Any:",
            "        if type(w) is not dict:",
            "            return w",
            '        t = w.get("type")',
            f"        d = _u_{name}.get(t) if type(t) is str else None",
            f"        return unknown({name}Unknown, w) if d is None else d(w{passed})",
        ]  # fmt: skip
        for variant in definition.variants:
            fallback = f"The variant `{variant.tag}` of `{name}`."
            lines += self.record(variant, name, self.describe(variant, fallback), circle=circle)
        fallback = f"A `{name}` of a `type` that the schema does not know; see `tag` and `raw`."
        lines += [
            "", "", f"class {name}Unknown(Unknown, {name}):",
            *docstring(self.descriptions.get(f"{name}Unknown", fallback)), "", "    __slots__ = ()",
        ]  # fmt: skip
        for prop in self.schema.corrections["unknown_properties"].get(name, []):
            lines += [
                "", "    @property", f"    def {prop}(self) -> str:",
                f'        """The `{prop}` of the object, or an empty string."""',
                f'        value = self.raw.get("{prop}")',
                '        return value if isinstance(value, str) else ""',
            ]  # fmt: skip
        return lines

    def choices(self) -> list[str]:
        """Return the lines of the decoders that choose between two records by a field that only one of them has."""
        lines: list[str] = []
        for text, choice in self.schema.corrections["choices"].items():
            names = text.split("|")
            lines += [
                "", "", f"def _d_{'_or_'.join(names)}(w: Any) -> Any:",
                "    if type(w) is not dict:",
                "        return w",
                f'    return _d_{choice["then"]}(w) if "{choice["has"]}" in w else _d_{choice["else"]}(w)',
            ]  # fmt: skip
        return lines

    def messages_module(self, section: str) -> str:
        """Return the text of responses.py or events.py."""
        kind = {"responses": "Response", "events": "Event"}[section]
        definitions = self.schema.messages(section)
        lines: list[str] = []
        bases = {d.base for d in definitions if d.base}
        decoders, tables = self.used([f.type for d in definitions for f in d.fields])
        used = sorted({*decoders, *tables})
        if section == "responses":
            about_base = "A response: what the CLI answers to a command, by its `type`."
        else:
            about_base = "An event: what the CLI tells by itself, by its `type`."
        lines += ["", "", f"class {kind}(Tagged):", *docstring(about_base), "", "    __slots__ = ()", ""]
        lines += ["    @staticmethod", "    def _decode(w: Any) -> Any:", "        return decode(w)"]
        public = [kind, f"Unknown{kind}", "decode"]
        ends = []
        table = ["_TABLE: dict[str, Callable[[Any], Any]] = {"]
        for definition in definitions:
            what = "response" if section == "responses" else "event"
            doc = self.describe(definition, f"The {what} `{definition.tag}`.", f"{section}.{definition.name}")
            lines += self.record(definition, kind, doc, prefix="types.")
            lines += self.readings(f"{section}.{definition.name}")
            ends.append(decoder_line(definition))
            table.append(f'    "{definition.tag}": {decoder_name(definition)},')
            public.append(definition.name)
        one = "An event" if kind == "Event" else "A response"
        doc = f"{one} whose `type` the schema does not know; see `tag` and `raw`."
        lines += ["", "", f"class Unknown{kind}(Unknown, {kind}):", *docstring(doc), "", "    __slots__ = ()"]
        if section == "events":
            lines += self.marker()
            public.append("Reconnected")
        lines += ["", "", *ends, "", *table, "}"]
        lines += [
            "", "", f"def decode(wire: dict[str, Any]) -> {kind}:",
            *docstring(
                f"Make the record of {one.lower()}.\n\nArgs:\n"
                "    wire: The JSON object inside the frame, with its `type`.\n\nReturns:\n"
                f"    The record; `Unknown{kind}` for a `type` that the schema does not know, or without one.\n\n"
                "Raises:\n    TypeError: `wire` is not a dict.",
            ),
            "    if not isinstance(wire, dict):",
            f'        raise TypeError(f"{section}.decode: a dict is needed, not {{type(wire).__name__}}")',
            '    tag = wire.get("type")',
            "    decoder = _TABLE.get(tag) if isinstance(tag, str) else None",
            "    if decoder is None:",
            f"        return Unknown{kind}(raw=dict(wire))",
            f"    record: {kind} = decoder(wire if type(wire) is dict else dict(wire))",
            "    return record",
        ]  # fmt: skip
        two_forms = f"from simplex_sync._internal.two_forms import {', '.join(sorted(bases))}\n" if bases else ""
        wire_names = ["Lenient", "Tagged", "Unknown"]
        text = "\n".join(lines)
        wire_names += [name for name in ("UTCTime",) if f"{name}(" in text]
        imports = (
            "from collections.abc import Callable\nfrom typing import Any\n\n"
            f"{two_forms}from simplex_sync._internal.wire import {', '.join([*wire_names, 'bare', 'finish', 'new'])}\n"
            "from simplex_sync.api import types\n"
            "from simplex_sync.api.types import (\n" + "".join(f"    {name},\n" for name in used) + ")\n"
        )
        exported = ["__all__ = [", *(f'    "{name}",' for name in sorted(public)), "]"]
        about = f"The {section} of the CLI, each a record, and `decode`."
        return header(about, imports) + "\n" + "\n".join([*exported, *lines]) + "\n"

    def used(self, types: list[Type]) -> tuple[set[str], set[str]]:
        """Return the names of the decoders and of the enums' tables that fields of these types need."""
        decoders: set[str] = set()
        tables: set[str] = set()

        def visit(type_: Type) -> None:
            if type_.kind == "either":
                if any(named(part) for part in type_.parts):
                    decoders.add(f"_d_{'_or_'.join(part.name for part in type_.parts)}")
                return
            if type_.kind == "named":
                definition = self.schema.types.get(type_.name)
                if definition is not None and definition.kind == "enum":
                    tables.add(f"_e_{type_.name}")
                else:
                    decoders.add(f"_d_{type_.name}")
            for part in type_.parts:
                visit(part)

        for type_ in types:
            visit(type_)
        return decoders, tables

    def readings(self, owner: str) -> list[str]:
        """Return the lines of a property that reads what came in two forms."""
        reading = self.schema.corrections["readings"].get(owner)
        if reading is None:
            return []
        return [
            "", "    @property", f"    def {reading['name']}(self) -> {reading['type']}:",
            *docstring(reading["doc"], 8), f"        return {reading['value']}",
        ]  # fmt: skip

    def marker(self) -> list[str]:
        """Return the lines of the marker that the library itself puts into streams of events."""
        fields = [
            Field("gapPossible", Type("scalar", "bool"), default=True, has_default=True),
            Field("restarted", Type("scalar", "bool"), default=False, has_default=True),
        ]
        definition = Definition("Reconnected", "message", fields)
        doc = (
            "A marker that this library puts into a stream: the connection was lost and is there again.\n\n"
            "It never comes from the CLI, and `decode` never makes one.\n\nAttributes:\n"
            "    gap_possible: Whether events may have been lost meanwhile.\n"
            "    restarted: Whether the CLI itself was started again."
        )
        lines = self.record(definition, "Event", doc, prefix="types.")
        at = lines.index("    @staticmethod")
        lines[at:] = [
            "    @staticmethod", "    def _decode(w: Any) -> Any:",
            '        raise TypeError("events.Reconnected: this marker is not made from JSON")',
        ]  # fmt: skip
        # The name of the tag has a hyphen-free form that no documented event has.
        place = next(number for number, line in enumerate(lines) if line.startswith("    _wire = "))
        lines.insert(place + 1, '    tag = "reconnected"')
        return lines
