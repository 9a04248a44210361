"""The command language, and the types of JSON arguments."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simplex_sync.simulator import features
from simplex_sync.simulator.arguments import load_json, parse_json_argument, schema, without_surrogates
from simplex_sync.simulator.commands import ChatRef, command, parse


def arguments(text: str, version: str = "6") -> dict[str, Any]:
    found = parse(text, version)
    assert found is not None
    return found.arguments


def test_kinds_of_arguments() -> None:
    assert arguments('/_send @4 live=on ttl=60 json [{"msgContent": {"type": "text", "text": "x"}}]') == {
        "chat": ChatRef("@", 4),
        "live": True,
        "ttl": 60,
        "messages": [{"msgContent": {"type": "text", "text": "x"}}],
    }
    assert arguments("/_delete item @4 1,22,3 internalMark") == {
        "chat": ChatRef("@", 4),
        "item_ids": [1, 22, 3],
        "mode": "internalMark",
    }
    assert arguments("/_set alias @4 two  words\nand a line") == {
        "chat": ChatRef("@", 4),
        "alias": "two  words\nand a line",
    }
    assert arguments("/_get chat #2(_support:5) count=1")["chat"] == ChatRef(
        "#", 2, {"type": "memberSupport", "groupMemberId_": 5}
    )
    assert arguments("/_get chat #2(_support) count=1")["chat"].scope == {"type": "memberSupport"}


@pytest.mark.parametrize(
    "text", ["/user", "/user   ", "/user\n", "/_start", "/_start main=on snd_files=off", "/connect incognito"]
)
def test_what_is_understood(text: str) -> None:
    assert parse(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "", "  /user", "user", "/", "/nonsense", "/user 1", "/_user", "/_user x", "/_user -1", "/_user 1 pw",
        "/_contacts", "/_contacts 1 2", "/_send @4 json", "/_send @4 json []", "/_send @4 json not json",
        "/_send @4 json {}", "/_send 4 json [{}]", "/_send @ json [{}]",
        '/_send @4 json [{"msgContent": {"type": "text"}}]',
        '/_send @4 json [{"msgContent": {"type": "text", "text": 1}}]', "/_send @4 live=yes json [{}]",
        "/_delete item @4 1,,2 internal", "/_delete item @4 1 forever", "/_get chat @4(x) count=1",
        '/_reaction @4 1 on {"type": "emoji", "emoji": "🦄"}', "/_create user {}",
        '/_create user {"profile": {"displayName": "x", "fullName": ""}}', '/_profile 1 {"displayName": "x"}',
        '/_profile 1 {"displayName": "x", "fullName": "", "preferences": {"voice": {"allow": "perhaps"}}}',
        '/_address_settings 1 {}', '/_send @4 json [{"msgContent": {"type": "text", "text": NaN}}]',
    ],
)  # fmt: skip
def test_what_is_not(text: str) -> None:
    assert parse(text) is None


def test_some_forms_belong_to_one_version() -> None:
    assert parse("/_groups1", "6") is not None
    assert parse("/_groups1", "7") is None
    assert parse("/_groups 1", "6") is None
    assert parse("/_groups 1", "7") is not None
    signed = '/_send @4 sign=on json [{"msgContent": {"type": "text", "text": "x"}}]'
    assert parse(signed, "6") is None
    assert parse(signed, "7") is not None


def test_json_may_follow_without_a_space() -> None:
    assert arguments('/_update item @4 9 json{"msgContent": {"type": "text", "text": "x"}}')["item_id"] == 9


def test_a_pattern_must_be_a_command() -> None:
    with pytest.raises(ValueError, match="slash"):
        command("user")(lambda sim: {})


@given(st.text(max_size=60))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    parse(text)
    parse("/_send @4 json " + text)
    parse("/_set alias @4 " + text)


PROFILE = '{"displayName": "x", "fullName": ""}'
MESSAGE = '{"msgContent": {"type": "text", "text": "x"}, "mentions": {}}'
# What stands in the syntax of the documents → an example.
EXAMPLES = {
    "<str(sendRef)>": "@4",
    "<str(chatRef)>": "@4",
    "<json(settings)>": '{"businessAddress": false}',
    "<json(composedMessages)>": f"[{MESSAGE}]",
    "<json(updatedMessage)>": MESSAGE,
    "<json(reaction)>": '{"type": "emoji", "emoji": "👍"}',
    "<json(groupProfile)>": PROFILE,
    "<json(profile)>": PROFILE,
    "<json(newUser)>": f'{{"profile": {PROFILE}, "pastTimestamp": false}}',
    "<json(preferences)>": "{}",
    "<json(viewPwd)>": '"pw"',
    "<json(customData)>": '{"a": 1}',
    "<json(query)>": '{"type": "search", "search": "x"}',
    "<str(pagination)>": "count=5",
    "<str(chatDeleteMode)>": "full notify=off",
    "<search>": "two words",
    "<filePath>": "/folder/a file",
    "<connectionLink>": "LINK",
    "<str(preparedLink_)>": "LINK",
    "<connLink_>": "LINK",
}


def examples(syntax: str) -> set[str]:
    """Return a command with all of its optional parts, and one with none, for a syntax of the documents."""
    syntax = re.sub(r"<\w+\[0\]>\[,<\w+\[1\]>\.\.\.\]", "1,2", syntax)
    syntax = re.sub(r"(?<![\w])([a-zA-Z]+)(?:\|[a-zA-Z]+)+", r"\1", syntax)

    def fill(text: str) -> str:
        for name, example in EXAMPLES.items():
            text = text.replace(name, example)
        return re.sub(r"<\w+>", "3", text)

    return {fill(re.sub(r"\[([^\[\]]*)\]", r"\1", syntax)), fill(re.sub(r"\[[^\[\]]*\]", "", syntax))}


@pytest.mark.parametrize("about", schema()["commands"], ids=lambda about: str(about["name"]))
def test_every_documented_command_is_understood(about: dict[str, Any]) -> None:
    for text in examples(about["syntax"]):
        assert parse(text, "7") is not None, text
    if "only" not in about or "6.4.5 takes it too" in about.get("note", ""):
        for text in examples(about.get("syntax_6.4.5", about["syntax"])):
            assert parse(text, "6") is not None, text


# JSON arguments.


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('"pw"', "string"),
        ("3", "int64"),
        ("3.0", "int"),
        ("2.5", "double"),
        ("null", "int64?"),
        ("{}", "JSONObject"),
        ('{"a": 1}', "{string:int64}"),
        ("[1, 2]", "[int64]"),
        ('"always"', "FeatureAllowed"),
        ('{"type": "fromTheFuture", "x": 1}', "MsgContent"),
        ('{"type": "emoji", "emoji": "👍"}', "MsgReaction"),
        (
            '{"type": "menu", "label": "x", "commands": [{"type": "command", "keyword": "k", "label": "l"}]}',
            "ChatBotCommand",
        ),
    ],
)
def test_json_of_the_right_type(text: str, kind: str) -> None:
    assert parse_json_argument(text, kind) == json.loads(text)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("1", "string"),
        ("true", "int64"),
        ("1.5", "int64"),
        ("1", "bool"),
        ("true", "double"),
        ("[]", "JSONObject"),
        ('{"a": "1"}', "{string:int64}"),
        ("[]", "[int64]"),
        ('[1, "2"]', "[int64]"),
        ('"sometimes"', "FeatureAllowed"),
        ("3", "FeatureAllowed"),
        ("[]", "MsgContent"),
        ('{"text": "no type"}', "MsgContent"),
        ('{"type": "unheard of"}', "ChatBotCommand"),
        ('{"type": "menu", "label": "x", "commands": [1]}', "ChatBotCommand"),
        ("Infinity", "double"),
        ("{", "JSONObject"),
        ("[" * 100_000, "[int64]"),
    ],
)
def test_json_of_a_wrong_type(text: str, kind: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_json_argument(text, kind)


def test_deep_menus_are_refused_instead_of_crashing() -> None:
    text = '{"type": "menu", "label": "x", "commands": [' * 400 + "]}" * 400
    with pytest.raises(ValueError, match="nested"):
        parse_json_argument(text, "ChatBotCommand")


def test_halves_of_surrogate_pairs_are_replaced() -> None:
    assert load_json('{"a\\ud83d": ["\\ud83d x", "\\ud83d\\udc4d", 1]}') == {"a\ufffd": ["\ufffd x", "👍", 1]}
    assert load_json(b'"\\ud83d"') == "\ufffd"
    assert without_surrogates("plain") == "plain"


assert features.__all__  # importing it registers the commands
