"""Makes the pictures of the README: what the demo prints, and a plot from a notebook, both on the simulator.

`python scripts/make_pictures.py [FOLDER]`, with the extra `test` installed; the folder is scripts/pictures by default.
"""

from __future__ import annotations

import argparse
import base64
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from rich.console import Console
from rich.text import Text

HERE = Path(__file__).resolve().parent
FORMAT: Any = nbformat  # its functions have no types


def picture_of_demo(target: Path) -> None:
    """Run the demo and draw what it prints, as on a terminal."""
    command = [sys.executable, str(HERE / "demo.py")]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    # What is another with each run would only make the picture change.
    printed = re.sub(r", as processes \d+ and \d+", ", as processes of their own", printed)
    printed = re.sub(r"That took [\d.]+ seconds", "That took a moment", printed)
    console = Console(record=True, width=100, file=io.StringIO())
    console.print(Text("$ scripts/demo", style="bold"))
    console.print(Text(printed.rstrip()))
    drawn = console.export_svg(title="simplex_sync", unique_id="demo")
    # A picture fetches nothing from anywhere: the reader's own fixed-width font will do.
    drawn = re.sub(r"@font-face\s*\{.*?\}\s*|<!--.*?-->", "", drawn, flags=re.DOTALL)
    target.write_text(drawn, "utf-8")


def picture_of_notebook(target: Path) -> None:
    """Run the notebook of a group's history and keep its last plot."""
    folder = HERE / "examples"
    notebook = FORMAT.read(folder / "group_history.ipynb", as_version=4)
    NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(folder)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    plots = [output["data"]["image/png"] for output in outputs if "image/png" in output.get("data", {})]
    target.write_bytes(base64.b64decode(plots[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the pictures of the README.")
    parser.add_argument("folder", type=Path, nargs="?", default=HERE / "pictures", help="where to put them")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    # For the processes that are started here.
    os.environ.update(SIMPLEX_CHAT_BIN="simulator", PYTHONPATH=str(HERE.parent))
    os.environ.pop("SIMPLEX_SIM_NETWORK", None)
    picture_of_demo(folder / "demo.svg")
    picture_of_notebook(folder / "group_history.png")


if __name__ == "__main__":
    main()
