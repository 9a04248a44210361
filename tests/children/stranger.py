"""A stranger on a port: a WebSocket server in this very process that notes whatever it is sent."""

from __future__ import annotations

import socket
import threading
from types import TracebackType

from websockets.frames import Frame
from websockets.http11 import Request
from websockets.server import ServerProtocol


class Stranger:
    """Takes connections while its `with` block runs.

    Attributes:
        port: Where it listens.
        requests: The opening requests that came.
        frames: The payloads that came after them.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.frames: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while True:
            try:
                connection, _address = self._listener.accept()
            except OSError:  # shut down
                return
            with connection:
                self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        protocol = ServerProtocol()
        while data := connection.recv(65536):
            protocol.receive_data(data)
            for event in protocol.events_received():
                if isinstance(event, Request):
                    self.requests.append(event)
                    protocol.send_response(protocol.accept(event))
                elif isinstance(event, Frame):
                    self.frames.append(bytes(event.data))
            for answer in protocol.data_to_send():
                if answer:
                    connection.sendall(answer)

    def __enter__(self) -> Stranger:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
