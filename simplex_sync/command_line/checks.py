"""What `doctor` looks at: each check says what it found and what to do about it, and changes nothing."""

from __future__ import annotations

import contextlib
import locale
import os
import shutil
import sys
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from simplex_sync import executable
from simplex_sync._internal.database import DatabaseLock
from simplex_sync.command_line.failures import sentence
from simplex_sync.command_line.options import Options
from simplex_sync.errors import DatabaseInUse, SimplexError

OK, WARNING, PROBLEM, SKIPPED = "ok", "warning", "problem", "skipped"

#: Bytes of free space below which files will not fit, and below which hardly anything will.
_LITTLE_SPACE, _NO_SPACE = 1 << 30, 50 << 20


@dataclass
class Finding:
    """What a check found.

    Attributes:
        check: What was looked at, in a word or two.
        state: `ok`, `warning`, `problem` or `skipped`.
        found: What is the case.
        advice: What to do about it; empty where nothing need be done.
    """

    check: str
    state: str
    found: str
    advice: str = ""

    def to_dict(self) -> dict[str, str]:
        """Return the finding as a JSON object."""
        return {"check": self.check, "state": self.state, "found": self.found, "advice": self.advice}


def findings(options: Options, *, start: bool) -> Iterator[Finding]:
    """Look at everything, and give each finding as soon as it is there.

    Args:
        options: The options before the command.
        start: Whether the CLI may be started on the database.
    """
    program = yield from _program(options)
    yield from _terminal()
    client = options.client()  # the checked paths
    settings = client._settings
    assert settings is not None
    prefix = settings.prefix
    fit = yield from _folders(prefix.parent, settings.files_folder, settings.temp_folder)
    there, free = yield from _database(prefix)
    if not start:
        yield Finding("start", SKIPPED, "not tried, as you wished")
    elif not there:
        yield Finding("start", SKIPPED, "not tried: there is no database yet")
    elif not program or not fit or not free:
        yield Finding("start", SKIPPED, "not tried, for the reasons above")
    else:
        yield _start(options)


def _program(options: Options) -> Generator[Finding, None, bool]:
    try:
        command = executable.find(options.executable, method="doctor")
    except SimplexError as error:
        yield Finding("program", PROBLEM, sentence(error), "run `simplex-sync install`")
        return False
    what = " ".join(command[1:2]) if len(command) > 1 else command[0]
    yield Finding("program", OK, f"the simulator of this package ({what})" if len(command) > 1 else what)
    try:
        version = executable.version(command, timeout=options.timeout, method="doctor")
    except SimplexError as error:
        yield Finding("version", PROBLEM, sentence(error), "run `simplex-sync install`, or give another --executable")
        return False
    major, minor = (*(int(part) for part in version.split(".")), 0)[:2]
    if (major, minor) < (6, 4):
        yield Finding("version", PROBLEM, f"{version} is older than 6.4", "run `simplex-sync install`")
        return False
    if major > 7:
        yield Finding(
            "version", WARNING, f"{version} is newer than what this package knows (6.4 to 7)", "upgrade simplex-sync"
        )
    else:
        yield Finding("version", OK, version)
    return True


def _terminal() -> Iterator[Finding]:
    encoding = (sys.stdout.encoding or "").lower().replace("-", "").replace("_", "")
    if encoding == "utf8":
        yield Finding("locale", OK, f"{locale.setlocale(locale.LC_CTYPE)}, output in UTF-8")
    else:
        yield Finding(
            "locale",
            WARNING,
            f"output is in {sys.stdout.encoding}, so some names and QR codes will not show",
            "set LC_ALL=C.UTF-8 or PYTHONUTF8=1",
        )
    if not sys.stdout.isatty():
        yield Finding("terminal", OK, "the output is no terminal: tables are plain lines")
        return
    columns, lines = shutil.get_terminal_size()
    if columns < 80:
        advice = "make the window wider than 80 columns for QR codes and tables"
        yield Finding("terminal", WARNING, f"{columns} columns, {lines} lines", advice)
    else:
        yield Finding("terminal", OK, f"{columns} columns, {lines} lines")


