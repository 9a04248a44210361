"""A CLI on a pty with one WebSocket connection, for many of them in one thread: nothing here is the package's client.

The same is used for simulators and, where ``SIMPLEX_CHAT_BIN`` and ``SMP_SERVER`` are set, for the real program.
"""

from __future__ import annotations

import json
import os
import re
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pexpect
import psutil
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

Json = Any
PROMPT = re.compile(rb"display name:? ?\Z")


def program() -> list[str]:
    """The CLI to test: the real one where it and a server are named, else the simulator."""
    path = os.environ.get("SIMPLEX_CHAT_BIN", "simulator")
    if path == "simulator" or "SMP_SERVER" not in os.environ:
        return [sys.executable, "-m", "simplex_sync.simulator"]
    return [path]


class Cli:
    """One client of a scenario; its process may be ended and started again."""

    def __init__(self, name: str, folder: Path, options: list[str], environment: dict[str, str]) -> None:
        self.name = name
        self.folder = folder
        self.files = folder / "files"
        self.frames: list[dict[str, Json]] = []
        self.output = b""
        self._options = options
        self._environment = environment
        self._process: Any = None
        self._typed: str | None = None
        self._socket: socket.socket | None = None
        self._protocol: ClientProtocol | None = None
        self._fragments: list[bytes] = []
        self.files.mkdir(parents=True)
        (folder / "temp").mkdir()

    @property
    def pid(self) -> int:
        return int(self._process.pid)

    @property
    def connected(self) -> bool:
        return self._protocol is not None and self._protocol.state is State.OPEN

    @property
    def alive(self) -> bool:
        return self._process is not None and bool(self._process.isalive())

    def spawn(self, display_name: str | None = None) -> None:
        """Start the process; ``display_name`` is typed ahead for the prompt of a first start."""
        command = [*program(), "-d", str(self.folder / "simplex"), "-p", "0", "-y"]
        command += ["--files-folder", str(self.files), "--temp-folder", str(self.folder / "temp"), *self._options]
        environment = {**os.environ, **self._environment, "LC_ALL": "C.UTF-8"}
        self._process = pexpect.spawn(command[0], command[1:], env=environment, timeout=None, dimensions=(24, 2000))
        self._typed = display_name

    def read_output(self) -> bool:
        """Read what the terminal has; answers the prompt for a name. Returns False at its end."""
        try:
            data = os.read(self._process.child_fd, 65536)  # a pty whose other end is gone: EIO
        except OSError:
            data = b""
        self.output += data
        if self._typed is not None and PROMPT.search(self.output):
            self._process.sendline(self._typed)
            self._typed = None
        return bool(data)

    @property
    def terminal(self) -> int | None:
        """The pty's file descriptor, while it is open."""
        return None if self._process is None or self._process.closed else int(self._process.child_fd)

    @property
    def stream(self) -> socket.socket | None:
        return self._socket

    def port(self) -> int | None:
        """The port that the process listens on, once it does."""
        try:
            process = psutil.Process(self.pid)
            connections = getattr(process, "net_connections", None) or process.connections
            ports = [found.laddr.port for found in connections(kind="tcp4") if found.status == psutil.CONN_LISTEN]
        except psutil.Error:
            return None
        return int(ports[0]) if ports else None

    def open_socket(self, port: int) -> None:
        self._protocol = ClientProtocol(parse_uri(f"ws://127.0.0.1:{port}/"), max_size=None)
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._protocol.send_request(self._protocol.connect())
        self._flush()

    def close_socket(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = self._protocol = None

    def send_text(self, text: str) -> None:
        """Send one frame; a connection that is gone is not an error here (the replay sees that no answer comes)."""
        if self._protocol is not None:
            self._protocol.send_text(text.encode())
            self._flush()

    def _flush(self) -> None:
        assert self._protocol is not None
        for data in self._protocol.data_to_send():
            if data and self._socket is not None:
                try:
                    self._socket.sendall(data)
                except OSError:
                    self.close_socket()
                    return

    def read_socket(self) -> None:
        """Read what the connection has and keep the frames."""
        assert self._socket is not None
        assert self._protocol is not None
        try:
            data = self._socket.recv(1 << 20)
        except OSError:
            data = b""
        if not data:
            self.close_socket()
            return
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and event.opcode in (Opcode.TEXT, Opcode.CONT):
                self._fragments.append(bytes(event.data))
                if event.fin:
                    self.frames.append(json.loads(b"".join(self._fragments)))
                    self._fragments = []
        self._flush()

    def end(self, kind: signal.Signals = signal.SIGKILL) -> None:
        """End the process and reap it."""
        self.close_socket()
        if self._process is not None:
            if self._process.isalive():
                os.kill(self.pid, kind)
            while self.terminal is not None and self.read_output():  # what it printed before
                pass
            self._process.close(force=True)


class Pool:
    """All clients of a scenario in one select loop: reads every terminal and every connection while it waits."""

    def __init__(self) -> None:
        self.clients: dict[str, Cli] = {}
        self._ended_terminals: set[int] = set()

    def wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Read until the condition holds, at most for so many seconds; returns whether it holds."""
        deadline = time.monotonic() + seconds
        while not condition():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._read_once(min(left, 0.5))
        return True

    def wait_for_frame(self, seconds: float) -> bool:
        """Read until any client has one more frame, at most for so many seconds."""
        read = self.frame_count()
        return self.wait(lambda: self.frame_count() != read, seconds)

    def frame_count(self) -> int:
        """The number of frames that all clients hold."""
        return sum(len(client.frames) for client in self.clients.values())

    def drain(self, quiet: float, seconds: float) -> None:
        """Read until nothing came for ``quiet`` seconds, at most for ``seconds``."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self._read_once(quiet):
            pass

    def connect(self, client: Cli, seconds: float = 20.0) -> None:
        """Wait until the process listens, and connect."""
        deadline = time.monotonic() + seconds
        port = None
        while port is None and time.monotonic() < deadline and client.alive:
            self._read_once(0.02)
            port = client.port() if b"Current user" in client.output else None
        if port is None:
            raise AssertionError(f"{client.name} did not open its port; it printed:\n{client.output.decode()[-1500:]}")
        client.open_socket(port)
        if not self.wait(lambda: client.connected, seconds):
            raise AssertionError(f"{client.name}: no WebSocket handshake")

    def _read_once(self, seconds: float) -> bool:
        with selectors.DefaultSelector() as selector:
            for client in self.clients.values():
                if client.stream is not None:
                    selector.register(client.stream, selectors.EVENT_READ, client.read_socket)
                if client.terminal is not None and client.pid not in self._ended_terminals:
                    selector.register(client.terminal, selectors.EVENT_READ, client)
            if not selector.get_map():
                return False
            ready = selector.select(seconds)
        for key, _ in ready:
            if isinstance(key.data, Cli):
                if not key.data.read_output():
                    self._ended_terminals.add(key.data.pid)
            else:
                key.data()
        return bool(ready)

    def close(self) -> None:
        for client in self.clients.values():
            client.end()
