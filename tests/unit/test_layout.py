"""The layout shows the architecture, and imports point one way."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "simplex_sync"

# A module may import, at any place in its text, only from rows above its own and from its own row.
ROWS = [
    ["errors", "_version", "_internal.failures"],
    ["_internal.bells", "_internal.deadline", "_internal.strings", "_internal.uninterrupted"],
    ["_internal.wire", "_internal.reflection", "_internal.command", "_internal.command_arguments"],
    ["_internal.two_forms", "api"],
    ["_internal.codec", "_internal.output"],
    ["_internal.event_log"],
    ["_internal.router"],
    ["_internal.incoming", "_internal.outgoing"],
    ["_internal.channel", "_internal.process", "_internal.database", "_internal.startup", "_internal.release"],
    ["_internal.download", "_internal.installing", "_internal.start_simulator", "executable", "retrying"],
    ["_internal.session", "_internal.settings"],
    ["waiting", "_internal.calling"],
    ["conversation", "_conversation"],
    ["client"],
    ["", "command_line", "notebook", "testing"],
]
# These stand beside the rows: the stand-in CLI knows the records and the frames, and never the client.
SIMULATOR_MAY = {"errors", "_version", "_internal.codec", "_internal.strings", "_internal.wire", "api", "simulator"}


def modules() -> dict[str, Path]:
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = list(path.relative_to(PACKAGE).with_suffix("").parts)
        if parts[-1] == "__init__":
            parts.pop()
        found[".".join(parts)] = path
    return found


def imported(name: str, path: Path, known: set[str]) -> set[str]:
    """Return the modules of the package that a module imports, except for type checking only."""
    tree = ast.parse(path.read_text("utf-8"))
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for part in node.body
        for inner in ast.walk(part)
    }
    found = set()
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for each in names:
            if each.startswith("simplex_sync."):
                inner_name = each.removeprefix("simplex_sync.")
                if inner_name in known and inner_name not in (name, "_internal"):
                    found.add(inner_name)
    return found


def row_of(name: str) -> int | None:
    best: tuple[int, int] | None = None
    for number, row in enumerate(ROWS):
        for prefix in row:
            if name == prefix or (prefix and name.startswith(prefix + ".")):
                best = max(best or (-1, -1), (len(prefix), number))
    return None if best is None else best[1]


@pytest.mark.parametrize("name", sorted(modules()))
def test_imports_point_one_way(name: str) -> None:
    known = modules()
    uses = imported(name, known[name], set(known))
    if name == "simulator" or name.startswith("simulator."):
        bad = {each for each in uses if not any(each == may or each.startswith(may + ".") for may in SIMULATOR_MAY)}
        assert not bad, f"the simulator must not import {bad}"
        return
    if name in ("_internal", "api.schema"):
        assert not uses
        return
    own = row_of(name)
    assert own is not None, f"{name} has no place in the layout: give it a row"
    wrong = {each for each in uses if (row_of(each) if row_of(each) is not None else 99) > own}  # type: ignore[operator]
    assert not wrong, f"{name} imports {wrong}, which stand in a later row"


@pytest.mark.parametrize("name", sorted(modules()))
def test_modules_stay_readable_in_one_sitting(name: str) -> None:
    if name.startswith("api."):
        return  # generated
    lines = modules()[name].read_text("utf-8").count("\n")
    assert lines <= 500, f"{name} has {lines} lines: one idea, or several?"


def test_importing_the_package_loads_neither_simulator_nor_tools() -> None:
    code = (
        "import sys, simplex_sync; from simplex_sync import SimplexChat, events, types, commands, responses, errors; "
        "print(*sorted(n for n in sys.modules if n.split('.')[0] in ('click', 'rich', 'tqdm', 'segno', 'pytest') "
        "or n.startswith(('simplex_sync.simulator', 'simplex_sync.command_line', 'simplex_sync.notebook'))))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.split() == []


def test_every_public_name_is_there_and_sorted() -> None:
    import simplex_sync

    assert simplex_sync.__all__ == sorted(simplex_sync.__all__, key=str)
    for name in simplex_sync.__all__:
        assert getattr(simplex_sync, name) is not None
    with pytest.raises(AttributeError, match="nothing_of_that_name"):
        _ = simplex_sync.nothing_of_that_name
