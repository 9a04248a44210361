"""The I/O thread, between a router and the other end of a connection."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from websockets.frames import Frame as WebSocketFrame
from websockets.frames import Opcode

from simplex_sync._internal.channel import Channel, Wire
from simplex_sync._internal.deadline import Deadline
from simplex_sync._internal.router import Router, Slot
from simplex_sync.errors import ClientClosed, ConnectionLost, SimplexError, StartTimeout
from tests.children.peer import URI, Cli, text

LONG = 20.0


class Owner:
    """What the channel asks its owner for."""

    def __init__(self) -> None:
        self.printed = b""
        self.told = threading.Event()
        self.wires: list[Wire] = []
        self.causes: list[SimplexError] = []
        self.failure: BaseException | None = None

    def output(self, data: bytes) -> None:
        self.printed += data
        self.told.set()

    def recover(self, cause: SimplexError) -> Wire | None:
        self.causes.append(cause)
        if self.failure is not None:
            raise self.failure
        self.told.set()
        return self.wires.pop() if self.wires else None


@pytest.fixture
def cli() -> Iterator[Cli]:
    made = Cli()
    yield made
    made.close()


@pytest.fixture
def owner() -> Owner:
    return Owner()


@pytest.fixture
def channel(owner: Owner) -> Iterator[Channel]:
    made = Channel(Router(), owner, "channel of a test")
    yield made
    assert made.stop(LONG)


def ask(channel: Channel, command: str) -> Any:
    slot = channel._router.open_slot(command)
    channel.send(slot)
    return slot


def test_commands_go_out_and_answers_and_events_come_in(channel: Channel, cli: Cli) -> None:
    everything = channel._router.subscribe(None)
    channel.start(cli.wire())
    slot = ask(channel, "/user")
    assert cli.command() == {"corrId": slot.corr_id, "cmd": "/user"}
    cli.say(resp={"type": "contactConnected"})
    cli.say(corrId=slot.corr_id, resp={"type": "activeUser"})
    assert slot.wait(Deadline(LONG))
    assert slot.frame.tag == "activeUser"
    frame = everything.peek(Deadline(LONG))
    assert frame is not None
    assert frame.tag == "contactConnected"


def test_what_came_with_the_handshake_and_what_was_queued_before(channel: Channel) -> None:
    everything = channel._router.subscribe(None)
    slot = ask(channel, "/early")
    cli = Cli(greeting=text({"resp": {"type": "greeting"}}))
    channel.start(cli.wire())
    frame = everything.peek(Deadline(LONG))
    assert frame is not None
    assert frame.tag == "greeting"
    assert cli.command()["cmd"] == "/early"
    assert channel.stop(LONG)
    assert not slot.wait(Deadline(0))  # the owner closes the router
    cli.close()


def test_fragments_pings_and_binary_frames(channel: Channel, cli: Cli) -> None:
    everything = channel._router.subscribe(None)
    channel.start(cli.wire())
    payload = json.dumps({"resp": {"type": "parts"}}).encode()
    starts = range(0, len(payload), 10)
    for number in starts:
        opcode = Opcode.CONT if number else Opcode.TEXT
        piece = WebSocketFrame(opcode, payload[number : number + 10], fin=number + 10 >= len(payload))
        cli.sock.sendall(piece.serialize(mask=False) + WebSocketFrame(Opcode.PING, b"?").serialize(mask=False))
    cli.sock.sendall(WebSocketFrame(Opcode.BINARY, b'{"resp":{"type":"binary"}}').serialize(mask=False))
    for tag in ("parts", "binary"):
        frame = everything.peek(Deadline(LONG))
        assert frame is not None
        assert frame.tag == tag
        everything.read += 1
    ask(channel, "/after")
    assert cli.command()["cmd"] == "/after"  # the pongs before it were well-formed
    assert cli.pongs == [b"?"] * len(starts)


@pytest.mark.parametrize("how", ["end", "close frame", "broken frame", "reset"])
def test_a_lost_connection_fails_what_was_sent_and_a_new_one_takes_the_rest(
    channel: Channel, owner: Owner, cli: Cli, how: str
) -> None:
    other = Cli()
    owner.wires = [other.wire()]
    channel.start(cli.wire())
    sent = ask(channel, "/sent")
    cli.command()
    match how:
        case "close frame":
            cli.protocol.send_close(1000)
            cli.sock.sendall(b"".join(cli.protocol.data_to_send()))
        case "broken frame":
            cli.sock.sendall(b"\xff\xff\xff")
        case "reset":
            cli.reset()
        case _:
            cli.sock.close()
    assert sent.wait(Deadline(LONG))
    assert isinstance(sent.error, ConnectionLost)
    later = ask(channel, "/later")
    assert other.command() == {"corrId": later.corr_id, "cmd": "/later"}
    other.say(corrId=later.corr_id, resp={"type": "cmdOk"})
    assert later.wait(Deadline(LONG))
    other.close()


def test_what_came_before_the_end_is_read_where_sending_finds_the_end_first(
    channel: Channel, owner: Owner, cli: Cli
) -> None:
    everything = channel._router.subscribe(None)
    waiting = channel._router.open_slot("/answered")
    waiting.handed_over = True
    wire = cli.wire()
    cli.say(resp={"type": "contactConnected"})
    cli.say(corrId=waiting.corr_id, resp={"type": "cmdOk"})
    cli.reset()
    slot = ask(channel, "/not sent")  # what waits is sent before anything is read
    channel.start(wire)
    channel._thread.join(LONG)
    assert waiting.wait(Deadline(0))
    assert waiting.frame is not None
    frame = everything.peek(Deadline(0))
    assert frame is not None
    assert frame.tag == "contactConnected"
    assert len(owner.causes) == 1
    assert slot.wait(Deadline(0))
    assert isinstance(slot.error, ConnectionLost)


def test_without_a_new_connection_the_thread_ends(channel: Channel, owner: Owner, cli: Cli) -> None:
    channel.start(cli.wire())
    cli.sock.close()
    channel._thread.join(LONG)
    assert [str(cause) for cause in owner.causes] == ["the CLI closed the connection"]
    channel.wake()  # nothing listens any more, which is no error


def test_an_error_of_our_own_leaves_nobody_waiting(
    channel: Channel, owner: Owner, cli: Cli, caplog: pytest.LogCaptureFixture
) -> None:
    owner.failure = ZeroDivisionError()
    stream = channel._router.subscribe(None)
    channel.start(cli.wire())
    sent, cause = ask(channel, "/sent"), owner.failure
    cli.command()
    cli.sock.close()
    assert sent.wait(Deadline(LONG))
    channel._thread.join(LONG)
    assert stream.peek(Deadline(LONG)) is None
    assert isinstance(stream.error, ConnectionLost)
    assert stream.error.__cause__ is cause
    with pytest.raises(ConnectionLost):
        channel._router.open_slot("/x")
    assert "I/O thread ended by an error" in caplog.text


def test_the_terminal_is_read_until_its_end(channel: Channel, owner: Owner, cli: Cli) -> None:
    ours, theirs = os.openpty()
    os.set_blocking(ours, False)
    channel.start(cli.wire(ours))
    os.write(theirs, b"hello")
    assert owner.told.wait(LONG)
    os.close(theirs)
    slot = ask(channel, "/user")
    cli.say(corrId=slot.corr_id, resp={"type": "activeUser"})
    assert slot.wait(Deadline(LONG))
    assert owner.printed == b"hello"
    assert channel.stop(LONG)
    os.close(ours)


def test_more_than_the_socket_takes(channel: Channel, cli: Cli) -> None:
    channel.start(cli.wire())
    large = "x" * 8_000_000
    first, second = ask(channel, large), ask(channel, "/second")
    assert cli.command() == {"corrId": first.corr_id, "cmd": large}
    assert cli.command() == {"corrId": second.corr_id, "cmd": "/second"}


def test_what_was_put_off_for_a_caller_that_is_sending_goes_out_without_another_wake(
    channel: Channel, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    channel.start(cli.wire())
    put_out, put_off = channel._outgoing.put_out, threading.Event()

    def watched(control: Iterable[bytes]) -> None:
        put_out(control)
        if channel._outgoing.put_off:
            put_off.set()

    monkeypatch.setattr(channel._outgoing, "put_out", watched)
    with channel._outgoing._turn:
        channel._outgoing._unsettled = (Slot("0", b"x"), b"x", [], deque())  # a caller is in the very call that sends
        channel._outgoing.send(channel._router.open_slot("/user"), at_once=False)
        channel.wake()
        assert put_off.wait(LONG)
        channel._outgoing._unsettled = None
    assert cli.command()["cmd"] == "/user"


def test_nothing_is_read_while_a_reader_of_events_catches_up(
    channel: Channel, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    router = channel._router
    log = router.subscribe(None).log
    holds = [True, True, True]

    def holds_back() -> bool:
        if holds:
            return holds.pop()
        router.far_behind = None
        return False

    monkeypatch.setattr(router, "far_behind", log)
    monkeypatch.setattr(router, "holds_back", holds_back)
    stream = router.subscribe(None)
    channel.start(cli.wire())
    cli.say(resp={"type": "contactConnected"})
    frame = stream.peek(Deadline(LONG))
    assert frame is not None
    assert (frame.tag, holds) == ("contactConnected", [])


def test_an_interrupted_sender_wakes_the_thread(channel: Channel, monkeypatch: pytest.MonkeyPatch, cli: Cli) -> None:
    channel.start(cli.wire())
    woken: list[bool] = []
    monkeypatch.setattr(channel, "wake", lambda: woken.append(True))

    def interrupted(*_arguments: object, **_options: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(channel._outgoing, "send", interrupted)
        with pytest.raises(KeyboardInterrupt):
            ask(channel, "/user")
    assert woken == [True]
    monkeypatch.undo()


# The opening handshake


@pytest.mark.parametrize("reply", [b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", b"nonsense\r\n\r\n", b""])
def test_a_handshake_with_something_else(cli: Cli, reply: bytes) -> None:
    if reply:
        cli.sock.sendall(reply)
    else:
        cli.sock.shutdown(socket.SHUT_WR)
    with pytest.raises(ConnectionLost):
        Wire.open(cli.ours, URI, Deadline(LONG), None, lambda: None)
    assert cli.ours.fileno() == -1


def test_a_handshake_that_nobody_answers_drains_the_terminal_meanwhile(cli: Cli) -> None:
    drained: list[bool] = []
    with pytest.raises(StartTimeout, match=r"did not answer on it in time"):
        Wire.open(cli.ours, URI, Deadline(0.25), None, lambda: drained.append(True))
    assert len(drained) >= 2
    assert cli.ours.fileno() == -1


# Waiting and ending


def test_a_pause_ends_with_its_time_or_with_the_channel(channel: Channel) -> None:
    channel._open_pipe()
    channel.pause(0.01)
    channel.wake()
    channel.pause(0.01)
    channel.closing.set()
    channel.wake()
    channel.pause(LONG)


def test_waking_again_and_again_is_no_error(channel: Channel) -> None:
    channel.wake()  # before the thread began, which then looks by itself
    channel._open_pipe()
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(channel._wake_write, b"\0" * 4096)
    channel.wake()


def test_stop_from_the_thread_itself_does_not_wait_for_it(
    channel: Channel, owner: Owner, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[bool] = []
    done = threading.Event()

    def output(_data: bytes) -> None:
        answers.append(channel.stop(LONG))
        done.set()

    monkeypatch.setattr(owner, "output", output)
    ours, theirs = os.openpty()
    channel.start(cli.wire(ours))
    os.write(theirs, b"x")
    assert done.wait(LONG)
    assert answers == [False]
    assert channel.stop(LONG)
    os.close(ours)
    os.close(theirs)


def test_after_a_fork_descriptors_are_closed_and_a_held_lock_is_no_obstacle(owner: Owner) -> None:
    channel = Channel(Router(), owner, "forked")
    channel._pipe_lock.acquire()
    channel.after_fork()
    assert (channel._wake_read, channel._wake_write) == (-1, -1)
    channel.wake()
    channel.close_descriptors()


def test_closing_while_a_new_connection_is_looked_for(
    channel: Channel, owner: Owner, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel.start(cli.wire())

    def recover(_cause: SimplexError) -> Wire | None:
        owner.told.set()
        channel.closing.wait(LONG)
        return None

    monkeypatch.setattr(owner, "recover", recover)
    cli.sock.close()
    assert owner.told.wait(LONG)
    channel._router.close(ClientClosed("closed"))
    assert channel.stop(LONG)
