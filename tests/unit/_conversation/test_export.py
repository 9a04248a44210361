"""Stored messages into files: `_conversation.export`.

Rests on the chat items of the recorded answers `apiChat` and of `newChatItems` in messages.jsonl, files.jsonl,
groups.jsonl.
"""

from __future__ import annotations

import csv
import html
import json
import os
import stat
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from simplex_sync import Message, types
from simplex_sync._conversation.export import Export
from simplex_sync.errors import CommandError, InvalidArgument
from tests.unit._conversation.conftest import Pair, unique
from tests.unit._conversation.recorded import item, recorded_items

CHAT = types.ChatRef(chat_type=types.ChatType.DIRECT, chat_id=4)


class Recorded(Export):
    """A client whose history is that of a recording."""

    timeout = 1.0
    user: Any = SimpleNamespace(local_display_name="me")

    def __init__(self, items: list[types.AChatItem]) -> None:
        self.items = items

    def history(self, *_: Any, **__: Any) -> Iterator[Message]:  # type: ignore[override]  # whatever is asked for
        for each in self.items:
            yield Message(self, each)  # type: ignore[arg-type]  # as much of a client as an export needs


def recorded() -> list[types.AChatItem]:
    return [each for name in ("messages", "files", "groups") for each in recorded_items(name)]


def test_half_of_a_surrogate_pair_does_not_stop_an_export(tmp_path: Path) -> None:
    items = [item(1, "half \ud800 pair"), item(2)]
    for suffix in ("jsonl", "csv", "html"):
        assert Recorded(items).export(CHAT, tmp_path / f"chat.{suffix}") == 2
    read = [json.loads(line) for line in (tmp_path / "chat.jsonl").read_text("utf-8").splitlines()]
    assert read == [each.to_dict() for each in items]


def test_lines_hold_whole_records(tmp_path: Path) -> None:
    items = recorded()
    path = tmp_path / "chat.jsonl"
    assert Recorded(items).export(CHAT, path) == len(items)
    read = [json.loads(line) for line in path.read_text("utf-8").split("\n")[:-1]]
    assert read == [each.to_dict() for each in items]
    assert [types.AChatItem.from_dict(wire) for wire in read] == items
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["chat.jsonl"]


def test_a_table_for_spreadsheets(tmp_path: Path) -> None:
    items = recorded()
    path = tmp_path / "chat.CSV"
    Recorded(items).export(CHAT, path)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [str(each.chat_item.meta.item_id) for each in items]
    assert {row["direction"] for row in rows} == {"sent", "received"}
    for row, each in zip(rows, items, strict=True):
        text = Message(None, each).text
        assert row["text"] in (text, "'" + text)
        assert row["sent_at"].startswith(str(each.chat_item.meta.item_ts)[:19])
    assert "größe и пробел.bin" in {row["file_name"] for row in rows}


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "=cmd|' /C calc'!A0"])
def test_no_cell_is_taken_for_a_formula(tmp_path: Path, text: str) -> None:
    path = tmp_path / "chat.csv"
    Recorded([item(1, text)]).export(CHAT, path)
    with path.open(encoding="utf-8", newline="") as file:
        assert next(csv.DictReader(file))["text"] == "'" + text


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_page_for_people(tmp_path: Path) -> None:
    items = [*recorded(), item(999, "<script>alert('x')</script> & \"quotes\"")]
    path = tmp_path / "chat.html"
    Recorded(items).export(CHAT, path)
    source = path.read_text("utf-8")
    page = Page()
    page.feed(source)
    assert "script" not in page.tags
    assert "<script>alert('x')</script> & \"quotes\"" in page.text
    assert page.addresses == [], "the page needs nothing else"
    assert page.tags.count("div") == len(items)
    assert "blockquote" in page.tags
    for each in items:
        assert html.escape(Message(None, each).text) in source


def test_what_is_there_is_replaced_only_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "chat.jsonl"
    path.write_text("old")
    with pytest.raises(InvalidArgument, match=r"export: 'chat.jsonl' exists already"):
        Recorded([item(1)]).export(CHAT, path)
    assert path.read_text() == "old"
    assert Recorded([item(1)]).export(CHAT, path, overwrite=True) == 1
    assert json.loads(path.read_text())


def test_an_export_that_fails_leaves_nothing(tmp_path: Path) -> None:
    class Failing(Recorded):
        def history(self, *_: Any, **__: Any) -> Iterator[Message]:  # type: ignore[override]  # whatever is asked for
            yield from super().history()
            raise CommandError("no more")

    with pytest.raises(CommandError):
        Failing([item(1)]).export(CHAT, tmp_path / "chat.html")
    assert os.listdir(tmp_path) == []


def test_a_file_that_comes_into_being_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "chat.jsonl"

    class Slow(Recorded):
        def history(self, *_: Any, **__: Any) -> Iterator[Message]:  # type: ignore[override]  # whatever is asked for
            path.write_text("somebody else's")
            return super().history()

    with pytest.raises(InvalidArgument, match="came into being meanwhile"):
        Slow([item(1)]).export(CHAT, path)
    assert path.read_text() == "somebody else's"
    assert os.listdir(tmp_path) == ["chat.jsonl"]


@pytest.mark.parametrize(
    ("name", "message"),
    [("chat.docx", "must end in .jsonl, .csv, .html, not '.docx'"), ("nowhere/chat.csv", "the folder of path")],
)
def test_wrong_paths(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message) as caught:
        Recorded([]).export(CHAT, tmp_path / name)
    assert caught.value.argument == "path"


def test_a_bar_shows_the_way(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    Recorded([item(1)]).export(CHAT, tmp_path / "quiet.csv")
    assert capsys.readouterr().err == ""
    Recorded([item(1)]).export(CHAT, tmp_path / "asked.csv", progress=True)
    assert "1 messages" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
    Recorded([item(1)]).export(CHAT, tmp_path / "notebook.csv")
    assert "1 messages" in capsys.readouterr().err


def test_export_of_a_cli(pair: Pair, tmp_path: Path) -> None:
    words = [unique("exported") + "." for _ in range(120)]
    sent = pair.alice.send_many("@bob", words)
    for suffix in ("jsonl", "csv", "html"):
        path = tmp_path / f"bob.{suffix}"
        assert pair.alice.export("@bob", path, after=sent[0]) == 119
        source = path.read_text("utf-8")
        assert [word for word in words if word not in source] == [words[0]]
    for message in pair.alice.history("@bob", after=sent[-2]):
        assert message.text == words[-1]
