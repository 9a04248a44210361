"""What threads wait with where others change something: like `threading.Condition`, and safe to interrupt.

The methods of a Condition or an Event are Python code: an interrupt (Ctrl-C) can come in them when the lock inside was
just taken, and then nobody ever gives it back; or before it was taken again, and then somebody else's is given back.
Here are only plain locks, taken by `with` or by one call into C, where no interrupt comes in between.
"""

from __future__ import annotations

import contextlib
import threading

from simplex_sync._internal.deadline import Deadline


class Bells:
    """One bell for each thread that waits."""

    def __init__(self) -> None:
        self._hung: set[threading.Lock] = set()

    def __len__(self) -> int:
        return len(self._hung)

    def hang(self) -> threading.Lock:
        """Return a bell that the next `ring` rings. Who hangs one looks at what he waits for after that."""
        bell = threading.Lock()
        bell.acquire()
        self._hung.add(bell)
        return bell

    @staticmethod
    def wait(bell: threading.Lock, deadline: Deadline) -> bool:
        """Wait until a bell has rung; return whether it did before the deadline."""
        return deadline.acquire(bell)

    def take_down(self, bell: threading.Lock) -> None:
        """Ring a bell no more."""
        self._hung.discard(bell)

    def ring(self) -> None:
        """Wake all that wait (any thread)."""
        for bell in tuple(self._hung):
            if bell.locked():
                with contextlib.suppress(RuntimeError):  # two ring at once
                    bell.release()
