"""`simplex-sync listen`, `history` and `export`: messages as they come, and stored ones."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from simplex_sync.api import types
from simplex_sync.command_line.failures import Late
from simplex_sync.command_line.options import (
    SECONDS,
    Function,
    Options,
    chat_name,
    json_option,
    pass_options,
)
from simplex_sync.command_line.output import person_watches, visible, write_json, write_line

if TYPE_CHECKING:
    from simplex_sync.conversation import Message

LISTEN_HELP = """Print messages as they come, until Ctrl-C.

Each line has the time, the chat, in groups the sender, and the text; further lines of a text are indented. With --json
each line is the record AChatItem of the documents.

Exit code: 0 when it is ended by Ctrl-C, or by --timeout without --count; 3 if fewer messages than --count came in time.

Examples:

\b
  simplex-sync listen
  simplex-sync listen --json | jq -r .chatItem.meta.itemText
  simplex-sync listen --from @alice --count 1 --timeout 60
"""

HISTORY_HELP = """Print the stored messages of the chat TO, the oldest first.

TO is @NAME for a contact or #NAME for a group. With --json each line is the record AChatItem of the documents.

Examples:

\b
  simplex-sync history @alice
  simplex-sync history '#team' --count 100 --search invoice
  simplex-sync history '#team' --all --after 2026-01-01 --json >team.jsonl
"""

EXPORT_HELP = """Write all stored messages of the chat TO into the file at PATH.

TO is @NAME for a contact or #NAME for a group. The ending of PATH says what is written: .jsonl (all that the CLI
stores), .csv (a table), .html (a page to read). The file appears when it is whole.

Examples:

\b
  simplex-sync export @alice alice.html
  simplex-sync export '#team' team.jsonl --overwrite
"""


_TIME = click.DateTime(("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"))


def _which(function: Function) -> Function:
    """Add the options that say which stored messages are meant."""
    for option in (
        click.option("--search", metavar="TEXT", help="Only those that contain TEXT."),
        click.option("--before", type=_TIME, metavar="TIME", help="Only those before this time, as for --after."),
        click.option("--after", type=_TIME, metavar="TIME", help="Only those after a time: 2026-01-31T18:00, local."),
    ):
        function = option(function)
    return function


@click.command(name="listen", help=LISTEN_HELP, short_help="Print messages as they come.")
@click.option("--from", "sender", callback=chat_name(), metavar="CHAT", help="Only messages of @NAME or #NAME.")
@click.option("--count", type=click.IntRange(min=1), metavar="NUMBER", help="End after so many messages.")
@click.option("--timeout", type=SECONDS, metavar="SECONDS", help="End when no message has come for so long.")
@json_option
@pass_options
def listen(options: Options, sender: str | None, count: int | None, timeout: float | None) -> None:
    """Run the command."""
    shown = 0
    try:
        with options.started() as chat:
            if person_watches():
                click.echo(f"Listening as {visible(chat.user.local_display_name)}; Ctrl-C ends it.", err=True)
            messages = chat.messages(timeout) if sender is None else chat.messages(timeout, chat=sender)
            for message in itertools.islice(messages, count):
                _show(options, message)
                shown += 1
    except KeyboardInterrupt:
        return
    if count is not None and shown < count:
        raise Late(f"{shown} of {count} messages came before {timeout:g} seconds passed without one")


@click.command(name="history", help=HISTORY_HELP, short_help="Print stored messages.")
@click.argument("to", callback=chat_name())
@click.option(
    "--count", type=click.IntRange(min=1), default=20, show_default=True, metavar="NUMBER", help="How many: the latest."
)
@click.option("--all", "everything", is_flag=True, help="All, however many they are.")
@_which
@json_option
@pass_options
def history(options: Options, /, to: str, count: int, everything: bool, **which: Any) -> None:
    """Run the command."""
    with options.started() as chat:
        messages: Iterable[Message]
        if everything:
            messages = chat.history(to, **which)
        else:
            messages = reversed(list(itertools.islice(chat.history(to, newest_first=True, **which), count)))
        for message in messages:
            _show(options, message)


@click.command(name="export", help=EXPORT_HELP, short_help="Write the messages of a chat into a file.")
@click.argument("to", callback=chat_name())
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--overwrite", is_flag=True, help="Replace the file at PATH.")
@_which
@json_option
@pass_options
def export(options: Options, /, to: str, path: Path, overwrite: bool, **which: Any) -> None:
    """Run the command."""
    with options.started() as chat:
        number = chat.export(to, path, overwrite=overwrite, progress=person_watches(), **which)
    if options.as_json:
        write_json({"path": str(path), "messages": number})
    else:
        write_line(f"{number} messages written to {path}")


def _show(options: Options, message: Message) -> None:
    if options.as_json:
        write_json(message.record)
    else:
        write_line(line_of(message))
        sys.stdout.flush()


def line_of(message: Message) -> str:
    """Return a message as a line for people; further lines of its text are indented.

    Args:
        message: The message.
    """
    moment = message.sent_at.astimezone().strftime("%Y-%m-%d %H:%M")
    chat = getattr(message.chat, "local_display_name", "notes")
    where = visible(f"{'#' if message.is_group else '@'}{chat}")
    if message.is_own:
        where += " you"
    elif isinstance(message.sender, types.GroupMember):
        where += f" {visible(message.sender.local_display_name)}"
    file = f"[{visible(str(message.file.file_name))}, {message.file.file_size} bytes]" if message.file else ""
    text = visible(message.text, indent="    ")
    return " ".join(part for part in (f"{moment} {where}:", file, text) if part)
