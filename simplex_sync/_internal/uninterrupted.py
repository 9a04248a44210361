"""Work that an interrupt (Ctrl-C) must not cut in two: it is done in a thread, since only the main one is interrupted.

Half a start would leave a process, a lock or descriptors that nobody has noted; half an end, a CLI that goes on.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def leave_interrupts_to_the_main_thread() -> None:
    """Block SIGINT in a thread of ours, as its first step.

    The kernel may hand Ctrl-C to any thread, but only the main one acts on it, and would not be woken.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def uninterrupted(work: Callable[[], Result], name: str, give_up: Callable[[], object] | None = None) -> Result:
    """Return what some work returns, or raise what it raises; an interrupt comes when the work has ended.

    A second interrupt does not wait: the work then ends by itself.

    Args:
        work: The work.
        name: The name of the thread.
        give_up: Called at an interrupt: makes the work end soon.
    """
    if threading.current_thread() is not threading.main_thread():
        return work()
    results: list[Result] = []
    failures: list[BaseException] = []
    begun: list[bool] = []
    cancelled: list[bool] = []
    # A plain lock and no Event: one that is interrupted in its own Python code could stay locked for ever.
    done = threading.Lock()
    done.acquire()

    def run() -> None:
        leave_interrupts_to_the_main_thread()
        begun.append(True)
        try:
            if not cancelled:
                results.append(work())
        except BaseException as error:
            failures.append(error)
        finally:
            done.release()

    # A daemon: an interrupt in `start` can leave it waiting for ever, and the end of the program would wait with it.
    # What is under way when the program ends, atexit waits for, since it closes every client once more.
    thread = threading.Thread(target=run, name=name, daemon=True)
    try:
        try:
            thread.start()
        except RuntimeError:  # the interpreter is ending, or there are too many threads
            return work()
        with done:  # and not join(), which takes a thread for ended once it was interrupted itself
            pass
    except BaseException:
        cancelled.append(True)  # before the look whether it has begun: if not, it does nothing when it does
        if begun:
            if give_up is not None:
                give_up()
            with done:
                pass
        raise
    if failures:
        raise failures.pop()  # out of the list: it would hold the error, and the error this frame
    return results[0]
