"""One client a database: the CLI itself starts a second time without a word, and the two damage each other's view.

The lock is the operating system's, so it goes with the process that holds it. A small file beside it says who that is,
for the error message, and which CLI it started: where a client was killed, its CLI may live a moment longer.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import filelock
import psutil

from simplex_sync._internal.deadline import Deadline
from simplex_sync.errors import DatabaseInUse, InvalidArgument, StartError

#: Seconds to wait for the CLI of a client that was killed.
_ORPHAN_SECONDS = 3.0


def database_prefix(method: str, database: str | os.PathLike[str]) -> Path:
    """Return the absolute prefix of the database files.

    Raises:
        InvalidArgument: It cannot be a path.
    """
    text: object = os.fspath(database) if isinstance(database, (str, os.PathLike)) else None
    if not isinstance(text, str):
        raise InvalidArgument(
            f"{method}: database must be a path (the prefix of the database files), not {type(database).__name__}",
            argument="database",
        )
    if not text.strip() or any(ord(letter) < 32 for letter in text):
        raise InvalidArgument(
            f"{method}: database must be a path of printable characters (the prefix of the database files)",
            argument="database",
        )
    path = Path(text).expanduser()
    if text.endswith(("/", os.sep)) or path.is_dir():
        raise InvalidArgument(
            f"{method}: database names the folder {str(path)!r}; give the prefix of the files in it, such as "
            f"{str(path / 'chat')!r}",
            argument="database",
        )
    return Path(os.path.abspath(path))


def make_folder(method: str, path: Path) -> None:
    """Make a folder, and those above it, for the owner only, where it is missing.

    Raises:
        StartError: It cannot be made, or something else is there.
    """
    try:
        if not path.is_dir():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise StartError(f"{method}: the folder {str(path)!r} cannot be made: {error.strerror}") from error


def _for_the_owner(path: str, flags: int) -> int:
    """Open a file that only its owner can read; follow no link, and wait for nobody where it is somebody's pipe."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)


class DatabaseLock:
    """The lock of one database.

    Args:
        prefix: The prefix of the database files.
    """

    def __init__(self, prefix: Path) -> None:
        self._prefix = prefix
        self._owner_file = prefix.with_name(prefix.name + "_client.json")
        self._lock = filelock.FileLock(
            prefix.with_name(prefix.name + "_client.lock"), timeout=0, mode=0o600, thread_local=False
        )

    def acquire(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Take the lock.

        Args:
            stopped: Says whether to give up.

        Raises:
            DatabaseInUse: Another client has it, or the CLI of a client that was killed does not end.
            StartError: The folder cannot be written to.
        """
        try:
            self._lock.acquire()
        except filelock.Timeout:
            raise self._in_use(self._owner().get("pid")) from None
        except OSError as error:
            raise StartError(f"start: the lock of {str(self._prefix)!r} cannot be made: {error.strerror}") from error
        try:
            self._wait_for_orphan(stopped)
            self.note(None, 0.0)
        except BaseException:
            self._lock.release()
            raise

    def note(self, child: int | None, created: float) -> None:
        """Write down who holds the lock, and the CLI that it started.

        Raises:
            StartError: It cannot be written.
        """
        facts = json.dumps({"pid": os.getpid(), "child": child, "created": created})
        try:
            with open(self._owner_file, "w", encoding="ascii", opener=_for_the_owner) as file:
                file.write(facts)
        except OSError as error:
            raise StartError(f"start: {str(self._owner_file)!r} cannot be written: {error.strerror}") from error

    def release(self) -> None:
        """Give the lock back. Can be called again."""
        if self._lock.is_locked:
            with contextlib.suppress(OSError):
                self._owner_file.unlink()
            self._lock.release()

    def after_fork(self) -> None:
        """In a forked process: close our copy of the lock file, which unlocks nothing."""
        with contextlib.suppress(OSError):
            wanted = os.stat(self._lock.lock_file)
            for name in os.listdir("/dev/fd"):
                with contextlib.suppress(OSError):
                    if os.path.samestat(os.fstat(int(name)), wanted):
                        os.close(int(name))

    def _owner(self) -> dict[str, object]:
        try:
            with open(self._owner_file, encoding="ascii", opener=_for_the_owner) as file:
                facts = json.loads(file.read())
        except (OSError, ValueError):
            return {}
        return facts if isinstance(facts, dict) else {}

    def _wait_for_orphan(self, stopped: Callable[[], bool]) -> None:
        facts = self._owner()
        child, created = facts.get("child"), facts.get("created")
        if not isinstance(child, int) or not isinstance(created, (int, float)):
            return
        try:
            process = psutil.Process(child)
            if abs(process.create_time() - created) > 1:
                return
        except psutil.NoSuchProcess:
            return
        deadline = Deadline(_ORPHAN_SECONDS)
        while not stopped():
            try:
                # It has ended then; in a container there may be nobody who ever takes its exit status.
                if process.status() == psutil.STATUS_ZOMBIE:
                    return
                process.wait(timeout=deadline.at_most(0.1))
            except psutil.NoSuchProcess:
                return
            except psutil.TimeoutExpired:
                if deadline.passed:
                    raise self._in_use(child) from None
            else:
                return

    def _in_use(self, pid: object) -> DatabaseInUse:
        number = pid if isinstance(pid, int) else None
        if number == os.getpid():
            who = f"another client of this process (pid {number}): close it, or call SimplexChat.close_all()"
        elif number is None:
            who = "another client: close it first"
        else:
            who = f"the process with pid {number}: end it, or close its client"
        return DatabaseInUse(
            f"start: the database {str(self._prefix)!r} is in use by {who}", database=str(self._prefix), pid=number
        )
