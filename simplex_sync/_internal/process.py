"""The CLI as our child: started on a pseudo-terminal, watched, and ended.

A pseudo-terminal and not a pipe, since the CLI writes to a pipe in blocks, so that its prompts would not show; and
since it ends by SIGHUP at once when the terminal's other end closes, so that no orphan stays when we are killed.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import pexpect
import psutil

from simplex_sync._internal.deadline import Deadline
from simplex_sync._internal.output import OutputTail
from simplex_sync.errors import StartError

logger = logging.getLogger("simplex_sync")

_UTF8_LOCALE = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"
#: Seconds for each rung of the ladder that ends the child.
_SIGTERM_SECONDS = 1.0
_SIGKILL_SECONDS = 0.7


# Ignored signals stay ignored across exec, and under `nohup` that would leave an orphan when we are killed.
_RESET_SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
_RESET_AND_EXEC = """
import os, signal, sys
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_DFL)
try:
    os.execv(sys.argv[1], sys.argv[1:])
except OSError as error:
    sys.exit(f"it could not be started: {error.strerror}")
"""


def with_default_signals(argv: Sequence[str]) -> list[str]:
    """Return a command line whose program ends by the signals that end programs, even where we ignore them."""
    if all(signal.getsignal(number) is not signal.SIG_IGN for number in _RESET_SIGNALS):
        return list(argv)
    return [sys.executable, "-I", "-S", "-c", _RESET_AND_EXEC, *argv]


def child_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment for the CLI: ours, in UTF-8 (it needs that for names), without the database key."""
    environment = {**os.environ, "LC_ALL": _UTF8_LOCALE, **(extra or {})}
    environment.pop("SIMPLEX_CHAT_KEY", None)
    return environment


def _listening(pid: int) -> list[int]:
    try:
        connections = psutil.Process(pid).net_connections(kind="tcp4")
    except psutil.Error:
        return []
    return [each.laddr.port for each in connections if each.status == psutil.CONN_LISTEN]


def _is_end(pid: int, port: int, other_port: int) -> bool:
    try:
        connections = psutil.Process(pid).net_connections(kind="tcp4")
    except psutil.Error:
        return False
    return any(each.raddr and each.laddr.port == port and each.raddr.port == other_port for each in connections)


