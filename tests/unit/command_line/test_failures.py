"""What went wrong, as one sentence in the words of the command line, and the exit code."""

from __future__ import annotations

import os
import sys

import click
import pytest

from simplex_sync import errors
from simplex_sync.command_line.failures import Failed, Late, sentence, told


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (errors.CommandError("send: the CLI answered x"), "the CLI answered x"),
        (
            errors.InvalidDisplayName('start: no profile: pass display_name="…" to SimplexChat'),
            'no profile: pass --display-name "…"',
        ),
        (
            errors.DatabaseKeyError("start: the key is wrong (key=…), or it is no database"),
            "the key is wrong (--key-file or SIMPLEX_CHAT_KEY), or it is no database",
        ),
        (
            errors.InstallError("install: Pass its checksum as sha256=, or allow_unchecked=True if you trust it"),
            "Pass its checksum as --sha256, or --allow-unchecked if you trust it",
        ),
        (
            errors.ExecutableNotFound('start: use executable="simulator" or SIMPLEX_CHAT_BIN=simulator'),
            'use --executable "simulator" or SIMPLEX_CHAT_BIN=simulator',
        ),
        (
            errors.InvalidArgument("SimplexChat: extra_args holds -p", argument="extra_args"),
            "--cli-option holds -p",
        ),
        (errors.InvalidArgument("send: to must be a contact", argument="to"), "to must be a contact"),
        (FileNotFoundError(2, "No such file", "/some/where"), "/some/where: No such file"),
        (OSError(28, "No space left"), "No space left"),
    ],
)
def test_errors_speak_of_options(error: BaseException, expected: str) -> None:
    assert sentence(error) == expected


def test_a_defect_says_nothing_private() -> None:
    said = sentence(RuntimeError("private words"))
    assert "RuntimeError" in said
    assert "private" not in said


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (errors.CommandError("send: refused"), Failed, 1),
        (errors.EventTimeout("wait: late"), Late, 3),
        (errors.CommandTimeout("send: late"), Late, 3),
        (errors.InvalidArgument("install: sha256 is wrong", argument="sha256"), click.UsageError, 2),
        (errors.InvalidArgument("send: no such contact", argument="to"), Failed, 1),
        (PermissionError(13, "Permission denied", "/x"), Failed, 1),
        (ValueError("a defect"), Failed, 1),
    ],
)
def test_each_kind_of_error_has_its_exit_code(
    error: Exception, kind: type[click.ClickException], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(kind) as caught, told(False):
        raise error
    assert type(caught.value) is kind
    assert caught.value.exit_code == code
    assert capsys.readouterr().err == ""


def test_the_traceback_is_shown_if_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Failed), told(True):
        raise errors.CommandError("send: refused")
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("error", [click.UsageError("x"), click.exceptions.Exit(3), click.Abort()])
def test_ends_that_are_meant_pass_through(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, told(False):
        raise error
    assert caught.value is error


def test_an_output_that_nobody_reads_is_an_exit_code_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    os.close(read)
    with open(write, "w", encoding="utf-8") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        with pytest.raises(click.exceptions.Exit) as caught, told(False):
            stdout.write("nobody")
        assert caught.value.exit_code == 141
        stdout.write("no more complaints")


def test_an_interrupt_is_an_exit_code_of_its_own() -> None:
    with pytest.raises(click.exceptions.Exit) as caught, told(False):
        raise KeyboardInterrupt
    assert caught.value.exit_code == 130