def _folders(database: Path, files: Path, temp: Path) -> Generator[Finding, None, bool]:
    fit = True
    for name, folder in (("database folder", database), ("files folder", files), ("temporary files", temp)):
        there = folder
        while not there.exists() and there != there.parent:
            there = there.parent
        made = "" if there == folder else ", which will be made"
        if not there.is_dir():
            fit = False
            yield Finding(name, PROBLEM, f"{there} is no folder", "move it away, or choose another --database")
            continue
        if not os.access(there, os.W_OK | os.X_OK):
            fit = False
            yield Finding(
                name, PROBLEM, f"{there} may not be written to", "mend its rights, or choose another --database"
            )
            continue
        space = shutil.disk_usage(there).free
        found = f"{folder}{made}, {_size(space)} free"
        if space < _NO_SPACE:
            fit = False
            yield Finding(name, PROBLEM, found, "make room")
        elif space < _LITTLE_SPACE:
            yield Finding(name, WARNING, found, "make room: one file can have 1 GB")
        else:
            yield Finding(name, OK, found)
    if files.is_dir() and temp.is_dir() and _device(files) != _device(temp):
        fit = False
        advice = "put them on one, or received files come out empty"
        yield Finding("file system", PROBLEM, "files and temporary files are on two file systems", advice)
    return fit


def _database(prefix: Path) -> Generator[Finding, None, tuple[bool, bool]]:
    """Say whether the database is there; return that, and whether nobody uses it."""
    chat = prefix.with_name(prefix.name + "_chat.db")
    agent = prefix.with_name(prefix.name + "_agent.db")
    there = [path for path in (chat, agent) if path.exists()]
    if not there:
        advice = "the first command that starts the CLI makes it: give --display-name NAME"
        yield Finding("database", OK, f"{prefix} does not exist yet", advice)
        return False, True
    if len(there) == 1:
        missing = agent if there[0] == chat else chat
        yield Finding(
            "database", PROBLEM, f"{missing} is missing", "put it back from your backup: both belong together"
        )
        return False, True
    is_open = prefix.parent.stat().st_mode & 0o011
    others = [path for path in there if is_open and path.stat().st_mode & 0o077]
    size = _size(sum(path.stat().st_size for path in there))
    if others:
        advice = f"chmod 600 {' '.join(map(str, others))}"
        yield Finding("database", WARNING, f"{prefix}, {size}; other users of the machine may read it", advice)
    else:
        yield Finding("database", OK, f"{prefix}, {size}")
    pid = _user_of(prefix, chat)
    if pid is None:
        yield Finding("in use", OK, "by nobody")
        return True, True
    advice = "end that process first: two on one database damage each other's view"
    yield Finding("in use", PROBLEM, f"by the process with pid {pid}" if pid else "by another client", advice)
    return True, False


def _user_of(prefix: Path, chat: Path) -> int | None:
    """Return the process that uses the database: 0 where it is not known which, None where there is none."""
    if prefix.with_name(prefix.name + "_client.lock").exists():
        lock = DatabaseLock(prefix)
        try:
            lock.acquire()
        except DatabaseInUse as error:
            return error.pid or 0
        except SimplexError:
            return None  # the folder cannot be written to, which another check says
        lock.release()
    # A CLI that was started by hand holds no lock of ours.
    for process in psutil.process_iter(["pid", "uids"]):
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.uids().real == os.getuid():
                for file in process.open_files():
                    if Path(file.path).name == chat.name and chat.samefile(file.path):
                        return int(process.pid)
    return None


def _start(options: Options) -> Finding:
    try:
        with options.started() as chat:
            return Finding("start", OK, f"the CLI {chat.cli_version} opens the database and takes commands")
    except (SimplexError, OSError) as error:
        return Finding("start", PROBLEM, sentence(error), "any command with -v shows the traceback")


def _device(folder: Path) -> int:
    """Return the number of the file system that a folder is on."""
    return folder.stat().st_dev


def _size(count: float) -> str:
    """Return a number of bytes for people."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
