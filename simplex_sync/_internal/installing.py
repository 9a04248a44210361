"""Put a program that was fetched or given into its place: staged, checked, and only then there, in one step."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import filelock

from simplex_sync._internal import release
from simplex_sync._internal.deadline import Deadline
from simplex_sync._internal.download import Fetcher, NotFound, Progress, discard
from simplex_sync.errors import InstallError, InvalidArgument, SimplexError, Timeout

_log = logging.getLogger("simplex_sync.executable")

_LARGEST_SUMS = 1 << 20  # bytes


class Installer:
    """One installation into one folder.

    Args:
        method: The name of the method on whose behalf it is done, for the errors.
        folder: The folder that holds a folder for each version.
        deadline: Until when another installation may be waited for.
        sha256: The checksum that the program must have, or None to look it up.
        allow_unchecked: Whether it may be installed if no checksum is known.
    """

    def __init__(
        self, *, method: str, folder: Path, deadline: Deadline, sha256: str | None, allow_unchecked: bool
    ) -> None:
        self._method = method
        self._deadline = deadline
        self._folder = folder
        self._sha256 = sha256
        self._allow_unchecked = allow_unchecked
        self._version = ""
        self._asset = ""

    def download(self, version: str, base_url: str, fetcher: Fetcher, progress: Progress | None) -> Path:
        """Fetch a release and install it, if it is not there already.

        Args:
            version: The version, without its `v`.
            base_url: The address below which releases are found.
            fetcher: What fetches.
            progress: Called with the bytes that are there and those that there will be.

        Returns:
            The path of the program.
        """
        self._version = version
        with self._only_one():
            present = self._present(version)
            if present is not None:
                return present
            self._asset = release.asset_name(self._method)
            address = f"{base_url}/v{version}"
            url = f"{address}/{self._asset}"
            expected = self._sha256 or self._released_digest(fetcher, address, url)
            if expected is None:
                self._must_be_allowed(f"{address}/{release.SUMS} has no checksum of {self._asset}")
            part = self._folder_of(version) / f".{self._asset}.part"
            part.parent.mkdir(parents=True, exist_ok=True)
            digest = self._fetched(fetcher, url, part, expected, progress)
            return self._put_in_place(part, digest, is_checked=expected is not None)

    def copy(self, source: Path, version: str | None, ask_version: Callable[[Path], str]) -> Path:
        """Install a file of this machine.

        Args:
            source: The file.
            version: The version, without its `v`, or None to ask the program, after it was checked.
            ask_version: Runs a program and returns its version.

        Returns:
            The path of the program.
        """
        self._version = version or ""
        self._asset = source.name
        expected = self._sha256 or self._digest_beside(source)
        if expected is None:
            self._must_be_allowed(f"there is no {release.SUMS} with a checksum of {source.name} beside the file")
        with self._only_one():
            for abandoned in self._folder.glob(".*.part"):  # by an installation that was killed
                abandoned.unlink()
            handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=self._folder)
            os.close(handle)
            part = Path(name)
            try:
                shutil.copyfile(source, part)
                digest = _sha256(part)
                if expected is not None and digest != expected:
                    self._wrong_sum(str(source), expected, digest)
                part.chmod(0o700)
                if version is None:
                    try:
                        self._version = release.clean_version(ask_version(part), self._method)
                    except SimplexError as error:
                        raise self._error(
                            f"the version of {source} could not be learned by running it; if it is right for this "
                            f"system, pass version="
                        ) from error
                return self._put_in_place(part, digest, is_checked=expected is not None)
            finally:
                part.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _only_one(self) -> Iterator[None]:
        """Keep other installations out, and turn errors of the file system into ours."""
        remaining = self._deadline.remaining()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with filelock.FileLock(self._folder / ".lock", timeout=-1 if remaining is None else remaining):
                yield
        except SimplexError:
            raise
        except filelock.Timeout:
            raise Timeout(
                f"{self._method}: another installation into {self._folder} did not end in time; try again when it has, "
                f"or give more time with timeout=",
                seconds=self._deadline.seconds,
            ) from None
        except (ConnectionError, TimeoutError, InterruptedError):
            raise  # these are not of the file system, so they come from the caller's progress function
        except OSError as error:
            raise self._error(
                f"cannot write to {self._folder}: {error.strerror or type(error).__name__}. Make room or mend the "
                f"rights, or choose another place with folder="
            ) from error

    def _folder_of(self, version: str) -> Path:
        return self._folder / version

    def _present(self, version: str) -> Path | None:
        """Return the program if it is there and is what was once checked, so that nothing need be fetched."""
        program = self._folder_of(version) / release.PROGRAM
        try:
            noted = release.find_digest(_sums_file(program).read_text(encoding="utf-8"), program.name, self._method)
            is_whole = noted is not None and noted == _sha256(program) and os.access(program, os.X_OK)
        except (FileNotFoundError, UnicodeDecodeError):
            return None
        return program if is_whole and self._sha256 in (None, noted) else None

    def _released_digest(self, fetcher: Fetcher, address: str, url: str) -> str | None:
        """Return the checksum that the release's list gives, or None where it has none."""
        try:
            sums = fetcher.text(f"{address}/{release.SUMS}", _LARGEST_SUMS)
        except NotFound:
            # A version that does not exist has no list either; say which of the two it is.
            if not fetcher.exists(url):
                self._no_such_file(url)
            return None
        return release.find_digest(sums, self._asset, self._method)

    def _digest_beside(self, source: Path) -> str | None:
        try:
            sums = source.with_name(release.SUMS).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
        return release.find_digest(sums, source.name, self._method)

    def _fetched(self, fetcher: Fetcher, url: str, part: Path, expected: str | None, progress: Progress | None) -> str:
        """Fetch the file and return its checksum, which is the expected one."""
        while True:
            try:
                was_continued = fetcher.file(url, part, is_checked=expected is not None, progress=progress)
            except NotFound:
                self._no_such_file(url)
            digest = _sha256(part)
            if expected is None or digest == expected:
                return digest
            discard(part)
            # What was continued may be a mixture of two files; what came in one piece is what the server has.
            if not was_continued:
                self._wrong_sum(url, expected, digest)

    def _put_in_place(self, part: Path, digest: str, *, is_checked: bool) -> Path:
        program = self._folder_of(self._version) / release.PROGRAM
        program.parent.mkdir(parents=True, exist_ok=True)
        part.chmod(0o755)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        # The note goes first: without it, or with a wrong one, the program counts as unchecked and is fetched again.
        _sums_file(program).unlink(missing_ok=True)
        part.replace(program)
        if is_checked:
            _sums_file(program).write_text(f"{digest}  {program.name}\n", encoding="utf-8")
        else:
            _log.warning(
                "%s: %s %s was installed without being checked, since no checksum of it is known; its SHA-256 is %s",
                self._method,
                release.PROGRAM,
                self._version,
                digest,
            )
        discard(part)
        _sync_folder(program.parent)
        return program

    def _error(self, message: str) -> InstallError:
        return InstallError(f"{self._method}: {message}", version=self._version, asset=self._asset)

    def _no_such_file(self, url: str) -> NoReturn:
        raise self._error(
            f"version {self._version} has no {self._asset}: nothing at {url}. Look for its name and version on "
            f"{release.RELEASES_PAGE}"
        ) from None

    def _must_be_allowed(self, why: str) -> None:
        if not self._allow_unchecked:
            raise self._error(
                f"cannot check the program: {why}. Pass its checksum as sha256=, or allow_unchecked=True if you trust "
                f"where it comes from"
            )

    def _wrong_sum(self, source: str, expected: str, digest: str) -> NoReturn:
        raise self._error(
            f"{source} has the SHA-256 {digest} and not {expected}, so it was not installed; it was damaged or "
            f"changed on its way, or the expected checksum is of another file"
        )


class ProgressLine:
    """Writes the progress of a download into one line on stderr."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._shown = ""

    def __call__(self, received: int, total: int | None) -> None:
        """Show how far it is.

        Args:
            received: The bytes that are there.
            total: The bytes that there will be, or None if that is not known.
        """
        share = f" of {total / 1e6:.0f} MB ({received / total:.0%})" if total else " MB"
        line = f"{self._label}: {received / 1e6:.0f}{share}"
        if line != self._shown:
            self._shown = line
            print(f"\r{line}", end="\n" if received == total else "", file=sys.stderr, flush=True)


def local_file(path: str | os.PathLike[str], method: str) -> Path:
    """Return the path of a file that is to be installed.

    Raises:
        InvalidArgument: There is no such file.
    """
    source = Path(path).expanduser().absolute()
    if not source.is_file():
        what = "is a folder" if source.is_dir() else "does not exist"
        raise InvalidArgument(f"{method}: from_file names {str(source)!r}, which {what}", argument="from_file")
    if not os.access(source, os.R_OK):
        raise InvalidArgument(f"{method}: from_file names {str(source)!r}, which may not be read", argument="from_file")
    return source


def _sums_file(program: Path) -> Path:
    return program.with_name(program.name + ".sha256")


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
