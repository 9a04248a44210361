"""Commands and their answers: short ones, long ones, and from many threads."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from dataclasses_json import DataClassJsonMixin

from scripts.benchmarks import frames
from scripts.benchmarks.contestants import is_installed
from scripts.benchmarks.programs import Contestant, Program, contestants, seconds
from scripts.benchmarks.rows import BARE, LIBRARY, Check, Row
from simplex_sync import SimplexChat, responses, types
from simplex_sync._internal.codec import Frame

WRAPPERS = ("simplex-chat-py", "dexgram-bot")
_THREADS = 8


def measure(program: Program, *, short: bool) -> list[Row]:
    """Return the rows of commands."""
    names = ["bare", *filter(is_installed, WRAPPERS)]
    with program.client() as chat, contestants(names, chat.port) as others:
        rows = [_short_command(chat, others, 5 if short else 15, 150 if short else 500)]
        rows.append(_threads(chat, others["bare"], 3 if short else 7, 250 if short else 1000))
        if program.has_contacts:
            rows += _contacts(chat, others["bare"], program, 5 if short else 11)
    return rows


def _times(call: Callable[[], object], count: int) -> list[float]:
    return [seconds(call) for _ in range(count)]


def _short_command(chat: SimplexChat, others: dict[str, Contestant], rounds: int, count: int) -> Row:
    found: dict[str, list[float]] = {LIBRARY: [], BARE: []}
    _times(chat.show_active_user, count)
    for _ in range(rounds):
        for name, other in others.items():
            found.setdefault(BARE if name == "bare" else name, []).append(median(other.calls(count, "/user")))
        found[LIBRARY].append(median(_times(chat.show_active_user, count)))
    values = {who: median(times) * 1e6 for who, times in found.items()}
    checks = [Check("times the bare loop", values[LIBRARY] / values[BARE], 1.3)]
    if WRAPPERS[0] in values:
        checks.append(Check(f"times {WRAPPERS[0]}", values[LIBRARY] / values[WRAPPERS[0]], 1.15))
    return Row("`/user`, typed, p50", "µs", values, checks)


def _threads(chat: SimplexChat, bare: Contestant, rounds: int, count: int) -> Row:
    def one() -> None:
        for _ in range(count):
            chat.show_active_user()

    def all_at_once() -> None:
        threads = [threading.Thread(target=one) for _ in range(_THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    rates: dict[str, list[float]] = {LIBRARY: [], BARE: []}
    for _ in range(rounds):
        rates[BARE].append(_THREADS * count / sum(bare.calls(_THREADS * count, "/user")))
        rates[LIBRARY].append(_THREADS * count / seconds(all_at_once))
    values = {who: median(each) for who, each in rates.items()}
    ratio = Check("of the bare loop's rate", values[LIBRARY] / values[BARE], 1.0, at_most=False)
    return Row(f"`/user` from {_THREADS} threads", "a second", values, [ratio])


def _contacts(chat: SimplexChat, bare: Contestant, program: Program, rounds: int) -> list[Row]:
    text = f"/_contacts {chat.user.user_id}"
    wires = [contact.to_dict() for contact in chat.api_list_contacts().contacts]
    count, size = len(wires), len(json.dumps(wires, separators=(",", ":")))
    found: dict[str, list[float]] = {LIBRARY: [], BARE: [], "json.loads": []}
    reflective: list[float] = []
    for number in range(rounds):
        found[BARE] += bare.calls(1, text)
        found[LIBRARY].append(seconds(chat.api_list_contacts))
        found["json.loads"] += bare.calls(1, f"parse {text}")
        few = [wires[(number * 7 + each) % count] for each in range(4)]
        reflective.append(_seconds_by_reflection(few) / len(few) * count)
    values = {who: median(times) * 1e3 for who, times in found.items()}
    slow = {LIBRARY: values[LIBRARY], "dataclasses-json alone": median(reflective) * 1e3}
    if program.is_real:
        limit = Check("times the bare loop", values[LIBRARY] / values[BARE], 1.25)
    else:
        limit = Check("times json.loads", values[LIBRARY] / values["json.loads"], 2.5)
    faster = Check("times as fast", slow["dataclasses-json alone"] / values[LIBRARY], 80, at_most=False)
    what = f"`/_contacts` of {count:,}, typed"
    return [
        Row(what, "ms", values, [limit], f"{size / 1e6:.3g} MB"),
        Row(f"{what}, and its records by reflection", "ms", slow, [faster]),
    ]


def _seconds_by_reflection(wires: list[dict[str, Any]]) -> float:
    method: Any = DataClassJsonMixin.from_dict
    begin = time.perf_counter()
    for wire in wires:
        method.__func__(types.Contact, wire)
    return time.perf_counter() - begin


def decoding_grows(*, short: bool) -> Row:
    """Return the row about the time of decoding, from ten contacts to ten thousand."""
    per_contact: dict[str, float] = {}
    for count in (10, 100, 1000, 10_000):
        frame = Frame(frames.compact({"corrId": "1", "resp": frames.contacts_list(count)}))
        repeat = max(1, 1000 // count)

        def decode(frame: Frame = frame, repeat: int = repeat) -> None:
            for _ in range(repeat):
                frame.decoded(responses.decode)

        times = _times(decode, 3 if short else 7)
        per_contact[f"{count:,}"] = min(times) / repeat / count * 1e6
    ratio = max(per_contact.values()) / min(per_contact.values())
    return Row("parsing and decoding a contact among so many", "µs", per_contact, [Check("times the best", ratio, 2.0)])
