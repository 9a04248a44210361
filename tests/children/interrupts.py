"""Interrupts (Ctrl-C) wherever they can strike."""

from __future__ import annotations

import dis
import os
import signal
import threading
from collections.abc import Callable, Iterable
from types import CodeType, FrameType, TracebackType
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


class Keyboard:
    """Presses Ctrl-C again and again, in a thread; what comes while a function does not run is only counted.

    It would hit the test itself. Used by `with`, which waits for the last one.

    Args:
        function: The function that is to be interrupted.
        pauses: The seconds before each.
    """

    def __init__(self, function: Callable[..., object], pauses: Iterable[float]) -> None:
        self.pressed = 0
        #: Set after the last one.
        self.done = threading.Event()
        self._code = function.__code__
        self._pauses = pauses
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._press)

    def _press(self) -> None:
        for pause in self._pauses:
            if self._enough.wait(pause):
                break
            os.kill(os.getpid(), signal.SIGINT)
        self.done.set()

    def _handle(self, _number: int, frame: FrameType | None) -> None:
        self.pressed += 1
        while frame is not None:
            if frame.f_code is self._code:
                raise KeyboardInterrupt
            frame = frame.f_back

    def __enter__(self) -> Keyboard:
        self._before = signal.signal(signal.SIGINT, self._handle)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._enough.set()
        self._thread.join()
        signal.signal(signal.SIGINT, self._before)
