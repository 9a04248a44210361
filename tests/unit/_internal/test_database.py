"""One client a database: paths, folders, the lock and the note beside it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from simplex_sync._internal import database as module
from simplex_sync._internal.database import DatabaseLock, database_prefix, make_folder
from simplex_sync.errors import DatabaseInUse, InvalidArgument, StartError


@pytest.mark.parametrize("given", ["notes", Path("notes"), "./notes"])
def test_a_prefix_is_made_absolute(given: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert database_prefix("SimplexChat", given) == tmp_path / "notes"


def test_a_prefix_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert database_prefix("SimplexChat", "~/notes") == tmp_path / "notes"


@pytest.mark.parametrize("given", [None, 3, b"bytes", "", "  ", "a\nb", "a\0b", "folder/", "."])
def test_what_cannot_be_a_prefix_is_refused(given: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidArgument, match=r"^SimplexChat: database ") as caught:
        database_prefix("SimplexChat", given)
    assert caught.value.argument == "database"


def test_folders_are_made_for_the_owner_only(tmp_path: Path) -> None:
    make_folder("start", tmp_path / "a" / "b" / "c")
    make_folder("start", tmp_path / "a" / "b" / "c")
    assert stat.S_IMODE((tmp_path / "a" / "b" / "c").stat().st_mode) == 0o700
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match=r"^start: the folder .* cannot be made: "):
        make_folder("start", tmp_path / "file" / "x")
    with pytest.raises(StartError, match=r"cannot be made"):
        make_folder("start", tmp_path / "file")


def note(prefix: Path) -> Path:
    return prefix.with_name(prefix.name + "_client.json")


def test_the_lock_says_who_has_it_and_is_given_back(tmp_path: Path) -> None:
    prefix = tmp_path / "chat"
    first, second = DatabaseLock(prefix), DatabaseLock(prefix)
    first.acquire()
    with pytest.raises(DatabaseInUse, match=r"another client of this process \(pid \d+\).*close_all") as caught:
        second.acquire()
    assert (caught.value.pid, caught.value.database) == (os.getpid(), str(prefix))
    for name in ("chat_client.lock", "chat_client.json"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) & 0o077 == 0
    first.release()
    first.release()
    assert not note(prefix).exists()
    second.acquire()
    second.release()


@pytest.mark.parametrize(
    ("text", "pid", "said"), [('{"pid": 4711}', 4711, "process with pid 4711"), ("x", None, "another client:")]
)
def test_who_has_it_is_read_from_the_note(tmp_path: Path, text: str, pid: int | None, said: str) -> None:
    prefix = tmp_path / "chat"
    first, second = DatabaseLock(prefix), DatabaseLock(prefix)
    first.acquire()
    note(prefix).write_text(text)
    with pytest.raises(DatabaseInUse, match=said) as caught:
        second.acquire()
    assert caught.value.pid == pid
    first.release()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises((StartError, OSError)):
        DatabaseLock(tmp_path / "file" / "chat").acquire()


def test_a_lock_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = DatabaseLock(tmp_path / "chat")

    def denied() -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(lock._lock, "acquire", denied)
    with pytest.raises(StartError, match=r"^start: the lock of .* cannot be made: Permission denied"):
        lock.acquire()


def test_a_note_that_cannot_be_written_gives_the_lock_back(tmp_path: Path) -> None:
    prefix = tmp_path / "chat"
    lock = DatabaseLock(prefix)
    note(prefix).mkdir()
    with pytest.raises(StartError, match=r"cannot be written"):
        lock.acquire()
    note(prefix).rmdir()
    lock.acquire()
    lock.release()


def test_the_cli_of_a_client_that_was_killed_is_waited_for_or_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = tmp_path / "chat"
    monkeypatch.setattr(module, "_ORPHAN_SECONDS", 0.05)
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as orphan:
        created = psutil.Process(orphan.pid).create_time()
        note(prefix).write_text(json.dumps({"pid": 1, "child": orphan.pid, "created": created}))
        with pytest.raises(DatabaseInUse) as caught:
            DatabaseLock(prefix).acquire()
        assert caught.value.pid == orphan.pid
        # The same number, but of another process: the one that was meant is gone.
        note(prefix).write_text(json.dumps({"pid": 1, "child": orphan.pid, "created": created - 60}))
        lock = DatabaseLock(prefix)
        lock.acquire()
        lock.release()
        assert orphan.stdin is not None
        orphan.stdin.close()
    note(prefix).write_text(json.dumps({"pid": 1, "child": orphan.pid, "created": created}))
    lock.acquire()
    lock.release()


@pytest.mark.parametrize("facts", [[], {"child": "x", "created": 1}, {"child": 1}, {"child": 1, "created": "x"}])
def test_a_damaged_note_is_passed_over(tmp_path: Path, facts: Any) -> None:
    prefix = tmp_path / "chat"
    note(prefix).write_text(json.dumps(facts))
    lock = DatabaseLock(prefix)
    lock.acquire()
    lock.release()


def test_the_copy_of_a_forked_process_is_closed_and_unlocks_nothing(tmp_path: Path) -> None:
    prefix = tmp_path / "chat"
    lock = DatabaseLock(prefix)
    lock.acquire()
    # What a fork does to the descriptor: a second one on the same open file.
    lock_file = (tmp_path / "chat_client.lock").stat()
    [ours] = [name for name in os.listdir("/dev/fd") if _is_same(name, lock_file)]
    copy = os.dup(int(ours))
    if os.fork() == 0:
        lock.after_fork()
        os._exit(any(_is_same(name, lock_file) for name in os.listdir("/dev/fd")))
    _, status = os.wait()
    assert status == 0
    os.close(copy)
    with pytest.raises(DatabaseInUse):
        DatabaseLock(prefix).acquire()
    lock.release()
    lock.after_fork()  # nothing there, which is no error


def _is_same(name: str, wanted: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.fstat(int(name)), wanted)
    except OSError:
        return False


def test_an_orphan_that_has_ended_and_that_nobody_reaps_is_gone(tmp_path: Path) -> None:
    # The child ends at once; its parent never asks for its exit status.
    script = (
        "import subprocess, sys\nchild = subprocess.Popen(['true'])\nprint(child.pid, flush=True)\nsys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        orphan = psutil.Process(int(parent.stdout.readline()))
        while orphan.status() != psutil.STATUS_ZOMBIE:
            pass
        facts = {"pid": parent.pid, "child": orphan.pid, "created": orphan.create_time()}
        (tmp_path / "chat_client.json").write_text(json.dumps(facts), "ascii")
        lock = DatabaseLock(tmp_path / "chat")
        lock.acquire()
        lock.release()
        assert parent.stdin is not None
        parent.stdin.close()
