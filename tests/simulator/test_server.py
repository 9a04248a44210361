"""The loop with real sockets, step by step in this thread: frames, order, several clients, the end of connections."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from simplex_sync.simulator import server as module
from simplex_sync.simulator.failure import CommandStops
from simplex_sync.simulator.network import Faults, write_faults
from simplex_sync.simulator.server import Server
from tests.simulator.worlds import Peer, World

Json = dict[str, Any]
STEPS = 400


class Visitor:
    """A WebSocket client that is moved on together with the server."""

    def __init__(self, server: Server) -> None:
        assert server.listener is not None
        port = server.listener.getsockname()[1]
        self.server = server
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setblocking(False)
        self.protocol = ClientProtocol(parse_uri(f"ws://127.0.0.1:{port}"), max_size=None)
        self.frames: list[Json] = []
        self.ended = False
        self.protocol.send_request(self.protocol.connect())
        self.until(lambda: self.protocol.state is State.OPEN)

    def until(self, condition: Any) -> None:
        """Move on until something is so."""
        for _ in range(STEPS):
            self.move()
            if condition():
                return
            self.server.step(0.01)
        raise AssertionError("it did not come about")

    def move(self) -> None:
        for data in self.protocol.data_to_send():
            if data:
                self.socket.sendall(data)
        try:
            while data := self.socket.recv(65536):
                self.protocol.receive_data(data)
            self.ended = True
        except BlockingIOError:
            pass
        for event in self.protocol.events_received():
            if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self.frames.append(json.loads(bytes(event.data)))

    def send(self, text: str, corr_id: Any = "1") -> None:
        self.raw(json.dumps({"corrId": corr_id, "cmd": text}).encode())

    def raw(self, data: bytes) -> None:
        self.protocol.send_text(data)

    def answer(self, corr_id: str | None = "1") -> Json:
        """Return the answer to a command."""

        def answers() -> list[Json]:
            return [frame for frame in self.frames if frame.get("corrId") == corr_id]

        self.until(answers)
        found = answers()[0]
        self.frames.remove(found)
        response: Json = found["resp"]
        return response

    def events(self) -> list[str]:
        return [frame["resp"]["type"] for frame in self.frames if "corrId" not in frame]


@pytest.fixture
def alice(world: World) -> Peer:
    return world.peer("alice", command_delay=300)


@pytest.fixture
def server(alice: Peer, capfd: pytest.CaptureFixture[str]) -> Iterator[Server]:
    made = Server(alice.sim)
    made.listen(0)
    with closing(made):
        yield made


@pytest.fixture
def visitor(server: Server) -> Iterator[Visitor]:
    made = Visitor(server)
    with closing(made.socket):
        yield made


def test_commands_are_answered_and_printed(visitor: Visitor, capfd: pytest.CaptureFixture[str]) -> None:
    visitor.send("/user", "x\n")
    assert visitor.answer("x\n")["type"] == "activeUser"
    assert capfd.readouterr().out == 'client connected\nreceived command "x\\n" : "/user"\n'


@pytest.mark.parametrize(
    "frame",
    [
        "garbage",
        "{}",
        "[]",
        "3",
        '{"corrId": 5, "cmd": "/user"}',
        '{"cmd": "/user"}',
        '{"corrId": "1", "cmd": 1}',
        "[" * 9999,
    ],
)
def test_frames_that_make_no_sense(visitor: Visitor, frame: str, capfd: pytest.CaptureFixture[str]) -> None:
    visitor.raw(frame.encode())
    visitor.until(lambda: visitor.frames)
    failure = visitor.frames[0]["resp"]["chatError"]["errorType"]
    assert failure == {"type": "commandError", "message": "invalid request"}
    assert "corrId" not in visitor.frames[0]
    assert "received command" not in capfd.readouterr().out


def test_frames_may_come_in_pieces(visitor: Visitor) -> None:
    visitor.protocol.send_text(b'{"corrId": "1", ', fin=False)
    visitor.protocol.send_continuation(b'"cmd": "/us', fin=False)
    visitor.protocol.send_ping(b"?")
    visitor.protocol.send_continuation(b'er"}', fin=True)
    assert visitor.answer()["type"] == "activeUser"


def test_what_cannot_be_parsed_overtakes_a_slow_command(visitor: Visitor) -> None:
    visitor.send('/_send @3 json [{"msgContent": {"type": "text", "text": "x"}}]', "slow")
    visitor.send("/users", "next")
    visitor.send("/nonsense", "wrong")
    visitor.until(lambda: len(visitor.frames) == 3)
    assert [frame["corrId"] for frame in visitor.frames] == ["wrong", "slow", "next"]


def test_slow_servers_make_network_commands_slow(visitor: Visitor, world: World) -> None:
    write_faults(world.folder / "network", Faults(delay=30))
    visitor.send("/_address 1", "network")
    visitor.send("/user", "local")
    visitor.until(lambda: len(visitor.frames) == 2)
    assert [frame["corrId"] for frame in visitor.frames] == ["network", "local"]


def test_many_commands_in_a_row(visitor: Visitor) -> None:
    for number in range(500):
        visitor.send("/user", str(number))
    visitor.until(lambda: len(visitor.frames) == 500)
    assert [frame["corrId"] for frame in visitor.frames] == [str(number) for number in range(500)]


def test_events_wait_for_a_client_and_go_to_one_only(server: Server, alice: Peer) -> None:
    for number in range(3):
        alice.sim.transact(partial(alice.sim.emit, {"type": f"event {number}"}))
    server.step(0)
    first = Visitor(server)
    second = Visitor(server)
    with closing(first.socket), closing(second.socket):
        first.until(lambda: len(first.frames) == 3)
        assert first.events() == ["event 0", "event 1", "event 2"]
        alice.sim.transact(partial(alice.sim.emit, {"type": "later"}))
        first.until(lambda: first.events()[3:] == ["later"])
        second.move()
        assert second.frames == []


def test_events_come_before_and_after_a_response(visitor: Visitor) -> None:
    visitor.send("/_address 1", "1")
    visitor.answer()
    visitor.send("/_delete_address 1", "2")
    visitor.until(lambda: len(visitor.frames) == 3)
    assert [frame["resp"]["type"] for frame in visitor.frames] == [
        "userContactLinkDeleted",
        "agentRcvQueuesDeleted",
        "agentConnsDeleted",
    ]


def test_a_client_that_reads_nothing_gets_no_further_events(
    server: Server, alice: Peer, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "OUTPUT_LIMIT", 10_000)
    big = "x" * 200_000
    for _ in range(100):
        alice.sim.transact(lambda: alice.sim.emit({"type": "big", "text": big}))
    for _ in range(20):
        server.step(0)
    assert alice.sim.events  # kept, not in memory of the connection
    visitor.until(lambda: len(visitor.frames) == 100)


@pytest.mark.parametrize("text", ["/quit", "/q "])
def test_quit_ends_the_connection_only(server: Server, visitor: Visitor, text: str) -> None:
    visitor.send(text)
    visitor.until(lambda: visitor.ended)
    visitor.socket.close()
    again = Visitor(server)
    with closing(again.socket):
        again.send("/user")
        assert again.answer()["type"] == "activeUser"
        assert len(server.clients) == 1


def test_a_client_closes(server: Server, visitor: Visitor) -> None:
    visitor.protocol.send_close()
    visitor.until(lambda: visitor.ended)
    visitor.socket.close()
    for _ in range(STEPS):
        if not server.clients:
            break
        server.step(0.01)
    assert server.clients == []


def test_a_client_is_gone(server: Server, visitor: Visitor, alice: Peer) -> None:
    visitor.send('/_send @3 json [{"msgContent": {"type": "text", "text": "x"}}]')
    visitor.until(lambda: server.clients[0].commands)
    visitor.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset instead of an end
    visitor.socket.close()
    for _ in range(STEPS):
        if not server.clients:
            break
        server.step(0.01)
    assert server.clients == []


def test_what_is_no_websocket(server: Server) -> None:
    assert server.listener is not None
    with closing(socket.create_connection(server.listener.getsockname())) as plain:
        plain.setblocking(False)
        plain.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        received = b""
        for _ in range(STEPS):
            server.step(0.01)
            try:
                received += plain.recv(65536)
            except BlockingIOError:
                continue
            break
    assert received.startswith(b"HTTP/1.1 426")


def test_a_taken_port(server: Server, alice: Peer) -> None:
    assert server.listener is not None
    with closing(Server(alice.sim)) as second, pytest.raises(OSError, match="in use"):
        second.listen(server.listener.getsockname()[1])


def test_stop_ends_the_program(visitor: Visitor) -> None:
    visitor.send("/_stop")
    with pytest.raises(CommandStops):
        visitor.until(lambda: visitor.frames)


def test_a_wake_up_ends_the_waiting(server: Server, alice: Peer) -> None:
    server.step(0)
    pipe = Path(alice.options.network) / "nodes" / alice.sim.network.node / "wake"
    descriptor = os.open(pipe, os.O_WRONLY)
    with closing(os.fdopen(descriptor, "wb", buffering=0)) as writer:
        writer.write(b"\0")
        server.step(60)  # comes back at once
    assert alice.sim.network.wake_descriptor is not None
    with pytest.raises(BlockingIOError):
        os.read(alice.sim.network.wake_descriptor, 1)


def test_servers_that_cannot_be_reached_are_told_on_the_terminal(
    visitor: Visitor, world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    write_faults(world.folder / "network", Faults(unreachable=True))
    visitor.send("/_address 1")
    assert visitor.answer()["type"] == "chatCmdError"
    assert 'brokerErr = NETWORK {networkError = NEConnectError {connectError = "Network' in capfd.readouterr().out
