"""Commands that a real CLI took are given by typed arguments, byte for byte but for the spacing of JSON."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest

from simplex_sync.api import commands, responses
from tests.contract import command_reading, recordings
from tests.contract.record_walk import schema_files
from tests.contract.recordings import Received


def answered_well() -> list[Received]:
    """The answers to commands that were carried out."""
    return [frame for frame in recordings.everything() if frame.command is not None and frame.tag != "chatCmdError"]


def without_spacing(text: str) -> tuple[str, object]:
    """A command string as what comes before its JSON, and the JSON, in which spacing and order do not count."""
    match = re.search(r"(?:(?<= )|(?<=json))[\[{\"]", text)
    if match is None:
        return text, None
    return text[: match.start()], json.loads(text[match.start() :])


def has_no_typed_command(text: str) -> str:
    """Why a string that the CLI took has no typed command, or an empty string."""
    if text != text.strip():
        return "it has spaces around it, which the CLI drops"
    return "" if command_reading.could_be(text) else "it is a command that neither schema file describes"


def test_every_command_that_was_carried_out_is_given_by_typed_arguments() -> None:
    given: Counter[str] = Counter()
    missing: dict[str, str] = {}
    for frame in answered_well():
        assert frame.command is not None
        reason = has_no_typed_command(frame.command)
        if reason:
            missing[frame.command] = reason
            continue
        strings = {type(c).__name__: c.command_string(frame.version) for c in command_reading.read(frame.command)}
        same = [name for name, text in strings.items() if without_spacing(text) == without_spacing(frame.command)]
        # The text itself may be private: only its first words are told.
        assert same, f"{frame.scenario}: {re.split('[<{@#0-9]', frame.command)[0]!r} is not given by {list(strings)}"
        given.update(same)
    for text, reason in missing.items():
        print(f"no typed command for a string of {len(text)} characters: {reason}")
    if recordings.ARE_OWN:
        assert set(missing) == {"/user\n", "/user   "}
        assert len(given) > 60


def test_answers_are_among_the_documented_responses() -> None:
    odd: set[tuple[str, str]] = set()
    for frame in answered_well():
        assert frame.command is not None
        readings = [] if has_no_typed_command(frame.command) else command_reading.read(frame.command)
        expected = {tag for reading in readings for tag in reading.responses}
        if readings and frame.tag not in expected:
            odd.add((type(readings[0]).__name__, frame.tag))
    assert not odd


@pytest.mark.skipif(not recordings.ARE_OWN, reason="says something of the project's own recordings only")
def test_the_reading_of_templates_tells_commands_apart() -> None:
    # Without this, a template that matches everything would make the tests above pass.
    for text in ("/_connect 1 incognito=on", "/_get chats 1 pcc=on count=100", "/_send @4 ttl=1 json []", "/users"):
        names = {type(command).__name__ for command in command_reading.read(text)}
        assert len(names) == 1 or names == {"APIAddContact", "APIConnect"}
    assert not command_reading.read("/_send 4 json []")
    assert not command_reading.read("/_groups 1")
    for text in ("/sql slow", "/_delete tag 1", "/smp test x", "/user privacy"):
        assert not command_reading.could_be(text)
    for text in ("/_delete @4", "/connect", "/connect x", "/_groups1", "/_send @4", "/_start main=on", "/user"):
        assert command_reading.could_be(text)


def test_every_documented_command_and_response_has_a_class() -> None:
    documented, _ = schema_files()
    assert len(documented["commands"]) == 52
    for command in documented["commands"]:
        kind = getattr(commands, command["name"])
        assert kind.documented_name == command["name"]
        assert kind.category == command["category"]
        assert kind.network == command["network"]
        assert set(command["responses"]) <= set(kind.responses)
    for tag, response in documented["responses"].items():
        assert getattr(responses, response["name"]).tag == tag
