"""Makes programs of `fake_cli.py`, each with a plan of its own, and reads what they noted."""

from __future__ import annotations

import functools
import json
import os
import shlex
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from simplex_sync import SimplexChat
from simplex_sync._internal.deadline import Deadline

HERE = Path(__file__).resolve().parent
RECORDINGS = HERE.parent / "recordings"
Json = dict[str, Any]


@functools.cache
def recorded_frames(name: str) -> list[Json]:
    """Return the frames of a recording that the CLI sent."""
    lines = (json.loads(line) for line in (RECORDINGS / f"{name}.jsonl").read_text("utf-8").splitlines())
    return [line["frame"] for line in lines if line.get("dir") == "recv"]


@functools.cache
def recorded_answers() -> dict[str, Json]:
    """Return the bodies with which a real CLI answered what a client asks at its start."""
    bodies = {frame["resp"]["type"]: frame["resp"] for frame in reversed(recorded_frames("users")) if "corrId" in frame}
    return {"/user": bodies["activeUser"], "/version": bodies["versionInfo"], "/users": bodies["usersList"]}


def steps(*each: list[Any]) -> str:
    """Return the command string that makes the fake CLI do these steps."""
    return "!" + json.dumps(each)


ANSWER = ["answer"]


class FakeCli:
    """A program that acts by a plan: see `fake_cli.py` for its keys.

    Args:
        folder: An empty folder for it and for the databases of its clients.
        plan: The plan; where it names no answers, those of a real CLI are taken.
    """

    def __init__(self, folder: Path, **plan: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.journal = folder / "journal"
        plan = {"answers": recorded_answers(), **plan, "journal": str(self.journal)}
        plan_file = folder / "plan.json"
        plan_file.write_text(json.dumps(plan), "utf-8")
        self.path = folder / "fake-cli"
        words = (sys.executable, str(HERE / "fake_cli.py"), str(plan_file))
        self.path.write_text(f'#!/bin/sh\nexec {" ".join(map(shlex.quote, words))} "$@"\n', "utf-8")
        self.path.chmod(0o755)

    def client(self, **options: Any) -> SimplexChat:
        """Return a client of this program, not started."""
        return SimplexChat(self.folder / "chat", **{"timeout": 20.0, **options, "executable": self.path})

    def notes(self, kind: str) -> list[Any]:
        """Return what the program noted of a kind: "start", "options", "typed" or "command"."""
        if not self.journal.exists():
            return []
        lines = [json.loads(line) for line in self.journal.read_text("utf-8").splitlines()]
        return [line[kind] for line in lines if kind in line]

    def wait_for_notes(self, kind: str, count: int) -> None:
        """Wait until the program has noted so many things of a kind."""
        deadline, pause = Deadline(20.0), threading.Event()
        while len(self.notes(kind)) < count:
            assert not deadline.passed, f"the program did not note {kind} {count} times"
            pause.wait(0.005)

    def count(self, command: str) -> int:
        """Return how often a command arrived, over all starts."""
        return self.notes("command").count(command)


def open_gate(chat: SimplexChat) -> None:
    """Let the fake CLI of a client go on after the step `gate`."""
    assert chat.pid is not None
    os.kill(chat.pid, signal.SIGUSR1)
