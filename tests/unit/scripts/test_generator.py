"""The parts of the generator by themselves; what they write is tested in tests/unit/api."""

from __future__ import annotations

import pytest

from scripts.generator import syntax
from scripts.generator.names import member, snake
from scripts.generator.schema import Field, Schema, Type, parse
from scripts.generator.stale import stale
from scripts.generator.writing import docstring, signature


@pytest.mark.parametrize(
    ("wire", "name"),
    [
        ("userId", "user_id"),
        ("user_", "user_"),
        ("chatItemTTL", "chat_item_ttl"),
        ("chatItemIDs", "chat_item_ids"),
        ("peerChatVRange", "peer_chat_v_range"),
        ("delSMPQueues", "del_smp_queues"),
        ("e2eeInfo", "e2ee_info"),
        ("APISendMessages", "api_send_messages"),
        ("from", "from_"),
    ],
)
def test_names_in_snake_case(wire: str, name: str) -> None:
    assert snake(wire) == name


@pytest.mark.parametrize(
    ("value", "name"),
    [("direct", "DIRECT"), ("internalMark", "INTERNAL_MARK"), ("intro-inv", "INTRO_INV"), ("BAD_AUTH", "BAD_AUTH")],
)
def test_names_of_members(value: str, name: str) -> None:
    assert member(value) == name


def test_types_are_parsed() -> None:
    assert parse("int64?") == Type("scalar", "int64", optional=True)
    assert parse("[Contact]?") == Type("list", parts=(Type("named", "Contact"),), optional=True)
    assert parse("{string:CIMention}").parts == (Type("named", "CIMention"),)
    assert [part.name for part in parse("Profile|LocalProfile").parts] == ["Profile", "LocalProfile"]
    assert parse("UTCTime").kind == "time"


def test_templates_are_parsed() -> None:
    parts = syntax.parse("/_send <str(sendRef)>[ live=on] <ids[0]>[,<ids[1]>...] on|off json <json(x)>")
    fields = [Field(name, parse("int64")) for name in ("sendRef", "live", "ids", "add", "x")]
    syntax.assign(parts, fields)
    assert [(part.kind, part.text) for part in parts] == [
        ("text", "/_send "),
        ("value", "sendRef"),
        ("group", "live"),
        ("text", " "),
        ("value", "ids"),
        ("text", " "),
        ("choice", "add"),
        ("text", " json "),
        ("value", "x"),
    ]


def test_a_parameter_without_a_place_is_an_error() -> None:
    with pytest.raises(ValueError, match="no place in the syntax"):
        syntax.assign(syntax.parse("/users"), [Field("userId", parse("int64"))])
    with pytest.raises(ValueError, match="is not understood"):
        syntax.parse("/users >")


def test_long_lines_are_wrapped() -> None:
    assert signature(["a: int"], "None") == ["    def __init__(self, *, a: int) -> None:"]
    long = signature([f"a{number}: int" for number in range(20)], "None")
    assert long[1:3] == ["        self,", "        *,"]
    assert docstring("One.") == ['    """One."""']
    assert all(len(line) <= 120 for line in docstring("word " * 100))


def test_hand_kept_lines_that_say_nothing_are_found() -> None:
    schema = Schema()
    assert not list(stale(schema))
    schema.corrections["fields"]["NoSuchType"] = {}
    schema.facts["fields"]["User.noSuchField"] = "Seconds."
    schema.facts["parameters"]["noSuchParameter"] = {"doc": "x"}
    schema.measured["events"]["contactConnected"] = {"name": "ContactConnected", "fields": []}
    assert list(stale(schema)) == [
        "corrections.fields: NoSuchType",
        "facts.fields: User.noSuchField",
        "facts.parameters: noSuchParameter",
        "events: contactConnected is documented now",
    ]
