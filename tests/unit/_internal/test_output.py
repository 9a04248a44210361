"""What is kept of the CLI's output, and what is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simplex_sync._internal.output import OutputTail, redact
from tests.children.fake import RECORDINGS


def test_lines_before_the_cli_serves_are_kept() -> None:
    tail = OutputTail()
    tail.feed(b"No user profiles found\r\ndispl")
    tail.feed(b"ay name: \r\n\x1b[31mred\x1b[0m\r\n\r\n   \r\n")
    assert tail.text() == "No user profiles found\ndisplay name: \nred"


def test_the_unfinished_line_is_shown_until_the_cli_serves() -> None:
    tail = OutputTail()
    tail.feed(b"one\nuser number (1 .. 2): ")
    assert tail.text() == "one\nuser number (1 .. 2):"
    tail.serving = True
    assert tail.text() == "one"


def test_only_so_many_lines_are_kept() -> None:
    tail = OutputTail(limit=3)
    tail.feed(b"".join(b"line %d\n" % number for number in range(10)))
    assert tail.text() == "line 7\nline 8\nline 9"


def test_commands_are_counted_and_never_kept() -> None:
    tail = OutputTail()
    tail.feed(b'received command "1" : "/_send @4 private"\r\n')
    tail.serving = True
    tail.feed(b"hello from a friend\nalice> secret\n")
    assert tail.text() == "(3 lines that may hold private text left out)"


@pytest.mark.parametrize(
    "line",
    [
        "simplex-chat: Network.Socket.bind: resource busy (Address already in use)",
        "simplex-chat: SQLite3 returned ErrorFull while attempting to perform step",
        "stack overflow",
    ],
)
def test_complaints_of_the_cli_itself_are_kept_while_it_serves(line: str) -> None:
    tail = OutputTail()
    tail.serving = True
    tail.feed(line.encode() + b"\n")
    assert tail.text() == line


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("see https://simplex.chat/contact#/?v=2 now", "see (link) now"),
        ("smp://abc@host simplex:/invitation#x", "(link) (link)"),
        ("key " + "A1b2" * 8, "key …"),
        ('said "some \\" text" twice', 'said "…" twice'),
        ("the word hunter2 is the key", "the word … is the key"),
        ("x " * 400, "x " * 200 + "…"),
    ],
)
def test_redaction(line: str, shown: str) -> None:
    assert redact(line, ("hunter2", "")) == shown


@pytest.mark.parametrize("size", [6400, 6401, 10_000, 1_000_000])
def test_a_line_without_end_takes_no_memory_and_is_left_out(size: int) -> None:
    tail = OutputTail()
    tail.feed(b"before\n")
    for _ in range(3):
        tail.feed(b"secret " * (size // 7 + 1))
    assert len(tail._rest) <= 6400 + 7
    tail.feed(b" end\nafter\n")
    assert tail.text() == "before\nafter\n(1 lines that may hold private text left out)"


def test_a_flood_takes_no_memory() -> None:
    tail = OutputTail()
    for _ in range(100):
        tail.feed(b"y\n" * 1000)
    assert tail.text().count("y") == 40


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(st.lists(st.binary(max_size=40), max_size=20))
def test_any_bytes_in_any_pieces(pieces: list[bytes]) -> None:
    whole, parts = OutputTail(), OutputTail()
    for piece in pieces:
        parts.feed(piece)
    whole.feed(b"".join(pieces))
    assert parts.text() == whole.text()


@pytest.mark.parametrize("path", sorted(RECORDINGS.glob("*.stdout")), ids=lambda path: str(path.stem))
def test_nothing_private_of_recorded_output_is_kept(path: Path) -> None:
    printed = path.read_bytes()
    tail = OutputTail()
    tail.feed(printed)
    kept = tail.text()
    commands = [line for line in printed.decode().splitlines() if line.startswith("received command")]
    assert commands
    assert "received command" not in kept
    # The texts stand there in quotes; the shortest, such as "/user", say nothing private.
    texts = [command.split(" : ", 1)[1].strip('"') for command in commands]
    assert not any(text in kept for text in texts if len(text) > 5)


def test_what_a_cli_left_unfinished_is_not_shown_as_output_of_the_next_one() -> None:
    tail = OutputTail()
    tail.serving = True
    tail.feed(b'received command "7" : "/_send @4 json [{secr')
    tail.begin()
    assert tail.text() == "(1 lines that may hold private text left out)"
    tail.feed(b"Current user: alice\n")
    assert tail.text() == "Current user: alice\n(1 lines that may hold private text left out)"


def test_a_quoted_string_that_is_cut_off_and_a_command_after_something_else_are_not_shown() -> None:
    tail = OutputTail()
    tail.feed(b'client connected received command "7" : "No space left on my desk"\n')
    tail.feed(b"simplex-chat: cannot perform exec \"PRAGMA key = 'hunter")
    shown = 'simplex-chat: cannot perform exec "…"\n(1 lines that may hold private text left out)'
    assert tail.text() == shown
