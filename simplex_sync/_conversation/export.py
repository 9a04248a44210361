"""Stored messages into files: JSON Lines with whole records, CSV for spreadsheets, HTML for people."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from simplex_sync._conversation.files import put_in_place
from simplex_sync._conversation.history import History
from simplex_sync._conversation.showing import progress_bar
from simplex_sync.errors import InvalidArgument

if TYPE_CHECKING:
    from simplex_sync._conversation.chats import ChatTarget
    from simplex_sync._conversation.message import Message

__all__ = ["Export"]

_COLUMNS = ("id", "sent_at", "direction", "sender", "chat", "type", "text", "file_name", "file_size")
# What makes a spreadsheet take a cell for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")

_HEAD = """<!DOCTYPE html>
<html><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font-family: sans-serif; max-width: 50em; margin: 2em auto; padding: 0 1em; background: #f4f4f6; color: #222 }}
div.item {{ background: #fff; border-radius: .6em; padding: .5em .8em; margin: .4em 4em .4em 0 }}
div.own {{ background: #dff0ff; margin: .4em 0 .4em 4em }}
div.system {{ background: none; color: #777; text-align: center; margin: .4em }}
span.sender {{ font-weight: bold }}
time {{ color: #777; font-size: .8em; margin-left: .6em }}
p {{ margin: .2em 0 0; white-space: pre-wrap; overflow-wrap: anywhere }}
blockquote {{ color: #555; border-left: .2em solid #aaa; margin: .3em 0; padding-left: .6em }}
</style></head><body><h1>{title}</h1>
"""


class Export(History):
    """`export`."""

    def export(
        self,
        chat: ChatTarget,
        path: str | os.PathLike[str],
        *,
        before: Any = None,
        after: Any = None,
        search: str | None = None,
        system: bool = False,
        overwrite: bool = False,
        progress: bool | None = None,
    ) -> int:
        """Write the stored messages of a chat into a file, oldest first (`APIGetChat`).

        The file comes into being whole or not at all, readable for its owner only. It holds one page of messages at a
        time in memory, however long the chat is.

        Args:
            chat: The chat, as for `send`.
            path: The file. Its suffix says what is written: `.jsonl` (whole records, `types.AChatItem`, one a line),
                `.csv`, or `.html` (one page that needs nothing else).
            before: Only messages before this, as for `history`.
            after: Only messages after this, as for `history`.
            search: Only messages with this text.
            system: Whether items are written that are no messages: of events in groups, features, encryption.
            overwrite: Whether a file that is there may be replaced.
            progress: Whether to show a progress bar. Default: in a terminal or a notebook.

        Returns:
            How many messages were written.

        Raises:
            InvalidArgument: An argument cannot be right, or the file exists already.
            OSError: The file cannot be written.
        """
        import tempfile  # like csv and html below, needed by few

        target = Path(os.fspath(path)).absolute()
        writers: dict[str, Callable[[IO[str], Iterable[Message], str], int]]
        writers = {".jsonl": _write_lines, ".csv": _write_csv, ".html": _write_html}
        write = writers.get(target.suffix.lower())
        if write is None:
            raise InvalidArgument(
                f"export: path must end in {', '.join(writers)}, not {target.suffix!r}", argument="path"
            )
        if not target.parent.is_dir():
            raise InvalidArgument("export: the folder of path does not exist", argument="path")
        if os.path.lexists(target) and not overwrite:
            raise InvalidArgument(
                f"export: {target.name!r} exists already; say overwrite=True to replace it", argument="path"
            )
        messages = self.history(chat, before=before, after=after, search=search, system=system)
        title = chat if isinstance(chat, str) else getattr(chat, "local_display_name", "SimpleX Chat")
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name[:40]}.", suffix=".part", dir=target.parent)
        part = Path(name)
        try:
            # Half of a surrogate pair is written as JSON writes it; the error that it makes else would quote a text.
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
                count = write(file, _shown(messages, progress), title)
            try:
                put_in_place(part, target, overwrite=overwrite)
            except FileExistsError:
                raise InvalidArgument(f"export: {target.name!r} came into being meanwhile", argument="path") from None
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        return count


def _shown(messages: Iterable[Message], progress: bool | None) -> Iterator[Message]:
    """Pass the messages on, with a progress bar where one is wanted."""
    if progress is None:
        progress = sys.stderr.isatty() or "ipykernel" in sys.modules
    if not progress:
        yield from messages
        return
    with progress_bar(unit=" messages", desc="export") as bar:
        for message in messages:
            yield message
            bar.update()


def _sender(message: Message) -> str:
    name = getattr(message.sender, "local_display_name", None)
    return name if isinstance(name, str) else ""


def _write_lines(file: IO[str], messages: Iterable[Message], title: str) -> int:
    del title
    count = 0
    for message in messages:
        file.write(json.dumps(message.record.to_dict(), ensure_ascii=False) + "\n")
        count += 1
    return count


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return "'" + text if text.startswith(_FORMULA) else text


def _write_csv(file: IO[str], messages: Iterable[Message], title: str) -> int:
    import csv

    del title
    writer = csv.writer(file)
    writer.writerow(_COLUMNS)
    count = 0
    for message in messages:
        attached = message.file
        row = (
            message.id,
            message.sent_at.isoformat(),
            "sent" if message.is_own else "received",
            _sender(message),
            getattr(message.chat, "local_display_name", ""),
            message.content.tag,
            message.text,
            attached.file_name if attached else "",
            attached.file_size if attached else "",
        )
        writer.writerow([_cell(value) for value in row])
        count += 1
    return count


def _write_html(file: IO[str], messages: Iterable[Message], title: str) -> int:
    import html

    file.write(_HEAD.format(title=html.escape(title)))
    count = 0
    for message in messages:
        kind = " system" if not message.is_message else " own" if message.is_own else ""
        when = message.sent_at
        file.write(
            f'<div class="item{kind}" id="item{message.id}"><span class="sender">{html.escape(_sender(message))}</span>'
            f'<time datetime="{when.isoformat()}">{when:%Y-%m-%d %H:%M:%S} UTC</time>'
        )
        quoted = getattr(message.quoted.content, "text", None) if message.quoted else None
        if isinstance(quoted, str):
            file.write(f"<blockquote>{html.escape(quoted)}</blockquote>")
        file.write(f"<p>{html.escape(message.text)}</p>")
        if message.file is not None:
            file.write(f"<p>📎 {html.escape(str(message.file.file_name))} ({message.file.file_size} bytes)</p>")
        file.write("</div>\n")
        count += 1
    file.write("</body></html>\n")
    return count
