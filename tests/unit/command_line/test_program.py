"""The program as a whole: help, options before the command, environment, completion, what a process does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

import simplex_sync
from simplex_sync.command_line import options as options_module
from simplex_sync.command_line.options import Options, default_database
from simplex_sync.command_line.program import _COMMANDS, program
from tests.unit.command_line.conftest import ROOT, Run, full_environment, program_line

CONTEXT = click.Context(program)
COMMANDS = {name: program.get_command(CONTEXT, name) for name in _COMMANDS}
ASKED_FOR = ["address", "connect", "contacts", "doctor", "export", "groups", "history", "install", "invite", "listen"]
ASKED_FOR += ["members", "pipe", "rehearse", "send", "send-file"]


def long_options(command: click.Command) -> list[str]:
    """Return the long form of each option."""
    return [max(each.opts, key=len) for each in command.params if isinstance(each, click.Option)]


def test_all_commands_are_there() -> None:
    assert program.list_commands(CONTEXT) == ASKED_FOR
    assert program.get_command(CONTEXT, "nothing") is None


@pytest.mark.parametrize("name", sorted(_COMMANDS))
def test_help_names_every_option_and_gives_examples(run: Run, name: str) -> None:
    command = COMMANDS[name]
    assert command is not None
    result = run(name, "--help")
    assert result.exit_code == 0
    for option in long_options(command):
        assert option in result.output
    for parameter in command.params:
        assert not isinstance(parameter, click.Option) or parameter.help
    assert re.search(rf"^ +simplex-sync .*\b{name}\b", result.output.partition("Example")[2], re.MULTILINE)
    assert result.output.isascii()


def test_help_of_the_program_names_commands_options_codes_and_completion(run: Run) -> None:
    result = run("-h")
    assert result.exit_code == 0
    for word in [*_COMMANDS, *long_options(program), "Examples:", "Exit codes:", "_SIMPLEX_SYNC_COMPLETE=bash_source"]:
        assert word in result.output
    for variable in ("SIMPLEX_SYNC_DATABASE", "SIMPLEX_CHAT_BIN", "SIMPLEX_CHAT_KEY", "SIMPLEX_SYNC_SMP_SERVERS"):
        assert variable in result.output


def test_every_option_of_every_command_is_used_in_a_test() -> None:
    own = Path(__file__)
    texts = {path: path.read_text("utf-8") for path in own.parent.glob("test_*.py")}
    for name, command in {"": program, **COMMANDS}.items():
        assert command is not None
        used = "".join(text for path, text in texts.items() if not name or f'"{name}"' in text)
        for option in long_options(command):
            assert f'"{option}' in used, f"no test uses {option} of {name or 'the program'}"


def test_the_version_is_that_of_the_package(run: Run) -> None:
    assert run("--version").output == f"simplex-sync, version {simplex_sync.__version__}\n"


def test_options_stand_before_and_after_the_command(monkeypatch: pytest.MonkeyPatch, run: Run, tmp_path: Path) -> None:
    seen: list[Options] = []

    def not_started(options: Options) -> None:
        seen.append(options)
        raise click.exceptions.Exit(0)

    monkeypatch.setattr(options_module.Options, "started", not_started)
    key_file = tmp_path / "key"
    key_file.write_text("the key\nand more\n")
    before = [
        *("--display-name", "Ann", "--bot", "--key-file", str(key_file), "--smp-server", "smp://a", "--smp-server"),
        *("smp://b", "--xftp-server", "xftp://c", "--executable", "simulator:7.0", "--cli-option=-x", "--timeout", "5"),
    ]
    run("--database", "here", *before, "--json", "--verbose", "contacts")
    run("contacts", "--json", SIMPLEX_SYNC_DATABASE="there")
    run(
        "contacts",
        SIMPLEX_SYNC_SMP_SERVERS="smp://d smp://e",
        SIMPLEX_SYNC_DISPLAY_NAME="Ben",
        SIMPLEX_SYNC_TIMEOUT="9",
    )
    first, second, third = seen
    assert first == Options(
        database=Path("here"),
        display_name="Ann",
        bot=True,
        executable="simulator:7.0",
        key_file=key_file,
        smp_servers=("smp://a", "smp://b"),
        xftp_servers=("xftp://c",),
        cli_options=("-x",),
        timeout=5.0,
        as_json=True,
        verbose=True,
    )
    assert first._key() == "the key"
    assert (second.database, second.timeout, second.as_json) == (Path("there"), 60.0, True)
    assert (third.smp_servers, third.display_name, third.timeout) == (("smp://d", "smp://e"), "Ben", 9.0)


def test_the_database_is_in_the_data_folder_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert default_database().is_relative_to(tmp_path)


def test_a_key_file_opens_the_database(run: Run, tmp_path: Path) -> None:
    key_file = tmp_path / "key"
    key_file.write_text("correct horse\n")
    options = ("--database", str(tmp_path / "kept"), "--key-file", str(key_file))
    assert run(*options, "--display-name", "Ann", "pipe", stdin="").exit_code == 0
    assert run(*options, "pipe", stdin="").exit_code == 0
    without = run("--database", str(tmp_path / "kept"), "pipe", stdin="")
    assert without.exit_code == 1
    assert "--key-file" in without.stderr
    assert "correct" not in without.output


def test_nothing_is_done_as_somebody_else(run: Run, tmp_path: Path) -> None:
    database = ("--database", str(tmp_path / "one"))
    assert run(*database, "--display-name", "Ann", "contacts").exit_code == 0
    assert run(*database, "--display-name", "Ann", "contacts").exit_code == 0
    other = run(*database, "--display-name", "Ben", "contacts")
    assert other.exit_code == 1
    assert "no profile 'Ben'" in other.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("nothing",),
        ("contacts", "--nothing"),
        ("send",),
        ("send", "bob", "hello"),
        ("send", "@", "hello"),
        ("members", "@bob"),
        ("--timeout", "0", "contacts"),
        ("--display-name", " ", "contacts"),
        ("--cli-option=-p", "contacts"),
        ("--smp-server", "a b", "contacts"),
        ("--executable", "", "contacts"),
        ("--key-file", "missing", "contacts"),
        ("pipe", "--window", "0"),
        ("history", "@bob", "--count", "0"),
        ("listen", "--from", "bob"),
    ],
)
def test_a_command_line_that_makes_no_sense_ends_with_2(run: Run, arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert "Error: " in result.stderr
    assert result.stdout == ""


def test_without_a_cli_it_says_how_to_get_one(run: Run, tmp_path: Path) -> None:
    result = run("contacts", SIMPLEX_CHAT_BIN=None, PATH=str(tmp_path))
    assert result.exit_code == 1
    assert "simplex-sync install" in result.stderr


def test_only_with_v_is_a_traceback_shown(run: Run, tmp_path: Path) -> None:
    arguments = ("--database", str(tmp_path / "new"), "contacts")
    plain, verbose = run(*arguments), run("-v", *arguments)
    assert plain.exit_code == verbose.exit_code == 1
    assert len(plain.stderr.splitlines()) == 1
    assert "--display-name" in plain.stderr
    assert "Traceback" in verbose.stderr


def test_completion_is_there_for_shells() -> None:
    line = program_line()
    environment = full_environment(
        {"_SIMPLEX_SYNC_COMPLETE": "bash_complete", "COMP_WORDS": "simplex-sync he", "COMP_CWORD": "1"}
    )
    environment["COMP_WORDS"] = "simplex-sync send"
    done = subprocess.run(line, capture_output=True, env=environment, timeout=60, check=True)
    assert done.stdout.split() == [b"plain,send", b"plain,send-file"]


def test_help_and_completion_need_no_client() -> None:
    code = (
        "import sys; from simplex_sync.command_line.program import program; "
        "print(*(name for name in sys.modules if name in ('rich', 'simplex_sync.client', 'simplex_sync.api.types') "
        "or (name.startswith('simplex_sync.command_line.') and name.endswith(('_command', '_commands')))))"
    )
    environment = full_environment({"PYTHONPATH": str(ROOT)})
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=True, env=environment)
    assert done.stdout.split() == []


def test_a_letter_ends_no_program_in_an_odd_locale(tmp_path: Path) -> None:
    line = program_line("--database", str(tmp_path / "new"), "doctor")
    environment = full_environment(
        {"PYTHONIOENCODING": "iso-8859-1", "PYTHONUTF8": "0", "SIMPLEX_CHAT_BIN": "simulator"}
    )
    done = subprocess.run(line, capture_output=True, env=environment, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"\u2192" in done.stdout


def test_what_is_kept_of_the_options_shows_no_password() -> None:
    options = Options(
        Path("notes"), smp_servers=("smp://a:hidden@b",), xftp_servers=("hidden",), cli_options=("hidden",)
    )
    assert "hidden" not in repr(options)
