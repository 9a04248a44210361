"""`simplex-sync pipe`: the CLI's own commands from stdin, its answers and events as JSON Lines on stdout."""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any, BinaryIO

import click

from simplex_sync.command_line.failures import LATE, REFUSED, Late, sentence
from simplex_sync.command_line.options import Options, pass_options, timeout_option
from simplex_sync.command_line.output import write_json
from simplex_sync.command_line.pipeline import EventFeed, Pipeline
from simplex_sync.command_line.unsent import UnsentMessages
from simplex_sync.errors import EventsLost, SimplexError, Timeout

_READ_SIZE = 65536
DEFAULT_WINDOW = 64

HELP = """Send the CLI's own commands from stdin; print its answers and events as JSON Lines.

Each line of stdin is one command of the documented command language, in UTF-8. Empty lines are left out. There are no
comments: a line that begins with # is a command, too (it writes to a group).

Each line of stdout is a JSON object:

\b
  {"line": 1, "response": {"type": "activeUser", ...}}   the answer to line 1
  {"line": 2, "response": {"type": "chatCmdError", ...}} the CLI refused line 2
  {"line": 3, "error": {"type": "CommandTimeout", "message": "..."}}
                                      there is no answer, and why
  {"event": {"type": "newChatItems", ...}}               an event, as it comes

Answers come in the order of their commands. A command that fails does not stop the next ones. Several commands are
handed over before the first is answered; the CLI runs them strictly one after another. Nothing is ever sent twice.
At the end of stdin it waits for the answers that are missing and for the messages that are not sent yet, and ends.

Exit code: 0 if every line was answered (also by an error of the CLI), 3 if an answer did not come or a message was not
sent in time, 1 if an answer was lost together with the connection.

Examples:

\b
  echo /user | simplex-sync pipe
  simplex-sync pipe <commands.txt >answers.jsonl
  simplex-sync pipe --no-events <commands.txt | jq 'select(.error)'
"""


@click.command(name="pipe", help=HELP, short_help="The CLI's own commands from stdin, JSON Lines on stdout.")
@click.option(
    "--window",
    type=click.IntRange(1, 10_000),
    default=DEFAULT_WINDOW,
    show_default=True,
    metavar="NUMBER",
    help="How many commands may be in flight; 1 hands over each one only after the one before was answered.",
)
@click.option("--no-events", is_flag=True, help="Leave out the events.")
@click.option("--no-wait", is_flag=True, help="End after the last answer, even if messages are not sent yet.")
@timeout_option("the answer to a command, and at the end the sending of messages,")
@pass_options
def pipe(options: Options, window: int, no_events: bool, no_wait: bool, timeout: float | None) -> None:
    """Run the command."""
    writer, unsent, worst = Writer(), UnsentMessages(), 0

    def take(event: dict[str, Any] | SimplexError) -> None:
        if not isinstance(event, SimplexError):
            unsent.happened(event)
        if not no_events:
            writer.event(event)

    with options.started() as chat:
        pipeline = Pipeline(chat, window, options.deadline(timeout).seconds)
        feed = EventFeed(chat, take, pipeline.break_off)
        feed.start()
        for number, outcome in pipeline.answers(numbered_lines(sys.stdin.buffer)):
            if not isinstance(outcome, SimplexError):
                unsent.answered(outcome)
            worst = max(worst, writer.answer(number, outcome))
        left = 0 if no_wait else unsent.wait(options.deadline(timeout))
        feed.finish()
    if left:
        raise Late(f"{left} messages are not sent yet; the CLI goes on with them whenever it runs")
    raise click.exceptions.Exit(worst)


class Writer:
    """Writes answers and events of several threads, each as a line of its own."""

    def __init__(self) -> None:
        self._stream = sys.stdout.buffer
        self._lock = threading.Lock()

    def answer(self, number: int, outcome: dict[str, Any] | SimplexError) -> int:
        """Write the answer to a line, and return the exit code for it."""
        if isinstance(outcome, SimplexError):
            self._write({"line": number, "error": described(outcome)})
            return LATE if isinstance(outcome, Timeout) else REFUSED
        self._write({"line": number, "response": outcome})
        return 0

    def event(self, event: dict[str, Any] | SimplexError) -> None:
        """Write an event."""
        self._write({"error": described(event)} if isinstance(event, SimplexError) else {"event": event})

    def _write(self, value: dict[str, Any]) -> None:
        with self._lock:
            write_json(value, self._stream)


def described(error: SimplexError) -> dict[str, Any]:
    """Return an error as a JSON object."""
    count = {"count": error.count} if isinstance(error, EventsLost) else {}
    return {"type": type(error).__name__, "message": sentence(error), **count}


def numbered_lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Give the lines that are not empty, each with its number, as soon as they come.

    Args:
        stream: The input. Where it is a file of the operating system, it is read without Python's buffer: the lock of
            that would be held by the reading thread when an interrupt ends the program.
    """
    try:
        descriptor: int | None = stream.fileno()
    except (OSError, io.UnsupportedOperation):
        descriptor = None
    rest, number = b"", 0
    while True:
        piece = stream.read(_READ_SIZE) if descriptor is None else os.read(descriptor, _READ_SIZE)
        *lines, rest = (rest + piece).split(b"\n")
        if not piece and rest:
            lines, rest = [rest], b""
        for line in lines:
            number += 1
            command = line.strip()
            if command:
                yield number, command
        if not piece:
            return
