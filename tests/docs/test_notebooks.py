"""Every notebook in scripts/examples, run on the simulator, and kept without outputs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.docs.examples import EXAMPLES, ROOT, environment

NOTEBOOKS = sorted(path.name for path in EXAMPLES.glob("*.ipynb"))
RUNNER = ROOT / "tests" / "children" / "run_notebook.py"
LONG = 110.0


def read(text: str) -> list[dict[str, Any]]:
    cells: list[dict[str, Any]] = json.loads(text)["cells"]
    return cells


def run(name: str, folder: Path) -> list[dict[str, Any]]:
    """Run a notebook as Jupyter does, and return the outputs of all its cells."""
    surroundings = environment(
        JUPYTER_RUNTIME_DIR=str(folder / "jupyter"), IPYTHONDIR=str(folder / "ipython"), TMPDIR=str(folder)
    )
    # The notebooks name the simulator themselves, where they need it.
    surroundings["SIMPLEX_CHAT_BIN"] = "no-program-of-this-name"
    done = subprocess.run(
        [sys.executable, str(RUNNER), str(EXAMPLES / name)],
        capture_output=True,
        text=True,
        env=surroundings,
        timeout=LONG,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [output for cell in read(done.stdout) for output in cell.get("outputs", [])]


def shown(outputs: list[dict[str, Any]]) -> str:
    """Return what the outputs say."""
    texts = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs]
    return "".join("".join(text) for text in texts)


def kinds(outputs: list[dict[str, Any]]) -> list[str]:
    return [kind for output in outputs for kind in output.get("data", {})]


def test_all_notebooks_are_there() -> None:
    assert NOTEBOOKS == ["group_history.ipynb", "quick_start.ipynb", "rehearse_migration.ipynb"]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_they_are_kept_without_outputs(name: str) -> None:
    for cell in read((EXAMPLES / name).read_text("utf-8")):
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


def test_quick_start(tmp_path: Path) -> None:
    outputs = run("quick_start.ipynb", tmp_path)
    assert "image/svg+xml" in kinds(outputs)  # the QR code
    assert "text/html" in kinds(outputs)  # the table of contacts
    said = shown(outputs)
    for text in ("('alice', '6.4", "alice is connected to bob", "alice writes: How are you?", "Fine, thanks!"):
        assert text in said
    assert "'Things to remember.'" in said


def test_group_history(tmp_path: Path) -> None:
    outputs = run("group_history.ipynb", tmp_path)
    assert kinds(outputs).count("image/png") == 3
    said = shown(outputs)
    for name in ("alice", "bob", "carol", "dave"):
        assert name in said
    assert "604" in said  # one of each, and 600 that were made of them


def test_rehearse_migration(tmp_path: Path) -> None:
    said = shown(run("rehearse_migration.ipynb", tmp_path))
    for text in (
        "would invite bob as member",
        "carol as member: done\n",
        "carol as member: done before\n",
        "#crew dave: invited, member",
        "'change': 'invited'",
        "the same people in the same roles: True",
    ):
        assert text in said
    assert said.count("members changed: 3\n") == 2
    assert "members changed: 0\n" in said  # after the dry run
