"""The program that starts the simulator: `python …/start_simulator.py OPTIONS`.

`python -m simplex_sync.simulator` would look for every module in the current folder first, so a file `json.py` that
happens to lie there would break it, and it would not find a package that its parent found through its own `sys.path`.
(`-P` helps with the first only, and not before Python 3.11.) So this file is started by its path; it takes its own
folder off the module path and puts the folder of this package on it, after the standard library.
"""

import sys

if __name__ == "__main__":
    # Before any other import: this folder holds modules whose names could hide others.
    sys.path[:] = [entry for entry in sys.path if entry != __file__.rpartition("/")[0]]

import runpy
from pathlib import Path


def module_path(path: list[str], root: str) -> list[str]:
    """Return the module path with the folder of the package in it.

    Args:
        path: The module path, without the folder of the program that runs.
        root: The folder that holds the package.

    Returns:
        The path as it is where the folder is in it already; else with the folder before the first folder of installed
        packages, so that it hides nothing of the standard library, and nothing installed hides it.
    """
    if root in path:
        return list(path)
    installed = (number for number, entry in enumerate(path) if Path(entry).name in ("site-packages", "dist-packages"))
    place = next(installed, len(path))
    return [*path[:place], root, *path[place:]]


def main() -> None:
    """Run the simulator in this process, with the options of this program."""
    sys.path[:] = module_path(sys.path, str(Path(__file__).resolve().parents[2]))
    runpy.run_module("simplex_sync.simulator", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
