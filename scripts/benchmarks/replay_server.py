"""A stand-in for the CLI that answers at full speed with recorded frames: `replay_server.py [the CLI's options]`.

It takes the CLI's options, prints what the CLI prints (every command, too) and opens the port of `-p`. What is measured
on it is thus the client, not the CLI. Commands beside `/user`, `/users`, `/version` and `/_contacts`:

* `!burst N`: answers, and then sends so many recorded events as fast as they go.
* `!burst N but TAG`: likewise without those of one tag, of which one comes at the end.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from websockets.frames import Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.utils import apply_mask

from scripts.benchmarks import frames

_BLOCK = 1 << 18
_CONTACTS = 1000


def frame_head(size: int) -> bytes:
    """Return the head of an unmasked text frame whose payload has so many bytes."""
    if size < 126:
        return struct.pack("!BB", 0x81, size)
    if size < 1 << 16:
        return struct.pack("!BBH", 0x81, 126, size)
    return struct.pack("!BBQ", 0x81, 127, size)


class Answers:
    """The bodies of the answers, as bytes, made when they are first asked for."""

    def __init__(self) -> None:
        self._bodies: dict[str, bytes] = {}

    def body(self, text: str) -> bytes:
        """Return the body that answers a command string."""
        known = self._bodies.get(text)
        if known is None:
            known = self._bodies[text] = self._make(text)
        return known

    def _make(self, text: str) -> bytes:
        if text == "/user":
            return frames.compact(frames.first_answer("users", "activeUser"))
        if text == "/users":
            return frames.compact(frames.first_answer("users", "usersList"))
        if text == "/version":
            return frames.compact(frames.first_answer("users", "versionInfo"))
        if text.startswith("/_contacts"):
            return frames.compact(frames.contacts_list(_CONTACTS))
        if text.startswith("!burst"):
            return frames.compact({"type": "cmdOk"})
        error = {"type": "commandError", "message": "Failed reading: empty"}
        return frames.compact({"type": "chatCmdError", "chatError": {"type": "error", "errorType": error}})


class Connection:
    """One client: its commands are answered one after another."""

    def __init__(self, sock: socket.socket, answers: Answers) -> None:
        self._sock = sock
        self._answers = answers
        self._received = bytearray()

    def serve(self) -> None:
        """Do the handshake and answer until the client goes."""
        with self._sock:
            try:
                self._shake_hands()
                os.write(1, b"client connected\n")
                while True:
                    self._answer(*self._read_frame())
            except (ConnectionError, EOFError):
                return

    def _shake_hands(self) -> None:
        protocol = ServerProtocol()
        while True:
            protocol.receive_data(self._receive())
            for event in protocol.events_received():
                if isinstance(event, Request):
                    protocol.send_response(protocol.accept(event))
                    for data in protocol.data_to_send():
                        self._sock.sendall(data)
                    return

    def _receive(self) -> bytes:
        data = self._sock.recv(_BLOCK)
        if not data:
            raise EOFError
        return data

    def _read_frame(self) -> tuple[int, bytes]:
        received = self._received
        while True:
            if len(received) >= 2:
                size, head = received[1] & 127, 6
                if size == 126 and len(received) >= 4:
                    size, head = int.from_bytes(received[2:4], "big"), 8
                elif size == 127 and len(received) >= 10:
                    size, head = int.from_bytes(received[2:10], "big"), 14
                elif size >= 126:
                    head = len(received) + 1
                if len(received) >= head + size:
                    opcode = received[0] & 15
                    payload = apply_mask(bytes(received[head : head + size]), bytes(received[head - 4 : head]))
                    del received[: head + size]
                    return opcode, payload
            received += self._receive()

    def _answer(self, opcode: int, payload: bytes) -> None:
        if opcode == Opcode.CLOSE:
            raise EOFError
        if opcode != Opcode.TEXT:
            return
        command = json.loads(payload)
        corr_id, text = command["corrId"], command["cmd"]
        os.write(1, f'received command "{corr_id}" : "{text}"\n'.encode())
        answer = b'{"corrId":"%s","resp":%s}' % (corr_id.encode(), self._answers.body(text))
        self._sock.sendall(frame_head(len(answer)) + answer)
        if text.startswith("!burst"):
            self._burst(text.split())

    def _burst(self, words: list[str]) -> None:
        ending = words[3] if len(words) == 4 else ""
        payloads = frames.some_events(int(words[1]), without=ending)
        if ending:
            payloads.append(frames.one_event(ending))
        block = bytearray()
        for payload in payloads:
            block += frame_head(len(payload))
            block += payload
            if len(block) > _BLOCK:
                self._sock.sendall(block)
                block.clear()
        self._sock.sendall(block)


def main(options: list[str]) -> None:
    """Be the CLI."""
    port = int(options[options.index("-p") + 1]) if "-p" in options else 0
    os.write(1, b"Current user: alice\n")
    answers = Answers()
    with socket.create_server(("127.0.0.1", port)) as listener:
        while True:
            sock, _address = listener.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=Connection(sock, answers).serve, daemon=True).start()


if __name__ == "__main__":
    main(sys.argv[1:])
