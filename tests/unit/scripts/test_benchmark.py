"""The benchmark: its rules and its parts; and, in its short form, the speed of the library itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.benchmarks import frames
from scripts.benchmarks.rows import LIBRARY, Check, Row, failures, table

BENCHMARK = Path(__file__).resolve().parents[3] / "scripts" / "benchmark.py"


@pytest.mark.parametrize(
    ("value", "limit", "at_most", "margin", "holds"),
    [
        (1.3, 1.3, True, 1, True),
        (1.4, 1.3, True, 1, False),
        (2.6, 1.3, True, 2, True),
        (2.7, 1.3, True, 2, False),
        (80, 80, False, 1, True),
        (79, 80, False, 1, False),
        (40, 80, False, 2, True),
        (39, 80, False, 2, False),
    ],
)
def test_limits(value: float, limit: float, at_most: bool, margin: float, holds: bool) -> None:
    assert Check("x", value, limit, at_most).holds(margin) is holds


def test_the_short_form_fails_on_ratios_only() -> None:
    slow_machine, slow_code = Check("ms", 500, 100, is_ratio=False), Check("times the bare loop", 3, 1.3)
    rows = [Row("start", "ms", {LIBRARY: 500}, [slow_machine]), Row("`/user`", "µs", {LIBRARY: 300}, [slow_code])]
    assert failures(rows, only_ratios=True, margin=2) == ["`/user`: 3 times the bare loop (at most 1.3)"]
    assert len(failures(rows, only_ratios=False, margin=1)) == 2


def test_the_table_says_what_was_not_reached() -> None:
    rows = [
        Row("a", "µs", {LIBRARY: 93.84, "bare loop": 75.01}, [Check("times the bare loop", 1.25, 1.3)]),
        Row("b", "a second", {LIBRARY: 12345.6}, [Check("a second", 12345.6, 20_000, at_most=False)], notes="2 MB"),
    ]
    assert table(rows).splitlines()[2:] == [
        "| a | simplex_sync 93.8 µs, bare loop 75 µs | 1.25 times the bare loop (at most 1.3) | yes |",
        "| b | simplex_sync 12,346 a second (2 MB) | 12,346 a second (at least 20,000) | **no** |",
    ]
    assert rows[1].to_dict()["checks"][0]["holds"] is False


def test_the_contacts_of_the_replay_server_all_differ() -> None:
    contacts = frames.contacts_list(50)["contacts"]
    for key in ("contactId", "localDisplayName", "createdAt"):
        assert len({contact[key] for contact in contacts}) == 50


def test_bursts_are_of_recorded_events() -> None:
    known = {payload for _tag, payload in frames.event_payloads()}
    some = frames.some_events(2 * len(known), without="newChatItems")
    assert set(some) < known
    assert not any(b'"type":"newChatItems"' in payload[:40] for payload in some)
    with pytest.raises(LookupError, match="no recorded event 'x'"):
        frames.one_event("x")


def test_it_is_as_fast_as_it_must_be(tmp_path: Path) -> None:
    numbers = tmp_path / "numbers.json"
    done = subprocess.run(
        [sys.executable, BENCHMARK, "--short", "--json", numbers], capture_output=True, text=True, timeout=110
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(json.loads(numbers.read_text("utf-8"))["rows"]) >= 10
