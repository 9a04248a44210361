"""People interrupt at any moment, run a cell again, and forget to close."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import psutil
import pytest

from simplex_sync import SimplexChat, events
from simplex_sync._internal.database import DatabaseLock
from simplex_sync.errors import ClientClosed, DatabaseInUse
from tests.children.fake import ANSWER, FakeCli, steps
from tests.children.interrupts import Keyboard

pytestmark = pytest.mark.usefixtures("untraced")

LONG = 20.0
ROUNDS = 200
ROOT = str(Path(__file__).resolve().parent.parent.parent)
SCRIPT = Path(ROOT, "tests", "children", "working_script.py")
HANDLERS = SCRIPT.with_name("signal_handlers.py")
Make = Callable[..., FakeCli]


def interrupt_soon(seconds: float) -> threading.Timer:
    """Send SIGINT to this process after a while, as Ctrl-C does."""
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    return timer


def test_interrupted_at_200_random_moments_of_a_working_script(make_fake: Make) -> None:
    fake = make_fake()
    pause, moments = threading.Event(), random.Random(5)
    arguments = [sys.executable, str(SCRIPT), str(fake.folder), str(fake.path), "7", str(ROUNDS)]
    with working_script(arguments) as script:
        output: IO[str] | None = script.stdout
        assert output is not None
        delays = []
        for _ in range(ROUNDS):
            assert output.readline() == "ready\n"
            pause.wait(moments.uniform(0, 0.03))
            sent = time.monotonic()
            script.send_signal(signal.SIGINT)
            outcome = json.loads(output.readline())
            assert outcome["right"]
            delays.append(outcome["caught"] - sent)
        numbers = json.loads(output.readline())
    assert script.returncode == 0
    assert max(delays) < 0.1
    # No event was lost or seen twice by the stream that was interrupted.
    assert numbers == list(range(1, numbers[-1] + 1))
    assert len(numbers) > ROUNDS / 4


def run_handlers(fake: FakeCli, what: str, rounds: int) -> Any:
    """Run the script with signal handlers to its end; return what it printed."""
    arguments = [sys.executable, str(HANDLERS), what, str(fake.folder), str(fake.path), str(rounds)]
    done = subprocess.run(
        arguments, capture_output=True, text=True, cwd=ROOT, env=with_path(ROOT), timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_a_signal_handler_gives_commands_at_200_random_moments(make_fake: Make) -> None:
    assert run_handlers(make_fake(), "give", ROUNDS) == {"answers": ROUNDS, "right": True}


def test_a_signal_handler_closes_the_client(make_fake: Make) -> None:
    said = run_handlers(make_fake(), "close", 10)
    assert said["ended"] == ["SystemExit: ended by a signal"] * 10
    assert max(said["took"]) < 1.0


@contextmanager
def working_script(arguments: list[str]) -> Iterator[subprocess.Popen[str]]:
    """Run a script that works for ever, and end it where the test fails: Popen alone would wait for it."""
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=with_path(ROOT)) as script:
        try:
            yield script
        except BaseException:
            script.kill()
            raise


def with_path(root: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))}


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda chat: chat.send_command(steps(["gate"], ANSWER)), id="a command"),
        pytest.param(lambda chat: chat.wait_for(events.ContactConnected), id="wait_for"),
        pytest.param(lambda chat: list(chat.events(events.ContactConnected)), id="events"),
        pytest.param(lambda chat: chat.expect(events.ContactConnected).value, id="expect"),
    ],
)
def test_ctrl_c_in_a_waiting_call(make_fake: Make, call: Callable[[SimplexChat], object]) -> None:
    with make_fake().client(timeout=LONG) as chat:
        pid = chat.pid
        assert pid is not None
        timer = interrupt_soon(0.1)
        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            call(chat)
        assert time.monotonic() - started < 1
        timer.join()
        os.kill(pid, signal.SIGUSR1)
        for tag in ("right", "again"):
            assert chat.send_command(steps(["answer", {"type": tag}])).tag == tag


def test_ctrl_c_in_the_body_of_a_with_statement_closes(make_fake: Make) -> None:
    fake = make_fake()
    timers = []

    def cell() -> None:
        with fake.client():
            timers.append(interrupt_soon(0.05))
            threading.Event().wait(LONG)

    with pytest.raises(KeyboardInterrupt):
        cell()
    timers[0].join()
    assert not any(psutil.pid_exists(pid) for pid in fake.notes("start"))


def test_ctrl_c_in_close_comes_when_the_cli_has_ended(make_fake: Make) -> None:
    fake = make_fake()
    chat = fake.client().start()
    pid = chat.pid
    assert pid is not None
    chat.send_command(steps(["ignore", "SIGTERM"], ANSWER))
    timer = interrupt_soon(0.3)
    with pytest.raises(KeyboardInterrupt):
        chat.close()
    timer.join()
    assert not psutil.pid_exists(pid)
    chat.close()
    with fake.client() as again:
        assert again.pid != pid


@pytest.mark.parametrize("how", ["close", "start", "close_all", "nothing"])
def test_ctrl_c_twice_in_close_does_not_wait(make_fake: Make, how: str) -> None:
    fake = make_fake()
    chat = fake.client().start()
    pid = chat.pid
    assert pid is not None
    chat.send_command(steps(["ignore", "SIGTERM"], ANSWER))
    with Keyboard(SimplexChat.close, itertools.chain([0.1], itertools.repeat(0.02))):
        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            chat.close()
        assert time.monotonic() - started < 0.9  # a CLI that ignores SIGTERM has a second to end
    match how:
        case "close":
            chat.close()
        case "start":
            with chat:
                assert chat.pid != pid
        case "close_all":
            SimplexChat.close_all()
        case _:
            del chat
            psutil.wait_procs([psutil.Process(pid)], timeout=LONG)
    assert not psutil.pid_exists(pid)


def test_ctrl_c_while_the_cli_starts(make_fake: Make) -> None:
    fake = make_fake(starts=[[["print", "Current user: alice"], ["hang"]]])
    timer = interrupt_soon(0.4)
    with pytest.raises(KeyboardInterrupt):
        fake.client(timeout=LONG).start()
    timer.join()
    assert not any(psutil.pid_exists(pid) for pid in fake.notes("start"))


def test_ctrl_c_at_25_random_moments_of_a_start_leaves_nothing(make_fake: Make) -> None:
    moments = random.Random(3)
    for _ in range(25):
        fake = make_fake()
        chat = fake.client(timeout=LONG)
        timer = interrupt_soon(moments.uniform(0.005, 0.25))
        with pytest.raises(KeyboardInterrupt):
            start_and_wait(chat)
        timer.join()
        chat.close()
        assert not any(psutil.pid_exists(pid) for pid in fake.notes("start"))
        lock = DatabaseLock(fake.folder / "chat")
        lock.acquire()
        lock.release()


def test_ctrl_c_pressed_again_and_again_in_a_start_leaves_nothing(make_fake: Make) -> None:
    moments = random.Random(8)
    for _ in range(10):
        fake = make_fake()
        chat = fake.client(timeout=LONG)
        with Keyboard(start_and_wait, [moments.uniform(0.005, 0.2), 0.002, 0.01]) as keyboard:
            while not keyboard.done.is_set():
                with contextlib.suppress(KeyboardInterrupt):
                    start_and_wait(chat, keyboard.done)
        assert keyboard.pressed > 0
        chat.close()
        assert not any(psutil.pid_exists(pid) for pid in fake.notes("start"))
        with chat:
            assert chat.show_active_user()


def start_and_wait(chat: SimplexChat, gate: threading.Event | None = None) -> None:
    chat.start()
    (gate or threading.Event()).wait(LONG)


def test_the_cell_that_starts_a_client_is_run_again(make_fake: Make) -> None:
    fake = make_fake()
    chat = fake.client().start()
    first = chat.pid
    with pytest.raises(DatabaseInUse, match=r"close_all"):
        chat = fake.client().start()
    assert (chat.pid, chat.start().pid) == (first, first)
    SimplexChat.close_all()
    with pytest.raises(ClientClosed):
        chat.show_active_user()
    with fake.client() as again:
        assert again.pid != first


def test_close_all_closes_clients_that_no_name_refers_to(make_fake: Make) -> None:
    fakes = [make_fake() for _ in range(3)]
    clients = [fake.client().start() for fake in fakes]
    kept = {"cell 1": clients[0], "cell 2": clients[1], "cell 3": clients[2]}
    del clients
    SimplexChat.close_all()
    assert not any(psutil.pid_exists(pid) for fake in fakes for pid in fake.notes("start"))
    assert "closed" in repr(kept["cell 1"])
    SimplexChat.close_all()


def test_fifty_threads_share_one_client(make_fake: Make) -> None:
    with make_fake().client() as chat:
        wrong: list[str] = []

        def work(name: str) -> None:
            stream = chat.events(events.UnknownEvent, timeout=LONG)
            for number in range(20):
                tag = f"{name}x{number}"
                if chat.send_command(steps(["event", {"type": tag}], ["answer", {"type": tag}])).tag != tag:
                    wrong.append(tag)
            mine = [tag for tag in (next(stream).tag for _ in range(20)) if tag.startswith(f"{name}x")]
            if mine != [f"{name}x{number}" for number in range(len(mine))]:
                wrong.append(name)

        threads = [threading.Thread(target=work, args=(f"t{number}",)) for number in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LONG)
        assert wrong == []
        assert not any(thread.is_alive() for thread in threads)


def blocked(pid: int, thread_id: int) -> set[int]:
    """Return the numbers of the signals that a thread blocks."""
    status = Path(f"/proc/{pid}/task/{thread_id}/status").read_text("ascii")
    mask = int(next(line for line in status.splitlines() if line.startswith("SigBlk")).split()[1], 16)
    return {number for number in range(1, 65) if mask >> (number - 1) & 1}


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="only Linux tells which signals a thread blocks")
def test_ctrl_c_goes_to_the_main_thread_and_not_to_ours(make_fake: Make) -> None:
    with make_fake().client(timeout=LONG) as chat:
        for _ in range(2):
            ours = [thread for thread in threading.enumerate() if thread.name.startswith("simplex_sync")]
            assert len(ours) == 1
            assert ours[0].native_id is not None
            assert chat.pid is not None
            assert signal.SIGINT in blocked(os.getpid(), ours[0].native_id)
            assert signal.SIGINT not in blocked(chat.pid, chat.pid)  # also where that thread has started it again
            stream = chat.events(events.Reconnected, timeout=LONG)
            os.kill(chat.pid, signal.SIGKILL)
            assert next(stream).restarted


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="only Linux tells which signals a thread blocks")
def test_ctrl_c_goes_to_the_main_thread_where_that_has_started_ours_itself(make_fake: Make) -> None:
    fake = make_fake(starts=[[["listen"], ["say_port"]]])
    with subprocess.Popen([fake.path], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        with SimplexChat.attach(f"ws://127.0.0.1:{int(other.stdout.readline())}", timeout=LONG):
            [ours] = [thread for thread in threading.enumerate() if thread.name.startswith("simplex_sync")]
            assert ours.native_id is not None
            blocks = blocked(os.getpid(), ours.native_id)
        other.kill()
    assert signal.SIGINT in blocks
