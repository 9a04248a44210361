"""What is written on stdout, for people and for programs."""

from __future__ import annotations

import io
import json
import sys

import pytest

from simplex_sync.api import types
from simplex_sync.command_line.output import json_line, visible, write_json, write_table


class Terminal(io.TextIOWrapper):
    """A stdout that says that it is a terminal."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8")

    def isatty(self) -> bool:
        return True

    def text(self) -> str:
        self.flush()
        data = self.buffer.getvalue()  # type: ignore[attr-defined]  # the BytesIO of the constructor
        assert isinstance(data, bytes)
        return data.decode("utf-8")


@pytest.mark.parametrize(
    "text", ["plain", "grüße 👋", "one\ntwo\r\n", "line\u2028sep\u2029\x85", "\ud800 half a pair", "\x00\x1b"]
)
def test_a_json_object_is_one_line_that_gives_the_same_back(text: str) -> None:
    line = json_line({"text": text})
    assert line.decode("utf-8").splitlines() == [line.decode("utf-8")[:-1]]
    assert json.loads(line) == {"text": text}


def test_a_record_is_written_as_its_json_object() -> None:
    stream = io.BytesIO()
    write_json(types.ChatRef(chat_type=types.ChatType.DIRECT, chat_id=7), stream)
    assert json.loads(stream.getvalue()) == {"chatType": "direct", "chatId": 7}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("grüße 👋\tx", "grüße 👋\tx"),
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        ("\x9b31m\x7f", r"\x9b31m\x7f"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("a\rb", r"a\rb"),
        ("a\nb", r"a\nb"),
    ],
)
def test_nothing_from_elsewhere_steers_the_terminal(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_further_lines_cannot_pass_for_lines_of_their_own() -> None:
    assert visible("a\nb\r\u2028c", indent="  ") == "a\n  b\\r\\u2028c"


def test_a_table_is_lines_with_tabs_where_no_person_reads(capsys: pytest.CaptureFixture[str]) -> None:
    write_table(("name", "role"), [("a\tb", "owner"), ("[red]c", "\x1b")])
    assert capsys.readouterr().out == "a b\towner\n[red]c\t\\x1b\n"


def test_a_table_on_a_terminal_has_a_head_and_takes_nothing_for_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm")
    write_table(("name", "role"), [("[red]bob[/red]", "\x1b[2J")])
    text = terminal.text()
    assert "name" in text
    assert "[red]bob[/red]" in text
    assert r"\x1b[2J" in text
    assert "\x1b[2J" not in text
