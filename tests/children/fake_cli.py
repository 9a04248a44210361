"""A child that passes for the CLI and misbehaves on purpose: `fake_cli.py PLAN [the CLI's options]`.

The plan is a JSON file; all its keys may be left out:

* `starts`: what to do at the first, second … start, a list of steps each; the last one is repeated.
* `answers`: the body of the answer for each command text.
* `on`: for a command text, the steps at its first, second … arrival (counted over all starts); then as usual.
* `journal`: a file to which every start, typed line and command is added, one JSON value a line.

A command that starts with `!` holds steps itself: `![["event", {"type": "x"}], ["gate"], ["answer"]]`. A step is the
name of a method of `FakeCli` and its arguments. Like the real CLI, this one prints every command before it does it, and
does one after another.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import struct
import sys
from pathlib import Path
from typing import Any

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

Steps = list[list[Any]]
USUAL_START: Steps = [["print", "Current user: alice"], ["listen"]]


class Dropped(Exception):
    """The connection is gone."""


class FakeCli:
    def __init__(self, plan_path: str, options: list[str]) -> None:
        self.plan: dict[str, Any] = json.loads(Path(plan_path).read_text("utf-8"))
        journal = self.plan.get("journal")
        self.journal = Path(journal) if journal else None
        self.listener: socket.socket | None = None
        self.connection: socket.socket | None = None
        self.protocol = ServerProtocol()
        self.corr_id: str | None = None
        self.kept: list[bytes] = []
        self.muted = False
        self.counts: dict[str, int] = {}
        self.events_sent = 0
        earlier = self._earlier()
        starts = self.plan.get("starts", [USUAL_START])
        self.start: Steps = starts[min(sum("start" in line for line in earlier), len(starts) - 1)]
        for line in earlier:
            if "command" in line:
                self.counts[line["command"]] = self.counts.get(line["command"], 0) + 1
        self.note(start=os.getpid(), options=options, locale=os.environ.get("LC_ALL"))

    def _earlier(self) -> list[dict[str, Any]]:
        if self.journal is None or not self.journal.exists():
            return []
        return [json.loads(line) for line in self.journal.read_text("utf-8").splitlines()]

    def note(self, **facts: Any) -> None:
        if self.journal is not None:
            with self.journal.open("a", encoding="utf-8") as file:
                file.write(json.dumps(facts) + "\n")

    def do(self, steps: Steps) -> None:
        for name, *arguments in steps:
            getattr(self, f"step_{name}")(*arguments)

    # The terminal

    @staticmethod
    def write(data: bytes) -> None:
        while data:
            data = data[os.write(1, data) :]

    def step_print(self, text: str) -> None:
        self.write(text.encode("utf-8", "surrogateescape") + b"\n")

    def step_bytes(self, encoded: str) -> None:
        self.write(base64.b64decode(encoded))

    def step_flood(self, size: int) -> None:
        block = (b"x" * 99 + b"\n") * 1000
        for _ in range(size // len(block)):
            self.write(block)

    def step_ask(self, prompt: str) -> None:
        """Ask once and take any answer."""
        self.write(prompt.encode())
        self.note(typed=sys.stdin.readline())

    def step_first_run(self, prompt: str = "display name: ") -> None:
        """Ask for a name until it is a good one, like the CLI."""
        self.step_print("No user profiles found, it will be created now.")
        while True:
            self.write(prompt.encode())
            name = sys.stdin.readline().strip()
            self.note(typed=name)
            if name.startswith(("#", "@")):
                self.step_print(f"invalid display name: {name}")
                self.step_print(f"you could use this one: {name[1:]}")
            elif not name:
                self.step_print("display name can't be empty")
            else:
                self.step_print(f"Current user: {name}")
                return

    def step_choose(self, *names: str) -> None:
        """Ask which of several profiles to use."""
        self.step_print("Select user profile:")
        for number, name in enumerate(names, 1):
            self.step_print(f"{number}: {name}")
        self.write(f"user number (1 .. {len(names)}): ".encode())
        number = int(sys.stdin.readline())
        self.note(typed=number)
        self.step_print(f"Current user: {names[number - 1]}")

    # The process

    def step_exit(self, status: int) -> None:
        sys.exit(status)

    def step_die(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def step_hang(self) -> None:
        while True:
            signal.pause()

    def step_gate(self) -> None:
        """Wait for SIGUSR1."""
        signal.sigwait({signal.SIGUSR1})

    def step_ignore(self, *names: str) -> None:
        for name in names:
            signal.signal(getattr(signal, name), signal.SIG_IGN)

    # The port

    def step_at_each_connection(self, steps: Steps) -> None:
        """Do these steps whenever a connection is open, instead of those of the plan."""
        self.plan["connected"] = steps

    def step_listen(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))

    def step_say_port(self) -> None:
        assert self.listener is not None
        self.step_print(str(self.listener.getsockname()[1]))

    def step_close_port(self) -> None:
        assert self.listener is not None
        self.listener.close()

    def step_refuse(self, count: int, reply: str = "") -> None:
        """Take so many connections, answer something that is no WebSocket, and hang up."""
        assert self.listener is not None
        for _ in range(count):
            connection, _address = self.listener.accept()
            with connection:
                if reply:
                    connection.recv(65536)
                    connection.sendall(reply.encode())

    def step_mute(self) -> None:
        """Answer nothing on the next connection, not even the opening request."""
        self.muted = True

    def step_drop(self) -> None:
        """Break the connection off, without a word."""
        assert self.connection is not None
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Dropped

    def step_end(self) -> None:
        """End the connection in good order."""
        self.protocol.send_close(1001)
        self._send_out()
        raise Dropped

    # Frames

    def step_answer(self, body: Any = None, corr_id: str | None = None) -> None:
        self.step_wire_bytes(self._answer(body, corr_id))

    def step_later(self, body: Any = None) -> None:
        """Keep the answer until `flush`."""
        self.kept.append(self._answer(body))

    def step_flush(self) -> None:
        """Send the answers that were kept, the last one first."""
        while self.kept:
            self.step_wire_bytes(self.kept.pop())

    def step_half(self) -> None:
        """Send the first half of the answer's frame."""
        data = self._answer({"type": "cmdOk"})
        self.step_wire_bytes(data[: len(data) // 2])

    def step_dribble(self, body: Any = None) -> None:
        """Send the answer byte by byte."""
        for byte in self._answer(body):
            self.step_wire_bytes(bytes([byte]))

    def step_fragments(self, size: int, body: Any = None) -> None:
        """Send the answer in fragments of so many bytes, with a ping between them."""
        payload = self._payload(body, None)
        for start in range(0, len(payload), size):
            opcode = Opcode.TEXT if start == 0 else Opcode.CONT
            frame = Frame(opcode, payload[start : start + size], fin=start + size >= len(payload))
            self.step_wire_bytes(frame.serialize(mask=False))
            if not frame.fin:
                self.step_wire_bytes(Frame(Opcode.PING, b"?").serialize(mask=False))

    def step_big(self, size: int) -> None:
        """Answer with so many bytes."""
        self.step_answer({"type": "big", "text": "x" * size})

    def step_event(self, body: Any) -> None:
        self.step_text(json.dumps({"resp": body}))

    def step_events(self, count: int) -> None:
        """Send so many numbered events."""
        frames = []
        for _ in range(count):
            self.events_sent += 1
            payload = json.dumps({"resp": {"type": "numbered", "number": self.events_sent}}).encode()
            frames.append(Frame(Opcode.TEXT, payload).serialize(mask=False))
        self.step_wire_bytes(b"".join(frames))

    def step_text(self, payload: str) -> None:
        """Send a text frame with any payload; `$ID` in it becomes the corrId."""
        data = payload.replace("$ID", self.corr_id or "").encode("utf-8", "surrogateescape")
        self.step_wire_bytes(Frame(Opcode.TEXT, data).serialize(mask=False))

    def step_nested(self, depth: int) -> None:
        """Answer with a JSON value of such depth."""
        self.step_text('{"corrId":"$ID","resp":{"type":"deep","value":' + "[" * depth + "]" * depth + "}}")

    def step_wire(self, encoded: str) -> None:
        self.step_wire_bytes(base64.b64decode(encoded))

    def step_wire_bytes(self, data: bytes) -> None:
        assert self.connection is not None
        try:
            self.connection.sendall(data)
        except OSError:
            raise Dropped from None

    def _payload(self, body: Any, corr_id: str | None) -> bytes:
        return json.dumps(
            {"corrId": self.corr_id if corr_id is None else corr_id, "resp": body or {"type": "cmdOk"}}
        ).encode()

    def _answer(self, body: Any, corr_id: str | None = None) -> bytes:
        return Frame(Opcode.TEXT, self._payload(body, corr_id)).serialize(mask=False)

    def _send_out(self) -> None:
        for data in self.protocol.data_to_send():
            if data:
                self.step_wire_bytes(data)

    # Serving

    def run(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
        self.do(self.start)
        while self.listener is not None:
            self.connection, _address = self.listener.accept()
            if self.muted:
                self.note(muted=True)
                self.step_hang()
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.protocol = ServerProtocol(max_size=None)
            self.kept.clear()
            with self.connection:
                try:
                    self.serve(self.connection)
                except (Dropped, ConnectionError):
                    pass
            self.connection = None

    def serve(self, connection: socket.socket) -> None:
        while data := connection.recv(1 << 20):
            self.protocol.receive_data(data)
            for event in self.protocol.events_received():
                if isinstance(event, Request):
                    self.protocol.send_response(self.protocol.accept(event))
                    self._send_out()
                    self.step_print("client connected")
                    self.do(self.plan.get("connected", []))
                elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                    self.command(json.loads(bytes(event.data)))
            self._send_out()
            if self.protocol.state is not State.OPEN:
                return

    def command(self, request: dict[str, Any]) -> None:
        self.corr_id, text = request["corrId"], request["cmd"]
        self.step_print(f'received command "{self.corr_id}" : {json.dumps(text)}')
        number = self.counts.get(text, 0)
        self.counts[text] = number + 1
        self.note(command=text)
        planned = self.plan.get("on", {}).get(text, [])
        if number < len(planned):
            self.do(planned[number])
        elif text.startswith("!"):
            self.do(json.loads(text[1:]))
        else:
            self.step_answer(self.plan.get("answers", {}).get(text))


if __name__ == "__main__":
    try:
        FakeCli(sys.argv[1], sys.argv[2:]).run()
    except (BrokenPipeError, OSError) as problem:
        sys.exit(f"fake_cli: {problem}")
