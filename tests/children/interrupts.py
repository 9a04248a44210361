"""Interrupts (Ctrl-C) wherever they can strike."""

from __future__ import annotations

import dis
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

#: More points than there are: nothing is interrupted. Some Pythons trace the steps of a function only from its second
#: run on, so this is tried first.
NEVER = 10**6


class Interrupt:
    """Raises KeyboardInterrupt at the n-th point of some functions at which the interpreter looks for signals.

    Or it calls a function there, as a signal handler that returns.

    It looks for them where a function begins, after each call and where a loop goes back, and nowhere else.
    """

    def __init__(self, codes: set[CodeType], number: int, handler: Callable[[], object] | None = None) -> None:
        self._codes = codes
        self._handler = handler
        self._left = number
        self._before: dict[FrameType, str] = {}

    def __call__(self, frame: FrameType, kind: str, _argument: object) -> Any:
        if frame.f_code not in self._codes:
            return None
        frame.f_trace_opcodes = True
        if kind == "opcode":
            before = self._before.get(frame, "CALL")
            self._before[frame] = dis.opname[frame.f_code.co_code[frame.f_lasti]]
            if before.startswith(("CALL", "RESUME", "JUMP_BACKWARD", "JUMP_ABSOLUTE")):
                self._left -= 1
                if self._left == 0 and self._handler is None:
                    raise KeyboardInterrupt
                if self._left == 0 and self._handler is not None:
                    self._handler()
        return self
