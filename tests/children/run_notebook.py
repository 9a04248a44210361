"""Runs a notebook in a kernel of its own: `run_notebook.py NOTEBOOK`, and prints it with its outputs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

FORMAT: Any = nbformat  # its functions have no types


def main() -> None:
    path = Path(sys.argv[1])
    notebook = FORMAT.read(path, as_version=4)
    NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(path.parent)}}).execute()
    print(FORMAT.writes(notebook))


if __name__ == "__main__":
    main()
