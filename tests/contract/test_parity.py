"""The simulator does in every recorded scenario what the real CLI did (see parity_replay and parity_streams)."""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.contract import parity_servers
from tests.contract.parity_replay import Replay
from tests.contract.parity_scenario import load

DIFFERENCES = Path(__file__).with_name("parity_differences.txt")


def recordings() -> list[Path]:
    folder = Path(os.environ.get("RECORDINGS", Path(__file__).parent.parent / "recordings"))
    return sorted(folder.glob("*.jsonl"))


def listed_differences() -> list[tuple[str, str, str]]:
    lines = []
    for line in DIFFERENCES.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            scenario, difference, reason = (part.strip() for part in line.split(" | "))
            lines.append((scenario, difference, reason))
    return lines


@pytest.mark.parametrize("path", recordings(), ids=lambda path: path.stem)
def test_parity(path: Path, tmp_path: Path) -> None:
    scenario = load(path)
    if parity_servers.is_real() and any(step.action == "servers_down" for step in scenario.steps):
        pytest.skip("the real servers cannot be switched off from here")
    found = Replay(scenario, tmp_path).run()
    unused, unlisted = [], dict(found)
    for name, difference, _ in listed_differences():
        if fnmatchcase(scenario.name, name):
            matching = [text for text in found if fnmatchcase(text, difference)]
            for text in matching:
                unlisted.pop(text, None)
            if not matching:
                unused.append(difference)
    report = [f"{count} x {text}" for text, count in sorted(unlisted.items())]
    assert not report, f"{scenario.name}: {len(report)} differences that are not listed:\n" + "\n".join(report)
    assert not unused, f"{scenario.name}: lines of {DIFFERENCES.name} that no longer apply: {unused}"


def test_the_list_of_differences_is_short_and_has_reasons() -> None:
    lines = listed_differences()
    assert len(lines) < 25
    assert all(len(reason) > 20 for _, _, reason in lines)
