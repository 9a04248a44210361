"""What changed its form between CLI 6.4 and 7.x, with one way to read it.

The generator takes these classes as they are (`ConnStatus`) or puts them under a generated one (the others).
"""

from __future__ import annotations

from typing import Any, ClassVar

from simplex_sync._internal.wire import Tagged

__all__ = ["ConnStatus", "PathOfRcvFileStatus"]

_TAGS = ("new", "prepared", "joined", "requested", "accepted", "sndReady", "ready", "deleted", "failed")


def _normal(tag: str) -> str:
    """Return a tag in the spelling of 7.x: `snd-ready` was written with a hyphen before."""
    head, *rest = tag.replace("_", "-").split("-")
    return head + "".join(part.capitalize() for part in rest)


class ConnStatus(Tagged):
    """How far a connection is: a string in CLI 6.4 (`"snd-ready"`), an object in 7.x (`{"type": "sndReady"}`).

    Both forms compare equal to each other, to the members of this class and to strings in either spelling, and each
    is written back as it came.

    Attributes:
        tag: The status in the spelling of 7.x: new, prepared, joined, requested, accepted, sndReady, ready, deleted
            or failed.
        conn_error: Why the connection failed; only in 7.x, and None with every other status.

    """

    __slots__ = ("_raw", "conn_error", "tag")
    _fields = ("tag", "conn_error")
    _wire = ("type", "connError")

    NEW: ClassVar[ConnStatus]
    PREPARED: ClassVar[ConnStatus]
    JOINED: ClassVar[ConnStatus]
    REQUESTED: ClassVar[ConnStatus]
    ACCEPTED: ClassVar[ConnStatus]
    SND_READY: ClassVar[ConnStatus]
    READY: ClassVar[ConnStatus]
    DELETED: ClassVar[ConnStatus]
    FAILED: ClassVar[ConnStatus]

    tag: str
    conn_error: str | None

    def __init__(self, *, tag: str, conn_error: str | None = None, extra: dict[str, Any] | None = None) -> None:
        super().__init__(extra=extra)
        self.tag = _normal(tag)
        self.conn_error = conn_error
        self._raw: Any = None

    @staticmethod
    def _decode(wire: Any) -> Any:
        tag = wire.get("type") if isinstance(wire, dict) else wire
        if not isinstance(tag, str):
            return wire
        status = ConnStatus(tag=tag, conn_error=wire.get("connError") if isinstance(wire, dict) else None)
        status._raw = wire
        return status

    def _encode(self, _depth: int, /) -> Any:
        if self._raw is not None:
            return self._raw
        return {"type": self.tag} | ({} if self.conn_error is None else {"connError": self.conn_error})

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            return _normal(other).casefold() == self.tag.casefold()
        if isinstance(other, ConnStatus):
            return self.tag.casefold() == other.tag.casefold() and self.conn_error == other.conn_error
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self.tag.casefold())

    def __repr__(self) -> str:
        return f"ConnStatus({self.tag if self.tag in _TAGS else '?'})"


for _tag in _TAGS:
    setattr(ConnStatus, "SND_READY" if _tag == "sndReady" else _tag.upper(), ConnStatus(tag=_tag))


class PathOfRcvFileStatus(Tagged):
    """The part of `RcvFileStatus` that reads the path of the file in both forms."""

    __slots__ = ()

    @property
    def path(self) -> str | None:
        """The path of the file as the CLI gave it, or None where there is none."""
        for name in ("file_path", "file_path_", "file_info", "file_info_"):
            value: Any = getattr(self, name, None)
            value = getattr(value, "file_path", value)
            if isinstance(value, str):
                return value
        return None
