"""The pictures of the README are made by a script, and are there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.docs.examples import ROOT, environment


def test_the_script_makes_every_picture_that_it_is_for(tmp_path: Path) -> None:
    surroundings = environment(
        JUPYTER_RUNTIME_DIR=str(tmp_path / "jupyter"), IPYTHONDIR=str(tmp_path / "ipython"), TMPDIR=str(tmp_path)
    )
    made = tmp_path / "pictures"
    script = ROOT / "scripts" / "make_pictures.py"
    subprocess.run([sys.executable, str(script), str(made)], env=surroundings, check=True, timeout=110)
    assert "Both clients are closed" in (made / "demo.svg").read_text("utf-8").replace("&#160;", " ")
    assert "http" not in re.sub(r'xmlns="[^"]*"', "", (made / "demo.svg").read_text("utf-8"))
    assert (made / "group_history.png").read_bytes().startswith(b"\x89PNG")
    assert {path.name for path in made.iterdir()} <= {path.name for path in (ROOT / "scripts" / "pictures").iterdir()}


def test_every_picture_of_the_readme_is_there() -> None:
    shown = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", (ROOT / "README.md").read_text("utf-8"))
    assert len(shown) == 3
    assert all((ROOT / path).is_file() for path in shown)
