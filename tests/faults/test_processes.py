"""Other processes: the parent dies, forks, ends without closing; and nothing of ours is handed on to others."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from simplex_sync import events
from simplex_sync._internal.deadline import Deadline
from tests.children.fake import FakeCli

LONG = 20.0
ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPTS = ROOT / "tests" / "children" / "client_scripts.py"
Make = Callable[..., FakeCli]


def start(name: str, fake: FakeCli) -> subprocess.Popen[str]:
    paths = filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))
    return subprocess.Popen(
        # Newer Pythons warn of any fork in a process with threads, which is what is tried here.
        [sys.executable, "-W", "ignore::DeprecationWarning", str(SCRIPTS), name, str(fake.folder), str(fake.path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )


def run(name: str, fake: FakeCli) -> list[dict[str, Any]]:
    """Run a script to its end; return what it said. Every CLI that it started must be gone then."""
    with start(name, fake) as script:
        printed, complaints = script.communicate(timeout=LONG)
    assert (script.returncode, complaints) == (0, "")
    for pid in fake.notes("start"):
        assert not psutil.pid_exists(pid)
    return [json.loads(line) for line in printed.splitlines()]


def ends(process: psutil.Process, seconds: float) -> bool:
    """Return whether a process that is no child of ours ends in time."""
    deadline, pause = Deadline(seconds), threading.Event()
    while not deadline.passed:
        try:
            # Where nobody takes the exit status of orphans, as in some containers, a zombie is all that stays.
            if process.status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        pause.wait(0.005)
    return False


@pytest.mark.parametrize("name", ["wait_for_ever", "ignoring_signals"])
def test_the_parent_is_killed_and_the_child_goes_with_it(make_fake: Make, name: str) -> None:
    fake = make_fake()
    with start(name, fake) as script:
        assert script.stdout is not None
        assert script.stderr is not None
        child = psutil.Process(json.loads(script.stdout.readline())["pid"])
        script.kill()
        assert ends(child, 2)
        script.wait(LONG)
    with fake.client() as chat:  # the lock went with its holder
        assert chat.show_active_user()


def test_the_note_beside_the_lock_names_the_cli_also_after_a_restart(make_fake: Make) -> None:
    fake = make_fake()
    with fake.client(timeout=LONG) as chat:
        stream = chat.events(events.Reconnected, timeout=LONG)
        for _ in range(2):
            # Who finds the lock free but this CLI alive, after its client was killed, must wait for its end.
            assert chat.pid is not None
            note = json.loads((fake.folder / "chat_client.json").read_text("ascii"))
            assert note == {"pid": os.getpid(), "child": chat.pid, "created": psutil.Process(chat.pid).create_time()}
            os.kill(chat.pid, signal.SIGKILL)
            assert next(stream).restarted


@pytest.mark.parametrize("name", ["end_without_close", "exit_in_a_thread"])
def test_a_script_that_ends_without_closing(make_fake: Make, name: str) -> None:
    fake = make_fake()
    run(name, fake)
    with fake.client() as chat:
        assert chat.show_active_user()


def test_a_client_that_nobody_refers_to_any_more(make_fake: Make) -> None:
    facts, _again = run("forget", make_fake())
    assert facts["warned"] == ["ResourceWarning: the client 'chat' was not closed: use `with`, or call close()"]
    assert facts["threads"] == ["MainThread"]


def test_a_forked_process_neither_uses_nor_ends_the_cli(make_fake: Make) -> None:
    fake = make_fake()
    [facts] = run("fork", fake)
    assert facts["said"].startswith("show_active_user: this client belongs to the process that started it")
    assert (facts["status"], facts["user"]) == (0, "alice")
    assert len(fake.notes("start")) == 1


def test_a_forked_process_has_a_client_of_its_own(make_fake: Make) -> None:
    fake = make_fake()
    own, facts = run("start_in_fork", fake)
    assert own["pid"] != facts["pid"]
    assert (facts["status"], facts["user"]) == (0, "alice")


@pytest.mark.parametrize(
    ("name", "said"),
    [("multiprocessing_fork", "show_active_user: this client belongs"), ("multiprocessing_spawn", "no client")],
)
def test_multiprocessing(make_fake: Make, name: str, said: str) -> None:
    [facts] = run(name, make_fake())
    assert [line.startswith(said) for line in facts["said"]] == [True]
    assert facts["user"] == "alice"


def test_other_children_get_none_of_our_descriptors(make_fake: Make) -> None:
    show = [sys.executable, "-S", "-c", "import os; print(os.listdir('/dev/fd'))"]
    before = subprocess.run(show, stdout=subprocess.PIPE, close_fds=False, check=True).stdout
    with make_fake().client() as chat:
        assert subprocess.run(show, stdout=subprocess.PIPE, close_fds=False, check=True).stdout == before
        assert chat.show_active_user()


def test_the_cli_gets_none_of_our_descriptors(make_fake: Make) -> None:
    first, second = make_fake(), make_fake()
    with first.client() as one, second.client() as two:
        assert one.pid is not None
        assert two.pid is not None
        for pid in (one.pid, two.pid):
            # The terminal three times, its own port and our connection to it.
            assert psutil.Process(pid).num_fds() == 5


def test_nothing_runs_between_fork_and_exec() -> None:
    sources = (ROOT / "simplex_sync").rglob("*.py")
    assert not [path.name for path in sources if "preexec_fn" in path.read_text("utf-8")]
