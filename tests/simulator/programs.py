"""The simulator as a program of its own, on a terminal, with one WebSocket connection."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Any

import pexpect
import psutil
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

Json = dict[str, Any]
TIMEOUT = 20.0


class Program:
    """A simulator that runs; its terminal is read in the background, unless a test says otherwise."""

    def __init__(self, folder: Path, name: str, *options: str, version: str = "6.4", read: bool = True) -> None:
        environment = {
            **os.environ,
            "SIMPLEX_SIM_NETWORK": str(folder / "network"),
            "SIMPLEX_SIM_CLI_VERSION": version,
            "LC_ALL": "C.UTF-8",
        }
        command = ["-m", "simplex_sync.simulator", "-d", str(folder / name), *options]
        self.child: Any = pexpect.spawn(
            sys.executable, command, env=environment, timeout=TIMEOUT, dimensions=(24, 2000)
        )
        self.read = read
        self.socket: ClientConnection | None = None
        self.events: deque[Json] = deque()
        self.number = 0
        self._reader: threading.Thread | None = None
        self._drained = bytearray()

    def __enter__(self) -> Program:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.end()

    def until(self, text: str) -> str:
        """Wait until something is printed, and return what came before it."""
        self.child.expect_exact(text.encode())
        return bytes(self.child.before).decode()

    def rest(self) -> str:
        """Wait until it ends by itself, and return what it printed until then."""
        self.child.expect(pexpect.EOF)
        self.child.wait()
        return bytes(self.child.before).decode().replace("\r\n", "\n")

    def ready(self, name: str) -> Program:
        """Wait until it takes commands, and connect."""
        self.until(f"Current user: {name}")
        process = psutil.Process(self.child.pid)
        ports: list[int] = []
        while not ports:
            ports = [one.laddr.port for one in process.net_connections("tcp") if one.status == psutil.CONN_LISTEN]
        self.port = ports[0]
        if self.read:
            self._reader = threading.Thread(target=self._drain)
            self._reader.start()
        self.open()
        return self

    def open(self) -> None:
        """Connect (anew)."""
        if self.socket is not None:
            self.socket.close()
        self.socket = connect(
            f"ws://127.0.0.1:{self.port}", max_size=None, compression=None, ping_interval=None, max_queue=None
        ).__enter__()

    def _drain(self) -> None:
        try:
            while data := os.read(self.child.child_fd, 65536):
                self._drained += data
        except OSError:  # the terminal's other end is gone
            pass

    def send(self, text: str) -> str:
        """Send a command and return its corrId."""
        assert self.socket is not None
        self.number += 1
        self.socket.send(json.dumps({"corrId": str(self.number), "cmd": text}))
        return str(self.number)

    def frame(self, timeout: float = TIMEOUT) -> Json:
        assert self.socket is not None
        frame: Json = json.loads(self.socket.recv(timeout))
        return frame

    def do(self, text: str, tag: str) -> Json:
        """Run a command, and return its response, which must be of a type."""
        corr_id = self.send(text)
        while (frame := self.frame()).get("corrId") != corr_id:
            self.events.append(frame["resp"])
        response: Json = frame["resp"]
        assert response["type"] == tag, response.get("chatError", response["type"])
        return response

    def event(self, tag: str) -> Json:
        """Wait for an event of a type, and drop those before it."""
        while True:
            event = self.events.popleft() if self.events else self.frame()["resp"]
            if event["type"] == tag:
                found: Json = event
                return found

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End it by a signal."""
        os.kill(self.child.pid, number)
        self.child.wait()
        self.end()

    def end(self) -> None:
        """End it, if it runs, and close everything."""
        if self.child.isalive():
            os.kill(self.child.pid, signal.SIGKILL)
            self.child.wait()
        if self._reader is not None:
            self._reader.join()
            self._reader = None
        if self.socket is not None:
            try:
                self.socket.__exit__(None, None, None)
            except ConnectionClosed:
                pass
            self.socket = None
        self.child.close()


def bot(folder: Path, name: str, *options: str) -> Program:
    """Start a simulator with a bot profile, and wait until it is ready."""
    program = Program(folder, name, "-p", "0", "--create-bot-display-name", name, *options)
    try:
        return program.ready(name)
    except BaseException:
        program.end()
        raise


def connected(one: Program, other: Program) -> None:
    """Make two programs contacts (`@4` on either side)."""
    link = one.do("/_connect 1", "invitation")["connLinkInvitation"]["connFullLink"]
    other.do(f"/_connect 1 {link}", "sentConfirmation")
    one.event("contactConnected")
    other.event("contactConnected")


def message(text: str) -> str:
    """Return the command that sends a text to the first contact."""
    return "/_send @4 json " + json.dumps([{"msgContent": {"type": "text", "text": text}, "mentions": {}}])
