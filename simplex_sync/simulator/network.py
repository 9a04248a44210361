"""The folder that stands for the servers: mailboxes, links, wake-ups and rehearsed failures.

::

    nodes/NODE/wake            a named pipe: a byte in it wakes the simulator of that database
    nodes/NODE/SENDER.N.log    what SENDER sent to NODE, a JSON line each, in rising order of `seq`
    links/KEY                  an address, an invitation or a group link; found by its full and by its short form
    links/KEY.claim            who used a one-time link
    files/                     what the file servers hold
    faults.json                rehearsed failures, see `Faults`

A mailbox file has one writer, which appends whole lines, and one reader, which notes in its own database how far it
came. So no locks are needed, and either may be killed at any moment: a line that was written twice is known by its
`seq`, a line that was cut off is no JSON and is skipped. A sender goes on in a next file after some megabytes; the
reader deletes files that it has read to their end.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

Json = dict[str, Any]

SEGMENT_SIZE = 4 * 1024 * 1024
READ_SIZE = 256 * 1024


class Faults(NamedTuple):
    """Failures to rehearse: the JSON object in `faults.json` of the network folder, or in SIMPLEX_SIM_FAULTS.

    Attributes:
        unreachable: The servers refuse connections; what is sent waits at its sender.
        delay: Milliseconds that each command which asks the servers, and each message on its way, takes longer.
        loss: Share (0 to 1) of attempts to hand messages over that fail and are tried again half a second later; the
            same share of delivery receipts is lost for good. Messages are never lost, as in the real network.
    """

    unreachable: bool = False
    delay: float = 0
    loss: float = 0


def write_faults(folder: str | os.PathLike[str], faults: Faults) -> None:
    """Set the failures that all simulators of a network folder rehearse, and wake them so that they notice at once.

    Args:
        folder: The network folder.
        faults: What to rehearse; `Faults()` ends it.
    """
    root = Path(folder)
    _write_whole(root / "faults.json", json.dumps(faults._asdict()).encode())
    for pipe in root.glob("nodes/*/wake"):
        wake(pipe)


def wake(pipe: Path) -> None:
    """Wake the simulator that listens to a pipe, if one does."""
    try:
        descriptor = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:  # nobody listens now: it will look by itself when it starts
        return
    try:
        if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            os.write(descriptor, b"\0")
    except OSError as problem:
        if problem.errno not in (errno.EAGAIN, errno.EPIPE):  # full of wake-ups already, or gone meanwhile
            raise
    finally:
        os.close(descriptor)


def _write_whole(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(content)
    temporary.replace(path)


class Position(NamedTuple):
    """How far a reader came in the mailbox of one sender."""

    segment: int = 0
    offset: int = 0


class Network:
    """One database's view of the network folder."""

    def __init__(self, folder: Path, node: str) -> None:
        """Take part in a network.

        Args:
            folder: The network folder; made if it is missing.
            node: The id of this database.
        """
        self.folder = folder
        self.node = node
        self._home = folder / "nodes" / node
        self._home.mkdir(parents=True, exist_ok=True)
        self._outgoing: dict[str, tuple[int, int]] = {}  # node → (segment, descriptor)
        self._faults_seen: tuple[int, int] | None = None
        self._environment = os.environ.get("SIMPLEX_SIM_FAULTS", "")
        self._faults = self._parse_faults(self._environment)
        self.wake_descriptor = self._open_pipe()

    def _open_pipe(self) -> int | None:
        pipe = self._home / "wake"
        try:
            if not pipe.exists():
                os.mkfifo(pipe)
            # Read and write, so that it never ends when the last writer goes.
            return os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
        except OSError:  # a file system without named pipes: the loop looks every second
            return None

    def close(self) -> None:
        """Close all files."""
        for _, descriptor in self._outgoing.values():
            os.close(descriptor)
        self._outgoing.clear()
        if self.wake_descriptor is not None:
            os.close(self.wake_descriptor)
            self.wake_descriptor = None

    def drain_wake_ups(self) -> None:
        """Take all wake-ups out of the pipe."""
        if self.wake_descriptor is not None:
            try:
                while len(os.read(self.wake_descriptor, 65536)) == 65536:
                    pass
            except BlockingIOError:
                pass

    # Rehearsed failures.

    @staticmethod
    def _parse_faults(text: str) -> Faults:
        try:
            about = json.loads(text or "{}")
            return Faults(bool(about.get("unreachable")), float(about.get("delay") or 0), float(about.get("loss") or 0))
        except (ValueError, TypeError, AttributeError):
            return Faults()

    def faults(self) -> Faults:
        """Return the failures to rehearse now; the file wins over the environment."""
        path = self.folder / "faults.json"
        try:
            about = path.stat()
        except OSError:
            if self._faults_seen is not None:
                self._faults_seen = None
                self._faults = self._parse_faults(self._environment)
            return self._faults
        seen = (about.st_mtime_ns, about.st_ino)
        if seen != self._faults_seen:
            self._faults_seen = seen
            self._faults = self._parse_faults(path.read_text("utf-8", "replace"))
        return self._faults

    # Mailboxes.

    def deliver(self, node: str, lines: list[bytes]) -> None:
        """Append lines to this database's file in the mailbox of another, and wake it.

        Args:
            node: The id of the other database.
            lines: JSON objects without newlines, each with the next `seq` for that node.
        """
        mailbox = self.folder / "nodes" / node
        segment, descriptor = self._outgoing.get(node) or self._open_outgoing(node, mailbox)
        data = b"\n".join(lines) + b"\n"
        while data:
            data = data[os.write(descriptor, data) :]
        if os.fstat(descriptor).st_size > SEGMENT_SIZE:
            os.close(descriptor)
            self._outgoing[node] = self._open_segment(mailbox, segment + 1)
        wake(mailbox / "wake")

    def _open_outgoing(self, node: str, mailbox: Path) -> tuple[int, int]:
        mailbox.mkdir(parents=True, exist_ok=True)
        segments = self._segments(mailbox, self.node)
        opened = self._open_segment(mailbox, max(segments, default=0))
        if os.fstat(opened[1]).st_size:
            os.write(opened[1], b"\n")  # ends a line that was cut off when this process was killed
        self._outgoing[node] = opened
        return opened

    def _open_segment(self, mailbox: Path, segment: int) -> tuple[int, int]:
        path = mailbox / f"{self.node}.{segment}.log"
        return segment, os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    @staticmethod
    def _segments(mailbox: Path, sender: str) -> list[int]:
        return [int(path.name.split(".")[1]) for path in mailbox.glob(f"{sender}.*.log")]

    def senders(self) -> list[str]:
        """Return the nodes that have ever sent something which is still there."""
        try:
            names = os.listdir(self._home)
        except FileNotFoundError:  # somebody cleared the folder away
            return []
        return sorted({name.split(".")[0] for name in names if name.endswith(".log")})

    def read(self, sender: str, position: Position) -> Iterator[tuple[bytes, Position]]:
        """Yield whole lines from one sender after a position, each with the position after it.

        Args:
            sender: The node that sent them.
            position: How far they were read.
        """
        segment, offset = position
        while True:
            path = self._home / f"{sender}.{segment}.log"
            follower = self._home / f"{sender}.{segment + 1}.log"
            ended = follower.exists()  # asked first: after that nothing is added to this one
            for line, end in self._lines(path, offset):
                yield line, Position(segment, end)
            if not ended:
                return
            path.unlink(missing_ok=True)
            segment, offset = segment + 1, 0

    @staticmethod
    def _lines(path: Path, offset: int) -> Iterator[tuple[bytes, int]]:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        try:
            rest = b""
            position = offset
            while chunk := os.pread(descriptor, READ_SIZE, position):
                position += len(chunk)
                *whole, rest = (rest + chunk).split(b"\n")
                for line in whole:
                    offset += len(line) + 1
                    yield line, offset
        finally:
            os.close(descriptor)

    # Links.

    def _link_path(self, name: str) -> Path:
        return self.folder / "links" / sha256(name.encode()).hexdigest()[:40]

    def put_link(self, names: list[str], about: Json) -> None:
        """Publish a link, or publish it anew.

        Args:
            names: What finds it: the queue of its full form, the key of its short form.
            about: What connecting to it needs.
        """
        content = json.dumps({"names": names, **about}, separators=(",", ":")).encode()
        for name in names:
            _write_whole(self._link_path(name), content)

    def get_link(self, name: str) -> Json | None:
        """Return what was published under a name, or None."""
        try:
            about: Json = json.loads(self._link_path(name).read_bytes())
        except OSError:
            return None
        return about

    def claim_link(self, name: str, claimant: str) -> bool:
        """Use a one-time link, and return whether this claimant is the one who may.

        Args:
            name: The link.
            claimant: Who uses it; the same one may claim it again, after it was killed.
        """
        path = self._link_path(name)
        claim = path.with_name(path.name + ".claim")
        try:
            with claim.open("x", encoding="utf-8") as file:
                file.write(claimant)
        except FileExistsError:
            return claim.read_text("utf-8") == claimant
        return True

    def delete_link(self, names: list[str]) -> None:
        """Take a link away; its claim stays, since the names are never used again."""
        for name in names:
            self._link_path(name).unlink(missing_ok=True)
