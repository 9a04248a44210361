"""Fetch files over HTTP: bounded in time, tried again after what may pass, continued where it broke off."""

from __future__ import annotations

import http.client
import json
import os
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPMessage, HTTPResponse
from pathlib import Path
from typing import IO, Any, NoReturn, TypeVar
from urllib.parse import urlsplit

import tenacity

from simplex_sync._internal.deadline import Deadline
from simplex_sync._version import __version__
from simplex_sync.errors import InstallError, InvalidArgument, Timeout

Progress = Callable[[int, "int | None"], object]
_T = TypeVar("_T")

_PIECE = 1 << 16  # bytes read at once
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


class NotFound(Exception):
    """The server has no such file."""


class _Passing(Exception):
    """An attempt failed in a way that may pass."""


class _RangeRefused(Exception):
    """The server has no bytes at the place where the download was to be continued."""


def clean_base_url(base_url: str, method: str) -> str:
    """Return the address below which releases are found, without a slash at its end.

    Args:
        base_url: An `http://` or `https://` URL.
        method: The name of the method, for the error.

    Raises:
        InvalidArgument: It is something else, or it carries a password, a query or a fragment. The URL is not repeated
            in the error.
    """
    try:
        parts = urlsplit(base_url)
        is_plain = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except (ValueError, AttributeError, TypeError):
        is_plain = False
    # Whitespace and control characters could add lines to the request.
    if not is_plain or not isinstance(base_url, str) or not base_url.isprintable() or " " in base_url:
        raise InvalidArgument(
            f"{method}: base_url must be an http:// or https:// URL; use from_file= for a file of this machine",
            argument="base_url",
        )
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise InvalidArgument(
            f"{method}: base_url must have no user name, password, query or fragment; fetch the file by other means "
            f"and use from_file=",
            argument="base_url",
        )
    return base_url.rstrip("/")


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follow redirects to HTTP only, and never from `https` to `http`."""

    def __init__(self, method: str) -> None:
        self.method = method

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        target = urlsplit(newurl).scheme
        if target != "https" and not (target == "http" and req.type == "http"):
            fp.close()
            raise InstallError(f"{self.method}: the server redirects {req.host} to an address that is not safe")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class Fetcher:
    """Fetches the files of one installation, all within one limit of time.

    Args:
        method: The name of the method on whose behalf it fetches, for the errors.
        deadline: When everything must be done.
        stall_timeout: How long a server may be silent, in seconds.
        retry: How often and after what time to try again; what is tried again is decided here.
    """

    def __init__(
        self, *, method: str, deadline: Deadline, stall_timeout: float, retry: tenacity.BaseRetrying | None = None
    ) -> None:
        self._method = method
        self._deadline = deadline
        self._stall_timeout = stall_timeout
        policy = retry or tenacity.Retrying(
            stop=tenacity.stop_after_attempt(6), wait=tenacity.wait_random_exponential(multiplier=0.5, max=10)
        )
        sleep = policy.sleep
        self._policy = policy.copy(
            retry=tenacity.retry_if_exception_type(_Passing),
            sleep=lambda seconds: sleep(deadline.at_most(seconds)),
            reraise=True,
        )
        self._opener = urllib.request.build_opener(_SafeRedirects(method))

    def text(self, url: str, limit: int) -> str:
        """Return a small text file.

        Args:
            url: Where it is.
            limit: How long it may be, in bytes.

        Raises:
            NotFound: There is no such file.
            InstallError: The server refuses, or cannot be reached, or the file is too long.
            Timeout: The time is over.
        """

        def attempt() -> str:
            content = b""
            with self._open(url, {}) as response:
                expected = response.length
                while piece := self._read(response, url):
                    content += piece
                    if len(content) > limit:
                        raise InstallError(f"{self._method}: {url} is longer than {limit} bytes, so it is not used")
            if expected is not None and len(content) < expected:
                raise _Passing("the connection was closed too early")
            return content.decode("utf-8", "replace")

        return self._retried(attempt, url)

    def exists(self, url: str) -> bool:
        """Return whether the server has a file, without fetching it.

        Args:
            url: Where it is.

        Raises:
            InstallError: The server refuses or cannot be reached.
            Timeout: The time is over.
        """

        def attempt() -> bool:
            # Not every server knows HEAD; asking for one byte is understood or does no harm.
            try:
                self._open(url, {"Range": "bytes=0-0"}).close()
            except NotFound:
                return False
            except _RangeRefused:
                return True
            return True

        return self._retried(attempt, url)

    def file(self, url: str, part: Path, *, is_checked: bool, progress: Progress | None) -> bool:
        """Fetch a file, continuing what is there of it.

        Args:
            url: Where it is.
            part: Where to put it. What is there and belongs to the URL is continued.
            is_checked: Whether the content will be compared with a checksum, so that a mixture would be found.
            progress: Called with the bytes that are there and those that there will be, or None if that is not known.

        Returns:
            Whether any of it had been there before this call or attempt.

        Raises:
            NotFound: There is no such file.
            InstallError: The server refuses, or cannot be reached, or breaks off again and again.
            Timeout: The time is over.
            OSError: The file cannot be written.
        """
        was_continued = False

        def attempt() -> None:
            nonlocal was_continued
            have, validator, total = _state_of(part, url, is_checked)
            if have and have == total:
                was_continued = True
                return
            headers = {"Range": f"bytes={have}-"} if have else {}
            if have and validator:
                headers["If-Range"] = validator
            try:
                response = self._open(url, headers)
            except _RangeRefused:
                discard(part)
                raise _Passing("the server has not the bytes that were asked for") from None
            with response:
                have, total = self._place(response, have, part)
                was_continued = was_continued or have > 0
                self._store(response, url, part, have, total, is_checked, progress)

        self._retried(attempt, url)
        return was_continued

    def _place(self, response: HTTPResponse, have: int, part: Path) -> tuple[int, int | None]:
        """Return at which byte the answer begins and how long the whole file is."""
        if response.status != 206:
            return 0, response.length
        place = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if place is None or int(place[1]) != have:
            discard(part)
            raise _Passing("the server sent other bytes than were asked for")
        return have, None if place[2] == "*" else int(place[2])

    def _store(
        self,
        response: HTTPResponse,
        url: str,
        part: Path,
        have: int,
        total: int | None,
        is_checked: bool,
        progress: Progress | None,
    ) -> None:
        """Append the answer to the file and make sure that it is whole."""
        if total is None and not is_checked:
            raise InstallError(
                f"{self._method}: the server does not say how long {url} is, so without a checksum nobody could tell "
                f"whether it came whole; pass sha256="
            )
        if not have:
            discard(part)  # first, so that no bytes of another file can be taken for this one's
        _write_state(part, url, response, total)
        with part.open("ab" if have else "wb") as file:
            while piece := self._read(response, url):
                file.write(piece)
                have += len(piece)
                if progress is not None:
                    progress(have, total)
            file.flush()
            os.fsync(file.fileno())
        if total is not None and have < total:
            raise _Passing(f"the connection was closed after {have} of {total} bytes")
        if total is not None and have > total:
            discard(part)
            raise _Passing(f"the server sent more than the {total} bytes that it had announced")

    def _open(self, url: str, headers: dict[str, str]) -> HTTPResponse:
        """Send a request and return the answer with its body unread."""
        seconds = self._deadline.at_most(self._stall_timeout)
        if seconds <= 0:
            self._time_is_over(url)
        self._opener.addheaders = [("User-Agent", f"simplex-sync/{__version__}"), *headers.items()]
        try:
            response: HTTPResponse = self._opener.open(url, timeout=seconds)
        except urllib.error.HTTPError as error:
            with error:
                self._refused(error.code, url)
        except urllib.error.URLError as error:
            if isinstance(error.reason, ssl.SSLCertVerificationError):
                raise InstallError(
                    f"{self._method}: the certificate of the server of {url} cannot be verified: "
                    f"{error.reason.verify_message}. Check the clock and the certificates of this system"
                ) from error
            raise _Passing(_reason(error.reason)) from error
        except (OSError, http.client.HTTPException) as error:
            raise _Passing(_reason(error)) from error
        return response

    def _refused(self, status: int, url: str) -> NoReturn:
        if status in (404, 410):
            raise NotFound(url)
        if status == 416:
            raise _RangeRefused
        if status in (408, 425, 429) or status >= 500:
            raise _Passing(f"the server answered with status {status}")
        raise InstallError(f"{self._method}: the server refused {url} with status {status}")

    def _read(self, response: HTTPResponse, url: str) -> bytes:
        """Return the next bytes of an answer as they come, or none at its end."""
        try:
            # read1 returns what one call of the system gives, so a server that trickles cannot hold us past the end.
            piece = response.read1(_PIECE)
        except (OSError, http.client.HTTPException) as error:
            raise _Passing(_reason(error)) from error
        if piece and self._deadline.passed:
            self._time_is_over(url)
        return piece

    def _retried(self, attempt: Callable[[], _T], url: str) -> _T:
        try:
            return self._policy(attempt)
        except _Passing as error:
            if self._deadline.passed:
                self._time_is_over(url)
            raise InstallError(
                f"{self._method}: {url} could not be fetched: {error}. Try again later, which continues where it broke "
                f"off; on a machine without network use from_file="
            ) from error

    def _time_is_over(self, url: str) -> NoReturn:
        raise Timeout(
            f"{self._method}: {url} was not fetched within {self._deadline.seconds:g} seconds; try again, which "
            f"continues where it broke off, or give more time with timeout=",
            seconds=self._deadline.seconds,
        )


def _reason(error: object) -> str:
    """Return in short why a connection failed; errors of `http.client` can quote what the server sent, so not those."""
    if isinstance(error, TimeoutError):
        return "the server was silent for too long"
    if isinstance(error, OSError):
        return error.strerror or "the connection was closed"
    return f"the server broke the protocol ({type(error).__name__})"


def state_file(part: Path) -> Path:
    """Return where it is kept what a partial file belongs to."""
    return part.with_name(part.name + ".json")


def discard(part: Path) -> None:
    """Remove a partial file."""
    part.unlink(missing_ok=True)
    state_file(part).unlink(missing_ok=True)


def _write_state(part: Path, url: str, response: HTTPResponse, total: int | None) -> None:
    tag = response.headers.get("ETag", "")
    state = {
        "url": url,
        # A weak tag does not promise the same bytes.
        "etag": "" if tag.startswith("W/") else tag,
        "last_modified": response.headers.get("Last-Modified", ""),
        "total": total,
    }
    state_file(part).write_text(json.dumps(state), encoding="utf-8")


def _state_of(part: Path, url: str, is_checked: bool) -> tuple[int, str, int | None]:
    """Return how many bytes can be kept, what proves that they are of the same file, and how long that is."""
    try:
        state: Any = json.loads(state_file(part).read_text(encoding="utf-8"))
        have = part.stat().st_size
    except (FileNotFoundError, ValueError):
        return 0, "", None
    if not isinstance(state, dict) or state.get("url") != url:
        return 0, "", None
    validator = str(state.get("etag") or (state.get("last_modified") if is_checked else "") or "")
    if not validator and not is_checked:
        return 0, "", None
    total = state.get("total")
    return have, validator, total if isinstance(total, int) else None
