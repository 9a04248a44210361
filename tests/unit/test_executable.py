"""Finding the CLI and asking it for its version."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from simplex_sync import executable
from simplex_sync.errors import CliExited, ExecutableNotFound, InvalidArgument, StartError, StartTimeout


@pytest.fixture(autouse=True)
def empty_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine that has no CLI; returns a folder on its PATH."""
    programs = tmp_path / "bin"
    programs.mkdir()
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}/bin{os.pathsep}/usr/bin")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("SIMPLEX_CHAT_BIN", raising=False)
    return programs


def make(path: Path, script: str = "echo 'SimpleX Chat v6.4.5.1'") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


# find


def test_the_argument_goes_before_all(empty_machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given, named, on_path = (make(tmp_path / name) for name in ("given", "named", "bin/simplex-chat"))
    newest = make(Path(executable.installed.__globals__["default_folder"]()) / "7.0.2" / "simplex-chat")
    make(newest.parents[1] / "6.4.5" / "simplex-chat")
    assert executable.find() == [str(on_path)]
    on_path.unlink()
    assert executable.find() == [str(newest)]
    make(on_path)
    monkeypatch.setenv("SIMPLEX_CHAT_BIN", str(named))
    assert executable.find() == [str(named)]
    assert executable.find(given) == [str(given)]
    assert executable.find(str(given)) == [str(given)]


def test_an_empty_variable_counts_as_not_set(empty_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_path = make(empty_machine / "simplex-chat")
    monkeypatch.setenv("SIMPLEX_CHAT_BIN", " ")
    assert executable.find() == [str(on_path)]


def test_a_bare_name_is_looked_up_on_path(empty_machine: Path) -> None:
    program = make(empty_machine / "simplex-beta")
    assert executable.find("simplex-beta") == [str(program)]


def test_relative_paths_are_made_absolute(tmp_path: Path) -> None:
    program = make(tmp_path / "here" / "simplex-chat")
    assert executable.find("./simplex-chat") == [str(program)]
    assert executable.find(Path("simplex-chat")) == [str(program)]


def test_a_tilde_is_the_home_folder(tmp_path: Path) -> None:
    program = make(tmp_path / "home" / "simplex-chat")
    assert executable.find("~/simplex-chat") == [str(program)]


def test_nothing_found_says_how_to_get_it() -> None:
    with pytest.raises(ExecutableNotFound) as caught:
        executable.find()
    message = str(caught.value)
    assert message.startswith("start: no simplex-chat program found")
    for advice in (
        "`simplex-sync install`",
        "https://github.com/simplex-chat/simplex-chat/releases",
        'executable="simulator"',
        "SIMPLEX_CHAT_BIN=simulator",
    ):
        assert advice in message


def test_the_error_begins_with_the_callers_method() -> None:
    with pytest.raises(ExecutableNotFound, match=r"^doctor: "):
        executable.find(method="doctor")
    with pytest.raises(ExecutableNotFound, match=r"^doctor: "):
        executable.find("./missing", method="doctor")


@pytest.mark.parametrize("source", ["argument", "variable"])
def test_what_is_named_must_exist(monkeypatch: pytest.MonkeyPatch, empty_machine: Path, source: str) -> None:
    make(empty_machine / "simplex-chat")  # which must not be taken instead
    argument = "/nowhere/simplex-chat"
    if source == "variable":
        monkeypatch.setenv("SIMPLEX_CHAT_BIN", argument)
    says = "the argument executable" if source == "argument" else "the environment variable SIMPLEX_CHAT_BIN"
    with pytest.raises(ExecutableNotFound, match=f"^start: {says} names '/nowhere/simplex-chat', which does not exist"):
        executable.find(argument if source == "argument" else None)


def test_a_folder_is_no_program(tmp_path: Path) -> None:
    with pytest.raises(ExecutableNotFound, match=r"names the folder .*the path of the program itself"):
        executable.find(tmp_path)
    program = make(tmp_path / "simplex-chat")
    with pytest.raises(ExecutableNotFound, match=f"did you mean '{program}'"):
        executable.find(tmp_path)


def test_a_file_that_may_not_be_executed_says_how_to_change_that(tmp_path: Path) -> None:
    program = make(tmp_path / "simplex-chat")
    program.chmod(0o644)
    with pytest.raises(ExecutableNotFound, match=rf"may not be executed.*chmod \+x {program}"):
        executable.find(program)


def test_a_bare_name_is_not_taken_from_the_current_folder(tmp_path: Path) -> None:
    with pytest.raises(ExecutableNotFound, match=r"'my-chat', which is not on PATH. Give"):
        executable.find("my-chat")
    make(tmp_path / "here" / "my-chat")
    with pytest.raises(ExecutableNotFound, match=r"not on PATH; for the one in the current folder write \./my-chat"):
        executable.find("my-chat")


@pytest.mark.parametrize("value", ["", "  ", "a\0b", 5, ["simplex-chat"], b"simplex-chat"])
def test_what_is_no_path_is_refused(value: Any) -> None:
    with pytest.raises(InvalidArgument, match=r"^start: executable") as caught:
        executable.find(value)
    assert caught.value.argument == "executable"


@pytest.mark.parametrize("source", ["argument", "variable"])
def test_the_simulator_runs_in_this_interpreter(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    def find(name: str) -> list[str]:
        if source == "argument":
            return executable.find(name)
        monkeypatch.setenv("SIMPLEX_CHAT_BIN", name)
        return executable.find()

    interpreter, program = find("simulator")
    assert interpreter == sys.executable
    assert Path(program).is_file()
    assert find("simulator:7.0") == [interpreter, program, "--cli-version", "7.0"]


def test_a_program_called_simulator_can_be_named_by_its_path(tmp_path: Path) -> None:
    program = make(tmp_path / "here" / "simulator")
    assert executable.find("./simulator") == [str(program)]
    assert executable.find(Path("simulator")) == [str(program)]


def test_the_simulator_needs_an_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "")
    with pytest.raises(ExecutableNotFound, match=r"sys\.executable"):
        executable.find("simulator")


def test_finding_imports_nothing_that_only_installing_needs(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from simplex_sync import executable\n"
        "try: executable.find()\n"
        "except executable.ExecutableNotFound: pass\n"
        "print(*sorted({'tenacity', 'urllib.request', 'filelock', 'hashlib', 'ssl'} & set(sys.modules)))\n"
    )
    root = Path(executable.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == ""


# version


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ("SimpleX Chat v6.4.5.1", "6.4.5.1"),
        ("SimpleX Chat v7.0.2", "7.0.2"),
        ("simplex-chat 7.1.0.3 (commit 123.4)", "7.1.0.3"),
        ("a warning of 1.2.3\nSimpleX Chat version 6.4.5.1\nupdated: 2.0", "6.4.5.1"),
    ],
)
def test_the_version_is_read(tmp_path: Path, line: str, version: str) -> None:
    program = make(tmp_path / "simplex-chat", f'[ "$*" = --version ] && printf "%s\\n" "{line}"')
    assert executable.version(program) == version
    assert executable.version([str(program)]) == version


def test_the_version_of_what_is_found_is_read(empty_machine: Path) -> None:
    make(empty_machine / "simplex-chat")
    assert executable.version() == "6.4.5.1"


def test_a_program_that_is_asked_for_its_version_does_not_get_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMPLEX_CHAT_KEY", "hidden")
    program = make(tmp_path / "simplex-chat", 'echo "${SIMPLEX_CHAT_KEY:-none}, no version"')
    with pytest.raises(StartError, match="none, no version"):
        executable.version(program)


def test_what_is_no_simplex_chat_is_told(tmp_path: Path) -> None:
    program = make(tmp_path / "simplex-chat", "echo something else 1.2.3")
    with pytest.raises(StartError, match=r"no simplex-chat: .*'something else 1.2.3'") as caught:
        executable.version(program)
    assert type(caught.value) is StartError
    assert caught.value.output == "something else 1.2.3"


def test_a_program_that_fails_is_told(tmp_path: Path) -> None:
    program = make(tmp_path / "simplex-chat", "echo first; echo libgmp.so.10: cannot open >&2; exit 127")
    with pytest.raises(CliExited, match=r"^check: .*status 127 .*libgmp.so.10: cannot open") as caught:
        executable.version(program, method="check")
    assert caught.value.exit_status == 127
    assert caught.value.output == "first\nlibgmp.so.10: cannot open"


@pytest.mark.parametrize("content", [b"\x7fELF but not really", b"#!/nowhere/interpreter\n"])
def test_a_program_of_another_system_is_told(tmp_path: Path, content: bytes) -> None:
    program = tmp_path / "simplex-chat"
    program.write_bytes(content)
    program.chmod(0o755)
    with pytest.raises(ExecutableNotFound, match=r"cannot run .*simplex-sync install") as caught:
        executable.version(program)
    assert isinstance(caught.value.__cause__, OSError)


def waiting_program(tmp_path: Path) -> Path:
    """Return a program that starts another one and waits for ever; both write their pid into files."""
    os.mkfifo(tmp_path / "never")
    inner = make(tmp_path / "inner", f"echo $$ > {tmp_path}/inner.pid\nread line < {tmp_path}/never")
    return make(tmp_path / "simplex-chat", f"echo $$ > {tmp_path}/outer.pid\n{inner} &\nwait")


def assert_ended(tmp_path: Path) -> None:
    for name in ("outer.pid", "inner.pid"):
        process = tmp_path / name
        if process.exists() and process.read_text().strip() and psutil.pid_exists(int(process.read_text())):
            # The inner program has no parent left that would wait for it: the system does, in its own time.
            psutil.wait_procs([psutil.Process(int(process.read_text()))], timeout=10)
            assert not psutil.pid_exists(int(process.read_text()))


def test_a_program_that_says_nothing_is_killed_with_what_it_started(tmp_path: Path) -> None:
    program = waiting_program(tmp_path)
    with pytest.raises(StartTimeout, match=r"within 0.5 seconds"):
        executable.version(program, timeout=0.5)
    assert_ended(tmp_path)


def test_an_interrupted_question_leaves_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(self: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess.Popen, "communicate", interrupt)
    with pytest.raises(KeyboardInterrupt):
        executable.version(waiting_program(tmp_path))
    monkeypatch.undo()
    assert_ended(tmp_path)


def test_a_program_whose_group_cannot_be_killed_is_killed_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(group: int, number: int) -> None:
        raise PermissionError

    os.mkfifo(tmp_path / "never")
    program = make(tmp_path / "simplex-chat", f"read line < {tmp_path}/never")
    monkeypatch.setattr(os, "killpg", refuse)
    with pytest.raises(StartTimeout):
        executable.version(program, timeout=0.2)


@pytest.mark.parametrize(("argument", "value"), [("timeout", -1), ("timeout", "long"), ("executable", [])])
def test_bad_arguments_of_version_are_found(argument: str, value: Any, tmp_path: Path) -> None:
    arguments: dict[str, Any] = {"executable": make(tmp_path / "simplex-chat"), argument: value}
    with pytest.raises(InvalidArgument, match=r"^version: ") as caught:
        executable.version(**arguments)
    assert caught.value.argument == argument
