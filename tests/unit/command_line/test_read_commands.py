"""`listen`, `history` and `export`: messages as they come, and stored ones."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

from simplex_sync import types
from simplex_sync.command_line import read_commands
from simplex_sync.command_line.options import Options
from simplex_sync.command_line.read_commands import line_of
from simplex_sync.conversation import Message
from tests.children.fake import recorded_frames
from tests.unit.command_line.conftest import People, Run


@pytest.fixture(scope="module")
def talk(people: People) -> People:
    """Give people who have written to each other."""
    for number in range(3):
        assert people.run("send", "@bob", f"number {number}", "--delivered").exit_code == 0
    people.bob.send("@alice", "two\nlines \x1b[2J")
    assert people.run("listen", "--count", "1", "--timeout", "30").exit_code == 0
    return people


def test_listen_prints_what_comes_until_ctrl_c(people: People) -> None:
    line, environment = people.command("listen")
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for text in ("first", "second"):
            people.bob.send("@alice", text)
            said = process.stdout.readline().decode()
            assert said.endswith(f"@bob: {text}\n")
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert (process.stdout.read(), process.stderr.read()) == (b"", b"")


def test_listen_tells_people_how_to_end_it(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_commands, "person_watches", lambda: True)
    result = people.run("listen", "--timeout", "0.1")
    assert (result.exit_code, result.stderr) == (0, "Listening as alice; Ctrl-C ends it.\n")


def test_an_interrupt_at_any_time_is_the_end_that_listen_is_meant_to_have(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_options: Options) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(Options, "started", interrupted)
    assert run("listen").exit_code == 0
    assert run("contacts").exit_code == 130


def test_a_message_in_a_group_names_its_sender() -> None:
    items = [
        types.AChatItem.from_dict(item)
        for frame in recorded_frames("groups")
        if frame["resp"]["type"] == "newChatItems"
        for item in frame["resp"]["chatItems"]
    ]
    messages = [Message(None, item) for item in items]
    received = [message for message in messages if message.is_message and message.is_group and not message.is_own]
    assert received
    for message in received:
        assert isinstance(message.chat, types.GroupInfo)
        assert isinstance(message.sender, types.GroupMember)
        names = f"#{message.chat.local_display_name} {message.sender.local_display_name}"
        assert line_of(message).split(": ")[0].endswith(names)


def test_listen_gives_the_records_with_json(people: People) -> None:
    people.bob.send("@alice", "grüße")
    result = people.run("listen", "--json", "--count", "1", "--timeout", "30")
    assert result.exit_code == 0, result.output
    item = types.AChatItem.from_json(result.stdout)
    assert item.chat_item.meta.item_text == "grüße"


def test_listen_ends_when_nothing_comes(people: People) -> None:
    assert people.run("listen", "--timeout", "0.1").exit_code == 0
    late = people.run("listen", "--timeout", "0.1", "--count", "2")
    assert late.exit_code == 3
    assert "0 of 2" in late.stderr


def test_listen_can_keep_to_one_chat(people: People) -> None:
    people.bob.send("@alice", "from bob")
    result = people.run("listen", "--from", "@bob", "--count", "1", "--timeout", "30")
    assert result.stdout.endswith("@bob: from bob\n")
    assert people.run("listen", "--from", "@nobody").exit_code == 1


def test_history_is_the_latest_messages_the_oldest_first(talk: People) -> None:
    result = talk.run("history", "@bob", "--count", "2")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].endswith("@bob you: number 2")
    assert lines[1].endswith("@bob: two")
    assert lines[2] == r"    lines \x1b[2J"


def test_history_can_be_all_of_it_searched_and_between_times(talk: People) -> None:
    everything = talk.run("history", "@bob", "--all", "--json").stdout.splitlines()
    texts = [json.loads(line)["chatItem"]["meta"]["itemText"] for line in everything]
    assert texts[-4:-1] == ["number 0", "number 1", "number 2"]
    found = talk.run("history", "@bob", "--search", "number 1").stdout.splitlines()
    assert [line.partition(": ")[2] for line in found] == ["number 1"]
    assert talk.run("history", "@bob", "--before", "2001-01-31").stdout == ""
    assert talk.run("history", "@bob", "--after", "2100-01-31T18:00").stdout == ""
    assert len(talk.run("history", "@bob", "--all", "--after", "2001-01-31").stdout.splitlines()) >= len(texts)


@pytest.mark.parametrize("ending", ["jsonl", "csv", "html"])
def test_export_writes_a_file_whole(talk: People, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"bob.{ending}"
    result = talk.run("export", "@bob", str(path), "--after", "2001-01-31", "--before", "2100-01-31")
    assert result.exit_code == 0, result.output
    assert result.stdout.endswith(f" messages written to {path}\n")
    assert "number 1" in path.read_text("utf-8")
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_export_overwrites_only_if_asked(talk: People, tmp_path: Path) -> None:
    path = tmp_path / "bob.jsonl"
    path.write_text("kept")
    refused = talk.run("export", "@bob", str(path))
    assert refused.exit_code == 1
    assert "--overwrite" in refused.stderr
    assert path.read_text() == "kept"
    done = talk.run("export", "@bob", str(path), "--overwrite", "--search", "number 1", "--json")
    assert json.loads(done.stdout) == {"path": str(path), "messages": 1}
    assert json.loads(path.read_text())["chatItem"]["meta"]["itemText"] == "number 1"


def test_export_says_which_endings_it_knows(talk: People, tmp_path: Path) -> None:
    result = talk.run("export", "@bob", str(tmp_path / "bob.txt"))
    assert result.exit_code == 1
    assert ".jsonl" in result.stderr
