"""The life of a client: import, start, idleness, close."""

from __future__ import annotations

from pathlib import Path
from statistics import median

import psutil

from scripts.benchmarks.idling import watch
from scripts.benchmarks.programs import FreshPython, Program, seconds, seconds_until_port
from scripts.benchmarks.rows import LIBRARY, Check, Row

_DEPENDENCIES = "import pexpect, tenacity, dataclasses_json, websockets"
_IMPORTS = {
    "import simplex_sync": "import simplex_sync",
    "with SimplexChat and types": "from simplex_sync import SimplexChat, commands, events, types",
}
_NOT_LOADED = ("simplex_sync.command_line", "simplex_sync.notebook", "simplex_sync.simulator")


def measure(program: Program, folder: Path, *, short: bool) -> list[Row]:
    """Return the rows of a client's life.

    Args:
        program: The CLI.
        folder: An empty folder for another database.
        short: Whether to be quick.
    """
    return [
        *_start_and_close(program, 5 if short else 11),
        _import(7 if short else 15),
        _idle(program, folder, 2 if short else 20),
    ]


def _start_and_close(program: Program, rounds: int) -> list[Row]:
    with program.client() as chat:  # makes the database
        assert chat.pid is not None
        argv = psutil.Process(chat.pid).cmdline()
    starts, ports, ends = [], [], []
    for _ in range(rounds):
        ports.append(seconds_until_port(argv))
        chat = program.client()
        try:
            starts.append(seconds(chat.start))
        finally:
            ends.append(seconds(chat.close))
    start, port, end = (median(times) * 1e3 for times in (starts, ports, ends))
    more = Check("ms more than the CLI's port", start - port, 60, is_ratio=False)
    return [
        Row("start, with the first answers", "ms", {LIBRARY: start, "the CLI's port alone": port}, [more]),
        Row("close", "ms", {LIBRARY: end}, [Check("ms", end, 100, is_ratio=False)]),
    ]


def _import(rounds: int) -> Row:
    python = FreshPython()
    try:
        statements = {"nothing": "pass", "the dependencies": _DEPENDENCIES, **_IMPORTS}
        found: dict[str, list[float]] = {name: [] for name in statements}
        for number in range(rounds + 1):
            for name, statement in statements.items():
                time = python.seconds(statement)
                if number:  # the first time compiles the bytecode
                    found[name].append(time)
        loaded = python.output(f"{'; '.join(_IMPORTS.values())}; import sys; print(*sys.modules)").split()
    finally:
        python.close()
    nothing = median(found.pop("nothing"))
    values = {name: (median(times) - nothing) * 1e3 for name, times in found.items()}
    limit = values["the dependencies"]
    checks = [Check(f"times the dependencies ({name})", values[name] / limit, 2) for name in _IMPORTS]
    needless = [name for name in loaded if name.startswith(_NOT_LOADED)]
    checks.append(Check("modules loaded that it does not need", len(needless), 0))
    return Row("import", "ms", values, checks)


def _idle(program: Program, folder: Path, wait: float) -> Row:
    used, wake_ups, resident = watch(program, folder, wait)
    checks = [
        Check("% of a core", used * 100, 0.1, is_ratio=False),
        Check("wake-ups", wake_ups, 3, is_ratio=False),
        Check("MB", resident, 60, is_ratio=False),
    ]
    return Row(f"an idle client, over {wait:g} s", "MB", {LIBRARY: resident}, checks)
