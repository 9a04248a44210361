"""Events: as fast as they come, those that nobody asked for, and with many streams. Always on the replay server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

import psutil

from scripts.benchmarks.programs import Program, seconds
from scripts.benchmarks.rows import LIBRARY, Check, Row
from simplex_sync import SimplexChat, events

_STREAMS = 500


def measure(replay: Program, *, short: bool) -> list[Row]:
    """Return the rows of events."""
    with replay.client() as chat:
        rows = [_all_read(chat, 5_000 if short else 100_000)]
        rows.append(_not_asked_for(chat, 10_000 if short else 100_000))
        rows.append(_many_streams(chat, 3_000 if short else 10_000, 3 if short else 5))
    return rows


def _all_read(chat: SimplexChat, count: int) -> Row:
    process = psutil.Process()
    with chat.events(timeout=60) as stream:
        chat.send_command("!burst 100")
        for _ in range(100):
            next(stream)
        before = peak = process.memory_info().rss
        read = 0
        begin = time.perf_counter()
        chat.send_command(f"!burst {count}")
        for _ in stream:
            read += 1
            if read % 500 == 0:
                peak = max(peak, process.memory_info().rss)
            if read == count:
                break
        rate = read / (time.perf_counter() - begin)
    checks = [
        Check("a second", rate, 8_000, at_most=False, is_ratio=False),
        Check("lost", count - read, 0),
        Check("MB more memory", (peak - before) / 1e6, 200, is_ratio=False),
    ]
    return Row(f"{count:,} events read from one stream, typed", "a second", {LIBRARY: rate}, checks)


@contextmanager
def _counted_decoding() -> Iterator[list[int]]:
    """Count the records of events that are made meanwhile."""
    original = events.decode
    made = [0]

    def counting(wire: dict[str, Any]) -> Any:
        made[0] += 1
        return original(wire)

    events.decode = counting
    try:
        yield made
    finally:
        events.decode = original


def _until(chat: SimplexChat, count: int, stream: Iterator[events.ContactConnected]) -> float:
    """Let other events come, and then one for the stream; return how many came a second."""

    def run() -> None:
        chat.send_command(f"!burst {count} but contactConnected")
        next(stream)

    return count / seconds(run)


def _not_asked_for(chat: SimplexChat, count: int) -> Row:
    with _counted_decoding() as made, chat.events(events.ContactConnected, timeout=60) as stream:
        rates = [_until(chat, count, stream) for _ in range(3)]
    rate = median(rates)
    checks = [
        Check("a second", rate, 25_000, at_most=False, is_ratio=False),
        Check("records made of them", made[0] - len(rates), 0),
    ]
    return Row(f"{count:,} events that nobody asked for", "a second", {LIBRARY: rate}, checks)


def _many_streams(chat: SimplexChat, count: int, rounds: int) -> Row:
    found: dict[int, list[float]] = {1: [], _STREAMS: []}
    with chat.events(events.ContactConnected, timeout=60) as end:
        for _ in range(rounds):
            for number, times in found.items():
                streams = [chat.events(events.NewChatItems) for _ in range(number)]
                times.append(1 / _until(chat, count, end))
                for stream in streams:
                    stream.close()
    values = {f"{number} streams": median(times) * 1e6 for number, times in found.items()}
    ratio = Check("times one stream", median(found[_STREAMS]) / median(found[1]), 10)
    return Row("an event delivered to so many streams", "µs", values, [ratio])
