"""The loop: WebSocket connections of clients, the network's wake-ups and the clock, in one thread."""

from __future__ import annotations

import json
import selectors
import socket
import time
from collections import deque
from typing import Any

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from . import refusals
from .arguments import load_json
from .commands import Command, parse
from .engine import Simulator
from .failure import INVALID_REQUEST, PARSE_FAILED, CommandStops
from .messages import send_messages, send_signed_messages
from .terminal import print_line, show

Json = dict[str, Any]

# What `--command-delay` delays.
SENDERS = (send_messages, send_signed_messages)

SAFETY_NET = 1.0  # seconds after which the loop looks by itself, in case a wake-up got lost
OUTPUT_LIMIT = 256 * 1024  # bytes that may wait for a client before it gets no further events
RECEIVE_SIZE = 64 * 1024


def encode(message: Json) -> bytes:
    """Return the bytes of a frame."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


class Client:
    """One WebSocket connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.protocol = ServerProtocol(max_size=None)
        self.output = bytearray()
        self.fragments = bytearray()
        # Commands that wait for their turn, with their corrIds.
        self.commands: deque[tuple[str, Command]] = deque()
        self.busy_until: float | None = None
        self.open = False
        self.finished = False
        self.shut = False

    def send(self, message: Json) -> None:
        """Send a frame."""
        if self.protocol.state is State.OPEN:
            self.protocol.send_text(encode(message))
            self.collect()

    def collect(self) -> None:
        """Take what the protocol wants to be written."""
        for data in self.protocol.data_to_send():
            self.output += data
            self.finished |= not data  # an empty piece: nothing follows

    @property
    def takes_events(self) -> bool:
        """Whether an event may go to this client."""
        return self.open and self.protocol.state is State.OPEN and len(self.output) < OUTPUT_LIMIT


