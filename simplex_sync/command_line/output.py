"""What is written on stdout: lines and tables for people, JSON Lines in UTF-8 with `--json`.

Names and texts come from other people, so what could steer a terminal, or pass for a line of its own, is made visible.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, BinaryIO, Protocol

import click

# Control characters, and those that turn the direction of writing around, which can make a name look like another.
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")

# Line ends for Unicode and for many a reader, though not for JSON.
_LINE_ENDS = re.compile("[\x85\u2028\u2029]")


class Record(Protocol):
    """What can be written as a JSON object: any record of the API."""

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object."""


def json_line(value: Mapping[str, Any]) -> bytes:
    """Return a JSON object as one line.

    Args:
        value: The object.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    text = _LINE_ENDS.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    try:
        return text.encode("utf-8") + b"\n"
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can hold and UTF-8 cannot
        return json.dumps(value, separators=(",", ":")).encode("ascii") + b"\n"


def write_json(value: Record | Mapping[str, Any], stream: BinaryIO | None = None) -> None:
    """Write a JSON object as one line, at once.

    Args:
        value: The object, or a record.
        stream: Where to; None means stdout.
    """
    target = sys.stdout.buffer if stream is None else stream
    target.write(json_line(value if isinstance(value, Mapping) else value.to_dict()))
    target.flush()


def visible(text: str, *, indent: str | None = None) -> str:
    """Return text from elsewhere with all that could steer a terminal made visible.

    Args:
        text: The text.
        indent: What further lines begin with; None puts all on one line.
    """
    shown = _STEERING.sub(
        lambda match: f"\\u{ord(match[0]):04x}" if ord(match[0]) > 255 else repr(match[0])[1:-1], text
    )
    return shown.replace("\n", "\\n" if indent is None else f"\n{indent}")


def person_watches() -> bool:
    """Return whether progress and hints on stderr reach a person."""
    return sys.stderr.isatty()


def write_line(text: str) -> None:
    """Write a line for people.

    Args:
        text: The line; what comes from elsewhere in it has gone through `visible`.
    """
    click.echo(text)


def write_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a table: drawn on a terminal, with tabs and without a head elsewhere.

    Args:
        columns: The heads of the columns.
        rows: The cells.
    """
    if not sys.stdout.isatty():
        for row in rows:
            write_line("\t".join(visible(cell).replace("\t", " ") for cell in row))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(visible(cell)) for cell in row))  # Text: nothing in it is taken for markup
    Console(highlight=False).print(table)
