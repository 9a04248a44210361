"""Public names are documented: one sentence first, then every argument, what is returned and what is raised."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest

import simplex_sync
from simplex_sync import commands, errors, events, executable, responses, types


def public_objects() -> Iterator[tuple[str, Any]]:
    for module in (simplex_sync, errors, executable, types, responses, events, commands):
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.ismodule(value) or isinstance(value, str):
                continue
            yield f"{module.__name__}.{name}", value
            if inspect.isclass(value) and module is simplex_sync:
                for member, inner in inspect.getmembers(value):
                    if not member.startswith("_") and (callable(inner) or isinstance(inner, property)):
                        yield f"{name}.{member}", inner


OBJECTS = dict(public_objects())


def test_there_is_something_to_look_at() -> None:
    assert {"SimplexChat.start", "SimplexChat.api_send_messages", "SimplexChat.expect"} <= set(OBJECTS)
    assert len(OBJECTS) > 700


@pytest.mark.parametrize("name", sorted(OBJECTS))
def test_the_first_line_is_a_sentence(name: str) -> None:
    text = inspect.getdoc(OBJECTS[name])
    assert text, f"{name} has no docstring"
    first = text.split("\n\n")[0].strip()
    assert re.search(r"[.:!]$", first), f"{name}: {first!r}"


def functions() -> list[str]:
    return sorted(name for name, value in OBJECTS.items() if inspect.isfunction(value) or inspect.ismethod(value))


@pytest.mark.parametrize("name", functions())
def test_every_argument_is_explained(name: str) -> None:
    value = OBJECTS[name]
    text = inspect.getdoc(value) or ""
    for parameter in inspect.signature(value).parameters.values():
        if parameter.name in ("self", "cls", "kvs") or parameter.name.startswith("_"):
            continue
        assert re.search(rf"^\s*\*?{parameter.name}:", text, re.MULTILINE), f"{name}: {parameter.name} is not explained"
    raises = re.search(r"^Raises:\n((?:\s{4}.*\n?)+)", text, re.MULTILINE)
    if raises:
        for kind in re.findall(r"^\s{4}(\w+):", raises.group(1), re.MULTILINE):
            assert hasattr(errors, kind) or kind in (
                "ValueError",
                "TypeError",
                "OSError",
                "KeyboardInterrupt",
                "StopIteration",
            ), f"{name}: {kind}"


def test_timeouts_are_in_seconds() -> None:
    for name in functions():
        text = inspect.getdoc(OBJECTS[name]) or ""
        for line in re.findall(r"^\s*timeout: .*(?:\n\s{8}.*)*", text, re.MULTILINE):
            assert "second" in line, f"{name}: {line}"
