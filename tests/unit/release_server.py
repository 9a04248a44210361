"""A server of releases on loopback that can be told to go wrong."""

from __future__ import annotations

import hashlib
import http.server
import re
import socket
import struct
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@dataclass
class Request:
    """What was asked for."""

    path: str
    range: str
    if_range: str


@dataclass
class ReleaseServer:
    """Files by their path, and for each path the faults of its next requests, in this order."""

    port: int = 0
    files: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, list[Callable[[Handler, bytes], None]]] = field(default_factory=lambda: defaultdict(list))
    requests: list[Request] = field(default_factory=list)
    sends_validators: bool = True
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/releases"

    def asked_for(self, name: str) -> list[Request]:
        return [request for request in self.requests if request.path.endswith(name)]

    def reset(self) -> None:
        self.released.set()
        self.released = threading.Event()
        self.files = {}
        self.faults = defaultdict(list)
        self.requests = []
        self.sends_validators = True


class Handler(http.server.BaseHTTPRequestHandler):
    releases: ReleaseServer

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        headers = self.headers
        self.releases.requests.append(Request(self.path, headers.get("Range", ""), headers.get("If-Range", "")))
        content = self.releases.files.get(self.path)
        faults = self.releases.faults[self.path]
        try:
            if faults:
                faults.pop(0)(self, content or b"")
            elif content is None:
                self.send_error(404)
            else:
                self.answer(content)
        except ConnectionError:
            self.close_connection = True  # the client is gone, as some tests want it

    def answer(self, content: bytes, send: int | None = None, *, ranges: bool = True, length: bool = True) -> None:
        """Answer as a good server does, but send `send` bytes of the body only."""
        tag = '"' + hashlib.sha256(content).hexdigest()[:16] + '"'
        asked = _RANGE.fullmatch(self.headers.get("Range", "")) if ranges else None
        if asked is not None and self.headers.get("If-Range", tag) != tag:
            asked = None
        if asked is not None and int(asked[1]) >= len(content):
            self.send_error(416)
            return
        body = content
        if asked is not None:
            start, end = int(asked[1]), int(asked[2] or len(content) - 1)
            body = content[start : end + 1]
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{end}/{len(content)}")
        else:
            self.send_response(200)
        if length:
            self.send_header("Content-Length", str(len(body)))
        if self.releases.sends_validators:
            self.send_header("ETag", tag)
        self.end_headers()
        self.wfile.write(body if send is None else body[:send])


def cut_off(after: int) -> Callable[[Handler, bytes], None]:
    """End the connection in good manners after some bytes."""
    return lambda handler, content: handler.answer(content, send=after)


def reset(after: int) -> Callable[[Handler, bytes], None]:
    """Break the connection after some bytes."""

    def fault(handler: Handler, content: bytes) -> None:
        handler.answer(content, send=after)
        handler.wfile.flush()
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.connection.close()

    return fault


def status(code: int) -> Callable[[Handler, bytes], None]:
    return lambda handler, content: handler.send_error(code)


def redirect(target: str) -> Callable[[Handler, bytes], None]:
    def fault(handler: Handler, content: bytes) -> None:
        handler.send_response(302)
        handler.send_header("Location", target)
        handler.end_headers()

    return fault


def silent(after: int) -> Callable[[Handler, bytes], None]:
    """Send some bytes and then nothing more until the test is over."""

    def fault(handler: Handler, content: bytes) -> None:
        released = handler.releases.released
        handler.answer(content, send=after)
        handler.wfile.flush()
        released.wait(60)

    return fault


def trickle(handler: Handler, content: bytes) -> None:
    """Send a byte now and then until the test is over."""
    released = handler.releases.released
    handler.answer(content, send=0)
    for number in range(len(content)):
        handler.wfile.write(content[number : number + 1])
        if released.wait(0.02):
            return


def without_length(handler: Handler, content: bytes) -> None:
    handler.answer(content, length=False)


def without_ranges(handler: Handler, content: bytes) -> None:
    handler.answer(content, ranges=False)


def wrong_range(handler: Handler, content: bytes) -> None:
    """Answer with other bytes than were asked for."""
    handler.send_response(206)
    handler.send_header("Content-Range", f"bytes 1-{len(content) - 1}/{len(content)}")
    handler.send_header("Content-Length", str(len(content) - 1))
    handler.end_headers()
    handler.wfile.write(content[1:])


def too_much(handler: Handler, content: bytes) -> None:
    """Answer a continuation with more bytes than the whole file has."""
    start = _RANGE.fullmatch(handler.headers["Range"])
    assert start is not None
    handler.send_response(206)
    handler.send_header("Content-Range", f"bytes {start[1]}-{len(content) - 1}/{len(content)}")
    handler.end_headers()
    handler.wfile.write(content)


def broken_chunks(handler: Handler, content: bytes) -> None:
    """End in the middle of a chunk."""
    handler.protocol_version = "HTTP/1.1"
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.wfile.write(b"ffff\r\n" + content[:10])
    handler.close_connection = True


def no_answer(handler: Handler, content: bytes) -> None:
    """Close the connection without a word."""


def no_http(handler: Handler, content: bytes) -> None:
    handler.wfile.write(b"no such protocol here\r\n\r\n")
