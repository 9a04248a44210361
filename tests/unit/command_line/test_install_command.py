"""`install`: what is tested here is that each option arrives; the installation itself has tests of its own."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

import pytest

from simplex_sync import executable
from simplex_sync.command_line import install_command
from tests.unit.command_line.conftest import Run
from tests.unit.command_line.test_output import Terminal
from tests.unit.release_server import ReleaseServer
from tests.unit.test_install import PROGRAM, install, running_server, server, sha256

__all__ = ["running_server", "server"]


def test_a_release_is_installed_where_the_other_commands_find_it(
    run: Run, server: ReleaseServer, tmp_path: Path
) -> None:
    result = run("install", "--base-url", server.url)
    assert result.exit_code == 0, result.output
    path = Path(result.stdout.strip())
    assert path.read_bytes() == PROGRAM
    assert path.is_relative_to(tmp_path)
    doctor = run("doctor", "--no-start", SIMPLEX_CHAT_BIN=None, PATH=str(tmp_path / "empty"))
    assert f"program: {path}" in doctor.stdout


def test_version_and_folder_can_be_chosen(run: Run, server: ReleaseServer, tmp_path: Path) -> None:
    options = ("--version", "v6.4.5", "--folder", str(tmp_path / "here"), "--timeout", "60")
    result = run("install", "--base-url", server.url, *options, "--json")
    assert json.loads(result.stdout) == {
        "path": str(tmp_path / "here" / "6.4.5" / "simplex-chat"),
        "version": "6.4.5",
    }


def test_a_version_that_does_not_exist_is_refused(run: Run, server: ReleaseServer) -> None:
    result = run("install", "--base-url", server.url, "--version", "6.9.9")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: version 6.9.9 has no ")
    assert len(result.stderr.splitlines()) == 1


def test_a_file_is_checked_by_the_given_sum(run: Run, server: ReleaseServer, tmp_path: Path) -> None:
    file = tmp_path / "program"
    file.write_bytes(PROGRAM)
    options = ("install", "--from-file", str(file), "--version", "6.4.5")
    refused = run(*options, "--sha256", "0" * 64)
    assert refused.exit_code == 1
    assert "SHA-256" in refused.stderr
    done = run(*options, "--sha256", sha256(PROGRAM))
    assert done.exit_code == 0, done.output


def test_nothing_is_installed_unchecked_without_being_told(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "program"
    file.write_bytes(PROGRAM)
    options = ("install", "--from-file", str(file), "--version", "6.4.5")
    refused = run(*options)
    assert refused.exit_code == 1
    assert "--sha256, or --allow-unchecked" in refused.stderr
    done = run(*options, "--allow-unchecked")
    assert done.exit_code == 0
    assert "without being checked" in done.stderr


@pytest.mark.parametrize(
    "options",
    [
        ("--from-file", "missing"),
        ("--version", "latest"),
        ("--sha256", "abc"),
        ("--base-url", "ftp://x"),
        ("--timeout", "0"),
    ],
)
def test_options_that_cannot_be_right_are_usage_errors(run: Run, options: tuple[str, str]) -> None:
    result = run("install", *options)
    assert result.exit_code == 2
    assert options[0] in result.stderr


def test_a_bar_shows_the_progress_on_a_terminal(
    server: ReleaseServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with install_command._progress() as progress:
        assert progress is not None
        install(server, tmp_path / "cli", progress=progress)
    assert "simplex-chat" in terminal.text()


def test_no_bar_is_shown_elsewhere() -> None:
    with install_command._progress() as progress:
        assert progress is None


def test_the_log_goes_to_stderr_only_while_a_command_runs(run: Run, tmp_path: Path) -> None:
    logger = logging.getLogger("simplex_sync")
    before: list[Any] = [list(logger.handlers), logger.level]
    run("-v", "doctor", "--no-start")
    assert [logger.handlers, logger.level] == before
    assert executable.installed(tmp_path) == {}
