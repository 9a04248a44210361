"""Find, check and install the `simplex-chat` program.

What only an installation needs (HTTP, checksums, locks) lives in private modules that are imported when it is called,
since every client imports this module.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from simplex_sync._internal.deadline import Deadline, check_timeout
from simplex_sync._internal.release import DOWNLOADS, PROGRAM, RELEASES_PAGE, default_folder, installed_in
from simplex_sync.errors import CliExited, ExecutableNotFound, InvalidArgument, StartError, StartTimeout

if TYPE_CHECKING:
    from collections.abc import Callable

    import tenacity

__all__ = ["DEFAULT_VERSION", "find", "install", "installed", "version"]

DEFAULT_VERSION = "6.4.5"
"""The release that `install()` fetches if none is named: the one that this package was measured against."""

_VARIABLE = "SIMPLEX_CHAT_BIN"
_SIMULATOR = re.compile(r"simulator(?::(\d+(?:\.\d+)*))?")
# `SimpleX Chat v6.4.5.1`, and whatever else a version might make of it.
_VERSION_LINE = re.compile(r"simplex[ -]?chat\s+(?:version\s+)?v?(\d+(?:\.\d+)+)", re.IGNORECASE)


def find(executable: str | os.PathLike[str] | None = None, *, method: str = "start") -> list[str]:
    """Return the beginning of the command line that starts the CLI.

    Looked for in this order: the argument, the environment variable `SIMPLEX_CHAT_BIN`, `simplex-chat` on PATH, the
    newest version that `install()` put into the user's data folder.

    Args:
        executable: The path of the program, or a name to look up on PATH. `"simulator"` is the simulator of this
            package, `"simulator:7.0"` the simulator in the form of that version. None goes on with the next place.
            `SIMPLEX_CHAT_BIN` takes the same values.
        method: The name of the method on whose behalf it is looked for, for the error.

    Returns:
        The program with its absolute path and, for the simulator, the arguments that come before all others.

    Raises:
        ExecutableNotFound: Nothing was found, or what was named is missing, a folder, or may not be executed.
        InvalidArgument: `executable` is neither text nor a path, or it is empty.
    """
    if executable is not None:
        given: object = os.fspath(executable) if isinstance(executable, os.PathLike) else executable
        if not isinstance(given, str) or not given.strip() or "\0" in given:
            what = (
                "is empty or no path"
                if isinstance(given, str)
                else f"must be text or a path, not {type(given).__name__}"
            )
            raise InvalidArgument(
                f"{method}: executable {what}; leave it out to have {PROGRAM} looked for", argument="executable"
            )
        return _named(given, "the argument executable", method, is_path=not isinstance(executable, str))
    name = os.environ.get(_VARIABLE, "").strip()
    if name:
        return _named(name, f"the environment variable {_VARIABLE}", method, is_path=False)
    on_path = shutil.which(PROGRAM)
    if on_path is not None:
        return [str(Path(on_path).absolute())]
    versions = installed()
    if versions:
        return [str(list(versions.values())[-1])]
    raise ExecutableNotFound(
        f"{method}: no {PROGRAM} program found: neither {_VARIABLE} is set, nor is {PROGRAM} on PATH, nor was one "
        f"installed by simplex-sync. Install it with `simplex-sync install`, or fetch it from {RELEASES_PAGE} and pass "
        f'executable= or set {_VARIABLE}. To try things out without it, use the simulator: executable="simulator" or '
        f"{_VARIABLE}=simulator"
    )


def _named(name: str, source: str, method: str, *, is_path: bool) -> list[str]:
    """Return the command line for a program that was named by the user."""
    simulator = None if is_path else _SIMULATOR.fullmatch(name)
    if simulator is not None:
        return _simulator(simulator[1], method)
    path = Path(name).expanduser()
    if not is_path and os.sep not in name and not name.startswith("~"):
        on_path = shutil.which(name)
        if on_path is not None:
            return [str(Path(on_path).absolute())]
        here = f"; for the one in the current folder write ./{name}" if path.exists() else ""
        raise ExecutableNotFound(
            f"{method}: {source} names {name!r}, which is not on PATH{here}. Give the path of the program, or "
            f"install it with `simplex-sync install`"
        )
    path = path.absolute()
    if path.is_dir():
        inner = path / PROGRAM
        advice = f"did you mean {str(inner)!r}?" if inner.is_file() else "give the path of the program itself"
        raise ExecutableNotFound(f"{method}: {source} names the folder {str(path)!r}; {advice}")
    if not path.exists():
        raise ExecutableNotFound(
            f"{method}: {source} names {str(path)!r}, which does not exist. Correct the path, or install the program "
            f"with `simplex-sync install`"
        )
    if not os.access(path, os.X_OK):
        raise ExecutableNotFound(
            f"{method}: {source} names {str(path)!r}, which may not be executed; make it so with `chmod +x {path}`"
        )
    return [str(path)]


def _simulator(cli_version: str | None, method: str) -> list[str]:
    if not sys.executable:
        raise ExecutableNotFound(
            f"{method}: the simulator needs a Python interpreter, but sys.executable is empty in this program"
        )
    start = Path(__file__).resolve().parent / "_internal" / "start_simulator.py"
    return [sys.executable, str(start), *(("--cli-version", cli_version) if cli_version else ())]


def version(
    executable: str | os.PathLike[str] | Sequence[str] | None = None,
    *,
    timeout: float | None = 20.0,
    method: str = "version",
) -> str:
    """Return the version of the CLI, as `--version` prints it.

    Args:
        executable: As for `find()`, or the command line that `find()` returned.
        timeout: How long the program may take, in seconds; None waits without end.
        method: The name of the method on whose behalf it is run, for the errors.

    Returns:
        The version without its `v`, such as `"6.4.5.1"`.

    Raises:
        ExecutableNotFound: There is no such program, or the system cannot run it.
        StartTimeout: It did not end in time; it was killed.
        CliExited: It ended with an error.
        StartError: It printed something else than the version of a simplex-chat.
        InvalidArgument: An argument cannot be right.
    """
    import signal
    import subprocess

    timeout = check_timeout(method, timeout)
    if executable is None or isinstance(executable, (str, os.PathLike)):
        command = find(executable, method=method)
    else:
        command = list(executable)
        if not command:
            raise InvalidArgument(f"{method}: the command line in executable is empty", argument="executable")
    try:
        child = subprocess.Popen(
            [*command, "--version"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # Without the database key: it may be any program that somebody named.
            env={**{name: os.environ[name] for name in os.environ if name != "SIMPLEX_CHAT_KEY"}, "LC_ALL": "C.UTF-8"},
            start_new_session=True,  # so that a wrapper script is killed together with what it started
        )
    except OSError as error:
        raise ExecutableNotFound(
            f"{method}: the system cannot run {command[0]!r}: {error.strerror}. Is it made for this system and "
            f"processor? `simplex-sync install` fetches the right one"
        ) from error
    with child:
        try:
            printed, _ = child.communicate(timeout=timeout)
        except BaseException as error:
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                child.kill()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            raise StartTimeout(
                f"{method}: {command[0]!r} did not print its version within {timeout:g} seconds"
            ) from None
    output = printed.decode("utf-8", "replace").strip()[-2000:]
    last_line = output.rpartition("\n")[2][:200]
    if child.returncode != 0:
        raise CliExited(
            f"{method}: {command[0]!r} ended with status {child.returncode} when asked for its version: {last_line}",
            output=output,
            exit_status=child.returncode,
        )
    found = _VERSION_LINE.search(output)
    if found is None:
        raise StartError(
            f"{method}: {command[0]!r} is no simplex-chat: asked for its version it printed {last_line!r}",
            output=output,
            exit_status=0,
        )
    return found[1]


_ask_version = version  # install() has an argument of that name


def installed(folder: str | os.PathLike[str] | None = None) -> dict[str, Path]:
    """Return the versions of the CLI that `install()` put into a folder.

    Args:
        folder: The folder that was given to `install()`; None is the one in the user's data folder.

    Returns:
        Each version and the path of its program, the oldest version first; empty if there are none.
    """
    return installed_in(_folder(folder))


def install(
    version: str | None = None,
    *,
    folder: str | os.PathLike[str] | None = None,
    from_file: str | os.PathLike[str] | None = None,
    base_url: str = DOWNLOADS,
    sha256: str | None = None,
    allow_unchecked: bool = False,
    progress: Callable[[int, int | None], object] | Literal[True] | None = None,
    timeout: float | None = 900.0,
    stall_timeout: float = 30.0,
    retry: tenacity.BaseRetrying | None = None,
) -> Path:
    """Install the official release of the CLI for this machine, so that `find()` finds it.

    The program is fetched, or copied, beside its place, checked by its SHA-256, and then put there in one step. A
    version that is there and was checked is not fetched again. What was fetched when an attempt breaks off is kept and
    continued by the next one. Two installations at once wait for each other.

    Args:
        version: The release, such as `"6.4.5"`; None is `DEFAULT_VERSION`, or with `from_file` what that program says
            when it is run (after it was checked).
        folder: The folder to install into, one folder for each version; None is the one in the user's data folder,
            the only one where `find()` looks.
        from_file: A file to install instead of fetching one. Its checksum is looked for in a file `_sha256sums` beside
            it.
        base_url: Where releases are: the program is `BASE_URL/vVERSION/ASSET`, and the checksums are in
            `BASE_URL/vVERSION/_sha256sums`.
        sha256: The checksum that the program must have, 64 hexadecimal digits; None takes the one that the release's
            list gives, which covers the programs for Linux only.
        allow_unchecked: Install also if there is no checksum to check by; a warning is logged then.
        progress: Called as `progress(received_bytes, total_bytes)`, where the total is None if it is not known; True
            writes a line on stderr.
        timeout: How long everything may take, in seconds; None is without end. It is looked at whenever something
            arrives, so a server that falls silent can add up to `stall_timeout`.
        stall_timeout: How long a server may be silent, in seconds.
        retry: A `tenacity.Retrying` that says how often and after what time to try again after a lost connection or a
            passing error of the server. None tries six times.

    Returns:
        The path of the program.

    Raises:
        InvalidArgument: An argument cannot be right.
        InstallError: There is no such release or none for this machine, it cannot be reached, checked or written, or
            its checksum is wrong.
        Timeout: It was not done in time.
    """
    from simplex_sync._internal.download import Fetcher, clean_base_url
    from simplex_sync._internal.installing import Installer, ProgressLine, local_file
    from simplex_sync._internal.release import clean_digest, clean_version

    method = "install"
    deadline = Deadline(check_timeout(method, timeout))
    if not stall_timeout > 0:
        raise InvalidArgument(f"{method}: stall_timeout must be more than 0 seconds", argument="stall_timeout")
    wanted = None if version is None else clean_version(version, method)
    installer = Installer(
        method=method,
        folder=_folder(folder),
        deadline=deadline,
        sha256=None if sha256 is None else clean_digest(sha256, method),
        allow_unchecked=allow_unchecked,
    )
    if from_file is not None:
        return installer.copy(local_file(from_file, method), wanted, _ask_version)
    address = clean_base_url(base_url, method)
    fetcher = Fetcher(method=method, deadline=deadline, stall_timeout=stall_timeout, retry=retry)
    report = ProgressLine(method) if progress is True else progress
    return installer.download(wanted or DEFAULT_VERSION, address, fetcher, report)


def _folder(folder: str | os.PathLike[str] | None) -> Path:
    return default_folder() if folder is None else Path(folder).expanduser().absolute()
