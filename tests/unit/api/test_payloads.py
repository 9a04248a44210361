"""A minimal and a full payload of every type of the schema, in the forms of both versions, decode and come back.

The payloads are made from the schema files by this test, not by the generator.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simplex_sync._internal.wire import Record, Unknown
from simplex_sync.api import events, responses, types
from tests.contract.record_walk import fits, hints, records, schema_files

VERSIONS = ["6.4.5", "7.0.2"]
TIME = "2026-11-22T08:55:26.380828676Z"
SCALARS: dict[str, Any] = {
    "int64": 7,
    "int": 7,
    "word32": 7,
    "double": 0.5,
    "string": "s",
    "bool": True,
    "UTCTime": TIME,
    "JSONObject": {"a": [1, "b"]},
    "JSON": "any",
}
FULL_DEPTH = 3


def every_type() -> dict[str, dict[str, Any]]:
    documented, measured = schema_files()
    return {**documented["types"], **measured["types"]}


def fields(owner: str, specifications: list[dict[str, Any]], version: str) -> Iterator[tuple[str, str]]:
    """The fields that a version has, with the types that it gives them."""
    corrections: dict[str, Any] = dict(schema_files()[1]["corrections"]["fields"].get(owner, {}))
    for specification in specifications:
        corrected = corrections.pop(specification["name"], {}).get("type")
        own = specification.get(f"type_{version}", specification["type"])
        if specification.get("only") in (None, version):
            yield specification["name"], own if corrected is None or "|" in corrected else corrected
    for name, correction in corrections.items():
        yield name, correction["type"]


def value(type_: str, version: str, depth: int) -> Any:
    """A payload of a type; down to `depth` with all that is optional."""
    type_ = type_.removesuffix("?")
    if type_.startswith("["):
        return [value(type_[1:-1], version, depth - 1)] if depth > 0 else []
    if type_.startswith("{"):
        return {"k": value(type_[1:-1].split(":")[1], version, depth - 1)} if depth > 0 else {}
    type_ = type_.split("|")[0]
    return SCALARS[type_] if type_ in SCALARS else payload(type_, version, depth)


def members(owner: str, specifications: list[dict[str, Any]], version: str, depth: int) -> dict[str, Any]:
    return {
        name: value(type_, version, depth - 1)
        for name, type_ in fields(owner, specifications, version)
        if depth > 0 or not type_.endswith("?")
    }


def payload(name: str, version: str, depth: int, variant: int = 0) -> Any:
    definition = every_type()[name]
    definition = definition.get(f"kind_{version}", definition)
    if definition["kind"] == "enum":
        values = definition["values"]
        entries = [{"value": v, "only": version} if isinstance(v, str) else v for v in values]
        # What only the other version has is not made by this one, but its type may still be asked for by itself.
        return min(entries, key=lambda entry: entry["only"] != version)["value"]
    if definition["kind"] == "record":
        return members(name, definition["fields"], version, depth)
    chosen = definition["variants"][variant]
    class_name = name + chosen.get("name", chosen["tag"])[:1].upper() + chosen.get("name", chosen["tag"])[1:]
    return {"type": chosen["tag"], **members(class_name, chosen["fields"], version, depth)}


def cases() -> list[Any]:
    made = []
    for name, definition in every_type().items():
        for version in VERSIONS:
            form = definition.get(f"kind_{version}", definition)
            if form["kind"] in ("record", "union"):
                for index in range(len(form.get("variants", [None]))):
                    made.append(pytest.param(name, version, index, id=f"{name}-{index}-{version}"))
    return made


def check(record: Record, wire: dict[str, Any]) -> None:
    """Nothing is unknown, all values are of the annotated types, and the JSON is the same again."""
    assert json.dumps(record.to_dict(), sort_keys=True) == json.dumps(wire, sort_keys=True)
    for inner in records(record):
        if isinstance(inner, Unknown):
            assert inner.tag == "unknown", type(inner).__name__
        elif not isinstance(inner, types.ConnStatus):
            assert not inner.extra, type(inner).__name__
            kinds = hints(type(inner))
            for name in inner._fields:
                shown = getattr(inner, name)
                # A required field of the other version is None, though the annotation does not say so.
                assert fits(shown, kinds[name]), f"{type(inner).__name__}.{name}"


@pytest.mark.parametrize(("name", "version", "variant"), cases())
def test_payloads_of_types(name: str, version: str, variant: int) -> None:
    kind: type[Record] = getattr(types, name)
    for depth in (0, FULL_DEPTH):
        wire = payload(name, version, depth, variant)
        record = kind.from_dict(wire)
        check(record, wire)
        assert isinstance(record, kind)
        assert type(record).from_dict(wire) == record
        if depth and not isinstance(record, Unknown | types.ConnStatus):
            given = {field: getattr(record, field) for field in record._fields}
            assert type(record)(**given) == record


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("section", ["responses", "events"])
def test_payloads_of_messages(section: str, version: str) -> None:
    module: Any = {"responses": responses, "events": events}[section]
    tags = set()
    for schema in schema_files():
        for tag, definition in schema[section].items():
            name = definition["name"]
            for depth in (0, FULL_DEPTH):
                wire = {"type": tag, **members(f"{section}.{name}", definition["fields"], version, depth)}
                record = module.decode(wire)
                check(record, wire)
                assert type(record) is getattr(module, name)
                assert record.tag == tag
            tags.add(tag)
    assert len(tags) > 60


def test_every_public_name_is_there_and_described() -> None:
    for module in (types, responses, events):
        for name in module.__all__:
            kind = getattr(module, name)
            assert kind.__doc__, name
            assert not kind.__doc__.startswith(name), name
    assert sorted(types.__all__) == types.__all__


@pytest.mark.parametrize("kind", [types, responses, events], ids=lambda module: module.__name__)
def test_classes_say_where_they_are_from(kind: Any) -> None:
    assert {getattr(kind, name).__module__.split(".")[0] for name in kind.__all__} == {"simplex_sync"}


def test_enums_keep_all_documented_values() -> None:
    for name, definition in every_type().items():
        if definition.get("kind") == "enum":
            kind = getattr(types, name)
            for entry in definition["values"]:
                text = entry if isinstance(entry, str) else entry["value"]
                assert kind(text).is_known
                assert kind(text).value == text


def test_the_generator_gives_what_is_there() -> None:
    # The same as `scripts/generate_types.py --check`.
    from scripts.generate_types import main

    assert main(["--check"]) == 0


def test_the_check_names_the_file_that_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from scripts import generate_types

    monkeypatch.setattr(generate_types, "API", tmp_path / "simplex_sync" / "api")
    (tmp_path / "simplex_sync" / "api").mkdir(parents=True)
    assert generate_types.main([]) == 0
    assert generate_types.main(["--check"]) == 0
    capsys.readouterr()
    changed = tmp_path / "simplex_sync" / "api" / "events.py"
    changed.write_text(changed.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert generate_types.main(["--check"]) == 1
    assert "events.py differs" in capsys.readouterr().out
