"""`send` and `send-file`: they end when the message is sent, or delivered."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from simplex_sync import events
from tests.unit.command_line.conftest import People


def received(people: People) -> list[str]:
    """Return the texts that Bob has received, the latest last."""
    return [message.text for message in people.bob.history("@alice") if not message.is_own]


@contextlib.contextmanager
def unreachable(people: People) -> Iterator[None]:
    """Let Alice's CLI reach no server."""
    people.environment["SIMPLEX_SIM_FAULTS"] = '{"unreachable": true}'
    try:
        yield
    finally:
        people.environment["SIMPLEX_SIM_FAULTS"] = None


def test_a_text_is_sent_when_the_command_ends(people: People) -> None:
    with people.bob.expect(events.NewChatItems, timeout=30):
        result = people.run("send", "@bob", "Hello *Bob*")
    assert (result.exit_code, result.output) == (0, "")
    assert received(people)[-1] == "Hello *Bob*"


def test_a_text_comes_from_stdin_as_it_is_but_for_the_last_line_end(people: People) -> None:
    with people.bob.expect(events.NewChatItems, timeout=30):
        assert people.run("send", "@bob", "-", stdin="one\ntwo 👋\n\n").exit_code == 0
    assert received(people)[-1] == "one\ntwo 👋\n"


def test_json_is_the_record_with_its_status(people: People) -> None:
    result = people.run("send", "@bob", "counted", "--json")
    record = json.loads(result.stdout)
    assert record["chatItem"]["meta"]["itemText"] == "counted"
    assert record["chatItem"]["meta"]["itemStatus"]["type"] in ("sndSent", "sndRcvd")


def test_delivered_waits_for_the_receipt(people: People) -> None:
    result = people.run("send", "@bob", "with receipt", "--delivered", "--timeout", "30", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["chatItem"]["meta"]["itemStatus"]["type"] == "sndRcvd"


def test_what_is_not_sent_in_time_ends_with_3_and_is_not_shown(people: People) -> None:
    with unreachable(people):
        result = people.run("send", "@bob", "private words", "--timeout", "0.5")
    assert result.exit_code == 3, result.output
    assert result.stderr.startswith("Error: not sent after 0.5 seconds; the CLI goes on with it")
    assert "private" not in result.output
    # The CLI keeps it, and whatever command comes next sends it.
    with people.bob.expect(events.NewChatItems, timeout=30) as late:
        assert people.run("send", "@bob", "later words", "--delivered").exit_code == 0
    assert late.value
    assert received(people)[-2:] == ["private words", "later words"]


@pytest.mark.parametrize("to", ["@bobb", "#nothing"])
def test_who_is_not_known_is_refused_before_anything_is_sent(people: People, to: str) -> None:
    before = received(people)
    result = people.run("send", to, "private words")
    assert result.exit_code == 1
    assert to[1:] in result.stderr
    assert "private" not in result.output
    assert received(people) == before


@pytest.mark.parametrize("stdin", [b"", b"\n", b"\xff"])
def test_no_text_on_stdin_is_refused(people: People, stdin: bytes) -> None:
    assert people.run("send", "@bob", "-", stdin=stdin).exit_code == 2


def test_a_text_that_is_too_large_is_refused_without_being_shown(people: People) -> None:
    result = people.run("send", "@bob", "-", stdin="private " * 4000)
    assert result.exit_code == 1
    assert "private" not in result.output


def test_a_file_is_on_the_servers_when_the_command_ends(people: People, tmp_path: Path) -> None:
    path = tmp_path / "plan.txt"
    path.write_bytes(b"x" * 100_000)
    with people.bob.expect(events.NewChatItems, timeout=30) as came:
        result = people.run(
            "send-file", "@bob", str(path), "--text", "The plan", "--timeout", "50", "--delivered", "--json"
        )
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["chatItem"]["file"]["fileName"] == "plan.txt"
    item = came.value.chat_items[0].chat_item
    assert item.meta.item_text == "The plan"
    assert item.file is not None
    assert item.file.file_size == 100_000


def test_a_file_that_is_not_there_is_a_usage_error(people: People, tmp_path: Path) -> None:
    assert people.run("send-file", "@bob", str(tmp_path / "missing")).exit_code == 2
    assert people.run("send-file", "@bob", str(tmp_path)).exit_code == 2


def test_it_works_as_a_process(people: People) -> None:
    line, environment = people.command("send", "--delivered", "@bob", "-")
    done = subprocess.run(line, input="grüße".encode(), capture_output=True, env=environment, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert received(people)[-1] == "grüße"
