"""Records as tables and links as QR codes, for notebooks and terminals.

A notebook keeps what it shows, so nothing shows message texts, links or keys by itself: a table of messages has their
texts only where `table(messages, texts=True)` asks for them.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from simplex_sync._internal.wire import Fields, Record

if TYPE_CHECKING:
    from simplex_sync._conversation.message import Message

__all__ = ["QRCode", "Table", "progress_bar", "table"]

_MAX_ROWS = 200
_STYLE = "text-align:left;vertical-align:top"


class Table:
    """Rows that a notebook shows as a table, and a terminal as lines.

    Attributes:
        columns: The names of the columns.
        rows: The cells, as text.
    """

    def __init__(self, columns: Sequence[str], rows: Sequence[Sequence[str]], more: int = 0) -> None:
        self.columns = list(columns)
        self.rows = [list(row) for row in rows]
        self._more = more

    def _repr_html_(self) -> str:
        import html  # needed by few

        head = "".join(f'<th style="{_STYLE}">{html.escape(name)}</th>' for name in self.columns)
        body = "".join(
            "<tr>" + "".join(f'<td style="{_STYLE}">{html.escape(cell)}</td>' for cell in row) + "</tr>"
            for row in self.rows
        )
        more = f"<p>… and {self._more} more</p>" if self._more else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"

    def __str__(self) -> str:
        lines = [self.columns, *self.rows]
        widths = [max(len(line[index]) for line in lines) for index in range(len(self.columns))]
        text = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
        ]
        if self._more:
            text.append(f"… and {self._more} more")
        return "\n".join(text)

    def __repr__(self) -> str:
        return f"<Table of {len(self.rows)} rows>"


def table(records: Record | Message | Iterable[Any], *, texts: bool = False) -> Table:
    """Return records as a table, with what a repr may show: names, numbers, times, kinds.

    Args:
        records: One record (its fields become rows), or any number of them, or messages.
        texts: Whether the texts of messages are shown too.

    Returns:
        The table: Jupyter draws it, `print` shows it in a terminal.
    """
    if isinstance(records, Record):
        rows = [(name, shown) for name, shown in records.shown_fields().items()]
        return Table(("field", "value"), rows)
    listed = [records] if hasattr(records, "is_message") else list(records)
    shown_rows = [_row(each, texts) for each in listed[:_MAX_ROWS]]
    columns = list(dict.fromkeys(name for row in shown_rows for name in row))
    return Table(
        columns, [[row.get(name, "") for name in columns] for row in shown_rows], len(listed) - len(shown_rows)
    )


def _row(each: Any, texts: bool) -> dict[str, str]:
    if hasattr(each, "is_message"):
        name = getattr(each.sender, "local_display_name", "")
        row = {
            "id": str(each.id),
            "sent_at": f"{each.sent_at:%Y-%m-%d %H:%M:%S}",
            "sender": str(name),
            "type": str(getattr(each.content, "tag", "")),
        }
        return {**row, "text": each.text} if texts else row
    return each.shown_fields() if isinstance(each, Fields) else {"value": repr(each)}


class QRCode:
    """A text as a QR code: drawn in a notebook, printed as blocks in a terminal.

    Args:
        text: The text, such as a link.
    """

    def __init__(self, text: str) -> None:
        import segno

        self._code = segno.make(text, micro=False, error="l", boost_error=False)

    def _repr_svg_(self) -> str:
        out = io.BytesIO()
        self._code.save(out, kind="svg", scale=4, xmldecl=False)
        return out.getvalue().decode("utf-8")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the code into a file: `.svg`, `.png`, `.pdf`, `.txt`, as the suffix says.

        Args:
            path: The file.

        Raises:
            OSError: It cannot be written.
            ValueError: The suffix is not known.
        """
        self._code.save(os.fspath(path), scale=4)

    def __str__(self) -> str:
        out = io.StringIO()
        self._code.terminal(out, compact=True)
        return out.getvalue().rstrip("\n")

    def __repr__(self) -> str:
        return f"<QRCode, version {self._code.version}>"


def progress_bar(**options: Any) -> Any:
    """Return a progress bar for the terminal or the notebook; to be used in a `with` statement.

    Args:
        options: Passed on to `tqdm`.
    """
    from tqdm.auto import tqdm

    class Bar(tqdm):  # type: ignore[type-arg]  # nothing is iterated over, so it is a bar of nothing
        # Bars are looked after by a thread, which would outlive them.
        monitor_interval = 0

    return Bar(**options)
