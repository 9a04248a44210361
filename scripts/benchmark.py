#!/usr/bin/env python3
"""Measure the speed of simplex_sync side by side with the barest socket, and print a table of medians and ratios.

Measured on a real CLI where SIMPLEX_CHAT_BIN names one, otherwise on a small replay server that answers with recorded
frames at full speed; events always on the latter. It needs the extra `benchmark`: `pip install -e ".[benchmark]"`. The
async wrappers simplex-chat-py and dexgram-bot are measured, too, where they are installed.

The exit status is 1 where something is not as fast as it must be. With `--short`, which is for every change, only
ratios count, and each may be twice as bad, since machines are noisy.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.benchmarks import chart, commands, events, life, rows
from scripts.benchmarks.contestants import is_installed
from scripts.benchmarks.programs import HERE, Program

_PARTS = ("commands", "events", "decoding", "life")
_SHORT_MARGIN = 2.0


def measure(folder: Path, options: argparse.Namespace) -> list[rows.Row]:
    """Return the rows of the parts that were asked for."""
    replay = Program(folder / "replay")
    real = os.environ.get("SIMPLEX_CHAT_BIN")
    program = Program(folder / "real", real, options.database) if real else replay
    found: list[rows.Row] = []
    if "commands" in options.only:
        found += commands.measure(program, short=options.short)
        if not program.has_contacts:
            found += [row for row in commands.measure(replay, short=True) if "/_contacts" in row.what]
    if "events" in options.only:
        found += events.measure(replay, short=options.short)
    if "decoding" in options.only:
        found.append(commands.decoding_grows(short=options.short))
    if "life" in options.only:
        found += life.measure(program, folder / "idle", short=options.short)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, and return the exit status."""
    parser = argparse.ArgumentParser(description="Measure the speed of simplex_sync.")
    parser.add_argument("--short", action="store_true", help="be quick, and fail on ratios only, with a margin of two")
    parser.add_argument("--only", nargs="+", choices=_PARTS, default=_PARTS, metavar="PART", help=", ".join(_PARTS))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there")
    parser.add_argument(
        "--plot",
        type=Path,
        nargs="?",
        const=HERE.parent / "pictures" / "speed.svg",
        metavar="FILE",
        help="draw the chart for the README",
    )
    parser.add_argument(
        "--database", type=Path, metavar="PREFIX", help="a database with many contacts, for the real CLI to list"
    )
    options = parser.parse_args(arguments)
    if "commands" in options.only and not is_installed("bare"):
        parser.error('websocket-client is needed to compare with: pip install -e ".[benchmark]"')
    with tempfile.TemporaryDirectory(prefix="simplex-sync-benchmark") as folder:
        found = measure(Path(folder), options)
    print(rows.table(found))
    if options.json:
        machine = {"python": platform.python_version(), "cores": os.cpu_count()}
        machine["cli"] = "real" if os.environ.get("SIMPLEX_CHAT_BIN") else "replay server"
        numbers = {**machine, "rows": [row.to_dict() for row in found]}
        options.json.write_text(json.dumps(numbers, indent=2) + "\n", "utf-8")
    if options.plot:
        chart.draw(found, options.plot)
    failed = rows.failures(found, only_ratios=options.short, margin=_SHORT_MARGIN if options.short else 1.0)
    for failure in failed:
        print(f"not reached: {failure}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
