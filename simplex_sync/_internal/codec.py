"""Frames: the text of a command on its way out, the tag and the corrId of what comes in.

The thread that does the I/O must be quick, so it reads only the head of a frame, by a pattern; the thread that waits
for it parses the whole. A frame with another head is parsed at once. What cannot be parsed is kept and handed on, so
that nothing is dropped in silence.
"""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Callable
from typing import Any, TypeVar

_HEAD = re.compile(
    rb'\s*\{\s*(?:"corrId"\s*:\s*"([^"\\\x00-\x1f]*)"\s*,\s*)?"resp"\s*:\s*\{\s*"type"\s*:\s*"([A-Za-z0-9_]+)"\s*[,}]'
)

T = TypeVar("T")

#: Bytes from which on the garbage collector rests while an answer is made into records.
_LARGE = 256 * 1024


def encode_command(corr_id: str, text: str) -> bytes:
    """Return the payload of the frame that carries a command string.

    Args:
        corr_id: The id that the answer will carry; the CLI takes strings only.
        text: The command string.

    Raises:
        UnicodeEncodeError: The text holds half of a surrogate pair, which the CLI would answer without a corrId.
    """
    text.encode("utf-8")
    return b'{"corrId":"%s","cmd":%s}' % (corr_id.encode("ascii"), json.dumps(text).encode("ascii"))


def _long_int(digits: str) -> int | str:
    try:
        return int(digits)
    except ValueError:  # longer than Python converts: nothing in this protocol is, so keep it as it came
        return digits


def parse_json(payload: bytes) -> Any:
    """Return the JSON value of a payload.

    Raises:
        ValueError: It is not JSON in UTF-8, or nested too deeply.
    """
    try:
        return json.loads(payload)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except json.JSONDecodeError:
        raise
    except UnicodeDecodeError:
        raise
    except ValueError:
        try:
            return json.loads(payload, parse_int=_long_int)
        except RecursionError:
            raise ValueError("nested too deeply") from None


class Frame:
    """One frame from the CLI: an answer where it has a corrId, otherwise an event.

    Attributes:
        corr_id: The corrId, or None.
        tag: The tag of the response or event; empty where none could be read.
        payload: The frame's bytes.
        record: The event's record, where it is kept: made by the first reader for all.
        shared: Whether an event has more than one reader, so that its record is worth keeping.
    """

    __slots__ = ("corr_id", "payload", "record", "shared", "tag")

    def __init__(self, payload: bytes) -> None:
        self.payload = payload
        self.record: Any = None
        self.shared = False
        head = _HEAD.match(payload)
        if head is not None:
            corr_id, tag = head.groups()
            self.corr_id = None if corr_id is None else corr_id.decode("utf-8", "replace")
            self.tag = tag.decode("ascii")
            return
        self.corr_id, self.tag = None, ""
        try:
            value = parse_json(payload)
        except ValueError:
            return
        if isinstance(value, dict):
            if isinstance(value.get("corrId"), str):
                self.corr_id = value["corrId"]
            body = value.get("resp")
            if isinstance(body, dict) and isinstance(body.get("type"), str):
                self.tag = body["type"]

    @classmethod
    def marker(cls, tag: str, record: Any) -> Frame:
        """Return an event that the library itself tells its readers."""
        frame = cls.__new__(cls)
        frame.payload = b""
        frame.corr_id = None
        frame.tag = tag
        frame.record = record
        frame.shared = True
        return frame

    def body(self) -> dict[str, Any] | None:
        """Return the JSON object of the response or event, or None where the frame has none."""
        try:
            value = parse_json(self.payload)
        except ValueError:
            return None
        body = value.get("resp") if isinstance(value, dict) else None
        return body if isinstance(body, dict) else None

    def decoded(self, decode: Callable[[dict[str, Any]], T]) -> tuple[dict[str, Any], T] | None:
        """Return the JSON object of the response or event and its record, or None where the frame has none.

        Thousands of contacts are a hundred thousand new objects, none of which is garbage yet. Looking for some among
        them again and again would take a third of the time, so the collector rests meanwhile.

        Args:
            decode: Makes the record.
        """
        if len(self.payload) < _LARGE or not gc.isenabled():
            return self._decoded(decode)
        try:
            gc.disable()
            return self._decoded(decode)
        finally:
            gc.enable()

    def _decoded(self, decode: Callable[[dict[str, Any]], T]) -> tuple[dict[str, Any], T] | None:
        body = self.body()
        return None if body is None else (body, decode(body))

    def text(self) -> str:
        """Return the frame as text, for a reader who wants to see what could not be read."""
        return self.payload.decode("utf-8", "replace")
