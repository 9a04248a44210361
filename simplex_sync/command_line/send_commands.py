"""`simplex-sync send` and `send-file`: they end when the message is sent, or delivered."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from simplex_sync._internal.deadline import Deadline
from simplex_sync.command_line.failures import Late
from simplex_sync.command_line.options import Options, chat_name, json_option, pass_options, timeout_option
from simplex_sync.command_line.output import person_watches, write_json
from simplex_sync.conversation import SentMessage
from simplex_sync.errors import Timeout

_GOES_ON = "the CLI goes on with it whenever it runs, so do not send it a second time"
_delivered = click.option(
    "--delivered", is_flag=True, help="Wait until the receipt has come; in a group, those of all members."
)

SEND_HELP = """Send TEXT to TO, and end when it has reached the servers.

TO is @NAME for a contact or #NAME for a group, as `contacts` and `groups` list them. With - as TEXT, the text is read
from stdin, without the line end at its end; use it for private texts, since others can see a command line.

Exit code: 0 if it was sent (with --delivered, received); 3 if that did not happen in time: the message stays with the
CLI, which goes on with it whenever it runs again, so do not send it a second time.

Examples:

\b
  simplex-sync send @alice 'Hello Alice'
  simplex-sync send --delivered --timeout 300 '#team' 'Please look at this.'
  df -h | simplex-sync send @admin -
"""

SEND_FILE_HELP = """Send the file at PATH to TO, and end when all of it has reached the servers.

TO is @NAME for a contact or #NAME for a group.

Exit code: 0 if it was sent; 3 if that did not happen in time: it stays with the CLI, which goes on with it whenever it
runs again.

Examples:

\b
  simplex-sync send-file @alice report.pdf
  simplex-sync send-file --text 'The new plan' --timeout 600 '#team' plan.pdf
"""


@click.command(name="send", help=SEND_HELP, short_help="Send a text.")
@click.argument("to", callback=chat_name())
@click.argument("text")
@_delivered
@timeout_option("sending, and with --delivered the way to the other side,")
@json_option
@pass_options
def send(options: Options, to: str, text: str, delivered: bool, timeout: float | None) -> None:
    """Run the command."""
    message = _from_stdin() if text == "-" else text
    with options.started() as chat:
        _wait(options, chat.send(to, message), delivered, options.deadline(timeout))


@click.command(name="send-file", help=SEND_FILE_HELP, short_help="Send a file.")
@click.argument("to", callback=chat_name())
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--text", metavar="TEXT", help="A text that goes with it.")
@_delivered
@timeout_option("sending, and with --delivered the way of the message to the other side,")
@json_option
@pass_options
def send_file(options: Options, to: str, path: Path, text: str | None, delivered: bool, timeout: float | None) -> None:
    """Run the command."""
    with options.started() as chat:
        transfer = chat.send_file(to, path, text)
        deadline = options.deadline(timeout)
        with _late(f"not all of the file was on the servers after {deadline.seconds:g} seconds; {_GOES_ON}"):
            transfer.wait(deadline.remaining(), bar=person_watches())
        message = transfer.message
        assert isinstance(message, SentMessage)
        _wait(options, message, delivered, deadline)


def _wait(options: Options, message: SentMessage, delivered: bool, deadline: Deadline) -> None:
    """Wait until the message is sent or delivered, and write its record with `--json`."""
    with _late(f"not sent after {deadline.seconds:g} seconds; {_GOES_ON}"):
        message.wait_sent(deadline.remaining())
    if delivered:
        with _late(f"sent, but not all receipts came in {deadline.seconds:g} seconds"):
            message.wait_delivered(deadline.remaining())
    if options.as_json:
        write_json(message.record)


@contextlib.contextmanager
def _late(what: str) -> Iterator[None]:
    """Say what was not done in time in the words of the command."""
    try:
        yield
    except Timeout as error:
        raise Late(what) from error


def _from_stdin() -> str:
    try:
        text = sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError:
        raise click.UsageError("the text on stdin is not in UTF-8") from None
    if text.endswith("\n"):
        text = text[:-1].removesuffix("\r")
    if not text:
        raise click.UsageError("there is no text on stdin")
    return text
