"""What belongs to a process: signals, streams, an interrupt while it starts."""

from __future__ import annotations

import signal
import sys
from types import ModuleType
from typing import NoReturn

import pytest

from simplex_sync import __version__
from simplex_sync.command_line import __main__ as program


@pytest.fixture(autouse=True)
def arguments(monkeypatch: pytest.MonkeyPatch) -> dict[int, object]:
    """Let the program print its version, and note which handlers it sets."""
    handlers: dict[int, object] = {}
    monkeypatch.setattr(sys, "argv", ["simplex-sync", "--version"])
    monkeypatch.setattr(signal, "signal", handlers.__setitem__)
    return handlers


def test_it_runs_with_the_arguments_of_the_process(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        program.main()
    assert end.value.code == 0
    assert capsys.readouterr().out == f"simplex-sync, version {__version__}\n"


def test_sigterm_ends_it_in_order(arguments: dict[int, object], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        program.main()
    assert capsys.readouterr().err == ""
    handler = arguments[signal.SIGTERM]
    assert callable(handler)
    with pytest.raises(SystemExit) as end:
        handler(signal.SIGTERM, None)
    assert end.value.code == 143


def test_an_interrupt_while_it_starts_has_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(ModuleType):
        @property
        def program(self) -> NoReturn:
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "simplex_sync.command_line.program", Slow("program"))
    with pytest.raises(SystemExit) as end:
        program.main()
    assert end.value.code == 130


def test_streams_that_are_no_text_files_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(SystemExit):
        program.main()
