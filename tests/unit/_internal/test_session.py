"""A client's child, connection and lock, from start to end. What goes wrong with the child is in tests/faults/."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import psutil
import pytest

from simplex_sync import events
from simplex_sync._internal import session as module
from simplex_sync._internal.channel import Channel, Wire
from simplex_sync._internal.codec import Frame
from simplex_sync._internal.database import DatabaseLock
from simplex_sync._internal.deadline import Deadline
from simplex_sync._internal.process import CliProcess
from simplex_sync._internal.router import Subscription
from simplex_sync._internal.session import Launch, Session
from simplex_sync.errors import (
    ChildExited,
    ClientClosed,
    CliExited,
    ConnectionLost,
    DatabaseInUse,
    SimplexError,
    StartError,
    StartTimeout,
)
from tests.children.fake import FakeCli, steps

Make = Callable[..., Session]
LONG = 20.0


@pytest.fixture
def make(make_fake: Callable[..., FakeCli]) -> Iterator[Make]:
    """A function that makes a session on a fake CLI, not started."""
    made: list[Session] = []

    def new(*, restart: bool = True, **plan: Any) -> Session:
        fake = make_fake(**plan)
        launch = Launch([str(fake.path)], fake.folder / "chat", None, ("secret",), LONG)
        made.append(Session(launch, None, restart=restart, name="session of a test"))
        return made[-1]

    yield new
    for session in made:
        session.close(ClientClosed("the test is over"))


def ask(session: Session, command: str) -> Any:
    slot = session.router.open_slot(command)
    session.channel.send(slot)
    assert slot.wait(Deadline(LONG))
    return slot


def next_event(subscription: Subscription) -> Frame:
    frame = subscription.peek(Deadline(LONG))
    assert frame is not None
    subscription.read += 1
    return frame


def test_from_start_to_end(make: Make) -> None:
    session = make()
    session.start(Deadline(LONG))
    process = session.process
    assert process is not None
    assert ask(session, "/user").frame.tag == "activeUser"
    session.close(ClientClosed("closed"))
    session.close(ClientClosed("again"))
    assert session.closed
    assert session.ended_by == process.ended_by == "SIGTERM"
    assert not psutil.pid_exists(process.pid)
    with pytest.raises(ClientClosed, match=r"^closed$"):
        session.router.open_slot("/x")


def test_a_start_that_gets_no_thread_leaves_nothing(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_channel: Channel, wire: Wire) -> NoReturn:
        wire.sock.close()
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Channel, "start", refuse)
    session = make()
    with pytest.raises(StartError, match=r"^start: the I/O thread could not be started: can't start new thread"):
        session.start(Deadline(LONG))
    assert session.closed
    assert session.process is not None
    assert not psutil.pid_exists(session.process.pid)


def test_a_cli_that_is_lost_while_the_interpreter_ends_is_given_up_at_once(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = make()
    session.start(Deadline(LONG))
    assert session.process is not None
    tries: list[object] = []

    def refuse(argv: object, _tail: object) -> NoReturn:
        tries.append(argv)
        raise StartError("start: no") from RuntimeError("can't fork at interpreter shutdown")

    monkeypatch.setattr("simplex_sync._internal.session.CliProcess", refuse)
    stream = session.router.subscribe(None)
    os.kill(session.process.pid, signal.SIGKILL)
    assert stream.peek(Deadline(LONG)) is None
    assert isinstance(stream.error, ChildExited)
    assert len(tries) == 1
    session.close(ClientClosed("closed"))


def test_a_start_that_fails_leaves_nothing(make: Make) -> None:
    first, second = make(), make(starts=[[["exit", 3]]])
    with pytest.raises(CliExited) as caught:
        second.start(Deadline(LONG))
    assert caught.value.exit_status == 3
    assert second.closed
    assert second._launch is not None
    assert first._launch is not None
    lock = DatabaseLock(second._launch.prefix)
    lock.acquire()
    third = Session(second._launch, None, restart=True, name="third")
    with pytest.raises(DatabaseInUse):
        third.start(Deadline(LONG))
    lock.release()
    assert third.process is None


@pytest.mark.parametrize("living", [True, False])
def test_a_port_that_takes_no_connection(make: Make, monkeypatch: pytest.MonkeyPatch, living: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setattr(CliProcess, "listening_ports", lambda *_self, **_options: [port])
    monkeypatch.setattr(module, "_DYING_SECONDS", 0.05 if living else LONG)
    session = make(starts=[[["hang"] if living else ["exit", 9]]])
    with pytest.raises(ConnectionLost if living else CliExited) as caught:
        session.start(Deadline(LONG))
    assert getattr(caught.value, "exit_status", None) == (None if living else 9)
    assert session.closed


def test_a_port_in_other_hands(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CliProcess, "is_peer", lambda *_arguments: False)
    with pytest.raises(StartError, match=r"taken over by another process; no command was sent"):
        make().start(Deadline(LONG))


@pytest.mark.parametrize(("command", "restarted"), [("drop", False), ("die", True)])
def test_what_was_lost_comes_back(make: Make, command: str, restarted: bool) -> None:
    session = make()
    session.start(Deadline(LONG))
    everything = session.router.subscribe(None)
    assert isinstance(ask(session, steps([command])).error, ConnectionLost)
    record = next_event(everything).record
    assert isinstance(record, events.Reconnected)
    assert (record.restarted, record.gap_possible, session.restarts) == (restarted, True, int(restarted))
    assert ask(session, "/user").frame.tag == "activeUser"


def test_a_cli_that_is_not_to_be_started_again(make: Make) -> None:
    session = make(restart=False)
    session.start(Deadline(LONG))
    everything = session.router.subscribe(None)
    ask(session, steps(["exit", 4]))
    assert everything.peek(Deadline(LONG)) is None
    assert isinstance(everything.error, ChildExited)
    assert str(everything.error) == "the CLI ended with status 4"
    assert isinstance(everything.error.__cause__, ChildExited)
    assert isinstance(everything.error.__cause__.__cause__, ConnectionLost)


def test_closing_while_the_cli_is_started_again(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    session = make()
    session.start(Deadline(LONG))
    starting = threading.Event()

    def never(*_arguments: object) -> Any:
        starting.set()
        session.channel.closing.wait(LONG)
        raise ClientClosed("start: the client was closed meanwhile")

    monkeypatch.setattr(session, "_launch_and_connect", never)
    ask(session, steps(["die"]))
    assert starting.wait(LONG)
    session.close(ClientClosed("closed"))
    with pytest.raises(ClientClosed, match=r"^closed$"):
        session.router.open_slot("/x")


def test_in_a_forked_process_everything_is_let_go_and_nothing_ended(make: Make) -> None:
    session = make()
    session.start(Deadline(LONG))
    process = session.process
    assert process is not None
    child = os.fork()
    if child == 0:
        session.after_fork()
        session.close(ClientClosed("ends nothing"))
        os._exit(0 if session.forked and process.terminal == -1 and not session.closed else 1)
    _, status = os.waitpid(child, 0)
    assert status == 0
    assert ask(session, "/user").frame.tag == "activeUser"


# Somebody else's CLI


def test_somebody_elses_cli_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"ws://127.0.0.1:{listener.getsockname()[1]}"
    session = Session(None, url, restart=False, name="attached")
    with pytest.raises(ConnectionLost, match=r"^start: 127\.0\.0\.1:\d+ does not take a connection"):
        session.start(Deadline(LONG))
    assert session.closed
    unused = Session(None, url, restart=False, name="forked")
    unused.after_fork()
    unused.close(ClientClosed("ends nothing"))
    assert unused.forked
    assert not unused.closed


def test_a_connection_that_cannot_be_opened_again_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(None, "ws://127.0.0.1:1", restart=False, name="attached")
    monkeypatch.setattr(session.channel, "pause", lambda _seconds: None)
    stream = session.router.subscribe(None)
    cause: SimplexError = ConnectionLost("lost")
    assert session.recover(cause) is None
    assert stream.error is not None
    assert str(stream.error) == "the connection to the CLI was lost and could not be opened again"
    session.close(ClientClosed("closed"))


def test_each_try_to_open_a_connection_again_has_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CONNECT_SECONDS", LONG)
    session = Session(None, "ws://127.0.0.1:1", restart=False, name="attached")
    now = [0.0]
    left: list[float | None] = []
    monkeypatch.setattr("simplex_sync._internal.deadline.time.monotonic", lambda: now[0])

    def pause(seconds: float) -> None:
        now[0] += seconds + LONG

    def dial(deadline: Deadline) -> Any:
        left.append(deadline.remaining())
        raise ConnectionLost("not yet")

    monkeypatch.setattr(session.channel, "pause", pause)
    monkeypatch.setattr(session, "_dial", dial)
    assert session.recover(ConnectionLost("lost")) is None
    assert left == pytest.approx([LONG] * 8)
    monkeypatch.undo()
    session.close(ClientClosed("closed"))


@pytest.mark.parametrize("living", [True, False])
def test_a_lost_cli_is_not_started_again_by_a_client_that_is_closed(
    make: Make, monkeypatch: pytest.MonkeyPatch, living: bool
) -> None:
    session = make()
    session.start(Deadline(LONG))
    assert session.channel.stop(LONG)
    process = session.process
    assert process is not None
    monkeypatch.setattr(module, "_DYING_SECONDS", 0.05 if living else LONG)
    if not living:
        os.kill(process.pid, 9)
    assert session.recover(ConnectionLost("lost")) is None
    assert (session.process, session.restarts) == (process, 0)
    assert not psutil.pid_exists(process.pid)


def test_a_cli_that_says_nothing_is_not_waited_for_beyond_the_time(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    session = make(starts=[[["print", "Current user: alice"], ["listen"], ["hang"]]])
    with pytest.raises(StartTimeout) as caught:
        session.start(Deadline(1.5))
    assert caught.value.output == "Current user: alice"


@pytest.mark.parametrize("status", [None, 6])
def test_what_listens_speaks_something_else(make: Make, monkeypatch: pytest.MonkeyPatch, status: int | None) -> None:
    ending = ["hang"] if status is None else ["exit", status]
    session = make(starts=[[["listen"], ["refuse", 1, "SSH-2.0\r\n"], ending]])
    monkeypatch.setattr(module, "_DYING_SECONDS", 0.05 if status is None else LONG)
    with pytest.raises(ConnectionLost if status is None else CliExited) as caught:
        session.start(Deadline(LONG))
    assert getattr(caught.value, "exit_status", None) == status


def test_closing_while_somebody_elses_cli_is_looked_for() -> None:
    session = Session(None, "ws://127.0.0.1:1", restart=False, name="attached")
    stream = session.router.subscribe(None)
    session.channel.closing.set()
    assert session.recover(ConnectionLost("lost")) is None
    assert stream.error is None  # whoever closes the session says so
    session.close(ClientClosed("closed"))


def test_no_second_cli_is_started_while_the_old_one_does_not_end(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    session = make()
    session.start(Deadline(LONG))
    old = session.process
    assert old is not None
    failed = session.router.subscribe(None)
    # A process that sleeps in the kernel outlives even SIGKILL, and cannot be made here.
    with monkeypatch.context() as patch:
        patch.setattr(CliProcess, "stop", lambda self: None)
        patch.setattr(CliProcess, "poll", lambda self: False)
        patch.setattr(CliProcess, "wait", lambda self, seconds: False)
        patch.setattr(session, "_connect", lambda deadline: (_ for _ in ()).throw(ConnectionLost("gone")))
        slot = session.router.open_slot("/hang up")
        session.channel.send(slot)
        old.spawn.kill(9)
        while failed.error is None:
            if failed.peek(Deadline(LONG)) is not None:
                failed.read += 1
        assert isinstance(failed.error.__cause__, DatabaseInUse)
        assert failed.error.__cause__.pid == old.pid
        assert session.process is old
