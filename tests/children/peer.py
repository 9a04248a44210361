"""The CLI's end of a connection, moved by hand from within the test."""

from __future__ import annotations

import json
import socket
import struct
import threading
from typing import Any

from websockets.frames import Frame as WebSocketFrame
from websockets.frames import Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from simplex_sync._internal.channel import Wire
from simplex_sync._internal.deadline import Deadline

LONG = 20.0
URI = parse_uri("ws://localhost:1")


class Cli:
    """The other end: a WebSocket server that the test moves by hand."""

    def __init__(self, *, greeting: bytes = b"") -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.ours = socket.create_connection(listener.getsockname())
            self.sock, _address = listener.accept()
        self.sock.settimeout(LONG)
        self._commands: list[dict[str, Any]] = []
        self.pongs: list[bytes] = []
        self.protocol = ServerProtocol(max_size=None)
        self._greeting = greeting

    def handshake(self) -> None:
        self.protocol.receive_data(self.sock.recv(65536))
        [request] = self.protocol.events_received()
        assert isinstance(request, Request)
        self.protocol.send_response(self.protocol.accept(request))
        self.sock.sendall(b"".join(self.protocol.data_to_send()) + self._greeting)

    def wire(self, terminal: int | None = None) -> Wire:
        """Return our end after the handshake."""
        thread = threading.Thread(target=self.handshake)
        thread.start()
        try:
            return Wire.open(self.ours, URI, Deadline(LONG), terminal, lambda: None)
        finally:
            thread.join()

    def say(self, **frame: Any) -> None:
        self.sock.sendall(text(frame))

    def command(self) -> dict[str, Any]:
        """Return the next command that arrives."""
        while not self._commands:
            data = self.sock.recv(1 << 20)
            assert data
            self.protocol.receive_data(data)
            frames = [event for event in self.protocol.events_received() if isinstance(event, WebSocketFrame)]
            self.pongs += [bytes(frame.data) for frame in frames if frame.opcode is Opcode.PONG]
            self._commands += [json.loads(bytes(frame.data)) for frame in frames if frame.opcode is Opcode.TEXT]
        return self._commands.pop(0)

    def reset(self) -> None:
        """Break the connection off."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self) -> None:
        self.sock.close()
        self.ours.close()


def text(frame: dict[str, Any]) -> bytes:
    return WebSocketFrame(Opcode.TEXT, json.dumps(frame).encode()).serialize(mask=False)
