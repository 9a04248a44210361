"""The program that starts the simulator finds this package, and no file that only happens to have a known name."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import simplex_sync.errors
from simplex_sync import executable
from simplex_sync._internal.start_simulator import module_path

ROOT = str(Path(simplex_sync.errors.__file__).parents[1])
PROGRAM = executable.find("simulator")[1]


def test_the_package_comes_after_the_standard_library_and_before_what_is_installed() -> None:
    path = ["/lib/python", "/lib/python/lib-dynload", "/lib/python/site-packages", "/other"]
    assert module_path(path, "/project") == [*path[:2], "/project", *path[2:]]
    assert module_path(["/lib/python"], "/project") == ["/lib/python", "/project"]
    assert module_path(["/usr/lib/python3/dist-packages"], "/project")[0] == "/project"


def test_a_package_that_can_be_found_already_changes_nothing() -> None:
    path = ["/lib/python", "/project"]
    assert module_path(path, "/project") == path


@pytest.mark.parametrize("safe_path", ["", "1"])
def test_it_runs_the_simulator_without_its_own_folder(monkeypatch: pytest.MonkeyPatch, safe_path: str) -> None:
    ran: list[tuple[str, dict[str, Any], list[str]]] = []
    monkeypatch.setattr(runpy, "run_module", lambda name, **options: ran.append((name, options, list(sys.path))))
    own = str(Path(PROGRAM).parent)
    before = [entry for entry in sys.path if entry not in (own, ROOT)]
    monkeypatch.setattr(sys, "path", [*before] if safe_path else [own, *before])
    runpy.run_path(PROGRAM, run_name="__main__")
    [(name, options, path)] = ran
    assert name == "simplex_sync.simulator"
    assert options == {"run_name": "__main__", "alter_sys": True}
    assert own not in path
    assert [entry for entry in path if entry != ROOT] == before
    assert ROOT in path


def test_the_current_folder_hides_nothing(tmp_path: Path) -> None:
    for name in ("json", "socket", "selectors", "types", "runpy", "pathlib", "sqlite3", "simplex_sync"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong module')\n")
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONSAFEPATH")}
    done = subprocess.run(
        [*executable.find("simulator"), "--version"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.startswith("SimpleX Chat v6.4.")
    assert done.returncode == 0
