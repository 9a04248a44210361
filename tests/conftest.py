"""What all tests share: nobody leaves anything behind, and a CLI that misbehaves on purpose."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.children.fake import FakeCli

_DESCRIPTORS = Path("/proc/self/fd") if Path("/proc/self/fd").is_dir() else Path("/dev/fd")
# A helper of multiprocessing that stays until the interpreter ends, and the pipe to it.
_RESOURCE_TRACKER = "multiprocessing.resource_tracker"


def _descriptors() -> dict[int, str]:
    found = {}
    for name in os.listdir(_DESCRIPTORS):
        try:
            found[int(name)] = str((_DESCRIPTORS / name).readlink())
        except OSError:  # the descriptor with which the folder itself was read
            continue
    return found


def _children() -> dict[tuple[int, float], str]:
    found = {}
    for process in psutil.Process().children():
        try:
            line = " ".join(process.cmdline())
            if _RESOURCE_TRACKER not in line:
                found[process.pid, process.create_time()] = f"{process.status()} {line or process.name()}"
        except psutil.NoSuchProcess:
            continue
    return found


def _left(threads: set[threading.Thread], children: set[tuple[int, float]], descriptors: dict[int, str]) -> list[str]:
    left = [f"thread {thread.name}" for thread in threading.enumerate() if thread not in threads]
    left += [f"child process {key[0]}: {line}" for key, line in _children().items() if key not in children]
    left += [
        f"descriptor {number}: {target}"
        for number, target in _descriptors().items()
        if descriptors.get(number) != target
    ]
    return left


# A shell starts what it does not wait for (`scripts/test &`) with Ctrl-C ignored, and many tests are about Ctrl-C;
# `nohup` does so with what the end of a terminal says.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Fail a test that leaves a thread, a child process or an open descriptor behind."""
    threads, children, descriptors = set(threading.enumerate()), set(_children()), _descriptors()
    yield
    left = _left(threads, children, descriptors)
    if left:
        # What only waits to be collected is no leak: sockets in a cycle of an exception, say.
        gc.collect()
        for thread in set(threading.enumerate()) - threads:
            thread.join(1.0)
        left = _left(threads, children, descriptors)
    assert not left, "left behind: " + "; ".join(left)


@pytest.fixture
def untraced() -> Iterator[None]:
    """Measure no coverage in this thread, which is interrupted: its lock could stay taken and stop all others."""
    before = sys.gettrace()
    sys.settrace(None)
    yield
    sys.settrace(before)


@pytest.fixture
def make_fake(tmp_path: Path) -> Callable[..., FakeCli]:
    """Return a function that makes a fake CLI of a plan, each in a folder of its own."""
    made: list[FakeCli] = []

    def make(**plan: object) -> FakeCli:
        made.append(FakeCli(tmp_path / f"fake{len(made)}", **plan))
        return made[-1]

    return make
