"""The recorded frames that the contract tests run on: those of the project, or of the folder named by RECORDINGS."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

OWN_FOLDER = Path(__file__).parent.parent / "recordings"
FOLDER = Path(os.environ.get("RECORDINGS") or OWN_FOLDER)

# What is true of the project's own recordings alone is only tested on those.
ARE_OWN = FOLDER.resolve() == OWN_FOLDER.resolve()


@dataclass(frozen=True)
class Received:
    """A frame that the CLI sent: a response (with the command that it answers) or an event."""

    scenario: str
    version: str
    wire: dict[str, Any]
    is_response: bool
    command: str | None

    @property
    def tag(self) -> str:
        return str(self.wire.get("type", ""))


def paths(folder: Path = FOLDER) -> list[Path]:
    """Return the recorded scenarios; none at all is an error, so that no test passes for want of frames."""
    found = sorted(folder.glob("*.jsonl"))
    if not found:
        raise FileNotFoundError(f"there are no recordings in {folder}")
    return found


@cache
def received(path: Path) -> tuple[Received, ...]:
    """Return all that was received in a scenario."""
    return tuple(_received(path))


def _received(path: Path) -> Iterator[Received]:
    version = ""
    sent: dict[tuple[str, str], str] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        if "meta" in entry:
            match = re.search(r"\d+(\.\d+)+", entry["meta"]["cli"])
            version = match.group() if match else ""
            continue
        frame, client = entry["frame"], entry["client"]
        if entry["dir"] == "send":
            if isinstance(frame, dict) and isinstance(frame.get("cmd"), str) and isinstance(frame.get("corrId"), str):
                sent[client, frame["corrId"]] = frame["cmd"]
        elif isinstance(frame, dict) and isinstance(frame.get("resp"), dict):
            number = frame.get("corrId")
            command = sent.get((client, number)) if isinstance(number, str) else None
            yield Received(path.stem, version, frame["resp"], "corrId" in frame, command)


@cache
def everything() -> tuple[Received, ...]:
    """Return all that was received in all scenarios."""
    return tuple(frame for path in paths() for frame in received(path))


def contacts_of_crowd() -> list[dict[str, Any]]:
    """Return the longest list of contacts of the project's own recordings."""
    lists = [f.wire["contacts"] for f in received(OWN_FOLDER / "crowd.jsonl") if f.tag == "contactsList"]
    longest: list[dict[str, Any]] = max(lists, key=len)
    return longest
