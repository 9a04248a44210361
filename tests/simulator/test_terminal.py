"""What is printed on the terminal and asked there."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from simplex_sync.simulator.clock import server_timestamp, timestamp
from simplex_sync.simulator.terminal import ask, end, show, write


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/user", '"/user"'),
        ('a "b" \\', '"a \\"b\\" \\\\"'),
        ("line\nnext\t\a\x7f", '"line\\nnext\\t\\a\\DEL"'),
        ("größe", '"gr\\246\\223e"'),
        ("👩9", '"\\128105\\&9"'),
        ("👩x", '"\\128105x"'),
        ("\x0eH", '"\\SO\\&H"'),
        ("\x0ei", '"\\SOi"'),
        ("", '""'),
    ],
)
def test_commands_are_shown_as_by_the_cli(text: str, shown: str) -> None:
    assert show(text) == shown


def test_timestamps_have_no_zeros_at_their_end() -> None:
    assert timestamp(0) == "1970-01-01T00:00:00Z"
    assert timestamp(1_500_000_000) == "1970-01-01T00:00:01.5Z"
    assert timestamp(1_000_000_001) == "1970-01-01T00:00:01.000000001Z"
    assert server_timestamp(1_999_999_999) == "1970-01-01T00:00:01Z"
    assert len(server_timestamp()) == len("1970-01-01T00:00:01Z") <= len(timestamp())


def _with_descriptor(number: int, put: int, work: Callable[[], object]) -> None:
    kept = os.dup(number)
    try:
        os.dup2(put, number)
        work()
    finally:
        os.dup2(kept, number)
        os.close(kept)


def test_a_question_takes_one_line_and_leaves_the_rest(capfd: pytest.CaptureFixture[str]) -> None:
    reader, writer = os.pipe()
    os.write(writer, "zoë\r\nnext".encode())
    answers: list[str] = []
    _with_descriptor(0, reader, lambda: answers.append(ask("name: ")))
    assert answers == ["zoë"]
    assert os.read(reader, 100) == b"next"
    os.close(writer)
    with pytest.raises(SystemExit) as caught:
        _with_descriptor(0, reader, lambda: ask("name: "))
    os.close(reader)
    assert caught.value.code == 1
    told = capfd.readouterr()
    assert told.out == "name: name: "
    assert told.err == "simplex-chat: <stdin>: hGetLine: end of file\n"


def test_writing_to_nobody_ends_the_program() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with pytest.raises(SystemExit):
        _with_descriptor(1, writer, lambda: write("x"))
    os.close(writer)


def test_the_end_tells_why(capfd: pytest.CaptureFixture[str]) -> None:
    assert end("because", 3).code == 3
    assert capfd.readouterr().err == "because\n"
