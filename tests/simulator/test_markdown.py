"""The markdown of messages."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simplex_sync.simulator.links import CONTACT, GROUP, INVITATION, make_link
from simplex_sync.simulator.markdown import formatted_text


def shown(text: str) -> list[tuple[str, str]]:
    parts = formatted_text(text)
    assert parts is not None
    return [(part.get("format", {}).get("type", ""), part["text"]) for part in parts]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("*bold*", [("bold", "bold")]),
        ("a _b c_ d", [("", "a "), ("italic", "b c"), ("", " d")]),
        ("~gone~ `x = 1`", [("strikeThrough", "gone"), ("", " "), ("snippet", "x = 1")]),
        ("#secret# end", [("secret", "secret"), ("", " end")]),
        ("##deep##", [("secret", "#deep#")]),
        ("!1 red! !green leaf!", [("colored", "red"), ("", " "), ("colored", "leaf")]),
        ("see https://example.com/a, ok", [("", "see "), ("uri", "https://example.com/a"), ("", ", ok")]),
        ("mail me@example.org.", [("", "mail "), ("email", "me@example.org"), ("", ".")]),
        ("call +1 555-123-4567 now", [("", "call "), ("phone", "+1 555-123-4567"), ("", " now")]),
        ("@bob: hi", [("mention", "@bob"), ("", ": hi")]),
        ("@'bob b' hi", [("mention", "@'bob b'"), ("", " hi")]),
        ("/help me", [("command", "/help"), ("", " me")]),
    ],
)
def test_formats(text: str, parts: list[tuple[str, str]]) -> None:
    assert shown(text) == parts


@pytest.mark.parametrize(
    "text",
    ["", "plain", "* not bold *", "*open", "a*b*", "#hash _i_ ~s~ !1 red!", "# x#", "!9 none!", "!1 open", "!1 x !",
     "12345", "@", "/", "https://", "a@b", "**", "   "],
)  # fmt: skip
def test_no_format(text: str) -> None:
    assert formatted_text(text) is None


@pytest.mark.parametrize(("kind", "name"), [(CONTACT, "contact"), (INVITATION, "invitation"), (GROUP, "group")])
def test_simplex_links(kind: str, name: str) -> None:
    link = make_link(kind, "smp://c2VydmVy=@smp.example.com:5223").short
    (part,) = formatted_text(link) or []
    assert part["text"] == link
    assert part["format"] == {
        "type": "simplexLink",
        "linkType": name,
        "simplexUri": link,
        "smpHosts": ["smp.example.com"],
    }


def test_colors_and_names_are_in_the_format() -> None:
    parts: list[dict[str, Any]] = formatted_text("!4 sun! @bob /go") or []
    assert [part["format"] for part in parts if "format" in part] == [
        {"type": "colored", "color": "yellow"},
        {"type": "mention", "memberName": "bob"},
        {"type": "command", "commandStr": "go"},
    ]


@given(st.text(alphabet="ab *_~`#!1@/+5.:\nhtps'", max_size=40))
def test_no_letter_is_lost(text: str) -> None:
    parts = formatted_text(text)
    if parts is not None:
        letters = [letter for part in parts for letter in part["text"] if letter.isalnum()]
        marks = sum(1 for part in parts if part.get("format", {}).get("type") == "colored")
        assert len([letter for letter in text if letter.isalnum()]) - len(letters) in range(marks, marks * 10 + 1)
