"""What the CLI prints on its terminal and asks there.

Everything is written with blocking writes: when nobody reads the terminal, the whole process stops, as the CLI does.
"""

from __future__ import annotations

import os
import sys

_NAMES = [
    "NUL",
    "SOH",
    "STX",
    "ETX",
    "EOT",
    "ENQ",
    "ACK",
    "a",
    "b",
    "t",
    "n",
    "v",
    "f",
    "r",
    "SO",
    "SI",
    "DLE",
    "DC1",
    "DC2",
    "DC3",
    "DC4",
    "NAK",
    "SYN",
    "ETB",
    "CAN",
    "EM",
    "SUB",
    "ESC",
    "FS",
    "GS",
    "RS",
    "US",
]


def show(text: str) -> str:
    """Return a text as Haskell's `show` writes it: in quotes, with other than ASCII letters as decimal escapes."""
    parts = ['"']
    escape = ""  # the escape just written, where the next character could be taken for a part of it
    for character in text:
        code = ord(character)
        if (escape.isdecimal() and character.isdecimal() and code < 128) or (escape == "SO" and character == "H"):
            parts.append("\\&")
        escape = ""
        if character in '"\\':
            parts.append("\\" + character)
        elif 32 <= code < 127:
            parts.append(character)
        else:
            escape = _NAMES[code] if code < 32 else "DEL" if code == 127 else str(code)
            parts.append("\\" + escape)
    return "".join([*parts, '"'])


def write(text: str) -> None:
    """Write to standard output, waiting for whoever reads it."""
    data = text.encode("utf-8", "replace")
    try:
        while data:
            data = data[os.write(1, data) :]
    except BrokenPipeError:  # nobody will ever read it
        raise SystemExit(1) from None


def print_line(text: str) -> None:
    """Write a line to standard output."""
    write(text + "\n")


def end(message: str, status: int = 1) -> SystemExit:
    """Tell on standard error why the program ends, and return the exception that ends it."""
    sys.stderr.write(message + "\n")
    sys.stderr.flush()
    return SystemExit(status)


def ask(prompt: str) -> str:
    """Ask for a line.

    Raises:
        SystemExit: Standard input is at its end.
    """
    write(prompt)
    answer = b""
    while not answer.endswith(b"\n"):
        byte = os.read(0, 1)  # no buffer: what is typed ahead stays for the next question
        if not byte:
            raise end("simplex-chat: <stdin>: hGetLine: end of file")
        answer += byte
    return answer.decode("utf-8", "replace").rstrip("\r\n")