class _PrivateFiles:
    """Makes a child begin with a umask that keeps what it writes for the owner: databases, files received.

    The umask belongs to the whole process, and a child takes over the one that it is forked with, so it is changed for
    the few milliseconds of a fork; a file that another thread makes just then is for the owner only, too.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._before = 0
        os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self._lock = threading.Lock()  # another thread, which is not in this process, may have held it

    def __enter__(self) -> None:
        self._lock.acquire()
        self._before = os.umask(0o077)

    def __exit__(self, *_: object) -> None:
        os.umask(self._before)
        self._lock.release()


_private_files = _PrivateFiles()


def _created(pid: int) -> float:
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return 0.0


@contextlib.contextmanager
def _ready_for_interrupts() -> Iterator[None]:
    """Fork a child that SIGINT reaches: it begins with the signals blocked that the thread blocks which forks it."""
    before = signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _spawn(argv: Sequence[str]) -> tuple[Any, float]:
    """Start a program on a pseudo-terminal; return what pexpect makes of it, and when it was started."""
    with _private_files, _ready_for_interrupts(), warnings.catch_warnings():
        # Newer Pythons warn of a fork in a process with threads; the child only calls exec.
        warnings.simplefilter("ignore", DeprecationWarning)
        program, *arguments = with_default_signals(argv)
        spawn = cast(  # the stubs leave out the process that pexpect holds
            Any,
            pexpect.spawn(
                program,
                arguments,
                timeout=None,
                env=child_environment(),
                echo=False,
                dimensions=(24, 1000),
                maxread=65536,
                searchwindowsize=4096,
            ),
        )
    spawn.delaybeforesend = None
    process = spawn.ptyproc
    process.delayafterclose = process.delayafterterminate = 0
    # A plain descriptor in the place of the file object that the terminal comes with: that one has a lock, and a
    # process that is forked while another thread has it could never close the terminal.
    descriptor = os.dup(process.fd)
    process.fileobj.close()
    process.fd = spawn.child_fd = descriptor
    return spawn, _created(spawn.pid)


class CliProcess:
    """A running CLI.

    Args:
        argv: The program and its arguments.
        tail: Takes what the CLI prints.

    Raises:
        StartError: The program could not be started at all.
    """

    def __init__(self, argv: Sequence[str], tail: OutputTail) -> None:
        self.tail = tail
        #: What ended the child: "exit", "SIGTERM", "SIGKILL", or None while it lives.
        self.ended_by: str | None = None
        self._exit_status: int | None = None
        self._reaped = False
        self._lock = threading.Lock()
        try:
            self.spawn, self.created = _spawn(argv)
        except (pexpect.ExceptionPexpect, OSError, RuntimeError) as error:  # the last: the interpreter is ending
            raise StartError(f"start: {argv[0]!r} could not be started: {error}") from error
        self.pid: int = self.spawn.pid
        self.terminal: int = self.spawn.child_fd

    # Its sockets

    def listening_ports(self, *, family: bool = True) -> list[int]:
        """Return the ports on which the child listens on loopback.

        Args:
            family: Whether to look at the children of the child, too, where it has none itself; that costs more.
        """
        ports = _listening(self.pid)
        if not ports and family:
            # `SIMPLEX_CHAT_BIN` may name a script that starts the program instead of becoming it.
            ports = [port for pid in self._descendants() for port in _listening(pid)]
        return ports

    def is_peer(self, port: int, our_port: int) -> bool:
        """Return whether the other end of our connection is a socket of the child.

        Args:
            port: The port that we connected to.
            our_port: The port of our own end.
        """
        return _is_end(self.pid, port, our_port) or any(_is_end(pid, port, our_port) for pid in self._descendants())

    def _descendants(self) -> list[int]:
        try:
            return [process.pid for process in psutil.Process(self.pid).children(recursive=True)]
        except psutil.Error:
            return []

    # Its output

    def drain(self) -> None:
        """Read what is on the terminal, without waiting (before the I/O thread takes over)."""
        with contextlib.suppress(pexpect.ExceptionPexpect, OSError, ValueError):
            while True:
                self.tail.feed(self.spawn.read_nonblocking(65536, timeout=0))

    # Its end

    @property
    def exit_status(self) -> int | None:
        """The exit status, negative for a signal; None while the child lives."""
        self.poll()
        return self._exit_status

    def poll(self) -> bool:
        """Return whether the child has ended, and take its exit status."""
        with self._lock:
            if self._reaped:
                return True
            process = self.spawn.ptyproc
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:  # pexpect took its status at the end of the output, or somebody else did
                if process.exitstatus is not None:
                    self._exit_status = process.exitstatus
                elif process.signalstatus is not None:
                    self._exit_status = -process.signalstatus
            else:
                if pid == 0:
                    return False
                self._exit_status = os.waitstatus_to_exitcode(status)
            self._reaped = True
            if self.ended_by is None:
                self.ended_by = "exit"
            process.terminated = True  # so that pexpect does not look for a process that is no more
            self.spawn.terminated = True
            return True

    def wait(self, seconds: float) -> bool:
        """Wait for the child's end; return whether it has ended.

        Args:
            seconds: How long to wait, in seconds.
        """
        deadline = Deadline(seconds)
        if self.poll():
            return True
        if hasattr(os, "pidfd_open"):
            try:
                descriptor = os.pidfd_open(self.pid)
            except OSError:
                pass
            else:
                try:
                    select.select([descriptor], [], [], deadline.remaining())
                except ValueError:  # a descriptor beyond what select takes
                    pass
                else:
                    return self.poll()
                finally:
                    os.close(descriptor)
        while not self.poll():
            if deadline.passed:
                return False
            time.sleep(0.005)
        return True

    def stop(self) -> None:
        """End the child: SIGTERM, and SIGKILL where that is not obeyed. Can be called again."""
        if not self.poll():
            self._signal(signal.SIGTERM)
            if self.wait(_SIGTERM_SECONDS):
                self.ended_by = "SIGTERM"
            else:
                self._signal(signal.SIGKILL)
                self.ended_by = "SIGKILL" if self.wait(_SIGKILL_SECONDS) else None
        if self._reaped:
            self.close_terminal()
        else:
            logger.error("the CLI (process %d) does not end, not even by SIGKILL", self.pid)

    def _signal(self, number: int) -> None:
        with self._lock:
            if not self._reaped:  # once reaped, the number may belong to another process
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid, number)

    def close_terminal(self) -> None:
        """Close the terminal, of a child that has ended, or in a forked process."""
        spawn = self.spawn
        if not spawn.closed:
            spawn.closed = spawn.ptyproc.closed = True
            with contextlib.suppress(OSError):
                os.close(self.terminal)
            self.terminal = spawn.ptyproc.fd = spawn.child_fd = -1
