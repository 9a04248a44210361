"""What the tests of the examples share: running a script as its user would."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from simplex_sync import SimplexChat

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "scripts" / "examples"
LONG = 60.0


def line(name: str, *arguments: object) -> list[str]:
    return [sys.executable, str(EXAMPLES / name), *map(str, arguments)]


def environment(**changes: str) -> dict[str, str]:
    """Return the environment of a script: this one, with the package in reach, and the simulator."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "SIMPLEX_CHAT_BIN": "simulator", **changes}


def run(name: str, *arguments: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a script to its end."""
    return subprocess.run(
        line(name, *arguments),
        input=stdin,
        capture_output=True,
        text=True,
        env=environment(),
        timeout=LONG,
        check=False,
    )


def done(name: str, *arguments: object, stdin: str = "") -> str:
    """Run a script that must do all that it is asked for; return what it prints."""
    result = run(name, *arguments, stdin=stdin)
    assert (result.returncode, result.stderr) == (0, ""), result.stdout
    return result.stdout


@contextmanager
def running(name: str, *arguments: object) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run a bot in a with block; give its first line and its process, and end it as Ctrl-C does."""
    with subprocess.Popen(
        line(name, *arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    ) as bot:
        assert bot.stdout is not None
        try:
            yield bot.stdout.readline().strip(), bot
            bot.send_signal(signal.SIGINT)
            _, complaints = bot.communicate(timeout=LONG)
            assert (bot.returncode, complaints) == (0, "")
        finally:
            bot.kill()


def database(chat: SimplexChat) -> Path:
    """Return the prefix of the database of a client of the fixture `simplex_network`."""
    assert chat.files_folder is not None
    return chat.files_folder.with_name(chat.files_folder.name.removesuffix("_files"))


def halved(journal: Path) -> None:
    """Make a journal what it is where each step was killed after its command and before its result."""
    lines = journal.read_text("utf-8").splitlines(keepends=True)
    journal.write_text("".join(text for text in lines if '"state"' not in text) + lines[-1][:20], "utf-8")
