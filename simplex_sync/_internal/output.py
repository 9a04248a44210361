"""The last lines that the CLI printed, without what is private.

The CLI prints every command in full, and that is somebody's text. So while it serves, only its own complaints are kept,
and of those only what cannot carry a text, a link or a key; everything else is counted.
"""

from __future__ import annotations

import re
import threading
from collections import deque

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[@-Z\\-_])")
_COMMAND = re.compile(r"\breceived command ")
# Links, keys in base64, quoted strings and whatever stands in braces may hold something private.
_LINK = re.compile(r"\b(?:https?|simplex|smp|xftp)s?:/?/?\S+", re.IGNORECASE)
_LONG = re.compile(r"[A-Za-z0-9_+/=-]{24,}")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)')
_COMPLAINT = re.compile(
    r"^(?:simplex-chat: |.*\b(?:SQLite3 returned|Network\.Socket|AsyncCancelled|stack overflow|out of memory|"
    r"heap exhausted|error while loading shared libraries|No space left)\b)",
    re.IGNORECASE,
)
_LINE_LIMIT = 400


def redact(line: str, secrets: tuple[str, ...] = ()) -> str:
    """Return a line of output without links, keys and quoted strings."""
    for secret in secrets:
        if secret:
            line = line.replace(secret, "…")
    line = _QUOTED.sub('"…"', line)
    line = _LINK.sub("(link)", line)
    line = _LONG.sub("…", line)
    return line if len(line) <= _LINE_LIMIT else line[:_LINE_LIMIT] + "…"


class OutputTail:
    """Keeps the last lines of the CLI's output, as far as they can be shown.

    Args:
        secrets: Strings that must never show: the database key.
        limit: How many lines are kept.
    """

    def __init__(self, secrets: tuple[str, ...] = (), limit: int = 40) -> None:
        self._secrets = secrets
        self._lines: deque[str] = deque(maxlen=limit)
        self._left_out = 0
        self._rest = b""
        self._too_long = False
        self._lock = threading.Lock()
        #: Whether the CLI takes commands: from then on its output may hold private text.
        self.serving = False

    def begin(self) -> None:
        """Note that what follows comes from a CLI that was started anew and does not serve yet."""
        with self._lock:
            # What the one before was about to print when it ended may be private, and belongs to no line of this one.
            if self._rest or self._too_long:
                self._left_out += 1
            self._rest, self._too_long = b"", False
            self.serving = False

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the output."""
        with self._lock:
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines:
                if self._too_long:
                    self._too_long = False
                    self._left_out += 1
                else:
                    self._take(line)
            if len(self._rest) > 16 * _LINE_LIMIT:  # a command of many megabytes, say
                self._rest = b""
                self._too_long = True

    def _take(self, raw: bytes) -> None:
        line = _ANSI.sub("", raw.decode("utf-8", "replace")).strip("\r\n\x00")
        if not line.strip():
            return
        if _COMMAND.search(line) or (self.serving and not _COMPLAINT.match(line)):
            self._left_out += 1
            return
        self._lines.append(redact(line, self._secrets))

    def text(self) -> str:
        """Return the lines that are kept, and how many were left out."""
        with self._lock:
            lines = list(self._lines)
            if self._rest and not self.serving and not self._too_long:
                lines.append(redact(_ANSI.sub("", self._rest.decode("utf-8", "replace")).strip(), self._secrets))
            if self._left_out:
                lines.append(f"({self._left_out} lines that may hold private text left out)")
            return "\n".join(line for line in lines if line)