class Server:
    """Runs a simulator until the process is ended."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.selector = selectors.DefaultSelector()
        self.clients: list[Client] = []
        self.listener: socket.socket | None = None
        network = simulator.network
        if network.wake_descriptor is not None:
            self.selector.register(network.wake_descriptor, selectors.EVENT_READ, network.drain_wake_ups)

    def listen(self, port: int) -> None:
        """Listen on 127.0.0.1.

        Args:
            port: The port; 0 for any free one.

        Raises:
            OSError: It is taken.
        """
        listener = socket.create_server(("127.0.0.1", port), backlog=16)
        listener.setblocking(False)
        self.listener = listener
        self.selector.register(listener, selectors.EVENT_READ, self._accept)

    def run(self) -> None:
        """Serve for ever."""
        while True:
            self.step()

    def step(self, longest: float | None = None) -> None:
        """Do what can be done now, wait until there is more to do, and take it.

        Args:
            longest: Seconds to wait at most; by default as long as there is nothing to do.
        """
        wait = self._work()
        for key, mask in self.selector.select(wait if longest is None else min(wait, longest)):
            if isinstance(key.data, Client):
                self._serve(key.data, mask)
            else:
                key.data()

    def _work(self) -> float:
        """Do all that can be done now, and return how long there is nothing more to do, in seconds."""
        waits = [SAFETY_NET]
        for client in list(self.clients):
            due = self._run_commands(client)
            if due is not None:
                waits.append(due)
        due = self.simulator.work()
        if due is not None:
            waits.append(due)
        full = self.simulator.event_queue_full()
        self._write_out()
        if full and not self.simulator.event_queue_full():
            return 0
        return max(0.0, min(waits))

    def _write_out(self) -> None:
        """Write answers and events as long as clients take them."""
        while True:
            waiting = len(self.simulator.events)
            self._hand_out_events()
            for client in list(self.clients):
                self._flush(client)
            if len(self.simulator.events) in (0, waiting):
                return

    def _hand_out_events(self) -> None:
        events = self.simulator.events
        while events:
            taker = next((client for client in self.clients if client.takes_events), None)
            if taker is None:
                return
            taker.send({"resp": events.popleft()})

    # Connections.

    def _accept(self) -> None:
        if self.listener is None:
            return
        connection, _ = self.listener.accept()
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = Client(connection)
        self.clients.append(client)
        self.selector.register(connection, selectors.EVENT_READ, client)

    def _drop(self, client: Client) -> None:
        """Forget a connection; its command in progress and those that wait are cancelled."""
        if client in self.clients:
            self.clients.remove(client)
            self.selector.unregister(client.socket)
            client.socket.close()

    def _serve(self, client: Client, mask: int) -> None:
        if mask & selectors.EVENT_WRITE:
            self._flush(client)
        if not mask & selectors.EVENT_READ or client not in self.clients:
            return
        try:
            data = client.socket.recv(RECEIVE_SIZE)
        except BlockingIOError:
            return
        except OSError:
            self._drop(client)
            return
        if data:
            client.protocol.receive_data(data)
        else:
            client.protocol.receive_eof()
        for event in client.protocol.events_received():
            if isinstance(event, Request):
                self._open(client, event)
            elif isinstance(event, Frame):
                self._frame(client, event)
        client.collect()
        if not data:
            self._drop(client)

    def _open(self, client: Client, request: Request) -> None:
        response = client.protocol.accept(request)
        client.protocol.send_response(response)
        client.collect()
        if client.protocol.state is State.OPEN:
            client.open = True
            print_line("client connected")

    def _flush(self, client: Client) -> None:
        while client.output:
            try:
                sent = client.socket.send(client.output)
            except BlockingIOError:
                break
            except OSError:
                self._drop(client)
                return
            del client.output[:sent]
        mask = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.output else 0)
        if self.selector.get_key(client.socket).events != mask:
            self.selector.modify(client.socket, mask, client)
        if client.finished and not client.output and not client.shut:
            client.shut = True
            try:
                client.socket.shutdown(socket.SHUT_WR)  # the client closes its side next, which ends the connection
            except OSError:
                self._drop(client)

    # Commands.

    def _frame(self, client: Client, frame: Frame) -> None:
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            client.fragments[:] = frame.data
        elif frame.opcode is Opcode.CONT:
            client.fragments += frame.data
        else:
            return
        if frame.fin:
            payload = bytes(client.fragments)
            client.fragments.clear()
            self._message(client, payload)

    def _message(self, client: Client, payload: bytes) -> None:
        try:
            message = load_json(payload)
            corr_id, text = message["corrId"], message["cmd"]
        except (ValueError, TypeError, KeyError):
            corr_id, text = None, None
        if not isinstance(corr_id, str) or not isinstance(text, str):
            client.send({"resp": {"type": "chatCmdError", "chatError": INVALID_REQUEST}})
            return
        print_line(f"received command {show(corr_id)} : {show(text)}")
        if text.rstrip() in ("/quit", "/q", "/exit"):
            client.protocol.send_close()
            client.collect()
            client.commands.clear()
            client.open = False
            return
        command = parse(text, self.simulator.options.version[0])
        if command is None:  # answered at once, even if other commands are still waiting
            refusals.keep(self.simulator.store, refusals.UNKNOWN, PARSE_FAILED)
            client.send({"corrId": corr_id, "resp": {"type": "chatCmdError", "chatError": PARSE_FAILED}})
            return
        client.commands.append((corr_id, command))
        self._run_commands(client)

    def _delay(self, command: Command) -> float:
        """Return how long a command takes, in seconds."""
        delay = self.simulator.options.command_delay if command.handler in SENDERS else 0
        if command.network:
            delay += self.simulator.network.faults().delay
        return delay / 1000

    def _run_commands(self, client: Client) -> float | None:
        """Run a client's commands, one after another; return how long the one in progress still takes, in seconds."""
        while client.commands and client in self.clients:
            corr_id, command = client.commands[0]
            now = time.monotonic()
            if client.busy_until is None:
                client.busy_until = now + self._delay(command)
            if client.busy_until > now:
                return client.busy_until - now
            client.busy_until = None
            client.commands.popleft()
            response = self.simulator.execute(command)
            self._print_failure(response)
            self._hand_out_events()
            client.send({"corrId": corr_id, "resp": response})
            self._flush(client)  # at once: printing the next command may block
            self.simulator.after_response()
        return None

    @staticmethod
    def _print_failure(response: Json) -> None:
        """Print what the CLI prints when the servers cannot be reached."""
        failure = response.get("chatError", {}).get("agentError", {})
        if failure.get("type") == "BROKER":
            reason = failure["brokerErr"]["networkError"]["connectError"]
            print_line(
                f"BROKER {{brokerAddress = {show(failure['brokerAddress'])}, brokerErr = NETWORK "
                f"{{networkError = NEConnectError {{connectError = {show(reason)}}}}}}}"
            )

    def close(self) -> None:
        """Close all sockets."""
        for client in list(self.clients):
            self._drop(client)
        if self.listener is not None:
            self.selector.unregister(self.listener)
            self.listener.close()
        self.selector.close()


__all__ = ["Client", "CommandStops", "Server"]
