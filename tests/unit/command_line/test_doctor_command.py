"""`doctor`: what is missing, and what to do about it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

import pytest
from click.testing import CliRunner, Result

from simplex_sync import SimplexChat, executable
from simplex_sync._internal.database import DatabaseLock
from simplex_sync.command_line import checks
from simplex_sync.command_line.program import program
from simplex_sync.errors import DatabaseInUse, StartError
from tests.unit.command_line.conftest import People, Run, full_environment
from tests.unit.command_line.test_output import Terminal

Findings = dict[str, tuple[str, str, str]]


def found_by(result: Result) -> Findings:
    """Return state, finding and advice of each check."""
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    return {line["check"]: (line["state"], line["found"], line["advice"]) for line in lines}


def by_check(findings: Iterable[checks.Finding]) -> dict[str, checks.Finding]:
    return {finding.check: finding for finding in findings}


def make_program(folder: Path, says: str, code: int = 0) -> str:
    path = folder / "simplex-chat"
    path.write_text(f"#!/bin/sh\necho '{says}'\nexit {code}\n")
    path.chmod(0o755)
    return str(path)


def test_it_works_with_no_cli_and_no_database_and_makes_nothing(run: Run, tmp_path: Path) -> None:
    before = set(tmp_path.rglob("*"))
    result = run("doctor", "--json", SIMPLEX_CHAT_BIN=None, PATH=str(tmp_path / "empty"))
    assert result.exit_code == 1
    found = found_by(result)
    state, _, advice = found["program"]
    assert (state, advice) == ("problem", "run `simplex-sync install`")
    assert "--display-name" in found["database"][2]
    assert found["start"][0] == "skipped"
    assert set(tmp_path.rglob("*")) == before


def test_all_is_well(people: People) -> None:
    result = people.run("doctor", "--json")
    assert result.exit_code == 0, result.output
    found = found_by(result)
    assert found["version"] == ("ok", "6.4.5.1", "")
    assert found["in use"] == ("ok", "by nobody", "")
    assert found["start"][0] == "ok"
    assert "6.4.5.1" in found["start"][1]
    assert {state for state, _, _ in found.values()} <= {"ok", "warning"}


def test_people_get_lines_with_the_advice_below(people: People) -> None:
    people.alice.parent.chmod(0o755)
    people.alice.with_name("chat_chat.db").chmod(0o644)
    result = people.run("doctor", "--no-start")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert "ok       version: 6.4.5.1" in lines
    assert "skipped  start: not tried, as you wished" in lines
    warned = next(number for number, line in enumerate(lines) if line.startswith("warning  database:"))
    assert lines[warned + 1].strip().startswith("→ chmod 600")
    people.alice.parent.chmod(0o700)
    assert "ok       database: " in people.run("doctor", "--no-start").stdout


def test_a_client_that_uses_the_database_is_named(people: People) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIMPLEX_SIM_NETWORK", str(people.environment["SIMPLEX_SIM_NETWORK"]))
        with SimplexChat(people.alice, executable="simulator"):
            result = people.run("doctor", "--json")
    assert result.exit_code == 1
    found = found_by(result)
    assert found["in use"][:2] == ("problem", f"by the process with pid {os.getpid()}")
    assert found["start"][0] == "skipped"


def test_a_cli_that_was_started_by_hand_is_named(people: People) -> None:
    line = [*executable.find("simulator"), "-d", str(people.alice), "-p", "0"]
    environment = full_environment(people.environment)
    with subprocess.Popen(line, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, env=environment) as cli:
        try:
            assert cli.stdout is not None
            assert cli.stdout.readline().startswith(b"Current user: alice")
            result = people.run("doctor", "--json")
        finally:
            cli.kill()
    assert found_by(result)["in use"][:2] == ("problem", f"by the process with pid {cli.pid}")


def test_a_lock_that_says_nothing_is_told_as_it_is(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    people.alice.with_name("chat_client.lock").touch()

    def held(_lock: DatabaseLock) -> NoReturn:
        raise DatabaseInUse("start: in use", pid=None)

    monkeypatch.setattr(DatabaseLock, "acquire", held)
    assert found_by(people.run("doctor", "--json"))["in use"][1] == "by another client"

    def not_made(_lock: DatabaseLock) -> NoReturn:
        raise StartError("start: the lock cannot be made")

    monkeypatch.setattr(DatabaseLock, "acquire", not_made)
    assert found_by(people.run("doctor", "--json", "--no-start"))["in use"][1] == "by nobody"


def test_half_a_database_is_a_problem(run: Run, tmp_path: Path) -> None:
    (tmp_path / "half_chat.db").touch()
    found = found_by(run("--database", str(tmp_path / "half"), "doctor", "--json"))
    assert found["database"][:2] == ("problem", f"{tmp_path / 'half_agent.db'} is missing")
    assert found["start"][0] == "skipped"


def test_a_database_that_does_not_open_says_why(run: Run, tmp_path: Path) -> None:
    name = str(tmp_path / "locked")
    made = run("--database", name, "--display-name", "Ann", "pipe", stdin="", SIMPLEX_CHAT_KEY="secret key")
    assert made.exit_code == 0, made.output
    result = run("--database", name, "doctor", "--json")
    state, found, _ = found_by(result)["start"]
    assert state == "problem"
    assert "SIMPLEX_CHAT_KEY" in found
    assert run("--database", name, "doctor", SIMPLEX_CHAT_KEY="secret key").exit_code == 0


@pytest.mark.parametrize(
    ("says", "code", "state", "words"),
    [
        ("SimpleX Chat v5.8.0.1", 0, "problem", "older"),
        ("SimpleX Chat v9.0", 0, "warning", "newer"),
        ("SimpleX Chat v7.0.2.0", 0, "ok", "7.0.2.0"),
        ("hello", 0, "problem", "no simplex-chat"),
        ("cannot open shared object", 127, "problem", "status 127"),
    ],
)
def test_the_version_must_fit(run: Run, tmp_path: Path, says: str, code: int, state: str, words: str) -> None:
    result = run("--executable", make_program(tmp_path, says, code), "doctor", "--json")
    assert found_by(result)["version"][0] == state
    assert words in found_by(result)["version"][1]
    assert result.exit_code == (1 if state == "problem" else 0)


def test_a_file_where_a_folder_should_be_is_a_problem(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = found_by(run("--database", str(tmp_path / "file" / "chat"), "doctor", "--json"))
    assert found["database folder"][0] == "problem"
    assert "no folder" in found["database folder"][1]


def test_a_folder_that_may_not_be_written_to_is_a_problem(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path or mode != os.W_OK | os.X_OK)
    found = found_by(run("--database", str(tmp_path / "chat"), "doctor", "--json"))
    assert found["database folder"][0] == "problem"
    assert "written" in found["database folder"][1]


@pytest.mark.parametrize(("free", "state"), [(1 << 20, "problem"), (500 << 20, "warning"), (1 << 40, "ok")])
def test_free_space_is_looked_at(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, state: str
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(1 << 41, 0, free))
    found = found_by(run("--database", str(tmp_path / "chat"), "doctor", "--json"))
    assert found["files folder"][0] == state


def test_two_file_systems_are_a_problem(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "chat_files" / ".temp").mkdir(parents=True)
    monkeypatch.setattr(checks, "_device", lambda path: len(str(path)))
    result = run("--database", str(tmp_path / "chat"), "doctor", "--json")
    assert found_by(result)["file system"][0] == "problem"
    assert result.exit_code == 1


def test_an_output_that_is_not_utf8_is_warned_of(people: People) -> None:
    runner = CliRunner(charset="iso-8859-1")
    arguments = ["--database", str(people.alice), "doctor", "--no-start", "--json"]
    result = runner.invoke(program, arguments, env=people.environment)
    assert found_by(result)["locale"][0] == "warning"


@pytest.mark.parametrize(("columns", "state"), [("60", "warning"), ("120", "ok")])
def test_a_narrow_terminal_is_warned_of(monkeypatch: pytest.MonkeyPatch, columns: str, state: str) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("COLUMNS", columns)
    found = by_check(checks._terminal())
    assert found["terminal"].state == state
    assert found["locale"].state == "ok"


@pytest.mark.parametrize(("count", "text"), [(0, "0 bytes"), (1500, "2 kB"), (3e9, "3 GB"), (2.5e12, "2.5 TB")])
def test_sizes_are_for_people(count: float, text: str) -> None:
    assert checks._size(count) == text
