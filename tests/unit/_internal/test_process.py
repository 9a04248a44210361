"""The child on its pseudo-terminal, with shells in the place of the CLI."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import psutil
import pytest

from simplex_sync._internal import process as module
from simplex_sync._internal.output import OutputTail
from simplex_sync._internal.process import CliProcess, child_environment, with_default_signals
from simplex_sync.errors import StartError

LONG = 20.0
Start = Callable[[str], CliProcess]
#: Says when it is ready and then waits: `read` ends with the terminal, too.
READY = "echo ready; read line"


@pytest.fixture
def start() -> Iterator[Start]:
    """A function that starts a shell script as the CLI."""
    started: list[CliProcess] = []

    def make(script: str) -> CliProcess:
        started.append(CliProcess(["/bin/sh", "-c", script], OutputTail()))
        return started[-1]

    yield make
    for process in started:
        process.stop()
        process.close_terminal()


def until_ready(process: CliProcess) -> None:
    process.spawn.expect_exact(b"ready", timeout=LONG)


@pytest.mark.parametrize(("script", "status"), [("exit 0", 0), ("exit 3", 3), ("kill -9 $$", -9)])
def test_the_exit_status(start: Start, script: str, status: int) -> None:
    process = start(script)
    assert process.wait(LONG)
    assert (process.exit_status, process.ended_by, process.poll()) == (status, "exit", True)
    process.stop()
    assert process.terminal == -1
    process.close_terminal()


def test_a_living_child_has_no_exit_status_and_ends_by_sigterm(start: Start) -> None:
    process = start(READY)
    until_ready(process)
    assert (process.exit_status, process.ended_by) == (None, None)
    assert not process.wait(0.01)
    assert process.created == pytest.approx(psutil.Process(process.pid).create_time())
    process.stop()
    assert (process.exit_status, process.ended_by) == (-signal.SIGTERM, "SIGTERM")


def test_a_child_that_does_not_obey_is_killed(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SIGTERM_SECONDS", 0.05)
    process = start(f"trap '' TERM; {READY}")
    until_ready(process)
    process.stop()
    assert (process.exit_status, process.ended_by) == (-signal.SIGKILL, "SIGKILL")


def test_a_child_that_cannot_be_ended_is_reported(
    start: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    process = start(READY)
    with monkeypatch.context() as patch:
        patch.setattr(module, "_SIGTERM_SECONDS", 0.01)
        patch.setattr(module, "_SIGKILL_SECONDS", 0.01)
        patch.setattr(process, "_signal", lambda _number: None)
        process.stop()
    assert process.ended_by is None
    assert process.terminal >= 0
    assert "does not end" in caplog.text
    process.stop()
    assert process.ended_by == "SIGTERM"


@pytest.mark.parametrize("script", ["exit 4", "kill -15 $$"])
def test_a_status_that_pexpect_took(start: Start, script: str) -> None:
    process = start(script)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not process.spawn.isalive()
    assert process.exit_status == (4 if "exit" in script else -15)


def test_the_rung_that_ended_it_stays(start: Start) -> None:
    process = start("exit 0")
    process.ended_by = "SIGTERM"
    assert process.wait(LONG)
    assert process.ended_by == "SIGTERM"


def test_a_status_that_somebody_else_took(start: Start) -> None:
    process = start("exit 4")
    os.waitpid(process.pid, 0)
    assert process.poll()
    assert process.exit_status is None


def gone(*_arguments: object) -> Any:
    raise OSError("gone")


def out_of_range(*_arguments: object) -> Any:
    raise ValueError("filedescriptor out of range in select()")


@pytest.mark.parametrize("how", ["no pidfd_open", "pidfd_open fails", "select fails"])
def test_waiting_where_the_system_has_no_better_way(start: Start, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    if how == "no pidfd_open":
        monkeypatch.delattr(os, "pidfd_open", raising=False)
    elif how == "pidfd_open fails":
        monkeypatch.setattr(os, "pidfd_open", gone, raising=False)
    else:
        monkeypatch.setattr("simplex_sync._internal.process.select.select", out_of_range)
    process = start(READY)
    assert not process.wait(0.01)
    process._signal(signal.SIGTERM)
    assert process.wait(LONG)


def test_no_signal_is_sent_to_a_number_that_may_be_anothers(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    process = start("exit 0")
    assert process.wait(LONG)
    monkeypatch.setattr(os, "kill", gone)
    process._signal(signal.SIGTERM)


def test_output_is_read_and_handed_on(start: Start) -> None:
    process = start("echo one; echo two")
    process.wait(LONG)
    process.drain()
    assert process.tail.text() == "one\ntwo"
    process.stop()
    process.drain()  # nothing to read any more, which is no error


LISTENER = (
    "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); print('ready', flush=True); "
    "c, _ = s.accept(); print('taken', flush=True); c.recv(1)"
)


@pytest.mark.parametrize("wrapped", [False, True])
def test_its_ports_and_its_end_of_a_connection(start: Start, wrapped: bool) -> None:
    # Either the program itself, or a script that starts it as its own child.
    process = start(f'{"" if wrapped else "exec "}{sys.executable} -S -c "{LISTENER}"{"; exit 5" if wrapped else ""}')
    until_ready(process)
    assert (process.listening_ports(family=False) == []) is wrapped
    [port] = process.listening_ports()
    with socket.create_connection(("127.0.0.1", port)) as ours, socket.create_server(("127.0.0.1", 0)) as strange:
        process.spawn.expect_exact(b"taken", timeout=LONG)
        our_port = ours.getsockname()[1]
        assert process.is_peer(port, our_port)
        assert not process.is_peer(port, 1)
        assert not process.is_peer(strange.getsockname()[1], our_port)
    assert process.wait(LONG)
    assert process.listening_ports() == []
    assert not process.is_peer(port, our_port)


def test_what_psutil_cannot_see_is_nothing(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(_pid: int) -> Any:
        raise psutil.AccessDenied

    monkeypatch.setattr("simplex_sync._internal.process.psutil.Process", denied)
    process = start(READY)
    assert (process.created, process.listening_ports(), process.is_peer(1, 2)) == (0.0, [], False)


def test_an_interpreter_that_is_ending_and_forks_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise RuntimeError("can't fork at interpreter shutdown")

    monkeypatch.setattr("simplex_sync._internal.process.pexpect.spawn", refuse)
    with pytest.raises(StartError, match=r"could not be started: can't fork at interpreter shutdown"):
        CliProcess(["true"], OutputTail())


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(StartError, match=r"^start: '/no/such/program' could not be started"):
        CliProcess(["/no/such/program"], OutputTail())


def test_a_child_gets_ctrl_c_also_where_the_thread_that_starts_it_does_not(start: Start) -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        child = start(READY)
        assert signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    os.kill(child.pid, signal.SIGINT)
    assert child.wait(LONG)
    assert child.exit_status == -signal.SIGINT


def test_the_environment_is_utf8_and_holds_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMPLEX_CHAT_KEY", "secret")
    monkeypatch.setenv("LC_ALL", "C")
    environment = child_environment({"EXTRA": "1"})
    assert environment["LC_ALL"].endswith("UTF-8")
    assert environment["EXTRA"] == "1"
    assert "SIMPLEX_CHAT_KEY" not in environment


def test_a_child_of_a_program_that_ignores_signals_does_not(start: Start) -> None:
    old = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert with_default_signals(["x"]) != ["x"]
        process = start("trap - HUP; kill -HUP $$; exit 1")  # a shell cannot undo what it was started with
        assert process.wait(LONG)
        assert process.exit_status == -signal.SIGHUP
    finally:
        signal.signal(signal.SIGHUP, old)
    assert with_default_signals(["x"]) == ["x"]


def test_a_program_that_is_not_there_where_signals_are_ignored() -> None:
    words = [*with_default_signals_of_nohup(), "/no/such/program"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=LONG, check=False)
    assert (done.returncode, done.stderr) == (1, "it could not be started: No such file or directory\n")


def with_default_signals_of_nohup() -> list[str]:
    old = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        return with_default_signals([])
    finally:
        signal.signal(signal.SIGHUP, old)
