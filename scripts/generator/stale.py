"""Finds corrections and facts, kept by hand, that no longer say anything of the schema."""

from __future__ import annotations

from collections.abc import Iterator

from scripts.generator.commands import commands
from scripts.generator.schema import Definition, Schema


def _owners(schema: Schema) -> dict[str, Definition]:
    owners = {}
    for definition in schema.types.values():
        owners[definition.name] = definition
        owners.update({variant.name: variant for variant in definition.variants})
    for section in ("responses", "events"):
        owners.update({f"{section}.{message.name}": message for message in schema.messages(section)})
    return owners


def stale(schema: Schema) -> Iterator[str]:
    """Yield what of the hand-kept files has no use: names of types, fields, commands and parameters."""
    owners = _owners(schema)
    unions = {definition.name for definition in schema.types.values() if definition.kind == "union"}
    known = {*owners, *(f"{name}Unknown" for name in unions)}
    fields = {field.wire for owner in owners.values() for field in owner.fields}
    fields |= {f"{name}.{field.wire}" for name, owner in owners.items() for field in owner.fields}
    every = {command.name: command for command in commands(schema)}
    parameters = {p.wire for command in every.values() for p in command.parameters}
    parameters |= {f"{name}.{p.wire}" for name, command in every.items() for p in command.parameters}
    corrections = schema.corrections
    for place, names, uses in (
        ("corrections.fields", corrections["fields"], known),
        ("corrections.readings", corrections["readings"], known),
        ("corrections.bases", corrections["bases"], known),
        ("corrections.values", corrections["values"], known),
        ("corrections.unknown_properties", corrections["unknown_properties"], unions),
        ("corrections.commands", corrections["commands"], set(every)),
        ("corrections.written_by_hand", corrections["written_by_hand"], set(schema.documented["types"])),
        ("facts.types", schema.facts["types"], known),
        ("facts.fields", schema.facts["fields"], fields),
        ("facts.commands", schema.facts["commands"], set(every)),
        ("facts.parameters", schema.facts["parameters"], parameters),
    ):
        for name in names:
            if name not in uses:
                yield f"{place}: {name}"
    for name in schema.measured["types"].keys() & schema.documented["types"].keys():
        yield f"types: {name} is documented now"
    for section in ("responses", "events"):
        for tag in schema.measured[section].keys() & schema.documented[section].keys():
            yield f"{section}: {tag} is documented now"
