"""The program: what belongs to a process (signals, streams), then the commands."""

from __future__ import annotations

import io
import signal
import sys
from types import FrameType
from typing import NoReturn

_INTERRUPTED = 130
_ENDED_BY_SIGTERM = 128 + signal.SIGTERM


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(_ENDED_BY_SIGTERM)


def main() -> None:
    """Run `simplex-sync` with the arguments of this process.

    Raises:
        SystemExit: Always, with the exit code.
    """
    # So that the CLI is closed in order.
    signal.signal(signal.SIGTERM, _end)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name must not end the program in an odd locale
    try:
        from simplex_sync.command_line.program import (
            program,  # here: an interrupt while it is imported has no traceback
        )
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    program.main(prog_name="simplex-sync")


if __name__ == "__main__":
    main()
