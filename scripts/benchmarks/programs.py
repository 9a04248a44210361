"""The CLI that is measured on, and the other processes that take part."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from simplex_sync import SimplexChat

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# A server that nobody runs: nothing that is measured needs one, and the presets are not to be disturbed.
_NO_SERVER = f"://{'A' * 43}=@127.0.0.1:1"


def seconds(call: Callable[[], object]) -> float:
    """Return how long a call takes, in seconds."""
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


class Program:
    """A CLI in a folder of its own.

    Args:
        folder: An empty folder.
        executable: The real CLI, or None for the replay server.
        database: The prefix of a database to use, or None for a new one.
    """

    def __init__(self, folder: Path, executable: str | None = None, database: Path | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.is_real = executable is not None
        self.has_contacts = database is not None or not self.is_real
        self._name = "benchmark" if self.is_real and database is None else None
        self._prefix = database or folder / "database"
        self._folder = folder
        self.executable = executable or str(self._replay_server())

    def _replay_server(self) -> Path:
        path = self._folder / "replay-server"
        words = shlex.join([sys.executable, str(HERE / "replay_server.py")])
        path.write_text(f'#!/bin/sh\nexec {words} "$@"\n', "utf-8")
        path.chmod(0o755)
        return path

    def client(self) -> SimplexChat:
        """Return a client, not started."""
        return SimplexChat(
            self._prefix,
            display_name=self._name,
            executable=self.executable,
            smp_servers=["smp" + _NO_SERVER],
            xftp_servers=["xftp" + _NO_SERVER],
            files_folder=self._folder / "files",
        )


class Contestant:
    """Another way to talk to the CLI, in a process of its own; see `contestants.py`.

    Args:
        name: Its name there.
        port: The port of the CLI.
    """

    def __init__(self, name: str, port: int) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "contestants.py"), name, str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if self._read() != "ready":
            raise RuntimeError(f"{name} could not connect")

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().rstrip("\n")

    def calls(self, count: int, text: str) -> list[float]:
        """Let it send a command so many times, one after another; return the seconds that each took."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{count} {text}\n")
        self._process.stdin.flush()
        times = json.loads(self._read())
        assert isinstance(times, list)
        return [float(each) for each in times]

    def close(self) -> None:
        """End it."""
        self._process.communicate()


@contextlib.contextmanager
def contestants(names: Sequence[str], port: int) -> Iterator[dict[str, Contestant]]:
    """Start contestants, and end them."""
    with contextlib.ExitStack() as stack:
        running = {}
        for name in names:
            running[name] = Contestant(name, port)
            stack.callback(running[name].close)
        yield running


def seconds_until_port(argv: Sequence[str]) -> float:
    """Return how long a CLI needs until its port takes a connection, in seconds.

    Args:
        argv: How to start it; what follows `-p` is replaced.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    argv = list(argv)
    argv[argv.index("-p") + 1] = str(port)
    ours, theirs = pty.openpty()
    begin = time.perf_counter()
    process = subprocess.Popen(
        argv,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    try:
        while process.poll() is None and time.perf_counter() - begin < 60:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
            except ConnectionError:
                time.sleep(0.001)
            else:
                return time.perf_counter() - begin
        raise RuntimeError("the CLI did not open its port")
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        os.close(theirs)


class FreshPython:
    """Runs statements in new interpreters whose bytecode is compiled already."""

    def __init__(self) -> None:
        self._cache = tempfile.TemporaryDirectory(prefix="simplex-sync-benchmark")
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COVERAGE", "COV_"))
        }
        self.environment |= {"PYTHONPYCACHEPREFIX": self._cache.name, "PYTHONPATH": str(ROOT)}

    def seconds(self, statement: str) -> float:
        """Return how long an interpreter lives that does this, in seconds."""
        return seconds(lambda: self.output(statement))

    def output(self, statement: str) -> str:
        """Return what a statement prints."""
        done = subprocess.run(
            [sys.executable, "-c", statement], env=self.environment, check=True, capture_output=True, text=True
        )
        return done.stdout

    def close(self) -> None:
        """Remove the bytecode."""
        self._cache.cleanup()
