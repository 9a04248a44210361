"""Timestamps as the CLI writes them: UTC, ISO 8601, up to nine digits of a second without trailing zeros."""

from __future__ import annotations

import time

NANOSECONDS = 1_000_000_000

EPOCH = "1970-01-01T00:00:00Z"


def timestamp(nanoseconds: int | None = None) -> str:
    """Return a point in time for the wire.

    Args:
        nanoseconds: Nanoseconds since 1970; now by default.
    """
    seconds, fraction = divmod(time.time_ns() if nanoseconds is None else nanoseconds, NANOSECONDS)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{text}.{fraction:09d}".rstrip("0").rstrip(".") + "Z"


def server_timestamp(nanoseconds: int | None = None) -> str:
    """Return a point in time as servers tell it: in whole seconds."""
    seconds = (time.time_ns() if nanoseconds is None else nanoseconds) // NANOSECONDS
    return timestamp(seconds * NANOSECONDS)


def moment(text: str) -> str:
    """Return what timestamps are compared by: without its letter a shorter fraction is the earlier one."""
    return text.rstrip("Z")
